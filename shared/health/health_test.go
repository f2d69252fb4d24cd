package health_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/alicebob/miniredis/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/health"
)

const city = "330100"

var (
	noon     = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	both     = []string{"shansong", "uupt"}
	shansong = health.Key{Carrier: "shansong", City: city}
	uupt     = health.Key{Carrier: "uupt", City: city}
)

// fleet is some instances with one Redis.
type fleet struct {
	redis     *miniredis.Miniredis
	clock     *clock.Manual
	instances []*health.Breakers
	trips     *trips
}

// trips counts the round trips: pipelines, which the server answers without a pause between their commands. HELLO comes
// with each connection and does not count.
type trips struct {
	mu       sync.Mutex
	commands []string
}

func (r *trips) hook(_ *server.Peer, cmd string, _ ...string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commands = append(r.commands, cmd)
	return false
}

func (r *trips) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.commands
	r.commands = nil
	return out
}

func newFleet(t *testing.T, instances int) *fleet {
	t.Helper()
	f := &fleet{redis: miniredis.RunT(t), clock: clock.NewManual(noon), trips: &trips{}}
	f.redis.Server().SetPreHook(f.trips.hook)
	for range instances {
		f.join(t, cache.Options{Addr: f.redis.Addr(), Timeout: 20 * time.Second, Now: f.clock.System})
	}
	return f
}

func (f *fleet) join(t *testing.T, o cache.Options) {
	c := cache.New(o)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	f.instances = append(f.instances, health.New(health.DefaultPolicy(), c, f.clock.System))
}

func (f *fleet) pass(d time.Duration) {
	f.clock.Advance(d)
	f.redis.FastForward(d)
}

// batch asks both carriers about one order each, as far as they are to be asked: it answers who was skipped and why.
func batch(ctx context.Context, b *health.Breakers, says map[string]health.Result) map[string]string {
	v := b.Look(ctx, []health.Key{shansong, uupt})
	skip := v.Skip(city, both)
	for _, c := range both {
		if _, skipped := skip[c]; !skipped {
			v.Record(health.Outcome{Key: health.Key{Carrier: c, City: city}, Result: says[c]})
		}
	}
	v.Finish(ctx)
	return skip
}

var (
	allWell = map[string]health.Result{"shansong": health.Well, "uupt": health.Well}
	oneDead = map[string]health.Result{"shansong": health.Unwell, "uupt": health.Well}
	allDead = map[string]health.Result{"shansong": health.Unwell, "uupt": health.Unwell}
	reason  = map[string]string{"shansong": "breaker open since 2026-03-01T04:00:00Z"}
)

func (f *fleet) kill(t *testing.T) {
	t.Helper()
	for i := range 12 {
		require.Empty(t, batch(t.Context(), f.instances[i%len(f.instances)], oneDead), "call %d", i+1)
	}
}

func TestADeadCarrierIsOutAfterADozenCallsOfAllInstances(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 5)
	for i := range 50 {
		require.Empty(t, batch(t.Context(), f.instances[i%5], allWell))
	}
	f.kill(t)
	for _, b := range f.instances {
		require.Equal(t, reason, batch(t.Context(), b, allWell), "out at once, in all instances, and with the reason")
	}
	v := f.instances[0].Look(t.Context(), []health.Key{{Carrier: "shansong", City: "330200"}})
	require.Empty(t, v.Skip("330200", both), "another city")
	v.Finish(t.Context())
}

func TestItComesBackByOneProbe(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3)
	f.kill(t)
	f.pass(4 * time.Second)
	require.Equal(t, reason, batch(t.Context(), f.instances[0], allWell), "the pause is not over")
	f.pass(time.Second)

	keys := []health.Key{shansong, uupt}
	probing := f.instances[1].Look(t.Context(), keys)
	require.Empty(t, probing.Skip(city, both), "the first order of the batch is the probe")
	require.Equal(t, reason, probing.Skip(city, both), "the others are not")
	require.Equal(t, reason, batch(t.Context(), f.instances[0], allWell), "nor is any other instance's")
	probing.Record(health.Outcome{Key: shansong, Result: health.Well})
	probing.Finish(t.Context())
	for _, b := range f.instances {
		require.Empty(t, batch(t.Context(), b, allWell))
	}
	for i := range 11 {
		require.Empty(t, batch(t.Context(), f.instances[i%3], oneDead), "the old failures are forgotten")
	}
}

func TestAProbeThatFailsMakesThePauseLonger(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.kill(t)
	for _, pause := range []time.Duration{5, 10, 20, 40, 60, 60} {
		f.pass(pause*time.Second - time.Millisecond)
		require.Equal(t, reason, batch(t.Context(), f.instances[0], oneDead))
		f.pass(time.Millisecond)
		require.Empty(t, batch(t.Context(), f.instances[1], oneDead), "a probe after %s s", pause)
		require.Equal(t, reason, batch(t.Context(), f.instances[0], oneDead), "open since the first day")
	}
	f.pass(time.Minute)
	require.Empty(t, batch(t.Context(), f.instances[0], allWell))
	require.Empty(t, batch(t.Context(), f.instances[1], allWell))
}

func TestAProbeThatTellsNothingIsLeftToTheNext(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.kill(t)
	f.pass(5 * time.Second)
	require.Empty(t, batch(t.Context(), f.instances[0], map[string]health.Result{"uupt": health.Well}))
	require.Empty(t, batch(t.Context(), f.instances[1], allWell), "the next probe, at once")
	require.Empty(t, batch(t.Context(), f.instances[0], allWell))
}

func TestAnInstanceThatVanishedWithTheProbe(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.kill(t)
	f.pass(5 * time.Second)
	require.Empty(t, f.instances[0].Look(t.Context(), []health.Key{shansong}).Skip(city, both))
	f.pass(9 * time.Second)
	require.Equal(t, reason, batch(t.Context(), f.instances[1], allWell))
	f.pass(time.Second)
	require.Empty(t, batch(t.Context(), f.instances[1], allWell))
}

func TestWhenAllAreOpenAllAreAsked(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	for i := range 30 {
		require.Empty(t, batch(t.Context(), f.instances[i%2], allDead), "a try is better than none")
	}
	v := f.instances[0].Look(t.Context(), nil)
	require.Contains(t, v.Skip(city, []string{"shansong", "other"}), "shansong", "it is open, for those who have a choice")
	require.Empty(t, v.Skip(city, nil))
	v.Finish(t.Context())
	require.Empty(t, batch(t.Context(), f.instances[1], map[string]health.Result{"shansong": health.Unwell, "uupt": health.Well}))
	require.Equal(t, reason, batch(t.Context(), f.instances[0], allWell), "the one that answered is closed, without waiting for a probe")
}

func TestRefusalsNeverOpen(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	for range 100 { // Judge makes them Well, or Silent where nobody was asked
		require.Empty(t, batch(t.Context(), f.instances[0], map[string]health.Result{"shansong": health.Silent}))
	}
	require.Empty(t, f.redis.Keys())
}

// 3 % of the calls hang or time out: what the standard faults do.
func TestUsualFailuresNeverOpen(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	f := newFleet(t, 4)
	says := func() health.Result {
		if rng.Float64() < 0.03 {
			return health.Unwell
		}
		return health.Well
	}
	for range 1000 {
		v := f.instances[rng.IntN(4)].Look(t.Context(), []health.Key{shansong})
		require.Empty(t, v.Skip(city, both))
		for range 1 + rng.IntN(25) {
			v.Record(health.Outcome{Key: shansong, Result: says()})
		}
		v.Finish(t.Context())
	}
}

func TestRoundTrips(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	b := f.instances[0]
	ctx := t.Context()
	batch(ctx, b, allWell)
	f.trips.take() // HELLO
	batch(ctx, b, allWell)
	require.Equal(t, "HGETALL", last(f.trips.take()), "one, which brings the good calls of the batch before along")
	v := b.Look(ctx, []health.Key{shansong})
	f.trips.take()
	v.Record(health.Outcome{Key: shansong, Result: health.Well})
	v.Finish(ctx)
	require.Empty(t, f.trips.take(), "nothing at the end when all is well")
	v = b.Look(ctx, []health.Key{shansong})
	f.trips.take()
	v.Record(health.Outcome{Key: shansong, Result: health.Unwell})
	v.Finish(ctx)
	require.Equal(t, []string{"LPUSH", "LTRIM", "PEXPIRE", "LRANGE", "HGETALL"}, f.trips.take(), "and one more when something went wrong")
}

func last(list []string) string { return list[len(list)-1] }

func TestGoodCallsAreReportedWithTheNextBatch(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	for range 100 { // each batch: nine good calls and a bad one for the other instance's list to dilute
		v := f.instances[0].Look(t.Context(), []health.Key{shansong})
		for range 9 {
			v.Record(health.Outcome{Key: shansong, Result: health.Well})
		}
		v.Finish(t.Context())
		v = f.instances[1].Look(t.Context(), []health.Key{shansong})
		require.Empty(t, v.Skip(city, both))
		v.Record(health.Outcome{Key: shansong, Result: health.Unwell})
		v.Finish(t.Context())
	}
}

func TestRedisAwayInTheMiddle(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.kill(t)
	for _, b := range f.instances {
		require.Equal(t, reason, batch(t.Context(), b, allWell))
	}
	f.redis.Close()
	for _, b := range f.instances {
		require.Equal(t, reason, batch(t.Context(), b, allWell), "each goes by what it knew")
	}
	f.pass(5 * time.Second)
	require.Empty(t, batch(t.Context(), f.instances[0], allWell), "each makes its own probe")
	require.Empty(t, batch(t.Context(), f.instances[1], oneDead))
	require.Empty(t, batch(t.Context(), f.instances[0], allWell))
	require.Equal(t, reason, batch(t.Context(), f.instances[1], allWell))

	f.pass(6 * time.Second)
	require.NoError(t, f.redis.Restart())
	require.Empty(t, batch(t.Context(), f.instances[0], allWell), "Redis still says open, and the pause is over: a probe")
	require.Empty(t, batch(t.Context(), f.instances[1], allWell), "closed for all")
}

func TestWithoutRedisAnInstanceTripsAlone(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 0)
	f.join(t, cache.Options{})
	f.join(t, cache.Options{})
	for range 12 {
		require.Empty(t, batch(t.Context(), f.instances[0], oneDead))
	}
	require.Equal(t, reason, batch(t.Context(), f.instances[0], allWell))
	require.Empty(t, batch(t.Context(), f.instances[1], allWell))
	f.pass(5 * time.Second)
	require.Empty(t, batch(t.Context(), f.instances[0], allWell))
	require.Empty(t, batch(t.Context(), f.instances[0], allWell))
}

func TestRedisEmptiedInTheMiddle(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.kill(t)
	require.Equal(t, reason, batch(t.Context(), f.instances[0], oneDead))
	f.redis.FlushAll()
	f.kill(t) // asked again, for another dozen calls
	require.Equal(t, reason, batch(t.Context(), f.instances[1], oneDead))
}

func TestRedisEmptiedDuringAProbe(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.kill(t)
	f.pass(5 * time.Second)
	v := f.instances[0].Look(t.Context(), []health.Key{shansong})
	require.Empty(t, v.Skip(city, both))
	f.redis.FlushAll()
	v.Record(health.Outcome{Key: shansong, Result: health.Unwell})
	v.Finish(t.Context())
	require.Equal(t, reason, batch(t.Context(), f.instances[0], oneDead))
	require.Positive(t, f.redis.TTL("qf:breaker:v1:open"))
}

func TestPlacementsCount(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	placing, quoting := f.instances[0], f.instances[1]
	failed := health.Outcome{Key: shansong, Result: health.Unwell}
	placing.Record(t.Context(), health.Outcome{Key: shansong, Result: health.Well}, health.Outcome{Key: uupt, Result: health.Silent})
	require.Empty(t, f.redis.Keys(), "good calls wait")
	for range 4 {
		placing.Record(t.Context(), failed, failed, failed)
	}
	require.Equal(t, reason, batch(t.Context(), quoting, allWell))
	placing.Record(t.Context(), health.Outcome{Key: shansong, Result: health.Well}, failed)
	require.Equal(t, reason, batch(t.Context(), quoting, allWell), "a placement that was under way closes nothing")
}

func TestNoBreakersAreClosed(t *testing.T) {
	t.Parallel()
	var none *health.Breakers
	for range 30 {
		require.Empty(t, batch(t.Context(), none, allDead))
	}
	none.Record(t.Context(), health.Outcome{Key: shansong, Result: health.Unwell})
}

func TestConcurrentBatches(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 25 {
				batch(t.Context(), f.instances[i%2], oneDead)
				f.instances[i%2].Record(t.Context(), health.Outcome{Key: uupt, Result: health.Well})
			}
		})
	}
	all.Wait()
	require.Equal(t, reason, batch(t.Context(), f.instances[0], oneDead))
}

func TestLoadPolicy(t *testing.T) {
	t.Parallel()
	read := func(values map[string]string) (health.Policy, error) {
		env := function.NewEnv(func(name string) (string, bool) { v, ok := values[name]; return v, ok })
		p := health.LoadPolicy(env)
		return p, env.Err()
	}
	p, err := read(nil)
	require.NoError(t, err)
	require.Equal(t, health.DefaultPolicy(), p)
	p, err = read(map[string]string{"QIANFAN_BREAKER_WINDOW": "50", "QIANFAN_BREAKER_FAILURES": "50", "QIANFAN_BREAKER_MEMORY": "1m",
		"QIANFAN_BREAKER_PAUSE": "1s", "QIANFAN_BREAKER_MAX_PAUSE": "1s"})
	require.NoError(t, err)
	require.Equal(t, health.Policy{Window: 50, Failures: 50, Memory: time.Minute, Pause: time.Second, MaxPause: time.Second}, p)
	for name, bad := range map[string]map[string]string{
		"QIANFAN_BREAKER_FAILURES":  {"QIANFAN_BREAKER_WINDOW": "11"},
		"QIANFAN_BREAKER_MAX_PAUSE": {"QIANFAN_BREAKER_PAUSE": "2m"},
		"QIANFAN_BREAKER_WINDOW":    {"QIANFAN_BREAKER_WINDOW": "0"},
		"QIANFAN_BREAKER_MEMORY":    {"QIANFAN_BREAKER_MEMORY": "-1s"},
	} {
		_, err := read(bad)
		require.ErrorContains(t, err, name)
	}
}

// An instance whose clock was wrong opened a breaker until next week: a probe is made all the same.
func TestATripFromAWrongClockIsProbed(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	f.redis.HSet("qf:breaker:v1:open", "shansong:"+city, fmt.Sprintf(`{"since":%d,"until":%d}`, noon.UnixMilli(), noon.AddDate(0, 0, 7).UnixMilli()))
	well := map[string]health.Result{"shansong": health.Well, "uupt": health.Well}
	require.Empty(t, batch(t.Context(), f.instances[0], well), "the order makes the probe")
	require.False(t, f.redis.Exists("qf:breaker:v1:open"), "and closes the breaker")
}
