package shansong_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/shansong"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

// begin is a morning without peak or night surcharges.
var begin = time.Date(2026, 3, 4, 9, 0, 0, 0, world.Shanghai)

var system = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// party is a running 闪送 with a client of its own.
type party struct {
	t      *testing.T
	clock  *worldtest.Clock
	faults *world.Faults
	inbox  *worldtest.Inbox
	sim    *shansong.Service
	url    string
	client *http.Client
}

func start(t *testing.T, change func(*shansong.Options)) *party {
	t.Helper()
	p := &party{
		t: t, clock: worldtest.NewClock(begin), faults: world.None(), client: &http.Client{},
		inbox: worldtest.NewInbox(t, worldtest.Always(200, `{"status":200,"msg":"","data":null}`)),
	}
	o := shansong.Options{
		Clock: p.clock, System: func() time.Time { return system }, Faults: p.faults, Seed: 1, CallbackURL: p.inbox.URL,
	}
	if change != nil {
		change(&o)
	}
	p.sim = shansong.New(o)
	server := httptest.NewServer(p.sim.Handler())
	p.url = server.URL
	t.Cleanup(func() {
		p.sim.Close()
		p.client.CloseIdleConnections()
		server.Close()
	})
	return p
}

type reply struct {
	Status int
	Msg    string
	Data   map[string]any
}

func form(data string) url.Values {
	d := shansong.Development
	params := map[string]string{
		"clientId": d.ClientID, "shopId": d.ShopID, "timestamp": strconv.FormatInt(system.UnixMilli(), 10), "data": data,
	}
	params["sign"] = shansong.Sign(d.Secret, params)
	v := url.Values{}
	for k, x := range params {
		v.Set(k, x)
	}
	return v
}

func (p *party) post(name string, form url.Values) (reply, error) {
	_, body, err := world.Post(p.t.Context(), p.client, p.url+"/openapi/merchants/v5/"+name, "application/x-www-form-urlencoded", []byte(form.Encode()))
	if err != nil {
		return reply{}, err
	}
	var r struct {
		Status int             `json:"status"`
		Msg    string          `json:"msg"`
		Data   json.RawMessage `json:"data"`
	}
	require.NoError(p.t, json.Unmarshal(body, &r), string(body))
	out := reply{Status: r.Status, Msg: r.Msg}
	if len(r.Data) > 0 && r.Data[0] == '{' {
		require.NoError(p.t, json.Unmarshal(r.Data, &out.Data))
	}
	return out, nil
}

func (p *party) call(name string, data any) reply {
	p.t.Helper()
	r, err := p.post(name, form(string(world.JSON(data))))
	require.NoError(p.t, err)
	return r
}

// ok is a call that succeeds.
func (p *party) ok(name string, data any) map[string]any {
	p.t.Helper()
	r := p.call(name, data)
	require.Equal(p.t, 200, r.Status, "%s: %s", name, r.Msg)
	return r.Data
}

type m = map[string]any

// delivery is about 2.9 km by road: the start price alone, 14 元.
func delivery(no string) m {
	return m{
		"cityName": "杭州市", "appointType": 0, "lbsType": 1,
		"sender": m{
			"fromAddress": "文三路1号", "fromSenderName": "粥铺", "fromMobile": "0571-50000001",
			"fromLatitude": "30.274100", "fromLongitude": "120.155100",
		},
		"receiverList": []m{{
			"orderNo": no, "toAddress": "翠苑一区", "toLatitude": "30.294100", "toLongitude": "120.155100",
			"toReceiverName": "张三", "toMobile": "13800000000#1234", "goodType": 6, "weight": 1,
		}},
	}
}

// place quotes and places an order and returns 闪送's number.
func (p *party) place(no string) string {
	p.t.Helper()
	iss := p.ok("orderCalculate", delivery(no))["orderNumber"].(string)
	p.ok("orderPlace", m{"issOrderNo": iss})
	p.clock.Settle()
	return iss
}

func (p *party) state(iss string) [2]int {
	p.t.Helper()
	d := p.ok("orderInfo", m{"issOrderNo": iss})
	return [2]int{int(d["orderStatus"].(float64)), int(d["subOrderStatus"].(float64))}
}

// until lets time pass, second by second, until the order is in a state.
func (p *party) until(iss string, want world.State) {
	p.t.Helper()
	for range 6 * 3600 {
		for _, o := range p.sim.Books().Orders {
			if o.CarrierNo == iss && o.State == want {
				return
			}
		}
		p.clock.Advance(time.Second)
	}
	require.Fail(p.t, "never reached", "%s", want)
}

// notice is what of a callback the tests look at.
type notice struct {
	ClientID, ShopID, Token, IssOrderNo, OrderNo, StatusChangeTime, AbortReason string
	Status, SubStatus, AbortType, PunishType                                    int
	DeductAmount, SendBackFee, Drawback                                         int
	Courier                                                                     *struct{ Name, Mobile string }
}

func (p *party) notices() []notice {
	p.t.Helper()
	var all []notice
	for _, l := range p.inbox.Letters() {
		var n notice
		require.NoError(p.t, json.Unmarshal(l.Body, &n))
		require.Equal(p.t, "application/json", l.Type)
		all = append(all, n)
	}
	return all
}

func (p *party) told() [][2]int {
	var codes [][2]int
	for _, n := range p.notices() {
		codes = append(codes, [2]int{n.Status, n.SubStatus})
	}
	return codes
}

// book is the one order's entry, after checking that the books add up.
func (p *party) book() world.BookOrder {
	p.t.Helper()
	b := p.sim.Books()
	charged := b.Opening - b.Balance
	for _, o := range b.Orders {
		charged -= o.Charged
	}
	require.Zero(p.t, charged, "opening balance less balance is what the orders were charged")
	require.Len(p.t, b.Orders, 1)
	return b.Orders[0]
}
