package sqltest

import (
	"database/sql"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryTestHasADatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	for i := range 3 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			db, err := sql.Open("mysql", Database(t))
			require.NoError(t, err)
			defer func() { require.NoError(t, db.Close()) }()
			_, err = db.ExecContext(t.Context(), "CREATE TABLE t (n INT PRIMARY KEY)")
			require.NoError(t, err, "the same name in each")
			_, err = db.ExecContext(t.Context(), "INSERT INTO t VALUES (?)", i)
			require.NoError(t, err)
			var n int
			require.NoError(t, db.QueryRowContext(t.Context(), "SELECT n FROM t").Scan(&n))
			require.Equal(t, i, n)
		})
	}
}

func TestTheDatabaseIsDroppedAtTheEnd(t *testing.T) {
	t.Parallel()
	var dsn string
	require.True(t, t.Run("a test", func(t *testing.T) { dsn = Database(t) }))
	db, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	require.ErrorContains(t, db.PingContext(t.Context()), "Unknown database")
}
