package shansong_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/shansong"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	base := func(more ...string) map[string]string {
		m := map[string]string{"clientId": "ssTestClient01", "timestamp": "1700000000000"}
		for i := 0; i < len(more); i += 2 {
			m[more[i]] = more[i+1]
		}
		return m
	}
	const shop, order = "20000000000000001", `{"issOrderNo":"TDH2025053050205843"}`
	for name, v := range map[string]struct {
		params map[string]string
		want   string
	}{
		"ISS-1": {base("shopId", shop, "data", order), "0898633B485C8170F02013EC4CA815F4"},
		"ISS-2": {base("shopId", shop, "data", `{"cityName":"北京市","appointType":0}`), "323969E9F95C1A3E2F4C923DF124E61F"},
		"ISS-3": {base("shopId", shop), "3BD771A0D84B89E69A7BDCBE43731EBF"},
		"ISS-4": {base("accessToken", "access-token-0001", "data", order), "237E35527FA46126406BB5EB615E443E"},
	} {
		require.Equal(t, v.want, shansong.Sign("iss-test-secret-0001", v.params), name)
	}
}

func TestWholeLife(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	quote := p.ok("orderCalculate", delivery("QF1001"))
	require.InDelta(t, 1400, quote["totalFeeAfterSave"], 0)
	require.InDelta(t, 2890, quote["totalDistance"], 10)
	iss := quote["orderNumber"].(string)
	require.Regexp(t, `^TDH20260304\d{8}$`, iss)
	require.InDelta(t, 1_000_000_00, p.ok("getUserAccount", m{})["balance"], 0, "a quote costs nothing")

	placed := p.ok("orderPlace", m{"issOrderNo": iss})
	require.InDelta(t, 1400, placed["totalFeeAfterSave"], 0)
	require.InDelta(t, 1_000_000_00-1400, p.ok("getUserAccount", m{})["balance"], 0, "taken at placement")
	require.Nil(t, p.ok("courierInfo", m{"issOrderNo": iss}), "nobody yet")

	p.ok("addition", m{"issOrderNo": iss, "additionAmount": 300})
	p.until(iss, world.PickedUp)
	require.Equal(t, [2]int{40, 1}, p.state(iss))
	shop := world.Point{Lng: 120.1551, Lat: 30.2741}
	p.clock.Advance(time.Minute)
	pos := p.sim.Positions()
	require.Len(t, pos, 1)
	require.Greater(t, shop.Metres(world.Point{Lng: pos[0].Lng, Lat: pos[0].Lat}), 50.0, "under way")
	courier := p.ok("courierInfo", m{"issOrderNo": iss})
	require.Equal(t, fmt.Sprintf("%.6f", pos[0].Lat), courier["gcj02Lat"])
	require.NotEqual(t, courier["gcj02Lat"], courier["latitude"], "the plain fields are BD-09")

	p.until(iss, world.Delivered)
	require.Equal(t, [][2]int{{20, 1}, {30, 1}, {30, 2}, {40, 1}, {50, 1}}, p.told())
	all := p.notices()
	require.Nil(t, all[0].Courier)
	for _, n := range all {
		require.Equal(t, "QF1001", n.OrderNo)
		require.Equal(t, iss, n.IssOrderNo)
		require.Equal(t, "ssTestClient01", n.ClientID)
		require.Equal(t, "20000000000000001", n.ShopID)
		require.Regexp(t, `^[0-9A-F]{32}$`, n.Token)
		require.Equal(t, all[0].Token, n.Token)
	}
	require.NotEmpty(t, all[1].Courier.Name)

	b := p.book()
	require.Equal(t, world.Delivered, b.State)
	require.Equal(t, money.Fen(1700), b.Charged)
	require.Zero(t, b.Penalty)
	require.Equal(t, 5, b.Callbacks)
	require.Equal(t, 6, b.Calls, "quote, place, courierInfo twice, addition, orderInfo")
	info := p.ok("orderInfo", m{"thirdOrderNo": "QF1001"})
	require.InDelta(t, 1700, info["totalFeeAfterSave"], 0)
	require.Len(t, info["statusChangeLog"], 5)
	require.Equal(t, 2006, p.call("abortOrder", m{"issOrderNo": iss}).Status, "delivered")
	require.Empty(t, p.sim.Positions())
	require.Zero(t, p.clock.Timers(), "nothing is left to happen")
}

func TestPricesOfTheReference(t *testing.T) {
	t.Parallel()
	tariff := shansong.DefaultProfile().Tariff
	require.Equal(t, money.Fen(2340), world.Total(tariff.Price(8940, 1, 0, begin)))
	require.Equal(t, money.Fen(2340+200), world.Total(tariff.Price(8940, 1, 0, begin.Add(3*time.Hour))), "noon")
	require.Equal(t, money.Fen(1400+500+2*200), world.Total(tariff.Price(100, 7, 0, begin.Add(14*time.Hour))), "night, 7 kg")
}

func TestAcceptanceWithinEightySeconds(t *testing.T) {
	t.Parallel()
	profile := shansong.DefaultProfile()
	c := world.NewChance(11, "shansong")
	late := 0
	const n = 20000
	for i := range n {
		if profile.Accept.Draw(c, profile.PeakSlowdown, fmt.Sprint(i), "accept", 0) > 80*time.Second {
			late++
		}
	}
	require.Less(t, late, n*5/1000, "at the peak")
}

func TestPenaltiesBeforePickup(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		state   world.State
		penalty money.Fen
	}{
		"waiting":       {world.Waiting, 0},
		"just accepted": {world.Accepted, 200},
		"at the shop":   {world.Arrived, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, nil)
			iss := p.place("QF1001")
			p.until(iss, row.state)
			pre := p.ok("preAbortOrder", m{"issOrderNo": iss})
			require.InDelta(t, float64(row.penalty), pre["deductAmount"], 0)
			got := p.ok("abortOrder", m{"issOrderNo": iss})
			require.InDelta(t, float64(row.penalty), got["deductAmount"], 0)
			require.InDelta(t, 1, got["abortType"], 0)
			p.clock.Settle()
			last := p.notices()[len(p.notices())-1]
			require.Equal(t, 60, last.Status)
			require.Equal(t, int(row.penalty), last.DeductAmount)
			require.Equal(t, 1400-int(row.penalty), last.Drawback)
			b := p.book()
			require.Equal(t, row.penalty, b.Charged)
			require.Equal(t, row.penalty, b.Penalty)
			require.Equal(t, 2006, p.call("abortOrder", m{"issOrderNo": iss}).Status, "twice")
		})
	}
}

func TestPenaltyGrowsAfterEightMinutes(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *shansong.Options) {
		profile := shansong.DefaultProfile()
		profile.Pickup = world.Spread{MedianS: 3600}
		o.Profile = &profile
	})
	iss := p.place("QF1001")
	p.until(iss, world.Accepted)
	p.clock.Advance(479 * time.Second)
	require.InDelta(t, 200, p.ok("preAbortOrder", m{"issOrderNo": iss})["deductAmount"], 0)
	p.clock.Advance(2 * time.Second)
	require.InDelta(t, 500, p.ok("preAbortOrder", m{"issOrderNo": iss})["deductAmount"], 0)
}

func TestReturnAfterPickup(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	iss := p.place("QF1001")
	p.until(iss, world.PickedUp)
	got := p.ok("abortOrder", m{"issOrderNo": iss})
	require.InDelta(t, 1400, got["deductAmount"], 0, "there and back from the shop costs the start price")
	require.InDelta(t, 0, got["sendBackFee"], 0)
	require.Equal(t, [2]int{40, 2}, p.state(iss))
	require.Equal(t, 2006, p.call("confirmGoodsReturn", m{"issOrderNo": iss}).Status, "the rider has not agreed")
	p.until(iss, world.Returning)
	require.Equal(t, [2]int{40, 3}, p.state(iss))
	p.ok("confirmGoodsReturn", m{"issOrderNo": iss})
	p.clock.Settle()
	require.Equal(t, [2]int{60, 0}, p.state(iss))
	require.Equal(t, [][2]int{{20, 1}, {30, 1}, {30, 2}, {40, 1}, {40, 2}, {40, 3}, {60, 0}}, p.told())
	b := p.book()
	require.True(t, b.End.Returned)
	require.Equal(t, money.Fen(1400), b.Penalty)
	require.Equal(t, money.Fen(1400), b.Charged)
}

// far makes a delivery of about 11.6 km by road: 14 + 7 × 2.35 = 30.45 元.
func far(no string) m {
	d := delivery(no)
	d["receiverList"].([]m)[0]["toLatitude"] = "30.354100"
	return d
}

func TestReturnThatCostsMoreThanWasPaid(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	iss := p.ok("orderCalculate", far("QF1001"))["orderNumber"].(string)
	p.ok("orderPlace", m{"issOrderNo": iss})
	p.until(iss, world.PickedUp)
	for p.ok("preAbortOrder", m{"issOrderNo": iss})["sendBackFee"].(float64) == 0 {
		p.clock.Advance(10 * time.Second)
	}
	require.Equal(t, 2007, p.call("abortOrder", m{"issOrderNo": iss}).Status, "deductFlag is needed")
	require.Equal(t, [2]int{40, 1}, p.state(iss))
	got := p.ok("abortOrder", m{"issOrderNo": iss, "deductFlag": true})
	require.InDelta(t, 3045, got["deductAmount"], 0)
	extra := money.Fen(got["sendBackFee"].(float64))
	require.Positive(t, extra)
	require.Equal(t, 3045+extra, p.book().Charged, "taken at once")
	p.clock.Advance(6 * time.Hour) // nobody confirms: the carrier does
	b := p.book()
	require.Equal(t, world.Cancelled, b.State)
	require.Equal(t, 3045+extra, b.Penalty)
	require.Equal(t, 3045+extra, b.Charged)
}

func TestRiderWhoRefusesToReturn(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *shansong.Options) {
		profile := shansong.DefaultProfile()
		profile.ReturnRefused = 1
		o.Profile = &profile
	})
	iss := p.ok("orderCalculate", far("QF1001"))["orderNumber"].(string)
	p.ok("orderPlace", m{"issOrderNo": iss})
	p.until(iss, world.PickedUp)
	for p.ok("preAbortOrder", m{"issOrderNo": iss})["sendBackFee"].(float64) == 0 {
		p.clock.Advance(10 * time.Second)
	}
	p.ok("abortOrder", m{"issOrderNo": iss, "deductFlag": true})
	p.until(iss, world.Disputed)
	require.Equal(t, [2]int{40, 4}, p.state(iss))
	p.until(iss, world.Delivered)
	b := p.book()
	require.Equal(t, money.Fen(3045), b.Charged, "the extra comes back, the delivery is paid")
	require.Zero(t, b.Penalty)
}

func TestCarrierCancels(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.faults.Direct(world.Script{Party: "shansong", Order: "QF1001", Fault: world.CarrierCancel, As: "final"}))
	iss := p.place("QF1001")
	p.until(iss, world.Cancelled)
	b := p.book()
	require.Zero(t, b.Charged)
	require.Zero(t, b.Penalty)
	last := p.notices()[len(p.notices())-1]
	require.Equal(t, 60, last.Status)
	require.Contains(t, []int{3, 10}, last.AbortType)
	require.Equal(t, 1400, last.Drawback)
	require.Equal(t, 1, p.faults.Counters()[world.CarrierCancel])
}

func TestReassignment(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.faults.Direct(world.Script{Party: "shansong", Fault: world.CarrierCancel, As: "reassign"}))
	iss := p.place("QF1001")
	p.until(iss, world.Reassigning)
	require.Equal(t, [2]int{20, 2}, p.state(iss))
	p.until(iss, world.Delivered)
	var riders []string
	for _, n := range p.notices() {
		if n.Status == 30 && n.SubStatus == 1 {
			riders = append(riders, n.Courier.Mobile)
		}
	}
	require.Len(t, riders, 2)
	require.NotEqual(t, riders[0], riders[1])
	require.Equal(t, money.Fen(1400), p.book().Charged)
}

func TestNobodyAccepts(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.faults.Direct(world.Script{Party: "shansong", Fault: world.NoRider}))
	iss := p.place("QF1001")
	p.clock.Advance(30*time.Minute - time.Second)
	require.Equal(t, [2]int{20, 1}, p.state(iss))
	p.clock.Advance(time.Second)
	require.Equal(t, [2]int{60, 0}, p.state(iss))
	last := p.notices()[len(p.notices())-1]
	require.Equal(t, [2]int{10, 10}, [2]int{last.AbortType, last.PunishType})
	require.Zero(t, p.book().Charged)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *shansong.Options) { o.InitialBalance = 2000 })
	quote := func(no string) string { return p.ok("orderCalculate", delivery(no))["orderNumber"].(string) }

	require.Equal(t, 2001, p.call("orderPlace", m{"issOrderNo": "TDH1"}).Status, "no such quote")
	require.Equal(t, 2001, p.call("orderInfo", m{"issOrderNo": "TDH1"}).Status, "no such order")
	old := quote("QF1001")
	p.clock.Advance(30 * time.Minute)
	require.Equal(t, 2003, p.call("orderPlace", m{"issOrderNo": old}).Status, "expired")

	require.NoError(t, p.faults.Direct(world.Script{Party: "shansong", Order: "QF1002", Fault: world.PlaceRefused}))
	unlucky := quote("QF1002")
	require.Equal(t, 2005, p.call("orderPlace", m{"issOrderNo": unlucky}).Status)
	require.Equal(t, 2001, p.call("orderInfo", m{"issOrderNo": unlucky}).Status, "refused is not placed")

	first, second := quote("QF1003"), quote("QF1004")
	p.ok("orderPlace", m{"issOrderNo": first})
	require.Equal(t, 2002, p.call("orderPlace", m{"issOrderNo": first}).Status, "placed already")
	require.Equal(t, 2004, p.call("orderPlace", m{"issOrderNo": second}).Status, "6 元 are left")
	require.Equal(t, 2004, p.call("addition", m{"issOrderNo": first, "additionAmount": 700}).Status)
	require.Equal(t, 400, p.call("addition", m{"issOrderNo": first, "additionAmount": 150}).Status, "whole 元 only")
	require.Equal(t, money.Fen(600), p.sim.Totals().Balance)
	require.Equal(t, 404, p.call("noSuchCall", m{}).Status)

	for what, change := range map[string]func(m, m){
		"city":     func(d, _ m) { d["cityName"] = "杭州" },
		"weight":   func(_, r m) { r["weight"] = 0 },
		"tip":      func(_, r m) { r["additionFee"] = 50 },
		"goods":    func(_, r m) { r["goodType"] = 2 },
		"swapped":  func(_, r m) { r["toLatitude"], r["toLongitude"] = r["toLongitude"], r["toLatitude"] },
		"no order": func(_, r m) { r["orderNo"] = "" },
	} {
		d := delivery("QF1009")
		change(d, d["receiverList"].([]m)[0])
		require.Equal(t, 400, p.call("orderCalculate", d).Status, what)
	}
}

func TestStores(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *shansong.Options) { o.Stores = []string{"30000000000000001"} })
	d := delivery("QF1001")
	for id, want := range map[any]int{"30000000000000001": 200, 30000000000000001: 200, "": 200, "30000000000000002": 2010} {
		d["storeId"] = id
		require.Equal(t, want, p.call("orderCalculate", d).Status, id)
	}
}

func TestCallersAreChecked(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	for what, change := range map[string]func(url.Values){
		"signature": func(v url.Values) { v.Set("sign", strings.Repeat("0", 32)) },
		"data":      func(v url.Values) { v.Set("data", v.Get("data")+" ") },
		"client":    func(v url.Values) { v.Set("clientId", "other") },
		"shop":      func(v url.Values) { v.Set("shopId", "other") },
	} {
		v := form(`{}`)
		change(v)
		r, err := p.post("getUserAccount", v)
		require.NoError(t, err)
		require.Equal(t, 401, r.Status, what)
	}
	v := form(`{}`)
	v.Set("sign", strings.ToLower(v.Get("sign")))
	r, err := p.post("getUserAccount", v)
	require.NoError(t, err)
	require.Equal(t, 200, r.Status, "the case of the signature is not looked at")

	late := start(t, func(o *shansong.Options) {
		o.System = func() time.Time { return system.Add(11 * time.Minute) }
	})
	r, err = late.post("getUserAccount", form(`{}`))
	require.NoError(t, err)
	require.Equal(t, 401, r.Status, "stale")
}

func TestCoordinatesAreBD09UnlessTold(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	d := delivery("QF1001")
	delete(d, "lbsType")
	from, to := world.Point{Lng: 120.1551, Lat: 30.2741}.BD09(), world.Point{Lng: 120.1551, Lat: 30.2941}.BD09()
	s, r := d["sender"].(m), d["receiverList"].([]m)[0]
	s["fromLongitude"], s["fromLatitude"] = from.LngText(), from.LatText()
	r["toLongitude"], r["toLatitude"] = to.LngText(), to.LatText()
	same := p.ok("orderCalculate", delivery("QF1002"))["totalDistance"].(float64)
	require.InDelta(t, same, p.ok("orderCalculate", d)["totalDistance"], 3)
}

func TestPriceIsTakenAnewAtPlacement(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	p.clock.Advance(2*time.Hour - time.Minute) // 10:59
	quote := p.ok("orderCalculate", delivery("QF1001"))
	require.InDelta(t, 1400, quote["totalFeeAfterSave"], 0)
	p.clock.Advance(time.Minute)
	require.InDelta(t, 1600, p.ok("orderPlace", m{"issOrderNo": quote["orderNumber"]})["totalFeeAfterSave"], 0)
	require.Equal(t, money.Fen(1600), p.book().Charged)
}
