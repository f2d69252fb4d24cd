package sftc

import (
	"context"
	"fmt"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

// minTip is the least that may be added at a time.
const minTip money.Fen = 100

// gratuity is addordergratuityfee's request.
type gratuity struct {
	named
	GratuityFee  money.Fen `json:"gratuity_fee"`  // the increment
	SerialNumber string    `json:"serial_number"` // tells a repeat from another tip
	stamp
}

// Tip adds to an order's tips (addordergratuityfee), at least 1 元 at a time and only
// before a rider accepts. The serial number is made of the total that is wanted, so that
// a repeat of the same wish tips once.
func (a *Adapter) Tip(ctx context.Context, t carrier.TipRequest) (carrier.Tipped, error) {
	const op = "tip"
	who, err := a.name(op, t.Ref)
	if err != nil {
		return carrier.Tipped{}, err
	}
	if t.Add < minTip || t.Total < t.Add {
		return carrier.Tipped{}, refused(op, fmt.Errorf("a tip of %d分 to a total of %d分, at least %d分 at a time", t.Add, t.Total, minTip))
	}
	serial := fmt.Sprintf("%s-%d", either(t.OurNo, t.CarrierNo), t.Total)
	result, err := a.call(ctx, op, "addordergratuityfee", gratuity{who, t.Add, serial, a.stamp()})
	if err != nil {
		return carrier.Tipped{}, err
	}
	tipped := carrier.Tipped{Total: result.Fen("total_gratuity_fee")}
	if err := result.Err(); err != nil {
		return carrier.Tipped{}, undecodable(op, err)
	}
	return tipped, nil
}

// Tips is what has been tipped so far (getordergratuityfee): it settles a tip in doubt.
func (a *Adapter) Tips(ctx context.Context, ref carrier.Ref) (money.Fen, error) {
	const op = "tips"
	result, err := a.ask(ctx, op, "getordergratuityfee", ref)
	if err != nil {
		return 0, err
	}
	return amount(op, result, "total_gratuity_fee", result.Fen)
}
