package timeout

import (
	"context"
	"time"

	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/stage"
)

// Build makes the function from its settings; QIANFAN_RETENTION_DAYS is how long orders are kept.
func Build(_ context.Context, env *function.Env) (function.EventHandler, function.Closer, error) {
	days := env.Int("QIANFAN_RETENTION_DAYS", 92, 8, 3660)
	d, closer, err := stage.Build(env, "timeout")
	if err != nil {
		return nil, nil, err
	}
	s := &Stage{Store: d.Store, Bus: d.Bus, Clock: d.Clock, Retention: time.Duration(days) * 24 * time.Hour}
	return d.Event(s.Handle), closer, nil
}
