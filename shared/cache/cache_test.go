package cache_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
)

var noon = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)

// patient is for tests that are not about time: a loaded machine is no outage.
const patient = 20 * time.Second

// oneTimeout is what an operation may cost at the very most: 250 ms, and what a loaded machine adds.
const oneTimeout = 600 * time.Millisecond

// lines is a log that can be read while it is written.
type lines struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

func (l *lines) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.out.String()), "\n")
}

func client(t *testing.T, o cache.Options) (*cache.Client, *clock.Manual, *lines) {
	t.Helper()
	at, log := clock.NewManual(noon), &lines{}
	o.Now, o.Log = at.System, slog.New(slog.NewTextHandler(log, nil))
	c := cache.New(o)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c, at, log
}

func set(ctx context.Context, c *cache.Client) error {
	return c.Pipe(ctx, func(p redis.Pipeliner) { p.Set(ctx, cache.Key("test", 1, "a"), "x", time.Minute) })
}

func TestPipeIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	c, _, _ := client(t, cache.Options{Addr: server.Addr(), Timeout: patient})
	var there, missing *redis.StringCmd
	require.NoError(t, c.Pipe(t.Context(), func(p redis.Pipeliner) {
		p.Set(t.Context(), "a", "x", time.Minute)
		missing = p.Get(t.Context(), "b")
		there = p.Get(t.Context(), "a")
	}))
	require.Equal(t, "x", there.Val())
	require.ErrorIs(t, missing.Err(), redis.Nil, "what is not there is no failure")
	require.Equal(t, 1, server.TotalConnectionCount())
	require.NoError(t, c.Pipe(t.Context(), func(redis.Pipeliner) {}), "nothing to do")
}

func TestKeysAreNamespacedAndVersioned(t *testing.T) {
	t.Parallel()
	require.Equal(t, "qf:breaker:v2:calls:shansong:330100", cache.Key("breaker", 2, "calls", "shansong", "330100"))
}

func TestNoAddressIsAway(t *testing.T) {
	t.Parallel()
	c, _, log := client(t, cache.Options{})
	require.ErrorIs(t, set(t.Context(), c), cache.ErrAway)
	require.Equal(t, []string{""}, log.all(), "nothing to tell: it was meant so")
}

func TestAwayIsToldOnceAndTriedAgainAfterAPause(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	c, at, log := client(t, cache.Options{Addr: server.Addr(), Timeout: patient})
	require.NoError(t, set(t.Context(), c))
	server.Close()

	for range 3 { // three pauses, nine operations
		for range 3 {
			require.ErrorIs(t, set(t.Context(), c), cache.ErrAway)
		}
		at.Advance(6 * time.Second)
	}
	require.Len(t, log.all(), 1)
	require.Contains(t, log.all()[0], "redis is away")

	require.NoError(t, server.Restart())
	require.NoError(t, set(t.Context(), c), "the pause is over")
	require.NoError(t, set(t.Context(), c))
	require.Len(t, log.all(), 2)
	require.Contains(t, log.all()[1], "redis is back")
}

func TestWhileBypassedNothingIsTried(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	c, at, _ := client(t, cache.Options{Addr: server.Addr(), Timeout: patient})
	server.Close()
	require.ErrorIs(t, set(t.Context(), c), cache.ErrAway)
	require.NoError(t, server.Restart())
	at.Advance(4 * time.Second)
	require.ErrorIs(t, set(t.Context(), c), cache.ErrAway, "five seconds are not over")
	at.Advance(2 * time.Second)
	require.NoError(t, set(t.Context(), c))
}

func TestAnAnswerThatIsAnErrorIsAwayToo(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	c, at, log := client(t, cache.Options{Addr: server.Addr(), Timeout: patient})
	server.SetError("OOM command not allowed when used memory > 'maxmemory'.")
	err := set(t.Context(), c)
	require.ErrorIs(t, err, cache.ErrAway)
	require.ErrorContains(t, err, "OOM")
	require.Len(t, log.all(), 1)
	server.SetError("")
	at.Advance(6 * time.Second)
	require.NoError(t, set(t.Context(), c))
}

func TestOneBadEntryAmongMissingOnesShows(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	c, _, _ := client(t, cache.Options{Addr: server.Addr(), Timeout: patient})
	require.NoError(t, server.Set("text", "x"))
	require.ErrorIs(t, c.Pipe(t.Context(), func(p redis.Pipeliner) {
		p.Get(t.Context(), "missing")
		p.LPush(t.Context(), "text", "y")
	}), cache.ErrAway)
}

func TestAServerThatSaysNothingCostsOneShortTimeout(t *testing.T) {
	t.Parallel()
	costsOneTimeout(t, mute(t))
}

func costsOneTimeout(t *testing.T, addr string) {
	t.Helper()
	c, _, _ := client(t, cache.Options{Addr: addr})
	began := time.Now()
	require.ErrorIs(t, set(t.Context(), c), cache.ErrAway)
	first := time.Since(began)
	require.Greater(t, first, 50*time.Millisecond, "it was tried")
	require.Less(t, first, oneTimeout)
	began = time.Now()
	for range 1000 {
		require.ErrorIs(t, set(t.Context(), c), cache.ErrAway)
	}
	rest := time.Since(began)
	require.Less(t, rest, oneTimeout, "bypassed")
	t.Logf("the first operation took %s, the next thousand %s", first, rest)
}

func TestOfManyOneTriesAgain(t *testing.T) {
	t.Parallel()
	c, at, log := client(t, cache.Options{Addr: mute(t)})
	require.ErrorIs(t, set(t.Context(), c), cache.ErrAway)
	at.Advance(6 * time.Second)
	began := time.Now()
	var all sync.WaitGroup
	waited := make(chan time.Duration, 50)
	for range 50 {
		all.Go(func() {
			began := time.Now()
			_ = set(t.Context(), c)
			waited <- time.Since(began)
		})
	}
	all.Wait()
	close(waited)
	slow := 0
	for w := range waited {
		if w > 50*time.Millisecond {
			slow++
		}
	}
	require.LessOrEqual(t, slow, 5, "one waits, the others are bypassed; a loaded machine may slow some")
	require.Less(t, time.Since(began), oneTimeout)
	require.Len(t, log.all(), 1)
}

func TestTheCallersEndSaysNothingOfRedis(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	c, _, log := client(t, cache.Options{Addr: server.Addr(), Timeout: patient})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	err := set(ended, c)
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, cache.ErrAway)
	require.NoError(t, set(t.Context(), c))
	require.Equal(t, []string{""}, log.all())
}

func TestCutSocketsAreReplaced(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	c, _, log := client(t, cache.Options{Addr: server.Addr(), Timeout: patient})
	require.NoError(t, set(t.Context(), c))
	addr := server.Addr()
	server.Close()
	require.NoError(t, server.StartAddr(addr))
	require.NoError(t, set(t.Context(), c), "the pooled socket is dead, a new one is made")
	require.Equal(t, []string{""}, log.all())
}

func TestPassword(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	server.RequireAuth("open sesame")
	right, _, _ := client(t, cache.Options{Addr: server.Addr(), Timeout: patient, Password: "open sesame"})
	require.NoError(t, set(t.Context(), right))
	wrong, _, log := client(t, cache.Options{Addr: server.Addr(), Timeout: patient, Password: "closed"})
	require.ErrorIs(t, set(t.Context(), wrong), cache.ErrAway)
	require.NotContains(t, log.all()[0], "closed")
}

func TestAfterCloseItIsAway(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	c := cache.New(cache.Options{Addr: server.Addr(), Timeout: patient})
	require.NoError(t, set(t.Context(), c))
	require.NoError(t, c.Close())
	require.ErrorIs(t, set(t.Context(), c), cache.ErrAway)
	require.NoError(t, c.Close())
}

func TestFromEnv(t *testing.T) {
	t.Parallel()
	read := func(values map[string]string) (cache.Options, error) {
		env := function.NewEnv(func(name string) (string, bool) { v, ok := values[name]; return v, ok })
		o := cache.FromEnv(env)
		return o, env.Err()
	}
	o, err := read(nil)
	require.NoError(t, err)
	require.Equal(t, cache.Options{}, o, "no Redis is a choice")
	o, err = read(map[string]string{function.EnvRedisAddr: "r:6379", cache.EnvPassword: "p", cache.EnvTLS: "1"})
	require.NoError(t, err)
	require.Equal(t, cache.Options{Addr: "r:6379", Password: "p", TLS: true}, o)
	for _, bad := range []string{"r", "r:", "redis://r:6379"} {
		_, err = read(map[string]string{function.EnvRedisAddr: bad})
		require.ErrorContains(t, err, function.EnvRedisAddr+" is not host:port", bad)
	}
	_, err = read(map[string]string{cache.EnvTLS: "perhaps"})
	require.ErrorContains(t, err, cache.EnvTLS)
}

// mute is a server that takes connections and never says a word.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		var open []net.Conn
		for {
			conn, err := l.Accept()
			if err != nil {
				break
			}
			open = append(open, conn)
		}
		for _, conn := range open {
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { require.NoError(t, l.Close()); serving.Wait() })
	return l.Addr().String()
}
