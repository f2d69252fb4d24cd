package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/store"
)

// Who verifies or closes years of books waits for longer than the DSN of a function allows; a
// function does not.
func TestAPersonWaitsForTheSumsOfYears(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.post(t, ledger.Compensation("c1", "jd", "late", 500, now))
	hasty := f
	hasty.dsn += "&readTimeout=300ms"
	for name, o := range map[string]store.Options{"function": {}, "person": {Patient: true}} {
		s := hasty.connect(t, o)
		require.NoError(t, s.Ping(t.Context()))
		keeper, err := f.db.Conn(t.Context())
		require.NoError(t, err)
		_, err = keeper.ExecContext(t.Context(), "LOCK TABLES ledger_entry WRITE") // so its sums take long
		require.NoError(t, err)
		var verifying sync.WaitGroup
		var failed error
		verifying.Go(func() { _, failed = s.VerifyLedger(t.Context(), nil) })
		require.Eventually(t, func() bool {
			return one[int](t, f, "SELECT COUNT(*) FROM information_schema.processlist WHERE db = DATABASE() AND state LIKE 'Waiting for table%'") > 0
		}, 10*time.Second, 10*time.Millisecond, name)
		_, err = keeper.ExecContext(t.Context(), "DO SLEEP(0.6)")
		require.NoError(t, err)
		_, err = keeper.ExecContext(t.Context(), "UNLOCK TABLES")
		require.NoError(t, err)
		verifying.Wait()
		require.NoError(t, keeper.Close())
		require.Equal(t, o.Patient, failed == nil, "%s: %v", name, failed)
	}
}

// A database that is not there is an error, and no crash.
func TestVerifyWithoutADatabase(t *testing.T) {
	t.Parallel()
	f := open(t)
	gone := f
	gone.dsn = "nobody:x@tcp(127.0.0.1:1)/gone?timeout=1s"
	_, err := gone.connect(t, store.Options{}).VerifyLedger(t.Context(), nil)
	require.ErrorContains(t, err, "verify the ledger")
}
