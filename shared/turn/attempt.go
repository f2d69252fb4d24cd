package turn

import (
	"time"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/strategy"
)

// How long an attempt may be silent before its carrier is queried.
var watchAfter = map[order.AttemptState]time.Duration{
	order.Unknown:           time.Minute,
	order.Placed:            3 * time.Minute,
	order.Accepted:          10 * time.Minute,
	order.AttemptArrived:    10 * time.Minute,
	order.AttemptPickedUp:   15 * time.Minute,
	order.AttemptCancelling: 2 * time.Minute,
	order.AttemptReturning:  3 * time.Minute,
}

// stuckAfter is how long a live attempt may stay where it is before a person is asked.
const stuckAfter = 2 * time.Hour

// step applies an event to an attempt by the table. False means that the table has no such
// row: nothing changed. The order's side follows in react.
func (t *Turn) step(a *order.Attempt, on order.AttemptEvent, detail any) bool {
	r, ok := order.NextAttempt(a.State, on)
	if !ok {
		return false
	}
	from, to := a.State, r.To
	if to == order.Under {
		to = a.Under
	}
	switch {
	case from == order.AttemptCancelling && to == order.AttemptCancelling:
		a.Under = underOf(on, a.Under)
	case to == order.AttemptCancelling, to.Final() && from != order.AttemptCancelling:
		a.Under = from
	}
	a.State = to
	t.record(row{n: a.N, kind: "attempt", from: string(from), to: string(to), decision: order.Applied, detail: detail})
	t.touch(a)
	t.stamp(a, on)
	t.applyTimers(a, r.Timers)
	if from == order.AttemptRejected {
		t.revived(a)
	}
	return true
}

// revived deals with a sign of life of what we held for dead: without a rider it is
// withdrawn, with one the order decides.
func (t *Turn) revived(a *order.Attempt) {
	a.Cause = ""
	t.alarm("attempt " + order.OurNo(t.ID, a.N) + " came back to life")
	if a.Live() && !carried(a.State) {
		t.wish(a, order.CauseRevived)
	}
}

// beneath is the carrier's own state of an attempt, also while we withdraw it.
func beneath(a *order.Attempt) order.AttemptState {
	if a.State == order.AttemptCancelling {
		return a.Under
	}
	return a.State
}

// underOf is the carrier's own state while we withdraw the attempt.
func underOf(on order.AttemptEvent, old order.AttemptState) order.AttemptState {
	switch on {
	case order.AtPlaced, order.AtReassigning:
		return order.Placed
	case order.AtAccepted:
		return order.Accepted
	case order.AtArrived:
		return order.AttemptArrived
	case order.AtPickedUp:
		return order.AttemptPickedUp
	}
	return old
}

// stamp keeps the instants that penalties and invariants ask for.
func (t *Turn) stamp(a *order.Attempt, on order.AttemptEvent) {
	switch on {
	case order.AtRefused, order.AtDoubt, order.AtNeverPlaced, order.AtCancelWanted, order.AtCancelRefused:
		return
	case order.AtPlaced:
		a.PlacedAt = t.env.Now
	case order.AtReassigning:
		a.AcceptedAt = time.Time{}
		a.Rider = order.Rider{}
	case order.AtAccepted, order.AtArrived, order.AtPickedUp, order.AtDelivered:
		if a.AcceptedAt.IsZero() {
			a.AcceptedAt, a.CancelFee, a.Want.Priced = t.env.Now, nil, time.Time{}
			a.Want.Unpriced = a.Call.Kind == order.CallCancel
		}
		if a.PickedAt.IsZero() && (on == order.AtPickedUp || on == order.AtDelivered) {
			a.PickedAt = t.env.Now
		}
	case order.AtReturning:
		if a.PickedAt.IsZero() { // nobody told of the pickup, but only goods that were can come back
			a.PickedAt = t.env.Now
		}
	}
	a.Confirmed = true
}

func (t *Turn) applyTimers(a *order.Attempt, timers order.Timers) {
	for _, kind := range timers.Clear {
		t.disarm(kind, a.N)
	}
	for _, kind := range timers.Arm {
		switch kind {
		case order.TimerAccept:
			t.arm(kind, a.N, t.acceptTimeout(), timerStep)
		case order.TimerWatch:
			t.arm(kind, a.N, watchAfter[a.State], watchStep)
		case order.TimerConfirm:
			if t.facts(a).ConfirmReturn {
				t.arm(kind, a.N, returnWait, timerStep)
			}
		case order.TimerPickup:
			t.armPickup(a)
		default:
			if span := t.spans()[kind]; span > 0 {
				t.arm(kind, a.N, time.Duration(span), timerStep)
			}
		}
	}
}

// spans are those of the timers that only some strategies have.
func (t *Turn) spans() map[string]strategy.Duration {
	return map[string]strategy.Duration{order.TimerTip: t.Strategy.Tip.After, order.TimerDeliver: t.Strategy.DeliveryTimeout}
}

// overdue asks the carrier about a rider who should have fetched or brought the goods by now.
func (t *Turn) overdue(a *order.Attempt, kind string) {
	if a == nil || a.Want.Cancel != "" {
		return
	}
	if kind == order.TimerPickup && fetching(a) || kind == order.TimerDeliver && a.State == order.AttemptPickedUp {
		a.Want.Query, a.Want.Overdue = true, kind
		t.touchQuietly(a)
	}
}

// fetching reports whether a rider is on the way to the shop, or waits there.
func fetching(a *order.Attempt) bool {
	return a.State == order.Accepted || a.State == order.AttemptArrived
}

// late decides, after the query, about a rider who should have been further by now.
func (t *Turn) late(a *order.Attempt, kind string) {
	switch {
	case kind == order.TimerPickup && a.State == order.Accepted && (t.pickupOver(a) || t.leavesFree(a)):
		t.wish(a, order.CausePickupTimeout)
	case kind == order.TimerPickup && fetching(a) && !t.pickupOver(a):
		t.armPickup(a) // it was about the free window, which is of no use any more
	case kind == order.TimerPickup && a.State == order.AttemptArrived:
		t.alarm("merchant slow: the rider of " + order.OurNo(t.ID, a.N) + " waits at the shop")
	case kind == order.TimerDeliver && a.State == order.AttemptPickedUp:
		t.alarm("carrier " + a.Carrier + " has not delivered " + order.OurNo(t.ID, a.N) + " in time")
	}
}

func (t *Turn) acceptTimeout() time.Duration { return time.Duration(t.Strategy.AcceptTimeout) }

// watch queries a live attempt of which nothing was heard. It goes on for ever, since the
// carrier has the last word; backoff spaces the queries that fail.
func (t *Turn) watch(a *order.Attempt) {
	a.Want.Query = true
	t.touchQuietly(a)
	t.arm(order.TimerWatch, a.N, watchAfter[a.State], watchStep)
	if t.Attention == "" && t.since(latest(a.DoubtSince, a.PlacedAt, a.AcceptedAt, a.PickedAt)) >= stuckAfter {
		t.alarm("carrier " + a.Carrier + " has not moved " + order.OurNo(t.ID, a.N) + " for hours")
	}
}

func latest(all ...time.Time) time.Time {
	var last time.Time
	for _, at := range all {
		if at.After(last) {
			last = at
		}
	}
	return last
}
