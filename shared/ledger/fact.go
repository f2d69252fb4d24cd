package ledger

import (
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// Entry is one line of a transaction. It is never changed: mistakes are mended by more entries.
type Entry struct {
	Tx       string // the source and its key
	Account  string
	Debit    bool
	Amount   money.Fen // positive
	OrderID  int64     // 0 = no order
	N        int       // attempt; 0 = the order's own
	Reason   string    // a code of Reasons, and after a colon its cause
	EventAt  time.Time // when it happened
	PostedAt time.Time // when it came into the books
	Period   string    // accounting period, "2026-11"
}

// Desk is where and when entries are posted.
type Desk struct {
	Now    time.Time
	Closed string // the last accounting period that is closed; empty = none
}

// period is that of the event, or the first open one after it: a closed period never changes.
func (d Desk) period(event time.Time) string {
	p := Period(event)
	if p > d.Closed {
		return p
	}
	return NextPeriod(d.Closed)
}

// ErrFact says that a fact of this kind cannot be posted.
var ErrFact = errors.New("ledger: unknown fact kind")

// Tx is the transaction name of a fact: the source's key, so that posting twice collides.
func Tx(orderID int64, f order.Fact) string {
	return fmt.Sprintf("fact:%d:%d:%s:%d", orderID, f.N, f.Kind, f.Seq)
}

// Post writes a fact as a balanced transaction of two entries; a fact of nothing has none.
func Post(orderID int64, f order.Fact, desk Desk) ([]Entry, error) {
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
	entry := Entry{Tx: Tx(orderID, f), Amount: amount, OrderID: orderID, N: f.N, Reason: reason, EventAt: f.At, PostedAt: desk.Now, Period: desk.period(f.At)}
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
	case order.FactFault:
		return Held(f.Party, f.Account), CompensationIncome(f.Party), nil
	case order.FactIncome:
		return Receivable(f.Party), DeliveryIncome(f.Party), nil
	case order.FactPenaltyIn:
		return PenaltyReceivable(f.Party), PenaltyIncome(f.Party), nil
	}
	return "", "", fmt.Errorf("%w: %q", ErrFact, f.Kind)
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
