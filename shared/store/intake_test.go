package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

func TestIntakeStoresNewOrders(t *testing.T) {
	t.Parallel()
	f := open(t)
	a, b := newOrder("mt-1"), newOrder("mt-2")
	out, err := f.Intake(t.Context(), "b1", []store.NewOrder{b, a}, now)
	require.NoError(t, err)
	require.Equal(t, []store.Stored{{ID: b.Order.ID, State: order.Received, Fee: 1200}, {ID: a.Order.ID, State: order.Received, Fee: 1200}}, out)

	loaded := f.load(t, a.Order.ID)
	require.Equal(t, a.Order, loaded.Order)
	require.Empty(t, loaded.Attempts)
	details, err := f.Details(t.Context(), []int64{a.Order.ID, 7})
	require.NoError(t, err)
	require.Equal(t, map[int64]store.Detail{a.Order.ID: a.Detail}, details)
	require.Equal(t, "create", one[string](t, f, "SELECT input_key FROM order_event WHERE order_id = ? AND version = 1", a.Order.ID))
	require.Equal(t, now.Add(30*time.Second).UnixMilli(), one[int64](t, f, "SELECT wake_at FROM orders WHERE id = ?", a.Order.ID))
}

func TestIntakeOfNothingIsNothing(t *testing.T) {
	t.Parallel()
	f := open(t)
	out, err := f.Intake(t.Context(), "b1", nil, now)
	require.NoError(t, err)
	require.Empty(t, out)
}

func TestIntakeTellsRepeatsAndConflicts(t *testing.T) {
	t.Parallel()
	f := open(t)
	first := newOrder("mt-1")
	_, err := f.Intake(t.Context(), "b1", []store.NewOrder{first}, now)
	require.NoError(t, err)
	f.exec(t, "UPDATE orders SET state = 'assigned' WHERE id = ?", first.Order.ID)

	repeat, other, fresh := newOrder("mt-1"), newOrder("mt-1"), newOrder("mt-2")
	other.Hash = "something else"
	out, err := f.Intake(t.Context(), "b2", []store.NewOrder{repeat, fresh, other}, now)
	require.NoError(t, err)
	require.Equal(t, []store.Stored{
		{ID: first.Order.ID, State: order.Assigned, Fee: 1200, Repeat: true},
		{ID: fresh.Order.ID, State: order.Received, Fee: 1200},
		{ID: first.Order.ID, Conflict: true},
	}, out)
	require.Equal(t, 2, one[int](t, f, "SELECT COUNT(*) FROM orders"))
	require.Equal(t, 2, one[int](t, f, "SELECT COUNT(*) FROM order_detail"))
}

func TestIntakeKnowsRepeatsWithinABatch(t *testing.T) {
	t.Parallel()
	f := open(t)
	first, again := newOrder("mt-1"), newOrder("mt-1")
	out, err := f.Intake(t.Context(), "b1", []store.NewOrder{first, again}, now)
	require.NoError(t, err)
	require.Equal(t, []store.Stored{{ID: first.Order.ID, State: order.Received, Fee: 1200}, {ID: first.Order.ID, State: order.Received, Fee: 1200, Repeat: true}}, out)
	require.Equal(t, 1, one[int](t, f, "SELECT COUNT(*) FROM orders"))
}

func TestACreateThatMeetsATombstoneIsCancelledAndTold(t *testing.T) {
	t.Parallel()
	f := open(t)
	stored, err := f.Commands(t.Context(), []store.NewCommand{{Platform: "meituan", No: "mt-1", Command: cancel("c1")}}, now)
	require.NoError(t, err)
	require.True(t, stored[0].Tombstone)

	o, twin := newOrder("mt-1"), newOrder("mt-1")
	out, err := f.Intake(t.Context(), "b1", []store.NewOrder{o, twin}, now)
	require.NoError(t, err)
	require.Equal(t, []store.Stored{{ID: o.Order.ID, State: order.Cancelled, Fee: 1200}, {ID: o.Order.ID, State: order.Cancelled, Fee: 1200, Repeat: true}}, out)
	loaded := f.load(t, o.Order.ID)
	require.Equal(t, order.Cancelled, loaded.State)
	require.Empty(t, loaded.Timers)
	require.Zero(t, loaded.ActAt)
	require.Equal(t, now, loaded.TellAt)
	require.Equal(t, 1, loaded.Milestone)

	out, err = f.Intake(t.Context(), "b2", []store.NewOrder{newOrder("mt-1")}, now)
	require.NoError(t, err)
	require.Equal(t, []store.Stored{{ID: o.Order.ID, State: order.Cancelled, Fee: 1200, Repeat: true}}, out)
}

func TestADiscardedBatchStoresNothing(t *testing.T) {
	t.Parallel()
	f := open(t)
	state, err := f.CheckBatch(t.Context(), "b1", false, now)
	require.NoError(t, err)
	require.Equal(t, store.BatchUnknown, state)
	state, err = f.CheckBatch(t.Context(), "b1", true, now)
	require.NoError(t, err)
	require.Equal(t, store.BatchDiscarded, state)

	_, err = f.Intake(t.Context(), "b1", []store.NewOrder{newOrder("mt-1")}, now)
	require.ErrorIs(t, err, store.ErrDiscarded)
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM orders")+one[int](t, f, "SELECT COUNT(*) FROM order_key"))
}

func TestACommittedBatchStaysCommitted(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.Intake(t.Context(), "b1", []store.NewOrder{newOrder("mt-1")}, now)
	require.NoError(t, err)
	for _, expired := range []bool{false, true} {
		state, err := f.CheckBatch(t.Context(), "b1", expired, now)
		require.NoError(t, err)
		require.Equal(t, store.BatchCommitted, state)
	}
}

func TestAnIDThatIsTakenIsNoDiscardedBatch(t *testing.T) {
	t.Parallel()
	f := open(t)
	a, b := newOrder("mt-1"), newOrder("mt-2")
	b.Order.ID = a.Order.ID
	_, err := f.Intake(t.Context(), "b1", []store.NewOrder{a}, now)
	require.NoError(t, err)
	_, err = f.Intake(t.Context(), "b2", []store.NewOrder{b}, now)
	require.True(t, store.Duplicate(err), err)
	require.NotErrorIs(t, err, store.ErrDiscarded)
	require.Equal(t, 1, one[int](t, f, "SELECT COUNT(*) FROM order_key"))
}

// Batches that overlap, in both orders, at once: no deadlock comes out, each number is stored once.
func TestOverlappingBatchesMeet(t *testing.T) {
	t.Parallel()
	f := open(t)
	const writers, rounds, size = 6, 8, 10
	var work sync.WaitGroup
	fresh := make([]int, writers)
	errs := make([]error, writers)
	for w := range writers {
		work.Go(func() {
			for r := range rounds {
				batch := make([]store.NewOrder, size)
				for i := range batch {
					batch[i] = newOrder(fmt.Sprintf("mt-%d", r*size/2+i))
				}
				if w%2 == 1 {
					slices.Reverse(batch)
				}
				out, err := f.Intake(t.Context(), fmt.Sprintf("b-%d-%d", w, r), batch, now)
				if err != nil {
					errs[w] = err
					return
				}
				for _, s := range out {
					if !s.Repeat {
						fresh[w]++
					}
				}
			}
		})
	}
	work.Wait()
	total := 0
	for w := range writers {
		require.NoError(t, errs[w])
		total += fresh[w]
	}
	const numbers = (rounds-1)*size/2 + size
	require.Equal(t, numbers, total)
	require.Equal(t, numbers, one[int](t, f, "SELECT COUNT(*) FROM orders"))
}

func cancel(key string) order.Command {
	return order.Command{Key: key, Kind: order.CommandCancel, By: "customer", Reason: "changed my mind", Hash: "hash of " + key, ReceivedAt: now}
}

func TestCommandsAreRowsAndLowerActAt(t *testing.T) {
	t.Parallel()
	f := open(t)
	a, b := newOrder("mt-1"), newOrder("mt-2")
	b.Order.Timers, b.Order.ActAt = nil, time.Time{} // as if closed
	_, err := f.Intake(t.Context(), "b1", []store.NewOrder{a, b}, now)
	require.NoError(t, err)
	later := now.Add(time.Second)
	out, err := f.Commands(t.Context(), []store.NewCommand{
		{Platform: "meituan", No: "mt-2", Command: cancel("c2")},
		{Platform: "meituan", No: "mt-1", Command: cancel("c1")},
	}, later)
	require.NoError(t, err)
	require.Equal(t, []store.CommandStored{{OrderID: b.Order.ID, State: order.Received, Version: 1, Fee: 1200}, {OrderID: a.Order.ID, State: order.Received, Version: 1, Fee: 1200}}, out)
	for _, id := range []int64{a.Order.ID, b.Order.ID} {
		require.Equal(t, later.UnixMilli(), one[int64](t, f, "SELECT act_at FROM orders WHERE id = ?", id))
	}
	loaded := f.load(t, a.Order.ID)
	want := cancel("c1")
	require.Equal(t, []*order.Command{&want}, loaded.Commands)
}

func TestACommandNeverRaisesActAt(t *testing.T) {
	t.Parallel()
	f := open(t)
	o := newOrder("mt-1")
	o.Order.ActAt = now.Add(-time.Minute)
	_, err := f.Intake(t.Context(), "b1", []store.NewOrder{o}, now)
	require.NoError(t, err)
	_, err = f.Commands(t.Context(), []store.NewCommand{{Platform: "meituan", No: "mt-1", Command: cancel("c1")}}, now)
	require.NoError(t, err)
	require.Equal(t, now.Add(-time.Minute).UnixMilli(), one[int64](t, f, "SELECT act_at FROM orders"))
}

func TestCommandsTellRepeatsAndConflicts(t *testing.T) {
	t.Parallel()
	f := open(t)
	o := newOrder("mt-1")
	_, err := f.Intake(t.Context(), "b1", []store.NewOrder{o}, now)
	require.NoError(t, err)
	other := cancel("c1")
	other.Hash = "another wish"
	send := func(c order.Command) store.CommandStored {
		out, err := f.Commands(t.Context(), []store.NewCommand{{Platform: "meituan", No: "mt-1", Command: c}}, now)
		require.NoError(t, err)
		return out[0]
	}
	require.Equal(t, store.CommandStored{OrderID: o.Order.ID, State: order.Received, Version: 1, Fee: 1200}, send(cancel("c1")))
	require.Equal(t, store.CommandStored{OrderID: o.Order.ID, State: order.Received, Version: 1, Fee: 1200, Repeat: true}, send(cancel("c1")))
	require.Equal(t, store.CommandStored{OrderID: o.Order.ID, State: order.Received, Version: 1, Fee: 1200, Repeat: true, Conflict: true}, send(other))
	require.Equal(t, "hash of c1", one[string](t, f, "SELECT hash FROM order_command"))

	// Both at once, in one batch.
	out, err := f.Commands(t.Context(), []store.NewCommand{{Platform: "meituan", No: "mt-1", Command: cancel("c2")}, {Platform: "meituan", No: "mt-1", Command: cancel("c2")}}, now)
	require.NoError(t, err)
	require.Equal(t, []bool{false, true}, []bool{out[0].Repeat, out[1].Repeat})
}

func TestACommandForNobodyLeavesOneTombstone(t *testing.T) {
	t.Parallel()
	f := open(t)
	for range 2 {
		out, err := f.Commands(t.Context(), []store.NewCommand{{Platform: "meituan", No: "mt-9", Command: cancel("c1")}}, now)
		require.NoError(t, err)
		require.Equal(t, []store.CommandStored{{Tombstone: true}}, out)
	}
	require.Equal(t, now.UnixMilli(), one[int64](t, f, "SELECT tombstone_at FROM order_key WHERE no = 'mt-9' AND order_id = 0"))
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM order_command"))
}

// Cancels and repeated creates of the same numbers at once.
func TestCommandsAndCreatesMeet(t *testing.T) {
	t.Parallel()
	f := open(t)
	const numbers, writers = 8, 6
	var work sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		work.Go(func() {
			var creates []store.NewOrder
			var cancels []store.NewCommand
			for i := range numbers {
				no := fmt.Sprintf("mt-%d", (i+w)%numbers)
				creates = append(creates, newOrder(no))
				cancels = append(cancels, store.NewCommand{Platform: "meituan", No: no, Command: cancel(fmt.Sprintf("c-%d", w))})
			}
			if w%2 == 0 {
				_, errs[w] = f.Intake(t.Context(), fmt.Sprintf("b-%d", w), creates, now)
			} else {
				_, errs[w] = f.Commands(t.Context(), cancels, now)
			}
		})
	}
	work.Wait()
	for w := range writers {
		require.NoError(t, errs[w])
	}
	require.Equal(t, numbers, one[int](t, f, "SELECT COUNT(*) FROM orders"))
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM orders o WHERE o.state = 'received' AND NOT EXISTS (SELECT 1 FROM order_command c WHERE c.order_id = o.id) AND EXISTS (SELECT 1 FROM order_key k WHERE k.order_id = o.id AND k.tombstone_at IS NOT NULL)"),
		"an order that met a tombstone is cancelled")
}
