//go:build real

package services

import (
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/health"
)

const (
	redisPatience = 20 * time.Second // where the test is not about time: a loaded machine is no outage
	tolerated     = time.Second      // what a Redis in trouble may cost: one timeout of 250 ms, and what a loaded machine adds
)

var (
	redisNoon = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	weak      = health.Key{Carrier: "uupt", City: "330100"}
	strong    = health.Key{Carrier: "shansong", City: "330100"}
)

// twoInstances share a real Redis. Their time is the test's, Redis's own is real: a pause is over when the test says so.
type twoInstances struct {
	server *Redis
	clock  *clock.Manual
	each   [2]*health.Breakers
}

func shareRedis(t *testing.T, timeout time.Duration, policy health.Policy) *twoInstances {
	t.Helper()
	ctx, cancel := deadline(t)
	defer cancel()
	server, err := StartRedis(ctx, RedisOptions{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	two := &twoInstances{server: server, clock: clock.NewManual(redisNoon)}
	for i := range two.each {
		c := cache.New(cache.Options{Addr: server.Addr(), Timeout: timeout, Now: two.clock.System})
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		two.each[i] = health.New(policy, c, two.clock.System)
	}
	return two
}

// batch asks both carriers, unless the weak one is to be skipped; it tells whether it was asked.
func (x *twoInstances) batch(t *testing.T, instance int, says health.Result) bool {
	t.Helper()
	v := x.each[instance].Look(t.Context(), []health.Key{strong, weak})
	skip := v.Skip(weak.City, []string{strong.Carrier, weak.Carrier})
	v.Record(health.Outcome{Key: strong, Result: health.Well})
	reason, skipped := skip[weak.Carrier]
	if skipped {
		require.Contains(t, reason, "breaker open since 2026-03-01T04:0")
	} else {
		v.Record(health.Outcome{Key: weak, Result: says})
	}
	v.Finish(t.Context())
	return !skipped
}

func (x *twoInstances) kill(t *testing.T) {
	t.Helper()
	for i := range health.DefaultPolicy().Failures {
		require.True(t, x.batch(t, i%2, health.Unwell), "call %d", i+1)
	}
}

func (x *twoInstances) asked(t *testing.T, says health.Result) [2]bool {
	t.Helper()
	return [2]bool{x.batch(t, 0, says), x.batch(t, 1, says)}
}

func TestRedisCacheSharesBreakers(t *testing.T) {
	t.Parallel()
	x := shareRedis(t, redisPatience, health.DefaultPolicy())
	x.kill(t)
	require.Equal(t, [2]bool{false, false}, x.asked(t, health.Well))
	x.clock.Advance(5 * time.Second)
	require.Equal(t, [2]bool{true, false}, x.asked(t, health.Unwell), "one probe, which failed")
	x.clock.Advance(9 * time.Second)
	require.Equal(t, [2]bool{false, false}, x.asked(t, health.Unwell), "the pause is longer")
	x.clock.Advance(time.Second)
	require.Equal(t, [2]bool{true, true}, x.asked(t, health.Well), "the probe closes it for both")

	x.kill(t)
	client := redis.NewClient(&redis.Options{Addr: x.server.Addr()})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	keys, err := client.Keys(t.Context(), "*").Result()
	require.NoError(t, err)
	require.NotEmpty(t, keys)
	for _, k := range keys {
		ttl, err := client.TTL(t.Context(), k).Result()
		require.NoError(t, err)
		require.Positive(t, ttl, k)
		require.Regexp(t, `^qf:breaker:v1:`, k)
	}
}

// One probe among many instances that ask in the same moment.
func TestRedisCacheOneProbeAtATime(t *testing.T) {
	t.Parallel()
	x := shareRedis(t, redisPatience, health.DefaultPolicy())
	x.kill(t)
	x.clock.Advance(5 * time.Second)
	var all sync.WaitGroup
	views := make(chan *health.View, 20)
	for i := range cap(views) {
		all.Go(func() { views <- x.each[i%2].Look(t.Context(), []health.Key{strong, weak}) })
	}
	all.Wait()
	close(views)
	probes := 0
	for v := range views {
		if _, skipped := v.Skip(weak.City, []string{strong.Carrier, weak.Carrier})[weak.Carrier]; !skipped {
			probes++
		}
	}
	require.Equal(t, 1, probes)
}

func TestRedisCacheAwayInTheMiddle(t *testing.T) {
	t.Parallel()
	x := shareRedis(t, redisPatience, health.DefaultPolicy())
	x.kill(t)
	require.Equal(t, [2]bool{false, false}, x.asked(t, health.Well))
	x.server.Kill()
	<-x.server.Exited()
	require.Equal(t, [2]bool{false, false}, x.asked(t, health.Well), "each goes by what it knew")
	x.clock.Advance(5 * time.Second)
	require.Equal(t, [2]bool{true, true}, x.asked(t, health.Well), "each makes its own probe")
	require.Equal(t, [2]bool{true, true}, x.asked(t, health.Well))

	ctx, cancel := deadline(t)
	defer cancel()
	require.NoError(t, x.server.Restart(ctx))
	x.clock.Advance(6 * time.Second)
	x.kill(t)
	require.Equal(t, [2]bool{false, false}, x.asked(t, health.Well), "shared again")
}

func TestRedisCacheEmptiedInTheMiddle(t *testing.T) {
	t.Parallel()
	x := shareRedis(t, redisPatience, health.DefaultPolicy())
	x.kill(t)
	require.NoError(t, x.server.FlushAll(t.Context()))
	x.kill(t)
	require.Equal(t, [2]bool{false, false}, x.asked(t, health.Well), "another dozen calls, and it is known again")
}

// A Redis that answers no more holds up one batch by one timeout, then none until the bypass is over.
func TestRedisCacheSlow(t *testing.T) {
	t.Parallel()
	policy := health.DefaultPolicy()
	policy.Pause = policy.MaxPause
	x := shareRedis(t, 0, policy)
	for range policy.Failures {
		require.True(t, x.batch(t, 0, health.Unwell))
	}
	x.clock.Advance(6 * time.Second) // no bypass, whatever the machine was doing
	pause := redis.NewClient(&redis.Options{Addr: x.server.Addr()})
	t.Cleanup(func() { require.NoError(t, pause.Close()) })
	require.NoError(t, pause.Do(t.Context(), "CLIENT", "PAUSE", "600000", "ALL").Err())
	began := clock.System.Now()
	require.False(t, x.batch(t, 0, health.Well), "the instance goes by what it knew")
	first := clock.System.Now().Sub(began)
	require.Greater(t, first, 50*time.Millisecond, "it was tried")
	require.Less(t, first, tolerated)
	began = clock.System.Now()
	for range 100 {
		require.False(t, x.batch(t, 0, health.Well))
	}
	rest := clock.System.Now().Sub(began)
	require.Less(t, rest, tolerated, "bypassed")
	t.Logf("the first batch took %s, the next hundred %s", first, rest)

	ctx, cancel := deadline(t)
	defer cancel()
	require.NoError(t, x.server.Restart(ctx)) // nobody can be told to unpause while all are paused
	x.clock.Advance(policy.Pause)
	require.True(t, x.batch(t, 0, health.Well), "and goes on")
}

// What the stage adds to a batch when all is well.
func TestRedisCacheCost(t *testing.T) {
	t.Parallel()
	x := shareRedis(t, redisPatience, health.DefaultPolicy())
	x.batch(t, 0, health.Well)
	client := redis.NewClient(&redis.Options{Addr: x.server.Addr()})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	const batches = 200
	began := clock.System.Now()
	for range batches {
		x.batch(t, 0, health.Well)
	}
	t.Logf("%s a batch", clock.System.Now().Sub(began)/batches)
	info, err := client.Info(t.Context(), "commandstats").Result()
	require.NoError(t, err)
	require.Contains(t, info, "cmdstat_hgetall:calls=201,", "one round trip a batch")
}
