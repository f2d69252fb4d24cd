package dada_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/dada"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

// begin is a morning without peak or night surcharges.
var begin = time.Date(2026, 3, 4, 9, 0, 0, 0, world.Shanghai)

// system is the real time of every call.
var system = time.Unix(1793600000, 0)

type m = map[string]any

// party is a running 达达 with a client of its own.
type party struct {
	t      *testing.T
	clock  *worldtest.Clock
	faults *world.Faults
	inbox  *worldtest.Inbox
	sim    *dada.Service
	url    string
	client *http.Client
}

const received = `{"status":"ok"}`

func start(t *testing.T, change func(*dada.Options)) *party {
	t.Helper()
	p := &party{
		t: t, clock: worldtest.NewClock(begin), faults: world.None(), client: &http.Client{},
		inbox: worldtest.NewInbox(t, worldtest.Always(200, received)),
	}
	o := dada.Options{Clock: p.clock, System: func() time.Time { return system }, Faults: p.faults, Seed: 1}
	if change != nil {
		change(&o)
	}
	p.sim = dada.New(o)
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
	Status    string          `json:"status"`
	Code      int             `json:"code"`
	ErrorCode *int            `json:"errorCode"`
	Msg       string          `json:"msg"`
	Success   bool            `json:"success"`
	Fail      bool            `json:"fail"`
	Result    json.RawMessage `json:"result"`
}

// raw posts bytes.
func (p *party) raw(path, text string) (reply, error) {
	p.t.Helper()
	status, answer, err := world.Post(p.t.Context(), p.client, p.url+dada.Prefix+path, "application/json", []byte(text))
	if err != nil {
		return reply{}, err
	}
	require.Equal(p.t, http.StatusOK, status)
	return read(p.t, answer), nil
}

// read checks that an envelope does not contradict itself.
func read(t testing.TB, answer []byte) reply {
	var r reply
	require.NoError(t, json.Unmarshal(answer, &r), string(answer))
	require.Equal(t, r.Code == 0, r.Success)
	require.Equal(t, !r.Success, r.Fail)
	require.Equal(t, map[bool]string{true: "success", false: "fail"}[r.Success], r.Status)
	require.Equal(t, r.Fail, r.ErrorCode != nil)
	return r
}

// sealed wraps business parameters as a call with its signature.
func sealed(body string) string {
	at := strconv.FormatInt(system.Unix(), 10)
	c := dada.Development
	return string(world.JSON(m{"app_key": c.AppKey, "source_id": c.SourceID, "format": "json", "v": "1.0", "timestamp": system.Unix(),
		"body": body, "signature": c.Sign(body, at)}))
}

func (p *party) call(path string, body any) reply {
	p.t.Helper()
	r, err := p.raw(path, sealed(string(world.JSON(body))))
	require.NoError(p.t, err)
	return r
}

// code is that of a call's answer.
func (p *party) code(path string, body any) int {
	p.t.Helper()
	return p.call(path, body).Code
}

// ok is a call that succeeds; its result may be "".
func (p *party) ok(path string, body any) m {
	p.t.Helper()
	r := p.call(path, body)
	require.Zero(p.t, r.Code, "%s: %s", path, r.Msg)
	var result m
	if string(r.Result) != `""` {
		require.NoError(p.t, json.Unmarshal(r.Result, &result))
	}
	return result
}

func with(fields, more m) m {
	all := m{}
	for _, from := range []m{fields, more} {
		for k, v := range from {
			all[k] = v
		}
	}
	return all
}

// delivery is about 2.9 km by road: the start price alone, 8 元.
func (p *party) delivery(no string) m {
	return m{
		"shop_no": dada.DevelopmentShop, "origin_id": no, "cargo_price": 45.5, "is_prepay": 0, "receiver_name": "张三", "receiver_address": "翠苑一区",
		"receiver_lat": 30.294100, "receiver_lng": 120.155100, "receiver_phone": "13800000000_1234", "callback": p.inbox.URL + "/carrier/dada",
		"cargo_weight": 1.2, "cargo_type": 1, "cargo_num": 2,
	}
}

// quote asks for a price and gives the deliveryNo.
func (p *party) quote(no string) string {
	p.t.Helper()
	return p.ok("order/queryDeliverFee", p.delivery(no))["deliveryNo"].(string)
}

// place quotes and places an order.
func (p *party) place(no string) {
	p.t.Helper()
	p.ok("order/addAfterQuery", m{"deliveryNo": p.quote(no)})
	p.clock.Settle()
}

func byOurs(no string) m { return m{"order_id": no} }

// until lets time pass, second by second, until the order is in a state.
func (p *party) until(no string, want world.State) {
	p.t.Helper()
	for range 6 * 3600 {
		for _, o := range p.sim.Books().Orders {
			if o.ClientNo == no && o.State == want {
				p.clock.Settle()
				return
			}
		}
		p.clock.Advance(time.Second)
	}
	require.Fail(p.t, "never reached", "%s", want)
}

// notice is what of a callback the tests look at.
type notice struct {
	ClientID  string `json:"client_id"`
	OrderID   string `json:"order_id"`
	Status    int    `json:"order_status"`
	From      int    `json:"cancel_from"`
	Reason    string `json:"cancel_reason"`
	Time      int64  `json:"update_time"`
	Rider     string `json:"dm_name"`
	Repeat    int    `json:"repeat_reason_type"`
	Signature string `json:"signature"`
}

// notices are the callbacks so far, their signatures checked.
func (p *party) notices() []notice {
	p.t.Helper()
	var all []notice
	for _, l := range p.inbox.Letters() {
		var n notice
		require.NoError(p.t, json.Unmarshal(l.Body, &n))
		require.Equal(p.t, "application/json", l.Type)
		require.Equal(p.t, "/carrier/dada", l.Path)
		require.Equal(p.t, dada.SignCallback(n.ClientID, n.OrderID, strconv.FormatInt(n.Time, 10)), n.Signature)
		all = append(all, n)
	}
	return all
}

func told(notices []notice) []int {
	var codes []int
	for _, n := range notices {
		codes = append(codes, n.Status)
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

func unmarshal(t testing.TB, raw []byte, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(raw, into), string(raw))
}
