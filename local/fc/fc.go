// Package fc runs functions the way Function Compute 3.0 does: unmodified binaries as child processes, on the managed runtime go1
// (one request per instance, polled over the runtime API) or on a custom runtime (an HTTP server that takes many). Instances start on
// demand, are reused, may be frozen between calls, are stopped by the PreStop hook and killed at their timeout.
//
// Not emulated: memory and CPU limits, read-only file systems, layers, asynchronous invocation and its retries, scaling policies,
// credentials that work, health checks, HTTP authentication other than anonymous.
package fc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/clock"
)

// Clock is told while something is outstanding, so that virtual time does not jump meanwhile.
type Clock interface {
	// Busy notes one piece of outstanding work until done is called.
	Busy(kind string) (done func())
}

// BusyInvocation is the kind of the token that every call holds, from its arrival to its answer.
const BusyInvocation = "invocation"

// Default numbers of instances for one machine: the cloud's are in the hundreds.
const (
	DefaultMaxEvent = 2
	DefaultMaxWeb   = 1
)

// Options shape a Runtime. Functions is required.
type Options struct {
	Functions []template.Function
	// Env gives variables that override a function's own: addresses and development credentials. It is asked at each start of an
	// instance. May be nil.
	Env func(function string) map[string]string
	// CodeDir finds a function's code; nil takes it from the function.
	CodeDir func(fn template.Function) string
	// MaxInstances caps the instances of single functions; the others have DefaultMaxEvent or DefaultMaxWeb.
	MaxInstances map[string]int
	// Freeze stops instances between calls, as the cloud does: background work stands still and sockets may die unnoticed.
	Freeze bool
	// Warm starts one instance of each function in Start.
	Warm   bool
	Clock  Clock                                 // nil: nobody is told
	Log    func(function, instance, line string) // what instances print, and what the runtime has to say about them; may be nil
	System func() time.Time                      // system time; nil is the real one
}

// Runtime holds the instances of all functions.
type Runtime struct {
	opts      Options
	pools     map[string]*pool
	spawner   *spawner
	transport *http.Transport
	life      context.Context // ends with Close
	end       context.CancelFunc
	work      sync.WaitGroup // processes, starts and calls
	closing   sync.Once
	closeErr  error

	mu     sync.Mutex
	closed bool
}

// Result is a successful call.
type Result struct {
	RequestID string
	Payload   []byte // JSON on go1, anything on custom runtimes
	Duration  time.Duration
}

// InstanceInfo describes one instance.
type InstanceInfo struct {
	Function    string
	ID          string
	PID         int    // 0 while it starts
	State       string // starting, idle, busy, frozen
	InFlight    int
	Invocations int64
}

// New makes a Runtime; no process runs before Start or the first call. It fails when the environment of a function breaks a limit.
func New(opts Options) (*Runtime, error) {
	if opts.Log == nil {
		opts.Log = func(string, string, string) {}
	}
	if opts.System == nil {
		opts.System = clock.System.Now
	}
	if opts.CodeDir == nil {
		opts.CodeDir = func(fn template.Function) string { return fn.CodeDir }
	}
	r := &Runtime{
		opts: opts, pools: map[string]*pool{}, spawner: newSpawner(),
		transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 128, IdleConnTimeout: time.Minute, DisableCompression: true,
		},
	}
	r.life, r.end = context.WithCancel(context.Background())
	for _, fn := range opts.Functions {
		if _, err := r.variables(fn); err != nil {
			r.end()
			r.spawner.stop()
			return nil, fmt.Errorf("function %s: %w", fn.Name, err)
		}
		r.pools[fn.Name] = newPool(r, fn)
	}
	return r, nil
}

func (r *Runtime) maxInstances(fn template.Function) int {
	switch n := r.opts.MaxInstances[fn.Name]; {
	case n > 0:
		return n
	case fn.Custom():
		return DefaultMaxWeb
	default:
		return DefaultMaxEvent
	}
}

// Start warms up when Options.Warm says so: one instance of every function, side by side. It returns when all have run their
// initializer, or with what kept any from it.
func (r *Runtime) Start(ctx context.Context) error {
	if !r.opts.Warm {
		return nil
	}
	errs := make([]error, len(r.opts.Functions))
	var all sync.WaitGroup
	for i, fn := range r.opts.Functions {
		all.Go(func() {
			p := r.pools[fn.Name]
			in, err := p.acquire(ctx)
			if err != nil {
				errs[i] = fmt.Errorf("start %s: %w", fn.Name, err)
				return
			}
			p.release(in)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// Invoke calls a function with an event and waits for its answer. A *FunctionError is the function's own failure; other errors are the
// platform's. When ctx ends first, Invoke returns its error, while a call that has begun goes on to its end.
func (r *Runtime) Invoke(ctx context.Context, function string, payload []byte) (Result, error) {
	p, err := r.pool(function)
	if err != nil {
		return Result{}, err
	}
	if len(payload) > maxPayload {
		return Result{}, fmt.Errorf("invoke %s: %w: %d bytes", function, ErrPayloadTooLarge, len(payload))
	}
	done, err := r.begin()
	if err != nil {
		return Result{}, fmt.Errorf("invoke %s: %w", function, err)
	}
	in, err := p.acquire(ctx)
	if err != nil {
		done()
		return Result{}, fmt.Errorf("invoke %s: %w", function, err)
	}
	type outcome struct {
		result Result
		err    error
	}
	answer := make(chan outcome, 1)
	go func() { // begin and done tell r.work of it
		defer done()
		defer p.release(in)
		result, err := in.invoke(context.Background(), payload)
		answer <- outcome{result, err}
	}()
	select {
	case o := <-answer:
		return o.result, o.err
	case <-ctx.Done():
		return Result{}, fmt.Errorf("invoke %s: %w", function, ctx.Err())
	}
}

func (r *Runtime) pool(function string) (*pool, error) {
	p, ok := r.pools[function]
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrNoFunction, function)
	}
	return p, nil
}

// begin notes a call, with the clock and with Close, until done.
func (r *Runtime) begin() (done func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	r.work.Add(1)
	if r.opts.Clock == nil {
		return r.work.Done, nil
	}
	busy := r.opts.Clock.Busy(BusyInvocation)
	return func() { busy(); r.work.Done() }, nil
}

// Invocations counts the calls of each function since New: events and requests, hooks apart.
func (r *Runtime) Invocations() map[string]int64 {
	out := make(map[string]int64, len(r.pools))
	for name, p := range r.pools {
		out[name] = p.invocations.Load()
	}
	return out
}

// Instances lists what lives now, in the order of Options.Functions.
func (r *Runtime) Instances() []InstanceInfo {
	var all []InstanceInfo
	for _, fn := range r.opts.Functions {
		all = append(all, r.pools[fn.Name].infos()...)
	}
	return all
}

// Kill ends an instance at once, as a crash would: its calls fail, and it is replaced on demand.
func (r *Runtime) Kill(pid int) error {
	for _, p := range r.pools {
		if in := p.byPID(pid); in != nil {
			in.process.kill()
			return nil
		}
	}
	return fmt.Errorf("kill: no instance has the process id %d", pid)
}

// Close stops every instance: idle ones after their PreStop hook, others at once. It waits until no process is left.
func (r *Runtime) Close() error {
	r.closing.Do(func() {
		r.mu.Lock()
		r.closed = true
		r.mu.Unlock()
		var all sync.WaitGroup
		errs := make([]error, len(r.opts.Functions))
		for i, fn := range r.opts.Functions {
			all.Go(func() { errs[i] = r.pools[fn.Name].close() })
		}
		all.Wait()
		r.end()
		r.work.Wait()
		r.transport.CloseIdleConnections()
		r.spawner.stop()
		r.closeErr = errors.Join(errs...)
	})
	return r.closeErr
}
