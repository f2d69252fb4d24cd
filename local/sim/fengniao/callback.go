package fengniao

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/chuandao/qianfan/local/sim/world"
)

// push is the envelope of a callback; all its values are text.
type push struct {
	AppID        string `json:"app_id"`
	Timestamp    string `json:"timestamp"` // ms, system time of sending
	BusinessData string `json:"business_data"`
	Signature    string `json:"signature"`
}

type callbackData struct {
	Type  string `json:"callback_business_type"`
	Param notice `json:"param"`
}

// notice tells a state. GAP: the names of version 3 are not public; these are version
// 2's with order_id in place of open_order_code, and carrier_driver_id.
type notice struct {
	OrderID            json.Number `json:"order_id"`
	PartnerOrderCode   string      `json:"partner_order_code"`
	OrderStatus        int         `json:"order_status"`
	PushTime           int64       `json:"push_time"` // ms, virtual: when the state was reached
	CarrierDriverID    json.Number `json:"carrier_driver_id,omitempty"`
	CarrierDriverName  string      `json:"carrier_driver_name"`
	CarrierDriverPhone string      `json:"carrier_driver_phone"`
	Description        string      `json:"description"`
	DetailDescription  string      `json:"detail_description"`
	CancelReason       int         `json:"cancel_reason,omitempty"`
	ErrorCode          string      `json:"error_code"`
}

// DefaultCallbackType is the callback_business_type of a state. GAP.
const DefaultCallbackType = "orderStatusNotify"

// callback tells an order's present state. The envelope is signed anew at each try, with
// system time.
func (s *Service) callback(job world.Job) world.Callback {
	f := faultOf(job)
	n := notice{
		OrderID: json.Number(job.CarrierNo), PartnerOrderCode: job.ClientNo, OrderStatus: f.status.code,
		PushTime: job.Changed().UnixMilli(), Description: f.text, DetailDescription: f.words, CancelReason: f.reason, ErrorCode: f.code,
	}
	if job.Rider != nil {
		n.CarrierDriverID, n.CarrierDriverName, n.CarrierDriverPhone = json.Number(job.Rider.ID), job.Rider.Name, job.Rider.Mobile
	}
	data := string(world.JSON(callbackData{s.options.CallbackType, n}))
	return world.Callback{URL: s.options.CallbackURL, ContentType: "application/json", Body: func() []byte {
		p := push{AppID: s.creds.AppID, Timestamp: strconv.FormatInt(s.options.System().UnixMilli(), 10), BusinessData: data}
		p.Signature = Sign(s.creds.Secret, map[string]string{"app_id": p.AppID, "timestamp": p.Timestamp, "business_data": data})
		return world.JSON(p)
	}}
}

// received tells whether a client's answer acknowledges a callback. GAP: the reply is not
// public, so that its body is not looked at.
func received(status int, _ []byte) bool { return status == http.StatusOK }
