package uupt_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/uupt"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
	"github.com/chuandao/qianfan/shared/money"
)

func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]struct {
		biz       string
		timestamp int64
		want      string
	}{
		"UU3-1": {`{"cityName":"郑州市","fromAddress":"郑州市金水区花园路","sendType":"SEND","toAddress":"郑州市二七区大学路"}`, 1700000000, "0789A54FC8ECD1001D454DE064633AC5"},
		"UU3-2": {`{"orderCode":"240812164010379000014456"}`, 1700000000, "A9979433871080B732A76732E2592031"},
		"UU3-3": {`{}`, 1700000000, "5E4B74ED077C5F9004AAD9818F2CE98E"},
		"UU3-4": {`{"orderCode":"240812164010379000014456","originId":"PS202401010001","state":3,"stateText":"跑男抢单","driverName":"张三","driverMobile":"13800000000","driverPhoto":"","changeTime":1700000060000}`, 1700000060, "F1A86E21B669CC3E1198047BB00904E4"},
	} {
		require.Equal(t, v.want, uupt.Sign(v.biz, "uu-test-app-key-0001", v.timestamp), name)
	}
}

func TestWholeLife(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	d := delivery("QF1001")
	d["onlineFee"] = 2 // 元
	quote := p.ok("order/orderPrice", d)
	require.InDelta(t, 1000, quote["needPayMoney"], 0, "8 元 and a tip of 2 元, in 分")
	require.InDelta(t, 2890, quote["distance"], 15)
	require.InDelta(t, 300, quote["expiresIn"], 0)
	require.Len(t, quote["feeDetailList"], 3)

	a := add(quote["priceToken"].(string))
	a["callbackUrl"] = p.inbox.URL + "/order"
	added := p.ok("order/addOrder", a)
	code := added["orderCode"].(string)
	require.Regexp(t, `^260304090000000\d{9}$`, code)
	require.Equal(t, "QF1001", added["originId"])
	require.InDelta(t, 1_000_000_00-1000, p.ok("user/account", m{"payTypeEnum": "BALANCE_PAY"})["balance"], 0)
	require.Empty(t, p.ok("order/driverTrack", m{"order_code": code})["driver_name"])
	p.ok("order/addGratuity", m{"orderCode": code, "fee": 3})

	p.until(code, world.PickedUp)
	p.clock.Advance(time.Minute)
	track := p.ok("order/driverTrack", m{"order_code": code})
	detail := p.ok("order/orderDetail", m{"originId": "QF1001"})
	require.InDelta(t, 5, detail["state"], 0)
	require.Equal(t, fmt.Sprint(track["longitude"], ",", track["latitude"]), detail["driverLastLoc"])
	pos := p.sim.Positions()
	require.Len(t, pos, 1)
	require.Equal(t, world.Point{Lng: pos[0].Lng, Lat: pos[0].Lat}.BD09().LngText(), track["longitude"])
	require.Equal(t, detail["driverMobile"], track["driver_phone"])

	p.until(code, world.Delivered)
	require.Equal(t, []int{1, 3, 4, 5, 6, 10}, p.told())
	last := int64(0)
	for i, n := range p.notices() {
		require.Equal(t, "/order", n.path, "the order's own callbackUrl wins")
		require.Equal(t, code, n.OrderCode)
		require.Equal(t, "QF1001", n.OriginID)
		require.Equal(t, i > 0, n.DriverName != "")
		require.Greater(t, n.ChangeTime, last)
		last = n.ChangeTime
	}
	b := p.book()
	require.Equal(t, money.Fen(1300), b.Charged)
	require.Equal(t, money.Fen(500), b.Tips)
	require.Equal(t, 6, b.Callbacks)
	require.Equal(t, 6, b.Calls)
	detail = p.ok("order/orderDetail", m{"order_code": code})
	require.InDelta(t, 1300, detail["orderPrice"], 0)
	require.NotEmpty(t, detail["finishTime"])
	require.Equal(t, 88100042, p.call("order/cancelOrder", m{"orderCode": code, "reason": "x"}).Code, "delivered")
	require.Zero(t, p.clock.Timers())
}

func TestPricesOfTheReference(t *testing.T) {
	t.Parallel()
	tariff := uupt.DefaultProfile().Tariff
	require.Equal(t, money.Fen(1700), world.Total(tariff.Price(8940, 1, 0, begin)))
	require.Equal(t, money.Fen(800+300+100), world.Total(tariff.Price(3000, 6, 0, begin.Add(14*time.Hour))), "night, 6 kg")
}

func TestAcceptanceWithinEightySeconds(t *testing.T) {
	t.Parallel()
	profile := uupt.DefaultProfile()
	c := world.NewChance(11, "uupt")
	late := 0
	const n = 20000
	for i := range n {
		if profile.Accept.Draw(c, profile.PeakSlowdown, fmt.Sprint(i), "accept", 0) > 80*time.Second {
			late++
		}
	}
	require.Less(t, late, n*5/1000, "at the peak")
}

func TestPenalties(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		state    world.State
		later    time.Duration
		penalty  money.Fen
		returned bool
	}{
		"waiting":                 {world.Waiting, 0, 0, false},
		"accepted":                {world.Accepted, 0, 0, false},
		"accepted, free no more":  {world.Accepted, 2 * time.Minute, 200, false},
		"picked up":               {world.PickedUp, 0, 300, true},
		"at the customer's door":  {world.AtCustomer, 0, 300, true},
		"accepted, one second in": {world.Accepted, 119 * time.Second, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, func(o *uupt.Options) {
				profile := uupt.DefaultProfile()
				profile.Pickup = world.Spread{MedianS: 300}
				o.Profile = &profile
			})
			code := p.place("QF1001")
			p.until(code, row.state)
			p.clock.Advance(row.later)
			require.InDelta(t, float64(row.penalty), p.ok("order/cancelFee", m{"originId": "QF1001"})["cancelFee"], 0)
			got := p.ok("order/cancelOrder", m{"orderCode": code, "reason": "不要了"})
			require.InDelta(t, 1, got["canCancel"], 0)
			require.InDelta(t, float64(row.penalty), got["deductFee"], 0)
			p.clock.Settle()
			told := p.told()
			require.Equal(t, -1, told[len(told)-1])
			b := p.book()
			require.Equal(t, row.penalty, b.Charged)
			require.Equal(t, row.penalty, b.Penalty)
			require.Equal(t, row.returned, b.End.Returned)
			require.Equal(t, "不要了", b.End.Reason)
			require.InDelta(t, -1, p.ok("order/orderDetail", m{"orderCode": code})["state"], 0)
		})
	}
}

func TestCarrierCancels(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.faults.Direct(world.Script{Party: "uupt", Fault: world.CarrierCancel, As: "final"}))
	p.until(p.place("QF1001"), world.Cancelled)
	told := p.told()
	require.Equal(t, -2, told[len(told)-1])
	require.Zero(t, p.book().Charged)
}

func TestReassignmentGoesBackToWaiting(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.faults.Direct(world.Script{Party: "uupt", Fault: world.CarrierCancel, As: "reassign"}))
	p.until(p.place("QF1001"), world.Delivered)
	told := p.told()
	for i, state := range told {
		if state == 2 {
			require.Equal(t, []int{2, 1, 3, 4, 5, 6, 10}, told[i:])
			require.Equal(t, money.Fen(800), p.book().Charged)
			return
		}
	}
	require.Fail(t, "no 跑男取消", "%v", told)
}

func TestNobodyAccepts(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	require.NoError(t, p.faults.Direct(world.Script{Party: "uupt", Fault: world.NoRider}))
	p.place("QF1001")
	p.clock.Advance(30 * time.Minute)
	require.Equal(t, []int{1, -3}, p.told())
	require.Zero(t, p.book().Charged)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *uupt.Options) { o.InitialBalance = 1000 })
	require.Equal(t, 88100032, p.call("order/addOrder", add("nothing")).Code)
	require.Equal(t, 88100041, p.call("order/orderDetail", m{"orderCode": "1"}).Code)
	require.Equal(t, 88100041, p.call("order/orderDetail", m{}).Code)
	old := p.quote("QF1001")
	p.clock.Advance(300 * time.Second)
	require.Equal(t, 88100031, p.call("order/addOrder", add(old)).Code, "expired")

	require.NoError(t, p.faults.Direct(world.Script{Party: "uupt", Order: "QF1002", Fault: world.PlaceRefused}))
	require.Equal(t, 88100061, p.call("order/addOrder", add(p.quote("QF1002"))).Code)

	first, second := p.quote("QF1003"), p.quote("QF1004")
	code := p.ok("order/addOrder", add(first))["orderCode"]
	require.Equal(t, 88100033, p.call("order/addOrder", add(first)).Code, "used")
	require.Equal(t, 88100051, p.call("order/addOrder", add(second)).Code, "2 元 are left")
	require.Equal(t, 88100051, p.call("order/addGratuity", m{"orderCode": code, "fee": 3}).Code)
	p.ok("order/addGratuity", m{"orderCode": code, "fee": 2})
	require.Zero(t, p.sim.Totals().Balance)
	require.Equal(t, 88000404, p.call("order/nothing", m{}).Code)
	require.Equal(t, 88000101, p.call("order/addGratuity", m{"orderCode": code, "fee": "0.5"}).Code)

	for what, change := range map[string]func(m){
		"city":    func(d m) { d["cityName"] = "杭州" },
		"kind":    func(d m) { d["sendType"] = "BUY" },
		"insured": func(d m) { d["goodsPrice"] = 10001 },
		"weight":  func(d m) { d["goodsWeight"] = "1.5" },
		"swapped": func(d m) { d["toLat"], d["toLng"] = d["toLng"], d["toLat"] },
		"unknown": func(d m) { delete(d, "toLat"); delete(d, "toLng"); d["cityName"] = "拉萨市" },
	} {
		d := delivery("QF1009")
		change(d)
		require.Equal(t, 88000101, p.call("order/orderPrice", d).Code, what)
	}
	d := delivery("QF1010")
	for _, k := range []string{"fromLat", "fromLng", "toLat", "toLng"} {
		delete(d, k)
	}
	one, two := p.ok("order/orderPrice", d), p.ok("order/orderPrice", d)
	require.Equal(t, one["distance"], two["distance"], "an address is always found at the same place")
}

func TestCancelQuota(t *testing.T) {
	t.Parallel()
	p := start(t, func(o *uupt.Options) {
		profile := uupt.DefaultProfile()
		profile.CancelsPerDay = 1
		o.Profile = &profile
	})
	first, second := p.place("QF1001"), p.place("QF1002")
	cancel := func(code string) any {
		return p.ok("order/cancelOrder", m{"orderCode": code, "reason": "x"})["canCancel"]
	}
	require.InDelta(t, 1, cancel(first), 0)
	require.InDelta(t, 0, cancel(second), 0)
	p.until(second, world.Delivered)
}

func TestCallersAreChecked(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	app := uupt.Development.AppID
	for code, change := range map[int]func(m){
		88000104: func(e m) { e["sign"] = strings.ToLower(e["sign"].(string)) },
		88000105: func(e m) { e["openId"] = "other" },
	} {
		e := envelope(`{}`)
		change(e)
		require.Equal(t, code, p.post("user/account", app, e).Code)
	}
	e := envelope(`{}`)
	e["biz"] = `{ }`
	require.Equal(t, 88000104, p.post("user/account", app, e).Code, "signed over other bytes")
	require.Equal(t, 88000103, p.post("user/account", "other", envelope(`{}`)).Code)
	require.Equal(t, 1, p.post("user/account", app, envelope(`{}`)).Code)

	late := start(t, func(o *uupt.Options) { o.System = func() time.Time { return system.Add(time.Hour) } })
	require.Equal(t, 88000102, late.post("user/account", app, envelope(`{}`)).Code, "stale")
}

func TestCallbacksAreRepeated(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		status int
		answer string
		want   int
	}{
		"empty 200":       {200, ``, 1},
		"text":            {200, `success`, 1},
		"code 1":          {200, `{"code":1}`, 1},
		"code 0":          {200, `{"code":0,"msg":"fail"}`, 3},
		"internal error":  {500, `{"code":1}`, 3},
		"no code, object": {200, `{}`, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := worldtest.NewInbox(t, worldtest.Always(row.status, row.answer))
			p := start(t, func(o *uupt.Options) { o.CallbackURL = in.URL })
			require.NoError(t, p.faults.Direct(world.Script{Party: "uupt", Fault: world.NoRider}))
			p.place("QF1001")
			p.clock.Advance(10 * time.Minute)
			require.Len(t, in.Letters(), row.want)
		})
	}
}
