package taobao_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/taobao"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

var (
	begin  = time.Date(2026, 3, 4, 9, 0, 0, 0, world.Shanghai)
	system = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	shop   = world.Shop{Code: "qf-shop-0001", City: "330100", CityName: "杭州市", Name: "粥铺（文三路店）", Phone: "0571-50000001", Address: "杭州市文三路1号", Lng: 120.1551, Lat: 30.2741}
)

const (
	ok     = `{"message":"ok"}`
	secret = "ele-test-secret-0001"
)

type party struct {
	t      *testing.T
	clock  *worldtest.Clock
	inbox  *worldtest.Inbox
	faults *world.Faults
	sim    *taobao.Service
	url    string
}

func start(t *testing.T, answer func(worldtest.Letter, int) (int, string)) *party {
	t.Helper()
	return startWith(t, answer, taobao.Credentials{})
}

func startWith(t *testing.T, answer func(worldtest.Letter, int) (int, string), creds taobao.Credentials) *party {
	t.Helper()
	p := &party{t: t, clock: worldtest.NewClock(begin), inbox: worldtest.NewInbox(t, answer), faults: world.Standard()}
	p.sim = taobao.New(taobao.Options{
		Clock: p.clock, System: func() time.Time { return system }, Faults: p.faults, Seed: 1, Credentials: creds,
		PushBase: p.inbox.URL, Shops: []world.Shop{shop},
	})
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

// pushed is the n-th push, its signature checked over the text of its fields.
func (p *party) pushed(n int) (env map[string]json.RawMessage, message map[string]any) {
	p.t.Helper()
	l := p.inbox.Letters()[n]
	require.Equal(p.t, "/upstream/taobao", l.Path)
	require.Contains(p.t, l.Type, "application/json")
	return p.opened(l.Body)
}

// opened is an envelope, its signature checked.
func (p *party) opened(body []byte) (env map[string]json.RawMessage, message map[string]any) {
	p.t.Helper()
	require.NoError(p.t, json.Unmarshal(body, &env))
	fields := map[string]string{}
	for name, raw := range env {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		fields[name] = text
	}
	require.Equal(p.t, "22954133", string(env["appId"]), "a number")
	require.Equal(p.t, strconv.FormatInt(system.UnixMilli(), 10), fields["timestamp"])
	require.Equal(p.t, taobao.Sign(fields, secret), fields["signature"])
	decoder := json.NewDecoder(strings.NewReader(fields["message"]))
	decoder.UseNumber()
	require.NoError(p.t, decoder.Decode(&message))
	return env, message
}

// reply is what a call is answered.
type reply struct {
	NOP    string          `json:"nop"`
	ID     string          `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Code, Message string }
}

func (r reply) code() string {
	if r.Error == nil {
		return ""
	}
	return r.Error.Code
}

// body is a nop call with its params as they are sent; spoil changes it before it is sent.
func body(action, token, params string, spoil ...func(map[string]json.RawMessage)) string {
	var values map[string]json.RawMessage
	if err := json.Unmarshal([]byte(params), &values); err != nil {
		panic(err)
	}
	signed := map[string]string{"app_key": `"22954133"`, "timestamp": strconv.FormatInt(system.Unix(), 10)}
	for name, raw := range values {
		signed[name] = string(raw)
	}
	call := map[string]json.RawMessage{}
	set := func(name string, v any) { call[name] = world.JSON(v) }
	set("nop", "1.0.0")
	set("id", "ID|1")
	set("action", action)
	set("token", token)
	set("metas", map[string]any{"app_key": "22954133", "timestamp": system.Unix()})
	call["params"] = json.RawMessage(params)
	set("signature", taobao.SignCall(action, token, signed, secret))
	for _, f := range spoil {
		f(call)
	}
	parts := make([]string, 0, len(call))
	for name, raw := range call {
		parts = append(parts, fmt.Sprintf("%q:%s", name, raw)) // not encoded anew: blanks stay
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func (p *party) post(text string) reply {
	p.t.Helper()
	status, answer, err := world.Post(p.t.Context(), http.DefaultClient, p.url+"/api/v1/", "application/json", []byte(text))
	require.NoError(p.t, err)
	require.Equal(p.t, 200, status)
	var r reply
	require.NoError(p.t, json.Unmarshal(answer, &r), string(answer))
	require.Equal(p.t, "1.0.0", r.NOP)
	return r
}

func (p *party) call(action, params string) reply {
	p.t.Helper()
	r := p.post(body(action, "", params))
	require.Equal(p.t, "ID|1", r.ID)
	return r
}

// tell reports a state back and returns the error code, "" for success.
func (p *party) tell(no, state, courier string) string {
	p.t.Helper()
	return p.call("eleme.order.selfDeliveryStateSync", fmt.Sprintf(
		`{"shopId":720001,"stateInfo":{"orderId":%q,"distributorId":201,"state":%q,"knight":{"id":"","phone":%q,"name":%q},"deliveryCompanyName":"闪送"}}`,
		no, state, map[bool]string{true: "13800000000"}[courier != ""], courier)).code()
}
