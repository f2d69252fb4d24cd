package turn_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/turn"
	"github.com/stretchr/testify/require"
)

// testing.T or rapid.T.
type tester interface {
	require.TestingT
	Helper()
	Logf(format string, args ...any)
}

var begin = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC) // noon in Shanghai

const (
	leaseTime = 5 * time.Second
	fee       = money.Fen(1500)
)

// desk is dispatch without tables and network: one order, a clock that is told, and what
// the turns wrote.
type desk struct {
	t        tester
	now      time.Time
	agg      *order.Aggregate
	carriers map[string]carrier.Facts
	prices   map[string]money.Fen
	book     penalty.Book
	short    map[string]bool // carriers whose prepaid balance is used up
	off      map[string]string
	seen     map[string]order.EventRow
	events   []order.EventRow
	facts    []order.Fact
	owed     []message.Owed // of the last turn
	calls    []turn.PlannedCall
	alarms   []string
	decided  map[string]string
	turns    int
	widest   int // how many carriers the strategies so far would have had at it at once
}

func newDesk(t tester, carriers ...string) *desk {
	if len(carriers) == 0 {
		carriers = []string{"uupt", "shansong"}
	}
	d := &desk{
		t: t, now: begin, book: penalty.Default(), seen: map[string]order.EventRow{}, short: map[string]bool{}, decided: map[string]string{},
		prices: map[string]money.Fen{"uupt": 800, "shansong": 1400, "third": 900, "sftc": 800},
		carriers: map[string]carrier.Facts{
			"uupt":     {Account: "u", SignedPush: true},
			"shansong": {Account: "s", ConfirmReturn: true, CancelReturns: true},
			"third":    {Account: "t", SignedPush: true},
			"sftc":     {Account: "f", SignedPush: true, QuietFine: true},
		},
	}
	d.agg = &order.Aggregate{Order: order.Order{
		ID: 7, Platform: "meituan", No: "M1", City: "330100", State: order.Received, Version: 1, Round: 1, Fee: fee, ReceivedAt: begin,
		Strategy: strategy.Strategy{Name: "test", Mode: strategy.Sequential, Carriers: carriers,
			AcceptTimeout: strategy.Duration(90 * time.Second), GiveUpAfter: strategy.Duration(15 * time.Minute)},
		Timers: []order.Timer{
			{Kind: order.TimerQuote, Due: begin.Add(30 * time.Second), Epoch: 1},
			{Kind: order.TimerGiveUp, Due: begin.Add(15 * time.Minute), Epoch: 1},
		},
		ActAt: begin.Add(30 * time.Second),
	}}
	d.events = []order.EventRow{{Key: "create", Version: 1, Kind: "order", To: string(order.Received), Decision: order.Applied}}
	return d
}

func (d *desk) env() turn.Env {
	return turn.Env{
		Now: d.now, System: d.now, Owner: "test", Lease: leaseTime, Book: d.book,
		Carrier: func(name string) (carrier.Facts, bool) { f, ok := d.carriers[name]; return f, ok },
		Off:     func(name string) string { return d.off[name] },
		Hold:    func(name, _ string, _ money.Fen) (int, bool) { return 3, !d.short[name] },
		Virtual: func(system time.Time) time.Time { return system },
		Seen:    func(key string) (order.EventRow, bool) { row, ok := d.seen[key]; return row, ok },
	}
}

// turn runs one turn, checks what must always hold, and commits it.
func (d *desk) turn(input func(*turn.Turn)) *turn.Turn {
	d.t.Helper()
	t := turn.New(d.agg, d.env())
	if input != nil {
		input(t)
	}
	t.Finish()
	checkTurn(d, t)
	d.commit(t)
	return t
}

func (d *desk) commit(t *turn.Turn) {
	d.turns++
	for i, e := range t.Events {
		if i == 0 {
			e.Owes, _ = json.Marshal(t.Owed)
		}
		d.seen[e.Key] = e
	}
	d.events, d.facts = append(d.events, t.Events...), append(d.facts, t.Facts...)
	d.calls, d.alarms, d.owed = append(d.calls, t.Calls...), append(d.alarms, t.Alarms...), t.Owed
	for _, c := range t.Decided {
		d.decided[c.Key] = c.Decision
	}
	d.agg = t.Aggregate
	d.agg.Commands = slices.DeleteFunc(d.agg.Commands, func(c *order.Command) bool { return c.Applied > 0 })
	if d.agg.Outcome != nil && d.agg.Outcome.Round != d.agg.Round {
		d.agg.Outcome, d.agg.Quotes = nil, nil
	}
}

// settle is what report and settle do.
func (d *desk) settle() {
	d.agg.TellAt, d.agg.PostAt, d.agg.Told = time.Time{}, time.Time{}, d.agg.Milestone
}

// pass lets time go by: every due instant on the way has its turn. It stops where a call is
// made, for the scenario to say what became of it.
func (d *desk) pass(span time.Duration) {
	d.t.Helper()
	end := d.now.Add(span)
	for turns := 0; !d.agg.ActAt.IsZero() && !d.agg.ActAt.After(end); turns++ {
		require.Less(d.t, turns, int(span.Minutes()*20)+20, "too many turns: something is hot")
		d.now = later(d.now, d.agg.ActAt)
		if len(d.turn(nil).Calls) > 0 {
			return
		}
	}
	d.now = end
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// outcome closes the present round with a price of every carrier, or with refusals.
func (d *desk) outcome(refused ...string) {
	o, r := d.agg, d.agg.Round
	o.Outcome, o.Quotes = &order.Outcome{Round: r, Result: order.ResultNone}, nil
	for i, name := range o.Strategy.Carriers {
		q := order.Quote{Round: r, Carrier: name, N: (r-1)*8 + i + 1, Account: d.carriers[name].Account, Token: "token", Price: d.prices[name], ExpiresAt: d.now.Add(5 * time.Minute)}
		if slices.Contains(refused, name) {
			q.Price, q.Refused = 0, "no capacity"
		} else {
			o.Outcome.Result = order.ResultQuoted
		}
		o.Quotes = append(o.Quotes, q)
	}
}

// answer answers the call that is under way for an attempt.
func (d *desk) answer(n int, fill func(*turn.Answer)) {
	d.t.Helper()
	a := d.agg.Attempt(n)
	require.NotNil(d.t, a, "no attempt %d", n)
	require.NotEmpty(d.t, a.Call.Kind, "no call of attempt %d is under way", n)
	d.answerTo(n, a.Call.Kind, a.Call.Seq, fill)
}

func (d *desk) answerTo(n int, kind string, seq int, fill func(*turn.Answer)) {
	d.t.Helper()
	ans := turn.Answer{N: n, Seq: seq, Kind: kind}
	if fill != nil {
		fill(&ans)
	}
	d.turn(func(t *turn.Turn) { t.Answer(ans) })
}

func (d *desk) signal(n int, s carrier.Status) {
	d.t.Helper()
	d.turn(func(t *turn.Turn) { require.True(d.t, t.Signal(n, s), "attempt %d is not there", n) })
}

// status is what a carrier says now, verified where its pushes are signed.
func (d *desk) status(n int, state carrier.State) carrier.Status {
	name := d.agg.Attempt(n).Carrier
	return carrier.Status{Carrier: name, State: state, Code: string(state), At: d.now, Verified: d.carriers[name].SignedPush}
}

// The summaries that tables compare.

func (d *desk) attempts() string {
	var out []string
	for _, a := range d.agg.Attempts {
		line := fmt.Sprintf("%d %s", a.N, a.State)
		if a.Cause != "" {
			line += "(" + a.Cause + ")"
		}
		out = append(out, line)
	}
	return strings.Join(out, ", ")
}

func (d *desk) money() string {
	var out []string
	for _, f := range d.facts {
		line := fmt.Sprintf("%d %s %d", f.N, f.Kind, f.Amount)
		if f.Cause != "" {
			line += "(" + f.Cause + ")"
		}
		out = append(out, line)
	}
	return strings.Join(out, ", ")
}

func (d *desk) milestones() string {
	var out []string
	for _, e := range d.events {
		if e.Milestone {
			out = append(out, e.To)
		}
	}
	return strings.Join(out, " ")
}

func (d *desk) called() string {
	var out []string
	for _, c := range d.calls {
		out = append(out, fmt.Sprintf("%d %s", c.Attempt.N, c.Kind))
	}
	return strings.Join(out, ", ")
}

func (d *desk) topics() []string {
	var out []string
	for _, o := range d.owed {
		if !slices.Contains(out, o.Topic) {
			out = append(out, o.Topic)
		}
	}
	slices.Sort(out)
	return out
}

// T is a step of a scenario table.
type step func(*desk)

func quoted(refused ...string) step {
	return func(d *desk) {
		d.t.Helper()
		d.outcome(refused...)
		d.turn(func(t *turn.Turn) { t.Quoted(d.agg.Round) })
	}
}

func pass(span time.Duration) step { return func(d *desk) { d.t.Helper(); d.pass(span) } }

func ok(n int) step { return func(d *desk) { d.t.Helper(); d.answer(n, nil) } }

func okPlace(n int) step {
	return func(d *desk) {
		d.t.Helper()
		d.answer(n, func(a *turn.Answer) { a.Placed.CarrierNo = fmt.Sprintf("C%d", n) })
	}
}

func fails(n int, kind carrier.Kind) step {
	return func(d *desk) {
		d.t.Helper()
		d.answer(n, func(a *turn.Answer) { a.Err = &carrier.Error{Carrier: "x", Op: a.Kind, Kind: kind} })
	}
}

func cancelOK(n int, fine ...money.Fen) step {
	return func(d *desk) {
		d.t.Helper()
		d.answer(n, func(a *turn.Answer) {
			if len(fine) > 0 {
				a.Cancel.Penalty = &fine[0]
			}
		})
	}
}

func cancelReturns(n int, fine money.Fen) step {
	return func(d *desk) {
		d.t.Helper()
		d.answer(n, func(a *turn.Answer) { a.Cancel = carrier.CancelResult{Returning: true, Penalty: &fine} })
	}
}

func cancelRefused(n int) step {
	return func(d *desk) {
		d.t.Helper()
		d.answer(n, func(a *turn.Answer) { a.Cancel = carrier.CancelResult{Refused: true, Reason: "too late"} })
	}
}

func shows(n int, state carrier.State, fill ...func(*carrier.Status)) step {
	return func(d *desk) {
		d.t.Helper()
		s := d.status(n, state)
		for _, f := range fill {
			f(&s)
		}
		d.answer(n, func(a *turn.Answer) { a.Status = s })
	}
}

func says(n int, state carrier.State, fill ...func(*carrier.Status)) step {
	return func(d *desk) {
		d.t.Helper()
		s := d.status(n, state)
		for _, f := range fill {
			f(&s)
		}
		d.signal(n, s)
	}
}

func charged(f money.Fen) func(*carrier.Status) { return func(s *carrier.Status) { s.Charged = &f } }

func fined(f money.Fen) func(*carrier.Status) { return func(s *carrier.Status) { s.Penalty = &f } }

func by(e carrier.Ender) func(*carrier.Status) { return func(s *carrier.Status) { s.EndedBy = e } }

func rider(name string) func(*carrier.Status) {
	return func(s *carrier.Status) { s.Rider = order.Rider{Name: name} }
}

func earlierBy(span time.Duration) func(*carrier.Status) {
	return func(s *carrier.Status) { s.At = s.At.Add(-span) }
}

func withdraws(key string) step {
	return func(d *desk) {
		d.t.Helper()
		d.agg.Commands = append(d.agg.Commands, &order.Command{Key: key, Kind: order.CommandCancel, By: "platform", ReceivedAt: d.now})
		d.turn(nil)
	}
}

// delivering takes attempt n from placed to the customer's door.
func delivering(n int) step {
	return func(d *desk) {
		d.t.Helper()
		for _, s := range []carrier.State{carrier.Accepted, carrier.Arrived, carrier.PickedUp} {
			d.pass(time.Minute)
			says(n, s)(d)
		}
		d.pass(time.Minute)
	}
}

func run(t *testing.T, d *desk, steps ...step) {
	t.Helper()
	for _, s := range steps {
		s(d)
	}
}

// notFound answers a query and lets time go by until the next one.
func notFound(n int) step {
	return func(d *desk) {
		d.t.Helper()
		fails(n, carrier.KindNotFound)(d)
		if d.agg.Attempt(n).State == order.Unknown {
			d.pass(20 * time.Second)
		}
	}
}

// neverPlaced takes attempt n through doubt and quarantine.
func neverPlaced(n int) step {
	return func(d *desk) {
		d.t.Helper()
		fails(n, carrier.KindTemporary)(d)
		d.pass(2 * time.Second)
		for d.agg.Attempt(n).State == order.Unknown {
			notFound(n)(d)
		}
	}
}

// delivering2 is pickup by a carrier whose arrival was not told.
func delivering2(n int) step {
	return func(d *desk) { d.t.Helper(); d.pass(time.Minute); says(n, carrier.PickedUp)(d); d.pass(time.Minute) }
}

// refusedUntilGiveUp lets the accept timer of a waiting attempt expire, the cancel be
// refused, and so on, until the order strives to be failed and the carrier is to be told.
func refusedUntilGiveUp(n int) step {
	return func(d *desk) {
		d.t.Helper()
		for d.agg.Goal == order.NoGoal {
			d.pass(100 * time.Second)
			switch a := d.agg.Attempt(n); {
			case a.Call.Kind == order.CallQuery:
				shows(n, carrier.Waiting)(d)
			case a.Call.Kind == order.CallCancel && d.agg.Goal == order.NoGoal:
				cancelRefused(n)(d)
			}
			if a := d.agg.Attempt(n); a.Call.Kind == order.CallCancel && d.agg.Goal == order.NoGoal {
				cancelRefused(n)(d)
			}
		}
		require.Equal(d.t, order.CallCancel, d.agg.Attempt(n).Call.Kind)
	}
}

func answerPlaced(n int, f money.Fen) step {
	return func(d *desk) {
		d.t.Helper()
		d.answer(n, func(a *turn.Answer) { a.Placed = carrier.Placed{CarrierNo: "C", Charged: &f} })
	}
}

func withdrawsAt(key string, epoch int) step {
	return func(d *desk) {
		d.t.Helper()
		d.agg.Commands = append(d.agg.Commands, &order.Command{Key: key, Kind: order.CommandCancel, By: "platform", ReceivedAt: d.now, Epoch: epoch})
		d.turn(nil)
	}
}

// bothCancel: the carrier's cancel and the platform's in one batch.
func bothCancel(n int) step {
	return func(d *desk) {
		d.t.Helper()
		d.agg.Commands = append(d.agg.Commands, &order.Command{Key: "k", Kind: order.CommandCancel, By: "platform", ReceivedAt: d.now})
		s := d.status(n, carrier.Cancelled)
		d.turn(func(t *turn.Turn) { t.Signal(n, s) })
	}
}

// quotedNow closes the present round, whichever it is.
func quotedNow(refused ...string) step { return quoted(refused...) }

func undeliverable(reason string) step {
	return func(d *desk) {
		d.t.Helper()
		d.agg.Outcome = &order.Outcome{Round: d.agg.Round, Result: order.ResultUndeliverable, Reason: reason}
		d.turn(func(t *turn.Turn) { t.Quoted(d.agg.Round) })
	}
}

// refusedCalls are the calls of refusedUntilGiveUp within the strategy's fifteen minutes.
var refusedCalls = strings.Repeat("1 query, 1 cancel, ", 8) + "1 query, "

// comingBack lets the goods be on their way until the return is to be confirmed.
func comingBack(n int) step {
	return func(d *desk) {
		d.t.Helper()
		for d.agg.Attempt(n).Call.Kind != order.CallConfirm {
			d.pass(10 * time.Minute)
			if d.agg.Attempt(n).Call.Kind == order.CallQuery {
				shows(n, carrier.Returning)(d)
			}
		}
	}
}
