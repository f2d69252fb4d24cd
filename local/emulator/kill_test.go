package emulator_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/clock"
)

// kills per run: enough to hit calls, commits and publishes, few enough to end.
const kills = 5

// Instances of each function are killed (kill -9) in the middle of their batches. Every
// acknowledged push still comes to its end, and no carrier was asked twice for one thing.
func TestKilledInstancesLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	for _, function := range []string{"intake", "quote", "dispatch", "callback", "report", "settle", "timeout"} {
		t.Run(function, func(t *testing.T) {
			t.Parallel()
			r := start(t, emulator.Options{Orders: 40, Rate: 4, Speed: 30})
			killer := r.startKiller(function)
			s := r.run()
			n := killer.stop()
			t.Logf("killed %d, orders %+v, attempts %+v, messages %+v", n, s.Orders, s.Attempts, s.Messages)
			require.Positive(t, n, "no instance was busy when looked at")
			require.Equal(t, 40, s.Orders.Accepted)
			require.GreaterOrEqual(t, s.Orders.Delivered, 38, "a killed instance delays orders, it does not fail them")
			for _, o := range r.Meituan().Books().Orders {
				require.NotEmpty(t, o.Final, "the platform never heard what became of %s", o.No)
			}
		})
	}
}

// killer kills busy instances of one function until it is stopped.
type killer struct {
	end  context.CancelFunc
	work sync.WaitGroup
	hits int
}

func (r *rig) startKiller(function string) *killer {
	ctx, end := context.WithCancel(r.t.Context())
	k := &killer{end: end}
	k.work.Go(func() {
		last := 0
		for k.hits < kills && clock.System.Sleep(ctx, time.Millisecond) == nil {
			pid := r.busy(function)
			if pid == 0 || pid == last || r.Functions.Kill(pid) != nil {
				continue
			}
			last = pid
			k.hits++
			// The next victim is one that has begun to work again.
			if err := clock.System.Sleep(ctx, 150*time.Millisecond); errors.Is(err, context.Canceled) {
				return
			}
		}
	})
	r.t.Cleanup(func() { k.stop() })
	return k
}

// busy is the process of an instance of a function that works at this moment, or 0.
func (r *rig) busy(function string) int {
	for _, in := range r.Functions.Instances() {
		if in.Function == function && in.InFlight > 0 && in.PID > 0 {
			return in.PID
		}
	}
	return 0
}

// stop ends it and tells how many instances were hit.
func (k *killer) stop() int {
	k.end()
	k.work.Wait()
	return k.hits
}

// Killed at the worst moment: while the answer to a call is awaited that the other side has
// carried out already, and no callback tells of it.
func TestKilledWhileACallIsUnderWay(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, function string
		scripts        []world.Script
		until          string // SQL: the call is under way
	}{
		{"a placement that happened", "dispatch", []world.Script{
			{Party: "uupt", Fault: world.CallTimeout, Detail: "place"}, {Party: "uupt", Fault: world.CallbackLost, Detail: "waiting"},
		}, "SELECT COUNT(*) FROM attempt WHERE call_kind = 'place'"},
		{"a placement that never arrived", "dispatch", []world.Script{{Party: "uupt", Fault: world.CallHang, Detail: "place"}},
			"SELECT COUNT(*) FROM attempt WHERE call_kind = 'place'"},
		{"a price", "quote", []world.Script{{Party: "uupt", Fault: world.CallHang, Detail: "quote"}}, "SELECT COUNT(*) FROM orders"},
		{"a report that arrived", "report", []world.Script{{Party: "meituan", Fault: world.CallTimeout, Detail: "report"}},
			"SELECT COUNT(*) FROM orders WHERE tell_owner <> ''"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := startFrozen(t)
			r.script(row.scripts...)
			no := r.push(r.near(cheapestShop))
			r.await("the call", func() bool { return one[int](r, row.until) == 1 && r.busy(row.function) != 0 })
			require.NoError(t, r.Functions.Kill(r.busy(row.function)))
			// A lease is system time. Virtual time would run for hours meanwhile.
			r.await("its leases to end", func() bool {
				now := clock.System.Now().UnixMilli()
				return one[int](r, "SELECT (SELECT COUNT(*) FROM attempt WHERE call_kind <> '' AND call_until > ?) + (SELECT COUNT(*) FROM orders WHERE tell_until > ?)", now, now) == 0
			})
			r.settle()
			require.Equal(t, "delivered", r.state(no))
			require.Equal(t, []int{0, 10, 15, 20, 40}, r.told(no))
			require.Empty(t, r.book(no).Violations)
			r.requireNothingDoubled()
		})
	}
}
