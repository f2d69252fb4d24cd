package fengniao_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/fengniao"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

const (
	secret   = "fn-test-secret-0001"
	appID    = "6000000000000000001"
	merchant = "1000001"
	access   = "fn-access-token-0001"
	key      = appID + ":" + merchant
	ourNo    = "7301234567890123456002"
	fnNo     = "100000000000000001"
)

func fen(v money.Fen) *money.Fen { return &v }

func systemTime() time.Time { return carriertest.SystemTime }

func devConfig(base string) fengniao.Config {
	return fengniao.Config{BaseURL: base, AppID: appID, Secret: secret, MerchantID: merchant, AllowDev: true}
}

// authorised is a store that holds a token for half a year more.
func authorised(t testing.TB) *fengniao.MemoryTokens {
	t.Helper()
	store := fengniao.NewMemoryTokens()
	require.NoError(t, store.Save(t.Context(), key, yearly(access, "fn-refresh-0001", -182*24*time.Hour)))
	return store
}

const year = 365 * 24 * time.Hour

// yearly is a token that was issued some time before or after the suite's time.
func yearly(access, refresh string, issued time.Duration) fengniao.Token {
	at := systemTime().Add(issued)
	return fengniao.Token{Access: access, Refresh: refresh, IssuedAt: at, ExpiresAt: at.Add(year), RefreshBy: at.Add(year + 7*24*time.Hour)}
}

func TestSign(t *testing.T) {
	t.Parallel()
	fields := func(more ...string) map[string]string {
		f := map[string]string{"app_id": appID, "merchant_id": merchant, "timestamp": "1700000000000"}
		for i := 0; i < len(more); i += 2 {
			f[more[i]] = more[i+1]
		}
		return f
	}
	business := func(data string) map[string]string {
		return fields("access_token", access, "version", "1.0", "business_data", data)
	}
	for name, tc := range map[string]struct {
		fields map[string]string
		want   string
	}{
		"FN-1": {fields("code", "auth-code-0001", "grant_type", "authorization_code"), "8b8bae1c5746614ec95ead4534cf67f25122835cc7457afe597a20dc5ec0b9ac"},
		"FN-2": {fields("refresh_token", "fn-refresh-0001", "grant_type", "refresh_token"), "b7c236543d2a35dee7fb1969d774da35b22ada721d3e36109fdfe554d684b8c2"},
		"FN-3": {business(`{"order_id":100000000000000001}`), "5c3fb76ac0aad4a15b47d569854adf6ad8fb0314a6015615621e42cb42ed2e67"},
		"FN-4": {business(`{"receiver_address":"上海市普陀区近铁城市广场"}`), "8893989997ebff5eecf769a6f750431e4174ff49696c50609e845508c99d0d7c"},
		"FN-5": {map[string]string{"app_id": appID, "timestamp": "1700000060000", "business_data": vectorData}, vectorSign},
		"empty values and the signature itself are left out": {
			map[string]string{"app_id": appID, "timestamp": "1700000060000", "business_data": vectorData, "code": "", "signature": "x"}, vectorSign},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, fengniao.Sign(secret, tc.fields))
		})
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	carriertest.Run(t, carriertest.Harness{
		New: func(base string, deps settings.Deps, allowDev bool) (carrier.Adapter, error) {
			cfg := devConfig(base)
			cfg.AllowDev = allowDev
			return fengniao.New(cfg, deps, authorised(t))
		},
		Place: carrier.PlaceRequest{QuoteRequest: carriertest.Sample(ourNo), Token: "32:63", Price: 900},
		Ref:   carrier.Ref{OurNo: ourNo, CarrierNo: fnNo},
		Extra: []string{"tip", "position"},
		Want: carriertest.Want{
			Facts:  carrier.Facts{Account: "main", SignedPush: true, QuietFine: true, PriceAtEnd: true, QuoteTTL: 5 * time.Minute, TipUnit: 1},
			Quote:  carrier.Quote{Token: "32:63", Price: 900, TTL: 5 * time.Minute, DistanceM: 2210},
			Placed: carrier.Placed{CarrierNo: fnNo},
			Fee:    200,
			Cancel: carrier.CancelResult{Penalty: fen(0)},
			Status: carrier.Status{
				Carrier: "fengniao", OurNo: ourNo, CarrierNo: fnNo, State: carrier.Delivered, Code: "3",
				Rider: order.Rider{Name: "王五", Phone: "13700000000"}, Charged: fen(1100), Verified: true,
			},
			Balance: 9987654,
			Located: carrier.Location{Rider: order.Rider{Name: "王五", Phone: "13700000000"}, Position: &geo.Point{Lng: 120.1433, Lat: 30.2804}},
		},
		Stores:   []string{"quote", "place"},
		Balances: carriertest.Balances{Answer: func(b string) string { return says(`{"amount_cent":` + b + `}`) }, Lacks: says(`{}`)},
		Refusals: refusals(),
		Garbage:  []string{`{"msg":"no code"}`, `{"code":[200]}`, `{"code":"200","business_data":{"order_id":1}}`, `{"code":"200","business_data":"[]"}`, `{"code":"200","business_data":"{\"order_id\""}`},
		Pushes:   pushes(t),
		Attacks:  attacks(t),
		Replies: []carriertest.Reply{
			carriertest.Answer("received", nil, 200, `{"result":"OK"}`),
			carriertest.Answer("send again", &carrier.Error{Kind: carrier.KindTemporary}, 503, `{"result":"FAIL"}`),
			carriertest.Answer("anything unknown: send again", errors.New("no broker"), 503, `{"result":"FAIL"}`),
			carriertest.Answer("refused", carrier.BadPush("fengniao", carrier.KindBadRequest, "param is missing"), 400, `{"result":"FAIL","message":"param is missing"}`),
			carriertest.Answer("forged", carrier.BadPush("fengniao", carrier.KindForged, "signature does not hold"), 403, `{"result":"FAIL","message":"signature does not hold"}`),
		},
	})
}

// says is a successful answer.
func says(data string) string {
	return fmt.Sprintf(`{"sign":"","code":"200","msg":"success","business_data":%q}`, data)
}

func fails(code, msg string) string {
	return fmt.Sprintf(`{"sign":"","code":%q,"msg":%q,"business_data":null}`, code, msg)
}

func refusals() []carriertest.Refusal {
	refuse := carriertest.Refuse
	line := func(fields string) string { return says(`{"distance":1,"goods_infos":[` + fields + `]}`) }
	return []carriertest.Refusal{
		refuse("no product", "quote", line(`{"service_goods_id":1,"is_valid":0,"disable_reason":"附近运力紧张"}`), carrier.KindNoCapacity),
		refuse("too far", "quote", line(`{"service_goods_id":1,"is_valid":"0","disable_reason":"超出配送范围"}`), carrier.KindOutOfArea),
		refuse("invalid for a reason of no row", "quote", line(`{"service_goods_id":1,"is_valid":false,"disable_reason":"未签约"}`), carrier.KindRefused),
		refuse("no capacity", "quote", fails("500070", "无运力"), carrier.KindNoCapacity),
		refuse("beyond the limit", "quote", fails("500060", ""), carrier.KindOutOfArea),
		refuse("no lines", "quote", says(`{"distance":1}`), carrier.KindTemporary),
		refuse("price missing", "quote", line(`{"service_goods_id":1,"is_valid":1}`), carrier.KindTemporary),
		refuse("price finer than 分", "quote", line(`{"service_goods_id":1,"is_valid":1,"actual_delivery_amount_cent":9.5}`), carrier.KindTemporary),
		refuse("price negative", "quote", line(`{"service_goods_id":1,"is_valid":1,"actual_delivery_amount_cent":-1}`), carrier.KindTemporary),
		refuse("product missing", "quote", line(`{"is_valid":1,"actual_delivery_amount_cent":900}`), carrier.KindTemporary),
		refuse("product is no number", "quote", line(`{"service_goods_id":"1,2","is_valid":1,"actual_delivery_amount_cent":900}`), carrier.KindTemporary),
		refuse("lines are an object", "quote", says(`{"goods_infos":{"is_valid":1}}`), carrier.KindTemporary),
		refuse("duplicate number", "place", fails("50011", "partner_order_code"), carrier.KindDuplicate),
		refuse("duplicate in words", "place", fails("1", "订单号重复"), carrier.KindDuplicate),
		refuse("balance", "place", fails("1", "账户余额不足"), carrier.KindBalanceLow),
		refuse("nobody to ride", "place", `{"code":500070,"msg":"no capacity"}`, carrier.KindNoCapacity),
		refuse("overweight", "place", fails("500100", "超重"), carrier.KindRefused),
		refuse("request failed", "place", fails("40000", "请求失败"), carrier.KindTemporary),
		refuse("system busy", "place", fails("1", "系统繁忙"), carrier.KindTemporary),
		refuse("signature", "place", fails("40002", "签名错误"), carrier.KindRateLimited),
		refuse("token", "place", fails("40004", "token错误"), carrier.KindRateLimited),
		refuse("a code of no row is final", "place", fails("50010", "必填字段"), carrier.KindRefused),
		refuse("number missing", "place", says(`{}`), carrier.KindTemporary),
		refuse("number is text", "place", says(`{"order_id":"E1"}`), carrier.KindTemporary),
		refuse("number with digits lost", "place", says(`{"order_id":1e17}`), carrier.KindTemporary),
		refuse("no answer at all", "place", `{"code":"200","msg":"success"}`, carrier.KindTemporary),
		refuse("unknown order", "query", fails("50037", ""), carrier.KindNotFound),
		refuse("not made yet", "query", fails("50026", ""), carrier.KindTemporary),
		refuse("another order", "query", says(`{"order_id":100000000000000002,"order_status":1}`), carrier.KindTemporary),
		refuse("another number of ours", "query", says(`{"partner_order_code":"x","order_status":1}`), carrier.KindTemporary),
		refuse("state that is not known", "query", says(`{"order_status":99}`), carrier.KindBadRequest),
		refuse("state missing", "query", says(`{}`), carrier.KindTemporary),
		refuse("fee moved", "cancel", fails("50101", "取消费用已变化"), ""),
		refuse("not in this state", "cancel", fails("50102", "已取货"), ""),
		refuse("cancel of an unknown order", "cancel", fails("50037", ""), carrier.KindNotFound),
		refuse("the canceller is not believed", "cancel", fails("40004", ""), carrier.KindRateLimited),
		refuse("fee missing", "cancel_fee", says(`{}`), carrier.KindTemporary),
		refuse("fee negative", "cancel_fee", says(`{"actual_cancel_cost_cent":-1}`), carrier.KindTemporary),
		refuse("too fast", "cancel_fee", fails("1", "请求过于频繁"), carrier.KindRateLimited),
		refuse("tip too late", "tip", fails("50102", "已取货"), carrier.KindRefused),
		refuse("tip beyond the balance", "tip", fails("1", "余额不足"), carrier.KindBalanceLow),
		refuse("tip in doubt", "tip", fails("40000", ""), carrier.KindTemporary),
		refuse("rider of an unknown order", "position", fails("50037", ""), carrier.KindNotFound),
		refuse("rider's name is a list", "position", says(`{"name":[]}`), carrier.KindTemporary),
		refuse("balance missing", "balance", says(`{}`), carrier.KindTemporary),
		refuse("balance asked with a wrong signature", "balance", fails("40002", "签名错误"), carrier.KindRateLimited),
	}
}

// party is a 蜂鸟 that gives one answer and keeps the last request.
func party(t *testing.T, change func(*fengniao.Config), answer string) (*fengniao.Adapter, *string) {
	t.Helper()
	asked := new(string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*asked = r.URL.Path + "\n" + string(body) + "\n"
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	cfg := devConfig(s.URL)
	if change != nil {
		change(&cfg)
	}
	a, err := fengniao.New(cfg, settings.Deps{HTTP: s.Client(), System: systemTime}, authorised(t))
	require.NoError(t, err)
	return a, asked
}

func TestQueryStates(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fields string
		want   carrier.Status
	}{
		"made":            {`"order_status":0`, carrier.Status{State: carrier.Waiting, Code: "0"}},
		"waiting":         {`"order_status":"1","order_actual_amount_cent":900`, carrier.Status{State: carrier.Waiting, Code: "1", Charged: fen(900)}},
		"accepted":        {`"order_status":20,"carrier_driver_name":"李四"`, carrier.Status{State: carrier.Accepted, Code: "20", Rider: order.Rider{Name: "李四"}}},
		"at shop":         {`"order_status":80`, carrier.Status{State: carrier.Arrived, Code: "80"}},
		"picked up":       {`"order_status":2`, carrier.Status{State: carrier.PickedUp, Code: "2"}},
		"cancelled by us": {`"order_status":4,"abnormal_code":"MERCHANT_CANCEL","order_actual_amount_cent":900`, carrier.Status{State: carrier.Cancelled, Code: "4", SubCode: "MERCHANT_CANCEL", EndedBy: carrier.ByUs}},
		"given up":        {`"order_status":4,"abnormal_code":"CARRIER_CANCEL"`, carrier.Status{State: carrier.Cancelled, Code: "4", SubCode: "CARRIER_CANCEL", EndedBy: carrier.ByRider}},
		"cancelled":       {`"order_status":4`, carrier.Status{State: carrier.Cancelled, Code: "4"}},
		"nobody came":     {`"order_status":5,"abnormal_code":"NO_CARRIER_ERROR","abnormal_desc":"无骑手接单"`, carrier.Status{State: carrier.Cancelled, Code: "5", SubCode: "NO_CARRIER_ERROR", EndedBy: carrier.ByNobody, Reason: "无骑手接单"}},
		"another fault":   {`"order_status":5,"abnormal_code":"MERCHANT_FOOD_ERROR"`, carrier.Status{State: carrier.Cancelled, Code: "5", SubCode: "MERCHANT_FOOD_ERROR", EndedBy: carrier.ByCarrier}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := party(t, nil, says(`{"order_id":"`+fnNo+`",`+tc.fields+`}`))
			got, err := a.Query(t.Context(), carrier.Ref{OurNo: ourNo, CarrierNo: fnNo})
			require.NoError(t, err)
			tc.want.Carrier, tc.want.OurNo, tc.want.CarrierNo, tc.want.Verified = "fengniao", ourNo, fnNo, true
			require.Equal(t, tc.want, got)
		})
	}
}

func TestTipsBesideTheAmount(t *testing.T) {
	t.Parallel()
	a, _ := party(t, func(c *fengniao.Config) { c.WithoutTips = true }, says(`{"order_status":3,"order_actual_amount_cent":900,"order_tip_amount_cent":200}`))
	got, err := a.Query(t.Context(), carrier.Ref{OurNo: ourNo})
	require.NoError(t, err)
	require.Equal(t, fen(1100), got.Charged)
}

func TestOnlyOurNumberIsKnown(t *testing.T) {
	t.Parallel()
	a, asked := party(t, nil, says(`{"order_id":`+fnNo+`,"order_status":1}`))
	got, err := a.Query(t.Context(), carrier.Ref{OurNo: ourNo})
	require.NoError(t, err)
	require.Equal(t, fnNo, got.CarrierNo)
	require.Contains(t, *asked, `"business_data":"{\"partner_order_code\":\"`+ourNo+`\"}"`)
}

func TestNoTip(t *testing.T) {
	t.Parallel()
	a, asked := party(t, nil, says(""))
	for _, bad := range []carrier.TipRequest{{Add: 0, Total: 1}, {Add: -1, Total: 1}, {Add: 2, Total: 1}} {
		bad.Ref = carrier.Ref{OurNo: ourNo}
		_, err := a.Tip(t.Context(), bad)
		require.Equal(t, carrier.KindRefused, carrier.KindOf(err))
	}
	_, err := a.Tip(t.Context(), carrier.TipRequest{Add: 1, Total: 1})
	require.Equal(t, carrier.KindNotSent, carrier.KindOf(err))
	require.Empty(t, *asked)
}

func TestLocate(t *testing.T) {
	t.Parallel()
	ref := carrier.Ref{OurNo: ourNo, CarrierNo: fnNo}
	door := geo.Point{Lng: 120.1433, Lat: 30.2804}
	lng, lat := door.BD09()
	a, _ := party(t, func(c *fengniao.Config) { c.KnightLng, c.KnightLat, c.KnightBD09 = "lng", "lat", true }, says(fmt.Sprintf(`{"lng":%f,"lat":"%f"}`, lng, lat)))
	got, err := a.Locate(t.Context(), ref)
	require.NoError(t, err)
	require.LessOrEqual(t, got.Position.Metres(door), 1)

	a, _ = party(t, nil, says(`{}`))
	got, err = a.Locate(t.Context(), ref)
	require.NoError(t, err)
	require.Equal(t, carrier.Location{}, got, "nobody yet")
	_, err = a.Locate(t.Context(), carrier.Ref{})
	require.Equal(t, carrier.KindNotSent, carrier.KindOf(err))
}

func TestCancelNamesTheAgreedCost(t *testing.T) {
	t.Parallel()
	a, asked := party(t, func(c *fengniao.Config) { c.CancelCode = "6" }, says(""))
	got, err := a.Cancel(t.Context(), carrier.CancelRequest{Ref: carrier.Ref{CarrierNo: fnNo}, Reason: strings.Repeat("顾客取消", 6), AgreeTo: fen(200)})
	require.NoError(t, err)
	require.Equal(t, carrier.CancelResult{Penalty: fen(200)}, got)
	require.Contains(t, *asked, `\"order_cancel_code\":6,\"actual_cancel_cost_cent\":200,\"order_cancel_other_reason\":\"`+strings.Repeat("顾客取消", 5)+`\",\"order_cancel_role\":1}`)

	a, _ = party(t, nil, says(`{"actual_cancel_cost_cent":150}`))
	got, err = a.Cancel(t.Context(), carrier.CancelRequest{Ref: carrier.Ref{CarrierNo: fnNo}, AgreeTo: fen(200)})
	require.NoError(t, err)
	require.Equal(t, fen(150), got.Penalty, "what the answer states counts")
}

func TestStoresProductsAndWords(t *testing.T) {
	t.Parallel()
	quoted := says(`{"distance":1,"goods_infos":[{"service_goods_id":1,"is_valid":1,"actual_delivery_amount_cent":100},{"service_goods_id":2,"is_valid":1,"actual_delivery_amount_cent":900}]}`)
	a, asked := party(t, func(c *fengniao.Config) { c.OutShopCode, c.ServiceGoodsID = "qf-shop-0001", "2" }, quoted)
	q := carriertest.Sample(ourNo)
	q.Detail.Goods.WeightG = 0
	got, err := a.Quote(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, "2:", got.Token)
	require.EqualValues(t, 900, got.Price)
	require.Contains(t, *asked, `\"out_shop_code\":\"qf-shop-0001\",\"order_type\":1`)
	require.NotContains(t, *asked, "transport_")
	require.Contains(t, *asked, `\"goods_weight\":1,`, "an unknown weight is one kilogram")

	a, asked = party(t, func(c *fengniao.Config) { c.ChainStoreID, c.OmitRemark, c.PhoneSeparator = "77", true, "_" }, says(`{"order_id":1}`))
	q.Detail.To.Name, q.Detail.Goods.Category, q.Detail.Goods.WeightG = "", "brick", 12050
	_, err = a.Place(t.Context(), carrier.PlaceRequest{QuoteRequest: q, Token: "2:"})
	require.NoError(t, err)
	for _, part := range []string{`\"chain_store_id\":77`, `\"goods_weight\":12.05,`, `\"item_name\":\"商品\"`, `\"receiver_name\":\"顾客\"`, `13812345678_1234`} {
		require.Contains(t, *asked, part)
	}
	require.NotContains(t, *asked, "order_remark")
	require.NotContains(t, *asked, "base_goods_id")

	for _, token := range []string{":1", "x:1", "1:x", "01:2", "99999999999999999999:1"} {
		_, err = a.Place(t.Context(), carrier.PlaceRequest{QuoteRequest: q, Token: token})
		require.Equal(t, carrier.KindRefused, carrier.KindOf(err), token)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	const good = `{"base_url":"https://open-anubis.ele.me/anubis-webapi","app_id":"1","secret":"s","merchant_id":"2"`
	for name, tc := range map[string]struct{ text, says string }{
		"good":               {good + `,"callback_max_age":"1h","renew_ahead":"48h","cancel_code":"6","callback_reply":"{\"code\":200}","sandbox":true}`, ""},
		"unknown field":      {good + `,"key":"x"}`, "key"},
		"nothing":            {`{}`, "secret is missing"},
		"no address":         {`{"app_id":"1","secret":"s","merchant_id":"2"}`, "base_url"},
		"cancel code":        {good + `,"cancel_code":"六"}`, "cancel_code"},
		"store":              {good + `,"chain_store_id":"a"}`, "chain_store_id"},
		"product":            {good + `,"service_goods_id":"-1"}`, "service_goods_id"},
		"reply":              {good + `,"callback_reply":"OK"}`, "callback_reply"},
		"refusals":           {good + `,"refusals":[{"kind":"refused"}]}`, "refusals[0]"},
		"trailing":           {good + `}x`, "settings"},
		"negative age":       {good + `,"callback_max_age":"-1h"}`, "-1h"},
		"one dev credential": {`{"base_url":"https://x","app_id":"1","secret":"fn-test-secret-0001","merchant_id":"2"}`, "development credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := fengniao.ParseConfig([]byte(tc.text))
			if err == nil {
				_, err = fengniao.New(cfg, settings.Deps{HTTP: http.DefaultClient, System: systemTime}, nil)
			}
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// FuzzAnswers gives every call any answer: what comes back is a sound result or an error.
func FuzzAnswers(f *testing.F) {
	for _, name := range []string{"quote", "place", "query", "cancel_fee", "cancel", "balance", "tip", "position"} {
		raw, err := os.ReadFile("testdata/" + name + ".answer")
		require.NoError(f, err)
		f.Add(string(raw))
	}
	f.Add(says(`{"access_token":"a","refresh_token":"b","expire_in":1,"re_expire_in":99999999999999999}`))
	f.Fuzz(func(t *testing.T, answer string) {
		client := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer))}, nil
		})}
		a, err := fengniao.New(devConfig("http://127.0.0.1:1"), settings.Deps{HTTP: client, System: systemTime}, authorised(t))
		require.NoError(t, err)
		ctx, ref := t.Context(), carrier.Ref{OurNo: ourNo, CarrierNo: fnNo}
		if q, err := a.Quote(ctx, carriertest.Sample(ourNo)); err == nil {
			require.NotEmpty(t, q.Token)
			require.GreaterOrEqual(t, q.Price, money.Fen(0))
			_, err = a.Place(ctx, carrier.PlaceRequest{QuoteRequest: carriertest.Sample(ourNo), Token: q.Token})
			require.NotEqual(t, carrier.KindNotSent, carrier.KindOf(err), "a quote's token can be placed")
		}
		if s, err := a.Query(ctx, ref); err == nil {
			require.Equal(t, ref, carrier.Ref{OurNo: s.OurNo, CarrierNo: s.CarrierNo})
			require.NotEmpty(t, s.State)
		}
		if fee, err := a.CancelFee(ctx, ref); err == nil {
			require.GreaterOrEqual(t, fee, money.Fen(0))
		}
		_, _ = a.Locate(ctx, ref)
		_, _ = a.Balance(ctx)
		_, _ = a.Cancel(ctx, carrier.CancelRequest{Ref: ref})
		_ = a.Authorise(ctx, "code")
	})
}
