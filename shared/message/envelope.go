// Package message is what flows between the stages: topics, the aggregated envelope,
// and the publisher that speaks RocketMQ 5's own protocol.
package message

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The topics. Their types and groups are declared in s.yaml.
const (
	OrderAccepted = "order-accepted" // TRANSACTION: intake → quote, order ids, means round 1
	QuoteWanted   = "quote-wanted"   // NORMAL: dispatch, timeout → quote, order id and round
	OrderQuoted   = "order-quoted"   // NORMAL: quote, timeout → dispatch, order id and round
	CarrierEvent  = "carrier-event"  // NORMAL: callback → dispatch, what a carrier said
	OrderCommand  = "order-command"  // NORMAL: intake, timeout, console → dispatch, a hint to act
	OrderStatus   = "order-status"   // NORMAL: dispatch, timeout → report, a hint to tell
	Settlement    = "settlement"     // FIFO by carrier account: dispatch, timeout → settle, a hint to post
	OrderTimer    = "order-timer"    // DELAY: dispatch → timeout, timers of one due instant
	DeadLetter    = "dead-letter"    // NORMAL: triggers → timeout, what a stage could not take
)

// Locate is the Command of a quote-wanted item that asks where the rider of attempt N is.
const Locate = "locate"

// Version is the envelope version that this build writes.
const Version = 1

// ErrVersion says that an envelope is of a version that this build does not know. The
// message is parked and tried again: a newer build may be rolling out.
var ErrVersion = errors.New("message: unknown envelope version")

// Item is one thing inside an aggregated message. Which fields are set depends on the topic.
type Item struct {
	Key     string          `json:"key"`               // idempotency key within the topic
	Attempt int             `json:"attempt,omitempty"` // re-deliveries by the dead-letter stage
	Trace   string          `json:"trace,omitempty"`   // W3C traceparent
	Order   int64           `json:"order,omitempty,string"`
	Round   int             `json:"round,omitempty"`
	Command string          `json:"command,omitempty"` // resume, timer, cancel, locate
	Timer   string          `json:"timer,omitempty"`   // timer kind
	N       int             `json:"n,omitempty"`       // attempt number
	Epoch   int             `json:"epoch,omitempty"`   // order version that armed the timer, or that a command saw
	Hash    string          `json:"hash,omitempty"`    // of the raw body, carrier-event
	At      time.Time       `json:"at,omitzero"`       // receive time, carrier-event
	Data    json.RawMessage `json:"data,omitempty"`    // carrier.Status, carrier-event
}

// Envelope is the body of every message: many items, one kind.
type Envelope struct {
	V     int    `json:"v"`
	Kind  string `json:"kind"`
	Items []Item `json:"items"`
}

// Encode writes an envelope of the present version.
func Encode(kind string, items []Item) ([]byte, error) {
	body, err := json.Marshal(Envelope{V: Version, Kind: kind, Items: items})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", kind, err)
	}
	return body, nil
}

// Decode reads an envelope. Unknown fields are ignored, an unknown version is ErrVersion.
func Decode(body []byte) (Envelope, error) {
	var e Envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return Envelope{}, fmt.Errorf("decode message: %w", err)
	}
	if e.V != Version {
		return Envelope{}, fmt.Errorf("%w %d", ErrVersion, e.V)
	}
	return e, nil
}

// Owed is one item that a committed change owes to a topic. It is stored with the change,
// so that a repeat of the input sends it again.
type Owed struct {
	Topic string    `json:"topic"`
	Group string    `json:"group,omitempty"` // FIFO message group
	Due   time.Time `json:"due,omitzero"`    // virtual instant of a delayed item
	Item  Item      `json:"item"`
}

// Message is one aggregated message to publish.
type Message struct {
	Topic string
	Group string
	Due   time.Time
	Items []Item
	Props map[string]string
}

// bundleLimit keeps a message far below RocketMQ's 4 MiB and a batch below a trigger's limits.
const bundleLimit = 200

// Bundle turns owed items into as few messages as possible: one per topic, message group
// and due instant, split at bundleLimit, each item once.
func Bundle(owed []Owed) []Message {
	type bucket struct {
		topic, group string
		due          int64
	}
	var out []Message
	at := map[bucket]int{}
	type mark struct {
		b   bucket
		key string
	}
	seen := map[mark]bool{}
	for _, o := range owed {
		b := bucket{o.Topic, o.Group, o.Due.UnixMilli()}
		if seen[mark{b, o.Item.Key}] {
			continue
		}
		seen[mark{b, o.Item.Key}] = true
		i, ok := at[b]
		if !ok || len(out[i].Items) >= bundleLimit {
			out = append(out, Message{Topic: o.Topic, Group: o.Group, Due: o.Due})
			i = len(out) - 1
			at[b] = i
		}
		out[i].Items = append(out[i].Items, o.Item)
	}
	return out
}
