package uupt

import (
	"encoding/json"
	"net/http"

	"github.com/chuandao/qianfan/local/sim/world"
)

// notice is the biz of a status callback.
type notice struct {
	OrderCode    string `json:"orderCode"`
	OriginID     string `json:"originId"`
	State        int    `json:"state"`
	StateText    string `json:"stateText"`
	DriverName   string `json:"driverName"`
	DriverMobile string `json:"driverMobile"`
	DriverPhoto  string `json:"driverPhoto"`
	ChangeTime   int64  `json:"changeTime"` // ms, virtual
}

// callback tells an order's present state. The envelope is signed anew at each try,
// with system time.
func (s *Service) callback(job world.Job) world.Callback {
	st := statusOf(job)
	n := notice{OrderCode: job.CarrierNo, OriginID: job.ClientNo, State: st.code, StateText: st.text, ChangeTime: job.Changed().UnixMilli()}
	if job.Rider != nil {
		n.DriverName, n.DriverMobile = job.Rider.Name, job.Rider.Mobile
	}
	url := job.Data.(details).callbackURL
	if url == "" {
		url = s.options.CallbackURL
	}
	biz := string(world.JSON(n))
	return world.Callback{URL: url, ContentType: "application/json", Body: func() []byte {
		now := s.options.System().Unix()
		return world.JSON(signed{OpenID: s.creds.OpenID, Timestamp: now, Biz: biz, Sign: Sign(biz, s.creds.AppKey, now)})
	}}
}

// received tells whether a client's answer acknowledges a callback. The reply is not
// published; integrators answer an empty 200 or {"code":1}, and {"code":0} for failure.
func received(status int, body []byte) bool {
	if status != http.StatusOK {
		return false
	}
	var reply struct {
		Code *int `json:"code"`
	}
	return json.Unmarshal(body, &reply) != nil || reply.Code == nil || *reply.Code == success
}
