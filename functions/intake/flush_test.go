package intake

import (
	"context"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/upstream"
)

// halves counts half messages and their ends.
type halves struct{ sent, committed, rolledBack, published atomic.Int64 }

func (h *halves) Publish(_ context.Context, messages ...message.Message) error {
	h.published.Add(int64(len(messages)))
	return nil
}

func (h *halves) SendHalf(context.Context, message.Message) (message.Half, error) {
	h.sent.Add(1)
	return message.Half{}, nil
}

func (h *halves) End(_ context.Context, _ message.Half, commit bool) error {
	if commit {
		h.committed.Add(1)
	} else {
		h.rolledBack.Add(1)
	}
	return nil
}

// A database that is away answers no part of a batch either: the batch is not split, its
// half message is rolled back, and everybody hears "send again".
func TestABatchIsNotSplitWhileTheDatabaseIsAway(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close(), "nobody listens there")
	db, err := store.Open(store.Options{DSN: "u:p@tcp(" + address + ")/none", Key: make([]byte, 32)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	bus := &halves{}
	s := New(Deps{Store: db, Bus: bus, Clock: clock.Real(), IDs: order.NewIDs(clock.System.Now, rand.New(rand.NewPCG(1, 1)))}, Config{Size: 50, Wait: time.Millisecond})
	t.Cleanup(s.Close)

	orders := make([]store.NewOrder, 16)
	for i := range orders {
		orders[i].Order = order.Order{ID: int64(i + 1), Round: 1}
	}
	for _, r := range s.storeOrders(t.Context(), orders) {
		require.Equal(t, upstream.SendAgain, upstream.AsError(r.Err).Reason)
	}
	require.Equal(t, []int64{1, 0, 1}, []int64{bus.sent.Load(), bus.committed.Load(), bus.rolledBack.Load()})

	for _, r := range s.storeCommands(t.Context(), make([]store.NewCommand, 4)) {
		require.Equal(t, upstream.SendAgain, upstream.AsError(r.Err).Reason)
	}
	require.Zero(t, bus.published.Load())
}

// away is a broker that lets every send wait.
type away struct {
	halves
	waited time.Duration
}

func (a *away) Publish(ctx context.Context, _ ...message.Message) error {
	deadline, _ := ctx.Deadline()
	a.waited = deadline.Sub(clock.System.Now())
	<-ctx.Done()
	return ctx.Err()
}

// Who waits for an answer does not wait for a broker that is away: the rows are the promise.
func TestHintsDoNotHoldUpAnAnswer(t *testing.T) {
	t.Parallel()
	bus := &away{}
	s := &Stage{Deps: Deps{Bus: bus}}
	s.hint(t.Context(), "test", []message.Owed{{Topic: message.OrderCommand, Item: message.Item{Key: "1", Order: 1}}})
	require.Positive(t, bus.waited)
	require.LessOrEqual(t, bus.waited, halfTimeout)
}
