package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/chuandao/qianfan/shared/clock"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// noon is where test clocks start.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// virtualClock is a Clock that moves when told. It counts tokens, and fails the test when one is closed twice.
type virtualClock struct {
	t      testing.TB
	mu     sync.Mutex
	now    time.Time
	timers []*virtualTimer
	open   int
}

type virtualTimer struct {
	at      time.Time
	f       func()
	stopped bool
}

func newVirtualClock(t testing.TB) *virtualClock { return &virtualClock{t: t, now: noon} }

func (c *virtualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *virtualClock) AfterFunc(at time.Time, f func()) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	timer := &virtualTimer{at: at, f: f}
	c.timers = append(c.timers, timer)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		timer.stopped = true
	}
}

func (c *virtualClock) Busy(string) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open++
	var closed atomic.Bool
	return func() {
		if closed.Swap(true) {
			c.t.Error("a busy token was closed twice")
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.open--
	}
}

func (c *virtualClock) tokens() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// advance moves the clock and runs what is due, in order, without its lock.
func (c *virtualClock) advance(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	var due []*virtualTimer
	c.timers = slices.DeleteFunc(c.timers, func(t *virtualTimer) bool {
		if t.stopped || t.at.After(c.now) {
			return t.stopped
		}
		due = append(due, t)
		return true
	})
	c.mu.Unlock()
	slices.SortFunc(due, func(a, b *virtualTimer) int { return a.at.Compare(b.at) })
	for _, t := range due {
		t.f()
	}
}

// rig is a store whose two clocks stand still, without its protocol and without goroutines.
type rig struct {
	t       testing.TB
	s       *store
	system  *clock.Manual
	virtual *virtualClock
}

func newRig(t testing.TB, groups ...Group) *rig {
	t.Helper()
	r := &rig{t: t, system: clock.NewManual(noon), virtual: newVirtualClock(t)}
	r.s = r.build(groups)
	r.s.update(r.s.goLive)
	return r
}

func (r *rig) build(groups []Group) *store {
	o := Options{System: r.system.System, Clock: r.virtual}.withDefaults()
	s := newStore(o)
	for _, kind := range []TopicType{Normal, FIFO, Delay, Transaction} {
		s.ensureTopic(string(kind), kind)
	}
	for _, g := range groups {
		s.ensureGroup(g)
	}
	return s
}

// wire is a message as a producer sends it.
func wire(topic TopicType, id, body string, with ...func(*v2.Message)) *v2.Message {
	m := &v2.Message{
		Topic: &v2.Resource{Name: string(topic)}, Body: []byte(body),
		SystemProperties: &v2.SystemProperties{MessageId: id, BodyEncoding: v2.Encoding_IDENTITY},
	}
	for _, f := range with {
		f(m)
	}
	return m
}

func ofGroup(group string) func(*v2.Message) {
	return func(m *v2.Message) { m.SystemProperties.MessageGroup = &group }
}

func withTag(tag string) func(*v2.Message) {
	return func(m *v2.Message) { m.SystemProperties.Tag = &tag }
}

func dueAt(at time.Time) func(*v2.Message) {
	return func(m *v2.Message) { m.SystemProperties.DeliveryTimestamp = timestamppb.New(at) }
}

func virtualDue(at time.Time) func(*v2.Message) {
	return func(m *v2.Message) {
		m.UserProperties = map[string]string{VirtualDueProperty: strconv.FormatInt(at.UnixMilli(), 10)}
	}
}

func asTransaction(m *v2.Message) {
	m.SystemProperties.MessageType = v2.MessageType_TRANSACTION
}

// send stores a message.
func (r *rig) send(m *v2.Message) {
	r.t.Helper()
	now := r.system.System()
	require.Nil(r.t, checkMessage(m, now))
	arrived := r.s.received(m, "producer", now)
	r.s.update(func(now time.Time) { r.s.accept(arrived, r.s.topics[m.GetTopic().GetName()], 1, now) })
}

// want is a receive of a group.
func (r *rig) want(topic TopicType, group string, limit int) want {
	r.t.Helper()
	w := want{limit: limit, invisible: 10 * time.Second}
	r.s.update(func(time.Time) { w.sub = r.s.subscribe(r.s.topics[string(topic)], r.s.groups[group]) })
	return w
}

// take delivers what is ready, without waiting.
func (r *rig) take(w want) []delivery {
	var got []delivery
	r.s.update(func(now time.Time) { got = r.s.take(w, now) })
	return got
}

func (r *rig) ack(d delivery) v2.Code {
	var code v2.Code
	r.s.update(func(now time.Time) { code = r.s.ack(d.handle, now) })
	return code
}

func (r *rig) park(d delivery, how time.Duration) (delivery, v2.Code) {
	var code v2.Code
	r.s.update(func(now time.Time) { d.handle, code = r.s.park(d.handle, how, now) })
	return d, code
}

// pass moves system time and rings what is due.
func (r *rig) pass(d time.Duration) {
	r.system.Advance(d)
	r.s.update(func(now time.Time) {
		for a := r.s.alarms.due(now); a != nil; a = r.s.alarms.due(now) {
			a.owner.ring(r.s, now)
		}
	})
}

func bodies(ds []delivery) []string {
	out := make([]string, len(ds))
	for i, d := range ds {
		out[i] = string(d.m.wire.GetBody())
	}
	return out
}

// startBroker starts a broker that ends with the test.
func startBroker(t testing.TB, o Options) *Broker {
	t.Helper()
	b := New(o)
	require.NoError(t, b.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// peer is a raw client of a broker.
type peer struct {
	t    testing.TB
	stub v2.MessagingServiceClient
	id   string
	next atomic.Int64
}

func dial(t testing.TB, b *Broker, id string) *peer {
	t.Helper()
	conn, err := grpc.NewClient(b.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close()) })
	return &peer{t: t, stub: v2.NewMessagingServiceClient(conn), id: id}
}

func (p *peer) ctx() (context.Context, context.CancelFunc) {
	ctx := metadata.AppendToOutgoingContext(p.t.Context(), clientIDHeader, p.id)
	return context.WithTimeout(ctx, 10*time.Second)
}

func (p *peer) message(topic, body string, with ...func(*v2.Message)) *v2.Message {
	return wire(TopicType(topic), fmt.Sprintf("%s-%d", p.id, p.next.Add(1)), body, with...)
}

func (p *peer) send(m *v2.Message) *v2.SendMessageResponse {
	p.t.Helper()
	ctx, cancel := p.ctx()
	defer cancel()
	reply, err := p.stub.SendMessage(ctx, &v2.SendMessageRequest{Messages: []*v2.Message{m}})
	require.NoError(p.t, err)
	return reply
}

func (p *peer) receive(topic, group string, limit int32) ([]*v2.Message, v2.Code) {
	p.t.Helper()
	ctx, cancel := p.ctx()
	defer cancel()
	messages, code, err := p.tryReceive(ctx, topic, group, limit)
	require.NoError(p.t, err)
	return messages, code
}

func (p *peer) tryReceive(ctx context.Context, topic, group string, limit int32) ([]*v2.Message, v2.Code, error) {
	stream, err := p.stub.ReceiveMessage(ctx, &v2.ReceiveMessageRequest{
		Group: &v2.Resource{Name: group}, MessageQueue: &v2.MessageQueue{Topic: &v2.Resource{Name: topic}, Id: -1},
		BatchSize: limit, InvisibleDuration: durationpb.New(10 * time.Second),
		LongPollingTimeout: durationpb.New(5 * time.Second),
	})
	if err != nil {
		return nil, 0, err
	}
	var messages []*v2.Message
	code := v2.Code_CODE_UNSPECIFIED
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return messages, code, nil
		}
		if err != nil {
			return nil, 0, err
		}
		if part.GetStatus() != nil {
			code = part.GetStatus().GetCode()
		}
		if part.GetMessage() != nil {
			messages = append(messages, part.GetMessage())
		}
	}
}

func (p *peer) ack(topic, group string, messages ...*v2.Message) v2.Code {
	p.t.Helper()
	ctx, cancel := p.ctx()
	defer cancel()
	request := &v2.AckMessageRequest{Group: &v2.Resource{Name: group}, Topic: &v2.Resource{Name: topic}}
	for _, m := range messages {
		request.Entries = append(request.Entries, &v2.AckMessageEntry{
			ReceiptHandle: m.GetSystemProperties().GetReceiptHandle(),
		})
	}
	reply, err := p.stub.AckMessage(ctx, request)
	require.NoError(p.t, err)
	return reply.GetStatus().GetCode()
}
