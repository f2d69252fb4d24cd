package trigger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// fakeBroker is the part of RocketMQ's protocol that the pump speaks, as strict as a real broker where the pump could go wrong: settings
// before deliveries, an invisible time of ten seconds at least, handles that change. Nothing expires by itself.
type fakeBroker struct {
	v2.UnimplementedMessagingServiceServer
	t    *testing.T
	addr string

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced at every change
	server   *grpc.Server
	sessions map[string]string // client id → group
	ready    map[string][]*v2.Message
	flight   map[string]*v2.Message // by handle
	hidden   map[string]time.Duration
	acked    []string
	hides    int
	sent     map[string][]*v2.Message
	handles  int
	refuse   map[string]v2.Code // by call
	lastPoll []int32            // sizes asked for
}

func newFakeBroker(t *testing.T) *fakeBroker {
	f := &fakeBroker{
		t: t, addr: "127.0.0.1:0", changed: make(chan struct{}), sessions: map[string]string{}, ready: map[string][]*v2.Message{},
		flight: map[string]*v2.Message{}, hidden: map[string]time.Duration{}, sent: map[string][]*v2.Message{}, refuse: map[string]v2.Code{},
	}
	f.start()
	t.Cleanup(f.stop)
	return f
}

func (f *fakeBroker) start() {
	listener, err := net.Listen("tcp", f.addr)
	require.NoError(f.t, err)
	f.addr = listener.Addr().String()
	server := grpc.NewServer()
	v2.RegisterMessagingServiceServer(server, f)
	f.mu.Lock()
	f.server, f.sessions = server, map[string]string{}
	f.mu.Unlock()
	go func() { _ = server.Serve(listener) }() // ended by stop
}

func (f *fakeBroker) stop() {
	f.mu.Lock()
	server := f.server
	f.mu.Unlock()
	server.Stop()
}

// update changes the broker under its lock and wakes who waits for a change.
func (f *fakeBroker) update(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
	close(f.changed)
	f.changed = make(chan struct{})
}

// until waits for a condition on the broker's state.
func (f *fakeBroker) until(condition func() bool, what string) {
	f.t.Helper()
	deadline, cancel := context.WithTimeout(f.t.Context(), 20*time.Second)
	defer cancel()
	for {
		f.mu.Lock()
		met, changed := condition(), f.changed
		f.mu.Unlock()
		if met {
			return
		}
		select {
		case <-changed:
		case <-deadline.Done():
			f.t.Fatalf("never: %s", what)
		}
	}
}

// put makes messages ready for a group.
func (f *fakeBroker) put(group string, messages ...*v2.Message) {
	f.update(func() { f.ready[group] = append(f.ready[group], messages...) })
}

func ok() *v2.Status { return &v2.Status{Code: v2.Code_OK, Message: "OK"} }

func (f *fakeBroker) status(call string) *v2.Status {
	if code, ok := f.refuse[call]; ok {
		return &v2.Status{Code: code, Message: "refused"}
	}
	return ok()
}

func clientOf(ctx context.Context) string {
	md, _ := metadata.FromIncomingContext(ctx)
	if ids := md.Get("x-mq-client-id"); len(ids) == 1 {
		return ids[0]
	}
	return ""
}

func (f *fakeBroker) QueryRoute(_ context.Context, r *v2.QueryRouteRequest) (*v2.QueryRouteResponse, error) {
	return &v2.QueryRouteResponse{Status: ok(), MessageQueues: []*v2.MessageQueue{
		{Topic: r.GetTopic(), Id: 3, Broker: &v2.Broker{Name: "broker-a", Endpoints: r.GetEndpoints()}},
	}}, nil
}

func (f *fakeBroker) Telemetry(stream grpc.BidiStreamingServer[v2.TelemetryCommand, v2.TelemetryCommand]) error {
	client := clientOf(stream.Context())
	for {
		command, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		f.update(func() { f.sessions[client] = command.GetSettings().GetSubscription().GetGroup().GetName() })
		if err := stream.Send(command); err != nil {
			return err
		}
	}
}

func (f *fakeBroker) Heartbeat(context.Context, *v2.HeartbeatRequest) (*v2.HeartbeatResponse, error) {
	return &v2.HeartbeatResponse{Status: ok()}, nil
}

func (f *fakeBroker) NotifyClientTermination(ctx context.Context, _ *v2.NotifyClientTerminationRequest) (*v2.NotifyClientTerminationResponse, error) {
	f.update(func() { delete(f.sessions, clientOf(ctx)) })
	return &v2.NotifyClientTerminationResponse{Status: ok()}, nil
}

func (f *fakeBroker) ReceiveMessage(r *v2.ReceiveMessageRequest, stream grpc.ServerStreamingServer[v2.ReceiveMessageResponse]) error {
	group := r.GetGroup().GetName()
	answer := func(s *v2.Status) error {
		return stream.Send(&v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Status{Status: s}})
	}
	if deadline, limited := stream.Context().Deadline(); !limited || time.Until(deadline) < r.GetLongPollingTimeout().AsDuration() {
		return answer(&v2.Status{Code: v2.Code_ILLEGAL_POLLING_TIME})
	}
	if r.GetInvisibleDuration().AsDuration() < 10*time.Second || r.GetBatchSize() > 32 {
		return answer(&v2.Status{Code: v2.Code_ILLEGAL_INVISIBLE_TIME})
	}
	for {
		f.mu.Lock()
		known := f.sessions[clientOf(stream.Context())] == group
		refused := f.status("receive")
		var out []*v2.Message
		if known && refused.GetCode() == v2.Code_OK {
			out = f.pop(group, int(r.GetBatchSize()))
		}
		if len(out) > 0 {
			close(f.changed)
			f.changed = make(chan struct{})
		}
		changed := f.changed
		f.mu.Unlock()
		switch {
		case !known:
			return answer(&v2.Status{Code: v2.Code_UNRECOGNIZED_CLIENT_TYPE})
		case refused.GetCode() != v2.Code_OK:
			return answer(refused)
		case len(out) > 0:
			return f.deliver(stream, out)
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

func (f *fakeBroker) deliver(stream grpc.ServerStreamingServer[v2.ReceiveMessageResponse], messages []*v2.Message) error {
	if err := stream.Send(&v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Status{Status: ok()}}); err != nil {
		return err
	}
	for _, m := range messages {
		if err := stream.Send(&v2.ReceiveMessageResponse{Content: &v2.ReceiveMessageResponse_Message{Message: m}}); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeBroker) newHandle() string { f.handles++; return fmt.Sprint("handle-", f.handles) }

func (f *fakeBroker) pop(group string, n int) []*v2.Message {
	f.lastPoll = append(f.lastPoll, int32(n))
	n = min(n, len(f.ready[group]))
	out := f.ready[group][:n:n]
	f.ready[group] = f.ready[group][n:]
	for _, m := range out {
		handle := f.newHandle()
		m.SystemProperties.ReceiptHandle = &handle
		f.flight[handle] = m
	}
	return out
}

func (f *fakeBroker) AckMessage(_ context.Context, r *v2.AckMessageRequest) (*v2.AckMessageResponse, error) {
	var s *v2.Status
	f.update(func() {
		if s = f.status("ack"); s.GetCode() != v2.Code_OK {
			return
		}
		for _, e := range r.GetEntries() {
			if m := f.flight[e.GetReceiptHandle()]; m != nil {
				delete(f.flight, e.GetReceiptHandle())
				f.acked = append(f.acked, m.GetSystemProperties().GetMessageId())
			} else {
				s = &v2.Status{Code: v2.Code_MULTIPLE_RESULTS}
			}
		}
	})
	return &v2.AckMessageResponse{Status: s}, nil
}

func (f *fakeBroker) ChangeInvisibleDuration(_ context.Context, r *v2.ChangeInvisibleDurationRequest) (*v2.ChangeInvisibleDurationResponse, error) {
	res := &v2.ChangeInvisibleDurationResponse{Status: &v2.Status{Code: v2.Code_INVALID_RECEIPT_HANDLE}}
	f.update(func() {
		m := f.flight[r.GetReceiptHandle()]
		if m == nil {
			return
		}
		delete(f.flight, r.GetReceiptHandle())
		res.Status, res.ReceiptHandle = ok(), f.newHandle()
		f.flight[res.ReceiptHandle] = m
		f.hidden[m.GetSystemProperties().GetMessageId()] = r.GetInvisibleDuration().AsDuration()
		f.hides++
	})
	return res, nil
}

func (f *fakeBroker) SendMessage(_ context.Context, r *v2.SendMessageRequest) (*v2.SendMessageResponse, error) {
	m := r.GetMessages()[0]
	res := &v2.SendMessageResponse{}
	f.update(func() {
		res.Status = f.status("send")
		switch {
		case len(m.GetBody()) > 4<<20:
			res.Status = &v2.Status{Code: v2.Code_MESSAGE_BODY_TOO_LARGE}
		case m.GetSystemProperties().GetMessageId() == "":
			res.Status = &v2.Status{Code: v2.Code_ILLEGAL_MESSAGE_ID}
		case res.Status.GetCode() == v2.Code_OK:
			f.sent[m.GetTopic().GetName()] = append(f.sent[m.GetTopic().GetName()], m)
		}
	})
	return res, nil
}

// fakeClock is virtual time that stands still until a test moves it.
type fakeClock struct {
	mu     sync.Mutex
	now    time.Time
	timers []*fakeTimer
	open   map[string]int
}

type fakeTimer struct {
	at time.Time
	f  func()
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC), open: map[string]int{}}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) AfterFunc(at time.Time, f func()) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &fakeTimer{at, f}
	c.timers = append(c.timers, t)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.timers = slices.DeleteFunc(c.timers, func(o *fakeTimer) bool { return o == t })
	}
}

func (c *fakeClock) Busy(kind string) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[kind]++
	var once sync.Once
	return func() {
		once.Do(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.open[kind]--
		})
	}
}

func (c *fakeClock) busy() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, open := range c.open {
		n += open
	}
	return n
}

// waits are how far away the timers are, in order.
func (c *fakeClock) waits() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]time.Duration, len(c.timers))
	for i, t := range c.timers {
		out[i] = t.at.Sub(c.now)
	}
	slices.Sort(out)
	return out
}

// jump moves to the earliest timer and fires it; it reports false when there is none or work is open.
func (c *fakeClock) jump() bool {
	c.mu.Lock()
	if len(c.timers) == 0 {
		c.mu.Unlock()
		return false
	}
	for _, open := range c.open {
		if open > 0 {
			c.mu.Unlock()
			return false
		}
	}
	slices.SortStableFunc(c.timers, func(a, b *fakeTimer) int { return a.at.Compare(b.at) })
	t := c.timers[0]
	c.timers = c.timers[1:]
	if t.at.After(c.now) {
		c.now = t.at
	}
	c.mu.Unlock()
	t.f()
	return true
}
