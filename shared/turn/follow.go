package turn

import (
	"time"

	"github.com/chuandao/qianfan/shared/order"
)

// follows says what the winning attempt's state means for its order.
var follows = map[order.AttemptState]order.Event{
	order.Accepted:         order.OnAssigned,
	order.AttemptArrived:   order.OnArrived,
	order.AttemptPickedUp:  order.OnPickedUp,
	order.AttemptDelivered: order.OnDelivered,
	order.AttemptReturning: order.OnReturning,
	order.AttemptReturned:  order.OnReturned,
}

// overrides are the events that an order follows even while it pursues a goal.
var overrides = map[order.Event]bool{order.OnDelivered: true, order.OnReturning: true, order.OnReturned: true}

// carried reports whether a rider has taken the attempt.
func carried(s order.AttemptState) bool {
	switch s {
	case order.Accepted, order.AttemptArrived, order.AttemptPickedUp, order.AttemptDelivered, order.AttemptReturning, order.AttemptReturned:
		return true
	}
	return false
}

// claim makes the attempt the order's winner when it is the first with a rider, or when it
// has the goods and the winner has not.
func (t *Turn) claim(a *order.Attempt) {
	if !t.State.Final() && carried(a.State) && !sentBack(a) && (t.Winner == 0 || t.overtakes(a)) {
		t.Winner = a.N
	}
}

// sentBack reports whether the goods come back because we withdrew this attempt, not the
// order: another attempt may take them.
func sentBack(a *order.Attempt) bool {
	return (a.State == order.AttemptReturning || a.State == order.AttemptReturned) &&
		a.Want.Cancel != "" && a.Want.Cancel != order.CauseCancelled
}

func (t *Turn) overtakes(a *order.Attempt) bool {
	s, w := beneath(a), t.Attempt(t.Winner)
	return w != nil && w != a && w.PickedAt.IsZero() && (s == order.AttemptPickedUp || s == order.AttemptDelivered)
}

// react lets the order follow what just happened to an attempt.
func (t *Turn) react(a *order.Attempt, newRider bool) {
	before := t.Winner
	t.spare(a)
	t.claim(a)
	t.renew(a)
	if w := t.Attempt(t.Winner); w != nil && w != a && a.Live() && !a.PickedAt.IsZero() && !w.PickedAt.IsZero() {
		t.alarm("attempt " + order.OurNo(t.ID, a.N) + " lost the race and has the goods")
	}
	if t.State.Final() || a.N != t.Winner {
		return
	}
	if t.Goal == order.ToFail && a.Live() && carried(a.State) {
		t.dropGoal("somebody carries it")
	}
	if lost(a.State) {
		t.lose(a)
		return
	}
	t.follow(a, newRider || (before != 0 && before != a.N))
}

// lost reports whether the winner has no rider any more.
func lost(s order.AttemptState) bool {
	return s == order.Placed || s == order.AttemptCancelled || s == order.AttemptRejected
}

// lose takes the order back to dispatching: 改派, or the carrier ended the attempt.
func (t *Turn) lose(a *order.Attempt) {
	t.Winner = 0
	if t.Goal == order.NoGoal {
		t.move(order.OnRedispatch, map[string]any{"attempt": a.N, "cause": a.Cause})
	}
}

// follow moves the order to where its winner is, or tells that another rider has come.
func (t *Turn) follow(a *order.Attempt, newRider bool) {
	on, ok := follows[a.State]
	if !ok || (t.Goal != order.NoGoal && !overrides[on]) {
		return
	}
	detail := map[string]any{"attempt": a.N}
	if r, ok := order.Next(t.State, on); ok && r.To != t.State {
		t.move(on, detail)
	} else if newRider && t.State == standing[a.State] {
		t.move(order.OnAssigned, detail)
	}
}

// standing is the order's state while its winner is in a state with a rider at work.
var standing = map[order.AttemptState]order.State{
	order.Accepted:        order.Assigned,
	order.AttemptArrived:  order.Arrived,
	order.AttemptPickedUp: order.PickedUp,
}

// silent are the order transitions that no platform is told.
var silent = map[order.State]bool{order.Quoted: true, order.Cancelling: true}

// move applies an event to the order by the table.
func (t *Turn) move(on order.Event, detail any) bool {
	r, ok := order.Next(t.State, on)
	if !ok {
		return false
	}
	from := t.State
	t.State = r.To
	t.record(row{n: t.Winner, kind: "order", from: string(from), to: string(r.To), decision: order.Applied, milestone: !silent[r.To], detail: detail})
	for _, kind := range r.Clear {
		t.disarm(kind, 0)
	}
	for _, kind := range r.Arm {
		if kind == order.TimerGiveUp {
			t.arm(kind, 0, time.Duration(t.Strategy.GiveUpAfter), timerStep)
		}
	}
	t.arrived(r.To)
	return true
}

// arrived does what entering a state brings with it.
func (t *Turn) arrived(s order.State) {
	switch s {
	case order.Assigned, order.Arrived, order.PickedUp:
		if t.AssignedAt.IsZero() {
			t.AssignedAt = t.env.Now
		}
	case order.Dispatching:
		t.AssignedAt, t.Width = time.Time{}, 0
	case order.Delivered:
		t.income()
		t.dropGoal("delivered before the cancel took hold")
	case order.Cancelled, order.Returned:
		if t.Goal == order.ToCancel {
			t.fineIn()
		} else {
			t.alarm("the carrier brought the goods back unasked")
		}
	}
}

// dropGoal forgets a goal that cannot be reached; the platform's cancel counts as refused.
func (t *Turn) dropGoal(reason string) {
	if t.Goal == order.NoGoal {
		return
	}
	if t.Goal == order.ToCancel {
		t.Decided = append(t.Decided, &order.Command{Key: t.GoalKey, Applied: t.Version, Decision: order.Refused + ": " + reason})
	}
	t.Goal, t.GoalCause, t.GoalKey, t.Penalty = order.NoGoal, "", "", 0
}
