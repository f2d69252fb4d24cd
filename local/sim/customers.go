package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// ErrMix is a mix of platforms that makes no sense; it is wrapped with the reason.
var ErrMix = errors.New("orders: bad mix")

// CustomersOptions say who orders. All fields are needed, but for Mix.
type CustomersOptions struct {
	Clock     world.Clock
	Faults    *world.Faults
	Seed      int64
	Platforms map[string]world.Platform // by name
	Mix       map[string]int            // weight by platform; empty: all alike
	// Wait makes the rate one of another time than Clock's: it returns once so much of that has passed since the call of Run.
	Wait func(ctx context.Context, passed time.Duration) error
}

// Counters count the orders pushed.
type Counters struct {
	Pushed     int `json:"pushed"`     // begun
	Accepted   int `json:"accepted"`   //
	Refused    int `json:"refused"`    // answered with a refusal
	Unanswered int `json:"unanswered"` // given up, or the run was stopped before the answer
	Cancelled  int `json:"cancelled"`  // cancels pushed
}

// Customers order through the platforms, and some of them change their mind.
type Customers struct {
	options CustomersOptions
	chance  world.Chance
	names   []string // of platforms, sorted, each as often as its weight
	ctx     context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup

	mu       sync.Mutex
	closed   bool
	counters Counters
	serial   int
	fickle   map[string]target // orders to be cancelled, by platform and key
}

// target is where in its life an order will be cancelled.
type target struct {
	name    string // the counter
	stage   world.Stage
	counter string
}

// targets are the five places of life where a platform_cancel may strike.
var targets = []target{
	{"before_placement", 0, world.BeforePlacement},
	{"after_placement", world.StageDispatched, world.AfterPlacement},
	{"after_acceptance", world.StageAccepted, world.AfterAcceptance},
	{"after_arrival", world.StageArrived, world.AfterArrival},
	{"after_pickup", world.StagePickedUp, world.AfterPickup},
}

// NewCustomers readies the customers. Error: ErrMix. Close them.
func NewCustomers(o CustomersOptions) (*Customers, error) {
	names, err := lots(o)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &Customers{
		options: o, chance: world.NewChance(o.Seed, "customers"), names: names, ctx: ctx, stop: stop,
		fickle: map[string]target{},
	}
	for name, p := range o.Platforms {
		p.OnTold(func(key, no string, stage world.Stage) { c.onTold(name, key, no, stage) })
	}
	return c, nil
}

// lots is one lot for each unit of weight, to draw the platform of an order from.
func lots(o CustomersOptions) ([]string, error) {
	mix := o.Mix
	if len(mix) == 0 {
		mix = map[string]int{}
		for name := range o.Platforms {
			mix[name] = 1
		}
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(mix)) {
		weight := mix[name]
		if weight < 0 || weight > 10000 {
			return nil, fmt.Errorf("%w: %s=%d, want 0 to 10000", ErrMix, name, weight)
		}
		if _, ok := o.Platforms[name]; !ok && weight > 0 {
			return nil, fmt.Errorf("%w: no platform %q, there are %v", ErrMix, name, slices.Sorted(maps.Keys(o.Platforms)))
		}
		names = append(names, slices.Repeat([]string{name}, weight)...)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: no platform has any weight", ErrMix)
	}
	return names, nil
}

// virtually waits by the options' clock, from now on.
func (c *Customers) virtually() func(context.Context, time.Duration) error {
	start := c.options.Clock.Now()
	return func(ctx context.Context, passed time.Duration) error {
		if !world.Wait(c.options.Clock, start.Add(passed), ctx.Done()) {
			return ctx.Err()
		}
		return nil
	}
}

// Run lets n orders be made, rate per second (of virtual time, or as the options' Wait says), and returns when each has
// been answered; n < 0 goes on until ctx is done. Cancels may follow later, until Close.
// Errors: a rate that is not positive, ctx.
func (c *Customers) Run(ctx context.Context, n int, rate float64) error {
	if n == 0 {
		return nil
	}
	if !(rate > 0) {
		return fmt.Errorf("orders: rate %v, want more than 0 a second", rate)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	var wg sync.WaitGroup
	defer wg.Wait()
	wait := c.options.Wait
	if wait == nil {
		wait = c.virtually()
	}
	for i := 0; n < 0 || i < n; i++ {
		if err := wait(ctx, time.Duration(float64(i)/rate*float64(time.Second))); err != nil {
			return err
		}
		// The token lets no time pass between an order's instant and its push.
		done := c.options.Clock.Busy("customer")
		key := c.nextKey()
		wg.Go(func() { c.order(ctx, key, done) })
	}
	return nil
}

// nextKey is what an order's decisions are drawn by.
func (c *Customers) nextKey() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	return "customer-" + strconv.Itoa(c.serial)
}

// order makes one order and sees it answered. done closes the token under which it has
// been begun.
func (c *Customers) order(ctx context.Context, key string, done func()) {
	name := c.names[c.chance.Int(key, "platform", 0, len(c.names))]
	c.count(func(k *Counters) { k.Pushed++ })
	c.reconsider(name, key)
	no, answered, err := c.options.Platforms[name].Begin(world.OrderRequest{Key: key})
	done()
	accepted := false
	if err == nil {
		accepted, err = answered(ctx)
	}
	switch {
	case err != nil:
		c.count(func(k *Counters) { k.Unanswered++ })
		c.forget(name, key)
	case !accepted:
		c.count(func(k *Counters) { k.Refused++ })
		c.forget(name, key)
	default:
		c.count(func(k *Counters) { k.Accepted++ })
		c.onTold(name, key, no, 0)
	}
}

// reconsider draws whether and where in its life the order will be cancelled.
func (c *Customers) reconsider(name, key string) {
	hit, as := c.options.Faults.Strike(world.NewChance(c.options.Seed, name), world.PlatformCancel, key, "", 0)
	if !hit {
		return
	}
	t := targets[c.chance.Int(key, "cancel-at", 0, len(targets))]
	if i := slices.IndexFunc(targets, func(t target) bool { return t.name == as }); i >= 0 {
		t = targets[i]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fickle[name+"/"+key] = t
}

func (c *Customers) forget(name, key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.fickle, name+"/"+key)
}

// onTold cancels an order that has come as far as its customer would let it.
func (c *Customers) onTold(name, key, no string, stage world.Stage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := name + "/" + key
	t, fickle := c.fickle[id]
	if !fickle || stage < t.stage || c.closed {
		return
	}
	delete(c.fickle, id)
	if stage >= world.StageDelivered {
		return // too late to change one's mind
	}
	c.options.Faults.Count(targets[stage].counter) // where it really struck
	c.counters.Cancelled++
	done := c.options.Clock.Busy("customer")
	c.wg.Go(func() {
		answered, err := c.options.Platforms[name].BeginCancel(no, "不想要了")
		done()
		if err == nil {
			_, _ = answered(c.ctx) // the answer, or that there was none, is in the platform's books
		}
	})
}

func (c *Customers) count(change func(*Counters)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.counters)
}

// Counters are the counts so far.
func (c *Customers) Counters() Counters {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counters
}

// Close stops whatever Run is under way and waits for the cancels under way.
func (c *Customers) Close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.wg.Wait()
}
