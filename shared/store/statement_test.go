package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/statement"
	"github.com/chuandao/qianfan/shared/store"
)

// zhao does statements at this system time; the tests' now is 2026-11-11, 11:30 in Shanghai.
var zhao = store.Act{By: "zhao", At: now.Add(time.Hour)}

// business is midnight in Shanghai of a day of November 2026.
func business(day int) time.Time { return time.Date(2026, 11, day-1, 16, 0, 0, 0, time.UTC) }

// earn posts what a fact of an order is in the ledger: income or penalty_in of 美团.
func (f fixture) earn(t testing.TB, id int64, kind string, amount money.Fen, at time.Time) {
	t.Helper()
	entries, err := ledger.Post(id, order.Fact{Kind: kind, Seq: int(newID() % 1_000_000), Amount: amount, Party: "meituan", At: at}, ledger.Desk{Now: now})
	require.NoError(t, err)
	f.plantEntries(t, entries...)
}

// plantEntries writes entries as settle would.
func (f fixture) plantEntries(t testing.TB, entries ...ledger.Entry) {
	t.Helper()
	for _, e := range entries {
		f.exec(t, "INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, n, reason, event_at, posted_at, period) VALUES (?,?,?,?,?,?,?,?,?,?)",
			e.Tx, e.Account, e.Debit, int64(e.Amount), e.OrderID, e.N, e.Reason, e.EventAt.UnixMilli(), e.PostedAt.UnixMilli(), e.Period)
	}
}

func (f fixture) issue(t testing.TB, from, until int) statement.Statement {
	t.Helper()
	o := store.StatementOrder{Platform: "meituan", Until: business(until)}
	if from > 0 {
		o.From = business(from)
	}
	st, err := f.IssueStatement(t.Context(), zhao, o, now)
	require.NoError(t, err)
	return st
}

// linesOf reads a statement's lines as "kind amount".
func (f fixture) linesOf(t testing.TB, id int64) []string {
	t.Helper()
	st, err := f.Statement(t.Context(), id)
	require.NoError(t, err)
	out := []string{}
	require.NoError(t, f.StatementLines(t.Context(), st, func(l statement.Line) error {
		out = append(out, fmt.Sprintf("%s %d", l.Kind, int64(l.Amount)))
		return nil
	}))
	var csv, page bytes.Buffer // what is written agrees with what was issued
	source := func(each func(statement.Line) error) error { return f.StatementLines(t.Context(), st, each) }
	require.NoError(t, statement.WriteCSV(&csv, st, source))
	require.NoError(t, statement.WritePage(&page, st, source))
	return out
}

// ties wants statements and ledger to agree, and gives what the check found.
func (f fixture) ties(t testing.TB) store.StatementCheck {
	t.Helper()
	check, err := f.CheckStatements(t.Context(), true, nil)
	require.NoError(t, err)
	require.Empty(t, check.Gaps)
	gaps, err := f.SuspenseGaps(t.Context())
	require.NoError(t, err)
	require.Empty(t, gaps)
	return check
}

func TestStatementFromIssueToPaid(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 4)
	f.earn(t, ids[0], order.FactIncome, 1200, business(9).Add(time.Hour))
	f.earn(t, ids[1], order.FactIncome, 900, business(10).Add(time.Hour))
	f.earn(t, ids[2], order.FactPenaltyIn, 300, business(10).Add(2*time.Hour))
	f.earn(t, ids[3], order.FactIncome, 5000, business(11).Add(time.Hour)) // of today
	require.Equal(t, 1, f.post(t, ledger.Compensation("late-1", "meituan", "late", 100, business(10).Add(3*time.Hour)).On(ids[1], 0)))
	require.Equal(t, money.Fen(7300), f.ties(t).Unbilled)

	dry, err := f.IssueStatement(t.Context(), store.Act{}, store.StatementOrder{Platform: "meituan", From: business(9), Until: business(11), DryRun: true}, now)
	require.NoError(t, err)
	require.Zero(t, dry.ID)
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM statement"), "a dry run writes nothing")
	require.Zero(t, one[int](t, f, "SELECT sealed_id FROM ledger_mark"))

	st := f.issue(t, 9, 11)
	require.Equal(t, dry.Total, st.Total)
	require.Equal(t, "meituan-0001", st.Number())
	require.Equal(t, []any{4, money.Fen(2300), money.Fen(2300), statement.Issued}, []any{st.Lines, st.Total, st.Open(), st.State})
	require.Equal(t, []string{"delivery 1200", "delivery 900", "penalty 300", "compensation -100"}, f.linesOf(t, st.ID))
	require.Zero(t, f.balance(t, "platform:meituan:payable"), "what we owe is deducted")
	require.Equal(t, money.Fen(5000), f.ties(t).Unbilled)

	pay := func(key string, amount money.Fen) (statement.Statement, bool, error) {
		return f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: st.ID, Key: key, Amount: amount, At: now}, now)
	}
	for _, want := range []bool{true, false} {
		after, booked, err := pay("B-1", 1000)
		require.NoError(t, err)
		require.Equal(t, want, booked)
		require.Equal(t, []any{money.Fen(1300), statement.PartPaid}, []any{after.Open(), after.State})
	}
	require.Equal(t, money.Fen(1000), f.balance(t, "bank"), "the same transfer twice is booked once")
	require.Equal(t, money.Fen(6000), f.balance(t, "platform:meituan:receivable"), "deliveries first: 7100 less 100 deducted and 1000 paid")
	_, _, err = pay("B-1", 1001)
	require.ErrorIs(t, err, store.ErrConflict)
	_, _, err = pay("B-2", 1301)
	require.ErrorIs(t, err, statement.ErrPayment)
	f.ties(t)

	// The platform refuses an order, we issue again without it, it pays after all.
	reject := store.Rejection{Statement: st.ID, Order: ids[1], Note: "顾客投诉", At: now}
	for _, want := range []bool{true, false} {
		after, done, err := f.RejectLine(t.Context(), zhao, reject, now)
		require.NoError(t, err)
		require.Equal(t, want, done)
		require.Equal(t, []any{money.Fen(900), money.Fen(400)}, []any{after.Rejected, after.Open()})
	}
	require.Equal(t, money.Fen(900), f.balance(t, "suspense:meituan"))
	items, err := f.Items(t.Context(), store.ItemFilter{Party: "meituan", Open: true})
	require.NoError(t, err)
	require.Len(t, items, 1)
	require.Equal(t, []any{"rejected_delivery", ids[1], money.Fen(900), money.Fen(900), money.Fen(0), "zhao"}, []any{items[0].Kind, items[0].OrderID, items[0].Suspense, items[0].Ours, items[0].Theirs, items[0].Owner})
	require.Len(t, f.linesOf(t, st.ID), 4, "this revision is as it was sent")
	f.ties(t)

	again, err := f.ReissueStatement(t.Context(), zhao, st.ID, now)
	require.NoError(t, err)
	require.Equal(t, []any{"meituan-0001-r2", 3, money.Fen(1400), money.Fen(0), money.Fen(400)}, []any{again.Number(), again.Lines, again.Total, again.Rejected, again.Open()})
	require.Equal(t, []string{"delivery 1200", "penalty 300", "compensation -100"}, f.linesOf(t, st.ID))
	_, err = f.ReissueStatement(t.Context(), zhao, st.ID, now)
	require.ErrorIs(t, err, statement.ErrState)
	f.ties(t)

	lifted, err := f.LiftRejection(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: ids[1], At: now}, now)
	require.NoError(t, err)
	require.Equal(t, money.Fen(1300), lifted.Open())
	require.Zero(t, f.balance(t, "suspense:meituan"))
	again, err = f.ReissueStatement(t.Context(), zhao, st.ID, now)
	require.NoError(t, err)
	require.Equal(t, []any{4, money.Fen(2300)}, []any{again.Lines, again.Total})
	require.Len(t, f.linesOf(t, st.ID), 4)
	f.ties(t)

	// A fact of an old day that is posted late stands on the next statement.
	f.earn(t, newID(), order.FactIncome, 77, business(9).Add(5*time.Hour))
	last, booked, err := pay("B-2", 1300)
	require.NoError(t, err)
	require.True(t, booked)
	require.Equal(t, []any{statement.Paid, money.Fen(0)}, []any{last.State, last.Open()})
	require.Equal(t, money.Fen(5077), f.balance(t, "platform:meituan:receivable"))
	require.Zero(t, f.balance(t, "platform:meituan:penalty_receivable"), "the last payment closes every account")
	_, _, err = pay("B-3", 1)
	require.ErrorIs(t, err, statement.ErrState)
	later := now.AddDate(0, 0, 1)
	next, err := f.IssueStatement(t.Context(), zhao, store.StatementOrder{Platform: "meituan", Until: business(12)}, later)
	require.NoError(t, err)
	require.Equal(t, []any{2, business(11), 2, money.Fen(5077)}, []any{next.Seq, next.From, next.Lines, next.Total})
	require.Equal(t, []string{"delivery 5000", "delivery 77"}, f.linesOf(t, next.ID))
	require.Zero(t, f.ties(t).Unbilled)

	steps, err := f.StatementSteps(t.Context(), st.ID)
	require.NoError(t, err)
	var kinds []string
	for i, x := range steps {
		require.Equal(t, i+1, x.Seq)
		kinds = append(kinds, x.Kind)
	}
	require.Equal(t, "set_off payment rejected reissued lifted reissued payment", strings.Join(kinds, " "))
	require.Equal(t, []string{"statement issue statement/1 zhao", "statement pay statement/1 zhao", "statement reject statement/1 zhao", "statement reissue statement/1 zhao", "statement lift statement/1 zhao",
		"statement reissue statement/1 zhao", "statement pay statement/1 zhao"}, f.lines(t, "statement/1"))
}

// What settle posts is what a statement has, and the platform's books are met to the fen.
func TestStatementOfSettledOrders(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 10_000, 2)
	ids := []int64{f.delivered(t), f.delivered(t)}
	_, err := f.Settle(t.Context(), ids, now)
	require.NoError(t, err)
	st, err := f.IssueStatement(t.Context(), zhao, store.StatementOrder{Platform: "meituan", From: business(1), Until: business(12)}, now.AddDate(0, 0, 1))
	require.NoError(t, err)
	require.Equal(t, []any{2, money.Fen(2400)}, []any{st.Lines, st.Total})
	var numbers []string
	require.NoError(t, f.StatementLines(t.Context(), st, func(l statement.Line) error { numbers = append(numbers, l.OrderNo); return nil }))
	require.Equal(t, f.strings(t, "SELECT no FROM orders ORDER BY id"), numbers, "the platform knows its own numbers only")
	f.ties(t)
}

// Whatever is posted between statements, in whatever order: each earned entry that the marks
// have passed stands on exactly one, and the accounts tie all the time.
func TestStatementsHaveEveryLineOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 4))
	for until := 2; until <= 11; until++ {
		for range rng.IntN(12) {
			at := business(1).Add(time.Duration(rng.IntN(10*24*3600)) * time.Second) // of any day: late ones among them
			id := newID()
			switch amount := money.Fen(1 + rng.IntN(2000)); rng.IntN(5) {
			case 0:
				f.earn(t, id, order.FactPenaltyIn, amount, at)
			case 1:
				f.earn(t, id, order.FactIncome, -amount, at) // a correction
			case 2:
				c := ledger.Compensation(fmt.Sprint("c", id), "meituan", "damaged", amount, at)
				f.post(t, c)
				if rng.IntN(3) == 0 {
					f.post(t, c.Reversed(at))
				}
			default:
				f.earn(t, id, order.FactIncome, amount, at)
			}
		}
		f.ties(t)
		st := f.issue(t, until-1, until)
		if open := st.Open(); open != 0 {
			_, _, err := f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: st.ID, Key: st.Number(), Amount: max(open, -open), At: now}, now)
			require.NoError(t, err)
		}
	}
	f.ties(t)
	seen := map[int64]int{}
	all, err := f.Statements(t.Context(), "meituan", 0)
	require.NoError(t, err)
	require.Len(t, all, 10)
	for _, st := range all {
		f.linesOf(t, st.ID)
		require.NoError(t, f.StatementLines(t.Context(), st, func(l statement.Line) error { seen[l.EntryID]++; return nil }))
	}
	last := all[0]
	earned := f.strings(t, "SELECT id FROM ledger_entry WHERE account LIKE 'platform:meituan:%' AND SUBSTRING_INDEX(reason, ':', 1) IN ('income', 'penalty_in', 'compensation') OR reason LIKE 'reversal:compensation%' AND account LIKE 'platform:%'")
	passed := 0
	for _, text := range earned {
		var id int64
		_, err := fmt.Sscan(text, &id)
		require.NoError(t, err)
		want := 0
		if last.Marks().Have(id, time.UnixMilli(one[int64](t, f, "SELECT event_at FROM ledger_entry WHERE id = ?", id))) {
			want = 1
			passed++
		}
		require.Equal(t, want, seen[id], "entry %d, seed %d", id, seed)
	}
	require.Len(t, seen, passed, "and nothing else stands there")
	require.Equal(t, passed, one[int](t, f, "SELECT SUM(entries) FROM statement"))
}

// Late posters, sealers and several people who issue the same statement: one wins, nothing is
// lost and nothing stands twice.
func TestConcurrentStatements(t *testing.T) {
	t.Parallel()
	f := open(t)
	ctx, cancel := context.WithCancel(t.Context())
	var posting sync.WaitGroup
	for p := range 3 {
		posting.Go(func() {
			for i := 0; ctx.Err() == nil && i < 400; i++ {
				at := business(1 + i%9)
				if _, err := f.PostTransfers(t.Context(), zhao, []ledger.Transfer{ledger.Compensation(fmt.Sprintf("p%d-%d", p, i), "meituan", "late", 1, at)}, now); err != nil {
					t.Errorf("post: %v", err)
					return
				}
			}
		})
	}
	for day := 2; day <= 9; day++ {
		var wg sync.WaitGroup
		results := make([]error, 4)
		for i := range results {
			wg.Go(func() {
				_, results[i] = f.IssueStatement(t.Context(), zhao, store.StatementOrder{Platform: "meituan", From: business(day - 1), Until: business(day)}, now)
			})
		}
		wg.Wait()
		won := 0
		for _, err := range results {
			if err == nil {
				won++
				continue
			}
			require.True(t, errors.Is(err, store.ErrStale) || errors.Is(err, statement.ErrSpan), "%v", err) // it lost, or came after it was over
		}
		require.Equal(t, 1, won)
	}
	cancel()
	posting.Wait()
	require.Equal(t, 8, one[int](t, f, "SELECT COUNT(*) FROM statement"))
	check := f.ties(t)
	require.Equal(t, -money.Fen(one[int](t, f, "SELECT COUNT(*) FROM ledger_entry WHERE account = 'platform:meituan:payable' AND reason LIKE 'compensation:%'")), check.Open+check.Unbilled)
}

func TestConcurrentPaymentsBookOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.earn(t, newID(), order.FactIncome, 1000, business(10))
	st := f.issue(t, 10, 11)
	var wg sync.WaitGroup
	booked, failed := make([]bool, 6), make([]error, 6)
	for i := range booked {
		wg.Go(func() {
			key := "B-1"
			if i%2 == 1 {
				key = "B-2"
			}
			_, booked[i], failed[i] = f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: st.ID, Key: key, Amount: 600, At: now}, now)
		})
	}
	wg.Wait()
	won := 0
	for i := range booked {
		if booked[i] {
			won++
		}
		if failed[i] != nil {
			require.ErrorIs(t, failed[i], statement.ErrPayment, "the other transfer is more than what is left")
		}
	}
	require.Equal(t, 1, won)
	require.Equal(t, money.Fen(600), f.balance(t, "bank"))
	f.ties(t)
}

func TestStatementRefusesBadInput(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 3)
	f.earn(t, ids[0], order.FactIncome, 1000, business(9))
	f.earn(t, ids[0], order.FactPenaltyIn, 200, business(9))
	f.earn(t, ids[1], order.FactIncome, 500, business(9))
	f.earn(t, ids[2], order.FactIncome, 500, business(11))
	st := f.issue(t, 9, 10)
	issue := func(from, until time.Time) error {
		_, err := f.IssueStatement(t.Context(), zhao, store.StatementOrder{Platform: "meituan", From: from, Until: until}, now)
		return err
	}
	pay := func(id int64, key string, amount money.Fen) error {
		_, _, err := f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: id, Key: key, Amount: amount, At: now}, now)
		return err
	}
	reject := func(x store.Rejection) error {
		x.At = now
		_, _, err := f.RejectLine(t.Context(), zhao, x, now)
		return err
	}
	before := f.strings(t, "SELECT CONCAT(account, SUM(IF(debit, amount_fen, -amount_fen))) FROM ledger_entry GROUP BY account ORDER BY account")
	for name, x := range map[string]struct {
		err  error
		want error
	}{
		"until before the previous one": {issue(business(8), business(9)), statement.ErrSpan},
		"the same days again":           {issue(business(9), business(10)), statement.ErrSpan},
		"a gap":                         {issue(business(11), business(12)), statement.ErrSpan},
		"today":                         {issue(time.Time{}, business(12)), statement.ErrSpan},
		"money before the first day":    {second3(f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: st.ID, Key: "B-1", Amount: 1, At: business(9).AddDate(-1, 0, 0)}, now)), statement.ErrPayment},
		"no such statement":             {pay(99, "B-1", 1), store.ErrNoStatement},
		"nothing paid":                  {pay(st.ID, "B-1", 0), statement.ErrPayment},
		"less than nothing":             {pay(st.ID, "B-1", -5), statement.ErrPayment},
		"too much":                      {pay(st.ID, "B-1", 1701), statement.ErrPayment},
		"no key":                        {pay(st.ID, "", 1), store.ErrPaymentKey},
		"a key with blanks":             {pay(st.ID, " B-1", 1), store.ErrPaymentKey},
		"a key too long":                {pay(st.ID, strings.Repeat("B", 57), 1), store.ErrPaymentKey},
		"an order of another day":       {reject(store.Rejection{Statement: st.ID, Order: ids[2]}), store.ErrNotOnStatement},
		"an order of nobody":            {reject(store.Rejection{Statement: st.ID, Order: 5}), store.ErrNotOnStatement},
		"delivery or penalty":           {reject(store.Rejection{Statement: st.ID, Order: ids[0]}), store.ErrRejection},
		"no such kind of it":            {reject(store.Rejection{Statement: st.ID, Order: ids[1], Kind: statement.Penalty}), store.ErrNotOnStatement},
		"more than it has":              {reject(store.Rejection{Statement: st.ID, Order: ids[1], Amount: 501}), store.ErrRejection},
		"a negative rejection":          {reject(store.Rejection{Statement: st.ID, Order: ids[1], Amount: -1}), store.ErrRejection},
		"nothing is rejected":           {second(f.LiftRejection(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: ids[1], At: now}, now)), store.ErrRejection},
		"nothing to concede":            {second(f.ConcedeRejection(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: ids[1], At: now}, now)), store.ErrRejection},
		"nothing to issue again":        {second(f.ReissueStatement(t.Context(), zhao, st.ID, now)), statement.ErrState},
		"nobody":                        {second(f.ReissueStatement(t.Context(), store.Act{}, st.ID, now)), store.ErrNobody},
	} {
		require.ErrorIs(t, x.err, x.want, name)
	}
	require.Equal(t, before, f.strings(t, "SELECT CONCAT(account, SUM(IF(debit, amount_fen, -amount_fen))) FROM ledger_entry GROUP BY account ORDER BY account"), "nothing was booked")
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM statement_step"))
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM money_item"))

	require.NoError(t, pay(st.ID, "B-1", 700))
	require.NoError(t, pay(st.ID, "B-1", 700), "the same again is no mistake")
	require.ErrorIs(t, pay(st.ID, "B-1", 701), store.ErrConflict)
	require.NoError(t, reject(store.Rejection{Statement: st.ID, Order: ids[1], Amount: 200}))
	require.ErrorIs(t, reject(store.Rejection{Statement: st.ID, Order: ids[1], Amount: 300}), store.ErrRejection)
	f.ties(t)
}

func second(_ statement.Statement, err error) error { return err }

func second3(_ statement.Statement, _ bool, err error) error { return err }

// A platform that refuses what it has paid, and compensation beyond what it owes, leave us owing.
func TestStatementThatIsACredit(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.earn(t, id, order.FactIncome, 1000, business(9))
	st := f.issue(t, 9, 10)
	pay := func(id int64, key string, amount money.Fen) statement.Statement {
		after, booked, err := f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: id, Key: key, Amount: amount, At: now}, now)
		require.NoError(t, err)
		require.True(t, booked)
		f.ties(t)
		return after
	}
	require.Equal(t, statement.Paid, pay(st.ID, "B-1", 1000).State)
	refused, done, err := f.RejectLine(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: id, Amount: 400, At: now}, now)
	require.NoError(t, err)
	require.True(t, done)
	require.Equal(t, []any{statement.Credit, money.Fen(-400)}, []any{refused.State, refused.Open()})
	f.ties(t)
	require.Equal(t, statement.Paid, pay(st.ID, "OUT-1", 400).State, "we pay it back")
	require.Equal(t, money.Fen(600), f.balance(t, "bank"))
	conceded, err := f.ConcedeRejection(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: id, Note: "没送到", At: now}, now)
	require.NoError(t, err)
	require.Equal(t, statement.Paid, conceded.State)
	require.Equal(t, money.Fen(-600), f.balance(t, "income:delivery:meituan"), "the income never was")
	require.Zero(t, f.balance(t, "suspense:meituan"))
	again, err := f.ReissueStatement(t.Context(), zhao, st.ID, now)
	require.NoError(t, err)
	require.Equal(t, []any{1, money.Fen(600), money.Fen(0)}, []any{again.Lines, again.Total, again.Open()})
	require.Equal(t, []string{"delivery 600"}, f.linesOf(t, st.ID), "the line is shorter")

	f.post(t, ledger.Compensation("c1", "meituan", "lost", 2500, business(10)))
	f.earn(t, newID(), order.FactIncome, 1000, business(10))
	st = f.issue(t, 0, 11)
	require.Equal(t, []any{statement.Credit, money.Fen(-1500)}, []any{st.State, st.Open()})
	require.Equal(t, statement.Paid, pay(st.ID, "OUT-2", 1500).State)
	require.Equal(t, money.Fen(-900), f.balance(t, "bank"))
	for _, account := range []string{"receivable", "penalty_receivable", "payable"} {
		require.Zero(t, f.balance(t, "platform:meituan:"+account), account)
	}
}

func TestPaymentTakenBack(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.earn(t, newID(), order.FactIncome, 1000, business(9))
	st := f.issue(t, 9, 10)
	_, _, err := f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: st.ID, Key: "B-1", Amount: 1000, At: now}, now)
	require.NoError(t, err)
	for _, want := range []bool{true, false} {
		after, undone, err := f.UnpayStatement(t.Context(), zhao, st.ID, "B-1", "wrong platform", now)
		require.NoError(t, err)
		require.Equal(t, want, undone)
		require.Equal(t, []any{statement.Issued, money.Fen(1000)}, []any{after.State, after.Open()})
		f.ties(t)
	}
	_, _, err = f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: st.ID, Key: "B-1", Amount: 1000, At: now}, now)
	require.ErrorIs(t, err, store.ErrConflict, "it was taken back: silence would lose a payment")
	_, _, err = f.UnpayStatement(t.Context(), zhao, st.ID, "B-9", "", now)
	require.ErrorIs(t, err, statement.ErrPayment)
	require.Zero(t, f.balance(t, "bank"))
}

// A rejected line that nobody will pay is written off by two people.
func TestRejectedLineIsWrittenOff(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.earn(t, id, order.FactPenaltyIn, 300, business(9))
	st := f.issue(t, 9, 10)
	_, _, err := f.RejectLine(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: id, At: now}, now)
	require.NoError(t, err)
	line := store.Rejection{Statement: st.ID, Order: id, Note: "平台拒付", At: now}
	proposal, err := f.WriteOffRejection(t.Context(), zhao, line)
	require.NoError(t, err)
	again, err := f.WriteOffRejection(t.Context(), zhao, line)
	require.NoError(t, err)
	require.Equal(t, proposal, again)
	require.Equal(t, money.Fen(300), f.balance(t, "suspense:meituan"), "it waits for a second person")
	_, err = f.WriteOffRejection(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: 5, At: now})
	require.ErrorIs(t, err, store.ErrRejection)
	_, err = f.Decide(t.Context(), zhao, proposal, true, now)
	require.ErrorIs(t, err, store.ErrOwnProposal)
	_, err = f.Decide(t.Context(), store.Act{By: "qian", At: now}, proposal, true, now)
	require.NoError(t, err)
	require.Equal(t, money.Fen(300), f.balance(t, "expense:bad_debt:meituan"))
	after, err := f.Statement(t.Context(), st.ID)
	require.NoError(t, err)
	require.Equal(t, statement.Paid, after.State, "nothing is open of it")
	f.ties(t)
	_, err = f.LiftRejection(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: id, At: now}, now)
	require.ErrorIs(t, err, store.ErrRejection, "it is settled")
}

// Whatever people do to statements, in whatever order: accounts tie, papers agree with the
// ledger, and no payment is lost or booked twice.
func TestAnyLifeOfAStatementTies(t *testing.T) {
	t.Parallel()
	f := open(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 5))
	ids := f.orders(t, 6)
	for i, id := range ids {
		f.earn(t, id, order.FactIncome, money.Fen(100+rng.IntN(900)), business(9+i%2))
		if i%3 == 0 {
			f.earn(t, id, order.FactPenaltyIn, money.Fen(50+rng.IntN(100)), business(9+i%2))
		}
	}
	f.post(t, ledger.Compensation("c", "meituan", "late", 150, business(9)))
	all := []statement.Statement{f.issue(t, 9, 10), f.issue(t, 10, 11)}
	bank, keys := money.Fen(0), 0
	for range 80 {
		st, err := f.Statement(t.Context(), all[rng.IntN(2)].ID)
		require.NoError(t, err)
		r := store.Rejection{Statement: st.ID, Order: ids[rng.IntN(len(ids))], Kind: statement.Kinds[rng.IntN(2)], At: now}
		switch rng.IntN(7) {
		case 0, 1:
			if open := max(st.Open(), -st.Open()); open > 0 {
				amount := money.Fen(1 + rng.Int64N(int64(open)))
				keys++
				_, booked, err := f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: st.ID, Key: fmt.Sprint("B-", keys), Amount: amount, At: now}, now)
				require.NoError(t, err)
				require.True(t, booked)
				if st.Open() < 0 {
					amount = -amount
				}
				bank += amount
			}
		case 2:
			if r.Again = rng.IntN(2) == 0; rng.IntN(2) == 0 {
				r.Amount = money.Fen(1 + rng.IntN(400))
			}
			_, _, err = f.RejectLine(t.Context(), zhao, r, now)
			require.True(t, err == nil || errors.Is(err, store.ErrNotOnStatement) || errors.Is(err, store.ErrRejection), "%v", err)
		case 3:
			_, err = f.LiftRejection(t.Context(), zhao, r, now)
			require.True(t, err == nil || errors.Is(err, store.ErrRejection), "%v", err)
		case 4:
			switch rng.IntN(4) {
			case 3:
				_, err = f.RecoverRejection(t.Context(), zhao, r, now)
				require.True(t, err == nil || errors.Is(err, store.ErrRejection), "%v", err)
			case 0:
				_, err = f.ConcedeRejection(t.Context(), zhao, r, now)
				require.True(t, err == nil || errors.Is(err, store.ErrRejection), "%v", err)
			case 1:
				proposal, err := f.WriteOffRejection(t.Context(), zhao, r)
				require.True(t, err == nil || errors.Is(err, store.ErrRejection), "%v", err)
				if err == nil {
					_, err = f.Decide(t.Context(), wang, proposal, rng.IntN(2) == 0, now)
					require.NoError(t, err)
				}
			}
		case 5:
			_, err = f.ReissueStatement(t.Context(), zhao, st.ID, now)
			require.True(t, err == nil || errors.Is(err, statement.ErrState), "%v", err)
		case 6:
			key := fmt.Sprint("B-", 1+rng.IntN(keys+1))
			amount := one[money.Fen](t, f, "SELECT COALESCE(SUM(IF(debit, amount_fen, -amount_fen)), 0) FROM ledger_entry WHERE account = 'bank' AND tx = ?", "statement:pay:"+key)
			_, undone, err := f.UnpayStatement(t.Context(), zhao, st.ID, key, "", now)
			require.True(t, err == nil || errors.Is(err, statement.ErrPayment), "%v", err)
			if undone {
				bank -= amount
			}
		}
		f.ties(t)
		f.linesOf(t, st.ID)
		require.Equal(t, bank, f.balance(t, "bank"), "seed %d", seed)
	}
	for i, x := range all {
		if st := f.statement(t, x.ID); st.Open() != 0 {
			f.pay(t, st.ID, fmt.Sprint("last-", i), max(st.Open(), -st.Open()))
		}
	}
	require.Equal(t, [3]money.Fen{}, f.owed(t), "seed %d: what is settled leaves nothing on any account", seed)
	f.ties(t)
}

// What does not tie is named.
func TestCheckNamesGaps(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.earn(t, newID(), order.FactIncome, 1000, business(9))
	st := f.issue(t, 9, 10)
	f.ties(t)
	gaps := func() []string {
		check, err := f.CheckStatements(t.Context(), true, nil)
		require.NoError(t, err)
		var out []string
		for _, g := range check.Gaps {
			out = append(out, fmt.Sprintf("%s %d %d", g.Account, g.Statement, int64(g.GapFen)))
		}
		return out
	}
	f.exec(t, "UPDATE statement SET paid_fen = 10 WHERE id = ?", st.ID)
	require.Equal(t, []string{fmt.Sprintf(" %d 10", st.ID)}, gaps())
	f.exec(t, "UPDATE statement SET paid_fen = 0, state = 'paid' WHERE id = ?", st.ID)
	require.Equal(t, []string{fmt.Sprintf(" %d 0", st.ID)}, gaps())
	f.exec(t, "UPDATE statement SET state = 'issued' WHERE id = ?", st.ID)
	require.Empty(t, gaps())

	f.post(t, statement.Payment("past-the-statements", "meituan", statement.Amounts{Delivery: -70}, now)) // by hand
	require.Equal(t, []string{"platform:meituan:receivable 0 -70"}, gaps())
	f.exec(t, "UPDATE ledger_entry SET amount_fen = 1070 WHERE account = 'platform:meituan:receivable' AND debit") // as only the owner can
	require.Equal(t, []string{fmt.Sprintf(" %d 70", st.ID)}, gaps(), "the account ties again, the statement does not")
}

// An entry whose transaction is still open has a lesser id than those that are committed: the
// statement waits for it rather than pass it by for ever.
func TestStatementWaitsForOpenPostings(t *testing.T) {
	t.Parallel()
	f := open(t)
	tx, err := f.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	require.NoError(t, tx.QueryRowContext(t.Context(), "SELECT id FROM ledger_mark LOCK IN SHARE MODE").Scan(new(int))) // as settle begins
	_, err = tx.ExecContext(t.Context(), "INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, reason, event_at, posted_at, period) VALUES ('fact:1:0:income:1', 'platform:meituan:receivable', TRUE, 500, 1, 'income', ?, ?, '2026-11'), "+
		"('fact:1:0:income:1', 'income:delivery:meituan', FALSE, 500, 1, 'income', ?, ?, '2026-11')", business(9).UnixMilli(), now.UnixMilli(), business(9).UnixMilli(), now.UnixMilli())
	require.NoError(t, err)
	f.post(t, ledger.Compensation("c", "meituan", "late", 100, business(9))) // another one goes by

	type result struct {
		st  statement.Statement
		err error
	}
	issued := make(chan result, 1)
	go func() {
		st, err := f.IssueStatement(t.Context(), zhao, store.StatementOrder{Platform: "meituan", From: business(9), Until: business(10)}, now)
		issued <- result{st, err}
	}()
	require.Eventually(t, func() bool {
		return len(issued) > 0 || f.someoneWaits(t)
	}, 20*time.Second, 50*time.Millisecond)
	require.Empty(t, issued, "it was issued beside an open posting")
	require.NoError(t, tx.Commit())
	r := <-issued
	require.NoError(t, r.err)
	require.Equal(t, []any{2, money.Fen(400)}, []any{r.st.Lines, r.st.Total})
	f.ties(t)
}

// The cost of a line: what is added up, and what is read and written as a file.
func BenchmarkStatement(b *testing.B) {
	const orders = 50_000
	f := open(b)
	f.plant(b, orders) // 京东's, all at the beginning of time
	o := store.StatementOrder{Platform: "jd", From: business(1), Until: business(11), DryRun: true}
	b.Run("issue", func(b *testing.B) {
		for b.Loop() {
			st, err := f.IssueStatement(b.Context(), zhao, o, now)
			require.NoError(b, err)
			require.Equal(b, orders, st.Lines)
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/orders, "ns/line")
	})
	o.DryRun = false
	st, err := f.IssueStatement(b.Context(), zhao, o, now)
	require.NoError(b, err)
	b.Run("csv", func(b *testing.B) {
		for b.Loop() {
			require.NoError(b, statement.WriteCSV(io.Discard, st, func(each func(statement.Line) error) error { return f.StatementLines(b.Context(), st, each) }))
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/orders, "ns/line")
	})
}
