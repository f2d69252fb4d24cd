package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/billimport"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/store"
)

// onDay is a line some days after billDay.
func onDay(l bill.Line, days int) bill.Line {
	l.At = l.At.AddDate(0, 0, days)
	return l
}

// A waybill that one bill has before our booking, and the booking's own day as well, is paid
// once, whichever bill comes first.
func TestABookingAnswersOneBill(t *testing.T) {
	t.Parallel()
	for name, booked := range map[string]int{"billed the day before": 1, "the second day's bill comes first": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			ref := f.waybill(t, "early", "main")
			f.book(t, ref, order.FactCapture, 500, billNoon.AddDate(0, 0, booked), "")
			days := []string{billDay, "2026-11-12"}
			if booked == 0 {
				days[0], days[1] = days[1], days[0]
			}
			line := billLine("early", ref, bill.Fee, 500)
			first := f.importLines(t, days[0], onDay(line, 1-booked))
			require.Equal(t, map[reconcile.Why]int{reconcile.CutOff: 1}, first.Whys)
			second := f.importLines(t, days[1], onDay(line, booked))
			require.Equal(t, map[reconcile.Why]int{reconcile.BilledLater: 1, reconcile.AlreadyBilled: 1}, second.Whys)
			items := f.openItems(t)
			require.Len(t, items, 1)
			require.Equal(t, money.Fen(500), items[0].Suspense)
			require.Equal(t, money.Fen(500), f.balances(t)["suspense:shansong"])
			f.tied(t)
		})
	}
}

// A bill replaces our estimate of a 违约金 once; what later bills want is disputed.
func TestOwnFigureOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 1)
	replaced, confirmed, free := f.waybill(t, "replaced", "main"), f.waybill(t, "confirmed", "main"), f.waybill(t, "free", "main")
	for _, ref := range []reconcile.Ref{replaced, confirmed, free} {
		f.exec(t, "INSERT INTO order_event (order_id, input_key, version, n, kind, from_name, to_name, decision, milestone, at) VALUES (?, 'k', 3, 1, 'penalty', 'rule', '3.00', 'applied', FALSE, 0)", ref.Order)
	}
	f.book(t, replaced, order.FactPenalty, 300, billNoon, order.CauseCancelled)
	f.book(t, confirmed, order.FactPenalty, 300, billNoon, order.CauseCancelled)
	first := f.importLines(t, billDay, billLine("replaced", replaced, bill.Penalty, 500), billLine("confirmed", confirmed, bill.Penalty, 300), billLine("free", free, bill.Penalty, 200))
	require.Equal(t, map[reconcile.Why]int{reconcile.OwnFigure: 2}, first.Whys)
	before := f.balances(t)
	second := f.importLines(t, "2026-11-12", onDay(billLine("replaced", replaced, bill.Penalty, 500), 1), onDay(billLine("confirmed", confirmed, bill.Penalty, 350), 1), onDay(billLine("free", free, bill.Penalty, 200), 1))
	require.Equal(t, 3, second.Outcomes[reconcile.Disputed], second.Whys)
	require.Equal(t, map[string]money.Fen{"suspense:shansong": 1050, "carrier:shansong:main:payable": -1050}, differ(before, f.balances(t)))
	f.tied(t)
}

// Each of two bills that are compared at once would explain what it has by the other's absence.
func TestTwoDaysAtOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	ref := f.delivery(t, "twice", 500)
	m, err := bill.Default("shansong")
	require.NoError(t, err)
	other := billText(t, onDay(billLine("twice", ref, bill.Fee, 500), 1))
	imported := false
	job := billimport.Job{Carrier: "shansong", Account: "main", Day: billDay, Name: "bill.csv", Mapping: m, Options: reconcile.Options{Progress: func(p reconcile.Progress) {
		if p.Phase == "comparing" && !imported {
			imported = true
			_, err := f.importText(t, "2026-11-12", other, false)
			require.NoError(t, err)
		}
	}}}
	text := billText(t, billLine("twice", ref, bill.Fee, 500))
	_, err = billimport.Run(t.Context(), f.Store, auditor, strings.NewReader(text), job, nextDay)
	require.ErrorIs(t, err, store.ErrBooksMove)
	require.Equal(t, 1, one[int](t, f, "SELECT COUNT(*) FROM bill"))
	again, err := f.importText(t, billDay, text, false)
	require.NoError(t, err)
	require.Equal(t, 1, again.Whys[reconcile.AlreadyBilled])
	require.Equal(t, money.Fen(500), f.balances(t)["suspense:shansong"])
}

// A posting that is under way while the bill is read is waited for, though later ones are there already.
func TestImportWaitsForOpenPostings(t *testing.T) {
	t.Parallel()
	f := open(t)
	ref := f.waybill(t, "late", "main")
	tx, err := f.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	require.NoError(t, tx.QueryRowContext(t.Context(), "SELECT id FROM ledger_mark LOCK IN SHARE MODE").Scan(new(int))) // as settle begins
	_, err = tx.ExecContext(t.Context(), "INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, n, reason, event_at, posted_at, period) VALUES ('fact:late', 'expense:delivery:shansong', TRUE, 500, ?, 1, 'capture', ?, ?, '2026-11'), "+
		"('fact:late', 'carrier:shansong:main:held', FALSE, 500, ?, 1, 'capture', ?, ?, '2026-11')", ref.Order, billNoon.UnixMilli(), billNoon.UnixMilli(), ref.Order, billNoon.UnixMilli(), billNoon.UnixMilli())
	require.NoError(t, err)
	other := f.delivery(t, "other", 700) // another one goes by
	type result struct {
		billimport.Result
		err error
	}
	done := make(chan result, 1)
	text := billText(t, billLine("late", ref, bill.Fee, 500), billLine("other", other, bill.Fee, 700))
	go func() {
		r, err := f.importText(t, billDay, text, false)
		done <- result{r, err}
	}()
	require.Eventually(t, func() bool {
		return len(done) > 0 || f.someoneWaits(t)
	}, 20*time.Second, 50*time.Millisecond)
	require.Empty(t, done, "it was imported beside an open posting")
	require.NoError(t, tx.Commit())
	r := <-done
	require.NoError(t, r.err)
	require.Equal(t, map[reconcile.Outcome]int{reconcile.Matched: 2}, r.Outcomes)
}

// What was booked after the bill came is not made a cost again by believing the bill.
func TestAcceptWhatWasBookedMeanwhile(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 1)
	ref := f.waybill(t, "late", "main")
	f.importLines(t, billDay, billLine("late", ref, bill.Fee, 500))
	item := f.openItems(t)[0]
	f.book(t, ref, order.FactCapture, 500, nextDay.Add(time.Hour), "")
	before := f.balances(t)
	_, err := f.AcceptBillItem(t.Context(), auditor, item.ID, "they are right", nextDay.Add(2*time.Hour))
	require.ErrorIs(t, err, store.ErrBillItem)
	require.Equal(t, before, f.balances(t))
	_, err = f.WithdrawBillItem(t.Context(), auditor, item.ID, "it is booked", nextDay.Add(2*time.Hour))
	require.NoError(t, err)
	require.Equal(t, money.Fen(500), f.balances(t)["expense:delivery:shansong"])
	f.tied(t)
}

// A day comes once, so its bill is not imported before the day is over.
func TestBillOfADayUnderWay(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.delivery(t, "known", 500)
	m, err := bill.Default("shansong")
	require.NoError(t, err)
	job := billimport.Job{Carrier: "shansong", Account: "main", Day: billDay, Name: "bill.csv", Mapping: m}
	end := time.Date(2026, 11, 11, 16, 0, 0, 0, time.UTC) // midnight in Shanghai
	_, err = billimport.Run(t.Context(), f.Store, auditor, strings.NewReader(billText(t)), job, end.Add(-time.Millisecond))
	require.ErrorIs(t, err, billimport.ErrDayOpen)
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM bill"))
	job.DryRun = true
	_, err = billimport.Run(t.Context(), f.Store, auditor, strings.NewReader(billText(t)), job, now)
	require.NoError(t, err)
	job.DryRun = false
	_, err = billimport.Run(t.Context(), f.Store, auditor, strings.NewReader(billText(t)), job, end)
	require.NoError(t, err)
}

// All of it is done by the application's user, who cannot change entries.
func TestReconcilingAsTheApplication(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 1)
	dear, late, fine := f.delivery(t, "dear", 1000), f.waybill(t, "late", "main"), f.waybill(t, "fine", "main")
	f.book(t, late, order.FactCapture, 400, time.Date(2026, 11, 11, 15, 30, 0, 0, time.UTC), "")
	f.book(t, fine, order.FactPenalty, 300, billNoon, order.CauseCancelled)
	f.exec(t, "INSERT INTO order_event (order_id, input_key, version, n, kind, from_name, to_name, decision, milestone, at) VALUES (?, 'k', 3, 1, 'penalty', 'rule', '3.00', 'applied', FALSE, 0)", fine.Order)
	f = f.asApplication(t)
	f.importLines(t, billDay, billLine("dear", dear, bill.Fee, 1200), billLine("nobody", reconcile.Ref{}, bill.Fee, 800), billLine("fine", fine, bill.Penalty, 350))
	f.importLines(t, "2026-11-12", onDay(billLine("nobody else", reconcile.Ref{}, bill.Tip, 100), 1))
	items := f.openItems(t)
	require.Len(t, items, 4, "dear, nobody's two, and what never came")
	for i, end := range []func() error{
		func() error { _, err := f.AcceptBillItem(t.Context(), auditor, items[0].ID, "", nextDay); return err },
		func() error { _, err := f.WithdrawBillItem(t.Context(), auditor, items[1].ID, "", nextDay); return err },
		func() error { _, err := f.OwnItem(t.Context(), auditor, items[2].ID, "li", nextDay); return err },
		func() error {
			id, err := f.WriteOffBillItem(t.Context(), auditor, items[3].ID, "", nextDay)
			if err == nil {
				_, err = f.Decide(t.Context(), store.Act{By: "li", At: now}, id, true, nextDay)
			}
			return err
		},
	} {
		require.NoError(t, end(), i)
	}
	f.tied(t)
	_, err := f.CarrierPosition(t.Context(), "shansong", "main")
	require.NoError(t, err)
}

// A waybill that nobody placed and somebody has to pay for is a cost of the order that a person knows
// it to be about, or of none: either way orders, and what belongs to none, add up to the accounts.
func TestCostOfAnUnknownWaybill(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 1)
	known := f.delivery(t, "known", 1000)
	f.importLines(t, billDay, billLine("known", known, bill.Fee, 1200), billLine("x", reconcile.Ref{}, bill.Fee, 800), billLine("y", reconcile.Ref{}, bill.Tip, 100), billLine("z", reconcile.Ref{}, bill.Penalty, 300))
	f.post(t, ledger.BillFigure("by-hand", "shansong", "main", "expense:penalty:shansong:lost_race", 5, now)) // of no order, too
	id := f.orders(t, 1)[0]
	items, before := f.openItems(t), f.balances(t)
	for _, c := range []struct {
		item  int
		order int64
		says  string
	}{{0, id, "it is about order"}, {1, id + 1, "there is no order"}} {
		_, err := f.AcceptBillItemOn(t.Context(), auditor, items[c.item].ID, c.order, "", nextDay)
		require.ErrorIs(t, err, store.ErrBillItem)
		require.ErrorContains(t, err, c.says)
	}
	end, err := f.AcceptBillItemOn(t.Context(), auditor, items[1].ID, id, "ordered by hand", nextDay)
	require.NoError(t, err)
	require.Equal(t, []any{id, 0, store.ResolvedAccepted}, []any{end.OrderID, end.N, end.Resolution})
	for _, x := range items[2:] {
		_, err := f.AcceptBillItem(t.Context(), auditor, x.ID, "they are right", nextDay)
		require.NoError(t, err)
	}
	require.Equal(t, map[string]money.Fen{"expense:delivery:shansong": 800, "expense:tip:shansong": 100, "expense:penalty:shansong:other": 300, "carrier:shansong:main:prepaid": -1200,
		"suspense:shansong": -1200, "carrier:shansong:main:payable": 1200}, differ(before, f.balances(t)))
	require.Equal(t, int64(800), one[int64](t, f, "SELECT SUM(IF(debit, amount_fen, -amount_fen)) FROM ledger_entry WHERE order_id = ? AND n = 0 AND account LIKE 'expense:%'", id))
	none, err := f.Items(t.Context(), store.ItemFilter{NoOrder: true})
	require.NoError(t, err)
	require.Len(t, none, 2)
	require.Equal(t, []string{"y", "z"}, []string{none[0].CarrierNo, none[1].CarrierNo})
	require.Equal(t, int64(400+5), one[int64](t, f, "SELECT SUM(IF(debit, amount_fen, -amount_fen)) FROM ledger_entry WHERE order_id = 0 AND (account LIKE 'expense:%' OR account LIKE 'income:%')"))
	f.tied(t)
}
