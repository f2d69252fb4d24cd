package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
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
	"github.com/chuandao/qianfan/shared/store"
)

// A bill that is refused leaves the books, the items and the bills as they were.
func TestRefusedBills(t *testing.T) {
	t.Parallel()
	f := open(t)
	known := f.delivery(t, "known", 1000)
	good := billText(t, billLine("known", known, bill.Fee, 1000), billLine("nobody", reconcile.Ref{}, bill.Fee, 1))
	_, err := f.importText(t, billDay, good, false)
	require.NoError(t, err)
	state := func() []any {
		return []any{f.balances(t), f.openItems(t), one[int](t, f, "SELECT COUNT(*) FROM bill"), one[int](t, f, "SELECT COUNT(*) FROM ledger_entry"), one[int](t, f, "SELECT COUNT(*) FROM audit")}
	}
	before := state()
	for name, c := range map[string]struct {
		day, text string
		want      error
	}{
		"the same file again":                  {billDay, good, store.ErrBillKnown},
		"another file for the day":             {billDay, billText(t, billLine("known", known, bill.Fee, 900)), store.ErrBillKnown},
		"of another day":                       {"2026-11-14", good, &bill.FileError{}},
		"truncated":                            {"2026-11-12", good[:len(good)-10], &bill.FileError{}},
		"without its footer":                   {"2026-11-12", strings.SplitAfter(good, "\n")[0], &bill.FileError{}},
		"of nothing":                           {"2026-11-12", "", &bill.FileError{}},
		"not a bill at all":                    {"2026-11-12", "GIF89a\x00\x01", &bill.FileError{}},
		"another carrier's":                    {"2026-11-12", "订单编号,商户订单号,费用类型,金额(元),发生时间\r\n", &bill.FileError{}},
		"in UTF-16":                            {"2026-11-12", "\xff\xfe" + good, &bill.FileError{}},
		"for a day that is none":               {"2026-11-31", good, nil},
		"the same file, said to be the 12th's": {"2026-11-12", good, nil},
	} {
		_, err := f.importText(t, c.day, c.text, false)
		require.Error(t, err, name)
		var file *bill.FileError
		switch {
		case errors.Is(c.want, store.ErrBillKnown):
			require.ErrorIs(t, err, c.want, name)
		case c.want != nil:
			require.ErrorAs(t, err, &file, name)
		}
		require.Equal(t, before, state(), name)
	}
}

// Entries from before the column of the attempt, and what a person posted for an order.
func TestBookingsOfOldEntries(t *testing.T) {
	t.Parallel()
	f := open(t)
	old := f.delivery(t, "old", 1000)
	f.exec(t, "UPDATE ledger_entry SET n = 0 WHERE order_id = ?", old.Order)
	paid := f.delivery(t, "paid", 1000)
	_, err := f.PostTransfers(t.Context(), auditor, []ledger.Transfer{ledger.CarrierPays("manual", "claim-1", "shansong", "main", 80, billNoon).On(paid.Order, 0)}, billNoon)
	require.NoError(t, err)
	done := f.importLines(t, billDay, billLine("old", old, bill.Fee, 1000), billLine("paid", paid, bill.Fee, 1000), billLine("paid", paid, bill.Compensation, 80))
	require.Equal(t, map[reconcile.Outcome]int{reconcile.Matched: 3}, done.Outcomes)
	require.Empty(t, done.Findings)
}

func TestOwnItem(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.importLines(t, billDay, billLine("nobody", reconcile.Ref{}, bill.Fee, 800))
	id := f.openItems(t)[0].ID
	due := now.Add(72 * time.Hour)
	item, err := f.OwnItem(t.Context(), auditor, id, "li", due)
	require.NoError(t, err)
	require.Equal(t, "li", item.Owner)
	require.True(t, due.Equal(f.openItems(t)[0].DueAt))
	audits := one[int](t, f, "SELECT COUNT(*) FROM audit")
	_, err = f.OwnItem(t.Context(), auditor, id, "li", due)
	require.NoError(t, err)
	require.Equal(t, audits, one[int](t, f, "SELECT COUNT(*) FROM audit"), "nothing changed")
	_, err = f.OwnItem(t.Context(), auditor, id+1, "li", due)
	require.ErrorIs(t, err, store.ErrNoItem)

	_, err = f.OwnItem(t.Context(), auditor, id, "", time.Time{})
	require.NoError(t, err)
	gaps, err := f.SuspenseGaps(t.Context())
	require.NoError(t, err)
	require.Len(t, gaps, 1, "nobody owns it")
	require.Zero(t, gaps[0].Gap())
	require.Equal(t, 1, gaps[0].NoOwner)
}

func TestCarrierPosition(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 2)
	dear := f.delivery(t, "dear", 1000)
	f.book(t, dear, order.FactHold, 1000, billNoon, "")
	f.importLines(t, billDay, billLine("dear", dear, bill.Fee, 1200))
	id, waiting := f.orders(t, 1)[0], f.waybill(t, "waiting", "main")
	f.exec(t, "INSERT INTO fact VALUES (?, 1, 'hold', 1, 300, 'shansong', 'main', 0, '', 0, NULL)", id)
	f.exec(t, "UPDATE attempt SET order_id = ?, held_fen = 300, confirmed = FALSE WHERE order_id = ?", id, waiting.Order)
	p, err := f.CarrierPosition(t.Context(), "shansong", "main")
	require.NoError(t, err)
	require.Equal(t, store.Position{Carrier: "shansong", Account: "main", Prepaid: 99_000, Pending: -300, Untaken: 300, Claimed: 200}, p)
	require.Zero(t, p.Explain(99_000).Gap)
	g := p.Explain(98_800)
	require.Equal(t, money.Fen(-200), g.Gap)
	require.Len(t, g.Reasons, 1, "the carrier took what it claims")
	require.Zero(t, g.Open)
	require.Equal(t, money.Fen(-77), p.Explain(98_923).Open)
	g = p.Explain(98_500)
	require.Len(t, g.Reasons, 2, "and it has the placement that waits for its word")
	require.Zero(t, g.Open)
}

// Lines that cannot be read are disputed by their number, and nothing is booked for them: negative
// and fractional amounts, unknown kinds, other days, missing numbers. The order of lines is no matter,
// nor is a byte order mark or the other encoding.
func TestBadLines(t *testing.T) {
	t.Parallel()
	f := open(t)
	var rows []string
	row := func(no, ours, kind, amount, at string) {
		rows = append(rows, strings.Join([]string{no, ours, kind, amount, at}, ","))
	}
	const at = "2026/11/11 12:00:00"
	for i, bad := range [][2]string{{"订单支付", "-1000"}, {"订单支付", "1000.5"}, {"服务费", "1000"}, {"订单支付", "一千"}, {"订单支付", "0"}} {
		no := fmt.Sprintf("bad-%d", i)
		ref := f.delivery(t, no, 1000)
		row(no, order.OurNo(ref.Order, 1), bad[0], bad[1], at)
	}
	moved := f.delivery(t, "moved", 1000)
	row("moved", order.OurNo(moved.Order, 1), "订单支付", "1000", "2026/11/09 12:00:00")
	for i := range 20 { // reordered: the file's order is not that of our books
		no := fmt.Sprintf("good-%02d", 19-i)
		ref := f.delivery(t, no, money.Fen(500+i))
		row(no, order.OurNo(ref.Order, 1), "订单支付", fmt.Sprint(500+i), at)
	}
	slices.Reverse(rows)
	before := f.balances(t)
	text := "\ufeff闪送订单号,第三方单号,交易类型,金额（分）,交易时间\n" + strings.Join(rows, "\n") + fmt.Sprintf("\n合计,%d,,0,\n", len(rows))
	done, err := f.importText(t, billDay, text, false)
	require.NoError(t, err)
	require.Equal(t, map[reconcile.Outcome]int{reconcile.Matched: 20, reconcile.Disputed: 6}, done.Outcomes)
	require.Empty(t, done.Missing, "what we booked for them is on those lines")
	require.Equal(t, before, f.balances(t))
	items := f.openItems(t)
	require.Len(t, items, 6)
	for i, x := range items {
		require.Equal(t, 22+i, x.LineNo)
		require.Zero(t, x.Suspense)
		require.Equal(t, money.Fen(1000), x.Ours)
		require.NotEmpty(t, x.Note)
		end := f.AcceptBillItem
		if i%2 == 0 {
			end = f.WithdrawBillItem
		}
		_, err := end(t.Context(), auditor, x.ID, "they sent the line again by mail", now)
		require.NoError(t, err)
	}
	require.Equal(t, before, f.balances(t))
}

// Two people import the same bill: one of them does.
func TestTwoImportOneBill(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.delivery(t, "missing", 1000)
	text := billText(t, billLine("nobody", reconcile.Ref{}, bill.Fee, 800))
	const people = 4
	errs := make(chan error, people)
	for range people {
		go func() {
			_, err := f.importText(t, billDay, text, false)
			errs <- err
		}()
	}
	done := 0
	for range people {
		if err := <-errs; err == nil {
			done++
		} else {
			require.ErrorIs(t, err, store.ErrBillKnown)
		}
	}
	require.Equal(t, 1, done)
	require.Len(t, f.openItems(t), 2)
	require.Equal(t, money.Fen(-200), f.balances(t)["suspense:shansong"])
}

// Whoever stops an import leaves nothing behind.
func TestAStoppedImport(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.delivery(t, "missing", 1000)
	before := f.balances(t)
	m, err := bill.Default("shansong")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	job := billimport.Job{Carrier: "shansong", Account: "main", Day: billDay, Name: "bill.csv", Mapping: m, Options: reconcile.Options{Dir: dir, Progress: func(p reconcile.Progress) {
		if p.Phase == "comparing" {
			cancel()
		}
	}}}
	_, err = billimport.Run(ctx, f.Store, auditor, strings.NewReader(billText(t, billLine("nobody", reconcile.Ref{}, bill.Fee, 800))), job, nextDay)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, before, f.balances(t))
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM bill"))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)

	_, err = billimport.Run(t.Context(), f.Store, store.Act{}, strings.NewReader(""), job, nextDay)
	require.ErrorIs(t, err, store.ErrNobody)
}

// An answer that came while a bill was compared makes the import start again: nothing ends twice.
func TestImportMeetsAResolution(t *testing.T) {
	t.Parallel()
	f := open(t)
	late := f.delivery(t, "late", 1000)
	f.importLines(t, billDay)
	item := f.openItems(t)[0]
	before := f.balances(t)
	books, err := f.BillBooks(t.Context(), "shansong", "main", "2026-11-12")
	require.NoError(t, err)
	m, err := bill.Default("shansong")
	require.NoError(t, err)
	line := billLine("late", late, bill.Fee, 1000)
	line.At = line.At.AddDate(0, 0, 1)
	lines, err := bill.Open(strings.NewReader(billText(t, line)), m, "2026-11-12")
	require.NoError(t, err)
	report, err := reconcile.Run(t.Context(), lines, books, reconcile.Options{Day: "2026-11-12", Parts: 1})
	require.NoError(t, err)
	require.Equal(t, []int64{item.ID}, report.Findings[0].Ends)
	_, err = f.WithdrawBillItem(t.Context(), auditor, item.ID, "they said it comes tomorrow", now)
	require.NoError(t, err)
	_, err = f.ImportBill(t.Context(), auditor, store.BillFile{Carrier: "shansong", Account: "main", Day: "2026-11-12", SHA256: lines.Sum(), Imported: books.Imported(), Report: report}, now)
	require.ErrorIs(t, err, store.ErrItemResolved)
	require.Equal(t, 1, one[int](t, f, "SELECT COUNT(*) FROM bill"))
	require.NotEqual(t, before, f.balances(t), "only the resolution counts")
	require.Zero(t, f.balances(t)["suspense:shansong"])
}

// Costs of the day that are booked while its bill is read are not disputed: the import starts again.
func TestImportWhileBooksMove(t *testing.T) {
	t.Parallel()
	f := open(t)
	late := f.waybill(t, "late", "main")
	m, err := bill.Default("shansong")
	require.NoError(t, err)
	text := billText(t, billLine("late", late, bill.Fee, 1000))
	book := sync.OnceFunc(func() { f.book(t, late, order.FactCapture, 1000, billNoon, "") })
	job := billimport.Job{Carrier: "shansong", Account: "main", Day: billDay, Name: "bill.csv", Mapping: m, Options: reconcile.Options{Progress: func(p reconcile.Progress) {
		if p.Phase == "comparing" {
			book()
		}
	}}}
	_, err = billimport.Run(t.Context(), f.Store, auditor, strings.NewReader(text), job, nextDay)
	require.ErrorIs(t, err, store.ErrBooksMove)
	require.Empty(t, f.openItems(t))

	id := f.orders(t, 1)[0]
	f.exec(t, "UPDATE orders SET post_at = 1 WHERE id = ?", id)
	f.exec(t, "INSERT INTO fact (order_id, n, kind, seq, amount, party, account, shard, cause, at) VALUES (?, 1, 'capture', 1, 500, 'shansong', 'main', 0, '', ?)", id, billNoon.UnixMilli())
	_, err = f.importText(t, billDay, text, false)
	require.ErrorIs(t, err, store.ErrBooksMove)
	f.exec(t, "UPDATE fact SET posted_at = 1 WHERE order_id = ?", id)
	done, err := f.importText(t, billDay, text, false)
	require.NoError(t, err)
	require.Equal(t, map[reconcile.Outcome]int{reconcile.Matched: 1}, done.Outcomes)
}

// The bills of idle days are the same file; another file comes once.
func TestIdleDays(t *testing.T) {
	t.Parallel()
	f := open(t)
	ref := f.delivery(t, "one", 1000)
	empty, text := billText(t), billText(t, billLine("one", ref, bill.Fee, 1000))
	for _, day := range []string{"2026-11-09", "2026-11-10", "2026-11-12"} {
		done, err := f.importText(t, day, empty, false)
		require.NoError(t, err, day)
		require.Zero(t, done.Lines)
	}
	_, err := f.importText(t, "2026-11-10", empty, false)
	require.ErrorIs(t, err, store.ErrBillKnown)
	_, err = f.importText(t, billDay, text, false)
	require.NoError(t, err)
	f.exec(t, "UPDATE bill SET day = '2026-11-08' WHERE day = ?", billDay) // as if it had come for another day
	_, err = f.importText(t, billDay, text, false)
	require.ErrorContains(t, err, "this very file is bill 4")
	f.exec(t, "UPDATE bill SET account = 'second' WHERE id = 4") // or another account
	_, err = f.importText(t, billDay, text, false)
	require.ErrorContains(t, err, "this very file is bill 4")
}
