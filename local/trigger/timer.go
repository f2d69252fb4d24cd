package trigger

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/template"
)

// timer fires one timer trigger in virtual time. While a call is still running the next instants are passed over: after a jump over an
// hour a minutely timer fires once or twice, not sixty times in a row.
type timer struct {
	template.Timer
	pump *Pump

	mu      sync.Mutex
	stop    func()
	running bool
	closed  bool
}

type timerEvent struct {
	TriggerTime string `json:"triggerTime"`
	TriggerName string `json:"triggerName"`
	Payload     string `json:"payload"`
}

// arm sets the next instant after the given one.
func (t *timer) arm(after time.Time) {
	at := t.Schedule.Next(after)
	if at.IsZero() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.stop = t.pump.opts.Clock.AfterFunc(at, func() { t.fire(at) })
	}
}

func (t *timer) fire(at time.Time) {
	t.mu.Lock()
	begin := !t.closed && !t.running
	if begin {
		t.running = true
		token := t.pump.opts.Clock.Busy(BusyTimer)
		t.pump.work.Go(func() { defer token(); t.call(at) })
	}
	t.mu.Unlock()
	t.arm(at)
}

func (t *timer) call(at time.Time) {
	defer func() {
		t.mu.Lock()
		t.running = false
		t.mu.Unlock()
	}()
	payload, _ := json.Marshal(timerEvent{at.UTC().Format(time.RFC3339), t.Name, t.Payload}) // three texts always marshal
	if err := t.pump.opts.Invoke(t.pump.calls, t.Function, payload); err != nil && t.pump.calls.Err() == nil {
		t.pump.opts.Log.Warn("timer call failed", "function", t.Function, "timer", t.Name, "error", err)
	}
}

func (t *timer) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.stop != nil {
		t.stop()
	}
}
