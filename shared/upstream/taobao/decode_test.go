package taobao_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/taobao"
	"github.com/chuandao/qianfan/shared/upstream/upstreamtest"
)

func decode(t *testing.T, cfg taobao.Config, r upstream.Request) upstream.Push {
	t.Helper()
	a, err := taobao.New(cfg, offline)
	require.NoError(t, err)
	got, err := a.Decode(r)
	require.NoError(t, err)
	return got
}

// attacks on the envelope.
func envelopeFaults() []upstreamtest.Fault {
	refuse := upstreamtest.Refuse
	good := envelope(10, text(content()), systemTime())
	signed := sign(good)
	body := text(signed)
	without := func(name string) upstream.Request { return post([]byte(text(with(signed, values{name: absent})))) }
	resigned := func(change values) upstream.Request { return post([]byte(text(sign(with(good, change))))) }
	return []upstreamtest.Fault{
		refuse("no signature", without("signature"), upstream.MissingField, "signature"),
		refuse("no application", without("appId"), upstream.MissingField, "appId"),
		refuse("no timestamp", without("timestamp"), upstream.MissingField, "timestamp"),
		refuse("no type", without("type"), upstream.MissingField, "type"),
		refuse("no message", without("message"), upstream.MissingField, "message"),
		refuse("a field left out", without("userId"), upstream.BadSignature, "signature"),
		refuse("a field added", post([]byte(text(with(signed, values{"x": 1})))), upstream.BadSignature, "signature"),
		refuse("a number written otherwise", post([]byte(strings.Replace(body, `"shopId":720001`, `"shopId":720001.0`, 1))), upstream.BadSignature, "signature"),
		refuse("a field given twice", post([]byte(strings.TrimSuffix(body, "}")+`,"type":14}`)), upstream.Malformed, "type"),
		refuse("the signature given twice", post([]byte(strings.TrimSuffix(body, "}")+`,"signature":"x"}`)), upstream.Malformed, "signature"),
		refuse("signature in lower case", post([]byte(text(with(signed, values{"signature": strings.ToLower(signed["signature"].(string))})))), upstream.BadSignature, "signature"),
		refuse("unknown application", resigned(values{"appId": 22954134}), upstream.UnknownKey, "appId"),
		refuse("timestamp in seconds", resigned(values{"timestamp": 1793600000}), upstream.Stale, "timestamp"),
		refuse("timestamp in words", resigned(values{"timestamp": "now"}), upstream.Stale, "timestamp"),
		refuse("timestamp of the far future", resigned(values{"timestamp": json.Number("9223372036854775807")}), upstream.Stale, "timestamp"),
		refuse("message as an object", post([]byte(`{"message":{"orderId":"1"}}`)), upstream.Malformed, "message"),
		refuse("message as a list", post([]byte(`{"message":[]}`)), upstream.Malformed, "message"),
		refuse("a form", post([]byte("appId=22954133&type=10")), upstream.Malformed, ""),
		refuse("a list", post([]byte("["+body+"]")), upstream.Malformed, ""),
		refuse("two objects", post([]byte(body+body)), upstream.Malformed, ""),
		refuse("cut short", post([]byte(body[:len(body)-1])), upstream.Malformed, ""),
		refuse("null", post([]byte("null")), upstream.Malformed, ""),
		refuse("bytes that are no text", post([]byte("{\"type\":\"\xff\"}")), upstream.Malformed, ""),
		refuse("nested without end", post([]byte(`{"a":`+strings.Repeat("[", 100_000))), upstream.Malformed, "a"),
		refuse("message that is no JSON", resigned(values{"message": "hello"}), upstream.Malformed, "message"),
		refuse("message that is null", resigned(values{"message": "null"}), upstream.Malformed, "message"),
		refuse("message that is a list", resigned(values{"message": "[1]"}), upstream.Malformed, "message"),
	}
}

func faults() []upstreamtest.Fault {
	now, refuse := systemTime(), upstreamtest.Refuse
	create := func(change values) upstream.Request { return push(10, with(content(), change), now) }
	cancelled := func(change values) upstream.Request { return push(15, with(cancelContent(), change), now) }
	items := func(quantity, weight any) values {
		return values{"groups": []any{values{"items": []any{values{"quantity": quantity, "weight": weight}}}}}
	}
	cases := append(envelopeFaults(),
		refuse("no number", create(values{"id": absent, "orderId": nil}), upstream.MissingField, "orderId"),
		refuse("number in words", create(values{"orderId": "12O0"}), upstream.BadField, "orderId"),
		refuse("number signed", create(values{"orderId": -1}), upstream.BadField, "orderId"),
		refuse("number as an object", create(values{"orderId": values{"$gt": ""}}), upstream.BadField, "orderId"),
		refuse("number too long", create(values{"orderId": strings.Repeat("1", 21)}), upstream.BadField, "orderId"),
		refuse("no address", create(values{"address": " "}), upstream.MissingField, "address"),
		refuse("no phones", create(values{"phoneList": []any{}}), upstream.MissingField, "phoneList"),
		refuse("phones null", create(values{"phoneList": nil}), upstream.MissingField, "phoneList"),
		refuse("phones as text", create(values{"phoneList": "13812345678"}), upstream.BadField, "phoneList"),
		refuse("phones in words", create(values{"phoneList": []any{"请看备注"}}), upstream.BadField, "phoneList"),
		refuse("no point", create(values{"deliveryGeo": nil}), upstream.MissingField, "deliveryGeo"),
		refuse("half a point", create(values{"deliveryGeo": "120.1423"}), upstream.BadPoint, "deliveryGeo"),
		refuse("three coordinates", create(values{"deliveryGeo": "120.1,30.2,5"}), upstream.BadPoint, "deliveryGeo"),
		refuse("swapped", create(values{"deliveryGeo": "30.2856,120.1423"}), upstream.BadPoint, "deliveryGeo"),
		refuse("swapped, ×10⁶", create(values{"deliveryGeo": "30285600,120142300"}), upstream.BadPoint, "deliveryGeo"),
		refuse("nowhere", create(values{"deliveryGeo": "0,0"}), upstream.BadPoint, "deliveryGeo"),
		refuse("Tokyo", create(values{"deliveryGeo": "139.6917,35.6895"}), upstream.BadPoint, "deliveryGeo"),
		refuse("not a number", create(values{"deliveryGeo": "NaN,30.2"}), upstream.BadPoint, "deliveryGeo"),
		refuse("infinite", create(values{"deliveryGeo": "Inf,30.2"}), upstream.BadPoint, "deliveryGeo"),
		refuse("time in words", create(values{"deliverTime": "soon"}), upstream.BadField, "deliverTime"),
		refuse("time of no year", create(values{"deliverTime": "0001-01-01T00:00:00"}), upstream.BadField, "deliverTime"),
		refuse("scheduled without a time", create(values{"book": true}), upstream.MissingField, "deliverTime"),
		refuse("groups as text", create(values{"groups": "x"}), upstream.BadField, "groups"),
		refuse("weight in words", create(items(1, "1.2kg")), upstream.BadField, "weight"),
		refuse("weight negative", create(items(1, -1)), upstream.BadField, "weight"),
		refuse("weight absurd", create(items(1000, 999999)), upstream.BadField, "weight"),
		refuse("quantity absurd", create(items(99999, 1)), upstream.BadField, "quantity"),
		refuse("quantity negative", create(items(-1, 1)), upstream.BadField, "quantity"),
		refuse("cancel without a number", cancelled(values{"orderId": absent}), upstream.MissingField, "orderId"),
		refuse("cancel with a number in words", cancelled(values{"orderId": "x"}), upstream.BadField, "orderId"),
		refuse("refund without a number", push(33, with(refundContent(), values{"orderId": absent}), now), upstream.MissingField, "orderId"),
	)
	for text, why := range map[string]string{"-0.01": "negative", "45.505": "finer than 分", "100000.01": "absurd", "99999999999999999999": "beyond range", "4.55e1": "exponent"} {
		cases = append(cases, refuse("total "+why, create(values{"totalPrice": json.Number(text)}), upstream.BadMoney, "totalPrice"))
	}
	return append(cases,
		refuse("total in words", create(values{"totalPrice": "free"}), upstream.BadMoney, "totalPrice"),
		refuse("no total", create(values{"totalPrice": nil}), upstream.MissingField, "totalPrice"))
}

func TestProbe(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", " \r\n"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := post([]byte(body))
			r.Method = method
			require.Equal(t, upstream.Push{Kind: upstream.KindProbe}, decode(t, dev(), r))
		}
	}
}

// What may differ between good pushes.
func TestCreateVariants(t *testing.T) {
	t.Parallel()
	weights := func(weight any) values {
		return values{"groups": []any{values{"items": []any{values{"quantity": 1, "weight": weight}}}}}
	}
	scheduled := time.Date(2026, 11, 2, 4, 30, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		change values
		want   func(*upstream.Create)
	}{
		"number as a number": {values{"orderId": json.Number(number)}, func(*upstream.Create) {}},
		"only id":            {values{"orderId": absent}, func(*upstream.Create) {}},
		"×10⁶":               {values{"deliveryGeo": "120142300, 30285600"}, func(*upstream.Create) {}},
		"plain phone": {values{"phoneList": []any{"+86 138-0000-0000"}}, func(c *upstream.Create) {
			c.Detail.To.Phone, c.Detail.To.Ext, c.Detail.To.PhoneUntil = "13800000000", "", nil
		}},
		"privacy numbers for ever": {values{"secretPhoneExpireTime": nil}, func(c *upstream.Create) { c.Detail.To.PhoneUntil = nil }},
		"comma before extension":   {values{"phoneList": []any{"13812345678,1234"}}, func(*upstream.Create) {}},
		"the second phone":         {values{"phoneList": []any{"", "13812345679_5678"}}, func(c *upstream.Create) { c.Detail.To.Phone, c.Detail.To.Ext = "13812345679", "5678" }},
		"by 饿了么's shop number":     {values{"openId": ""}, func(c *upstream.Create) { c.ShopCode = "720001" }},
		"shop of the envelope":     {values{"openId": nil, "shopId": absent}, func(c *upstream.Create) { c.ShopCode = "720001" }},
		"no weight":                {weights(nil), func(c *upstream.Create) { c.Detail.Goods.WeightG, c.Detail.Goods.Count = 1000, 1 }},
		"weight 0":                 {weights(0), func(c *upstream.Create) { c.Detail.Goods.WeightG, c.Detail.Goods.Count = 1000, 1 }},
		"weight in part":           {weights(json.Number("0.4")), func(c *upstream.Create) { c.Detail.Goods.WeightG, c.Detail.Goods.Count = 1, 1 }},
		"no groups":                {values{"groups": absent}, func(c *upstream.Create) { c.Detail.Goods.WeightG, c.Detail.Goods.Count = 1000, 0 }},
		"most money":               {values{"totalPrice": json.Number("100000.0")}, func(c *upstream.Create) { c.Detail.Goods.Value = 100_000_00 }},
		"no money":                 {values{"totalPrice": json.Number("0.0")}, func(c *upstream.Create) { c.Detail.Goods.Value = 0 }},
		"scheduled":                {values{"book": true, "deliverTime": "2026-11-02T12:30:00"}, func(c *upstream.Create) { c.Detail.ExpectedAt = &scheduled }},
		"scheduled, with a zone":   {values{"deliverTime": "2026-11-02T12:30:00.000+0800"}, func(c *upstream.Create) { c.Detail.ExpectedAt = &scheduled }},
		"degraded, whole":          {values{"downgraded": true}, func(*upstream.Create) {}},
		"degraded, 0":              {values{"downgraded": true, "totalPrice": json.Number("0.0")}, func(c *upstream.Create) { c.Detail.Goods.Value, c.Degraded = 0, []string{"totalPrice"} }},
		"degraded, null":           {values{"downgraded": true, "totalPrice": nil}, func(c *upstream.Create) { c.Detail.Goods.Value, c.Degraded = 0, []string{"totalPrice"} }},
		"degraded, no phone": {values{"downgraded": true, "phoneList": absent}, func(c *upstream.Create) {
			c.Detail.To.Phone, c.Detail.To.Ext, c.Detail.To.PhoneUntil, c.Degraded = "", "", nil, []string{"phoneList"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decode(t, dev(), push(10, with(content(), tc.change), systemTime()))
			want := wantCreate()
			tc.want(want.Create)
			require.Equal(t, number, got.No)
			require.Equal(t, want.Create, got.Create)
		})
	}
}

// Every type of the reference: what it asks of us and who wants it.
func TestTypes(t *testing.T) {
	t.Parallel()
	cancels := map[int]string{14: "customer", 15: "platform", 17: "platform", 23: "customer", 25: "customer", 33: "customer", 35: "customer"}
	kinds := []int{10, 12, 14, 15, 17, 18, 45, 91, 93, 100, 217, 218, 999}
	for _, span := range [][2]int{{20, 26}, {30, 36}, {51, 76}} {
		for kind := span[0]; kind <= span[1]; kind++ {
			kinds = append(kinds, kind)
		}
	}
	for _, kind := range kinds {
		message := with(content(), refundContent())
		got := decode(t, dev(), push(kind, message, systemTime()))
		switch by, isCancel := cancels[kind]; {
		case isCancel:
			require.Equal(t, upstream.KindCancel, got.Kind, kind)
			require.Equal(t, upstream.Cancel{Key: got.Cancel.Key, By: by, Reason: "不想要了"}, *got.Cancel, kind)
		case kind == 10:
			require.Equal(t, upstream.KindCreate, got.Kind)
		default:
			require.Equal(t, upstream.Push{Kind: upstream.KindProbe}, got, kind)
		}
	}
}

func TestCancelVariants(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		role any
		by   string
	}{
		"customer": {1, "customer"}, "as text": {"1", "customer"}, "system": {2, "platform"}, "merchant": {3, "merchant"}, "客服": {4, "platform"},
		"unknown": {99, "platform"}, "nobody": {nil, "platform"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decode(t, dev(), push(15, with(cancelContent(), values{"role": tc.role}), systemTime()))
			require.Equal(t, tc.by, got.Cancel.By)
		})
	}
}

// A later 强制无效 is another command than the 无效 before; a repeat at another time is not.
func TestCancelKeys(t *testing.T) {
	t.Parallel()
	key := func(kind int, change values) string {
		return decode(t, dev(), push(kind, with(cancelContent(), change), systemTime())).Cancel.Key
	}
	require.Equal(t, key(15, nil), key(15, values{"updateTime": 1793600009}))
	require.NotEqual(t, key(15, nil), key(17, nil))
	require.NotEqual(t, key(15, nil), key(15, values{"orderId": "1"}))
}

// A refund of a part leaves something to deliver.
func TestPartialRefund(t *testing.T) {
	t.Parallel()
	for _, kind := range []any{"part", "", nil} {
		got := decode(t, dev(), push(33, with(refundContent(), values{"refundType": kind}), systemTime()))
		require.Equal(t, upstream.Push{Kind: upstream.KindProbe}, got)
	}
}

// What a type means can be configured, since that of some is not public.
func TestConfiguredTypes(t *testing.T) {
	t.Parallel()
	cfg := dev()
	cfg.Types = map[string]string{"217": "create", "20": "cancel", "14": "notice", "33": "cancel"}
	require.Equal(t, upstream.KindCreate, decode(t, cfg, push(217, content(), systemTime())).Kind)
	require.Equal(t, upstream.KindCancel, decode(t, cfg, push(20, cancelContent(), systemTime())).Kind)
	require.Equal(t, upstream.KindProbe, decode(t, cfg, push(14, cancelContent(), systemTime())).Kind)
	require.Equal(t, upstream.KindCancel, decode(t, cfg, push(33, with(refundContent(), values{"refundType": "part"}), systemTime())).Kind)
}

func TestConfiguredCodes(t *testing.T) {
	t.Parallel()
	cfg := dev()
	cfg.ErrorCodes = map[upstream.Reason]int{upstream.BadMoney: 7}
	a, err := taobao.New(cfg, offline)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	a.Answer(w, upstream.Push{}, upstream.Result{Err: upstream.Refuse(upstream.BadMoney, "totalPrice", "negative")})
	require.JSONEq(t, `{"message":"bad_money totalPrice: negative","code":7}`, w.Body.String())
}

// FuzzDecode takes any body.
func FuzzDecode(f *testing.F) {
	f.Add(text(sign(envelope(10, text(content()), systemTime()))))
	f.Add(text(sign(envelope(15, text(cancelContent()), systemTime()))))
	f.Add(`{"message":null,"type":true}`)
	a, err := taobao.New(dev(), offline)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, body string) {
		got, err := a.Decode(post([]byte(body)))
		if err != nil {
			var e *upstream.Error
			require.ErrorAs(t, err, &e)
			require.Zero(t, got)
		}
	})
}

// FuzzMessage signs whatever content it is given, so that what lies behind the signature is
// reached too.
func FuzzMessage(f *testing.F) {
	f.Add(10, text(content()))
	f.Add(14, text(cancelContent()))
	f.Add(33, text(refundContent()))
	f.Add(10, `{"orderId":1,"openId":"x","downgraded":true,"deliveryGeo":"1e309,%","totalPrice":-0,"groups":[{"items":[{"weight":"Inf"}]}]}`)
	a, err := taobao.New(dev(), offline)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, kind int, message string) {
		message = strings.ToValidUTF8(message, "?")
		got, err := a.Decode(post([]byte(text(sign(envelope(kind, message, systemTime()))))))
		if err != nil {
			var e *upstream.Error
			require.ErrorAs(t, err, &e)
			require.NotEqual(t, upstream.BadSignature, e.Reason)
			return
		}
		switch got.Kind {
		case upstream.KindCreate:
			c := got.Create
			require.NotEmpty(t, got.No)
			require.NotEmpty(t, c.ShopCode)
			require.True(t, c.Detail.To.Point.InChina() || len(c.Degraded) > 0)
			require.True(t, c.Detail.Goods.Value >= 0 && c.Detail.Goods.Value <= money.Fen(100_000_00))
			require.Positive(t, c.Detail.Goods.WeightG)
		case upstream.KindCancel:
			require.NotEmpty(t, got.No)
			require.NotEmpty(t, got.Cancel.By)
		default:
			require.Equal(t, upstream.KindProbe, got.Kind)
		}
	})
}
