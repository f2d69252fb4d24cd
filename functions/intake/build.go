package intake

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

// Build makes the function from its settings; tooLarge answers bodies over the limit.
func Build(tooLarge *function.LateHandler) function.Build[http.Handler] {
	return func(ctx context.Context, env *function.Env) (http.Handler, function.Closer, error) {
		cfg := Config{
			Size: env.Int("QIANFAN_BATCH_SIZE", 50, 1, 200), Wait: env.Duration("QIANFAN_BATCH_WAIT", 10*time.Millisecond),
		}
		limits, fresh := acceptance.LoadLimits(env), live.LoadFreshness(env)
		where := cache.FromEnv(env)
		d, closer, err := stage.Build(env, "intake")
		if err != nil {
			return nil, nil, err
		}
		all, err := platforms.FromEnv(os.Getenv, settings.Deps{HTTP: stage.HTTP(), System: d.Clock.System})
		if err != nil {
			return nil, nil, errors.Join(err, closer.Close(ctx))
		}
		redis := cache.New(where)
		s := New(Deps{
			Platforms: all, Store: d.Store, Bus: d.Bus, Clock: d.Clock, Desk: acceptance.New(live.Every(d.Store, d.Clock, fresh), d.Clock, limits), Instance: d.Instance, Tracer: d.Tracer,
			Positions: position.New(redis),
			IDs:       order.NewIDs(d.Clock.System, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))), //nolint:forbidigo // a random start per instance is wanted
		}, cfg)
		tooLarge.Set(s.TooLarge())
		closeRedis := function.CloserFuncs{OnClose: func(context.Context) error { return redis.Close() }}
		return d.Web(s), function.Closers{s.serveChecks(d.Bus), closeRedis, closer}, nil
	}
}

// serveChecks answers check-backs until the closer ends it.
func (s *Stage) serveChecks(bus *message.Client) function.Closer {
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { bus.ServeChecks(ctx, message.OrderAccepted, s.Check) })
	return function.CloserFuncs{OnClose: func(context.Context) error {
		s.Close()
		stop()
		work.Wait()
		return nil
	}}
}
