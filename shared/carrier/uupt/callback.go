package uupt

import (
	"net/http"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
)

// Callback verifies and reads a push: our openId, the signature over the text of biz
// and the timestamp, its age, and then what biz says. The result is Verified.
func (a *Adapter) Callback(r carrier.CallbackRequest) (carrier.Status, error) {
	if !carrier.PathSecretHolds(r.Path, a.cfg.CallbackSecret) {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindForged, "the address does not hold")
	}
	push, err := carrier.ParseObject(r.Body)
	if err != nil {
		return carrier.Status{}, malformed(err)
	}
	biz, err := a.verified(push, r.Now)
	if err != nil {
		return carrier.Status{}, err
	}
	body, err := carrier.ParseObject([]byte(biz))
	if err != nil {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "biz: %v", err)
	}
	return read(body)
}

func malformed(err error) error {
	return carrier.BadPush(Name, carrier.KindBadRequest, "%v", err)
}

// maxSeconds is the year 2100. Milliseconds lie far beyond, where durations overflow.
const maxSeconds = 4_102_444_800

// verified gives the text of biz once sender and age hold.
func (a *Adapter) verified(push *carrier.Object, now time.Time) (string, error) {
	openID, stamp := push.Need("openId"), push.Need("timestamp")
	biz, sign := push.Raw("biz"), push.Need("sign")
	if err := push.Err(); err != nil {
		return "", malformed(err)
	}
	if !carrier.Same(openID, a.cfg.OpenID) {
		return "", carrier.BadPush(Name, carrier.KindForged, "openId does not hold")
	}
	if !carrier.Same(sign, Sign(biz, a.cfg.AppKey, stamp)) {
		return "", carrier.BadPush(Name, carrier.KindForged, "sign does not hold")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || seconds < 0 || seconds > maxSeconds {
		return "", carrier.BadPush(Name, carrier.KindBadRequest, "timestamp is not in Unix seconds")
	}
	if age := now.Sub(time.Unix(seconds, 0)).Abs(); age > time.Duration(a.cfg.CallbackMaxAge) {
		return "", carrier.BadPush(Name, carrier.KindForged, "timestamp is stale")
	}
	return biz, nil
}

func read(body *carrier.Object) (carrier.Status, error) {
	status, known := describe(body, body.Need("state"))
	body.Need("orderCode")
	status.At = body.NeedTime("changeTime")
	if err := body.Err(); err != nil {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "biz: %v", err)
	}
	if !known {
		return carrier.Status{}, carrier.BadPush(Name, carrier.KindBadRequest, "unknown state %s", status.Code)
	}
	return status, nil
}

// reply is what UU跑腿 wants to read; only code 1 is documented by anyone.
type reply struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

// Reply answers a push: code 1 for received. 503 with code 0 asks for it again; 400,
// or 403 for a push that is not UU跑腿's, with code 0 refuses it.
func (a *Adapter) Reply(w http.ResponseWriter, err error) {
	status, out := http.StatusOK, reply{Code: 1, Msg: "success"}
	if err != nil {
		status, out = refusal(err)
	}
	body, _ := carrier.EncodeJSON(out)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

func refusal(err error) (int, reply) {
	out := reply{Msg: "fail"}
	if words := carrier.Words(err); words != "" {
		out.Msg += ": " + words
	}
	switch carrier.KindOf(err) {
	case carrier.KindTemporary:
		return http.StatusServiceUnavailable, reply{Msg: "fail"}
	case carrier.KindForged:
		return http.StatusForbidden, out
	}
	return http.StatusBadRequest, out
}
