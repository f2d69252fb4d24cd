package sftc

import (
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/order"
)

// Callback verifies and reads a push: the signature over its raw bytes, its age, and
// then what it says. All kinds of pushes may come to one address. The result is Verified.
func (a *Adapter) Callback(r carrier.CallbackRequest) (carrier.Status, error) {
	if !carrier.PathSecretHolds(r.Path, a.cfg.CallbackSecret) {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindForged, "the address does not hold")
	}
	body, sign, err := unwrap(r)
	if err != nil {
		return carrier.Status{}, malformed(err)
	}
	if sign == "" {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "sign is missing")
	}
	if !carrier.Same(sign, Sign(body, a.cfg.DevID, a.cfg.DevKey)) {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindForged, "sign does not hold")
	}
	push, err := carrier.ParseObject(body)
	if err != nil {
		return carrier.Status{}, malformed(err)
	}
	return a.read(push, r.Now)
}

func malformed(err error) error {
	return carrier.BadPush(Name, carrier.KindBadRequest, "%v", err)
}

// unwrap gives the signed text and its signature: the body and the query's `sign`; or
// the field `post_data` of a form, whose signature may be a field, too.
func unwrap(r carrier.CallbackRequest) (body []byte, sign string, err error) {
	query, err := url.ParseQuery(r.Query)
	if err != nil {
		return nil, "", err
	}
	body, sign = r.Body, query.Get("sign")
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return body, sign, nil
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return nil, "", err
	}
	if form.Has("post_data") {
		body = []byte(form.Get("post_data"))
	}
	return body, either(sign, form.Get("sign")), nil
}

// implied is the order_status that a kind of push implies when it leaves it out.
var implied = map[string]string{"order_complete": "17", "sf_cancel": cancelled, "rider_exception": "91"}

// withRider are the states whose operator is the rider.
var withRider = map[carrier.State]bool{
	carrier.Accepted: true, carrier.Arrived: true, carrier.PickedUp: true, carrier.Delivered: true, carrier.Returned: true,
}

// read decodes a verified push. push_time is the carrier's time; repeats of a push
// carry the same.
func (a *Adapter) read(push *carrier.Object, now time.Time) (carrier.Status, error) {
	kind := push.Text("url_index")
	code := either(push.Text("order_status"), implied[kind])
	state, known := states[code]
	status := carrier.Status{
		Carrier: Name, State: state, Code: code,
		OurNo: push.Number("shop_order_id"), CarrierNo: push.NeedNumber("sf_order_id"),
		Position: carrier.Position(push.Text("rider_lng"), push.Text("rider_lat"), a.cfg.LBSType == lbsBD09),
		At:       push.Unix("push_time"), Verified: true,
	}
	a.detail(&status, push, kind)
	if withRider[status.State] {
		status.Rider = order.Rider{Name: push.Text("operator_name"), Phone: push.Text("operator_phone")}
	}
	switch err := push.Err(); {
	case err != nil:
		return carrier.Status{}, malformed(err)
	case code == "":
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "order_status is missing")
	case !known:
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "unknown order_status %s", code)
	case status.At.IsZero():
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "push_time is missing")
	case now.Sub(status.At).Abs() > time.Duration(a.cfg.CallbackMaxAge):
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindForged, "push_time is stale")
	}
	return status, nil
}

// goodsReturned is the receipt_type of goods that were brought back to the shop.
const goodsReturned = "2"

// exceptions are the words for an ex_id that came without any.
var exceptions = map[string]string{
	"1001": "商家出货慢", "1007": "更改取货地址", "2001": "顾客电话无法接通", "2004": "更改期望送达时间", "2005": "拒收", "2008": "不在家",
	"2009": "更改送货地址", "2010": "拒绝实名", "3004": "实名校验失败", "4001": "地址错误", "4002": "其他", "4003": "丢失或损坏",
}

// detail adds what the end of an order or an exception says besides.
func (a *Adapter) detail(s *carrier.Status, push *carrier.Object, kind string) {
	switch s.State {
	case carrier.Delivered:
		if s.SubCode = push.Number("receipt_type"); s.SubCode == goodsReturned {
			s.State = carrier.Returned
		}
	case carrier.Cancelled:
		s.Reason = push.Text("cancel_reason")
		s.EndedBy = a.endedBy(s.Reason, kind == "sf_cancel")
	case carrier.Exception:
		s.SubCode = push.Number("ex_id")
		s.Reason = either(push.Text("ex_content"), exceptions[s.SubCode])
	}
}

// reply is what 顺丰同城 is answered. It takes any written answer for received and repeats
// only after an empty one.
type reply struct {
	Code int    `json:"error_code"`
	Msg  string `json:"error_msg"`
}

// Reply answers a push. An empty 503 asks for it again, which 顺丰同城 does up to 20 times;
// a refused push gets words with 400, or 403 when it is not 顺丰同城's: no repeat would mend it.
func (a *Adapter) Reply(w http.ResponseWriter, err error) {
	status, out := http.StatusOK, reply{Msg: "success"}
	switch kind := carrier.KindOf(err); {
	case err == nil:
	case kind == carrier.KindTemporary:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case kind == carrier.KindForged:
		status, out = http.StatusForbidden, reply{http.StatusForbidden, carrier.Words(err)}
	default:
		status, out = http.StatusBadRequest, reply{http.StatusBadRequest, carrier.Words(err)}
	}
	body, _ := carrier.EncodeJSON(out)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
