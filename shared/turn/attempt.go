package turn

import (
	"time"

	"github.com/chuandao/qianfan/shared/order"
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

// step applies an event to an attempt by the table. False means that the table has no such
// row: nothing changed. The order's side follows in react.
func (t *Turn) step(a *order.Attempt, on order.AttemptEvent, detail any) bool {
	from := a.State
	if from.Final() && from != order.AttemptRejected {
		return false
	}
	r, ok := order.NextAttempt(from, on)
	if !ok {
		return false
	}
	to := r.To
	if to == order.Under {
		to = a.Under
	}
	if from == order.AttemptCancelling && to == order.AttemptCancelling {
		a.Under = underOf(on, a.Under)
	}
	if to == order.AttemptCancelling && from != to {
		a.Under = from
	}
	a.State = to
	t.record(row{n: a.N, kind: "attempt", from: string(from), to: string(to), decision: order.Applied, detail: detail})
	t.touch(a)
	t.stamp(a, on)
	t.applyTimers(a, r.Timers)
	if from == order.AttemptRejected {
		t.alarm("attempt " + order.OurNo(t.ID, a.N) + " came back to life")
	}
	return true
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
	case order.AtPlaced:
		a.PlacedAt = t.env.Now
	case order.AtReassigning:
		a.AcceptedAt = time.Time{}
		a.Rider = order.Rider{}
	case order.AtAccepted, order.AtArrived, order.AtDelivered, order.AtPickedUp:
		if a.AcceptedAt.IsZero() {
			a.AcceptedAt = t.env.Now
		}
		if a.PickedAt.IsZero() && (on == order.AtPickedUp || on == order.AtDelivered) {
			a.PickedAt = t.env.Now
		}
	}
	switch on {
	case order.AtRefused, order.AtDoubt, order.AtNeverPlaced, order.AtCancelWanted, order.AtCancelRefused:
	default:
		a.Confirmed = true
	}
}

func (t *Turn) applyTimers(a *order.Attempt, timers order.Timers) {
	for _, kind := range timers.Clear {
		t.disarm(kind, a.N)
	}
	for _, kind := range timers.Arm {
		switch kind {
		case order.TimerAccept:
			t.arm(kind, a.N, time.Duration(t.Strategy.AcceptTimeout), timerStep)
		case order.TimerWatch:
			t.arm(kind, a.N, watchAfter[a.State], watchStep)
		}
	}
}

// wish decides that an attempt is to be withdrawn. One that is still in doubt keeps the wish
// until the doubt is settled.
func (t *Turn) wish(a *order.Attempt, cause string) {
	if a.Want.Cancel != "" || !a.Live() {
		return
	}
	a.Want.Cancel = cause
	t.touch(a)
	t.step(a, order.AtCancelWanted, map[string]string{"cause": cause})
}

// renew turns a wish that waited for an answer into a cancelling attempt.
func (t *Turn) renew(a *order.Attempt) {
	if a.Want.Cancel != "" && a.Live() && a.State != order.AttemptCancelling && a.State != order.AttemptReturning {
		t.step(a, order.AtCancelWanted, map[string]string{"cause": a.Want.Cancel})
	}
}
