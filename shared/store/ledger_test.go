package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// wang is the second person; li is the first.
var wang = store.Act{By: "wang", At: now}

// post posts transfers and tells how many were new.
func (f fixture) post(t testing.TB, list ...ledger.Transfer) int {
	t.Helper()
	n, err := f.PostTransfers(t.Context(), li, list, now)
	require.NoError(t, err)
	return n
}

func (f fixture) seal(t testing.TB) int {
	t.Helper()
	n, err := f.SealLedger(t.Context(), now, nil)
	require.NoError(t, err)
	return n
}

func (f fixture) verify(t testing.TB) store.LedgerReport {
	t.Helper()
	var done, total int64
	report, err := f.VerifyLedger(t.Context(), func(d, of int64) { done, total = d, of })
	require.NoError(t, err)
	require.Equal(t, total, done, "progress ends at its end")
	return report
}

func (f fixture) balance(t testing.TB, account string) money.Fen {
	t.Helper()
	list, err := f.Balances(t.Context())
	require.NoError(t, err)
	for _, b := range list {
		if b.Account == account {
			return b.BalanceFen
		}
	}
	return 0
}

func TestTransfersPostOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 10_000, 4)
	paid := ledger.CarrierPays("manual", "claim-1", "shansong", "main", 801, now)
	require.Equal(t, 1, f.post(t, paid))
	require.Zero(t, f.post(t, paid), "the same again")
	require.Equal(t, 1, f.post(t, paid, ledger.CarrierPays("manual", "claim-2", "shansong", "main", 1, now)))
	require.Equal(t, "2702,2700,2700,2700", f.shardList(t), "shards follow the prepaid account")
	require.Equal(t, money.Fen(10_802), f.balance(t, "carrier:shansong:main:prepaid"))

	_, err := f.PostTransfers(t.Context(), li, []ledger.Transfer{ledger.CarrierPays("manual", "claim-3", "shansong", "main", 5, now), ledger.CarrierPays("manual", "claim-1", "shansong", "main", 802, now)}, now)
	require.ErrorIs(t, err, store.ErrConflict)
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM ledger_entry WHERE tx = 'manual:claim-3'"), "all or nothing")
	bad := paid
	bad.Key, bad.Legs = "claim-4", paid.Legs[:1]
	_, err = f.PostTransfers(t.Context(), li, []ledger.Transfer{bad}, now)
	require.ErrorIs(t, err, ledger.ErrTransfer)
	require.Len(t, f.lines(t, "manual:claim-1"), 1, "one line in the audit")
	require.Empty(t, f.verify(t).Problems)
}

func (f fixture) shardList(t testing.TB) string {
	t.Helper()
	return one[string](t, f, "SELECT GROUP_CONCAT(free_fen ORDER BY shard) FROM prepaid_shard")
}

// What a carrier took is gone, whether it was there or not: then all shards owe, and none has money beside one that does.
func TestATransferIsSharedByAllShards(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100, 2)
	took := func(key string, amount money.Fen) ledger.Transfer {
		return ledger.BillFigure(key, "shansong", "main", ledger.DeliveryExpense("shansong"), amount, now)
	}
	f.exec(t, "UPDATE prepaid_shard SET free_fen = IF(shard = 0, 20, 80)")
	f.post(t, took("1", 70))
	require.Equal(t, "15,15", f.shardList(t))
	f.post(t, took("2", 50))
	require.Equal(t, "-10,-10", f.shardList(t))
}

func TestProposalsNeedASecondPerson(t *testing.T) {
	t.Parallel()
	f := open(t)
	off := ledger.WriteOff("w1", "jd", 1500, now)
	id, err := f.Propose(t.Context(), li, off, "nobody answers")
	require.NoError(t, err)
	again, err := f.Propose(t.Context(), wang, off, "again")
	require.NoError(t, err)
	require.Equal(t, id, again)
	_, err = f.Propose(t.Context(), li, ledger.WriteOff("w1", "jd", 1600, now), "")
	require.ErrorIs(t, err, store.ErrConflict)
	require.Zero(t, f.balance(t, ledger.BadDebt("jd")), "pending money is in no account")

	_, err = f.Decide(t.Context(), li, id, true, now)
	require.ErrorIs(t, err, store.ErrOwnProposal)
	p, err := f.Decide(t.Context(), wang, id, true, now)
	require.NoError(t, err)
	require.Equal(t, []string{store.TransferPosted, "li", "wang"}, []string{p.State, p.MadeBy, p.DecidedBy})
	require.Equal(t, money.Fen(1500), f.balance(t, ledger.BadDebt("jd")))
	_, err = f.Decide(t.Context(), wang, id, false, now)
	require.ErrorIs(t, err, store.ErrDecided)

	id, err = f.Propose(t.Context(), li, ledger.WriteOff("w2", "jd", 5, now), "")
	require.NoError(t, err)
	_, err = f.Decide(t.Context(), li, id, false, now)
	require.NoError(t, err, "one may take back one's own")
	list, err := f.Proposals(t.Context(), "", 10)
	require.NoError(t, err)
	require.Equal(t, []string{store.TransferVoided, store.TransferPosted}, []string{list[0].State, list[1].State})
	require.Equal(t, off.Hash(), list[1].Transfer.Hash())
	require.Equal(t, money.Fen(1500), f.balance(t, ledger.BadDebt("jd")))
}

// Two people decide the same proposal at once: one of them does.
func TestAProposalIsDecidedOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	id, err := f.Propose(t.Context(), li, ledger.WriteOff("w", "jd", 9, now), "")
	require.NoError(t, err)
	var group sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		group.Go(func() {
			_, errs[i] = f.Decide(t.Context(), store.Act{By: fmt.Sprint("p", i), At: now}, id, i%2 == 0, now)
		})
	}
	group.Wait()
	decided := 0
	for _, err := range errs {
		if err == nil {
			decided++
		} else {
			require.ErrorIs(t, err, store.ErrDecided)
		}
	}
	require.Equal(t, 1, decided)
}

func TestTamperedRowsAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ do, says string }{
		"an amount":     {"UPDATE ledger_entry SET amount_fen = amount_fen + 1 WHERE id = 5", "entry 5 (deposit:k2): is not as it was sealed"},
		"a reason":      {"UPDATE ledger_entry SET reason = 'gift' WHERE id = 5", "entry 5 (deposit:k2): is not as it was sealed"},
		"a moved day":   {"UPDATE ledger_entry SET event_at = event_at - 86400000 WHERE id = 6", "entry 6 (deposit:k2): is not as it was sealed"},
		"a period":      {"UPDATE ledger_entry SET period = '2026-10' WHERE id = 6", "entry 6 (deposit:k2): is not as it was sealed"},
		"a row deleted": {"DELETE FROM ledger_entry WHERE id = 5", "the entry that followed entry 4 is gone"},
		"the last row":  {"DELETE FROM ledger_entry WHERE id = 8", "the entry that followed entry 7 is gone"},
		"a row added":   {"INSERT INTO ledger_entry (id, tx, account, debit, amount_fen, order_id, reason, event_at, posted_at, period) SELECT 2, 'late', account, debit, amount_fen, order_id, reason, event_at, posted_at, period FROM ledger_entry WHERE id = 4", "entry 2 (late): was added"},
		"a seal":        {"UPDATE ledger_seal SET hash = REPEAT('0', 64) WHERE to_id = 4", "range 1 to 4: its hash does not follow"},
		"a seal gone":   {"DELETE FROM ledger_seal WHERE to_id = 4", "a seal is missing"},
		"a balance":     {"UPDATE ledger_balance SET credit_fen = credit_fen + 1 WHERE account = 'bank' AND to_id = 8", "account bank: sealed at"},
		"an unsealed":   {"UPDATE ledger_entry SET amount_fen = 3 WHERE id = 9", "transaction deposit:k4: debits exceed credits"},
		"the mark":      {"UPDATE ledger_mark SET sealed_id = 1", "the mark stands at 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			give := func(key string) { f.post(t, ledger.Deposit(key, "uupt", "main", 1000, now)) }
			give("k0")
			f.exec(t, "DELETE FROM ledger_entry") // ids begin at 3, with a gap before them
			f.exec(t, "DELETE FROM ledger_balance")
			give("k1")
			require.Equal(t, 2, f.seal(t))
			give("k2")
			give("k3")
			require.Equal(t, 4, f.seal(t))
			require.Zero(t, f.seal(t), "nothing new")
			give("k4")
			clean := f.verify(t)
			require.Empty(t, clean.Problems)
			require.Equal(t, []int64{8, 6, 2}, []int64{clean.Entries, clean.Sealed, int64(clean.Seals)})
			f.exec(t, c.do)
			var all []string
			for _, p := range f.verify(t).Problems {
				all = append(all, p.String())
			}
			require.Contains(t, fmt.Sprint(all), c.says)
		})
	}
}

// The sweep seals what it closed a minute ago: a posting of 0.1.0, which shares no mark, may
// come below the mark until then.
func TestTheSweepSealsAMinuteLater(t *testing.T) {
	t.Parallel()
	f := open(t)
	minute := func() int {
		n, err := f.SealLastMinute(t.Context(), now, nil)
		require.NoError(t, err)
		return n
	}
	require.Zero(t, minute())
	f.exec(t, "INSERT INTO ledger_entry (id, tx, account, debit, amount_fen, order_id, reason, event_at, posted_at, period) VALUES (7, 'a', 'bank', TRUE, 1, 0, 'payment', 1, 1, '2026-11'), (9, 'a', 'suspense:jd', FALSE, 1, 0, 'payment', 1, 1, '2026-11')")
	require.Zero(t, minute(), "closed only")
	f.exec(t, "INSERT INTO ledger_entry (id, tx, account, debit, amount_fen, order_id, reason, event_at, posted_at, period) VALUES (6, 'b', 'bank', TRUE, 1, 0, 'payment', 1, 1, '2026-11'), (8, 'b', 'suspense:jd', FALSE, 1, 0, 'payment', 1, 1, '2026-11')")
	require.Equal(t, 4, minute())
	require.Empty(t, f.verify(t).Problems)
}

// While many post and one seals, no entry slips below the mark, and the chain is whole.
func TestSealsBesidePostings(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 1_000_000, 4)
	var ids []int64
	for range 24 {
		ids = append(ids, f.delivered(t))
	}
	ctx, stop := context.WithCancel(t.Context())
	var group, sealers sync.WaitGroup
	sealed := make([]int, 2)
	for i := range sealed {
		sealers.Go(func() {
			for ctx.Err() == nil {
				n, err := f.SealLedger(t.Context(), clock.System.Now(), nil)
				if err != nil {
					t.Errorf("seal: %v", err)
					return
				}
				sealed[i] += n
			}
		})
	}
	for worker := range 4 {
		group.Go(func() {
			for i := worker; i < len(ids); i += 4 {
				if _, err := f.Settle(t.Context(), ids[i:i+1], now); err != nil {
					t.Errorf("settle: %v", err)
				}
				if _, err := f.PostTransfers(t.Context(), li, []ledger.Transfer{ledger.Deposit(fmt.Sprint("k", i), "shansong", "main", 100, now)}, now); err != nil {
					t.Errorf("post: %v", err)
				}
			}
		})
	}
	group.Wait()
	stop()
	sealers.Wait()
	rest := f.seal(t)
	report := f.verify(t)
	require.Empty(t, report.Problems)
	require.Equal(t, report.Entries, report.Sealed)
	require.Equal(t, report.Entries, int64(sealed[0]+sealed[1]+rest))
	t.Logf("%d entries in %d ranges", report.Entries, report.Seals)
}

func TestBalancesOfThePast(t *testing.T) {
	t.Parallel()
	f := open(t)
	at := func(hours int) time.Time { return now.Add(time.Duration(hours) * time.Hour) }
	post := func(key string, event, posted int) {
		_, err := f.PostTransfers(t.Context(), li, []ledger.Transfer{ledger.Deposit(key, "uupt", "main", 100, at(event))}, at(posted))
		require.NoError(t, err)
	}
	past := func(hours int, by string) money.Fen {
		list, err := f.BalancesAt(t.Context(), at(hours), by)
		require.NoError(t, err)
		var sum, bank money.Fen
		for _, b := range list {
			if b.Account == "bank" {
				bank = b.BalanceFen
			} else {
				sum += b.BalanceFen
			}
		}
		require.Equal(t, -bank, sum)
		return sum
	}
	for day := range 2 { // the first one is sealed at the end, of the second one not everything
		post(fmt.Sprint(day, "a", f.seal(t)), 10*day+1, 10*day+1)
		post(fmt.Sprint(day, "c", f.seal(t)), 10*day+3, 10*day+3)
		post(fmt.Sprint(day, "b", f.seal(t)), 10*day+2, 10*day+9) // told late
	}
	for hour, want := range map[int][2]money.Fen{0: {0, 0}, 2: {100, 200}, 4: {200, 300}, 9: {300, 300}, 12: {400, 500}, 14: {500, 600}, 19: {600, 600}} {
		require.Equal(t, want, [2]money.Fen{past(hour, store.ByPosting), past(hour, store.ByEvent)}, "hour %d", hour)
	}
	require.Equal(t, money.Fen(600), f.balance(t, "carrier:uupt:main:prepaid"))
}

func TestAClosedPeriodNeverChanges(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 10_000, 2)
	november, december := now, now.AddDate(0, 1, 0)
	f.post(t, ledger.Compensation("c1", "jd", "late", 500, november))
	check, err := f.CheckClosing(t.Context(), "2026-11", november)
	require.NoError(t, err)
	require.Contains(t, fmt.Sprint(check.Obstacle), "ends at 2026-12-01 00:00:00 only")
	_, err = f.ClosePeriod(t.Context(), li, "2026-11", "", november)
	require.ErrorIs(t, err, store.ErrNotClosable)
	_, err = f.CheckClosing(t.Context(), "November", december)
	require.ErrorContains(t, err, "want a month")

	id := f.delivered(t)
	_, err = f.ClosePeriod(t.Context(), li, "2026-11", "", december)
	require.ErrorContains(t, err, "4 settlement facts of the period are not posted yet")
	_, err = f.Settle(t.Context(), []int64{id}, november)
	require.NoError(t, err)
	proposal, err := f.Propose(t.Context(), li, ledger.WriteOff("w", "jd", 1, november), "")
	require.NoError(t, err)
	_, err = f.ClosePeriod(t.Context(), li, "2026-11", "", december)
	require.ErrorContains(t, err, "proposals wait")
	_, err = f.Decide(t.Context(), li, proposal, false, november)
	require.NoError(t, err)
	_, err = f.ClosePeriod(t.Context(), li, "2026-12", "", december.AddDate(0, 1, 0))
	require.ErrorContains(t, err, "2026-11 has to be closed before")

	closed, err := f.ClosePeriod(t.Context(), li, "2026-11", "first", december)
	require.NoError(t, err)
	require.Contains(t, closed.Trial, store.Balance{Account: "expense:compensation:jd", BalanceFen: 500})
	var sum money.Fen
	for _, b := range closed.Trial {
		sum += b.BalanceFen
	}
	require.Zero(t, sum)
	_, err = f.ClosePeriod(t.Context(), li, "2026-11", "again", december)
	require.ErrorContains(t, err, "2026-11 is closed already")

	f.post(t, ledger.Compensation("c2", "jd", "late", 70, november)) // heard of too late
	late := f.delivered(t)
	_, err = f.Settle(t.Context(), []int64{late}, december)
	require.NoError(t, err)
	require.Equal(t, "2026-12", one[string](t, f, "SELECT MIN(period) FROM ledger_entry WHERE tx = 'manual:c2' OR order_id = ?", late))
	require.Equal(t, money.Fen(570), f.balance(t, "expense:compensation:jd"))
	f.seal(t)
	next, err := f.ClosePeriod(t.Context(), wang, "2026-12", "", december.AddDate(0, 1, 0))
	require.NoError(t, err)
	require.Contains(t, next.Trial, store.Balance{Account: "expense:compensation:jd", BalanceFen: 570})
	list, err := f.ClosedPeriods(t.Context())
	require.NoError(t, err)
	require.Equal(t, closed.Trial, list[1].Trial, "the first one stands as it was")
	require.Equal(t, []string{"2026-12", "2026-11"}, []string{list[0].Period, list[1].Period})
}

// A close that was cut off after the mark moved is finished by the next one.
func TestACloseThatWasCutOffIsFinished(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.post(t, ledger.Compensation("c1", "jd", "late", 500, now))
	f.exec(t, "UPDATE ledger_mark SET closed = '2026-11'")
	closed, err := f.ClosePeriod(t.Context(), li, "2026-11", "", now.AddDate(0, 1, 0))
	require.NoError(t, err)
	require.Len(t, closed.Trial, 2)
}

// A month is not closed over suspense that nobody itemises or owns, nor over what waits for a bill.
func TestAMonthWaitsForWhatIsOpen(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.post(t, ledger.BillDispute("1:7", "uupt", "main", 120, now))
	december := now.AddDate(0, 1, 0)
	refused := func(says string) {
		t.Helper()
		_, err := f.ClosePeriod(t.Context(), li, "2026-11", "", december)
		require.ErrorIs(t, err, store.ErrNotClosable)
		require.ErrorContains(t, err, says)
	}
	refused("suspense:uupt has 1.20元, open items explain 0.00元 of it")
	item := "INSERT INTO money_item (party, kind, state, source, source_id, suspense_fen, owner, opened_at, k) VALUES ('uupt', ?, ?, 'bill', 1, ?, '', ?, ?)"
	f.exec(t, item, "overbilled", "disputed", 120, now.UnixMilli(), "a")
	refused("1 of them have no owner")
	f.exec(t, "UPDATE money_item SET owner = 'li'")
	f.exec(t, item, "not_yet_billed", "explained", 0, now.UnixMilli(), "b")
	refused("1 items wait for a bill of another day")
	f.exec(t, "UPDATE money_item SET state = 'resolved' WHERE k = 'b'")
	_, err := f.ClosePeriod(t.Context(), li, "2026-11", "", december)
	require.NoError(t, err)
}
