package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/store"
)

func TestMigrateFillsAnEmptyDatabaseOnce(t *testing.T) {
	t.Parallel()
	f := unmigrated(t)
	require.NoError(t, f.Migrate(t.Context()))
	tables := one[int](t, f, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()")
	ids := f.orders(t, 1)

	require.NoError(t, f.Migrate(t.Context()), "again")
	require.Equal(t, tables, one[int](t, f, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()"))
	require.Equal(t, ids[0], one[int64](t, f, "SELECT id FROM orders"), "nothing is lost")
}

func TestOpenRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	_, err := store.Open(store.Options{DSN: "not a dsn", Key: key})
	require.ErrorContains(t, err, "QIANFAN_MYSQL_DSN")
	_, err = store.Open(store.Options{DSN: "u@tcp(127.0.0.1:1)/x", Key: []byte("short")})
	require.ErrorIs(t, err, store.ErrKey)
}

func TestPingSaysThatNobodyAnswers(t *testing.T) {
	t.Parallel()
	s, err := store.Open(store.Options{DSN: "u@tcp(127.0.0.1:1)/x", Key: key})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	require.ErrorContains(t, s.Ping(t.Context()), "reach the database")
}

func TestSessionsRefuseCutValuesAndLockNoGaps(t *testing.T) {
	t.Parallel()
	f := open(t)
	long := newOrder("a number that is far longer than the sixty-four characters of its column")
	_, err := f.Intake(t.Context(), "b1", []store.NewOrder{long}, now)
	require.ErrorContains(t, err, "Data too long")
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM order_key"))
}

func TestSchemaKeyNamesTheSchema(t *testing.T) {
	t.Parallel()
	require.Regexp(t, `^00002_partitions-[0-9a-f]{12}$`, store.SchemaKey())
	require.Equal(t, store.SchemaKey(), store.SchemaKey())
}
