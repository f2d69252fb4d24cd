package report

import (
	"context"
	"errors"
	"os"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

// Build makes the function from its settings; QIANFAN_REPORT_WITHIN is the measure of the 回传率.
func Build(ctx context.Context, env *function.Env) (function.EventHandler, function.Closer, error) {
	where, within := cache.FromEnv(env), env.Duration("QIANFAN_REPORT_WITHIN", inTime)
	d, closer, err := stage.Build(env, "report")
	if err != nil {
		return nil, nil, err
	}
	all, err := platforms.FromEnv(os.Getenv, settings.Deps{HTTP: stage.HTTP(), System: d.Clock.System})
	if err != nil {
		return nil, nil, errors.Join(err, closer.Close(ctx))
	}
	redis := cache.New(where)
	s := &Stage{Store: d.Store, Platforms: d.Platforms(all), Clock: d.Clock, Owner: d.Instance, Positions: position.New(redis), InTime: within}
	closeRedis := function.CloserFuncs{OnClose: func(context.Context) error { return redis.Close() }}
	return d.Event(s.Handle), function.Closers{closer, closeRedis}, nil
}
