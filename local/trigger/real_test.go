//go:build real

package trigger

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/chuandao/qianfan/local/clock"
	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/local/services"
	"github.com/chuandao/qianfan/local/template"
	system "github.com/chuandao/qianfan/shared/clock"
)

const (
	eachTopic    = 1000
	realPatience = 6 * time.Minute
)

// sink is the function at the end of the pump: it counts how often each body came.
type sink struct {
	mu    sync.Mutex
	seen  map[string]int
	times int
	level chan int // the number of different bodies, when it changes
}

func (s *sink) invoke(_ context.Context, _ string, payload []byte) error {
	var events []cloudEvent
	if err := json.Unmarshal(payload, &events); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range events {
		s.seen[e.Data.Body]++
		s.times++
	}
	select {
	case <-s.level: // only the latest matters
	default:
	}
	s.level <- len(s.seen)
	return nil
}

// until waits for that many different bodies.
func (s *sink) until(t *testing.T, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), realPatience)
	defer cancel()
	for {
		select {
		case got := <-s.level:
			if got >= n {
				s.level <- got
				return
			}
		case <-ctx.Done():
			s.mu.Lock()
			defer s.mu.Unlock()
			require.FailNow(t, "messages are missing", "%d of %d came", len(s.seen), n)
		}
	}
}

// TestRealPump sends 2,000 messages over two topics through a real broker. It is killed and started again in the middle: every
// message is handled, and nobody helps the pump.
func TestRealPump(t *testing.T) {
	t.Parallel()
	streams := []template.Stream{ordersStream(), ordersStream()}
	streams[1].Topic, streams[1].Group, streams[1].Name = "status", "GID-status", "status"
	ctx, cancel := context.WithTimeout(t.Context(), realPatience)
	defer cancel()
	broker, err := services.StartRocketMQ(ctx, services.RocketMQOptions{
		Topics: []rocketmq.Topic{{Name: "orders", Type: rocketmq.Normal}, {Name: "status", Type: rocketmq.Normal}},
		Groups: []rocketmq.Group{{Name: streams[0].Group}, {Name: streams[1].Group}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, broker.Close()) })
	virtual, err := clock.New(clock.Options{})
	require.NoError(t, err)
	t.Cleanup(virtual.Close)
	s := &sink{seen: map[string]int{}, level: make(chan int, 1)}
	p, err := New(Options{
		Endpoint: broker.Endpoint(), Streams: streams, Clock: virtual, Invoke: s.invoke, PollPause: 20 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	p.Start()
	require.NoError(t, p.Connected(ctx))

	var failed atomic.Int64
	began := time.Now()
	var senders errgroup.Group
	for _, stream := range streams {
		for part := range 4 {
			senders.Go(func() error {
				sender := newConsumer(p.link, stream.Topic, stream.Group, "*")
				for i := part; i < eachTopic; i += 4 {
					for sender.send(ctx, stream.Topic, fmt.Appendf(nil, "%s-%d", stream.Topic, i), virtual.System()) != nil {
						failed.Add(1)
						if err := system.System.Sleep(ctx, 100*time.Millisecond); err != nil {
							return err
						}
					}
				}
				return nil
			})
		}
	}
	s.until(t, eachTopic/2)
	broker.Kill()
	killed := time.Now()
	require.NoError(t, broker.Restart(ctx))
	back := time.Now()
	require.NoError(t, senders.Wait())
	s.until(t, 2*eachTopic)
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Len(t, s.seen, 2*eachTopic)
	t.Logf("%d messages, %d deliveries, in %v; broker back after %v, all handled %v later; %d sends failed",
		len(s.seen), s.times, time.Since(began), back.Sub(killed), time.Since(back), failed.Load())
}
