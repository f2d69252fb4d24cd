package meituan_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/meituan"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

var (
	begin  = time.Date(2026, 3, 4, 9, 0, 0, 0, world.Shanghai)
	system = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	shop   = world.Shop{Code: "qf-shop-0001", City: "330100", CityName: "杭州市", Name: "粥铺（文三路店）", Phone: "0571-50000001", Address: "杭州市文三路1号", Lng: 120.1551, Lat: 30.2741}
)

const ok = `{"data":"ok"}`

type party struct {
	t     *testing.T
	clock *worldtest.Clock
	inbox *worldtest.Inbox
	sim   *meituan.Service
	url   string
}

func start(t *testing.T, answer func(worldtest.Letter, int) (int, string)) *party {
	t.Helper()
	p := &party{t: t, clock: worldtest.NewClock(begin), inbox: worldtest.NewInbox(t, answer)}
	p.sim = meituan.New(meituan.Options{
		Clock: p.clock, System: func() time.Time { return system }, Faults: world.Standard(), Seed: 1,
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

// push is the n-th push, its signature checked.
func (p *party) push(n int) (path string, params map[string]string) {
	p.t.Helper()
	l := p.inbox.Letters()[n]
	require.Contains(p.t, l.Type, "application/x-www-form-urlencoded")
	form, err := url.ParseQuery(string(l.Body))
	require.NoError(p.t, err)
	params = map[string]string{}
	for k, v := range form {
		params[k] = v[0]
	}
	require.Equal(p.t, "1001", params["app_id"])
	require.Equal(p.t, strconv.FormatInt(system.Unix(), 10), params["timestamp"])
	require.Equal(p.t, meituan.Sign(p.inbox.URL+l.Path, params, meituan.Development.Secret), params["sig"])
	return l.Path, params
}

// tell reports back and returns the error code, 0 for success.
func (p *party) tell(path string, params map[string]string) int {
	p.t.Helper()
	all := map[string]string{"app_id": "1001", "timestamp": strconv.FormatInt(system.Unix(), 10)}
	for k, v := range params {
		all[k] = v
	}
	if all["sig"] == "" {
		all["sig"] = meituan.Sign(p.url+"/api/v1/"+path, all, meituan.Development.Secret)
	}
	form := url.Values{}
	for k, v := range all {
		form.Set(k, v)
	}
	_, body, err := world.Post(p.t.Context(), http.DefaultClient, p.url+"/api/v1/"+path, "application/x-www-form-urlencoded", []byte(form.Encode()))
	require.NoError(p.t, err)
	if string(body) == ok {
		return 0
	}
	var e struct {
		Data  string
		Error struct {
			Code int
			Msg  string
		}
	}
	require.NoError(p.t, json.Unmarshal(body, &e), string(body))
	require.Equal(p.t, "ng", e.Data)
	require.NotEmpty(p.t, e.Error.Msg)
	return e.Error.Code
}

const sync = "ecommerce/order/logistics/sync"

func (p *party) status(no, status, courier string) int {
	p.t.Helper()
	return p.tell(sync, map[string]string{
		"order_id": no, "logistics_status": status, "courier_name": courier, "courier_phone": map[bool]string{true: "13800000000"}[courier != ""],
		"third_carrier_order_id": "TDH1", "logistics_provider_code": "10003",
	})
}

func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	require.Equal(t, "705f9f525b6fb622a9afa83ca7597845", meituan.Sign("https://waimaiopen.meituan.com/api/v1/order/getOrderDaySeq",
		map[string]string{"app_id": "0000", "app_poi_code": "31号测试店", "timestamp": "1389751221"}, "testsecret"), "#3")
	require.Equal(t, "72ef1180d940d0be266aa2a440115e43", meituan.Sign("https://agg.example.com/upstream/meituan/order/cancel",
		map[string]string{
			"app_id": "0000", "deal_op_type": "1", "order_id": "27061900338318741", "reason": "用户要求取消", "reason_code": "2006",
			"timestamp": "1793600000", "sig": "not signed", "img_data": "nor this",
		}, "testsecret"), "#4")
}

func TestPaidOrder(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	no := p.order(world.OrderRequest{})
	n, err := strconv.ParseInt(no, 10, 64)
	require.NoError(t, err)
	require.Greater(t, n, int64(1)<<53)

	path, params := p.push(0)
	require.Equal(t, "/upstream/meituan/order/paid", path)
	require.Equal(t, no, params["order_id"])
	require.Equal(t, "qf-shop-0001", params["app_poi_code"])
	require.Equal(t, "0", params["delivery_time"])
	require.Equal(t, strconv.FormatInt(begin.Unix(), 10), params["ctime"], "virtual time")
	plain := func(field string) string {
		require.NotContains(t, params[field], "{", "%s is encoded once more", field)
		text, err := url.QueryUnescape(params[field])
		require.NoError(t, err)
		return text
	}
	require.Equal(t, shop.Name, plain("wm_poi_name"))
	require.Regexp(t, `^1\d{10}_\d{4}$`, plain("recipient_phone"))
	require.Contains(t, plain("recipient_address"), "@#杭州市")
	home, err := world.ParsePoint(params["longitude"], params["latitude"])
	require.NoError(t, err)
	metres := shop.Point().Metres(home)
	require.True(t, metres > 495 && metres < 5005, "%v m", metres)

	var foods []struct {
		Name  string      `json:"food_name"`
		Price json.Number `json:"price"`
	}
	require.NoError(t, json.Unmarshal([]byte(plain("detail")), &foods))
	require.NotEmpty(t, foods)
	require.Regexp(t, `^\d+\.\d\d$`, foods[0].Price.String())
	require.Regexp(t, `^\d+\.\d\d$`, params["total"])

	_, again := start(t, worldtest.Always(200, ok)).push1(t)
	for _, k := range []string{"recipient_name", "longitude", "detail", "total"} {
		require.Equal(t, params[k], again[k], "drawn from the seed")
	}
}

func (p *party) push1(t *testing.T) (string, map[string]string) {
	t.Helper()
	p.order(world.OrderRequest{})
	return p.push(0)
}

func TestOrderAsAsked(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	later := begin.Add(3 * time.Hour)
	home := world.Point{Lng: 120.2, Lat: 30.3}
	no := p.order(world.OrderRequest{Shop: "qf-shop-0001", Dropoff: &home, Value: 2550, Expected: &later})
	_, params := p.push(0)
	require.Equal(t, "120.200000", params["longitude"])
	require.Equal(t, "30.300000", params["latitude"])
	require.Equal(t, "28.50", params["total"], "25.50 and 5 for the rider and 1 for the bag less 3")
	require.Equal(t, strconv.FormatInt(later.Unix(), 10), params["delivery_time"])
	require.Equal(t, no, p.sim.Books().Orders[0].No)
	_, _, err := p.sim.Order(t.Context(), world.OrderRequest{Shop: "nowhere"})
	require.ErrorIs(t, err, meituan.ErrOrder)
}

func TestPushIsRepeatedUntilAnswered(t *testing.T) {
	t.Parallel()
	p := start(t, func(_ worldtest.Letter, before int) (int, string) {
		if before < 2 {
			return 500, ok
		}
		return 200, ok
	})
	accepted := make(chan bool)
	go func() {
		_, yes, err := p.sim.Order(context.Background(), world.OrderRequest{})
		accepted <- yes && err == nil
	}()
	waits := func() bool { return p.clock.Timers() == 1 }
	for i, gap := range []time.Duration{5 * time.Second, 10 * time.Second} {
		require.Eventually(t, waits, 5*time.Second, time.Millisecond)
		p.clock.Advance(gap - time.Second)
		require.Len(t, p.inbox.Letters(), i+1)
		p.clock.Advance(time.Second)
	}
	require.True(t, <-accepted)
	_, first := p.push(0)
	_, third := p.push(2)
	require.Equal(t, first, third, "the same content")
	b := p.sim.Books().Orders[0]
	require.Len(t, b.Pushes, 3)
	require.Equal(t, "status 500", b.Pushes[0].Outcome)
	require.Equal(t, meituan.AnswerOK, b.Answer)
}

func TestPushIsGivenUp(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(502, ``))
	result := make(chan error)
	go func() {
		_, _, err := p.sim.Order(context.Background(), world.OrderRequest{})
		result <- err
	}()
	for waiting := true; waiting; {
		select {
		case err := <-result:
			require.ErrorIs(t, err, meituan.ErrUnanswered)
			waiting = false
		default:
			p.clock.Advance(time.Second)
		}
	}
	require.Len(t, p.inbox.Letters(), 8)
	require.Equal(t, "gave_up", p.sim.Books().Orders[0].Final)
}

func TestCloseGivesPushesUp(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(502, ``))
	result := make(chan error)
	go func() {
		_, _, err := p.sim.Order(context.Background(), world.OrderRequest{})
		result <- err
	}()
	require.Eventually(t, func() bool { return p.clock.Timers() == 1 }, 5*time.Second, time.Millisecond)
	p.sim.Close()
	require.ErrorIs(t, <-result, meituan.ErrUnanswered)
}

func TestAnotherBodyIsARefusal(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, `{"data":"ng","error":{"code":1,"msg":"shop unknown"}}`))
	_, accepted, err := p.sim.Order(t.Context(), world.OrderRequest{})
	require.NoError(t, err)
	require.False(t, accepted)
	require.Len(t, p.inbox.Letters(), 1)
	b := p.sim.Books().Orders[0]
	require.Equal(t, "refused", b.Final)
	require.Contains(t, b.Pushes[0].Outcome, "shop unknown")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	no := p.order(world.OrderRequest{})
	accepted, err := p.sim.Cancel(t.Context(), no, "不想要了")
	require.NoError(t, err)
	require.True(t, accepted)
	path, params := p.push(1)
	require.Equal(t, "/upstream/meituan/order/cancel", path)
	require.Equal(t, no, params["order_id"])
	require.Equal(t, "1103", params["reason_code"])
	require.Equal(t, "1", params["deal_op_type"])
	require.Equal(t, "不想要了", params["reason"])
	require.Equal(t, meituan.AnswerOK, p.sim.Books().Orders[0].Cancel.Answer)
	_, err = p.sim.Cancel(t.Context(), no, "again")
	require.ErrorIs(t, err, meituan.ErrOrder)
	_, err = p.sim.Cancel(t.Context(), "1", "unknown")
	require.ErrorIs(t, err, meituan.ErrOrder)
}

func TestReportBackInOrder(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	type heard struct {
		key, no string
		stage   world.Stage
	}
	var all []heard
	p.sim.OnTold(func(key, no string, stage world.Stage) { all = append(all, heard{key, no, stage}) })
	no := p.order(world.OrderRequest{Key: "k1"})
	for _, status := range []string{"0", "5", "10", "10", "15", "", "40"} {
		require.Zero(t, p.status(no, status, "李四"))
	}
	require.Zero(t, p.tell("ecommerce/order/syncEstimateArrivalTime", map[string]string{"order_id": no, "estimate_arrival_time": "1793600000"}))
	b := p.sim.Books().Orders[0]
	require.Empty(t, b.Violations)
	require.Equal(t, "delivered", b.Final)
	require.Equal(t, 1, b.Estimates)
	require.True(t, b.Told[3].Repeat)
	require.Equal(t, 20, b.Told[5].Status, "the default")
	require.Equal(t, "10003", b.Told[0].Carrier)
	require.Equal(t, heard{"k1", no, world.StageDispatched}, all[0])
	require.Equal(t, heard{"k1", no, world.StageDelivered}, all[6])
}

func TestReportBackOutOfOrder(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		told       []string // status/courier
		violations int
		final      string
	}{
		"another rider":           {[]string{"10/李", "15/李", "10/王", "15/王", "20/王", "40/王"}, 0, "delivered"},
		"nobody, then another":    {[]string{"10/李", "0/", "10/王", "40/王"}, 0, "delivered"},
		"unnamed, then another":   {[]string{"15/", "0/", "10/王", "40/王"}, 0, "delivered"},
		"backwards, same rider":   {[]string{"10/李", "20/李", "15/李"}, 1, ""},
		"backwards, unnamed":      {[]string{"20/", "15/"}, 1, ""},
		"after a cancel anything": {[]string{"20/李", "100/李", "10/李"}, 0, ""},
		"cancelled":               {[]string{"10/李", "100/李"}, 0, "cancelled"},
		"after delivery":          {[]string{"40/李", "40/李", "100/李"}, 1, "cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, worldtest.Always(200, ok))
			no := p.order(world.OrderRequest{})
			for _, told := range row.told {
				status, courier, _ := strings.Cut(told, "/")
				require.Zero(t, p.status(no, status, courier))
			}
			b := p.sim.Books()
			require.Len(t, b.Violations, row.violations)
			require.Equal(t, row.final, b.Orders[0].Final)
			require.Equal(t, row.final == "delivered", b.Orders[0].Owes != 0, "a delivery is owed, and nothing else")
		})
	}
}

func TestReportBackRefused(t *testing.T) {
	t.Parallel()
	p := start(t, worldtest.Always(200, ok))
	no := p.order(world.OrderRequest{})
	require.Equal(t, 808, p.status("1", "10", "李"))
	require.Equal(t, 809, p.status(no, "11", "李"))
	require.Len(t, p.sim.Books().Violations, 2)
	for code, params := range map[int]map[string]string{
		703: {"sig": strings.Repeat("0", 32)},
		702: {"app_id": "1"},
		701: {"app_id": ""},
		704: {"timestamp": "1"},
	} {
		params["order_id"], params["logistics_status"] = no, "10"
		require.Equal(t, code, p.tell(sync, params))
	}
	require.Equal(t, 705, p.tell("no/such/call", nil))
	require.Empty(t, p.sim.Books().Orders[0].Told)
}
