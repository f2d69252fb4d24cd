package shansong

import (
	"context"
	"fmt"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

// What 闪送 takes as one tip (加价).
const (
	tipUnit money.Fen = 100
	maxTip  money.Fen = 100_00
)

// raise is addition's request.
type raise struct {
	IssOrderNo     string    `json:"issOrderNo"`
	AdditionAmount money.Fen `json:"additionAmount"` // the increment, 分
}

// Tip adds to an order's tips (addition), whole 元 up to 100 元 at a time. The answer is
// empty: what the tips are then is part of totalFeeAfterSave in a query's answer.
func (a *Adapter) Tip(ctx context.Context, t carrier.TipRequest) (carrier.Tipped, error) {
	const op = "tip"
	if err := needNumber(op, t.Ref); err != nil {
		return carrier.Tipped{}, err
	}
	if err := t.Check(tipUnit); err != nil {
		return carrier.Tipped{}, refused(op, err)
	}
	if t.Add > maxTip {
		return carrier.Tipped{}, refused(op, fmt.Errorf("a tip of %s, at most %s at a time", t.Add, maxTip))
	}
	_, err := a.call(ctx, op, "addition", raise{t.CarrierNo, t.Add})
	return carrier.Tipped{}, err
}

// Locate asks where the courier is (courierInfo); there is none before acceptance.
func (a *Adapter) Locate(ctx context.Context, ref carrier.Ref) (carrier.Location, error) {
	const op = "position"
	if err := needNumber(op, ref); err != nil {
		return carrier.Location{}, err
	}
	courier, err := a.call(ctx, op, "courierInfo", numbered{ref.CarrierNo})
	if err != nil {
		return carrier.Location{}, err
	}
	rider, position := carried(courier)
	where := carrier.Location{Rider: rider, Position: position, At: courier.Time("time")}
	if err := courier.Err(); err != nil {
		return carrier.Location{}, undecodable(op, err)
	}
	return where, nil
}
