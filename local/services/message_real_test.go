//go:build real

package services_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	emulated "github.com/chuandao/qianfan/local/clock"
	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/local/services"
	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/local/trigger"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/message"
)

// kinds are the topics of the test, one of each type.
var kinds = map[string]rocketmq.TopicType{
	message.OrderQuoted: rocketmq.Normal, message.Settlement: rocketmq.FIFO,
	message.OrderTimer: rocketmq.Delay, message.OrderAccepted: rocketmq.Transaction,
}

// arrival is an item that came through the trigger.
type arrival struct {
	topic, key, group string
	at                time.Time
}

// line is a publisher and, at the other end of a real broker, what its messages become.
type line struct {
	*testing.T
	broker   *services.RocketMQ
	client   *message.Client
	arrivals chan arrival
}

// patience is how long anything may take to arrive; only a broken broker uses it up.
const patience = time.Minute

func newLine(t *testing.T) *line {
	t.Helper()
	l := &line{T: t, arrivals: make(chan arrival, 1024)}
	o := services.RocketMQOptions{TransactionTimeout: time.Second, CheckInterval: time.Second}
	var streams []template.Stream
	for topic, kind := range kinds {
		o.Topics = append(o.Topics, rocketmq.Topic{Name: topic, Type: kind})
		o.Groups = append(o.Groups, rocketmq.Group{Name: "GID-" + topic})
		streams = append(streams, template.Stream{Function: "stage", Name: topic, Topic: topic, Group: "GID-" + topic, Tag: "*", CountWindow: 32})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	var err error
	l.broker, err = services.StartRocketMQ(ctx, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.broker.Close()) })
	l.client = message.NewClient(message.Config{Endpoint: l.broker.Endpoint(), Clock: clock.Real(), Function: "test"})
	t.Cleanup(func() { require.NoError(t, l.client.Close()) })
	virtual, err := emulated.New(emulated.Options{})
	require.NoError(t, err)
	t.Cleanup(virtual.Close)
	pump, err := trigger.New(trigger.Options{
		Endpoint: l.broker.Endpoint(), Streams: streams, Invoke: l.invoke, Clock: virtual, PollPause: 20 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pump.Close()) })
	pump.Start()
	require.NoError(t, pump.Connected(ctx))
	return l
}

// invoke is the function at the end of the line.
func (l *line) invoke(_ context.Context, _ string, payload []byte) error {
	events, err := function.DecodeEvents(payload)
	if err != nil {
		return err
	}
	for _, e := range events {
		envelope, err := message.Decode(e.Body)
		if err != nil {
			return err
		}
		for _, item := range envelope.Items {
			l.arrivals <- arrival{topic: e.Topic, key: item.Key, group: e.Group, at: clock.Real().System()}
		}
	}
	return nil
}

// until collects arrivals by key until all of the keys came. Some may come twice.
func (l *line) until(keys ...string) map[string]arrival {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.Context(), patience)
	defer cancel()
	got := map[string]arrival{}
	for missing := keys; len(missing) > 0; missing = slices.DeleteFunc(missing, func(key string) bool { return got[key].topic != "" }) {
		select {
		case a := <-l.arrivals:
			got[a.key] = a
		case <-ctx.Done():
			require.FailNow(l, "items are missing", "%v did not come", missing)
		}
	}
	return got
}

func items(key string) []message.Item { return []message.Item{{Key: key, Order: 1}} }

// TestRealMessages publishes every kind of message through a real broker to a trigger: nothing but sends, no settings before.
func TestRealMessages(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	due := clock.Real().System().Add(3 * time.Second)
	require.NoError(t, l.client.Publish(t.Context(),
		message.Message{Topic: message.OrderQuoted, Items: items("normal")},
		message.Message{Topic: message.Settlement, Group: "account", Items: items("fifo")},
		message.Message{Topic: message.OrderTimer, Due: due, Items: items("delayed")},
	))
	committed, err := l.client.SendHalf(t.Context(), message.Message{Topic: message.OrderAccepted, Items: items("committed")})
	require.NoError(t, err)
	dropped, err := l.client.SendHalf(t.Context(), message.Message{Topic: message.OrderAccepted, Items: items("rolled back")})
	require.NoError(t, err)
	require.NoError(t, l.client.End(t.Context(), committed, true))
	require.NoError(t, l.client.End(t.Context(), dropped, false))

	got := l.until("normal", "fifo", "delayed", "committed")
	require.Equal(t, message.OrderQuoted, got["normal"].topic)
	require.Equal(t, "account", got["fifo"].group)
	require.Equal(t, message.OrderAccepted, got["committed"].topic)
	require.False(t, got["delayed"].at.Before(due.Truncate(time.Millisecond)), "a delayed message never comes early")
	t.Logf("the delayed message came %v late", got["delayed"].at.Sub(due))
	require.NotContains(t, got, "rolled back")

	err = l.client.Publish(t.Context(), message.Message{Topic: "nowhere", Items: items("x")})
	require.ErrorIs(t, err, message.ErrBroker)
	err = l.client.Publish(t.Context(), message.Message{Topic: message.OrderQuoted, Group: "g", Items: items("x")})
	require.ErrorIs(t, err, message.ErrBroker, "the topic's type")
}

// TestRealCheckBack leaves transactions open: the broker asks, before a restart and after it.
func TestRealCheckBack(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	checks := checks{asked: map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() { l.client.ServeChecks(ctx, message.OrderAccepted, checks.verdict) })
	t.Cleanup(func() { cancel(); serving.Wait() })

	const each = 5
	var expected []string
	for i := range each {
		keep, drop, wait := fmt.Sprintf("keep-%d", i), fmt.Sprintf("drop-%d", i), fmt.Sprintf("wait-%d", i)
		l.leaveOpen(keep)
		l.leaveOpen(drop)
		l.leaveOpen(wait)
		expected = append(expected, keep, wait)
	}
	for key := range l.until(expected...) {
		require.False(t, strings.HasPrefix(key, "drop"), key)
	}

	require.NoError(t, l.broker.Restart(t.Context()))
	l.leaveOpen("keep-again")
	l.until("keep-again")
}

// leaveOpen sends a half message whose end is lost.
func (l *line) leaveOpen(batch string) {
	l.Helper()
	_, err := l.client.SendHalf(l.Context(), message.Message{
		Topic: message.OrderAccepted, Items: items(batch), Props: map[string]string{message.PropBatch: batch},
	})
	require.NoError(l, err)
}

// checks decides by a batch's name: drop, keep, or keep when it is asked for the second time.
type checks struct {
	mu    sync.Mutex
	asked map[string]int
}

func (c *checks) verdict(_ context.Context, batch string, _ time.Time) message.Verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[batch]++
	switch {
	case strings.HasPrefix(batch, "drop"):
		return message.Rollback
	case strings.HasPrefix(batch, "wait") && c.asked[batch] == 1:
		return message.Undecided
	}
	return message.Commit
}
