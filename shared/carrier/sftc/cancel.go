package sftc

import (
	"context"
	"errors"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// cause is one of 顺丰同城's cancel_codes with the text that goes with it.
type cause struct {
	code int
	text string
}

// causes translates our causes; any other text is told as it is under 313 其他.
var causes = map[string]cause{
	"":                       {313, "商家发起取消"},
	order.CauseCancelled:     {300, "计划有变"},
	order.CauseGiveUp:        {312, "无人接单换平台"},
	order.CauseAcceptTimeout: {312, "无人接单换平台"},
	order.CauseLostRace:      {313, "商家发起取消"},
	order.CauseRevived:       {306, "重复下单"},
}

func causeOf(reason string) cause {
	if c, ok := causes[reason]; ok {
		return c
	}
	return cause{313, reason}
}

// preview is precancelorder's request.
type preview struct {
	named
	CancelReason string `json:"cancel_reason"`
	stamp
}

// CancelFee asks what a cancel would cost now (precancelorder). An order that cannot be
// cancelled any more is an *Error of KindRefused.
func (a *Adapter) CancelFee(ctx context.Context, ref carrier.Ref) (money.Fen, error) {
	const op = "cancel_fee"
	who, err := a.name(op, ref)
	if err != nil {
		return 0, err
	}
	result, err := a.call(ctx, op, "precancelorder", preview{who, causeOf("").text, a.stamp()})
	if err != nil {
		return 0, err
	}
	can, costs, fee := result.Bool("could_cancel"), result.Bool("is_deduction_fee"), result.Fen("deduction_fee")
	switch err := result.Err(); {
	case err != nil:
		return 0, undecodable(op, err)
	case can != nil && !*can:
		return 0, refused(op, errors.New("could_cancel is false"))
	case fee != nil:
		return *fee, nil
	case costs != nil && !*costs:
		return 0, nil
	}
	return 0, undecodable(op, errors.New("result.deduction_fee is missing"))
}

// withdrawal is cancelorder's request.
type withdrawal struct {
	named
	CancelCode   int    `json:"cancel_code"`
	CancelReason string `json:"cancel_reason"`
	stamp
}

// repeated is what the answer to a cancel says of an order that is cancelled already.
const repeated = "已取消"

// Cancel withdraws an order (cancelorder). The answer to a repeated one counts as
// success and states no 违约金.
func (a *Adapter) Cancel(ctx context.Context, c carrier.CancelRequest) (carrier.CancelResult, error) {
	const op = "cancel"
	who, err := a.name(op, c.Ref)
	if err != nil {
		return carrier.CancelResult{}, err
	}
	why := causeOf(c.Reason)
	result, err := a.call(ctx, op, "cancelorder", withdrawal{who, why.code, why.text, a.stamp()})
	if err != nil {
		return declined(err)
	}
	fee := result.Object("deduction_detail").Fen("deduction_fee")
	if err := result.Err(); err != nil {
		return carrier.CancelResult{}, undecodable(op, err)
	}
	return carrier.CancelResult{Penalty: fee}, nil
}

func declined(err error) (carrier.CancelResult, error) {
	if carrier.KindOf(err) == carrier.KindRefused && strings.Contains(carrier.Words(err), repeated) {
		return carrier.CancelResult{}, nil
	}
	return carrier.Declined(err)
}
