package turn

import (
	"time"

	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
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
	delta := total - a.Booked
	t.cover(a, delta)
	a.Held -= delta
	a.Booked = total
	kind, cause := order.FactCapture, ""
	if a.N != t.Winner {
		// Whatever a losing attempt costs is the price of the race, its fee included.
		kind, cause = order.FactPenalty, order.CauseLostRace
		t.alarm("a delivery was charged for an attempt that does not carry the order")
	}
	t.attemptFact(a, kind, delta, cause)
	t.touch(a)
}

// bookPenalty books the carrier's cumulative 违约金 as the difference to what is booked.
func (t *Turn) bookPenalty(a *order.Attempt, total money.Fen) {
	delta := total - a.Penalty
	t.cover(a, delta)
	a.Held -= delta
	a.Penalty = total
	t.attemptFact(a, order.FactPenalty, delta, a.Cause)
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
// the rule's. A figure that comes later is booked as a difference.
func (t *Turn) settleEnd(a *order.Attempt, charged, fine *money.Fen) {
	switch a.State {
	case order.AttemptDelivered:
		total := a.Price
		if charged != nil {
			total = *charged
		}
		t.bookDelivery(a, total)
		if fine != nil && *fine != 0 {
			t.bookPenalty(a, *fine)
		}
	case order.AttemptCancelled, order.AttemptReturned:
		t.bookPenalty(a, t.fine(a, fine))
	}
	t.release(a)
}

// fine is what ending an attempt costs: the stated figure, the pre-query's, or the rule's.
// What the carrier ended itself costs nothing unless it says so.
func (t *Turn) fine(a *order.Attempt, stated *money.Fen) money.Fen {
	switch {
	case stated != nil:
		return *stated
	case a.Want.Cancel == "":
		return 0
	case a.CancelFee != nil:
		return *a.CancelFee
	}
	state := a.Under
	if !a.PickedAt.IsZero() {
		state = order.AttemptPickedUp
	}
	amount, _ := t.env.Book.Penalty(penalty.Case{Party: "carrier:" + a.Carrier, State: string(state), Accepted: t.since(a.AcceptedAt), Fee: a.Price})
	return amount
}

func (t *Turn) since(at time.Time) time.Duration {
	if at.IsZero() {
		return 0
	}
	return t.env.Now.Sub(at)
}

// income books what the platform owes for a delivery.
func (t *Turn) income() {
	t.fact(order.Fact{Kind: order.FactIncome, Amount: t.Fee, Party: t.Platform})
}

// fineIn books what the platform owes for its cancel, as fixed when the cancel was applied.
func (t *Turn) fineIn() {
	t.fact(order.Fact{Kind: order.FactPenaltyIn, Amount: t.Penalty, Party: t.Platform, Cause: t.GoalCause})
}
