package dispatch

import (
	"context"
	"errors"
	"os"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/health"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/quota"
	"github.com/chuandao/qianfan/shared/stage"
)

// Build makes the function from its settings.
func Build(ctx context.Context, env *function.Env) (function.EventHandler, function.Closer, error) {
	where, policy, fresh := cache.FromEnv(env), health.LoadPolicy(env), live.LoadFreshness(env)
	d, closer, err := stage.Build(env, "dispatch")
	if err != nil {
		return nil, nil, err
	}
	all, err := carriers.FromEnv(os.Getenv, d.Outside())
	if err != nil {
		return nil, nil, errors.Join(err, closer.Close(ctx))
	}
	redis := cache.New(where)
	s := &Stage{Store: d.Store, Bus: d.Bus, Carriers: d.Carriers(all), Clock: d.Clock, Owner: d.Instance,
		Live: live.Every(d.Store, d.Clock, fresh), Health: health.New(policy, redis, d.Clock.System), Quota: quota.New(redis, d.Clock.System)}
	closeRedis := function.CloserFuncs{OnClose: func(context.Context) error { return redis.Close() }}
	return d.Event(s.Handle), function.Closers{closer, closeRedis}, nil
}
