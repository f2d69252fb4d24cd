package rocketmq

import (
	"slices"
	"strconv"
	"sync"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// silence is how long a client may be silent and still count as there. The real broker forgot one after 129 s.
const silence = 130 * time.Second

// clients knows who talks to the broker: settings, Telemetry streams and the last sign of life, by client id. Nothing but
// check-backs, renewals and the poll time of receives depends on it.
type clients struct {
	system func() time.Time
	mu     sync.Mutex
	known  map[string]*client
}

type client struct {
	seen     time.Time
	enrolled time.Time    // the latest settings or heartbeat, which keep a producer in the line for check-backs
	settings *v2.Settings // nil until it has sent some
	session  *session     // nil while it has no Telemetry stream
}

func newClients(system func() time.Time) *clients {
	return &clients{system: system, known: map[string]*client{}}
}

// touch notes a sign of life, and forgets others that have long been silent.
func (c *clients) touch(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enter(id)
}

// enter is touch under the lock.
func (c *clients) enter(id string) *client {
	now := c.system()
	if known := c.known[id]; known != nil {
		known.seen = now
		return known
	}
	for other, old := range c.known {
		if old.session == nil && now.Sub(old.seen) > silence {
			delete(c.known, other)
		}
	}
	fresh := &client{seen: now}
	c.known[id] = fresh
	return fresh
}

// settle keeps a client's settings and its stream.
func (c *clients) settle(id string, settings *v2.Settings, s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.enter(id)
	known.settings, known.session, known.enrolled = settings, s, known.seen
}

// beat notes a heartbeat, and reports whether the client's settings are known.
func (c *clients) beat(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.enter(id)
	known.enrolled = known.seen
	return known.settings != nil
}

// hangUp forgets the stream, unless the client has opened another one since.
func (c *clients) hangUp(id string, s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.known[id]; known != nil && known.session == s {
		known.session = nil
	}
}

// leave forgets a client that said goodbye. Its stream, which the official client leaves open, gets no check-backs.
func (c *clients) leave(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, id)
}

// settings returns what a client has sent, or nil.
func (c *clients) settings(id string) *v2.Settings {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.known[id]; known != nil && c.system().Sub(known.seen) <= silence {
		return known.settings
	}
	return nil
}

// alive reports whether a client was heard of lately.
func (c *clients) alive(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.known[id]
	return known != nil && c.system().Sub(known.seen) <= silence
}

// checkBack asks one producer of m's topic how m's transaction ended: the sender first, then the others in turn. It
// reports false when there is none whose stream takes the question.
func (c *clients) checkBack(m *message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	producers := c.producers(m.topic.name)
	first := max(slices.Index(producers, m.client), 0)
	for i := range producers {
		id := producers[(first+m.checks+i)%len(producers)]
		if c.known[id].session.offer(checkCommand(m)) {
			return true
		}
	}
	return false
}

// producers are the ids of those with a stream whose settings name the topic, sorted. One that sends no heartbeats is passed over
// after a while, as by the real broker, although its stream is open and even if it sends messages.
func (c *clients) producers(topic string) []string {
	var ids []string
	now := c.system()
	for id, known := range c.known {
		if known.session == nil || now.Sub(known.enrolled) > silence {
			continue
		}
		named := func(r *v2.Resource) bool { return r.GetName() == topic }
		if slices.ContainsFunc(known.settings.GetPublishing().GetTopics(), named) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// checkCommand is a check-back. The client reads system properties without looking whether there are any.
func checkCommand(m *message) *v2.TelemetryCommand {
	sp := m.wire.GetSystemProperties()
	return &v2.TelemetryCommand{Command: &v2.TelemetryCommand_RecoverOrphanedTransactionCommand{
		RecoverOrphanedTransactionCommand: &v2.RecoverOrphanedTransactionCommand{
			TransactionId: m.id,
			Message: &v2.Message{
				Topic: &v2.Resource{Name: m.topic.name},
				UserProperties: withProperties(m.wire.GetUserProperties(), map[string]string{
					checkTimes: strconv.Itoa(m.checks + 1),
				}),
				Body: m.wire.GetBody(),
				SystemProperties: &v2.SystemProperties{
					Tag: sp.Tag, Keys: sp.GetKeys(), MessageId: m.id, MessageType: v2.MessageType_TRANSACTION,
					BodyDigest:   &v2.Digest{Type: v2.DigestType_MD5, Checksum: m.digest},
					BodyEncoding: sp.GetBodyEncoding(), BornTimestamp: sp.GetBornTimestamp(), BornHost: sp.GetBornHost(),
					TraceContext: sp.TraceContext,
				},
			},
		},
	}}
}
