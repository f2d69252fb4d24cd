package taobao

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/upstream"
)

// milestones are the states that Report takes, and whether nobody carries the order then.
var milestones = map[order.State]struct{ ended bool }{
	order.Dispatching: {}, order.Assigned: {}, order.Arrived: {}, order.PickedUp: {}, order.Delivered: {}, order.Returning: {},
	order.Cancelled: {true}, order.Failed: {true}, order.Returned: {true},
}

// states are the words of selfDeliveryStateSync that are public.
var states = map[order.State]string{order.PickedUp: "DELIVERY_START", order.Delivered: "DELIVERY_COMPLETE"}

// companies are the carriers' names as people know them.
var companies = map[string]Company{
	"uupt": {Name: "UU跑腿"}, "shansong": {Name: "闪送"}, "sftc": {Name: "顺丰同城"}, "fengniao": {Name: "蜂鸟"}, "dada": {Name: "达达"},
}

// stateInfo is a parcel's state.
type stateInfo struct {
	OrderID       string  `json:"orderId"`
	DistributorID int     `json:"distributorId"`
	State         string  `json:"state"`
	Knight        *knight `json:"knight,omitempty"`
	CompanyID     string  `json:"deliveryCompanyId,omitempty"`
	CompanyName   string  `json:"deliveryCompanyName,omitempty"`
}

// knight is a rider. Carriers tell no number of theirs, so id stays empty.
type knight struct {
	ID    string `json:"id"`
	Phone string `json:"phone"`
	Name  string `json:"name"`
}

// Report tells one milestone: its state where 饿了么 has a word for it, then the rider's
// position where it is known. A position that fails is not repeated: it would be stale.
func (a *Adapter) Report(ctx context.Context, m upstream.Milestone) error {
	milestone, ok := milestones[m.State]
	if !ok {
		return upstream.Refuse(upstream.Refused, "state", "%s is no milestone here", m.State)
	}
	word, told := a.cfg.States[m.State]
	switch {
	case told:
		if err := a.tellState(ctx, m, word); err != nil {
			return err
		}
	case milestone.ended:
		return a.tellEnd(ctx, m)
	}
	if m.Position == nil {
		return nil
	}
	if err := a.Locate(ctx, m); err != nil && !told {
		return err
	}
	return nil
}

func (a *Adapter) tellState(ctx context.Context, m upstream.Milestone, word string) error {
	company := a.cfg.Companies[m.Carrier]
	info := stateInfo{OrderID: m.No, DistributorID: a.cfg.DistributorID, State: word, CompanyID: company.ID, CompanyName: company.Name}
	if m.Rider.Known() {
		info.Knight = &knight{Phone: m.Rider.Phone, Name: m.Rider.Name}
	}
	_, err := a.call(ctx, "eleme.order.selfDeliveryStateSync", a.cfg.Token, map[string]any{"shopId": a.shop(m.ShopCode), "stateInfo": info})
	return err
}

// tellEnd tells that nobody carries the order. 饿了么 knows of an order that it cancelled
// itself, so its refusal to hear of that is as good as a yes.
func (a *Adapter) tellEnd(ctx context.Context, m upstream.Milestone) error {
	if a.cfg.EndAction == nothing {
		return nil
	}
	_, err := a.call(ctx, a.cfg.EndAction, a.cfg.Token, map[string]any{"orderId": m.No})
	var e *upstream.Error
	if m.State == order.Cancelled && errors.As(err, &e) && e.Reason == upstream.Refused {
		return nil
	}
	return err
}

// Locate tells where the rider is (selfDeliveryLocationSync), in GCJ-02. Errors are
// *upstream.Error as of Report; a milestone without a position is Refused.
func (a *Adapter) Locate(ctx context.Context, m upstream.Milestone) error {
	if m.Position == nil {
		return upstream.Refuse(upstream.Refused, "locationInfo", "no position")
	}
	utc := a.system().Unix()
	if a.cfg.UTCMillis {
		utc = a.system().UnixMilli()
	}
	degrees := func(v float64) json.RawMessage { return json.RawMessage(strconv.FormatFloat(v, 'f', 6, 64)) }
	_, err := a.call(ctx, "eleme.order.selfDeliveryLocationSync", a.cfg.Token, map[string]any{
		"shopId": a.shop(m.ShopCode), "orderId": m.No,
		"locationInfo": struct {
			Latitude  json.RawMessage `json:"latitude"`
			Longitude json.RawMessage `json:"longitude"`
			Altitude  int             `json:"altitude"`
			UTC       int64           `json:"utc"`
		}{degrees(m.Position.Lat), degrees(m.Position.Lng), 0, utc},
	})
	return err
}

// shop is 饿了么's number of a shop; a code that is no number and has none goes as text.
func (a *Adapter) shop(code string) json.RawMessage {
	if id, ok := a.cfg.ShopIDs[code]; ok {
		code = id
	}
	if number(code) {
		return json.RawMessage(code)
	}
	return encode(code)
}
