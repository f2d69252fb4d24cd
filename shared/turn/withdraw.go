package turn

import (
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// wish decides that an attempt is to be withdrawn. One that is still in doubt keeps the wish
// until the doubt is settled.
func (t *Turn) wish(a *order.Attempt, cause string) {
	if a.Want.Cancel != "" || !a.Live() {
		return
	}
	a.Want.Cancel = cause
	t.touch(a)
	if t.step(a, order.AtCancelWanted, map[string]string{"cause": cause}) && a.Call.Doubt == "" {
		a.NextCall = time.Time{} // what another kind of call had to wait for is no reason to wait with this one
	}
}

// renew turns a wish that waited for an answer into a cancelling attempt.
func (t *Turn) renew(a *order.Attempt) {
	if a.Want.Cancel != "" && a.Live() && a.State != order.AttemptCancelling && a.State != order.AttemptReturning {
		t.step(a, order.AtCancelWanted, map[string]string{"cause": a.Want.Cancel})
	}
}

// withdraw wishes away every live attempt but one. Goods on their way back need no wish.
func (t *Turn) withdraw(cause string, but int) (wished bool) {
	for _, a := range t.Attempts {
		if a.N != but && a.Live() && a.Want.Cancel == "" && a.State != order.AttemptReturning {
			t.wish(a, cause)
			wished = true
		}
	}
	return wished
}

// void reports whether the reason to withdraw an attempt is gone: a rider took it, and no
// other attempt or goal of the platform stands against it. Goods on their way back are
// withdrawn already.
func (t *Turn) void(a *order.Attempt) bool {
	if a.State == order.AttemptReturning || a.Want.Cancel == "" || a.Want.Cancel == order.CauseCancelled || t.Goal == order.ToCancel || t.State.Final() {
		return false
	}
	if unwanted[a.Want.Cancel] && a.PickedAt.IsZero() {
		return false
	}
	return carried(beneath(a)) && (t.Winner == 0 || t.Winner == a.N || t.overtakes(a))
}

// unwanted are the reasons to be rid of a rider, not of a wait for one: that he accepted, or
// is at the shop, is no reason to keep him. That he has the goods is.
var unwanted = map[string]bool{order.CausePickupTimeout: true, order.CauseRedispatch: true, order.CauseChanged: true}

// spare drops a void wish, as long as no cancel may be on its way to the carrier.
func (t *Turn) spare(a *order.Attempt) {
	if !t.void(a) || a.Call.Kind == order.CallCancel || a.Call.Doubt == order.CallCancel {
		return
	}
	dropped := a.Want.Cancel
	a.Want.Cancel = ""
	t.touch(a)
	t.step(a, order.AtCancelRefused, map[string]string{"cause": "a rider accepted first"})
	if dropped != order.CausePickupTimeout { // he has come after all
		t.stays(a, dropped)
	}
}

// cancelled takes the answer to a cancel. One that is not of the present call says nothing
// sure about an attempt that lives on.
func (t *Turn) cancelled(a *order.Attempt, ans Answer, current bool) {
	if ans.Fee != nil && !a.Want.Unpriced {
		a.CancelFee, a.Want.Priced = ans.Fee, t.env.Now
	}
	if !a.Live() {
		t.outrun(a, ans)
		return
	}
	switch {
	case declined(ans) && (!current || a.State != order.AttemptCancelling):
		t.inquire(a, 0)
	case declined(ans):
		t.keep(a, map[string]any{"reason": ans.Cancel.Reason, "error": errorDetail(ans.Err)})
	case ans.Err == nil && (ans.Cancel.Returning || t.bringsBack(a)):
		a.Tries = 0
		t.step(a, order.AtReturning, nil)
		t.inquire(a, 0)
		t.react(a, false)
	case ans.Err == nil:
		t.step(a, ending(a, order.AtCancelled), map[string]any{"penalty_fen": ans.fine()})
		t.settled(a, carrier.Status{EndedBy: carrier.ByUs, Penalty: ans.fine()})
		t.react(a, false)
	case carrier.Doubt(ans.Err):
		t.cancelDoubt(a)
	default:
		t.failing(a)
	}
}

// fine is the 违约金 of a cancel that was agreed to: what its answer states, else what the
// pre-query just before it did.
func (ans Answer) fine() *money.Fen {
	if ans.Cancel.Penalty != nil {
		return ans.Cancel.Penalty
	}
	return ans.Fee
}

// declined reports whether the carrier decidedly keeps the waybill.
func declined(ans Answer) bool {
	if ans.Err == nil {
		return ans.Cancel.Refused
	}
	kind := carrier.KindOf(ans.Err)
	return kind == carrier.KindRefused || kind == carrier.KindBalanceLow
}

// bringsBack reports whether the goods were picked up while the cancel was under way, so
// that the carrier's yes means a return that is still to come.
func (t *Turn) bringsBack(a *order.Attempt) bool {
	return !a.PickedAt.IsZero() && t.facts(a).CancelReturns
}

// outrun takes the answer to a cancel of an attempt whose end was heard before. The answer
// may still know the exact 违约金; if it contradicts the end, the carrier is asked.
func (t *Turn) outrun(a *order.Attempt, ans Answer) {
	if ans.Err != nil || ans.Cancel.Refused {
		if a.Want.Figure > 0 && a.CancelFee != nil { // the answer to its pre-query came, and is better than a rule
			t.preQueried(a)
		}
		return
	}
	if a.State != order.AttemptCancelled && a.State != order.AttemptReturned {
		t.inquire(a, 0)
		return
	}
	a.Want.Query = a.Want.Query && ans.fine() == nil
	t.correct(a, carrier.Status{Verified: true, State: carrier.Cancelled, Penalty: ans.fine()})
}

// cancelDoubt leaves it to a query whether a cancel took hold. The count of doubts outlives
// the query, so that a carrier whose cancel never answers is not called without pause.
func (t *Turn) cancelDoubt(a *order.Attempt) {
	a.Call.Doubt = order.CallCancel
	a.Tries++
	if a.Tries == maxTries {
		t.alarm("carrier " + a.Carrier + " leaves the cancel of " + order.OurNo(t.ID, a.N) + " in doubt")
	}
	t.inquire(a, pause(a.Tries))
}

// keep handles a cancel that the carrier refused: the wish stands and is tried again later,
// or it is dropped and the attempt goes on.
func (t *Turn) keep(a *order.Attempt, detail any) {
	a.Refusals++
	a.Tries, a.CancelFee, a.Want.Priced = 0, nil, time.Time{}
	t.step(a, order.AtCancelRefused, detail)
	t.claim(a)
	if a.Want.Cancel != "" && !t.yields(a) {
		if a.Refusals >= emptyQueries {
			t.alarm("carrier " + a.Carrier + " keeps refusing to cancel " + order.OurNo(t.ID, a.N))
		}
		t.inquire(a, backoff(a.Refusals))
		return
	}
	dropped := a.Want.Cancel
	t.stays(a, dropped)
	a.Want.Cancel = ""
	t.touch(a)
	if a.State == order.Placed {
		t.arm(order.TimerAccept, a.N, t.acceptTimeout(), timerStep)
	}
	if dropped == order.CauseCancelled {
		t.dropGoal("the carrier refused")
	}
	t.react(a, false)
}

// stays asks for a person when a rider whom we wanted to be rid of keeps the order.
func (t *Turn) stays(a *order.Attempt, dropped string) {
	switch {
	case dropped == order.CauseChanged:
		t.alarm("the recipient's place changed, and carrier " + a.Carrier + " keeps " + order.OurNo(t.ID, a.N) + ": tell the rider")
	case unwanted[dropped]:
		t.alarm("carrier " + a.Carrier + " keeps its rider on " + order.OurNo(t.ID, a.N))
	}
}

// yields reports whether a refused cancel ends the wish. Before pickup the platform's
// cancel is insisted on; after it the carrier of the order has the last word.
func (t *Turn) yields(a *order.Attempt) bool {
	switch a.Want.Cancel {
	case order.CauseCancelled:
		return !a.PickedAt.IsZero() && a.N == t.Winner
	case order.CauseAcceptTimeout, order.CausePickupTimeout, order.CauseRedispatch, order.CauseChanged:
		return t.Goal == order.NoGoal && !t.State.Final()
	}
	return t.void(a)
}
