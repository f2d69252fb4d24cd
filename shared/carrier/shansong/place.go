package shansong

import (
	"context"
	"errors"
	"fmt"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

// Place confirms a quote (orderPlace). Charged is what 闪送 took, which may differ from
// the quote. Every decoded refusal is final but those that the table calls doubt.
func (a *Adapter) Place(ctx context.Context, p carrier.PlaceRequest) (carrier.Placed, error) {
	const op = "place"
	if p.Token == "" {
		return carrier.Placed{}, refused(op, errors.New("the quote's issOrderNo is missing"))
	}
	data, err := a.call(ctx, op, "orderPlace", numbered{p.Token})
	if err != nil {
		return carrier.Placed{}, unknownQuote(err)
	}
	number, charged := data.Number("orderNumber"), data.Fen("totalFeeAfterSave")
	if err := data.Err(); err != nil {
		return carrier.Placed{}, undecodable(op, err)
	}
	if number != "" && number != p.Token {
		return carrier.Placed{}, undecodable(op, fmt.Errorf("data.orderNumber names another order"))
	}
	return carrier.Placed{CarrierNo: p.Token, Charged: charged}, nil
}

// unknownQuote makes "no such order", said of a quote that is to be placed, the final
// refusal that it is: what does not exist was not placed.
func unknownQuote(err error) error {
	var e *carrier.Error
	if errors.As(err, &e) && e.Kind == carrier.KindNotFound {
		e.Kind = carrier.KindRefused
	}
	return err
}

// CancelFee asks what a cancel would cost now (preAbortOrder): what is kept and what
// is charged on top for bringing the goods back.
func (a *Adapter) CancelFee(ctx context.Context, ref carrier.Ref) (money.Fen, error) {
	const op = "cancel_fee"
	if err := needNumber(op, ref); err != nil {
		return 0, err
	}
	data, err := a.call(ctx, op, "preAbortOrder", numbered{ref.CarrierNo})
	if err != nil {
		return 0, err
	}
	fee := penalty(data)
	if err := data.Err(); err != nil {
		return 0, undecodable(op, err)
	}
	if fee == nil {
		return 0, undecodable(op, errors.New("data.deductAmount is missing"))
	}
	return *fee, nil
}

// abortion is abortOrder's request. DeductFlag agrees to be charged on top of the fee
// when bringing the goods back costs more than was paid.
type abortion struct {
	IssOrderNo string `json:"issOrderNo"`
	DeductFlag bool   `json:"deductFlag"`
}

// Cancel withdraws an order (abortOrder). After pickup the rider must agree first and
// the goods come back, so the result is Returning. 闪送 takes no reason.
func (a *Adapter) Cancel(ctx context.Context, c carrier.CancelRequest) (carrier.CancelResult, error) {
	const op = "cancel"
	if err := needNumber(op, c.Ref); err != nil {
		return carrier.CancelResult{}, err
	}
	agreed := c.AfterPickup || (c.AgreeTo != nil && *c.AgreeTo > 0)
	data, err := a.call(ctx, op, "abortOrder", abortion{c.CarrierNo, agreed})
	if err != nil {
		return carrier.Declined(err)
	}
	result := carrier.CancelResult{
		Returning: c.AfterPickup,
		Penalty:   penalty(data),
		Reason:    data.Text("abortReason"),
	}
	if err := data.Err(); err != nil {
		return carrier.CancelResult{}, undecodable(op, err)
	}
	return result, nil
}

// penalty is the 违约金 that 闪送 keeps or charges on top; nil when it states neither.
func penalty(data *carrier.Object) *money.Fen {
	kept, extra := data.Fen("deductAmount"), data.Fen("sendBackFee")
	switch {
	case kept == nil:
		return extra
	case extra == nil:
		return kept
	}
	sum := *kept + *extra
	return &sum
}
