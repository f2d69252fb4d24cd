package store_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/store"
)

const password = "a-secret-9341"

// Each mistake in the setting is told with the setting's name and what to do, and never with the password.
func TestWhatIsWrongWithTheDSNIsSaid(t *testing.T) {
	t.Parallel()
	_, server := private(t, false)
	good, err := mysql.ParseDSN(server.TCPDSN("qianfan"))
	require.NoError(t, err)
	dsn := func(edit func(*mysql.Config)) string {
		c := good.Clone()
		edit(c)
		return c.FormatDSN()
	}
	unused, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, unused.Close())
	for _, c := range []struct {
		name, dsn string
		want      []string
	}{
		{"password", dsn(func(c *mysql.Config) { c.Passwd = password }), []string{"Access denied", "qianfan@tcp(127.0.0.1:", "correct the setting's user or password"}},
		{"user", dsn(func(c *mysql.Config) { c.User, c.Passwd = "nobody", password }), []string{"Access denied", "nobody@tcp(", "correct the setting's user or password"}},
		{"database", dsn(func(c *mysql.Config) { c.DBName = "orders" }), []string{"Unknown database", "CREATE DATABASE orders", "qianfan migrate"}},
		{"address", dsn(func(c *mysql.Config) { c.Addr, c.Passwd = unused.Addr().String(), password }), []string{"connection refused", "start the server there"}},
		{"host", dsn(func(c *mysql.Config) { c.Addr, c.Passwd = "nowhere.invalid:3306", password }), []string{"nowhere.invalid", "correct the setting's address"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, err := store.Open(store.Options{DSN: c.dsn, Key: key})
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			_, swept := s.Sweep(t.Context(), now, grace, 1)
			for _, err := range []error{s.Ping(t.Context()), s.Migrate(t.Context()), swept} {
				var connect *store.ConnectError
				require.ErrorAs(t, err, &connect)
				require.NotEmpty(t, connect.Remedy())
				require.True(t, store.Away(err))
				for _, want := range append(c.want, "QIANFAN_MYSQL_DSN") {
					require.ErrorContains(t, err, want)
				}
				require.NotContains(t, err.Error(), password)
			}
		})
	}
}

func TestAMistypedDSNDoesNotShowItsPassword(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"user:" + password + "/x@tcp", "user:" + password, password + "@tcp(h:1)", "u:" + password + "@tcp(h:3306)/x?timeout=" + password, "u:" + password + "@" + password + "(h)/x"} {
		_, err := store.Open(store.Options{DSN: dsn, Key: key})
		require.ErrorContains(t, err, "QIANFAN_MYSQL_DSN", dsn)
		require.ErrorContains(t, err, "user:password@tcp(host:3306)/qianfan")
		require.NotContains(t, err.Error(), strings.Split(password, "-")[1])
	}
	_, err := store.Open(store.Options{DSN: "u:" + password + "@tcp(h:3306)/", Key: key})
	require.ErrorContains(t, err, "names no database")
}

// The server is killed and started again, several times, under a workload: what was
// acknowledged is there, what failed was told, and the same Store goes on by itself.
func TestTheStoreSurvivesAServerThatIsKilled(t *testing.T) {
	t.Parallel()
	f, server := private(t, true)
	f.dsn = server.TCPDSN("qianfan")
	s := f.connect(t, store.Options{MaxConns: 4})

	const workers, kills, between = 4, 3, 25
	ctx, cancel := context.WithCancel(t.Context())
	progress := make(chan struct{}, 1)
	acknowledged := make([][]string, workers)
	ambiguous := make([]int, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				x := newOrder(fmt.Sprintf("%d-%d", w, n))
				if _, err := s.Intake(context.WithoutCancel(ctx), fmt.Sprintf("b%d-%d", w, n), []store.NewOrder{x}, now); err != nil {
					if !store.Away(err) {
						t.Errorf("an error of the outage that is none: %v", err)
					}
					ambiguous[w]++
					_ = clock.System.Sleep(ctx, 10*time.Millisecond) // as whoever sends again does
					continue
				}
				acknowledged[w] = append(acknowledged[w], x.Order.No)
				select {
				case progress <- struct{}{}:
				default:
				}
			}
		})
	}
	for range kills {
		for range between {
			<-progress
		}
		server.Kill()
		require.Error(t, s.Ping(t.Context()))
		require.NoError(t, server.Restart(t.Context()))
	}
	for range between {
		<-progress // it goes on after the last
	}
	cancel()
	group.Wait()

	stored := map[string]bool{}
	for _, no := range f.strings(t, "SELECT o.no FROM orders o JOIN order_key k ON k.order_id = o.id JOIN order_event e ON e.order_id = o.id JOIN order_detail d ON d.order_id = o.id JOIN intake_batch b ON b.id = CONCAT('b', o.no)") {
		stored[no] = true
	}
	count, lost := 0, 0
	for w := range workers {
		for _, no := range acknowledged[w] {
			require.True(t, stored[no], "order %s was acknowledged", no)
			count++
		}
		lost += ambiguous[w]
	}
	t.Logf("%d orders acknowledged, %d refused or in doubt, over %d kills", count, lost, kills)
	require.Equal(t, len(stored), one[int](t, f, "SELECT COUNT(*) FROM orders"), "each whole")
	require.LessOrEqual(t, len(stored)-count, workers*kills, "besides those acknowledged, only commits whose answer was lost")
	require.NoError(t, s.Ping(t.Context()))
}

// A server that comes back after a pool was idle finds nobody confused.
func TestAnIdlePoolFindsTheServerThatCameBack(t *testing.T) {
	t.Parallel()
	f, server := private(t, true)
	id := f.orders(t, 1)[0]
	server.Kill()
	require.NoError(t, server.Restart(t.Context()))
	began := clock.System.Now()
	require.NoError(t, f.Hurry(t.Context(), []int64{id}, now), "the first statement already")
	require.Less(t, clock.System.Now().Sub(began), 5*time.Second)
	require.Equal(t, id, f.load(t, id).ID)
}

// A frozen instance's connections are dead when it is stopped: letting go of them is no failure.
func TestClosingDeadConnections(t *testing.T) {
	t.Parallel()
	f, server := private(t, false)
	s := f.connect(t, store.Options{})
	require.NoError(t, s.Ping(t.Context()))
	server.Kill()
	require.NoError(t, s.Close())
}
