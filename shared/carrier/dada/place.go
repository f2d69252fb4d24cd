package dada

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// placement is addAfterQuery's request; everything else was said with the quote.
type placement struct {
	DeliveryNo string `json:"deliveryNo"`
}

// Place orders a rider at the quoted price (addAfterQuery). The answer names neither 达达's
// number nor an amount.
func (a *Adapter) Place(ctx context.Context, p carrier.PlaceRequest) (carrier.Placed, error) {
	const op = "place"
	if p.Token == "" {
		return carrier.Placed{}, refused(op, errors.New("the quote's deliveryNo is missing"))
	}
	_, err := a.call(ctx, op, "order/addAfterQuery", placement{p.Token})
	return carrier.Placed{}, unknownQuote(err)
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

// tipUnit is what tips are multiples of: one decimal of a 元.
const tipUnit money.Fen = 10

// gratuity is addTip's request.
type gratuity struct {
	named
	Tips json.Number `json:"tips"` // the total, 元 with one decimal
}

// Tip raises the total of an order's tips (addTip), which 达达 takes only while it seeks a
// rider. The same total once more adds nothing. The answer states no amount.
func (a *Adapter) Tip(ctx context.Context, t carrier.TipRequest) (carrier.Tipped, error) {
	const op = "tip"
	who, err := name(op, t.Ref)
	if err != nil {
		return carrier.Tipped{}, err
	}
	if err := t.Check(tipUnit); err != nil {
		return carrier.Tipped{}, refused(op, err)
	}
	if t.Total%tipUnit != 0 {
		return carrier.Tipped{}, refused(op, fmt.Errorf("a total tip of %d分, want multiples of %d分", t.Total, tipUnit))
	}
	tips := json.Number(strings.TrimSuffix(t.Total.Yuan(), "0"))
	_, err = a.call(ctx, op, "order/addTip", gratuity{who, tips})
	return carrier.Tipped{}, err
}

// withdrawal is formalCancel's request.
type withdrawal struct {
	named
	ReasonID int    `json:"cancel_reason_id"`
	Reason   string `json:"cancel_reason,omitempty"` // only with 10000 其他
}

// reasons translates our causes to 达达's cancel_reason_id.
var reasons = map[string]int{
	order.CauseCancelled:     4,  // 顾客取消订单
	order.CauseGiveUp:        1,  // 没有配送员接单
	order.CauseAcceptTimeout: 1,  //
	order.CausePickupTimeout: 2,  // 配送员没来取货
	order.CauseChanged:       5,  // 订单填写错误
	order.CauseLostRace:      36, // 我不需要配送了
	order.CauseRevived:       36,
	order.CauseRedispatch:    36,
}

const otherReason = 10000 // 其他, which needs a text

// cancelledAlready is the code of a cancel that was made before.
const cancelledAlready = "2076"

// Cancel withdraws an order (formalCancel), which is possible until pickup. The answer to a
// repeated one counts as success and states no 违约金.
func (a *Adapter) Cancel(ctx context.Context, c carrier.CancelRequest) (carrier.CancelResult, error) {
	const op = "cancel"
	who, err := name(op, c.Ref)
	if err != nil {
		return carrier.CancelResult{}, err
	}
	request := withdrawal{named: who, ReasonID: otherReason, Reason: either(c.Reason, "商家取消")}
	if id, listed := reasons[c.Reason]; listed {
		request.ReasonID, request.Reason = id, ""
	}
	reply, err := a.call(ctx, op, "order/formalCancel", request)
	if err != nil {
		return declined(err)
	}
	result := reply.result()
	kept := result.yuan("deduct_fee")
	if err := result.unread(); err != nil {
		return carrier.CancelResult{}, err
	}
	return carrier.CancelResult{Penalty: kept}, nil
}

func declined(err error) (carrier.CancelResult, error) {
	var e *carrier.Error
	if errors.As(err, &e) && e.Code == cancelledAlready {
		return carrier.CancelResult{}, nil
	}
	return carrier.Declined(err)
}
