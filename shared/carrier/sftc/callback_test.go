package sftc_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/sftc"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

// vectorPush is the reference's callback SF-3, signed by vectorSign.
const (
	vectorPush = `{"sf_order_id":"3370126808465994769","shop_order_id":"PS202401010001","url_index":"rider_status","operator_name":"测试","operator_phone":"18270000000","rider_lng":113.905604,"rider_lat":22.558814,"order_status":10,"status_desc":"配送员确认","push_time":1700000060}`
	vectorSign = "NGZkODE0MGM4NjUxM2NhOTJhYzM5OWRmNWZkMjU0MGI="
)

func request(body, sign string) carrier.CallbackRequest {
	r := carrier.CallbackRequest{
		Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}}, Path: "/carrier/sftc",
		Body: []byte(body), Now: carriertest.SystemTime,
	}
	if sign != "" {
		r.Query = "sign=" + url.QueryEscape(sign)
	}
	return r
}

func signed(body string) carrier.CallbackRequest {
	return request(body, sftc.Sign([]byte(body), devID, devKey))
}

// push signs a good push, some fields changed and those that are nil left out.
func push(t *testing.T, change map[string]any) carrier.CallbackRequest {
	t.Helper()
	fields := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(vectorPush), &fields))
	fields["push_time"] = 1700000060
	for name, value := range change {
		if value == nil {
			delete(fields, name)
			continue
		}
		fields[name] = value
	}
	body, err := json.Marshal(fields)
	require.NoError(t, err)
	return signed(string(body))
}

// form posts the vector as a form; its signature is a field of it or of the query.
func form(inForm bool) carrier.CallbackRequest {
	values := url.Values{"post_data": {vectorPush}}
	query := vectorSign
	if inForm {
		values.Set("sign", vectorSign)
		query = ""
	}
	r := request(values.Encode(), query)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

func want(change func(*carrier.Status)) carrier.Status {
	s := carrier.Status{
		Carrier: "sftc", OurNo: "PS202401010001", CarrierNo: sfNo, State: carrier.Accepted, Code: "10",
		Rider: order.Rider{Name: "测试", Phone: "18270000000"}, Position: &geo.Point{Lng: 113.905604, Lat: 22.558814},
		At: time.Unix(1700000060, 0).UTC(), Verified: true,
	}
	if change != nil {
		change(&s)
	}
	return s
}

func pushes(t *testing.T) []carriertest.Push {
	t.Helper()
	type fields = map[string]any
	good := func(name string, r carrier.CallbackRequest, change func(*carrier.Status)) carriertest.Push {
		return carriertest.Push{Name: name, Request: r, Want: want(change)}
	}
	bad := func(name string, r carrier.CallbackRequest, kind carrier.Kind, says string) carriertest.Push {
		return carriertest.Push{Name: name, Request: r, Kind: kind, Says: says}
	}
	state := func(to carrier.State, code string) func(*carrier.Status) {
		return func(s *carrier.Status) { s.State, s.Code = to, code }
	}
	ended := func(to carrier.State, code, sub string, by carrier.Ender, reason string) func(*carrier.Status) {
		return func(s *carrier.Status) {
			s.State, s.Code, s.SubCode, s.EndedBy, s.Reason, s.Rider = to, code, sub, by, reason, order.Rider{}
		}
	}
	at := func(d time.Duration) fields { return fields{"push_time": carriertest.SystemTime.Add(d).Unix()} }
	return []carriertest.Push{
		good("the reference's", request(vectorPush, vectorSign), nil),
		good("a form", form(false), nil),
		good("a form with its signature inside", form(true), nil),
		good("numbers as text, text as numbers", push(t, fields{"order_status": "10", "push_time": "1700000060", "rider_lng": "113.905604",
			"sf_order_id": json.Number(sfNo), "shop_order_id": json.Number(ourNo)}), func(s *carrier.Status) { s.OurNo = ourNo }),
		good("another shop of ours", push(t, fields{"shop_id": "1"}), nil),
		good("arrived", push(t, fields{"order_status": 12}), state(carrier.Arrived, "12")),
		good("picked up", push(t, fields{"order_status": 15}), state(carrier.PickedUp, "15")),
		good("no position", push(t, fields{"rider_lng": "", "rider_lat": nil}), func(s *carrier.Status) { s.Position = nil }),
		good("delivered", push(t, fields{"url_index": "order_complete", "order_status": 17, "receipt_type": 1, "pickup_pic": []string{"https://x/1.jpg"}}),
			func(s *carrier.Status) { s.State, s.Code, s.SubCode = carrier.Delivered, "17", "1" }),
		good("brought back to the shop", push(t, fields{"url_index": "order_complete", "order_status": 17, "receipt_type": "2"}),
			func(s *carrier.Status) { s.State, s.Code, s.SubCode = carrier.Returned, "17", "2" }),
		good("the rider gave it up", push(t, fields{"order_status": 22}), ended(carrier.Reassigning, "22", "", "", "")),
		good("顺丰 cancels", push(t, fields{"url_index": "sf_cancel", "order_status": 2, "cancel_reason": "运力不足"}), ended(carrier.Cancelled, "2", "", carrier.ByCarrier, "运力不足")),
		good("顺丰 cancels, without a status", push(t, fields{"url_index": "sf_cancel", "order_status": nil}), ended(carrier.Cancelled, "2", "", carrier.ByCarrier, "")),
		good("nobody came", push(t, fields{"url_index": "sf_cancel", "order_status": 2, "cancel_reason": "超时无人接单"}), ended(carrier.Cancelled, "2", "", carrier.ByNobody, "超时无人接单")),
		good("cancelled, perhaps by us", push(t, fields{"order_status": 2}), ended(carrier.Cancelled, "2", "", "", "")),
		good("exception", push(t, fields{"url_index": "rider_exception", "order_status": 91, "ex_id": 2001, "ex_content": "无人接听", "expect_time": 1700003600}), ended(carrier.Exception, "91", "2001", "", "无人接听")),
		good("exception without words", push(t, fields{"url_index": "rider_exception", "order_status": nil, "ex_id": "1001"}), ended(carrier.Exception, "91", "1001", "", "商家出货慢")),
		good("a day old, less a second", push(t, at(time.Second-24*time.Hour)), func(s *carrier.Status) { s.At = carriertest.SystemTime.Add(time.Second - 24*time.Hour).UTC() }),

		bad("a forged signature", request(vectorPush, "NGZkODE0MGM4NjUxM2NhOTJhYzM5OWRmNWZkMjU0MGE="), carrier.KindForged, "sign does not hold"),
		bad("a changed body", request(vectorPush+" ", vectorSign), carrier.KindForged, "sign does not hold"),
		bad("the hex text, not its Base64", request(vectorPush, "4fd8140c86513ca92ac399df5fd2540b"), carrier.KindForged, "sign does not hold"),
		bad("no signature", request(vectorPush, ""), carrier.KindBadRequest, "sign is missing"),
		bad("a query that is none", func() carrier.CallbackRequest { r := request(vectorPush, ""); r.Query = "sign=%zz"; return r }(), carrier.KindBadRequest, "invalid URL escape"),
		bad("a form that is none", func() carrier.CallbackRequest { r := form(true); r.Body = []byte("post_data=%zz"); return r }(), carrier.KindBadRequest, "invalid URL escape"),
		bad("over a day old", push(t, at(-24*time.Hour-time.Second)), carrier.KindForged, "stale"),
		bad("from the future", push(t, at(25*time.Hour)), carrier.KindForged, "stale"),
		bad("push_time in milliseconds", push(t, fields{"push_time": 1700000060000}), carrier.KindBadRequest, "push_time"),
		bad("push_time beyond all time", push(t, fields{"push_time": json.Number("99999999999999999999")}), carrier.KindBadRequest, "push_time"),
		bad("no push_time", push(t, fields{"push_time": nil}), carrier.KindBadRequest, "push_time is missing"),
		bad("no number", push(t, fields{"sf_order_id": nil}), carrier.KindBadRequest, "sf_order_id is missing"),
		bad("no status", push(t, fields{"order_status": nil}), carrier.KindBadRequest, "order_status is missing"),
		bad("unknown status", push(t, fields{"order_status": 99}), carrier.KindBadRequest, "unknown order_status 99"),
		bad("status is a list", push(t, fields{"order_status": []int{10}}), carrier.KindBadRequest, "order_status"),
		bad("rider is an object", push(t, fields{"operator_name": fields{"a": 1}}), carrier.KindBadRequest, "operator_name"),
		bad("no JSON", signed("order_status=10"), carrier.KindBadRequest, "JSON"),
		bad("JSON cut", signed(`{"sf_order_id":"33`), carrier.KindBadRequest, "JSON"),
		bad("two objects", signed(`{} {}`), carrier.KindBadRequest, "JSON"),
		bad("null", signed("null"), carrier.KindBadRequest, "JSON"),
		bad("nothing", signed(""), carrier.KindBadRequest, "JSON"),
	}
}

func TestConfiguredChecks(t *testing.T) {
	t.Parallel()
	cfg := devConfig("http://127.0.0.1:1")
	cfg.CallbackSecret, cfg.NobodyCame, cfg.LBSType = "s3gm3nt", []string{"没有骑手"}, 1
	a, err := sftc.New(cfg, settings.Deps{HTTP: http.DefaultClient, System: systemTime})
	require.NoError(t, err)
	r := push(t, map[string]any{"url_index": "sf_cancel", "order_status": 2, "cancel_reason": "没有骑手"})
	_, err = a.Callback(r)
	require.Equal(t, carrier.KindForged, carrier.KindOf(err), "without the secret segment")
	r.Path = "/carrier/sftc/s3gm3nt"
	s, err := a.Callback(r)
	require.NoError(t, err)
	require.Equal(t, carrier.ByNobody, s.EndedBy)
	require.Greater(t, s.Position.Metres(geo.Point{Lng: 113.905604, Lat: 22.558814}), 500, "BD-09 lies some hundred metres off")
}

// FuzzCallback signs whatever body it is given, so that what lies behind the signature
// is reached too.
func FuzzCallback(f *testing.F) {
	f.Add("application/json", vectorPush)
	f.Add("application/x-www-form-urlencoded", url.Values{"post_data": {vectorPush}, "sign": {vectorSign}}.Encode())
	for _, body := range []string{`{}`, `null`, `{"sf_order_id":1,"url_index":"sf_cancel","push_time":"1700000000"}`, "\xff"} {
		f.Add("", body)
	}
	a, err := sftc.New(devConfig("http://127.0.0.1:1"), settings.Deps{HTTP: http.DefaultClient, System: systemTime})
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, kind, body string) {
		for _, r := range []carrier.CallbackRequest{request(body, ""), signed(body)} {
			r.Header.Set("Content-Type", kind)
			s, err := a.Callback(r)
			if err != nil {
				continue
			}
			require.NotEmpty(t, s.State)
			require.NotEmpty(t, s.CarrierNo)
			require.False(t, s.At.IsZero())
			require.True(t, s.Verified)
		}
	})
}
