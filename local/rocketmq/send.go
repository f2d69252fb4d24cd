package rocketmq

import (
	"context"
	"fmt"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// SendMessage stores the messages of a request and answers once they are as safe as the options ask for.
func (v *service) SendMessage(ctx context.Context, r *v2.SendMessageRequest) (*v2.SendMessageResponse, error) {
	client, refused := v.admit(ctx)
	if refused == nil {
		refused = v.checkSend(r.GetMessages())
	}
	if refused != nil {
		return &v2.SendMessageResponse{Status: refused}, nil
	}
	faults := v.sendFaults(r.GetMessages())
	if faults.Refuse {
		return &v2.SendMessageResponse{Status: newStatus(v2.Code_INTERNAL_SERVER_ERROR, "send refused by a fault")}, nil
	}
	entry, err := v.storeMessages(r.GetMessages(), client, faults)
	switch {
	case err != nil:
		return &v2.SendMessageResponse{Status: newStatus(v2.Code_INTERNAL_SERVER_ERROR, err.Error())}, nil
	case faults.LoseReply:
		return &v2.SendMessageResponse{Status: newStatus(v2.Code_INTERNAL_SERVER_ERROR, "reply lost by a fault")}, nil
	}
	return &v2.SendMessageResponse{Status: okStatus(), Entries: []*v2.SendResultEntry{entry}}, nil
}

// checkSend checks a request as a whole and each of its messages.
func (v *service) checkSend(messages []*v2.Message) *v2.Status {
	if len(messages) == 0 {
		return newStatus(v2.Code_MESSAGE_CORRUPTED, "no message to send")
	}
	now := v.store.system()
	topic := messages[0].GetTopic().GetName()
	for _, m := range messages {
		if refused := checkMessage(m, now); refused != nil {
			return refused
		}
		if m.GetTopic().GetName() != topic {
			return newStatus(v2.Code_MESSAGE_CORRUPTED, "messages of one request have different topics")
		}
	}
	return v.checkTypes(topic, messages)
}

// checkTypes compares what the messages are with what their topic takes. A topic that does not exist takes nothing.
func (v *service) checkTypes(topic string, messages []*v2.Message) *v2.Status {
	var takes TopicType
	v.store.update(func(time.Time) {
		if t := v.store.topics[topic]; t != nil {
			takes = t.kind
		}
	})
	for _, m := range messages {
		kind := inferType(m)
		if takes == "" || topicTypes[kind] != takes {
			return newStatus(v2.Code_MESSAGE_PROPERTY_CONFLICT_WITH_TYPE,
				fmt.Sprintf("message type %s does not fit topic %s of type %q", kind, topic, takes))
		}
	}
	if len(messages) > 1 && (takes == Delay || takes == Transaction) {
		return newStatus(v2.Code_INTERNAL_SERVER_ERROR, "messages of this type go one to a request")
	}
	return nil
}

// sendFaults asks the hook about each message; a request is as spoilt as its most spoilt message.
func (v *service) sendFaults(messages []*v2.Message) SendFault {
	var all SendFault
	if v.hook == nil {
		return all
	}
	for _, m := range messages {
		f := v.hook.OnSend(m.GetTopic().GetName(), m.GetUserProperties(), m.GetBody())
		all.Drop, all.Refuse = all.Drop || f.Drop, all.Refuse || f.Refuse
		all.LoseReply, all.Duplicate = all.LoseReply || f.LoseReply, all.Duplicate || f.Duplicate
	}
	return all
}

// storeMessages stores and answers with the one entry that a request gets, which speaks of its first message.
func (v *service) storeMessages(messages []*v2.Message, client string, f SendFault) (*v2.SendResultEntry, error) {
	copies := 1
	switch {
	case f.Drop:
		copies = 0
	case f.Duplicate:
		copies = 2
	}
	now := v.store.system()
	first := v.store.received(messages[0], client, now)
	arrived := []*message{first}
	for _, wire := range messages[1:] {
		arrived = append(arrived, v.store.received(wire, client, now))
	}
	entry := describe(first, messages[0].GetTopic().GetName(), now)
	var position uint64
	v.store.update(func(now time.Time) {
		t := v.store.topics[messages[0].GetTopic().GetName()]
		entry.Offset = t.next
		for _, m := range arrived {
			v.store.accept(m, t, copies, now)
		}
		position = v.store.position
	})
	return entry, v.store.settle(position)
}

// received makes a message of what a producer sent. It is delayed or half if its type says so; one whose time has come is
// visible at once.
func (s *store) received(wire *v2.Message, client string, now time.Time) *message {
	sp := wire.GetSystemProperties()
	sp.MessageType = inferType(wire)
	at := visible
	switch sp.MessageType {
	case v2.MessageType_TRANSACTION:
		at = half
		wire.UserProperties = withProperties(wire.GetUserProperties(), map[string]string{transactionID: sp.GetMessageId()})
	case v2.MessageType_FIFO:
		wire.UserProperties = withProperties(wire.GetUserProperties(), map[string]string{shardingKey: sp.GetMessageGroup()})
	case v2.MessageType_DELAY:
		if due, virtual := dueOf(wire, s.clock != nil); (virtual && due.After(s.clock.Now())) || (!virtual && due.After(now)) {
			at = delayed
		}
	}
	m := newMessage(wire, at)
	m.client = client
	return m
}

// accept stores m that many times. A transaction message whose id is already open is the repeat of one: a producer that heard no answer
// sends it again, and one end ends it.
func (s *store) accept(m *message, t *topic, copies int, now time.Time) {
	for range copies {
		if m.phase == half && s.halves[m.id] != nil {
			return
		}
		s.counts.sent++
		twin := newTwin(m)
		s.put(m, t, now)
		m = twin
	}
}

// describe is what the producer learns of its message.
func describe(m *message, topic string, now time.Time) *v2.SendResultEntry {
	entry := &v2.SendResultEntry{Status: okStatus(), MessageId: m.id, TransactionId: m.id}
	due := m.wire.GetSystemProperties().GetDeliveryTimestamp()
	if m.phase == delayed && due.AsTime().After(now) {
		entry.RecallHandle = recallHandle(topic, m.id, due.AsTime())
	}
	return entry
}

// EndTransaction makes a half message visible or drops it. Any client may; a second end finds nothing.
func (v *service) EndTransaction(ctx context.Context, r *v2.EndTransactionRequest) (*v2.EndTransactionResponse, error) {
	_, refused := v.admit(ctx)
	switch {
	case refused != nil:
	case r.GetTransactionId() == "":
		refused = newStatus(v2.Code_INVALID_TRANSACTION_ID, "transaction id is empty")
	}
	if refused != nil {
		return &v2.EndTransactionResponse{Status: refused}, nil
	}
	return &v2.EndTransactionResponse{Status: v.endTransaction(r.GetTransactionId(), r.GetResolution())}, nil
}

// endTransaction ends what is open; unspecified leaves it open.
func (v *service) endTransaction(id string, resolution v2.TransactionResolution) *v2.Status {
	var found bool
	var position uint64
	v.store.update(func(time.Time) {
		m := v.store.halves[id]
		found = m != nil
		if found && resolution != v2.TransactionResolution_TRANSACTION_RESOLUTION_UNSPECIFIED {
			v.store.endTransaction(m, resolution == v2.TransactionResolution_COMMIT)
			position = v.store.position
		}
	})
	if !found {
		return newStatus(v2.Code_INTERNAL_SERVER_ERROR, "cannot found transaction data")
	}
	if err := v.store.settle(position); err != nil {
		return newStatus(v2.Code_INTERNAL_SERVER_ERROR, err.Error())
	}
	return okStatus()
}

// RecallMessage takes a delayed message back. That works until it is delivered, any number of times.
func (v *service) RecallMessage(ctx context.Context, r *v2.RecallMessageRequest) (*v2.RecallMessageResponse, error) {
	if _, refused := v.admit(ctx); refused != nil {
		return &v2.RecallMessageResponse{Status: refused}, nil
	}
	topic, id, err := parseRecallHandle(r.GetRecallHandle())
	if err == nil && topic != r.GetTopic().GetName() {
		err = fmt.Errorf("recall handle: of topic %s", topic)
	}
	if err != nil {
		return &v2.RecallMessageResponse{Status: newStatus(v2.Code_INTERNAL_SERVER_ERROR, err.Error())}, nil
	}
	var found bool
	var position uint64
	v.store.update(func(time.Time) {
		found = v.store.recall(topic, id)
		position = v.store.position
	})
	if !found {
		return &v2.RecallMessageResponse{
			Status: newStatus(v2.Code_INTERNAL_SERVER_ERROR, "recall failed, timestamp invalid"),
		}, nil
	}
	if err := v.store.settle(position); err != nil {
		return &v2.RecallMessageResponse{Status: newStatus(v2.Code_INTERNAL_SERVER_ERROR, err.Error())}, nil
	}
	return &v2.RecallMessageResponse{Status: okStatus(), MessageId: id}, nil
}
