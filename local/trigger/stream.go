package trigger

import (
	"context"
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	v2 "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"

	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/clock"
)

const (
	invisible  = 60 * time.Second       // of a delivered message; kept up while we hold it
	parked     = 5 * time.Minute        // the same while its batch waits for a retry
	keepEvery  = 10 * time.Second       // how often the keeper looks
	keepBelow  = 40 * time.Second       // what is left of a message's invisibility when the keeper renews it
	gather     = 5 * time.Millisecond   // after a full receive, what else is there comes within this
	maxCall    = 32 << 20               // bytes of one call's payload
	maxWaiting = 1000                   // batches that wait for a retry without keeping a place in Concurrency
	ackTries   = 3                      // then the broker delivers again
	ackPause   = 100 * time.Millisecond // between them
)

// message is a delivered message that is not done with.
type message struct {
	id    string
	event json.RawMessage

	mu      sync.Mutex
	handle  string        // empty: acknowledged, or expired and to be delivered again
	expires time.Time     // system time
	span    time.Duration // of its present invisibility
}

// stream consumes one topic for one function. Its receiver polls the broker; its feeder cuts what arrives into batches and starts a
// runner for each; its keeper holds on to what is not done.
//
// A batch that waits for a retry gives up its place in Concurrency: otherwise a few bad batches would stop the stream, and messages
// waiting behind them would keep virtual time from reaching the retry.
type stream struct {
	template.Stream
	pump     *Pump
	session  *session
	dice     *dice
	arrivals chan []*message
	slots    chan struct{}
	stop     context.CancelFunc
	feeding  context.Context

	mu   sync.Mutex
	held map[*message]struct{}

	blocked                                                                       atomic.Bool
	messages, redelivered, batches, failures, duplicates, letters, flying, onHold atomic.Int64
}

func newStream(p *Pump, t template.Stream) *stream {
	s := &stream{
		Stream: t, pump: p, session: newSession(newConsumer(p.link, t.Topic, t.Group, t.Tag), p.opts.Log),
		dice: newDice(p.opts.Seed, t.Group), arrivals: make(chan []*message), slots: make(chan struct{}, p.opts.Concurrency),
		held: map[*message]struct{}{},
	}
	s.feeding, s.stop = context.WithCancel(p.feed)
	return s
}

func (s *stream) start() {
	for _, part := range []func(){func() { s.session.run(s.pump.feed) }, s.receive, s.feed, s.keep} {
		s.pump.work.Go(part)
	}
}

func (s *stream) stats() Stats {
	return Stats{
		Function: s.Function, Topic: s.Topic, Group: s.Group, Connected: s.session.connected() != nil, Blocked: s.blocked.Load(),
		Messages: s.messages.Load(), Redelivered: s.redelivered.Load(), Batches: s.batches.Load(), Failures: s.failures.Load(), Duplicates: s.duplicates.Load(),
		DeadLetters: s.letters.Load(), InFlight: int(s.flying.Load()), Waiting: int(s.onHold.Load()),
	}
}

// receive polls until the stream stops. Handing over blocks while the feeder has enough: then the rest stays with the broker.
func (s *stream) receive() {
	pause := firstPause
	for s.session.wait(s.feeding) == nil {
		queue := s.session.connected()
		if queue == nil {
			continue // lost again in between
		}
		raw, err := s.session.receive(s.feeding, queue, invisible)
		if taken := s.take(raw); len(taken) > 0 {
			select {
			case s.arrivals <- taken:
			case <-s.feeding.Done():
				return
			}
		}
		switch {
		case s.feeding.Err() != nil:
			return
		case err != nil:
			s.pump.opts.Log.Warn("receive failed", "group", s.Group, "error", err, "again_in", pause)
			_ = clock.System.Sleep(s.feeding, pause) // the loop's condition sees the end
			pause = min(2*pause, longestPause)
		default:
			pause = firstPause
			if len(raw) < receiveBatch && s.pump.opts.PollPause > 0 {
				_ = clock.System.Sleep(s.feeding, s.pump.opts.PollPause)
			}
		}
	}
}

// take notes delivered messages. One that cannot be encoded would never be delivered: it is left to the broker's own retries and dead
// letters.
func (s *stream) take(raw []*v2.Message) []*message {
	now := s.pump.opts.System()
	messages := make([]*message, 0, len(raw))
	for _, r := range raw {
		if r.GetSystemProperties().GetDeliveryAttempt() > 1 {
			s.redelivered.Add(1)
		}
		event, err := encodeEvent(s.Stream, r, now)
		if err != nil {
			s.pump.opts.Log.Error("message is not deliverable", "group", s.Group, "error", err)
			continue
		}
		sys := r.GetSystemProperties()
		messages = append(messages, &message{id: sys.GetMessageId(), event: event, handle: sys.GetReceiptHandle(), expires: now.Add(invisible), span: invisible})
	}
	s.messages.Add(int64(len(messages)))
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		s.held[m] = struct{}{}
	}
	return messages
}

// feed cuts batches: at the count, or when the window is over. Window 0 means at once, that is, as soon as a receive came back less
// than full.
func (s *stream) feed() {
	var pending []*message
	for {
		if len(pending) == 0 {
			select {
			case pending = <-s.arrivals:
			case <-s.feeding.Done():
				return
			}
		}
		pending = s.fill(pending)
		if !s.place(&pending) {
			return
		}
		n := s.cut(pending)
		s.dispatch(pending[:n:n])
		pending = pending[n:]
	}
}

// fill waits for the window to add to pending.
func (s *stream) fill(pending []*message) []*message {
	window := s.TimeWindow
	if window == 0 && len(pending)%receiveBatch == 0 {
		window = gather
	}
	if window == 0 || len(pending) >= s.CountWindow {
		return pending
	}
	timer := clock.System.NewTimer(window)
	defer timer.Stop()
	for len(pending) < s.CountWindow {
		select {
		case more := <-s.arrivals:
			pending = append(pending, more...)
			if s.TimeWindow == 0 && len(more) < receiveBatch {
				return pending
			}
		case <-timer.C:
			return pending
		case <-s.feeding.Done():
			return pending
		}
	}
	return pending
}

// place waits for a free place in Concurrency; what arrives meanwhile joins.
func (s *stream) place(pending *[]*message) bool {
	for {
		arrivals := s.arrivals
		if len(*pending) >= s.CountWindow {
			arrivals = nil
		}
		select {
		case s.slots <- struct{}{}:
			return true
		case more := <-arrivals:
			*pending = append(*pending, more...)
		case <-s.feeding.Done():
			return false
		}
	}
}

// cut is how many of pending go into the next call: the count window's worth, and no more than a call can carry.
func (s *stream) cut(pending []*message) int {
	size := 2
	for i, m := range pending {
		if size += len(m.event) + 1; i > 0 && (i >= s.CountWindow || size > maxCall) {
			return i
		}
	}
	return len(pending)
}

// dispatch starts a runner; a place in Concurrency is taken.
func (s *stream) dispatch(messages []*message) {
	if !s.pump.opts.InOrder {
		s.dice.shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	}
	b := &batch{stream: s, messages: messages, token: s.pump.opts.Clock.Busy(BusyBatch)}
	b.compose()
	s.pump.work.Go(b.run)
}

// keep renews what is held until the pump closes.
func (s *stream) keep() {
	for clock.System.Sleep(s.pump.feed, keepEvery) == nil {
		s.renew()
	}
}

// renew keeps invisible what is about to become visible again although it is still held.
func (s *stream) renew() {
	now := s.pump.opts.System()
	for _, m := range s.holding() {
		m.mu.Lock()
		due, span := m.handle != "" && m.expires.Sub(now) < keepBelow, m.span
		m.mu.Unlock()
		if due {
			s.hide(m, span)
		}
	}
}

func (s *stream) holding() []*message {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*message, 0, len(s.held))
	for m := range s.held {
		all = append(all, m)
	}
	return all
}

// hide keeps a message invisible for d. One that is expired already will come again: it keeps no handle.
func (s *stream) hide(m *message, d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.handle == "" {
		return
	}
	handle, err := s.session.hide(s.pump.calls, m.id, m.handle, d)
	switch {
	case err == nil:
		m.handle, m.expires, m.span = handle, s.pump.opts.System().Add(d), d
	case refusedWith(err, v2.Code_INVALID_RECEIPT_HANDLE):
		m.handle = ""
	default:
		s.pump.opts.Log.Warn("message could not be kept", "group", s.Group, "message", m.id, "error", err)
	}
}

// letGo forgets messages.
func (s *stream) letGo(messages []*message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range messages {
		delete(s.held, m)
	}
}

// ack acknowledges and forgets messages.
func (s *stream) ack(messages []*message) {
	s.letGo(messages)
	for len(messages) > 0 {
		n := min(len(messages), ackBatch)
		s.ackSome(messages[:n])
		messages = messages[n:]
	}
}

func (s *stream) ackSome(messages []*message) {
	entries := make([]*v2.AckMessageEntry, 0, len(messages))
	for _, m := range messages {
		m.mu.Lock()
		if m.handle != "" {
			entries = append(entries, &v2.AckMessageEntry{MessageId: m.id, ReceiptHandle: m.handle})
		}
		m.handle = "" // the keeper must not bring it back to life
		m.mu.Unlock()
	}
	if len(entries) == 0 {
		return
	}
	var err error
	for range ackTries {
		if err = s.session.ack(s.pump.calls, entries); err == nil || s.pump.calls.Err() != nil {
			break
		}
		_ = clock.System.Sleep(s.pump.calls, ackPause) // an end shows in the next try
	}
	if err != nil {
		s.pump.opts.Log.Warn("messages were not acknowledged and will come again", "group", s.Group, "messages", len(entries), "error", err)
	}
}
