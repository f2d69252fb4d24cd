// Package ledger turns settlement facts into double entries. It is pure; the store keeps
// what it says, append-only and once per fact.
package ledger

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// Prepaid is our money with a carrier. The balance of every account is debit minus credit.
func Prepaid(carrier, account string) string {
	return "carrier:" + carrier + ":" + account + ":prepaid"
}

// Held is money promised to a carrier for attempts that are not over.
func Held(carrier, account string) string { return "carrier:" + carrier + ":" + account + ":held" }

// DeliveryExpense is what deliveries cost.
func DeliveryExpense(carrier string) string { return "expense:delivery:" + carrier }

// TipExpense is what tips (小费) cost that made a rider come.
func TipExpense(carrier string) string { return "expense:tip:" + carrier }

// PenaltyExpense is 违约金 that a carrier keeps, by cause.
func PenaltyExpense(carrier, cause string) string { return "expense:penalty:" + carrier + ":" + cause }

// Receivable is what a platform owes for deliveries.
func Receivable(platform string) string { return "platform:" + platform + ":receivable" }

// PenaltyReceivable is 违约金 that a platform owes.
func PenaltyReceivable(platform string) string { return "platform:" + platform + ":penalty_receivable" }

// DeliveryIncome is what platforms pay for deliveries.
func DeliveryIncome(platform string) string { return "income:delivery:" + platform }

// PenaltyIncome is 违约金 earned from platforms.
func PenaltyIncome(platform string) string { return "income:penalty:" + platform }

// Bank is where prepayments come from.
const Bank = "bank"

// Entry is one line of a transaction.
type Entry struct {
	Tx       string
	Account  string
	Debit    bool
	Amount   money.Fen // positive
	OrderID  int64     // 0 = no order
	Reason   string
	EventAt  time.Time
	PostedAt time.Time
	Period   string // business month, "2026-11"
}

// ErrFact says that a fact of this kind cannot be posted.
var ErrFact = errors.New("ledger: unknown fact kind")

// Tx is the transaction name of a fact: the source's key, so that posting twice collides.
func Tx(orderID int64, f order.Fact) string {
	return fmt.Sprintf("fact:%d:%d:%s:%d", orderID, f.N, f.Kind, f.Seq)
}

// Post writes a fact as a balanced transaction of two entries; a fact of nothing has none.
func Post(orderID int64, f order.Fact, now time.Time) ([]Entry, error) {
	debit, credit, err := sides(f)
	if err != nil {
		return nil, err
	}
	amount := f.Amount
	if amount == 0 {
		return nil, nil
	}
	if amount < 0 {
		debit, credit, amount = credit, debit, -amount
	}
	reason := f.Kind
	if f.Cause != "" {
		reason += ":" + f.Cause
	}
	entry := Entry{Tx: Tx(orderID, f), Amount: amount, OrderID: orderID, Reason: reason, EventAt: f.At, PostedAt: now, Period: Period(now)}
	d, c := entry, entry
	d.Account, d.Debit = debit, true
	c.Account = credit
	return []Entry{d, c}, nil
}

func sides(f order.Fact) (debit, credit string, err error) {
	switch f.Kind {
	case order.FactHold, order.FactOverdraw:
		return Held(f.Party, f.Account), Prepaid(f.Party, f.Account), nil
	case order.FactRelease:
		return Prepaid(f.Party, f.Account), Held(f.Party, f.Account), nil
	case order.FactCapture:
		return DeliveryExpense(f.Party), Held(f.Party, f.Account), nil
	case order.FactTip:
		return TipExpense(f.Party), Held(f.Party, f.Account), nil
	case order.FactPenalty:
		cause := f.Cause
		if cause == "" {
			cause = "other"
		}
		return PenaltyExpense(f.Party, cause), Held(f.Party, f.Account), nil
	case order.FactIncome:
		return Receivable(f.Party), DeliveryIncome(f.Party), nil
	case order.FactPenaltyIn:
		return PenaltyReceivable(f.Party), PenaltyIncome(f.Party), nil
	}
	return "", "", fmt.Errorf("%w: %q", ErrFact, f.Kind)
}

// Deposit is a prepayment to a carrier: bank → prepaid. A negative one is money that came back.
func Deposit(key, carrier, account string, amount money.Fen, at time.Time) []Entry {
	debit, credit := Prepaid(carrier, account), Bank
	if amount < 0 {
		debit, credit, amount = credit, debit, -amount
	}
	e := Entry{Tx: "deposit:" + key, Amount: amount, Reason: "deposit", EventAt: at, PostedAt: at, Period: Period(at)}
	d, c := e, e
	d.Account, d.Debit = debit, true
	c.Account = credit
	return []Entry{d, c}
}

// ShardDelta is what posting a fact gives back to (or takes beyond the grant from) the
// shard of the hold. The grant itself was taken when the hold was decided.
func ShardDelta(f order.Fact) money.Fen {
	switch f.Kind {
	case order.FactOverdraw:
		return -f.Amount
	case order.FactRelease:
		return f.Amount
	}
	return 0
}

// shanghai is the business's time zone.
var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// Period is the accounting period of an instant: the month of its business date.
func Period(at time.Time) string { return at.In(shanghai).Format("2006-01") }

// IsExpense and IsIncome tell the sides of the profit.
func IsExpense(account string) bool { return strings.HasPrefix(account, "expense:") }

// IsIncome reports whether the account is one of income.
func IsIncome(account string) bool { return strings.HasPrefix(account, "income:") }
