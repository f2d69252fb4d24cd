package message_test

import (
	"context"
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

// broker takes every message. Its connections can be made to lead nowhere: they stay open,
// and nothing comes back over them.
type broker struct {
	rmq.UnimplementedMessagingServiceServer
	net.Listener

	mu       sync.Mutex
	accepted []*line
	taken    []string // topics
}

// line is one connection of the broker.
type line struct {
	net.Conn
	mu   sync.Mutex
	dead bool
}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	dead := l.dead
	l.mu.Unlock()
	if dead {
		return len(p), nil
	}
	return l.Conn.Write(p)
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
}

// Accept keeps the connection in sight.
func (b *broker) Accept() (net.Conn, error) {
	conn, err := b.Listener.Accept()
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := &line{Conn: conn}
	b.accepted = append(b.accepted, l)
	return l, nil
}

func (b *broker) lines() []*line {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.accepted
}

func (b *broker) SendMessage(_ context.Context, r *rmq.SendMessageRequest) (*rmq.SendMessageResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken = append(b.taken, r.GetMessages()[0].GetTopic().GetName())
	ok := &rmq.Status{Code: rmq.Code_OK}
	return &rmq.SendMessageResponse{Status: ok, Entries: []*rmq.SendResultEntry{{Status: ok, MessageId: "m"}}}, nil
}

func startBroker(t *testing.T, address string) (b *broker, stop func()) {
	t.Helper()
	b = &broker{}
	return b, serve(t, address, b, b)
}

// serve makes b listen and the service answer, until stop or the test's end.
func serve(t *testing.T, address string, b *broker, service rmq.MessagingServiceServer) (stop func()) {
	t.Helper()
	var err error
	b.Listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	server := grpc.NewServer()
	rmq.RegisterMessagingServiceServer(server, service)
	var work sync.WaitGroup
	work.Go(func() { _ = server.Serve(b) }) // ends with stop
	stop = func() { server.Stop(); work.Wait() }
	t.Cleanup(stop)
	return stop
}

func newClient(t *testing.T, address string, timeout time.Duration) *message.Client {
	t.Helper()
	c := message.NewClient(message.Config{Endpoint: address, Clock: clock.Real(), Function: "test", Timeout: timeout})
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func hint(order int64) message.Message {
	return message.Message{Topic: message.OrderStatus, Items: []message.Item{{Key: "1", Order: order}}}
}

// A connection that leads nowhere looks like a slow broker. It is made anew, also by a
// client that is never silent long enough to do so of itself.
func TestAConnectionThatLeadsNowhereIsMadeAnew(t *testing.T) {
	t.Parallel()
	b, _ := startBroker(t, "127.0.0.1:0")
	c := newClient(t, b.Addr().String(), 500*time.Millisecond)
	require.NoError(t, c.Publish(t.Context(), hint(1)))
	require.Len(t, b.lines(), 1)
	b.lines()[0].cut()
	require.NoError(t, c.Publish(t.Context(), hint(2)))
	require.Len(t, b.lines(), 2)
	require.NoError(t, c.Publish(t.Context(), hint(3)))
	require.Len(t, b.lines(), 2, "one that answers is kept")
}

// A broker that comes back after an outage is reached at once, however long it was away.
func TestABrokerThatComesBackIsReached(t *testing.T) {
	t.Parallel()
	first, stop := startBroker(t, "127.0.0.1:0")
	address := first.Addr().String()
	c := newClient(t, address, time.Second)
	require.NoError(t, c.Publish(t.Context(), hint(1)))
	stop()
	require.Error(t, c.Publish(t.Context(), hint(2)), "three tries of a second each")
	second, _ := startBroker(t, address)
	require.NoError(t, c.Publish(t.Context(), hint(3)))
	second.mu.Lock()
	defer second.mu.Unlock()
	require.Contains(t, second.taken, message.OrderStatus)
}

func TestCallersDeadlineBoundsASend(t *testing.T) {
	t.Parallel()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts, and says nothing
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	c := newClient(t, silent.Addr().String(), time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = c.SendHalf(ctx, hint(1))
	require.Error(t, err)
	require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
}
