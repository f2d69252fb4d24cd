package timeout

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

// Build makes the function from its settings; QIANFAN_RETENTION_DAYS is how long orders are kept.
func Build(ctx context.Context, env *function.Env) (function.EventHandler, function.Closer, error) {
	days := env.Int("QIANFAN_RETENTION_DAYS", 92, 8, 3660)
	limits, fresh := acceptance.LoadLimits(env), live.LoadFreshness(env)
	d, closer, err := stage.Build(env, "timeout")
	if err != nil {
		return nil, nil, err
	}
	all, err := platforms.FromEnv(os.Getenv, settings.Deps{HTTP: stage.HTTP(), System: d.Clock.System})
	if err != nil {
		return nil, nil, errors.Join(err, closer.Close(ctx))
	}
	s := &Stage{Store: d.Store, Bus: d.Bus, Clock: d.Clock, Retention: time.Duration(days) * 24 * time.Hour,
		Platforms: all, Desk: acceptance.New(live.Every(d.Store, d.Clock, fresh), d.Clock, limits),
		IDs: order.NewIDs(d.Clock.System, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))), //nolint:forbidigo // a random start per instance is wanted
	}
	return d.Event(s.Handle), closer, nil
}
