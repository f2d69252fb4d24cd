package trigger

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/template"
	"github.com/chuandao/qianfan/shared/clock"
)

// batch is what one call carries, until it is delivered, dead or given up.
type batch struct {
	*stream
	messages []*message
	payload  []byte
	again    []byte // some of it once more after success, on purpose; or nil
	token    func() // the Busy token; held except while waiting for a retry
}

// compose encodes the batch, and doubles messages where chance says so: half of them inside, half in a delivery of their own.
func (b *batch) compose() {
	var once, twice []json.RawMessage
	for _, m := range b.messages {
		once = append(once, m.event)
		if !b.dice.chance(b.pump.opts.Duplicate) {
			continue
		}
		b.duplicates.Add(1)
		if b.dice.chance(0.5) {
			once = append(once, m.event)
		} else {
			twice = append(twice, m.event)
		}
	}
	b.payload = array(once)
	if len(b.payload) > maxCall { // doubling made it too large
		b.payload = array(once[:len(b.messages)])
	}
	if len(twice) > 0 {
		b.again = array(twice)
	}
}

// run delivers the batch, again on the trigger's schedule while it fails, and disposes of it when the schedule ends. On entry it has a
// place in Concurrency and a token; it gives both back.
func (b *batch) run() {
	b.flying.Add(1)
	defer func() { b.flying.Add(-1); b.token(); <-b.slots }()
	for retry := 0; ; retry++ {
		err := b.call(b.payload)
		if err == nil {
			b.succeeded()
			return
		}
		if b.pump.calls.Err() != nil {
			b.letGo(b.messages)
			return
		}
		b.failures.Add(1)
		wait, more := retryWait(b.Retry, retry, b.dice)
		b.pump.opts.Log.Warn("batch failed", "function", b.Function, "topic", b.Topic, "messages", len(b.messages), "retry", retry, "error", err, "again_in", wait)
		if !more {
			b.exhausted()
			return
		}
		if !b.wait(wait) {
			b.letGo(b.messages)
			return
		}
	}
}

func (b *batch) call(payload []byte) error {
	return b.pump.opts.Invoke(b.pump.calls, b.Function, payload)
}

func (b *batch) succeeded() {
	b.batches.Add(1)
	if b.again != nil {
		if err := b.call(b.again); err != nil {
			b.failures.Add(1) // it was delivered before: nothing is lost
			b.pump.opts.Log.Warn("deliberate duplicate failed", "function", b.Function, "topic", b.Topic, "error", err)
		}
	}
	b.ack(b.messages)
}

// wait parks the batch for d of virtual time: its messages stay invisible by explicit request, so the broker does not count them as
// being worked on, and token and place are given back meanwhile. It returns false when the pump closes first.
func (b *batch) wait(d time.Duration) bool {
	for _, m := range b.messages {
		b.hide(m, parked)
	}
	alarm := &alarm{clock: b.pump.opts.Clock, rang: make(chan struct{})}
	stop := b.pump.opts.Clock.AfterFunc(b.pump.opts.Clock.Now().Add(d), alarm.ring)
	held := b.onHold.Add(1) > maxWaiting // too many: keep the place, and with it the stream back
	b.flying.Add(-1)
	b.token()
	if !held {
		<-b.slots
	}
	rang := alarm.wait(b.pump.feed)
	stop()
	b.token = alarm.take()
	b.onHold.Add(-1)
	b.flying.Add(1)
	if !held {
		b.slots <- struct{}{} // at a closing pump too: run gives it back
	}
	return rang
}

// alarm rings in virtual time, and opens the token for what it wakes before the clock can move on.
type alarm struct {
	clock Clock
	rang  chan struct{}

	mu    sync.Mutex
	token func()
	over  bool
}

func (a *alarm) ring() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return
	}
	a.token = a.clock.Busy(BusyBatch)
	close(a.rang)
}

func (a *alarm) wait(ctx context.Context) bool {
	select {
	case <-a.rang:
		return true
	case <-ctx.Done():
		return false
	}
}

// take ends the alarm and gives its token, or one that does nothing when it never rang.
func (a *alarm) take() func() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	if a.token == nil {
		return func() {}
	}
	return a.token
}

// exhausted ends a batch that no retry will deliver: to the dead letters, or, with errorsTolerance NONE, by stopping the stream with
// its messages unacknowledged.
func (b *batch) exhausted() {
	if b.ErrorsTolerance == template.ToleranceNone {
		b.blocked.Store(true)
		b.stop()
		b.letGo(b.messages)
		b.pump.opts.Log.Error("stream is blocked: retries are used up and errorsTolerance is NONE", "function", b.Function, "topic", b.Topic, "group", b.Group)
		return
	}
	events := make([]json.RawMessage, len(b.messages))
	for i, m := range b.messages {
		events[i] = m.event
	}
	switch {
	case b.DeadLetterTopic == "":
		b.pump.opts.Log.Error("messages are dropped: there is no dead letter queue", "function", b.Function, "topic", b.Topic, "messages", len(b.messages))
	case b.bury(events):
		b.letters.Add(int64(len(b.messages)))
	default:
		b.letGo(b.messages)
		return
	}
	b.ack(b.messages)
}

// bury sends events to the dead letter topic as arrays, in as few messages as their size allows. It tries until it succeeds or the
// pump closes.
func (b *batch) bury(events []json.RawMessage) bool {
	body := array(events)
	if len(body) > maxBody && len(events) > 1 {
		half := len(events) / 2
		return b.bury(events[:half]) && b.bury(events[half:])
	}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := b.session.send(b.pump.calls, b.DeadLetterTopic, body, b.pump.opts.System())
		if err == nil {
			return true
		}
		b.pump.opts.Log.Error("dead letter was not sent", "topic", b.DeadLetterTopic, "error", err, "again_in", pause)
		if clock.System.Sleep(b.pump.feed, pause) != nil {
			return false
		}
	}
}
