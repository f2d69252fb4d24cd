package store_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// ofToday is a system instant of the day in which newID's ids were minted.
func ofToday() time.Time { return order.IDTime(newID()) }

// dayTables are the tables about one order.
var dayTables = strings.Fields("orders attempt order_detail quote quote_outcome order_event order_command fact")

// private is a migrated database on a server of its own, for what touches the whole server.
func private(t testing.TB, durable bool) (fixture, *sqltest.Server) {
	t.Helper()
	s := sqltest.Private(t, durable)
	require.NoError(t, s.CreateDatabase(t.Context(), "qianfan"))
	f := fixture{dsn: s.DSN("qianfan")}
	f.Store = f.connect(t, store.Options{})
	db, err := sql.Open("mysql", f.dsn)
	require.NoError(t, err)
	f.db = db
	t.Cleanup(func() { _ = f.db.Close() }) // its server may be gone
	require.NoError(t, f.Migrate(t.Context()))
	return f, s
}

// Whatever looks for orders by id must leave the partitions of other days alone: the real
// statements, as the server got them, are explained.
func TestStatementsByOrderTouchTheirDayOnly(t *testing.T) {
	t.Parallel()
	f, _ := private(t, false)
	for back := range 10 {
		_, err := f.Housekeep(t.Context(), store.HousekeepOptions{System: ofToday().Add(time.Duration(back-5) * 24 * time.Hour), Virtual: now})
		require.NoError(t, err)
	}
	f.shards(t, 10_000, 1)
	f.exec(t, "SET GLOBAL log_output = 'TABLE'")
	f.exec(t, "SET GLOBAL general_log = ON")
	id := f.delivered(t)
	open := f.orders(t, 2)
	platform, no := "meituan", f.load(t, open[0]).No
	must(f.Commands(t.Context(), []store.NewCommand{{Platform: platform, No: no, Command: cancel("c1")}}, now))
	must(f.QuoteJobs(t.Context(), []store.RoundKey{{Order: open[0], Round: 1}, {Order: open[1], Round: 1}}))
	require.NoError(t, f.SaveRounds(t.Context(), "w", []store.RoundResult{quoted(open[0], 1, "t"), quoted(open[1], 1, "t")}, now))
	require.NoError(t, f.Dispatch(t.Context(), open, []store.InputKey{{Order: open[0], Key: "create"}, {Order: open[1], Key: "q:1"}}, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
		x := newTurn(b.Orders[open[0]])
		step(x, "order", 0, "received", "quoted")
		x.Decided = []*order.Command{{Key: "c1", Applied: 2, Decision: order.Applied}}
		return []*turn.Turn{x}, nil, nil
	}))
	must(f.Settle(t.Context(), []int64{id}, now))
	must(f.LeaseReports(t.Context(), []int64{id, open[0]}, "me", now, now.Add(time.Minute)))
	require.NoError(t, f.SaveTold(t.Context(), "me", []store.TellResult{{Order: id, Told: 7}, {Order: open[0], Told: 1}}))
	must(f.ArmedTimers(t.Context(), open))
	require.NoError(t, f.Hurry(t.Context(), open, now))
	_, _, _, err := f.View(t.Context(), platform, no)
	require.NoError(t, err)
	require.Len(t, must(f.Sweep(t.Context(), now.Add(time.Hour), grace, 10)), 2)
	_, _, err = f.OrderByID(t.Context(), id)
	require.NoError(t, err)
	f.exec(t, "SET GLOBAL general_log = OFF")

	explain := "EXPLAIN "
	if strings.Contains(one[string](t, f, "SELECT VERSION()"), "MariaDB") {
		explain = "EXPLAIN PARTITIONS "
	}
	about := regexp.MustCompile(`^(SELECT|UPDATE).*\b(` + strings.Join(dayTables, "|") + `)\b`)
	checked := map[string]bool{}
	for _, statement := range f.logged(t) {
		if !about.MatchString(statement) || strings.Contains(statement, "wake_at <=") { // the sweep looks for orders of any day
			continue
		}
		checked[statement] = true
		for _, row := range f.explainWith(t, explain, statement) {
			if row.partitions != "" {
				require.NotContains(t, row.partitions, ",", "table %s of %s", row.table, statement)
			}
		}
	}
	require.Greater(t, len(checked), 20)
}

// logged are the statements that the server got, each on one line.
func (f fixture) logged(t testing.TB) []string {
	t.Helper()
	rows, err := f.db.QueryContext(t.Context(), "SELECT argument FROM mysql.general_log WHERE command_type = 'Query' ORDER BY event_time")
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	var out []string
	for rows.Next() {
		var statement string
		require.NoError(t, rows.Scan(&statement))
		out = append(out, strings.ReplaceAll(statement, "\n", " "))
	}
	require.NoError(t, rows.Err())
	return out
}

// housekeep runs at a system instant, with everything else at ease.
func (f fixture) housekeep(t testing.TB, system time.Time) store.HousekeepReport {
	t.Helper()
	report, err := f.Housekeep(t.Context(), store.HousekeepOptions{System: system, Virtual: now})
	require.NoError(t, err)
	return report
}

func (f fixture) partitions(t testing.TB, table string) string {
	t.Helper()
	return one[string](t, f, "SELECT GROUP_CONCAT(partition_name ORDER BY partition_ordinal_position) FROM information_schema.partitions WHERE table_schema = DATABASE() AND table_name = ?", table)
}

func names(first time.Time, n int) string {
	shanghai := time.FixedZone("", 8*3600)
	var out []string
	for i := range n {
		out = append(out, "p"+first.In(shanghai).AddDate(0, 0, i).Format("20060102"))
	}
	return strings.Join(append(out, "pmax"), ",")
}

func TestTheNextDaysAreThereBeforeTheyBegin(t *testing.T) {
	t.Parallel()
	f := open(t)
	for _, table := range dayTables {
		require.Equal(t, "pmax", f.partitions(t, table), "nobody kept house yet: nothing is refused")
	}
	ids := f.orders(t, 3)
	today := ofToday()
	report := f.housekeep(t, today)
	require.True(t, report.Ran)
	require.Len(t, report.Created, 4*len(dayTables))
	for _, table := range dayTables {
		require.Equal(t, names(today, 4), f.partitions(t, table), table)
	}
	day := "p" + today.In(time.FixedZone("", 8*3600)).Format("20060102")
	require.Equal(t, 3, one[int](t, f, "SELECT COUNT(*) FROM orders PARTITION ("+day+")"), "what had come before is in its day")
	require.Equal(t, 3, one[int](t, f, "SELECT COUNT(*) FROM order_event PARTITION ("+day+") WHERE order_id IN (?, ?, ?)", ids[0], ids[1], ids[2]))

	require.False(t, f.housekeep(t, today.Add(59*time.Minute)).Ran, "once an hour")
	report = f.housekeep(t, today.Add(time.Hour))
	require.True(t, report.Ran)
	require.True(t, report.Idle())
	report = f.housekeep(t, today.Add(48*time.Hour))
	require.Len(t, report.Created, 2*len(dayTables))
	require.Equal(t, names(today, 6), f.partitions(t, "fact"))
}

// Ids before, at and after the boundary of a day land where their instant puts them.
func TestADayEndsAtMidnightInShanghai(t *testing.T) {
	t.Parallel()
	f := open(t)
	midnight := time.Date(2026, 11, 14, 0, 0, 0, 0, time.FixedZone("", 8*3600))
	f.housekeep(t, midnight.Add(-time.Hour))
	for i, at := range []time.Time{midnight.Add(-time.Millisecond), midnight, midnight.Add(24*time.Hour - time.Millisecond), midnight.Add(365 * 24 * time.Hour)} {
		id := mint(at)
		f.exec(t, "INSERT INTO order_detail VALUES (?, 'x', '{}')", id)
		require.Equal(t, 1, one[int](t, f, "SELECT COUNT(*) FROM order_detail PARTITION ("+[]string{"p20261113", "p20261114", "p20261114", "pmax"}[i]+") WHERE order_id = ?", id))
	}
}

func TestAFullLastPartitionIsToldAndNotMoved(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.orders(t, 3)
	o := store.HousekeepOptions{System: ofToday(), Virtual: now, MaxMove: 2}
	report, err := f.Housekeep(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, []string{"orders", "order_detail", "order_event"}, report.Full)
	require.Equal(t, "pmax", f.partitions(t, "orders"))
	require.Equal(t, names(o.System, 4), f.partitions(t, "fact"), "the others are not kept waiting")
	require.False(t, report.Idle())
	o.MaxMove, o.System = 3, o.System.Add(time.Hour)
	report, err = f.Housekeep(t.Context(), o)
	require.NoError(t, err)
	require.Empty(t, report.Full)
	require.Equal(t, names(o.System, 4), f.partitions(t, "orders"))
}

func TestOneInstanceKeepsHouse(t *testing.T) {
	t.Parallel()
	f := open(t)
	conn, err := f.db.Conn(t.Context())
	require.NoError(t, err)
	_, err = conn.ExecContext(t.Context(), "DO GET_LOCK(CONCAT('qianfan.', LEFT(SHA2(DATABASE(), 256), 32), '.housekeeping'), 0)")
	require.NoError(t, err)
	require.False(t, f.housekeep(t, ofToday()).Ran)
	require.Equal(t, "pmax", f.partitions(t, "orders"))
	_, err = conn.ExecContext(t.Context(), "DO RELEASE_ALL_LOCKS()")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.True(t, f.housekeep(t, ofToday()).Ran)
	require.Equal(t, 1, one[int](t, f, "SELECT IS_FREE_LOCK(CONCAT('qianfan.', LEFT(SHA2(DATABASE(), 256), 32), '.housekeeping'))"))
}

func TestHousekeepingThatIsLateGoesOnNextTime(t *testing.T) {
	t.Parallel()
	f := open(t)
	asked := 0
	o := store.HousekeepOptions{System: ofToday(), Virtual: now, Late: func() bool { asked++; return asked > 2 }}
	report, err := f.Housekeep(t.Context(), o)
	require.NoError(t, err)
	require.True(t, report.Unfinished)
	require.Len(t, report.Created, 2*4)
	o.Late = nil
	report, err = f.Housekeep(t.Context(), o)
	require.NoError(t, err)
	require.True(t, report.Ran, "not an hour later")
	require.Len(t, report.Created, 6*4)
}

// A table that somebody reads for long is left for the next time; nobody else waits long for it.
func TestATableInUseIsLeftForTheNextTime(t *testing.T) {
	t.Parallel()
	f := open(t)
	tx, err := f.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	var n int
	require.NoError(t, tx.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM quote").Scan(&n))
	report, err := f.Housekeep(t.Context(), store.HousekeepOptions{System: ofToday(), Virtual: now})
	require.ErrorContains(t, err, "partitions of quote")
	require.Len(t, report.Created, 7*4, "the others are there")
	require.NoError(t, tx.Rollback())
	report = f.housekeep(t, ofToday())
	require.Equal(t, 4, len(report.Created))
	require.Contains(t, fmt.Sprint(report.Created), "quote p")
}
