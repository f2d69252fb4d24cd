package jd_test

import (
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/jd"
	"github.com/stretchr/testify/require"
)

func decode(t *testing.T, cfg jd.Config, r upstream.Request) upstream.Push {
	t.Helper()
	a, err := jd.New(cfg, offline)
	require.NoError(t, err)
	got, err := a.Decode(r)
	require.NoError(t, err)
	return got
}

func home() jd.Config { return dev("http://127.0.0.1:1") }

// The reference's vector as a push on the wire.
func TestPublishedPush(t *testing.T) {
	t.Parallel()
	cfg := jd.Config{AppKey: "yourappkey", Secret: "yourappSecret", Token: "yourtoken", BaseURL: "http://127.0.0.1:1"}
	r := post(route+"finishOrder", "token=yourtoken&app_key=yourappkey&sign=2A92A24BC0C7A16F80E65A2E3520FFFE&timestamp=2015-10-16+13%3A23%3A30&format=json&v=1.0"+
		"&jd_param_json=%7B%22billId%22%3A%2210003129%22%2C%22statusId%22%3A%2233060%22%2C%22timestamp%22%3A%222015-10-16+13%3A23%3A30%22%7D")
	r.Now = time.Date(2015, 10, 16, 13, 30, 0, 0, shanghai)
	require.Equal(t, upstream.Push{Kind: upstream.KindProbe, No: "10003129"}, decode(t, cfg, r))
}

func TestMessages(t *testing.T) {
	t.Parallel()
	cfg := home()
	cfg.Notices = []string{"pushDeliveryStatus"}
	const over = `{"billId":2615400000000123456,"statusId":20020,"timestamp":"2026-11-02 12:00:00","remark":"客服取消"}`
	for name, tc := range map[string]struct {
		message, content string
		kind             upstream.Kind
		by               string
	}{
		"new":                        {"newOrder", thin, upstream.KindCreate, ""},
		"new, numbers":               {"newOrder", `{"billId":2615400000000123456,"statusId":41000}`, upstream.KindCreate, ""},
		"the customer wants out":     {"applyCancelOrder", wish, upstream.KindCancel, "customer"},
		"over":                       {"userCancelOrder", over, upstream.KindCancel, "platform"},
		"delivering":                 {"deliveryOrder", `{"billId":"2615400000000123456","statusId":"33040"}`, upstream.KindProbe, ""},
		"delivered":                  {"finishOrder", thin, upstream.KindProbe, ""},
		"delivered, the other name":  {"orderFinish", thin, upstream.KindProbe, ""},
		"a name that was configured": {"pushDeliveryStatus", thin, upstream.KindProbe, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decode(t, cfg, push(tc.message, tc.content, systemTime()))
			require.Equal(t, number, got.No)
			require.Equal(t, tc.kind, got.Kind)
			require.Equal(t, tc.kind == upstream.KindCancel, got.Cancel != nil)
			if got.Cancel != nil {
				require.Equal(t, tc.by, got.Cancel.By)
			}
		})
	}
}

// A repeat after the order has moved on is the same order still; the wish to cancel and
// the end that follows it are two commands.
func TestRepeats(t *testing.T) {
	t.Parallel()
	first := decode(t, home(), push("newOrder", thin, systemTime()))
	later := decode(t, home(), push("newOrder", `{"billId":"2615400000000123456","statusId":"41000","remark":"x"}`, systemTime()))
	require.Equal(t, first, later)
	wanted := decode(t, home(), push("applyCancelOrder", wish, systemTime()))
	done := decode(t, home(), push("userCancelOrder", `{"billId":"2615400000000123456","statusId":"20020"}`, systemTime()))
	require.NotEqual(t, wanted.Cancel.Key, done.Cancel.Key)
	require.NotEqual(t, wanted.Hash, done.Hash)
}

func TestVerifyVariants(t *testing.T) {
	t.Parallel()
	values := map[string]string{"app_key": "jd-test-app", "token": "jd-test-token", "timestamp": written(systemTime()), "jd_param_json": thin, "encrypt_jd_param_json": ""}
	in := signed(values)
	r := post(route+"newOrder", in.Encode())
	require.Equal(t, number, decode(t, home(), r).No, "an empty parameter is signed like any other")

	r = post(route+"newOrder", "")
	r.RawQuery = in.Encode()
	require.Equal(t, number, decode(t, home(), r).No, "parameters in the query")

	delete(values, "encrypt_jd_param_json")
	short := signed(values)
	short.Set("encrypt_jd_param_json", "")
	cfg := home()
	cfg.SkipEmpty = true
	require.Equal(t, number, decode(t, cfg, post(route+"newOrder", short.Encode())).No, "empty parameters left out")

	values["token"] = "former"
	cfg = home()
	cfg.OldTokens = []string{"older", "former"}
	require.Equal(t, number, decode(t, cfg, post(route+"newOrder", signed(values).Encode())).No, "a token on its way out")
}

func TestConfig(t *testing.T) {
	t.Parallel()
	const good = `{"app_key":"a","secret":"s","token":"t","base_url":"https://openapi.jddj.com/djapi"`
	for name, tc := range map[string]struct{ text, says string }{
		"good": {good + `,"old_tokens":["o"],"skip_empty":true,"notices":["n"],"max_age":"1h","max_value_fen":100,"default_weight_g":500,
			"shop_fields":["produceStationNo"],"coord_types":{"3":"bd09"},"immediate":"1h","operator":"o","retry_codes":["1"],"refusal_codes":["2"],"carriers":{"uupt":"1"},
			"tracking":{"fields":{"order":"billId"},"statuses":{"assigned":"1"}}}`, ""},
		"unknown field":   {good + `,"max_agee":"1h"}`, "max_agee"},
		"nothing":         {`{}`, "token is missing"},
		"bad base_url":    {`{"app_key":"a","secret":"s","token":"t","base_url":"openapi"}`, "base_url"},
		"money negative":  {good + `,"max_value_fen":-1}`, "negative"},
		"money fraction":  {good + `,"max_value_fen":1.5}`, "1.5"},
		"no such datum":   {good + `,"coord_types":{"3":"wgs84"}}`, "coord_types[3]"},
		"no such shop":    {good + `,"shop_fields":["shop"]}`, "shop_fields"},
		"no such word":    {good + `,"tracking":{"fields":{"colour":"x"}}}`, "colour"},
		"not tracked":     {good + `,"tracking":{"statuses":{"delivered":"40"}}}`, "delivered"},
		"dev credentials": {`{"app_key":"a","secret":"s","token":"jd-test-token","base_url":"https://x"}`, "development credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := jd.ParseConfig([]byte(tc.text))
			if err == nil {
				_, err = jd.New(cfg, offline)
			}
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
		})
	}
}

// FuzzDecode signs whatever content it is given, so that what lies behind the signature is
// reached too.
func FuzzDecode(f *testing.F) {
	f.Add("newOrder", thin)
	f.Add("applyCancelOrder", wish)
	f.Add("userCancelOrder", `{"billId":1,"statusId":20020}`)
	f.Add("newOrder", `{"billId":"\u0000","statusId":{}}`)
	a, err := jd.New(home(), offline)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, message, content string) {
		_, _ = a.Decode(post(route+message, content))
		got, err := a.Decode(push(message, content, systemTime()))
		if err != nil {
			var e *upstream.Error
			require.ErrorAs(t, err, &e)
			require.NotEqual(t, upstream.BadSignature, e.Reason)
			return
		}
		require.Regexp(t, `^[1-9][0-9]{0,19}$`, got.No)
		require.Equal(t, got.Kind == upstream.KindCreate, got.Create != nil)
		require.Equal(t, got.Kind == upstream.KindCancel, got.Cancel != nil)
	})
}
