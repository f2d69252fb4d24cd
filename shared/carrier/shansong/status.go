package shansong

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// states maps status and subStatus. A cancelled order (60) has no sub status.
var states = map[[2]string]carrier.State{
	{"20", "1"}: carrier.Waiting,
	{"20", "2"}: carrier.Reassigning,
	{"30", "1"}: carrier.Accepted,
	{"30", "2"}: carrier.Arrived,
	{"40", "1"}: carrier.PickedUp,
	{"40", "2"}: carrier.Cancelling, // the rider has not agreed yet
	{"40", "3"}: carrier.Returning,
	{"40", "4"}: carrier.Cancelling, // 客服 decides; may end delivered
	{"50", "1"}: carrier.Delivered,
	{"50", "2"}: carrier.Delivered, // refunded afterwards
}

const cancelled = "60"

func stateOf(status, sub string) (carrier.State, bool) {
	if status == cancelled {
		return carrier.Cancelled, true
	}
	state, ok := states[[2]string{status, sub}]
	return state, ok
}

// enders maps abortType, who started a cancel. 10, the system, is told apart by
// whether a rider had the order.
var enders = map[string]carrier.Ender{"1": carrier.ByUs, "3": carrier.ByRider}

func endedBy(abortType string, rider order.Rider) carrier.Ender {
	if abortType != "10" {
		return enders[abortType]
	}
	if rider.Known() {
		return carrier.ByCarrier
	}
	return carrier.ByNobody
}

// query is orderInfo's request.
type query struct {
	IssOrderNo   string `json:"issOrderNo,omitempty"`
	ThirdOrderNo string `json:"thirdOrderNo,omitempty"`
}

// Query reads an order back (orderInfo).
func (a *Adapter) Query(ctx context.Context, ref carrier.Ref) (carrier.Status, error) {
	const op = "query"
	if ref.CarrierNo == "" && ref.OurNo == "" {
		return carrier.Status{}, needNumber(op, ref)
	}
	data, err := a.call(ctx, op, "orderInfo", query{ref.CarrierNo, ref.OurNo})
	if err != nil {
		return carrier.Status{}, err
	}
	abort := data.Object("abortInfo")
	status, known := describe(data.Text("orderStatus"), data.Text("subOrderStatus"), data.Object("courier"), abort)
	told := data.Text("issOrderNo") // not in the published list of fields
	status.OurNo, status.CarrierNo = ref.OurNo, cmp.Or(ref.CarrierNo, told)
	status.At = lastChange(data, status.Code)
	status.Charged, status.Penalty = settled(status.State, data, abort)
	status.Verified = true
	if err := data.Err(); err != nil {
		return carrier.Status{}, undecodable(op, err)
	}
	if no := data.Text("orderNo"); no != "" && no != ref.OurNo && no != ref.CarrierNo || told != "" && told != status.CarrierNo {
		return carrier.Status{}, undecodable(op, fmt.Errorf("data.orderNo names another order"))
	}
	if !known {
		return carrier.Status{}, &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindBadRequest,
			Message: "unknown " + spelled(status)}
	}
	return status, nil
}

// describe fills what a query's answer and a push have in common.
func describe(code, sub string, courier, abort *carrier.Object) (carrier.Status, bool) {
	state, known := stateOf(code, sub)
	s := carrier.Status{Carrier: Name, State: state, Code: code, SubCode: sub}
	s.Rider, s.Position = carried(courier)
	if state == carrier.Cancelled {
		s.EndedBy, s.Reason = endedBy(abort.Text("abortType"), s.Rider), abort.Text("abortReason")
	}
	return s, known
}

// carried is who carries an order, and where he is in GCJ-02: told as such, else as BD-09.
func carried(courier *carrier.Object) (order.Rider, *geo.Point) {
	at := carrier.Position(courier.Text("gcj02Lng"), courier.Text("gcj02Lat"), false)
	if at == nil {
		at = carrier.Position(courier.Text("longitude"), courier.Text("latitude"), true)
	}
	return order.Rider{Name: courier.Text("name"), Phone: courier.Text("mobile")}, at
}

// lastChange is when the log says that the present status began; the latest of its
// rows, because a reassigned order enters a status twice.
func lastChange(data *carrier.Object, code string) time.Time {
	var at time.Time
	for _, row := range data.Objects("statusChangeLog") {
		if t := row.Time("updateTime"); row.Text("orderStatus") == code && t.After(at) {
			at = t
		}
	}
	return at
}

// settled is the money of a query's answer; see the package's comment.
func settled(state carrier.State, data, abort *carrier.Object) (charged, kept *money.Fen) {
	if state == carrier.Cancelled {
		return ended(abort.Fen("deductAmount"), data.Fen("sendBackFee"))
	}
	total, back := data.Fen("totalFeeAfterSave"), data.Fen("drawback")
	if total == nil {
		return nil, nil
	}
	if back != nil {
		net := max(0, *total-*back)
		total = &net
	}
	return total, nil
}

// ended is the money of a cancelled order: 违约金 only, or nothing stated.
func ended(deduct, sendBack *money.Fen) (charged, kept *money.Fen) {
	if deduct == nil && sendBack == nil {
		return nil, nil
	}
	var sum, none money.Fen
	if deduct != nil {
		sum += *deduct
	}
	if sendBack != nil {
		sum += *sendBack
	}
	return &none, &sum
}

func spelled(s carrier.Status) string { return fmt.Sprintf("status %s/%s", s.Code, s.SubCode) }

// Balance is what is left of our prepayment (getUserAccount).
func (a *Adapter) Balance(ctx context.Context) (money.Fen, error) {
	const op = "balance"
	data, err := a.call(ctx, op, "getUserAccount", nil)
	if err != nil {
		return 0, err
	}
	left := data.SignedFen(a.cfg.BalanceField)
	if err := data.Err(); err != nil {
		return 0, undecodable(op, err)
	}
	if left == nil {
		return 0, undecodable(op, fmt.Errorf("data.%s is missing", a.cfg.BalanceField))
	}
	return *left, nil
}
