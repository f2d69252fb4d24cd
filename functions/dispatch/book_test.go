package dispatch

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/store"
)

// yielding is a carrier that lets go of whatever waits for a rider.
type yielding struct{ hauler }

func (y *yielding) Query(context.Context, carrier.Ref) (carrier.Status, error) {
	return carrier.Status{State: carrier.Waiting}, nil
}

func (y *yielding) Cancel(context.Context, carrier.CancelRequest) (carrier.CancelResult, error) {
	return carrier.CancelResult{Penalty: new(money.Fen)}, nil
}

// A cancel is priced by the rules in force at the instant at which it is decided about, and
// says by which, so that it can be explained when they have changed.
func TestRulesSwitchAtAnInstant(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1000_00, 1000_00, 1000_00)
	at := time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC) // midnight in Shanghai
	c := clock.NewManual(at.Add(-time.Hour))
	r.Clock, r.Live = c, live.New(r.Store, c)
	for _, name := range names {
		r.Carriers[name] = &yielding{hauler{placed: r.placed}}
	}
	ids, batch := r.quoted(3, 8_00)
	require.NoError(t, r.Handle(t.Context(), batch))
	rules := `{"rules":[{"party":"platform:*","state":["dispatching"],"percent":40,"cap_fen":500,"note":"new contract"},{"party":"carrier:*","note":"free"}]}`
	_, err := r.Store.SetRuleBook(t.Context(), store.Act{By: "li", At: c.System()}, store.RuleBook{Kind: store.BookPenalty, From: at, Body: json.RawMessage(rules)}, 0)
	require.NoError(t, err)

	for i, x := range []struct {
		now           time.Time
		version, rule int
		want          money.Fen
	}{{at.Add(-time.Millisecond), 0, 24, 0}, {at, 1, 1, 500}, {at.Add(time.Hour), 1, 1, 500}} {
		c.Set(x.now)
		id := ids[i]
		_, err := r.Store.Commands(t.Context(), []store.NewCommand{{Platform: "meituan", No: fmt.Sprint(id),
			Command: order.Command{Key: "k", Kind: order.CommandCancel, By: "customer", ReceivedAt: x.now, Hash: "h"}}}, x.now)
		require.NoError(t, err)
		require.NoError(t, r.Handle(t.Context(), batchOf(t, message.OrderCommand, []message.Item{{Key: fmt.Sprint(id), Order: id, Command: order.CommandCancel}})))
		var raw []byte
		require.NoError(t, r.db.QueryRowContext(t.Context(), "SELECT detail FROM order_event WHERE order_id = ? AND kind = 'command'", id).Scan(&raw))
		var said struct {
			Penalty money.Fen       `json:"penalty_fen"`
			Rule    penalty.Verdict `json:"rule"`
		}
		require.NoError(t, json.Unmarshal(raw, &said))
		require.Equal(t, []any{x.want, x.want, x.version, x.rule, "dispatching", "customer"}, []any{said.Penalty, said.Rule.Amount, said.Rule.Version, said.Rule.Rule, said.Rule.State, said.Rule.By}, "at %s", x.now)
		var owes money.Fen
		require.NoError(t, r.db.QueryRowContext(t.Context(), "SELECT penalty_fen FROM orders WHERE id = ?", id).Scan((*int64)(&owes)))
		require.Equal(t, x.want, owes)
	}
}
