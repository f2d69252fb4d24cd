//go:build real

package services

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/rocketmq"
)

// patience is how long anything here may take; only a broken service uses it up.
const patience = 6 * time.Minute

// deadline bounds a test.
func deadline(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), patience)
}

// TestRocketMQ starts a broker, adds to it, kills it and starts it again.
func TestRocketMQ(t *testing.T) {
	t.Parallel()
	ctx, cancel := deadline(t)
	defer cancel()
	began := time.Now()
	r, err := StartRocketMQ(ctx, RocketMQOptions{
		Dir:    t.TempDir(),
		Topics: []rocketmq.Topic{{Name: "a", Type: rocketmq.Normal}, {Name: "b", Type: rocketmq.Transaction}},
		Groups: []rocketmq.Group{{Name: "ga"}, {Name: "gb", Ordered: true, MaxAttempts: 3}},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	t.Logf("up after %v", time.Since(began))

	began = time.Now()
	require.NoError(t, r.CreateTopics(ctx, []rocketmq.Topic{{Name: "c", Type: rocketmq.FIFO}}, nil))
	t.Logf("topic after %v", time.Since(began))
	require.ErrorContains(t, serves(ctx, r.conn, rocketmq.Topic{Name: "a", Type: rocketmq.FIFO}), "no queue takes FIFO")
	require.ErrorContains(t, serves(ctx, r.conn, rocketmq.Topic{Name: "z", Type: rocketmq.FIFO}), "TOPIC_NOT_FOUND")
	require.ErrorContains(t, knows(ctx, r.conn, rocketmq.Group{Name: "gz"}), "group not found")

	more := []rocketmq.Topic{{Name: "d", Type: rocketmq.Delay}}
	require.NoError(t, CreateTopicsAt(ctx, r.Endpoint(), r.Namesrv(), "DefaultCluster", more, []rocketmq.Group{{Name: "gd"}}, t.Output()))

	r.Kill()
	<-r.Exited()
	began = time.Now()
	require.NoError(t, r.Restart(ctx))
	t.Logf("again after %v", time.Since(began))
	require.NoError(t, serves(ctx, r.conn, rocketmq.Topic{Name: "c", Type: rocketmq.FIFO}))
}
