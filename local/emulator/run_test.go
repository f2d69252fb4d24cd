package emulator_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
)

// run pushes what the options say, waits until nothing is owed and checks every rule.
func (r *rig) run() emulator.Summary {
	r.t.Helper()
	return r.runFor(10 * time.Minute)
}

// runFor is run with a limit in system time.
func (r *rig) runFor(limit time.Duration) emulator.Summary {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), limit)
	defer cancel()
	require.NoError(r.t, r.Push(ctx, r.log), "%s", r.dump())
	s := r.settleFor(limit)
	require.Equal(r.t, s.Orders.Pushed, s.Orders.Accepted+s.Orders.Refused, "every push is answered")
	require.Equal(r.t, s.Orders.Accepted, s.Orders.Delivered+s.Orders.Cancelled+s.Orders.Failed+s.Orders.Returned, "every acknowledged push has an end")
	require.Equal(r.t, s.Attempts.Placed, s.Attempts.Won+s.Attempts.Lost+s.Attempts.Cancelled)
	require.Zero(r.t, one[int](r, "SELECT COUNT(*) FROM order_command WHERE applied_version IS NULL"), "acknowledged wishes that nobody applied")
	r.requireNothingDoubled()
	return s
}

// requireNothingDoubled reads the carriers' own books: each of our numbers was placed once,
// and no order was carried to its customer twice. But for a race: the simulated carriers know
// nothing of each other, so that a loser whose cancel got no answer may "fetch" the goods, too.
// Such an order has asked for a person, and its second delivery is no delivery in our books
// (the invariants see to that).
func (r *rig) requireNothingDoubled() {
	r.t.Helper()
	placed, delivered := map[string]string{}, map[string]string{}
	for name := range r.Carriers {
		for _, o := range r.carried(name) {
			require.Empty(r.t, placed[o.ClientNo], "%s was placed twice", o.ClientNo)
			placed[o.ClientNo] = name
			order := o.ClientNo[:len(o.ClientNo)-3]
			if o.State == "delivered" {
				if delivered[order] != "" {
					raced := one[int](r, "SELECT COUNT(*) FROM orders WHERE id = ? AND attention <> '' AND JSON_UNQUOTE(JSON_EXTRACT(strategy, '$.mode')) = 'simultaneous'", order)
					require.Equal(r.t, 1, raced, "order %s was delivered twice, by %s and %s", order, delivered[order], name)
				}
				delivered[order] = name
			}
		}
	}
}

func TestARunWithoutFaultsDeliversEverything(t *testing.T) {
	t.Parallel()
	r := start(t, emulator.Options{Orders: 60, Rate: 5, Speed: 60})
	s := r.run()
	require.Equal(t, 60, s.Orders.Accepted)
	require.Equal(t, 60, s.Orders.Delivered)
	require.Equal(t, 60, s.Attempts.Won)
	require.Zero(t, s.Messages.Dead)
	require.Empty(t, r.Meituan().Books().Violations, "what the platform was told is in order")
	for _, o := range r.Meituan().Books().Orders {
		require.Equal(t, "delivered", o.Final, o.No)
	}
	var took int64
	for name := range r.Carriers {
		require.Equal(t, slices.Contains(emulator.Usual, name), s.Carriers[name] > 0, "%s: each city prefers another carrier of the usual ones", name)
		for _, o := range r.carried(name) {
			took += int64(o.Charged)
		}
	}
	require.Equal(t, took, s.Ledger.Expense, "our expense is what the carriers took")
	require.Equal(t, one[int64](r, "SELECT SUM(fee_fen) FROM orders"), s.Ledger.Income)
	require.Positive(t, s.Ledger.Margin)
	r.tieOnTheWire(len(r.Carriers))
}

func TestARunWithStandardFaultsLosesNothing(t *testing.T) {
	t.Parallel()
	r := start(t, emulator.Options{Orders: 120, Rate: 10, Speed: 60, Faults: "standard", Seed: 11})
	s := r.run()
	t.Logf("orders %+v attempts %+v faults %v", s.Orders, s.Attempts, s.Faults)
	require.Equal(t, 120, s.Orders.Accepted)
	kept := s.Orders.Accepted - s.Faults["platform_cancel"]
	require.GreaterOrEqual(t, s.Orders.Delivered*10, kept*9)
	require.Empty(t, r.Meituan().Books().Violations)
}

// Instances stand still between calls, as in the cloud: nothing may rest on what a library does meanwhile.
func TestFrozenInstancesDeliverEverything(t *testing.T) {
	t.Parallel()
	r := start(t, emulator.Options{Orders: 40, Rate: 2, Speed: 60, Freeze: true})
	s := r.run()
	require.Equal(t, 40, s.Orders.Delivered)
}
