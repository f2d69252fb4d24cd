package meituan_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/meituan"
	"github.com/chuandao/qianfan/shared/upstream/upstreamtest"
	"github.com/stretchr/testify/require"
)

const (
	secret  = "mt-test-secret-0001"
	pushURL = "https://agg.example.com"
	paid    = "/upstream/meituan/order/paid"
	cancel  = "/upstream/meituan/order/cancel"
)

func devConfig(base string) meituan.Config {
	return meituan.Config{AppID: "1001", Secret: secret, BaseURL: base, PushURL: pushURL, AllowDev: true}
}

func newDev(base string, deps settings.Deps, allowDev bool) (upstream.Adapter, error) {
	cfg := devConfig(base)
	cfg.AllowDev = allowDev
	return meituan.New(cfg, deps)
}

func systemTime() time.Time { return upstreamtest.SystemTime }

var offline = settings.Deps{HTTP: http.DefaultClient, System: systemTime}

// The reference's computed vectors.
func TestSign(t *testing.T) {
	t.Parallel()
	require.Equal(t, "705f9f525b6fb622a9afa83ca7597845", meituan.Sign(
		"https://waimaiopen.meituan.com/api/v1/order/getOrderDaySeq",
		map[string]string{"app_id": "0000", "app_poi_code": "31号测试店", "timestamp": "1389751221"}, "testsecret"))
	params := map[string]string{"app_id": "0000", "deal_op_type": "1", "order_id": "27061900338318741",
		"reason": "用户要求取消", "reason_code": "2006", "timestamp": "1793600000"}
	const want = "72ef1180d940d0be266aa2a440115e43"
	require.Equal(t, want, meituan.Sign("https://agg.example.com/upstream/meituan/order/cancel", params, "testsecret"))
	params["sig"], params["img_data"] = "x", "y"
	require.Equal(t, want, meituan.Sign("https://agg.example.com/upstream/meituan/order/cancel", params, "testsecret"))
}

// content is a good push of a paid order before it is signed.
func content() map[string]string {
	return map[string]string{
		"order_id": "27061900338318741999", "wm_order_id_view": "27061900338318741999", "app_poi_code": "qf-shop-0001",
		"wm_poi_name": url.QueryEscape("千帆小馆"), "recipient_name": url.QueryEscape("张(先生)"),
		"recipient_address": url.QueryEscape("教工路2号 3-401@#浙江省杭州市西湖区教工路"),
		"recipient_phone":   "13812345678_1234", "latitude": "30.285600", "longitude": "120.142300",
		"total": "45.50", "original_price": "50", "shipping_fee": "5", "total_weight": "1200", "status": "4",
		"delivery_time": "0", "caution": url.QueryEscape("少辣 & 多放<香菜> 100%"), "day_seq": "12", "detail": url.QueryEscape("[]"),
	}
}

// with changes fields; "-" leaves one out.
func with(fields map[string]string, change map[string]string) map[string]string {
	fields = maps.Clone(fields)
	for name, value := range change {
		fields[name] = value
		if value == "-" {
			delete(fields, name)
		}
	}
	return fields
}

func signed(path string, fields map[string]string, at time.Time) url.Values {
	params := with(fields, map[string]string{"app_id": "1001", "timestamp": strconv.FormatInt(at.Unix(), 10)})
	params["sig"] = meituan.Sign(pushURL+path, params, secret)
	values := url.Values{}
	for name, value := range params {
		values.Set(name, value)
	}
	return values
}

func post(path string, body string) upstream.Request {
	return upstream.Request{
		Method: http.MethodPost, URL: "http://10.0.0.1:9000" + path, Path: path, Body: []byte(body), Now: systemTime(),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}
}

func push(path string, fields map[string]string, at time.Time) upstream.Request {
	return post(path, signed(path, fields, at).Encode())
}

func cancelContent() map[string]string {
	return map[string]string{"order_id": "27061900338318741999", "reason_code": "1103", "reason": "用户退款取消", "deal_op_type": "1"}
}

func wantCreate() upstream.Push {
	return upstream.Push{
		Kind: upstream.KindCreate, No: "27061900338318741999",
		Create: &upstream.Create{
			ShopCode: "qf-shop-0001",
			Detail: order.Detail{
				To: order.Stop{Name: "张(先生)", Phone: "13812345678", Ext: "1234", Address: "教工路2号 3-401",
					Point: geo.Point{Lng: 120.1423, Lat: 30.2856}},
				Goods:   order.Goods{Category: "food", WeightG: 1200, Value: 4550, Remark: "少辣 & 多放<香菜> 100%"},
				Display: "12",
			},
		},
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	upstreamtest.Run(t, upstreamtest.Harness{
		Name: "meituan", New: newDev, MaxAge: 6 * time.Hour,
		Create: func(at time.Time) upstream.Request { return push(paid, content(), at) },
		Changed: func(at time.Time) upstream.Request {
			return push(paid, with(content(), map[string]string{"total": "45.51"}), at)
		},
		Cancel: func(at time.Time) upstream.Request { return push(cancel, cancelContent(), at) },
		Forge: func(r upstream.Request) upstream.Request {
			values, _ := url.ParseQuery(string(r.Body))
			values.Set("sig", strings.Repeat("0", 32))
			r.Body = []byte(values.Encode())
			return r
		},
		WantCreate: wantCreate(),
		WantCancel: upstream.Push{Kind: upstream.KindCancel, No: "27061900338318741999",
			Cancel: &upstream.Cancel{By: "customer", Reason: "用户退款取消"}},
		Faults:  faults(),
		Attacks: attacks(),
		Answers: answers(),
		Reports: reports(),
	})
}

func faults() []upstreamtest.Fault {
	now, refuse := systemTime(), upstreamtest.Refuse
	create := func(change map[string]string) upstream.Request { return push(paid, with(content(), change), now) }
	cancelled := func(change map[string]string) upstream.Request {
		return push(cancel, with(cancelContent(), change), now)
	}
	type f = map[string]string
	unsigned := signed(paid, content(), now)
	unsigned.Del("sig")
	stranger := signed(paid, content(), now)
	stranger.Set("app_id", "1002")
	good := signed(paid, content(), now).Encode()
	cases := []upstreamtest.Fault{
		refuse("signed for another path", post(cancel, good), upstream.BadSignature, "sig"),
		refuse("a parameter added", post(paid, good+"&x=1"), upstream.BadSignature, "sig"),
		refuse("a parameter given twice", post(paid, good+"&total=1"), upstream.Malformed, "total"),
		refuse("no signature", post(paid, unsigned.Encode()), upstream.MissingField, "sig"),
		refuse("unknown application", post(paid, stranger.Encode()), upstream.UnknownKey, "app_id"),
		refuse("bad escape", post(paid, "order_id=%zz"), upstream.Malformed, ""),
		refuse("JSON instead of a form", post(paid, `{"order_id":1}`), upstream.MissingField, "app_id"),
		refuse("semicolons", post(paid, "a=1;b=2"), upstream.Malformed, ""),
		refuse("bytes that are no text", create(f{"caution": "\xff"}), upstream.Malformed, "caution"),
		refuse("bytes that are no text, decoded late", create(f{"caution": "%FF"}), upstream.Malformed, "caution"),
		refuse("order number in words", create(f{"order_id": "27O6"}), upstream.BadField, "order_id"),
		refuse("order number signed", create(f{"order_id": "-1"}), upstream.BadField, "order_id"),
		refuse("weight in words", create(f{"total_weight": "1.2kg"}), upstream.BadField, "total_weight"),
		refuse("weight negative", create(f{"total_weight": "-5"}), upstream.BadField, "total_weight"),
		refuse("weight absurd", create(f{"total_weight": "99999999"}), upstream.BadField, "total_weight"),
		refuse("phone in words", create(f{"recipient_phone": "请看备注"}), upstream.BadField, "recipient_phone"),
		refuse("delivery time in milliseconds", create(f{"delivery_time": "1793600000000"}), upstream.BadField, "delivery_time"),
		refuse("delivery time in words", create(f{"delivery_time": "soon"}), upstream.BadField, "delivery_time"),
		refuse("refund notice", push("/upstream/meituan/order/refund", f{"order_id": "1", "notify_type": "apply"}, now), upstream.NoRoute, "notify_type"),
		refuse("cancel without a number", cancelled(f{"order_id": "-"}), upstream.MissingField, "order_id"),
		refuse("cancelled by nobody known", cancelled(f{"deal_op_type": "9"}), upstream.BadField, "deal_op_type"),
	}
	for _, name := range []string{"order_id", "app_poi_code", "recipient_address", "recipient_phone", "latitude", "longitude", "total"} {
		if name != "recipient_address" {
			cases = append(cases, refuse("without "+name, create(f{name: "-"}), upstream.MissingField, name))
		}
		cases = append(cases, refuse("empty "+name, create(f{name: ""}), upstream.MissingField, name))
	}
	for text, why := range map[string]string{"-0.01": "negative", "45.505": "finer than 分", "100000.01": "absurd", "99999999999999999999": "beyond range", "1e3": "exponent", "free": "words", "45,50": "comma"} {
		cases = append(cases, refuse("total "+why, create(f{"total": text}), upstream.BadMoney, "total"))
	}
	for name, p := range map[string][2]string{
		"swapped": {"30.2856", "120.1423"}, "swapped, ×10⁶": {"30285600", "120142300"}, "nowhere": {"0", "0"},
		"Tokyo": {"139.6917", "35.6895"}, "the antipode": {"-120.1", "-30.2"},
	} {
		cases = append(cases, refuse("coordinates "+name, create(f{"longitude": p[0], "latitude": p[1]}), upstream.BadPoint, "longitude,latitude"))
	}
	for _, text := range []string{"NaN", "Inf", "东经120"} {
		cases = append(cases, refuse("longitude "+text, create(f{"longitude": text}), upstream.BadPoint, "longitude"))
	}
	return cases
}

func answers() []upstreamtest.Answer {
	ng := func(code int, msg string) string {
		return fmt.Sprintf(`{"data":"ng","error":{"code":%d,"msg":%q}}`, code, msg)
	}
	failed := func(err error) upstream.Result { return upstream.Result{Err: err} }
	return []upstreamtest.Answer{
		{Name: "accepted", Push: upstream.Push{Kind: upstream.KindCreate}, Result: upstream.Result{OrderID: "1", State: order.Received}, HTTP: 200, Body: `{"data":"ok"}`},
		{Name: "probe", Push: upstream.Push{Kind: upstream.KindProbe}, HTTP: 200, Body: `{"data":"ok"}`},
		{Name: "refused", Result: failed(upstream.Refuse(upstream.BadMoney, "total", "negative")), HTTP: 200, Body: ng(40005, "bad_money total: negative")},
		{Name: "unknown shop", Result: failed(upstream.Refuse(upstream.UnknownShop, "app_poi_code", "not known")), HTTP: 200, Body: ng(42201, "unknown_shop app_poi_code: not known")},
		{Name: "send again", Result: failed(upstream.Refuse(upstream.SendAgain, "", "busy")), HTTP: 503, Body: ng(50301, "send_again: busy")},
		{Name: "anything unknown: send again", Result: failed(errors.New("database away")), HTTP: 503, Body: ng(50301, "send_again: try again")},
	}
}

func reports() *upstreamtest.Reports {
	const path = "/api/v1/ecommerce/order/logistics/sync"
	requests := map[order.State]string{}
	for state, status := range map[order.State]string{
		order.Dispatching: "0", order.Assigned: "10", order.Arrived: "15", order.PickedUp: "20", order.Delivered: "40",
		order.Cancelled: "100", order.Failed: "100", order.Returned: "100",
	} {
		params := map[string]string{
			"app_id": "1001", "timestamp": "1793600000", "order_id": "27061900338318741999", "logistics_status": status,
			"third_carrier_order_id": "7301234567890123456001", "courier_name": "李四", "courier_phone": "13800000000",
			"logistics_provider_code": "10003", "longitude": "120.143300", "latitude": "30.280400",
		}
		params["sig"] = meituan.Sign("http://platform.example.com"+path, params, secret)
		form := url.Values{}
		for name, value := range params {
			form.Set(name, value)
		}
		requests[state] = form.Encode()
	}
	return &upstreamtest.Reports{
		Milestone: upstream.Milestone{
			No: "27061900338318741999", ShopCode: "qf-shop-0001", Waybill: "7301234567890123456001", Carrier: "shansong",
			Rider: order.Rider{Name: "李四", Phone: "13800000000"}, Position: &geo.Point{Lng: 120.1433, Lat: 30.2804},
		},
		Requests: requests, Path: path,
		Success: `{"data":"ok"}`,
		Refusal: `{"data":"ng","error":{"code":808,"msg":"不存在此订单"}}`,
		Garbage: []string{`{"data":"o`, `{"data":1}`, `"ok"`, `{"data":"maybe"}`},
	}
}

// The carrier's estimate goes along with the rider; when 美团 does not take it, the milestone
// is told all the same.
func TestEstimatedArrival(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{"taken": `{"data":"ok"}`, "refused": `{"data":"ng","error":{"code":1,"msg":"no"}}`, "garbage": `{`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var told []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				told = append(told, r.URL.Path+" "+r.FormValue("order_id")+" "+r.FormValue("estimate_arrival_time"))
				params := map[string]string{}
				for name := range r.PostForm {
					params[name] = r.PostFormValue(name)
				}
				if meituan.Sign("http://"+r.Host+r.URL.Path, params, secret) != params["sig"] {
					told = append(told, "bad signature")
				}
				if strings.HasSuffix(r.URL.Path, "syncEstimateArrivalTime") {
					_, _ = w.Write([]byte(answer))
					return
				}
				_, _ = w.Write([]byte(`{"data":"ok"}`))
			}))
			defer server.Close()
			a, err := meituan.New(meituan.Config{AppID: "1001", Secret: secret, BaseURL: server.URL, PushURL: "as-received", AllowDev: true}, settings.Deps{HTTP: server.Client(), System: offline.System})
			require.NoError(t, err)
			at := time.Unix(1_793_601_800, 0)
			require.NoError(t, a.Report(t.Context(), upstream.Milestone{No: "7", State: order.Assigned, Arrival: &at}))
			require.Equal(t, []string{"/api/v1/ecommerce/order/logistics/sync 7 ", "/api/v1/ecommerce/order/syncEstimateArrivalTime 7 1793601800"}, told)
		})
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	const good = `{"app_id":"1","secret":"s","base_url":"https://waimaiopen.meituan.com","push_url":"https://agg.example.com"`
	for name, tc := range map[string]struct{ text, says string }{
		"good": {good + `,"max_age":"1h","max_value_fen":100,"default_weight_g":500,"error_codes":{"bad_money":7},"retry_codes":[1],
			"providers":{"x":"10017"},"push_urls":{"/a/":"https://b/"}}`, ""},
		"as received":     {`{"app_id":"1","secret":"s","base_url":"https://x","push_url":"as-received"}`, ""},
		"unknown field":   {good + `,"max_agee":"1h"}`, "max_agee"},
		"nothing":         {`{}`, "push_url is missing"},
		"bad push_url":    {`{"app_id":"1","secret":"s","base_url":"https://x","push_url":"agg"}`, "push_url"},
		"bad push_urls":   {good + `,"push_urls":{"/a":"b"}}`, "push_urls[/a]"},
		"money fraction":  {good + `,"max_value_fen":1.5}`, "1.5"},
		"money negative":  {good + `,"max_value_fen":-1}`, "negative"},
		"dev credentials": {`{"app_id":"1","secret":"mt-test-secret-0001","base_url":"https://x","push_url":"https://x"}`, "development credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := meituan.ParseConfig([]byte(tc.text))
			if err == nil {
				_, err = meituan.New(cfg, offline)
			}
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
		})
	}
}
