package turn

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/strategy"
)

const (
	quoteOverdue = 30 * time.Second // a round without an outcome is asked for again
	roundPause   = 15 * time.Second // between a round that helped nobody and the next
	returnWait   = 15 * time.Minute // until goods on their way back are confirmed as received
	confirmAgain = 5 * time.Minute  // between two confirmations of one return
	quickRounds  = 2                // rounds that follow at once when all carriers were tried
	maxRounds    = 100              // our number has three digits for the attempt
	maxSteps     = 100              // of one turn: far more than the tables allow
)

// Quoted says that a quote round has its outcome. It is a hint: what the outcome means is
// decided by advance, whatever brought it to light.
func (t *Turn) Quoted(round int) {
	if round == t.Round && t.Outcome == nil && !t.State.Final() {
		return // not closed yet: whoever closes it says so again
	}
	if !t.begin(fmt.Sprintf("q:%d", round)) {
		return
	}
	if round != t.Round || t.State.Final() || t.Goal != order.NoGoal {
		t.record(row{kind: "quoted", to: fmt.Sprint(round), decision: order.Ignored})
		return
	}
	t.record(row{kind: "quoted", to: t.Outcome.Result, decision: order.Applied, detail: map[string]any{"round": round, "reason": t.Outcome.Reason}})
}

// Finish ends the turn: commands, due timers, the next step, calls and due times.
func (t *Turn) Finish() {
	t.adopt()
	for _, c := range t.Commands {
		if c.Applied == 0 {
			t.command(c)
		}
	}
	for _, x := range t.due() {
		t.fire(x)
	}
	t.readOn()
	t.key, t.rows = fmt.Sprintf("s:%d", t.Version), 0
	for range maxSteps {
		if !t.advance() {
			break
		}
	}
	t.plan()
	t.schedule()
}

// fire does what a timer is for.
func (t *Turn) fire(x order.Timer) {
	t.key, t.rows = fmt.Sprintf("t:%s:%d:%d:%d", x.Kind, x.N, x.Epoch, x.Due.UnixMilli()), 0
	a := t.Attempt(x.N)
	switch x.Kind {
	case order.TimerRelease:
		t.released()
	case order.TimerQuote:
		t.quoteDue()
	case order.TimerGiveUp:
		t.giveUp("nobody took it in time")
	case order.TimerAccept:
		if a != nil && a.State == order.Placed {
			a.Want.Query, a.Want.Expired = true, true
			t.touchQuietly(a)
		}
	case order.TimerWatch:
		if a != nil && a.Live() {
			t.watch(a)
		}
	case order.TimerConfirm:
		if a != nil && a.State == order.AttemptReturning {
			a.Want.Confirm = true
			t.touchQuietly(a)
		}
	case order.TimerWiden:
		t.widen()
	case order.TimerTip:
		t.raiseTip(a)
	case order.TimerPickup, order.TimerDeliver:
		t.overdue(a, x.Kind)
	case order.TimerFigure:
		t.figureDue(a)
	case order.TimerRetry: // the call that waited is planned below
	}
}

// released starts a scheduled order (预约单); from now on it may be given up.
func (t *Turn) released() {
	if t.Round > 0 && !t.waits() || t.State.Final() || t.Goal != order.NoGoal {
		return
	}
	t.newRound()
	t.arm(order.TimerGiveUp, 0, time.Duration(t.Strategy.GiveUpAfter), timerStep)
}

func (t *Turn) giveUp(reason string) {
	if t.Goal == order.NoGoal && t.Winner == 0 && !t.State.Final() {
		t.Goal, t.GoalCause = order.ToFail, reason
	}
}

// quoteDue asks for the present round again, or starts the next one.
func (t *Turn) quoteDue() {
	if t.State.Final() || t.Goal != order.NoGoal || t.Winner != 0 || t.live() >= t.width() || t.waits() {
		return
	}
	if t.Outcome == nil && t.Round > 0 {
		t.wantQuotes()
		return
	}
	if t.offered() && !t.stale() { // stale: there was no money for what it offers, and prices have run out since
		return // it came after all: advance takes it up
	}
	t.newRound()
}

// offered reports whether the present round holds something that the order has not tried.
func (t *Turn) offered() bool {
	if t.Outcome == nil || t.Outcome.Result != order.ResultQuoted {
		return false
	}
	i, _ := t.choose()
	return i >= 0
}

func (t *Turn) newRound() {
	if t.Round >= maxRounds {
		t.giveUp("too many quote rounds")
		return
	}
	t.Round++
	t.Outcome, t.Quotes = nil, nil
	t.record(row{kind: "round", to: fmt.Sprint(t.Round), decision: order.Applied})
	t.wantQuotes()
}

func (t *Turn) wantQuotes() {
	t.owe(message.Owed{Topic: message.QuoteWanted, Item: message.Item{Key: fmt.Sprintf("%d:%d", t.ID, t.Round), Order: t.ID, Round: t.Round}})
	t.arm(order.TimerQuote, 0, quoteOverdue, timerStep)
}

func (t *Turn) live() int {
	n := 0
	for _, a := range t.Attempts {
		if a.Live() {
			n++
		}
	}
	return n
}

// advance takes one step of dispatching; false = nothing to do now.
func (t *Turn) advance() bool {
	switch {
	case t.State.Final() && t.Winner == 0:
		return t.withdraw(order.CauseRevived, 0) // what still runs for an order that is over
	case t.State.Final():
		return t.withdraw(order.CauseLostRace, t.Winner)
	case t.Goal != order.NoGoal:
		return t.pursue()
	case t.Winner != 0:
		return t.withdraw(order.CauseLostRace, t.Winner)
	case t.live() >= t.width():
		return false
	case t.Outcome != nil && t.Outcome.Result == order.ResultUndeliverable && t.live() == 0:
		t.giveUp(t.Outcome.Reason)
		return true
	case t.State == order.Received:
		return t.open()
	case t.State == order.Dispatching:
		return t.next()
	}
	return false
}

// open starts dispatching once a round has brought a price.
func (t *Turn) open() bool {
	return t.Outcome != nil && t.Outcome.Result == order.ResultQuoted &&
		t.move(order.OnQuoted, map[string]any{"round": t.Round}) && t.move(order.OnDispatch, nil)
}

// pursue strives for the goal: withdraw every live attempt, then the goal is reached.
func (t *Turn) pursue() bool {
	if t.live() == 0 {
		return t.reach()
	}
	cause := order.CauseCancelled
	if t.Goal == order.ToFail {
		cause = order.CauseGiveUp
	}
	moved := t.State != order.Cancelling && t.State != order.Returning && t.move(order.OnCancelling, map[string]any{"goal": t.Goal, "cause": t.GoalCause})
	for _, a := range t.Attempts {
		ours := a.N == t.Winner && a.Want.Cancel != "" && a.Want.Cancel != cause // it lost the race once
		if a.Live() && (ours || strength[a.Want.Cancel] < strength[cause]) {
			a.Want.Cancel = cause // the goal is the stronger reason: a refusal must not end the wish
			t.touch(a)
		}
	}
	return t.withdraw(cause, 0) || moved
}

// strength ranks the reasons to withdraw an attempt; a goal replaces a weaker one. No wish
// is withdraw's to make, and what withdraws a rival stands whatever the goal.
var strength = map[string]int{order.CauseAcceptTimeout: 1, order.CausePickupTimeout: 1, order.CauseRedispatch: 1, order.CauseChanged: 2, order.CauseGiveUp: 2, order.CauseCancelled: 3,
	"": 4, order.CauseLostRace: 4, order.CauseRevived: 4}

func (t *Turn) reach() bool {
	on := order.OnCancelled
	if t.Goal == order.ToFail {
		on = order.OnFailed
	}
	return t.move(on, map[string]any{"cause": t.GoalCause})
}

// next starts the attempt that the strategy chooses, or a new round when none is left.
func (t *Turn) next() bool {
	if t.Outcome == nil {
		if !t.armed(order.TimerQuote, 0) {
			t.wantQuotes()
		}
		return false
	}
	i, why := t.choose()
	if i < 0 {
		return t.exhausted(why)
	}
	return t.start(&t.Quotes[i], why)
}

// choose asks the strategy which of the round's offers comes next; -1 is none.
func (t *Turn) choose() (int, []strategy.Verdict) {
	offers := make([]strategy.Offer, len(t.Quotes))
	for i, q := range t.Quotes {
		offers[i] = strategy.Offer{N: q.N, Carrier: q.Carrier, Price: q.Price, AcceptIn: q.AcceptIn, DeliverIn: q.DeliverIn, ExpiresAt: q.ExpiresAt,
			Tried: t.tried(q.Carrier), Used: t.Attempt(q.N) != nil, Refused: cmp.Or(q.Refused, t.barred(q.Carrier))}
	}
	return t.Strategy.Choose(offers, t.Fee, t.env.Now)
}

// tried counts the order's attempts with a carrier.
func (t *Turn) tried(name string) int {
	n := 0
	for _, a := range t.Attempts {
		if a.Carrier == name {
			n++
		}
	}
	return n
}

// barred says why no attempt may start with a carrier, "" if one may.
func (t *Turn) barred(name string) string {
	if _, ok := t.env.Carrier(name); !ok {
		return "not configured"
	}
	if slices.ContainsFunc(t.Attempts, func(a *order.Attempt) bool { return a.Carrier == name && a.Live() }) {
		return "is at it already"
	}
	if t.env.Off == nil {
		return ""
	}
	return t.env.Off(name)
}

// exhausted begins the next round: at once when this one was tried in earnest, else after a pause.
func (t *Turn) exhausted(why []strategy.Verdict) bool {
	if strings.HasSuffix(t.Strategy.Name, forced) && t.live() == 0 && t.Attention == "" {
		t.alarm(t.Strategy.Carriers[0] + " was forced and does not take the order")
	}
	if t.armed(order.TimerQuote, 0) || t.live() > 0 && !t.stale() {
		return false // or others look for a rider: who else could has been asked
	}
	tried := slices.ContainsFunc(t.Quotes, func(q order.Quote) bool { return t.Attempt(q.N) != nil })
	if tried && t.Round < quickRounds && t.live() == 0 {
		t.newRound()
		return false
	}
	t.record(row{kind: "no_offer", to: fmt.Sprint(t.Round), decision: order.Applied, detail: map[string]any{"why_not": why}})
	t.arm(order.TimerQuote, 0, roundPause, timerStep)
	return false
}

// start holds the price and writes the intent; the call follows the commit.
func (t *Turn) start(q *order.Quote, why []strategy.Verdict) bool {
	shard, ok := t.env.Hold(q.Carrier, q.Account, q.Price)
	if !ok {
		q.Refused = "prepaid balance used up"
		t.alarm("prepaid balance of " + q.Carrier + " used up")
		return true
	}
	a := &order.Attempt{N: q.N, Carrier: q.Carrier, Account: q.Account, State: order.Intent, Token: q.Token, Price: q.Price, Shard: shard, Held: q.Price}
	t.Attempts = append(t.Attempts, a)
	t.record(row{n: a.N, kind: "attempt", to: string(order.Intent), decision: order.Applied,
		detail: map[string]any{"carrier": q.Carrier, "price_fen": q.Price, "mode": t.Strategy.Mode, "why_not": why}})
	if q.CarrierNo != "" {
		t.learn(a, q.CarrierNo)
	}
	t.touch(a)
	t.attemptFact(a, order.FactHold, q.Price, "")
	t.disarm(order.TimerQuote, 0)
	t.armWiden()
	return true
}
