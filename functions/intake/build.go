package intake

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

// Build makes the function from its settings; tooLarge answers bodies over the limit.
func Build(tooLarge *function.LateHandler) function.Build[http.Handler] {
	return func(ctx context.Context, env *function.Env) (http.Handler, function.Closer, error) {
		cfg := Config{
			Size: env.Int("QIANFAN_BATCH_SIZE", 50, 1, 200), Wait: env.Duration("QIANFAN_BATCH_WAIT", 10*time.Millisecond),
			MaxValue:  int64(env.Int("QIANFAN_MAX_VALUE_FEN", 2_000_000, 1, 100_000_000)),
			MaxWeight: env.Int("QIANFAN_MAX_WEIGHT_G", 50_000, 1, 1_000_000),
			MaxAhead:  env.Duration("QIANFAN_MAX_AHEAD", maxAhead),
		}
		d, closer, err := stage.Build(env, "intake")
		if err != nil {
			return nil, nil, err
		}
		all, err := platforms.FromEnv(os.Getenv, settings.Deps{HTTP: stage.HTTP(), System: d.Clock.System})
		if err != nil {
			return nil, nil, errors.Join(err, closer.Close(ctx))
		}
		s := New(Deps{
			Platforms: all, Store: d.Store, Bus: d.Bus, Clock: d.Clock, Book: penalty.Default(), Instance: d.Instance, Tracer: d.Tracer,
			IDs: order.NewIDs(d.Clock.System, rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))), //nolint:forbidigo // a random start per instance is wanted
		}, cfg)
		tooLarge.Set(s.TooLarge())
		return d.Web(s), function.Closers{s.serveChecks(d.Bus), closer}, nil
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
