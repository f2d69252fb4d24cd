//go:build real

package emulator_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/services"
	"github.com/chuandao/qianfan/shared/clock"
)

// Producers as a frozen instance makes them: the end of a half message never arrives, no
// check-back is answered, sockets are cut every few seconds, instances stand still between
// calls. The broker discards every half message; the sweep alone carries every order.
func TestRealFrozenProducers(t *testing.T) {
	w := startReality(t, services.RocketMQOptions{TransactionTimeout: time.Second, CheckInterval: time.Second, CheckMax: 2})
	line := tap(t, w.mq.Endpoint())
	r := startReal(t, w.services("frozen"), emulator.Options{Orders: 40, Rate: 0.4, Freeze: true,
		Env: map[string]string{"QIANFAN_ROCKETMQ_ENDPOINT": line.addr}})
	s := r.run()
	t.Logf("orders %+v, ends withheld %d, check-back streams held %d, cuts %d", s.Orders, line.ends.Load(), line.held.Load(), line.cuts.Load())
	require.Equal(t, 40, s.Orders.Delivered)
	require.Positive(t, line.ends.Load(), "no half message was left open")
	require.Positive(t, line.cuts.Load())
	for _, stream := range r.Streams() {
		if stream.Topic == "order-accepted" {
			require.Zero(t, stream.Messages, "a half message was delivered although nobody ended it")
		}
	}
	require.Eventually(t, func() bool {
		n, err := w.mq.Discarded(t.Context())
		return err == nil && n > 0
	}, time.Minute, time.Second, "the broker gives up what nobody answers for")
}

// line forwards calls to a broker, but withholds those that end transactions and whatever the
// broker would ask.
type line struct {
	addr             string
	conn             *grpc.ClientConn
	ends, held, cuts atomic.Int64

	mu   sync.Mutex
	open map[net.Conn]struct{}
}

const cutEvery = 3 * time.Second

func tap(t *testing.T, broker string) *line {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+broker, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})))
	require.NoError(t, err)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &line{addr: listener.Addr().String(), conn: conn, open: map[net.Conn]struct{}{}}
	server := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(l.forward))
	var work sync.WaitGroup
	work.Go(func() { _ = server.Serve(noted{listener, l}) })
	work.Go(func() {
		for clock.System.Sleep(t.Context(), cutEvery) == nil {
			l.cut()
		}
	})
	t.Cleanup(func() { server.Stop(); work.Wait(); require.NoError(t, conn.Close()) })
	return l
}

// cut ends every connection without a word.
func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		_ = c.Close()
		l.cuts.Add(1)
	}
	clear(l.open)
}

// noted remembers what it accepts, so that it can be cut.
type noted struct {
	net.Listener
	line *line
}

func (n noted) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err == nil {
		n.line.mu.Lock()
		n.line.open[c] = struct{}{}
		n.line.mu.Unlock()
	}
	return c, err
}

func (l *line) forward(_ any, in grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(in)
	switch {
	case strings.HasSuffix(method, "/EndTransaction"):
		l.ends.Add(1)
		return status.Error(grpccodes.Unavailable, "withheld")
	case strings.HasSuffix(method, "/Telemetry"):
		l.held.Add(1)
		<-in.Context().Done()
		return in.Context().Err()
	}
	md, _ := metadata.FromIncomingContext(in.Context())
	out, err := l.conn.NewStream(metadata.NewOutgoingContext(in.Context(), md), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	up := make(chan error, 1)
	go func() { up <- errors.Join(pass(in, out), out.CloseSend()) }()
	err = pass(out, in)
	if err == nil {
		err = <-up
	}
	return err
}

// pass hands messages from one side to the other until the first ends.
func pass(from interface{ RecvMsg(any) error }, to interface{ SendMsg(any) error }) error {
	for {
		var frame []byte
		if err := from.RecvMsg(&frame); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := to.SendMsg(&frame); err != nil {
			return err
		}
	}
}

// raw leaves messages as they are.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) ([]byte, error) {
	frame, ok := v.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("not a frame: %T", v)
	}
	return *frame, nil
}

func (raw) Unmarshal(data []byte, v any) error {
	frame, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("not a frame: %T", v)
	}
	*frame = append([]byte(nil), data...)
	return nil
}
