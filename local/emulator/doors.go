package emulator

import (
	"context"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/console"
	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/stage"
)

// consoleDeps shows the console what runs.
func (e *Emulator) consoleDeps() console.Deps {
	bus := message.NewClient(message.Config{Endpoint: e.on.endpoint, Clock: e.Clock, Function: "console"})
	e.opened(bus.Close)
	d := console.Deps{
		Store: e.Store, Settings: e.Store, Clock: e.Clock, Functions: e.Functions, Faults: e.Faults, Shops: sim.Shops(shopSeed),
		Carriers: map[string]console.CarrierSim{}, Platforms: map[string]console.PlatformSim{},
		Publish:    bus.Publish,
		Summary:    func(ctx context.Context) (any, error) { return e.summary(ctx, e.recently) },
		Invariants: func(ctx context.Context) (any, error) { return e.Invariants(ctx, false) },
		Refused:    e.journal.Refused, URLs: e.URLs,
	}
	d.Adapters = e.adapters()
	if e.Broker != nil {
		d.Broker = e.Broker
	}
	if !e.on.realStore {
		d.DSN, d.Env = e.on.app, e.carrierEnv()
	}
	for name, c := range e.Carriers {
		d.Carriers[name] = c
	}
	for name, p := range e.parties.Platforms {
		d.Platforms[name] = console.PlatformSim{Platform: p.Platform, Books: p.books}
	}
	return d
}

// adapters ask the simulated carriers as functions do, with tokens that all of them share. They
// are made when somebody first asks.
func (e *Emulator) adapters() func() (carrier.Set, error) {
	client, env := stage.HTTP(), e.carrierEnv()
	e.opened(func() error { client.CloseIdleConnections(); return nil })
	return sync.OnceValues(func() (carrier.Set, error) {
		return carriers.FromEnv(func(name string) string { return env[name] },
			settings.Deps{HTTP: client, System: sharedclock.System.Now, Vault: e.Store.Vault("console", sharedclock.System.Now)})
	})
}

// InvariantsNow is what /api/invariants answers.
type InvariantsNow struct {
	Invariants
	Books BookCounts `json:"books"`
}

// Invariants checks everything now; atRest demands what must hold when nothing is owed.
func (e *Emulator) Invariants(ctx context.Context, atRest bool) (InvariantsNow, error) {
	return e.check(ctx, atRest)
}

// freshCheck is how old, in system time, a check may be that a page shows again and again.
const freshCheck = 5 * time.Second

// recently is the result of the last check, or of a new one when that is old: pages poll.
func (e *Emulator) recently(ctx context.Context) (InvariantsNow, error) {
	e.checking.Lock()
	defer e.checking.Unlock()
	if now := sharedclock.System.Now(); now.Sub(e.checkedAt) >= freshCheck {
		checked, err := e.check(ctx, false)
		if err != nil {
			return checked, err
		}
		e.checked, e.checkedAt = checked, now
	}
	return e.checked, nil
}
