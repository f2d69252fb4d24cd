package canonical_test

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/canonical"
	"github.com/chuandao/qianfan/shared/upstream/upstreamtest"
	"github.com/stretchr/testify/require"
)

const (
	key    = "qf-test-key"
	secret = "qf-test-secret-0001"
	orders = "/upstream/v1/orders"
)

func newDev(_ string, deps settings.Deps, allowDev bool) (upstream.Adapter, error) {
	return canonical.New(canonical.Config{Keys: map[string]string{key: secret, "second": "other-secret"}, AllowDev: allowDev}, deps)
}

// The text that is signed is spelled out once, computed by openssl dgst -sha256 -hmac.
func TestSign(t *testing.T) {
	t.Parallel()
	require.Equal(t, "9dc13032d6fb04cf2bfeab56477ab8f88eb98f207845bcf315198bc7518ed33a", canonical.Sign(secret, "1793600000", "POST", "/upstream/v1/orders?dry=1", []byte(`{"order_no":"A1"}`)))
}

func request(keyID, secret, method, target, body string, at time.Time) upstream.Request {
	stamp := strconv.FormatInt(at.Unix(), 10)
	path, query, _ := strings.Cut(target, "?")
	return upstream.Request{
		Method: method, URL: "https://agg.example.com" + path, Path: path, RawQuery: query, Body: []byte(body), Now: upstreamtest.SystemTime,
		Header: http.Header{
			"Content-Type":        {"application/json"},
			"X-Qianfan-Key":       {keyID},
			"X-Qianfan-Timestamp": {stamp},
			"X-Qianfan-Signature": {canonical.Sign(secret, stamp, method, target, []byte(body))},
		},
	}
}

func send(method, target, body string) upstream.Request {
	return request(key, secret, method, target, body, upstreamtest.SystemTime)
}

const good = `{"order_no":"A-1001","city":"330100",
 "shop":{"name":"千帆小馆","phone":"13900000001","address":"文三路1号","lng":120.1551,"lat":30.2741},
 "recipient":{"name":"张三","phone":"13812345678_1234","address":"教工路2号","lng":120.1423,"lat":30.2856},
 "goods":{"category":"food","weight_g":1200,"value_fen":4550,"count":2,"remark":"少辣"},
 "expected_at":null,"new_field":{"ignored":true}}`

func wantCreate() upstream.Push {
	shop := order.Stop{Name: "千帆小馆", Phone: "13900000001", Address: "文三路1号", Point: geo.Point{Lng: 120.1551, Lat: 30.2741}}
	return upstream.Push{
		Kind: upstream.KindCreate, No: "A-1001",
		Create: &upstream.Create{
			City: "330100", Shop: &shop,
			Detail: order.Detail{
				From:  shop,
				To:    order.Stop{Name: "张三", Phone: "13812345678", Ext: "1234", Address: "教工路2号", Point: geo.Point{Lng: 120.1423, Lat: 30.2856}},
				Goods: order.Goods{Category: "food", WeightG: 1200, Value: 4550, Count: 2, Remark: "少辣"},
			},
		},
	}
}

// but is the good create with one text replaced.
func but(old, new string) string {
	if strings.Count(good, old) != 1 {
		panic("the good request does not hold once: " + old)
	}
	return strings.Replace(good, old, new, 1)
}

func TestContract(t *testing.T) {
	t.Parallel()
	upstreamtest.Run(t, upstreamtest.Harness{
		Name: "canonical", New: newDev, MaxAge: 300 * time.Second,
		Create: func(at time.Time) upstream.Request { return request(key, secret, "POST", orders, good, at) },
		Changed: func(at time.Time) upstream.Request {
			return request(key, secret, "POST", orders, but("4550", "4551"), at)
		},
		Cancel: func(at time.Time) upstream.Request {
			return request("second", "other-secret", "POST", orders+"/A-1001/cancel", `{"reason":"顾客取消"}`, at)
		},
		Forge: func(r upstream.Request) upstream.Request {
			r.Header = r.Header.Clone()
			r.Header.Set("X-Qianfan-Signature", strings.Repeat("0", 64))
			return r
		},
		WantCreate: wantCreate(),
		WantCancel: upstream.Push{Kind: upstream.KindCancel, No: "A-1001", Cancel: &upstream.Cancel{By: "platform", Reason: "顾客取消"}},
		Faults:     faults(),
		Attacks:    attacks(),
		Answers:    answers(),
	})
}

func faults() []upstreamtest.Fault {
	create := func(body string) upstream.Request { return send("POST", orders, body) }
	refuse := upstreamtest.Refuse
	without := func(header string) upstream.Request {
		r := create(good)
		r.Header.Del(header)
		return r
	}
	tampered, moved, queried, verb := create(good), create(good), create(good), create(good)
	tampered.Body = []byte(but("4550", "4551"))
	moved.Path, moved.URL = orders+"/A-1001/cancel", "https://agg.example.com"+orders+"/A-1001/cancel"
	queried.RawQuery = "a=1"
	verb.Method = http.MethodPut
	stamp := create(good)
	stamp.Header.Set("X-Qianfan-Timestamp", "1793600001")
	upper := create(good)
	upper.Header.Set("X-Qianfan-Signature", strings.ToUpper(upper.Header.Get("X-Qianfan-Signature")))
	cases := []upstreamtest.Fault{
		refuse("no key", without("X-Qianfan-Key"), upstream.UnknownKey, "X-Qianfan-Key"),
		refuse("unknown key", request("third", secret, "POST", orders, good, upstreamtest.SystemTime), upstream.UnknownKey, "X-Qianfan-Key"),
		refuse("another key's secret", request("second", secret, "POST", orders, good, upstreamtest.SystemTime), upstream.BadSignature, "X-Qianfan-Signature"),
		refuse("no signature", without("X-Qianfan-Signature"), upstream.BadSignature, "X-Qianfan-Signature"),
		refuse("no timestamp", without("X-Qianfan-Timestamp"), upstream.BadSignature, "X-Qianfan-Signature"),
		refuse("body changed", tampered, upstream.BadSignature, "X-Qianfan-Signature"),
		refuse("path changed", moved, upstream.BadSignature, "X-Qianfan-Signature"),
		refuse("query added", queried, upstream.BadSignature, "X-Qianfan-Signature"),
		refuse("method changed", verb, upstream.BadSignature, "X-Qianfan-Signature"),
		refuse("timestamp changed", stamp, upstream.BadSignature, "X-Qianfan-Signature"),
		refuse("signature in upper case", upper, upstream.BadSignature, "X-Qianfan-Signature"),
		refuse("timestamp in words", signedAt("noon"), upstream.Stale, "X-Qianfan-Timestamp"),
		refuse("timestamp in milliseconds", signedAt("1793600000000"), upstream.Stale, "X-Qianfan-Timestamp"),

		refuse("nothing", create(""), upstream.Malformed, ""),
		refuse("null", create("null"), upstream.Malformed, ""),
		refuse("a list", create("["+good+"]"), upstream.Malformed, ""),
		refuse("JSON cut", create(good[:100]), upstream.Malformed, ""),
		refuse("something after it", create(good+"x"), upstream.Malformed, ""),
		refuse("two objects", create(good+good), upstream.Malformed, ""),
		refuse("not UTF-8", create(but("张三", "\xff")), upstream.Malformed, ""),
		refuse("an empty object", create("{}"), upstream.MissingField, "order_no"),

		refuse("number as a number", create(but(`"A-1001"`, `1001`)), upstream.BadField, "order_no"),
		refuse("number with a space", create(but(`"A-1001"`, `"A 1001"`)), upstream.BadField, "order_no"),
		refuse("number is this folder", create(but(`A-1001`, `.`)), upstream.BadField, "order_no"),
		refuse("number is the folder above", create(but(`A-1001`, `..`)), upstream.BadField, "order_no"),
		refuse("number too long", create(but(`A-1001`, strings.Repeat("9", 65))), upstream.BadField, "order_no"),
		refuse("city by name", create(but(`330100`, `杭州`)), upstream.BadField, "city"),
		refuse("located shop without a city", create(but(`"city":"330100",`, ``)), upstream.MissingField, "city"),
		refuse("no shop", create(but(`"shop"`, `"store"`)), upstream.MissingField, "shop"),
		refuse("shop without anything", create(`{"order_no":"1","shop":{}}`), upstream.MissingField, "shop.name"),
		refuse("shop with an empty id", create(but(`"shop":{`, `"shop":{"id":"",`)), upstream.MissingField, "shop.id"),
		refuse("no recipient", create(but(`"recipient"`, `"receiver"`)), upstream.MissingField, "recipient"),
		refuse("recipient is text", create(`{"order_no":"1","recipient":"张三"}`), upstream.BadField, "recipient"),
		refuse("recipient without lng", create(but(`"lng":120.1423,`, ``)), upstream.MissingField, "recipient.lng"),
		refuse("recipient without lat", create(but(`,"lat":30.2856`, ``)), upstream.MissingField, "recipient.lat"),
		refuse("lng as text", create(but(`120.1423`, `"120.1423"`)), upstream.BadField, "recipient.lng"),
		refuse("shop's lat as text", create(but(`30.2741`, `"30.2741"`)), upstream.BadField, "shop.lat"),
		refuse("recipient swapped", create(but(`"lng":120.1423,"lat":30.2856`, `"lng":30.2856,"lat":120.1423`)), upstream.BadPoint, "recipient.lng,recipient.lat"),
		refuse("recipient at 0, 0", create(but(`"lng":120.1423,"lat":30.2856`, `"lng":0,"lat":0`)), upstream.BadPoint, "recipient.lng,recipient.lat"),
		refuse("shop in Tokyo", create(but(`"lng":120.1551,"lat":30.2741`, `"lng":139.69,"lat":35.69`)), upstream.BadPoint, "shop.lng,shop.lat"),
		refuse("phone in words", create(but(`13812345678_1234`, `call me`)), upstream.BadField, "recipient.phone"),
		refuse("an endless name", create(but(`张三`, strings.Repeat("张", 200))), upstream.BadField, "recipient.name"),
		refuse("no goods", create(but(`"goods"`, `"things"`)), upstream.MissingField, "goods"),
		refuse("no weight", create(but(`"weight_g":1200,`, ``)), upstream.MissingField, "goods.weight_g"),
		refuse("weight 0", create(but(`1200`, `0`)), upstream.BadField, "goods.weight_g"),
		refuse("weight in fractions", create(but(`1200`, `1200.5`)), upstream.BadField, "goods.weight_g"),
		refuse("weight absurd", create(but(`1200`, `1000001`)), upstream.BadField, "goods.weight_g"),
		refuse("count negative", create(but(`"count":2`, `"count":-2`)), upstream.BadField, "goods.count"),
		refuse("no value", create(but(`"value_fen":4550,`, ``)), upstream.MissingField, "goods.value_fen"),
		refuse("null value", create(but(`4550`, `null`)), upstream.MissingField, "goods.value_fen"),
		refuse("expected in seconds", create(but(`"expected_at":null`, `"expected_at":1793600000`)), upstream.BadField, "expected_at"),
		refuse("expected without a zone", create(but(`"expected_at":null`, `"expected_at":"2026-11-02T12:00:00"`)), upstream.BadField, "expected_at"),

		refuse("cancel without a reason", send("POST", orders+"/A-1001/cancel", `{}`), upstream.MissingField, "reason"),
		refuse("cancel, reason a number", send("POST", orders+"/A-1001/cancel", `{"reason":1}`), upstream.BadField, "reason"),
		refuse("cancel, endless reason", send("POST", orders+"/A-1001/cancel", `{"reason":"`+strings.Repeat("x", 501)+`"}`), upstream.BadField, "reason"),
		refuse("cancel of no number", send("POST", orders+"//cancel", `{"reason":""}`), upstream.BadField, "order_no"),
		refuse("query of a strange number", send("GET", orders+"/a%20b", ""), upstream.BadField, "order_no"),
		refuse("cancel, key with a space", send("POST", orders+"/A-1001/cancel", `{"reason":"x","key":"a b"}`), upstream.BadField, "key"),
		refuse("tip of nothing", send("POST", orders+"/A-1001/tip", `{"add_fen":0}`), upstream.BadMoney, "add_fen"),
		refuse("tip, forged", request(key, "wrong", "POST", orders+"/A-1001/tip", `{"add_fen":1}`, upstreamtest.SystemTime), upstream.BadSignature, "X-Qianfan-Signature"),
		refuse("tip by GET", send("GET", orders+"/A-1001/tip", ""), upstream.NoRoute, ""),
		refuse("change of nothing", send("PATCH", orders+"/A-1001", `{"recipient":{}}`), upstream.MissingField, "recipient.phone"),
		refuse("change, recipient a list", send("PATCH", orders+"/A-1001", `{"recipient":[]}`), upstream.BadField, "recipient"),
		refuse("change, forged", request(key, "wrong", "PATCH", orders+"/A-1001", `{"recipient":{"phone":"13800000000"}}`, upstreamtest.SystemTime), upstream.BadSignature, "X-Qianfan-Signature"),
		refuse("rider by POST", send("POST", orders+"/A-1001/rider", ""), upstream.NoRoute, ""),
		refuse("rider of a strange number", send("GET", orders+"/a%20b/rider", ""), upstream.BadField, "order_no"),
		refuse("quote of an order", send("POST", orders+"/A-1001/quote", ""), upstream.NoRoute, ""),
		refuse("quote by GET", send("GET", "/upstream/v1/quote", ""), upstream.NoRoute, ""),
		refuse("quote, forged", request(key, "wrong", "POST", "/upstream/v1/quote", good, upstreamtest.SystemTime), upstream.BadSignature, "X-Qianfan-Signature"),
		refuse("the document by POST", send("POST", "/upstream/v1/openapi.json", "{}"), upstream.NoRoute, ""),
		refuse("a trailing slash", send("GET", orders+"/A-1001/", ""), upstream.NoRoute, ""),
		refuse("list", send("GET", orders, ""), upstream.NoRoute, ""),
		refuse("delete", send("DELETE", orders+"/A-1001", ""), upstream.NoRoute, ""),
		refuse("another prefix", send("POST", "/upstream/v1/ordersX", good), upstream.NoRoute, ""),
		refuse("another version", send("POST", "/upstream/v2/orders", good), upstream.NoRoute, ""),
	}
	for text, why := range map[string]string{`-1`: "negative", `4550.5`: "a fraction", `4550.0`: "a dotted number", `"4550"`: "text", `1e3`: "an exponent",
		`10000001`: "absurd", `99999999999999999999`: "beyond range", `true`: "a truth"} {
		cases = append(cases, refuse("value is "+why, create(but(`4550`, text)), upstream.BadMoney, "goods.value_fen"))
	}
	return cases
}

// signedAt is a create whose timestamp is any text, rightly signed.
func signedAt(stamp string) upstream.Request {
	r := send("POST", orders, good)
	r.Header.Set("X-Qianfan-Timestamp", stamp)
	r.Header.Set("X-Qianfan-Signature", canonical.Sign(secret, stamp, "POST", orders, []byte(good)))
	return r
}

func answers() []upstreamtest.Answer {
	fail := func(name string, err error, status int, body string) upstreamtest.Answer {
		return upstreamtest.Answer{Name: name, Result: upstream.Result{Err: err}, HTTP: status, Body: body}
	}
	view := &upstream.View{OrderID: "73", No: "A-1001", State: order.Assigned, Carrier: "uupt", Waybill: "73001",
		Rider: order.Rider{Name: "李四", Phone: "13800000000"}, Fee: 900, Updated: time.Unix(1793600000, 0).UTC()}
	return []upstreamtest.Answer{
		{Name: "created", Push: upstream.Push{Kind: upstream.KindCreate}, Result: upstream.Result{OrderID: "7301", State: order.Received, Fee: 900},
			HTTP: 200, Body: `{"code":0,"message":"ok","data":{"order_id":"7301","state":"received","fee_fen":900}}`},
		{Name: "queried", Push: upstream.Push{Kind: upstream.KindQuery}, Result: upstream.Result{View: view}, HTTP: 200,
			Body: `{"code":0,"message":"ok","data":{"order_id":"73","order_no":"A-1001","state":"assigned","carrier":"uupt","waybill":"73001",
			"rider":{"name":"李四","phone":"13800000000"},"fee_fen":900,"penalty_fen":0,"updated_at":"2026-11-02T06:13:20Z"}}`},
		fail("forged", upstream.Refuse(upstream.BadSignature, "X-Qianfan-Signature", "does not hold"), 401,
			`{"code":40101,"message":"bad_signature: does not hold","field":"X-Qianfan-Signature"}`),
		fail("missing field", upstream.Refuse(upstream.MissingField, "recipient.lng", "missing"), 400,
			`{"code":40002,"message":"missing_field: missing","field":"recipient.lng"}`),
		fail("too large", upstream.Refuse(upstream.TooLarge, "", "over"), 413, `{"code":41301,"message":"too_large: over"}`),
		fail("conflict", &upstream.Error{Reason: upstream.Conflict}, 409, `{"code":40901,"message":"conflicting_content"}`),
		fail("not found", upstream.Refuse(upstream.NotFound, "order_no", "no such order"), 404,
			`{"code":40401,"message":"not_found: no such order","field":"order_no"}`),
		fail("anything unknown: send again", errors.New("database away"), 503, `{"code":50301,"message":"send_again: try again"}`),
	}
}

func TestKnownShopAndSchedule(t *testing.T) {
	t.Parallel()
	a, err := newDev("", settings.Deps{}, true)
	require.NoError(t, err)
	got, err := a.Decode(send("POST", orders, `{"order_no":"A1","shop":{"id":"qf-shop-0001"},
		"recipient":{"name":"张三","phone":"13800000000","address":"教工路2号","detail":"3-401","lng":120.1423,"lat":30.2856},
		"goods":{"weight_g":1,"value_fen":0},"expected_at":"2026-11-02T20:00:00+08:00"}`))
	require.NoError(t, err)
	require.Equal(t, "qf-shop-0001", got.Create.ShopCode)
	require.Nil(t, got.Create.Shop)
	require.Equal(t, time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC), *got.Create.Detail.ExpectedAt)
	require.Equal(t, "3-401", got.Create.Detail.To.Detail)
}

func TestQuery(t *testing.T) {
	t.Parallel()
	a, err := newDev("", settings.Deps{}, true)
	require.NoError(t, err)
	got, err := a.Decode(send("GET", orders+"/A%2D1001?fresh=1", ""))
	require.NoError(t, err)
	require.Equal(t, upstream.KindQuery, got.Kind)
	require.Equal(t, "A-1001", got.No)
}

// What the other verbs mean.
func TestVerbs(t *testing.T) {
	t.Parallel()
	a, err := newDev("", settings.Deps{}, true)
	require.NoError(t, err)
	push := func(method, target, body string) upstream.Push {
		got, err := a.Decode(send(method, target, body))
		require.NoError(t, err, body)
		return got
	}
	tip := push("POST", orders+"/A-1/tip", `{"add_fen":200}`)
	require.Equal(t, upstream.Tip{Key: tip.Hash, By: "platform", Add: 200}, *tip.Tip)
	keyed := push("POST", orders+"/A-1/tip", `{"add_fen":200,"key":"k"}`)
	require.Equal(t, tip.Hash, keyed.Hash)
	require.NotEqual(t, tip.Tip.Key, keyed.Tip.Key)
	require.Len(t, keyed.Tip.Key, 64, "what a column of 64 holds")
	require.NotEqual(t, keyed.Tip.Key, push("POST", orders+"/A-1/cancel", `{"reason":"","key":"k"}`).Cancel.Key, "a key is one command's")

	change := push("PATCH", orders+"/A-1", `{"recipient":{"phone":"13800000000_12","lng":120.1,"lat":30.2,"address":"x"}}`)
	require.Equal(t, upstream.KindChange, change.Kind)
	require.Equal(t, upstream.Change{Key: change.Hash, By: "platform", Phone: "13800000000", Ext: "12",
		Place: &upstream.Place{Address: "x", Point: geo.Point{Lng: 120.1, Lat: 30.2}}}, *change.Change)
	require.Equal(t, "place", change.Change.What())
	require.Equal(t, change, push("PATCH", orders+"/A-1", `{"recipient":{"address":"x","lng":120.1,"lat":30.2,"phone":"13800000000_12"}}`), "a repeat, however it is written")
	require.Equal(t, "phone", push("PATCH", orders+"/A-1", `{"recipient":{"name":"李四"}}`).Change.What())

	require.Equal(t, upstream.KindRider, push("GET", orders+"/A-1/rider", "").Kind)
	require.Equal(t, upstream.KindCancelCost, push("GET", orders+"/A-1/cancel-cost", "").Kind)
	quote := push("POST", "/upstream/v1/quote", `{"shop":{"id":"s"},"recipient":{"lng":120.1,"lat":30.2},"goods":{"weight_g":1,"value_fen":0}}`)
	require.Equal(t, upstream.KindQuote, quote.Kind)
	require.Empty(t, quote.No)
	require.Equal(t, "s", quote.Create.ShopCode)

	document, err := a.Decode(upstream.Request{Method: "GET", URL: "https://agg.example.com/upstream/v1/openapi.json", Path: "/upstream/v1/openapi.json"})
	require.NoError(t, err)
	require.Equal(t, upstream.KindDocument, document.Kind)
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, says string }{
		"good":          {`{"keys":{"a":"s","b":"t"},"max_age":"60s","max_value_fen":5}`, ""},
		"nothing":       {`{}`, "keys is missing"},
		"empty secret":  {`{"keys":{"a":""}}`, "keys[a]"},
		"unknown field": {`{"key":{"a":"s"}}`, "key"},
		"wrong type":    {`{"keys":["a"]}`, "keys"},
		"negative":      {`{"keys":{"a":"s"},"max_value_fen":-1}`, "max_value_fen"},
		"dev key":       {`{"keys":{"qf-test-key":"s"}}`, "development credentials"},
		"dev secret":    {`{"keys":{"a":"s","b":"qf-test-secret-0001"}}`, "development credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := canonical.ParseConfig([]byte(tc.text))
			if err == nil {
				_, err = canonical.New(cfg, settings.Deps{})
			}
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
		})
	}
}

// FuzzDecode signs whatever it is given, so that what lies behind the signature is
// reached too.
func FuzzDecode(f *testing.F) {
	f.Add("POST", orders, good)
	f.Add("POST", orders+"/A-1001/cancel", `{"reason":"x"}`)
	f.Add("GET", orders+"/A-1001", "")
	f.Add("GET", orders+"/A-1001/rider", "")
	f.Add("POST", orders+"/A-1001/tip", `{"add_fen":200,"key":"k"}`)
	f.Add("PATCH", orders+"/A-1001", `{"recipient":{"phone":"13800000000","address":"x","lng":120.1,"lat":30.2}}`)
	f.Add("POST", "/upstream/v1/quote", good)
	f.Add("GET", "/upstream/v1/openapi.json", "")
	f.Add("POST", orders, `{"order_no":"1","shop":{"id":"x"},"goods":{"value_fen":1e99}}`)
	a, err := newDev("", settings.Deps{}, true)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, method, target, body string) {
		if !strings.HasPrefix(target, "/") {
			return
		}
		forged := request(key, "wrong", method, target, body, upstreamtest.SystemTime)
		if push, err := a.Decode(forged); err == nil {
			require.Equal(t, upstream.Push{Kind: upstream.KindDocument}, push, "nothing else is unsigned")
			return
		}
		got, err := a.Decode(send(method, target, body))
		if err != nil {
			var e *upstream.Error
			require.ErrorAs(t, err, &e)
			return
		}
		require.Equal(t, got.Kind != upstream.KindQuote, got.No != "")
		if got.Tip != nil {
			require.Positive(t, got.Tip.Add)
			require.Len(t, got.Tip.Key, 64)
		}
		if got.Change != nil {
			require.True(t, got.Change.Place == nil || got.Change.Place.Point.InChina())
			require.Len(t, got.Change.Key, 64)
		}
		if got.Create != nil {
			require.True(t, got.Create.Detail.To.Point.InChina())
			require.False(t, got.Create.Detail.Goods.Value < 0)
			require.Positive(t, got.Create.Detail.Goods.WeightG)
		}
	})
}
