package report

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
	"github.com/chuandao/qianfan/shared/upstream"
)

// listener is a platform that does something while it is told.
type listener struct {
	upstream.Adapter
	hears func(order.State)
	told  []order.State
}

func (l *listener) Reports() bool { return true }

func (l *listener) Report(_ context.Context, m upstream.Milestone) error {
	l.told = append(l.told, m.State)
	l.hears(m.State)
	return nil
}

const id = 247_000_000_000_000_001

// reach makes a state of the order a milestone.
func reach(t *testing.T, db *store.Store, to order.State) {
	t.Helper()
	require.NoError(t, db.Dispatch(t.Context(), []int64{id}, nil, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
		x := &turn.Turn{Aggregate: b.Orders[id].Clone(), Changed: map[int]bool{}}
		x.Version++
		x.Events = []order.EventRow{{Key: string(to), Version: x.Version, Kind: "order", From: string(x.State), To: string(to), Decision: order.Applied, Milestone: true, At: began}}
		x.State, x.Milestone, x.TellAt = to, x.Version, began
		return []*turn.Turn{x}, nil, nil
	}))
}

// A milestone whose message comes while its order is being told finds the lease and is
// dropped. Whoever holds the lease tells it all the same.
func TestAMilestoneThatFindsTheLeaseIsToldByItsHolder(t *testing.T) {
	t.Parallel()
	db, err := store.Open(store.Options{DSN: sqltest.Database(t), Key: make([]byte, 32)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(t.Context()))
	_, err = db.Intake(t.Context(), "b1", []store.NewOrder{{Order: order.Order{ID: id, Platform: "p", No: "1", City: "330100", State: order.Received, Version: 1, Round: 1,
		ReceivedAt: began, ActAt: began}, Hash: "h"}}, began)
	require.NoError(t, err)
	reach(t, db, order.Dispatching)

	body, err := message.Encode(message.OrderStatus, []message.Item{{Key: "1", Order: id}})
	require.NoError(t, err)
	batch, err := json.Marshal([]map[string]any{{"id": "1", "data": map[string]any{"topic": message.OrderStatus, "body": string(body)}}})
	require.NoError(t, err)

	now := clock.NewManual(began)
	p := &listener{}
	platforms := map[string]upstream.Adapter{"p": p}
	second := &Stage{Store: db, Platforms: platforms, Clock: now, Owner: "second"}
	p.hears = func(s order.State) {
		now.Advance(time.Millisecond)
		if s == order.Dispatching {
			reach(t, db, order.Assigned)
			require.NoError(t, second.Handle(t.Context(), batch))
			require.Len(t, p.told, 1, "the second finds the lease")
		}
	}
	first := &Stage{Store: db, Platforms: platforms, Clock: now, Owner: "first"}
	require.NoError(t, first.Handle(t.Context(), batch))
	require.Equal(t, []order.State{order.Dispatching, order.Assigned}, p.told)
	o, _, ok, err := db.View(t.Context(), "p", "1")
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, o.TellAt.IsZero())
	require.Equal(t, o.Milestone, o.Told)
}
