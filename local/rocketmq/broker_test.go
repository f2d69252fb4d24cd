package rocketmq

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

var allTopics = []Topic{{"NORMAL", Normal}, {"FIFO", FIFO}, {"DELAY", Delay}, {"TRANSACTION", Transaction}}

// telemetry opens a stream with a producer's settings for the topic, and reads the broker's.
func (p *peer) telemetry(settings *v2.Settings) grpc.BidiStreamingClient[v2.TelemetryCommand, v2.TelemetryCommand] {
	p.t.Helper()
	ctx, cancel := p.ctx()
	p.t.Cleanup(cancel)
	stream, err := p.stub.Telemetry(ctx)
	require.NoError(p.t, err)
	require.NoError(p.t, stream.Send(&v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: settings}}))
	reply, err := stream.Recv()
	require.NoError(p.t, err)
	require.NotNil(p.t, reply.GetSettings())
	return stream
}

func publishing(topic string) *v2.Settings {
	return &v2.Settings{PubSub: &v2.Settings_Publishing{Publishing: &v2.Publishing{
		Topics: []*v2.Resource{{Name: topic}},
	}}}
}

func subscribing(group string, poll time.Duration) *v2.Settings {
	return &v2.Settings{PubSub: &v2.Settings_Subscription{Subscription: &v2.Subscription{
		Group: &v2.Resource{Name: group}, LongPollingTimeout: durationpb.New(poll),
		Subscriptions: []*v2.SubscriptionEntry{{Topic: &v2.Resource{Name: "NORMAL"}}},
	}}}
}

func TestReceiveWaitsForASend(t *testing.T) {
	t.Parallel()
	b := startBroker(t, Options{Topics: allTopics, Groups: []Group{{Name: "g"}}})
	p := dial(t, b, "p")
	type answer struct {
		messages []*v2.Message
		code     v2.Code
	}
	got := make(chan answer, 1)
	go func() {
		messages, code := p.receive("NORMAL", "g", 32)
		got <- answer{messages, code}
	}()
	require.Eventually(t, func() bool {
		b.store.mu.Lock()
		defer b.store.mu.Unlock()
		sub := b.store.topics["NORMAL"].subs["g"]
		return sub != nil && len(sub.waiters) == 1
	}, 10*time.Second, time.Millisecond)
	sent := p.send(p.message("NORMAL", "hello"))
	a := <-got
	require.Equal(t, v2.Code_OK, a.code)
	require.Equal(t, "hello", string(a.messages[0].GetBody()))
	sp := a.messages[0].GetSystemProperties()
	require.Equal(t, sent.GetEntries()[0].GetMessageId(), sp.GetMessageId())
	require.Equal(t, v2.DigestType_MD5, sp.GetBodyDigest().GetType())
	require.Equal(t, "5D41402ABC4B2A76B9719D911017C592", sp.GetBodyDigest().GetChecksum())
	require.Equal(t, b.Addr(), sp.GetStoreHost())
	require.Equal(t, v2.Code_OK, p.ack("NORMAL", "g", a.messages...))
	require.True(t, b.Stats().Idle())
}

func TestSettingsReplies(t *testing.T) {
	t.Parallel()
	b := startBroker(t, Options{Topics: allTopics, Groups: []Group{{Name: "g", Ordered: true, MaxAttempts: 5}}})
	p := dial(t, b, "p")
	ctx, cancel := p.ctx()
	defer cancel()
	stream, err := p.stub.Telemetry(ctx)
	require.NoError(t, err)
	ask := func(s *v2.Settings) *v2.Settings {
		require.NoError(t, stream.Send(&v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: s}}))
		reply, err := stream.Recv()
		require.NoError(t, err)
		return reply.GetSettings()
	}
	producer := ask(publishing("NORMAL"))
	require.EqualValues(t, 4194304, producer.GetPublishing().GetMaxBodySize())
	require.True(t, producer.GetPublishing().GetValidateMessageType())
	require.EqualValues(t, 3, producer.GetBackoffPolicy().GetMaxAttempts())

	for asked, want := range map[time.Duration]time.Duration{
		time.Second: 5 * time.Second, 7 * time.Second: 7 * time.Second, 30 * time.Second: 20 * time.Second,
	} {
		consumer := ask(subscribing("g", asked))
		require.EqualValues(t, 5, consumer.GetBackoffPolicy().GetMaxAttempts())
		require.Len(t, consumer.GetBackoffPolicy().GetCustomizedBackoff().GetNext(), 18)
		require.True(t, consumer.GetSubscription().GetFifo())
		require.EqualValues(t, 32, consumer.GetSubscription().GetReceiveBatchSize())
		require.Equal(t, want, consumer.GetSubscription().GetLongPollingTimeout().AsDuration())
	}
	require.NoError(t, stream.Send(&v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{
		Settings: subscribing("nobody", time.Second),
	}}))
	_, err = stream.Recv()
	require.Equal(t, codes.InvalidArgument, status.Code(err))
	require.ErrorContains(t, err, "group not found")

	_, code := p.receive("NORMAL", "g", 0)
	require.Equal(t, v2.Code_MESSAGE_NOT_FOUND, code, "a client whose stream is gone is served all the same")
}

func TestAssignments(t *testing.T) {
	t.Parallel()
	b := startBroker(t, Options{Topics: allTopics, Groups: []Group{{Name: "free"}, {Name: "ordered", Ordered: true}}})
	p := dial(t, b, "p")
	ask := func(topic, group string) *v2.QueryAssignmentResponse {
		ctx, cancel := p.ctx()
		defer cancel()
		reply, err := p.stub.QueryAssignment(ctx, &v2.QueryAssignmentRequest{
			Topic: &v2.Resource{Name: topic}, Group: &v2.Resource{Name: group},
		})
		require.NoError(t, err)
		return reply
	}
	free := ask("FIFO", "free")
	require.Len(t, free.GetAssignments(), 1)
	require.EqualValues(t, -1, free.GetAssignments()[0].GetMessageQueue().GetId())
	require.Equal(t, free.String(), ask("FIFO", "free").String())
	require.EqualValues(t, 0, ask("FIFO", "ordered").GetAssignments()[0].GetMessageQueue().GetId())
	require.Equal(t, v2.Code_TOPIC_NOT_FOUND, ask("nowhere", "free").GetStatus().GetCode())
	require.Equal(t, v2.Code_CONSUMER_GROUP_NOT_FOUND, ask("FIFO", "nobody").GetStatus().GetCode())
}

// TestCheckBack: the sender is asked first; when it does not read, as a frozen process, or is gone, another producer of the
// topic is.
func TestCheckBack(t *testing.T) {
	t.Parallel()
	b := startBroker(t, Options{
		Topics: allTopics, Groups: []Group{{Name: "g"}},
		TransactionTimeout: 50 * time.Millisecond, TransactionCheckInterval: 50 * time.Millisecond,
	})
	first, other, stranger := dial(t, b, "first"), dial(t, b, "other"), dial(t, b, "stranger")
	own := first.telemetry(publishing("TRANSACTION"))
	theirs := other.telemetry(publishing("TRANSACTION"))
	stranger.telemetry(publishing("NORMAL"))
	m := first.message("TRANSACTION", "x", asTransaction)
	id := m.GetSystemProperties().GetMessageId()
	require.Equal(t, id, first.send(m).GetEntries()[0].GetTransactionId())

	asked, err := own.Recv()
	require.NoError(t, err)
	command := asked.GetRecoverOrphanedTransactionCommand()
	require.Equal(t, id, command.GetTransactionId())
	require.Equal(t, id, command.GetMessage().GetSystemProperties().GetMessageId())
	require.Equal(t, "1", command.GetMessage().GetUserProperties()[checkTimes])
	require.Equal(t, id, command.GetMessage().GetUserProperties()[transactionID])
	require.Equal(t, "x", string(command.GetMessage().GetBody()))

	asked, err = theirs.Recv()
	require.NoError(t, err)
	require.Equal(t, "2", asked.GetRecoverOrphanedTransactionCommand().GetMessage().GetUserProperties()[checkTimes])
	ctx, cancel := other.ctx()
	defer cancel()
	reply, err := other.stub.EndTransaction(ctx, &v2.EndTransactionRequest{
		Topic: &v2.Resource{Name: "TRANSACTION"}, TransactionId: id, MessageId: id,
		Resolution: v2.TransactionResolution_COMMIT, Source: v2.TransactionSource_SOURCE_SERVER_CHECK,
	})
	require.NoError(t, err)
	require.Equal(t, v2.Code_OK, reply.GetStatus().GetCode())
	got, _ := other.receive("TRANSACTION", "g", 1)
	require.Len(t, got, 1)
}

func TestCheckBackSkipsWhoDoesNotRead(t *testing.T) {
	t.Parallel()
	c := newClients(func() time.Time { return noon })
	frozen, awake := &session{out: make(chan *v2.TelemetryCommand, 1)}, &session{out: make(chan *v2.TelemetryCommand, 2)}
	c.settle("frozen", publishing("t"), frozen)
	c.settle("awake", publishing("t"), awake)
	m := newMessage(wire("t", "1", "x", asTransaction), half)
	m.topic, m.client = &topic{name: "t"}, "frozen"
	for range 3 {
		require.True(t, c.checkBack(m))
	}
	require.Len(t, frozen.out, 1)
	require.Len(t, awake.out, 2)
	require.False(t, c.checkBack(m), "nobody has room")
	c.hangUp("frozen", frozen)
	<-awake.out
	require.True(t, c.checkBack(m))
	c.leave("awake")
	require.False(t, c.checkBack(m), "nobody is there")
}

// A producer that sends no heartbeats is asked nothing more, though its stream is open and it goes on sending.
func TestCheckBackSkipsWhoIsSilent(t *testing.T) {
	t.Parallel()
	now := noon
	c := newClients(func() time.Time { return now })
	c.settle("p", publishing("t"), &session{out: make(chan *v2.TelemetryCommand, 4)})
	m := newMessage(wire("t", "1", "x", asTransaction), half)
	m.topic = &topic{name: "t"}
	now = now.Add(silence)
	c.touch("p")
	require.True(t, c.checkBack(m))
	now = now.Add(time.Second)
	c.touch("p")
	require.False(t, c.checkBack(m))
	require.True(t, c.beat("p"))
	require.True(t, c.checkBack(m))
	require.False(t, c.beat("stranger"), "it has sent no settings")
}

func TestSilentClientsAreForgotten(t *testing.T) {
	t.Parallel()
	now := noon
	c := newClients(func() time.Time { return now })
	c.settle("quiet", publishing("t"), nil)
	require.True(t, c.alive("quiet"))
	require.NotNil(t, c.settings("quiet"))
	now = now.Add(silence + time.Second)
	require.False(t, c.alive("quiet"))
	require.Nil(t, c.settings("quiet"))
	c.touch("other")
	require.NotContains(t, c.known, "quiet")
}

// faults is a Hook by tables.
type faults struct {
	mu      sync.Mutex
	send    map[string]SendFault // by body
	deliver map[string]DeliverFault
	asked   []string
}

func (f *faults) OnSend(topic string, _ map[string]string, body []byte) SendFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, "send "+topic+" "+string(body))
	return f.send[string(body)]
}

// OnDeliver spoils the first delivery of a message only.
func (f *faults) OnDeliver(topic, group, id string) DeliverFault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, "deliver "+topic+" "+group)
	fault := f.deliver[id]
	delete(f.deliver, id)
	return fault
}

func TestSendFaults(t *testing.T) {
	t.Parallel()
	hook := &faults{send: map[string]SendFault{
		"dropped": {Drop: true}, "refused": {Refuse: true}, "unheard": {LoseReply: true}, "doubled": {Duplicate: true},
	}}
	b := startBroker(t, Options{Topics: allTopics, Groups: []Group{{Name: "g"}}, Hook: hook})
	p := dial(t, b, "p")
	for body, want := range map[string]v2.Code{
		"dropped": v2.Code_OK, "refused": v2.Code_INTERNAL_SERVER_ERROR, "unheard": v2.Code_INTERNAL_SERVER_ERROR,
		"doubled": v2.Code_OK, "fine": v2.Code_OK,
	} {
		require.Equal(t, want, p.send(p.message("NORMAL", body)).GetStatus().GetCode(), body)
	}
	got, _ := p.receive("NORMAL", "g", 32)
	held := map[string]int{}
	for _, m := range got {
		held[string(m.GetBody())]++
	}
	require.Equal(t, map[string]int{"unheard": 1, "doubled": 2, "fine": 1}, held)
	require.EqualValues(t, 4, b.Stats().Sent)
	require.Contains(t, hook.asked, "send NORMAL dropped")
}

func TestDeliverFaults(t *testing.T) {
	t.Parallel()
	hook := &faults{deliver: map[string]DeliverFault{}}
	virtual := newVirtualClock(t)
	b := startBroker(t, Options{Topics: allTopics, Groups: []Group{{Name: "g"}}, Hook: hook, Clock: virtual})
	p := dial(t, b, "p")
	lost, twice := p.message("NORMAL", "lost"), p.message("NORMAL", "twice")
	hook.deliver[lost.GetSystemProperties().GetMessageId()] = DeliverFault{Drop: true}
	hook.deliver[twice.GetSystemProperties().GetMessageId()] = DeliverFault{Duplicate: true}
	p.send(lost)
	p.send(twice)
	first, _ := p.receive("NORMAL", "g", 32)
	require.Len(t, first, 1, "the other never arrived")
	require.Equal(t, "twice", string(first[0].GetBody()))
	second, _ := p.receive("NORMAL", "g", 32)
	require.Len(t, second, 1)
	require.Equal(t, "twice", string(second[0].GetBody()))
	require.Equal(t, v2.Code_OK, p.ack("NORMAL", "g", first[0]))
	require.Equal(t, 2, b.Stats().Topics["NORMAL"].Groups["g"].InFlight, "each copy wants its own acknowledgement")
	require.Equal(t, v2.Code_OK, p.ack("NORMAL", "g", second[0]))
	require.Equal(t, GroupStats{InFlight: 1, Oldest: b.Stats().Topics["NORMAL"].Groups["g"].Oldest},
		b.Stats().Topics["NORMAL"].Groups["g"], "the lost one waits for its invisible time")
	require.Equal(t, 1, virtual.tokens())
	require.Contains(t, hook.asked, "deliver NORMAL g")
}

// TestCloseWithClients: open streams and long polls do not hold up the end.
func TestCloseWithClients(t *testing.T) {
	t.Parallel()
	virtual := newVirtualClock(t)
	b := New(Options{Topics: allTopics, Groups: []Group{{Name: "g"}}, Clock: virtual})
	require.NoError(t, b.Close(), "not started")
	require.NoError(t, b.Start(t.Context()))
	require.ErrorContains(t, b.Start(t.Context()), "before")
	p := dial(t, b, "p")
	stream := p.telemetry(publishing("NORMAL"))
	p.send(p.message("FIFO", "x", ofGroup("x")))
	got, _ := p.receive("FIFO", "g", 1)
	require.Len(t, got, 1)
	require.Equal(t, 1, virtual.tokens())
	failed := make(chan error, 1)
	go func() {
		ctx, cancel := p.ctx()
		defer cancel()
		_, _, err := p.tryReceive(ctx, "NORMAL", "g", 1)
		failed <- err
	}()
	require.Eventually(t, func() bool {
		b.store.mu.Lock()
		defer b.store.mu.Unlock()
		sub := b.store.topics["NORMAL"].subs["g"]
		return sub != nil && len(sub.waiters) == 1
	}, 10*time.Second, time.Millisecond)
	require.NoError(t, b.Close())
	require.NoError(t, b.Close(), "again")
	require.Error(t, <-failed)
	_, err := stream.Recv()
	require.Error(t, err)
	require.Zero(t, virtual.tokens())
}

// TestRestart: what was not acknowledged is there again, and old handles still acknowledge.
func TestRestart(t *testing.T) {
	t.Parallel()
	o := Options{Topics: allTopics, Groups: []Group{{Name: "g"}}, WAL: t.TempDir() + "/broker.wal", Sync: true}
	b := New(o)
	require.NoError(t, b.Start(t.Context()))
	p := dial(t, b, "p")
	for i := range 4 {
		p.send(p.message("NORMAL", fmt.Sprint(i)))
	}
	got, _ := p.receive("NORMAL", "g", 3)
	require.Len(t, got, 3)
	require.Equal(t, v2.Code_OK, p.ack("NORMAL", "g", got[0]))
	require.NoError(t, b.Close())

	again := startBroker(t, o)
	q := dial(t, again, "q")
	require.Equal(t, 3, again.Stats().Topics["NORMAL"].Groups["g"].Ready)
	require.Equal(t, v2.Code_OK, q.ack("NORMAL", "g", got[1]))
	rest, _ := q.receive("NORMAL", "g", 32)
	require.Len(t, rest, 2)
	require.Equal(t, "2", string(rest[0].GetBody()))
	require.Equal(t, "3", string(rest[1].GetBody()))
}

func TestDeclarations(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{
		{Topics: []Topic{{"a b", Normal}}},
		{Topics: []Topic{{"t", "ODD"}}},
		{Topics: []Topic{{"t", Normal}, {"t", FIFO}}},
		{Groups: []Group{{Name: ""}}},
		{Groups: []Group{{Name: "g", MaxAttempts: -1}}},
		{Groups: []Group{{Name: "g"}, {Name: "g", Ordered: true}}},
	} {
		require.Error(t, New(o).Start(t.Context()), "%+v", o)
	}
	b := startBroker(t, Options{})
	require.NoError(t, b.CreateTopic(Topic{"t", Normal}))
	require.NoError(t, b.CreateTopic(Topic{"t", Normal}))
	require.ErrorContains(t, b.CreateTopic(Topic{"t", FIFO}), "exists with type NORMAL")
	require.Error(t, b.CreateTopic(Topic{"t t", FIFO}))
	require.NoError(t, b.CreateGroup(Group{Name: "g"}))
	require.NoError(t, b.CreateGroup(Group{Name: "g", MaxAttempts: 3}))
	require.ErrorContains(t, b.CreateGroup(Group{Name: "g", Ordered: true}), "order")
	require.Error(t, b.CreateGroup(Group{Name: " "}))
	p := dial(t, b, "p")
	require.Equal(t, v2.Code_OK, p.send(p.message("t", "x")).GetStatus().GetCode())
}

func TestTakenAddress(t *testing.T) {
	t.Parallel()
	b := startBroker(t, Options{})
	other := New(Options{Addr: b.Addr()})
	require.Error(t, other.Start(t.Context()))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, New(Options{}).Start(cancelled), context.Canceled)
}

func TestPeek(t *testing.T) {
	t.Parallel()
	b := startBroker(t, Options{Topics: allTopics, Groups: []Group{{Name: "g"}}})
	p := dial(t, b, "p")
	for i := range 3 {
		p.send(p.message("NORMAL", fmt.Sprint(i), withTag("T")))
	}
	due := b.store.system().Add(time.Hour).Truncate(time.Millisecond)
	p.send(p.message("DELAY", "d", dueAt(due)))
	p.send(p.message("TRANSACTION", "t", asTransaction))
	two := b.Peek("NORMAL", 2)
	require.Len(t, two, 2)
	require.Equal(t, "0", string(two[0].Body))
	require.Equal(t, "T", two[0].Tag)
	require.Equal(t, "visible", two[0].State)
	require.True(t, due.Equal(b.Peek("DELAY", 9)[0].Due))
	require.Equal(t, "half", b.Peek("TRANSACTION", 9)[0].State)
	require.Empty(t, b.Peek("nowhere", 9))
	require.Empty(t, b.Peek("NORMAL", -1))

	got, _ := p.receive("NORMAL", "g", 1)
	ctx, cancel := p.ctx()
	defer cancel()
	reply, err := p.stub.ForwardMessageToDeadLetterQueue(ctx, &v2.ForwardMessageToDeadLetterQueueRequest{
		ReceiptHandle: got[0].GetSystemProperties().GetReceiptHandle(),
	})
	require.NoError(t, err)
	require.Equal(t, v2.Code_OK, reply.GetStatus().GetCode())
	letters := b.DeadLetters("g")
	require.Len(t, letters, 1)
	require.Equal(t, "NORMAL", letters[0].Origin)
	require.Equal(t, "0", string(letters[0].Body))
	s := b.Stats()
	require.EqualValues(t, 1, s.Dead)
	require.Equal(t, 2, s.Topics["NORMAL"].Groups["g"].Ready)
	require.Equal(t, 1, s.Topics["DELAY"].Delayed)
	require.Equal(t, 1, s.Topics["TRANSACTION"].Half)
	require.False(t, s.Idle())
}

func TestHandles(t *testing.T) {
	t.Parallel()
	h := handle{topic: "%DLQ%t", group: "g", seq: 7, delivery: 2, change: 1, popped: noon.Local(), invisible: time.Minute}
	back, err := parseHandle(h.String())
	require.NoError(t, err)
	require.True(t, back.popped.Equal(h.popped))
	back.popped = h.popped
	require.Equal(t, h, back)
	require.False(t, h.expired(noon.Add(time.Minute)))
	require.True(t, h.expired(noon.Add(time.Minute+1)))
	for _, bad := range []string{"", "garbage", "qf1 1 2 3 4 5 t", "qf1 -1 2 3 4 5 t g", "qf2 1 2 3 4 5 t g"} {
		_, err := parseHandle(bad)
		require.ErrorIs(t, err, errHandle, bad)
	}
	topic, id, err := parseRecallHandle(recallHandle("t", "an id", noon))
	require.NoError(t, err)
	require.Equal(t, "t/an id", topic+"/"+id)
	for _, bad := range []string{"?", "", recallHandle("t", "i", noon)[:8]} {
		_, _, err := parseRecallHandle(bad)
		require.Error(t, err, bad)
	}
}
