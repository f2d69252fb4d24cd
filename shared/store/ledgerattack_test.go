package store_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// What balances, past balances and closed months are read from is verified, too, not the entries alone.
func TestTamperedSumsAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ do, says string }{
		"a balance gone":       {"DELETE FROM ledger_balance WHERE account = 'bank' AND to_id = (SELECT MAX(to_id) FROM ledger_seal)", "account bank: its sealed balance is gone"},
		"a balance made up":    {"INSERT INTO ledger_balance (account, to_id, debit_fen, credit_fen) SELECT 'bank', MAX(to_id) + 1, 99, 0 FROM ledger_seal", "account bank: a balance that no seal has"},
		"of no account":        {"INSERT INTO ledger_balance (account, to_id, debit_fen, credit_fen) SELECT 'suspense:jd', MAX(to_id), 99, 0 FROM ledger_seal", "account suspense:jd: a balance that no seal has"},
		"a seal's instant":     {"UPDATE ledger_seal SET last_posted_at = last_posted_at + 1", "the instants of the seal are not those of its entries"},
		"a trial balance":      {`UPDATE ledger_period SET trial = JSON_REPLACE(trial, '$[0].balance_fen', 12345)`, "period 2026-11: account bank was closed at 123.45元, its entries give -30.00元"},
		"an account of it":     {`UPDATE ledger_period SET trial = JSON_REMOVE(trial, '$[0]')`, "period 2026-11: account bank was closed at 0.00元, its entries give -30.00元"},
		"a late entry":         {"INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, reason, event_at, posted_at, period) SELECT 'late', account, debit, amount_fen, order_id, reason, event_at, posted_at, period FROM ledger_entry ORDER BY id LIMIT 2", "period 2026-11: account bank was closed at -30.00元, its entries give -40.00元"},
		"a month opened again": {"UPDATE ledger_mark SET closed = ''", "period 2026-11 is closed, the mark lets entries into it"},
		"a close without sums": {"DELETE FROM ledger_period", "period 2026-11 is closed without a trial balance"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			for i := range 3 {
				f.post(t, ledger.Deposit(fmt.Sprint("k", i), "uupt", "main", 1000, now))
				f.seal(t)
			}
			_, err := f.ClosePeriod(t.Context(), li, "2026-11", "", now.AddDate(0, 1, 0))
			require.NoError(t, err)
			f.post(t, ledger.Deposit("next", "uupt", "main", 7, now.AddDate(0, 1, 0)))
			require.Empty(t, f.verify(t).Problems)
			f.exec(t, c.do)
			var all []string
			for _, p := range f.verify(t).Problems {
				all = append(all, p.String())
			}
			require.Contains(t, fmt.Sprint(all), c.says)
		})
	}
}

// Nobody becomes a second person by the length of a name, which is cut, or by blanks and capitals.
func TestNobodyApprovesOwnProposals(t *testing.T) {
	t.Parallel()
	f := open(t)
	for i, names := range [][2]string{{strings.Repeat("王", 70), strings.Repeat("王", 70)}, {"li", " li "}, {"li", "LI"}} {
		id, err := f.Propose(t.Context(), store.Act{By: names[0], At: now}, ledger.WriteOff(fmt.Sprint("w", i), "jd", 1500, now), "")
		require.NoError(t, err)
		_, err = f.Decide(t.Context(), store.Act{By: names[1], At: now}, id, true, now)
		require.ErrorIs(t, err, store.ErrOwnProposal, names)
	}
	require.Zero(t, f.balance(t, ledger.BadDebt("jd")))
}

// What was voided may be proposed again, and what was posted is not told to be waiting.
func TestAVoidedTransferMayBeProposedAgain(t *testing.T) {
	t.Parallel()
	f := open(t)
	off := ledger.WriteOff("w1", "jd", 1500, now)
	id, err := f.Propose(t.Context(), li, off, "too early")
	require.NoError(t, err)
	_, err = f.Decide(t.Context(), wang, id, false, now)
	require.NoError(t, err)
	_, err = f.Propose(t.Context(), li, ledger.WriteOff("w1", "jd", 1600, now), "")
	require.ErrorIs(t, err, store.ErrConflict, "who approves by the number approves what he saw")
	again, err := f.Propose(t.Context(), wang, off, "now it is time")
	require.NoError(t, err)
	require.Equal(t, id, again)
	list, err := f.Proposals(t.Context(), store.TransferPending, 10)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, []string{"wang", "now it is time", ""}, []string{list[0].MadeBy, list[0].Note, list[0].DecidedBy})
	require.Zero(t, list[0].DecidedAt)
	_, err = f.Decide(t.Context(), wang, id, true, now)
	require.ErrorIs(t, err, store.ErrOwnProposal)
	_, err = f.Decide(t.Context(), li, id, true, now)
	require.NoError(t, err)
	_, err = f.Propose(t.Context(), li, off, "")
	require.ErrorIs(t, err, store.ErrDecided)
	require.Equal(t, money.Fen(1500), f.balance(t, ledger.BadDebt("jd")))
}

// A payment whose sending was undone never arrives, and one that has arrived was sent.
func TestAnUndonePaymentIsNotSeen(t *testing.T) {
	t.Parallel()
	f := open(t)
	pay := func(key string, stage store.Stage) error {
		_, err := f.DepositBy(t.Context(), li, store.Payment{Key: key, Carrier: "uupt", Account: "main", Amount: 1000, Shards: 2, At: now, Stage: stage})
		return err
	}
	undo := func(name string) error {
		had, found, err := f.Transaction(t.Context(), name)
		require.NoError(t, err)
		require.True(t, found)
		id, err := f.Propose(t.Context(), li, had.Reversed(now), "mistaken")
		require.NoError(t, err)
		_, err = f.Decide(t.Context(), wang, id, true, now)
		return err
	}
	require.NoError(t, pay("a", store.Sent))
	require.NoError(t, undo("topup_sent:a"))
	require.ErrorIs(t, pay("a", store.Seen), store.ErrNotSent)
	require.Zero(t, f.balance(t, ledger.Clearing("uupt", "main")))
	require.Zero(t, f.balance(t, ledger.Prepaid("uupt", "main")), "money from nowhere")

	require.NoError(t, pay("b", store.Sent))
	require.NoError(t, pay("b", store.Seen))
	require.ErrorIs(t, undo("topup_sent:b"), store.ErrConflict, "it arrived: that has to be undone first")
	require.NoError(t, undo("topup_seen:b"))
	require.NoError(t, undo("topup_sent:b"))
	for _, account := range []string{ledger.Clearing("uupt", "main"), ledger.Prepaid("uupt", "main"), ledger.Bank} {
		require.Zero(t, f.balance(t, account), account)
	}
}

// Two people book the same transfer, one at once and one in stages: one of them does.
func TestConcurrentStagesBookOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	const payments = 25
	for i := range payments {
		var group sync.WaitGroup
		errs := make([]error, 2)
		for j, stage := range []store.Stage{store.AtOnce, store.Sent} {
			group.Go(func() {
				_, errs[j] = f.DepositBy(t.Context(), li, store.Payment{Key: fmt.Sprint("k", i), Carrier: "uupt", Account: "main", Amount: 1000, Shards: 2, At: now, Stage: stage})
			})
		}
		group.Wait()
		for _, err := range errs {
			if err != nil {
				require.ErrorIs(t, err, store.ErrConflict)
			}
		}
	}
	require.Equal(t, money.Fen(-1000*payments), f.balance(t, ledger.Bank), "each left the bank once")
}

// A key that is none, or longer than the books can hold, is refused before anything is written.
func TestAPaymentHasAKey(t *testing.T) {
	t.Parallel()
	f := open(t)
	for _, key := range []string{"", " ", "k ", strings.Repeat("k", 65)} {
		_, err := f.Deposit(t.Context(), key, "uupt", "main", 1000, 2, now)
		require.ErrorIs(t, err, ledger.ErrTransfer, "%q", key)
	}
	_, err := f.Deposit(t.Context(), "k", "uu:pt", "main", 1000, 2, now)
	require.ErrorIs(t, err, ledger.ErrTransfer)
	require.Zero(t, one[int](t, f, "SELECT (SELECT COUNT(*) FROM ledger_key) + (SELECT COUNT(*) FROM prepaid_shard)"))
}

// Proposals are made in system time, months end in virtual time: what counts is the transfer's event.
func TestAProposalOfTheMonthStandsAgainstItsClose(t *testing.T) {
	t.Parallel()
	f := open(t)
	december := now.AddDate(0, 1, 0)
	f.post(t, ledger.Compensation("c1", "jd", "late", 500, now))
	_, err := f.Propose(t.Context(), store.Act{By: "li", At: now.AddDate(3, 0, 0)}, ledger.WriteOff("w", "jd", 1, now), "")
	require.NoError(t, err)
	_, err = f.ClosePeriod(t.Context(), li, "2026-11", "", december)
	require.ErrorContains(t, err, "1 proposals wait")
}

// A proposal about next month does not hold up this one, however slow the system's clock is.
func TestAProposalOfTheNextMonthDoesNot(t *testing.T) {
	t.Parallel()
	f := open(t)
	december := now.AddDate(0, 1, 0)
	f.post(t, ledger.Compensation("c1", "jd", "late", 500, now))
	_, err := f.Propose(t.Context(), li, ledger.WriteOff("w", "jd", 1, december), "")
	require.NoError(t, err)
	_, err = f.ClosePeriod(t.Context(), li, "2026-11", "", december)
	require.NoError(t, err)
}

// What asks first, as the verb does, finishes a close that was cut off as well.
func TestACutOffCloseHasNoObstacle(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.post(t, ledger.Compensation("c1", "jd", "late", 500, now))
	f.exec(t, "UPDATE ledger_mark SET closed = '2026-11'")
	december := now.AddDate(0, 1, 0)
	check, err := f.CheckClosing(t.Context(), "2026-12", december.AddDate(0, 1, 0))
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(check.Obstacle), "2026-11 has no trial balance", "or it never gets one")
	check, err = f.CheckClosing(t.Context(), "2026-11", december)
	require.NoError(t, err)
	require.Empty(t, check.Obstacle)
	_, err = f.ClosePeriod(t.Context(), li, "2026-11", "", december)
	require.NoError(t, err)
	check, err = f.CheckClosing(t.Context(), "2026-11", december)
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(check.Obstacle), "2026-11 is closed already")
}

// An account that is rich and hardly used lasts long, not less than nothing.
func TestRunwayDoesNotWrap(t *testing.T) {
	t.Parallel()
	for _, free := range []money.Fen{0, 1, 1e7, 1e12, 1e15, 1e18} {
		p := store.Prepaid{Free: free, Pace: 1}
		lasts, known := p.Runway()
		require.True(t, known)
		require.GreaterOrEqual(t, lasts, time.Duration(0), "%d", free)
		require.GreaterOrEqual(t, lasts, min(time.Duration(free), 365*24)*time.Hour, "%d", free)
	}
}

// An entry that was booked ahead of its month, and sealed then, is in the trial balance of that month.
func TestATrialBalanceHasWhatWasBookedAhead(t *testing.T) {
	t.Parallel()
	f := open(t)
	december, january := now.AddDate(0, 1, 0), now.AddDate(0, 2, 0)
	f.post(t, ledger.Compensation("c1", "jd", "late", 500, now))
	f.post(t, ledger.Compensation("ahead", "jd", "late", 70, december))
	f.seal(t)
	_, err := f.ClosePeriod(t.Context(), li, "2026-11", "", december)
	require.NoError(t, err)
	_, err = f.PostTransfers(t.Context(), li, []ledger.Transfer{ledger.Compensation("c2", "jd", "late", 3, december)}, december)
	require.NoError(t, err)
	f.seal(t)
	closed, err := f.ClosePeriod(t.Context(), li, "2026-12", "", january)
	require.NoError(t, err)
	require.Contains(t, closed.Trial, store.Balance{Account: ledger.CompensationExpense("jd"), BalanceFen: 573})
	require.Empty(t, f.verify(t).Problems)
}
