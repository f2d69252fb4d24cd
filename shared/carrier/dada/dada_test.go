package dada_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/dada"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

const (
	secret  = "dada-test-secret-0001"
	ourNo   = "7301234567890123456002"
	dadaNo  = "1234567890"
	deliver = "Dada2023111500000001"
)

var ref = carrier.Ref{OurNo: ourNo, CarrierNo: dadaNo}

func fen(v money.Fen) *money.Fen { return &v }

func systemTime() time.Time { return carriertest.SystemTime }

func devConfig(base string) dada.Config {
	return dada.Config{
		BaseURL: base, AppKey: "dada-test-app-key", AppSecret: secret, SourceID: "73753", ShopNo: "11047059",
		CallbackURL: "http://127.0.0.1:9000/carrier/dada", AllowDev: true,
	}
}

func newDev(base string, deps settings.Deps, allowDev bool) (carrier.Adapter, error) {
	cfg := devConfig(base)
	cfg.AllowDev = allowDev
	return dada.New(cfg, deps)
}

// The reference's computed vectors (upstreams.md §11, 7 to 9).
func TestSign(t *testing.T) {
	t.Parallel()
	require.Equal(t, "3BE75783A77624202AD14870B523DA0D", dada.Sign("testsecret", map[string]string{
		"app_key": "dadatest", "body": `{"order_id":"T20261102000001"}`, "format": "json", "source_id": "73753", "timestamp": "1793600000", "v": "1.0",
	}))
	require.Equal(t, "cec59d3cf882add68642c9459661124f", dada.SignPush("1234567890", "T20261102000001", "1793600000"))
	require.Equal(t, "23c716ed5082a59c9364db2739a1a374", dada.SignPush("", "T20261102000001", "1793600000"))
}

func TestContract(t *testing.T) {
	t.Parallel()
	h := harness()
	h.Pushes, h.Attacks = pushes(t), attacks(t)
	carriertest.Run(t, h)
}

// harness is what the contract suite knows of 达达, but for the pushes.
func harness() carriertest.Harness {
	return carriertest.Harness{
		New:   newDev,
		Place: carrier.PlaceRequest{QuoteRequest: carriertest.Sample(ourNo), Token: deliver, Price: 900},
		Ref:   ref,
		Want: carriertest.Want{
			Facts:  carrier.Facts{Account: "main", ConfirmReturn: true, QuoteTTL: 3 * time.Minute, TipTotals: true, TipUnit: 10},
			Quote:  carrier.Quote{Token: deliver, Price: 900, TTL: 3 * time.Minute, DistanceM: 2210},
			Placed: carrier.Placed{},
			Cancel: carrier.CancelResult{Penalty: fen(200)},
			Status: carrier.Status{
				Carrier: "dada", OurNo: ourNo, CarrierNo: dadaNo, State: carrier.PickedUp, Code: "3",
				Rider: order.Rider{Name: "王五", Phone: "13700000000"}, Position: &geo.Point{Lng: 120.1433, Lat: 30.2804},
				At: time.Date(2023, 11, 14, 22, 13, 0, 0, time.UTC), Charged: fen(1050), Verified: true,
			},
			Balance: 9987654,
			Located: carrier.Location{Rider: order.Rider{Name: "王五", Phone: "13700000000"}, Position: &geo.Point{Lng: 120.1433, Lat: 30.2804}},
		},
		Extra:    []string{"tip", "position"},
		Lacks:    []string{"cancel_fee"},
		Stores:   []string{"quote"},
		Balances: carriertest.Balances{Yuan: true, Answer: func(b string) string { return ok(`{"deliverBalance":` + b + `,"redPacketBalance":1.00}`) }, Lacks: ok(`{"redPacketBalance":1.00}`)},
		Refusals: refusals(),
		Garbage: []string{
			`{"msg":"no status","code":0}`, `{"status":"success"}`, `{"status":"fail"}`, `{"status":"success","code":2005}`, `{"status":"fail","code":0}`,
			`{"status":{},"code":0}`, `{"status":"success","code":true}`,
		},
		Replies: []carriertest.Reply{
			carriertest.Answer("received", nil, 200, `{"status":"ok"}`),
			carriertest.Answer("send again", &carrier.Error{Kind: carrier.KindTemporary}, 503, `{"status":"fail","msg":"send again"}`),
			carriertest.Answer("anything unknown: send again", errors.New("no broker"), 503, `{"status":"fail","msg":"send again"}`),
			carriertest.Answer("refused", carrier.BadPush("dada", carrier.KindBadRequest, "order_id is missing"), 400, `{"status":"fail","msg":"order_id is missing"}`),
			carriertest.Answer("forged", carrier.BadPush("dada", carrier.KindForged, "signature does not hold"), 403, `{"status":"fail","msg":"signature does not hold"}`),
		},
	}
}

func failed(code, msg string) string {
	return `{"status":"fail","result":null,"code":` + code + `,"msg":"` + msg + `","success":false,"fail":true,"errorCode":` + code + `}`
}

func ok(result string) string {
	return `{"status":"success","result":` + result + `,"code":0,"msg":"成功","success":true,"fail":false}`
}

func refusals() []carriertest.Refusal {
	quoted := func(change string) string { return ok(`{"deliveryNo":"D1",` + change + `}`) }
	return []carriertest.Refusal{
		carriertest.Refuse("no rider", "quote", failed("9999", "当前运力紧张"), carrier.KindNoCapacity),
		carriertest.Refuse("under repair", "quote", failed("999", "系统维护中,暂时不能发单"), carrier.KindNoCapacity),
		carriertest.Refuse("city not open", "quote", failed("2044", "城市尚未开通"), carrier.KindOutOfArea),
		carriertest.Refuse("too far", "quote", failed("9999", "超出配送范围"), carrier.KindOutOfArea),
		carriertest.Refuse("asked a moment ago", "quote", failed("2067", "该订单运费已查询,请稍后再试"), carrier.KindRateLimited),
		carriertest.Refuse("placed already", "quote", failed("2130", "该订单已发单,不能查询运费"), carrier.KindDuplicate),
		carriertest.Refuse("no such shop", "quote", failed("2402", "门店不存在"), carrier.KindRefused),
		carriertest.Refuse("no fees today", "quote", failed("2047", "运费服务不可用"), carrier.KindTemporary),
		carriertest.Refuse("fee missing", "quote", quoted(`"distance":2210`), carrier.KindTemporary),
		carriertest.Refuse("fee finer than 分", "quote", quoted(`"fee":9.005`), carrier.KindTemporary),
		carriertest.Refuse("fee with an exponent", "quote", quoted(`"fee":9e0`), carrier.KindTemporary),
		carriertest.Refuse("fee negative", "quote", quoted(`"fee":-9.0`), carrier.KindTemporary),
		carriertest.Refuse("fee is a list", "quote", quoted(`"fee":[9]`), carrier.KindTemporary),
		carriertest.Refuse("distance is a word", "quote", quoted(`"fee":9,"distance":"far"`), carrier.KindTemporary),
		carriertest.Refuse("distance negative", "quote", quoted(`"fee":9,"distance":-1`), carrier.KindTemporary),
		carriertest.Refuse("deliveryNo missing", "quote", ok(`{"fee":9.0}`), carrier.KindTemporary),
		carriertest.Refuse("result is a list", "quote", ok(`[9]`), carrier.KindTemporary),
		carriertest.Refuse("price too old", "place", failed("2062", "订单价格信息已过期,请重新查询后发单"), carrier.KindExpired),
		carriertest.Refuse("balance", "place", failed("2155", "余额不足，请充值"), carrier.KindBalanceLow),
		carriertest.Refuse("balance by its text", "place", failed("9999", "运费账户余额不足"), carrier.KindBalanceLow),
		carriertest.Refuse("placed before", "place", failed("2063", "该订单已发布,请选择新的订单"), carrier.KindDuplicate),
		carriertest.Refuse("number used", "place", failed("2105", "不能重复发单"), carrier.KindDuplicate),
		carriertest.Refuse("number used, by text", "place", failed("9999", "请勿重复请求"), carrier.KindDuplicate),
		carriertest.Refuse("being worked on", "place", failed("2012", "订单正在处理中,请稍后再试"), carrier.KindTemporary),
		carriertest.Refuse("an error of the system is doubt", "place", failed("-1", "系统异常"), carrier.KindTemporary),
		carriertest.Refuse("a quote that is not known was not placed", "place", failed("2005", "订单不存在,请核查订单号"), carrier.KindRefused),
		carriertest.Refuse("a code of no row is final", "place", failed("2132", "门店已下线,不能发单"), carrier.KindRefused),
		carriertest.Refuse("code as text", "place", `{"status":"fail","code":"2155","msg":""}`, carrier.KindBalanceLow),
		carriertest.Refuse("unknown order", "query", failed("2005", "订单不存在,请核查订单号"), carrier.KindNotFound),
		carriertest.Refuse("another order", "query", ok(`{"orderId":"1","statusCode":2}`), carrier.KindTemporary),
		carriertest.Refuse("state that is not known", "query", ok(`{"orderId":"`+ourNo+`","statusCode":6}`), carrier.KindBadRequest),
		carriertest.Refuse("state missing", "query", ok(`{"orderId":"`+ourNo+`"}`), carrier.KindTemporary),
		carriertest.Refuse("no result", "query", ok(`null`), carrier.KindTemporary),
		carriertest.Refuse("time that is none", "query", ok(`{"statusCode":2,"acceptTime":"soon"}`), carrier.KindTemporary),
		carriertest.Refuse("money that is none", "query", ok(`{"statusCode":2,"actualFee":"much"}`), carrier.KindTemporary),
		carriertest.Refuse("cancel after pickup", "cancel", failed("2050", "订单配送中,无法取消"), ""),
		carriertest.Refuse("cancel of an unknown order", "cancel", failed("2005", "订单不存在"), carrier.KindNotFound),
		carriertest.Refuse("cancel in doubt", "cancel", failed("2012", "订单正在处理中,请稍后再试"), carrier.KindTemporary),
		carriertest.Refuse("deduction negative", "cancel", ok(`{"deduct_fee":-2}`), carrier.KindTemporary),
		carriertest.Refuse("return not due", "confirm_return", failed("9999", "订单状态不是妥投异常"), carrier.KindRefused),
		carriertest.Refuse("tip too late", "tip", failed("2059", "只有在待接单的情况下才能加小费"), carrier.KindRefused),
		carriertest.Refuse("tip beyond the balance", "tip", failed("2155", "余额不足"), carrier.KindBalanceLow),
		carriertest.Refuse("position of an unknown order", "position", failed("2005", "订单不存在"), carrier.KindNotFound),
		carriertest.Refuse("positions are an object", "position", ok(`{"orderId":"1"}`), carrier.KindTemporary),
		carriertest.Refuse("rider's name is a list", "position", ok(`[{"orderId":"`+ourNo+`","transporterName":[]}]`), carrier.KindTemporary),
		carriertest.Refuse("balance missing", "balance", ok(`{}`), carrier.KindTemporary),
		carriertest.Refuse("balance asked with a wrong signature", "balance", failed("2003", "签名错误"), carrier.KindRefused),
		carriertest.Refuse("balance is no amount", "balance", ok(`{"deliverBalance":"all"}`), carrier.KindTemporary),
		carriertest.Refuse("balance not read", "balance", failed("2455", "网络异常,查询账户余额失败,请重试"), carrier.KindTemporary),
	}
}

// exchange makes one call against one answer and gives the request's path and business
// parameters, after checking its signature.
func exchange(t *testing.T, change func(*dada.Config), answer string, call func(*dada.Adapter) error) (path string, body map[string]any, err error) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var envelope struct {
			AppKey    string `json:"app_key"`
			Body      string `json:"body"`
			Format    string `json:"format"`
			SourceID  string `json:"source_id"`
			Timestamp int64  `json:"timestamp"`
			V         string `json:"v"`
			Signature string `json:"signature"`
		}
		if json.NewDecoder(r.Body).Decode(&envelope) != nil {
			return
		}
		want := dada.Sign(secret, map[string]string{"app_key": "dada-test-app-key", "body": envelope.Body, "format": "json",
			"source_id": "73753", "timestamp": strconv.FormatInt(systemTime().Unix(), 10), "v": "1.0"})
		if envelope.Signature != want || json.Unmarshal([]byte(envelope.Body), &body) != nil {
			return
		}
		path = r.URL.Path
		_, _ = io.WriteString(w, answer)
	}))
	defer s.Close()
	cfg := devConfig(s.URL + "/")
	if change != nil {
		change(&cfg)
	}
	a, err := dada.New(cfg, settings.Deps{HTTP: s.Client(), System: systemTime})
	require.NoError(t, err)
	err = call(a)
	return strings.TrimPrefix(path, "/api/"), body, err
}

// Tips are sent as totals; what 达达 could not take is never sent.
func TestTip(t *testing.T) {
	t.Parallel()
	tip := func(r carrier.TipRequest) func(*dada.Adapter) error {
		return func(a *dada.Adapter) error {
			got, err := a.Tip(t.Context(), r)
			require.Equal(t, carrier.Tipped{}, got, "the answer states nothing")
			return err
		}
	}
	path, body, err := exchange(t, nil, ok(`""`), tip(carrier.TipRequest{Ref: ref, Add: 50, Total: 250}))
	require.NoError(t, err)
	require.Equal(t, "order/addTip", path)
	require.Equal(t, map[string]any{"order_id": ourNo, "tips": 2.5}, body)
	for name, bad := range map[string]carrier.TipRequest{
		"nothing": {Ref: ref, Total: 100}, "finer than a decimal": {Ref: ref, Add: 55, Total: 55}, "total below": {Ref: ref, Add: 200, Total: 100},
		"total finer than a decimal": {Ref: ref, Add: 100, Total: 105},
	} {
		path, _, err := exchange(t, nil, ok(`""`), tip(bad))
		require.Equal(t, carrier.KindRefused, carrier.KindOf(err), name)
		require.Empty(t, path, name)
	}
	_, _, err = exchange(t, nil, ok(`""`), tip(carrier.TipRequest{Ref: carrier.Ref{CarrierNo: dadaNo}, Add: 100, Total: 100}))
	require.Equal(t, carrier.KindNotSent, carrier.KindOf(err), "达达's number is of no use")
}

// A cancel's cause decides its cancel_reason_id; a repeated cancel is a success that states no money.
func TestCancel(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string][2]any{
		"":                       {10000.0, "商家取消"},
		"门店停电":                   {10000.0, "门店停电"},
		order.CauseCancelled:     {4.0, nil},
		order.CauseAcceptTimeout: {1.0, nil},
		order.CausePickupTimeout: {2.0, nil},
		order.CauseLostRace:      {36.0, nil},
	} {
		var got carrier.CancelResult
		path, body, err := exchange(t, nil, failed("2076", "订单已取消,无法重复取消"), func(a *dada.Adapter) (err error) {
			got, err = a.Cancel(t.Context(), carrier.CancelRequest{Ref: ref, Reason: reason})
			return err
		})
		require.NoError(t, err)
		require.Equal(t, "order/formalCancel", path)
		require.Equal(t, carrier.CancelResult{}, got)
		require.Equal(t, want, [2]any{body["cancel_reason_id"], body["cancel_reason"]})
	}
}

func TestQueryStates(t *testing.T) {
	t.Parallel()
	at := time.Date(2023, 11, 14, 22, 0, 0, 0, time.UTC)
	for fields, want := range map[string]carrier.Status{
		`"statusCode":1,"createTime":"2023-11-15 06:00:00"`: {State: carrier.Waiting, Code: "1", At: at},
		`"statusCode":8`: {State: carrier.Waiting, Code: "8"},
		`"statusCode":"2","acceptTime":"2023-11-15 06:00:00"`: {State: carrier.Accepted, Code: "2", At: at},
		`"statusCode":100,"acceptTime":"2023-11-15 06:00:00"`: {State: carrier.Arrived, Code: "100"},
		`"statusCode":3,"actualFee":9`:                        {State: carrier.PickedUp, Code: "3", Charged: fen(900)},
		`"statusCode":4,"actualFee":"9.5","deductFee":0`:      {State: carrier.Delivered, Code: "4", Charged: fen(950)},
		`"statusCode":4`: {State: carrier.Delivered, Code: "4"},
		`"statusCode":5`: {State: carrier.Cancelled, Code: "5"},
		`"statusCode":5,"actualFee":9.0,"deductFee":2`:              {State: carrier.Cancelled, Code: "5", Charged: fen(0), Penalty: fen(200)},
		`"statusCode":5,"deductFee":0.0`:                            {State: carrier.Cancelled, Code: "5", Charged: fen(0), Penalty: fen(0)},
		`"statusCode":7,"deductFee":0`:                              {State: carrier.Cancelled, Code: "7", EndedBy: carrier.ByNobody, Charged: fen(0), Penalty: fen(0)},
		`"statusCode":9,"actualFee":9.0,"deductFee":0`:              {State: carrier.Returning, Code: "9", Charged: fen(900)},
		`"statusCode":10,"actualFee":9.0`:                           {State: carrier.Returned, Code: "10", Charged: fen(900)},
		`"statusCode":1000`:                                         {State: carrier.Cancelled, Code: "1000", EndedBy: carrier.ByCarrier},
		`"statusCode":2,"transporterLng":"30","transporterLat":120`: {State: carrier.Accepted, Code: "2"},
	} {
		var got carrier.Status
		path, body, err := exchange(t, nil, ok(`{"orderId":"`+ourNo+`",`+fields+`}`), func(a *dada.Adapter) (err error) {
			got, err = a.Query(t.Context(), carrier.Ref{OurNo: ourNo})
			return err
		})
		require.NoError(t, err, fields)
		require.Equal(t, "order/status/query", path)
		require.Equal(t, map[string]any{"order_id": ourNo}, body)
		want.Carrier, want.OurNo, want.Verified = "dada", ourNo, true
		require.Equal(t, want, got, fields)
	}
}

// Whether actualFee holds the tips is not public.
func TestTipsBesideActualFee(t *testing.T) {
	t.Parallel()
	for beside, want := range map[bool]money.Fen{false: 1200, true: 1400} {
		_, _, err := exchange(t, func(c *dada.Config) { c.TipsBesideActual = beside }, ok(`{"statusCode":4,"actualFee":12.0,"tips":2.0}`), func(a *dada.Adapter) error {
			s, err := a.Query(t.Context(), ref)
			require.Equal(t, fen(want), s.Charged)
			return err
		})
		require.NoError(t, err)
	}
}

func TestNobodyThereYet(t *testing.T) {
	t.Parallel()
	for _, result := range []string{`[]`, `null`, `[{"orderId":"1","transporterName":"别人"}]`,
		`[{"orderId":"` + ourNo + `","transporterLat":"","transporterLng":"","transporterName":null}]`} {
		path, body, err := exchange(t, nil, ok(result), func(a *dada.Adapter) error {
			where, err := a.Locate(t.Context(), ref)
			require.Equal(t, carrier.Location{}, where, result)
			return err
		})
		require.NoError(t, err, result)
		require.Equal(t, "order/transporter/position", path)
		require.Equal(t, map[string]any{"orderIds": []any{ourNo}}, body)
	}
}

// What configuration and odd goods change in a quote.
func TestQuoteByConfiguration(t *testing.T) {
	t.Parallel()
	q := carriertest.Sample(ourNo)
	q.Detail.To.Name, q.Detail.Goods = "", order.Goods{Category: "tea"}
	q.Detail.Display = "美团#12 " + strings.Repeat("A", 40)
	change := func(c *dada.Config) {
		c.CityCodes, c.CargoTypes = map[string]string{"330100": "0571"}, map[string]int{"tea": 2}
		c.PhoneSeparator, c.FinishCode, c.DirectDelivery, c.QuoteTTL = ",", true, true, settings.Duration(time.Minute)
	}
	_, body, err := exchange(t, change, ok(`{"fee":12,"deliveryNo":77}`), func(a *dada.Adapter) error {
		got, err := a.Quote(t.Context(), q)
		require.Equal(t, carrier.Quote{Token: "77", Price: 1200, TTL: time.Minute}, got)
		return err
	})
	require.NoError(t, err)
	for name, want := range map[string]any{
		"city_code": "0571", "cargo_type": 2.0, "cargo_num": 1.0, "cargo_weight": 0.01, "cargo_price": 0.0, "receiver_name": "顾客",
		"receiver_phone": "13812345678,1234", "is_finish_code_needed": 1.0, "is_direct_delivery": 1.0, "is_prepay": 0.0,
		"origin_mark_no": "#12" + strings.Repeat("A", 27), "receiver_lat": 30.2856, "receiver_lng": 120.1423,
	} {
		require.Equal(t, want, body[name], name)
	}
	require.NotContains(t, body, "info")
	q.Detail.Display = "美团"
	_, body, err = exchange(t, nil, ok(`{"fee":12,"deliveryNo":77}`), func(a *dada.Adapter) error { _, err := a.Quote(t.Context(), q); return err })
	require.NoError(t, err)
	require.NotContains(t, body, "origin_mark_no")
	require.NotContains(t, body, "city_code")
	require.InDelta(t, 5, body["cargo_type"], 0, "其他")
}
