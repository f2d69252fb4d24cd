package dispatch

import (
	"context"
	"errors"
	"os"

	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/stage"
)

// Build makes the function from its settings.
func Build(ctx context.Context, env *function.Env) (function.EventHandler, function.Closer, error) {
	d, closer, err := stage.Build(env, "dispatch")
	if err != nil {
		return nil, nil, err
	}
	all, err := carriers.FromEnv(os.Getenv, settings.Deps{HTTP: stage.HTTP(), System: d.Clock.System})
	if err != nil {
		return nil, nil, errors.Join(err, closer.Close(ctx))
	}
	count, err := d.Store.Shards(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, closer.Close(ctx))
	}
	s := &Stage{Store: d.Store, Bus: d.Bus, Carriers: d.Carriers(all), Clock: d.Clock, Owner: d.Instance, Book: penalty.Default()}
	s.Shards(count)
	return d.Event(s.Handle), closer, nil
}
