package turn

import (
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// fact states a delta for the ledger; settle will post it.
func (t *Turn) fact(f order.Fact) {
	if f.Amount == 0 {
		return
	}
	t.FactSeq++
	f.Seq, f.At = t.FactSeq, t.env.Now
	t.Facts = append(t.Facts, f)
	t.PostAt = earlier(t.PostAt, t.env.Now)
	group := f.Party + ":" + f.Account
	t.owe(message.Owed{Topic: message.Settlement, Group: group, Item: t.item()})
}

func (t *Turn) attemptFact(a *order.Attempt, kind string, amount money.Fen, cause string) {
	t.fact(order.Fact{N: a.N, Kind: kind, Amount: amount, Party: a.Carrier, Account: a.Account, Shard: a.Shard, Cause: cause})
}

// cover makes sure that at least need is held, taking more from the prepaid balance when the
// carrier took more than the grant.
func (t *Turn) cover(a *order.Attempt, need money.Fen) {
	if short := need - a.Held; short > 0 {
		a.Held += short
		t.attemptFact(a, order.FactOverdraw, short, "")
	}
}

// bookDelivery books the carrier's cumulative fee as the difference to what is booked.
func (t *Turn) bookDelivery(a *order.Attempt, total money.Fen) {
	tip := money.Fen(0)
	if a.Booked == 0 {
		tip = min(a.Tip, total)
	}
	t.bookCost(a, total, tip)
}

// bookCost is bookDelivery where it is known how much of the difference is a tip.
func (t *Turn) bookCost(a *order.Attempt, total, tip money.Fen) {
	delta := total - a.Booked
	t.cover(a, delta)
	a.Held -= delta
	if a.N != t.Winner {
		// Whatever a losing attempt costs is the price of the race, its fee and tips included.
		t.attemptFact(a, order.FactPenalty, delta, order.CauseLostRace)
		t.alarm("a delivery was charged for an attempt that does not carry the order")
	} else {
		t.attemptFact(a, order.FactCapture, delta-tip, "")
		t.attemptFact(a, order.FactTip, tip, "")
	}
	a.Booked = total
	t.touch(a)
}

// release gives back what is still held; only the carrier's confirmed end may call it.
func (t *Turn) release(a *order.Attempt) {
	held := a.Held
	a.Held = 0
	t.attemptFact(a, order.FactRelease, held, "")
	t.touch(a)
}

// settleEnd books the end of an attempt: the carrier's own figure when it states one, else
// the rule's, and then the carrier is asked. A figure that comes later is booked as a difference.
func (t *Turn) settleEnd(a *order.Attempt, s carrier.Status) {
	switch a.State {
	case order.AttemptDelivered:
		t.bookDelivery(a, stated(s.Charged, a.Price+a.Tip))
		a.Want.Query = s.Charged == nil && tipOpen(a)
		if s.Penalty != nil {
			t.bookPenalty(a, *s.Penalty)
		}
	case order.AttemptCancelled, order.AttemptReturned:
		t.settleFine(a, s)
	}
	t.release(a)
}

// tipOpen reports whether a tip may have been added that nobody has confirmed.
func tipOpen(a *order.Attempt) bool {
	return a.Want.Tip > a.Tip && (a.Want.NoTips || a.Call.Kind == order.CallTip)
}

// statedCost is everything that the carrier says it took for an attempt that is over. Fee
// and 违约金 add up; no fee without a word on 违约金 says nothing yet.
func statedCost(a *order.Attempt, s carrier.Status) (money.Fen, bool) {
	switch {
	case s.Charged != nil && s.Penalty != nil:
		return *s.Charged + *s.Penalty, true
	case s.Penalty != nil:
		return a.Booked + *s.Penalty, true
	case s.Charged != nil && (*s.Charged != 0 || a.State == order.AttemptDelivered):
		return *s.Charged + penaltyBeside(a), true
	case s.State == carrier.Delivered && a.State != order.AttemptDelivered:
		return a.Price + a.Tip, true
	}
	return 0, false
}

// penaltyBeside is the 违约金 booked beside a delivery; that of another end is its whole cost.
func penaltyBeside(a *order.Attempt) money.Fen {
	if a.State == order.AttemptDelivered {
		return a.Penalty
	}
	return 0
}

// income books what the platform owes for a delivery.
func (t *Turn) income() {
	t.fact(order.Fact{Kind: order.FactIncome, Amount: t.Fee, Party: t.Platform})
}

// fineIn books what the platform owes for its cancel, as fixed when the cancel was applied.
func (t *Turn) fineIn() {
	t.fact(order.Fact{Kind: order.FactPenaltyIn, Amount: t.Penalty, Party: t.Platform, Cause: t.GoalCause})
}
