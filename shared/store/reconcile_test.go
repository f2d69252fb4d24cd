package store_test

import (
	"fmt"
	"maps"
	"slices"
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

// billDay is the day of the bills of these tests, and billNoon an instant of it.
const billDay = "2026-11-11"

var (
	billNoon = time.Date(2026, 11, 11, 4, 0, 0, 0, time.UTC)
	auditor  = store.Act{By: "wang", At: now}
	nextDay  = time.Date(2026, 11, 15, 3, 0, 0, 0, time.UTC) // when the bills of all these days are there
)

// waybill plants an attempt of 闪送 whose carrier's number is no.
func (f fixture) waybill(t testing.TB, no, account string) reconcile.Ref {
	t.Helper()
	id := newID()
	f.exec(t, "INSERT INTO attempt (order_id, n, carrier, account, carrier_no, state, under, cause, token, price_fen, shard, held_fen, booked_fen, penalty_fen, cancel_fee_fen, want,"+
		" call_kind, call_seq, call_owner, call_until, call_doubt, call_seen, tries, refusals, next_call_at, doubt_since_at, not_found, rider, last_at, placed_at, accepted_at, picked_at, changed, confirmed, resolved)"+
		" VALUES (?, 1, 'shansong', ?, ?, 'delivered', '', '', 'token', 1000, 0, 0, 0, 0, NULL, '{}', '', 3, '', 0, '', 5, 0, 0, NULL, NULL, 0, NULL, 0, 0, 0, 0, 9, TRUE, FALSE)", id, account, no)
	f.exec(t, "INSERT INTO carrier_ref VALUES ('shansong', ?, ?, 1)", no, id)
	return reconcile.Ref{Order: id, N: 1}
}

// book plants the entries of a fact about an attempt, as settle would post it.
func (f fixture) book(t testing.TB, ref reconcile.Ref, kind string, amount money.Fen, at time.Time, cause string) {
	t.Helper()
	seq := one[int](t, f, "SELECT COUNT(*) FROM ledger_entry WHERE order_id = ?", ref.Order)
	entries, err := ledger.Post(ref.Order, order.Fact{N: ref.N, Kind: kind, Seq: seq, Amount: amount, Party: "shansong", Account: "main", Cause: cause, At: at}, ledger.Desk{Now: at})
	require.NoError(t, err)
	for _, e := range entries {
		f.exec(t, "INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, n, reason, event_at, posted_at, period) VALUES (?,?,?,?,?,?,?,?,?,?)",
			e.Tx, e.Account, e.Debit, int64(e.Amount), e.OrderID, e.N, e.Reason, e.EventAt.UnixMilli(), e.PostedAt.UnixMilli(), e.Period)
	}
}

// delivery is a waybill that cost a fee on the bills' day.
func (f fixture) delivery(t testing.TB, no string, fee money.Fen) reconcile.Ref {
	t.Helper()
	ref := f.waybill(t, no, "main")
	f.book(t, ref, order.FactCapture, fee, billNoon, "")
	return ref
}

func billLine(no string, ref reconcile.Ref, kind bill.Kind, amount money.Fen) bill.Line {
	l := bill.Line{CarrierNo: no, Kind: kind, Amount: amount, At: billNoon}
	if ref.Order > 0 {
		l.ClientNo = order.OurNo(ref.Order, ref.N)
	}
	return l
}

// billText writes a bill of 闪送.
func billText(t testing.TB, lines ...bill.Line) string {
	t.Helper()
	m, err := bill.Default("shansong")
	require.NoError(t, err)
	var b strings.Builder
	require.NoError(t, bill.Write(&b, m, slices.Values(lines)))
	return b.String()
}

func (f fixture) importText(t testing.TB, day, text string, dry bool) (billimport.Result, error) {
	t.Helper()
	m, err := bill.Default("shansong")
	require.NoError(t, err)
	job := billimport.Job{Carrier: "shansong", Account: "main", Day: day, Name: "bill.csv", Mapping: m, DryRun: dry, Options: reconcile.Options{Parts: 4, Dir: t.TempDir()}}
	return billimport.Run(t.Context(), f.Store, auditor, strings.NewReader(text), job, nextDay)
}

func (f fixture) importLines(t testing.TB, day string, lines ...bill.Line) billimport.Result {
	t.Helper()
	r, err := f.importText(t, day, billText(t, lines...), false)
	require.NoError(t, err)
	return r
}

// balances are every account that has one.
func (f fixture) balances(t testing.TB) map[string]money.Fen {
	t.Helper()
	list, err := f.Balances(t.Context())
	require.NoError(t, err)
	out := map[string]money.Fen{}
	for _, b := range list {
		if b.BalanceFen != 0 {
			out[b.Account] = b.BalanceFen
		}
	}
	return out
}

// differ is what changed from one set of balances to another.
func differ(before, after map[string]money.Fen) map[string]money.Fen {
	out := map[string]money.Fen{}
	for account := range maps.Keys(after) {
		out[account] = after[account] - before[account]
	}
	for account := range maps.Keys(before) {
		out[account] = after[account] - before[account]
	}
	maps.DeleteFunc(out, func(_ string, v money.Fen) bool { return v == 0 })
	return out
}

func (f fixture) openItems(t testing.TB) []store.Item {
	t.Helper()
	list, err := f.Items(t.Context(), store.ItemFilter{Open: true})
	require.NoError(t, err)
	return list
}

// tied requires that every fen of suspense belongs to an open item with an owner.
func (f fixture) tied(t testing.TB) {
	t.Helper()
	gaps, err := f.SuspenseGaps(t.Context())
	require.NoError(t, err)
	require.Empty(t, gaps)
}

// A bill with a mistake of each kind: each is named, what differs stands in suspense, the
// prepaid balance does not move, and after each is resolved as it should be the books are as before.
func TestImportBill(t *testing.T) {
	t.Parallel()
	f := open(t)
	refs := map[string]reconcile.Ref{}
	for _, no := range []string{"right", "dear", "cheap", "twice", "lacking", "fined", "tipped"} {
		refs[no] = f.delivery(t, no, 1000)
	}
	second := f.waybill(t, "second", "second")
	f.book(t, second, order.FactCapture, 700, billNoon, "")
	race := f.waybill(t, "race", "main")
	f.book(t, race, order.FactPenalty, 900, billNoon, order.CauseLostRace)
	before := f.balances(t)
	lines := []bill.Line{
		billLine("right", refs["right"], bill.Fee, 1000), billLine("dear", refs["dear"], bill.Fee, 1200), billLine("cheap", refs["cheap"], bill.Fee, 900),
		billLine("twice", refs["twice"], bill.Fee, 1000), billLine("twice", refs["twice"], bill.Fee, 1000), billLine("nobody", reconcile.Ref{}, bill.Fee, 800),
		billLine("fined", refs["fined"], bill.Fee, 1000), billLine("fined", refs["fined"], bill.Penalty, 300), billLine("tipped", refs["tipped"], bill.Fee, 1000),
		billLine("tipped", refs["tipped"], bill.Tip, 150), billLine("race", race, bill.Fee, 900), billLine("second", second, bill.Fee, 700),
	}
	text := billText(t, lines...)
	dry, err := f.importText(t, billDay, text, true)
	require.NoError(t, err)
	require.Nil(t, dry.Bill)
	require.Equal(t, before, f.balances(t), "a dry run")
	require.Empty(t, f.openItems(t))

	done, err := f.importText(t, billDay, text, false)
	require.NoError(t, err)
	require.Equal(t, dry.Report, done.Report)
	require.Equal(t, map[reconcile.Outcome]int{reconcile.Matched: 4, reconcile.Explained: 1, reconcile.Disputed: 6, reconcile.Suspense: 1}, done.Outcomes)
	want := []string{
		"3 overbilled 200", "4 underbilled -100", "6 duplicate 1000", "7 unknown_waybill 800", "9 penalty_none 300", "11 tip_not_promised 150", "13 other_account 700", "0 not_billed -1000",
	}
	var got, items []string
	for _, x := range done.Findings {
		got = append(got, fmt.Sprintf("%d %s %d", x.Line.No, x.Why, x.Diff))
	}
	require.Equal(t, want, got)
	var sum money.Fen
	for _, x := range f.openItems(t) {
		items = append(items, fmt.Sprintf("%d %s %d", x.LineNo, x.Kind, x.Suspense))
		require.Equal(t, "wang", x.Owner)
		require.Equal(t, done.Bill.ID, x.SourceID)
		require.Equal(t, x.LineNo == 0, x.Raw == "")
		sum += x.Suspense
	}
	require.Equal(t, want, items)
	require.Equal(t, map[string]money.Fen{"suspense:shansong": sum, "carrier:shansong:main:payable": -sum}, differ(before, f.balances(t)), "the prepaid balance does not move")
	f.tied(t)

	for _, x := range f.openItems(t) {
		end, err := f.WithdrawBillItem(t.Context(), auditor, x.ID, "credit note", now)
		require.NoError(t, err)
		require.Equal(t, store.ItemResolved, end.State)
		require.Zero(t, end.Suspense)
		_, err = f.AcceptBillItem(t.Context(), auditor, x.ID, "after all", now)
		require.ErrorIs(t, err, store.ErrItemResolved)
	}
	require.Equal(t, before, f.balances(t))
	f.tied(t)
}

// What the carrier was right about becomes the order's cost, in the account where it belongs, and
// the prepaid balance and its shards follow.
func TestAcceptBillItems(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 2)
	dear, tipped, gone := f.delivery(t, "dear", 1000), f.delivery(t, "tipped", 1000), f.delivery(t, "gone", 400)
	race := f.waybill(t, "race", "main")
	f.book(t, race, order.FactPenalty, 900, billNoon, order.CauseLostRace)
	fine := f.waybill(t, "fine", "main")
	f.book(t, fine, order.FactPenalty, 200, billNoon, order.CauseCancelled)
	claim := f.delivery(t, "claim", 500)
	before := f.balances(t)
	free := one[int64](t, f, "SELECT SUM(free_fen) FROM prepaid_shard")
	f.importLines(t, billDay,
		billLine("dear", dear, bill.Fee, 1200), billLine("tipped", tipped, bill.Fee, 1000), billLine("tipped", tipped, bill.Tip, 150), billLine("race", race, bill.Fee, 950),
		billLine("fine", fine, bill.Penalty, 260), billLine("claim", claim, bill.Fee, 500), billLine("claim", claim, bill.Compensation, 30))
	for _, x := range f.openItems(t) {
		_, err := f.AcceptBillItem(t.Context(), auditor, x.ID, "they are right", now)
		require.NoError(t, err, x.Kind)
	}
	const total = 200 + 150 + 50 + 60 - 30 - 400
	require.Equal(t, map[string]money.Fen{
		"expense:delivery:shansong": 200 - 400, "expense:tip:shansong": 150, "expense:penalty:shansong:lost_race": 50, "expense:penalty:shansong:order_cancelled": 60,
		"income:compensation:shansong": -30, "carrier:shansong:main:prepaid": -total,
	}, differ(before, f.balances(t)))
	require.Equal(t, free-total, one[int64](t, f, "SELECT SUM(free_fen) FROM prepaid_shard"))
	require.Equal(t, int64(-400), one[int64](t, f, "SELECT SUM(IF(debit, amount_fen, -amount_fen)) FROM ledger_entry WHERE order_id = ? AND n = 1 AND account LIKE 'expense:%' AND tx LIKE 'item:%'", gone.Order))
	f.tied(t)
}

// A carrier's own 违约金 replaces our estimate at once; what it stated itself is believed before its bill.
func TestOwnFigure(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 2)
	guessed, told, agreed := f.waybill(t, "guessed", "main"), f.waybill(t, "told", "main"), f.waybill(t, "agreed", "main")
	for ref, figures := range map[reconcile.Ref][]string{guessed: {"rule", "estimated"}, told: {"carrier"}, agreed: {"rule", "estimated", "carrier"}} {
		f.book(t, ref, order.FactPenalty, 300, billNoon, order.CauseCancelled)
		for i, from := range figures {
			f.exec(t, "INSERT INTO order_event (order_id, input_key, version, n, kind, from_name, to_name, decision, milestone, at) VALUES (?, ?, ?, 1, 'penalty', ?, '3.00', 'applied', FALSE, 0)", ref.Order, "k"+from, i+3, from)
		}
	}
	before := f.balances(t)
	done := f.importLines(t, billDay, billLine("guessed", guessed, bill.Penalty, 500), billLine("told", told, bill.Penalty, 500), billLine("agreed", agreed, bill.Penalty, 500))
	require.Equal(t, map[reconcile.Why]int{reconcile.OwnFigure: 1, reconcile.Overbilled: 2}, done.Whys)
	require.Equal(t, map[string]money.Fen{"expense:penalty:shansong:order_cancelled": 200, "carrier:shansong:main:prepaid": -200, "suspense:shansong": 400, "carrier:shansong:main:payable": -400},
		differ(before, f.balances(t)))
	items, err := f.Items(t.Context(), store.ItemFilter{Kind: string(reconcile.OwnFigure)})
	require.NoError(t, err)
	require.Len(t, items, 1)
	require.Equal(t, []string{store.ItemResolved, store.ResolvedOwnFigure}, []string{items[0].State, items[0].Resolution})
	f.tied(t)
}

// What is missing late in the day may come with the next bill; when it does not, it is in
// suspense, and when it comes after all, it is settled. A line that comes before our booking waits for it.
func TestNeighbouringDays(t *testing.T) {
	t.Parallel()
	f := open(t)
	night := time.Date(2026, 11, 11, 15, 30, 0, 0, time.UTC)
	comes, never, early, fourth := f.waybill(t, "comes", "main"), f.waybill(t, "never", "main"), f.waybill(t, "early", "main"), f.waybill(t, "fourth", "main")
	f.book(t, comes, order.FactCapture, 1000, night, "")
	f.book(t, never, order.FactCapture, 600, night, "")
	f.book(t, early, order.FactCapture, 500, night.Add(time.Hour), "") // after midnight in Shanghai
	f.book(t, fourth, order.FactCapture, 400, night.Add(-12*time.Hour), "")
	before := f.balances(t)
	first := f.importLines(t, billDay, billLine("early", early, bill.Fee, 500))
	require.Equal(t, map[reconcile.Why]int{reconcile.CutOff: 1, reconcile.NotYetBilled: 2, reconcile.NotBilled: 1}, first.Whys)
	require.Equal(t, map[string]money.Fen{"suspense:shansong": -400, "carrier:shansong:main:payable": 400}, differ(before, f.balances(t)))

	on := func(l bill.Line, day int) bill.Line { l.At = l.At.AddDate(0, 0, day); return l }
	next := f.importLines(t, "2026-11-12", on(billLine("comes", comes, bill.Fee, 1000), 1))
	require.Equal(t, map[reconcile.Why]int{reconcile.BilledLater: 2}, next.Whys, "the late line, and the booking that was billed early")
	require.Equal(t, map[string]money.Fen{"suspense:shansong": -1000, "carrier:shansong:main:payable": 1000}, differ(before, f.balances(t)), "what never came is in suspense, too")
	f.tied(t)

	require.Positive(t, f.seal(t))
	f.tied(t) // by what is sealed, too

	third := f.importLines(t, "2026-11-13", on(billLine("never", never, bill.Fee, 600), 2), on(billLine("comes", comes, bill.Fee, 1000), 2), on(billLine("fourth", fourth, bill.Fee, 450), 2))
	require.Equal(t, map[reconcile.Why]int{reconcile.BilledLater: 1, reconcile.Overbilled: 1, reconcile.AlreadyBilled: 1}, third.Whys)
	for _, x := range f.openItems(t) {
		require.Contains(t, []money.Fen{1000, 50}, x.Suspense)
		_, err := f.WithdrawBillItem(t.Context(), auditor, x.ID, "credit note", now)
		require.NoError(t, err)
	}
	require.Equal(t, before, f.balances(t))
	f.tied(t)
}

// A write-off takes a second person, and ends the item.
func TestWriteOffBillItem(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 1)
	f.importLines(t, billDay, billLine("nobody", reconcile.Ref{}, bill.Fee, 800))
	item := f.openItems(t)[0]
	before := f.balances(t)
	id, err := f.WriteOffBillItem(t.Context(), auditor, item.ID, "too small", now)
	require.NoError(t, err)
	require.Equal(t, before, f.balances(t), "it waits")
	_, err = f.Decide(t.Context(), auditor, id, true, now)
	require.ErrorIs(t, err, store.ErrOwnProposal)
	_, err = f.Decide(t.Context(), store.Act{By: "li", At: now}, id, true, now)
	require.NoError(t, err)
	require.Equal(t, map[string]money.Fen{"expense:bad_debt:shansong": 800, "carrier:shansong:main:prepaid": -800, "suspense:shansong": -800, "carrier:shansong:main:payable": 800}, differ(before, f.balances(t)))
	require.Empty(t, f.openItems(t))
	f.tied(t)

	_, err = f.WriteOffBillItem(t.Context(), auditor, item.ID, "again", now)
	require.ErrorIs(t, err, store.ErrItemResolved)
}
