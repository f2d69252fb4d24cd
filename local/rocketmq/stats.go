package rocketmq

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// Stats is what the broker has done since it started, and what it holds.
type Stats struct {
	// Sent counts stored messages (dead letters not), Delivered handed over ones, of which Redelivered not for the first
	// time, Dead those that became dead letters.
	Sent, Delivered, Redelivered, Acked, Dead, Recalled int64
	Topics                                              map[string]TopicStats
}

// TopicStats is what a topic holds. Messages are the visible ones that some group still needs, or that no group has ever
// subscribed to.
type TopicStats struct {
	Type                    TopicType
	Messages, Delayed, Half int
	Groups                  map[string]GroupStats
}

// GroupStats is what a group still has to do with a topic.
type GroupStats struct {
	// Ready wait for a receive, InFlight for an acknowledgement, Parked for the end of a time that the consumer asked for.
	Ready, InFlight, Parked int
	// Oldest is when the oldest of them was stored; zero when there is none.
	Oldest time.Time
}

// Idle reports whether nothing is ready, in flight or parked for any group, and nothing is half.
func (s Stats) Idle() bool {
	for _, t := range s.Topics {
		if t.Half > 0 {
			return false
		}
		for _, g := range t.Groups {
			if g.Ready+g.InFlight+g.Parked > 0 {
				return false
			}
		}
	}
	return true
}

// Message is a stored message as a console shows it.
type Message struct {
	ID, Topic, Tag, Group string // Group is the message group of a FIFO message
	Keys                  []string
	Properties            map[string]string
	Body                  []byte
	Type                  TopicType
	Stored                time.Time
	// Due is when a delayed message will be visible; zero for others.
	Due time.Time
	// Origin is the topic that a dead letter comes from.
	Origin string
	// State is "visible", "delayed" or "half".
	State string
}

// Stats is a snapshot.
func (b *Broker) Stats() Stats {
	var out Stats
	b.store.update(func(time.Time) {
		c := b.store.counts
		out = Stats{
			Sent: c.sent, Delivered: c.delivered, Redelivered: c.redelivered, Acked: c.acked, Dead: c.dead,
			Recalled: c.recalled, Topics: make(map[string]TopicStats, len(b.store.topics)),
		}
		for name, t := range b.store.topics {
			out.Topics[name] = t.stats()
		}
	})
	return out
}

func (t *topic) stats() TopicStats {
	out := TopicStats{
		Type: t.kind, Messages: len(t.messages), Delayed: t.delayed, Half: t.half,
		Groups: make(map[string]GroupStats, len(t.subs)),
	}
	for name, sub := range t.subs {
		g := GroupStats{Ready: sub.count[ready], InFlight: sub.count[inFlight], Parked: sub.count[parked]}
		for _, e := range sub.entries {
			if g.Oldest.IsZero() || e.m.stored.Before(g.Oldest) {
				g.Oldest = e.m.stored
			}
		}
		out.Groups[name] = g
	}
	return out
}

// Peek returns up to limit messages that the topic holds, oldest first, delayed and half ones included. It takes nothing.
func (b *Broker) Peek(topic string, limit int) []Message {
	var out []Message
	b.store.update(func(time.Time) {
		var held []*message
		for _, m := range b.store.messages {
			if m.topic.name == topic && !m.recalled {
				held = append(held, m)
			}
		}
		slices.SortFunc(held, func(a, b *message) int { return cmp.Compare(a.seq, b.seq) })
		for _, m := range held[:min(max(limit, 0), len(held))] {
			out = append(out, m.view())
		}
	})
	return out
}

// DeadLetters returns the dead letters of a group, oldest first.
func (b *Broker) DeadLetters(group string) []Message {
	return b.Peek(dlqPrefix+group, math.MaxInt)
}

var phaseNames = [...]string{visible: "visible", delayed: "delayed", half: "half"}

func (m *message) view() Message {
	sp := m.wire.GetSystemProperties()
	return Message{
		ID: m.id, Topic: m.topic.name, Tag: sp.GetTag(), Group: sp.GetMessageGroup(), Keys: slices.Clone(sp.GetKeys()),
		Properties: maps.Clone(m.wire.GetUserProperties()), Body: slices.Clone(m.wire.GetBody()),
		Type: topicTypeOf(sp.GetMessageType()), Stored: m.stored, Due: m.shownDue(), Origin: m.origin,
		State: phaseNames[m.phase],
	}
}

func (m *message) shownDue() time.Time {
	if m.phase != delayed {
		return time.Time{}
	}
	return m.due
}

// acceptTypes is what a route says about a topic of that type.
func acceptTypes(t TopicType) []v2.MessageType {
	for wire, kind := range topicTypes {
		if kind == t {
			return []v2.MessageType{wire}
		}
	}
	return nil
}
