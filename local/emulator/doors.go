package emulator

import (
	"context"

	"github.com/chuandao/qianfan/local/console"
	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/shared/message"
)

// consoleDeps shows the console what runs.
func (e *Emulator) consoleDeps() console.Deps {
	bus := message.NewClient(message.Config{Endpoint: e.Broker.Addr(), Clock: e.Clock, Function: "console"})
	e.opened(bus.Close)
	d := console.Deps{
		Store: e.Store, Clock: e.Clock, Broker: e.Broker, Functions: e.Functions, Faults: e.Faults, Shops: sim.Shops(shopSeed),
		Carriers: map[string]console.CarrierSim{}, Platforms: map[string]console.PlatformSim{},
		Publish:    bus.Publish,
		Summary:    func(ctx context.Context) (any, error) { return e.Summary(ctx, false) },
		Invariants: func(ctx context.Context) (any, error) { return e.Invariants(ctx, false) },
		Refused:    e.journal.Refused, URLs: e.URLs,
	}
	for name, c := range e.Carriers {
		d.Carriers[name] = c
	}
	for name, p := range e.Platforms {
		d.Platforms[name] = console.PlatformSim{Platform: p, Books: func() any { return e.parties.Meituan.Books() }}
	}
	return d
}

// InvariantsNow is what /api/invariants answers.
type InvariantsNow struct {
	Invariants
	Books BookCounts `json:"books"`
}

// Invariants checks everything now.
func (e *Emulator) Invariants(ctx context.Context, atRest bool) (InvariantsNow, error) {
	var s Summary
	err := e.check(ctx, atRest, &s)
	return InvariantsNow{s.Invariants, s.Books}, err
}
