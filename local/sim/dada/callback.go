package dada

import (
	"net/http"
	"strconv"

	"github.com/chuandao/qianfan/local/sim/world"
)

// notice is the body of a callback.
type notice struct {
	ClientID     string `json:"client_id"` // 达达's number
	OrderID      string `json:"order_id"`  // the client's
	OrderStatus  int    `json:"order_status"`
	CancelReason string `json:"cancel_reason"`
	CancelFrom   int    `json:"cancel_from"`
	UpdateTime   int64  `json:"update_time"` // Unix s, when the state was reached, in virtual time
	DMID         int    `json:"dm_id,omitempty"`
	DMName       string `json:"dm_name,omitempty"`
	DMMobile     string `json:"dm_mobile,omitempty"`
	FinishCode   string `json:"finish_code"`
	Repeat       int    `json:"repeat_reason_type,omitempty"` // 1: riders were sought anew
	Signature    string `json:"signature"`
}

// callback tells an order's present state. Repeats carry the same bytes.
func (s *Service) callback(job world.Job) world.Callback {
	address := job.Data.(parcel).callback
	n := notice{
		ClientID: job.CarrierNo, OrderID: job.ClientNo, OrderStatus: statusOf(job).code, UpdateTime: job.Changed().Unix(),
		CancelFrom: cancelFrom(job), CancelReason: job.End.Reason, Repeat: repeat(job),
	}
	if n.Repeat != 0 && !s.options.Repeats {
		return world.Callback{}
	}
	if job.State != world.Cancelled {
		n.CancelFrom, n.CancelReason = 0, ""
	}
	if s.options.NoClientID {
		n.ClientID = ""
	}
	if job.Rider != nil {
		n.DMID, _ = strconv.Atoi(job.Rider.ID) // digits
		n.DMName, n.DMMobile = job.Rider.Name, job.Rider.Mobile
	}
	n.Signature = SignCallback(n.ClientID, n.OrderID, strconv.FormatInt(n.UpdateTime, 10))
	body := world.JSON(n)
	return world.Callback{URL: address, ContentType: "application/json", Body: func() []byte { return body }}
}

// repeat is 1 for a state that was reached before: the order has gone back to riders meanwhile.
func repeat(job world.Job) int {
	for _, c := range job.Log[:len(job.Log)-1] {
		if statuses[c.State].code == statuses[job.State].code {
			return 1
		}
	}
	return 0
}

// cancelFrom is who cancelled: 1 the rider, 2 the client, 3 达达.
func cancelFrom(job world.Job) int {
	switch job.End.By {
	case world.ByRider:
		return 1
	case world.ByClient:
		return 2
	}
	return 3
}

// received tells whether a client's answer acknowledges a callback: HTTP 200. GAP: whether
// 达达 reads it at all, and whether it repeats a callback.
func received(status int, _ []byte) bool { return status == http.StatusOK }
