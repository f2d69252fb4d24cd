package sftc

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// states maps order_status.
var states = map[string]carrier.State{
	"1":  carrier.Waiting,
	"2":  carrier.Cancelled,
	"10": carrier.Accepted, // 接单, also 指派
	"12": carrier.Arrived,
	"14": carrier.PickedUp, // 已取货, in an old sample only
	"15": carrier.PickedUp,
	"17": carrier.Delivered,
	"22": carrier.Reassigning, // 骑士撤单: the order goes back to dispatch
	"31": carrier.Cancelling,
	"91": carrier.Exception,
}

// cancelled is the order_status of an order that is over without a delivery.
const cancelled = "2"

// nobodyCame are words of a cancel_reason that mean that no rider took the order.
var nobodyCame = []string{"无人接单", "无骑士接单", "无配送员接单", "超时未接单"}

// endedBy tells nobody's from 顺丰's own cancel. Whether a cancelled order was ended by
// us its status does not say; a push of kind sf_cancel says that it was not.
func (a *Adapter) endedBy(reason string, bySF bool) carrier.Ender {
	in := func(word string) bool { return strings.Contains(reason, word) }
	if slices.ContainsFunc(nobodyCame, in) || slices.ContainsFunc(a.cfg.NobodyCame, in) {
		return carrier.ByNobody
	}
	if bySF {
		return carrier.ByCarrier
	}
	return ""
}

// Query reads an order back (getorderstatus). Its push_time is that of the answer, so At
// is not stated.
func (a *Adapter) Query(ctx context.Context, ref carrier.Ref) (carrier.Status, error) {
	const op = "query"
	result, err := a.ask(ctx, op, "getorderstatus", ref)
	if err != nil {
		return carrier.Status{}, err
	}
	code := result.Need("order_status")
	state, known := states[code]
	status := carrier.Status{
		Carrier: Name, State: state, Code: code,
		OurNo: result.Number("out_order_id"), CarrierNo: result.Number("order_id"),
		Rider:    order.Rider{Name: result.Text("rider_name"), Phone: result.Text("rider_phone")},
		Verified: true,
	}
	if code == cancelled {
		status.Reason = result.Text("status_desc")
		status.EndedBy = a.endedBy(status.Reason, false)
	}
	if err := result.Err(); err != nil {
		return carrier.Status{}, undecodable(op, err)
	}
	if !known {
		return carrier.Status{}, &carrier.Error{Carrier: Name, Op: op, Kind: carrier.KindBadRequest, Message: "unknown order_status " + code}
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

// Locate asks where the rider is (riderlatestposition); 顺丰同城 renews that every 30 s or so.
func (a *Adapter) Locate(ctx context.Context, ref carrier.Ref) (carrier.Location, error) {
	const op = "position"
	result, err := a.ask(ctx, op, "riderlatestposition", ref)
	if err != nil {
		return carrier.Location{}, err
	}
	where := carrier.Location{
		Rider:    order.Rider{Name: result.Text("rider_name"), Phone: result.Text("rider_phone")},
		Position: carrier.Position(result.Text("rider_lng"), result.Text("rider_lat"), a.cfg.LBSType == lbsBD09),
		At:       result.Unix("upload_time"),
	}
	if err := result.Err(); err != nil {
		return carrier.Location{}, undecodable(op, err)
	}
	return where, nil
}

// Balance is what is left of our prepayment (getshopaccountbalance).
func (a *Adapter) Balance(ctx context.Context) (money.Fen, error) {
	const op = "balance"
	result, err := a.call(ctx, op, "getshopaccountbalance", struct {
		DevID    int64  `json:"dev_id"`
		ShopID   string `json:"shop_id"`
		ShopType int    `json:"shop_type"`
		stamp
	}{a.cfg.DevID, a.cfg.ShopID, a.cfg.ShopType, a.stamp()})
	if err != nil {
		return 0, err
	}
	return amount(op, result, "balance", result.SignedFen)
}
