package jd_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/jd"
	"github.com/chuandao/qianfan/shared/upstream/upstreamtest"
	"github.com/stretchr/testify/require"
)

// changed is the fixture with fields set, by their path; the value is JSON, and empty
// leaves the field out.
func changed(t *testing.T, change map[string]string) string {
	t.Helper()
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(fixture(t)), &all))
	var extend map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(all["orderExtend"], &extend))
	for path, value := range change {
		in, name := all, path
		if inner, ok := strings.CutPrefix(path, "orderExtend."); ok {
			in, name = extend, inner
		}
		in[name] = json.RawMessage(value)
		if value == "" {
			delete(in, name)
		}
	}
	if _, replaced := change["orderExtend"]; !replaced {
		raw, err := json.Marshal(extend)
		require.NoError(t, err)
		all["orderExtend"] = raw
	}
	raw, err := json.Marshal(all)
	require.NoError(t, err)
	return string(raw)
}

func fetchFaults(t *testing.T) []upstreamtest.FetchFault {
	t.Helper()
	const lng, lat = "orderExtend.buyerLng", "orderExtend.buyerLat"
	type f = map[string]string
	cases := []upstreamtest.FetchFault{
		{Name: "a detail that is no object", Answer: found(`"x"`), Reason: upstream.Malformed, Field: "resultList"},
	}
	add := func(name string, change f, reason upstream.Reason, field string) {
		cases = append(cases, upstreamtest.FetchFault{Name: name, Answer: found(changed(t, change)), Reason: reason, Field: field})
	}
	add("another order", f{"orderId": `"1"`}, upstream.BadField, "orderId")
	add("no order number", f{"orderId": ``}, upstream.BadField, "orderId")
	add("cancelled already", f{"orderStatus": `20020`}, upstream.Refused, "orderStatus")
	add("the customer fetches it", f{"deliveryType": `4`}, upstream.Refused, "deliveryType")
	add("no shop", f{"deliveryStationNoIsv": `""`, "deliveryStationNo": `null`}, upstream.MissingField, "deliveryStationNoIsv")
	add("shop's code too long", f{"deliveryStationNoIsv": `"` + strings.Repeat("1", 65) + `"`}, upstream.BadField, "deliveryStationNoIsv")
	add("address too long", f{"buyerFullAddress": `"` + strings.Repeat("路", 1000) + `"`}, upstream.BadField, "buyerFullAddress")
	add("address blank", f{"buyerFullAddress": `" "`}, upstream.MissingField, "buyerFullAddress")
	add("address as an object", f{"buyerFullAddress": `{}`}, upstream.BadField, "buyerFullAddress")
	add("phone in words", f{"buyerMobile": `"请看备注"`}, upstream.BadField, "buyerMobile")
	add("telephone in words", f{"buyerMobile": ``, "buyerTelephone": `"请看备注"`}, upstream.BadField, "buyerTelephone")
	add("no phone", f{"buyerMobile": ``}, upstream.MissingField, "buyerMobile")
	add("no point", f{"orderExtend": `{}`}, upstream.MissingField, lng)
	add("no latitude", f{lat: `null`}, upstream.MissingField, lat)
	add("longitude in words", f{lng: `"东经120"`}, upstream.BadPoint, lng)
	add("longitude beyond numbers", f{lng: `1e999`}, upstream.BadPoint, lng)
	add("longitude NaN", f{lng: `"NaN"`}, upstream.BadPoint, lng)
	add("points swapped", f{lng: `30.2856`, lat: `120.1423`}, upstream.BadPoint, lng+","+lat)
	add("swapped, ×10⁶", f{lng: `30285600`, lat: `120142300`}, upstream.BadPoint, lng+","+lat)
	add("nowhere", f{lng: `0`, lat: `0`}, upstream.BadPoint, lng+","+lat)
	add("Tokyo", f{lng: `139.6917`, lat: `35.6895`}, upstream.BadPoint, lng+","+lat)
	add("coordinates of another kind", f{"orderExtend.buyerCoordType": `9`}, upstream.BadField, "orderExtend.buyerCoordType")
	add("weight in words", f{"deliveryPackageWeight": `"1.2kg"`}, upstream.BadField, "deliveryPackageWeight")
	add("weight negative", f{"deliveryPackageWeight": `-0.1`}, upstream.BadField, "deliveryPackageWeight")
	add("weight absurd", f{"deliveryPackageWeight": `1000.1`}, upstream.BadField, "deliveryPackageWeight")
	add("weight NaN", f{"deliveryPackageWeight": `"NaN"`}, upstream.BadField, "deliveryPackageWeight")
	add("no sum", f{"orderTotalMoney": ``}, upstream.MissingField, "orderTotalMoney")
	for value, why := range map[string]string{`-1`: "negative", `45.5`: "in 元", `4550.0`: "with a fraction", `10000001`: "absurd",
		`99999999999999999999`: "beyond range", `1e3`: "with an exponent", `"free"`: "in words"} {
		add("sum "+why, f{"orderTotalMoney": value}, upstream.BadMoney, "orderTotalMoney")
	}
	add("window in seconds", f{"orderPreEndDeliveryTime": `1793600000`}, upstream.BadField, "orderPreEndDeliveryTime")
	add("window absurd", f{"orderPreEndDeliveryTime": `"9999-01-01 00:00:00"`}, upstream.BadField, "orderPreEndDeliveryTime")
	add("window backwards", f{"orderPreEndDeliveryTime": `"2026-11-02 11:00:00"`}, upstream.BadField, "orderPreEndDeliveryTime")
	return cases
}

// asked fetches from a platform that gives one answer.
func asked(t *testing.T, cfg func(*jd.Config), answer string) (upstream.Create, error) {
	t.Helper()
	return ask(t, cfg, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }).Fetch(t.Context(), number)
}

func ask(t *testing.T, cfg func(*jd.Config), answer http.HandlerFunc) *jd.Adapter {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	c := dev(server.URL)
	cfg(&c)
	a, err := jd.New(c, settings.Deps{HTTP: server.Client(), System: systemTime})
	require.NoError(t, err)
	return a
}

// What may differ between good details.
func TestDetailVariants(t *testing.T) {
	t.Parallel()
	plain := func(*jd.Config) {}
	end := time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC)
	bdLng, bdLat := geo.Point{Lng: 120.1423, Lat: 30.2856}.BD09()
	number := func(v float64) string {
		raw, err := json.Marshal(v)
		require.NoError(t, err)
		return string(raw)
	}
	for name, tc := range map[string]struct {
		cfg    func(*jd.Config)
		change map[string]string
		want   func(*upstream.Create)
	}{
		"as it is":         {plain, nil, func(*upstream.Create) {}},
		"numbers as text":  {plain, map[string]string{"orderId": `"2615400000000123456"`, "orderTotalMoney": `"4550"`, "orderExtend.buyerLng": `"120.142300"`, "deliveryPackageWeight": `"1.200"`}, func(*upstream.Create) {}},
		"×10⁶":             {plain, map[string]string{"orderExtend.buyerLng": `120142300`, "orderExtend.buyerLat": `30285600`}, func(*upstream.Create) {}},
		"plain phone":      {plain, map[string]string{"buyerMobile": `"+86 138-0000-0000"`}, func(c *upstream.Create) { c.Detail.To.Phone, c.Detail.To.Ext = "13800000000", "" }},
		"telephone":        {plain, map[string]string{"buyerMobile": `""`, "buyerTelephone": `"0571-88888888"`}, func(c *upstream.Create) { c.Detail.To.Phone, c.Detail.To.Ext = "057188888888", "" }},
		"no weight":        {plain, map[string]string{"deliveryPackageWeight": ``}, func(c *upstream.Create) { c.Detail.Goods.WeightG = 1000 }},
		"weight 0":         {func(c *jd.Config) { c.DefaultWeightG = 700 }, map[string]string{"deliveryPackageWeight": `0`}, func(c *upstream.Create) { c.Detail.Goods.WeightG = 700 }},
		"weight below 1 g": {plain, map[string]string{"deliveryPackageWeight": `0.0003`}, func(c *upstream.Create) { c.Detail.Goods.WeightG = 1 }},
		"weight of a half": {plain, map[string]string{"deliveryPackageWeight": `0.29`}, func(c *upstream.Create) { c.Detail.Goods.WeightG = 290 }},
		"no money":         {plain, map[string]string{"orderTotalMoney": `0`}, func(c *upstream.Create) { c.Detail.Goods.Value = 0 }},
		"the shop's own":   {plain, map[string]string{"deliveryStationNoIsv": `""`}, func(c *upstream.Create) { c.ShopCode = "11001212" }},
		"the kitchen":      {func(c *jd.Config) { c.ShopFields = []string{"produceStationNoIsv"} }, nil, func(c *upstream.Create) { c.ShopCode = "kitchen-1" }},
		"no kind of point": {plain, map[string]string{"orderExtend.buyerCoordType": ``}, func(*upstream.Create) {}},
		"scheduled": {plain, map[string]string{"orderPreStartDeliveryTime": `"2026-11-02 13:30:00"`, "orderPreEndDeliveryTime": `"2026-11-02 14:00:00"`},
			func(c *upstream.Create) { c.Detail.ExpectedAt = &end }},
		"soon enough": {func(c *jd.Config) { c.Immediate = settings.Duration(2 * time.Hour) }, map[string]string{"orderPreStartDeliveryTime": `"2026-11-02 13:30:00"`, "orderPreEndDeliveryTime": `"2026-11-02 14:00:00"`},
			func(*upstream.Create) {}},
		"an end alone": {plain, map[string]string{"orderPreStartDeliveryTime": ``, "orderPreEndDeliveryTime": `"2026-11-02 14:00:00"`}, func(c *upstream.Create) { c.Detail.ExpectedAt = &end }},
		"no window":    {plain, map[string]string{"orderPreStartDeliveryTime": `null`, "orderPreEndDeliveryTime": `null`}, func(*upstream.Create) {}},
		"BD-09": {func(c *jd.Config) { c.CoordTypes = map[string]string{"3": "bd09"} },
			map[string]string{"orderExtend.buyerCoordType": `3`, "orderExtend.buyerLng": number(bdLng), "orderExtend.buyerLat": number(bdLat)},
			func(*upstream.Create) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := asked(t, tc.cfg, found(changed(t, tc.change)))
			require.NoError(t, err)
			want := wantFetched()
			tc.want(&want)
			require.InDelta(t, want.Detail.To.Point.Lng, got.Detail.To.Point.Lng, 2e-5)
			require.InDelta(t, want.Detail.To.Point.Lat, got.Detail.To.Point.Lat, 2e-5)
			want.Detail.To.Point = got.Detail.To.Point
			require.Equal(t, want, got)
		})
	}
}

// The envelopes may hold JSON itself instead of a text with JSON in it.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	list := `{"resultList":[` + fixture(t) + `]}`
	text, err := json.Marshal(list)
	require.NoError(t, err)
	for name, answer := range map[string]string{
		"objects":          `{"code":0,"data":{"code":0,"result":` + list + `}}`,
		"a result as text": `{"code":"0","data":{"code":"0","result":` + string(text) + `}}`,
		"no inner code":    `{"code":"0","data":{"result":` + list + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := asked(t, func(*jd.Config) {}, answer)
			require.NoError(t, err)
			require.Equal(t, wantFetched(), got)
		})
	}
}

// A move that 京东 refuses is done nevertheless if the order stands where it leads.
func TestToldTwice(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		state   order.State
		stands  string
		refused bool
	}{
		"delivered already":   {order.Delivered, "33060", false},
		"completed already":   {order.Delivered, "90000", false},
		"not delivered":       {order.Delivered, "33040", true},
		"picked up already":   {order.PickedUp, "33040", false},
		"cancelled already":   {order.Cancelled, "20020", false},
		"cancelled by 京东":     {order.Failed, "20020", false},
		"pickup unheard of":   {order.Delivered, "32000", true},
		"nobody asked":        {order.Cancelled, "32000", true},
		"nowhere known":       {order.Delivered, "", true},
		"delivered meanwhile": {order.Cancelled, "33060", true},
		"returned already":    {order.Returned, "20020", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := ask(t, func(*jd.Config) {}, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/order/es/query"):
					_, _ = io.WriteString(w, found(`{"orderId":"2615400000000123456","orderStatus":"`+tc.stands+`"}`))
				case strings.Contains(r.URL.Path, "/ThirdPartyLogisticsService/"):
					_, _ = io.WriteString(w, `{"code":"0","msg":"操作成功"}`)
				default:
					_, _ = io.WriteString(w, `{"code":"-1","msg":"订单状态不允许"}`)
				}
			})
			err := a.Report(t.Context(), upstream.Milestone{No: number, State: tc.state})
			require.Equal(t, tc.refused, err != nil, "%v", err)
			if tc.refused {
				var e *upstream.Error
				require.ErrorAs(t, err, &e)
				require.Equal(t, upstream.Refused, e.Reason)
			}
		})
	}
}

// A state is told even where 京东 does not want to show its rider, as when the
// first half of a report was heard and the second was not.
func TestTheStateIsToldWithoutTheRider(t *testing.T) {
	t.Parallel()
	report := func(state order.State, tracking string) ([]string, error) {
		calls := make(chan string, 8)
		a := ask(t, func(*jd.Config) {}, func(w http.ResponseWriter, r *http.Request) {
			path := strings.TrimPrefix(r.URL.Path, "/djapi/")
			calls <- path
			if strings.HasPrefix(path, "ThirdPartyLogisticsService/") {
				_, _ = io.WriteString(w, tracking)
				return
			}
			_, _ = io.WriteString(w, `{"code":"0","msg":"操作成功","data":""}`)
		})
		err := a.Report(t.Context(), upstream.Milestone{No: number, State: state})
		close(calls)
		return slices.Collect(func(yield func(string) bool) {
			for c := range calls {
				yield(c)
			}
		}), err
	}
	const refusal, trouble = `{"code":"-1","msg":"物流信息已存在"}`, `{"code":"10013","msg":"请求过于频繁"}`
	got, err := report(order.PickedUp, refusal)
	require.NoError(t, err)
	require.Equal(t, "bm/open/api/order/OrderSerllerDelivery", got[len(got)-1])
	_, err = report(order.Assigned, refusal)
	require.Error(t, err, "there is nothing else to tell")
	got, err = report(order.PickedUp, trouble)
	require.Error(t, err)
	require.Len(t, got, 1, "both are told again")
}

// What 京东 has not heard of before is made up for: the pickup before the delivery, and a
// cancel that nobody there asked for.
func TestMadeUpFor(t *testing.T) {
	t.Parallel()
	const deliver, finish, agree, refund = "bm/open/api/order/OrderSerllerDelivery", "ocs/deliveryEndOrder", "ocs/orderCancelOperate", "orderStatus/cancelAndRefund"
	for name, tc := range map[string]struct {
		state   order.State
		stands  string
		refused string // refused the first time
		calls   []string
	}{
		"pickup unheard of":  {order.Delivered, "32000", finish, []string{finish, "order/es/query", deliver, finish}},
		"nobody asked":       {order.Cancelled, "32000", agree, []string{agree, "order/es/query", refund}},
		"nobody asked, late": {order.Cancelled, "33040", agree, []string{agree, "order/es/query", refund}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calls := make(chan string, 8)
			var refused atomic.Bool
			a := ask(t, func(*jd.Config) {}, func(w http.ResponseWriter, r *http.Request) {
				path := strings.TrimPrefix(r.URL.Path, "/djapi/")
				calls <- path
				switch {
				case path == "order/es/query":
					_, _ = io.WriteString(w, found(`{"orderId":"2615400000000123456","orderStatus":`+tc.stands+`}`))
				case path == tc.refused && !refused.Swap(true):
					_, _ = io.WriteString(w, `{"code":"-1","msg":"订单状态不允许"}`)
				default:
					_, _ = io.WriteString(w, `{"code":"0","msg":"操作成功","data":""}`)
				}
			})
			require.NoError(t, a.Report(t.Context(), upstream.Milestone{No: number, State: tc.state}))
			close(calls)
			var got []string
			for path := range calls {
				got = append(got, path)
			}
			require.Equal(t, tc.calls, got)
		})
	}
}

// Codes and the words of 商家自送跟踪 are configuration.
func TestConfiguredWords(t *testing.T) {
	t.Parallel()
	told := make(chan string, 1)
	a := ask(t, func(c *jd.Config) {
		c.RetryCodes = []string{"10032"}
		c.Carriers = map[string]string{"uupt": "77"}
		c.Tracking.Fields = map[string]string{"status": "state", "at": "", "carrier_name": ""}
		c.Tracking.Statuses = map[order.State]string{order.Assigned: "accepted", order.Dispatching: ""}
	}, func(w http.ResponseWriter, r *http.Request) {
		told <- r.PostFormValue("jd_param_json")
		_, _ = io.WriteString(w, `{"code":"0","data":{"code":"10032","msg":"太快了"}}`)
	})
	require.NoError(t, a.Report(t.Context(), upstream.Milestone{No: number, State: order.Dispatching}), "a state without a word is not told")
	require.Empty(t, told)
	err := a.Report(t.Context(), upstream.Milestone{No: number, State: order.Assigned, Carrier: "uupt", Rider: order.Rider{Name: "李四"}})
	var e *upstream.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, upstream.Unreachable, e.Reason)
	require.JSONEq(t, `{"orderId":"2615400000000123456","state":"accepted","deliveryCarrierNo":"77","deliveryManName":"李四"}`, <-told)
}

// The platform's own codes decide nothing about an order, but for those that are known to.
func TestCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]upstream.Reason{"-1": upstream.Refused, "30001": upstream.Refused, "10013": upstream.Unreachable, "-10000": upstream.Unreachable} {
		a := ask(t, func(c *jd.Config) { c.RefusalCodes = []string{"30001"} }, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"code":"`+code+`","msg":"x"}`)
		})
		err := a.Report(t.Context(), upstream.Milestone{No: number, State: order.Delivered})
		require.Equal(t, want, upstream.AsError(err).Reason, code)
	}
}

// FuzzFetch takes whatever the platform might answer.
func FuzzFetch(f *testing.F) {
	f.Add(found(`{"orderId":"2615400000000123456","orderStatus":"32000","deliveryStationNo":"1","buyerFullAddress":"x","buyerMobile":"95188",` +
		`"orderTotalMoney":1,"orderExtend":{"buyerLng":120,"buyerLat":30}}`))
	f.Add(`{"code":"0","data":"{\"code\":\"0\",\"result\":{\"resultList\":[{}]}}"}`)
	f.Add(`{"code":"0","data":{"result":"{\"resultList\":[null]}"}}`)
	f.Fuzz(func(t *testing.T, answer string) {
		cfg := dev("http://platform.example.com")
		a, err := jd.New(cfg, settings.Deps{HTTP: &http.Client{Transport: says(answer)}, System: systemTime})
		require.NoError(t, err)
		got, err := a.Fetch(t.Context(), number)
		if err != nil {
			var e *upstream.Error
			require.ErrorAs(t, err, &e)
			require.Zero(t, got)
			return
		}
		require.NotEmpty(t, got.ShopCode)
		require.True(t, got.Detail.To.Point.InChina())
		require.True(t, got.Detail.Goods.Value >= 0 && got.Detail.Goods.Value <= 100_000_00)
		require.Positive(t, got.Detail.Goods.WeightG)
	})
}

// says is a platform without a wire.
type says string

func (s says) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(s)))}, nil
}
