package turn

import (
	"time"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/strategy"
)

// armPickup arms the timer after which a rider should have fetched the goods: the strategy's
// timeout, or, where it wants that and the rider is not at the shop yet, shortly before the
// carrier's free window ends. Neither = no timer.
func (t *Turn) armPickup(a *order.Attempt) {
	waited := t.since(a.AcceptedAt)
	left := time.Duration(t.Strategy.PickupTimeout) - waited
	if w := t.freeWindow(a); w.Ends {
		if free := w.End - strategy.FreeMargin - waited; free > 0 && (left <= 0 || free < left) {
			left = free
		}
	}
	if left > 0 {
		t.arm(order.TimerPickup, a.N, left, timerStep)
	}
}

// freeWindow is the carrier's time in which we may take its rider off for nothing; none unless
// the strategy makes use of it.
func (t *Turn) freeWindow(a *order.Attempt) penalty.Window {
	if !t.Strategy.LeaveInFreeWindow || a.State != order.Accepted {
		return penalty.Window{}
	}
	return t.env.Book.Free(penalty.OfAttempt(a, penalty.ByUs, order.CausePickupTimeout, t.env.Now))
}

// leavesFree reports whether the rider can be taken off for nothing now, and not for long.
func (t *Turn) leavesFree(a *order.Attempt) bool {
	w := t.freeWindow(a)
	return w.Free && w.Ends && w.End-t.since(a.AcceptedAt) <= strategy.FreeMargin
}

// pickupOver reports whether the strategy's own time for the pickup has passed.
func (t *Turn) pickupOver(a *order.Attempt) bool {
	timeout := time.Duration(t.Strategy.PickupTimeout)
	return timeout > 0 && t.since(a.AcceptedAt) >= timeout
}
