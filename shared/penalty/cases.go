package penalty

import (
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/order"
)

// OfOrder is the case of an order that its platform withdraws at an instant: what the
// platform will owe.
func OfOrder(o *order.Order, by string, at time.Time) Case {
	return Case{Party: "platform:" + o.Platform, State: string(o.State), Accepted: since(o.AssignedAt, at), By: by, Fee: o.Fee}
}

// OfAttempt is the case of an attempt that ends at an instant. It goes by the state in which
// the carrier has it: beneath a cancel that is under way, and picked up once it was.
func OfAttempt(a *order.Attempt, by, cause string, at time.Time) Case {
	c := Case{Party: "carrier:" + a.Carrier, State: string(beneath(a)), Accepted: since(a.AcceptedAt, at), By: by, Cause: cause, Fee: a.Price}
	switch {
	case !a.PickedAt.IsZero():
		c.State = string(order.AttemptPickedUp)
	case a.AcceptedAt.IsZero() && a.Rider.Known(): // a rider accepted of whom only the end told: at the earliest
		c.State, c.Accepted = string(order.Accepted), since(a.PlacedAt, at)
	}
	return c
}

// beneath is the state before the cancel, or the end.
func beneath(a *order.Attempt) order.AttemptState {
	switch {
	case (a.State == order.AttemptCancelling || a.State.Final()) && a.Under != "":
		return a.Under
	case a.State.Final() && !a.AcceptedAt.IsZero():
		return order.Accepted
	}
	return a.State
}

// Withdrawer is who withdrew an attempt for a cause, as rules name them: an order's cancel is
// the one's who wanted it, everything else is our own doing. goalCause is order.GoalCause.
func Withdrawer(cause, goalCause string) string {
	if cause == order.CauseCancelled && Answers(goalCause) {
		return goalCause
	}
	return ByUs
}

// Answers reports whether somebody is on the platform's side: for their cancel it owes
// 违约金, for one by our own people it does not.
func Answers(by string) bool {
	return slices.Contains([]string{ByCustomer, ByMerchant, ByPlatform}, by)
}

func since(from, to time.Time) time.Duration {
	if from.IsZero() || to.Before(from) {
		return 0
	}
	return to.Sub(from)
}
