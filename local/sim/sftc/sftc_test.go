package sftc_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/sftc"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// The reference's vectors.
const (
	sf1     = `{"dev_id":1500000001,"order_id":"3370126808465994769","order_type":1,"push_time":1700000000}`
	sf1Sign = "MmUwZmIzMDI5MzY3ZTBkODI5N2QzMmE0NWNlMjBlNWU="
	sf2     = `{"dev_id":1500000001,"shop_id":"3243000000001","user_address":"北京市海淀区学清路","push_time":1700000000}`
	sf2Sign = "NWMwOTBkZTU5NjNlNWFmY2UwNGMyY2EyZjM3YWYwMzA="
	sf3     = `{"sf_order_id":"3370126808465994769","shop_order_id":"PS202401010001","url_index":"rider_status","operator_name":"测试","operator_phone":"18270000000","rider_lng":113.905604,"rider_lat":22.558814,"order_status":10,"status_desc":"配送员确认","push_time":1700000060}`
	sf3Sign = "NGZkODE0MGM4NjUxM2NhOTJhYzM5OWRmNWZkMjU0MGI="
)

func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{sf1: sf1Sign, sf2: sf2Sign, sf3: sf3Sign} {
		require.Equal(t, want, sftc.Sign([]byte(body), "1500000001", "sf-test-dev-key-0001"))
	}
}

// The vectors as raw requests: the signature holds, and what they ask about is unknown.
func TestVectorsOverTheWire(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	for _, row := range []struct {
		call, body, sign string
		code             int
	}{
		{"getorderstatus", sf1, sf1Sign, 2102},
		{"precreateorder", sf2, sf2Sign, 2005},
		{"getorderstatus", sf1 + " ", sf1Sign, 2002},
		{"getorderstatus", sf1, sf2Sign, 2002},
		{"getorderstatus", sf1, "2e0fb3029367e0d8297d32a45ce20e5e", 2002},
		{"getorderstatus", sf1, "", 2002},
		{"getorderstatus", sf3, sf3Sign, 2001},
	} {
		r, err := p.raw(row.call, row.body, row.sign)
		require.NoError(t, err)
		require.Equal(t, row.code, r.Code, "%s %s: %s", row.call, row.sign, r.Msg)
	}
}

func TestWholeLife(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	quote := p.ok("precreateorder", with(delivery(), m{"gratuity_fee": 200}))
	require.InDelta(t, 900, quote["charge_price_list"].(m)["shop_pay_price"], 0, "the tip is on top")
	require.InDelta(t, 1100, quote["real_pay_money"], 0)
	require.InDelta(t, 2890, quote["delivery_distance_meter"], 15)
	require.Positive(t, quote["promise_delivery_time"])
	balance := func() float64 { return p.ok("getshopaccountbalance", terms())["balance"].(float64) }
	require.InDelta(t, 1_000_000_00, balance(), 0, "a quote costs nothing")

	placed := p.call("createorder", with(creation("QF1001"), m{"gratuity_fee": 200}))
	require.Zero(t, placed.Code, placed.Msg)
	no := number(t, placed.Result)
	require.Regexp(t, `^3260304\d{12}$`, no)
	require.Contains(t, string(placed.Result), `"sf_order_id":`+no, "a number, not text")
	require.Contains(t, string(placed.Result), `"real_pay_money":1100`)
	require.InDelta(t, 1_000_000_00-1100, balance(), 0)
	require.Empty(t, p.ok("riderlatestposition", byNo(no))["rider_name"], "nobody yet")

	tip := with(byNo(no), m{"gratuity_fee": 300, "serial_number": "t-1"})
	require.InDelta(t, 500, p.ok("addordergratuityfee", tip)["total_gratuity_fee"], 0)
	require.InDelta(t, 500, p.ok("addordergratuityfee", tip)["total_gratuity_fee"], 0, "the same serial number tips once")
	tips := p.ok("getordergratuityfee", byOurs("QF1001"))
	require.InDelta(t, 2, tips["total_gratuity_times"], 0)
	require.Len(t, tips["gratuity_fee_list"], 2)

	p.until(no, world.PickedUp)
	p.clock.Advance(time.Minute)
	where := p.ok("riderlatestposition", byNo(no))
	pos := p.sim.Positions()
	require.Len(t, pos, 1)
	require.Equal(t, fmt.Sprintf("%.6f", pos[0].Lng), where["rider_lng"])
	require.InDelta(t, float64(p.clock.Now().Unix()), where["upload_time"], 0)
	status := p.ok("getorderstatus", byOurs("QF1001"))
	require.InDelta(t, 15, status["order_status"], 0)
	require.Equal(t, where["rider_phone"], status["rider_phone"])
	require.Equal(t, 2104, p.code("addordergratuityfee", with(tip, m{"serial_number": "t-2"})), "a rider has accepted")
	require.InDelta(t, 500, p.ok("addordergratuityfee", tip)["total_gratuity_fee"], 0, "a repeat is still answered")
	require.Equal(t, false, p.ok("precancelorder", byNo(no))["could_cancel"])
	require.Equal(t, 2104, p.code("cancelorder", byNo(no)), "picked up")

	p.until(no, world.Delivered)
	all := p.notices()
	require.Equal(t, []int{10, 12, 15, 17}, told(all))
	last := int64(0)
	for i, n := range all {
		require.Equal(t, "/all", n.path)
		require.Equal(t, no, n.No)
		require.Equal(t, "QF1001", n.OurNo)
		require.Equal(t, sftc.Development.ShopID, n.ShopID)
		require.Equal(t, where["rider_name"], n.Operator)
		require.Equal(t, map[bool]string{true: "order_complete", false: "rider_status"}[i == 3], n.Kind)
		require.Greater(t, n.PushTime, last)
		last = n.PushTime
	}
	require.Equal(t, 1, all[3].ReceiptType)

	b := p.book()
	require.Equal(t, money.Fen(1400), b.Charged)
	require.Equal(t, money.Fen(500), b.Tips)
	require.Zero(t, b.Penalty)
	require.Equal(t, 4, b.Callbacks)
	require.Equal(t, 11, b.Calls, "place, position twice, tip four times, tips, status, and the two cancels")
	feed := p.ok("listorderfeed", byNo(no))["feed"].([]any)
	require.Len(t, feed, 5)
	require.Equal(t, "2026-03-04 09:00:00", feed[0].(m)["create_time"])
	require.Contains(t, p.ok("riderviewv2", byNo(no))["url"], no)
	require.Empty(t, p.ok("reminderorder", byNo(no)))
	require.Zero(t, p.clock.Timers(), "nothing is left to happen")

	var again []notice
	r := p.call("getcallbackinfo", byNo(no))
	require.NoError(t, json.Unmarshal(r.Result, &again))
	require.Equal(t, told(all), told(again))
}

func TestPricesOfTheReference(t *testing.T) {
	t.Parallel()
	tariff := sftc.DefaultProfile().Tariff
	require.Equal(t, money.Fen(1740), world.Total(tariff.Price(8940, 1, 0, begin)))
	require.Equal(t, money.Fen(1740+200), world.Total(tariff.Price(8940, 1, 0, begin.Add(3*time.Hour))), "noon")
	require.Equal(t, money.Fen(900+300+2*100), world.Total(tariff.Price(100, 7, 0, begin.Add(14*time.Hour))), "night, 7 kg")
}

func TestAcceptanceWithinEightySeconds(t *testing.T) {
	t.Parallel()
	profile := sftc.DefaultProfile()
	c := world.NewChance(11, "sftc")
	late := 0
	const n = 20000
	for i := range n {
		if profile.Accept.Draw(c, profile.PeakSlowdown, fmt.Sprint(i), "accept", 0) > 80*time.Second {
			late++
		}
	}
	require.Less(t, late, n*5/1000, "at the peak")
}

func TestBadWeatherCostsAnOverflowFee(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *sftc.Options) {
		profile := sftc.DefaultProfile()
		profile.Tariff.BadWeather = true
		o.Profile = &profile
	})
	quote := p.ok("precreateorder", with(delivery(), m{"weight": 6001}))
	require.InDelta(t, 220, quote["overflow_fee"], 0, "20 % of 11 元")
	require.InDelta(t, 1320, quote["total_pay_money"], 0)
	detail := quote["charge_price_list"].(m)["charges_detail"].(m)
	require.Equal(t, []any{900.0, 0.0, 200.0, 1100.0}, []any{detail["basic"], detail["over_distance"], detail["over_weight"], detail["basic_fee"]})
}

// A placement needs no quote, is priced anew, and is told from others by the client's number.
func TestPlacementStandsAlone(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *sftc.Options) { o.TextNumbers = true })
	p.clock.Advance(2*time.Hour - time.Minute) // 10:59
	require.InDelta(t, 900, p.ok("precreateorder", delivery())["real_pay_money"], 0)
	p.clock.Advance(time.Minute)
	placed := p.ok("createorder", creation("QF1001"))
	require.InDelta(t, 1100, placed["real_pay_money"], 0, "noon has come")
	require.IsType(t, "", placed["sf_order_id"], "text by setting")
	require.Equal(t, 2101, p.code("createorder", creation("QF1001")))
	require.Zero(t, p.code("cancelorder", byOurs("QF1001")))
	require.Equal(t, 2101, p.code("createorder", creation("QF1001")), "unique for ever")
	require.Equal(t, 1, p.sim.Totals().Placed)
}

func TestReturnFlagDecidesWhatIsTold(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	some := p.ok("createorder", with(creation("QF1001"), m{"return_flag": 1 + 4}))
	require.Contains(t, some, "total_price")
	require.InDelta(t, 1200, some["weight_gram"], 0)
	require.NotContains(t, some, "real_pay_money")
	none := creation("QF1002")
	delete(none, "return_flag")
	require.NotContains(t, p.ok("createorder", none), "total_price")
}

func TestPenalties(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		state   world.State
		free    int
		penalty money.Fen
	}{
		"waiting":                    {world.Waiting, 0, 0},
		"accepted, within the quota": {world.Accepted, 1, 0},
		"accepted, beyond it":        {world.Accepted, 0, 200},
		"at the shop, beyond it":     {world.Arrived, 0, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, func(o *sftc.Options) {
				profile := sftc.DefaultProfile()
				profile.Penalty.FreePerDay = row.free
				o.Profile, o.TellOwnCancel = &profile, true
			})
			no := p.place("QF1001")
			p.until(no, row.state)
			pre := p.ok("precancelorder", byOurs("QF1001"))
			require.Equal(t, true, pre["could_cancel"])
			require.Equal(t, row.penalty > 0, pre["is_deduction_fee"])
			require.InDelta(t, float64(row.penalty), pre["deduction_fee"], 0)
			require.InDelta(t, 0, pre["shop_cancel_times"], 0)
			d := p.ok("cancelorder", with(byNo(no), m{"cancel_code": 300, "cancel_reason": "不要了"}))["deduction_detail"].(m)
			require.Equal(t, m{"deduction_fee": float64(row.penalty), "shop_cancel_times": 1.0, "free_cancel_times": float64(row.free)}, d)
			p.clock.Settle()
			all := p.notices()
			last := all[len(all)-1]
			require.Equal(t, []any{2, "rider_status", "不要了"}, []any{last.Status, last.Kind, last.Reason})
			r := p.call("cancelorder", byNo(no))
			require.Equal(t, 2103, r.Code)
			require.Contains(t, r.Msg, "已取消")
			b := p.book()
			require.Equal(t, row.penalty, b.Charged)
			require.Equal(t, row.penalty, b.Penalty)
			require.InDelta(t, 2, p.ok("getorderstatus", byNo(no))["order_status"], 0)
		})
	}
}

// The free cancels are counted by local days.
func TestFreeCancelsComeBackTheNextDay(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *sftc.Options) {
		profile := sftc.DefaultProfile()
		profile.Penalty.FreePerDay = 1
		o.Profile = &profile
	})
	cancel := func(no string) any {
		p.until(p.place(no), world.Accepted)
		return p.ok("cancelorder", byOurs(no))["deduction_detail"].(m)["deduction_fee"]
	}
	require.InDelta(t, 0, cancel("QF1001"), 0)
	require.InDelta(t, 200, cancel("QF1002"), 0)
	p.clock.Advance(24 * time.Hour)
	require.InDelta(t, 0, cancel("QF1003"), 0)
	for _, n := range p.notices() {
		require.NotEqual(t, 2, n.Status, "the client's own cancel is not told")
	}
}

func TestCarrierCancels(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *sftc.Options) {
		o.CallbackURLs = map[string]string{"sf_cancel": o.CallbackURL + "/cancel?a=1"}
	})
	require.NoError(t, p.faults.Direct(world.Script{Party: "sftc", Fault: world.CarrierCancel, As: "final"}))
	p.until(p.place("QF1001"), world.Cancelled)
	p.clock.Settle()
	all := p.notices()
	last := all[len(all)-1]
	require.Equal(t, []any{2, "sf_cancel", "/all/cancel"}, []any{last.Status, last.Kind, last.path})
	require.NotEmpty(t, last.Reason)
	require.Zero(t, p.book().Charged)
}

func TestRiderGivesUp(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *sftc.Options) { o.GaveUpIndex = "rider_cancel" })
	require.NoError(t, p.faults.Direct(world.Script{Party: "sftc", Fault: world.CarrierCancel, As: "reassign"}))
	no := p.place("QF1001")
	p.until(no, world.Reassigning)
	require.InDelta(t, 22, p.ok("getorderstatus", byNo(no))["order_status"], 0)
	p.until(no, world.Delivered)
	p.clock.Settle()
	all := p.notices()
	riders := map[string]bool{}
	for i, n := range all {
		if n.Status == 10 {
			riders[n.Phone] = true
		}
		if n.Status == 22 {
			require.Equal(t, "rider_cancel", n.Kind)
			require.Equal(t, []int{22, 10, 12, 15, 17}, told(all[i:]))
		}
	}
	require.Len(t, riders, 2)
	require.Equal(t, money.Fen(900), p.book().Charged)
}

func TestNobodyAccepts(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.faults.Direct(world.Script{Party: "sftc", Fault: world.NoRider}))
	p.place("QF1001")
	p.clock.Advance(30 * time.Minute)
	all := p.notices()
	require.Len(t, all, 1)
	require.Equal(t, []any{2, "sf_cancel", "超时无人接单"}, []any{all[0].Status, all[0].Kind, all[0].Reason})
	require.Zero(t, p.book().Charged)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *sftc.Options) { o.InitialBalance = 1500 })
	require.Equal(t, 2102, p.code("getorderstatus", byNo("1")))
	require.Equal(t, 2102, p.code("getorderstatus", byOurs("QF1")))
	require.Equal(t, 2004, p.code("getorderstatus", m{"order_id": "1"}), "no order_type")
	require.Equal(t, 2004, p.code("getorderstatus", m{"order_type": 1}), "no order_id")
	require.Equal(t, 2005, p.code("getorderstatus", m{"order_id": "QF1", "order_type": 2}), "our number needs the shop")
	require.Equal(t, 2000, p.code("nothing", m{}))

	require.NoError(t, p.faults.Direct(world.Script{Party: "sftc", Order: "QF1002", Fault: world.PlaceRefused}))
	require.Equal(t, 2201, p.code("createorder", creation("QF1002")))
	require.Equal(t, 2102, p.code("getorderstatus", byOurs("QF1002")), "refused is not placed")

	no := p.place("QF1003")
	require.Equal(t, 3302, p.code("createorder", creation("QF1004")), "6 元 are left")
	tip := func(fee any, serial string) int {
		return p.code("addordergratuityfee", with(byNo(no), m{"gratuity_fee": fee, "serial_number": serial}))
	}
	require.Equal(t, 3302, tip(700, "a"))
	require.Equal(t, 2004, tip(99, "b"))
	require.Equal(t, 2004, tip(100, ""))
	require.Equal(t, 2004, tip("1.5", "c"))
	require.Zero(t, tip(600, "d"))
	require.Zero(t, p.sim.Totals().Balance)
	require.Equal(t, 2004, p.code("cancelorder", with(byNo(no), m{"cancel_code": 301})))

	for what, change := range map[string]m{
		"weight":    {"weight": 0},
		"kind":      {"product_type": 7},
		"address":   {"user_address": ""},
		"swapped":   {"user_lng": "30.2941", "user_lat": "120.1551"},
		"paid":      {"pay_type": nil},
		"appointed": {"is_appoint": 1, "expect_time": begin.Add(-time.Minute).Unix()},
		"tip":       {"gratuity_fee": 50},
		"shop":      {"shop": m{"shop_name": "粥铺", "shop_lng": "120.1", "shop_lat": "30.2"}},
		"an object": {"user_lng": m{}},
	} {
		require.Equal(t, 2004, p.code("precreateorder", with(delivery(), change)), what)
	}
	for what, change := range map[string]m{
		"no number":   {"shop_order_id": ""},
		"long number": {"shop_order_id": strings.Repeat("9", 65)},
		"recipient":   {"receive": m{"user_name": "张三"}},
		"version":     {"version": 18},
		"remark":      {"remark": strings.Repeat("辣", 513)},
		"no detail":   {"order_detail": m{}},
		"no time":     {"order_time": nil},
	} {
		require.Equal(t, 2004, p.code("createorder", with(creation("QF1009"), change)), what)
	}
	require.Equal(t, 2005, p.code("createorder", with(creation("QF1009"), m{"shop_id": "1"})))
	require.Equal(t, 2005, p.code("getshopaccountbalance", m{"shop_id": "1"}))
}

// A developer has several shops; its own number of an order is unique per shop, and found by it.
func TestFurtherShops(t *testing.T) {
	t.Parallel()
	const second = "3243279847394"
	p := start(t, func(o *sftc.Options) { o.Shops = []string{second} })
	p.ok("precreateorder", with(delivery(), m{"shop_id": second}))
	p.ok("createorder", with(creation("QF1001"), m{"shop_id": second}))
	p.clock.Settle()
	require.Equal(t, second, p.ok("getorderstatus", with(byOurs("QF1001"), m{"shop_id": second}))["shop_id"])
	require.Equal(t, 2102, p.code("getorderstatus", byOurs("QF1001")), "another shop's")
	require.Equal(t, 2005, p.code("getorderstatus", with(byOurs("QF1001"), m{"shop_id": "1"})))
	p.clock.Advance(2 * time.Minute)
	told := p.notices()
	require.NotEmpty(t, told)
	require.Equal(t, second, told[0].ShopID)
}

func TestPlacesOfShopAndCustomer(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	metres := func(change m) float64 {
		return p.ok("precreateorder", with(delivery(), change))["delivery_distance_meter"].(float64)
	}
	plain := metres(nil)
	from, to := world.Point{Lng: 120.1551, Lat: 30.2741}.BD09(), world.Point{Lng: 120.1551, Lat: 30.2941}.BD09()
	shop := func(at world.Point) m {
		return m{"shop_name": "粥铺", "shop_phone": "0571-50000001", "shop_address": "文三路1号", "shop_lng": at.LngText(), "shop_lat": at.LatText()}
	}
	require.InDelta(t, plain, metres(m{"lbs_type": 1, "user_lng": to.LngText(), "user_lat": to.LatText(), "shop": shop(from)}), 3)
	require.InDelta(t, 2*plain, metres(m{"shop": shop(world.Point{Lng: 120.1551, Lat: 30.2541})}), 3)
	require.InDelta(t, plain, metres(m{"shop_type": 2, "shop_id": "our-own"}), 0)
}

func TestAppointment(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	at := begin.Add(2 * time.Hour)
	r := p.call("createorder", with(creation("QF1001"), m{"is_appoint": 1, "appoint_type": 2, "expect_pickup_time": at.Unix()}))
	require.Zero(t, r.Code, r.Msg)
	p.until(number(t, r.Result), world.Accepted)
	require.False(t, p.clock.Now().Before(at.Add(-15*time.Minute)), "riders are sought a quarter of an hour before")
}

func TestCallersAreChecked(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	send := func(p *party, text string) int {
		r, err := p.raw("getshopaccountbalance", text, sign(text))
		require.NoError(t, err)
		return r.Code
	}
	require.Zero(t, send(p, body(terms())))
	require.Zero(t, send(p, body(with(terms(), m{"dev_id": sftc.Development.DevID}))), "dev_id as text")
	require.Equal(t, 2001, send(p, body(with(terms(), m{"dev_id": 1}))))
	require.Equal(t, 2003, send(p, body(with(terms(), m{"push_time": system.Add(-11 * time.Minute).Unix()}))))
	require.Equal(t, 2003, send(p, body(with(terms(), m{"push_time": system.UnixMilli()}))))
	require.Equal(t, 2003, send(p, body(with(terms(), m{"push_time": nil}))))
	require.Equal(t, 2004, send(p, `dev_id=1500000001`))
	require.Equal(t, 2004, send(p, ``))
	old := start(t, func(o *sftc.Options) { o.SignatureWindow = -1 })
	require.Zero(t, send(old, body(with(terms(), m{"push_time": 1}))), "any age")
}
