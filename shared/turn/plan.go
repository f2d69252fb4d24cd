package turn

import (
	"time"

	"github.com/chuandao/qianfan/shared/order"
)

// adopt makes what a quote round found out the order's own, when it was pushed with its
// number only. An order for later waits for its release. After a resync it may be under way
// already.
func (t *Turn) adopt() {
	if t.Strategy.Name != "" || t.Outcome == nil || t.Outcome.Plan == nil || t.State.Final() {
		return
	}
	p := t.Outcome.Plan
	t.begin("plan")
	t.ShopCode, t.City, t.Strategy, t.Fee = p.ShopCode, p.City, p.Strategy, p.Fee
	t.record(row{kind: "plan", to: p.Strategy.Name, decision: order.Applied, detail: map[string]any{"city": p.City, "shop": p.ShopCode, "fee_fen": p.Fee}})
	if t.Goal != order.NoGoal {
		return
	}
	if !t.waits() {
		t.arm(order.TimerGiveUp, 0, time.Duration(t.Strategy.GiveUpAfter), timerStep)
		return
	}
	t.disarm(order.TimerGiveUp, 0)
	t.disarm(order.TimerQuote, 0)
	lead := time.Duration(t.Strategy.ReleaseLead)
	due := t.env.Now
	if p.ExpectedAt != nil {
		due = p.ExpectedAt.Add(-lead)
	}
	t.arm(order.TimerRelease, 0, max(timerStep, due.Sub(t.env.Now)), timerStep)
}

// waits reports whether the order is one for later (预约单) of which a round has learnt so.
func (t *Turn) waits() bool {
	return t.Outcome != nil && t.Outcome.Result == order.ResultScheduled
}
