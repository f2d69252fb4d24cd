package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// bareScript: a publisher that was thawed a moment ago sends without Telemetry, settings, heartbeat or route.
func bareScript(s *scenario) {
	normal, fifo, delay, tx := s.topic("bare"), s.topic("bare-fifo"), s.topic("bare-delay"), s.topic("bare-transaction")
	r := s.rawClient()
	for _, c := range []struct {
		step string
		m    *v2.Message
	}{
		{"NORMAL", r.message(normal, "x")},
		{"FIFO", r.message(fifo, "x", grouped("g"))},
		{"DELAY", r.message(delay, "x", due(clock.System.Now().Add(time.Second)))},
		{"TRANSACTION", r.message(tx, "x", typed(v2.MessageType_TRANSACTION))},
	} {
		reply := r.send(c.m)
		s.saw(c.step, reply.GetStatus().GetCode().String(), "OK")
		s.saw(c.step+" keeps its id", fmt.Sprint(reply.GetEntries()[0].GetMessageId() == messageID(c.m)), "true")
		if c.step == "TRANSACTION" {
			id := reply.GetEntries()[0].GetTransactionId()
			s.saw("commit by another client", s.rawClient().end(tx, id, v2.TransactionResolution_COMMIT).String(), "OK")
		}
	}
	open := r.half(tx, "y")
	s.saw("end unresolved what is open", r.end(tx, open, v2.TransactionResolution_TRANSACTION_RESOLUTION_UNSPECIFIED).String(), "OK")
	// A real proxy forgets the transaction with the first answer, whatever it is; a check-back brings it anew.
	s.saw("roll back after that", r.end(tx, open, v2.TransactionResolution_ROLLBACK).String(), "OK", "INTERNAL_SERVER_ERROR")
	for topic, want := range map[string]string{
		"bare": "x NORMAL", "bare-fifo": "x FIFO", "bare-delay": "x DELAY", "bare-transaction": "x TRANSACTION",
	} {
		consumer := s.rawConsumer(s.group(topic), s.topic(topic))
		m := consumer.collect(s.topic(topic), 1)[0]
		s.saw("what comes on "+topic, string(m.GetBody())+" "+m.GetSystemProperties().GetMessageType().String(), want)
		require.Equal(s, v2.Code_OK, consumer.ack(s.topic(topic), receipt(m)).GetStatus().GetCode())
	}
}

// checker is a Telemetry stream of a producer that gets check-backs.
type checker struct {
	*raw
	orphans chan *v2.RecoverOrphanedTransactionCommand
}

// rawChecker keeps the stream until the scenario ends. It sends settings, and never a heartbeat.
func (s *scenario) rawChecker(topic string) *checker {
	s.Helper()
	c := &checker{raw: s.rawClient(), orphans: make(chan *v2.RecoverOrphanedTransactionCommand, 64)}
	ctx, cancel := context.WithCancel(c.headers(context.Background()))
	stream, err := c.stub.Telemetry(ctx)
	require.NoError(s, err)
	require.NoError(s, stream.Send(&v2.TelemetryCommand{Command: &v2.TelemetryCommand_Settings{Settings: producerSettings(topic)}}))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			command, err := stream.Recv()
			if err != nil {
				return // the scenario is over, or the test that waits for a check-back says that none came
			}
			if orphan := command.GetRecoverOrphanedTransactionCommand(); orphan != nil {
				c.orphans <- orphan
			}
		}
	}()
	s.Cleanup(func() { cancel(); <-ended })
	return c
}

// await waits for a check-back of each of the transactions; others, and repeats, are passed over.
func (c *checker) await(ids ...string) map[string]*v2.RecoverOrphanedTransactionCommand {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	got := map[string]*v2.RecoverOrphanedTransactionCommand{}
	for len(got) < len(ids) {
		select {
		case orphan := <-c.orphans:
			if slices.Contains(ids, orphan.GetTransactionId()) {
				got[orphan.GetTransactionId()] = orphan
			}
		case <-ctx.Done():
			require.FailNow(c, "check-backs are missing", "%d of %d came", len(got), len(ids))
		}
	}
	return got
}

// half sends a half message and returns its transaction's id.
func (r *raw) half(topic, body string) string {
	r.Helper()
	m := r.message(topic, body, typed(v2.MessageType_TRANSACTION), func(m *v2.Message) { m.UserProperties["qf-batch"] = body })
	reply := r.send(m)
	require.Equal(r, v2.Code_OK, reply.GetStatus().GetCode())
	return reply.GetEntries()[0].GetTransactionId()
}

// halvesScript: several open transactions are asked for on a stream that did not send them, until each has an answer.
func halvesScript(s *scenario) {
	topic := s.topic("halves")
	sender := s.rawClient()
	c := s.rawChecker(topic)
	committed, dropped, later := sender.half(topic, "committed"), sender.half(topic, "dropped"), sender.half(topic, "later")
	asked := c.await(committed, dropped, later)
	m := asked[committed].GetMessage()
	s.saw("asked for", fmt.Sprint(m.GetTopic().GetName() == topic, messageID(m) == committed), "true true")
	s.saw("with its property", m.GetUserProperties()["qf-batch"], "committed")
	s.saw("with its body", string(m.GetBody()), "committed")
	s.saw("with its born time", fmt.Sprint(m.GetSystemProperties().GetBornTimestamp() != nil), "true")
	s.saw("commit", c.end(topic, committed, v2.TransactionResolution_COMMIT).String(), "OK")
	s.saw("roll back", c.end(topic, dropped, v2.TransactionResolution_ROLLBACK).String(), "OK")
	for len(c.orphans) > 0 { // what was asked before the answers
		<-c.orphans
	}
	c.await(later)
	s.saw("commit what was asked twice", c.end(topic, later, v2.TransactionResolution_COMMIT).String(), "OK")

	consumer := s.rawConsumer(s.group("halves"), topic)
	var bodies []string
	for _, m := range consumer.collect(topic, 2) {
		bodies = append(bodies, string(m.GetBody()))
		require.Equal(s, v2.Code_OK, consumer.ack(topic, receipt(m)).GetStatus().GetCode())
	}
	slices.Sort(bodies)
	s.saw("what comes", strings.Join(bodies, " "), "committed later")
}

// manyScript: 32 messages in a receive, 32 acknowledgements in a request, as the triggers do it.
func manyScript(s *scenario) {
	topic := s.topic("many")
	r := s.rawConsumer(s.group("many"), topic)
	const n = 32
	for i := range 2 * n {
		require.Equal(s, v2.Code_OK, r.send(r.message(topic, fmt.Sprint(i))).GetStatus().GetCode())
	}
	var handles []string
	for _, m := range r.collect(topic, 2*n) {
		handles = append(handles, receipt(m))
	}
	count := func(reply *v2.AckMessageResponse) string {
		ok := 0
		for _, e := range reply.GetEntries() {
			if e.GetStatus().GetCode() == v2.Code_OK {
				ok++
			}
		}
		return fmt.Sprintf("%s, %d of %d OK", reply.GetStatus().GetCode(), ok, len(reply.GetEntries()))
	}
	s.saw("32", count(r.ack(topic, handles[:n]...)), "OK, 32 of 32 OK")
	bad := slices.Clone(handles[n:])
	bad[7] = "garbage"
	s.saw("31 and garbage", count(r.ack(topic, bad...)), "MULTIPLE_RESULTS, 31 of 32 OK")
	s.saw("the one left", count(r.ack(topic, handles[n+7])), "OK, 1 of 1 OK")
	_, code := r.receive(10*time.Second, r.request(topic, n))
	s.saw("nothing left", code.String(), "MESSAGE_NOT_FOUND")
}

// missingScript: a group that nobody declared.
func missingScript(s *scenario) {
	topic := s.topic("missing")
	r := s.rawConsumer(s.group("missing"), topic)
	require.Equal(s, v2.Code_OK, r.send(r.message(topic, "x")).GetStatus().GetCode())
	r.group = s.env.Prefix + "nobody"
	_, code := r.receive(10*time.Second, r.request(topic, 1))
	s.saw("receive for an unknown group", code.String(), "INTERNAL_SERVER_ERROR")
	r.group = s.group("missing")
	_, code = r.receive(10*time.Second, r.request(s.topic("nowhere"), 1))
	s.saw("receive from an unknown topic", code.String(), "INTERNAL_SERVER_ERROR")
	m := r.collect(topic, 1)[0]
	s.saw("the message is there for others", string(m.GetBody()), "x")
	s.saw("ack", r.ack(topic, receipt(m)).GetStatus().GetCode().String(), "OK")
}
