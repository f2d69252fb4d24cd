package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/store"
)

// Errors by which both servers refuse what a user may not do, the same in both.
const (
	commandDenied = 1142
	accessDenied  = 1044
)

// application is a user with exactly the rights that functions have in f's database.
type application struct {
	user, host, dsn string
}

func (f fixture) application(t testing.TB) application {
	t.Helper()
	var a application
	a.user, a.host, a.dsn = sqltest.App(t, f.dsn)
	report, err := f.Grant(t.Context(), a.user, a.host)
	require.NoError(t, err)
	require.True(t, report.Seen)
	require.Empty(t, report.Revoked, "a new user has nothing")
	return a
}

// asApplication is the same database with the application's user at work; the view on its rows stays the owner's.
func (f fixture) asApplication(t testing.TB) fixture {
	t.Helper()
	dsn := f.dsn
	f.dsn = f.application(t).dsn
	f.Store = f.connect(t, store.Options{})
	f.dsn = dsn
	return f
}

func (a application) open(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", a.dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func sqlNumber(t testing.TB, err error) int {
	t.Helper()
	var refused *mysql.MySQLError
	require.ErrorAs(t, err, &refused)
	return int(refused.Number)
}

// Whatever the program does: no entry and no seal is changed or taken away by the user it has.
func TestTheApplicationCannotChangeTheLedger(t *testing.T) {
	t.Parallel()
	f := open(t)
	w := healthyIn(t, f.asApplication(t))
	const all = "SELECT CONCAT(COUNT(*), ' ', SUM(CRC32(CONCAT_WS(',', id, tx, account, debit, amount_fen)))) FROM ledger_entry"
	before := one[string](t, w.fixture, all)
	db := f.application(t).open(t)
	for table, column := range map[string]string{"ledger_entry": "amount_fen", "ledger_seal": "entries", "ledger_balance": "debit_fen", "ledger_period": "to_id", "audit": "at"} {
		var n int
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n), "it may read %s", table)
		for _, statement := range []string{
			"UPDATE %s SET " + column + " = 1", "DELETE FROM %s", "DELETE FROM %s WHERE FALSE", "TRUNCATE TABLE %s", "DROP TABLE %s", "REPLACE INTO %s SELECT * FROM %[1]s",
			"INSERT INTO %s SELECT * FROM %[1]s ON DUPLICATE KEY UPDATE " + column + " = 1",
			"ALTER TABLE %s ADD COLUMN x INT", "ALTER TABLE %s DROP COLUMN " + column, "CREATE INDEX x ON %s (" + column + ")", "RENAME TABLE %s TO elsewhere",
			"CREATE TRIGGER x BEFORE INSERT ON %s FOR EACH ROW SET NEW." + column + " = 1", "ALTER TABLE orders EXCHANGE PARTITION pmax WITH TABLE %s",
		} {
			statement = fmt.Sprintf(statement, table)
			_, err := db.ExecContext(t.Context(), statement)
			require.Equal(t, commandDenied, sqlNumber(t, err), "%s: %v", statement, err)
		}
	}
	for _, statement := range []string{"CREATE TABLE other (id INT)", "CREATE VIEW other AS SELECT 1", "DROP TABLE orders, ledger_entry", "GRANT UPDATE ON ledger_entry TO CURRENT_USER()", "ALTER TABLE orders RENAME TO elsewhere"} {
		_, err := db.ExecContext(t.Context(), statement)
		require.Error(t, err, statement)
	}
	_, err := db.ExecContext(t.Context(), "DROP DATABASE "+w.database(t))
	require.Equal(t, accessDenied, sqlNumber(t, err))
	require.Equal(t, before, one[string](t, w.fixture, all))
	w.check(t)
}

func (f fixture) database(t testing.TB) string { return one[string](t, f, "SELECT DATABASE()") }

// Orders, money, reports, parked callbacks and invariants: the rights are enough, and for the upkeep of days too.
func TestTheApplicationKeepsHouse(t *testing.T) {
	t.Parallel()
	w := healthyIn(t, open(t).asApplication(t))
	w.housekeep(t, ofToday())
	require.Contains(t, w.partitions(t, "orders"), "p2", "days were made")
	late := ofToday().Add(retention + 48*time.Hour)
	report := w.retire(t, late)
	require.Empty(t, report.Kept)
	for _, table := range dayTables {
		require.Contains(t, strings.Join(report.Dropped, " "), table+" p")
	}
	require.Zero(t, one[int](t, w.fixture, "SELECT COUNT(*) FROM orders"))
	require.Equal(t, 3, report.Purged["order_key"])
}

// A table that nobody gave a line in the table of rights could not even be read.
func TestEveryTableHasItsRights(t *testing.T) {
	t.Parallel()
	f := open(t)
	a := f.application(t)
	require.Empty(t, f.strings(t, `SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name NOT IN
 (SELECT table_name FROM information_schema.table_privileges WHERE table_schema = DATABASE() AND grantee = ? AND privilege_type = 'SELECT')`,
		"'"+a.user+"'@'"+a.host+"'"), "add a line to grants")
}

// written finds the tables that statements write, by the right that each needs.
var written = map[string][]*regexp.Regexp{
	"DELETE": {regexp.MustCompile(`DELETE FROM (\w+)`)},
	"UPDATE": {
		regexp.MustCompile("[\"`]UPDATE (\\w+)"),
		regexp.MustCompile("INTO (\\w+)[^\"`]*ON DUPLICATE KEY UPDATE"),
		regexp.MustCompile(`insert\{table: "(\w+)".*(?:ON DUPLICATE KEY UPDATE|keep: true|update: )`),
	},
	"INSERT": {regexp.MustCompile(`INSERT (?:IGNORE )?INTO (\w+)`), regexp.MustCompile(`insert\{table: "(\w+)"`)},
}

// What the code says to the server is granted: a statement that no test runs as the application would fail only there.
func TestEveryStatementIsGranted(t *testing.T) {
	t.Parallel()
	f := open(t)
	a := f.application(t)
	granted := map[string]bool{}
	for _, line := range f.strings(t, "SELECT CONCAT(privilege_type, ' ', table_name) FROM information_schema.table_privileges WHERE table_schema = DATABASE() AND grantee = ?", "'"+a.user+"'@'"+a.host+"'") {
		granted[line] = true
	}
	tables := f.strings(t, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || file == "schema.go" || file == "rights.go" { // goose writes its own table, rights probes
			continue
		}
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for privilege, patterns := range written {
			for _, pattern := range patterns {
				for _, m := range pattern.FindAllStringSubmatch(string(raw), -1) {
					if !slices.Contains(tables, m[1]) {
						continue
					}
					found++
					require.True(t, granted[privilege+" "+m[1]], "%s: %s for %.80q: add it to grants, or write it otherwise", file, privilege, m[0])
				}
			}
		}
	}
	require.Greater(t, found, 40, "the patterns find statements")
}

// A user that could do everything is cut down to what functions need.
func TestGrantTakesWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	f := open(t)
	var a application
	a.user, a.host, a.dsn = sqltest.App(t, f.dsn)
	name := "'" + a.user + "'@'" + a.host + "'"
	for _, statement := range []string{
		"GRANT ALL PRIVILEGES ON " + f.database(t) + ".* TO " + name + " WITH GRANT OPTION", "GRANT ALL PRIVILEGES ON ledger_entry TO " + name, "GRANT UPDATE (hash) ON ledger_seal TO " + name,
	} {
		f.exec(t, statement)
	}
	could := f.rights(t, a)
	require.Equal(t, []string{
		"ALTER, DELETE, DROP, TRIGGER, UPDATE on " + f.database(t) + ".*", "ALTER, DELETE, DROP, TRIGGER, UPDATE on " + f.database(t) + ".ledger_entry", "UPDATE on " + f.database(t) + ".ledger_seal",
	}, could.Excess)
	var excess *store.ExcessError
	require.ErrorAs(t, could.Err(), &excess)
	require.ErrorContains(t, could.Err(), "qianfan migrate --grant")

	report, err := f.Grant(t.Context(), a.user, a.host)
	require.NoError(t, err)
	require.Equal(t, could.Excess, report.Revoked)
	require.Equal(t, a.user+"@"+a.host, report.User)
	require.Greater(t, report.Tables, 30)
	require.NoError(t, f.rights(t, a).Err())
	for _, statement := range []string{"UPDATE ledger_entry SET amount_fen = 1", "DELETE FROM ledger_entry", "UPDATE ledger_seal SET hash = ''"} {
		_, err = a.open(t).ExecContext(t.Context(), statement)
		require.Equal(t, commandDenied, sqlNumber(t, err))
	}
	report, err = f.Grant(t.Context(), a.user, a.host)
	require.NoError(t, err)
	require.Empty(t, report.Revoked, "again changes nothing")

	f.exec(t, "REVOKE INSERT ON statement FROM "+name)
	lacks := f.rights(t, a)
	require.Equal(t, []string{"INSERT on statement"}, lacks.Missing)
	var missing *store.MissingError
	require.ErrorAs(t, lacks.Err(), &missing)
	require.ErrorContains(t, missing, "qianfan migrate --grant "+a.user+"@"+a.host)
}

// rights are those of the user, as it sees them itself.
func (f fixture) rights(t testing.TB, a application) store.Rights {
	t.Helper()
	f.dsn = a.dsn
	r, err := f.connect(t, store.Options{}).Privileges(t.Context())
	require.NoError(t, err)
	require.Equal(t, a.user+"@"+a.host, r.User)
	return r
}

// What reaches beyond the database is not ours to take away: it is named.
func TestGrantNamesWhatItCannotTake(t *testing.T) {
	t.Parallel()
	f, server := private(t, false)
	f.exec(t, "GRANT UPDATE, CREATE USER ON *.* TO '"+sqltest.AppUser+"'@'"+sqltest.AppHost+"'")
	f.exec(t, "GRANT DELETE ON `qian%`.* TO '"+sqltest.AppUser+"'@'"+sqltest.AppHost+"'")
	_, err := f.Grant(t.Context(), sqltest.AppUser, sqltest.AppHost)
	var excess *store.ExcessError
	require.ErrorAs(t, err, &excess)
	require.Equal(t, []string{"CREATE USER, UPDATE on *.*", "DELETE on qian%.*"}, excess.Excess)
	require.ErrorContains(t, err, "REVOKE")
	a := application{sqltest.AppUser, sqltest.AppHost, server.AppDSN("qianfan")}
	require.Equal(t, excess.Excess, f.rights(t, a).Excess)
}

// A role may what no list of its holder's own rights has.
func TestPrivilegesSeeThroughRoles(t *testing.T) {
	t.Parallel()
	f, server := private(t, false)
	a := application{sqltest.AppUser, sqltest.AppHost, server.AppDSN("qianfan")}
	_, err := f.Grant(t.Context(), a.user, a.host)
	require.NoError(t, err)
	for _, statement := range []string{"CREATE ROLE bookkeeper", "GRANT UPDATE ON ledger_entry TO bookkeeper", "GRANT bookkeeper TO '" + a.user + "'@'" + a.host + "'"} {
		f.exec(t, statement)
	}
	require.NoError(t, f.rights(t, a).Err(), "a role that is not on")
	by := "SET DEFAULT ROLE bookkeeper TO '%s'@'%s'"
	if strings.Contains(strings.ToLower(one[string](t, f, "SELECT VERSION()")), "mariadb") {
		by = "SET DEFAULT ROLE bookkeeper FOR '%s'@'%s'"
	}
	f.exec(t, fmt.Sprintf(by, a.user, a.host))
	require.Equal(t, []string{"UPDATE on ledger_entry by a role"}, f.rights(t, a).Excess)
}

// A user that was forgotten is told who can help, wherever the server stops it.
func TestAUserWithoutRightsIsToldWhatToDo(t *testing.T) {
	t.Parallel()
	f := open(t)
	user, host, dsn := sqltest.App(t, f.dsn)
	forgotten := f
	forgotten.dsn = dsn
	_, err := forgotten.connect(t, store.Options{}).Shards(t.Context())
	require.Equal(t, accessDenied, sqlNumber(t, err))
	require.ErrorContains(t, err, "qianfan migrate --grant")
	f.exec(t, "GRANT LOCK TABLES ON "+f.database(t)+".* TO '"+user+"'@'"+host+"'")
	_, err = forgotten.connect(t, store.Options{}).Shards(t.Context())
	require.Equal(t, commandDenied, sqlNumber(t, err))
	require.ErrorContains(t, err, "qianfan migrate --grant")
	_, err = f.Grant(t.Context(), user, host)
	require.NoError(t, err)
	_, err = forgotten.connect(t, store.Options{}).Shards(t.Context())
	require.NoError(t, err)
}

// The owner's mistakes are told before anything is changed.
func TestGrantRefuses(t *testing.T) {
	t.Parallel()
	f := open(t)
	_, err := f.Grant(t.Context(), "nobody_here", "%")
	require.ErrorContains(t, err, "CREATE USER 'nobody_here'@'%'")
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM mysql.user WHERE user = 'nobody_here'"), "no server may make a user without a password")
	_, err = f.Grant(t.Context(), "", "%")
	require.ErrorContains(t, err, "want a user")
	user, host, _ := strings.Cut(one[string](t, f, "SELECT CURRENT_USER()"), "@")
	_, err = f.Grant(t.Context(), user, host)
	require.ErrorContains(t, err, "the owner itself")

	a := f.application(t)
	_, other, _ := sqltest.App(t, f.dsn)
	owner := f.dsn
	f.dsn = a.dsn
	_, err = f.connect(t, store.Options{}).Grant(t.Context(), "somebody", other)
	require.ErrorContains(t, err, "WITH GRANT OPTION")
	f.dsn = owner

	empty := unmigrated(t)
	_, err = empty.Grant(t.Context(), a.user, a.host)
	var old *store.SchemaError
	require.ErrorAs(t, err, &old)
}

// An owner who is no administrator: all on its own database, and nothing else.
func TestAnOwnerOfOneDatabaseMayGrant(t *testing.T) {
	t.Parallel()
	f := open(t)
	owner, host, dsn := sqltest.App(t, f.dsn)
	f.exec(t, "GRANT ALL PRIVILEGES ON "+f.database(t)+".* TO '"+owner+"'@'"+host+"' WITH GRANT OPTION")
	var a application
	a.user, a.host, a.dsn = sqltest.App(t, f.dsn)
	f.exec(t, "GRANT ALL PRIVILEGES ON "+f.database(t)+".* TO '"+a.user+"'@'"+a.host+"'")
	mine := f
	mine.dsn = dsn
	report, err := mine.connect(t, store.Options{}).Grant(t.Context(), a.user, a.host)
	require.NoError(t, err)
	require.False(t, report.Seen, "it cannot see others' rights")
	require.NoError(t, f.rights(t, a).Err())
}

// The first connection judges its user, and no other does.
func TestAStoreJudgesItsUserOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	var mu sync.Mutex
	var heard []store.Rights
	s := f.connect(t, store.Options{MaxConns: 4, Judge: func(r store.Rights) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, r)
	}})
	var work errgroup.Group
	for range 8 {
		work.Go(func() error { _, err := s.Shards(context.Background()); return err })
	}
	require.NoError(t, work.Wait())
	require.Len(t, heard, 1)
	var excess *store.ExcessError
	require.ErrorAs(t, heard[0].Err(), &excess, "tests' owner may do everything")
}
