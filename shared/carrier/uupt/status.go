package uupt

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// states maps `state`. 6, arrived at the customer, has no state of its own with us.
var states = map[string]carrier.State{
	"1":  carrier.Waiting,
	"2":  carrier.Reassigning, // 跑男取消: the order goes back to 1
	"3":  carrier.Accepted,
	"4":  carrier.Arrived,
	"5":  carrier.PickedUp,
	"6":  carrier.PickedUp,
	"10": carrier.Delivered,
	"-1": carrier.Cancelled,
	"-2": carrier.Cancelled, // 客服取消
	"-3": carrier.Cancelled, // 超时无人接单
}

// enders says who ended a cancelled order.
var enders = map[string]carrier.Ender{"-1": carrier.ByUs, "-2": carrier.ByCarrier, "-3": carrier.ByNobody}

// changed names the field of orderDetail that says when a state began. The detail has
// no time for the others.
var changed = map[carrier.State]string{
	carrier.Waiting:   "addTime",
	carrier.Delivered: "finishTime",
	carrier.Cancelled: "cancelTime",
}

// describe fills what a query's answer and a push have in common.
func describe(body *carrier.Object, code string) (carrier.Status, bool) {
	state, known := states[code]
	return carrier.Status{
		Carrier: Name, State: state, Code: code,
		OurNo: body.Number("originId"), CarrierNo: body.Number("orderCode"),
		Rider:    order.Rider{Name: body.Text("driverName"), Phone: body.Text("driverMobile")},
		EndedBy:  enders[code],
		Verified: true,
	}, known
}

// Query reads an order back (orderDetail).
func (a *Adapter) Query(ctx context.Context, ref carrier.Ref) (carrier.Status, error) {
	const op = "query"
	who, err := name(op, ref)
	if err != nil {
		return carrier.Status{}, err
	}
	body, err := a.call(ctx, op, "order/orderDetail", who)
	if err != nil {
		return carrier.Status{}, err
	}
	status, known := describe(body, body.Need("state"))
	status.At = since(body, status.State)
	status.Position = position(body.Text("driverLastLoc"))
	status.Charged = charged(body, status.State)
	if err := body.Err(); err != nil {
		return carrier.Status{}, undecodable(op, err)
	}
	if !known {
		return carrier.Status{}, &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindBadRequest, Message: "unknown state " + status.Code}
	}
	return matched(op, status, ref)
}

// matched refuses an answer about another order and fills in the numbers that it left out.
func matched(op string, s carrier.Status, ref carrier.Ref) (carrier.Status, error) {
	if s.CarrierNo == "" {
		s.CarrierNo = ref.CarrierNo
	}
	if s.OurNo == "" {
		s.OurNo = ref.OurNo
	}
	if (ref.CarrierNo != "" && s.CarrierNo != ref.CarrierNo) || (ref.OurNo != "" && s.OurNo != ref.OurNo) {
		return carrier.Status{}, undecodable(op, fmt.Errorf("the answer names another order"))
	}
	return s, nil
}

func since(body *carrier.Object, state carrier.State) time.Time {
	field, ok := changed[state]
	if !ok {
		return time.Time{}
	}
	return body.Time(field)
}

// charged is orderPrice − priceOff; nil for a cancelled order, whose detail does not
// say what was given back.
func charged(body *carrier.Object, state carrier.State) *money.Fen {
	price, off := body.Fen("orderPrice"), body.Fen("priceOff")
	if price == nil || state == carrier.Cancelled {
		return nil
	}
	if off != nil {
		net := max(0, *price-*off)
		price = &net
	}
	return price
}

// position reads "lng,lat" in BD-09.
func position(text string) *geo.Point {
	lng, lat, _ := strings.Cut(text, ",")
	return carrier.Position(strings.TrimSpace(lng), strings.TrimSpace(lat), true)
}

// phone writes a privacy number (虚拟号) as number_extension.
func phone(s order.Stop) string { return carrier.Phone(s, "_") }
