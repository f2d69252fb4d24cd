package uupt_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/uupt"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

// begin is a morning without peak or night surcharges.
var begin = time.Date(2026, 3, 4, 9, 0, 0, 0, world.Shanghai)

var system = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

type m = map[string]any

// party is a running UU跑腿 with a client of its own.
type party struct {
	t      *testing.T
	clock  *worldtest.Clock
	faults *world.Faults
	inbox  *worldtest.Inbox
	sim    *uupt.Service
	url    string
	client *http.Client
}

func start(t *testing.T, change func(*uupt.Options)) *party {
	t.Helper()
	p := &party{
		t: t, clock: worldtest.NewClock(begin), faults: world.None(), client: &http.Client{},
		inbox: worldtest.NewInbox(t, worldtest.Always(200, `{"code":1,"msg":"success"}`)),
	}
	o := uupt.Options{
		Clock: p.clock, System: func() time.Time { return system }, Faults: p.faults, Seed: 1, CallbackURL: p.inbox.URL + "/account",
	}
	if change != nil {
		change(&o)
	}
	p.sim = uupt.New(o)
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
	Code  int
	State string
	Msg   string
	Body  m
}

// envelope signs a call's biz.
func envelope(biz string) m {
	d := uupt.Development
	return m{"openId": d.OpenID, "timestamp": system.Unix(), "biz": biz, "sign": uupt.Sign(biz, d.AppKey, system.Unix())}
}

func (p *party) post(path, appID string, envelope m) reply {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.url+"/openapi/v3/"+path, bytes.NewReader(world.JSON(envelope)))
	require.NoError(p.t, err)
	req.Header.Set("X-App-Id", appID)
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(req)
	require.NoError(p.t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	require.NoError(p.t, resp.Body.Close())
	var r reply
	require.NoError(p.t, json.Unmarshal(body, &r), string(body))
	return r
}

func (p *party) call(path string, biz any) reply {
	p.t.Helper()
	return p.post(path, uupt.Development.AppID, envelope(string(world.JSON(biz))))
}

// ok is a call that succeeds.
func (p *party) ok(path string, biz any) m {
	p.t.Helper()
	r := p.call(path, biz)
	require.Equal(p.t, 1, r.Code, "%s: %s", path, r.Msg)
	require.Equal(p.t, "1", r.State)
	return r.Body
}

// delivery is about 2.9 km by road: the start price alone, 8 元.
func delivery(no string) m {
	from, to := world.Point{Lng: 120.1551, Lat: 30.2741}.BD09(), world.Point{Lng: 120.1551, Lat: 30.2941}.BD09()
	return m{
		"originId": no, "sendType": "SEND", "cityName": "杭州市", "goodsWeight": 1,
		"fromAddress": "文三路1号", "fromLng": from.LngText(), "fromLat": from.LatText(),
		"toAddress": "翠苑一区", "toLng": to.LngText(), "toLat": to.LatText(),
	}
}

func (p *party) quote(no string) string {
	p.t.Helper()
	return p.ok("order/orderPrice", delivery(no))["priceToken"].(string)
}

func add(token string) m {
	return m{"priceToken": token, "receiver": "张三", "receiverPhone": "13800000000_1234", "pushType": "OPEN_ORDER", "payType": "BALANCE_PAY"}
}

// place quotes and places an order and returns UU's number.
func (p *party) place(no string) string {
	p.t.Helper()
	code := p.ok("order/addOrder", add(p.quote(no)))["orderCode"].(string)
	p.clock.Settle()
	return code
}

// until lets time pass, second by second, until the order is in a state.
func (p *party) until(code string, want world.State) {
	p.t.Helper()
	for range 6 * 3600 {
		for _, o := range p.sim.Books().Orders {
			if o.CarrierNo == code && o.State == want {
				return
			}
		}
		p.clock.Advance(time.Second)
	}
	require.Fail(p.t, "never reached", "%s", want)
}

type notice struct {
	OrderCode, OriginID, StateText, DriverName, DriverMobile string
	State                                                    int
	ChangeTime                                               int64
	path                                                     string
}

// notices are the callbacks so far, their signatures checked.
func (p *party) notices() []notice {
	p.t.Helper()
	var all []notice
	for _, l := range p.inbox.Letters() {
		var e struct {
			OpenID, Biz, Sign string
			Timestamp         int64
		}
		require.NoError(p.t, json.Unmarshal(l.Body, &e))
		require.Equal(p.t, uupt.Development.OpenID, e.OpenID)
		require.Equal(p.t, system.Unix(), e.Timestamp, "the envelope carries system time")
		require.Equal(p.t, uupt.Sign(e.Biz, uupt.Development.AppKey, e.Timestamp), e.Sign)
		n := notice{path: l.Path}
		require.NoError(p.t, json.Unmarshal([]byte(e.Biz), &n))
		all = append(all, n)
	}
	return all
}

func (p *party) told() []int {
	var codes []int
	for _, n := range p.notices() {
		codes = append(codes, n.State)
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
