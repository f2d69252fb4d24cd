package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// frees plants what the shards 0, 1, … of an account of 闪送 have.
func (f fixture) frees(t testing.TB, frees ...int) {
	t.Helper()
	f.exec(t, "DELETE FROM prepaid_shard")
	for i, free := range frees {
		f.exec(t, "INSERT INTO prepaid_shard (carrier, account, shard, free_fen) VALUES ('shansong', 'main', ?, ?)", i, free)
	}
}

// shardsOf reads them: "250,250", after "100|" where the account has a floor of 100.
func (f fixture) shardsOf(t testing.TB) string {
	t.Helper()
	all := one[string](t, f, "SELECT GROUP_CONCAT(IF(shard < 0, CONCAT(free_fen, '|'), free_fen) ORDER BY shard) FROM prepaid_shard WHERE carrier = 'shansong'")
	return strings.Replace(all, "|,", "|", 1)
}

// facts settles facts of a new order.
func (f fixture) facts(t testing.TB, facts ...order.Fact) {
	t.Helper()
	id := f.orders(t, 1)[0]
	f.change(t, id, nil, func(x *turn.Turn) {
		for _, a := range facts {
			fact(x, a)
		}
	})
	_, err := f.Settle(t.Context(), []int64{id}, now)
	require.NoError(t, err)
}

func onShard(shard int, kind string, amount money.Fen) order.Fact {
	return order.Fact{N: 1, Kind: kind, Amount: amount, Party: "shansong", Account: "main", Shard: shard}
}

// hold takes amount from a shard; a shortage is the error.
func (f fixture) hold(t testing.TB, id int64, shard int, amount money.Fen) error {
	t.Helper()
	return f.dispatch(t.Context(), id, []store.Hold{{Carrier: "shansong", Account: "main", Shard: shard, Amount: amount}}, func(*turn.Turn) {})
}

func TestEvenLosesNothing(t *testing.T) {
	t.Parallel()
	f := open(t)
	for _, c := range []struct {
		frees      []int
		home, want int
		after      string
		has        int
	}{
		{[]int{10, 0, 0}, 1, 3, "4,3,3", 3},
		{[]int{10, 0, 0}, 1, 4, "0,10,0", 10},
		{[]int{10, 5, 0}, 1, 5, "10,5,0", 5}, // somebody else was here before
		{[]int{11, -4, 0}, 2, 1, "3,2,2", 2}, // below zero beside money: made whole whatever is wanted
		{[]int{11, -4, 0}, 0, 8, "7,0,0", 7},
		{[]int{-7, 1, -1}, 1, 1, "-3,-2,-2", -2},
		{[]int{0, 0}, 0, 1, "0,0", 0},
		{[]int{5, 5}, 7, 1, "5,5", 0}, // a shard that is not there
	} {
		f.frees(t, c.frees...)
		has, err := f.Even(t.Context(), "shansong", "main", c.home, money.Fen(c.want))
		require.NoError(t, err)
		require.Equal(t, money.Fen(c.has), has, "%+v", c)
		require.Equal(t, c.after, f.shardsOf(t), "%+v", c)
	}
	has, err := f.Even(t.Context(), "nobody", "main", 0, 1)
	require.NoError(t, err)
	require.Zero(t, has)
}

// A carrier that takes more than was held leaves a shard below zero: what the others have
// pays for it, or they would grant money that is not there.
func TestNoShardGrantsWhatAnotherOwes(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.frees(t, 100, 300)
	f.facts(t, onShard(0, order.FactOverdraw, 350))
	require.Equal(t, "25,25", f.shardsOf(t))
	var short *store.ErrShort
	require.ErrorAs(t, f.hold(t, id, 1, 300), &short, "only 50 are there")

	f.facts(t, onShard(0, order.FactOverdraw, 150))
	require.Equal(t, "-50,-50", f.shardsOf(t))
	// What comes back pays the debt first.
	f.facts(t, onShard(1, order.FactRelease, 90))
	require.Equal(t, "-5,-5", f.shardsOf(t))
	require.ErrorAs(t, f.hold(t, id, 1, 1), &short)
	f.facts(t, onShard(1, order.FactRelease, 30))
	require.Equal(t, "10,10", f.shardsOf(t))
	require.NoError(t, f.hold(t, id, 1, 10))

	// And so does a deposit.
	f.facts(t, onShard(0, order.FactOverdraw, 110))
	require.Equal(t, "-100,0", f.shardsOf(t))
	f.shards(t, 130, 2)
	require.Equal(t, "15,15", f.shardsOf(t))
}

func TestTheReserveIsNeverTaken(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.shards(t, 1000, 2)
	rule := carrier.AccountRule{Carrier: "shansong", Account: "main", Weight: 1, Active: true, Floor: 300}
	set := func(floor money.Fen) {
		rule.Floor = floor
		_, err := f.SaveAccount(t.Context(), rule, "account floor", "li", now)
		require.NoError(t, err)
	}
	set(300)
	require.Equal(t, "300|350,350", f.shardsOf(t))
	shards, err := f.Store.Shards(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[[2]string]int{{"shansong", "main"}: 2}, shards, "nobody's home is the reserve")

	has, err := f.Even(t.Context(), "shansong", "main", 1, 800)
	require.NoError(t, err)
	require.Equal(t, money.Fen(700), has, "all but the floor")
	require.NoError(t, f.hold(t, id, 1, 700))
	var short *store.ErrShort
	require.ErrorAs(t, f.hold(t, id, 0, 1), &short)
	require.ErrorContains(t, f.hold(t, id, -1, 1), "shard from 0", "not even by asking for it")

	// A floor above what is there: nothing is granted before that much has come.
	set(500)
	require.Equal(t, "500|-100,-100", f.shardsOf(t))
	f.facts(t, onShard(1, order.FactRelease, 150))
	require.Equal(t, "500|-25,-25", f.shardsOf(t))
	require.ErrorAs(t, f.hold(t, id, 1, 1), &short)
	report, err := f.CheckInvariants(t.Context(), now, store.InvariantOptions{})
	require.NoError(t, err)
	for _, v := range report.Violated {
		require.NotEqual(t, 12, v.Rule, "%+v", v)
	}
	set(0)
	require.Equal(t, "0|225,225", f.shardsOf(t))
}

func TestHoldsAreCounted(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.shards(t, 10_000, 2)
	require.NoError(t, f.dispatch(t.Context(), id, []store.Hold{{Carrier: "shansong", Account: "main", Shard: 1, Amount: 2400, N: 3}}, func(*turn.Turn) {}))
	all, err := f.Prepaids(t.Context())
	require.NoError(t, err)
	require.Equal(t, money.Fen(800), all[0].Price)
	for free, usedUp := range map[int]bool{-1: true, 0: true, 799: true, 800: false} {
		f.exec(t, "UPDATE prepaid_shard SET free_fen = IF(shard = 0, ?, 0)", free)
		all, err = f.Prepaids(t.Context())
		require.NoError(t, err)
		require.Equal(t, usedUp, all[0].UsedUp(), free)
	}
	for _, bad := range []money.Fen{0, -5} {
		require.ErrorContains(t, f.hold(t, id, 0, bad), "want a positive amount")
	}
}

// Instances spread over the shards, and each keeps to its own.
func TestHomeIsStable(t *testing.T) {
	t.Parallel()
	require.Zero(t, store.Home("dispatch-1", "uupt", "main", 1))
	require.Zero(t, store.Home("dispatch-1", "uupt", "main", 0))
	seen := map[int]int{}
	for i := range 800 {
		name := fmt.Sprintf("dispatch-%d", i)
		home := store.Home(name, "uupt", "main", 8)
		require.Equal(t, home, store.Home(name, "uupt", "main", 8))
		seen[home]++
	}
	require.Len(t, seen, 8)
	for shard, n := range seen {
		require.InDelta(t, 100, n, 40, "shard %d", shard)
	}
}
