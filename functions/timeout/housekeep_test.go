package timeout

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/store"
)

// noBus takes everything.
type noBus struct{}

func (noBus) Publish(context.Context, ...message.Message) error { return nil }

// The minutely sweep keeps house: days by the system clock, which ids carry, and instants by
// the virtual one, however far that has run ahead.
func TestTheSweepKeepsHouse(t *testing.T) {
	t.Parallel()
	dsn := sqltest.Database(t)
	db, err := store.Open(store.Options{DSN: dsn, Key: make([]byte, 32)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(t.Context()))
	raw, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, raw.Close()) })
	one := func(query string) (value string) {
		require.NoError(t, raw.QueryRowContext(t.Context(), query).Scan(&value))
		return value
	}
	system := time.Date(2026, 11, 20, 4, 0, 0, 0, time.UTC)
	at := clock.NewManual(system)
	at.SetVirtual(system.AddDate(0, 0, 8))
	_, err = raw.ExecContext(t.Context(), "INSERT INTO intake_batch VALUES ('old', TRUE, ?)", system.UnixMilli())
	require.NoError(t, err)
	s := &Stage{Store: db, Bus: noBus{}, Clock: at, Retention: 92 * 24 * time.Hour}
	partitions := "SELECT GROUP_CONCAT(partition_name ORDER BY partition_ordinal_position) FROM information_schema.partitions WHERE table_schema = DATABASE() AND table_name = 'order_event'"

	deadline := clock.System.Now().Add(time.Minute)
	hurried, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	at.Set(deadline.Add(-2 * time.Second))
	require.NoError(t, s.Sweep(hurried))
	require.Equal(t, "pmax", one(partitions), "not when time is short")

	at.Set(system)
	at.SetVirtual(system.AddDate(0, 0, 8))
	require.NoError(t, s.Sweep(t.Context()))
	require.Equal(t, "p20261120,p20261121,p20261122,p20261123,pmax", one(partitions))
	require.Equal(t, "0", one("SELECT COUNT(*) FROM intake_batch"))

	at.Advance(time.Hour)
	_, err = raw.ExecContext(t.Context(), "DROP TABLE housekeeping")
	require.NoError(t, err)
	require.NoError(t, s.Sweep(t.Context()), "its trouble is not the sweep's")
}
