package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	rmq "github.com/apache/rocketmq-clients/golang/v5"
	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// normalScript: one message there and back through the official client.
func normalScript(s *scenario) {
	c := s.clients.consumers[s.name]
	wrong := &rmq.Message{Topic: s.topic("normal"), Body: []byte("x")}
	wrong.SetMessageGroup("g")
	_, err := s.clients.producers[s.name].Send(s.Context(), wrong)
	require.ErrorContains(s, err, "not match", "the official client refuses by the route's types")

	m := &rmq.Message{Body: []byte("hello")}
	m.SetTag("red")
	m.SetKeys("k1", "k2")
	m.AddProperty("colour", "红")
	sent := s.send(m)
	got := s.await(c, 16, 15*time.Second)
	require.Len(s, got, 1)
	require.Equal(s, "hello", string(got[0].GetBody()))
	require.Equal(s, "red", *got[0].GetTag())
	require.Equal(s, []string{"k1", "k2"}, got[0].GetKeys())
	require.Equal(s, "红", got[0].GetProperties()["colour"])
	s.saw("id is kept", fmt.Sprint(got[0].GetMessageId() == sent.MessageID), "true")
	s.saw("attempt", fmt.Sprint(got[0].GetDeliveryAttempt()), "1")
	require.NoError(s, c.Ack(s.Context(), got[0]))
	_, err = c.Receive(s.Context(), 16, 15*time.Second)
	s.saw("nothing left", codeOf(err).String(), "MESSAGE_NOT_FOUND")
}

// fifoScript: order within a message group, and the lock that keeps it.
func fifoScript(s *scenario) {
	sendTo := func(group, body string) {
		m := &rmq.Message{Body: []byte(body)}
		m.SetMessageGroup(group)
		s.send(m)
	}
	const groups, each = 3, 4
	for i := range each {
		for g := range groups {
			sendTo(fmt.Sprintf("g%d", g), fmt.Sprintf("g%d-%d", g, i))
		}
	}
	c := s.clients.consumers[s.name]
	order := map[string][]string{}
	for n := 0; n < groups*each; {
		for _, m := range s.await(c, 5, 30*time.Second) {
			order[*m.GetMessageGroup()] = append(order[*m.GetMessageGroup()], string(m.GetBody()))
			require.NoError(s, c.Ack(s.Context(), m))
			n++
		}
	}
	for g := range groups {
		name := fmt.Sprintf("g%d", g)
		s.saw("order of "+name, strings.Join(order[name], " "),
			fmt.Sprintf("%[1]s-0 %[1]s-1 %[1]s-2 %[1]s-3", name))
	}

	sendTo("hold", "first")
	sendTo("hold", "second")
	first := s.await(c, 1, 30*time.Second)
	require.Equal(s, "first", string(first[0].GetBody()))
	_, err := c.Receive(s.Context(), 1, 30*time.Second)
	s.saw("second while the first is out", codeOf(err).String(), "MESSAGE_NOT_FOUND")
	require.NoError(s, c.Ack(s.Context(), first[0]))
	second := s.await(c, 1, 30*time.Second)
	s.saw("after the ack", string(second[0].GetBody()), "second")
	require.NoError(s, c.Ack(s.Context(), second[0]))
}

// redeliverScript: an unacknowledged message comes back after its invisible time, under another handle.
func redeliverScript(s *scenario) {
	c := s.clients.consumers[s.name]
	r := s.rawConsumer(s.group("redeliver"), s.topic("redeliver"))
	sent := s.send(&rmq.Message{Body: []byte("again")})
	first := s.await(c, 1, 10*time.Second)[0]
	second := s.await(c, 1, 30*time.Second)[0]
	s.saw("id is kept", fmt.Sprint(second.GetMessageId() == sent.MessageID), "true")
	s.saw("attempts", fmt.Sprint(first.GetDeliveryAttempt(), second.GetDeliveryAttempt()), "1 2")
	s.saw("handle is another", fmt.Sprint(first.GetReceiptHandle() != second.GetReceiptHandle()), "true")
	ack := func(handle string) string { return r.ack(s.topic("redeliver"), handle).GetStatus().GetCode().String() }
	s.saw("ack by the old handle", ack(first.GetReceiptHandle()), "INVALID_RECEIPT_HANDLE")
	s.saw("ack by the new handle", ack(second.GetReceiptHandle()), "OK")
	s.saw("ack again", ack(second.GetReceiptHandle()), "OK")
}

// changeScript: a consumer sets when a message comes back.
func changeScript(s *scenario) {
	topic := s.topic("change")
	r := s.rawConsumer(s.group("change"), topic)
	require.Equal(s, v2.Code_OK, r.send(r.message(topic, "x")).GetStatus().GetCode())
	first := r.collect(topic, 1)[0]
	s.saw("change to 13 hours", r.change(topic, first, 13*time.Hour).GetStatus().GetCode().String(),
		"ILLEGAL_INVISIBLE_TIME")
	changed := r.change(topic, first, time.Second)
	s.saw("change to 1 second", changed.GetStatus().GetCode().String(), "OK")
	s.saw("handle is another", fmt.Sprint(changed.GetReceiptHandle() != "" && changed.GetReceiptHandle() != receipt(first)),
		"true")
	second := r.collect(topic, 1)[0]
	s.saw("attempt", fmt.Sprint(attempt(second)), "2")
	require.Equal(s, v2.Code_OK, r.ack(topic, receipt(second)).GetStatus().GetCode())
	// A real broker says OK, and delivers the acknowledged message again.
	s.saw("change after ack", r.change(topic, second, time.Hour).GetStatus().GetCode().String(),
		"INVALID_RECEIPT_HANDLE", "OK")
}

// deadScript: out of attempts, or by request, a message becomes a dead letter that any group reads.
func deadScript(s *scenario) {
	topic, dead := s.topic("dead"), "%DLQ%"+s.group("dead")
	r := s.rawConsumer(s.group("dead"), topic)
	undertaker := s.rawConsumer(s.group("undertaker"), dead)
	exhausted, refused := r.message(topic, "exhausted"), r.message(topic, "refused")
	require.Equal(s, v2.Code_OK, r.send(exhausted).GetStatus().GetCode())
	for i := range 2 {
		m := r.collect(topic, 1)[0]
		s.saw(fmt.Sprintf("attempt %d", i+1), fmt.Sprint(attempt(m)), fmt.Sprint(i+1))
		require.Equal(s, v2.Code_OK, r.change(topic, m, time.Second).GetStatus().GetCode())
	}
	letter := s.letter(r, undertaker, topic, dead)
	s.saw("dead letter keeps id and body",
		fmt.Sprint(messageID(letter) == messageID(exhausted) && string(letter.GetBody()) == "exhausted"), "true")
	// A real broker goes on counting from the original's attempts.
	s.saw("its attempt", fmt.Sprint(attempt(letter)), "1", "4")

	require.Equal(s, v2.Code_OK, r.send(refused).GetStatus().GetCode())
	m := r.collect(topic, 1)[0]
	ctx, cancel := r.call(10 * time.Second)
	defer cancel()
	reply, err := r.stub.ForwardMessageToDeadLetterQueue(ctx, &v2.ForwardMessageToDeadLetterQueueRequest{
		Group: &v2.Resource{Name: r.group}, Topic: &v2.Resource{Name: topic}, ReceiptHandle: receipt(m),
		MessageId: messageID(m), DeliveryAttempt: 1, MaxDeliveryAttempts: 2,
	})
	require.NoError(s, err)
	s.saw("forward", reply.GetStatus().GetCode().String(), "OK")
	s.saw("forwarded body", string(s.letter(r, undertaker, topic, dead).GetBody()), "refused")
}

// letter waits for a dead letter. A real broker moves the message only while its group receives, and has no dead letter
// topic before.
func (s *scenario) letter(consumer, undertaker *raw, topic, dead string) *v2.Message {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	for {
		got, code := undertaker.receive(10*time.Second, undertaker.request(dead, 1))
		if len(got) == 1 {
			require.Equal(s, v2.Code_OK, undertaker.ack(dead, receipt(got[0])).GetStatus().GetCode())
			return got[0]
		}
		require.NotEqual(s, v2.Code_OK, code)
		require.NoError(s, ctx.Err(), "no dead letter came")
		more, _ := consumer.receive(10*time.Second, consumer.request(topic, 1))
		require.Empty(s, more, "a message beyond its attempts")
	}
}

// unknownScript: what does not exist.
func unknownScript(s *scenario) {
	r := s.rawClient()
	route := func(topic string) string {
		ctx, cancel := r.call(10 * time.Second)
		defer cancel()
		reply, err := r.stub.QueryRoute(ctx, &v2.QueryRouteRequest{Topic: &v2.Resource{Name: topic}})
		require.NoError(s, err)
		return reply.GetStatus().GetCode().String()
	}
	s.saw("route of an unknown topic", route(s.topic("nowhere")), "TOPIC_NOT_FOUND")
	s.saw("route of a bad name", route("a b"), "ILLEGAL_TOPIC")

	err := s.rawClient().telemetry(consumerSettings(s.env.Prefix+"nobody", s.topic("normal")))
	s.saw("settings of an unknown group", status.Code(err).String(), "InvalidArgument")
	require.ErrorContains(s, err, "group not found")
	err = s.rawClient().telemetry(&v2.Settings{})
	s.saw("settings of nothing", status.Code(err).String(), "InvalidArgument")

	ctx, cancel := r.call(10 * time.Second)
	defer cancel()
	beat, err := r.stub.Heartbeat(ctx, &v2.HeartbeatRequest{ClientType: v2.ClientType_PRODUCER})
	require.NoError(s, err)
	s.saw("heartbeat without settings", beat.GetStatus().GetCode().String(), "UNRECOGNIZED_CLIENT_TYPE")
	bare, stop := context.WithTimeout(s.Context(), 10*time.Second)
	defer stop()
	reply, err := r.stub.QueryRoute(bare, &v2.QueryRouteRequest{Topic: &v2.Resource{Name: s.topic("normal")}})
	require.NoError(s, err)
	s.saw("no client id", reply.GetStatus().GetCode().String(), "CLIENT_ID_REQUIRED")
}

// batchScript: several acknowledgements in a request.
func batchScript(s *scenario) {
	topic := s.topic("batch")
	r := s.rawConsumer(s.group("batch"), topic)
	for i := range 5 {
		require.Equal(s, v2.Code_OK, r.send(r.message(topic, fmt.Sprint(i))).GetStatus().GetCode())
	}
	var handles []string
	for _, m := range r.collect(topic, 5) {
		handles = append(handles, receipt(m))
	}
	codes := func(reply *v2.AckMessageResponse) string {
		all := []string{reply.GetStatus().GetCode().String() + ":"}
		for _, e := range reply.GetEntries() {
			all = append(all, e.GetStatus().GetCode().String())
		}
		return strings.Join(all, " ")
	}
	s.saw("three", codes(r.ack(topic, handles[:3]...)), "OK: OK OK OK")
	s.saw("the same again", codes(r.ack(topic, handles[:3]...)), "OK: OK OK OK")
	s.saw("garbage and good", codes(r.ack(topic, "garbage", handles[3])), "MULTIPLE_RESULTS: INTERNAL_SERVER_ERROR OK")
	s.saw("garbage", r.ack(topic, "garbage").GetStatus().GetCode().String(), "INTERNAL_SERVER_ERROR")
	s.saw("nothing", r.ack(topic).GetStatus().GetCode().String(), "INTERNAL_SERVER_ERROR")
	s.saw("the last", codes(r.ack(topic, handles[4])), "OK: OK")
	_, code := r.receive(10*time.Second, r.request(topic, 32))
	s.saw("nothing left", code.String(), "MESSAGE_NOT_FOUND")
}

// tagsScript: the broker filters.
func tagsScript(s *scenario) {
	topic := s.topic("tags")
	r := s.rawConsumer(s.group("tags"), topic)
	for _, tag := range []string{"A", "B", "C"} {
		require.Equal(s, v2.Code_OK, r.send(r.message(topic, tag, tagged(tag))).GetStatus().GetCode())
	}
	request := r.request(topic, 32)
	request.FilterExpression.Expression = "A||C"
	var bodies []string
	for _, m := range r.collectBy(request, 2) {
		bodies = append(bodies, string(m.GetBody()))
		require.Equal(s, v2.Code_OK, r.ack(topic, receipt(m)).GetStatus().GetCode())
	}
	slices.Sort(bodies)
	s.saw("A||C", strings.Join(bodies, " "), "A C")
}

// receiveScript: what a receive may not ask for.
func receiveScript(s *scenario) {
	topic := s.topic("receive")
	r := s.rawConsumer(s.group("receive"), topic)
	ask := func(deadline time.Duration, edit func(*v2.ReceiveMessageRequest)) string {
		request := r.request(topic, 1)
		edit(request)
		_, code := r.receive(deadline, request)
		return code.String()
	}
	s.saw("invisible for 5 s", ask(10*time.Second, func(q *v2.ReceiveMessageRequest) {
		q.InvisibleDuration = durationpb.New(5 * time.Second)
	}), "ILLEGAL_INVISIBLE_TIME")
	s.saw("invisible for 13 h", ask(10*time.Second, func(q *v2.ReceiveMessageRequest) {
		q.InvisibleDuration = durationpb.New(13 * time.Hour)
	}), "ILLEGAL_INVISIBLE_TIME")
	s.saw("no invisible time", ask(10*time.Second, func(q *v2.ReceiveMessageRequest) {
		q.InvisibleDuration = nil
	}), "ILLEGAL_INVISIBLE_TIME")
	s.saw("poll 20 s within 3 s", ask(3*time.Second, func(q *v2.ReceiveMessageRequest) {
		q.LongPollingTimeout = durationpb.New(20 * time.Second)
	}), "ILLEGAL_POLLING_TIME")
	s.saw("batch of -1", ask(10*time.Second, func(q *v2.ReceiveMessageRequest) {
		q.BatchSize = -1
	}), "INTERNAL_SERVER_ERROR")
	require.Equal(s, v2.Code_OK, r.send(r.message(topic, "x")).GetStatus().GetCode())
	s.saw("batch of 0", ask(10*time.Second, func(q *v2.ReceiveMessageRequest) {
		q.BatchSize = 0
	}), "MESSAGE_NOT_FOUND")
	require.Equal(s, "x", string(r.collect(topic, 1)[0].GetBody()))
}

// pushScript: the push consumer gets everything, and what it fails on once more.
func pushScript(s *scenario) {
	const messages = 6
	for i := range messages {
		s.send(&rmq.Message{Body: fmt.Append(nil, i)})
	}
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	defer cancel()
	var got []string
	for range messages + 1 {
		select {
		case one := <-s.clients.pushed.seen:
			got = append(got, one)
		case <-ctx.Done():
			require.FailNow(s, "missing deliveries", "got %v", got)
		}
	}
	s.clients.stop(s.clients.push)
	slices.Sort(got)
	s.saw("deliveries", strings.Join(got, " "), "0/1 0/2 1/1 2/1 3/1 4/1 5/1")
}
