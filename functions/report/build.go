package report

import (
	"context"
	"errors"
	"os"

	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

// Build makes the function from its settings.
func Build(ctx context.Context, env *function.Env) (function.EventHandler, function.Closer, error) {
	d, closer, err := stage.Build(env, "report")
	if err != nil {
		return nil, nil, err
	}
	all, err := platforms.FromEnv(os.Getenv, settings.Deps{HTTP: stage.HTTP(), System: d.Clock.System})
	if err != nil {
		return nil, nil, errors.Join(err, closer.Close(ctx))
	}
	s := &Stage{Store: d.Store, Platforms: d.Platforms(all), Clock: d.Clock, Owner: d.Instance}
	return d.Event(s.Handle), closer, nil
}
