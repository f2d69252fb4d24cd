package turn

import (
	"cmp"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// raiseTip adds a step to the tip (小费) of an attempt that still waits for a rider, and
// arms the next one. Tips count as cost: the strategy's limits hold with them.
func (t *Turn) raiseTip(a *order.Attempt) {
	rule := t.Strategy.Tip
	if a != nil && (a.Call.Kind == order.CallTip || a.Call.Doubt == order.CallTip) {
		t.arm(order.TimerTip, a.N, time.Duration(cmp.Or(rule.Every, rule.After)), timerStep) // one tip at a time
		return
	}
	if a == nil || a.State != order.Placed || a.Want.Cancel != "" || a.Want.NoTips || t.Winner != 0 || t.Goal != order.NoGoal {
		return
	}
	total := tipWanted(a) + rule.Step
	if rule.Step <= 0 || total > rule.Max || t.Strategy.OverLimit(a.Price+total, t.Fee) != "" || !t.addTip(a, rule.Step, "strategy") {
		return
	}
	if total+rule.Step <= rule.Max && rule.Every > 0 {
		t.arm(order.TimerTip, a.N, time.Duration(rule.Every), timerStep)
	}
}

func tipWanted(a *order.Attempt) money.Fen { return max(a.Want.Tip, a.Tip) }

// addTip holds the amount and wishes for it; the call follows the commit.
func (t *Turn) addTip(a *order.Attempt, add money.Fen, by string) bool {
	// Asked for what it does not take, a carrier would refuse this tip and every later one.
	if unit := t.facts(a).TipUnit; unit > 0 && add%unit != 0 {
		t.record(row{n: a.N, kind: "tip", to: add.Yuan(), decision: order.Refused, detail: map[string]any{"by": by, "unit_fen": unit}})
		return false
	}
	shard, ok := t.env.Hold(a.Carrier, a.Account, add)
	if !ok {
		t.alarm("prepaid balance of " + a.Carrier + " used up")
		return false
	}
	a.Want.Tip = tipWanted(a) + add
	a.Held += add
	t.record(row{n: a.N, kind: "tip", to: a.Want.Tip.Yuan(), decision: order.Applied, detail: map[string]any{"add_fen": add, "by": by}})
	t.fact(order.Fact{N: a.N, Kind: order.FactHold, Amount: add, Party: a.Carrier, Account: a.Account, Shard: shard})
	t.touch(a)
	return true
}

// tippable reports whether a tip is of use: the carrier looks for a rider, or one is on the way.
func tippable(a *order.Attempt) bool {
	waits := a.State == order.Placed || a.State == order.Accepted || a.State == order.AttemptArrived
	return waits && a.Want.Cancel == "" && !a.Want.NoTips
}

// tipDue reports whether a tip is to be added now.
func tipDue(a *order.Attempt) bool { return tippable(a) && a.Want.Tip > a.Tip }

// tipped takes the answer to a tip. While it was awaited no other was wished for, so a yes
// without a figure means the total that is wanted.
func (t *Turn) tipped(a *order.Attempt, ans Answer, current bool) {
	switch {
	case !current:
		t.tippedLate(a, ans)
	case ans.Err == nil:
		a.Tries = 0
		t.tipIs(a, stated(ans.Tipped.Total, a.Want.Tip))
	case carrier.KindOf(ans.Err) == carrier.KindNotSent, carrier.KindOf(ans.Err) == carrier.KindRateLimited:
		if a.Live() {
			t.failing(a)
		}
	case carrier.Doubt(ans.Err):
		t.tipDoubt(a)
	default:
		a.Want.Tip, a.Want.NoTips = a.Tip, true
		t.record(row{n: a.N, kind: "tip", to: a.Tip.Yuan(), decision: order.Refused, detail: errorDetail(ans.Err)})
	}
}

// tippedLate takes the answer to a tip that was given up for doubtful. A query has told the
// total since, and another tip may have followed: only a higher total is news.
func (t *Turn) tippedLate(a *order.Attempt, ans Answer) {
	if total := ans.Tipped.Total; ans.Err == nil && total != nil && *total > a.Tip {
		t.tipIs(a, *total)
	}
}

func stated(total *money.Fen, otherwise money.Fen) money.Fen {
	if total == nil {
		return otherwise
	}
	return *total
}

// tipIs keeps the total that the carrier has taken, or is going to take with the delivery.
func (t *Turn) tipIs(a *order.Attempt, total money.Fen) {
	if total == a.Tip {
		return
	}
	known, late := a.Price+a.Tip, total-a.Tip
	a.Tip = total
	a.Want.Tip = max(a.Want.Tip, total)
	t.touch(a)
	t.record(row{n: a.N, kind: "tip", from: "added", to: total.Yuan(), decision: order.Applied})
	switch {
	case a.Live():
		t.cover(a, a.Price+a.Tip)
	case a.State == order.AttemptDelivered && a.Booked == known: // by what we knew, not by the carrier's figure
		t.bookCost(a, a.Price+a.Tip, late)
		t.release(a)
	}
}

// tipDoubt: nobody knows whether a tip was added. No second one is, unless a query shows
// the total; a cancel may follow.
func (t *Turn) tipDoubt(a *order.Attempt) {
	a.Want.NoTips = true
	if a.Live() {
		a.Call.Doubt = order.CallTip
		t.inquire(a, pause(1))
	}
}

// tipShown settles the doubt about a tip by the total that a query shows. One that is not
// there may still be on its way to the carrier: nobody adds another on top of it.
func (t *Turn) tipShown(a *order.Attempt, charged *money.Fen) {
	if a.Call.Doubt != order.CallTip || charged == nil || !a.Live() {
		return
	}
	if tip := *charged - a.Price; tip >= a.Tip && tip <= a.Want.Tip {
		a.Want.NoTips = tip < a.Want.Tip
		t.tipIs(a, tip)
	}
}
