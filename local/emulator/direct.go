package emulator

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/template"
)

// What a play on the emulator is directed by: scenarios say who does what, and when.

// CarrierNames are the carriers that are simulated and known, sorted.
func CarrierNames() []string { return slices.Clone(carrierNames) }

// PlatformNames are the platforms that orders may come from, the canonical API among them.
func PlatformNames() []string { return slices.Clone(platformNames) }

// Shops are the simulated shops, registered on every platform.
func Shops() []world.Shop { return sim.Shops(shopSeed) }

// Build compiles every function of the project at root.
func Build(ctx context.Context, root string) error {
	t, err := template.Load(filepath.Join(root, "s.yaml"), nil)
	if err != nil {
		return err
	}
	return build(ctx, root, t.Functions)
}

// AtRest reports whether every order is closed, nothing is owed or under way, and no push
// waits to be pulled. It is meant for a clock that stands.
func (e *Emulator) AtRest(ctx context.Context) (bool, error) {
	open, err := e.Store.OpenOrders(ctx)
	return err == nil && open == 0 && e.idle() && e.missedPushes() == 0, err
}

// Refusals is how many inputs functions have turned away so far.
func (e *Emulator) Refusals() int {
	e.journal.mu.Lock()
	defer e.journal.mu.Unlock()
	return e.journal.total
}

var errRealRedis = errors.New("redis: only the embedded one can be cut off or emptied")

// CutRedis takes the embedded Redis away: connections end and none is accepted.
func (e *Emulator) CutRedis() error {
	if e.on.embeddedRedis == nil {
		return errRealRedis
	}
	e.on.embeddedRedis.Close()
	return nil
}

// RestoreRedis brings it back at its address, with what it held.
func (e *Emulator) RestoreRedis() error {
	if e.on.embeddedRedis == nil {
		return errRealRedis
	}
	return e.on.embeddedRedis.Restart()
}

// EmptyRedis makes it forget everything.
func (e *Emulator) EmptyRedis() error {
	if e.on.embeddedRedis == nil {
		return errRealRedis
	}
	e.on.embeddedRedis.FlushAll()
	return nil
}
