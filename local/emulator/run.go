package emulator

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/sim"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
)

// ErrViolated says that a run came to its end and broke a rule.
var ErrViolated = errors.New("the run broke a rule")

// ErrStuck says that orders stayed open without progress.
var ErrStuck = errors.New("no progress")

// Up starts an emulator, pushes the orders, and runs until it is settled or ctx ends. With
// JSON the first line of out is the ready object and the last one the summary; people read
// log.
func Up(ctx context.Context, o Options, out, log io.Writer) (err error) {
	if o.Seed == 0 {
		o.Seed = randomSeed()
	}
	if err := checkRun(o); err != nil {
		return err
	}
	e, err := Start(ctx, o, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	e.warn(log)
	e.greet(output{out, log})
	if err := e.Push(ctx, log); err != nil {
		return e.stopped(ctx, err)
	}
	if !e.opts.ExitWhenSettled {
		<-ctx.Done()
		return nil
	}
	stuck := e.Settle(ctx, log)
	if ctx.Err() != nil {
		return nil
	}
	s, err := e.Summary(context.WithoutCancel(ctx), true)
	if err != nil {
		return err
	}
	e.printSummary(output{out, log}, s)
	return errors.Join(stuck, s.verdict(runPlan{orders: e.opts.Orders, faults: e.opts.Faults}))
}

func checkRun(o Options) error {
	if o.Services.RocketMQ != "" && o.Speed > MaxRealSpeed {
		return fmt.Errorf("--speed %g: a real RocketMQ does not follow virtual time: want at most %d", o.Speed, MaxRealSpeed)
	}
	if o.ExitWhenSettled && o.Orders < 0 {
		return errors.New("--exit-when-settled needs --orders N: an endless trickle never settles")
	}
	if o.Orders == 0 {
		return nil
	}
	_, _, err := ParseMix(o.withDefaults().Mix)
	return err
}

func (e *Emulator) stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func randomSeed() int64 {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails
	return int64(binary.BigEndian.Uint64(raw[:])>>1)%1_000_000_000 + 1
}

// Push lets customers order as the options say; endless trickles end with ctx.
func (e *Emulator) Push(ctx context.Context, log io.Writer) error {
	if e.opts.Orders == 0 {
		return nil
	}
	mix, missing, err := ParseMix(e.opts.Mix)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		_, _ = fmt.Fprintf(log, "not simulated yet, left out of the mix: %v\n", missing)
	}
	e.customers, err = sim.NewCustomers(sim.CustomersOptions{Clock: e.Clock, Faults: e.Faults, Seed: e.opts.Seed, Platforms: e.Platforms, Mix: mix, Wait: e.customersWait()})
	if err != nil {
		return err
	}
	watch, stop := context.WithCancel(ctx)
	var work sync.WaitGroup
	if !e.opts.ExitWhenSettled {
		work.Go(func() { e.follow(watch, log) })
	}
	defer func() { stop(); work.Wait() }()
	e.pushing.Store(e.opts.Orders > 0)
	e.Clock.Linger(e.opts.Orders < 0)
	err = e.customers.Run(ctx, e.opts.Orders, e.opts.Rate)
	e.pushing.Store(false)
	if err == nil && !e.opts.ExitWhenSettled {
		<-ctx.Done()
	}
	return err
}

// customersWait is how customers wait where their rate is one of system time; nil where it is one of virtual time.
func (e *Emulator) customersWait() func(context.Context, time.Duration) error {
	if !e.opts.RealRate {
		return nil
	}
	began := sharedclock.System.Now()
	return func(ctx context.Context, passed time.Duration) error {
		return sharedclock.System.Sleep(ctx, began.Add(passed).Sub(sharedclock.System.Now()))
	}
}

const settlePoll = 100 * time.Millisecond // of system time

// Settle waits until every order is closed and nothing is owed or under way.
func (e *Emulator) Settle(ctx context.Context, log io.Writer) error {
	last, since, quiet, shown := -1, sharedclock.System.Now(), 0, sharedclock.System.Now()
	for quiet < 3 {
		if err := sharedclock.System.Sleep(ctx, settlePoll); err != nil {
			return err
		}
		now := sharedclock.System.Now()
		counts, err := e.Store.StatusCounts(ctx)
		if err != nil { // a real server may be away for a while
			if now.Sub(since) > e.opts.Patience || ctx.Err() != nil {
				return err
			}
			continue
		}
		progress := counts.Events
		if progress != last {
			last, since = progress, now
		}
		if counts.Open == 0 && e.idle() && e.missedPushes() == 0 {
			quiet++
		} else {
			quiet = 0
		}
		if now.Sub(shown) > 5*time.Second {
			shown = now
			_, _ = fmt.Fprintf(log, "%s  open %d  delivered %d  cancelled %d  failed %d\n", e.Clock.Now().In(shanghai).Format("15:04:05"),
				counts.Open, counts.Orders["delivered"], counts.Orders["cancelled"], counts.Orders["failed"])
		}
		if now.Sub(since) > e.opts.Patience {
			return fmt.Errorf("%w for %s: %d orders are open, see /api/orders?state=… and the clock: %+v", ErrStuck, e.opts.Patience, counts.Open, e.Clock.Status())
		}
	}
	return nil
}

// idle reports whether no message, call or invocation is outstanding and no rider rides.
func (e *Emulator) idle() bool {
	return e.ridersAtRest() && e.brokerIdle() && len(e.Clock.Status().Busy) == 0
}

// shanghai is what people's clocks show.
var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

type ready struct {
	Ready struct {
		ReadyMS   int64             `json:"ready_ms"`
		Seed      int64             `json:"seed"`
		Gateway   string            `json:"gateway"`
		Console   string            `json:"console"`
		RocketMQ  string            `json:"rocketmq"`
		Platforms map[string]string `json:"platforms"`
		Carriers  map[string]string `json:"carriers"`
		Store     string            `json:"store"`
	} `json:"ready"`
}

// greet says once that everything answers.
func (e *Emulator) greet(o output) {
	var r ready
	r.Ready.ReadyMS, r.Ready.Seed = e.ReadyIn.Milliseconds(), e.opts.Seed
	r.Ready.Gateway, r.Ready.Console, r.Ready.RocketMQ = e.URLs["gateway"], e.URLs["console"], e.on.endpoint
	r.Ready.Platforms, r.Ready.Carriers, r.Ready.Store = map[string]string{}, map[string]string{}, e.on.store
	for name := range e.Platforms {
		r.Ready.Platforms[name] = e.URLs[name]
	}
	for name := range e.Carriers {
		r.Ready.Carriers[name] = e.URLs[name]
	}
	if e.opts.JSON {
		_ = json.NewEncoder(o.out).Encode(r)
		return
	}
	e.banner(o.log)
}

func (e *Emulator) printSummary(o output, s Summary) {
	if e.opts.JSON {
		_ = json.NewEncoder(o.out).Encode(s)
		return
	}
	pretty := json.NewEncoder(o.out)
	pretty.SetIndent("", "  ")
	_ = pretty.Encode(s)
}
