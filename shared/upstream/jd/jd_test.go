package jd_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/jd"
	"github.com/chuandao/qianfan/shared/upstream/upstreamtest"
	"github.com/stretchr/testify/require"
)

const (
	secret = "jd-test-secret-0001"
	route  = "/upstream/jd/djsw/"
	number = "2615400000000123456"
	thin   = `{"billId":"2615400000000123456","statusId":"32000","timestamp":"2026-11-02 12:00:00"}`
	wish   = `{"billId":"2615400000000123456","statusId":"20010","timestamp":"2026-11-02 12:00:00","remark":"不想要了"}`
)

func dev(base string) jd.Config {
	return jd.Config{AppKey: "jd-test-app", Secret: secret, Token: "jd-test-token", BaseURL: base, AllowDev: true}
}

func newDev(base string, deps settings.Deps, allowDev bool) (upstream.Adapter, error) {
	cfg := dev(base)
	cfg.AllowDev = allowDev
	return jd.New(cfg, deps)
}

func systemTime() time.Time { return upstreamtest.SystemTime }

var (
	offline  = settings.Deps{HTTP: http.DefaultClient, System: systemTime}
	shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)
)

func written(at time.Time) string { return at.In(shanghai).Format("2006-01-02 15:04:05") }

// The reference's computed vector.
func TestSign(t *testing.T) {
	t.Parallel()
	params := map[string]string{
		"app_key": "yourappkey", "format": "json", "timestamp": "2015-10-16 13:23:30", "token": "yourtoken", "v": "1.0",
		"jd_param_json": `{"billId":"10003129","statusId":"33060","timestamp":"2015-10-16 13:23:30"}`,
	}
	const want = "2A92A24BC0C7A16F80E65A2E3520FFFE"
	require.Equal(t, want, jd.Sign(params, "yourappSecret"))
	params["sign"] = "not signed"
	require.Equal(t, want, jd.Sign(params, "yourappSecret"))
	params["jd_param_json"] = strings.ReplaceAll(params["jd_param_json"], ",", ", ")
	require.NotEqual(t, want, jd.Sign(params, "yourappSecret"), "the text as it was sent, not its meaning")
}

// params are those of a push or a call, signed.
func params(content string, at time.Time) url.Values {
	plain := map[string]string{
		"app_key": "jd-test-app", "token": "jd-test-token", "format": "json", "v": "1.0",
		"timestamp": written(at), "jd_param_json": content,
	}
	return signed(plain)
}

func signed(plain map[string]string) url.Values {
	values := url.Values{"sign": {jd.Sign(plain, secret)}}
	for name, value := range plain {
		values.Set(name, value)
	}
	return values
}

func post(path, body string) upstream.Request {
	return upstream.Request{
		Method: http.MethodPost, URL: "http://10.0.0.1:9000" + path, Path: path, Body: []byte(body), Now: systemTime(),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
	}
}

func push(message, content string, at time.Time) upstream.Request {
	return post(route+message, params(content, at).Encode())
}

func TestContract(t *testing.T) {
	t.Parallel()
	upstreamtest.Run(t, upstreamtest.Harness{
		Name: "jd", New: newDev, MaxAge: 6 * time.Hour,
		Create: func(at time.Time) upstream.Request { return push("newOrder", thin, at) },
		Cancel: func(at time.Time) upstream.Request { return push("applyCancelOrder", wish, at) },
		Forge: func(r upstream.Request) upstream.Request {
			values, _ := url.ParseQuery(string(r.Body))
			values.Set("sign", strings.Repeat("0", 32))
			r.Body = []byte(values.Encode())
			return r
		},
		WantCreate: upstream.Push{Kind: upstream.KindCreate, No: number, Create: &upstream.Create{Thin: true}},
		WantCancel: upstream.Push{Kind: upstream.KindCancel, No: number, Cancel: &upstream.Cancel{By: "customer", Reason: "不想要了"}},
		Faults:     faults(),
		Attacks:    attacks(),
		Answers:    answers(),
		Reports:    reports(),
		Fetches:    fetches(t),
	})
}

func faults() []upstreamtest.Fault {
	now, refuse := systemTime(), upstreamtest.Refuse
	without := func(name string) upstream.Request {
		values := params(thin, now)
		values.Del(name)
		return post(route+"newOrder", values.Encode())
	}
	with := func(name, value string) upstream.Request {
		values := params(thin, now)
		values.Set(name, value)
		return post(route+"newOrder", values.Encode())
	}
	created := func(content string) upstream.Request { return push("newOrder", content, now) }
	good := params(thin, now).Encode()
	cases := []upstreamtest.Fault{
		refuse("a parameter added", post(route+"newOrder", good+"&x=1"), upstream.BadSignature, "sign"),
		refuse("a parameter given twice", post(route+"newOrder", good+"&v=1.0"), upstream.Malformed, "v"),
		refuse("the JSON written anew", with("jd_param_json", strings.ReplaceAll(thin, ",", ", ")), upstream.BadSignature, "sign"),
		refuse("unknown application", with("app_key", "other"), upstream.UnknownKey, "app_key"),
		refuse("unknown token", with("token", "other"), upstream.UnknownKey, "token"),
		refuse("timestamp in seconds", with("timestamp", "1793600000"), upstream.BadSignature, "sign"),
		refuse("encrypted", with("encrypt_jd_param_json", "c2VjcmV0"), upstream.BadField, "encrypt_jd_param_json"),
		refuse("bad escape", post(route+"newOrder", "jd_param_json=%zz"), upstream.Malformed, ""),
		refuse("JSON instead of a form", post(route+"newOrder", `{"billId":"1"}`), upstream.MissingField, "app_key"),
		refuse("nothing", post(route+"newOrder", ""), upstream.MissingField, "app_key"),
		refuse("a message of another name", push("pushDeliveryStatus", thin, now), upstream.NoRoute, ""),
		refuse("no message at all", push("", thin, now), upstream.NoRoute, ""),
		refuse("bytes that are no text", created(`{"billId":"1","remark":"`+"\xff"+`"}`), upstream.Malformed, "jd_param_json"),
		refuse("a list", created(`["1"]`), upstream.Malformed, "jd_param_json"),
		refuse("words", created(`billId`), upstream.Malformed, "jd_param_json"),
		refuse("cut JSON", created(`{"billId":"1"`), upstream.Malformed, "jd_param_json"),
		refuse("two objects", created(`{"billId":"1"}{"billId":"2"}`), upstream.Malformed, "jd_param_json"),
		refuse("no number", created(`{"statusId":"32000"}`), upstream.MissingField, "billId"),
		refuse("number null", created(`{"billId":null}`), upstream.MissingField, "billId"),
		refuse("number in words", created(`{"billId":"27O6"}`), upstream.BadField, "billId"),
		refuse("number negative", created(`{"billId":-1}`), upstream.BadField, "billId"),
		refuse("number with an exponent", created(`{"billId":1e18}`), upstream.BadField, "billId"),
		refuse("number zero", created(`{"billId":"0"}`), upstream.BadField, "billId"),
		refuse("number too long", created(`{"billId":"111111111111111111111"}`), upstream.BadField, "billId"),
		refuse("number as an object", created(`{"billId":{"id":1}}`), upstream.BadField, "billId"),
		refuse("number as a list", created(`{"billId":[1]}`), upstream.BadField, "billId"),
		refuse("number as a truth", created(`{"billId":true}`), upstream.BadField, "billId"),
		refuse("new and cancelled", created(`{"billId":"1","statusId":"20020"}`), upstream.BadField, "statusId"),
		refuse("cancelled without a state", push("userCancelOrder", `{"billId":"1"}`, now), upstream.MissingField, "statusId"),
		refuse("cancelled with another state", push("userCancelOrder", `{"billId":"1","statusId":"33040"}`, now), upstream.BadField, "statusId"),
	}
	for _, name := range []string{"app_key", "token", "timestamp", "sign", "jd_param_json"} {
		cases = append(cases, refuse("without "+name, without(name), upstream.MissingField, name))
	}
	for _, at := range []string{"1793600000", "soon", "2026-13-01 00:00:00", "9999-12-31 23:59:59", "2026-11-02T12:00:00Z"} {
		values := signed(map[string]string{"app_key": "jd-test-app", "token": "jd-test-token", "timestamp": at, "jd_param_json": thin})
		cases = append(cases, refuse("timestamp "+at, post(route+"newOrder", values.Encode()), upstream.Stale, "timestamp"))
	}
	return cases
}

func answers() []upstreamtest.Answer {
	failed := func(err error) upstream.Result { return upstream.Result{Err: err} }
	const ok = `{"code":"0","msg":"success","data":""}`
	return []upstreamtest.Answer{
		{Name: "accepted", Push: upstream.Push{Kind: upstream.KindCreate}, Result: upstream.Result{OrderID: "1", State: order.Received}, HTTP: 200, Body: ok},
		{Name: "noted", Push: upstream.Push{Kind: upstream.KindProbe}, HTTP: 200, Body: ok},
		{Name: "refused", Result: failed(upstream.Refuse(upstream.BadField, "billId", "not a number")), HTTP: 200,
			Body: `{"code":"-1","msg":"bad_field billId: not a number","data":""}`},
		{Name: "send again", Result: failed(upstream.Refuse(upstream.SendAgain, "", "busy")), HTTP: 200,
			Body: `{"code":"-10000","msg":"send_again: busy","data":""}`},
		{Name: "anything unknown: send again", Result: failed(errors.New("database away")), HTTP: 200,
			Body: `{"code":"-10000","msg":"send_again: try again","data":""}`},
	}
}

// called is a call as the platform receives it.
func called(path, content string) string {
	return "POST /djapi/" + path + "\n" + params(content, systemTime()).Encode()
}

func reports() *upstreamtest.Reports {
	track := func(status string) string {
		return called("ThirdPartyLogisticsService/receiveLogisticInfosForOpenApiPlatform",
			`{"deliveryBillNo":"7301234567890123456001","deliveryCarrierName":"闪送","deliveryManName":"李四","deliveryManPhone":"13800000000",`+
				`"deliveryStatus":"`+status+`","lat":"30.280400","lng":"120.143300","operateTime":"2026-11-02 12:10:00","orderId":"2615400000000123456"}`)
	}
	const order1, at = `{"orderId":"2615400000000123456"`, `"2026-11-02 12:10:00"}`
	return &upstreamtest.Reports{
		Milestone: upstream.Milestone{
			No: number, ShopCode: "qf-shop-0001", Waybill: "7301234567890123456001", Carrier: "shansong", Reason: "customer",
			Rider: order.Rider{Name: "李四", Phone: "13800000000"}, Position: &geo.Point{Lng: 120.1433, Lat: 30.2804},
			At: time.Date(2026, 11, 2, 4, 10, 0, 0, time.UTC),
		},
		Calls: map[order.State][]string{
			order.Dispatching: {track("10")},
			order.Assigned:    {track("20")},
			order.Arrived:     {track("22")},
			order.PickedUp:    {track("30"), called("bm/open/api/order/OrderSerllerDelivery", order1+`,"operator":"qianfan"}`)},
			order.Delivered:   {called("ocs/deliveryEndOrder", order1+`,"operPin":"qianfan","operTime":`+at)},
			order.Cancelled:   {called("ocs/orderCancelOperate", order1+`,"isAgreed":true,"operator":"qianfan","remark":"customer"}`)},
			order.Failed:      {called("orderStatus/cancelAndRefund", order1+`,"operPin":"qianfan","operRemark":"customer","operTime":`+at)},
			order.Returned:    {called("order/confirmReceiveGoods", order1+`,"operateTime":`+at)},
			order.Returning:   nil,
		},
		Success: `{"code":"0","msg":"操作成功","data":"{\"code\":\"0\",\"msg\":\"操作成功\"}"}`,
		Refusal: `{"code":"0","msg":"操作成功","data":"{\"code\":\"-1\",\"msg\":\"订单状态不允许\"}"}`,
		Garbage: []string{`{"code":"0","data":"{"}`, `{"code":"0","data":7}`, `{"code":"0","data":["0"]}`, `{"msg":"ok"}`, `{"code":null}`,
			`{"code":"-10000","msg":"稍后再试"}`, `{"code":"10013","msg":"无效的token"}`, `{"code":true}`, `{"code":"0"`},
	}
}

func fixture(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("testdata/detail.json")
	require.NoError(t, err)
	return string(raw)
}

// found is the answer of a query, its data as a text that holds JSON.
func found(details ...string) string {
	inner := `{"code":"0","msg":"操作成功","success":true,"result":{"pageNo":1,"pageSize":1,"totalCount":1,"resultList":[` + strings.Join(details, ",") + `]}}`
	raw, _ := json.Marshal(map[string]string{"code": "0", "msg": "操作成功", "data": inner})
	return string(raw)
}

func wantFetched() upstream.Create {
	return upstream.Create{
		ShopCode: "qf-shop-0001",
		Detail: order.Detail{
			To: order.Stop{Name: "张(先生)", Phone: "13812345678", Ext: "1234", Address: "浙江省杭州市西湖区教工路2号 3-401",
				Point: geo.Point{Lng: 120.1423, Lat: 30.2856}},
			Goods: order.Goods{Category: "food", WeightG: 1200, Value: 4550, Remark: `少辣 & 多放<香菜> "100%"`},
		},
	}
}

func fetches(t *testing.T) *upstreamtest.Fetches {
	t.Helper()
	return &upstreamtest.Fetches{
		No:      number,
		Request: called("order/es/query", `{"orderId":"2615400000000123456","pageNo":"1","pageSize":"1"}`),
		Answer:  found(fixture(t)), Want: wantFetched(),
		Missing: found(),
		Refusal: `{"code":"-1","msg":"操作失败","data":""}`,
		Garbage: []string{`{"code":"0","data":""}`, `{"code":"0","data":"{\"code\":\"0\"}"}`, `{"code":"0","data":"{\"code\":\"0\",\"result\":\"x\"}"}`,
			`{"code":"0","data":{"code":"0","result":[]}}`, `{"code":"10013","msg":"无效的token"}`, `{"code":"-10000","msg":"稍后再试"}`},
		Faults: fetchFaults(t),
	}
}
