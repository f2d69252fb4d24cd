package settle

import (
	"context"

	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/stage"
)

// Build makes the function from its settings.
func Build(_ context.Context, env *function.Env) (function.EventHandler, function.Closer, error) {
	d, closer, err := stage.Build(env, "settle")
	if err != nil {
		return nil, nil, err
	}
	s := &Stage{Store: d.Store, Clock: d.Clock}
	return d.Event(s.Handle), closer, nil
}
