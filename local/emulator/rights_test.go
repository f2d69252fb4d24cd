package emulator_test

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
)

// Functions carry orders with all their money as a user who can change no entry; on a database of the emulator's own and on one
// that has an address.
func TestFunctionsCannotChangeTheLedger(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name string
		on   func(t *testing.T) emulator.Services
	}{
		{"embedded", func(*testing.T) emulator.Services { return emulator.Services{} }},
		{"by address", func(t *testing.T) emulator.Services {
			t.Helper()
			dsn := sqltest.Database(t)
			_, _, app := sqltest.App(t, dsn)
			return emulator.Services{MySQLDSN: dsn, AppDSN: app}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := start(t, emulator.Options{Orders: 60, Rate: 2, Speed: 60, Faults: "standard", Seed: 23, Services: row.on(t)})
			app, err := mysql.ParseDSN(r.AppDSN())
			require.NoError(t, err)
			r.db.SetMaxOpenConns(1)
			r.run()
			require.NotEqual(t, r.DSN(), r.AppDSN())
			require.Equal(t, []string{app.User}, r.texts("SELECT DISTINCT user FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()"),
				"whoever is connected besides this test: functions and console")

			db, err := sql.Open("mysql", r.AppDSN())
			require.NoError(t, err)
			defer func() { require.NoError(t, db.Close()) }()
			require.NotZero(t, one[int](r, "SELECT COUNT(*) FROM ledger_entry"))
			for _, statement := range []string{"UPDATE ledger_entry SET amount_fen = amount_fen + 1", "DELETE FROM ledger_entry", "TRUNCATE TABLE ledger_entry", "UPDATE ledger_seal SET hash = ''", "DROP TABLE ledger_seal"} {
				_, err := db.ExecContext(t.Context(), statement)
				var refused *mysql.MySQLError
				require.ErrorAs(t, err, &refused, statement)
				require.EqualValues(t, 1142, refused.Number, "%s: %v", statement, err)
			}
		})
	}
}

// Verbs that find the database by the console are the application, too.
func TestVerbsAreToldTheApplicationsDatabase(t *testing.T) {
	t.Parallel()
	r := start(t, emulator.Options{})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URLs["console"]+"/api/database", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { require.NoError(t, resp.Body.Close()) }()
	var at struct{ DSN string }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&at))
	require.Equal(t, r.AppDSN(), at.DSN)
}
