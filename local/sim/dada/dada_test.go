package dada_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/dada"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// The reference's vectors.
func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	c := dada.Credentials{AppKey: "dadatest", AppSecret: "testsecret", SourceID: "73753"}
	require.Equal(t, "3BE75783A77624202AD14870B523DA0D", c.Sign(`{"order_id":"T20261102000001"}`, "1793600000"))
	require.Equal(t, "cec59d3cf882add68642c9459661124f", dada.SignCallback("1234567890", "T20261102000001", "1793600000"))
	require.Equal(t, "23c716ed5082a59c9364db2739a1a374", dada.SignCallback("", "T20261102000001", "1793600000"))
}

// The vector as a raw request: the signature holds, and what it asks about is unknown.
func TestVectorOverTheWire(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *dada.Options) {
		o.Credentials = dada.Credentials{AppKey: "dadatest", AppSecret: "testsecret", SourceID: "73753"}
	})
	const good = `{"app_key":"dadatest","body":"{\"order_id\":\"T20261102000001\"}","format":"json","source_id":"73753","timestamp":1793600000,"v":"1.0","signature":"3BE75783A77624202AD14870B523DA0D"}`
	for name, row := range map[string]struct {
		old, new string
		code     int
	}{
		"as it is":             {"", "", 2005},
		"timestamp as text":    {"1793600000", `"1793600000"`, 2005},
		"another signature":    {"3DA0D", "3DA0E", 2003},
		"lower case":           {"3BE75783A77624202AD14870B523DA0D", "3be75783a77624202ad14870b523da0d", 2003},
		"none":                 {"3BE75783A77624202AD14870B523DA0D", "", 2003},
		"a changed body":       {"000001", "000002", 2003},
		"another application":  {"dadatest", "dadabest", 2001},
		"another merchant":     {"73753", "73754", 2131},
		"another format":       {`"json"`, `"xml"`, 2013},
		"another version":      {`"1.0"`, `"2.0"`, 2013},
		"a timestamp of words": {"1793600000", `"now"`, 2003},
		"no JSON":              {"{", "", 2013},
	} {
		r, err := p.raw("order/status/query", strings.Replace(good, row.old, row.new, 1))
		require.NoError(t, err)
		require.Equal(t, row.code, r.Code, "%s: %s", name, r.Msg)
	}
}

func TestTimestampsAreFresh(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	for late, code := range map[time.Duration]int{-9 * time.Minute: 2005, 11 * time.Minute: 9001, -11 * time.Minute: 9001} {
		c, at, body := dada.Development, strconv.FormatInt(system.Add(late).Unix(), 10), `{"order_id":"1"}`
		r, err := p.raw("order/status/query", string(world.JSON(m{"app_key": c.AppKey, "source_id": c.SourceID, "format": "json", "v": "1.0",
			"timestamp": at, "body": body, "signature": c.Sign(body, at)})))
		require.NoError(t, err)
		require.Equal(t, code, r.Code, late)
	}
}

func TestWholeLife(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	quote := p.ok("order/queryDeliverFee", with(p.delivery("QF1001"), m{"tips": 2.0}))
	require.InDelta(t, 8, quote["fee"], 0, "the tip is on top")
	require.InDelta(t, 2, quote["tips"], 0)
	require.InDelta(t, 2890, quote["distance"], 15)
	require.InDelta(t, begin.Add(3*time.Minute).Unix(), quote["expiredTime"], 0)
	balance := func() float64 { return p.ok("balance/query", m{"category": 3})["deliverBalance"].(float64) }
	require.InDelta(t, 1_000_000, balance(), 0, "a quote costs nothing")

	require.Equal(t, `""`, string(p.call("order/addAfterQuery", m{"deliveryNo": quote["deliveryNo"]}).Result), "a placement answers nothing")
	p.clock.Settle()
	require.InDelta(t, 1_000_000-10, balance(), 0)
	status := p.ok("order/status/query", byOurs("QF1001"))
	require.Equal(t, []any{"QF1001", 1.0, "", "", "2026-03-04 09:00:00", ""},
		[]any{status["orderId"], status["statusCode"], status["transporterName"], status["transporterLng"], status["createTime"], status["acceptTime"]})

	tip := func(total float64) int { return p.code("order/addTip", m{"order_id": "QF1001", "tips": total}) }
	require.Zero(t, tip(3.5))
	require.Zero(t, tip(3.5), "the same total adds nothing")
	require.InDelta(t, 1_000_000-11.5, balance(), 1e-9)
	require.Equal(t, 2057, tip(3), "less than before")
	require.Equal(t, 2055, tip(0.5))
	require.Equal(t, 2055, tip(0))
	require.Equal(t, 2013, tip(3.55), "one decimal")
	require.Equal(t, 2077, tip(45.6), "more than the goods are worth")

	p.until("QF1001", world.PickedUp)
	p.clock.Advance(time.Minute)
	r := p.call("order/transporter/position", m{"orderIds": []string{"QF1001", "QF9999"}})
	pos := p.sim.Positions()
	require.Len(t, pos, 1)
	status = p.ok("order/status/query", byOurs("QF1001"))
	require.JSONEq(t, fmt.Sprintf(`[{"orderId":"QF1001","transporterLng":"%.6f","transporterLat":"%.6f","transporterName":"%s","transporterPhone":"%s"}]`,
		pos[0].Lng, pos[0].Lat, pos[0].Rider.Name, pos[0].Rider.Mobile), string(r.Result))
	require.Equal(t, []any{3.0, pos[0].Rider.Name, 11.5, 3.5, 0.0},
		[]any{status["statusCode"], status["transporterName"], status["actualFee"], status["tips"], status["deductFee"]})
	require.NotEmpty(t, status["fetchTime"])
	require.Equal(t, 2059, tip(5), "a rider has accepted")
	require.Equal(t, 2050, p.code("order/formalCancel", m{"order_id": "QF1001", "cancel_reason_id": 4}), "picked up")
	require.Equal(t, 9002, p.code("order/confirm/goods", byOurs("QF1001")))

	p.until("QF1001", world.Delivered)
	all := p.notices()
	require.Equal(t, []int{1, 2, 100, 3, 4}, told(all))
	last := int64(0)
	for i, n := range all {
		require.Equal(t, "QF1001", n.OrderID)
		require.Regexp(t, `^28\d{14}$`, n.ClientID)
		require.Equal(t, i > 0, n.Rider != "")
		require.Greater(t, n.Time, last)
		require.Zero(t, n.From)
		last = n.Time
	}
	require.Equal(t, 2051, p.code("order/formalCancel", m{"order_id": "QF1001", "cancel_reason_id": 4}), "delivered")
	b := p.book()
	require.Equal(t, all[0].ClientID, b.CarrierNo)
	require.Equal(t, money.Fen(1150), b.Charged)
	require.Equal(t, money.Fen(350), b.Tips)
	require.Zero(t, b.Penalty)
	require.Equal(t, 5, b.Callbacks)
	require.Zero(t, p.clock.Timers(), "nothing is left to happen")
}

func TestPricesOfTheReference(t *testing.T) {
	t.Parallel()
	tariff := dada.DefaultProfile().Tariff
	measured := money.Fen(1623)
	require.InDelta(t, float64(measured), float64(world.Total(tariff.Price(8940, 1, 0, begin))), 20)
	require.Equal(t, money.Fen(1610+200), world.Total(tariff.Price(8940, 1, 0, begin.Add(3*time.Hour))), "noon")
	require.Equal(t, money.Fen(800+300+2*100), world.Total(tariff.Price(100, 7, 0, begin.Add(14*time.Hour))), "night, 7 kg")
}

func TestQuotesAreChecked(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *dada.Options) { o.Shops = map[string]world.Point{"qf-shop-0003": {Lng: 113.26, Lat: 23.12}} })
	for name, row := range map[string]struct {
		change m
		code   int
	}{
		"another shop of ours":  {m{"shop_no": "qf-shop-0003", "receiver_lng": 113.27, "receiver_lat": 23.13}, 0},
		"numbers as text":       {m{"cargo_weight": "1.2", "cargo_price": "45.50", "receiver_lat": "30.2941", "shop_no": 11047059}, 0},
		"a fixed line":          {m{"receiver_phone": "", "receiver_tel": "0571-88888888"}, 0},
		"no cargo_type":         {m{"cargo_type": nil}, 0},
		"a strange shop":        {m{"shop_no": "1"}, 2402},
		"no shop":               {m{"shop_no": nil}, 2402},
		"a strange cargo":       {m{"cargo_type": 4}, 2414},
		"no number":             {m{"origin_id": ""}, 2013},
		"no value":              {m{"cargo_price": nil}, 2013},
		"a negative value":      {m{"cargo_price": -1}, 2013},
		"goods to be paid for":  {m{"is_prepay": 1}, 2013},
		"nobody":                {m{"receiver_name": ""}, 2013},
		"nowhere":               {m{"receiver_address": ""}, 2013},
		"no phone":              {m{"receiver_phone": ""}, 2013},
		"swapped":               {m{"receiver_lat": 120.1551, "receiver_lng": 30.2941}, 2013},
		"weightless":            {m{"cargo_weight": 0}, 2013},
		"a weight of words":     {m{"cargo_weight": "NaN"}, 2013},
		"heavy":                 {m{"cargo_weight": 1e9}, 2013},
		"no callback":           {m{"callback": ""}, 2013},
		"a callback of nowhere": {m{"callback": "/carrier/dada"}, 2013},
		"tip too fine":          {m{"tips": 1.55}, 2013},
		"tip too small":         {m{"tips": 0.9}, 2055},
		"an object for text":    {m{"origin_id": m{}}, 2013},
	} {
		require.Equal(t, row.code, p.code("order/queryDeliverFee", with(p.delivery("QF1001"), row.change)), name)
	}
	require.Equal(t, 2013, p.code("order/queryDeliverFee", []int{1}))
	require.Empty(t, p.sim.Books().Orders)
}

// A deliveryNo places once, for three minutes; so does a number of the client's.
func TestPlacements(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.Equal(t, 2013, p.code("order/addAfterQuery", m{}))
	require.Equal(t, 2005, p.code("order/addAfterQuery", m{"deliveryNo": "D1"}))
	old, fresh := p.quote("QF1001"), p.quote("QF1001")
	p.clock.Advance(3 * time.Minute)
	require.Equal(t, 2062, p.code("order/addAfterQuery", m{"deliveryNo": old}))
	require.Equal(t, 2062, p.code("order/addAfterQuery", m{"deliveryNo": fresh}))
	one, two := p.quote("QF1001"), p.quote("QF1001")
	require.Zero(t, p.code("order/addAfterQuery", m{"deliveryNo": one}))
	require.Equal(t, 2105, p.code("order/addAfterQuery", m{"deliveryNo": one}))
	require.Equal(t, 2105, p.code("order/addAfterQuery", m{"deliveryNo": two}))
	require.Equal(t, 2130, p.code("order/queryDeliverFee", p.delivery("QF1001")))
	require.Equal(t, money.Fen(800), p.book().Charged)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *dada.Options) { o.InitialBalance = 1000 })
	require.NoError(t, p.faults.Direct(world.Script{Party: "dada", Order: "QF1001", Fault: world.PlaceRefused}))
	refused := p.call("order/addAfterQuery", m{"deliveryNo": p.quote("QF1001")})
	require.Equal(t, 9003, refused.Code)
	require.Contains(t, refused.Msg, "运力")
	require.Zero(t, p.code("order/addAfterQuery", m{"deliveryNo": p.quote("QF1001")}), "a refusal leaves the number free")
	require.Equal(t, 2155, p.code("order/addAfterQuery", m{"deliveryNo": p.quote("QF1002")}))
	require.Equal(t, 2155, p.code("order/addTip", m{"order_id": "QF1001", "tips": 3}))
	require.Equal(t, money.Fen(800), p.book().Charged)
	require.Equal(t, 2013, p.code("balance/query", m{"category": 4}))
	require.InDelta(t, 0, p.ok("balance/query", m{"category": 2})["deliverBalance"], 0)
	require.InDelta(t, 2, p.ok("balance/query", m{})["deliverBalance"], 0)
	for path, body := range map[string]m{"order/status/query": {}, "order/formalCancel": {"cancel_reason_id": 4}, "order/addTip": {"tips": 1}, "order/confirm/goods": {}} {
		require.Equal(t, 2013, p.code(path, body), path)
		body["order_id"] = "QF9999"
		require.Equal(t, 2005, p.code(path, body), path)
	}
	require.Equal(t, 2013, p.code("order/transporter/position", m{"orderIds": []string{}}))
}

// The published rule: free for a minute after acceptance, 2 元 until a quarter of an hour
// has passed, and free again.
func TestCancels(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]money.Fen{-1: 0, 0: 0, 59 * time.Second: 0, 60 * time.Second: 200, 899 * time.Second: 200, 900 * time.Second: 0} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			p := start(t, nil)
			p.sim.Fleet().Hold(true)
			p.place("QF1001")
			if after >= 0 {
				require.NoError(t, p.sim.Fleet().Direct("QF1001", world.ActAccept))
				p.clock.Advance(after)
			}
			require.InDelta(t, float64(want)/100, p.ok("order/formalCancel", m{"order_id": "QF1001", "cancel_reason_id": 10000, "cancel_reason": "停电"})["deduct_fee"], 0)
			p.clock.Settle()
			b := p.book()
			require.Equal(t, want, b.Charged)
			require.Equal(t, want, b.Penalty)
			status := p.ok("order/status/query", byOurs("QF1001"))
			require.Equal(t, []any{5.0, float64(want) / 100}, []any{status["statusCode"], status["deductFee"]})
			require.NotEmpty(t, status["cancelTime"])
			require.Equal(t, 2076, p.code("order/formalCancel", m{"order_id": "QF1001", "cancel_reason_id": 4}), "once more")
			all := p.notices()
			last := all[len(all)-1]
			require.Equal(t, []any{5, 2, "停电"}, []any{last.Status, last.From, last.Reason})
		})
	}
	p := start(t, nil)
	p.place("QF1001")
	for _, body := range []m{{"cancel_reason_id": 6}, {"cancel_reason_id": "x"}, {}} {
		require.Equal(t, 2457, p.code("order/formalCancel", with(byOurs("QF1001"), body)))
	}
	require.Equal(t, 2049, p.code("order/formalCancel", m{"order_id": "QF1001", "cancel_reason_id": 10000}))
	require.Contains(t, string(p.call("order/cancel/reasons", m{}).Result), `{"id":4,"reason":"顾客取消订单"}`)
	require.NoError(t, p.faults.Direct(world.Script{Party: "dada", Fault: world.CancelRefused}))
	require.Equal(t, 2460, p.code("order/formalCancel", m{"order_id": "QF1001", "cancel_reason_id": 4}))
}

// Who ends an order is told by cancel_from, and all is given back unless it was the client.
func TestEnds(t *testing.T) {
	t.Parallel()
	for act, want := range map[world.Act]notice{
		world.ActGiveUp:  {Status: 5, From: 1, Reason: "闪送员取消"},
		world.ActCancel:  {Status: 5, From: 3, Reason: "平台取消"},
		world.ActNoRider: {Status: 5, From: 3, Reason: "超时无人接单"},
	} {
		t.Run(string(act), func(t *testing.T) {
			t.Parallel()
			p := start(t, func(o *dada.Options) { o.NoClientID = true })
			p.sim.Fleet().Hold(true)
			p.place("QF1001")
			if act == world.ActGiveUp {
				require.NoError(t, p.sim.Fleet().Direct("QF1001", world.ActAccept))
			}
			require.NoError(t, p.sim.Fleet().Direct("QF1001", act))
			p.clock.Settle()
			all := p.notices()
			last := all[len(all)-1]
			require.Equal(t, []any{want.Status, want.From, want.Reason, ""}, []any{last.Status, last.From, last.Reason, last.ClientID})
			require.Zero(t, p.book().Charged)
		})
	}
	t.Run("72 hours without a rider", func(t *testing.T) {
		t.Parallel()
		p := start(t, nil)
		require.NoError(t, p.faults.Direct(world.Script{Party: "dada", Fault: world.NoRider}))
		p.place("QF1001")
		p.clock.Advance(72*time.Hour - time.Second)
		require.Equal(t, world.Waiting, p.book().State)
		p.clock.Advance(time.Second)
		require.Equal(t, world.Cancelled, p.book().State)
	})
}

// States that come again are told only to accounts that want them.
func TestReassigned(t *testing.T) {
	t.Parallel()
	for repeats, want := range map[bool][]int{false: {1, 2, 100}, true: {1, 2, 1, 2, 100}} {
		t.Run(fmt.Sprint(repeats), func(t *testing.T) {
			t.Parallel()
			p := start(t, func(o *dada.Options) { o.Repeats = repeats })
			p.sim.Fleet().Hold(true)
			p.place("QF1001")
			for _, act := range []world.Act{world.ActAccept, world.ActReassign, world.ActAccept, world.ActArrive} {
				require.NoError(t, p.sim.Fleet().Direct("QF1001", act))
				p.clock.Advance(time.Second)
			}
			all := p.notices()
			require.Equal(t, want, told(all))
			for i, n := range all {
				require.Equal(t, repeats && (i == 2 || i == 3), n.Repeat == 1, i)
			}
			require.InDelta(t, 100, p.ok("order/status/query", byOurs("QF1001"))["statusCode"], 0)
		})
	}
}

// Goods that come back to the shop are 9 until the shop confirms them, then 10, and cost the fee.
func TestReturned(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *dada.Options) {
		profile := dada.DefaultProfile()
		profile.Penalty.AfterPickup = world.PickupRoundTrip
		o.Profile = &profile
	})
	p.sim.Fleet().Hold(true)
	p.place("QF1001")
	for _, act := range []world.Act{world.ActAccept, world.ActPickUp} {
		require.NoError(t, p.sim.Fleet().Direct("QF1001", act))
		p.clock.Advance(time.Second)
	}
	no := p.book().CarrierNo
	_, _, err := p.sim.Fleet().Cancel(no, "收件人拒收", true)
	require.NoError(t, err)
	require.NoError(t, p.sim.Fleet().Direct("QF1001", world.ActAgree))
	p.clock.Settle()
	require.InDelta(t, 9, p.ok("order/status/query", byOurs("QF1001"))["statusCode"], 0)
	require.Equal(t, 2460, p.code("order/formalCancel", m{"order_id": "QF1001", "cancel_reason_id": 4}))
	p.ok("order/confirm/goods", byOurs("QF1001"))
	p.clock.Settle()
	status := p.ok("order/status/query", byOurs("QF1001"))
	require.Equal(t, []any{10.0, 8.0, 0.0}, []any{status["statusCode"], status["actualFee"], status["deductFee"]})
	require.Equal(t, []int{1, 2, 3, 9, 10}, told(p.notices()))
	require.Equal(t, money.Fen(800), p.book().Charged)
}
