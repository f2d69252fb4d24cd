package world

import (
	"fmt"

	"github.com/chuandao/qianfan/shared/money"
)

// ChargeLater takes money for an order that is over, or gives some back: 违约金, 退款, 赔付.
// The client hears of it on the bill only, where it is a line with its own time. Errors:
// ErrOrderUnknown, ErrState before the end, ErrBalance.
func (f *Fleet) ChargeLater(carrierNo string, kind BillKind, amount money.Fen) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	j, err := f.find(carrierNo, "")
	switch {
	case err != nil:
		return fmt.Errorf("charge later: %w", err)
	case !j.State.Final():
		return fmt.Errorf("charge later: %w: %s", ErrState, j.State)
	case amount <= 0 || !kind.charged():
		return fmt.Errorf("charge later: no %s of %s is ever charged", kind, amount)
	case f.balance < kind.signed(amount):
		return fmt.Errorf("charge later: %w", ErrBalance)
	}
	j.later = append(j.later, BillLine{CarrierNo: j.CarrierNo, ClientNo: j.ClientNo, Kind: kind, Amount: amount, At: f.clock.Now()})
	f.balance -= kind.signed(amount)
	what := "charged"
	if kind.Given() {
		what = "refunded"
	}
	f.note(j, what, string(kind)+" later", amount)
	return nil
}

// laterCharged is what was taken for an order after its end.
func (j *job) laterCharged() (sum money.Fen) {
	for _, l := range j.later {
		sum += l.Kind.signed(l.Amount)
	}
	return sum
}

// laterFined is the 违约金 among it.
func (j *job) laterFined() (sum money.Fen) {
	for _, l := range j.later {
		if l.Kind == BillPenalty {
			sum += l.Amount
		}
	}
	return sum
}
