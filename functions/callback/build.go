package callback

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/stage"
)

// Build makes the function from its settings; tooLarge answers bodies over the limit.
func Build(tooLarge *function.LateHandler) function.Build[http.Handler] {
	return func(ctx context.Context, env *function.Env) (http.Handler, function.Closer, error) {
		cfg := Config{Size: env.Int("QIANFAN_BATCH_SIZE", 50, 1, 200), Wait: env.Duration("QIANFAN_BATCH_WAIT", 10*time.Millisecond)}
		where := cache.FromEnv(env)
		d, closer, err := stage.Build(env, "callback")
		if err != nil {
			return nil, nil, err
		}
		cfg.Tracer = d.Tracer
		all, err := carriers.FromEnv(os.Getenv, d.Outside())
		if err != nil {
			return nil, nil, errors.Join(err, closer.Close(ctx))
		}
		redis := cache.New(where)
		cfg.Positions = position.New(redis)
		s := New(all, d.Bus, d.Clock, cfg)
		tooLarge.Set(s.TooLarge())
		ends := function.CloserFuncs{OnClose: func(context.Context) error { s.Close(); return redis.Close() }}
		return d.Web(s), function.Closers{ends, closer}, nil
	}
}
