package world

import (
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// CancelFee is what a cancel costs: Kept of what was paid, and Extra beyond it.
type CancelFee struct {
	Kept, Extra money.Fen
	Paid        money.Fen
}

// Refund is what comes back.
func (c CancelFee) Refund() money.Fen { return c.Paid - c.Kept }

// CancelFee is what a cancel would cost now. Errors: ErrOrderUnknown, ErrState.
func (f *Fleet) CancelFee(carrierNo string) (CancelFee, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	j, err := f.find(carrierNo, "")
	if err != nil {
		return CancelFee{}, err
	}
	return f.cancelFee(j)
}

func (f *Fleet) cancelFee(j *job) (CancelFee, error) {
	now := f.clock.Now()
	p := f.profile.Penalty
	switch {
	case beforeAccept[j.State]:
		return j.costs(p.BeforeAccept), nil
	case beforePickup[j.State] && f.cancelsToday() < p.FreePerDay:
		return j.costs(0), nil
	case beforePickup[j.State]:
		return j.costs(p.accepted(now.Sub(j.AcceptedAt))), nil
	case j.State != PickedUp && j.State != AtCustomer:
	case p.AfterPickup == PickupFixed:
		return j.costs(p.PickupFee), nil
	case p.AfterPickup == PickupRoundTrip:
		ridden := int(float64(j.Metres) * j.ride.share(now))
		fee := f.profile.Tariff.way(2 * ridden)
		c := j.costs(fee)
		c.Extra = fee - c.Kept
		return c, nil
	}
	return CancelFee{}, fmt.Errorf("cancel: %w: %s", ErrState, j.State)
}

// costs splits a fee that is never more than what was paid.
func (j *job) costs(fee money.Fen) CancelFee {
	paid := j.Fee + j.Tips
	return CancelFee{Kept: min(fee, paid), Paid: paid}
}

// Cancel is the client's cancel. Before pickup, and after it where the rule is a fixed
// fee, the order ends at once; else the rider is asked first and ErrExtraFee says that
// payExtra was needed. Other errors: ErrOrderUnknown, ErrState, ErrQuota, ErrBalance.
func (f *Fleet) Cancel(carrierNo, reason string, payExtra bool) (Job, CancelFee, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cancel(carrierNo, reason, payExtra, nil)
}

// CancelAt is Cancel by a client who names the fee that was told; ErrFeeMoved when it is
// another one now.
func (f *Fleet) CancelAt(carrierNo, reason string, fee money.Fen) (Job, CancelFee, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cancel(carrierNo, reason, false, &fee)
}

func (f *Fleet) cancel(carrierNo, reason string, payExtra bool, named *money.Fen) (Job, CancelFee, error) {
	j, err := f.find(carrierNo, "")
	if err != nil {
		return Job{}, CancelFee{}, err
	}
	fee, err := f.cancelFee(j)
	if refused, _ := f.faults.StrikeScripted(f.chance, CancelRefused, j.key(), "cancel"); refused && err == nil {
		err = fmt.Errorf("cancel: %w: refused", ErrState)
	}
	switch {
	case err != nil:
		return Job{}, fee, err
	case named != nil && *named != fee.Kept:
		return Job{}, fee, fmt.Errorf("cancel: %w: %d分", ErrFeeMoved, fee.Kept)
	case fee.Extra > 0 && !payExtra:
		return Job{}, fee, fmt.Errorf("cancel: %w: %d分", ErrExtraFee, fee.Extra)
	case f.balance < fee.Extra:
		return Job{}, fee, fmt.Errorf("cancel: %w", ErrBalance)
	case !f.withinQuota():
		return Job{}, fee, ErrQuota
	}
	asked := !beforePickup[j.State] && f.profile.Penalty.AfterPickup == PickupRoundTrip
	j.End = End{By: ByClient, Fault: ByClient, Reason: reason, Returned: !beforePickup[j.State]}
	j.Kept = fee.Kept
	if asked {
		j.Extra = fee.Extra
		f.take(j, "return", fee.Extra)
		f.enter(j, CancelAsked)
	} else {
		f.settle(j)
	}
	return j.Job, fee, nil
}

// ConfirmReturn says that the goods are back at the shop. Errors: ErrOrderUnknown,
// ErrState.
func (f *Fleet) ConfirmReturn(carrierNo string) (Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	j, err := f.find(carrierNo, "")
	switch {
	case err != nil:
		return Job{}, err
	case j.State != Returning:
		return Job{}, fmt.Errorf("confirm return: %w: %s", ErrState, j.State)
	}
	f.settle(j)
	return j.Job, nil
}

// settle ends an order that the client cancelled.
func (f *Fleet) settle(j *job) {
	f.giveBack(j, j.Fee+j.Tips-j.Kept)
	f.enter(j, Cancelled)
}

// withinQuota counts one more cancel of the local day, if that is allowed.
func (f *Fleet) withinQuota() bool {
	if today := f.cancelsToday(); f.profile.CancelsPerDay > 0 && today >= f.profile.CancelsPerDay {
		return false
	}
	f.cancels++
	return true
}

// CancelsToday is how often the client has cancelled on this local day.
func (f *Fleet) CancelsToday() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cancelsToday()
}

func (f *Fleet) cancelsToday() int {
	if day := f.clock.Now().In(Shanghai).Format(time.DateOnly); day != f.quotaDay {
		f.quotaDay, f.cancels = day, 0
	}
	return f.cancels
}
