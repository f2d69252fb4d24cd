package dada_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/dada"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

type fields = map[string]any

func request(body string) carrier.CallbackRequest {
	return carrier.CallbackRequest{
		Header: http.Header{"Content-Type": {"application/json"}}, Path: "/carrier/dada", Body: []byte(body), Now: carriertest.SystemTime,
	}
}

// push makes a good push of an acceptance, some fields changed and those that are nil left
// out, and signs it unless its signature is changed, too.
func push(t *testing.T, change fields) carrier.CallbackRequest {
	t.Helper()
	all := fields{
		"client_id": dadaNo, "order_id": ourNo, "order_status": 2, "cancel_reason": "", "cancel_from": 0, "update_time": json.Number("1700000060"),
		"dm_id": 666, "dm_name": "王五", "dm_mobile": "13700000000", "finish_code": "",
	}
	for name, value := range change {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	if _, given := change["signature"]; !given {
		text := func(name string) string {
			switch v := all[name].(type) {
			case string:
				return v
			case json.Number:
				return v.String()
			}
			return ""
		}
		all["signature"] = dada.SignPush(text("client_id"), text("order_id"), text("update_time"))
	}
	body, err := json.Marshal(all)
	require.NoError(t, err)
	return request(string(body))
}

func want(change func(*carrier.Status)) carrier.Status {
	s := carrier.Status{
		Carrier: "dada", OurNo: ourNo, CarrierNo: dadaNo, State: carrier.Accepted, Code: "2",
		Rider: order.Rider{Name: "王五", Phone: "13700000000"}, At: time.Unix(1700000060, 0).UTC(),
	}
	if change != nil {
		change(&s)
	}
	return s
}

func pushes(t *testing.T) []carriertest.Push {
	t.Helper()
	good := func(name string, change fields, expect func(*carrier.Status)) carriertest.Push {
		return carriertest.Push{Name: name, Request: push(t, change), Want: want(expect)}
	}
	bad := func(name string, r carrier.CallbackRequest, kind carrier.Kind, says string) carriertest.Push {
		return carriertest.Push{Name: name, Request: r, Kind: kind, Says: says}
	}
	state := func(to carrier.State, code string) func(*carrier.Status) {
		return func(s *carrier.Status) { s.State, s.Code = to, code }
	}
	alone := func(to carrier.State, code, sub string) func(*carrier.Status) {
		return func(s *carrier.Status) { s.State, s.Code, s.SubCode, s.Rider = to, code, sub, order.Rider{} }
	}
	ended := func(code string, by carrier.Ender, reason string) func(*carrier.Status) {
		return func(s *carrier.Status) { s.State, s.Code, s.EndedBy, s.Reason = carrier.Cancelled, code, by, reason }
	}
	at := func(d time.Duration) fields {
		seconds, _ := json.Marshal(carriertest.SystemTime.Add(d).Unix())
		return fields{"update_time": json.Number(seconds)}
	}
	stranger := carriertest.Push{Name: "the reference's, of years to come", Request: request(
		`{"client_id":"1234567890","order_id":"T20261102000001","order_status":2,"update_time":1793600000,"signature":"cec59d3cf882add68642c9459661124f"}`)}
	stranger.Request.Now = time.Unix(1793600000, 0)
	stranger.Want = carrier.Status{Carrier: "dada", OurNo: "T20261102000001", CarrierNo: "1234567890", State: carrier.Accepted, Code: "2", At: time.Unix(1793600000, 0).UTC()}
	nameless := carriertest.Push{Name: "the reference's without client_id", Request: request(
		`{"client_id":"","order_id":"T20261102000001","order_status":1,"update_time":"1793600000","signature":"23c716ed5082a59c9364db2739a1a374"}`)}
	nameless.Request.Now = stranger.Request.Now
	nameless.Want = carrier.Status{Carrier: "dada", OurNo: "T20261102000001", State: carrier.Waiting, Code: "1", At: time.Unix(1793600000, 0).UTC()}

	return []carriertest.Push{
		stranger, nameless,
		good("accepted", nil, nil),
		good("numbers as text and text as numbers", fields{"order_status": "2", "update_time": "1700000060", "client_id": json.Number(dadaNo)}, nil),
		good("client_id is null", fields{"client_id": nil}, func(s *carrier.Status) { s.CarrierNo = "" }),
		good("waiting", fields{"order_status": 1, "dm_name": "", "dm_mobile": ""}, alone(carrier.Waiting, "1", "")),
		good("a rider is asked (指派单)", fields{"order_status": 8, "repeat_reason_type": 0}, alone(carrier.Waiting, "8", "")),
		good("another rider is sought (改派)", fields{"order_status": 1, "repeat_reason_type": 1}, alone(carrier.Reassigning, "1", "1")),
		good("a rider hands the order on (转单)", fields{"order_status": 2, "repeat_reason_type": 2, "dm_name": "赵六"},
			func(s *carrier.Status) { s.SubCode, s.Rider.Name = "2", "赵六" }),
		good("arrived", fields{"order_status": 100}, state(carrier.Arrived, "100")),
		good("picked up", fields{"order_status": 3}, state(carrier.PickedUp, "3")),
		good("delivered", fields{"order_status": 4}, state(carrier.Delivered, "4")),
		good("could not be handed over (妥投异常)", fields{"order_status": 9}, state(carrier.Returning, "9")),
		good("back at the shop", fields{"order_status": 10}, state(carrier.Returned, "10")),
		good("cancelled by the rider", fields{"order_status": 5, "cancel_from": 1, "cancel_reason": "车坏了"}, ended("5", carrier.ByRider, "车坏了")),
		good("cancelled by us", fields{"order_status": 5, "cancel_from": 2, "cancel_reason": "没有配送员接单"}, ended("5", carrier.ByUs, "没有配送员接单")),
		good("cancelled by 达达", fields{"order_status": 5, "cancel_from": "3", "cancel_reason": "客服取消"}, ended("5", carrier.ByCarrier, "客服取消")),
		good("cancelled by nobody knows whom", fields{"order_status": 5}, ended("5", "", "")),
		good("nobody came", fields{"order_status": 5, "cancel_from": 3, "cancel_reason": "超时无人接单"}, ended("5", carrier.ByNobody, "超时无人接单")),
		good("never created, in milliseconds", fields{"order_status": 1000, "update_time": json.Number("1700000060123"), "cancel_reason": "地址有误", "dm_name": nil, "dm_mobile": nil},
			func(s *carrier.Status) {
				s.State, s.Code, s.EndedBy, s.Reason, s.Rider = carrier.Cancelled, "1000", carrier.ByCarrier, "地址有误", order.Rider{}
				s.At = time.UnixMilli(1700000060123).UTC()
			}),
		good("a day old, less a second", at(time.Second-24*time.Hour), func(s *carrier.Status) { s.At = carriertest.SystemTime.Add(time.Second - 24*time.Hour).UTC() }),

		bad("a forged signature", push(t, fields{"signature": "cec59d3cf882add68642c9459661124e"}), carrier.KindForged, "signature does not hold"),
		bad("an upper-case signature", push(t, fields{"signature": "CEC59D3CF882ADD68642C9459661124F"}), carrier.KindForged, "signature does not hold"),
		bad("another order under the same signature", push(t, fields{"order_id": "7301234567890123456003", "signature": dada.SignPush(dadaNo, ourNo, "1700000060")}), carrier.KindForged, "signature does not hold"),
		bad("no signature", push(t, fields{"signature": nil}), carrier.KindBadRequest, "signature is missing"),
		bad("signature is a list", push(t, fields{"signature": []int{1}}), carrier.KindBadRequest, "signature"),
		bad("no number of ours", push(t, fields{"order_id": nil}), carrier.KindBadRequest, "order_id is missing"),
		bad("no update_time", push(t, fields{"update_time": nil}), carrier.KindBadRequest, "update_time is missing"),
		bad("over a day old", push(t, at(-24*time.Hour-time.Second)), carrier.KindForged, "stale"),
		bad("from the future", push(t, at(25*time.Hour)), carrier.KindForged, "stale"),
		bad("update_time in words", push(t, fields{"update_time": "2023-11-15 06:14:20"}), carrier.KindBadRequest, "update_time is not an instant"),
		bad("update_time with a fraction", push(t, fields{"update_time": json.Number("1700000060.5")}), carrier.KindBadRequest, "update_time is not an instant"),
		bad("update_time beyond all time", push(t, fields{"update_time": json.Number("99999999999999999999")}), carrier.KindBadRequest, "update_time is not an instant"),
		bad("update_time negative", push(t, fields{"update_time": json.Number("-1700000060")}), carrier.KindBadRequest, "update_time is not an instant"),
		bad("no status", push(t, fields{"order_status": nil}), carrier.KindBadRequest, "order_status is missing"),
		bad("unknown status", push(t, fields{"order_status": 6}), carrier.KindBadRequest, "unknown order_status 6"),
		bad("status is a list", push(t, fields{"order_status": []int{2}}), carrier.KindBadRequest, "order_status"),
		bad("rider is an object", push(t, fields{"dm_name": fields{"a": 1}}), carrier.KindBadRequest, "dm_name"),
		bad("a form", request("order_status=2"), carrier.KindBadRequest, "JSON"),
		bad("JSON cut", request(`{"order_id":"73`), carrier.KindBadRequest, "JSON"),
		bad("two objects", request(`{} {}`), carrier.KindBadRequest, "JSON"),
		bad("a list", request(`[]`), carrier.KindBadRequest, "JSON"),
		bad("null", request("null"), carrier.KindBadRequest, "JSON"),
		bad("nothing", request(""), carrier.KindBadRequest, "JSON"),
	}
}

func TestConfiguredChecks(t *testing.T) {
	t.Parallel()
	cfg := devConfig("http://127.0.0.1:1")
	cfg.CallbackSecret, cfg.NobodyCame, cfg.CallbackMaxAge = "s3gm3nt", []string{"没有骑手"}, settings.Duration(time.Minute)
	a, err := dada.New(cfg, settings.Deps{HTTP: http.DefaultClient, System: systemTime})
	require.NoError(t, err)
	r := push(t, fields{"order_status": 5, "cancel_reason": "没有骑手"})
	_, err = a.Callback(r)
	require.Equal(t, carrier.KindForged, carrier.KindOf(err), "without the secret segment")
	r.Path = "/carrier/dada/s3gm3nt"
	s, err := a.Callback(r)
	require.NoError(t, err)
	require.Equal(t, carrier.ByNobody, s.EndedBy)
	r.Now = r.Now.Add(3 * time.Minute)
	_, err = a.Callback(r)
	require.ErrorContains(t, err, "stale")
}

// FuzzCallback gives the adapter whatever body, and the same values in a body that is signed,
// so that what lies behind the signature is reached, too.
func FuzzCallback(f *testing.F) {
	f.Add(`{"client_id":"","order_id":"T1","order_status":1,"update_time":1700000060}`, "", "T1", "1700000060")
	f.Add(`{"order_status":1000,"cancel_from":{}}`, dadaNo, ourNo, "1700000060123")
	f.Add(`{"order_status":"5","cancel_reason":"超时无人接单","dm_name":null}`, "1", "2", "3")
	for _, body := range []string{`{}`, `null`, "\xff", `{"order_status":1,"repeat_reason_type":1e9}`} {
		f.Add(body, dadaNo, ourNo, "1700000000")
	}
	a, err := dada.New(devConfig("http://127.0.0.1:1"), settings.Deps{HTTP: http.DefaultClient, System: systemTime})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body, clientID, orderID, at string) {
		requests := []carrier.CallbackRequest{request(body)}
		var all map[string]json.RawMessage
		if json.Unmarshal([]byte(body), &all) == nil && all != nil {
			for name, value := range map[string]string{"client_id": clientID, "order_id": orderID, "update_time": at, "signature": dada.SignPush(clientID, orderID, at)} {
				all[name], err = json.Marshal(value)
				require.NoError(t, err)
			}
			signed, err := json.Marshal(all)
			require.NoError(t, err)
			requests = append(requests, request(string(signed)))
		}
		for _, r := range requests {
			s, err := a.Callback(r)
			if err != nil {
				continue
			}
			require.NotEmpty(t, s.State)
			require.NotEmpty(t, s.OurNo)
			require.False(t, s.At.IsZero())
			require.False(t, s.Verified, "a push proves nothing")
			require.Nil(t, s.Charged)
		}
	})
}
