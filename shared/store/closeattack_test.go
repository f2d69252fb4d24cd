package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/billimport"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/statement"
	"github.com/chuandao/qianfan/shared/store"
)

// The bill of a month's last day comes in the next month: what waits after it for yet another
// bill is of the month all the same.
func TestAMonthWaitsForTheBillAfterItsLast(t *testing.T) {
	t.Parallel()
	f := open(t)
	lastEvening := time.Date(2026, 11, 30, 15, 59, 0, 0, time.UTC) // 23:59 in Shanghai
	ref := f.waybill(t, "S-1", "main")
	f.book(t, ref, order.FactCapture, 1000, lastEvening, "")
	other := f.waybill(t, "S-2", "main")
	f.book(t, other, order.FactCapture, 700, lastEvening.Add(-12*time.Hour), "")
	line := billLine("S-2", other, bill.Fee, 700)
	line.At = lastEvening.Add(-12 * time.Hour)

	december := time.Date(2026, 12, 1, 2, 0, 0, 0, time.UTC)
	mapping, err := bill.Default("shansong")
	require.NoError(t, err)
	job := billimport.Job{Carrier: "shansong", Account: "main", Day: "2026-11-30", Name: "bill.csv", Mapping: mapping, Options: reconcile.Options{Parts: 4, Dir: t.TempDir()}}
	got, err := billimport.Run(t.Context(), f.Store, auditor, strings.NewReader(billText(t, line)), job, december)
	require.NoError(t, err)
	require.Equal(t, []string{"explained not_yet_billed"}, f.strings(t, "SELECT CONCAT(state, ' ', kind) FROM money_item"), "%+v", got)
	check, err := f.CheckClosing(t.Context(), "2026-11", december.Add(time.Hour))
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(check.Obstacle), "1 items wait for a bill of another day")
}

// A slip of the pen does not close months in which nothing was, after which one would have to
// close a year of them, and a month that was booked late is not passed over.
func TestTheFirstMonthIsTheOneOfTheBooks(t *testing.T) {
	t.Parallel()
	f := open(t)
	december := now.AddDate(0, 1, 0)
	obstacles := func(period string, at time.Time) string {
		check, err := f.CheckClosing(t.Context(), period, at)
		require.NoError(t, err)
		return fmt.Sprint(check.Obstacle)
	}
	require.Contains(t, obstacles("2026-10", now), "nothing is booked")
	_, err := f.PostTransfers(t.Context(), li, []ledger.Transfer{ledger.Compensation("ahead", "jd", "late", 7, december)}, december)
	require.NoError(t, err)
	_, err = f.PostTransfers(t.Context(), li, []ledger.Transfer{ledger.Compensation("late", "jd", "late", 7, now)}, december)
	require.NoError(t, err)
	require.Contains(t, obstacles("2025-11", december), "nothing is booked before 2026-11")
	require.Contains(t, obstacles("2026-12", december.AddDate(0, 1, 0)), "2026-11 has to be closed before")
	_, err = f.ClosePeriod(t.Context(), li, "2026-11", "", december)
	require.NoError(t, err)
	_, err = f.ClosePeriod(t.Context(), li, "2026-12", "", december.AddDate(0, 1, 0))
	require.NoError(t, err)
	require.Empty(t, f.verify(t).Problems)
}

// A month has more entries than one statement reads before its answer is too late: they are read
// in spans of ids, and the first period is looked for in all of them.
func TestALongMonthIsReadInSpans(t *testing.T) {
	t.Parallel()
	f := open(t)
	december := now.AddDate(0, 1, 0)
	post := func(key string, amount money.Fen, at time.Time) {
		f.post(t, ledger.Compensation(key, "jd", "late", amount, at))
		f.exec(t, fmt.Sprintf("ALTER TABLE ledger_entry AUTO_INCREMENT = %d", one[int64](t, f, "SELECT MAX(id) FROM ledger_entry")+3_000_000))
	}
	post("ahead", 1, december)
	post("a", 10, now)
	post("b", 100, now)
	check, err := f.CheckClosing(t.Context(), "2026-12", december.AddDate(0, 1, 0))
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(check.Obstacle), "2026-11 has to be closed before")
	closed, err := f.ClosePeriod(t.Context(), li, "2026-11", "", december)
	require.NoError(t, err)
	require.Equal(t, []store.Balance{{Account: "expense:compensation:jd", BalanceFen: 110}, {Account: "platform:jd:payable", BalanceFen: -110}}, closed.Trial)
	post("c", 1000, now) // of December by now
	closed, err = f.ClosePeriod(t.Context(), li, "2026-12", "", december.AddDate(0, 1, 0))
	require.NoError(t, err)
	require.Equal(t, []store.Balance{{Account: "expense:compensation:jd", BalanceFen: 1111}, {Account: "platform:jd:payable", BalanceFen: -1111}}, closed.Trial)
	require.Empty(t, f.verify(t).Problems)
}

// Two people close a month at once: one does, and the other is told in words.
func TestTwoCloseOneMonth(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.post(t, ledger.Compensation("c1", "jd", "late", 500, now))
	var group sync.WaitGroup
	failed := make([]error, 4)
	for i := range failed {
		group.Go(func() {
			_, failed[i] = f.ClosePeriod(t.Context(), store.Act{By: fmt.Sprint("p", i), At: now}, "2026-11", "", now.AddDate(0, 1, 0))
		})
	}
	group.Wait()
	won := 0
	for _, err := range failed {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, store.ErrNotClosable)
		require.ErrorContains(t, err, "2026-11 is closed already")
	}
	require.Equal(t, 1, won)
	require.Equal(t, 1, one[int](t, f, "SELECT COUNT(*) FROM audit WHERE verb = 'ledger close'"))
}

// Nobody closes, proposes or approves anything anonymously.
func TestBooksAreSigned(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.post(t, ledger.Compensation("c1", "jd", "late", 500, now))
	for _, name := range []string{"", " ", "\t"} {
		who := store.Act{By: name, At: now}
		_, err := f.Propose(t.Context(), who, ledger.WriteOff("w", "jd", 1, now), "")
		require.ErrorIs(t, err, store.ErrNobody, "%q", name)
		_, err = f.ClosePeriod(t.Context(), who, "2026-11", "", now.AddDate(0, 1, 0))
		require.ErrorIs(t, err, store.ErrNobody, "%q", name)
		_, err = f.IssueStatement(t.Context(), who, store.StatementOrder{Platform: "jd", From: business(9), Until: business(10)}, now)
		require.ErrorIs(t, err, store.ErrNobody, "%q", name)
		_, _, err = f.PayStatement(t.Context(), who, store.StatementPayment{Statement: 1, Key: "k", Amount: 1, At: now}, now)
		require.ErrorIs(t, err, store.ErrNobody, "%q", name)
		_, err = f.WriteOffRejection(t.Context(), who, store.Rejection{Statement: 1, Order: 1, At: now})
		require.ErrorIs(t, err, store.ErrNobody, "%q", name)
	}
	require.Empty(t, one[string](t, f, "SELECT closed FROM ledger_mark"), "nothing was cut off half-way")
}

// After the close no way leads into the month, whatever is done about its events.
func TestNothingLandsInAClosedMonth(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 10_000, 2)
	ids := f.orders(t, 4)
	for _, id := range ids {
		f.earn(t, id, order.FactIncome, 1000, business(9))
	}
	st := f.issue(t, 9, 10)
	f.pay(t, st.ID, "B-1", 500)
	line := func(i int) store.Rejection { return store.Rejection{Statement: st.ID, Order: ids[i], At: now} }
	for i := range 3 {
		_, _, err := f.RejectLine(t.Context(), zhao, line(i), now)
		require.NoError(t, err)
	}
	f.post(t, ledger.Compensation("old", "meituan", "late", 100, business(10)))
	december := now.AddDate(0, 1, 0)
	closed, err := f.ClosePeriod(t.Context(), li, "2026-11", "", december)
	require.NoError(t, err)

	late := f.delivered(t)         // its facts are of November
	for _, way := range []struct { // in an order in which each is possible
		name string
		do   func() error
	}{
		{"settle", func() error { _, err := f.Settle(t.Context(), []int64{late}, december); return err }},
		{"pay", func() error {
			_, _, err := f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: st.ID, Key: "B-2", Amount: 100, At: now}, december)
			return err
		}},
		{"lift", func() error { return second(f.LiftRejection(t.Context(), zhao, line(0), now)) }},
		{"reject", func() error { _, _, err := f.RejectLine(t.Context(), zhao, line(3), now); return err }},
		{"unpay", func() error { _, _, err := f.UnpayStatement(t.Context(), zhao, st.ID, "B-1", "x", now); return err }},
		{"concede", func() error { return second(f.ConcedeRejection(t.Context(), zhao, line(1), now)) }},
		{"write-off", func() error {
			id, err := f.WriteOffRejection(t.Context(), zhao, line(2))
			require.NoError(t, err)
			_, err = f.Decide(t.Context(), wang, id, true, now)
			return err
		}},
		{"issue", func() error {
			_, err := f.IssueStatement(t.Context(), zhao, store.StatementOrder{Platform: "meituan", Until: business(11)}, now)
			return err
		}},
		{"post", func() error {
			_, err := f.PostTransfers(t.Context(), zhao, []ledger.Transfer{ledger.Compensation("c", "jd", "late", 1, now)}, now)
			return err
		}},
		{"reverse", func() error {
			had, _, err := f.Transaction(t.Context(), "manual:old")
			require.NoError(t, err)
			id, err := f.Propose(t.Context(), zhao, had.Reversed(now), "x")
			require.NoError(t, err)
			_, err = f.Decide(t.Context(), wang, id, true, now)
			return err
		}},
		{"deposit", func() error { _, err := f.Deposit(t.Context(), "d", "uupt", "main", 1000, 2, now); return err }},
	} {
		require.NoError(t, way.do(), way.name)
		require.Empty(t, f.strings(t, "SELECT tx FROM ledger_entry WHERE id > ? AND period <= '2026-11'", closed.ToID), way.name)
	}
	for i := 1; i <= 2; i++ { // conceded, written off
		require.NoError(t, second(f.RecoverRejection(t.Context(), zhao, line(i), now)))
	}
	require.Empty(t, f.strings(t, "SELECT tx FROM ledger_entry WHERE id > ? AND period <= '2026-11'", closed.ToID))
	require.Empty(t, f.verify(t).Problems)
	f.ties(t)
	require.Equal(t, statement.PartPaid, f.statement(t, st.ID).State)
}

func (f fixture) statement(t testing.TB, id int64) statement.Statement {
	t.Helper()
	st, err := f.Statement(t.Context(), id)
	require.NoError(t, err)
	return st
}
