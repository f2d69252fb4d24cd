package rocketmq

import (
	"context"
	"strings"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
)

// Renewal of deliveries that a push consumer holds: the handle says renewLimit, the message is held renewStep by
// renewStep for as long as the client lives.
const (
	renewStep  = time.Minute
	renewLimit = 3 * time.Hour
)

// want is what one receive asks for.
type want struct {
	sub       *subscription
	limit     int
	tags      tagFilter
	invisible time.Duration
	renew     bool
	client    string
	attemptID string
}

// tagFilter holds the tags that a consumer takes; nil takes everything.
type tagFilter map[string]bool

// parseTags reads "*", "" or "A||B".
func parseTags(expression string) tagFilter {
	if e := strings.TrimSpace(expression); e == "" || e == "*" {
		return nil
	}
	f := tagFilter{}
	for tag := range strings.SplitSeq(expression, "||") {
		f[strings.TrimSpace(tag)] = true
	}
	return f
}

func (f tagFilter) match(m *message) bool { return f == nil || f[m.tag()] }

// receive returns up to w.limit messages as soon as there is one, or none when ctx ends.
func (s *store) receive(ctx context.Context, w want) []delivery {
	waiter := &waiter{wake: make(chan struct{}, 1)}
	for {
		var got []delivery
		s.update(func(now time.Time) {
			if got = s.take(w, now); len(got) == 0 {
				w.sub.wait(waiter)
			}
		})
		if len(got) > 0 {
			return got
		}
		select {
		case <-waiter.wake:
		case <-ctx.Done():
			s.update(func(time.Time) { w.sub.leave(waiter) })
			return nil
		}
	}
}

// take delivers what is ready.
func (s *store) take(w want, now time.Time) []delivery {
	if again := w.sub.attempts[w.attemptID]; w.attemptID != "" && len(again) > 0 {
		return deliveries(again)
	}
	taken, skipped := w.sub.take(w.limit, w.tags.match)
	for _, e := range skipped {
		s.finish(e)
	}
	for _, e := range taken {
		e.handle = handle{
			topic: w.sub.topic.name, group: w.sub.group.Name, seq: e.m.seq, delivery: e.handle.delivery + 1,
			popped: now.Truncate(time.Millisecond), invisible: w.invisible,
		}
		e.renewEnd, e.client = time.Time{}, ""
		until := e.handle.popped.Add(w.invisible)
		if w.renew {
			e.handle.invisible = renewLimit
			e.renewEnd, e.client = now.Add(renewLimit), w.client
		}
		s.arm(&e.alarm, until)
		w.sub.remember(w.attemptID, e)
		s.counts.delivered++
		if e.handle.delivery > 1 {
			s.counts.redelivered++
		}
	}
	return deliveries(taken)
}

func deliveries(entries []*entry) []delivery {
	ds := make([]delivery, len(entries))
	for i, e := range entries {
		ds[i] = delivery{m: e.m, offset: e.m.offset, attempt: e.handle.delivery, handle: e.handle}
	}
	return ds
}

// lookup finds the entry that a handle speaks of. known is false when the handle names no subscription; e is nil when the
// group has finished with the message.
func (s *store) lookup(h handle) (e *entry, known bool) {
	t := s.topics[h.topic]
	if t == nil || t.subs[h.group] == nil {
		return nil, false
	}
	return t.subs[h.group].entries[h.seq], true
}

// ack finishes the delivery that h names. Acknowledging again, or by a handle whose invisible time was changed since, is
// fine; after the invisible time, or once the message went to another consumer, it is INVALID_RECEIPT_HANDLE.
func (s *store) ack(h handle, now time.Time) v2.Code {
	e, known := s.lookup(h)
	switch {
	case !known:
		return v2.Code_INTERNAL_SERVER_ERROR
	case h.expired(now), e != nil && e.handle.delivery > h.delivery:
		return v2.Code_INVALID_RECEIPT_HANDLE
	case e != nil:
		s.counts.acked++
		s.finish(e)
	}
	return v2.Code_OK
}

// holds reports whether h is the latest handle of a delivery that is still out.
func holds(e *entry, h handle, now time.Time) bool {
	return e != nil && e.state.out() && !h.expired(now) &&
		e.handle.delivery == h.delivery && e.handle.change == h.change
}

// park makes the message of h visible again after d, and returns the handle that replaces h.
func (s *store) park(h handle, d time.Duration, now time.Time) (handle, v2.Code) {
	e, known := s.lookup(h)
	if !known {
		return handle{}, v2.Code_INTERNAL_SERVER_ERROR
	}
	if !holds(e, h, now) {
		return handle{}, v2.Code_INVALID_RECEIPT_HANDLE
	}
	e.handle.change++
	e.handle.popped, e.handle.invisible = now.Truncate(time.Millisecond), d
	e.renewEnd = time.Time{}
	renewed := e.handle
	if d == 0 {
		s.reveal(e, now)
		return renewed, v2.Code_OK
	}
	e.sub.setState(e, parked)
	s.idle(e)
	s.arm(&e.alarm, e.handle.popped.Add(d))
	return renewed, v2.Code_OK
}

// kill makes the message of h a dead letter at once. Doing it again is fine.
func (s *store) kill(h handle, now time.Time) v2.Code {
	e, known := s.lookup(h)
	switch {
	case !known:
		return v2.Code_INTERNAL_SERVER_ERROR
	case e == nil:
		return v2.Code_OK
	case h.expired(now), e.handle.delivery > h.delivery:
		return v2.Code_INVALID_RECEIPT_HANDLE
	}
	s.bury(e, now)
	return v2.Code_OK
}

// giveBack shortens the invisible time of deliveries that could not be handed over.
func (s *store) giveBack(lost []delivery, after time.Duration, now time.Time) {
	for _, d := range lost {
		if e, _ := s.lookup(d.handle); holds(e, d.handle, now) {
			e.renewEnd = time.Time{}
			s.arm(&e.alarm, now.Add(after))
		}
	}
}

// duplicate makes a second copy of d's message ready for the same group.
func (s *store) duplicate(d delivery) {
	e, _ := s.lookup(d.handle)
	if e == nil {
		return
	}
	s.seq++
	twin := newTwin(d.m)
	twin.seq, twin.stored, twin.offset = s.seq, d.m.stored, d.m.offset
	s.messages[twin.seq] = twin
	s.offer(e.sub, twin)
}
