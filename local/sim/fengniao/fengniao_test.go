package fengniao_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/fengniao"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
	"github.com/chuandao/qianfan/shared/money"
)

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }

func TestWholeLife(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	quote := p.ok("preCreateOrder", delivery("QF1001"))
	metres, err := quote["distance"].(json.Number).Int64()
	require.NoError(t, err)
	require.InDelta(t, 2890, metres, 15)
	lines := quote["goods_infos"].([]any)
	require.Len(t, lines, 2)
	no, yes := lines[0].(m), lines[1].(m)
	require.Equal(t, number(0), no["is_valid"])
	require.NotEmpty(t, no["disable_reason"])
	require.Equal(t, number(1), yes["is_valid"])
	require.Equal(t, number(900), yes["actual_delivery_amount_cent"])
	require.Equal(t, m{"start_price_cent": number(900), "distance_price_cent": number(0)}, yes["price_detail"])

	id := p.place("QF1001")
	require.Regexp(t, `^1\d{17}$`, id, "more than a float can hold")
	require.Equal(t, number(1_000_000_00-900), p.ok("getAmount", m{})["amount_cent"])
	require.Empty(t, p.ok("getKnightInfo", about(id))["name"])
	for range 2 {
		require.Nil(t, p.ok("addTip", with(about(id), m{"add_tip_amount_cent": 300, "third_index_id": "t1"})), "a repeat is none")
	}

	p.until(id, world.PickedUp)
	p.clock.Advance(time.Minute)
	knight := p.ok("getKnightInfo", m{"partner_order_code": "QF1001"})
	pos := p.sim.Positions()
	require.Len(t, pos, 1)
	require.Equal(t, world.Point{Lng: pos[0].Lng, Lat: pos[0].Lat}.LngText(), knight["longitude"])
	detail := p.ok("getOrderDetail", m{"partner_order_code": "QF1001"})
	require.Equal(t, json.Number(id), detail["order_id"])
	require.Equal(t, number(2), detail["order_status"])
	require.Equal(t, knight["name"], detail["carrier_driver_name"])
	require.Equal(t, number(0), detail["if_can_add_tip"])

	p.until(id, world.Delivered)
	require.Equal(t, []int{1, 20, 80, 2, 3}, p.told())
	last := int64(0)
	for i, n := range p.notices() {
		require.Equal(t, json.Number(id), n.OrderID)
		require.Equal(t, "QF1001", n.ClientNo)
		require.Equal(t, i > 0, n.RiderName != "")
		require.Equal(t, i > 0, n.RiderID != "")
		require.Greater(t, n.PushTime, last)
		last = n.PushTime
	}
	b := p.book()
	require.Equal(t, money.Fen(1200), b.Charged)
	require.Equal(t, money.Fen(300), b.Tips)
	require.Equal(t, 5, b.Callbacks)
	detail = p.ok("getOrderDetail", about(id))
	require.Equal(t, number(1200), detail["order_actual_amount_cent"])
	require.Equal(t, number(300), detail["order_tip_amount_cent"])
	require.Equal(t, "50102", p.call("cancelOrder", withdraw(id, 0)).Code, "delivered")
	require.Zero(t, p.clock.Timers())
}

func TestPricesOfTheReference(t *testing.T) {
	t.Parallel()
	tariff := fengniao.DefaultProfile().Tariff
	require.Equal(t, money.Fen(1830), world.Total(tariff.Price(8940, 1, 0, begin)))
	require.Equal(t, money.Fen(900+500+100), world.Total(tariff.Price(3000, 6, 0, begin.Add(14*time.Hour))), "night, 6 kg")
}

// An order is priced when it is placed, whatever was quoted before.
func TestQuoteAndOrderAreIndependent(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	p.ok("preCreateOrder", delivery("QF1001"))
	p.clock.Advance(2 * time.Hour) // into the peak
	id := p.place("QF1001")
	require.Equal(t, number(1100), p.ok("getOrderDetail", about(id))["order_actual_amount_cent"])
}

func TestPenalties(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		state   world.State
		later   time.Duration
		penalty int
	}{
		"waiting":                 {world.Waiting, 0, 0},
		"accepted":                {world.Accepted, 0, 200},
		"at shop":                 {world.Arrived, 0, 200},
		"long after the accepted": {world.Arrived, 20 * time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, func(o *fengniao.Options) {
				profile := fengniao.DefaultProfile()
				profile.Pickup = world.Spread{MedianS: 3600}
				o.Profile = &profile
			})
			id := p.place("QF1001")
			p.until(id, row.state)
			p.clock.Advance(row.later)
			told := p.ok("preCancelOrder", with(about(id), m{"order_cancel_code": 6}))["actual_cancel_cost_cent"]
			require.Equal(t, number(row.penalty), told)
			require.Equal(t, "50101", p.call("cancelOrder", withdraw(id, row.penalty+1)).Code, "not the present cost")
			require.Nil(t, p.ok("cancelOrder", withdraw(id, row.penalty)))
			p.clock.Settle()
			last := p.notices()[len(p.notices())-1]
			require.Equal(t, 4, last.Status)
			require.Equal(t, "MERCHANT_CANCEL", last.ErrorCode)
			require.Equal(t, 2, last.Reason)
			b := p.book()
			require.EqualValues(t, row.penalty, b.Charged)
			require.EqualValues(t, row.penalty, b.Penalty)
			require.Equal(t, "不要了", b.End.Reason)
			require.Equal(t, "MERCHANT_CANCEL", p.ok("getOrderDetail", about(id))["abnormal_code"])
		})
	}
}

func TestNoCancelAfterPickup(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	id := p.place("QF1001")
	p.until(id, world.PickedUp)
	require.Equal(t, "50102", p.call("preCancelOrder", with(about(id), m{"order_cancel_code": 6})).Code)
	require.Equal(t, "50102", p.call("cancelOrder", withdraw(id, 0)).Code)
	require.Equal(t, "50102", p.call("addTip", with(about(id), m{"add_tip_amount_cent": 300, "third_index_id": "t1"})).Code)
	p.until(id, world.Delivered)
}

func TestCarrierCancels(t *testing.T) {
	t.Parallel()
	for as, want := range map[string][]string{"final": {"CARRIER_CANCEL", "SYSTEM_CANCEL"}} {
		p := start(t, nil)
		require.NoError(t, p.faults.Direct(world.Script{Party: "fengniao", Fault: world.CarrierCancel, As: as}))
		p.until(p.place("QF1001"), world.Cancelled)
		last := p.notices()[len(p.notices())-1]
		require.Equal(t, 4, last.Status)
		require.Contains(t, want, last.ErrorCode)
		require.Zero(t, last.Reason)
		require.Zero(t, p.book().Charged)
	}
}

func TestReassignmentShowsWaitingAgain(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.faults.Direct(world.Script{Party: "fengniao", Fault: world.CarrierCancel, As: "reassign"}))
	p.until(p.place("QF1001"), world.Delivered)
	told := p.told()
	again := 0
	for _, code := range told {
		if code == 1 {
			again++
		}
	}
	require.Equal(t, 2, again, "%v", told)
	require.Equal(t, []int{1, 20, 80, 2, 3}, told[len(told)-5:])
	require.Equal(t, money.Fen(900), p.book().Charged)
}

func TestNobodyAccepts(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.faults.Direct(world.Script{Party: "fengniao", Fault: world.NoRider}))
	p.place("QF1001")
	p.clock.Advance(30 * time.Minute)
	require.Equal(t, []int{1, 5}, p.told())
	require.Equal(t, "NO_CARRIER_ERROR", p.notices()[1].ErrorCode)
	require.Zero(t, p.book().Charged)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *fengniao.Options) {
		o.InitialBalance = 1000
		o.Stores = map[string]world.Point{"qf-shop-0001": {Lng: 120.1551, Lat: 30.2741}, "77": {Lng: 120.1551, Lat: 30.2741}}
	})
	require.Equal(t, "50037", p.call("getOrderDetail", about("1")).Code)
	require.Equal(t, "50037", p.call("getOrderDetail", m{}).Code)
	require.Equal(t, "40000", p.call("nothing", m{}).Code)
	require.NoError(t, p.faults.Direct(world.Script{Party: "fengniao", Order: "QF1002", Fault: world.PlaceRefused}))
	require.Equal(t, "500070", p.call("createOrder", order("QF1002")).Code)
	id := p.place("QF1003")
	require.Equal(t, "50011", p.call("createOrder", order("QF1003")).Code, "the number is taken")
	require.Equal(t, "50200", p.call("createOrder", order("QF1004")).Code, "1 元 is left")
	require.Equal(t, "50200", p.call("addTip", with(about(id), m{"add_tip_amount_cent": 101, "third_index_id": "t1"})).Code)
	require.Nil(t, p.ok("addTip", with(about(id), m{"add_tip_amount_cent": 100, "third_index_id": "t1"})), "a tip that failed was none")
	require.Zero(t, p.sim.Totals().Balance)
	var list []struct{ Code int }
	require.NoError(t, json.Unmarshal([]byte(p.call("getCancelReasonList", about(id)).BusinessData), &list))
	require.Len(t, list, 2)

	for what, row := range map[string]struct {
		method, code string
		data         m
	}{
		"tip of nothing":   {"addTip", "50010", with(about(id), m{"add_tip_amount_cent": 0, "third_index_id": "x"})},
		"tip without key":  {"addTip", "50010", with(about(id), m{"add_tip_amount_cent": 100})},
		"cancel code":      {"cancelOrder", "50010", with(withdraw(id, 0), m{"order_cancel_code": 7})},
		"cancel role":      {"cancelOrder", "50010", with(withdraw(id, 0), m{"order_cancel_role": 3})},
		"cancel cost":      {"cancelOrder", "50010", with(withdraw(id, 0), m{"actual_cancel_cost_cent": nil})},
		"cancel words":     {"cancelOrder", "50010", with(withdraw(id, 0), m{"order_cancel_other_reason": strings.Repeat("字", 21)})},
		"cost of no code":  {"preCancelOrder", "50010", about(id)},
		"no number":        {"createOrder", "50010", with(order("Q"), m{"partner_order_code": ""})},
		"no name":          {"createOrder", "50010", with(order("Q"), m{"receiver_name": ""})},
		"no phone":         {"createOrder", "50010", with(order("Q"), m{"receiver_primary_phone": nil})},
		"no address":       {"createOrder", "50010", with(order("Q"), m{"receiver_address": ""})},
		"weight":           {"createOrder", "50010", with(order("Q"), m{"goods_weight": "NaN"})},
		"value":            {"createOrder", "50010", with(order("Q"), m{"goods_total_amount_cent": 1.5})},
		"count":            {"createOrder", "50010", with(order("Q"), m{"goods_count": 0})},
		"tip":              {"createOrder", "50010", with(order("Q"), m{"order_tip_amount_cent": -1})},
		"type":             {"createOrder", "50010", with(order("Q"), m{"order_type": 2})},
		"source":           {"createOrder", "50010", with(order("Q"), m{"position_source": 4})},
		"swapped":          {"createOrder", "50010", with(order("Q"), m{"receiver_longitude": 30.2, "receiver_latitude": 120.1})},
		"no shop":          {"createOrder", "50010", with(order("Q"), m{"transport_address": ""})},
		"not in business":  {"createOrder", "50010", m{"goods_item_list": 1, "partner_order_code": m{}}},
		"unknown store":    {"createOrder", "500080", with(order("Q"), m{"out_shop_code": "other"})},
		"unsold product":   {"createOrder", "50110", with(order("Q"), m{"service_goods_id": 33})},
		"too far":          {"createOrder", "500060", with(order("Q"), m{"receiver_latitude": 30.6})},
		"too heavy":        {"createOrder", "500100", with(order("Q"), m{"goods_weight": 50.1})},
		"预约 without time":  {"createOrder", "50010", with(order("Q"), m{"order_type": 3})},
		"预约 in the past":   {"createOrder", "50012", with(order("Q"), m{"order_type": 3, "expect_fetch_time": begin.Add(-time.Minute).UnixMilli()})},
		"预约 much too soon": {"createOrder", "50012", with(order("Q"), m{"order_type": 3, "require_receive_time": begin.Add(time.Minute).UnixMilli()})},
	} {
		require.Equal(t, row.code, p.call(row.method, row.data).Code, what)
	}
	for _, store := range []m{{"out_shop_code": "qf-shop-0001"}, {"chain_store_id": 77}} {
		d := with(delivery("Q"), store)
		delete(d, "transport_address")
		p.ok("preCreateOrder", d)
	}
	far := p.ok("preCreateOrder", with(delivery("Q"), m{"receiver_latitude": 30.6}))["goods_infos"].([]any)[1].(m)
	require.Equal(t, number(0), far["is_valid"])
	require.Equal(t, "超出配送范围", far["disable_reason"])
	require.Equal(t, 1, p.sim.Totals().Placed)
}

func TestBaiduCoordinatesAndScheduledOrders(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	d := order("QF1001")
	from, to := world.Point{Lng: 120.1551, Lat: 30.2741}.BD09(), world.Point{Lng: 120.1551, Lat: 30.2941}.BD09()
	with(d, m{
		"position_source": 2, "transport_longitude": from.LngText(), "transport_latitude": from.LatText(),
		"receiver_longitude": to.LngText(), "receiver_latitude": to.LatText(),
		"order_type": 3, "expect_fetch_time": begin.Add(time.Hour).UnixMilli(), "order_tip_amount_cent": 100,
	})
	id := p.ok("createOrder", d)["order_id"].(json.Number).String()
	detail := p.ok("getOrderDetail", about(id))
	metres, err := detail["distance"].(json.Number).Int64()
	require.NoError(t, err)
	require.InDelta(t, 2890, metres, 20)
	require.Equal(t, number(1000), detail["order_actual_amount_cent"], "with the tip given at once")
	p.clock.Advance(59 * time.Minute)
	require.Equal(t, []int{1}, p.told(), "no rider is sought before the hour")
	p.until(id, world.Delivered)
}

func TestATipCountsOnceHoweverOftenAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	id := p.place("QF1001")
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() { p.call("addTip", with(about(id), m{"add_tip_amount_cent": 200, "third_index_id": "t"})) })
	}
	work.Wait()
	require.Equal(t, money.Fen(200), p.book().Tips)
	p.ok("addTip", with(about(id), m{"add_tip_amount_cent": 200, "third_index_id": "u"}))
	require.Equal(t, money.Fen(400), p.book().Tips)
}

func TestCallersAreChecked(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	send := func(change map[string]string) string {
		t.Helper()
		fields := p.business(`{}`)
		delete(fields, "signature")
		for name, value := range change {
			fields[name] = value
		}
		r, err := p.send("v3/invoke/getAmount", world.JSON(p.signed(fields)))
		require.NoError(t, err)
		return r.Code
	}
	require.Equal(t, "200", send(nil))
	require.Equal(t, "40001", send(map[string]string{"app_id": "6"}))
	require.Equal(t, "40001", send(map[string]string{"merchant_id": "7"}))
	require.Equal(t, "40002", send(map[string]string{"signature": strings.Repeat("0", 64)}))
	require.Equal(t, "40002", send(map[string]string{"timestamp": ""}))
	require.Equal(t, "40002", send(map[string]string{"timestamp": strconv.FormatInt(p.now.Unix(), 10)}), "seconds")
	require.Equal(t, "40004", send(map[string]string{"access_token": "other"}))
	require.Equal(t, "50010", send(map[string]string{"version": "2.0"}))

	altered := p.business(`{}`)
	altered["business_data"] = `{ }`
	for body, code := range map[string]string{string(world.JSON(altered)): "40002", "": "50010", "[]": "50010", `{"app_id":[]}`: "50010", `{}`: "40001"} {
		r, err := p.send("v3/invoke/getAmount", []byte(body))
		require.NoError(t, err)
		require.Equal(t, code, r.Code, body)
	}
	for _, data := range []string{``, `[]`, `{"order_id":{}}`, `x`} {
		r, err := p.send("v3/invoke/getOrderDetail", world.JSON(p.business(data)))
		require.NoError(t, err)
		require.Equal(t, "50010", r.Code, data)
	}
}

func TestCallbacksAreRepeated(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status int
		answer string
		want   int
	}{
		"empty 200": {200, ``, 1}, "OK": {200, `{"result":"OK"}`, 1}, "version 2's": {200, `{"code":200,"msg":"","data":""}`, 1},
		"unavailable": {503, `{"result":"FAIL"}`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := worldtest.NewInbox(t, worldtest.Always(row.status, row.answer))
			p := start(t, func(o *fengniao.Options) { o.CallbackURL = in.URL })
			require.NoError(t, p.faults.Direct(world.Script{Party: "fengniao", Fault: world.NoRider}))
			p.place("QF1001")
			p.clock.Advance(10 * time.Minute)
			require.Len(t, in.Letters(), row.want)
		})
	}
}

func TestManyOrdersUnderFaultsAddUp(t *testing.T) {
	t.Parallel()
	const seed, n = 20260304, 150
	run := func() ([]world.BookOrder, map[string]int) {
		p := start(t, func(o *fengniao.Options) { o.Seed = seed })
		require.NoError(t, p.faults.Set(map[string]float64{
			world.PlaceRefused: .1, world.CarrierCancel: .1, world.NoRider: .05,
			world.CallbackLost: .1, world.CallbackDoubled: .1, world.CallbackReordered: .1,
		}))
		for i := range n {
			p.call("createOrder", order(fmt.Sprintf("QF%04d", i)))
		}
		p.clock.Advance(3 * time.Hour)
		b, totals := p.sim.Books(), p.sim.Totals()
		require.Equal(t, n, totals.Placed+totals.Refused)
		require.Equal(t, totals.Placed, totals.Delivered+totals.Cancelled)
		require.Zero(t, totals.Live)
		var charged money.Fen
		for i := range b.Orders {
			o := &b.Orders[i]
			charged += o.Charged
			require.Equal(t, o.State == world.Delivered, o.Charged == 900, "%+v", o)
			require.Equal(t, o.State == world.Cancelled, o.Charged == 0, "%+v", o)
			o.CarrierNo = "" // minted in sequence, not drawn
		}
		require.Equal(t, b.Opening-b.Balance, charged)
		return b.Orders, p.faults.Counters()
	}
	t.Logf("seed %d", seed)
	orders, counters := run()
	again, counted := run()
	require.Equal(t, orders, again, "one seed, one world")
	require.Equal(t, counters, counted)
	for _, key := range []string{world.PlaceRefused, world.CarrierCancel, world.NoRider, world.CallbackLost, world.CallbackDoubled, world.CallbackReordered} {
		require.Positive(t, counters[key], key)
	}
}
