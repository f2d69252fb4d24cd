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
	hangzhou := in("330100", "default", strategy.Cheapest, usual...)
	hangzhou.Tip = strategy.Tip{After: minute, Every: minute / 2, Step: 100, Max: 300}
	guangzhou := in("440100", "guangzhou-race", strategy.Simultaneous, "sftc", "fengniao", "uupt", "shansong")
	guangzhou.Race = strategy.Race{Width: 2, WidenAfter: 3 * minute / 4, WidenBy: 1}
	beijing := in("110100", "beijing-weighted", strategy.Weighted, "fengniao", "sftc", "uupt", "shansong")
	beijing.Weights = strategy.Weights{Price: 3, Time: 1}
	beijing.Quote.Reuse = minute
	return []strategy.Strategy{
		hangzhou,
		in("310100", "shanghai-sequential", strategy.Sequential, "shansong", "uupt", "fengniao", "sftc"),
		guangzhou, beijing,
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
