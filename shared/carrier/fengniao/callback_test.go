package fengniao_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/fengniao"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

// vectorData is the reference's callback FN-5, vectorSign signs it at 1700000060000.
const (
	vectorData = `{"callback_business_type":"authNotify","param":{"merchant_id":"1000001"}}`
	vectorSign = "5a5a30a0e08e872dc8267a6410696c077b4163c77416134f64406b5d2066de4c"
)

func raw(body string) carrier.CallbackRequest {
	return carrier.CallbackRequest{
		Header: http.Header{"Content-Type": {"application/json"}}, Path: "/carrier/fengniao",
		Body: []byte(body), Now: carriertest.SystemTime,
	}
}

// envelope wraps business_data as 蜂鸟 does; change overrides its fields, nil leaves one out.
func envelope(t *testing.T, data string, at time.Time, change map[string]any) carrier.CallbackRequest {
	t.Helper()
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	fields := map[string]any{
		"app_id": appID, "timestamp": stamp, "business_data": data,
		"signature": fengniao.Sign(secret, map[string]string{"app_id": appID, "timestamp": stamp, "business_data": data}),
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

// notice is a push about the order in a status.
func notice(status, more string) string {
	return `{"callback_business_type":"orderStatusNotify","param":` + param(status, more) + `}`
}

func param(status, more string) string {
	return `{"order_id":` + fnNo + `,"partner_order_code":"` + ourNo + `","order_status":` + status + `,"push_time":1700000060000` + more + `}`
}

func pushed(change func(*carrier.Status)) carrier.Status {
	s := carrier.Status{
		Carrier: "fengniao", OurNo: ourNo, CarrierNo: fnNo, State: carrier.Accepted, Code: "20",
		At: time.UnixMilli(1700000060000).UTC(), Verified: true,
	}
	if change != nil {
		change(&s)
	}
	return s
}

func pushes(t *testing.T) []carriertest.Push {
	t.Helper()
	now := carriertest.SystemTime
	signed := func(data string) carrier.CallbackRequest { return envelope(t, data, now, nil) }
	good := func(name, data string, want carrier.Status) carriertest.Push {
		return carriertest.Push{Name: name, Request: signed(data), Want: want}
	}
	bad := func(name string, r carrier.CallbackRequest, kind carrier.Kind, says string) carriertest.Push {
		return carriertest.Push{Name: name, Request: r, Kind: kind, Says: says}
	}
	ended := func(code, fault, words string, by carrier.Ender) carrier.Status {
		return pushed(func(s *carrier.Status) {
			s.State, s.Code, s.SubCode, s.Reason, s.EndedBy = carrier.Cancelled, code, fault, words, by
		})
	}
	rider := pushed(func(s *carrier.Status) { s.Rider = order.Rider{Name: "李四", Phone: "13800000000"} })
	in := func(state carrier.State, code string) carrier.Status {
		return pushed(func(s *carrier.Status) { s.State, s.Code = state, code })
	}
	accepted := notice("20", "")
	return []carriertest.Push{
		good("accepted", notice("20", `,"carrier_driver_id":7,"carrier_driver_name":"李四","carrier_driver_phone":"13800000000","description":"骑手接单"`), rider),
		good("numbers as text", notice(`"20"`, `,"carrier_driver_name":"李四","carrier_driver_phone":13800000000`), rider),
		good("param is JSON text", `{"callback_business_type":"x","param":`+strconv.Quote(param("20", ""))+`}`, pushed(nil)),
		good("param is business_data itself", param("20", ""), pushed(nil)),
		good("version 2's name of the number", `{"param":{"open_order_code":"`+fnNo+`","order_status":20,"push_time":"1700000060000"}}`, pushed(func(s *carrier.Status) { s.OurNo = "" })),
		good("made", notice("0", ""), in(carrier.Waiting, "0")),
		good("waiting, once more or for the first time", notice("1", ""), in(carrier.Reassigning, "1")),
		good("at shop", notice("80", ""), in(carrier.Arrived, "80")),
		good("picked up", notice("2", ""), in(carrier.PickedUp, "2")),
		good("delivered: the money waits for a query", notice("3", ""), pushed(func(s *carrier.Status) { s.State, s.Code, s.Verified = carrier.Delivered, "3", false })),
		good("cancelled by the merchant", notice("4", `,"cancel_reason":2`), ended("4", "", "", carrier.ByUs)),
		good("cancelled by the rider", notice("4", `,"cancel_reason":"2","error_code":"CARRIER_CANCEL","description":"取消","detail_description":"骑手取消"`), ended("4", "CARRIER_CANCEL", "骑手取消", carrier.ByRider)),
		good("cancelled by nobody knows whom", notice("4", ""), ended("4", "", "", "")),
		good("nobody came", notice("5", `,"error_code":"NO_CARRIER_ERROR","description":"无骑手"`), ended("5", "NO_CARRIER_ERROR", "无骑手", carrier.ByNobody)),
		good("exception", notice("5", `,"error_code":"SYSTEM_ERROR"`), ended("5", "SYSTEM_ERROR", "", carrier.ByCarrier)),
		{Name: "a day old, less a second", Request: envelope(t, accepted, now.Add(time.Second-24*time.Hour), nil), Want: pushed(nil)},
		bad("the reference's authNotify", raw(`{"app_id":"`+appID+`","timestamp":"1700000060000","business_data":`+strconv.Quote(vectorData)+`,"signature":"`+vectorSign+`"}`), carrier.KindBadRequest, "order_status is missing"),
		bad("another app", envelope(t, accepted, now, map[string]any{"app_id": "6000000000000000002"}), carrier.KindForged, "app_id"),
		bad("a forged signature", envelope(t, accepted, now, map[string]any{"signature": vectorSign}), carrier.KindForged, "signature"),
		bad("upper case", envelope(t, accepted, now, map[string]any{"signature": "5A5A30A0"}), carrier.KindForged, "signature"),
		bad("changed data", envelope(t, accepted, now, map[string]any{"business_data": notice("3", "")}), carrier.KindForged, "signature"),
		bad("a changed timestamp", envelope(t, accepted, now, map[string]any{"timestamp": strconv.FormatInt(now.UnixMilli()-1, 10)}), carrier.KindForged, "signature"),
		bad("over a day old", envelope(t, accepted, now.Add(-24*time.Hour-time.Second), nil), carrier.KindForged, "stale"),
		bad("from the future", envelope(t, accepted, now.Add(25*time.Hour), nil), carrier.KindForged, "stale"),
		bad("timestamp in seconds", envelope(t, accepted, time.UnixMilli(now.Unix()), nil), carrier.KindBadRequest, "timestamp"),
		bad("timestamp beyond all time", envelope(t, accepted, time.UnixMilli(1<<62), nil), carrier.KindBadRequest, "timestamp"),
		bad("no app", envelope(t, accepted, now, map[string]any{"app_id": nil}), carrier.KindBadRequest, "app_id is missing"),
		bad("no timestamp", envelope(t, accepted, now, map[string]any{"timestamp": nil}), carrier.KindBadRequest, "timestamp is missing"),
		bad("no data", envelope(t, accepted, now, map[string]any{"business_data": nil}), carrier.KindBadRequest, "business_data is missing"),
		bad("no signature", envelope(t, accepted, now, map[string]any{"signature": nil}), carrier.KindBadRequest, "signature is missing"),
		bad("data is an object", envelope(t, accepted, now, map[string]any{"business_data": map[string]int{"order_status": 20}}), carrier.KindBadRequest, "business_data is not text"),
		bad("data is no JSON", signed("order_status=20"), carrier.KindBadRequest, "business_data: not a JSON object"),
		bad("data is empty", signed("{}"), carrier.KindBadRequest, "order_status is missing"),
		bad("param is a list", signed(`{"param":[]}`), carrier.KindBadRequest, "business_data: not a JSON object"),
		bad("param is a number", signed(`{"param":7}`), carrier.KindBadRequest, "business_data: not a JSON object"),
		bad("param is no JSON", signed(`{"param":"x"}`), carrier.KindBadRequest, "business_data: not a JSON object"),
		bad("unknown status", signed(notice("99", "")), carrier.KindBadRequest, "unknown order_status 99"),
		bad("status is a list", signed(notice("[20]", "")), carrier.KindBadRequest, "order_status"),
		bad("no number", signed(`{"param":{"order_status":20,"push_time":1700000060000}}`), carrier.KindBadRequest, "order_id and partner_order_code are missing"),
		bad("no push_time", signed(`{"param":{"order_id":1,"order_status":20}}`), carrier.KindBadRequest, "push_time is missing"),
		bad("push_time in seconds", signed(`{"param":{"order_id":1,"order_status":20,"push_time":1700000060}}`), carrier.KindBadRequest, "push_time"),
		bad("a form", raw("app_id=1&signature=2"), carrier.KindBadRequest, "JSON"),
		bad("cut", raw(`{"app_id":"`), carrier.KindBadRequest, "JSON"),
		bad("two objects", raw(`{} {}`), carrier.KindBadRequest, "JSON"),
		bad("nothing", raw(""), carrier.KindBadRequest, "JSON"),
		bad("null", raw("null"), carrier.KindBadRequest, "JSON"),
	}
}

func TestPathSecretAndReply(t *testing.T) {
	t.Parallel()
	cfg := devConfig("http://127.0.0.1:1")
	cfg.CallbackSecret = "s3gm3nt"
	a, err := fengniao.New(cfg, settings.Deps{HTTP: http.DefaultClient, System: systemTime}, nil)
	require.NoError(t, err)
	r := envelope(t, notice("20", ""), carriertest.SystemTime, nil)
	_, err = a.Callback(r)
	require.Equal(t, carrier.KindForged, carrier.KindOf(err))
	r.Path = "/carrier/fengniao/s3gm3nt"
	_, err = a.Callback(r)
	require.NoError(t, err)
}

// FuzzCallback signs whatever business_data it is given, so that what lies behind the
// signature is reached too.
func FuzzCallback(f *testing.F) {
	for _, data := range []string{vectorData, notice("20", ""), `{}`, `null`, `{"param":"{\"order_status\":1}"}`, "\xff"} {
		f.Add(data, int64(1700000000000))
	}
	a, err := fengniao.New(devConfig("http://127.0.0.1:1"), settings.Deps{HTTP: http.DefaultClient, System: systemTime}, nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data string, stamp int64) {
		_, err := a.Callback(raw(data))
		require.Error(t, err, "an unsigned push")
		s, err := a.Callback(envelope(t, data, time.UnixMilli(stamp), nil))
		if err != nil {
			return
		}
		require.NotEmpty(t, s.State)
		require.NotEmpty(t, s.CarrierNo+s.OurNo)
		require.False(t, s.At.IsZero())
	})
}
