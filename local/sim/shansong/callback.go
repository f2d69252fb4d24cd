package shansong

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// notice is the body of a status callback. 闪送 does not sign it: token is the same in
// every callback to one client.
type notice struct {
	ClientID         string    `json:"clientId"`
	ShopID           string    `json:"shopId"`
	Token            string    `json:"token"`
	IssOrderNo       string    `json:"issOrderNo"`
	OrderNo          string    `json:"orderNo"`
	Status           int       `json:"status"`
	StatusDesc       string    `json:"statusDesc"`
	SubStatus        int       `json:"subStatus"`
	SubStatusDesc    string    `json:"subStatusDesc"`
	StatusChangeTime string    `json:"statusChangeTime"` // local, yyyy-MM-dd HH:mm:ss
	PickupPassword   string    `json:"pickupPassword"`
	DeliveryPassword string    `json:"deliveryPassword"`
	DeductAmount     money.Fen `json:"deductAmount"`
	AbortType        int       `json:"abortType"`
	PunishType       int       `json:"punishType"`
	AbortReason      string    `json:"abortReason"`
	Courier          *courier  `json:"courier"`
	SendBackFee      money.Fen `json:"sendBackFee"`
	Drawback         money.Fen `json:"drawback"`
}

// callback tells an order's present state.
func (s *Service) callback(job world.Job) world.Callback {
	st := statuses[job.State]
	abort := abortOf(job)
	body := world.JSON(notice{
		ClientID: s.creds.ClientID, ShopID: s.creds.ShopID, Token: s.token(),
		IssOrderNo: job.CarrierNo, OrderNo: job.ClientNo,
		Status: st.code, StatusDesc: st.desc, SubStatus: st.sub, SubStatusDesc: st.detail,
		StatusChangeTime: localTime(job.Changed()),
		DeductAmount:     abort.DeductAmount, AbortType: abort.AbortType, PunishType: abort.PunishType, AbortReason: abort.AbortReason,
		Courier: s.courierOf(job, world.Point{}), SendBackFee: job.Extra, Drawback: job.Refund,
	})
	return world.Callback{URL: s.options.CallbackURL, ContentType: "application/json", Body: func() []byte { return body }}
}

// token is 32 upper-case hex digits that stay the same for a client.
func (s *Service) token() string {
	sum := md5.Sum([]byte(s.creds.ClientID + s.creds.ShopID + s.creds.Secret))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// received tells whether a client's answer acknowledges a callback: status 200 in it.
func received(_ int, body []byte) bool {
	var reply struct {
		Status int `json:"status"`
	}
	return json.Unmarshal(body, &reply) == nil && reply.Status == 200
}
