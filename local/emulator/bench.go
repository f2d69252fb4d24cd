package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chuandao/qianfan/local/sim/world"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
)

// Benches are the named benchmarks.
var benches = map[string]func(ctx context.Context, o Options, log io.Writer) (any, error){
	"latency":      benchLatency,
	"dead-carrier": benchDead,
	"cost":         benchCost,
	"hot-account":  benchHot,
	"reconcile":    benchReconcile,
	"day-close":    benchDayClose,
}

// ErrBench says that a benchmark is unknown.
var ErrBench = errors.New("unknown benchmark")

// BenchNames lists the benchmarks for help texts.
func BenchNames() []string {
	names := []string{}
	for name := range benches {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Bench runs one benchmark on an emulator of its own and prints its figures as JSON.
func Bench(ctx context.Context, name string, o Options, out, log io.Writer) error {
	run, ok := benches[name]
	if !ok {
		return fmt.Errorf("%w %q: there are %s", ErrBench, name, strings.Join(BenchNames(), ", "))
	}
	if o.Seed == 0 {
		o.Seed = randomSeed()
	}
	figures, err := run(ctx, o, log)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(out)
	if !o.JSON {
		enc.SetIndent("", "  ")
	}
	return enc.Encode(figures)
}

// Latency is how long one order takes in an idle system.
type Latency struct {
	Orders     int     `json:"orders"`
	Seed       int64   `json:"seed"`
	MedianMS   float64 `json:"push_to_placed_median_ms"`
	P90MS      float64 `json:"push_to_placed_p90_ms"`
	MaxMS      float64 `json:"push_to_placed_max_ms"`
	ReadyMS    int64   `json:"ready_ms"`
	Durability string  `json:"durability"`
	Store      string  `json:"store"`
}

const idleBetween = 300 * time.Millisecond // of system time, so that the system is idle again

// benchLatency pushes orders one by one at speed 1, carriers answering at once, and times
// each from the platform's push to the placement in a carrier's own books.
func benchLatency(ctx context.Context, o Options, log io.Writer) (figures any, err error) {
	n := o.Orders
	if n <= 0 {
		n = 30
	}
	o.Orders, o.Instant, o.Speed = 0, true, 1
	e, err := Start(ctx, o.Ephemeral(), log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	var took []float64
	for i := range n + 3 {
		if err := sharedclock.System.Sleep(ctx, idleBetween); err != nil {
			return nil, err
		}
		d, err := e.pushToPlaced(ctx)
		if err != nil {
			return nil, err
		}
		if i >= 3 { // the first ones warm up connections
			took = append(took, float64(d.Microseconds())/1000)
		}
	}
	slices.Sort(took)
	return Latency{Orders: n, Seed: o.Seed, MedianMS: took[n/2], P90MS: took[n*9/10], MaxMS: took[n-1], ReadyMS: e.ReadyIn.Milliseconds(),
		Durability: string(e.on.durability), Store: e.on.store}, nil
}

func (e *Emulator) placed() int {
	n := 0
	for _, c := range e.Carriers {
		n += c.Totals().Placed
	}
	return n
}

const (
	placedPoll  = 200 * time.Microsecond
	placedLimit = 10 * time.Second
)

func (e *Emulator) pushToPlaced(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, placedLimit)
	defer cancel()
	before, began := e.placed(), sharedclock.System.Now()
	if err := e.PushOne(ctx, "meituan", world.OrderRequest{Shop: "qf-shop-0001"}); err != nil {
		return 0, err
	}
	for e.placed() == before {
		if err := sharedclock.System.Sleep(ctx, placedPoll); err != nil {
			return 0, fmt.Errorf("the order was not placed within %s: %w", placedLimit, err)
		}
	}
	return sharedclock.System.Now().Sub(began), nil
}

// PushOne lets one customer order and waits for the platform's answer.
func (e *Emulator) PushOne(ctx context.Context, platform string, r world.OrderRequest) error {
	no, answered, err := e.Platforms[platform].Begin(r)
	if err != nil {
		return err
	}
	accepted, err := answered(ctx)
	if err == nil && !accepted {
		err = fmt.Errorf("order %s was refused: see /api/refused", no)
	}
	return err
}

// Cost is what one delivered order costs, counted, not timed. What the emulator asks the
// database itself is left out, and the minutely sweep, which costs the same without orders.
type Cost struct {
	Orders       string  `json:"orders"` // how they came
	Delivered    int     `json:"delivered"`
	Statements   float64 `json:"sql_statements"`
	Transactions float64 `json:"sql_transactions"`
	Messages     float64 `json:"messages"`
	HTTPCalls    float64 `json:"outgoing_http_calls"`
	Invocations  float64 `json:"invocations"`
}

// benchCost counts what a delivered order costs: every trigger handing over single messages
// and orders far apart, and with orders that come in bursts.
func benchCost(ctx context.Context, o Options, log io.Writer) (any, error) {
	n := o.Orders
	if n <= 0 {
		n = 200
	}
	o.Speed, o.Faults = 60, "none"
	alone, together := o, o
	alone.Orders, alone.BatchOne = min(n, 100), true
	together.Orders, together.Lockstep = n, true
	first, err := countRun(ctx, alone, "one by one, batch size 1", log, (*Emulator).pushApart)
	if err != nil {
		return nil, err
	}
	second, err := countRun(ctx, together, fmt.Sprintf("%d in step", n), log, (*Emulator).pushTogether)
	return []Cost{first, second}, err
}

// ownStatements counts the emulator's own round trips to the database.
type ownStatements struct{ statements, commits atomic.Int64 }

func (o *ownStatements) count(kind string) {
	if kind == "commit" {
		o.commits.Add(1)
	}
	o.statements.Add(1)
}

// tally is a reading of everything that is counted.
type tally struct{ statements, commits, messages, calls, invocations int64 }

func (a tally) minus(b tally) tally {
	return tally{a.statements - b.statements, a.commits - b.commits, a.messages - b.messages, a.calls - b.calls, a.invocations - b.invocations}
}

func (e *Emulator) tally(ctx context.Context) (tally, error) {
	c, err := e.Store.ServerCounts(ctx)
	t := tally{statements: c.Statements - e.own.statements.Load(), commits: c.Commits - e.own.commits.Load(), messages: e.messages().Sent, calls: e.outgoingCalls()}
	for _, n := range e.Functions.Invocations() {
		t.invocations += n
	}
	return t, err
}

const baseline = 20 // minutes of virtual time without orders, to know the sweep's cost

// pushApart pushes orders so far apart that no two are under way in one batch.
func (e *Emulator) pushApart(ctx context.Context) error {
	for range e.opts.Orders {
		if err := errors.Join(e.PushOne(ctx, "meituan", world.OrderRequest{}), e.Clock.Advance(ctx, 10*time.Minute)); err != nil {
			return err
		}
	}
	return nil
}

// pushTogether lets many customers order the same trip in the same moment.
func (e *Emulator) pushTogether(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for range e.opts.Orders {
		g.Go(func() error {
			return e.PushOne(ctx, "meituan", world.OrderRequest{Shop: "qf-shop-0001", Dropoff: &world.Point{Lng: 120.17, Lat: 30.28}})
		})
	}
	return g.Wait()
}

func countRun(ctx context.Context, o Options, name string, log io.Writer, push func(*Emulator, context.Context) error) (c Cost, err error) {
	e, err := Start(ctx, o.Ephemeral(), log)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	idle, err := e.measure(ctx, func() error { return e.Clock.Advance(ctx, baseline*time.Minute) })
	if err != nil {
		return c, err
	}
	began := e.Clock.Now()
	busy, err := e.measure(ctx, func() error {
		return errors.Join(push(e, ctx), e.Settle(ctx, log))
	})
	if err != nil {
		return c, err
	}
	s, err := e.Summary(ctx, true)
	if err != nil {
		return c, err
	}
	if s.Orders.Delivered == 0 {
		return c, errors.New("no order was delivered")
	}
	minutes := int64(e.Clock.Now().Sub(began) / time.Minute)
	per := func(n, sweeps int64) float64 {
		return float64((n-sweeps*minutes/baseline)*10/int64(s.Orders.Delivered)) / 10
	}
	return Cost{Orders: name, Delivered: s.Orders.Delivered,
		Statements: per(busy.statements, idle.statements), Transactions: per(busy.commits, idle.commits), Messages: per(busy.messages, idle.messages),
		HTTPCalls: per(busy.calls, idle.calls), Invocations: per(busy.invocations, idle.invocations)}, nil
}

func (e *Emulator) measure(ctx context.Context, run func() error) (tally, error) {
	before, err := e.tally(ctx)
	if err != nil {
		return tally{}, err
	}
	if err := run(); err != nil {
		return tally{}, err
	}
	after, err := e.tally(ctx)
	return after.minus(before), err
}

// outgoingCalls counts what the parties outside were asked.
func (e *Emulator) outgoingCalls() int64 {
	var n int64
	for _, c := range e.Carriers {
		for _, o := range c.Books().Orders {
			n += int64(o.Calls)
		}
	}
	return n + int64(e.platformTally().told)
}
