package store_test

import (
	"bytes"
	"fmt"
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

// owed are a platform's accounts, as "receivable penalty_receivable payable".
func (f fixture) owed(t testing.TB) [3]money.Fen {
	t.Helper()
	return [3]money.Fen{f.balance(t, "platform:meituan:receivable"), f.balance(t, "platform:meituan:penalty_receivable"), f.balance(t, "platform:meituan:payable")}
}

func (f fixture) pay(t testing.TB, id int64, key string, amount money.Fen) statement.Statement {
	t.Helper()
	st, booked, err := f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: id, Key: key, Amount: amount, At: now}, now)
	require.NoError(t, err)
	require.True(t, booked)
	return st
}

// Whatever reference a payment may be booked with, it can be taken back with.
func TestAnyPaymentCanBeTakenBack(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.earn(t, newID(), order.FactIncome, 10_000, business(9))
	st := f.issue(t, 9, 10)
	for n := 1; n <= 64; n++ {
		key := strings.Repeat("B", n)
		_, _, err := f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: st.ID, Key: key, Amount: 1, At: now}, now)
		if err != nil {
			require.ErrorIs(t, err, store.ErrPaymentKey)
			require.Greater(t, n, 40, "references of banks are that long")
			continue
		}
		_, undone, err := f.UnpayStatement(t.Context(), zhao, st.ID, key, "x", now)
		require.NoError(t, err, "%d bytes", n)
		require.True(t, undone)
	}
	require.Zero(t, f.balance(t, ledger.Bank))
	f.ties(t)
}

// A statement of which nothing is open has nothing on any account: deliveries that we owe back
// do not stand against a 违约金 for ever.
func TestAPaidStatementHasNothingOnAnyAccount(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 3)
	f.earn(t, ids[0], order.FactIncome, 400, business(9))
	f.earn(t, ids[1], order.FactPenaltyIn, 400, business(9))
	st := f.issue(t, 9, 10)
	f.pay(t, st.ID, "B-1", 400) // for the delivery
	reject := func(order int64) statement.Statement {
		after, done, err := f.RejectLine(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: order, At: now}, now)
		require.NoError(t, err)
		require.True(t, done)
		f.ties(t)
		return after
	}
	require.Equal(t, statement.Paid, reject(ids[0]).State)
	require.Equal(t, [3]money.Fen{}, f.owed(t))
	lifted, err := f.LiftRejection(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: ids[0], At: now}, now)
	require.NoError(t, err)
	require.Equal(t, []any{statement.PartPaid, money.Fen(400)}, []any{lifted.State, lifted.Open()})
	f.ties(t)
	require.Equal(t, statement.Paid, reject(ids[0]).State, "again, under a key of its own")
	require.Equal(t, [3]money.Fen{}, f.owed(t))
	_, undone, err := f.UnpayStatement(t.Context(), zhao, st.ID, "B-1", "x", now)
	require.NoError(t, err)
	require.True(t, undone)
	f.ties(t)
	require.Equal(t, statement.Paid, f.pay(t, st.ID, "B-2", 400).State)
	require.Equal(t, [3]money.Fen{}, f.owed(t))
	f.linesOf(t, st.ID)

	f.earn(t, ids[2], order.FactIncome, 300, business(10))
	f.earn(t, ids[2], order.FactPenaltyIn, -300, business(10)) // a correction of an older one
	st = f.issue(t, 0, 11)
	require.Equal(t, []any{statement.Paid, money.Fen(0)}, []any{st.State, st.Total})
	require.Equal(t, [3]money.Fen{}, f.owed(t), "as issued, too")
	f.ties(t)
}

// A platform that refused a part of a line, and was given it, may refuse what is left.
func TestTheRestOfALineIsRefused(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.earn(t, id, order.FactIncome, 1000, business(9))
	st := f.issue(t, 9, 10)
	reject := func(amount money.Fen, again bool) (statement.Statement, bool, error) {
		after, done, err := f.RejectLine(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: id, Amount: amount, Again: again, Note: "x", At: now}, now)
		f.ties(t)
		return after, done, err
	}
	rejects := func(amount money.Fen, again, want bool, open money.Fen) {
		t.Helper()
		after, done, err := reject(amount, again)
		require.NoError(t, err)
		require.Equal(t, []any{want, open}, []any{done, after.Open()})
	}
	refuses := func(amount money.Fen, again bool, says string) {
		t.Helper()
		_, done, err := reject(amount, again)
		require.ErrorIs(t, err, store.ErrRejection)
		require.ErrorContains(t, err, says)
		require.False(t, done)
	}
	line := store.Rejection{Statement: st.ID, Order: id, At: now}

	rejects(300, true, true, 700) // again is no harm where there was nothing
	rejects(300, false, false, 700)
	rejects(300, true, false, 700)       // it was said twice: the first is not settled
	refuses(0, false, "lift that first") // all of it is not what was rejected
	refuses(200, false, "lift that first")
	refuses(200, true, "lift that first")
	_, err := f.ConcedeRejection(t.Context(), zhao, line, now)
	require.NoError(t, err)

	for _, amount := range []money.Fen{0, 300, 200} { // nobody can tell a repeat from another refusal: it is not passed over
		refuses(amount, false, "--again")
	}
	refuses(701, true, "at most the 7.00")
	rejects(200, true, true, 500)
	again, err := f.ReissueStatement(t.Context(), zhao, st.ID, now)
	require.NoError(t, err)
	require.Equal(t, []any{money.Fen(500), money.Fen(500), 1}, []any{again.Total, again.Open(), again.Lines})
	require.Equal(t, []string{"delivery 500"}, f.linesOf(t, st.ID))
	lifted, err := f.LiftRejection(t.Context(), zhao, line, now)
	require.NoError(t, err)
	require.Equal(t, money.Fen(700), lifted.Open(), "what was conceded stays so")
	f.ties(t)

	rejects(0, true, true, 0) // all that is left
	proposal, err := f.WriteOffRejection(t.Context(), zhao, line)
	require.NoError(t, err)
	_, err = f.Decide(t.Context(), store.Act{By: "qian", At: now}, proposal, true, now)
	require.NoError(t, err)
	rejects(0, false, false, 0)
	refuses(1, true, "nothing is left")
	again, err = f.ReissueStatement(t.Context(), zhao, st.ID, now)
	require.NoError(t, err)
	require.Equal(t, []any{money.Fen(0), 0}, []any{again.Total, again.Lines})
	require.Empty(t, f.linesOf(t, st.ID))
	require.Equal(t, []money.Fen{-700, 700, 0}, []money.Fen{f.balance(t, "income:delivery:meituan"), f.balance(t, "expense:bad_debt:meituan"), f.balance(t, "suspense:meituan")})
	require.Equal(t, [3]money.Fen{}, f.owed(t))
	f.ties(t)
}

// A platform that wins nothing by its refusal pays weeks later what was given up by then.
func TestWhatWasGivenUpIsPaidAfterAll(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.earn(t, id, order.FactIncome, 1000, business(9))
	f.earn(t, id, order.FactPenaltyIn, 200, business(9))
	st := f.issue(t, 9, 10)
	line := store.Rejection{Statement: st.ID, Order: id, Kind: statement.Delivery, Again: true, At: now}
	reject := func(kind statement.Kind, amount money.Fen) {
		r := line
		r.Kind, r.Amount = kind, amount
		_, done, err := f.RejectLine(t.Context(), zhao, r, now)
		require.NoError(t, err)
		require.True(t, done)
	}
	reject(statement.Delivery, 300)
	_, err := f.RecoverRejection(t.Context(), zhao, line, now)
	require.ErrorIs(t, err, store.ErrRejection, "it waits: it is lifted")
	_, err = f.ConcedeRejection(t.Context(), zhao, line, now)
	require.NoError(t, err)
	reject(statement.Delivery, 200)
	proposal, err := f.WriteOffRejection(t.Context(), zhao, line)
	require.NoError(t, err)
	_, err = f.Decide(t.Context(), wang, proposal, true, now)
	require.NoError(t, err)
	reject(statement.Delivery, 100) // waits
	reject(statement.Penalty, 200)
	fine := line
	fine.Kind = statement.Penalty
	_, err = f.ConcedeRejection(t.Context(), zhao, fine, now)
	require.NoError(t, err)
	_, err = f.ReissueStatement(t.Context(), zhao, st.ID, now)
	require.NoError(t, err)
	require.Equal(t, []string{"delivery 400"}, f.linesOf(t, st.ID))
	f.pay(t, st.ID, "B-1", 400)

	either := line
	either.Kind = ""
	_, err = f.RecoverRejection(t.Context(), zhao, either, now)
	require.ErrorContains(t, err, "--kind")
	after, err := f.RecoverRejection(t.Context(), zhao, line, now)
	require.NoError(t, err)
	require.Equal(t, []any{money.Fen(500), statement.PartPaid}, []any{after.Open(), after.State})
	require.Equal(t, []money.Fen{-1000, 0, 100, 500}, []money.Fen{f.balance(t, "income:delivery:meituan"), f.balance(t, "expense:bad_debt:meituan"), f.balance(t, "suspense:meituan"), f.balance(t, "platform:meituan:receivable")})
	f.ties(t)
	_, err = f.RecoverRejection(t.Context(), zhao, line, now)
	require.ErrorIs(t, err, store.ErrRejection, "once")
	_, err = f.LiftRejection(t.Context(), zhao, line, now)
	require.NoError(t, err)
	_, err = f.RecoverRejection(t.Context(), zhao, either, now)
	require.NoError(t, err, "of the 违约金 it is the only one")
	f.ties(t)
	require.Equal(t, statement.Paid, f.pay(t, st.ID, "B-2", 800).State)
	_, err = f.ReissueStatement(t.Context(), zhao, st.ID, now)
	require.NoError(t, err)
	require.Equal(t, []string{"delivery 1000", "penalty 200"}, f.linesOf(t, st.ID))
	require.Equal(t, [3]money.Fen{}, f.owed(t))
	require.Equal(t, money.Fen(1200), f.balance(t, ledger.Bank))
	f.ties(t)
	line.Again = false
	reject(statement.Delivery, 50) // and may be refused once more
	f.ties(t)
}

// Two people reject the same line, wholly and in part: one of them does.
func TestConcurrentRejections(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.earn(t, id, order.FactIncome, 1000, business(9))
	st := f.issue(t, 9, 10)
	var group sync.WaitGroup
	done, failed := make([]bool, 8), make([]error, 8)
	for i := range done {
		group.Go(func() {
			_, done[i], failed[i] = f.RejectLine(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: id, Amount: money.Fen(300 + 100*(i%2)), Again: i > 3, At: now}, now)
		})
	}
	group.Wait()
	won := 0
	for i := range done {
		if done[i] {
			won++
		}
		if failed[i] != nil {
			require.ErrorIs(t, failed[i], store.ErrRejection)
		}
	}
	require.Equal(t, 1, won)
	f.ties(t)
}

// What waits for a second person does not pass once the line was settled otherwise.
func TestALateApprovalOfASettledLine(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.earn(t, id, order.FactIncome, 1000, business(9))
	st := f.issue(t, 9, 10)
	line := store.Rejection{Statement: st.ID, Order: id, At: now}
	_, _, err := f.RejectLine(t.Context(), zhao, line, now)
	require.NoError(t, err)
	proposal, err := f.WriteOffRejection(t.Context(), zhao, line)
	require.NoError(t, err)
	_, err = f.LiftRejection(t.Context(), zhao, line, now)
	require.NoError(t, err)
	_, err = f.Decide(t.Context(), wang, proposal, true, now)
	require.ErrorIs(t, err, store.ErrItemResolved)
	_, _, err = f.RejectLine(t.Context(), zhao, line, now)
	require.NoError(t, err)
	_, err = f.Decide(t.Context(), wang, proposal, true, now)
	require.ErrorIs(t, err, store.ErrItemResolved, "of the line's next refusal it says nothing")
	require.Equal(t, []money.Fen{1000, 0}, []money.Fen{f.balance(t, "suspense:meituan"), f.balance(t, "expense:bad_debt:meituan")})
	f.ties(t)
}

// One bank reference for two statements, of two platforms, at the same time: it came once.
func TestOneTransferForTwoStatements(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.earn(t, newID(), order.FactIncome, 1000, business(9))
	f.post(t, ledger.Transfer{Source: "manual", Key: "i", Reason: "income", EventAt: business(9), Legs: []ledger.Leg{ledger.Debit(ledger.Receivable("jd"), 1000), ledger.Credit(ledger.DeliveryIncome("jd"), 1000)}})
	st := []statement.Statement{f.issue(t, 9, 10)}
	other, err := f.IssueStatement(t.Context(), zhao, store.StatementOrder{Platform: "jd", From: business(9), Until: business(10)}, now)
	require.NoError(t, err)
	st = append(st, other)
	for i := range 10 {
		var group sync.WaitGroup
		failed := make([]error, 2)
		for j := range failed {
			group.Go(func() {
				_, _, failed[j] = f.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: st[j].ID, Key: fmt.Sprint("B-", i), Amount: 10, At: now}, now)
			})
		}
		group.Wait()
		require.True(t, (failed[0] == nil) != (failed[1] == nil), "%v", failed)
		for _, err := range failed {
			if err != nil {
				require.ErrorIs(t, err, store.ErrConflict)
			}
		}
	}
	require.Equal(t, money.Fen(100), f.balance(t, ledger.Bank))
	f.ties(t)
}

// The first and last millisecond of a day, a month and a leap day stand on the statement and in
// the period of their own side.
func TestStatementsAtMidnight(t *testing.T) {
	t.Parallel()
	for _, midnight := range []string{"2027-12-01", "2028-02-29", "2028-03-01", "2028-01-01"} {
		f := open(t)
		until, err := statement.ParseDay(midnight)
		require.NoError(t, err)
		later := until.AddDate(0, 0, 2)
		for i, at := range []time.Time{until.Add(-24 * time.Hour), until.Add(-time.Millisecond), until, until.Add(24*time.Hour - time.Millisecond)} {
			_, err := f.PostTransfers(t.Context(), zhao, []ledger.Transfer{ledger.Compensation(fmt.Sprint(i), "meituan", "late", 1<<i, at)}, later)
			require.NoError(t, err)
		}
		var totals []money.Fen
		for _, end := range []time.Time{until, until.Add(24 * time.Hour)} {
			o := store.StatementOrder{Platform: "meituan", Until: end}
			if len(totals) == 0 {
				o.From = until.Add(-24 * time.Hour)
			}
			st, err := f.IssueStatement(t.Context(), zhao, o, later)
			require.NoError(t, err)
			totals = append(totals, st.Total)
		}
		require.Equal(t, []money.Fen{-3, -12}, totals, midnight)
		require.Equal(t, []string{midnight[:7]}, f.strings(t, "SELECT DISTINCT period FROM ledger_entry WHERE event_at >= ? AND reason LIKE 'compensation:%'", until.UnixMilli()))
		require.Equal(t, []string{ledger.Period(until.Add(-1))}, f.strings(t, "SELECT DISTINCT period FROM ledger_entry WHERE event_at < ?", until.UnixMilli()))
	}
}

// A statement of more lines than are added up or read at a time, late ones among them: its
// file, its page and the ledger agree to the fen.
func TestALongStatementAddsUp(t *testing.T) {
	t.Parallel()
	const lines = 200_003
	f := open(t)
	// Every seventh is of the next day, with an id in between.
	f.exec(t, `INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, reason, event_at, posted_at, period)
 SELECT CONCAT('fact:', seq.n, ':0:income:1'), side.account, side.debit, 1 + seq.n % 977, seq.n, 'income', IF(seq.n % 7 = 0, ?, ?), ?, '2026-11'
 FROM (SELECT a.n + 1000 * b.n + 1 AS n FROM (WITH RECURSIVE d(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 999) SELECT n FROM d) a
  JOIN (WITH RECURSIVE d(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM d WHERE n < 200) SELECT n FROM d) b) seq
 JOIN (SELECT 'platform:meituan:receivable' AS account, TRUE AS debit UNION ALL SELECT 'income:delivery:meituan', FALSE) side WHERE seq.n <= ? ORDER BY seq.n`,
		business(10).UnixMilli(), business(9).UnixMilli(), now.UnixMilli(), lines)
	sum := func(late int) money.Fen {
		return one[money.Fen](t, f, "SELECT SUM(amount_fen) FROM ledger_entry WHERE debit AND account = 'platform:meituan:receivable' AND (order_id % 7 = 0) = ?", late)
	}
	for i, want := range []struct {
		st    statement.Statement
		lines int
	}{{f.issue(t, 9, 10), lines - lines/7}, {f.issue(t, 0, 11), lines / 7}} {
		require.Equal(t, []any{want.lines, sum(i)}, []any{want.st.Lines, want.st.Total})
		source := func(each func(statement.Line) error) error {
			return f.StatementLines(t.Context(), want.st, each)
		}
		var csv, page bytes.Buffer
		require.NoError(t, statement.WriteCSV(&csv, want.st, source))
		require.NoError(t, statement.WritePage(&page, want.st, source))
		require.Contains(t, csv.String(), fmt.Sprintf("合计,%d,,,,%s,,,", want.lines, sum(i).Yuan()))
		require.Equal(t, want.lines+2, bytes.Count(csv.Bytes(), []byte("\r\n")))
		require.Contains(t, strings.ReplaceAll(page.String(), ",", ""), sum(i).Yuan())
	}
	require.Zero(t, f.ties(t).Unbilled)
}

// The answer of the COMMIT is lost: whoever asks again is told that it is done, and nothing is
// booked twice.
func TestAskedAgainAfterALostAnswer(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.earn(t, id, order.FactIncome, 1000, business(9))
	st := f.issue(t, 9, 10)
	for _, step := range []struct {
		name string
		do   func(s *store.Store) (bool, error)
	}{
		{"pay", func(s *store.Store) (bool, error) {
			_, booked, err := s.PayStatement(t.Context(), zhao, store.StatementPayment{Statement: st.ID, Key: "B-1", Amount: 400, At: now}, now)
			return booked, err
		}},
		{"unpay", func(s *store.Store) (bool, error) {
			_, undone, err := s.UnpayStatement(t.Context(), zhao, st.ID, "B-1", "x", now)
			return undone, err
		}},
		{"reject", func(s *store.Store) (bool, error) {
			_, done, err := s.RejectLine(t.Context(), zhao, store.Rejection{Statement: st.ID, Order: id, Amount: 300, At: now}, now)
			return done, err
		}},
	} {
		impatient := f
		impatient.dsn += "&readTimeout=500ms"
		lost, _ := impatient.through(t, "\x03COMMIT") // the command itself, not the isolation of that name
		done, err := step.do(lost)
		require.ErrorIs(t, err, store.ErrAmbiguous, step.name)
		require.False(t, done, step.name)
		done, err = step.do(f.Store)
		require.NoError(t, err, step.name)
		require.False(t, done, "%s was done", step.name)
		f.ties(t)
	}
	require.Equal(t, []money.Fen{0, 300}, []money.Fen{f.balance(t, ledger.Bank), f.balance(t, "suspense:meituan")})
	require.Equal(t, money.Fen(700), f.statement(t, st.ID).Open())
}
