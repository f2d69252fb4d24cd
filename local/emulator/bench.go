package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
)

// Benches are the named benchmarks.
var benches = map[string]func(ctx context.Context, o Options, log io.Writer) (any, error){
	"latency": benchLatency,
	"cost":    benchCost,
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
		Durability: string(e.opts.Durability), Store: e.sql.Version()}, nil
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

// Cost is what one delivered order costs, counted, not timed.
type Cost struct {
	Batch        string  `json:"batch"`
	Orders       int     `json:"orders"`
	Delivered    int     `json:"delivered"`
	Statements   float64 `json:"sql_statements"`
	Transactions float64 `json:"sql_transactions"`
	Messages     float64 `json:"messages"`
	HTTPCalls    float64 `json:"outgoing_http_calls"`
	Invocations  float64 `json:"invocations"`
	ItemsPerMsg  float64 `json:"orders_per_invocation"`
}

// benchCost counts what a delivered order costs, once with orders far apart and once with
// orders in bursts.
func benchCost(ctx context.Context, o Options, log io.Writer) (any, error) {
	n := o.Orders
	if n <= 0 {
		n = 100
	}
	var out []Cost
	for _, c := range []struct {
		name  string
		rate  float64
		speed float64
	}{{"1 (orders far apart)", 0.001, 1000}, {"bursts", 1000, 60}} {
		run := o
		run.Orders, run.Rate, run.Speed, run.ExitWhenSettled, run.Mix = n, c.rate, c.speed, true, "meituan=100"
		figures, err := countRun(ctx, run, c.name, log)
		if err != nil {
			return nil, err
		}
		out = append(out, figures)
	}
	return out, nil
}

func countRun(ctx context.Context, o Options, name string, log io.Writer) (c Cost, err error) {
	e, err := Start(ctx, o.Ephemeral(), log)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	before, err := e.Store.ServerCounts(ctx)
	if err != nil {
		return c, err
	}
	if err := e.Push(ctx, log); err != nil {
		return c, err
	}
	if err := e.Settle(ctx, log); err != nil {
		return c, err
	}
	after, err := e.Store.ServerCounts(ctx)
	if err != nil {
		return c, err
	}
	s, err := e.Summary(ctx, true)
	if err != nil {
		return c, err
	}
	per := func(n int64) float64 { return float64(n*100/int64(max(1, s.Orders.Delivered))) / 100 }
	return Cost{Batch: name, Orders: s.Orders.Accepted, Delivered: s.Orders.Delivered,
		Statements: per(after.Statements - before.Statements), Transactions: per(after.Commits - before.Commits),
		Messages: per(s.Messages.Sent), HTTPCalls: per(e.outgoingCalls()), Invocations: per(s.Invocations)}, nil
}

// outgoingCalls counts what the parties outside were asked.
func (e *Emulator) outgoingCalls() int64 {
	var n int64
	for _, c := range e.Carriers {
		for _, o := range c.Books().Orders {
			n += int64(o.Calls)
		}
	}
	for _, o := range e.parties.Meituan.Books().Orders {
		n += int64(len(o.Told))
	}
	return n
}
