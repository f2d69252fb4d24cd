package shansong_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/shansong"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

const (
	ourNo = "7301234567890123456001"
	issNo = "TDH2025053050205843"
)

func fen(v money.Fen) *money.Fen { return &v }

func devConfig(base string) shansong.Config {
	return shansong.Config{
		BaseURL: base, ClientID: "ssTestClient01", Secret: "iss-test-secret-0001", ShopID: "20000000000000001",
		AllowDev: true,
	}
}

func newDev(base string, deps settings.Deps, allowDev bool) (carrier.Adapter, error) {
	cfg := devConfig(base)
	cfg.AllowDev = allowDev
	return shansong.New(cfg, deps)
}

// The reference's computed vectors for 自营商户 and 服务商.
func TestSign(t *testing.T) {
	t.Parallel()
	base := func(extra map[string]string) map[string]string {
		fields := map[string]string{"clientId": "ssTestClient01", "timestamp": "1700000000000"}
		for k, v := range extra {
			fields[k] = v
		}
		return fields
	}
	const shop, order = "20000000000000001", `{"issOrderNo":"TDH2025053050205843"}`
	for name, tc := range map[string]struct {
		fields map[string]string
		want   string
	}{
		"ISS-1": {base(map[string]string{"shopId": shop, "data": order}), "0898633B485C8170F02013EC4CA815F4"},
		"ISS-2": {base(map[string]string{"shopId": shop, "data": `{"cityName":"北京市","appointType":0}`}), "323969E9F95C1A3E2F4C923DF124E61F"},
		"ISS-3": {base(map[string]string{"shopId": shop, "data": ""}), "3BD771A0D84B89E69A7BDCBE43731EBF"},
		"ISS-4": {base(map[string]string{"accessToken": "access-token-0001", "data": order}), "237E35527FA46126406BB5EB615E443E"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, shansong.Sign("iss-test-secret-0001", tc.fields))
		})
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	carriertest.Run(t, carriertest.Harness{
		New: newDev,
		Place: carrier.PlaceRequest{
			QuoteRequest: carriertest.Sample(ourNo), Token: issNo, CarrierNo: issNo, Price: 1800,
		},
		Ref: carrier.Ref{OurNo: ourNo, CarrierNo: issNo},
		Want: carriertest.Want{
			Facts: carrier.Facts{Account: "main", ConfirmReturn: true, QuoteTTL: 30 * time.Minute, CancelReturns: true, TipUnit: 100},
			Quote: carrier.Quote{Token: issNo, CarrierNo: issNo, Price: 1800, TTL: 30 * time.Minute,
				DistanceM: 2210, AcceptIn: 35 * time.Second},
			Placed: carrier.Placed{CarrierNo: issNo, Charged: fen(1850)},
			Fee:    500,
			Cancel: carrier.CancelResult{Penalty: fen(200), Reason: "客户取消"},
			Status: carrier.Status{
				Carrier: "shansong", OurNo: ourNo, CarrierNo: issNo,
				State: carrier.PickedUp, Code: "40", SubCode: "1",
				Rider:    order.Rider{Name: "李四", Phone: "13800000000"},
				Position: &geo.Point{Lng: 120.1433, Lat: 30.2804},
				At:       time.Date(2023, 11, 14, 22, 25, 30, 0, time.UTC),
				Charged:  fen(1800), Verified: true,
			},
			Balance: 9987654,
			Located: carrier.Location{
				Rider: order.Rider{Name: "李四", Phone: "13800000000"}, Position: &geo.Point{Lng: 120.1433, Lat: 30.2804},
				At: time.Date(2023, 11, 14, 22, 30, 10, 0, time.UTC),
			},
		},
		Extra:    []string{"tip", "position"},
		Stores:   []string{"quote"},
		Balances: carriertest.Balances{Answer: func(b string) string { return `{"status":200,"data":{"balance":` + b + `}}` }, Lacks: `{"status":200,"data":{}}`},
		Refusals: refusals(),
		Garbage: []string{
			`{"msg":"no status"}`, `{"status":{},"msg":""}`, `{"status":true}`, `{"status":200,"data":7}`,
		},
		Pushes:  pushes(t),
		Attacks: attacks(t),
		Replies: replies(),
	})
}

func refusals() []carriertest.Refusal {
	answer := func(msg string) string { return `{"status":2001,"msg":"` + msg + `","data":null}` }
	return []carriertest.Refusal{
		carriertest.Refuse("no rider", "quote", answer("当前区域运力不足"), carrier.KindNoCapacity),
		carriertest.Refuse("city not open", "quote", answer("该城市未开通服务"), carrier.KindOutOfArea),
		carriertest.Refuse("too far", "quote", answer("超出配送范围"), carrier.KindOutOfArea),
		carriertest.Refuse("balance", "place", answer("账户余额不足"), carrier.KindBalanceLow),
		carriertest.Refuse("quote expired", "place", answer("订单计费已过期，请重新计费"), carrier.KindExpired),
		carriertest.Refuse("a signature's timestamp is no expired quote", "place", answer("timestamp已失效"), carrier.KindRefused),
		carriertest.Refuse("placed already: submitted", "place", answer("订单已提交，请勿重复提交"), carrier.KindDuplicate),
		carriertest.Refuse("placed already: paid", "place", answer("该订单已支付"), carrier.KindDuplicate),
		carriertest.Refuse("placed already: ordered", "place", answer("您已下单"), carrier.KindDuplicate),
		carriertest.Refuse("a quote that is not known was not placed", "place", answer("订单不存在"), carrier.KindRefused),
		carriertest.Refuse("a text of no row is final", "place", answer("门店信息有误"), carrier.KindRefused),
		carriertest.Refuse("an error of the system is doubt", "place", `{"status":"500","msg":"系统异常"}`, carrier.KindTemporary),
		carriertest.Refuse("tip beyond the balance", "tip", answer("账户余额不足"), carrier.KindBalanceLow),
		carriertest.Refuse("tip too late", "tip", answer("订单状态不允许加价"), carrier.KindRefused),
		carriertest.Refuse("tip in doubt", "tip", answer("系统异常"), carrier.KindTemporary),
		carriertest.Refuse("courier of an unknown order", "position", answer("订单不存在"), carrier.KindNotFound),
		carriertest.Refuse("courier's name is a list", "position", `{"status":200,"data":{"name":[]}}`, carrier.KindTemporary),
		carriertest.Refuse("too fast", "query", answer("请求过于频繁"), carrier.KindRateLimited),
		carriertest.Refuse("unknown order", "query", answer("订单不存在"), carrier.KindNotFound),
		carriertest.Refuse("cancel refused", "cancel", answer("当前订单状态不支持该操作"), ""),
		carriertest.Refuse("cancel refused for want of balance", "cancel", answer("余额不足，无法扣除送回费"), ""),
		carriertest.Refuse("cancel of an unknown order", "cancel", answer("订单不存在"), carrier.KindNotFound),
		carriertest.Refuse("cancel too fast", "cancel", answer("操作频繁"), carrier.KindRateLimited),
		carriertest.Refuse("status that is not known", "query",
			`{"status":200,"data":{"orderNo":"`+ourNo+`","orderStatus":35,"subOrderStatus":1}}`, carrier.KindBadRequest),
		carriertest.Refuse("another order", "query",
			`{"status":200,"data":{"orderNo":"1","orderStatus":20,"subOrderStatus":1}}`, carrier.KindTemporary),
		carriertest.Refuse("another order placed", "place", `{"status":200,"data":{"orderNumber":"TDH1"}}`, carrier.KindTemporary),
		carriertest.Refuse("price missing", "quote", `{"status":200,"data":{"orderNumber":"TDH1"}}`, carrier.KindTemporary),
		carriertest.Refuse("price negative", "quote", `{"status":200,"data":{"orderNumber":"TDH1","totalFeeAfterSave":-1}}`, carrier.KindTemporary),
		carriertest.Refuse("price finer than 分", "quote", `{"status":200,"data":{"orderNumber":"TDH1","totalFeeAfterSave":12.5}}`, carrier.KindTemporary),
		carriertest.Refuse("fee missing", "cancel_fee", `{"status":200,"data":{}}`, carrier.KindTemporary),
		carriertest.Refuse("balance missing", "balance", `{"status":200,"data":{}}`, carrier.KindTemporary),
		carriertest.Refuse("balance asked with a wrong signature", "balance", answer("签名错误"), carrier.KindRefused),
	}
}

func replies() []carriertest.Reply {
	return []carriertest.Reply{
		carriertest.Answer("received", nil, 200, `{"status":200,"msg":"","data":null}`),
		carriertest.Answer("send again", &carrier.Error{Kind: carrier.KindTemporary}, 503, `{"status":503,"msg":"send again","data":null}`),
		carriertest.Answer("anything unknown: send again", errors.New("no broker"), 503, `{"status":503,"msg":"send again","data":null}`),
		carriertest.Answer("refused", carrier.BadPush("shansong", carrier.KindBadRequest, "status is missing"), 400,
			`{"status":400,"msg":"status is missing","data":null}`),
		carriertest.Answer("forged", carrier.BadPush("shansong", carrier.KindForged, "shopId does not hold"), 403,
			`{"status":403,"msg":"shopId does not hold","data":null}`),
	}
}

// Before acceptance there is nobody to locate; what cannot be tipped is never sent.
func TestNobodyThereYet(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status":200,"data":null}`)) }))
	defer s.Close()
	a, err := shansong.New(devConfig(s.URL), settings.Deps{HTTP: s.Client(), System: systemTime})
	require.NoError(t, err)
	where, err := a.Locate(t.Context(), carrier.Ref{CarrierNo: issNo})
	require.NoError(t, err)
	require.Equal(t, carrier.Location{}, where)
	for _, tip := range []carrier.TipRequest{{Add: 0, Total: 100}, {Add: 150, Total: 150}, {Add: 200, Total: 100}, {Add: 101_00, Total: 101_00}} {
		tip.CarrierNo = issNo
		_, err := a.Tip(t.Context(), tip)
		require.Equal(t, carrier.KindRefused, carrier.KindOf(err), "%+v", tip)
	}
	_, err = a.Tip(t.Context(), carrier.TipRequest{Add: 100, Total: 100})
	require.Equal(t, carrier.KindNotSent, carrier.KindOf(err))
}

func TestCancelAfterPickup(t *testing.T) {
	t.Parallel()
	var asked string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.FormValue("data")
		_, _ = w.Write([]byte(`{"status":200,"data":{"deductAmount":1850,"sendBackFee":400,"abortType":1}}`))
	}))
	defer s.Close()
	a, err := newDev(s.URL, settings.Deps{HTTP: s.Client(), System: systemTime}, true)
	require.NoError(t, err)
	got, err := a.Cancel(t.Context(), carrier.CancelRequest{Ref: carrier.Ref{CarrierNo: issNo}, AfterPickup: true})
	require.NoError(t, err)
	require.Equal(t, carrier.CancelResult{Returning: true, Penalty: fen(2250)}, got)
	require.JSONEq(t, `{"issOrderNo":"`+issNo+`","deductFlag":true}`, asked)
}

// What a query's answer says of money and of who ended the order, by state.
func TestQueryMoney(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		data    string
		state   carrier.State
		charged *money.Fen
		penalty *money.Fen
		by      carrier.Ender
	}{
		"waiting, tip included":      {`"orderStatus":"20","subOrderStatus":"1","totalFeeAfterSave":2000`, carrier.Waiting, fen(2000), nil, ""},
		"reassigning":                {`"orderStatus":20,"subOrderStatus":2`, carrier.Reassigning, nil, nil, ""},
		"arrived":                    {`"orderStatus":30,"subOrderStatus":2`, carrier.Arrived, nil, nil, ""},
		"cancel asked for":           {`"orderStatus":40,"subOrderStatus":2,"totalFeeAfterSave":2000`, carrier.Cancelling, fen(2000), nil, ""},
		"returning":                  {`"orderStatus":40,"subOrderStatus":3`, carrier.Returning, nil, nil, ""},
		"dispute":                    {`"orderStatus":40,"subOrderStatus":4`, carrier.Cancelling, nil, nil, ""},
		"delivered, partly refunded": {`"orderStatus":50,"subOrderStatus":2,"totalFeeAfterSave":2000,"drawback":500`, carrier.Delivered, fen(1500), nil, ""},
		"cancelled by us": {`"orderStatus":60,"totalFeeAfterSave":2000,"drawback":1800,"sendBackFee":300,"abortInfo":{"deductAmount":200,"abortType":1}`,
			carrier.Cancelled, fen(0), fen(500), carrier.ByUs},
		"cancelled by the rider": {`"orderStatus":60,"abortInfo":{"deductAmount":0,"abortType":3}`,
			carrier.Cancelled, fen(0), fen(0), carrier.ByRider},
		"nobody came": {`"orderStatus":60,"sendBackFee":0,"abortInfo":{"abortType":10}`,
			carrier.Cancelled, fen(0), fen(0), carrier.ByNobody},
		"cancelled by the system from a rider": {`"orderStatus":60,"courier":{"name":"李四"},"abortInfo":{"abortType":"10"}`,
			carrier.Cancelled, nil, nil, carrier.ByCarrier},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"status":200,"data":{` + tc.data + `}}`))
			}))
			defer s.Close()
			a, err := newDev(s.URL, settings.Deps{HTTP: s.Client(), System: systemTime}, true)
			require.NoError(t, err)
			got, err := a.Query(t.Context(), carrier.Ref{CarrierNo: issNo})
			require.NoError(t, err)
			require.Equal(t, tc.state, got.State)
			require.Equal(t, tc.charged, got.Charged)
			require.Equal(t, tc.penalty, got.Penalty)
			require.Equal(t, tc.by, got.EndedBy)
		})
	}
}

func systemTime() time.Time { return carriertest.SystemTime }

// Asked by our number, an answer that names its own teaches it: without it nothing can be
// withdrawn. One that names another order is no answer.
func TestQueryByOurNumberLearnsTheirs(t *testing.T) {
	t.Parallel()
	const ours = "7301234567890123456001"
	for name, tc := range map[string]struct {
		ref  carrier.Ref
		data string
		want string
		fail bool
	}{
		"told":         {ref: carrier.Ref{OurNo: ours}, data: `"orderNo":"` + ours + `","issOrderNo":"TDH1",`, want: "TDH1"},
		"not told":     {ref: carrier.Ref{OurNo: ours}, data: `"orderNo":"` + ours + `",`},
		"known before": {ref: carrier.Ref{OurNo: ours, CarrierNo: issNo}, data: `"orderNo":"` + ours + `",`, want: issNo},
		"another's":    {ref: carrier.Ref{OurNo: ours, CarrierNo: issNo}, data: `"orderNo":"` + ours + `","issOrderNo":"TDH1",`, fail: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(`{"status":200,"data":{` + tc.data + `"orderStatus":20,"subOrderStatus":1}}`))
			}))
			defer s.Close()
			a, err := newDev(s.URL, settings.Deps{HTTP: s.Client(), System: systemTime}, true)
			require.NoError(t, err)
			got, err := a.Query(t.Context(), tc.ref)
			if tc.fail {
				require.ErrorContains(t, err, "another order")
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, got.CarrierNo)
		})
	}
}
