package ledger

import (
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Reasons are the codes that entries may have, with what they mean. A code may be followed by
// a colon and a cause.
var Reasons = map[string]string{
	"hold":     "an attempt is placed: money is promised to the carrier",
	"overdraw": "the carrier took more than was promised",
	"release":  "what was promised and not taken is free again",
	"capture":  "a delivery's fee",
	"tip":      "a tip that made a rider come",
	"penalty":  "违约金 that the carrier keeps, by cause",
	"income":   "a delivery that the platform owes for",

	"penalty_in": "违约金 that the platform owes for its cancel",
	"fault":      "违约金 that the carrier owes us for its cancel",

	"deposit":    "a prepayment, sent and seen at once",
	"topup_sent": "a prepayment is on its way to the carrier",
	"topup_seen": "a prepayment has arrived at the carrier",

	"compensation":     "we owe the platform for a late or damaged delivery",
	"compensation_in":  "the carrier owes us for its fault, outside an order's own 违约金",
	"payment":          "a platform pays a statement, or a part of it",
	"set_off":          "compensation is deducted from what the platform owes",
	"rejected":         "a platform refuses to pay a line: it is in suspense",
	"rejection_lifted": "the platform pays a line that it had refused",
	"conceded":         "the platform was right to refuse a line: the income never was",
	"write_off":        "nobody will pay it; approved by a second person",

	"bill_dispute":   "a bill claims more or less than we booked: in suspense until decided",
	"bill_accepted":  "the carrier's bill was right: the difference is the order's cost",
	"bill_withdrawn": "the carrier took a wrong line of its bill back",
	"bill_figure":    "the carrier's own figure replaces ours",

	"reversal": "a mistake is undone by its mirror image",
	"resync":   "what carriers say, after a database was restored to an earlier moment",
}

// pair is a transfer of two legs. A negative amount exchanges the sides.
func pair(source, key, reason string, at time.Time, debit, credit string, amount money.Fen) Transfer {
	if amount < 0 {
		debit, credit, amount = credit, debit, -amount
	}
	return Transfer{Source: source, Key: key, Reason: reason, EventAt: at, Legs: []Leg{Debit(debit, amount), Credit(credit, amount)}}
}

// On names the attempt (0 = the order itself) that a transfer is about.
func (t Transfer) On(order int64, n int) Transfer {
	t.Order, t.N = order, n
	return t
}

// Deposit is a prepayment to a carrier, sent and seen at once. A negative one is money that came back.
func Deposit(key, carrier, account string, amount money.Fen, at time.Time) Transfer {
	return pair("deposit", key, "deposit", at, Prepaid(carrier, account), Bank, amount)
}

// TopUpSent is money that left the bank for a carrier.
func TopUpSent(key, carrier, account string, amount money.Fen, at time.Time) Transfer {
	return pair("topup_sent", key, "topup_sent", at, Clearing(carrier, account), Bank, amount)
}

// TopUpSeen is the same money in the carrier's balance: now it can be spent.
func TopUpSeen(key, carrier, account string, amount money.Fen, at time.Time) Transfer {
	return pair("topup_seen", key, "topup_seen", at, Prepaid(carrier, account), Clearing(carrier, account), amount)
}

// Compensation is what we owe a platform for an order that came late or damaged. The next
// statement deducts it.
func Compensation(key, platform, cause string, amount money.Fen, at time.Time) Transfer {
	return pair("manual", key, "compensation:"+cause, at, CompensationExpense(platform), PlatformPayable(platform), amount)
}

// CarrierPays is what a carrier pays into our prepaid balance for its fault (赔付).
func CarrierPays(source, key, carrier, account string, amount money.Fen, at time.Time) Transfer {
	return pair(source, key, "compensation_in", at, Prepaid(carrier, account), CompensationIncome(carrier), amount)
}

// Rejected moves a line that a platform refuses to pay from what it owes into suspense.
// receivable is Receivable or PenaltyReceivable.
func Rejected(key, platform, receivable string, amount money.Fen, at time.Time) Transfer {
	return pair("statement", key, "rejected", at, Suspense(platform), receivable, amount)
}

// RejectionLifted is the way back: the platform pays after all.
func RejectionLifted(key, platform, receivable string, amount money.Fen, at time.Time) Transfer {
	return pair("statement", key, "rejection_lifted", at, receivable, Suspense(platform), amount)
}

// Recovered is the way back when the line was given up before: loss, its income or BadDebt, has
// it no more, and the platform owes it again.
func Recovered(key, receivable, loss string, amount money.Fen, at time.Time) Transfer {
	return pair("statement", key, "rejection_lifted", at, receivable, loss, amount)
}

// Conceded takes back income that never was. income is DeliveryIncome or PenaltyIncome.
func Conceded(key, platform, income string, amount money.Fen, at time.Time) Transfer {
	return pair("statement", key, "conceded", at, income, Suspense(platform), amount)
}

// WriteOff ends what stands in suspense for a party and will never be paid.
func WriteOff(key, party string, amount money.Fen, at time.Time) Transfer {
	return pair("write_off", key, "write_off", at, BadDebt(party), Suspense(party), amount)
}

// BillDispute notes what a bill claims beyond what we booked (negative: what it lacks), until
// it is decided. The prepaid balance does not move.
func BillDispute(key, carrier, account string, amount money.Fen, at time.Time) Transfer {
	return pair("bill", key, "bill_dispute", at, Suspense(carrier), CarrierPayable(carrier, account), amount)
}

// BillWithdrawn ends a dispute: the carrier took its line back, so nothing was taken from us.
func BillWithdrawn(key, carrier, account string, amount money.Fen, at time.Time) Transfer {
	return pair("item", key, "bill_withdrawn", at, CarrierPayable(carrier, account), Suspense(carrier), amount)
}

// BillAccepted ends a dispute: the carrier took it and was right to. expense is the account of
// the order's cost: DeliveryExpense, TipExpense or PenaltyExpense.
func BillAccepted(key, carrier, account, expense string, amount money.Fen, at time.Time) Transfer {
	t := pair("item", key, "bill_accepted", at, expense, Suspense(carrier), amount)
	t.Legs = append(t.Legs, pair("", "", "", at, CarrierPayable(carrier, account), Prepaid(carrier, account), amount).Legs...)
	return t
}

// BillLost ends a dispute with a carrier that keeps what it should not have taken: the money
// left the prepaid balance and is written off.
func BillLost(key, carrier, account string, amount money.Fen, at time.Time) Transfer {
	t := pair("write_off", key, "write_off", at, BadDebt(carrier), Suspense(carrier), amount)
	t.Legs = append(t.Legs, pair("", "", "", at, CarrierPayable(carrier, account), Prepaid(carrier, account), amount).Legs...)
	return t
}

// BillFigure replaces our figure by the carrier's own at once: more is its cost less ours.
func BillFigure(key, carrier, account, expense string, more money.Fen, at time.Time) Transfer {
	return pair("bill", key, "bill_figure", at, expense, Prepaid(carrier, account), more)
}
