package message_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/message"
)

// reader is a broker that keeps the items of every message.
type reader struct {
	rmq.UnimplementedMessagingServiceServer
	mu    sync.Mutex
	items []message.Item
}

func (b *reader) SendMessage(_ context.Context, r *rmq.SendMessageRequest) (*rmq.SendMessageResponse, error) {
	env, err := message.Decode(r.GetMessages()[0].GetBody())
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items = append(b.items, env.Items...)
	ok := &rmq.Status{Code: rmq.Code_OK}
	return &rmq.SendMessageResponse{Status: ok, Entries: []*rmq.SendResultEntry{{Status: ok, MessageId: "m"}}}, nil
}

// Items of traced orders name the span that sends them; what an item brought along stays where there is none.
func TestItemsNameTheirSender(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b, server := &reader{}, grpc.NewServer()
	rmq.RegisterMessagingServiceServer(server, b)
	var work sync.WaitGroup
	work.Go(func() { _ = server.Serve(listener) }) // ends with Stop
	t.Cleanup(func() { server.Stop(); work.Wait() })
	type key struct{}
	trace := func(ctx context.Context, order int64) string {
		if order%2 == 0 {
			return ""
		}
		return fmt.Sprintf("%s-%d", ctx.Value(key{}), order)
	}
	ctx := context.WithValue(t.Context(), key{}, "sender")
	for _, given := range []func(context.Context, int64) string{nil, trace} {
		c := message.NewClient(message.Config{Endpoint: listener.Addr().String(), Clock: clock.Real(), Function: "test", Timeout: 10 * time.Second, Trace: given})
		items := []message.Item{{Key: "1", Order: 1, Trace: "old"}, {Key: "2", Order: 2, Trace: "brought along"}, {Key: "3", Order: 3}}
		require.NoError(t, c.Publish(ctx, message.Message{Topic: message.OrderStatus, Items: items}))
		_, err := c.SendHalf(ctx, message.Message{Topic: message.OrderAccepted, Items: items[2:]})
		require.NoError(t, err)
		require.Equal(t, []string{"old", "brought along", ""}, traces(items), "the caller's items stay as they are")
		require.NoError(t, c.Close())
	}
	require.Equal(t, []string{
		"old", "brought along", "", "",
		"sender-1", "brought along", "sender-3", "sender-3",
	}, traces(b.items))
}

func traces(items []message.Item) []string {
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = item.Trace
	}
	return out
}
