package uupt_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/uupt"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

// vectorBiz is the reference's callback.
const vectorBiz = `{"orderCode":"240812164010379000014456","originId":"PS202401010001","state":3,"stateText":"跑男抢单","driverName":"张三","driverMobile":"13800000000","driverPhoto":"","changeTime":1700000060000}`

// vectorSign signs it at 1700000060.
const vectorSign = "F1A86E21B669CC3E1198047BB00904E4"

func raw(body string) carrier.CallbackRequest {
	return carrier.CallbackRequest{
		Header: http.Header{"Content-Type": {"application/json"}}, Path: "/carrier/uupt",
		Body: []byte(body), Now: carriertest.SystemTime,
	}
}

// envelope wraps biz as UU跑腿 does; change overrides its fields, nil leaves one out.
func envelope(t *testing.T, biz string, at time.Time, change map[string]any) carrier.CallbackRequest {
	t.Helper()
	stamp := at.Unix()
	fields := map[string]any{
		"openId": "uu-test-open-id", "timestamp": stamp, "biz": biz,
		"sign": uupt.Sign(biz, appKey, strconv.FormatInt(stamp, 10)),
	}
	for name, value := range change {
		if value == nil {
			delete(fields, name)
			continue
		}
		fields[name] = value
	}
	body, err := json.Marshal(fields)
	require.NoError(t, err)
	return raw(string(body))
}

func pushes(t *testing.T) []carriertest.Push {
	t.Helper()
	now := carriertest.SystemTime
	signed := func(biz string) carrier.CallbackRequest { return envelope(t, biz, now, nil) }
	bad := func(name string, r carrier.CallbackRequest, kind carrier.Kind, says string) carriertest.Push {
		return carriertest.Push{Name: name, Request: r, Kind: kind, Says: says}
	}
	good := carrier.Status{
		Carrier: "uupt", OurNo: "PS202401010001", CarrierNo: uuNo, State: carrier.Accepted, Code: "3",
		Rider: order.Rider{Name: "张三", Phone: "13800000000"}, At: time.UnixMilli(1700000060000).UTC(), Verified: true,
	}
	numbers := good
	numbers.OurNo, numbers.State, numbers.Code, numbers.EndedBy, numbers.Rider = "7301234567890123456002", carrier.Cancelled, "-3", carrier.ByNobody, order.Rider{}
	const biz = `{"orderCode":"1","state":3,"changeTime":1700000060000}`
	return []carriertest.Push{
		{Name: "the reference's", Request: raw(`{"openId":"uu-test-open-id","timestamp":1700000060,"biz":` + strconv.Quote(vectorBiz) + `,"sign":"` + vectorSign + `"}`), Want: good},
		{Name: "timestamp as text", Request: envelope(t, vectorBiz, now, map[string]any{"timestamp": strconv.FormatInt(now.Unix(), 10)}), Want: good},
		{Name: "numbers as text, text as numbers",
			Request: signed(`{"orderCode":240812164010379000014456,"originId":7301234567890123456002,"state":"-3","changeTime":"1700000060000"}`), Want: numbers},
		{Name: "a day old, less a second", Request: envelope(t, vectorBiz, now.Add(time.Second-24*time.Hour), nil), Want: good},
		bad("another openId", envelope(t, vectorBiz, now, map[string]any{"openId": "other"}), carrier.KindForged, "openId"),
		bad("a forged signature", envelope(t, vectorBiz, now, map[string]any{"sign": vectorSign}), carrier.KindForged, "sign"),
		bad("a changed biz", envelope(t, vectorBiz, now, map[string]any{"biz": biz}), carrier.KindForged, "sign"),
		bad("a changed timestamp", envelope(t, vectorBiz, now, map[string]any{"timestamp": now.Unix() - 1}), carrier.KindForged, "sign"),
		bad("over a day old", envelope(t, vectorBiz, now.Add(-24*time.Hour-time.Second), nil), carrier.KindForged, "stale"),
		bad("from the future", envelope(t, vectorBiz, now.Add(25*time.Hour), nil), carrier.KindForged, "stale"),
		bad("timestamp in milliseconds", envelope(t, vectorBiz, time.Unix(now.UnixMilli(), 0), nil), carrier.KindBadRequest, "timestamp"),
		bad("no openId", envelope(t, vectorBiz, now, map[string]any{"openId": nil}), carrier.KindBadRequest, "openId is missing"),
		bad("no timestamp", envelope(t, vectorBiz, now, map[string]any{"timestamp": nil}), carrier.KindBadRequest, "timestamp is missing"),
		bad("no biz", envelope(t, vectorBiz, now, map[string]any{"biz": nil}), carrier.KindBadRequest, "biz is missing"),
		bad("no sign", envelope(t, vectorBiz, now, map[string]any{"sign": nil}), carrier.KindBadRequest, "sign is missing"),
		bad("biz is an object", envelope(t, vectorBiz, now, map[string]any{"biz": map[string]int{"state": 3}}), carrier.KindBadRequest, "biz is not text"),
		bad("biz is no JSON", signed("state=3"), carrier.KindBadRequest, "biz: not a JSON object"),
		bad("unknown state", signed(`{"orderCode":"1","state":99,"changeTime":1700000060000}`), carrier.KindBadRequest, "unknown state 99"),
		bad("no state", signed(`{"orderCode":"1","changeTime":1700000060000}`), carrier.KindBadRequest, "state is missing"),
		bad("no orderCode", signed(`{"state":3,"changeTime":1700000060000}`), carrier.KindBadRequest, "orderCode is missing"),
		bad("no changeTime", signed(`{"orderCode":"1","state":3}`), carrier.KindBadRequest, "changeTime is missing"),
		bad("changeTime 0", signed(`{"orderCode":"1","state":3,"changeTime":0}`), carrier.KindBadRequest, "changeTime is missing"),
		bad("changeTime in seconds", signed(`{"orderCode":"1","state":3,"changeTime":1700000060}`), carrier.KindBadRequest, "changeTime"),
		bad("changeTime beyond all time", signed(`{"orderCode":"1","state":3,"changeTime":99999999999999999999}`), carrier.KindBadRequest, "changeTime"),
		bad("a form", raw("biz=1&sign=2"), carrier.KindBadRequest, "JSON"),
		bad("nothing", raw(""), carrier.KindBadRequest, "JSON"),
		bad("null", raw("null"), carrier.KindBadRequest, "JSON"),
	}
}

func TestPathSecret(t *testing.T) {
	t.Parallel()
	cfg := devConfig("http://127.0.0.1:1")
	cfg.CallbackSecret = "s3gm3nt"
	a, err := uupt.New(cfg, settings.Deps{HTTP: http.DefaultClient, System: systemTime})
	require.NoError(t, err)
	r := envelope(t, vectorBiz, carriertest.SystemTime, nil)
	_, err = a.Callback(r)
	require.Equal(t, carrier.KindForged, carrier.KindOf(err))
	r.Path = "/carrier/uupt/s3gm3nt"
	_, err = a.Callback(r)
	require.NoError(t, err)
}

// FuzzCallback signs whatever biz it is given, so that what lies behind the signature
// is reached too.
func FuzzCallback(f *testing.F) {
	for _, biz := range []string{vectorBiz, `{}`, `null`, `{"state":"-3","orderCode":1,"changeTime":"2023-11-15 06:13:20"}`, "\xff"} {
		f.Add(biz, int64(1700000000))
	}
	a, err := uupt.New(devConfig("http://127.0.0.1:1"), settings.Deps{HTTP: http.DefaultClient, System: systemTime})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, biz string, stamp int64) {
		_, err := a.Callback(raw(biz))
		require.Error(t, err, "an unsigned push")
		s, err := a.Callback(envelope(t, biz, time.Unix(stamp, 0), nil))
		if err != nil {
			return
		}
		require.NotEmpty(t, s.State)
		require.NotEmpty(t, s.CarrierNo)
		require.False(t, s.At.IsZero())
	})
}
