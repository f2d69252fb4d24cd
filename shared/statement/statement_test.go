package statement_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/statement"
)

// day is midnight in Shanghai of a day of November 2026.
func day(n int) time.Time { return time.Date(2026, 11, n-1, 16, 0, 0, 0, time.UTC) }

// Whatever is posted when, and whenever statements are issued: each entry that both marks have
// passed stands on exactly one statement, the others on none.
func TestEveryEntryStandsOnOneStatement(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		type entry struct {
			id int64
			at time.Time
		}
		var entries []entry
		issued := []statement.Marks{{}}
		for range rapid.IntRange(1, 60).Draw(rt, "moves") {
			if rapid.Bool().Draw(rt, "issue") {
				last := issued[len(issued)-1]
				until := day(1 + rapid.IntRange(0, 20).Draw(rt, "until"))
				if until.Before(last.Until) {
					until = last.Until
				}
				issued = append(issued, statement.Marks{Until: until, ToID: int64(len(entries))})
				continue
			}
			at := day(1).Add(time.Duration(rapid.Int64Range(0, 20*24*3600).Draw(rt, "second")) * time.Second) // ids and events are in no order
			entries = append(entries, entry{int64(len(entries) + 1), at})
		}
		last := issued[len(issued)-1]
		for _, e := range entries {
			on := 0
			for i := 1; i < len(issued); i++ {
				if issued[i].Have(e.id, e.at) && !issued[i-1].Have(e.id, e.at) {
					on++
				}
			}
			want := 0
			if last.Have(e.id, e.at) {
				want = 1
			}
			require.Equal(rt, want, on, "entry %d of %s, marks %v", e.id, e.at, issued)
		}
	})
}

func TestSpans(t *testing.T) {
	t.Parallel()
	now := day(10).Add(9 * time.Hour)
	for name, x := range map[string]struct {
		from, until, last time.Time
		wrong             string
	}{
		"a day":                {from: day(9), until: day(10)},
		"goes on":              {until: day(10), last: day(3)},
		"goes on, said":        {from: day(3), until: day(10), last: day(3)},
		"the first needs from": {until: day(10), wrong: "needs its first day"},
		"backwards":            {from: day(9), until: day(8), wrong: "no day at all"},
		"nothing":              {from: day(9), until: day(9), wrong: "no day at all"},
		"before the previous":  {until: day(2), last: day(3), wrong: "no day at all"},
		"a gap":                {from: day(5), until: day(10), last: day(3), wrong: "this one begins with 2026-11-03"},
		"an overlap":           {from: day(2), until: day(10), last: day(3), wrong: "ends with 2026-11-02"},
		"today":                {from: day(9), until: day(11), wrong: "2026-11-10 is not over"},
		"not midnight":         {from: day(9), until: day(10).Add(time.Hour), wrong: "midnight"},
		"too long":             {from: day(9).AddDate(-2, 0, 0), until: day(10), wrong: "more than a year"},
	} {
		from, err := statement.CheckSpan(x.from, x.until, x.last, now)
		if x.wrong != "" {
			require.ErrorIs(t, err, statement.ErrSpan, name)
			require.ErrorContains(t, err, x.wrong, name)
			continue
		}
		require.NoError(t, err, name)
		require.True(t, from.Equal(x.from) || (x.from.IsZero() && from.Equal(x.last)), name)
	}
	d, err := statement.ParseDay("2026-11-09")
	require.NoError(t, err)
	require.Equal(t, day(9), d)
	for _, text := range []string{"", "2026-11-31", "09.11.2026", "2026-11-09T00:00"} {
		_, err := statement.ParseDay(text)
		require.ErrorIs(t, err, statement.ErrSpan, text)
	}
}

// However a statement stands, payments move money towards zero only, cost exactly their
// amount, and the one that closes the statement leaves nothing on any account.
func TestPaymentsCloseEveryAccount(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		some := func(name string) money.Fen {
			return money.Fen(rapid.Int64Range(-2000, 5000).Draw(rt, name))
		}
		open := statement.Amounts{Delivery: some("delivery"), Penalty: some("penalty"), Compensation: some("compensation")}
		open = open.Plus(statement.SetOff(open))
		for open.Net() != 0 {
			owed := max(open.Net(), -open.Net())
			amount := money.Fen(rapid.Int64Range(1, int64(owed)).Draw(rt, "amount"))
			if rapid.Bool().Draw(rt, "all") {
				amount = owed
			}
			change, err := statement.Allocate(open, amount)
			require.NoError(rt, err)
			transfer := statement.Payment("pay:x", "jd", change, day(1))
			require.NoError(rt, transfer.Check(), "%v", transfer.Legs)
			if open.Net() > 0 {
				require.Equal(rt, -amount, change.Net())
			} else {
				require.Equal(rt, amount, change.Net())
			}
			after := open.Plus(change)
			for _, k := range statement.Kinds {
				was, is := open.Of(k), after.Of(k)
				require.False(rt, was > 0 && (is < 0 || is > was) || was < 0 && (is > 0 || is < was) || was == 0 && is != 0, "%s went from %s to %s", k, was, is)
			}
			_, err = statement.Allocate(open, owed+1)
			require.ErrorIs(rt, err, statement.ErrPayment)
			open = after
			if amount == owed {
				require.Zero(rt, open)
			}
		}
		for _, amount := range []money.Fen{0, -1, 1} {
			_, err := statement.Allocate(statement.Amounts{}, amount)
			require.ErrorIs(rt, err, statement.ErrPayment)
		}
	})
}

func TestSetOff(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ open, after statement.Amounts }{
		{statement.Amounts{Delivery: 100, Penalty: 50}, statement.Amounts{Delivery: 100, Penalty: 50}},
		{statement.Amounts{Delivery: 100, Penalty: 50, Compensation: -30}, statement.Amounts{Delivery: 70, Penalty: 50}},
		{statement.Amounts{Delivery: 100, Penalty: 50, Compensation: -120}, statement.Amounts{Penalty: 30}},
		{statement.Amounts{Delivery: 100, Penalty: 50, Compensation: -200}, statement.Amounts{Compensation: -50}},
		{statement.Amounts{Delivery: -10, Compensation: -20}, statement.Amounts{Delivery: -10, Compensation: -20}},
		{statement.Amounts{Delivery: 10, Compensation: 20}, statement.Amounts{Delivery: 10, Compensation: 20}}, // a compensation was taken back
	} {
		change := statement.SetOff(x.open)
		require.Zero(t, change.Net(), "%v", x.open)
		require.Equal(t, x.after, x.open.Plus(change))
		if change != (statement.Amounts{}) {
			require.NoError(t, statement.Deduction("set_off:1", "jd", change, day(1)).Check())
		}
	}
}

func TestPaymentLegs(t *testing.T) {
	t.Parallel()
	change, err := statement.Allocate(statement.Amounts{Delivery: 100, Penalty: 50}, 120)
	require.NoError(t, err)
	x := statement.Payment("pay:B1", "jd", change, day(1))
	require.Equal(t, "statement:pay:B1", x.Tx())
	require.Equal(t, []ledger.Leg{ledger.Credit("platform:jd:receivable", 100), ledger.Credit("platform:jd:penalty_receivable", 20), ledger.Debit("bank", 120)}, x.Legs)
	change, err = statement.Allocate(statement.Amounts{Delivery: -40}, 40) // we pay
	require.NoError(t, err)
	require.Equal(t, []ledger.Leg{ledger.Debit("platform:jd:receivable", 40), ledger.Credit("bank", 40)}, statement.Payment("pay:B2", "jd", change, day(1)).Legs)
}

func TestStates(t *testing.T) {
	t.Parallel()
	for want, x := range map[statement.State][2]money.Fen{statement.Issued: {5, 0}, statement.PartPaid: {5, 1}, statement.Paid: {0, 5}, statement.Credit: {-1, 5}} {
		require.Equal(t, want, statement.StateOf(x[0], x[1]))
	}
	require.Equal(t, statement.Paid, statement.StateOf(0, 0), "nothing was ever owed")
	can := map[statement.Action][]statement.State{
		statement.Pay: {statement.Issued, statement.PartPaid, statement.Credit}, statement.Unpay: {statement.Issued, statement.PartPaid, statement.Paid, statement.Credit},
		statement.Reject: {statement.Issued, statement.PartPaid, statement.Paid, statement.Credit}, statement.Lift: {statement.Issued, statement.PartPaid, statement.Paid, statement.Credit},
		statement.Reissue: {statement.Issued, statement.PartPaid, statement.Paid, statement.Credit},
	}
	for action, states := range can {
		for _, s := range []statement.State{statement.Issued, statement.PartPaid, statement.Paid, statement.Credit, "", "lost"} {
			err := s.Check(action)
			if slices.Contains(states, s) {
				require.NoError(t, err, "%s %s", action, s)
			} else {
				require.ErrorIs(t, err, statement.ErrState, "%s %s", action, s)
			}
		}
	}
}

// Every event that the ledger knows on a platform's accounts is a line or booked by statements.
func TestReasons(t *testing.T) {
	t.Parallel()
	for reason, line := range map[string]bool{
		"income": true, "penalty_in:customer": true, "compensation:late": true, "reversal:income": true, "reversal:reversal:compensation:late": true, "reversal": true, "resync": true,
		"payment": false, "reversal:payment": false, "rejected": false, "rejection_lifted": false, "set_off": false, "hold": false, "incomes": false, "": false,
	} {
		require.Equal(t, line, statement.IsEarned(reason), "%q", reason)
	}
	for _, code := range append(statement.EarnedReasons(), statement.SettledReasons()...) {
		require.Contains(t, ledger.Reasons, code)
	}
	for _, x := range []ledger.Transfer{
		ledger.Compensation("k", "jd", "late", 5, day(1)), ledger.Rejected("k", "jd", ledger.Receivable("jd"), 5, day(1)), ledger.RejectionLifted("k", "jd", ledger.PenaltyReceivable("jd"), 5, day(1)),
		statement.Payment("k", "jd", statement.Amounts{Delivery: -5}, day(1)), statement.Deduction("k", "jd", statement.Amounts{Delivery: -5, Compensation: 5}, day(1)),
	} {
		require.NoError(t, x.Check())
		for _, reason := range []string{x.Reason, x.Reversed(day(2)).Reason} {
			code := statement.Code(reason)
			require.True(t, statement.IsEarned(reason) != slices.Contains(statement.SettledReasons(), code), "%s is a line or it is not", reason)
		}
	}
}
