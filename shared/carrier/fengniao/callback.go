package fengniao

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
)

// Callback verifies and reads a push: our app, the signature over app_id, business_data
// and timestamp, its age, and then what business_data says. The result is Verified but
// for a delivery, whose money only a query tells (Facts.PriceAtEnd).
func (a *Adapter) Callback(r carrier.CallbackRequest) (carrier.Status, error) {
	if !carrier.PathSecretHolds(r.Path, a.cfg.CallbackSecret) {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindForged, "the address does not hold")
	}
	push, err := carrier.ParseObject(r.Body)
	if err != nil {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "%v", err)
	}
	text, err := a.verified(push, r.Now)
	if err != nil {
		return carrier.Status{}, err
	}
	body, err := param(text)
	if err != nil {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "business_data: %v", err)
	}
	return read(body)
}

// verified gives the text of business_data once sender and age hold.
func (a *Adapter) verified(push *carrier.Object, now time.Time) (string, error) {
	appID, stamp := push.Need("app_id"), push.Need("timestamp")
	data, sign := push.Raw("business_data"), push.Need("signature")
	if err := push.Err(); err != nil {
		return "", carrier.BadPush(Name, carrier.KindBadRequest, "%v", err)
	}
	if !carrier.Same(appID, a.cfg.AppID) {
		return "", carrier.BadPush(Name, carrier.KindForged, "app_id does not hold")
	}
	want := Sign(a.cfg.Secret, map[string]string{"app_id": appID, "business_data": data, "timestamp": stamp})
	if !carrier.Same(sign, want) {
		return "", carrier.BadPush(Name, carrier.KindForged, "signature does not hold")
	}
	ms, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || ms < minMillis || ms > maxMillis {
		return "", carrier.BadPush(Name, carrier.KindBadRequest, "timestamp is not in Unix milliseconds")
	}
	if age := now.Sub(time.UnixMilli(ms)).Abs(); age > time.Duration(a.cfg.CallbackMaxAge) {
		return "", carrier.BadPush(Name, carrier.KindForged, "timestamp is stale")
	}
	return data, nil
}

// Thirteen digits, up to the year 2100: seconds given for milliseconds fall outside.
const minMillis, maxMillis = 1_000_000_000_000, 4_102_444_800_000

// param is what a push is about: the object `param`, the same as JSON text, or, since the
// shape of version 3 is inferred, business_data itself.
func param(text string) (*carrier.Object, error) {
	outer, err := carrier.ParseObject([]byte(text))
	if err != nil {
		return nil, err
	}
	var shape struct {
		Param json.RawMessage `json:"param"`
	}
	if err := json.Unmarshal([]byte(text), &shape); err != nil {
		return nil, err
	}
	switch {
	case len(shape.Param) == 0 || string(shape.Param) == "null":
		return outer, nil
	case shape.Param[0] == '"':
		return carrier.ParseObject([]byte(outer.Raw("param")))
	}
	return carrier.ParseObject(shape.Param)
}

// moreEnders is cancel_reason, for a cancel (4) without an error_code that says more.
var moreEnders = map[string]carrier.Ender{"1": carrier.ByUs, "2": carrier.ByUs} // 用户, 商家: both through us

func read(body *carrier.Object) (carrier.Status, error) {
	status, known := describe(body, body.Number("error_code"), either(body.Text("detail_description"), body.Text("description")))
	status.CarrierNo = either(status.CarrierNo, body.Number("open_order_code"))
	status.At = body.NeedTime("push_time")
	if err := body.Err(); err != nil {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "business_data: %v", err)
	}
	switch {
	case !known:
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "unknown order_status %s", status.Code)
	case status.CarrierNo == "" && status.OurNo == "":
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "order_id and partner_order_code are missing")
	}
	if status.Code == waiting {
		// The first 1 finds nobody to take the order from; a later one is a 改派.
		status.State = carrier.Reassigning
	}
	if status.Code == cancelled && status.EndedBy == "" {
		status.EndedBy = moreEnders[body.Text("cancel_reason")]
	}
	status.Verified = status.State != carrier.Delivered
	return status, nil
}

// refusal is the answer to a push that is not taken.
type refusal struct {
	Result  string `json:"result"`
	Message string `json:"message,omitempty"`
}

// refusing maps the kind of an error to its HTTP status; the rest is 400.
var refusing = map[carrier.Kind]int{
	carrier.KindTemporary: http.StatusServiceUnavailable,
	carrier.KindForged:    http.StatusForbidden,
}

// Reply answers a push: the configured text for received, which is not published. 503
// asks for it again; 400, or 403 for a push that is not 蜂鸟's, refuses it.
func (a *Adapter) Reply(w http.ResponseWriter, err error) {
	status, body := http.StatusOK, []byte(a.cfg.CallbackReply)
	if err != nil {
		kind := carrier.KindOf(err)
		out := refusal{Result: "FAIL"}
		if kind != carrier.KindTemporary {
			out.Message = carrier.Words(err)
		}
		body, _ = carrier.EncodeJSON(out)
		status = http.StatusBadRequest
		if code, ok := refusing[kind]; ok {
			status = code
		}
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
