package uupt

import (
	"context"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// wholeYuan is what a tip is counted in: the one amount that UU跑腿 takes in 元.
const wholeYuan money.Fen = 100

// gratuity is addGratuity's request.
type gratuity struct {
	named
	Fee money.Fen `json:"fee"` // the increment, 元
}

// Tip adds whole 元 to an order's tips (addGratuity). The answer is empty: what the tips
// are then is part of orderPrice in a query's answer.
func (a *Adapter) Tip(ctx context.Context, t carrier.TipRequest) (carrier.Tipped, error) {
	const op = "tip"
	who, err := name(op, t.Ref)
	if err != nil {
		return carrier.Tipped{}, err
	}
	if err := t.Check(wholeYuan); err != nil {
		return carrier.Tipped{}, refused(op, err)
	}
	_, err = a.call(ctx, op, "order/addGratuity", gratuity{who, t.Add / wholeYuan})
	return carrier.Tipped{}, err
}

// track is driverTrack's request, which has names of its own.
type track struct {
	OrderCode string `json:"order_code"`
}

// Locate asks where the rider is (driverTrack). The answer states no time.
func (a *Adapter) Locate(ctx context.Context, ref carrier.Ref) (carrier.Location, error) {
	const op = "position"
	if ref.CarrierNo == "" {
		return carrier.Location{}, &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindNotSent, Message: "orderCode is not known"}
	}
	body, err := a.call(ctx, op, "order/driverTrack", track{ref.CarrierNo})
	if err != nil {
		return carrier.Location{}, err
	}
	where := carrier.Location{
		Rider:    order.Rider{Name: body.Text("driver_name"), Phone: body.Text("driver_phone")},
		Position: carrier.Position(body.Text("longitude"), body.Text("latitude"), true),
	}
	if err := body.Err(); err != nil {
		return carrier.Location{}, undecodable(op, err)
	}
	return where, nil
}
