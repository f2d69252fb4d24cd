package emulator

import (
	"context"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

// strategies of the simulated cities. Each names every usual carrier, and in each city another
// carrier comes first, so that all of them get orders.
func strategies() []strategy.Strategy {
	minute := strategy.Duration(time.Minute)
	in := func(city, name string, mode strategy.Mode, carriers ...string) strategy.Strategy {
		return strategy.Strategy{
			Name: name, Mode: mode, Carriers: carriers,
			Match:         strategy.Match{City: []string{city}},
			Quote:         strategy.Quoting{Deadline: strategy.Duration(1500 * time.Millisecond)},
			AcceptTimeout: strategy.Duration(90 * time.Second), GiveUpAfter: 15 * minute, ReleaseLead: 45 * minute,
		}
	}
	return []strategy.Strategy{
		in("330100", "default", strategy.Cheapest, usual...),
		in("310100", "shanghai-sequential", strategy.Sequential, "shansong", "uupt", "fengniao", "sftc"),
		in("440100", "guangzhou-sequential", strategy.Sequential, "sftc", "fengniao", "uupt", "shansong"),
		in("110100", "beijing-sequential", strategy.Sequential, "fengniao", "sftc", "uupt", "shansong"),
	}
}

// setStrategies makes the strategies of a run the next versions of those that are there, by
// name; others stay.
func setStrategies(ctx context.Context, db *store.Store, own []strategy.Strategy) error {
	for _, x := range own {
		if err := x.Validate(carrierNames); err != nil {
			return err
		}
		if err := db.SaveStrategy(ctx, x); err != nil {
			return fmt.Errorf("strategy %q: %w", x.Name, err)
		}
	}
	return nil
}
