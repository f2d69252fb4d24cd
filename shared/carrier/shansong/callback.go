package shansong

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"

	"github.com/chuandao/qianfan/shared/carrier"
)

// Callback reads a push. 闪送 signs nothing, so that what can be checked is checked
// (client, shop, token and secret path where configured) and the result is never
// Verified: final states and money wait for a query. A push states no time of sending,
// so there is no freshness to check either.
func (a *Adapter) Callback(r carrier.CallbackRequest) (carrier.Status, error) {
	if !carrier.PathSecretHolds(r.Path, a.cfg.CallbackSecret) {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindForged, "the address does not hold")
	}
	push, err := parsePush(r)
	if err != nil {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "%v", err)
	}
	if err := a.own(push); err != nil {
		return carrier.Status{}, err
	}
	return read(push)
}

// own checks that the push is about our account.
func (a *Adapter) own(push *carrier.Object) error {
	for _, check := range []struct{ field, want string }{
		{"clientId", a.cfg.ClientID}, {"shopId", a.cfg.ShopID}, {"token", a.cfg.Token},
	} {
		got := push.Text(check.field)
		if check.want != "" && !carrier.Same(got, check.want) {
			return carrier.BadPush(Name, carrier.KindForged, "%s does not hold", check.field)
		}
	}
	return nil
}

func read(push *carrier.Object) (carrier.Status, error) {
	status, known := describe(push.Need("status"), push.Number("subStatus"), push.Object("courier"), push)
	status.CarrierNo, status.OurNo = push.NeedNumber("issOrderNo"), push.Number("orderNo")
	status.At = push.NeedTime("statusChangeTime")
	if status.State == carrier.Cancelled {
		status.Charged, status.Penalty = ended(push.Fen("deductAmount"), push.Fen("sendBackFee"))
	}
	if err := push.Err(); err != nil {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "%v", err)
	}
	if !known {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "unknown %s", spelled(status))
	}
	return status, nil
}

// parsePush takes JSON and, as one integrator documents the same fields, a form.
func parsePush(r carrier.CallbackRequest) (*carrier.Object, error) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/x-www-form-urlencoded" {
		return carrier.ParseObject(r.Body)
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return nil, fmt.Errorf("not a form: %w", err)
	}
	fields := make(map[string]any, len(form))
	for name, values := range form {
		fields[name] = values[0]
	}
	if courier := form.Get("courier"); json.Valid([]byte(courier)) {
		fields["courier"] = json.RawMessage(courier)
	}
	raw, err := carrier.EncodeJSON(fields)
	if err != nil {
		return nil, err
	}
	return carrier.ParseObject(raw)
}

// reply is what 闪送 wants to read; it repeats a push until status is 200.
type reply struct {
	Status int     `json:"status"`
	Msg    string  `json:"msg"`
	Data   *string `json:"data"`
}

// Reply answers a push. 503 asks for it again, which 闪送 does each minute up to five
// times; a refused push gets 400, or 403 when it is not from our account.
func (a *Adapter) Reply(w http.ResponseWriter, err error) {
	out := reply{Status: http.StatusOK}
	if err != nil {
		out = refusal(err)
	}
	body, _ := carrier.EncodeJSON(out)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(out.Status)
	_, _ = w.Write(body)
}

func refusal(err error) reply {
	switch carrier.KindOf(err) {
	case carrier.KindTemporary:
		return reply{Status: http.StatusServiceUnavailable, Msg: "send again"}
	case carrier.KindForged:
		return reply{Status: http.StatusForbidden, Msg: carrier.Words(err)}
	}
	return reply{Status: http.StatusBadRequest, Msg: carrier.Words(err)}
}
