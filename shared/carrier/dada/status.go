package dada

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// states maps order_status, in a query's answer statusCode.
var states = map[string]carrier.State{
	"1":    carrier.Waiting,
	"2":    carrier.Accepted, // 待取货
	"3":    carrier.PickedUp,
	"4":    carrier.Delivered,
	"5":    carrier.Cancelled,
	"7":    carrier.Cancelled, // 已过期, in older documents: nobody took it
	"8":    carrier.Waiting,   // 指派单: a certain rider is asked and has not accepted
	"9":    carrier.Returning, // 妥投异常
	"10":   carrier.Returned,
	"100":  carrier.Arrived,
	"1000": carrier.Cancelled, // 创建失败: there never was an order with 达达
}

const (
	expired    = "7"
	notCreated = "1000"
)

// nobodyCame are words of a cancel_reason that mean that no rider took the order.
var nobodyCame = []string{"无人接单", "没有配送员接单", "超时未接单"}

// enders maps a push's cancel_from; 0 says nothing.
var enders = map[string]carrier.Ender{"1": carrier.ByRider, "2": carrier.ByUs, "3": carrier.ByCarrier}

// endedBy is who ended a cancelled order, as far as that is told; "" otherwise.
func (a *Adapter) endedBy(code, from, reason string) carrier.Ender {
	in := func(word string) bool { return strings.Contains(reason, word) }
	switch {
	case code == notCreated:
		return carrier.ByCarrier
	case code == expired, enders[from] != carrier.ByUs && (slices.ContainsFunc(nobodyCame, in) || slices.ContainsFunc(a.cfg.NobodyCame, in)):
		return carrier.ByNobody
	}
	return enders[from]
}

// since names the field of a query's answer that says when a state began. There is none
// for the others.
var since = map[carrier.State]string{
	carrier.Waiting: "createTime", carrier.Accepted: "acceptTime", carrier.PickedUp: "fetchTime",
	carrier.Delivered: "finishTime", carrier.Cancelled: "cancelTime",
}

// Query reads an order back (status/query), by our number.
func (a *Adapter) Query(ctx context.Context, ref carrier.Ref) (carrier.Status, error) {
	const op = "query"
	who, err := name(op, ref)
	if err != nil {
		return carrier.Status{}, err
	}
	reply, err := a.call(ctx, op, "order/status/query", who)
	if err != nil {
		return carrier.Status{}, err
	}
	result := reply.result()
	code := result.Need("statusCode")
	state, known := states[code]
	status := carrier.Status{
		Carrier: Name, State: state, Code: code, OurNo: ref.OurNo, CarrierNo: ref.CarrierNo,
		Rider:    order.Rider{Name: result.Text("transporterName"), Phone: result.Text("transporterPhone")},
		Position: carrier.Position(result.Text("transporterLng"), result.Text("transporterLat"), false),
		At:       begun(result, state), Verified: true,
	}
	status.Charged, status.Penalty = a.settled(state, result)
	if state == carrier.Cancelled {
		status.EndedBy = a.endedBy(code, "", "")
	}
	if err := result.unread(); err != nil {
		return carrier.Status{}, err
	}
	if no := result.Text("orderId"); no != "" && no != ref.OurNo {
		return carrier.Status{}, undecodable(op, errors.New("result.orderId names another order"))
	}
	if !known {
		return carrier.Status{}, &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindBadRequest, Message: "unknown statusCode " + code}
	}
	return status, nil
}

func begun(result *answer, state carrier.State) time.Time {
	if field, ok := since[state]; ok {
		return result.Time(field)
	}
	return time.Time{}
}

// settled is the money of a query's answer; see the package's comment.
func (a *Adapter) settled(state carrier.State, result *answer) (charged, kept *money.Fen) {
	total, tips, kept := result.yuan("actualFee"), result.yuan("tips"), result.yuan("deductFee")
	if state == carrier.Cancelled {
		if kept == nil {
			return nil, nil
		}
		return new(money.Fen), kept
	}
	if total != nil && tips != nil && a.cfg.TipsBesideActual {
		sum := *total + *tips
		total = &sum
	}
	return total, nil
}

// inquiryOfRiders is transporter/position's request.
type inquiryOfRiders struct {
	OrderIDs []string `json:"orderIds"` // our numbers, at most 50
}

// Locate asks where the rider is (transporter/position). 达达 does not say since when.
func (a *Adapter) Locate(ctx context.Context, ref carrier.Ref) (carrier.Location, error) {
	const op = "position"
	who, err := name(op, ref)
	if err != nil {
		return carrier.Location{}, err
	}
	reply, err := a.call(ctx, op, "order/transporter/position", inquiryOfRiders{[]string{who.OrderID}})
	if err != nil {
		return carrier.Location{}, err
	}
	var where carrier.Location
	for _, row := range reply.Objects("result") {
		if row.Text("orderId") == who.OrderID {
			where.Rider = order.Rider{Name: row.Text("transporterName"), Phone: row.Text("transporterPhone")}
			where.Position = carrier.Position(row.Text("transporterLng"), row.Text("transporterLat"), false)
		}
	}
	if err := reply.unread(); err != nil {
		return carrier.Location{}, err
	}
	return where, nil
}

// deliveryMoney is the category of the account that fees are paid from (运费账户).
const deliveryMoney = 1

// Balance is what is left of our prepayment (balance/query).
func (a *Adapter) Balance(ctx context.Context) (money.Fen, error) {
	const op = "balance"
	reply, err := a.call(ctx, op, "balance/query", struct {
		Category int `json:"category"`
	}{deliveryMoney})
	if err != nil {
		return 0, err
	}
	result := reply.result()
	left := result.signedYuan("deliverBalance")
	if err := result.unread(); err != nil {
		return 0, err
	}
	if left == nil {
		return 0, undecodable(op, errors.New("result.deliverBalance is missing"))
	}
	return *left, nil
}
