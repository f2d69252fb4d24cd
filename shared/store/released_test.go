package store_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/store"
)

// releases are the frozen databases of every version that was released: schema and rows.
func releases(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/released/v*.sql")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	return files
}

// release is a database as a released version left it.
func release(t testing.TB, file string) fixture {
	t.Helper()
	f := unmigrated(t)
	script, err := os.ReadFile(file)
	require.NoError(t, err)
	f.run(t, string(script))
	return f
}

// contents is every table's columns, in order, with the hash and number of its rows.
type contents map[string]struct {
	columns string
	hash    string
	rows    int
}

// contents reads the named columns of the tables; nil = all of all tables.
func (f fixture) contents(t testing.TB, of contents) contents {
	t.Helper()
	if of == nil {
		of = contents{}
		for _, table := range f.strings(t, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 'goose_db_version'") {
			columns := f.strings(t, "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position", table)
			x := of[table]
			x.columns = strings.Join(columns, ", ")
			of[table] = x
		}
	}
	out := contents{}
	for table, x := range of {
		rows := f.strings(t, "SELECT CONCAT_WS('|', "+quotedColumns(x.columns)+") AS line FROM "+table+" ORDER BY line")
		sum := sha256.Sum256([]byte(strings.Join(rows, "\n")))
		x.hash, x.rows = fmt.Sprintf("%x", sum), len(rows)
		out[table] = x
	}
	return out
}

// quotedColumns makes every value, null or binary, text.
func quotedColumns(columns string) string {
	var out []string
	for c := range strings.SplitSeq(columns, ", ") {
		out = append(out, "COALESCE(HEX("+c+"), 'null')")
	}
	return strings.Join(out, ", ")
}

func (f fixture) strings(t testing.TB, query string, args ...any) []string {
	t.Helper()
	rows, err := f.db.QueryContext(t.Context(), query, args...)
	require.NoError(t, err, query)
	defer func() { require.NoError(t, rows.Close()) }()
	var out []string
	for rows.Next() {
		var s string
		require.NoError(t, rows.Scan(&s))
		out = append(out, s)
	}
	require.NoError(t, rows.Err())
	return out
}

func TestEveryReleaseMigratesForwardWithItsData(t *testing.T) {
	t.Parallel()
	for _, file := range releases(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			f := release(t, file)
			before := f.contents(t, nil)
			for table, x := range before {
				require.Positive(t, x.rows, "%s has rows to lose", table)
			}
			require.NoError(t, f.Migrate(t.Context()))
			require.Equal(t, before, f.contents(t, before))
			require.NoError(t, f.Migrate(t.Context()), "again")
			have, want, err := f.SchemaVersion(t.Context())
			require.NoError(t, err)
			require.Equal(t, want, have)

			require.Equal(t, "p20261113,p20261114,p20261115,p20261116,p20261117,p20261118,p20261119,p20261120,p20261121,pmax", f.partitions(t, "orders"), "a day each, and some ahead")
			report, err := f.CheckInvariants(t.Context(), now, store.InvariantOptions{})
			require.NoError(t, err)
			require.Empty(t, report.Violated)
			require.Len(t, must(f.Sweep(t.Context(), now.Add(time.Hour), grace, 100)), 3, "what was owed is owed")
		})
	}
}

// A migration that ended half way, as no server can take such changes back, goes on where it ended.
func TestAMigrationThatEndedHalfWayGoesOn(t *testing.T) {
	t.Parallel()
	f := release(t, "testdata/released/v1.sql")
	before := f.contents(t, nil)
	f.exec(t, "ALTER TABLE dead_letter ADD KEY dead_age (state, at)")
	f.exec(t, "ALTER TABLE quote PARTITION BY RANGE (order_id) (PARTITION pmax VALUES LESS THAN MAXVALUE)")
	require.NoError(t, f.Migrate(t.Context()))
	require.Equal(t, before, f.contents(t, before))
	require.Equal(t, "pmax", f.partitions(t, "quote"))
	require.Contains(t, f.partitions(t, "fact"), "p20261113")
}

// Those who migrate at once do it once.
func TestMigrationsAtOnceWaitForEachOther(t *testing.T) {
	t.Parallel()
	f := release(t, "testdata/released/v1.sql")
	var group sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		s := f.connect(t, store.Options{})
		group.Go(func() { errs[i] = s.Migrate(t.Context()) })
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, 5, one[int](t, f, "SELECT COUNT(*) FROM goose_db_version"), "0 to 4")
}

// stalls is the work of an instance of the former build while the schema changes under it.
type stalls struct {
	name    string
	work    func(ctx context.Context, n int) error
	done    int
	longest time.Duration
}

// run works until ctx ends, each step again until it succeeds; the longest one is the stall.
func (s *stalls) run(ctx context.Context, failed *atomic.Int64) {
	for ctx.Err() == nil {
		began := clock.System.Now()
		for err := s.work(ctx, s.done); err != nil; err = s.work(ctx, s.done) {
			if ctx.Err() != nil {
				return
			}
			failed.Add(1)
		}
		s.done++
		s.longest = max(s.longest, clock.System.Now().Sub(began))
	}
}

// Readers and writers go on while a populated database migrates: nothing fails, nothing that
// was acknowledged is lost, and nobody waits longer than the copy of one table takes.
func TestTheFormerBuildWorksWhileTheSchemaChanges(t *testing.T) {
	t.Parallel()
	f := release(t, "testdata/released/v1.sql")
	for table := range f.contents(t, nil) {
		f.exec(t, "TRUNCATE TABLE "+table)
	}
	const planted = 5_000
	f.plant(t, planted)
	do := func(query string, args ...any) error {
		_, err := f.db.ExecContext(t.Context(), query, args...)
		return err
	}
	base := 247_000_000_000_000_000
	work := []*stalls{
		{name: "read an order", work: func(ctx context.Context, n int) error {
			var state string
			return f.db.QueryRowContext(context.WithoutCancel(ctx), "SELECT state FROM orders WHERE id = ?", base+1+n%planted).Scan(&state)
		}},
		{name: "write an order", work: func(_ context.Context, n int) error {
			return do("UPDATE orders SET redrives = redrives + 1 WHERE id = ?", base+1+n%planted)
		}},
		{name: "write history", work: func(_ context.Context, n int) error {
			return do("INSERT INTO order_event VALUES (?, ?, NULL, 0, 'callback', '', '', 'ignored', FALSE, 0, NULL, NULL)", base+1+n%planted, fmt.Sprintf("new:%d", n))
		}},
		{name: "write a number", work: func(_ context.Context, n int) error {
			return do("INSERT INTO order_key (platform, no, order_id, hash) VALUES ('new', ?, 0, '')", n)
		}},
	}
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	var failed atomic.Int64
	for _, s := range work {
		group.Go(func() { s.run(ctx, &failed) })
	}
	began := clock.System.Now()
	err := f.Migrate(t.Context())
	took := clock.System.Now().Sub(began)
	cancel()
	group.Wait()
	require.NoError(t, err)
	require.Zero(t, failed.Load(), "whoever waits is not refused")
	for _, s := range work {
		t.Logf("%s: %d times, longest %v of the %v that the migration of %d orders took", s.name, s.done, s.longest.Round(time.Millisecond), took.Round(time.Millisecond), planted)
		require.Positive(t, s.done)
		require.Less(t, s.longest, 15*time.Second)
	}
	require.Equal(t, planted, one[int](t, f, "SELECT COUNT(*) FROM orders"))
	require.Equal(t, work[1].done, one[int](t, f, "SELECT SUM(redrives) FROM orders WHERE platform = 'jd'"))
	require.Equal(t, work[2].done, one[int](t, f, "SELECT COUNT(*) FROM order_event WHERE input_key LIKE 'new:%'"))
	require.Equal(t, work[3].done, one[int](t, f, "SELECT COUNT(*) FROM order_key WHERE platform = 'new'"))
}

func TestAnOlderSchemaIsRefusedUntilItIsMigrated(t *testing.T) {
	t.Parallel()
	f := release(t, "testdata/released/v1.sql")
	have, want, err := f.SchemaVersion(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{1, 4}, []int{have, want})
	for _, try := range []func() error{
		func() error { return f.Ping(t.Context()) },
		func() error { _, err := f.Sweep(t.Context(), now, grace, 1); return err },
		func() error { return f.Hurry(t.Context(), []int64{1}, now) },
	} {
		err := try()
		var old *store.SchemaError
		require.ErrorAs(t, err, &old)
		require.Equal(t, []int{1, 4}, []int{old.Have, old.Want})
		require.ErrorContains(t, err, "QIANFAN_MYSQL_DSN")
		require.ErrorContains(t, err, "is version 1, this build needs 4: run `qianfan migrate`")
		require.True(t, store.Away(err))
	}
	require.NoError(t, f.connect(t, store.Options{}).Migrate(t.Context()))
	require.NoError(t, f.Ping(t.Context()), "the one that was refused goes on by itself")
}

func TestAnEmptyDatabaseIsRefusedAsVersionZero(t *testing.T) {
	t.Parallel()
	f := unmigrated(t)
	have, want, err := f.SchemaVersion(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{0, 4}, []int{have, want})
	require.ErrorContains(t, f.Ping(t.Context()), "is version 0, this build needs 4")
}

// A build works on the schema of a later one: that is what makes a rolling upgrade.
func TestANewerSchemaIsWorkedOn(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.exec(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, TRUE)")
	f.exec(t, "ALTER TABLE orders ADD COLUMN later INT NOT NULL DEFAULT 7")
	s := f.connect(t, store.Options{})
	require.NoError(t, s.Ping(t.Context()))
	require.NoError(t, s.Migrate(t.Context()), "nothing to do")
	have, want, err := s.SchemaVersion(t.Context())
	require.NoError(t, err)
	require.Equal(t, []int{99, 4}, []int{have, want})
	id := f.orders(t, 1)[0]
	require.Equal(t, 7, one[int](t, f, "SELECT later FROM orders WHERE id = ?", id))
}
