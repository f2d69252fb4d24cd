package fengniao

import (
	"context"
	"errors"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// The values of order_status that need a name. They do not rise with time: 0, 1, 20, 80, 2, 3.
const (
	waiting   = "1"
	cancelled = "4"
	exception = "5"
)

// states maps `order_status`. An exception (5) is the end of the waybill for 蜂鸟: nobody
// carries it any more and nothing is to be paid, which for us is a cancel by the carrier.
var states = map[string]carrier.State{
	"0":       carrier.Waiting,
	waiting:   carrier.Waiting, // 改派 shows 1 again
	"20":      carrier.Accepted,
	"80":      carrier.Arrived,
	"2":       carrier.PickedUp,
	"3":       carrier.Delivered,
	cancelled: carrier.Cancelled,
	exception: carrier.Cancelled,
}

// enders says who ended a waybill, by error_code (a push) or abnormal_code (the detail).
var enders = map[string]carrier.Ender{
	"MERCHANT_CANCEL":                carrier.ByUs,
	"USER_CANCEL":                    carrier.ByUs,
	"CARRIER_CANCEL":                 carrier.ByRider,
	"SYSTEM_CANCEL":                  carrier.ByCarrier,
	"NO_CARRIER_ERROR":               carrier.ByNobody,
	"CARRIER_OFFLINE_ERROR":          carrier.ByNobody,
	"NORMAL_ORDER_OUT_OF_TIME_ERROR": carrier.ByNobody, // 众包: no rider came
}

// describe fills what the detail and a push have in common. fault is the code that says
// why a waybill ended, words the text beside it.
func describe(body *carrier.Object, fault, words string) (carrier.Status, bool) {
	code := body.Need("order_status")
	state, known := states[code]
	s := carrier.Status{
		Carrier: Name, State: state, Code: code,
		OurNo: body.Number("partner_order_code"), CarrierNo: body.Number("order_id"),
		Rider:    order.Rider{Name: body.Text("carrier_driver_name"), Phone: body.Text("carrier_driver_phone")},
		Verified: true,
	}
	if state == carrier.Cancelled {
		s.SubCode, s.Reason, s.EndedBy = fault, words, ender(code, fault)
	}
	return s, known
}

func ender(code, fault string) carrier.Ender {
	if by, ok := enders[fault]; ok {
		return by
	}
	if code == exception {
		return carrier.ByCarrier
	}
	return ""
}

// Query reads an order back (getOrderDetail). The detail does not say when its state began.
func (a *Adapter) Query(ctx context.Context, ref carrier.Ref) (carrier.Status, error) {
	const op = "query"
	who, err := name(op, ref)
	if err != nil {
		return carrier.Status{}, err
	}
	data, err := a.call(ctx, op, "getOrderDetail", who)
	if err != nil {
		return carrier.Status{}, err
	}
	status, known := describe(data, data.Number("abnormal_code"), data.Text("abnormal_desc"))
	status.Charged = a.charged(data, status.State)
	if err := data.Err(); err != nil {
		return carrier.Status{}, undecodable(op, err)
	}
	if !known {
		return carrier.Status{}, &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindBadRequest, Message: "unknown order_status " + status.Code}
	}
	return matched(op, status, ref)
}

// matched refuses an answer about another order and fills in the numbers that it left out.
func matched(op string, s carrier.Status, ref carrier.Ref) (carrier.Status, error) {
	s.CarrierNo, s.OurNo = either(s.CarrierNo, ref.CarrierNo), either(s.OurNo, ref.OurNo)
	if (ref.CarrierNo != "" && s.CarrierNo != ref.CarrierNo) || (ref.OurNo != "" && s.OurNo != ref.OurNo) {
		return carrier.Status{}, undecodable(op, errors.New("the answer names another order"))
	}
	return s, nil
}

// charged is what 蜂鸟 took; nil for a waybill that ended undelivered, whose detail does
// not say what was given back.
func (a *Adapter) charged(data *carrier.Object, state carrier.State) *money.Fen {
	total, tips := data.Fen("order_actual_amount_cent"), data.Fen("order_tip_amount_cent")
	if total == nil || state == carrier.Cancelled {
		return nil
	}
	if a.cfg.WithoutTips && tips != nil {
		sum := *total + *tips
		total = &sum
	}
	return total
}

// Locate asks where the rider is (getKnightInfo).
func (a *Adapter) Locate(ctx context.Context, ref carrier.Ref) (carrier.Location, error) {
	const op = "position"
	who, err := name(op, ref)
	if err != nil {
		return carrier.Location{}, err
	}
	data, err := a.call(ctx, op, "getKnightInfo", who)
	if err != nil {
		return carrier.Location{}, err
	}
	at := carrier.Location{
		Rider:    order.Rider{Name: data.Text("name"), Phone: data.Text("phone")},
		Position: carrier.Position(data.Text(a.cfg.KnightLng), data.Text(a.cfg.KnightLat), a.cfg.KnightBD09),
	}
	if err := data.Err(); err != nil {
		return carrier.Location{}, undecodable(op, err)
	}
	return at, nil
}
