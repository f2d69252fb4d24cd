package turn

import (
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
)

// Whose figure the 违约金 of an end is; the penalty line of the history says so.
const (
	figureCarrier  = "carrier"   // the carrier stated it
	figurePreQuery = "pre_query" // the carrier told it before the cancel, whose answer was lost
	figureRule     = "rule"      // by our rules, until the carrier states its own
)

// bookPenalty books the carrier's cumulative 违约金 as the difference to what is booked. A
// negative one is what the carrier, being at fault, pays us: it comes as income and is free
// with the rest of the hold.
func (t *Turn) bookPenalty(a *order.Attempt, total money.Fen) {
	kept := max(0, total) - max(0, a.Penalty)
	paid := max(0, -total) - max(0, -a.Penalty)
	t.cover(a, kept-paid)
	a.Held -= kept - paid
	a.Penalty = total
	t.attemptFact(a, order.FactFault, paid, a.Cause)
	t.attemptFact(a, order.FactPenalty, kept, a.Cause)
	t.touch(a)
}

// settleFine books what a cancel or a return cost: the carrier's own figure when it states
// one, else the one that it told before the cancel, else the rule's; and then it is asked.
func (t *Turn) settleFine(a *order.Attempt, s carrier.Status) {
	by := t.ender(a, s.EndedBy)
	v := t.env.Book.Judge(penalty.OfAttempt(a, by, a.Cause, t.env.Now))
	ours := by == penalty.ByUs || penalty.Answers(by)
	total, figure := v.Cost(), figureRule
	own, stated := statedCost(a, s)
	switch {
	case stated:
		total, figure = own, figureCarrier
	case ours && a.CancelFee != nil:
		total, figure = *a.CancelFee, figurePreQuery
	}
	doubtful := !stated && (ours || total != 0)
	a.Want.Query = doubtful || !stated && a.Want.Cancel != "" // it may have been our cancel after all
	if doubtful && figure == figureRule {
		a.Want.Figure = 1
	}
	t.bookPenalty(a, total)
	if atWork := carried(order.AttemptState(v.State)); total != 0 || v.Amount != 0 || ours && atWork {
		a.Want.Guess = figure != figureCarrier
		t.record(row{n: a.N, kind: "penalty", from: figure, to: total.Yuan(), decision: order.Applied, detail: map[string]any{"rule": v, "booked_fen": total}})
	}
}

// ender is who ended an attempt, as rules name them: the carrier's word counts, but it only
// knows that our side did it, not which of us.
func (t *Turn) ender(a *order.Attempt, by carrier.Ender) string {
	switch {
	case by == carrier.ByRider, by == carrier.ByCarrier, by == carrier.ByNobody:
		return string(by)
	case a.Want.Cancel != "":
		return penalty.Withdrawer(a.Want.Cancel, t.GoalCause)
	case by == carrier.ByUs:
		return penalty.ByUs
	}
	return penalty.ByCarrier
}

// unstated deals with a carrier that was asked what an end cost and did not say: it is asked
// again after a while, once more later, and then the rule's figure stands as an estimate until
// the carrier's bill comes.
func (t *Turn) unstated(a *order.Attempt) {
	switch {
	case a.Want.Figure == 0:
		return
	case a.Want.Figure < asks:
		t.arm(order.TimerFigure, a.N, t.env.Book.Wait(a.Want.Figure), timerStep)
		a.Want.Figure++
	default:
		t.estimated(a)
	}
	t.touchQuietly(a)
}

// asks is how often a carrier is asked for its figure: at the end, and after either wait.
const asks = 3

// estimated lets the rule's figure stand.
func (t *Turn) estimated(a *order.Attempt) {
	if a.Want.Figure == 0 {
		return
	}
	t.figureKnown(a)
	t.record(row{n: a.N, kind: "penalty", from: "estimated", to: a.Penalty.Yuan(), decision: order.Applied,
		detail: map[string]any{"booked_fen": a.Penalty, "reason": "the carrier was asked and did not say what it kept: its bill will"}})
}

// preQueried takes what the carrier told before a cancel whose answer is lost, when it comes after
// the end: better than the rule's figure, and no word on the end.
func (t *Turn) preQueried(a *order.Attempt) {
	t.figureKnown(a)
	if *a.CancelFee != a.Penalty {
		t.bookPenalty(a, *a.CancelFee)
		t.release(a)
	}
	a.Want.Guess = true
	t.record(row{n: a.N, kind: "penalty", from: figurePreQuery, to: a.Penalty.Yuan(), decision: order.Applied, detail: map[string]any{"booked_fen": a.Penalty}})
}

// confirmedFigure notes that the carrier's own figure is the one that was booked without its word:
// from now on its bill cannot replace it.
func (t *Turn) confirmedFigure(a *order.Attempt) {
	t.record(row{n: a.N, kind: "penalty", from: figureCarrier, to: a.Penalty.Yuan(), decision: order.Applied,
		detail: map[string]any{"booked_fen": a.Penalty, "reason": "it says the same"}})
}

// figureKnown ends the wait for a carrier's figure.
func (t *Turn) figureKnown(a *order.Attempt) {
	if a.Want.Figure > 0 {
		a.Want.Figure = 0
		t.disarm(order.TimerFigure, a.N)
		t.touchQuietly(a)
	}
}

// figureDue asks a carrier again.
func (t *Turn) figureDue(a *order.Attempt) {
	if a != nil && !a.Live() && a.Want.Figure > 0 {
		a.Want.Query = true
		t.touchQuietly(a)
	}
}
