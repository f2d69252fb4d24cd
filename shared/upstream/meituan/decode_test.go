package meituan_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/meituan"
	"github.com/stretchr/testify/require"
)

func decode(t *testing.T, cfg meituan.Config, r upstream.Request) upstream.Push {
	t.Helper()
	a, err := meituan.New(cfg, offline)
	require.NoError(t, err)
	got, err := a.Decode(r)
	require.NoError(t, err)
	return got
}

func dev() meituan.Config { return devConfig("http://127.0.0.1:1") }

func TestProbe(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		r := post("/upstream/meituan/anything", "")
		r.Method = method
		require.Equal(t, upstream.Push{Kind: upstream.KindProbe}, decode(t, dev(), r))
	}
}

func TestPushByGET(t *testing.T) {
	t.Parallel()
	r := post(paid, "")
	r.Method, r.RawQuery = http.MethodGet, signed(paid, content(), systemTime()).Encode()
	got := decode(t, dev(), r)
	want := wantCreate()
	want.Hash = got.Hash
	require.Equal(t, want, got)
}

// What may differ between good pushes.
func TestCreateVariants(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change map[string]string
		want   func(*upstream.Create)
	}{
		"×10⁶":             {map[string]string{"longitude": "120142300", "latitude": "30285600"}, func(*upstream.Create) {}},
		"plain phone":      {map[string]string{"recipient_phone": "+86 138-0000-0000"}, func(c *upstream.Create) { c.Detail.To.Phone, c.Detail.To.Ext = "13800000000", "" }},
		"long text plain":  {map[string]string{"caution": "少辣+香菜"}, func(c *upstream.Create) { c.Detail.Goods.Remark = "少辣+香菜" }},
		"only looked up":   {map[string]string{"recipient_address": "@#教工路"}, func(c *upstream.Create) { c.Detail.To.Address = "教工路" }},
		"only written":     {map[string]string{"recipient_address": "教工路"}, func(c *upstream.Create) { c.Detail.To.Address = "教工路" }},
		"no weight":        {map[string]string{"total_weight": "-"}, func(c *upstream.Create) { c.Detail.Goods.WeightG = 1000 }},
		"weight 0":         {map[string]string{"total_weight": "0"}, func(c *upstream.Create) { c.Detail.Goods.WeightG = 1000 }},
		"most money":       {map[string]string{"total": "100000"}, func(c *upstream.Create) { c.Detail.Goods.Value = 100_000_00 }},
		"no money":         {map[string]string{"total": "0.00"}, func(c *upstream.Create) { c.Detail.Goods.Value = 0 }},
		"scheduled":        {map[string]string{"delivery_time": "1793610000"}, func(c *upstream.Create) { at := time.Unix(1793610000, 0).UTC(); c.Detail.ExpectedAt = &at }},
		"not degraded":     {map[string]string{"incmp_code": "0"}, func(*upstream.Create) {}},
		"degraded, whole":  {map[string]string{"incmp_code": "-1"}, func(*upstream.Create) {}},
		"degraded, no sum": {map[string]string{"incmp_code": "-1", "total": "-"}, func(c *upstream.Create) { c.Detail.Goods.Value, c.Degraded = 0, []string{"total"} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decode(t, dev(), push(paid, with(content(), tc.change), systemTime()))
			want := wantCreate()
			tc.want(want.Create)
			require.Equal(t, want.Create, got.Create)
		})
	}
}

func TestCancelVariants(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path   string
		change map[string]string
		by     string
	}{
		"by the merchant":         {cancel, map[string]string{"deal_op_type": "2"}, "merchant"},
		"by 客服":                   {cancel, map[string]string{"deal_op_type": "3"}, "platform"},
		"by nobody named":         {cancel, map[string]string{"deal_op_type": "-"}, "platform"},
		"told by its fields":      {"/upstream/meituan/push", nil, "customer"},
		"told by its reason code": {"/upstream/meituan/push", map[string]string{"deal_op_type": "-"}, "platform"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decode(t, dev(), push(tc.path, with(cancelContent(), tc.change), systemTime()))
			require.Equal(t, upstream.KindCancel, got.Kind)
			require.Equal(t, tc.by, got.Cancel.By)
		})
	}
}

// The registered URL is configuration, because a load balancer hides it.
func TestRegisteredURL(t *testing.T) {
	t.Parallel()
	under := func(address, path string) upstream.Request {
		params := with(content(), map[string]string{"app_id": "1001", "timestamp": "1793600000"})
		params["sig"] = meituan.Sign(address, params, secret)
		form := url.Values{}
		for k, v := range params {
			form.Set(k, v)
		}
		return post(path, form.Encode())
	}
	received := dev()
	received.PushURL = "as-received"
	decode(t, received, under("http://10.0.0.1:9000"+paid, paid))

	mapped := dev()
	mapped.PushURLs = map[string]string{"/upstream/": "https://wrong.example.com/", "/upstream/meituan/": "https://agg.example.com/mt/"}
	decode(t, mapped, under("https://agg.example.com/mt/order/paid", paid))

	based := dev()
	based.PushURL = "https://agg.example.com/base/"
	decode(t, based, under("https://agg.example.com/base"+paid, paid))
}

func TestConfiguredCodes(t *testing.T) {
	t.Parallel()
	cfg := dev()
	cfg.ErrorCodes = map[upstream.Reason]int{upstream.BadMoney: 7}
	a, err := meituan.New(cfg, offline)
	require.NoError(t, err)
	w := httptest.NewRecorder()
	a.Answer(w, upstream.Push{}, upstream.Result{Err: upstream.Refuse(upstream.BadMoney, "total", "negative")})
	require.JSONEq(t, `{"data":"ng","error":{"code":7,"msg":"bad_money total: negative"}}`, w.Body.String())
}

// FuzzDecode signs whatever form it is given, so that what lies behind the signature is
// reached too.
func FuzzDecode(f *testing.F) {
	f.Add(paid, signed(paid, content(), systemTime()).Encode())
	f.Add(cancel, signed(cancel, cancelContent(), systemTime()).Encode())
	f.Add(paid, "incmp_code=1&order_id=1&app_poi_code=x")
	f.Add(paid, "latitude=1e309&longitude=%ff&total=-0")
	a, err := meituan.New(dev(), offline)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, path, body string) {
		_, _ = a.Decode(post(path, body))
		values, err := url.ParseQuery(body)
		if err != nil {
			return
		}
		fields := map[string]string{}
		for name := range values {
			fields[name] = values.Get(name)
		}
		delete(fields, "sig")
		got, err := a.Decode(push(path, fields, systemTime()))
		if err != nil {
			var e *upstream.Error
			require.ErrorAs(t, err, &e)
			require.NotEqual(t, upstream.BadSignature, e.Reason)
			return
		}
		require.NotEmpty(t, got.No)
		if got.Kind == upstream.KindCreate {
			c := got.Create
			require.True(t, c.Detail.To.Point.InChina() || len(c.Degraded) > 0)
			require.True(t, c.Detail.Goods.Value >= 0 && c.Detail.Goods.Value <= money.Fen(100_000_00))
			require.Positive(t, c.Detail.Goods.WeightG)
			require.NotContains(t, c.Detail.To.Phone, "_")
			require.False(t, strings.Contains(c.ShopCode, "\xff"))
		}
	})
}
