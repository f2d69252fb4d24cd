package statement

import (
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
)

// ErrPayment says that a payment does not fit what is open.
var ErrPayment = errors.New("statement: bad payment")

// SetOff is how the compensation that we owe is deducted from what the platform owes: the
// change of each account, with a net of zero. Deliveries are used first, then 违约金. Where
// nothing is open in all, nothing is to stay on any account.
func SetOff(open Amounts) Amounts {
	if open.Net() == 0 {
		return open.Negated()
	}
	var change Amounts
	left := max(0, -open.Compensation)
	for _, k := range []Kind{Delivery, Penalty} {
		part := min(left, max(0, open.Of(k)))
		change = change.With(k, -part).With(Compensation, part)
		left -= part
	}
	return change
}

// Allocate is how a payment of amount, above zero, changes what is open. The platform pays
// what it owes, and we pay what we owe when the net is below zero. It goes to deliveries
// first, then 违约金, then the rest; the payment that closes a statement closes every account.
func Allocate(open Amounts, amount money.Fen) (Amounts, error) {
	net := open.Net()
	if net < 0 {
		change, err := Allocate(open.Negated(), amount)
		return change.Negated(), err
	}
	switch {
	case amount <= 0:
		return Amounts{}, fmt.Errorf("%w: %s: want more than nothing", ErrPayment, amount)
	case amount > net:
		return Amounts{}, fmt.Errorf("%w: %s is more than the %s that is open; pay the rest to another statement", ErrPayment, amount, net)
	case amount == net:
		return open.Negated(), nil
	}
	var change Amounts
	for _, k := range Kinds {
		part := min(amount, max(0, open.Of(k)))
		change = change.With(k, -part)
		amount -= part
	}
	return change, nil
}

// Payment is the transfer of a payment: bank and the platform's accounts. change is Allocate's.
func Payment(key, platform string, change Amounts, at time.Time) ledger.Transfer {
	return transfer(key, "payment", platform, change, at, ledger.Bank)
}

// Deduction is the transfer of a set-off. change is SetOff's.
func Deduction(key, platform string, change Amounts, at time.Time) ledger.Transfer {
	return transfer(key, ReasonSetOff, platform, change, at, "")
}

// transfer moves each account by its change, and the rest by the other account.
func transfer(key, reason, platform string, change Amounts, at time.Time, other string) ledger.Transfer {
	t := ledger.Transfer{Source: "statement", Key: key, Reason: reason, EventAt: at}
	for _, k := range Kinds {
		t.Legs = append(t.Legs, leg(k.Account(platform), change.Of(k))...)
	}
	t.Legs = append(t.Legs, leg(other, -change.Net())...)
	return t
}

func leg(account string, amount money.Fen) []ledger.Leg {
	switch {
	case amount > 0:
		return []ledger.Leg{ledger.Debit(account, amount)}
	case amount < 0:
		return []ledger.Leg{ledger.Credit(account, -amount)}
	}
	return nil
}
