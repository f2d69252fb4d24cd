package turn

import (
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// Answer is what a call brought.
type Answer struct {
	N      int
	Seq    int
	Kind   string
	Placed carrier.Placed
	Cancel carrier.CancelResult
	Fee    *money.Fen // what the pre-query before a cancel said
	Status carrier.Status
	Err    error
}

// Quarantine of a placement in doubt: so many empty queries over so long prove that it never was.
const (
	emptyQueries = 3
	quarantine   = time.Minute
	maxTries     = 8 // failed calls in a row before a person is asked
)

// backoff spaces the tries of a failing call, in virtual time.
func backoff(tries int) time.Duration {
	return min(5*time.Minute, 5*time.Second<<min(tries, 6))
}

// Answer feeds a call's result back as an event of the same machine.
func (t *Turn) Answer(ans Answer) {
	a := t.Attempt(ans.N)
	if a == nil || !t.begin(fmt.Sprintf("a:%d:%d", ans.N, ans.Seq)) {
		return
	}
	current := a.Call.Seq == ans.Seq && a.Call.Kind == ans.Kind
	stale := a.Changed > a.Call.Seen || !current
	if current {
		a.Call.Kind, a.Call.Owner, a.Call.Until = "", "", time.Time{}
		t.touchQuietly(a)
	}
	switch ans.Kind {
	case order.CallPlace:
		t.placed(a, ans)
	case order.CallQuery:
		t.queried(a, ans, stale)
	case order.CallCancel:
		t.cancelled(a, ans)
	case order.CallConfirm:
		t.confirmed(a, ans)
	}
	if t.rows == 0 {
		t.record(row{n: a.N, kind: "answer", from: ans.Kind, to: string(a.State), decision: decisionOf(ans.Err), detail: errorDetail(ans.Err)})
	}
}

// touchQuietly marks the attempt for writing without calling it changed.
func (t *Turn) touchQuietly(a *order.Attempt) { t.Changed[a.N] = true }

func decisionOf(err error) string {
	if err != nil {
		return order.Verify
	}
	return order.Ignored
}

func errorDetail(err error) any {
	if err == nil {
		return nil
	}
	return map[string]string{"kind": string(carrier.KindOf(err)), "error": err.Error()}
}

func (t *Turn) placed(a *order.Attempt, ans Answer) {
	switch {
	case ans.Err == nil:
		if ans.Placed.CarrierNo != "" {
			t.learn(a, ans.Placed.CarrierNo)
		}
		if c := ans.Placed.Charged; c != nil && a.Live() {
			a.Price = *c
			t.cover(a, *c)
			t.touch(a)
		}
		inDoubt := a.State == order.Unknown
		if (a.State == order.Intent || inDoubt || a.State == order.AttemptRejected) && t.step(a, order.AtPlaced, nil) {
			a.Resolved = a.Resolved || inDoubt
			t.react(a, false)
		}
	case a.State != order.Intent:
		// Something else was heard of it meanwhile: a refusal is doubt now.
		t.inquire(a, 0)
	case carrier.Doubt(ans.Err):
		t.doubt(a, errorDetail(ans.Err))
	default:
		a.Cause = order.CauseRefused
		t.step(a, order.AtRefused, errorDetail(ans.Err))
		t.release(a)
		if carrier.KindOf(ans.Err) == carrier.KindBalanceLow {
			t.alarm("carrier " + a.Carrier + " says our balance is too low")
		}
	}
}

// doubt opens the quarantine of a placement.
func (t *Turn) doubt(a *order.Attempt, detail any) {
	a.DoubtSince = t.env.Now
	t.step(a, order.AtDoubt, detail)
	t.inquire(a, 2*time.Second)
}

// inquire wants a query, not before after.
func (t *Turn) inquire(a *order.Attempt, after time.Duration) {
	a.Want.Query = true
	a.NextCall = t.env.Now.Add(after)
	t.touch(a)
}

func (t *Turn) queried(a *order.Attempt, ans Answer, stale bool) {
	switch {
	case ans.Err == nil:
		t.answeredQuery(a, ans.Status, stale)
	case carrier.KindOf(ans.Err) == carrier.KindNotFound:
		t.notFound(a)
	default:
		t.failing(a)
	}
}

func (t *Turn) answeredQuery(a *order.Attempt, s carrier.Status, stale bool) {
	s.Verified = true
	if stale {
		s.Rider = order.Rider{} // a callback has told newer things since the call began
	} else if s.State == carrier.Waiting && carried(a.State) {
		s.State = carrier.Reassigning // the rider is gone and nobody told us
	}
	expired := a.Want.Expired
	a.Tries, a.NotFound, a.NextCall, a.Call.Doubt = 0, 0, time.Time{}, ""
	a.Want.Query, a.Want.Expired = false, false
	t.touchQuietly(a)
	t.apply(a, s)
	if expired && a.State == order.Placed {
		t.wish(a, order.CauseAcceptTimeout)
	}
	t.renew(a)
}

func (t *Turn) notFound(a *order.Attempt) {
	a.NotFound++
	if a.State != order.Unknown {
		t.failing(a)
		return
	}
	if a.NotFound >= emptyQueries && t.since(a.DoubtSince) >= quarantine {
		a.Cause, a.Resolved, a.Want.Query = order.CauseNeverPlaced, true, false
		t.step(a, order.AtNeverPlaced, map[string]int{"empty_queries": a.NotFound})
		t.release(a)
		return
	}
	t.inquire(a, 20*time.Second)
}

// failing spaces the tries and, after many, asks for a person.
func (t *Turn) failing(a *order.Attempt) {
	a.Tries++
	a.NextCall = t.env.Now.Add(backoff(a.Tries))
	t.touchQuietly(a)
	if a.Want.Expired && a.Tries >= emptyQueries {
		a.Want.Expired = false
		t.wish(a, order.CauseAcceptTimeout)
	}
	if a.Tries == maxTries {
		t.alarm("carrier " + a.Carrier + " does not answer for " + order.OurNo(t.ID, a.N))
	}
}

func (t *Turn) cancelled(a *order.Attempt, ans Answer) {
	if ans.Fee != nil {
		a.CancelFee = ans.Fee
	}
	if !a.Live() {
		// A callback was faster; the answer may still know the exact 违约金.
		t.correct(a, carrier.Status{Verified: true, State: carrier.Cancelled, Penalty: ans.Cancel.Penalty})
		return
	}
	switch kind := carrier.KindOf(ans.Err); {
	case ans.Err == nil && ans.Cancel.Refused, kind == carrier.KindRefused && ans.Err != nil, kind == carrier.KindBalanceLow && ans.Err != nil:
		t.keep(a, ans)
	case ans.Err == nil && ans.Cancel.Returning:
		a.Tries = 0
		t.step(a, order.AtReturning, nil)
		t.react(a, false)
	case ans.Err == nil:
		t.step(a, ending(a, order.AtCancelled), map[string]any{"penalty_fen": ans.Cancel.Penalty})
		t.settled(a, carrier.Status{EndedBy: carrier.ByUs, Penalty: ans.Cancel.Penalty})
		t.react(a, false)
	case carrier.Doubt(ans.Err):
		a.Call.Doubt = order.CallCancel
		a.Tries++
		t.inquire(a, 2*time.Second)
	default:
		t.failing(a)
	}
}

// keep handles a cancel that the carrier refused.
func (t *Turn) keep(a *order.Attempt, ans Answer) {
	a.Refusals++
	cause := a.Want.Cancel
	t.step(a, order.AtCancelRefused, map[string]any{"reason": ans.Cancel.Reason, "error": errorDetail(ans.Err)})
	switch {
	case cause == order.CauseAcceptTimeout, cause == order.CauseGiveUp && carried(a.State), cause == order.CauseCancelled && !a.PickedAt.IsZero():
		a.Want.Cancel = ""
	case a.Refusals >= emptyQueries:
		t.alarm("carrier " + a.Carrier + " keeps refusing to cancel " + order.OurNo(t.ID, a.N))
	}
	if a.Want.Cancel != "" {
		t.inquire(a, backoff(a.Refusals))
		return
	}
	if a.State == order.Placed {
		t.arm(order.TimerAccept, a.N, time.Duration(t.Strategy.AcceptTimeout), timerStep)
	}
	t.claim(a)
	if t.Goal != order.NoGoal {
		t.dropGoal("the carrier refused")
		if on, ok := follows[a.State]; ok {
			t.move(on, map[string]any{"attempt": a.N, "cause": "cancel refused"})
		} else {
			t.move(order.OnRedispatch, map[string]any{"attempt": a.N, "cause": "cancel refused"})
		}
	}
	t.react(a, false)
}

func (t *Turn) confirmed(a *order.Attempt, ans Answer) {
	if !a.Live() {
		return
	}
	if ans.Err == nil {
		a.Want.Confirm = false
	}
	a.Tries++
	t.inquire(a, 2*time.Second)
}

// plan gives each attempt that needs a call its lease. At most one call is under way.
func (t *Turn) plan() {
	for _, a := range t.Attempts {
		if a.Call.Kind != "" && !t.env.System.Before(a.Call.Until) {
			t.expire(a)
		}
		kind := nextCall(a)
		switch {
		case kind == "" || a.Call.Kind != "":
			if a.State == order.AttemptReturning && !a.Want.Confirm && !t.armed(order.TimerRetry, a.N) && t.confirms(a) {
				t.arm(order.TimerRetry, a.N, returnWait, timerStep)
			}
		case a.NextCall.After(t.env.Now):
			t.disarm(order.TimerRetry, a.N)
			t.Timers = append(t.Timers, order.Timer{Kind: order.TimerRetry, N: a.N, Due: roundUp(a.NextCall, time.Second), Epoch: t.Version})
		default:
			t.lease(a, kind)
		}
	}
}

func (t *Turn) confirms(a *order.Attempt) bool {
	facts, ok := t.env.Carrier(a.Carrier)
	return ok && facts.ConfirmReturn
}

// nextCall is the call that an attempt needs most.
func nextCall(a *order.Attempt) string {
	switch {
	case !a.Live():
		return ""
	case a.State == order.Intent && a.Call.Seq == 0:
		return order.CallPlace
	case a.State == order.Intent:
		return "" // its placement is under way
	case a.State == order.Unknown, a.Call.Doubt != "", a.Want.Query:
		return order.CallQuery
	case a.State == order.AttemptCancelling:
		return order.CallCancel
	case a.State == order.AttemptReturning && a.Want.Confirm:
		return order.CallConfirm
	}
	return ""
}

func (t *Turn) lease(a *order.Attempt, kind string) {
	a.Call.Kind, a.Call.Seq, a.Call.Owner = kind, a.Call.Seq+1, t.env.Owner
	a.Call.Until = t.env.System.Add(t.env.Lease)
	a.Call.Seen = t.Version
	a.NextCall = time.Time{}
	t.disarm(order.TimerRetry, a.N)
	t.touchQuietly(a)
	t.Calls = append(t.Calls, PlannedCall{Order: t.ID, Attempt: *a, Kind: kind, Seq: a.Call.Seq, Until: a.Call.Until})
}

// expire ends a lease whose holder vanished: nobody repeats the call, it is queried.
func (t *Turn) expire(a *order.Attempt) {
	kind, seq := a.Call.Kind, a.Call.Seq
	a.Call.Kind, a.Call.Owner, a.Call.Until = "", "", time.Time{}
	t.touchQuietly(a)
	t.key, t.rows = fmt.Sprintf("x:%d:%d", a.N, seq), 0
	detail := map[string]string{"call": kind, "error": "its caller vanished"}
	switch {
	case kind == order.CallPlace && a.State == order.Intent:
		t.doubt(a, detail)
		a.NextCall = time.Time{}
	case kind == order.CallCancel, kind == order.CallConfirm:
		a.Call.Doubt = kind
		t.inquire(a, 0)
		t.record(row{n: a.N, kind: "lease", from: kind, to: string(a.State), decision: order.Verify, detail: detail})
	}
}

// schedule sets the due times and owes the message of the earliest timer.
func (t *Turn) schedule() {
	t.ActAt = t.earliest()
	for _, a := range t.Attempts {
		if a.Call.Kind != "" {
			t.ActAt = earlier(t.ActAt, t.env.Virtual(a.Call.Until))
		}
	}
	if t.ActAt.IsZero() && !(t.State.Final() && t.live() == 0) {
		t.ActAt = t.env.Now.Add(time.Minute) // nothing may be forgotten, whatever the tables say
	}
	if at := t.earliest(); !at.IsZero() && !at.Equal(t.TimerSent) {
		t.TimerSent = at
		for _, x := range t.Timers {
			if x.Due.Equal(at) {
				t.owe(message.Owed{Topic: message.OrderTimer, Due: at, Item: message.Item{
					Key: fmt.Sprintf("%d:%s:%d:%d", t.ID, x.Kind, x.N, x.Epoch), Order: t.ID, Timer: x.Kind, N: x.N, Epoch: x.Epoch}})
			}
		}
	}
}
