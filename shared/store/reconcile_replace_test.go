package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/billimport"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/store"
)

// replaceText imports a bill in the place of another one.
func (f fixture) replaceText(t testing.TB, day, text, which string, dry bool) (billimport.Result, error) {
	t.Helper()
	m, err := bill.Default("shansong")
	require.NoError(t, err)
	job := billimport.Job{Carrier: "shansong", Account: "main", Day: day, Name: "corrected.csv", Mapping: m, DryRun: dry, Replaces: which, Note: "ticket 118", Options: reconcile.Options{Parts: 4, Dir: t.TempDir()}}
	return billimport.Run(t.Context(), f.Store, auditor, strings.NewReader(text), job, nextDay)
}

func (f fixture) replaceLines(t testing.TB, day string, old *store.Bill, lines ...bill.Line) billimport.Result {
	t.Helper()
	r, err := f.replaceText(t, day, billText(t, lines...), fmt.Sprint(old.ID), false)
	require.NoError(t, err)
	return r
}

// corrected is a day on which everything happens that a bill can find, and the day before it.
type corrected struct {
	fixture
	refs map[string]reconcile.Ref
}

// The day's waybills: fees of 1000 but for a 违约金 of 300 that is our rule's estimate, one that was
// booked late on the day before, and one that was booked on the day after.
func newCorrected(t *testing.T) corrected {
	c := corrected{open(t), map[string]reconcile.Ref{}}
	c.shards(t, 100_000, 2)
	night := func(no string, at time.Duration) {
		c.refs[no] = c.waybill(t, no, "main")
		c.book(t, c.refs[no], order.FactCapture, 1000, billNoon.Add(at), "")
	}
	night("late", -13*time.Hour)
	for _, no := range []string{"a", "b", "c"} {
		c.refs[no] = c.delivery(t, no, 1000)
	}
	c.refs["fine"] = c.waybill(t, "fine", "main")
	c.book(t, c.refs["fine"], order.FactPenalty, 300, billNoon, order.CauseCancelled)
	c.exec(t, "INSERT INTO order_event (order_id, input_key, version, n, kind, from_name, to_name, decision, milestone, at) VALUES (?, 'k', 3, 1, 'penalty', 'rule', '3.00', 'applied', FALSE, 0)", c.refs["fine"].Order)
	night("early", 13*time.Hour)
	first := c.importLines(t, "2026-11-10")
	require.Equal(t, map[reconcile.Why]int{reconcile.NotYetBilled: 1}, first.Whys)
	return c
}

// random is a bill of the day, some of it wrong.
func (c corrected) random(r *rand.Rand) []bill.Line {
	var lines []bill.Line
	for _, no := range []string{"a", "b", "c", "late", "early", "fine"} {
		kind, amount := bill.Fee, money.Fen(1000)
		if no == "fine" {
			kind, amount = bill.Penalty, 300
		}
		switch r.IntN(5) {
		case 0: // it lacks it
			continue
		case 1:
			amount += money.Fen(r.IntN(3)-1) * 150
		case 2:
			lines = append(lines, billLine(no, c.refs[no], kind, amount))
		}
		lines = append(lines, billLine(no, c.refs[no], kind, amount))
	}
	if r.IntN(2) == 0 {
		lines = append(lines, billLine("nobody", reconcile.Ref{}, bill.Fee, 800))
	}
	return lines
}

// state is what the books and the open items say, without the names that differ between two databases.
func (c corrected) state(t *testing.T) (map[string]money.Fen, []string, string) {
	t.Helper()
	var items []string
	for _, x := range c.openItems(t) {
		items = append(items, fmt.Sprintf("%s %s %s line %d: %d %d, %d in suspense, due %s", x.State, x.Kind, x.CarrierNo, x.LineNo, x.Theirs, x.Ours, x.Suspense, x.DueAt))
	}
	slices.Sort(items)
	return c.balances(t), items, one[string](t, c.fixture, "SELECT CAST(SUM(free_fen) AS CHAR) FROM prepaid_shard")
}

func requireTwins(t *testing.T, want, got corrected, when string) {
	t.Helper()
	balances, items, free := want.state(t)
	haveBalances, haveItems, haveFree := got.state(t)
	require.Equal(t, balances, haveBalances, when)
	require.Equal(t, items, haveItems, when)
	require.Equal(t, free, haveFree, when)
	got.tied(t)
	require.Empty(t, got.verify(t).Problems)
}

// Whatever a bill said: after another one has taken its place, books, items and shards are as if
// only that one had ever come, and so they are after the next day's bill. Twice replaced, too.
func TestAReplacedBillLeavesNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 118))
			c, twin := newCorrected(t), newCorrected(t)
			picks := rand.New(rand.NewPCG(seed, 1))
			last := c.importLines(t, billDay, c.random(picks)...).Bill
			for round := range 2 {
				again := r.Uint64()
				next := c.random(rand.New(rand.NewPCG(again, 1)))
				last = c.replaceLines(t, billDay, last, next...).Bill
				if round == 0 {
					continue
				}
				twin.importLines(t, billDay, twin.random(rand.New(rand.NewPCG(again, 1)))...)
			}
			requireTwins(t, twin, c, "after the replacement")
			for _, x := range []corrected{c, twin} {
				x.importLines(t, "2026-11-12", onDay(billLine("late", x.refs["late"], bill.Fee, 1000), 1), onDay(billLine("early", x.refs["early"], bill.Fee, 1000), 1), onDay(billLine("a", x.refs["a"], bill.Fee, 1000), 1))
			}
			requireTwins(t, twin, c, "after the next day's bill")
			require.Equal(t, 2, one[int](t, c.fixture, "SELECT COUNT(*) FROM bill WHERE replaced_by > id"))
			require.Zero(t, one[int](t, c.fixture, "SELECT COUNT(*) FROM money_item i JOIN bill b ON b.id = i.source_id AND b.replaced_by > 0 WHERE i.resolution <> 'replaced' OR i.suspense_fen <> 0"))
		})
	}
}

// What the old bill did stays readable, what is undone is so by new entries, and the dry run says both.
func TestReplaceBill(t *testing.T) {
	t.Parallel()
	c := newCorrected(t)
	line := func(no string, kind bill.Kind, amount money.Fen) bill.Line {
		return billLine(no, c.refs[no], kind, amount)
	}
	rest := []bill.Line{line("b", bill.Fee, 1000), line("c", bill.Fee, 1000), line("early", bill.Fee, 1000)}
	old := c.importLines(t, billDay, append(rest, line("a", bill.Fee, 1200), line("fine", bill.Penalty, 500), line("late", bill.Fee, 1000))...)
	require.Equal(t, map[reconcile.Why]int{reconcile.Overbilled: 1, reconcile.OwnFigure: 1, reconcile.CutOff: 1, reconcile.BilledLater: 1}, old.Whys)
	entries, before := one[int](t, c.fixture, "SELECT COUNT(*) FROM ledger_entry"), c.balances(t)

	text := billText(t, append(rest, line("a", bill.Fee, 1000), line("fine", bill.Penalty, 350))...)
	dry, err := c.replaceText(t, billDay, text, old.SHA256[:8], true)
	require.NoError(t, err)
	require.Equal(t, before, c.balances(t))
	require.Equal(t, []any{2, money.Fen(200), 1, money.Fen(200), 1}, []any{dry.Replaces.Closed, dry.Replaces.Suspense, dry.Replaces.Figures, dry.Replaces.Cost, dry.Replaces.Again})
	require.Equal(t, *old.Bill, dry.Replaces.Bill)
	done, err := c.replaceText(t, billDay, text, old.SHA256[:8], false)
	require.NoError(t, err)
	require.Equal(t, dry.Report, done.Report)
	require.Equal(t, dry.Replaces, done.Replaces)

	require.Equal(t, map[string]money.Fen{"suspense:shansong": -200 - 1000, "carrier:shansong:main:payable": 200 + 1000, "expense:penalty:shansong:order_cancelled": -150, "carrier:shansong:main:prepaid": 150},
		differ(before, c.balances(t)), "the line too dear, what nobody billed now, and the figure")
	require.Equal(t, []string{"reverse:bill:2:1 reversal:bill_dispute", "reverse:bill:2:2 reversal:bill_figure"},
		c.strings(t, "SELECT DISTINCT CONCAT(tx, ' ', reason) FROM ledger_entry WHERE id > ? AND tx LIKE 'reverse:%' ORDER BY 1", entries))
	list, err := c.Bills(t.Context(), "shansong", 10)
	require.NoError(t, err)
	require.Equal(t, []string{"3 0 ", "2 3 ticket 118", "1 0 "}, []string{billState(list[0]), billState(list[1]), billState(list[2])})
	items, err := c.Items(t.Context(), store.ItemFilter{Source: "bill", SourceID: old.Bill.ID})
	require.NoError(t, err)
	require.Len(t, items, 3)
	for _, x := range items {
		require.Equal(t, []string{store.ItemResolved, store.ResolvedReplaced, "wang"}, []string{x.State, x.Resolution, x.ResolvedBy})
	}
	late, err := c.Items(t.Context(), store.ItemFilter{Source: "bill", SourceID: 1})
	require.NoError(t, err)
	require.Equal(t, []any{string(reconcile.NotBilled), store.ItemSuspense, money.Fen(-1000), 1}, []any{late[0].Kind, late[0].State, late[0].Suspense, late[0].Endings}, "its answer went with the old bill")
	require.NotEmpty(t, c.lines(t, "shansong/main/"+billDay))

	// The bill that was replaced is back when its very file comes again, and all is as it was.
	back, err := c.replaceText(t, billDay, billText(t, append(rest, line("a", bill.Fee, 1200), line("fine", bill.Penalty, 500), line("late", bill.Fee, 1000))...), "3", false)
	require.NoError(t, err)
	require.Equal(t, old.SHA256, back.SHA256)
	require.Equal(t, before, c.balances(t))
	c.tied(t)
}

func billState(b store.Bill) string { return fmt.Sprintf("%d %d %s", b.ID, b.ReplacedBy, b.Note) }

// What people or other bills have settled stands, and the bill with it: the books are as they were.
func TestWhatStandsAgainstReplacing(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 1)
	dear, cheap, late := f.delivery(t, "dear", 1000), f.delivery(t, "cheap", 1000), f.waybill(t, "late", "main")
	f.book(t, late, order.FactCapture, 400, billNoon.Add(11*time.Hour), "")
	old := f.importLines(t, billDay, billLine("dear", dear, bill.Fee, 1200), billLine("cheap", cheap, bill.Fee, 900), billLine("nobody", reconcile.Ref{}, bill.Fee, 800)).Bill
	items := f.openItems(t)
	require.Len(t, items, 4)
	refused := func(which string, says ...string) {
		t.Helper()
		before := f.balances(t)
		text := billText(t, billLine("dear", dear, bill.Fee, 1000))
		for _, dry := range []bool{true, false} {
			_, err := f.replaceText(t, billDay, text, which, dry)
			require.Error(t, err)
			for _, s := range says {
				require.ErrorContains(t, err, s)
			}
		}
		require.Equal(t, before, f.balances(t))
	}
	refused("99", "no such bill: 99")
	refused("deadbeef", "no such bill: deadbeef")
	refused("latest", "neither a bill's number nor")
	_, err := f.replaceText(t, "2026-11-12", billText(t), "1", true)
	require.ErrorIs(t, err, store.ErrNoBill)
	require.ErrorContains(t, err, "shansong/main for 2026-11-11, not of shansong/main for 2026-11-12")

	id, err := f.WriteOffBillItem(t.Context(), auditor, items[2].ID, "too small", nextDay)
	require.NoError(t, err)
	refused("1", "cannot be replaced any more", "item 3 (unknown_waybill, line 4, nobody): proposal 1 is to write it off, void that first")
	_, err = f.AcceptBillItem(t.Context(), auditor, items[0].ID, "they are right", nextDay)
	require.NoError(t, err)
	f.importLines(t, "2026-11-12", onDay(billLine("late", late, bill.Fee, 400), 1))
	refused(old.SHA256, "3 are settled", "item 1 (overbilled, line 2, dear): wang accepted it", "item 4 (not_yet_billed, late): bill 2 answered it")
	_, err = f.Decide(t.Context(), auditor, id, false, nextDay)
	require.NoError(t, err)
	refused("1", "2 are settled")
	f.tied(t)
}

// The month of the bill is closed: it may be replaced, and every entry of that is in the open one.
func TestReplaceABillOfAClosedMonth(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 1)
	ref := f.delivery(t, "dear", 1000)
	old := f.importLines(t, billDay, billLine("dear", ref, bill.Fee, 1200)).Bill
	f.exec(t, "UPDATE ledger_mark SET closed = '2026-11'") // as a close leaves it
	last := one[int64](t, f, "SELECT MAX(id) FROM ledger_entry")
	f.replaceLines(t, billDay, old, billLine("dear", ref, bill.Fee, 1100))
	require.Equal(t, money.Fen(100), f.balances(t)["suspense:shansong"])
	require.Equal(t, []string{"2026-12"}, f.strings(t, "SELECT DISTINCT period FROM ledger_entry WHERE id > ?", last))
	f.tied(t)
}

// Two people replace the same bill at once: one of them does.
func TestABillIsReplacedOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 1)
	ref := f.delivery(t, "dear", 1000)
	f.importLines(t, billDay, billLine("dear", ref, bill.Fee, 1200))
	var group sync.WaitGroup
	errs := make([]error, 3)
	texts := make([]string, len(errs))
	for i := range errs {
		texts[i] = billText(t, billLine("dear", ref, bill.Fee, money.Fen(1100+i)))
	}
	for i := range errs {
		group.Go(func() { _, errs[i] = f.replaceText(t, billDay, texts[i], "1", false) })
	}
	group.Wait()
	won := 0
	for i, err := range errs {
		if err == nil {
			won++
			require.Equal(t, money.Fen(100+i), f.balances(t)["suspense:shansong"])
			continue
		}
		require.Regexp(t, "was replaced by bill|was imported meanwhile|imported before", err.Error())
	}
	require.Equal(t, 1, won)
	require.Equal(t, 2, one[int](t, f, "SELECT COUNT(*) FROM bill"))
	f.tied(t)
}

// Everything of it is done by the application's user; why it is done has to be said.
func TestReplacingAsTheApplication(t *testing.T) {
	t.Parallel()
	c := newCorrected(t)
	c.fixture = c.asApplication(t)
	old := c.importLines(t, billDay, billLine("a", c.refs["a"], bill.Fee, 1200), billLine("fine", c.refs["fine"], bill.Penalty, 500), billLine("late", c.refs["late"], bill.Fee, 1000)).Bill
	c.replaceLines(t, billDay, old, billLine("a", c.refs["a"], bill.Fee, 1000), billLine("fine", c.refs["fine"], bill.Penalty, 350), billLine("late", c.refs["late"], bill.Fee, 1000))
	c.tied(t)
	_, err := c.ImportBill(t.Context(), auditor, store.BillFile{Carrier: "shansong", Account: "main", Day: billDay, SHA256: strings.Repeat("a", 64), Replaces: 3, Note: " "}, nextDay)
	require.ErrorContains(t, err, "say why bill 3 is replaced")
}
