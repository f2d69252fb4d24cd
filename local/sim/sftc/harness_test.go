package sftc_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/sftc"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

// begin is a morning without peak or night surcharges.
var begin = time.Date(2026, 3, 4, 9, 0, 0, 0, world.Shanghai)

// system is when the reference's vectors were signed.
var system = time.Unix(1700000000, 0)

type m = map[string]any

// party is a running 顺丰同城 with a client of its own.
type party struct {
	t      *testing.T
	clock  *worldtest.Clock
	faults *world.Faults
	inbox  *inbox
	sim    *sftc.Service
	url    string
	client *http.Client
}

// inbox is worldtest's, with the signatures of what came.
type inbox struct {
	*worldtest.Inbox
	signs chan string
}

func newInbox(t *testing.T, answer func(worldtest.Letter, int) (int, string)) *inbox {
	in := &inbox{Inbox: worldtest.NewInbox(t, answer), signs: make(chan string, 10_000)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in.signs <- r.URL.Query().Get("sign")
		in.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	in.URL = server.URL
	return in
}

const received = `{"error_code":0,"error_msg":"success"}`

func start(t *testing.T, change func(*sftc.Options)) *party {
	t.Helper()
	p := &party{
		t: t, clock: worldtest.NewClock(begin), faults: world.None(), client: &http.Client{},
		inbox: newInbox(t, worldtest.Always(200, received)),
	}
	o := sftc.Options{
		Clock: p.clock, System: func() time.Time { return system }, Faults: p.faults, Seed: 1, CallbackURL: p.inbox.URL + "/all",
	}
	if change != nil {
		change(&o)
	}
	p.sim = sftc.New(o)
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
	Code   int             `json:"error_code"`
	Msg    string          `json:"error_msg"`
	Result json.RawMessage `json:"result"`
}

// raw posts bytes with a signature.
func (p *party) raw(name, body, sign string) (reply, error) {
	p.t.Helper()
	status, answer, err := world.Post(p.t.Context(), p.client, p.url+"/open/api/external/"+name+"?sign="+url.QueryEscape(sign),
		"application/json; charset=utf-8", []byte(body))
	if err != nil {
		return reply{}, err
	}
	require.Equal(p.t, http.StatusOK, status)
	var r reply
	require.NoError(p.t, json.Unmarshal(answer, &r), string(answer))
	return r, nil
}

// body adds what every call needs.
func body(fields m) string {
	all := m{"dev_id": json.Number(sftc.Development.DevID), "push_time": system.Unix()}
	for k, v := range fields {
		all[k] = v
	}
	return string(world.JSON(all))
}

func sign(body string) string {
	return sftc.Sign([]byte(body), sftc.Development.DevID, sftc.Development.DevKey)
}

func (p *party) call(name string, fields m) reply {
	p.t.Helper()
	text := body(fields)
	r, err := p.raw(name, text, sign(text))
	require.NoError(p.t, err)
	return r
}

// code is that of a call's answer.
func (p *party) code(name string, fields m) int {
	p.t.Helper()
	return p.call(name, fields).Code
}

// ok is a call that succeeds.
func (p *party) ok(name string, fields m) m {
	p.t.Helper()
	r := p.call(name, fields)
	require.Zero(p.t, r.Code, "%s: %s", name, r.Msg)
	var result m
	require.NoError(p.t, json.Unmarshal(r.Result, &result))
	return result
}

func with(fields m, more m) m {
	all := m{}
	for _, from := range []m{fields, more} {
		for k, v := range from {
			all[k] = v
		}
	}
	return all
}

// terms are about 2.9 km by road: the start price alone, 9 元. The shop is the registered one.
func terms() m {
	return m{
		"shop_id": sftc.Development.ShopID, "shop_type": 1, "pay_type": 1, "is_appoint": 0, "is_insured": 0,
		"is_person_direct": 0, "return_flag": 511, "lbs_type": 2,
	}
}

func delivery() m {
	return with(terms(), m{"user_lng": "120.155100", "user_lat": "30.294100", "user_address": "翠苑一区", "weight": 1200, "product_type": 1})
}

func creation(no string) m {
	return with(terms(), m{
		"shop_order_id": no, "order_source": "美团", "order_sequence": "12", "order_time": system.Unix(), "version": 19, "remark": "少辣",
		"receive":      m{"user_name": "张三", "user_phone": "13800000000_1234", "user_address": "翠苑一区", "user_lng": "120.155100", "user_lat": "30.294100"},
		"order_detail": m{"total_price": 4550, "product_type": 1, "weight_gram": 1200, "product_num": 1, "product_type_num": 1, "product_detail": []m{{"product_name": "快餐", "product_num": 1}}},
	})
}

// place places an order and returns 顺丰's number as text.
func (p *party) place(no string) string {
	p.t.Helper()
	r := p.call("createorder", creation(no))
	require.Zero(p.t, r.Code, r.Msg)
	p.clock.Settle()
	return number(p.t, r.Result)
}

// number reads an sf_order_id without a float.
func number(t *testing.T, result []byte) string {
	t.Helper()
	var v struct {
		No json.Number `json:"sf_order_id"`
	}
	require.NoError(t, json.Unmarshal(result, &v))
	return v.No.String()
}

func byNo(no string) m { return m{"order_id": no, "order_type": 1} }

func byOurs(no string) m {
	return m{"order_id": no, "order_type": 2, "shop_id": sftc.Development.ShopID, "shop_type": 1}
}

// until lets time pass, second by second, until the order is in a state.
func (p *party) until(no string, want world.State) {
	p.t.Helper()
	for range 6 * 3600 {
		for _, o := range p.sim.Books().Orders {
			if o.CarrierNo == no && o.State == want {
				return
			}
		}
		p.clock.Advance(time.Second)
	}
	require.Fail(p.t, "never reached", "%s", want)
}

// notice is what of a callback the tests look at.
type notice struct {
	ShopID      string `json:"shop_id"`
	No          string `json:"sf_order_id"`
	OurNo       string `json:"shop_order_id"`
	Kind        string `json:"url_index"`
	Operator    string `json:"operator_name"`
	Phone       string `json:"operator_phone"`
	Status      int    `json:"order_status"`
	ReceiptType int    `json:"receipt_type"`
	Reason      string `json:"cancel_reason"`
	PushTime    int64  `json:"push_time"`
	path        string
}

// notices are the callbacks so far, their signatures checked.
func (p *party) notices() []notice {
	p.t.Helper()
	var all []notice
	for _, l := range p.inbox.Letters() {
		var n notice
		require.NoError(p.t, json.Unmarshal(l.Body, &n))
		require.Equal(p.t, "application/json; charset=utf-8", l.Type)
		require.Equal(p.t, sign(string(l.Body)), <-p.inbox.signs)
		n.path = l.Path
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
