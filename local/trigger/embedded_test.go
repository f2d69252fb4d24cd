package trigger

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/clock"
	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/local/template"
)

// TestWithTheEmbeddedBroker runs the pump as the emulator does: virtual time jumps when nothing is open, so retries that take nine
// minutes of virtual time take a moment, and the messages that wait for them must not hold time up.
func TestWithTheEmbeddedBroker(t *testing.T) {
	t.Parallel()
	virtual, err := clock.New(clock.Options{Start: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC), Ceiling: 60, Jump: true})
	require.NoError(t, err)
	t.Cleanup(virtual.Close)
	streams := []template.Stream{ordersStream(), ordersStream()}
	streams[1].Function, streams[1].Topic, streams[1].Group, streams[1].Name = "timeout", "dead-letter", "GID-timeout-dead-letter", "dead"
	broker := rocketmq.New(rocketmq.Options{
		Clock:  virtual,
		Topics: []rocketmq.Topic{{Name: "orders", Type: rocketmq.Normal}, {Name: "dead-letter", Type: rocketmq.Normal}},
		Groups: []rocketmq.Group{{Name: streams[0].Group}, {Name: streams[1].Group}},
	})
	require.NoError(t, broker.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, broker.Close()) })

	began := virtual.Now()
	var mu sync.Mutex
	failures, seen := 0, map[string]int{}
	delivered, buried := make(chan struct{}, 1), make(chan []string, 1)
	streams[0].Retry = template.ExponentialDecayRetry
	p, err := New(Options{
		Endpoint: broker.Addr(), Streams: streams, Clock: virtual, Seed: 1, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Invoke: func(_ context.Context, function string, payload []byte) error {
			mu.Lock()
			defer mu.Unlock()
			if function == "timeout" {
				buried <- idsOf(payload)
				return nil
			}
			if virtual.Now().Sub(began) < 500*time.Second {
				failures++
				return errors.New("store is away")
			}
			for _, id := range idsOf(payload) {
				seen[id]++
			}
			if len(seen) == 300 {
				select {
				case delivered <- struct{}{}:
				default:
				}
			}
			return nil
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	p.Start()
	require.NoError(t, p.Connected(t.Context()))
	sender := newConsumer(p.link, "orders", streams[0].Group, "*")
	for range 300 {
		require.NoError(t, sender.send(t.Context(), "orders", []byte(`{"v":1}`), virtual.System()))
	}
	deadline, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	select {
	case <-delivered:
	case <-deadline.Done():
		t.Fatalf("not delivered: %+v\n%+v\n%+v", p.Stats(), broker.Stats(), virtual.Status())
	}
	mu.Lock()
	for id, n := range seen {
		require.Equal(t, 1, n, id)
	}
	require.Positive(t, failures)
	mu.Unlock()
	require.GreaterOrEqual(t, virtual.Now().Sub(began), 500*time.Second)

	require.NoError(t, sender.send(t.Context(), "dead-letter", []byte("[]"), virtual.System()))
	ids := <-buried
	require.Len(t, ids, 1)
	require.False(t, slices.Contains(ids, ""))
	require.Eventually(t, func() bool { return broker.Stats().Idle() }, 20*time.Second, 5*time.Millisecond, "everything is acknowledged")
}
