package sim_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/local/sim/meituan"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

var begin = time.Date(2026, 3, 4, 9, 0, 0, 0, world.Shanghai)

func TestShops(t *testing.T) {
	t.Parallel()
	shops := sim.Shops(1)
	require.GreaterOrEqual(t, len(shops), 40)
	perCity := map[string]int{}
	seen := map[string]bool{}
	for _, s := range shops {
		perCity[s.City]++
		require.False(t, seen[s.Code])
		seen[s.Code] = true
		_, err := world.ParsePoint(s.Point().LngText(), s.Point().LatText())
		require.NoError(t, err)
		require.NotEmpty(t, s.Name)
	}
	require.Equal(t, map[string]int{"330100": 12, "310100": 12, "440100": 12, "110100": 12}, perCity)
	for _, seed := range []int64{1, 2, -5} {
		first := sim.Shops(seed)[0]
		require.Equal(t, "qf-shop-0001", first.Code)
		require.Equal(t, "330100", first.City)
		require.Equal(t, "120.155100", first.Point().LngText())
		require.Equal(t, "30.274100", first.Point().LatText())
	}
	require.Equal(t, shops, sim.Shops(1))
	require.NotEqual(t, shops, sim.Shops(2))
}

// platform is a platform without a wire: it answers at once.
type platform struct {
	clock  *worldtest.Clock
	answer func(key string) (bool, error)

	mu        sync.Mutex
	begun     map[string]time.Time // by key
	cancelled []string             // keys
	told      func(key, no string, stage world.Stage)
}

func newPlatform(clock *worldtest.Clock) *platform {
	return &platform{clock: clock, begun: map[string]time.Time{}, answer: func(string) (bool, error) { return true, nil }}
}

func (p *platform) Begin(r world.OrderRequest) (string, world.Answered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun[r.Key] = p.clock.Now()
	return "no-" + r.Key, func(context.Context) (bool, error) { return p.answer(r.Key) }, nil
}

func (p *platform) BeginCancel(no, _ string) (world.Answered, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cancelled = append(p.cancelled, no)
	return func(context.Context) (bool, error) { return true, nil }, nil
}

func (p *platform) OnTold(f func(key, no string, stage world.Stage)) { p.told = f }

func (p *platform) keys() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var keys []string
	for k := range p.begun {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (p *platform) cancels() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.cancelled)
}

// run drives the customers' clock by hand until they are done.
func run(t *testing.T, clock *worldtest.Clock, c *sim.Customers, n int, rate float64) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- c.Run(context.Background(), n, rate) }()
	for {
		select {
		case err := <-done:
			require.NoError(t, err)
			return
		default:
			clock.Advance(100 * time.Millisecond)
		}
	}
}

func TestCustomersOrderAtTheirRate(t *testing.T) {
	t.Parallel()
	clock := worldtest.NewClock(begin)
	mt, jd := newPlatform(clock), newPlatform(clock)
	mt.answer = func(key string) (bool, error) { return key != "customer-3", nil }
	jd.answer = mt.answer
	c, err := sim.NewCustomers(sim.CustomersOptions{
		Clock: clock, Faults: world.None(), Seed: 1, Mix: map[string]int{"meituan": 3, "jd": 1, "taobao": 0},
		Platforms: map[string]world.Platform{"meituan": mt, "jd": jd},
	})
	require.NoError(t, err)
	defer c.Close()
	run(t, clock, c, 40, 4)
	require.Equal(t, sim.Counters{Pushed: 40, Accepted: 39, Refused: 1}, c.Counters())
	require.Len(t, append(mt.keys(), jd.keys()...), 40)
	require.Greater(t, len(mt.keys()), len(jd.keys()))
	require.NotEmpty(t, jd.keys())
	require.GreaterOrEqual(t, clock.Now().Sub(begin), 9750*time.Millisecond, "39 gaps of a quarter second")
	run(t, clock, c, 0, 4)
	require.Equal(t, 40, c.Counters().Pushed, "none is none")
}

func TestCustomersChangeTheirMind(t *testing.T) {
	t.Parallel()
	const n, seed = 1000, 5
	play := func() ([]string, map[string]int) {
		clock := worldtest.NewClock(begin)
		p := newPlatform(clock)
		faults := world.Standard()
		c, err := sim.NewCustomers(sim.CustomersOptions{Clock: clock, Faults: faults, Seed: seed, Platforms: map[string]world.Platform{"meituan": p}})
		require.NoError(t, err)
		run(t, clock, c, n, 100)
		for stage := world.StageDispatched; stage <= world.StageDelivered; stage++ {
			for _, key := range p.keys() {
				p.told(key, "no-"+key, stage)
			}
		}
		c.Close()
		require.Equal(t, len(p.cancels()), c.Counters().Cancelled)
		cancels := p.cancels()
		slices.Sort(cancels)
		return cancels, faults.Counters()
	}
	t.Logf("seed %d", seed)
	cancels, counters := play()
	require.InDelta(t, n*.05, counters[world.PlatformCancel], 25)
	sum := 0
	for _, key := range world.CancelStages {
		require.Positive(t, counters[key], key)
		sum += counters[key]
	}
	require.Equal(t, counters[world.PlatformCancel], sum)
	require.Len(t, cancels, sum)
	again, counted := play()
	require.Equal(t, cancels, again)
	require.Equal(t, counters, counted)
}

func TestScriptedCancelAndTooLate(t *testing.T) {
	t.Parallel()
	clock := worldtest.NewClock(begin)
	p, faults := newPlatform(clock), world.None()
	for i := range 2 {
		require.NoError(t, faults.Direct(world.Script{
			Party: "meituan", Order: fmt.Sprintf("customer-%d", i+1), Fault: world.PlatformCancel, As: "after_arrival",
		}))
	}
	c, err := sim.NewCustomers(sim.CustomersOptions{Clock: clock, Faults: faults, Platforms: map[string]world.Platform{"meituan": p}})
	require.NoError(t, err)
	run(t, clock, c, 2, 1)
	p.told("customer-1", "no-customer-1", world.StageAccepted)
	require.Empty(t, p.cancels())
	p.told("customer-1", "no-customer-1", world.StageArrived)
	p.told("customer-1", "no-customer-1", world.StagePickedUp)
	p.told("customer-2", "no-customer-2", world.StageDelivered)
	c.Close()
	require.Equal(t, []string{"no-customer-1"}, p.cancels())
	require.Equal(t, 1, faults.Counters()[world.AfterArrival])
}

func TestCustomersThroughMeituan(t *testing.T) {
	t.Parallel()
	clock := worldtest.NewClock(begin)
	inbox := worldtest.NewInbox(t, func(_ worldtest.Letter, before int) (int, string) {
		if before%10 == 0 {
			return 503, ""
		}
		return 200, `{"data":"ok"}`
	})
	faults := world.None()
	require.NoError(t, faults.Direct(world.Script{Party: "meituan", Fault: world.PlatformCancel, As: "before_placement", Times: 5}))
	mt := meituan.New(meituan.Options{
		Clock: clock, System: func() time.Time { return begin }, Faults: faults, Seed: 3, PushBase: inbox.URL, Shops: sim.Shops(3),
	})
	defer mt.Close()
	c, err := sim.NewCustomers(sim.CustomersOptions{Clock: clock, Faults: faults, Seed: 3, Platforms: map[string]world.Platform{"meituan": mt}})
	require.NoError(t, err)
	run(t, clock, c, 50, 10)
	require.Eventually(t, func() bool {
		clock.Advance(time.Second)
		answered := 0
		for _, o := range mt.Books().Orders {
			if o.Cancel != nil && o.Cancel.Answer == meituan.AnswerOK {
				answered++
			}
		}
		return answered == 5
	}, 10*time.Second, time.Millisecond)
	c.Close()
	require.Equal(t, sim.Counters{Pushed: 50, Accepted: 50, Cancelled: 5}, c.Counters())
	b := mt.Books()
	require.Len(t, b.Orders, 50)
	pushes := 0
	for _, o := range b.Orders {
		require.Equal(t, meituan.AnswerOK, o.Answer)
		pushes += len(o.Pushes)
	}
	require.Len(t, inbox.Letters(), pushes)
	require.Greater(t, pushes, 55, "some were repeated")
}

func TestEndlessTrickleStops(t *testing.T) {
	t.Parallel()
	clock := worldtest.NewClock(begin)
	p := newPlatform(clock)
	c, err := sim.NewCustomers(sim.CustomersOptions{Clock: clock, Faults: world.None(), Platforms: map[string]world.Platform{"meituan": p}})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- c.Run(ctx, -1, 10) }()
	require.Eventually(t, func() bool { clock.Advance(100 * time.Millisecond); return len(p.keys()) > 20 }, 5*time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	c.Close()
	require.Zero(t, clock.Timers())
}

func TestBadMix(t *testing.T) {
	t.Parallel()
	clock := worldtest.NewClock(begin)
	platforms := map[string]world.Platform{"meituan": newPlatform(clock)}
	for _, mix := range []map[string]int{{"jd": 1}, {"meituan": -1}, {"meituan": 0}} {
		_, err := sim.NewCustomers(sim.CustomersOptions{Clock: clock, Faults: world.None(), Platforms: platforms, Mix: mix})
		require.ErrorIs(t, err, sim.ErrMix)
	}
	c, err := sim.NewCustomers(sim.CustomersOptions{Clock: clock, Faults: world.None(), Platforms: platforms})
	require.NoError(t, err)
	defer c.Close()
	require.Error(t, c.Run(t.Context(), 1, 0))
}
