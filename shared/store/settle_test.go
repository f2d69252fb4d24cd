package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// delivered stores an order that a carrier delivered for 900 after a hold of 1000, for a fee of 1200.
func (f fixture) delivered(t testing.TB) int64 {
	t.Helper()
	id := f.orders(t, 1)[0]
	of := func(kind string, amount money.Fen) order.Fact {
		return order.Fact{N: 1, Kind: kind, Amount: amount, Party: "shansong", Account: "main"}
	}
	f.change(t, id, []store.Hold{{Carrier: "shansong", Account: "main", Amount: 1000}}, func(x *turn.Turn) {
		step(x, "order", 0, "received", "quoted")
		step(x, "order", 0, "quoted", "dispatching")
		tell(x)
		step(x, "attempt", 1, "", "intent")
		step(x, "attempt", 1, "intent", "placed")
		step(x, "attempt", 1, "placed", "delivered")
		step(x, "order", 1, "dispatching", "delivered")
		tell(x)
		fact(x, of(order.FactHold, 1000))
		fact(x, of(order.FactCapture, 900))
		fact(x, of(order.FactRelease, 100))
		fact(x, order.Fact{Kind: order.FactIncome, Amount: 1200, Party: "meituan"})
		x.State, x.Winner, x.Timers, x.ActAt = order.Delivered, 1, nil, time.Time{}
		x.Attempts = []*order.Attempt{{N: 1, Carrier: "shansong", Account: "main", CarrierNo: order.OurNo(id, 1) + "-c", State: order.AttemptDelivered, Price: 1000, Booked: 900, Confirmed: true}}
		x.Changed[1] = true
		x.Refs = []turn.Ref{{Carrier: "shansong", CarrierNo: order.OurNo(id, 1) + "-c", N: 1}}
	})
	return id
}

func TestSettlePostsEachFactOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 10_000, 2)
	ids := []int64{f.delivered(t), f.delivered(t)}
	posted, err := f.Settle(t.Context(), ids, now)
	require.NoError(t, err)
	require.Equal(t, 8, posted)
	for range 2 {
		posted, err = f.Settle(t.Context(), ids, now)
		require.NoError(t, err)
		require.Zero(t, posted)
	}
	require.Equal(t, 16, one[int](t, f, "SELECT COUNT(*) FROM ledger_entry WHERE order_id > 0"))
	require.Zero(t, one[int](t, f, "SELECT SUM(IF(debit, amount_fen, -amount_fen)) FROM ledger_entry"))
	require.Equal(t, 1800, one[int](t, f, "SELECT SUM(amount_fen) FROM ledger_entry WHERE account = 'expense:delivery:shansong' AND debit"))
	require.Equal(t, "3200,5000", one[string](t, f, "SELECT GROUP_CONCAT(free_fen ORDER BY shard) FROM prepaid_shard"), "what was released is free again")
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM orders WHERE post_at IS NOT NULL"))
}

func TestPostAtStaysForOrdersThatAreNotAsked(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 10_000, 1)
	a, b := f.delivered(t), f.delivered(t)
	_, err := f.Settle(t.Context(), []int64{a}, now)
	require.NoError(t, err)
	require.Zero(t, f.load(t, a).PostAt)
	require.Equal(t, now, f.load(t, b).PostAt)
	n, err := f.Settle(t.Context(), nil, now)
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestConcurrentSettlesPostOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 3)
	var ids []int64
	for range 10 {
		ids = append(ids, f.delivered(t))
	}
	var work sync.WaitGroup
	posted, errs := make([]int, 6), make([]error, 6)
	for w := range posted {
		work.Go(func() {
			mine := append(append([]int64{}, ids[w:]...), ids[:w]...)
			posted[w], errs[w] = f.Settle(t.Context(), mine, now)
		})
	}
	work.Wait()
	total := 0
	for w, n := range posted {
		require.NoError(t, errs[w])
		total += n
	}
	require.Equal(t, 40, total)
	require.Equal(t, 80, one[int](t, f, "SELECT COUNT(*) FROM ledger_entry WHERE order_id > 0"))
	require.Equal(t, 100_000-10*900, one[int](t, f, "SELECT SUM(free_fen) FROM prepaid_shard"))
}

func TestAnOverdrawTakesFromItsShard(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100, 1)
	id := f.orders(t, 1)[0]
	f.change(t, id, nil, func(x *turn.Turn) {
		fact(x, order.Fact{N: 1, Kind: order.FactOverdraw, Amount: 150, Party: "shansong", Account: "main"})
		fact(x, order.Fact{N: 2, Kind: order.FactOverdraw, Amount: 7, Party: "uupt", Account: "unknown", Shard: 4})
	})
	_, err := f.Settle(t.Context(), []int64{id}, now)
	require.NoError(t, err)
	require.Equal(t, -50, one[int](t, f, "SELECT free_fen FROM prepaid_shard WHERE carrier = 'shansong'"), "the carrier took it: we owe it")
	require.Equal(t, -7, one[int](t, f, "SELECT free_fen FROM prepaid_shard WHERE carrier = 'uupt' AND shard = 4"), "no fen vanishes for want of a shard")
}

func TestAFactThatCannotBePostedRollsBack(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 10_000, 1)
	id := f.delivered(t)
	f.exec(t, "UPDATE fact SET kind = 'gift' WHERE kind = 'income'")
	_, err := f.Settle(t.Context(), []int64{id}, now)
	require.ErrorContains(t, err, "gift")
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM ledger_entry WHERE order_id > 0"))
	require.Equal(t, now, f.load(t, id).PostAt)
}

// Even a hand that reopens a posted fact cannot post it twice.
func TestATransactionOfTheLedgerIsUnique(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 10_000, 1)
	id := f.delivered(t)
	_, err := f.Settle(t.Context(), []int64{id}, now)
	require.NoError(t, err)
	f.exec(t, "UPDATE fact SET posted_at = NULL")
	_, err = f.Settle(t.Context(), []int64{id}, now)
	require.True(t, store.Duplicate(err), err)
}

func TestADepositCountsOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	put := func(amount money.Fen) (bool, error) {
		return f.Deposit(t.Context(), "d1", "shansong", "main", amount, 3, now)
	}
	fresh, err := put(1000)
	require.NoError(t, err)
	require.True(t, fresh)
	fresh, err = put(1000)
	require.NoError(t, err)
	require.False(t, fresh)
	_, err = put(1001)
	require.ErrorIs(t, err, store.ErrConflict)
	require.Equal(t, "334,333,333", one[string](t, f, "SELECT GROUP_CONCAT(free_fen ORDER BY shard) FROM prepaid_shard"))
	require.Equal(t, 2, one[int](t, f, "SELECT COUNT(*) FROM ledger_entry"))
	shards, err := f.Shards(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[[2]string]int{{"shansong", "main"}: 3}, shards)

	for _, bad := range []struct {
		amount money.Fen
		shards int
	}{{0, 1}, {-5, 1}, {5, 0}} {
		_, err := f.Deposit(t.Context(), "d2", "shansong", "main", bad.amount, bad.shards, now)
		require.ErrorContains(t, err, "positive")
	}
}
