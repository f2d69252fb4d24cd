package rocketmq

import (
	"crypto/md5"
	"encoding/hex"
	"maps"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// phase is where a message is on its way to the consumers.
type phase uint8

const (
	visible phase = iota // offered to every subscribed group
	delayed              // waits for its due instant
	half                 // waits for its transaction to end
)

// Properties that the broker itself puts on messages.
const (
	shardingKey    = "__SHARDINGKEY"
	transactionID  = "__transactionId__"
	checkTimes     = "TRANSACTION_CHECK_TIMES"
	dlqPrefix      = "%DLQ%"
	retryPrefix    = "%RETRY%"
	maxChecksTopic = "TRANS_CHECK_MAX_TIME_TOPIC"
)

// message is one stored message. wire and what is derived from it never change, so deliveries read them without the lock;
// the rest is guarded by the store's lock.
type message struct {
	seq    uint64
	topic  *topic
	wire   *v2.Message
	id     string
	digest string // upper hex MD5 of the body
	stored time.Time
	origin string // for a dead letter: the topic it comes from
	client string // who sent it

	phase    phase
	offset   int64 // place in its topic, set when it becomes visible
	pending  int   // groups that have not finished with it
	due      time.Time
	virtual  bool // due is virtual time
	recalled bool
	stop     func() // ends the wait for a virtual due
	checks   int    // check-backs that a producer took
	alarm    alarm  // due by system time, or the next check-back
}

// newMessage takes wire over: it must not change any more.
func newMessage(wire *v2.Message, at phase) *message {
	sum := md5.Sum(wire.GetBody())
	m := &message{
		wire: wire, id: wire.GetSystemProperties().GetMessageId(), phase: at,
		digest: strings.ToUpper(hex.EncodeToString(sum[:])),
	}
	m.alarm.owner = m
	return m
}

// newTwin is another message with the content of m, not stored yet.
func newTwin(m *message) *message {
	twin := &message{
		topic: m.topic, wire: m.wire, id: m.id, digest: m.digest, origin: m.origin, client: m.client, phase: m.phase,
	}
	twin.alarm.owner = twin
	return twin
}

func (m *message) tag() string { return m.wire.GetSystemProperties().GetTag() }

// lock is the key of the order lock that m falls under.
func (m *message) lock() string { return m.wire.GetSystemProperties().GetMessageGroup() }

// forward is a copy of m for another topic, with the same id, body and properties.
func (m *message) forward() *message {
	sp := m.wire.GetSystemProperties()
	wire := &v2.Message{
		UserProperties: m.wire.GetUserProperties(),
		Body:           m.wire.GetBody(),
		SystemProperties: &v2.SystemProperties{
			Tag: sp.Tag, Keys: sp.GetKeys(), MessageId: sp.GetMessageId(), BodyEncoding: sp.GetBodyEncoding(),
			MessageType: v2.MessageType_NORMAL, BornTimestamp: sp.GetBornTimestamp(), BornHost: sp.GetBornHost(),
			TraceContext: sp.TraceContext,
		},
	}
	copied := newMessage(wire, visible)
	copied.origin, copied.client = m.topic.name, m.client
	return copied
}

// delivery is one message on its way to one consumer.
type delivery struct {
	m       *message
	offset  int64
	attempt int32
	handle  handle
}

// protobuf is what the consumer receives. storeHost is the broker's own address.
func (d delivery) protobuf(storeHost string) *v2.Message {
	sp := d.m.wire.GetSystemProperties()
	receipt, offset, attempt := d.handle.String(), d.offset, d.attempt
	return &v2.Message{
		Topic:          &v2.Resource{Name: d.m.topic.name},
		UserProperties: d.m.wire.GetUserProperties(),
		Body:           d.m.wire.GetBody(),
		SystemProperties: &v2.SystemProperties{
			Tag: sp.Tag, Keys: sp.GetKeys(), MessageId: d.m.id,
			BodyDigest:   &v2.Digest{Type: v2.DigestType_MD5, Checksum: d.m.digest},
			BodyEncoding: sp.GetBodyEncoding(), MessageType: sp.GetMessageType(),
			BornTimestamp: sp.GetBornTimestamp(), BornHost: sp.GetBornHost(),
			StoreTimestamp: timestamppb.New(d.m.stored), StoreHost: storeHost,
			DeliveryTimestamp: sp.GetDeliveryTimestamp(), MessageGroup: sp.MessageGroup, TraceContext: sp.TraceContext,
			ReceiptHandle: &receipt, QueueOffset: &offset, DeliveryAttempt: &attempt,
		},
	}
}

// withProperties are user properties and some more, in a new map.
func withProperties(user map[string]string, more map[string]string) map[string]string {
	props := make(map[string]string, len(user)+len(more))
	maps.Copy(props, user)
	maps.Copy(props, more)
	return props
}
