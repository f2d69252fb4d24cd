package jd_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/jd"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

var (
	begin  = time.Date(2026, 3, 4, 9, 0, 0, 0, world.Shanghai)
	system = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	shop   = world.Shop{Code: "qf-shop-0001", City: "330100", CityName: "杭州市", Name: "粥铺（文三路店）", Phone: "0571-50000001", Address: "杭州市文三路1号", Lng: 120.1551, Lat: 30.2741}
)

const (
	ok      = `{"code":"0","msg":"success","data":""}`
	refused = `{"code":"-1","msg":"no such shop","data":""}`
	again   = `{"code":"-10000","msg":"busy","data":""}`
)

type party struct {
	t      *testing.T
	clock  *worldtest.Clock
	inbox  *worldtest.Inbox
	faults *world.Faults
	sim    *jd.Service
	url    string
}

func start(t *testing.T, answer func(worldtest.Letter, int) (int, string)) *party {
	t.Helper()
	return startWith(t, answer, func(*jd.Options) {})
}

func startWith(t *testing.T, answer func(worldtest.Letter, int) (int, string), change func(*jd.Options)) *party {
	t.Helper()
	p := &party{t: t, clock: worldtest.NewClock(begin), inbox: worldtest.NewInbox(t, answer), faults: world.Standard()}
	o := jd.Options{
		Clock: p.clock, System: func() time.Time { return system }, Faults: p.faults, Seed: 1,
		PushBase: p.inbox.URL, Shops: []world.Shop{shop},
	}
	change(&o)
	p.sim = jd.New(o)
	server := httptest.NewServer(p.sim.Handler())
	p.url = server.URL
	t.Cleanup(func() {
		p.sim.Close()
		server.Close()
	})
	return p
}

// order makes an order that is accepted.
func (p *party) order(r world.OrderRequest) string {
	p.t.Helper()
	no, accepted, err := p.sim.Order(p.t.Context(), r)
	require.NoError(p.t, err)
	require.True(p.t, accepted)
	return no
}

// push is the n-th message, its signature checked.
func (p *party) push(n int) (name string, content map[string]string) {
	p.t.Helper()
	l := p.inbox.Letters()[n]
	require.Contains(p.t, l.Type, "application/x-www-form-urlencoded")
	form, err := url.ParseQuery(string(l.Body))
	require.NoError(p.t, err)
	params := map[string]string{}
	for k, v := range form {
		params[k] = v[0]
	}
	require.Equal(p.t, "jd-test-app", params["app_key"])
	require.Equal(p.t, "jd-test-token", params["token"])
	require.Equal(p.t, "json", params["format"])
	require.Equal(p.t, "1.0", params["v"])
	require.Equal(p.t, "2026-01-01 08:00:00", params["timestamp"], "system time, in Shanghai")
	require.Equal(p.t, jd.Sign(params, jd.Development.Secret), params["sign"])
	require.NoError(p.t, json.Unmarshal([]byte(params["jd_param_json"]), &content))
	return l.Path, content
}

// reply is an answer with its two codes.
type reply struct {
	Outer, Inner, Msg string
	Result            json.RawMessage
}

// ask makes a call; change spoils its parameters, those of sign after signing.
func (p *party) ask(path, content string, change map[string]string) reply {
	p.t.Helper()
	params := map[string]string{
		"app_key": "jd-test-app", "token": "jd-test-token", "format": "json", "v": "1.0",
		"timestamp": "2026-01-01 08:00:00", "jd_param_json": content,
	}
	for k, v := range change {
		params[k] = v
	}
	if params["sign"] == "" {
		params["sign"] = jd.Sign(params, jd.Development.Secret)
	}
	form := url.Values{}
	for k, v := range params {
		form.Set(k, v)
	}
	status, body, err := world.Post(p.t.Context(), http.DefaultClient, p.url+"/djapi/"+path, "application/x-www-form-urlencoded", []byte(form.Encode()))
	require.NoError(p.t, err)
	require.Equal(p.t, 200, status)
	var outer struct{ Code, Msg, Data string }
	require.NoError(p.t, json.Unmarshal(body, &outer), string(body))
	r := reply{Outer: outer.Code, Msg: outer.Msg}
	if outer.Data != "" {
		var inner struct {
			Code, Msg string
			Result    json.RawMessage
		}
		require.NoError(p.t, json.Unmarshal([]byte(outer.Data), &inner), outer.Data)
		r.Inner, r.Msg, r.Result = inner.Code, inner.Msg, inner.Result
	}
	require.NotEmpty(p.t, r.Msg)
	return r
}

const (
	track   = "ThirdPartyLogisticsService/receiveLogisticInfosForOpenApiPlatform"
	deliver = "bm/open/api/order/OrderSerllerDelivery"
	finish  = "ocs/deliveryEndOrder"
	decide  = "ocs/orderCancelOperate"
	refund  = "orderStatus/cancelAndRefund"
	receive = "order/confirmReceiveGoods"
	query   = "order/es/query"
)

// does makes a call about an order and wants this code of the service behind it.
func (p *party) does(code, path, no, more string) {
	p.t.Helper()
	r := p.ask(path, `{"orderId":"`+no+`"`+more+`}`, nil)
	require.Equal(p.t, [2]string{"0", code}, [2]string{r.Outer, r.Inner}, r.Msg)
}

// tracks tells a delivery status and a rider.
func (p *party) tracks(no, status, rider string) {
	phone := map[bool]string{true: "13800000000"}[rider != ""] // who is not named has none
	p.t.Helper()
	p.does("0", track, no, `,"deliveryStatus":"`+status+`","deliveryManName":"`+rider+`","deliveryManPhone":"`+phone+`","deliveryBillNo":"TDH1","deliveryCarrierName":"闪送"`)
}

func (p *party) book() jd.BookOrder {
	p.t.Helper()
	orders := p.sim.Books().Orders
	require.Len(p.t, orders, 1)
	return orders[0]
}
