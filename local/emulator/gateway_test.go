package emulator_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/meituan"
	"github.com/chuandao/qianfan/local/sim/uupt"
	"github.com/chuandao/qianfan/shared/clock"
)

// reply is what a party hears from the gateway.
type reply struct {
	status int
	body   string
}

// send makes one request of an outside party to the gateway.
func (r *rig) send(method, path, contentType string, header map[string]string, body []byte) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.URLs["gateway"]+path, bytes.NewReader(body))
	require.NoError(r.t, err)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(r.t, err)
	return reply{resp.StatusCode, string(answer)}
}

// form is one push of 美团 before it is signed; change it at will.
type form map[string]string

func (f form) with(changes form) form {
	out := maps.Clone(f)
	maps.Copy(out, changes)
	return out
}

func (f form) without(name string) form {
	out := maps.Clone(f)
	delete(out, name)
	return out
}

// paid is a valid push of a paid order, timestamp included.
func paid(no string) form {
	return form{
		"app_id": meituan.Development.AppID, "timestamp": stamp(0),
		"order_id": no, "app_poi_code": cheapestShop, "status": "2", "delivery_time": "0",
		"recipient_name": "张三", "recipient_phone": "13800138000_1234", "recipient_address": "翠苑一区 1幢101室@#杭州市文一西路1号",
		"longitude": "120.165000", "latitude": "30.274100", "total": "35.50", "total_weight": "800", "caution": "放门口", "day_seq": "1",
	}
}

// stamp is the system time in Unix seconds, moved.
func stamp(by time.Duration) string { return strconv.FormatInt(clock.System.Now().Add(by).Unix(), 10) }

// meituan signs and sends a push.
func (r *rig) meituan(what string, f form) reply {
	r.t.Helper()
	return r.meituanSigned(what, f, meituan.Sign(r.URLs["gateway"]+meituan.PushPath+what, f, meituan.Development.Secret))
}

func (r *rig) meituanSigned(what string, f form, sig string) reply {
	r.t.Helper()
	values := url.Values{"sig": {sig}}
	for k, v := range f {
		values.Set(k, v)
	}
	return r.send(http.MethodPost, meituan.PushPath+what, "application/x-www-form-urlencoded; charset=UTF-8", nil, []byte(values.Encode()))
}

// The canonical API's development key.
const (
	canonicalKey    = "qf-test-key"
	canonicalSecret = "qf-test-secret-0001"
	canonicalOrders = "/upstream/v1/orders"
)

// sign is the canonical API's signature over timestamp, method, path with query, and body.
func sign(secret, timestamp, method, target string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%s\n%s\n%s\n%s", timestamp, method, target, body)
	return hex.EncodeToString(mac.Sum(nil))
}

// canonical signs and sends a request of the canonical API; body is marshalled unless it is bytes.
func (r *rig) canonical(method, target string, body any) reply {
	r.t.Helper()
	return r.canonicalAt(method, target, body, stamp(0), canonicalSecret)
}

func (r *rig) canonicalAt(method, target string, body any, timestamp, secret string) reply {
	r.t.Helper()
	raw, ok := body.([]byte)
	if !ok && body != nil {
		var err error
		raw, err = json.Marshal(body)
		require.NoError(r.t, err)
	}
	return r.send(method, target, "application/json", map[string]string{
		"X-Qianfan-Key": canonicalKey, "X-Qianfan-Timestamp": timestamp, "X-Qianfan-Signature": sign(secret, timestamp, method, target, raw),
	}, raw)
}

type object = map[string]any

// creation is the body of a valid create.
func creation(no string) object {
	return object{
		"order_no": no, "city": "330100", "shop": object{"id": cheapestShop},
		"recipient":   object{"name": "李四", "phone": "13900139000", "address": "文三路 90 号", "lng": 120.165, "lat": 30.2741},
		"goods":       object{"category": "food", "weight_g": 800, "value_fen": 3550, "count": 1, "remark": "轻放"},
		"expected_at": nil,
	}
}

// change is an object with the value at a path of keys replaced.
func change(o object, value any, path ...string) object {
	out := maps.Clone(o)
	if len(path) == 1 {
		out[path[0]] = value
		return out
	}
	inner, _ := out[path[0]].(object)
	out[path[0]] = change(inner, value, path[1:]...)
	return out
}

// uupt signs and sends a callback of UU跑腿.
func (r *rig) uupt(biz object) reply {
	r.t.Helper()
	return r.uuptSigned(biz, uupt.Development.AppKey, clock.System.Now())
}

func (r *rig) uuptSigned(biz object, key string, at time.Time) reply {
	r.t.Helper()
	text, err := json.Marshal(biz)
	require.NoError(r.t, err)
	body, err := json.Marshal(object{"openId": uupt.Development.OpenID, "timestamp": at.Unix(), "biz": string(text), "sign": uupt.Sign(string(text), key, at.Unix())})
	require.NoError(r.t, err)
	return r.send(http.MethodPost, "/carrier/uupt", "application/json", nil, body)
}

// shansong sends a callback of 闪送, who signs nothing.
func (r *rig) shansong(notice object) reply {
	r.t.Helper()
	body, err := json.Marshal(notice)
	require.NoError(r.t, err)
	return r.send(http.MethodPost, "/carrier/shansong", "application/json", nil, body)
}
