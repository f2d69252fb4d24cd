package store_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/store"
)

// abyss stands between a store and its server. Once somebody has sent a certain statement, nothing of that connection comes
// through any more in either direction, and nobody is told: so ends an instance whose host is gone.
type abyss struct {
	statement []byte
	vanished  chan struct{}
	once      sync.Once
}

// through opens the database by way of an abyss.
func (f fixture) through(t testing.TB, statement string) (*store.Store, *abyss) {
	t.Helper()
	cfg, err := mysql.ParseDSN(f.dsn)
	require.NoError(t, err)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	a := &abyss{statement: []byte(statement), vanished: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	network, address := cfg.Net, cfg.Addr
	work.Go(func() { a.serve(ctx, &work, listener, network, address) })
	t.Cleanup(func() { stop(); _ = listener.Close(); work.Wait() })
	cfg.Net, cfg.Addr = "tcp", listener.Addr().String()
	f.dsn = cfg.FormatDSN()
	return f.connect(t, store.Options{}), a
}

func (a *abyss) serve(ctx context.Context, work *sync.WaitGroup, listener net.Listener, network, address string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		server, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			_ = client.Close()
			continue
		}
		here := make(chan struct{})
		work.Go(func() { a.pass(ctx, server, client, here, a.statement) })
		work.Go(func() { a.pass(ctx, client, server, here, nil) })
	}
}

// pass copies until one side ends, or the statement has come by: then both stay open and silent until the test's end.
func (a *abyss) pass(ctx context.Context, to, from net.Conn, here chan struct{}, statement []byte) {
	defer func() { _ = errors.Join(to.Close(), from.Close()) }()
	end := context.AfterFunc(ctx, func() { _ = from.Close() })
	defer end()
	for chunk := make([]byte, 64<<10); ; {
		n, err := from.Read(chunk)
		select {
		case <-here:
			<-ctx.Done()
			return
		default:
		}
		gone := statement != nil && bytes.Contains(chunk[:n], statement)
		if gone {
			close(here) // before the server can answer
		}
		if _, bad := to.Write(chunk[:n]); bad != nil || err != nil {
			return
		}
		if gone {
			a.once.Do(func() { close(a.vanished) })
		}
	}
}

// An instance that vanishes while it holds the lock on all orders must not stop the shop.
func TestNobodyWaitsForAVanishedKeeper(t *testing.T) {
	t.Parallel()
	w, late := kept(t)
	doomed, a := w.through(t, "LOCK TABLES orders WRITE")
	ctx, cancel := context.WithCancel(t.Context())
	var keeping sync.WaitGroup
	keeping.Go(func() {
		if report, err := doomed.Housekeep(ctx, store.HousekeepOptions{System: late, Virtual: now, Retention: retention}); err == nil {
			t.Errorf("it ended well: %+v", report)
			a.once.Do(func() { close(a.vanished) })
		}
	})
	t.Cleanup(func() { cancel(); keeping.Wait() })
	<-a.vanished
	w.later(t, late.Add(-time.Hour))    // waits for a moment, and is stored
	require.Eventually(t, func() bool { // a vanished keeper's work is taken over
		report, err := w.Housekeep(t.Context(), store.HousekeepOptions{System: late, Virtual: now, Retention: retention})
		return err == nil && report.Ran && len(report.Dropped) > 0
	}, 20*time.Second, 100*time.Millisecond)
}

// An instance with a wrong clock must not keep the others from their work until the instant that it wrote down.
func TestAKeeperWithAWrongClockIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.housekeep(t, ofToday())
	f.exec(t, "UPDATE housekeeping SET value = ? WHERE name = 'done'", ofToday().AddDate(1, 0, 0).UnixMilli())
	report, err := f.Housekeep(t.Context(), store.HousekeepOptions{System: ofToday(), Virtual: now})
	require.NoError(t, err)
	require.True(t, report.Ran)
	report, err = f.Housekeep(t.Context(), store.HousekeepOptions{System: ofToday(), Virtual: now})
	require.NoError(t, err)
	require.False(t, report.Ran)
}
