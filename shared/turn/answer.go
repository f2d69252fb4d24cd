package turn

import (
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
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
	Tipped carrier.Tipped
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

// pause is the wait before the query that settles a doubt: short at first.
func pause(tries int) time.Duration {
	if tries <= 1 {
		return 2 * time.Second
	}
	return backoff(tries - 1)
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
	}
	t.touchQuietly(a)
	switch ans.Kind {
	case order.CallPlace:
		t.placed(a, ans)
	case order.CallQuery:
		t.queried(a, ans, current, stale)
	case order.CallCancel:
		t.cancelled(a, ans, current)
	case order.CallConfirm:
		t.confirmed(a, ans)
	case order.CallTip:
		t.tipped(a, ans, current)
	}
	if t.rows == 0 {
		t.record(row{n: a.N, kind: "answer", from: ans.Kind, to: string(a.State), decision: decisionOf(ans.Err), detail: errorDetail(ans.Err)})
	}
}

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
		t.confirmedPlace(a, ans.Placed)
	case a.State != order.Intent:
		// Something else was heard of it meanwhile: a refusal is doubt now.
		if a.Live() {
			t.inquire(a, 0)
		}
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

func (t *Turn) confirmedPlace(a *order.Attempt, p carrier.Placed) {
	if p.CarrierNo != "" {
		t.learn(a, p.CarrierNo)
	}
	inDoubt := a.State == order.Unknown
	news := a.State == order.Intent || inDoubt || a.State == order.AttemptRejected
	if p.Charged != nil && (news || a.Live()) {
		a.Price = *p.Charged
		t.cover(a, a.Price)
		t.touch(a)
	}
	if news && t.step(a, order.AtPlaced, nil) {
		a.Resolved = a.Resolved || inDoubt
		t.react(a, false)
	}
}

// doubt opens the quarantine of a placement.
func (t *Turn) doubt(a *order.Attempt, detail any) {
	a.DoubtSince = t.env.Now
	t.step(a, order.AtDoubt, detail)
	t.inquire(a, pause(1))
}

// inquire wants a query, not before after.
func (t *Turn) inquire(a *order.Attempt, after time.Duration) {
	a.Want.Query = true
	a.NextCall = t.env.Now.Add(after)
	t.touchQuietly(a)
}

func (t *Turn) queried(a *order.Attempt, ans Answer, current, stale bool) {
	switch {
	case ans.Err == nil:
		t.answeredQuery(a, ans.Status, current, stale)
	case carrier.KindOf(ans.Err) == carrier.KindNotFound:
		t.notFound(a)
	default:
		a.Want.Query = true
		t.failing(a)
	}
}

// answeredQuery takes a carrier's words. Doubts and due timers are settled by the answer to
// the present call only: one whose lease has ended may have been asked before they arose.
func (t *Turn) answeredQuery(a *order.Attempt, s carrier.Status, current, stale bool) {
	s.Verified = true
	switch {
	case stale:
		// A callback has told newer things since the call began.
		s.Rider = order.Rider{}
		if s.State == carrier.Reassigning {
			s.State = carrier.Waiting
		}
	case s.State == carrier.Waiting && carried(a.State):
		s.State = carrier.Reassigning // the rider is gone and nobody told us
	}
	expired, overdue := false, ""
	if current {
		t.tipShown(a, s.Charged)
		expired, overdue = a.Want.Expired, a.Want.Overdue
		a.Call.Doubt, a.Want.Expired, a.Want.Overdue = "", false, ""
	}
	if a.State != order.AttemptCancelling {
		a.Tries = 0 // cancels that fail are counted across the queries between them
	}
	a.NotFound, a.NextCall = 0, time.Time{}
	t.apply(a, s)
	if !a.Live() && current {
		t.learnEnd(a, s, stale)
	}
	switch {
	case expired && a.State == order.Placed:
		t.wish(a, order.CauseAcceptTimeout)
	case overdue != "":
		t.late(a, overdue)
	case !stale && a.State == order.AttemptReturning && s.State == carrier.PickedUp:
		t.keep(a, map[string]string{"reason": "the goods go on to the customer"})
		return
	}
	t.react(a, false)
}

// learnEnd takes a carrier's word on an attempt that is over.
func (t *Turn) learnEnd(a *order.Attempt, s carrier.Status, stale bool) {
	_, stated := statedCost(a, s)
	switch {
	case stale:
		a.Want.Query = a.Want.Query || a.Want.Figure > 0 // asked before what happened last
		return
	case s.State != "" && !s.State.Final():
		t.inquire(a, confirmAgain) // not yet over there: goods that we took for cancelled come back, and cost more
		return
	}
	a.Want.Query = false // this was the word on its end
	if !stated {
		t.unstated(a)
	}
}

// notFound counts a query that knows no such waybill. It proves something only of a
// placement in doubt, and of an attempt that is over: there is nothing to learn.
func (t *Turn) notFound(a *order.Attempt) {
	a.NotFound++
	switch enough := a.NotFound >= emptyQueries; {
	case a.Live() && a.State != order.Unknown:
		a.Want.Query = true
		t.failing(a)
	case !a.Live() && enough:
		a.NotFound = 0
		t.estimated(a)
		t.alarm("carrier " + a.Carrier + " spoke of " + order.OurNo(t.ID, a.N) + " but does not know it")
	case a.State == order.Unknown && enough && t.since(a.DoubtSince) >= quarantine:
		a.Cause, a.Resolved, a.Want.Query = order.CauseNeverPlaced, true, false
		t.step(a, order.AtNeverPlaced, map[string]int{"empty_queries": a.NotFound})
		t.release(a)
	default:
		t.inquire(a, 20*time.Second)
	}
}

// failing spaces the tries and, after many, asks for a person.
func (t *Turn) failing(a *order.Attempt) {
	a.Tries++
	a.NextCall = t.env.Now.Add(backoff(a.Tries))
	if a.Want.Expired && a.Tries >= emptyQueries {
		a.Want.Expired = false
		t.wish(a, order.CauseAcceptTimeout)
	}
	if a.Tries == maxTries {
		t.alarm("carrier " + a.Carrier + " does not answer for " + order.OurNo(t.ID, a.N))
	}
}

// confirmed takes the answer to a confirmed return. Whatever it is, a query tells whether
// the attempt is over; the next confirmation has its timer.
func (t *Turn) confirmed(a *order.Attempt, ans Answer) {
	if !a.Live() {
		return
	}
	if ans.Err != nil {
		a.Refusals++
		if a.Refusals == maxTries {
			t.alarm("carrier " + a.Carrier + " does not take the return of " + order.OurNo(t.ID, a.N))
		}
	}
	t.inquire(a, pause(1))
}
