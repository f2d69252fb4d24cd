package meituan

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/upstream"
)

const (
	syncPath     = "/api/v1/ecommerce/order/logistics/sync"
	estimatePath = "/api/v1/ecommerce/order/syncEstimateArrivalTime"
)

// statuses maps our states to logistics_status. 100 also stands for an order that
// nobody would carry or that came back; a later sync is still accepted after it.
var statuses = map[order.State]string{
	order.Dispatching: "0",
	order.Assigned:    "10",
	order.Arrived:     "15",
	order.PickedUp:    "20",
	order.Delivered:   "40",
	order.Cancelled:   "100",
	order.Failed:      "100",
	order.Returned:    "100",
}

// providers maps carriers to logistics_provider_code; others are 10017 其他.
var providers = map[string]string{
	"sftc": "10001", "dada": "10002", "shansong": "10003", "fengniao": "10004", "uupt": "10005",
}

const otherProvider = "10017"

// Report tells one milestone (ecommerce/order/logistics/sync), and the customer's expected
// arrival where a carrier named it (syncEstimateArrivalTime). A decoded "ng" is
// upstream.Refused, unless its code is one of those that may be tried again. An arrival
// that fails is not repeated: the order is on its way all the same.
func (a *Adapter) Report(ctx context.Context, m upstream.Milestone) error {
	status, ok := statuses[m.State]
	if m.State == order.Returning {
		return nil // 美团 has no word for goods on their way back; it hears when they have arrived
	}
	if !ok {
		return upstream.Refuse(upstream.Refused, "logistics_status", "%s has no status here", m.State)
	}
	if err := a.tell(ctx, syncPath, a.syncParams(m, status)); err != nil || m.Arrival == nil {
		return err
	}
	_ = a.tell(ctx, estimatePath, a.signed(map[string]string{"order_id": m.No, "estimate_arrival_time": strconv.FormatInt(m.Arrival.Unix(), 10)}))
	return nil
}

// tell makes one signed call.
func (a *Adapter) tell(ctx context.Context, path string, params map[string]string) error {
	address := a.cfg.BaseURL + path
	params["sig"] = Sign(address, params, a.cfg.Secret)
	form := make(url.Values, len(params))
	for name, value := range params {
		form.Set(name, value)
	}
	raw, err := upstream.Post(ctx, a.http, address, "application/x-www-form-urlencoded; charset=utf-8", []byte(form.Encode()))
	if err != nil {
		return err
	}
	return a.heard(raw)
}

// signed adds what every call carries, but for its signature.
func (a *Adapter) signed(params map[string]string) map[string]string {
	params["app_id"] = a.cfg.AppID
	params["timestamp"] = strconv.FormatInt(a.system().Unix(), 10)
	return params
}

func (a *Adapter) syncParams(m upstream.Milestone, status string) map[string]string {
	params := a.signed(map[string]string{"order_id": m.No, "logistics_status": status})
	optional := map[string]string{
		"third_carrier_order_id":  m.Waybill,
		"courier_name":            m.Rider.Name,
		"courier_phone":           m.Rider.Phone,
		"logistics_provider_code": a.provider(m.Carrier),
	}
	if m.Position != nil {
		optional["longitude"] = strconv.FormatFloat(m.Position.Lng, 'f', 6, 64)
		optional["latitude"] = strconv.FormatFloat(m.Position.Lat, 'f', 6, 64)
	}
	for name, value := range optional {
		if value != "" {
			params[name] = value
		}
	}
	return params
}

func (a *Adapter) provider(carrier string) string {
	if carrier == "" {
		return ""
	}
	if code, ok := a.cfg.Providers[carrier]; ok {
		return code
	}
	if code, ok := providers[carrier]; ok {
		return code
	}
	return otherProvider
}

// heard reads 美团's answer.
func (a *Adapter) heard(raw []byte) error {
	var got struct {
		Data  json.RawMessage `json:"data"`
		Error problem         `json:"error"`
	}
	err := json.Unmarshal(raw, &got)
	switch {
	case err != nil:
		return &upstream.Error{Reason: upstream.Unreachable, Message: "the answer cannot be read", Err: err}
	case string(got.Data) == `"ok"`:
		return nil
	case string(got.Data) == `"ng"` && !a.cfg.mayRetry(got.Error.Code):
		return upstream.Refuse(upstream.Refused, "", "%d %s", got.Error.Code, got.Error.Msg)
	}
	return &upstream.Error{Reason: upstream.Unreachable, Message: strconv.Itoa(got.Error.Code) + " " + got.Error.Msg,
		Err: errors.New("the answer says neither ok nor ng for good")}
}
