package store_test

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// spend holds so much of 闪送's account, in holds of 8 元.
func (f fixture) spend(t testing.TB, id int64, amount money.Fen) {
	t.Helper()
	holds := []store.Hold{{Carrier: "shansong", Account: "main", Amount: amount, N: int(amount / 800)}}
	require.NoError(t, f.dispatch(t.Context(), id, holds, func(*turn.Turn) {}))
}

// watch is the minutely look; it says what is told.
func (f fixture) watch(t testing.TB, minute int) []string {
	t.Helper()
	told, err := f.WatchPrepaids(t.Context(), now.Add(time.Duration(minute)*time.Minute))
	require.NoError(t, err)
	var out []string
	for _, a := range told {
		require.Equal(t, a.Over, a.Alarm == "")
		out = append(out, fmt.Sprintf("%s/%s: %s", a.Carrier, a.Account, cmp.Or(a.Alarm, "over")))
	}
	return out
}

func (f fixture) prepaid(t testing.TB) store.Prepaid {
	t.Helper()
	all, err := f.Prepaids(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

// The alarm comes while there is time for a transfer, is told again while it lasts, and ends
// by itself.
func TestAnAccountThatGetsLowIsTold(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.shards(t, 400_000, 1)
	minute := 0
	for ; minute < 20; minute++ { // 80 元 a minute
		require.Empty(t, f.watch(t, minute), "minute %d", minute)
		require.Empty(t, f.watch(t, minute), "a second sweep in the same minute")
		f.spend(t, id, 80_00)
	}
	minute--
	p := f.prepaid(t)
	require.Equal(t, money.Fen(80_00*60), p.Pace)
	lasts, known := p.Runway()
	require.True(t, known)
	require.Equal(t, 30*time.Minute, lasts)

	require.Equal(t, []string{"shansong/main: 2320.00元 lasts 26 minutes at the present pace"}, f.watchAfter(t, id, &minute, 80_00))
	since := now.Add(time.Duration(minute) * time.Minute)
	for range 9 {
		require.Empty(t, f.watchAfter(t, id, &minute, 80_00), "minute %d", minute)
	}
	require.Len(t, f.watchAfter(t, id, &minute, 80_00), 1, "ten minutes later it is told again")
	p = f.prepaid(t)
	require.Equal(t, since, p.SinceAt)
	require.Equal(t, 1, p.Alarms)

	// Used up is worse, and told at once.
	f.spend(t, id, p.Free-2_00)
	told := f.watchAfter(t, id, &minute, 1_00)
	require.Len(t, told, 1)
	require.Contains(t, told[0], "used up")
	require.True(t, f.prepaid(t).UsedUp())

	f.shards(t, 10_000_000, 1)
	require.Equal(t, []string{"shansong/main: over"}, f.watchAfter(t, id, &minute, 1_00))
	require.Empty(t, f.prepaid(t).Alarm)
	require.Empty(t, f.watchAfter(t, id, &minute, 1_00))
	require.Equal(t, 1, f.prepaid(t).Alarms)
}

// watchAfter spends and looks a minute later.
func (f fixture) watchAfter(t testing.TB, id int64, minute *int, amount money.Fen) []string {
	t.Helper()
	f.spend(t, id, amount)
	*minute++
	return f.watch(t, *minute)
}

func TestAlarmsAreSettings(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 5_000, 2)
	rule := carrier.AccountRule{Carrier: "shansong", Account: "main", Weight: 1, Active: true, Floor: 1_000, AlarmBelow: 4_001, AlarmMinutes: carrier.NoRunway}
	save := func() {
		_, err := f.SaveAccount(t.Context(), rule, "account alarm", "li", now)
		require.NoError(t, err)
	}
	save()
	rules, err := f.Accounts(t.Context())
	require.NoError(t, err)
	require.Equal(t, []carrier.AccountRule{rule}, rules, "every setting comes back")
	require.Equal(t, []string{"shansong/main: 40.00元 is less than 40.01元"}, f.watch(t, 0), "the floor is not counted")
	rule.AlarmBelow = 4_000
	save()
	require.Equal(t, []string{"shansong/main: over"}, f.watch(t, 1))
	rule.AlarmBelow, rule.Active = 1_000_000, false
	save()
	require.Empty(t, f.watch(t, 2), "what serves nothing needs no money")

	// An older build evens out over all rows: the floor is put back.
	f.exec(t, "UPDATE prepaid_shard SET free_fen = IF(shard = 0, 1668, 1666)")
	require.Empty(t, f.watch(t, 3))
	require.Equal(t, "1000|2000,2000", f.shardsOf(t))

	for _, bad := range []func(*carrier.AccountRule){
		func(r *carrier.AccountRule) { r.Floor = -1 }, func(r *carrier.AccountRule) { r.AlarmBelow = -1 },
		func(r *carrier.AccountRule) { r.AlarmMinutes = -2 }, func(r *carrier.AccountRule) { r.Floor = 1e13 },
	} {
		wrong := rule
		bad(&wrong)
		_, err := f.SaveAccount(t.Context(), wrong, "account alarm", "li", now)
		require.Error(t, err)
	}
	require.Equal(t, "1000|2000,2000", f.shardsOf(t))
}

// What was sent is in transit until the carrier's balance shows it; only then it is spent.
func TestATopUpIsSentAndSeen(t *testing.T) {
	t.Parallel()
	f := open(t)
	p := store.Payment{Key: "t-1", Carrier: "shansong", Account: "main", Amount: 9_000, Shards: 2, At: now}
	book := func(stage store.Stage) (bool, error) {
		p.Stage = stage
		return f.DepositBy(t.Context(), li, p)
	}
	balance := func(account string) money.Fen {
		all, err := f.Balances(t.Context())
		require.NoError(t, err)
		for _, b := range all {
			if b.Account == account {
				return b.BalanceFen
			}
		}
		return 0
	}
	_, err := book(store.Seen)
	require.ErrorIs(t, err, store.ErrNotSent)
	for _, fresh := range []bool{true, false} {
		got, err := book(store.Sent)
		require.NoError(t, err)
		require.Equal(t, fresh, got)
	}
	require.Equal(t, money.Fen(9_000), balance(ledger.Clearing("shansong", "main")))
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM prepaid_shard"), "nothing can be held yet")
	_, err = book(store.AtOnce)
	require.ErrorIs(t, err, store.ErrConflict, "it would be booked twice")
	p.Amount = 8_000
	_, err = book(store.Seen)
	require.ErrorIs(t, err, store.ErrConflict)
	p.Amount = 9_000
	for _, fresh := range []bool{true, false} {
		got, err := book(store.Seen)
		require.NoError(t, err)
		require.Equal(t, fresh, got)
	}
	require.Equal(t, "4500,4500", f.shardsOf(t))
	require.Equal(t, []money.Fen{0, 9_000, -9_000}, []money.Fen{balance(ledger.Clearing("shansong", "main")), balance(ledger.Prepaid("shansong", "main")), balance(ledger.Bank)})
	p.Key = "t-2"
	_, err = book(store.AtOnce)
	require.NoError(t, err)
	_, err = book(store.Sent)
	require.ErrorIs(t, err, store.ErrConflict)
	_, err = book("lost")
	require.ErrorContains(t, err, "no stage")
	report, err := f.CheckInvariants(t.Context(), now, store.InvariantOptions{})
	require.NoError(t, err)
	for _, v := range report.Violated {
		require.NotContains(t, []int{3, 4, 9, 12}, v.Rule, "%+v", v)
	}
}
