package jd

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/upstream"
)

// The calls of the report-back, below /djapi/.
const (
	trackPath   = "ThirdPartyLogisticsService/receiveLogisticInfosForOpenApiPlatform" // 商家自送跟踪
	deliverPath = "bm/open/api/order/OrderSerllerDelivery"                            // 拣货完成且商家自送; the spelling is 京东's
	finishPath  = "ocs/deliveryEndOrder"                                              // 妥投
	agreePath   = "ocs/orderCancelOperate"                                            // the answer to a cancel request
	refundPath  = "orderStatus/cancelAndRefund"
	receivePath = "order/confirmReceiveGoods" // the goods are back
)

// The states of an order at 京东; cancelled is one, too.
const (
	waiting    = "32000" // 等待出库
	delivering = "33040" // 配送中
	delivered  = "33060" // 已妥投
	completed  = "90000" // 订单完成
)

// step is one call that moves an order's state at 京东.
type step struct {
	path string
	body func(a *Adapter, m upstream.Milestone) any
}

var (
	deliver = step{deliverPath, deliverBody}
	finish  = step{finishPath, finishBody}
	agree   = step{agreePath, agreeBody}
	refund  = step{refundPath, refundBody}
	receive = step{receivePath, receiveBody}
)

// move is how a state is told. When 京东 refuses the step, the place where the order
// stands decides: at one of ends it was told before; at a key of instead those steps lead
// there.
type move struct {
	step
	ends    []string
	instead map[string][]step
}

// moves are the states that 京东's order follows; the others it only shows (tracking).
var moves = map[order.State]move{
	order.PickedUp: {step: deliver, ends: []string{delivering, delivered, completed}},
	// Nobody may have told us of the pickup.
	order.Delivered: {step: finish, ends: []string{delivered, completed}, instead: map[string][]step{waiting: {deliver, finish}}},
	// Nobody at 京东 may have asked for it: then there is nothing to agree to.
	order.Cancelled: {step: agree, ends: []string{cancelled}, instead: map[string][]step{waiting: {refund}, delivering: {refund}}},
	order.Failed:    {step: refund, ends: []string{cancelled}},
	order.Returned:  {step: receive, ends: []string{cancelled}},
}

// Report tells one milestone: the rider by 商家自送跟踪, the state by the call for it. A
// milestone may be told twice; see move.
func (a *Adapter) Report(ctx context.Context, m upstream.Milestone) error {
	status, tracked := a.cfg.Tracking.Statuses[m.State]
	move, moved := moves[m.State]
	if m.State == order.Returning {
		return nil // 京东 has no word for goods on their way back; it hears when they have arrived
	}
	if !tracked && !moved {
		return upstream.Refuse(upstream.Refused, "", "%s has no word here", m.State)
	}
	if m.CancelRefused {
		// Where nobody asked, or the answer is there already, nothing is to be answered.
		if _, err := a.call(ctx, agreePath, agreeCall{OrderID: m.No, Operator: a.cfg.Operator, Remark: refusedRemark}); err != nil && !isRefused(err) {
			return err
		}
	}
	if status != "" {
		// The state is told even where 京东 refuses to show the rider (again, for instance).
		if _, err := a.call(ctx, trackPath, a.track(m, status)); err != nil && !(moved && isRefused(err)) {
			return err
		}
	}
	if !moved {
		return nil
	}
	err := a.steps(ctx, m, move.step)
	if isRefused(err) {
		return a.amend(ctx, m, move, err)
	}
	return err
}

func (a *Adapter) steps(ctx context.Context, m upstream.Milestone, steps ...step) error {
	for _, s := range steps {
		if _, err := a.call(ctx, s.path, s.body(a, m)); err != nil {
			return err
		}
	}
	return nil
}

// amend looks where the order stands after a refusal. A question that is not answered
// leaves the refusal as it was.
func (a *Adapter) amend(ctx context.Context, m upstream.Milestone, move move, refusal error) error {
	d, err := a.detail(ctx, m.No)
	if err != nil {
		return refusal
	}
	stands := string(d.OrderStatus)
	if slices.Contains(move.ends, stands) {
		return nil
	}
	if steps := move.instead[stands]; len(steps) > 0 {
		return a.steps(ctx, m, steps...)
	}
	return refusal
}

func isRefused(err error) bool {
	var e *upstream.Error
	return errors.As(err, &e) && e.Reason == upstream.Refused
}

// carrierNames are what customers read.
var carrierNames = map[string]string{
	"uupt": "UU跑腿", "shansong": "闪送", "sftc": "顺丰同城", "fengniao": "蜂鸟即配", "dada": "达达快送",
}

// track fills 商家自送跟踪 with whatever is known.
func (a *Adapter) track(m upstream.Milestone, status string) map[string]string {
	known := map[string]string{
		"order": m.No, "status": status, "waybill": m.Waybill,
		"carrier_no": a.cfg.Carriers[m.Carrier], "carrier_name": carrierNames[m.Carrier],
		"rider_name": m.Rider.Name, "rider_phone": m.Rider.Phone, "at": written(m),
	}
	if m.Position != nil {
		known["lng"] = strconv.FormatFloat(m.Position.Lng, 'f', 6, 64)
		known["lat"] = strconv.FormatFloat(m.Position.Lat, 'f', 6, 64)
	}
	body := make(map[string]string, len(known))
	for what, value := range known {
		if name := a.cfg.Tracking.Fields[what]; name != "" && value != "" {
			body[name] = value
		}
	}
	return body
}

// written is when it happened.
func written(m upstream.Milestone) string { return m.At.In(shanghai).Format(layout) }

type deliverCall struct {
	OrderID  string `json:"orderId"`
	Operator string `json:"operator"`
}

func deliverBody(a *Adapter, m upstream.Milestone) any {
	return deliverCall{OrderID: m.No, Operator: a.cfg.Operator}
}

type finishCall struct {
	OrderID  string `json:"orderId"`
	OperPin  string `json:"operPin"`
	OperTime string `json:"operTime"`
}

func finishBody(a *Adapter, m upstream.Milestone) any {
	return finishCall{OrderID: m.No, OperPin: a.cfg.Operator, OperTime: written(m)}
}

type agreeCall struct {
	OrderID  string `json:"orderId"`
	IsAgreed bool   `json:"isAgreed"`
	Operator string `json:"operator"`
	Remark   string `json:"remark"`
}

// refusedRemark is what the customer reads; 京东 wants one with each refusal.
const refusedRemark = "骑手已取货，无法取消"

func agreeBody(a *Adapter, m upstream.Milestone) any {
	return agreeCall{OrderID: m.No, IsAgreed: true, Operator: a.cfg.Operator, Remark: m.Reason}
}

type refundCall struct {
	OrderID    string `json:"orderId"`
	OperPin    string `json:"operPin"`
	OperRemark string `json:"operRemark"`
	OperTime   string `json:"operTime"`
}

func refundBody(a *Adapter, m upstream.Milestone) any {
	return refundCall{OrderID: m.No, OperPin: a.cfg.Operator, OperRemark: m.Reason, OperTime: written(m)}
}

type receiveCall struct {
	OrderID     string `json:"orderId"`
	OperateTime string `json:"operateTime"`
}

func receiveBody(_ *Adapter, m upstream.Milestone) any {
	return receiveCall{OrderID: m.No, OperateTime: written(m)}
}
