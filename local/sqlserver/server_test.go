package sqlserver

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// shortDir is a directory whose path leaves room for a socket, which a test's own may not.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "qf-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := Start(context.Background(), o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

func open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() }) // the server may have gone first
	return db
}

func variable(t testing.TB, db *sql.DB, name string) string {
	t.Helper()
	var value string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT @@"+name).Scan(&value), name)
	return value
}

func TestAServerIsStrictInUTCAndReachedByItsSocketOnly(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	require.Regexp(t, `^(mariadb|mysql) \d+\.\d+\.\d+$`, s.Version())
	require.NoError(t, s.CreateDatabase(t.Context(), "orders"))
	require.NoError(t, s.CreateDatabase(t.Context(), "orders"), "again")
	require.ErrorContains(t, s.CreateDatabase(t.Context(), "a`b"), "want letters, digits and underscores")

	db := open(t, s.DSN("orders"))
	require.Equal(t, "+00:00", variable(t, db, "time_zone"))
	require.Equal(t, "utf8mb4", variable(t, db, "character_set_database"))
	require.Contains(t, variable(t, db, "sql_mode"), "STRICT_TRANS_TABLES")
	require.Equal(t, "1", variable(t, db, "innodb_flush_log_at_trx_commit"), "durable unless told otherwise")
	require.Equal(t, "1", variable(t, db, "skip_networking"))
	require.Equal(t, strconv.Itoa(defaultBufferPool), variable(t, db, "innodb_buffer_pool_size"))
	require.Equal(t, "0", variable(t, db, "log_bin"))

	_, err := db.ExecContext(t.Context(), "CREATE TABLE t (name VARCHAR(3) NOT NULL, at DATETIME(6) NOT NULL) ENGINE=InnoDB")
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "INSERT INTO t VALUES ('toolong', NOW(6))")
	require.ErrorContains(t, err, "Data too long")
	noon := time.Date(2026, 3, 1, 4, 0, 0, 123456000, time.UTC)
	_, err = db.ExecContext(t.Context(), "INSERT INTO t VALUES (?, ?)", "千帆", noon)
	require.NoError(t, err)
	var name string
	var at time.Time
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT name, at FROM t").Scan(&name, &at))
	require.Equal(t, "千帆", name)
	require.Equal(t, noon, at)

	info, err := os.Stat(s.home.dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm(), "root has no password")
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	var lines atomic.Int32
	s := start(t, Options{Dir: dir, Durability: Relaxed, BufferPool: 32 << 20, Log: func(string) { lines.Add(1) }})
	db := open(t, s.DSN(""))
	require.Equal(t, "0", variable(t, db, "innodb_flush_log_at_trx_commit"))
	require.Equal(t, strconv.Itoa(32<<20), variable(t, db, "innodb_buffer_pool_size"))
	server, guardian := s.running().group(), s.home.guardian.PID()
	s.Close()
	s.Close()
	<-s.Exited()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, entries)
	require.ErrorIs(t, syscall.Kill(server, 0), syscall.ESRCH)
	require.ErrorIs(t, syscall.Kill(guardian, 0), syscall.ESRCH)
	require.Positive(t, lines.Load(), "what the server prints goes to Log")
}

func TestAServerThatDiesIsNoticed(t *testing.T) {
	t.Parallel()
	s := start(t, Options{Durability: Relaxed})
	require.NoError(t, syscall.Kill(s.running().group(), syscall.SIGKILL))
	<-s.Exited()
	require.Error(t, open(t, s.DSN("")).PingContext(t.Context()))
	s.Close()
	require.NoDirExists(t, s.home.dir)
}

// The server of a process that is killed, which cannot tidy up, dies too and its directory goes.
func TestAKilledProcessLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	victim := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this test program
	victim.Env = append(os.Environ(), envVictim+"="+dir)
	out, err := victim.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, victim.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	server, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err, line)
	require.NoError(t, victim.Process.Kill())
	require.Error(t, victim.Wait())

	require.Eventually(t, func() bool {
		entries, err := os.ReadDir(dir)
		return err == nil && len(entries) == 0
	}, 20*time.Second, 10*time.Millisecond)
	require.Eventually(t, func() bool { return !runs(server) }, 20*time.Second, 10*time.Millisecond)
}

// runs says whether the process is there and not merely waiting to be reaped by whoever inherited it.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func TestWhatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	long := filepath.Join(t.TempDir(), strings.Repeat("long", 25))
	require.NoError(t, os.Mkdir(long, 0o700))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		o    Options
		want string
	}{
		{"durability", t.Context(), Options{Durability: "eventual"}, `durability "eventual": want "flush" or "relaxed"`},
		{"socket path", t.Context(), Options{Dir: long}, "too long for a socket"},
		{"missing directory", t.Context(), Options{Dir: "/nowhere/at/all"}, "no such file or directory"},
		{"buffer pool", t.Context(), Options{BufferPool: -1}, "buffer pool of -1 bytes"},
		{"template without key", t.Context(), Options{Template: Template{Prepare: func(context.Context, string) error { return nil }}}, "want both Key and Prepare"},
		{"context", cancelled, Options{}, "context canceled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(c.ctx, c.o)
			require.ErrorContains(t, err, c.want)
		})
	}
	entries, err := os.ReadDir(long)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestAServerThatEndsAsItStartsIsQuoted(t *testing.T) {
	t.Parallel()
	b, err := Find(t.Context())
	require.NoError(t, err)
	p, err := launch(b, []string{"--no-defaults", "--datadir=/nowhere/at/all"}, nil)
	require.NoError(t, err)
	err = p.awaitReady(t.Context())
	require.ErrorContains(t, err, "the server ended as it started")
	require.ErrorContains(t, err, "it printed:\n")
}

func TestATemplateIsMadeOnceAndCopied(t *testing.T) {
	t.Parallel()
	cache := shortDir(t)
	var prepared atomic.Int32
	template := Template{Key: "seed 1", Database: "qianfan", Prepare: func(ctx context.Context, dsn string) error {
		prepared.Add(1)
		db, err := sql.Open("mysql", dsn)
		if err != nil {
			return err
		}
		_, create := db.ExecContext(ctx, "CREATE TABLE shop (code VARCHAR(20) PRIMARY KEY) ENGINE=InnoDB")
		_, insert := db.ExecContext(ctx, "INSERT INTO shop VALUES ('qf-shop-0001')")
		return errors.Join(create, insert, db.Close())
	}}
	shops := func(s *Server) (n int) {
		db := open(t, s.DSN("qianfan"))
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM shop").Scan(&n))
		_, err := db.ExecContext(t.Context(), "INSERT INTO shop VALUES ('new')")
		require.NoError(t, err)
		return n
	}
	o := Options{Cache: cache, Durability: Relaxed, BufferPool: 32 << 20, Template: template}
	var group sync.WaitGroup
	var servers [2]*Server
	var errs [2]error
	for i := range servers { // at once: one makes it, the other waits
		group.Go(func() { servers[i], errs[i] = Start(t.Context(), o) })
	}
	group.Wait()
	for i, s := range servers {
		require.NoError(t, errs[i])
		defer s.Close()
		require.Equal(t, 1, shops(s), "what one server writes reaches neither the template nor the other")
	}
	require.EqualValues(t, 1, prepared.Load())
	third := start(t, o)
	require.Equal(t, 1, shops(third))
	require.EqualValues(t, 1, prepared.Load())

	o.Template.Key = "seed 2"
	o.Template.Prepare = func(context.Context, string) error { return errors.New("seed rows are missing") }
	_, err := Start(t.Context(), o)
	require.ErrorContains(t, err, `prepare template "seed 2": seed rows are missing`)
	o.Template.Prepare = template.Prepare
	require.Equal(t, 1, shops(start(t, o)), "a template that failed is made anew")
	require.EqualValues(t, 2, prepared.Load())
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s, err := Start(b.Context(), Options{Durability: Flush})
		require.NoError(b, err)
		s.Close()
	}
}

func TestAKilledServerRestartsOnItsData(t *testing.T) {
	t.Parallel()
	s := start(t, Options{TCP: true, BufferPool: 32 << 20})
	require.ErrorContains(t, s.Restart(t.Context()), "it runs")
	require.NoError(t, s.CreateDatabase(t.Context(), "kept"))
	db := open(t, s.TCPDSN("kept"))
	_, err := db.ExecContext(t.Context(), "CREATE TABLE t (n INT PRIMARY KEY) ENGINE=InnoDB")
	require.NoError(t, err)
	for n := range 20 {
		_, err = db.ExecContext(t.Context(), "INSERT INTO t VALUES (?)", n)
		require.NoError(t, err)
	}
	exited := s.Exited()
	s.Kill()
	<-exited
	s.Kill()
	require.Error(t, open(t, s.DSN("kept")).PingContext(t.Context()))

	for range 2 { // a second time, from what recovery made of it
		require.NoError(t, s.Restart(t.Context()))
		require.NotEqual(t, exited, s.Exited())
		for _, dsn := range []string{s.DSN("kept"), s.TCPDSN("kept")} {
			var n int
			require.NoError(t, open(t, dsn).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM t").Scan(&n))
			require.Equal(t, 20, n, "what was acknowledged is there")
		}
		s.Kill()
	}
}

func TestTCPWantsItsPassword(t *testing.T) {
	t.Parallel()
	s := start(t, Options{TCP: true, Durability: Relaxed, BufferPool: 32 << 20})
	require.NoError(t, open(t, s.TCPDSN("")).PingContext(t.Context()))
	config, err := mysql.ParseDSN(s.TCPDSN(""))
	require.NoError(t, err)
	require.NotEmpty(t, config.Passwd)
	for _, user := range []string{"root", tcpUser} {
		config.User, config.Passwd = user, ""
		require.ErrorContains(t, open(t, config.FormatDSN()).PingContext(t.Context()), "Access denied")
	}
	_, port, err := net.SplitHostPort(config.Addr)
	require.NoError(t, err)
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	_, err = Start(t.Context(), Options{TCP: true, Port: n})
	require.ErrorContains(t, err, "address already in use")
	require.Empty(t, start(t, Options{Durability: Relaxed, BufferPool: 32 << 20}).TCPDSN(""))
}

func TestAChosenProgramIsTheOneThatRuns(t *testing.T) {
	t.Parallel()
	b, err := Find(t.Context())
	require.NoError(t, err)
	s := start(t, Options{Binary: b.Path, Durability: Relaxed, BufferPool: 32 << 20})
	require.Equal(t, b.String(), s.Version())
	_, err = Start(t.Context(), Options{Binary: "/nowhere/mysqld"})
	require.ErrorContains(t, err, "inspect /nowhere/mysqld")
}
