package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// fill sets every field below v to a value of its own that is not zero.
func fill(t *testing.T, v reflect.Value, n *int) {
	t.Helper()
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(now.Add(time.Duration(*n) * time.Millisecond)))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case v.Kind() == reflect.String:
		v.SetString(fmt.Sprintf("s%d", *n))
	case v.CanInt():
		v.SetInt(int64(*n))
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("cannot fill a %s", v.Type())
	}
}

// Every field of an order and its attempts comes back as it was written, full and empty.
func TestDispatchKeepsEveryField(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	var full order.Attempt
	n := 0
	fill(t, reflect.ValueOf(&full).Elem(), &n)
	full.N = 1
	empty := order.Attempt{N: 2, Carrier: "uupt", Account: "main", State: order.Intent}
	var wanted order.Order
	f.change(t, id, nil, func(x *turn.Turn) {
		created := x.Order
		fill(t, reflect.ValueOf(&x.Order).Elem(), &n)
		// What a turn may not change, and what the rules tie together.
		x.ID, x.Platform, x.No, x.ShopCode, x.City = created.ID, created.Platform, created.No, created.ShopCode, created.City
		x.Strategy, x.Fee, x.ReceivedAt, x.Told = created.Strategy, created.Fee, created.ReceivedAt, created.Told
		x.Milestone = x.Version - 1
		x.Attempts = []*order.Attempt{&full, &empty}
		x.Changed = map[int]bool{1: true, 2: true}
		wanted = x.Order
	})
	loaded := f.load(t, id)
	require.Equal(t, wanted, loaded.Order)
	require.Equal(t, []*order.Attempt{&full, &empty}, loaded.Attempts)
	require.NotContains(t, one[string](t, f, "SELECT rider FROM attempt WHERE n = 1"), full.Rider.Name)

	f.change(t, id, nil, func(x *turn.Turn) {
		x.TimerSent, x.AssignedAt, x.ActAt, x.TellAt, x.PostAt, x.Timers = time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}, []order.Timer{}
		empty.Carrier = full.Carrier
		full = order.Attempt{N: 1, Carrier: "uupt", State: order.AttemptRejected}
		*x.Attempts[0], *x.Attempts[1] = full, empty
		x.Changed = map[int]bool{1: true}
		wanted = x.Order
	})
	loaded = f.load(t, id)
	require.Equal(t, wanted, loaded.Order)
	require.Equal(t, full, *loaded.Attempts[0])
	require.Equal(t, "uupt", loaded.Attempts[1].Carrier, "an attempt that did not change is not written")
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM orders WHERE wake_at IS NOT NULL"), "nothing due, nothing to wake for")
}

func TestWakeAtIsTheEarliestOfWhatIsSet(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	at := func(n int) time.Time { return now.Add(time.Duration(n) * time.Second) }
	for _, c := range []struct{ act, tell, post, wake time.Time }{
		{at(1), at(2), at(3), at(1)},
		{at(3), time.Time{}, at(2), at(2)},
		{time.Time{}, at(9), time.Time{}, at(9)},
	} {
		f.change(t, id, nil, func(x *turn.Turn) { x.ActAt, x.TellAt, x.PostAt = c.act, c.tell, c.post })
		require.Equal(t, c.wake.UnixMilli(), one[int64](t, f, "SELECT wake_at FROM orders"))
	}
}

func TestInputsThatWereSeenComeBackWithWhatTheyOwe(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 2)
	owed := message.Owed{Topic: message.OrderStatus, Item: message.Item{Key: "1", Order: ids[0]}}
	f.change(t, ids[0], nil, func(x *turn.Turn) {
		x.Events = []order.EventRow{
			{Key: "c:1:30:ab", Version: 2, N: 1, Kind: "attempt", From: "placed", To: "accepted", Decision: order.Applied, At: now},
			{Key: "c:1:30:ab/1", Kind: "callback", Decision: order.Ignored, At: now, Detail: json.RawMessage(`{"code":"30"}`)},
		}
		x.Version, x.Owed = 2, []message.Owed{owed}
	})
	seen := map[store.InputKey]order.EventRow{}
	first, twin := store.InputKey{Order: ids[0], Key: "c:1:30:ab"}, store.InputKey{Order: ids[1], Key: "c:1:30:ab"}
	require.NoError(t, f.Dispatch(t.Context(), ids, []store.InputKey{first, twin, {Order: ids[0], Key: "c:1:40:cd"}}, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
		seen = b.Seen
		return nil, nil, nil
	}))
	require.Len(t, seen, 1, "another order's key is another key")
	require.Equal(t, order.Applied, seen[first].Decision)
	var back []message.Owed
	require.NoError(t, json.Unmarshal(seen[first].Owes, &back))
	require.Equal(t, []message.Owed{owed}, back)

	err := f.dispatch(t.Context(), ids[0], nil, func(x *turn.Turn) {
		x.Events = []order.EventRow{{Key: "c:1:30:ab", Kind: "attempt", Decision: order.Applied, At: now}}
	})
	require.True(t, store.Duplicate(err), "the same input cannot be written twice: %v", err)
}

func TestCommandsAreMarkedWithTheirTurn(t *testing.T) {
	t.Parallel()
	f := open(t)
	o := newOrder("mt-1")
	_, err := f.Intake(t.Context(), "b1", []store.NewOrder{o}, now)
	require.NoError(t, err)
	_, err = f.Commands(t.Context(), []store.NewCommand{{Platform: "meituan", No: "mt-1", Command: cancel("c1")}, {Platform: "meituan", No: "mt-1", Command: cancel("c2")}}, now)
	require.NoError(t, err)
	f.change(t, o.Order.ID, nil, func(x *turn.Turn) {
		x.Decided = []*order.Command{{Key: "c1", Applied: 4, Decision: order.Applied}}
	})
	left := f.load(t, o.Order.ID).Commands
	require.Len(t, left, 1)
	require.Equal(t, "c2", left[0].Key)
	// A goal that is dropped later changes the decision, not the version.
	f.change(t, o.Order.ID, nil, func(x *turn.Turn) {
		x.Decided = []*order.Command{{Key: "c1", Applied: 9, Decision: order.Refused + ": delivered"}}
	})
	require.Equal(t, "4 refused: delivered", one[string](t, f, "SELECT CONCAT(applied_version, ' ', decision) FROM order_command WHERE command_key = 'c1'"))
}

func TestAShortShardRollsEverythingBack(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 1000, 2)
	id := f.orders(t, 1)[0]
	before := f.load(t, id)
	holds := []store.Hold{{Carrier: "shansong", Account: "main", Shard: 1, Amount: 501}, {Carrier: "shansong", Account: "main", Shard: 0, Amount: 400}}
	err := f.dispatch(t.Context(), id, holds, func(x *turn.Turn) {
		step(x, "order", 0, "received", "quoted")
		x.Attempts = append(x.Attempts, &order.Attempt{N: 1, Carrier: "shansong"})
		x.Changed[1] = true
	})
	var short *store.ErrShort
	require.ErrorAs(t, err, &short)
	require.Equal(t, holds[1], short.Hold, "the holds are sorted in place: the short one is the last")
	require.ErrorContains(t, err, "shard 1 of shansong/main has less than 5.01元 free")
	require.Equal(t, before, f.load(t, id))
	require.Equal(t, "500,500", one[string](t, f, "SELECT GROUP_CONCAT(free_fen ORDER BY shard) FROM prepaid_shard"))

	// Evened out, or smaller, it goes through.
	f.change(t, id, []store.Hold{{Carrier: "shansong", Account: "main", Shard: 1, Amount: 500}}, func(x *turn.Turn) {})
	require.Equal(t, "500,0", one[string](t, f, "SELECT GROUP_CONCAT(free_fen ORDER BY shard) FROM prepaid_shard"))
	best, err := f.Even(t.Context(), "shansong", "main", 1, 1)
	require.NoError(t, err)
	require.Equal(t, money.Fen(250), best)
	require.Equal(t, "250,250", one[string](t, f, "SELECT GROUP_CONCAT(free_fen ORDER BY shard) FROM prepaid_shard"))

	// What no share could pay, all shards together can.
	best, err = f.Even(t.Context(), "shansong", "main", 1, 251)
	require.NoError(t, err)
	require.Equal(t, money.Fen(500), best)
	require.Equal(t, "0,500", one[string](t, f, "SELECT GROUP_CONCAT(free_fen ORDER BY shard) FROM prepaid_shard"))
}

func TestATurnThatFailsLeavesNoTrace(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 1000, 1)
	id := f.orders(t, 1)[0]
	sorry := errors.New("sorry")
	err := f.Dispatch(t.Context(), []int64{id}, nil, func(store.Batch) ([]*turn.Turn, []store.Hold, error) { return nil, nil, sorry })
	require.ErrorIs(t, err, sorry)
	// Rows that break a check take the hold with them.
	err = f.dispatch(t.Context(), id, []store.Hold{{Carrier: "shansong", Account: "main", Amount: 900}}, func(x *turn.Turn) { x.Milestone = x.Version + 1 })
	require.ErrorContains(t, err, "orders_told")
	require.Equal(t, 1000, one[int](t, f, "SELECT free_fen FROM prepaid_shard"))
}

func TestCarrierNumbersAreFound(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 2)
	for i, id := range ids {
		f.change(t, id, nil, func(x *turn.Turn) {
			x.Refs = []turn.Ref{{Carrier: "shansong", CarrierNo: fmt.Sprintf("tdh-%d", i), N: i + 1}}
		})
	}
	a, b, none := turn.Ref{Carrier: "shansong", CarrierNo: "tdh-0"}, turn.Ref{Carrier: "shansong", CarrierNo: "tdh-1"}, turn.Ref{Carrier: "uupt", CarrierNo: "tdh-0"}
	found, err := f.FindRefs(t.Context(), []turn.Ref{a, b, none})
	require.NoError(t, err)
	require.Equal(t, map[turn.Ref]store.InputRef{a: {Order: ids[0], N: 1}, b: {Order: ids[1], N: 2}}, found)
	found, err = f.FindRefs(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, found)
}

// Two transactions that lock two orders against the store's order: one becomes the
// deadlock's victim and is tried again from the start.
func TestADeadlockIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 2)
	rival, err := f.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = rival.Rollback() }()
	var state string
	// The rival holds the second order and, by what it has written, is the costlier victim.
	require.NoError(t, rival.QueryRowContext(t.Context(), "SELECT state FROM orders WHERE id = ? FOR UPDATE", ids[1]).Scan(&state))
	_, err = rival.ExecContext(t.Context(), "INSERT INTO ledger_key SELECT 'weight', seq, '' FROM seq_1_to_500")
	if err != nil { // MySQL has no sequences
		for i := range 500 {
			_, err = rival.ExecContext(t.Context(), "INSERT INTO ledger_key VALUES ('weight', ?, '')", i)
			require.NoError(t, err)
		}
	}
	locked, tries := make(chan struct{}), 0
	done := make(chan error, 1)
	go func() {
		// decide runs with the first order locked; the second it wants through another Dispatch input.
		done <- f.Dispatch(t.Context(), ids[:1], nil, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
			if tries++; tries == 1 {
				close(locked)
			}
			x := newTurn(b.Orders[ids[0]])
			x.Redrives = tries
			// Written after the first: the second order's row, which the rival holds.
			y := newTurn(&order.Aggregate{Order: b.Orders[ids[0]].Order})
			y.ID, y.No = ids[1], "other"
			return []*turn.Turn{x, y}, nil, nil
		})
	}()
	<-locked
	_, rivalErr := rival.ExecContext(t.Context(), "UPDATE orders SET attention = 'rival' WHERE id = ?", ids[0])
	if rivalErr == nil {
		rivalErr = rival.Commit()
	}
	require.NoError(t, rivalErr, "the cheaper transaction is the victim")
	require.NoError(t, <-done)
	require.GreaterOrEqual(t, tries, 2, "it was tried again")
	require.Equal(t, tries, one[int](t, f, "SELECT redrives FROM orders WHERE id = ?", ids[0]))
}

// Eight writers move counters of shared orders and shared shards: nothing is lost.
func TestConcurrentTurnsLoseNothing(t *testing.T) {
	t.Parallel()
	const writers, rounds, size, amount = 8, 12, 6, 10
	seed := uint64(now.UnixNano())
	f := open(t)
	f.shards(t, 1_000_000, 3)
	ids := f.orders(t, 20)
	var work sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		work.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(w)))
			for r := range rounds {
				var batch []int64
				for _, i := range random.Perm(len(ids))[:size] {
					batch = append(batch, ids[i])
				}
				hold := store.Hold{Carrier: "shansong", Account: "main", Shard: random.IntN(3), Amount: amount * size}
				errs[w] = f.Dispatch(t.Context(), batch, nil, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
					var turns []*turn.Turn
					for _, id := range batch {
						x := newTurn(b.Orders[id])
						x.Redrives++
						step(x, "order", 0, "", "").Key = fmt.Sprintf("w:%d:%d", w, r)
						fact(x, order.Fact{N: 1, Kind: order.FactHold, Amount: amount, Party: "shansong", Account: "main", Shard: hold.Shard})
						turns = append(turns, x)
					}
					return turns, []store.Hold{hold}, nil
				})
				if errs[w] != nil {
					return
				}
			}
		})
	}
	work.Wait()
	for _, err := range errs {
		require.NoError(t, err, "seed %d", seed)
	}
	const turns = writers * rounds * size
	require.Equal(t, turns, one[int](t, f, "SELECT SUM(redrives) FROM orders"))
	require.Equal(t, turns, one[int](t, f, "SELECT SUM(version) - COUNT(*) FROM orders"))
	require.Equal(t, turns, one[int](t, f, "SELECT COUNT(*) FROM fact"))
	require.Equal(t, 1_000_000-turns*amount, one[int](t, f, "SELECT SUM(free_fen) FROM prepaid_shard"))
}

func TestDispatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	ctx, cancel := context.WithCancel(t.Context())
	err := f.Dispatch(ctx, []int64{id}, nil, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
		cancel()
		x := newTurn(b.Orders[id])
		x.Redrives = 7
		return []*turn.Turn{x}, nil, nil
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, f.load(t, id).Redrives)
}
