package sftc_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/sftc"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

const (
	devID  = 1500000001
	devKey = "sf-test-dev-key-0001"
	ourNo  = "7301234567890123456002"
	sfNo   = "3370126808465994769"
)

func fen(v money.Fen) *money.Fen { return &v }

func systemTime() time.Time { return carriertest.SystemTime }

func devConfig(base string) sftc.Config {
	return sftc.Config{BaseURL: base, DevID: devID, DevKey: devKey, ShopID: "3243279847393", AllowDev: true}
}

func newDev(base string, deps settings.Deps, allowDev bool) (carrier.Adapter, error) {
	cfg := devConfig(base)
	cfg.AllowDev = allowDev
	return sftc.New(cfg, deps)
}

// The reference's computed vectors. SF-1 is also the golden request of a query.
func TestSign(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, md5, want string }{
		"SF-1": {`{"dev_id":1500000001,"order_id":"3370126808465994769","order_type":1,"push_time":1700000000}`,
			"2e0fb3029367e0d8297d32a45ce20e5e", "MmUwZmIzMDI5MzY3ZTBkODI5N2QzMmE0NWNlMjBlNWU="},
		"SF-2": {`{"dev_id":1500000001,"shop_id":"3243000000001","user_address":"北京市海淀区学清路","push_time":1700000000}`,
			"5c090de5963e5afce04c2ca2f37af030", "NWMwOTBkZTU5NjNlNWFmY2UwNGMyY2EyZjM3YWYwMzA="},
		"SF-3": {vectorPush, "4fd8140c86513ca92ac399df5fd2540b", vectorSign},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sign := sftc.Sign([]byte(tc.body), devID, devKey)
			require.Equal(t, tc.want, sign)
			hexText, err := base64.StdEncoding.DecodeString(sign)
			require.NoError(t, err)
			require.Equal(t, tc.md5, string(hexText))
		})
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	carriertest.Run(t, carriertest.Harness{
		New:   newDev,
		Place: carrier.PlaceRequest{QuoteRequest: carriertest.Sample(ourNo), Price: 900},
		Ref:   carrier.Ref{OurNo: ourNo, CarrierNo: sfNo},
		Want: carriertest.Want{
			Facts:  carrier.Facts{Account: "main", SignedPush: true, QuietFine: true, QuoteTTL: 5 * time.Minute, TipUnit: 100},
			Quote:  carrier.Quote{Price: 900, TTL: 5 * time.Minute, DistanceM: 2210, DeliveredIn: 45 * time.Minute},
			Placed: carrier.Placed{CarrierNo: sfNo, Charged: fen(950)},
			Fee:    200,
			Cancel: carrier.CancelResult{Penalty: fen(200)},
			Status: carrier.Status{
				Carrier: "sftc", OurNo: ourNo, CarrierNo: sfNo, State: carrier.PickedUp, Code: "15",
				Rider: order.Rider{Name: "王五", Phone: "13700000000"}, Verified: true,
			},
			Balance: 9987654,
		},
		Stores:   []string{"quote", "place", "find"},
		Balances: carriertest.Balances{Answer: func(b string) string { return `{"error_code":0,"result":{"balance":` + b + `}}` }, Lacks: `{"error_code":0,"result":{}}`},
		Refusals: refusals(),
		Garbage: []string{
			`{"error_msg":"no code"}`, `{"error_code":{}}`, `{"error_code":true}`, `{"error_code":0,"result":7}`, `{"error_code":0,"result":"done"}`,
		},
		Pushes:  pushes(t),
		Attacks: attacks(t),
		Replies: []carriertest.Reply{
			carriertest.Answer("received", nil, 200, `{"error_code":0,"error_msg":"success"}`),
			carriertest.Answer("send again", &carrier.Error{Kind: carrier.KindTemporary}, 503, ``),
			carriertest.Answer("anything unknown: send again", errors.New("no broker"), 503, ``),
			carriertest.Answer("refused", carrier.BadPush("sftc", carrier.KindBadRequest, "sf_order_id is missing"), 400, `{"error_code":400,"error_msg":"sf_order_id is missing"}`),
			carriertest.Answer("forged", carrier.BadPush("sftc", carrier.KindForged, "sign does not hold"), 403, `{"error_code":403,"error_msg":"sign does not hold"}`),
		},
	})
}

func refusals() []carriertest.Refusal {
	answer := func(code, msg string) string {
		return `{"error_code":` + code + `,"error_msg":"` + msg + `","error_data":null,"result":null}`
	}
	result := func(fields string) string { return `{"error_code":0,"error_msg":"","result":{` + fields + `}}` }
	return []carriertest.Refusal{
		carriertest.Refuse("no rider", "quote", answer("2001", "当前区域运力不足"), carrier.KindNoCapacity),
		carriertest.Refuse("city not open", "quote", answer("2001", "该城市未开通"), carrier.KindOutOfArea),
		carriertest.Refuse("too far", "quote", answer("2001", "超出配送范围"), carrier.KindOutOfArea),
		carriertest.Refuse("price missing", "quote", result(`"delivery_distance_meter":2210`), carrier.KindTemporary),
		carriertest.Refuse("price finer than 分", "quote", result(`"real_pay_money":9.5`), carrier.KindTemporary),
		carriertest.Refuse("price negative", "quote", result(`"charge_price_list":{"shop_pay_price":-1}`), carrier.KindTemporary),
		carriertest.Refuse("price list is text", "quote", result(`"charge_price_list":"9.00"`), carrier.KindTemporary),
		carriertest.Refuse("balance", "place", answer("3302", "失败"), carrier.KindBalanceLow),
		carriertest.Refuse("code as text", "place", `{"error_code":"3302","error_msg":""}`, carrier.KindBalanceLow),
		carriertest.Refuse("balance by its text", "place", answer("1", "账户余额不足"), carrier.KindBalanceLow),
		carriertest.Refuse("number used already", "place", answer("2002", "商家订单号重复"), carrier.KindDuplicate),
		carriertest.Refuse("order there already", "place", answer("2002", "订单已存在"), carrier.KindDuplicate),
		carriertest.Refuse("a text of no row is final", "place", answer("2003", "店铺信息有误"), carrier.KindRefused),
		carriertest.Refuse("an error of the system is doubt", "place", answer("500", "系统异常"), carrier.KindTemporary),
		carriertest.Refuse("another order placed", "place", result(`"sf_order_id":1,"shop_order_id":"2"`), carrier.KindTemporary),
		carriertest.Refuse("number missing", "place", result(`"shop_order_id":"`+ourNo+`"`), carrier.KindTemporary),
		carriertest.Refuse("charge negative", "place", result(`"sf_order_id":1,"real_pay_money":-1`), carrier.KindTemporary),
		carriertest.Refuse("unknown order", "query", answer("2004", "订单不存在"), carrier.KindNotFound),
		carriertest.Refuse("another order", "query", result(`"order_id":1,"order_status":10`), carrier.KindTemporary),
		carriertest.Refuse("another of our numbers", "query", result(`"order_id":`+sfNo+`,"out_order_id":"1","order_status":10`), carrier.KindTemporary),
		carriertest.Refuse("state that is not known", "query", result(`"order_status":99`), carrier.KindBadRequest),
		carriertest.Refuse("state missing", "query", result(`"order_id":`+sfNo), carrier.KindTemporary),
		carriertest.Refuse("too fast", "query", answer("2005", "请求过于频繁"), carrier.KindRateLimited),
		carriertest.Refuse("cancel refused", "cancel", answer("2006", "订单状态不允许取消"), ""),
		carriertest.Refuse("cancel of an unknown order", "cancel", answer("2004", "订单不存在"), carrier.KindNotFound),
		carriertest.Refuse("cancel too fast", "cancel", answer("2005", "请求过于频繁"), carrier.KindRateLimited),
		carriertest.Refuse("deduction negative", "cancel", result(`"deduction_detail":{"deduction_fee":-1}`), carrier.KindTemporary),
		carriertest.Refuse("deduction is text", "cancel", result(`"deduction_detail":"200"`), carrier.KindTemporary),
		carriertest.Refuse("no cancel any more", "cancel_fee", result(`"could_cancel":false,"deduction_fee":0`), carrier.KindRefused),
		carriertest.Refuse("could_cancel is no truth value", "cancel_fee", result(`"could_cancel":"maybe"`), carrier.KindTemporary),
		carriertest.Refuse("fee missing", "cancel_fee", result(`"could_cancel":true,"is_deduction_fee":1`), carrier.KindTemporary),
		carriertest.Refuse("balance missing", "balance", result(``), carrier.KindTemporary),
		carriertest.Refuse("balance asked with a wrong signature", "balance", answer("1001", "签名错误"), carrier.KindRefused),
	}
}

// exchange makes one call against one answer and gives the request's path and body.
func exchange(t *testing.T, answer string, call func(*sftc.Adapter) error) (path string, body map[string]any, err error) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, rerr := io.ReadAll(r.Body)
		if rerr == nil && r.URL.Query().Get("sign") == sftc.Sign(raw, devID, devKey) {
			path, rerr = r.URL.Path, json.Unmarshal(raw, &body)
		}
		if rerr == nil {
			_, _ = io.WriteString(w, answer)
		}
	}))
	defer s.Close()
	a, err := sftc.New(devConfig(s.URL+"/open/api/external"), settings.Deps{HTTP: s.Client(), System: systemTime})
	require.NoError(t, err)
	err = call(a)
	return strings.TrimPrefix(path, "/open/api/external/"), body, err
}

func ok(fields string) string { return `{"error_code":0,"error_msg":"","result":{` + fields + `}}` }

func TestTip(t *testing.T) {
	t.Parallel()
	var got carrier.Tipped
	tip := func(r carrier.TipRequest) func(*sftc.Adapter) error {
		return func(a *sftc.Adapter) (err error) { got, err = a.Tip(t.Context(), r); return err }
	}
	ref := carrier.Ref{OurNo: ourNo, CarrierNo: sfNo}
	path, body, err := exchange(t, ok(`"gratuity_fee":200,"total_gratuity_fee":"500"`), tip(carrier.TipRequest{Ref: ref, Add: 200, Total: 500}))
	require.NoError(t, err)
	require.Equal(t, "addordergratuityfee", path)
	require.Equal(t, carrier.Tipped{Total: fen(500)}, got)
	require.Equal(t, map[string]any{"dev_id": 1500000001.0, "order_id": sfNo, "order_type": 1.0, "gratuity_fee": 200.0,
		"serial_number": ourNo + "-500", "push_time": 1700000000.0}, body)

	for name, tc := range map[string]struct {
		request carrier.TipRequest
		answer  string
		kind    carrier.Kind
		sent    bool
	}{
		"less than 1 元":         {carrier.TipRequest{Ref: ref, Add: 99, Total: 99}, ok(``), carrier.KindRefused, false},
		"total below increment": {carrier.TipRequest{Ref: ref, Add: 200, Total: 100}, ok(``), carrier.KindRefused, false},
		"no order":              {carrier.TipRequest{Add: 200, Total: 200}, ok(``), carrier.KindNotSent, false},
		"accepted already":      {carrier.TipRequest{Ref: ref, Add: 200, Total: 200}, `{"error_code":2006,"error_msg":"骑士已接单"}`, carrier.KindRefused, true},
		"negative total":        {carrier.TipRequest{Ref: ref, Add: 200, Total: 200}, ok(`"total_gratuity_fee":-1`), carrier.KindTemporary, true},
	} {
		path, _, err := exchange(t, tc.answer, tip(tc.request))
		require.Equal(t, tc.kind, carrier.KindOf(err), name)
		require.Error(t, err, name)
		require.Equal(t, tc.sent, path != "", name)
	}
}

func TestTips(t *testing.T) {
	t.Parallel()
	var got money.Fen
	tips := func(a *sftc.Adapter) (err error) {
		got, err = a.Tips(t.Context(), carrier.Ref{OurNo: ourNo})
		return err
	}
	path, body, err := exchange(t, ok(`"total_gratuity_fee":300,"total_gratuity_times":2,"gratuity_fee_list":[]`), tips)
	require.NoError(t, err)
	require.Equal(t, "getordergratuityfee", path)
	require.Equal(t, money.Fen(300), got)
	require.Equal(t, map[string]any{"dev_id": 1500000001.0, "order_id": ourNo, "order_type": 2.0,
		"shop_id": "3243279847393", "shop_type": 1.0, "push_time": 1700000000.0}, body, "by our number, with the shop")
	_, _, err = exchange(t, ok(``), tips)
	require.Equal(t, carrier.KindTemporary, carrier.KindOf(err))
}

func TestLocate(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fields string
		want   carrier.Location
		kind   carrier.Kind
	}{
		"under way": {`"rider_name":"王五","rider_phone":"13700000000","rider_lng":"120.143300","rider_lat":30.2804,"upload_time":1700000000`,
			carrier.Location{Rider: order.Rider{Name: "王五", Phone: "13700000000"}, Position: &geo.Point{Lng: 120.1433, Lat: 30.2804}, At: systemTime().UTC()}, ""},
		"nobody yet":      {`"rider_name":"","rider_phone":"","rider_lng":"","rider_lat":"","upload_time":0`, carrier.Location{}, ""},
		"in the sea":      {`"rider_lng":0,"rider_lat":0`, carrier.Location{}, ""},
		"milliseconds":    {`"upload_time":1700000000000`, carrier.Location{}, carrier.KindTemporary},
		"rider is a list": {`"rider_name":[]`, carrier.Location{}, carrier.KindTemporary},
	} {
		var got carrier.Location
		path, _, err := exchange(t, ok(tc.fields), func(a *sftc.Adapter) (err error) {
			got, err = a.Locate(t.Context(), carrier.Ref{CarrierNo: sfNo})
			return err
		})
		require.Equal(t, "riderlatestposition", path, name)
		if tc.kind != "" {
			require.Equal(t, tc.kind, carrier.KindOf(err), name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, tc.want, got, name)
	}
}

// A cancel's cause decides its code; a repeated cancel is a success that states no money.
func TestCancel(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string][2]any{
		"":                       {313.0, "商家发起取消"},
		"顾客取消":                   {313.0, "顾客取消"},
		order.CauseCancelled:     {300.0, "计划有变"},
		order.CauseAcceptTimeout: {312.0, "无人接单换平台"},
		order.CauseLostRace:      {313.0, "商家发起取消"},
	} {
		var got carrier.CancelResult
		path, body, err := exchange(t, `{"error_code":2006,"error_msg":"订单已取消"}`, func(a *sftc.Adapter) (err error) {
			got, err = a.Cancel(t.Context(), carrier.CancelRequest{Ref: carrier.Ref{CarrierNo: sfNo}, Reason: reason})
			return err
		})
		require.NoError(t, err)
		require.Equal(t, "cancelorder", path)
		require.Equal(t, carrier.CancelResult{}, got)
		require.Equal(t, want, [2]any{body["cancel_code"], body["cancel_reason"]})
	}
}

func TestFreeCancelWithoutAnAmount(t *testing.T) {
	t.Parallel()
	fee := money.Fen(-1)
	_, _, err := exchange(t, ok(`"could_cancel":1,"is_deduction_fee":false`), func(a *sftc.Adapter) (err error) {
		fee, err = a.CancelFee(t.Context(), carrier.Ref{CarrierNo: sfNo})
		return err
	})
	require.NoError(t, err)
	require.Zero(t, fee)
}

func TestQueryStates(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]carrier.Status{
		`"order_status":1`:                      {State: carrier.Waiting, Code: "1"},
		`"order_status":"10"`:                   {State: carrier.Accepted, Code: "10"},
		`"order_status":12`:                     {State: carrier.Arrived, Code: "12"},
		`"order_status":14`:                     {State: carrier.PickedUp, Code: "14"},
		`"order_status":17`:                     {State: carrier.Delivered, Code: "17"},
		`"order_status":22`:                     {State: carrier.Reassigning, Code: "22"},
		`"order_status":31`:                     {State: carrier.Cancelling, Code: "31"},
		`"order_status":91`:                     {State: carrier.Exception, Code: "91"},
		`"order_status":2,"status_desc":"订单取消"`: {State: carrier.Cancelled, Code: "2", Reason: "订单取消"},
		`"order_status":2,"status_desc":"超时无人接单,系统取消"`: {State: carrier.Cancelled, Code: "2", Reason: "超时无人接单,系统取消", EndedBy: carrier.ByNobody},
	} {
		var got carrier.Status
		_, _, err := exchange(t, ok(fields), func(a *sftc.Adapter) (err error) {
			got, err = a.Query(t.Context(), carrier.Ref{OurNo: ourNo})
			return err
		})
		require.NoError(t, err, fields)
		want.Carrier, want.OurNo, want.Verified = "sftc", ourNo, true
		require.Equal(t, want, got, fields)
	}
}

// What configuration changes in a placement.
func TestPlacementByConfiguration(t *testing.T) {
	t.Parallel()
	var body map[string]any
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if json.NewDecoder(r.Body).Decode(&body) == nil {
			_, _ = io.WriteString(w, ok(`"sf_order_id":"1"`))
		}
	}))
	defer s.Close()
	cfg := devConfig(s.URL)
	cfg.LBSType, cfg.Version, cfg.ShopType, cfg.PersonDirect, cfg.NoShop = 1, 17, 2, true, true
	cfg.OrderSource, cfg.ProductTypes = "1", map[string]int{"food": 21}
	a, err := sftc.New(cfg, settings.Deps{HTTP: s.Client(), System: systemTime})
	require.NoError(t, err)
	q := carriertest.Sample(ourNo)
	q.Detail.Goods.Remark, q.Detail.Goods.WeightG, q.Detail.Goods.Count = strings.Repeat("辣", 600), 0, 0
	placed, err := a.Place(t.Context(), carrier.PlaceRequest{QuoteRequest: q})
	require.NoError(t, err)
	require.Equal(t, carrier.Placed{CarrierNo: "1"}, placed, "no amount is stated")
	require.Equal(t, []any{1.0, 17.0, 2.0, 1.0, "1"},
		[]any{body["lbs_type"], body["version"], body["shop_type"], body["is_person_direct"], body["order_source"]})
	require.NotContains(t, body, "shop")
	require.Equal(t, strings.Repeat("辣", 512), body["remark"])
	detail := body["order_detail"].(map[string]any)
	require.Equal(t, []any{21.0, 1.0, 1.0}, []any{detail["product_type"], detail["weight_gram"], detail["product_num"]})
	lng, lat := q.Detail.To.Point.BD09()
	receive := body["receive"].(map[string]any)
	require.Equal(t, []any{carrier.Degrees(lng), carrier.Degrees(lat)}, []any{receive["user_lng"], receive["user_lat"]})

	_, err = a.Place(t.Context(), carrier.PlaceRequest{})
	require.Equal(t, carrier.KindRefused, carrier.KindOf(err), "nothing to place")
}
