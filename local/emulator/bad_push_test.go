package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/fengniao"
	"github.com/chuandao/qianfan/local/sim/sftc"
	"github.com/chuandao/qianfan/shared/clock"
)

// sfNotice is a valid push of 顺丰同城 about one of our numbers.
func sfNotice(ourNo string) object {
	return object{"shop_id": sftc.Development.ShopID, "sf_order_id": "3370126808465994769", "shop_order_id": ourNo, "url_index": "rider_status",
		"operator_name": "测试", "operator_phone": "18270000000", "order_status": 10, "status_desc": "配送员确认", "push_time": clock.System.Now().Unix()}
}

// sftc signs and sends a push of 顺丰同城.
func (r *rig) sftc(notice object, key string) reply {
	r.t.Helper()
	body, err := json.Marshal(notice)
	require.NoError(r.t, err)
	return r.sftcRaw(body, sftc.Sign(body, sftc.Development.DevID, key))
}

func (r *rig) sftcRaw(body []byte, sign string) reply {
	r.t.Helper()
	return r.send(http.MethodPost, "/carrier/sftc?sign="+url.QueryEscape(sign), "application/json", nil, body)
}

// fnNotice is a valid param of 蜂鸟 about one of our numbers.
func fnNotice(ourNo string) object {
	return object{"order_id": json.Number("100000000000000777"), "partner_order_code": ourNo, "order_status": 20, "push_time": noon.Add(time.Minute).UnixMilli(),
		"carrier_driver_name": "赵六", "carrier_driver_phone": "13600136000"}
}

// fengniao signs and sends a push of 蜂鸟.
func (r *rig) fengniao(param object, secret string, at time.Time) reply {
	r.t.Helper()
	data, err := json.Marshal(object{"callback_business_type": "orderStatusNotify", "param": param})
	require.NoError(r.t, err)
	fields := map[string]string{"app_id": fengniao.Development.AppID, "timestamp": strconv.FormatInt(at.UnixMilli(), 10), "business_data": string(data)}
	fields["signature"] = fengniao.Sign(secret, fields)
	body, err := json.Marshal(fields)
	require.NoError(r.t, err)
	return r.send(http.MethodPost, "/carrier/fengniao", "application/json", nil, body)
}

func TestBadPushesOfSFTCAndFengniao(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	key, secret := sftc.Development.DevKey, fengniao.Development.Secret
	huge := bytes.Repeat([]byte(" "), 2<<20)
	for i, b := range []bad{
		{"顺丰同城: wrong signature", func(r *rig) reply { return r.sftc(sfNotice(strangeNo), "another key") }, 403, 403, "forged", ""},
		{"顺丰同城: no signature", func(r *rig) reply { return r.sftcRaw([]byte(`{}`), "") }, 400, 400, "bad_request", ""},
		{"顺丰同城: stale", func(r *rig) reply { return r.sftc(change(sfNotice(strangeNo), 1_000_000_000, "push_time"), key) }, 403, 403, "forged", ""},
		{"顺丰同城: unknown state", func(r *rig) reply { return r.sftc(change(sfNotice(strangeNo), 77, "order_status"), key) }, 400, 400, "bad_request", ""},
		{"顺丰同城: no number", func(r *rig) reply { return r.sftc(change(sfNotice(strangeNo), nil, "sf_order_id"), key) }, 400, 400, "bad_request", ""},
		{"顺丰同城: malformed", func(r *rig) reply {
			return r.sftcRaw([]byte("{"), sftc.Sign([]byte("{"), sftc.Development.DevID, key))
		}, 400, 400, "bad_request", ""},
		{"顺丰同城: over the limit", func(r *rig) reply { return r.sftcRaw(huge, "x") }, 400, 400, "too_large", ""},
		{"蜂鸟: wrong signature", func(r *rig) reply { return r.fengniao(fnNotice(strangeNo), "another", clock.System.Now()) }, 403, 0, "forged", ""},
		{"蜂鸟: stale", func(r *rig) reply {
			return r.fengniao(fnNotice(strangeNo), secret, clock.System.Now().Add(-25*time.Hour))
		}, 403, 0, "forged", ""},
		{"蜂鸟: unknown state", func(r *rig) reply {
			return r.fengniao(change(fnNotice(strangeNo), 77, "order_status"), secret, clock.System.Now())
		}, 400, 0, "bad_request", ""},
		{"蜂鸟: no number", func(r *rig) reply {
			return r.fengniao(change(change(fnNotice(strangeNo), nil, "order_id"), nil, "partner_order_code"), secret, clock.System.Now())
		}, 400, 0, "bad_request", ""},
		{"蜂鸟: malformed", func(r *rig) reply {
			return r.send(http.MethodPost, "/carrier/fengniao", "application/json", nil, []byte("["))
		}, 400, 0, "bad_request", ""},
		{"蜂鸟: over the limit", func(r *rig) reply {
			return r.send(http.MethodPost, "/carrier/fengniao", "application/json", nil, huge)
		}, 400, 0, "too_large", ""},
	} {
		t.Run(fmt.Sprintf("%02d %s", i, b.name), func(t *testing.T) {
			at := *r
			at.t = t
			b.requireRefused(&at, func(t *testing.T, body string) int {
				var out struct {
					Code int `json:"error_code"`
				}
				require.NoError(t, json.Unmarshal([]byte(body), &out), body)
				return out.Code
			})
		})
	}
	require.Empty(t, r.texts("SELECT carrier FROM parked_event"))

	require.Equal(t, reply{200, `{"error_code":0,"error_msg":"success"}`}, r.sftc(sfNotice(strangeNo), key), "a good one is taken")
	require.Equal(t, reply{200, `{"result":"OK"}`}, r.fengniao(fnNotice(strangeNo), secret, clock.System.Now()))
}
