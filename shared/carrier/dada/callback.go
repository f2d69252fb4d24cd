package dada

import (
	"net/http"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/order"
)

// Callback reads a push. Its signature holds no secret, so that besides it only the secret
// path segment, where one is configured, tells 达达 from anybody; the result is never
// Verified: final states and money wait for a query.
func (a *Adapter) Callback(r carrier.CallbackRequest) (carrier.Status, error) {
	if !carrier.PathSecretHolds(r.Path, a.cfg.CallbackSecret) {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindForged, "the address does not hold")
	}
	push, err := carrier.ParseObject(r.Body)
	if err != nil {
		return carrier.Status{}, malformed(err)
	}
	sign, clientID, orderID, at := push.Need("signature"), push.Text("client_id"), push.Need("order_id"), push.Need("update_time")
	if err := push.Err(); err != nil {
		return carrier.Status{}, malformed(err)
	}
	if !carrier.Same(sign, SignPush(clientID, orderID, at)) {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindForged, "signature does not hold")
	}
	return a.read(push, r.Now)
}

func malformed(err error) error {
	return carrier.BadPush(Name, carrier.KindBadRequest, "%v", err)
}

// read decodes a push whose signature holds. update_time is the carrier's time; repeats of
// a push carry the same.
func (a *Adapter) read(push *carrier.Object, now time.Time) (carrier.Status, error) {
	code, again := push.Need("order_status"), push.Number("repeat_reason_type")
	state, known := states[code]
	at, dated := updated(push.Text("update_time"))
	status := carrier.Status{
		Carrier: Name, State: state, Code: code, SubCode: repeat(again),
		OurNo: push.Number("order_id"), CarrierNo: push.Number("client_id"),
		Rider: order.Rider{Name: push.Text("dm_name"), Phone: push.Text("dm_mobile")},
		At:    at,
	}
	switch {
	case state == carrier.Cancelled:
		status.Reason = push.Text("cancel_reason")
		status.EndedBy = a.endedBy(code, push.Text("cancel_from"), status.Reason)
	case state == carrier.Waiting && status.SubCode != "":
		status.State = carrier.Reassigning // 改派: told only where the account wants repeats
	}
	if status.State == carrier.Waiting || status.State == carrier.Reassigning {
		status.Rider = order.Rider{} // one who gave it up
	}
	switch err := push.Err(); {
	case err != nil:
		return carrier.Status{}, malformed(err)
	case !known:
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "unknown order_status %s", code)
	case !dated:
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "update_time is not an instant")
	case now.Sub(at).Abs() > time.Duration(a.cfg.CallbackMaxAge):
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindForged, "update_time is stale")
	}
	return status, nil
}

// repeat is why a state is told once more: 1 another rider is sought, 2 a rider handed the
// order on; "" for the first time.
func repeat(kind string) string {
	if kind == "0" {
		return ""
	}
	return kind
}

// The years 2001 to 2286 in Unix seconds, which have ten digits.
const minSeconds, maxSeconds = 1_000_000_000, 9_999_999_999

// updated reads an update_time: Unix seconds, or with order_status 1000 milliseconds.
func updated(text string) (time.Time, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return time.Time{}, false
	case n >= minSeconds && n <= maxSeconds:
		return time.Unix(n, 0).UTC(), true
	case n >= minSeconds*1000 && n <= maxSeconds*1000+999:
		return time.UnixMilli(n).UTC(), true
	}
	return time.Time{}, false
}

// reply is what 达达 is answered.
type reply struct {
	Status string `json:"status"` // "ok" or "fail"
	Msg    string `json:"msg,omitempty"`
}

// Reply answers a push. 503 asks for it again; whether and when 达达 repeats one is not
// public, so that the watchdog's query is what counts. A refused push gets 400, or 403 when
// it is not 达达's.
func (a *Adapter) Reply(w http.ResponseWriter, err error) {
	status, out := http.StatusOK, reply{Status: "ok"}
	if err != nil {
		out = reply{"fail", carrier.Words(err)}
		switch carrier.KindOf(err) {
		case carrier.KindTemporary:
			status, out.Msg = http.StatusServiceUnavailable, "send again"
		case carrier.KindForged:
			status = http.StatusForbidden
		default:
			status = http.StatusBadRequest
		}
	}
	body, _ := carrier.EncodeJSON(out)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
