package rocketmq

import (
	"time"

	"github.com/chuandao/qianfan/shared/clock"
)

// TopicType is the one message type that a topic takes.
type TopicType string

// The topic types of RocketMQ 5.
const (
	Normal      TopicType = "NORMAL"
	FIFO        TopicType = "FIFO"
	Delay       TopicType = "DELAY"
	Transaction TopicType = "TRANSACTION"
)

// Topic declares a topic.
type Topic struct {
	Name string
	Type TopicType
}

// Group declares a consumer group.
type Group struct {
	Name string
	// Ordered makes deliveries of FIFO messages wait for the acknowledgement of earlier ones.
	Ordered bool
	// MaxAttempts is how many deliveries a message gets before it becomes a dead letter; 0 means DefaultMaxAttempts.
	MaxAttempts int32
}

// DefaultMaxAttempts is the real broker's retryMaxTimes of 16, and the first delivery.
const DefaultMaxAttempts = 17

// VirtualDueProperty is the user property of a DELAY message that holds the instant it is due, as decimal unix
// milliseconds of virtual time. A broker with a Clock follows it instead of the delivery timestamp.
const VirtualDueProperty = "qf-due"

// Clock is virtual business time. The broker calls it with its own lock held, so no method may call back into the broker
// before it returns.
type Clock interface {
	Now() time.Time
	// AfterFunc runs f once virtual time has reached at, on a goroutine of the clock. The returned stop is idempotent.
	AfterFunc(at time.Time, f func()) (stop func())
	// Busy opens a token: virtual time may not jump while one is open.
	Busy(kind string) (done func())
}

// Options of a broker. The zero value is a memory-only broker on a free port of the loopback interface.
type Options struct {
	// Addr to listen on, host:port; port 0 takes a free one. Empty means "127.0.0.1:0".
	Addr   string
	Topics []Topic
	Groups []Group
	// Clock is virtual time for delayed messages; nil means system time only.
	Clock Clock
	// System is system time, for everything else; nil means the system's clock.
	System func() time.Time
	// WAL is the path of the write-ahead file; empty means memory only.
	WAL string
	// Sync makes a send's answer wait until the message is on disk. Concurrent sends share one sync.
	Sync bool
	// TransactionTimeout is the age at which an open transaction is first checked (default 6 s), TransactionCheckInterval
	// the time between checks (6 s), TransactionMaxChecks how many there are before the message is given up (15).
	TransactionTimeout, TransactionCheckInterval time.Duration
	TransactionMaxChecks                         int
	// Hook injects faults; may be nil.
	Hook Hook
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = "127.0.0.1:0"
	}
	if o.System == nil {
		o.System = clock.System.Now
	}
	if o.TransactionTimeout <= 0 {
		o.TransactionTimeout = 6 * time.Second
	}
	if o.TransactionCheckInterval <= 0 {
		o.TransactionCheckInterval = 6 * time.Second
	}
	if o.TransactionMaxChecks <= 0 {
		o.TransactionMaxChecks = 15
	}
	return o
}

// Hook lets tests and fault scripts spoil sends and deliveries. It is called without locks held, from many goroutines, and
// must not keep or change props and body.
type Hook interface {
	OnSend(topic string, props map[string]string, body []byte) SendFault
	OnDeliver(topic, group, id string) DeliverFault
}

// SendFault is what goes wrong with one send. The zero value is nothing.
type SendFault struct {
	// Drop answers success and stores nothing.
	Drop bool
	// Refuse answers INTERNAL_SERVER_ERROR and stores nothing.
	Refuse bool
	// LoseReply stores the message and answers INTERNAL_SERVER_ERROR: the sender is in doubt.
	LoseReply bool
	// Duplicate stores the message twice, under the same id. Transaction messages are not doubled.
	Duplicate bool
}

// DeliverFault is what goes wrong with one delivery. The zero value is nothing.
type DeliverFault struct {
	// Drop loses the delivery on its way: the message comes back after its invisible time.
	Drop bool
	// Duplicate makes a second copy ready for the same group, with an acknowledgement of its own.
	Duplicate bool
}
