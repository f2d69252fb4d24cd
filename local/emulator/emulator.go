package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chuandao/qianfan/local/clock"
	"github.com/chuandao/qianfan/local/console"
	"github.com/chuandao/qianfan/local/fc"
	"github.com/chuandao/qianfan/local/gateway"
	"github.com/chuandao/qianfan/local/guardian"
	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/local/trigger"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/store"
)

// BrokerHook spoils sends and deliveries of the embedded broker.
type BrokerHook = rocketmq.Hook

// Emulator is one running system. Close it.
type Emulator struct {
	Clock     *clock.Clock
	Broker    *rocketmq.Broker // the embedded one; nil with a real one
	Functions *fc.Runtime
	Store     *store.Store
	Carriers  map[string]Carrier
	Platforms map[string]world.Platform
	Faults    *world.Faults
	Template  *template.File
	URLs      map[string]string // gateway, console and parties, by name
	ReadyIn   time.Duration     // from the end of the build to the last answer

	opts                Options
	dir                 string
	on                  used
	quiet               quiet
	code                code
	parties             *parties
	servers             *servers
	pump                *trigger.Pump
	journal             *journal
	customers           *sim.Customers
	pushing             atomic.Bool
	own                 ownStatements // what the emulator itself asks the database
	checking            sync.Mutex    // guards the two below
	checked             InvariantsNow
	checkedAt           time.Time
	began, beganVirtual time.Time
	closers             []func() error // in the order of opening
}

// Start builds the functions unless told not to, and opens everything. It returns when
// everything answers. ctx bounds the start only.
func Start(ctx context.Context, o Options, log io.Writer) (*Emulator, error) {
	o = o.withDefaults()
	if err := o.accounts().check(); err != nil {
		return nil, err
	}
	faults, err := readFaults(o.Faults)
	if err != nil {
		return nil, err
	}
	e := &Emulator{opts: o, code: code{dirs: maps.Clone(o.Code)}, Faults: faults, journal: &journal{verbose: o.Verbose, to: log}}
	if e.Template, err = template.Load(filepath.Join(o.Root, "s.yaml"), nil); err != nil {
		return nil, err
	}
	if !o.NoBuild {
		if err := build(ctx, o.Root, e.Template.Functions); err != nil {
			return nil, err
		}
	}
	if err := built(e.Template.Functions); err != nil {
		return nil, err
	}
	began := sharedclock.System.Now()
	if err := e.open(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.ReadyIn = sharedclock.System.Now().Sub(began)
	return e, nil
}

// opened registers what Close has to undo.
func (e *Emulator) opened(undo func() error) { e.closers = append(e.closers, undo) }

func (e *Emulator) open(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		e.openDir, e.openClock, e.openServers, e.openStores, e.openStrategies, e.openAccounts, e.openBroker, e.openParties, e.openFunctions, e.openTriggers, e.openDoors,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (e *Emulator) openDir(context.Context) error {
	dir, err := os.MkdirTemp("", "qianfan-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	e.dir = dir
	g, err := guardian.Start(dir)
	if err != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	e.opened(g.Release)
	return nil
}

func (e *Emulator) openClock(context.Context) error {
	var err error
	e.Clock, err = clock.New(clock.Options{Path: filepath.Join(e.dir, "clock"), Start: e.opts.Start, Ceiling: e.opts.Speed, Jump: e.opts.Services.RocketMQ == ""})
	if err != nil {
		return fmt.Errorf("start the clock: %w", err)
	}
	e.Clock.Freeze(e.opts.Frozen)
	e.opened(func() error { e.Clock.Close(); return nil })
	return nil
}

func (e *Emulator) openServers(context.Context) error {
	addresses := map[string]string{"gateway": e.opts.Gateway, "console": e.opts.Console}
	for name, addr := range e.opts.Parties {
		addresses[name] = addr
	}
	var err error
	if e.servers, err = newServers(addresses); err != nil {
		return err
	}
	e.URLs = e.servers.urls
	e.opened(e.servers.Close)
	return nil
}

func (e *Emulator) openStrategies(ctx context.Context) error {
	return setStrategies(ctx, e.Store, e.opts.Strategies)
}

func (e *Emulator) openParties(context.Context) error {
	e.parties = startParties(partyOptions{clock: e.Clock, faults: e.Faults, seed: e.opts.Seed, gateway: e.publicGateway(), instant: e.opts.Instant, even: e.opts.Lockstep, haste: e.opts.Haste, accounts: e.opts.accounts(), phoneLife: e.opts.PhoneLife}, e.servers)
	e.Carriers, e.Platforms = e.parties.Carriers, map[string]world.Platform{}
	for name, p := range e.parties.Platforms {
		e.Platforms[name] = p.Platform
	}
	e.opened(func() error { e.parties.Close(); return nil })
	return nil
}

func (e *Emulator) openFunctions(ctx context.Context) error {
	env := partyEnv(e.URLs, e.publicGateway(), e.opts.accounts())
	env["QIANFAN_DEV"] = "1"
	env["QIANFAN_CLOCK_FILE"] = filepath.Join(e.dir, "clock")
	env["QIANFAN_MYSQL_DSN"] = e.on.app
	env["QIANFAN_REDIS_ADDR"] = e.on.redis
	env["QIANFAN_ROCKETMQ_ENDPOINT"] = e.on.endpoint
	env["QIANFAN_DATA_KEY"] = dataKeyText()
	if otlp := e.opts.Services.OTLP; otlp != "" {
		env["QIANFAN_OTLP_ENDPOINT"], env["QIANFAN_OTLP_HEADERS"], env["QIANFAN_TRACE_SAMPLE"] = otlp, e.opts.Services.OTLPHeaders, "1"
	}
	maps.Copy(env, e.opts.Env)
	var err error
	e.Functions, err = fc.New(fc.Options{
		Functions: e.Template.Functions, Env: func(string) map[string]string { return env }, MaxInstances: e.opts.MaxInstances,
		Freeze: e.opts.Freeze, Warm: true, Clock: e.Clock, Log: e.journal.line, CodeDir: e.code.dir,
	})
	if err != nil {
		return err
	}
	e.opened(e.Functions.Close)
	return e.Functions.Start(ctx)
}

func (e *Emulator) openTriggers(ctx context.Context) error {
	streams := e.Template.Streams()
	if e.opts.BatchOne {
		for i := range streams {
			streams[i].CountWindow = 1
		}
	}
	var err error
	e.pump, err = trigger.New(trigger.Options{
		Endpoint: e.on.endpoint, Streams: streams, Timers: e.Template.Timers(), Clock: e.Clock,
		Concurrency: e.Template.StreamConcurrency, Seed: uint64(e.opts.Seed), Invoke: e.invoke, PollPause: e.pollPause(),
	})
	if err != nil {
		return err
	}
	e.opened(e.pump.Close)
	e.pump.Start()
	return e.pump.Connected(ctx)
}

// pollPause spares a real broker eager polls, which cost it more than the messages.
func (e *Emulator) pollPause() time.Duration {
	if e.on.realBroker {
		return 20 * time.Millisecond
	}
	return 0
}

// publicGateway is the gateway's address as the parties outside see it.
func (e *Emulator) publicGateway() string {
	if e.opts.PublicGateway != "" {
		return e.opts.PublicGateway
	}
	return e.servers.url("gateway")
}

func (e *Emulator) invoke(ctx context.Context, function string, payload []byte) error {
	_, err := e.Functions.Invoke(ctx, function, payload)
	return err
}

// openDoors lets requests in, last: everything behind the doors answers now.
func (e *Emulator) openDoors(context.Context) error {
	e.servers.serve("gateway", gateway.New(gateway.Options{Routes: e.Template.Routes, Function: e.Functions.ServeFunction}))
	e.servers.serve("console", console.New(e.consoleDeps()))
	e.startLinger()
	e.began, e.beganVirtual = sharedclock.System.Now(), e.Clock.Now()
	return nil
}

// Close ends everything in the reverse order of opening and leaves no process and no
// directory behind. Closing again does nothing.
func (e *Emulator) Close() error {
	var errs []error
	if e.customers != nil {
		e.customers.Close()
	}
	for len(e.closers) > 0 {
		last := len(e.closers) - 1
		errs = append(errs, e.closers[last]())
		e.closers = e.closers[:last]
	}
	return errors.Join(errs...)
}
