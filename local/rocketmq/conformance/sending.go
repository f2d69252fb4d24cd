package conformance

import (
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"

	rmq "github.com/apache/rocketmq-clients/golang/v5"
	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// delayScript: a delayed message never comes early.
func delayScript(s *scenario) {
	c := s.clients.consumers[s.name]
	at := clock.System.Now().Add(2 * time.Second).Truncate(time.Millisecond)
	m := &rmq.Message{Body: []byte("later")}
	m.SetDelayTimestamp(at)
	receipt := s.send(m)
	got := s.await(c, 16, 15*time.Second)
	require.Len(s, got, 1)
	s.saw("comes early", fmt.Sprint(clock.System.Now().Before(at)), "false")
	s.saw("keeps its delivery time", fmt.Sprint(got[0].GetDeliveryTimestamp().Equal(at)), "true")
	require.Equal(s, receipt.MessageID, got[0].GetMessageId())
	require.NoError(s, c.Ack(s.Context(), got[0]))
}

// delayLimitsScript: which delivery times a broker takes.
func delayLimitsScript(s *scenario) {
	r := s.rawProducer(s.topic("delay-limits"))
	past := r.send(r.message(s.topic("delay-limits"), "x", due(clock.System.Now().Add(-time.Minute))))
	s.saw("due in the past", past.GetStatus().GetCode().String(), "OK")
	s.saw("recallable then", fmt.Sprint(past.GetEntries()[0].GetRecallHandle() != ""), "false")
	far := r.send(r.message(s.topic("delay-limits"), "x", due(clock.System.Now().Add(25*time.Hour))))
	s.saw("due in 25 hours", far.GetStatus().GetCode().String(), "ILLEGAL_DELIVERY_TIME")
	soon := due(clock.System.Now().Add(time.Second))
	two := r.send(r.message(s.topic("delay-limits"), "x", soon), r.message(s.topic("delay-limits"), "y", soon))
	s.saw("two in a request", two.GetStatus().GetCode().String(), "INTERNAL_SERVER_ERROR")
	raw := s.rawConsumer(s.group("delay-limits"), s.topic("delay-limits"))
	require.Equal(s, "x", string(raw.collect(s.topic("delay-limits"), 1)[0].GetBody()))
}

// recallScript: a recall works until delivery, and may be repeated.
func recallScript(s *scenario) {
	later := func(body string, d time.Duration) *rmq.SendReceipt {
		m := &rmq.Message{Body: []byte(body)}
		m.SetDelayTimestamp(clock.System.Now().Add(d))
		return s.send(m)
	}
	recall := func(r *rmq.SendReceipt) string {
		id, err := s.clients.producers["recall"].Recall(s.Context(), s.topic("recall"), r.RecallHandle)
		if err == nil {
			require.Equal(s, r.MessageID, id)
			return "OK"
		}
		return codeOf(err).String()
	}
	gone, kept := later("gone", 4*time.Second), later("kept", 5*time.Second)
	require.NotEmpty(s, gone.RecallHandle)
	if !s.env.Recall {
		s.saw("recall, forbidden", recall(gone), "INTERNAL_SERVER_ERROR")
		return
	}
	s.saw("recall", recall(gone), "OK")
	s.saw("recall again", recall(gone), "OK")
	r := s.rawConsumer(s.group("recall"), s.topic("recall"))
	got := r.collect(s.topic("recall"), 1)
	require.Len(s, got, 1)
	s.saw("what comes", string(got[0].GetBody()), "kept")
	s.saw("recall after delivery", recall(kept), "INTERNAL_SERVER_ERROR")
	require.Equal(s, v2.Code_OK, r.ack(s.topic("recall"), receipt(got[0])).GetStatus().GetCode())
}

// transactionScript: commit, rollback and check-back.
func transactionScript(s *scenario) {
	begin := func(body string) (rmq.Transaction, *rmq.SendReceipt) {
		p := s.clients.producers["transaction"]
		tx := p.BeginTransaction()
		receipts, err := p.SendWithTransaction(s.Context(),
			&rmq.Message{Topic: s.topic("transaction"), Body: []byte(body)}, tx)
		require.NoError(s, err)
		return tx, receipts[0]
	}
	s.clients.resolve.plan("left open", rmq.UNKNOWN, rmq.COMMIT)
	s.clients.resolve.plan("given up", rmq.ROLLBACK)
	_, open := begin("left open")
	begin("given up")
	tx, committed := begin("committed")
	require.NoError(s, tx.Commit())
	tx, _ = begin("rolled back")
	require.NoError(s, tx.RollBack())
	s.saw("transaction id is the message id", fmt.Sprint(committed.TransactionId == committed.MessageID), "true")

	r := s.rawConsumer(s.group("transaction"), s.topic("transaction"))
	got := r.collect(s.topic("transaction"), 2)
	bodies := []string{string(got[0].GetBody()), string(got[1].GetBody())}
	s.saw("what comes", strings.Join(bodies, ", "), "committed, left open")
	s.saw("type", got[0].GetSystemProperties().GetMessageType().String(), "TRANSACTION")
	require.Equal(s, committed.TransactionId, got[0].GetUserProperties()["__transactionId__"])
	require.Equal(s, open.MessageID, messageID(got[1]))
	s.saw("checks answered", fmt.Sprint(s.clients.resolve.checks()), "3")

	topic := s.topic("transaction")
	s.saw("end twice", r.end(topic, committed.TransactionId, v2.TransactionResolution_COMMIT).String(),
		"INTERNAL_SERVER_ERROR")
	s.saw("end without id", r.end(topic, "", v2.TransactionResolution_COMMIT).String(), "INVALID_TRANSACTION_ID")
	s.saw("end unresolved what has ended", r.end(topic, committed.TransactionId,
		v2.TransactionResolution_TRANSACTION_RESOLUTION_UNSPECIFIED).String(), "INTERNAL_SERVER_ERROR")
	require.Equal(s, v2.Code_OK, r.ack(topic, receipt(got[0]), receipt(got[1])).GetStatus().GetCode())
}

// typesScript: a topic takes its own type only.
func typesScript(s *scenario) {
	normal, fifo, delay := s.topic("limits"), s.topic("fifo-limits"), s.topic("delay-limits")
	r := s.rawProducer(normal, fifo, delay)
	const conflict = "MESSAGE_PROPERTY_CONFLICT_WITH_TYPE"
	soon := clock.System.Now().Add(time.Minute)
	for _, c := range []struct {
		step string
		m    *v2.Message
		want string
	}{
		{"FIFO on NORMAL", r.message(normal, "x", grouped("g")), conflict},
		{"DELAY on NORMAL", r.message(normal, "x", due(soon)), conflict},
		{"NORMAL on FIFO", r.message(fifo, "x"), conflict},
		{"FIFO without group", r.message(fifo, "x", typed(v2.MessageType_FIFO)), conflict},
		{"FIFO with delay", r.message(fifo, "x", grouped("g"), due(soon)), conflict},
		{"DELAY without time", r.message(delay, "x", typed(v2.MessageType_DELAY)), conflict},
		{"unknown topic", r.message(s.topic("nowhere"), "x"), conflict},
		{"unspecified on NORMAL", r.message(normal, "x", typed(v2.MessageType_MESSAGE_TYPE_UNSPECIFIED)), "OK"},
	} {
		s.saw(c.step, r.send(c.m).GetStatus().GetCode().String(), c.want)
	}
}

// limitsScript: what a message may not be.
func limitsScript(s *scenario) {
	topic := s.topic("limits")
	r := s.rawProducer(topic, s.topic("fifo-limits"))
	edit := func(f func(*v2.Message)) *v2.Message { return r.message(topic, "x", f) }
	properties := func(n, size int) *v2.Message {
		return edit(func(m *v2.Message) {
			for i := range n {
				m.UserProperties[fmt.Sprintf("k%05d", i)] = strings.Repeat("v", size)
			}
		})
	}
	keyed := func(key string) *v2.Message {
		return edit(func(m *v2.Message) { m.SystemProperties.Keys = []string{key} })
	}
	property := func(key string) *v2.Message {
		return edit(func(m *v2.Message) { m.UserProperties[key] = "v" })
	}
	for _, c := range []struct {
		step string
		m    *v2.Message
		want string
	}{
		{"empty body", r.message(topic, ""), "MESSAGE_BODY_EMPTY"},
		{"largest body", r.message(topic, strings.Repeat("x", 4<<20)), "OK"},
		{"larger body", r.message(topic, strings.Repeat("x", 4<<20+1)), "MESSAGE_BODY_TOO_LARGE"},
		{"bad topic characters", r.message("a b", "x"), "ILLEGAL_TOPIC"},
		{"blank topic", r.message(" ", "x"), "ILLEGAL_TOPIC"},
		{"long topic", r.message(strings.Repeat("t", 128), "x"), "ILLEGAL_TOPIC"},
		{"system topic", r.message("SCHEDULE_TOPIC_XXXX", "x"), "ILLEGAL_TOPIC"},
		{"long group", r.message(s.topic("fifo-limits"), "x", grouped(strings.Repeat("g", 64))), "ILLEGAL_MESSAGE_GROUP"},
		{"blank group", r.message(s.topic("fifo-limits"), "x", grouped(" ")), "ILLEGAL_MESSAGE_GROUP"},
		{"tag with |", r.message(topic, "x", tagged("a|b")), "ILLEGAL_MESSAGE_TAG"},
		{"blank tag", r.message(topic, "x", tagged(" ")), "ILLEGAL_MESSAGE_TAG"},
		{"blank key", keyed(" "), "ILLEGAL_MESSAGE_KEY"},
		{"129 properties", properties(129, 1), "MESSAGE_PROPERTIES_TOO_LARGE"},
		{"17 KB of properties", properties(17, 1024), "MESSAGE_PROPERTIES_TOO_LARGE"},
		{"property TAGS", property("TAGS"), "ILLEGAL_MESSAGE_PROPERTY_KEY"},
		{"property with control character", property("a\x01b"), "ILLEGAL_MESSAGE_PROPERTY_KEY"},
		{"no message id", edit(func(m *v2.Message) { m.SystemProperties.MessageId = "" }), "ILLEGAL_MESSAGE_ID"},
	} {
		s.saw(c.step, r.send(c.m).GetStatus().GetCode().String(), c.want)
	}
	own := edit(func(m *v2.Message) { m.SystemProperties.MessageId = "my-own-id-" + s.run })
	s.saw("own message id is kept", fmt.Sprint(r.send(own).GetEntries()[0].GetMessageId() == messageID(own)), "true")
	mixed := r.send(r.message(topic, "x"), r.message(s.topic("normal"), "x"))
	s.saw("two topics in a request", mixed.GetStatus().GetCode().String(), "MESSAGE_CORRUPTED")
	two := r.send(r.message(topic, "x"), r.message(topic, "y"))
	s.saw("two messages in a request", two.GetStatus().GetCode().String(), "OK")
	s.saw("entries of two messages", fmt.Sprint(len(two.GetEntries())), "1")
}
