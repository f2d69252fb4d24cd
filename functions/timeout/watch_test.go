package timeout

import (
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/store"
)

// The minutely sweep raises the alarm of an account that gets low, and ends it.
func TestTheSweepWatchesPrepaidAccounts(t *testing.T) {
	t.Parallel()
	dsn := sqltest.Database(t)
	db, err := store.Open(store.Options{DSN: dsn, Key: make([]byte, 32)})
	require.NoError(t, err)
	raw, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, raw.Close()); require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(t.Context()))
	at := clock.NewManual(time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC))
	s := &Stage{Store: db, Bus: noBus{}, Clock: at}
	alarm := func() string {
		at.Advance(time.Minute)
		require.NoError(t, s.Sweep(t.Context()))
		all, err := db.Prepaids(t.Context())
		require.NoError(t, err)
		return all[0].Alarm
	}
	_, err = db.Deposit(t.Context(), "a", "uupt", "main", 1000_00, 2, at.Virtual())
	require.NoError(t, err)
	require.Empty(t, alarm())
	_, err = raw.ExecContext(t.Context(), "UPDATE prepaid_shard SET free_fen = free_fen - 1700, taken_fen = taken_fen + 1700, holds = holds + 2")
	require.NoError(t, err)
	require.Equal(t, "966.00元 lasts 28 minutes at the present pace", alarm())
	_, err = db.Deposit(t.Context(), "b", "uupt", "main", 100_000_00, 2, at.Virtual())
	require.NoError(t, err)
	require.Empty(t, alarm())

	_, err = raw.ExecContext(t.Context(), "DROP TABLE prepaid_watch")
	require.NoError(t, err)
	at.Advance(time.Minute)
	require.NoError(t, s.Sweep(t.Context()), "its trouble is not the sweep's")
}
