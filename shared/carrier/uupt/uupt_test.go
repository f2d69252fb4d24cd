package uupt_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/uupt"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

const (
	appKey = "uu-test-app-key-0001"
	ourNo  = "7301234567890123456002"
	uuNo   = "240812164010379000014456"
)

func fen(v money.Fen) *money.Fen { return &v }

func systemTime() time.Time { return carriertest.SystemTime }

func devConfig(base string) uupt.Config {
	return uupt.Config{
		BaseURL: base, AppID: "uu-test-app-id", AppKey: appKey, OpenID: "uu-test-open-id",
		CallbackURL: "https://agg.example.com/carrier/uupt", AllowDev: true,
	}
}

func newDev(base string, deps settings.Deps, allowDev bool) (carrier.Adapter, error) {
	cfg := devConfig(base)
	cfg.AllowDev = allowDev
	return uupt.New(cfg, deps)
}

// The reference's computed vectors of version 3.
func TestSign(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ biz, timestamp, want string }{
		"UU3-1": {`{"cityName":"郑州市","fromAddress":"郑州市金水区花园路","sendType":"SEND","toAddress":"郑州市二七区大学路"}`, "1700000000", "0789A54FC8ECD1001D454DE064633AC5"},
		"UU3-2": {`{"orderCode":"240812164010379000014456"}`, "1700000000", "A9979433871080B732A76732E2592031"},
		"UU3-3": {`{}`, "1700000000", "5E4B74ED077C5F9004AAD9818F2CE98E"},
		"UU3-4": {vectorBiz, "1700000060", "F1A86E21B669CC3E1198047BB00904E4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, uupt.Sign(tc.biz, appKey, tc.timestamp))
		})
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	carriertest.Run(t, carriertest.Harness{
		New: newDev,
		Place: carrier.PlaceRequest{
			QuoteRequest: carriertest.Sample(ourNo), Token: "3f6a0c1e2b7d4f0a", Price: 900,
		},
		Ref: carrier.Ref{OurNo: ourNo, CarrierNo: uuNo},
		Want: carriertest.Want{
			Facts:  carrier.Facts{Account: "main", SignedPush: true, QuietFine: true, QuoteTTL: 5 * time.Minute, TipUnit: 100},
			Quote:  carrier.Quote{Token: "3f6a0c1e2b7d4f0a", Price: 900, TTL: 300 * time.Second, DistanceM: 2210},
			Placed: carrier.Placed{CarrierNo: uuNo},
			Fee:    300,
			Cancel: carrier.CancelResult{Penalty: fen(200)},
			Status: carrier.Status{
				Carrier: "uupt", OurNo: ourNo, CarrierNo: uuNo, State: carrier.Delivered, Code: "10",
				Rider:   order.Rider{Name: "王五", Phone: "13700000000"},
				At:      time.Date(2023, 11, 14, 22, 40, 0, 0, time.UTC),
				Charged: fen(1000), Verified: true,
			},
			Balance: 9987654,
			Located: carrier.Location{Rider: order.Rider{Name: "王五", Phone: "13700000000"}, Position: riding()},
		},
		Extra:    []string{"tip", "position"},
		Balances: carriertest.Balances{Answer: func(b string) string { return `{"code":1,"body":{"balance":` + b + `}}` }, Lacks: `{"code":1,"body":{}}`},
		Refusals: refusals(),
		Garbage:  []string{`{"msg":"no code"}`, `{"code":[1]}`, `{"code":1,"body":"done"}`, `{"code":1,"body":[]}`},
		Pushes:   pushes(t),
		Attacks:  attacks(t),
		Replies: []carriertest.Reply{
			carriertest.Answer("received", nil, 200, `{"code":1,"msg":"success"}`),
			carriertest.Answer("send again", &carrier.Error{Kind: carrier.KindTemporary}, 503, `{"code":0,"msg":"fail"}`),
			carriertest.Answer("anything unknown: send again", errors.New("no broker"), 503, `{"code":0,"msg":"fail"}`),
			carriertest.Answer("refused", carrier.BadPush("uupt", carrier.KindBadRequest, "biz is missing"), 400, `{"code":0,"msg":"fail: biz is missing"}`),
			carriertest.Answer("forged", carrier.BadPush("uupt", carrier.KindForged, "sign does not hold"), 403, `{"code":0,"msg":"fail: sign does not hold"}`),
		},
	})
}

// riding is the place of the position's answer file, which is in BD-09.
func riding() *geo.Point {
	p := geo.FromBD09(120.1498, 30.2864)
	return &p
}

// What cannot be tipped is never sent.
func TestTipsAreWholeYuan(t *testing.T) {
	t.Parallel()
	a, err := uupt.New(devConfig("http://127.0.0.1:1"), settings.Deps{HTTP: http.DefaultClient, System: systemTime})
	require.NoError(t, err)
	for _, tip := range []carrier.TipRequest{{Add: 0, Total: 100}, {Add: -100, Total: 100}, {Add: 150, Total: 150}, {Add: 200, Total: 100}} {
		tip.CarrierNo = uuNo
		_, err := a.Tip(t.Context(), tip)
		require.Equal(t, carrier.KindRefused, carrier.KindOf(err), "%+v", tip)
	}
	_, err = a.Tip(t.Context(), carrier.TipRequest{Add: 100, Total: 100})
	require.Equal(t, carrier.KindNotSent, carrier.KindOf(err))
	_, err = a.Locate(t.Context(), carrier.Ref{OurNo: ourNo})
	require.Equal(t, carrier.KindNotSent, carrier.KindOf(err), "driverTrack takes orderCode only")
}

func refusals() []carriertest.Refusal {
	answer := func(code, msg string) string {
		return `{"code":` + code + `,"state":"` + code + `","msg":"` + msg + `","body":null}`
	}
	detail := func(fields string) string { return `{"code":1,"body":{` + fields + `}}` }
	return []carriertest.Refusal{
		carriertest.Refuse("no rider", "quote", answer("88100001", "当前区域运力不足"), carrier.KindNoCapacity),
		carriertest.Refuse("city not open", "quote", answer("88100001", "城市未开通"), carrier.KindOutOfArea),
		carriertest.Refuse("price finer than 分", "quote", detail(`"priceToken":"t","needPayMoney":9.5`), carrier.KindTemporary),
		carriertest.Refuse("price missing", "quote", detail(`"priceToken":"t"`), carrier.KindTemporary),
		carriertest.Refuse("token missing", "quote", detail(`"needPayMoney":900`), carrier.KindTemporary),
		carriertest.Refuse("quote expired", "place", answer("88100031", "失败"), carrier.KindExpired),
		carriertest.Refuse("code as text", "place", `{"code":"88100031","msg":""}`, carrier.KindExpired),
		carriertest.Refuse("balance", "place", answer("88100001", "账户余额不足"), carrier.KindBalanceLow),
		carriertest.Refuse("number used already", "place", answer("88100001", "originId重复"), carrier.KindDuplicate),
		carriertest.Refuse("token used already", "place", answer("88100001", "priceToken已使用"), carrier.KindDuplicate),
		carriertest.Refuse("a text of no row is final", "place", answer("88100001", "参数有误"), carrier.KindRefused),
		carriertest.Refuse("code 0 is doubt", "place", answer("0", "成功"), carrier.KindTemporary),
		carriertest.Refuse("waits for a payment", "place", detail(`"orderCode":"1","orderUrl":"https://pay.example.com"`), carrier.KindTemporary),
		carriertest.Refuse("another order placed", "place", detail(`"orderCode":"1","originId":"2"`), carrier.KindTemporary),
		carriertest.Refuse("number missing", "place", detail(`"originId":"`+ourNo+`"`), carrier.KindTemporary),
		carriertest.Refuse("unknown order", "query", answer("88100001", "订单不存在"), carrier.KindNotFound),
		carriertest.Refuse("another order", "query", detail(`"orderCode":"1","state":1`), carrier.KindTemporary),
		carriertest.Refuse("state that is not known", "query", detail(`"orderCode":"`+uuNo+`","state":20`), carrier.KindBadRequest),
		carriertest.Refuse("state missing", "query", detail(`"orderCode":"`+uuNo+`"`), carrier.KindTemporary),
		carriertest.Refuse("cancel quota used up", "cancel", detail(`"canCancel":0,"deductFee":0`), ""),
		carriertest.Refuse("cancel refused", "cancel", answer("88100001", "订单状态不允许取消"), ""),
		carriertest.Refuse("cancel of an unknown order", "cancel", answer("88100001", "订单不存在"), carrier.KindNotFound),
		carriertest.Refuse("cancel undecided", "cancel", detail(`"canCancel":2`), carrier.KindTemporary),
		carriertest.Refuse("cancel without a word", "cancel", detail(`"deductFee":0`), carrier.KindTemporary),
		carriertest.Refuse("too fast", "cancel_fee", answer("88000110", "请求过于频繁"), carrier.KindRateLimited),
		carriertest.Refuse("fee negative", "cancel_fee", detail(`"cancelFee":-1`), carrier.KindTemporary),
		carriertest.Refuse("tip beyond the balance", "tip", answer("88100001", "账户余额不足"), carrier.KindBalanceLow),
		carriertest.Refuse("tip too late", "tip", answer("88100001", "当前订单状态不支持该操作"), carrier.KindRefused),
		carriertest.Refuse("tip in doubt", "tip", answer("0", "系统异常"), carrier.KindTemporary),
		carriertest.Refuse("rider of an unknown order", "position", answer("88100001", "订单不存在"), carrier.KindNotFound),
		carriertest.Refuse("rider's name is a list", "position", detail(`"driver_name":[]`), carrier.KindTemporary),
		carriertest.Refuse("balance missing", "balance", detail(``), carrier.KindTemporary),
		carriertest.Refuse("balance asked with a wrong signature", "balance", answer("88100002", "签名错误"), carrier.KindRefused),
	}
}

func TestQueryStates(t *testing.T) {
	t.Parallel()
	at := time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC)
	door := geo.Point{Lng: 120.1433, Lat: 30.2804}
	lng, lat := door.BD09()
	for name, tc := range map[string]struct {
		fields string
		want   carrier.Status
	}{
		"waiting":  {`"state":"1","addTime":"2023-11-15 06:13:20","orderPrice":"900"`, carrier.Status{State: carrier.Waiting, Code: "1", At: at, Charged: fen(900)}},
		"given up": {`"state":2`, carrier.Status{State: carrier.Reassigning, Code: "2"}},
		"at shop":  {`"state":4,"orderPrice":900,"priceOff":1000`, carrier.Status{State: carrier.Arrived, Code: "4", Charged: fen(0)}},
		"at the door": {fmt.Sprintf(`"state":6,"driverLastLoc":"%f, %f"`, lng, lat),
			carrier.Status{State: carrier.PickedUp, Code: "6", Position: &door}},
		"cancelled by us":      {`"state":-1,"cancelTime":"2023-11-15 06:13:20","orderPrice":900`, carrier.Status{State: carrier.Cancelled, Code: "-1", At: at, EndedBy: carrier.ByUs}},
		"cancelled by service": {`"state":"-2"`, carrier.Status{State: carrier.Cancelled, Code: "-2", EndedBy: carrier.ByCarrier}},
		"nobody came":          {`"state":-3`, carrier.Status{State: carrier.Cancelled, Code: "-3", EndedBy: carrier.ByNobody}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ask(t, `{"code":1,"body":{`+tc.fields+`}}`)
			tc.want.Carrier, tc.want.OurNo, tc.want.CarrierNo, tc.want.Verified = "uupt", ourNo, uuNo, true
			if tc.want.Position != nil {
				require.NotNil(t, got.Position)
				require.LessOrEqual(t, got.Position.Metres(door), 1)
				tc.want.Position = got.Position
			}
			require.Equal(t, tc.want, got)
		})
	}
}

func ask(t *testing.T, answer string) carrier.Status {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
	defer s.Close()
	a, err := newDev(s.URL+"/openapi/v3", settings.Deps{HTTP: s.Client(), System: systemTime}, true)
	require.NoError(t, err)
	got, err := a.Query(t.Context(), carrier.Ref{OurNo: ourNo, CarrierNo: uuNo})
	require.NoError(t, err)
	return got
}

func TestConfig(t *testing.T) {
	t.Parallel()
	const good = `{"base_url":"https://api-open.uupt.com/openapi/v3/","app_id":"a","app_key":"k","open_id":"o","callback_url":"https://agg.example.com/carrier/uupt"`
	for name, tc := range map[string]struct{ text, says string }{
		"good":               {good + `,"callback_max_age":"1h","push_type":"TEST_ORDER","pay_type":"ENTERPRISE_PAY"}`, ""},
		"unknown field":      {good + `,"key":"x"}`, "key"},
		"nothing":            {`{}`, "app_key is missing"},
		"no callback":        {`{"base_url":"https://x","app_id":"a","app_key":"k","open_id":"o"}`, "callback_url"},
		"push type":          {good + `,"push_type":"REAL"}`, "push_type"},
		"pay type":           {good + `,"pay_type":"CASH"}`, "pay_type"},
		"trailing":           {good + `}x`, "settings"},
		"negative age":       {good + `,"callback_max_age":"-1h"}`, "-1h"},
		"one dev credential": {`{"base_url":"https://x","app_id":"a","app_key":"uu-test-app-key-0001","open_id":"o","callback_url":"https://x"}`, "development credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, err := uupt.ParseConfig([]byte(tc.text))
			if err == nil {
				_, err = uupt.New(cfg, settings.Deps{HTTP: http.DefaultClient, System: systemTime})
			}
			if tc.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.says)
		})
	}
}
