package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sqlserver"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/store"
)

// Options of a play.
type Options struct {
	Root     string    // of the project, where s.yaml is; default "."
	NoBuild  bool      // the binaries in build/ are up to date
	Progress io.Writer // a line per step; nil = none
	// Inspect, if set, is called at the end of the play, before the emulator is closed.
	Inspect func(ctx context.Context, urls map[string]string, r Result)
}

// Failure is one thing that did not come out as written.
type Failure struct {
	Where  string `json:"where"` // file:line: what
	Wanted string `json:"wanted"`
	Got    string `json:"got"`
}

// Error makes a Failure the error of a step.
func (f *Failure) Error() string {
	return fmt.Sprintf("%s: wanted %s, got %s", f.Where, f.Wanted, f.Got)
}

// Result is what came of one play.
type Result struct {
	File     string    `json:"file"`
	Name     string    `json:"name"`
	Row      string    `json:"row"`
	Passed   bool      `json:"passed"`
	Steps    int       `json:"steps"` // that were taken
	Failures []Failure `json:"failures,omitempty"`
	Error    string    `json:"error,omitempty"` // why it could not be played to its end
	Timeline []string  `json:"timeline,omitempty"`
	Log      string    `json:"-"` // what the functions printed
	WallS    float64   `json:"wall_s"`
	VirtualS float64   `json:"virtual_s"`
}

// play is one scenario on its emulator.
type play struct {
	*Scenario
	e         *emulator.Emulator
	progress  io.Writer
	canonical *canonical
	orders    map[string]*ordered
	labels    []string // in the order in which they ordered
	strikes   []Strike // that must have struck in the end
	failures  []Failure
	steps     int
}

// ordered is an order that a customer has made.
type ordered struct {
	label, platform, no string
	id                  int64 // ours; 0 = not stored, or not looked for yet
}

// patience is far more system time than anything takes while virtual time stands.
const patience = 60 * time.Second

// Play plays a scenario on an emulator of its own. It always returns a result; an error of
// ctx is in it like any other.
func Play(ctx context.Context, s *Scenario, o Options) Result {
	began := clock.System.Now()
	r := Result{File: s.File, Name: s.Name, Row: s.Row}
	log := &buffer{}
	p := &play{Scenario: s, progress: o.Progress, orders: map[string]*ordered{}}
	if p.progress == nil {
		p.progress = io.Discard
	}
	err := p.run(ctx, o, log, &r)
	r.Failures, r.Steps = p.failures, p.steps
	if f := (*Failure)(nil); errors.As(err, &f) {
		r.Failures = append(r.Failures, *f)
	} else if err != nil {
		r.Error = err.Error()
	}
	r.Passed = err == nil && len(r.Failures) == 0
	r.Log, r.WallS = log.String(), seconds(clock.System.Now().Sub(began))
	return r
}

func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

// run opens the emulator, plays, and closes it.
func (p *play) run(ctx context.Context, o Options, log io.Writer, r *Result) (err error) {
	p.e, err = emulator.Start(ctx, p.options(o), log)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer func() {
		if closed := p.e.Close(); closed != nil {
			err = errors.Join(err, fmt.Errorf("close: %w", closed))
		}
	}()
	p.canonical = newCanonical(p.e)
	if err := p.prepare(ctx); err != nil {
		return err
	}
	start := p.e.Clock.Now()
	err = p.all(ctx)
	r.VirtualS = seconds(p.e.Clock.Now().Sub(start))
	if err != nil || len(p.failures) > 0 {
		r.Timeline = p.timelines(context.WithoutCancel(ctx))
	}
	if o.Inspect != nil {
		seen := *r
		seen.Failures, seen.Passed = p.failures, err == nil && len(p.failures) == 0
		o.Inspect(ctx, p.e.URLs, seen)
	}
	return err
}

// day is the date of every scenario.
var day = time.Date(2026, 11, 4, 0, 0, 0, 0, world.Shanghai)

func (p *play) options(o Options) emulator.Options {
	start := day.Add(time.Duration(p.Start.Hour)*time.Hour + time.Duration(p.Start.Minute)*time.Minute)
	return emulator.Options{
		Root: o.Root, NoBuild: o.NoBuild, Seed: p.Seed, Start: start, Frozen: true,
		Verbose: true, ExitWhenSettled: true, Instant: true, Lockstep: true, Durability: sqlserver.Relaxed,
		Strategies: p.plans(), Accounts: p.rules(), Deposits: p.Deposits, PhoneLife: time.Duration(p.Phones), Env: p.env(),
	}.Ephemeral()
}

// fresh is the system time after which functions know what people have changed.
const fresh = 50 * time.Millisecond

func (p *play) env() map[string]string {
	all := map[string]string{"QIANFAN_LIVE_FRESH": fresh.String()}
	maps.Copy(all, p.Env)
	return all
}

// live waits until every function knows of a change.
func live(ctx context.Context) error { return clock.System.Sleep(ctx, fresh+fresh/5) }

// prepare sets the stage before the first step.
func (p *play) prepare(ctx context.Context) error {
	if err := p.exclude(ctx); err != nil {
		return err
	}
	if err := p.e.Faults.Set(p.Faults.chances()); err != nil {
		return err
	}
	for _, s := range p.Faults.Scripts {
		if err := p.strike(s, ""); err != nil {
			return err
		}
	}
	if p.Riders == Held {
		for name := range p.e.Carriers {
			fleet, err := p.fleet(name)
			if err != nil {
				return err
			}
			fleet.Hold(true)
		}
	}
	return nil
}

// exclude keeps carriers from shops, on every platform.
func (p *play) exclude(ctx context.Context) error {
	for code, carriers := range p.Excluded {
		for _, platform := range emulator.PlatformNames() {
			_, _, err := p.e.Store.ChangeShop(ctx, store.Act{By: "scenario", At: clock.System.Now()}, "shop exclude", store.ShopKey{Platform: platform, Code: code},
				func(s *store.Shop) { s.Excluded = texts(carriers) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *play) strike(s Strike, order string) error {
	if !s.Unused {
		p.strikes = append(p.strikes, s)
	}
	return p.e.Faults.Direct(s.script(order))
}

// all takes every step, and then looks at what came of it.
func (p *play) all(ctx context.Context) error {
	for i := range p.Steps {
		if err := p.step(ctx, &p.Steps[i]); err != nil {
			return err
		}
	}
	if err := p.bounded(ctx, (&SettleStep{}).do(p, p.Steps[len(p.Steps)-1].line)); err != nil {
		return err
	}
	return p.bounded(ctx, p.end)
}

// doer is a step.
type doer interface {
	do(p *play, at line) func(context.Context) error
	String() string
}

// step takes one step and says so.
func (p *play) step(ctx context.Context, s *Step) error {
	name, what := s.verb()
	began := clock.System.Now()
	x := what.(doer)
	err := p.bounded(ctx, x.do(p, s.line))
	p.steps++
	mark := "ok  "
	if err != nil || len(p.failures) > 0 {
		mark = "FAIL"
	}
	_, _ = fmt.Fprintf(p.progress, "%s %s  %-8s %s  (%.2f s)\n", mark, p.now(), name, x, clock.System.Now().Sub(began).Seconds())
	if f := (*Failure)(nil); err != nil && !errors.As(err, &f) {
		return fmt.Errorf("%s:%d: %s %s: %w", p.File, s.line, name, x, err)
	}
	if err == nil && len(p.failures) > 0 {
		return errStop
	}
	return err
}

// errStop ends a play whose failures are noted.
var errStop = errors.New("not as written")

// bounded runs f with a limit in system time: nothing may hang.
func (p *play) bounded(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return f(ctx)
}

// now is the virtual time for people.
func (p *play) now() string { return p.e.Clock.Now().In(world.Shanghai).Format("15:04:05") }

// fail is a step's end that is not as written.
func (p *play) fail(at line, what, wanted, got string) error {
	return &Failure{Where: p.where(at, what), Wanted: wanted, Got: got}
}

func (p *play) where(at line, what string) string {
	return fmt.Sprintf("%s:%d: %s", p.File, at, what)
}

// rest lets everything finish that is under way at this instant.
func (p *play) rest(ctx context.Context) error { return p.e.Clock.Advance(ctx, 0) }

// until moves the clock from timer to timer until f holds, or within has passed.
func (p *play) until(ctx context.Context, within time.Duration, f func(context.Context) (bool, error)) (bool, error) {
	if err := p.rest(ctx); err != nil {
		return false, err
	}
	for end := p.e.Clock.Now().Add(within); ; {
		holds, err := f(ctx)
		if holds || err != nil || !p.e.Clock.Now().Before(end) {
			return holds, err
		}
		if _, err := p.e.Clock.RunToNext(ctx); err != nil {
			return false, err
		}
	}
}

// view is everything about an order; found is false while it is not stored.
func (p *play) view(ctx context.Context, o *ordered) (v store.OrderView, found bool, err error) {
	if o.id == 0 {
		rows, err := p.e.Store.Orders(ctx, store.OrderFilter{Platform: o.platform, No: o.no, Limit: 1})
		if err != nil || len(rows) == 0 {
			return v, false, err
		}
		o.id = rows[0].ID
	}
	return p.e.Store.OrderByID(ctx, o.id)
}

// fleet are a carrier's riders.
func (p *play) fleet(carrier string) (*world.Fleet, error) {
	c, ok := p.e.Carriers[carrier]
	if !ok {
		return nil, fmt.Errorf("carrier %q is not simulated", carrier)
	}
	return c.Fleet(), nil
}

// buffer keeps what is written to it, by many at once.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
