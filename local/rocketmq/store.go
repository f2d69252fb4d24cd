package rocketmq

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/clock"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// store is the broker without its protocol: topics, groups, messages and everything that waits for an instant. One mutex
// guards it all; nothing is called back under it but the clock, the liveness of clients and the producers' streams.
//
// Methods expect the lock to be held, which is what update does; run and receive take it themselves, settle and received
// need none.
type store struct {
	system     func() time.Time
	clock      Clock // nil: system time only
	checkAfter time.Duration
	checkEvery time.Duration
	maxChecks  int
	// alive reports whether a client was heard of lately; check hands a check-back to a producer and reports whether one
	// took it.
	alive func(client string) bool
	check func(m *message) bool

	mu       sync.Mutex
	live     bool // false while the write-ahead file is read back: nothing is armed, recorded or counted as busy
	log      *wal // nil: memory only
	position uint64
	alarms   alarms
	topics   map[string]*topic
	groups   map[string]*Group
	messages map[uint64]*message
	halves   map[string]*message   // by transaction id
	pending  map[string][]*message // delayed ones, by recallKey
	seq      uint64
	counts   counts
	after    []func() // what to call once the lock is released
}

// topic is one topic with its single queue.
type topic struct {
	name          string
	kind          TopicType
	next          int64 // offset of the next message that becomes visible
	messages      map[uint64]*message
	subs          map[string]*subscription
	delayed, half int
}

type counts struct{ sent, delivered, redelivered, acked, dead, recalled int64 }

func newStore(o Options) *store {
	return &store{
		system: o.System, clock: o.Clock,
		checkAfter: o.TransactionTimeout, checkEvery: o.TransactionCheckInterval, maxChecks: o.TransactionMaxChecks,
		alive: func(string) bool { return false }, check: func(*message) bool { return false },
		alarms: newAlarms(), topics: map[string]*topic{}, groups: map[string]*Group{},
		messages: map[uint64]*message{}, halves: map[string]*message{}, pending: map[string][]*message{},
	}
}

// update runs f under the lock and afterwards, without it, what f left to be called.
func (s *store) update(f func(now time.Time)) {
	s.mu.Lock()
	f(s.system())
	after := s.after
	s.after = nil
	s.mu.Unlock()
	for _, g := range after {
		g()
	}
}

// run rings the alarms until ctx ends.
func (s *store) run(ctx context.Context) {
	timer := clock.System.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.alarms.sooner:
		case <-ctx.Done():
			return
		}
		s.update(func(now time.Time) {
			for a := s.alarms.due(now); a != nil; a = s.alarms.due(now) {
				a.owner.ring(s, now)
			}
			if at, any := s.alarms.next(); any {
				timer.Reset(at.Sub(now))
			}
		})
	}
}

// record writes one change to the write-ahead file, if there is one. An encoding that fails is the file's failure.
func (s *store) record(r record) {
	if !s.live || s.log == nil {
		return
	}
	payload, err := r.encode()
	if err != nil {
		s.log.fail(err)
		return
	}
	s.position = s.log.append(payload)
}

// settle waits until everything recorded up to the position is as safe as the options ask for.
func (s *store) settle(position uint64) error {
	if s.log == nil {
		return nil
	}
	return s.log.wait(position)
}

func (s *store) ensureTopic(name string, kind TopicType) *topic {
	t := s.topics[name]
	if t == nil {
		t = &topic{name: name, kind: kind, messages: map[uint64]*message{}, subs: map[string]*subscription{}}
		s.topics[name] = t
	}
	return t
}

// ensureGroup makes the group and its dead letter topic.
func (s *store) ensureGroup(g Group) {
	if g.MaxAttempts <= 0 {
		g.MaxAttempts = DefaultMaxAttempts
	}
	if known := s.groups[g.Name]; known != nil {
		*known = g
		return
	}
	s.groups[g.Name] = &g
	s.ensureTopic(dlqPrefix+g.Name, Normal)
}

// put stores a new message, recorded, in the phase that it is in.
func (s *store) put(m *message, t *topic, now time.Time) {
	s.seq++
	m.seq, m.topic, m.stored = s.seq, t, now
	s.record(sendRecord(m))
	s.place(m, now)
}

// place takes m in, by its phase.
func (s *store) place(m *message, now time.Time) {
	s.messages[m.seq] = m
	switch m.phase {
	case half:
		s.halves[m.id] = m
		m.topic.half++
		s.arm(&m.alarm, now.Add(s.checkAfter))
	case delayed:
		key := recallKey(m.topic.name, m.id)
		s.pending[key] = append(s.pending[key], m)
		m.topic.delayed++
		s.await(m)
	case visible:
		s.publish(m)
	}
}

// publish offers m to every group that consumes its topic.
func (s *store) publish(m *message) {
	m.phase = visible
	m.offset = m.topic.next
	m.topic.next++
	m.topic.messages[m.seq] = m
	for _, sub := range m.topic.subs {
		s.offer(sub, m)
	}
}

func (s *store) offer(sub *subscription, m *message) {
	m.pending++
	s.busy(sub.add(m))
}

// busy opens e's token, unless it has one.
func (s *store) busy(e *entry) {
	if s.live && s.clock != nil && e.done == nil {
		e.done = s.clock.Busy("message " + e.sub.topic.name)
	}
}

// idle closes e's token once the lock is released.
func (s *store) idle(e *entry) {
	if e.done != nil {
		s.after = append(s.after, e.done)
		e.done = nil
	}
}

func (s *store) arm(a *alarm, at time.Time) {
	if s.live {
		s.alarms.set(a, at)
	}
}

// subscribe makes the group a consumer of the topic from now on. At first it gets everything that the topic still holds.
func (s *store) subscribe(t *topic, g *Group) *subscription {
	if sub := t.subs[g.Name]; sub != nil {
		return sub
	}
	s.record(record{kind: recordSubscribe, topic: t.name, group: g.Name})
	sub := newSubscription(t, g)
	t.subs[g.Name] = sub
	for _, seq := range slices.Sorted(maps.Keys(t.messages)) {
		s.offer(sub, t.messages[seq])
	}
	return sub
}

// finish ends e, recorded. A message that no group still needs is forgotten.
func (s *store) finish(e *entry) {
	s.record(record{kind: recordAck, seq: e.m.seq, topic: e.sub.topic.name, group: e.sub.group.Name})
	s.alarms.clear(&e.alarm)
	s.idle(e)
	e.sub.setState(e, finished)
	e.m.pending--
	if e.m.pending == 0 {
		delete(e.m.topic.messages, e.m.seq)
		delete(s.messages, e.m.seq)
	}
}

// bury moves e to the group's dead letter topic. The copy is recorded before the end of the original, so a crash between
// the two leaves both, never neither.
func (s *store) bury(e *entry, now time.Time) {
	s.counts.dead++
	s.put(e.m.forward(), s.ensureTopic(dlqPrefix+e.sub.group.Name, Normal), now)
	s.finish(e)
}

// ring ends an invisible time.
func (e *entry) ring(s *store, now time.Time) {
	if now.Before(e.renewEnd) && s.alive(e.client) {
		s.arm(&e.alarm, now.Add(renewStep))
		return
	}
	s.reveal(e, now)
}

// reveal makes a delivered entry ready again, or a dead letter when it has had all its attempts.
func (s *store) reveal(e *entry, now time.Time) {
	if e.handle.delivery >= e.sub.group.MaxAttempts {
		s.bury(e, now)
		return
	}
	s.alarms.clear(&e.alarm)
	s.busy(e)
	e.sub.setState(e, ready)
}

// recallKey is what a recall names: several messages may share an id.
func recallKey(topic, id string) string { return topic + " " + id }

// await arms the end of a delay.
func (s *store) await(m *message) {
	m.due, m.virtual = dueOf(m.wire, s.clock != nil)
	switch {
	case !s.live:
	case m.virtual:
		m.stop = s.clock.AfterFunc(m.due, func() {
			s.update(func(now time.Time) { m.ring(s, now) })
		})
	default:
		s.arm(&m.alarm, m.due)
	}
}

// dueOf is when a delayed message is to be delivered, and whether that is virtual time.
func dueOf(wire *v2.Message, hasVirtual bool) (due time.Time, virtual bool) {
	if hasVirtual {
		if ms, err := strconv.ParseInt(wire.GetUserProperties()[VirtualDueProperty], 10, 64); err == nil {
			return time.UnixMilli(ms), true
		}
	}
	return wire.GetSystemProperties().GetDeliveryTimestamp().AsTime(), false
}

// ring ends m's delay, or is the moment to check its transaction.
func (m *message) ring(s *store, now time.Time) {
	switch m.phase {
	case delayed:
		s.release(m)
	case half:
		s.checkBack(m, now)
	}
}

// release ends a delay: m becomes visible, or is forgotten if it was recalled.
func (s *store) release(m *message) {
	s.unqueue(m)
	if m.recalled {
		delete(s.messages, m.seq)
		return
	}
	s.publish(m)
}

// unqueue takes m out of the delayed ones.
func (s *store) unqueue(m *message) {
	s.alarms.clear(&m.alarm)
	if m.stop != nil {
		s.after = append(s.after, m.stop)
		m.stop = nil
	}
	if !m.recalled {
		m.topic.delayed--
	}
	key := recallKey(m.topic.name, m.id)
	rest := slices.DeleteFunc(s.pending[key], func(o *message) bool { return o == m })
	if len(rest) == 0 {
		delete(s.pending, key)
	} else {
		s.pending[key] = rest
	}
}

// recall takes back the delayed messages of that id, and reports whether there are any. It may be repeated until they
// were due.
func (s *store) recall(topic, id string) bool {
	waiting := s.pending[recallKey(topic, id)]
	for _, m := range waiting {
		if !m.recalled {
			s.recallOne(m)
			s.counts.recalled++
		}
	}
	return len(waiting) > 0
}

// recallOne marks m as taken back. It stays until it was due, so that taking it back again finds it.
func (s *store) recallOne(m *message) {
	s.record(record{kind: recordRecall, seq: m.seq})
	m.recalled = true
	m.topic.delayed--
}

// checkBack asks a producer how m's transaction ended, or gives m up after the last check.
func (s *store) checkBack(m *message, now time.Time) {
	if m.checks >= s.maxChecks {
		s.put(m.forward(), s.ensureTopic(maxChecksTopic, Normal), now)
		s.endTransaction(m, false)
		return
	}
	if s.check(m) {
		m.checks++
	}
	s.arm(&m.alarm, now.Add(s.checkEvery))
}

// endTransaction makes a half message visible, or forgets it.
func (s *store) endTransaction(m *message, commit bool) {
	kind := recordRollback
	if commit {
		kind = recordCommit
	}
	s.record(record{kind: kind, seq: m.seq})
	s.alarms.clear(&m.alarm)
	delete(s.halves, m.id)
	m.topic.half--
	if commit {
		s.publish(m)
	} else {
		delete(s.messages, m.seq)
	}
}
