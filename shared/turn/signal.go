package turn

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// eventOf maps a carrier's state to what happens to the attempt.
var eventOf = map[carrier.State]order.AttemptEvent{
	carrier.Waiting:     order.AtPlaced,
	carrier.Reassigning: order.AtReassigning,
	carrier.Accepted:    order.AtAccepted,
	carrier.Arrived:     order.AtArrived,
	carrier.PickedUp:    order.AtPickedUp,
	carrier.Delivered:   order.AtDelivered,
	carrier.Returning:   order.AtReturning,
	carrier.Returned:    order.AtReturned,
	carrier.Cancelled:   order.AtCancelled,
}

// SignalKey identifies a carrier's event: the attempt, the carrier's words, the rider, the
// carrier's time, and stated money, since newer money under the same state is a new fact.
func SignalKey(n int, s carrier.Status) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s|%s|%s|%s|%d|%s|%s", s.Code, s.SubCode, s.Rider.Name, s.Rider.Phone, s.At.UnixMilli(), text(s.Charged), text(s.Penalty))
	return fmt.Sprintf("c:%d:%s:%x", n, s.Code, h.Sum64())
}

func text(f *money.Fen) string {
	if f == nil {
		return ""
	}
	return f.Yuan()
}

// Signal applies one carrier event that belongs to attempt n. False: the order has no such
// attempt, or has it with another carrier; the event is to be parked.
func (t *Turn) Signal(n int, s carrier.Status) bool {
	a := t.Attempt(n)
	if a == nil || (s.Carrier != "" && s.Carrier != a.Carrier) {
		return false
	}
	if !t.begin(SignalKey(n, s)) {
		return true
	}
	decision := t.judge(a, s)
	if decision == order.Applied {
		t.apply(a, s)
		return true
	}
	if decision == order.Verify {
		a.Want.Query = true
		t.touchQuietly(a)
	}
	t.record(row{n: n, kind: "callback", to: string(s.State), decision: decision, detail: brief(s)})
	return true
}

// judge decides about an event before the table is asked.
func (t *Turn) judge(a *order.Attempt, s carrier.Status) string {
	switch {
	case !s.Verified && misleads(a, s, t.env.Now):
		return order.Verify
	case !s.At.IsZero() && s.At.Before(a.LastAt):
		return order.Late
	case !s.At.IsZero() && s.At.Equal(a.LastAt) && a.Rider.Known() && s.Rider.Known() && s.Rider != a.Rider:
		return order.Verify
	case !a.Live() && a.State != order.AttemptRejected && s.State.Final():
		return t.judgeEnd(a, s)
	case a.State == order.AttemptReturning && s.State == carrier.PickedUp:
		return order.Verify // was the return called off?
	case a.Live() && s.State == carrier.Delivered && s.Charged == nil && t.facts(a).PriceAtEnd:
		return order.Verify
	case !s.Verified && (s.State.Final() || s.Charged != nil || s.Penalty != nil || s.State == carrier.Exception):
		return order.Verify
	}
	return order.Applied
}

// aheadOfTime is how far a carrier's clock may be ahead of ours.
const aheadOfTime = time.Hour

// misleads reports whether a push that proves little, believed, would spoil what the carrier is
// asked and told from now on: a number other than the one we know would be queried and cancelled,
// a time to come would make every later push too late.
func misleads(a *order.Attempt, s carrier.Status, now time.Time) bool {
	another := a.CarrierNo != "" && s.CarrierNo != "" && s.CarrierNo != a.CarrierNo
	return another || s.At.After(now.Add(aheadOfTime))
}

// judgeEnd decides about the end, told once more, of an attempt that is over: what agrees
// with the books is no news, another end is believed only after a query, and so is money
// of a push that proves little.
func (t *Turn) judgeEnd(a *order.Attempt, s carrier.Status) string {
	total, stated := statedCost(a, s)
	switch another := (s.State == carrier.Delivered) != (a.State == order.AttemptDelivered); {
	case another:
		return order.Verify
	case !stated || total == a.Booked+a.Penalty && !a.Want.Guess:
		return order.Ignored
	case !s.Verified:
		return order.Verify
	}
	return order.Applied
}

// apply moves the attempt and then lets the order follow.
func (t *Turn) apply(a *order.Attempt, s carrier.Status) {
	t.touchQuietly(a)
	a.LastAt = latest(a.LastAt, s.At)
	if s.CarrierNo != "" {
		t.learn(a, s.CarrierNo)
	}
	if s.State == carrier.Exception {
		t.alarm(strings.TrimSuffix("carrier "+a.Carrier+" reports an exception of "+order.OurNo(t.ID, a.N)+": "+s.Reason, ": "))
	}
	on := t.eventOf(a, s.State)
	newRider := s.Rider.Known() && s.Rider != a.Rider
	if s.Rider.Known() {
		a.Rider = s.Rider
	}
	wasFinal, inDoubt := !a.Live(), a.State == order.Unknown
	moved := t.moves(a, on, newRider) && t.step(a, on, brief(s))
	switch {
	case moved:
		a.Resolved = a.Resolved || inDoubt
		t.settled(a, s)
		t.react(a, newRider)
	case wasFinal && t.correct(a, s):
	case newRider && a.Live():
		t.record(row{n: a.N, kind: "rider", from: string(a.State), to: string(a.State), decision: order.Applied, detail: brief(s)})
		t.touch(a)
		t.react(a, true)
	case t.rows == 0:
		t.record(row{n: a.N, kind: "callback", from: string(a.State), to: string(s.State), decision: order.Ignored, detail: brief(s)})
	}
}

// eventOf reads a state as an event. One that is none of its own still proves that a
// placement in doubt happened.
func (t *Turn) eventOf(a *order.Attempt, s carrier.State) order.AttemptEvent {
	on, ok := eventOf[s]
	if !ok && s != "" && (a.State == order.Intent || a.State == order.Unknown || a.State == order.AttemptRejected) {
		return order.AtPlaced
	}
	return ending(a, on)
}

// moves reports whether an event is news: the same state again is none, unless the rider changed.
func (t *Turn) moves(a *order.Attempt, on order.AttemptEvent, newRider bool) bool {
	if on == "" {
		return false
	}
	r, ok := order.NextAttempt(a.State, on)
	return ok && (r.To != a.State || newRider || a.State == order.AttemptCancelling && underOf(on, a.Under) != a.Under)
}

// ending reads the end of an attempt whose goods were picked up as their return.
func ending(a *order.Attempt, on order.AttemptEvent) order.AttemptEvent {
	if on == order.AtCancelled && !a.PickedAt.IsZero() {
		return order.AtReturned
	}
	return on
}

// settled books money when the event ended the attempt.
func (t *Turn) settled(a *order.Attempt, s carrier.Status) {
	if a.Live() {
		return
	}
	t.end(a, causeOf(a, s.EndedBy))
	t.claim(a)
	t.settleEnd(a, s)
}

// end closes the books of calls and wishes.
func (t *Turn) end(a *order.Attempt, cause string) {
	if a.Cause == "" {
		a.Cause = cause
	}
	a.Call.Doubt = ""
	a.NextCall = time.Time{}
	a.Want.Query, a.Want.Expired, a.Want.Confirm, a.Want.Overdue, a.Want.Figure, a.Want.Guess = false, false, false, "", 0, false
	t.touch(a)
}

func causeOf(a *order.Attempt, by carrier.Ender) string {
	switch {
	case a.State == order.AttemptDelivered:
		return ""
	case a.Want.Cancel != "":
		return a.Want.Cancel
	case by == carrier.ByRider:
		return order.CauseRider
	case by == carrier.ByNobody:
		return order.CauseNoRider
	}
	return order.CauseCarrier
}

// correct books a figure that a carrier stated after the end, or notes that it confirms ours.
func (t *Turn) correct(a *order.Attempt, s carrier.Status) bool {
	total, stated := statedCost(a, s)
	if !s.Verified || !s.State.Final() || a.State == order.AttemptRejected || !stated {
		return false
	}
	t.figureKnown(a)
	guessed, before := a.Want.Guess, len(t.Facts)
	a.Want.Guess = false
	if a.State == order.AttemptDelivered {
		t.correctDelivery(a, s)
	} else if total != a.Penalty {
		t.bookPenalty(a, total)
	}
	if (s.State == carrier.Delivered) != (a.State == order.AttemptDelivered) {
		t.alarm("carrier " + a.Carrier + " tells two ends of " + order.OurNo(t.ID, a.N))
	}
	switch {
	case len(t.Facts) > before:
	case guessed:
		t.confirmedFigure(a)
		return true
	default:
		return false
	}
	t.release(a)
	t.record(row{n: a.N, kind: "money", from: string(a.State), to: string(a.State), decision: order.Applied, detail: brief(s)})
	return true
}

func (t *Turn) correctDelivery(a *order.Attempt, s carrier.Status) {
	if s.Charged != nil && *s.Charged != a.Booked {
		t.bookDelivery(a, *s.Charged)
	}
	if s.Penalty != nil && *s.Penalty != a.Penalty {
		t.bookPenalty(a, *s.Penalty)
	}
}

// learn keeps the carrier's number.
func (t *Turn) learn(a *order.Attempt, no string) {
	if a.CarrierNo == no {
		return
	}
	if a.CarrierNo != "" {
		t.alarm("carrier changed its number of " + order.OurNo(t.ID, a.N))
	}
	a.CarrierNo = no
	t.Refs = append(t.Refs, Ref{Carrier: a.Carrier, CarrierNo: no, N: a.N})
	t.touch(a)
}

// brief is what the timeline keeps of a carrier's words: no name, no phone.
func brief(s carrier.Status) map[string]any {
	m := map[string]any{"code": s.Code, "state": s.State}
	if s.SubCode != "" {
		m["sub_code"] = s.SubCode
	}
	if !s.At.IsZero() {
		m["at"] = s.At
	}
	if s.Charged != nil {
		m["charged_fen"] = *s.Charged
	}
	if s.Penalty != nil {
		m["penalty_fen"] = *s.Penalty
	}
	if s.EndedBy != "" {
		m["ended_by"] = s.EndedBy
	}
	if s.Reason != "" {
		m["reason"] = s.Reason
	}
	m["verified"] = s.Verified
	return m
}
