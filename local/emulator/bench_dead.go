package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/strategy"
)

// Dead is what a carrier that hangs at every quote costs the orders of others: from the push
// to the placement, beside it and without it, measured side by side.
type Dead struct {
	Orders  int     `json:"orders"` // of each run
	Seed    int64   `json:"seed"`
	Without Spread  `json:"without"`
	Beside  Spread  `json:"beside"`
	P95     float64 `json:"p95_ratio"` // beside / without
	Waited  int     `json:"waited"`    // orders that waited for the dead carrier: before its breaker opened, and as probes
}

// Spread is a distribution of times.
type Spread struct {
	MedianMS float64 `json:"median_ms"`
	P95MS    float64 `json:"p95_ms"`
	MaxMS    float64 `json:"max_ms"`
}

func spread(took []time.Duration) Spread {
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[int(math.Ceil(share*float64(len(took))))-1].Microseconds()) / 1000
	}
	return Spread{MedianMS: at(.5), P95MS: at(.95), MaxMS: at(1)}
}

// forever is more often than any run can strike.
const forever = math.MaxInt

// benchDead pushes orders one by one into two emulators in turn. In one of them a fourth
// carrier hangs at every quote.
func benchDead(ctx context.Context, o Options, log io.Writer) (figures any, err error) {
	n := o.Orders
	if n <= 0 {
		n = 400
	}
	well := []string{"uupt", "shansong", "sftc"}
	without, err := startRace(ctx, o, log, well)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, without.Close()) }()
	beside, err := startRace(ctx, o, log, append(slices.Clone(well), "fengniao"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, beside.Close()) }()
	for range 5 { // the first ones warm up connections, while all are well
		for _, e := range []*Emulator{without, beside} {
			if _, err := e.pushToPlaced(ctx); err != nil {
				return nil, err
			}
		}
	}
	if err := beside.Faults.Direct(world.Script{Party: "fengniao", Fault: world.CallHang, Detail: "quote", Times: forever}); err != nil {
		return nil, err
	}
	var took [2][]time.Duration
	for i := range 2 * n {
		k := (i + i/2) % 2 // neither is always the first of a pair
		d, err := []*Emulator{without, beside}[k].pushToPlaced(ctx)
		if err != nil {
			return nil, fmt.Errorf("order %d: %w", i/2+1, err)
		}
		took[k] = append(took[k], d)
		if err := sharedclock.System.Sleep(ctx, deadPause); err != nil {
			return nil, err
		}
	}
	d := Dead{Orders: n, Seed: o.Seed, Without: spread(took[0]), Beside: spread(took[1])}
	d.P95 = math.Round(d.Beside.P95MS/d.Without.P95MS*1000) / 1000
	for _, t := range took[1] {
		if t >= deadline {
			d.Waited++
		}
	}
	return d, nil
}

const (
	deadPause = 100 * time.Millisecond  // of system time: what follows a placement is not to slow the next order
	deadline  = 1500 * time.Millisecond // of the quotes of these runs
)

// startRace starts an emulator whose orders of Hangzhou go to the cheapest of some carriers.
func startRace(ctx context.Context, o Options, log io.Writer, carriers []string) (*Emulator, error) {
	own := strategies()[0]
	own.Carriers, own.Quote.Deadline = carriers, strategy.Duration(deadline)
	o.Orders, o.Instant, o.Speed, o.Strategies = 0, true, 1, []strategy.Strategy{own}
	return Start(ctx, o.Ephemeral(), log)
}
