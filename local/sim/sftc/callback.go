package sftc

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/chuandao/qianfan/local/sim/world"
)

// The kinds of callbacks, each with an address of its own in the console.
const (
	riderStatus   = "rider_status"
	orderComplete = "order_complete"
	sfCancel      = "sf_cancel"
	riderTrouble  = "rider_exception"
)

// notice is the body of a callback. Coordinates are numbers, or empty where unknown.
type notice struct {
	ShopID        string   `json:"shop_id"`
	SFOrderID     string   `json:"sf_order_id"`
	ShopOrderID   string   `json:"shop_order_id"`
	URLIndex      string   `json:"url_index"`
	OperatorName  string   `json:"operator_name"`
	OperatorPhone string   `json:"operator_phone"`
	RiderLng      any      `json:"rider_lng"`
	RiderLat      any      `json:"rider_lat"`
	OrderStatus   int      `json:"order_status"`
	StatusDesc    string   `json:"status_desc"`
	ReceiptType   int      `json:"receipt_type,omitempty"` // 1 正常签收
	PickupPic     []string `json:"pickup_pic,omitempty"`
	CancelReason  string   `json:"cancel_reason,omitempty"`
	ExID          int      `json:"ex_id,omitempty"`
	ExContent     string   `json:"ex_content,omitempty"`
	PushTime      int64    `json:"push_time"` // Unix s, when the state was reached, in virtual time
}

// callback tells an order's present state. Repeats carry the same bytes.
func (s *Service) callback(job world.Job) world.Callback {
	kind, body := s.notice(job)
	address := either(s.options.CallbackURLs[kind], s.options.CallbackURL)
	if body == nil || address == "" {
		return world.Callback{}
	}
	return world.Callback{
		URL:         signed(address, Sign(body, s.creds.DevID, s.creds.DevKey)),
		ContentType: "application/json; charset=utf-8", Body: func() []byte { return body },
	}
}

func signed(address, sign string) string {
	joint := "?"
	if strings.Contains(address, "?") {
		joint = "&"
	}
	return address + joint + "sign=" + url.QueryEscape(sign)
}

// notice is what is told of a state, and its kind; nil for a state that is not told.
func (s *Service) notice(job world.Job) (kind string, body json.RawMessage) {
	st, who := statuses[job.State], rider(job)
	n := notice{
		ShopID: string(job.Data.(freight).shop.ShopID), SFOrderID: job.CarrierNo, ShopOrderID: job.ClientNo, URLIndex: riderStatus,
		OperatorName: who.Name, OperatorPhone: who.Mobile, RiderLng: "", RiderLat: "",
		OrderStatus: st.code, StatusDesc: st.desc, PushTime: job.Changed().Unix(),
	}
	switch job.State {
	case world.Waiting:
		return "", nil
	case world.Reassigning:
		n.URLIndex = s.options.GaveUpIndex
	case world.Exception:
		n.URLIndex, n.ExID, n.ExContent = riderTrouble, 2001, "顾客电话无法接通"
		n.RiderLng, n.RiderLat = job.Dropoff.Lng, job.Dropoff.Lat
	case world.Arrived, world.PickedUp:
		n.RiderLng, n.RiderLat = job.Pickup.Lng, job.Pickup.Lat
	case world.Delivered:
		n.URLIndex, n.ReceiptType = orderComplete, 1
		n.RiderLng, n.RiderLat = job.Dropoff.Lng, job.Dropoff.Lat
	case world.Cancelled:
		if job.End.By == world.ByClient && !s.options.TellOwnCancel {
			return "", nil
		}
		if job.End.By != world.ByClient {
			n.URLIndex, n.OperatorName, n.OperatorPhone = sfCancel, "", ""
		}
		n.CancelReason = cancelReason(job.End)
	}
	return n.URLIndex, world.JSON(n)
}

// cancelReason is why an order ended, in 顺丰's words.
func cancelReason(end world.End) string {
	switch {
	case end.NoRider:
		return "超时无人接单"
	case end.By == world.ByRider:
		return "骑士取消"
	}
	return end.Reason
}

// received tells whether a client's answer acknowledges a callback: anything written
// does, whatever it says; only an empty answer is repeated.
func received(_ int, body []byte) bool { return len(body) > 0 }
