package fengniao_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/fengniao"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

// begin is a morning without peak or night surcharges.
var begin = time.Date(2026, 3, 4, 9, 0, 0, 0, world.Shanghai)

var system = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

type m = map[string]any

// party is a running 蜂鸟 with a client of its own.
type party struct {
	t      *testing.T
	clock  *worldtest.Clock
	faults *world.Faults
	inbox  *worldtest.Inbox
	sim    *fengniao.Service
	url    string
	client *http.Client
	now    time.Time
	access string
}

func start(t *testing.T, change func(*fengniao.Options)) *party {
	t.Helper()
	p := &party{
		t: t, clock: worldtest.NewClock(begin), faults: world.None(), client: &http.Client{}, now: system, access: fengniao.OpeningAccess,
		inbox: worldtest.NewInbox(t, worldtest.Always(200, `{"result":"OK"}`)),
	}
	o := fengniao.Options{
		Clock: p.clock, System: func() time.Time { return p.now }, Faults: p.faults, Seed: 1, CallbackURL: p.inbox.URL + "/push",
	}
	if change != nil {
		change(&o)
	}
	p.sim = fengniao.New(o)
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
	Sign         string
	Code         string
	Msg          string
	BusinessData string `json:"business_data"`
}

// data is business_data read as an object, numbers as they are written.
func (r reply) data(t *testing.T) m {
	t.Helper()
	var v m
	dec := json.NewDecoder(bytes.NewReader([]byte(r.BusinessData)))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&v), r.BusinessData)
	return v
}

func (p *party) send(path string, body []byte) (reply, error) {
	_, answer, err := world.Post(p.t.Context(), p.client, p.url+"/anubis-webapi/"+path, "application/json", body)
	if err != nil {
		return reply{}, err
	}
	var r reply
	require.NoError(p.t, json.Unmarshal(answer, &r), string(answer))
	return r, nil
}

// signed completes the fields of a call; what is given already stays.
func (p *party) signed(fields map[string]string) map[string]string {
	d := fengniao.Development
	all := map[string]string{"app_id": d.AppID, "merchant_id": d.MerchantID, "timestamp": strconv.FormatInt(p.now.UnixMilli(), 10)}
	for name, value := range fields {
		all[name] = value
	}
	if all["signature"] == "" {
		all["signature"] = fengniao.Sign(d.Secret, all)
	}
	return all
}

func (p *party) business(data string) map[string]string {
	return p.signed(map[string]string{"access_token": p.access, "version": "1.0", "business_data": data})
}

func (p *party) call(method string, data any) reply {
	p.t.Helper()
	r, err := p.send("v3/invoke/"+method, world.JSON(p.business(string(world.JSON(data)))))
	require.NoError(p.t, err)
	return r
}

// ok is a call that succeeds with an object.
func (p *party) ok(method string, data any) m {
	p.t.Helper()
	r := p.call(method, data)
	require.Equal(p.t, "200", r.Code, "%s: %s", method, r.Msg)
	if r.BusinessData == "" {
		return nil
	}
	return r.data(p.t)
}

// delivery is about 2.9 km by road: the start price alone, 9 元.
func delivery(no string) m {
	return m{
		"partner_order_code": no, "order_type": 1, "position_source": 3,
		"transport_longitude": 120.1551, "transport_latitude": 30.2741, "transport_address": "文三路1号", "transport_tel": "0571-50000001",
		"receiver_address": "翠苑一区", "receiver_longitude": "120.155100", "receiver_latitude": "30.294100",
		"goods_total_amount_cent": 4550, "goods_actual_amount_cent": 4550, "goods_weight": 1.2, "goods_count": 2,
	}
}

func order(no string) m {
	d := delivery(no)
	d["receiver_name"], d["receiver_primary_phone"], d["service_goods_id"], d["base_goods_id"] = "张三", "13800000000,1234", 32, 63
	return d
}

// place orders and returns 蜂鸟's number as it stands in JSON.
func (p *party) place(no string) string {
	p.t.Helper()
	id := p.ok("createOrder", order(no))["order_id"].(json.Number).String()
	p.clock.Settle()
	return id
}

func about(id string) m { return m{"order_id": json.Number(id)} }

func with(d m, more m) m {
	for k, v := range more {
		d[k] = v
	}
	return d
}

func withdraw(id string, cost int) m {
	return with(about(id), m{"order_cancel_code": 32, "actual_cancel_cost_cent": cost, "order_cancel_role": 1, "order_cancel_other_reason": "不要了"})
}

// until lets time pass, second by second, until the order is in a state.
func (p *party) until(id string, want world.State) {
	p.t.Helper()
	for range 6 * 3600 {
		for _, o := range p.sim.Books().Orders {
			if o.CarrierNo == id && o.State == want {
				return
			}
		}
		p.clock.Advance(time.Second)
	}
	require.Fail(p.t, "never reached", "%s", want)
}

type notice struct {
	OrderID     json.Number `json:"order_id"`
	ClientNo    string      `json:"partner_order_code"`
	Status      int         `json:"order_status"`
	PushTime    int64       `json:"push_time"`
	RiderID     json.Number `json:"carrier_driver_id"`
	RiderName   string      `json:"carrier_driver_name"`
	RiderPhone  string      `json:"carrier_driver_phone"`
	ErrorCode   string      `json:"error_code"`
	Reason      int         `json:"cancel_reason"`
	Description string      `json:"description"`
}

// notices are the callbacks so far, their signatures checked.
func (p *party) notices() []notice {
	p.t.Helper()
	var all []notice
	for _, l := range p.inbox.Letters() {
		var e map[string]string
		require.NoError(p.t, json.Unmarshal(l.Body, &e), "all values are text")
		require.Equal(p.t, "/push", l.Path)
		require.Equal(p.t, strconv.FormatInt(p.now.UnixMilli(), 10), e["timestamp"], "the envelope carries system time")
		require.Equal(p.t, fengniao.Sign(fengniao.Development.Secret, e), e["signature"])
		var d struct {
			Type  string `json:"callback_business_type"`
			Param notice
		}
		require.NoError(p.t, json.Unmarshal([]byte(e["business_data"]), &d))
		require.Equal(p.t, "orderStatusNotify", d.Type)
		all = append(all, d.Param)
	}
	return all
}

func (p *party) told() []int {
	var codes []int
	for _, n := range p.notices() {
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
