package store_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/ledger"
)

// Who seals everything does so also while the sweep seals what was there a minute ago: of two that
// begin at the same entry one is refused, and goes on behind the other.
func TestSealingIsNotCutShortByTheSweep(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 10_000, 2)
	for i := range 25 {
		f.post(t, ledger.Compensation(fmt.Sprint("a", i), "jd", "late", 1, now))
		_, err := f.SealLastMinute(t.Context(), now, nil) // the mark, for the next one
		require.NoError(t, err)
		f.post(t, ledger.Compensation(fmt.Sprint("b", i), "jd", "late", 1, now))
		var group sync.WaitGroup
		errs := make([]error, 2)
		group.Go(func() { _, errs[0] = f.SealLastMinute(t.Context(), now, nil) })
		group.Go(func() { _, errs[1] = f.SealLedger(t.Context(), now, nil) })
		group.Wait()
		require.NoError(t, errs[0])
		require.NoError(t, errs[1])
		require.Equal(t, one[int64](t, f, "SELECT MAX(id) FROM ledger_entry"), one[int64](t, f, "SELECT MAX(to_id) FROM ledger_seal"), "round %d", i)
	}
	require.Empty(t, f.verify(t).Problems)
}

// Rows in the way that no seal wrote end the sealing with an error, not never.
func TestSealingEndsAtRowsThatNoSealWrote(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 10_000, 2)
	f.post(t, ledger.Compensation("a", "jd", "late", 1, now))
	f.exec(t, "INSERT INTO ledger_balance SELECT account, MAX(id), 1, 0 FROM ledger_entry WHERE account = 'platform:jd:payable' GROUP BY account")
	_, err := f.SealLedger(t.Context(), now, nil)
	require.ErrorContains(t, err, "Duplicate entry")
}
