package shansong_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/shansong"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

// accepted is a good push as its fields; a test changes some and leaves out others.
func accepted() map[string]any {
	return map[string]any{
		"clientId": "ssTestClient01", "shopId": "20000000000000001", "token": "5D41402ABC4B2A76B9719D911017C592",
		"issOrderNo": issNo, "orderNo": ourNo, "status": 30, "statusDesc": "待取货", "subStatus": 1, "subStatusDesc": "待取货",
		"statusChangeTime": "2023-11-15 06:14:00", "pickupPassword": "", "deliveryPassword": "",
		"deductAmount": 0, "abortType": 0, "punishType": 0, "abortReason": "", "sendBackFee": 0, "drawback": 0,
		"courier": map[string]any{"name": "李四", "mobile": "13800000000", "latitude": "", "longitude": "", "gcj02Lat": "30.2804", "gcj02Lng": "120.1433"},
	}
}

func push(t *testing.T, change map[string]any) carrier.CallbackRequest {
	t.Helper()
	fields := accepted()
	for name, value := range change {
		if value == nil {
			delete(fields, name)
			continue
		}
		fields[name] = value
	}
	body, err := json.Marshal(fields)
	require.NoError(t, err)
	return carrier.CallbackRequest{
		Header: http.Header{"Content-Type": {"application/json"}}, Path: "/carrier/shansong", Body: body,
		Now: carriertest.SystemTime,
	}
}

func raw(body string) carrier.CallbackRequest {
	return carrier.CallbackRequest{Header: http.Header{}, Path: "/carrier/shansong", Body: []byte(body)}
}

func form(t *testing.T) carrier.CallbackRequest {
	t.Helper()
	values := url.Values{
		"clientId": {"ssTestClient01"}, "shopId": {"20000000000000001"}, "issOrderNo": {issNo}, "orderNo": {ourNo},
		"status": {"30"}, "subStatus": {"1"}, "statusChangeTime": {"2023-11-15 06:14:00"},
		"courier": {`{"name":"李四","mobile":"13800000000","gcj02Lat":"30.2804","gcj02Lng":"120.1433"}`},
	}
	r := raw(values.Encode())
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	return r
}

func want(change func(*carrier.Status)) carrier.Status {
	s := carrier.Status{
		Carrier: "shansong", OurNo: ourNo, CarrierNo: issNo, State: carrier.Accepted, Code: "30", SubCode: "1",
		Rider: order.Rider{Name: "李四", Phone: "13800000000"}, Position: &geo.Point{Lng: 120.1433, Lat: 30.2804},
		At: time.Date(2023, 11, 14, 22, 14, 0, 0, time.UTC),
	}
	if change != nil {
		change(&s)
	}
	return s
}

func pushes(t *testing.T) []carriertest.Push {
	t.Helper()
	type fields = map[string]any
	cancelled := fields{"status": 60, "subStatus": nil, "courier": nil, "deductAmount": "200", "sendBackFee": 300, "abortType": 10, "abortReason": "无人接单"}
	return []carriertest.Push{
		{Name: "accepted", Request: push(t, nil), Want: want(nil)},
		{Name: "accepted, as a form", Request: form(t), Want: want(nil)},
		{Name: "numbers as text, text as numbers", Request: push(t, fields{"status": "30", "subStatus": "1", "shopId": json.Number("20000000000000001"),
			"orderNo": json.Number(ourNo), "issOrderNo": json.Number("98765432109876543210")}),
			Want: want(func(s *carrier.Status) { s.CarrierNo = "98765432109876543210" })},
		{Name: "cancelled for want of a rider", Request: push(t, cancelled), Want: want(func(s *carrier.Status) {
			s.State, s.Code, s.SubCode = carrier.Cancelled, "60", ""
			s.Rider, s.Position = order.Rider{}, nil
			s.Charged, s.Penalty, s.EndedBy, s.Reason = fen(0), fen(500), carrier.ByNobody, "无人接单"
		})},
		{Name: "another client", Request: push(t, fields{"clientId": "other"}), Kind: carrier.KindForged, Says: "clientId"},
		{Name: "no client", Request: push(t, fields{"clientId": nil}), Kind: carrier.KindForged, Says: "clientId"},
		{Name: "another shop", Request: push(t, fields{"shopId": json.Number("20000000000000002")}), Kind: carrier.KindForged, Says: "shopId"},
		{Name: "unknown status", Request: push(t, fields{"status": 99}), Kind: carrier.KindBadRequest, Says: "status 99/1"},
		{Name: "unknown sub status", Request: push(t, fields{"subStatus": 7}), Kind: carrier.KindBadRequest, Says: "status 30/7"},
		{Name: "no status", Request: push(t, fields{"status": nil}), Kind: carrier.KindBadRequest, Says: "status is missing"},
		{Name: "no number", Request: push(t, fields{"issOrderNo": nil}), Kind: carrier.KindBadRequest, Says: "issOrderNo is missing"},
		{Name: "no time", Request: push(t, fields{"statusChangeTime": ""}), Kind: carrier.KindBadRequest, Says: "statusChangeTime is missing"},
		{Name: "no such time", Request: push(t, fields{"statusChangeTime": "2023-13-01 00:00:00"}), Kind: carrier.KindBadRequest, Says: "statusChangeTime"},
		{Name: "status is a list", Request: push(t, fields{"status": []int{30}}), Kind: carrier.KindBadRequest, Says: "status"},
		{Name: "courier is text", Request: push(t, fields{"courier": "李四"}), Kind: carrier.KindBadRequest, Says: "courier"},
		{Name: "negative money", Request: push(t, fields{"status": 60, "deductAmount": -1}), Kind: carrier.KindBadRequest, Says: "deductAmount"},
		{Name: "money finer than 分", Request: push(t, fields{"status": 60, "sendBackFee": 1.5}), Kind: carrier.KindBadRequest, Says: "sendBackFee"},
		{Name: "absurd money", Request: push(t, fields{"status": 60, "deductAmount": json.Number("99999999999999999999")}), Kind: carrier.KindBadRequest, Says: "deductAmount"},
		{Name: "no JSON", Request: raw("status=30"), Kind: carrier.KindBadRequest, Says: "JSON"},
		{Name: "JSON cut", Request: raw(`{"clientId":"ss`), Kind: carrier.KindBadRequest, Says: "JSON"},
		{Name: "two objects", Request: raw(`{} {}`), Kind: carrier.KindBadRequest, Says: "JSON"},
		{Name: "null", Request: raw("null"), Kind: carrier.KindBadRequest, Says: "JSON"},
		{Name: "nothing", Request: raw(""), Kind: carrier.KindBadRequest, Says: "JSON"},
	}
}

func TestConfiguredChecks(t *testing.T) {
	t.Parallel()
	cfg := devConfig("http://127.0.0.1:1")
	cfg.Token, cfg.CallbackSecret = "5D41402ABC4B2A76B9719D911017C592", "s3gm3nt"
	a, err := shansong.New(cfg, settings.Deps{HTTP: http.DefaultClient, System: systemTime})
	require.NoError(t, err)

	good := push(t, nil)
	good.Path = "/carrier/shansong/s3gm3nt"
	_, err = a.Callback(good)
	require.NoError(t, err)

	_, err = a.Callback(push(t, nil))
	require.Equal(t, carrier.KindForged, carrier.KindOf(err), "without the secret segment")

	forged := push(t, map[string]any{"token": "00000000000000000000000000000000"})
	forged.Path = good.Path
	_, err = a.Callback(forged)
	require.Equal(t, carrier.KindForged, carrier.KindOf(err))
	require.ErrorContains(t, err, "token")
}

func FuzzCallback(f *testing.F) {
	body, err := json.Marshal(accepted())
	require.NoError(f, err)
	f.Add("application/json", string(body))
	f.Add("application/x-www-form-urlencoded", "clientId=ssTestClient01&shopId=20000000000000001&status=30&subStatus=1&courier={}")
	f.Add("", `{"clientId":"ssTestClient01","shopId":20000000000000001,"status":60,"courier":null,"deductAmount":""}`)
	a, err := shansong.New(devConfig("http://127.0.0.1:1"), settings.Deps{HTTP: http.DefaultClient, System: systemTime})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, kind, body string) {
		s, err := a.Callback(carrier.CallbackRequest{Header: http.Header{"Content-Type": {kind}}, Body: []byte(body)})
		if err != nil {
			return
		}
		require.NotEmpty(t, s.State)
		require.NotEmpty(t, s.CarrierNo)
		require.False(t, s.At.IsZero())
		require.False(t, s.Verified)
		require.True(t, s.Penalty == nil || *s.Penalty >= 0)
	})
}
