package quote

import (
	"context"
	"errors"
	"os"

	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/health"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/quota"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

// Build makes the function from its settings.
func Build(ctx context.Context, env *function.Env) (function.EventHandler, function.Closer, error) {
	where, policy, limits, fresh := cache.FromEnv(env), health.LoadPolicy(env), acceptance.LoadLimits(env), live.LoadFreshness(env)
	d, closer, err := stage.Build(env, "quote")
	if err != nil {
		return nil, nil, err
	}
	deps := d.Outside()
	all, err := carriers.FromEnv(os.Getenv, deps)
	from, bad := platforms.FromEnv(os.Getenv, deps)
	if err := errors.Join(err, bad); err != nil {
		return nil, nil, errors.Join(err, closer.Close(ctx))
	}
	redis, now := cache.New(where), live.Every(d.Store, d.Clock, fresh)
	s := &Stage{Store: d.Store, Bus: d.Bus, Carriers: d.Carriers(all), Clock: d.Clock, Owner: d.Instance,
		Positions: position.New(redis), Quota: quota.New(redis, d.Clock.System), Prices: newPrices(redis),
		Health: health.New(policy, redis, d.Clock.System), Live: now,
		Platforms: d.Platforms(from), Desk: acceptance.New(now, d.Clock, limits)}
	closeRedis := function.CloserFuncs{OnClose: func(context.Context) error { return redis.Close() }}
	return d.Event(s.Handle), function.Closers{closer, closeRedis}, nil
}
