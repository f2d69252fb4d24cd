// Package turn decides what happens to one order: inputs go in, state changes, settlement
// facts, obligations and calls come out. It is pure; clock, holds and rules are handed in,
// so the same code runs in the cloud, on the emulator and in a property test.
//
// One turn is: the inputs of a batch in order, then the commands that wait, the timers that
// are due, the next step of dispatching, and the calls that may start.
package turn

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
)

// Env is everything that a turn may know besides the order.
type Env struct {
	Now    time.Time // virtual
	System time.Time
	Owner  string        // instance that will make the calls
	Lease  time.Duration // of a call, system time
	Book   penalty.Book
	// Carrier gives a carrier's facts; false = switched off or unknown.
	Carrier func(name string) (carrier.Facts, bool)
	// Off says why no new attempt may start with a carrier, "" if it may; nil = all may.
	Off func(carrier string) string
	// Hold takes an amount out of the prepaid balance; false = not enough is free.
	Hold func(carrier, account string, amount money.Fen) (shard int, ok bool)
	// Virtual converts a system instant, for due times.
	Virtual func(system time.Time) time.Time
	// Seen finds the row that an earlier turn wrote for an input.
	Seen func(key string) (order.EventRow, bool)
}

// Ref ties a carrier's number to an attempt.
type Ref struct {
	Carrier   string
	CarrierNo string
	N         int
}

// PlannedCall is a call whose lease is committed with the turn.
type PlannedCall struct {
	Order                int64
	Platform, City, Shop string        // the order's
	Attempt              order.Attempt // as committed
	Kind                 string
	Seq                  int
	Until                time.Time // system time: no byte is written after it
}

// Turn is one pass over one order. Its results are to be committed together.
type Turn struct {
	*order.Aggregate
	Events  []order.EventRow
	Facts   []order.Fact
	Owed    []message.Owed
	Refs    []Ref
	Calls   []PlannedCall
	Decided []*order.Command // commands that this turn applied or refused
	Changed map[int]bool     // attempts to write, by number
	Alarms  []string

	env    Env
	key    string
	rows   int           // rows written for the present input
	loaded []order.Timer // timers that were armed before
}

// New starts a turn on a copy of the loaded order.
func New(loaded *order.Aggregate, env Env) *Turn {
	return &Turn{Aggregate: loaded.Clone(), env: env, Changed: map[int]bool{}, loaded: loaded.Timers}
}

// begin opens an input; false means that it was seen before, in this turn or in an earlier
// one whose obligations are owed again.
func (t *Turn) begin(key string) bool {
	t.key, t.rows = key, 0
	if slices.ContainsFunc(t.Events, func(e order.EventRow) bool { return e.Key == key }) {
		return false
	}
	if t.env.Seen == nil {
		return true
	}
	row, ok := t.env.Seen(key)
	if !ok {
		return true
	}
	var owes []message.Owed
	if len(row.Owes) > 0 && json.Unmarshal(row.Owes, &owes) == nil {
		t.Owed = append(t.Owed, owes...)
	}
	return false
}

// row describes a line of history before it gets its key and version.
type row struct {
	n         int
	kind      string
	from, to  string
	decision  string
	milestone bool
	detail    any
}

// record writes a line of history; an applied one is a new version of the order.
func (t *Turn) record(r row) {
	e := order.EventRow{Key: t.key, N: r.n, Kind: r.kind, From: r.from, To: r.to, Decision: r.decision, Milestone: r.milestone, At: t.env.Now}
	if t.rows > 0 {
		e.Key = fmt.Sprintf("%s/%d", t.key, t.rows)
	}
	t.rows++
	if r.decision == order.Applied {
		t.Version++
		e.Version = t.Version
	}
	if r.milestone {
		t.Milestone = t.Version
		t.TellAt = earlier(t.TellAt, t.env.Now)
		t.owe(message.Owed{Topic: message.OrderStatus, Item: t.item()})
	}
	if r.detail != nil {
		e.Detail, _ = json.Marshal(r.detail)
	}
	t.Events = append(t.Events, e)
}

func (t *Turn) item() message.Item {
	return message.Item{Key: fmt.Sprint(t.ID), Order: t.ID}
}

func (t *Turn) owe(o message.Owed) { t.Owed = append(t.Owed, o) }

// alarm asks for a person; the first reason stands until it is settled.
func (t *Turn) alarm(reason string) {
	t.Alarms = append(t.Alarms, reason)
	if t.Attention == "" {
		t.Attention = reason
	}
}

// arm sets a timer, replacing one of the same kind and number.
func (t *Turn) arm(kind string, n int, after, step time.Duration) {
	t.disarm(kind, n)
	due := roundUp(t.env.Now.Add(after), step)
	t.Timers = append(t.Timers, order.Timer{Kind: kind, N: n, Due: due, Epoch: t.Version})
}

func (t *Turn) disarm(kind string, n int) {
	t.Timers = slices.DeleteFunc(t.Timers, func(x order.Timer) bool { return x.Kind == kind && x.N == n })
}

func (t *Turn) armed(kind string, n int) bool { return t.timer(kind, n) >= 0 }

// timer is the index of an armed timer, or -1.
func (t *Turn) timer(kind string, n int) int {
	return slices.IndexFunc(t.Timers, func(x order.Timer) bool { return x.Kind == kind && x.N == n })
}

func (t *Turn) earliest() time.Time {
	if len(t.Timers) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(t.Timers, func(a, b order.Timer) int { return a.Due.Compare(b.Due) }).Due
}

// due pops the timers whose time has come, in order.
func (t *Turn) due() []order.Timer {
	var fired []order.Timer
	t.Timers = slices.DeleteFunc(t.Timers, func(x order.Timer) bool {
		if x.Due.After(t.env.Now) {
			return false
		}
		fired = append(fired, x)
		return true
	})
	slices.SortFunc(fired, func(a, b order.Timer) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.N, b.N))
	})
	return fired
}

// Timer steps: due times round up so that many timers share one message.
const (
	timerStep = 5 * time.Second
	watchStep = 30 * time.Second
)

func roundUp(at time.Time, step time.Duration) time.Time {
	if r := at.Truncate(step); r.Before(at) {
		return r.Add(step)
	}
	return at
}

// earlier is the earlier of two instants of which zero means none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// touch marks the attempt as changed by the present version: answers of calls that were
// decided before are stale.
func (t *Turn) touch(a *order.Attempt) {
	t.Changed[a.N] = true
	a.Changed = t.Version
}

// touchQuietly marks the attempt for writing without calling it changed.
func (t *Turn) touchQuietly(a *order.Attempt) { t.Changed[a.N] = true }

func (t *Turn) since(at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return t.env.Now.Sub(at)
}
