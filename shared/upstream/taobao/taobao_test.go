package taobao_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/taobao"
	"github.com/chuandao/qianfan/shared/upstream/upstreamtest"
)

const (
	secret  = "ele-test-secret-0001"
	number  = "3793600000000000001"
	apiPath = "/api/v1/"
)

func devConfig(base string) taobao.Config {
	return taobao.Config{AppID: "22954133", Secret: secret, BaseURL: base, ShopIDs: map[string]string{"qf-shop-0001": "720001"},
		NotFoundCodes: []string{"BIZ_ORDER_NOT_FOUND"}, AllowDev: true}
}

func dev() taobao.Config { return devConfig("http://127.0.0.1:1") }

func newDev(base string, deps settings.Deps, allowDev bool) (upstream.Adapter, error) {
	cfg := devConfig(base)
	cfg.AllowDev = allowDev
	return taobao.New(cfg, deps)
}

func systemTime() time.Time { return upstreamtest.SystemTime }

var offline = settings.Deps{HTTP: http.DefaultClient, System: systemTime}

// The reference's computed vector #10.
func TestSign(t *testing.T) {
	t.Parallel()
	fields := map[string]string{
		"appId":     "22954133",
		"message":   `{"orderId":"1200897812792015983","state":"invalid","shopId":720032,"updateTime":1488774535,"role":1}`,
		"requestId": "100000021764401594", "shopId": "720032", "timestamp": "1488774535366", "type": "14", "userId": "98587250597500702",
	}
	require.Equal(t, "EB866ACABC1CE278F9AC7B6F75A5A23A", taobao.Sign(fields, "testsecret"))
	fields["signature"] = "takes no part"
	require.Equal(t, "EB866ACABC1CE278F9AC7B6F75A5A23A", taobao.Sign(fields, "testsecret"))
}

// The reference's vector as a whole push, number by number as it was written.
func TestVectorAsPush(t *testing.T) {
	t.Parallel()
	cfg := dev()
	cfg.Secret = "testsecret"
	body, err := os.ReadFile(filepath.Join("testdata", "vector_10.json"))
	require.NoError(t, err)
	r := post(body)
	r.Now = time.UnixMilli(1488774535366)
	got := decode(t, cfg, r)
	require.Equal(t, upstream.KindCancel, got.Kind)
	require.Equal(t, "1200897812792015983", got.No)
	require.Equal(t, "customer", got.Cancel.By)
}

// Calls are signed as the reference says; computed with md5sum over the text written out by hand.
func TestSignCall(t *testing.T) {
	t.Parallel()
	require.Equal(t, "CEBFD905816CCBF87811A6238B11408A", taobao.SignCall("eleme.order.getOrder", "tok",
		map[string]string{"app_key": `"key"`, "timestamp": "1793600000", "orderId": `"1200897812792015983"`}, "testsecret"))
}

type values = map[string]any

// content is a good order. raw keeps numbers as they are written.
func content() values {
	return values{
		"id": number, "orderId": number, "address": "杭州市教工路2号（翠苑二区）3幢401室", "createdAt": "2026-11-02T11:30:00", "activeAt": "2026-11-02T11:30:05",
		"deliverFee": json.Number("4.5"), "deliverTime": nil, "description": "少辣 & 多放<香菜> 100%", "book": false,
		"groups": []any{
			values{"name": "1号篮子", "type": "normal", "items": []any{
				values{"id": 1, "name": "照烧鸡腿饭", "price": json.Number("20.00"), "quantity": 2, "weight": json.Number("350.0")},
				values{"id": 2, "name": "冰美式", "price": json.Number("5.5"), "quantity": 1, "weight": "499.5"},
			}},
			values{"name": "其它费用", "type": "extra", "items": []any{values{"id": -70000, "name": "餐盒", "price": 1, "quantity": 1, "weight": nil}}},
		},
		"invoice": nil, "phoneList": []any{"13812345678_1234", "13812345679_5678"}, "secretPhoneExpireTime": "2026-11-03T11:30:00",
		"shopId": 720001, "openId": "qf-shop-0001", "daySn": 12, "status": "valid", "totalPrice": json.Number("45.5"), "originalPrice": json.Number("50.0"),
		"consignee": "张(先生)", "deliveryGeo": "120.142300,30.285600", "downgraded": false,
	}
}

var absent = struct{}{}

// with changes fields; absent leaves one out.
func with(base, change values) values {
	all := maps.Clone(base)
	for name, value := range change {
		all[name] = value
		if value == absent {
			delete(all, name)
		}
	}
	return all
}

func text(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// envelope is a push before it is signed; message is the text of its content.
func envelope(kind int, message string, at time.Time) values {
	return values{
		"requestId": "200000000000000001", "type": kind, "appId": 22954133, "message": message, "shopId": 720001,
		"timestamp": at.UnixMilli(), "userId": json.Number("98587250597500702"),
	}
}

// sign adds the signature to an envelope.
func sign(env values) values {
	fields := map[string]string{}
	for name, value := range env {
		fields[name] = fmt.Sprint(value)
	}
	return with(env, values{"signature": taobao.Sign(fields, secret)})
}

func post(body []byte) upstream.Request {
	return upstream.Request{
		Method: http.MethodPost, URL: "http://10.0.0.1:9000/upstream/taobao", Path: "/upstream/taobao", Body: body, Now: systemTime(),
		Header: http.Header{"Content-Type": {"application/json"}},
	}
}

func push(kind int, content values, at time.Time) upstream.Request {
	return post([]byte(text(sign(envelope(kind, text(content), at)))))
}

func cancelContent() values {
	return values{"orderId": number, "state": "invalid", "shopId": 720001, "updateTime": 1793600000, "role": 1}
}

func refundContent() values {
	return values{"orderId": number, "refundStatus": "successful", "reason": "不想要了", "shopId": 720001, "refundType": "normal",
		"totalPrice": json.Number("45.5"), "updateTime": 1793600000}
}

func wantCreate() upstream.Push {
	phoneUntil := time.Date(2026, 11, 3, 3, 30, 0, 0, time.UTC)
	return upstream.Push{
		Kind: upstream.KindCreate, No: number,
		Create: &upstream.Create{
			ShopCode: "qf-shop-0001",
			Detail: order.Detail{
				To: order.Stop{Name: "张(先生)", Phone: "13812345678", Ext: "1234", PhoneUntil: &phoneUntil, Address: "杭州市教工路2号（翠苑二区）3幢401室",
					Point: geo.Point{Lng: 120.1423, Lat: 30.2856}},
				Goods:   order.Goods{Category: "food", WeightG: 1200, Value: 4550, Count: 4, Remark: "少辣 & 多放<香菜> 100%"},
				Display: "12",
			},
		},
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	upstreamtest.Run(t, upstreamtest.Harness{
		Name: "taobao", New: newDev, MaxAge: 6 * time.Hour,
		Create: func(at time.Time) upstream.Request { return push(10, content(), at) },
		Changed: func(at time.Time) upstream.Request {
			return push(10, with(content(), values{"totalPrice": json.Number("45.51")}), at)
		},
		Cancel: func(at time.Time) upstream.Request { return push(15, cancelContent(), at) },
		Forge: func(r upstream.Request) upstream.Request {
			var env map[string]json.RawMessage
			if err := json.Unmarshal(r.Body, &env); err != nil {
				panic(err)
			}
			env["signature"] = json.RawMessage(`"` + strings.Repeat("0", 32) + `"`)
			r.Body = []byte(text(env))
			return r
		},
		WantCreate: wantCreate(),
		WantCancel: upstream.Push{Kind: upstream.KindCancel, No: number, Cancel: &upstream.Cancel{By: "customer"}},
		Faults:     faults(),
		Attacks:    attacks(),
		Answers:    answers(),
		Reports:    reports(),
		Fetches:    fetches(),
	})
}

func answers() []upstreamtest.Answer {
	no := func(code int, says string) string { return fmt.Sprintf(`{"message":%q,"code":%d}`, says, code) }
	failed := func(err error) upstream.Result { return upstream.Result{Err: err} }
	const ok = `{"message":"ok"}`
	return []upstreamtest.Answer{
		{Name: "accepted", Push: upstream.Push{Kind: upstream.KindCreate}, Result: upstream.Result{OrderID: "1", State: order.Received}, HTTP: 200, Body: ok},
		{Name: "probe", Push: upstream.Push{Kind: upstream.KindProbe}, HTTP: 200, Body: ok},
		{Name: "refused", Result: failed(upstream.Refuse(upstream.BadMoney, "totalPrice", "negative")), HTTP: 200, Body: no(40005, "bad_money totalPrice: negative")},
		{Name: "unknown shop", Result: failed(upstream.Refuse(upstream.UnknownShop, "openId", "not known")), HTTP: 200, Body: no(42201, "unknown_shop openId: not known")},
		{Name: "send again", Result: failed(upstream.Refuse(upstream.SendAgain, "", "busy")), HTTP: 503, Body: no(50301, "send_again: busy")},
		{Name: "anything unknown: send again", Result: failed(errors.New("database away")), HTTP: 503, Body: no(50301, "send_again: try again")},
	}
}

// called is the body of a nop call, its params as text, at the suite's system time.
func called(action string, params map[string]string) string {
	signed := map[string]string{"app_key": `"22954133"`, "timestamp": "1793600000"}
	maps.Copy(signed, params)
	signature := taobao.SignCall(action, "", signed, secret)
	raw := map[string]json.RawMessage{}
	for name, value := range params {
		raw[name] = json.RawMessage(value)
	}
	return fmt.Sprintf(`{"nop":"1.0.0","id":"%s|1793600000000","action":%q,"token":"","metas":{"app_key":"22954133","timestamp":1793600000},"params":%s,"signature":%q}`,
		signature, action, text(raw), signature)
}

func reports() *upstreamtest.Reports {
	state := func(word string) string {
		return called("eleme.order.selfDeliveryStateSync", map[string]string{
			"shopId": `720001`,
			"stateInfo": `{"orderId":"` + number + `","distributorId":201,"state":"` + word +
				`","knight":{"id":"","phone":"13800000000","name":"李四"},"deliveryCompanyName":"闪送"}`,
		})
	}
	end := called("eleme.order.noMoreDeliveryLite", map[string]string{"orderId": `"` + number + `"`})
	return &upstreamtest.Reports{
		Milestone: upstream.Milestone{
			No: number, ShopCode: "qf-shop-0001", Waybill: "7301234567890123456001", Carrier: "shansong",
			Rider: order.Rider{Name: "李四", Phone: "13800000000"},
		},
		Requests: map[order.State]string{
			order.PickedUp: state("DELIVERY_START"), order.Delivered: state("DELIVERY_COMPLETE"),
			order.Cancelled: end, order.Failed: end, order.Returned: end,
		},
		Path:    apiPath,
		Success: `{"nop":"1.0.0","id":"x","result":null,"error":null}`,
		Refusal: `{"nop":"1.0.0","id":"x","result":null,"error":{"code":"VALIDATION_FAILED","message":"参数错误"}}`,
		Garbage: []string{
			`{"result":nu`, `{"id":"x","error":null}`, `{"result":null,"error":{}}`, `{"result":null,"error":{"code":"SERVER_ERROR","message":"忙"}}`,
			`{"error":{"code":"EXCEED_LIMIT"}}`, `{"error":{"code":"UNAUTHORIZED"}}`, `{"error":"x"}`, `{"result":null,"error":{"code":{"a":1}}}`,
		},
	}
}

func fetches() *upstreamtest.Fetches {
	found := func(change values) string {
		return text(values{"nop": "1.0.0", "id": "x", "result": with(content(), change), "error": nil})
	}
	return &upstreamtest.Fetches{
		No:      number,
		Request: "POST " + apiPath + "\n" + called("eleme.order.getOrder", map[string]string{"orderId": `"` + number + `"`}),
		Answer:  found(nil), Want: *wantCreate().Create,
		Missing: `{"id":"x","result":null,"error":{"code":"BIZ_ORDER_NOT_FOUND","message":"订单不存在"}}`,
		Refusal: `{"id":"x","result":null,"error":{"code":"METHOD_NOT_ALLOWED","message":"禁止访问"}}`,
		Garbage: []string{`{"result":[]}`, `{"result":"x"}`, found(values{"orderId": "1"})},
		Faults: []upstreamtest.FetchFault{
			{Name: "nothing found", Answer: `{"id":"x","result":null,"error":null}`, Reason: upstream.NotFound},
			{Name: "bad money", Answer: found(values{"totalPrice": -1}), Reason: upstream.BadMoney, Field: "totalPrice"},
			{Name: "too long", Answer: found(values{"address": strings.Repeat("x", upstream.MaxText+1)}), Reason: upstream.BadField, Field: "address"},
			{Name: "no shop", Answer: found(values{"openId": "", "shopId": nil}), Reason: upstream.MissingField, Field: "openId"},
		},
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	const good = `{"app_id":"1","secret":"s","base_url":"https://open-api.shop.ele.me"`
	for name, tc := range map[string]struct{ text, says string }{
		"good": {good + `,"app_key":"k","token":"t","max_age":"1h","max_value_fen":100,"default_weight_g":500,"error_codes":{"bad_money":7},
			"retry_codes":["X"],"not_found_codes":["Y"],"types":{"217":"notice","20":"cancel"},"states":{"arrived":"ARRIVED"},"end_action":"none",
			"distributor_id":202,"companies":{"shansong":{"id":"3","name":"闪送"}},"shop_ids":{"a":"1"},"utc_millis":true,
			"pull_query":{"appId":1,"size":10},"pull_list":"messages","confirm_ids":"ids"}`, ""},
		"unknown field":   {good + `,"max_agee":"1h"}`, "max_agee"},
		"nothing":         {`{}`, "app_id is missing"},
		"bad base_url":    {`{"app_id":"1","secret":"s","base_url":"ele.me"}`, "base_url"},
		"app_id in words": {`{"app_id":"01","secret":"s","base_url":"https://x"}`, "app_id is not a number"},
		"bad meaning":     {good + `,"types":{"217":"order"}}`, "types[217]"},
		"bad type":        {good + `,"types":{"x":"create"}}`, "types[x]"},
		"no milestone":    {good + `,"states":{"received":"X"}}`, "states[received]"},
		"no word":         {good + `,"states":{"arrived":""}}`, "states[arrived]"},
		"bad shop":        {good + `,"shop_ids":{"a":"b"}}`, "shop_ids[a]"},
		"bad query":       {good + `,"pull_query":[1]}`, "pull_query"},
		"money fraction":  {good + `,"max_value_fen":1.5}`, "1.5"},
		"money negative":  {good + `,"max_value_fen":-1}`, "negative"},
		"dev credentials": {`{"app_id":"1","secret":"ele-test-secret-0001","base_url":"https://x"}`, "development credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := taobao.ParseConfig([]byte(tc.text))
			if err == nil {
				_, err = taobao.New(cfg, offline)
			}
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func TestSecondsOfTheSuite(t *testing.T) {
	t.Parallel()
	require.Equal(t, "1793600000", strconv.FormatInt(systemTime().Unix(), 10), "the golden calls are signed at that second")
}
