package emulator_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sim/jd"
	"github.com/chuandao/qianfan/local/sim/taobao"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/clock"
)

const mixed = "jd=40,meituan=40,taobao=20"

// requireQuietPlatforms reads the platforms' own books: nothing was told that should not have been.
func (r *rig) requireQuietPlatforms() {
	r.t.Helper()
	require.Empty(r.t, r.JD().Books().Violations)
	require.Empty(r.t, r.Meituan().Books().Violations)
	require.Empty(r.t, r.Taobao().Books().Violations)
}

// Orders of all platforms come to their ends, and each platform hears of the delivery by its own calls.
func TestAMixedRunDeliversEverything(t *testing.T) {
	t.Parallel()
	r := start(t, emulator.Options{Orders: 60, Rate: 5, Speed: 60, Mix: mixed})
	s := r.run()
	require.Equal(t, 60, s.Orders.Delivered)
	r.requireQuietPlatforms()
	ordered := map[string]int{}
	for _, o := range r.JD().Books().Orders {
		ordered["jd"]++
		require.Equal(t, jd.Delivered, o.Status, o.No)
		require.Equal(t, 1, o.Pulls, "one query for each thin push")
		require.Equal(t, []string{"track 10", "track 20", "track 22", "track 30", "OrderSerllerDelivery", "deliveryEndOrder"}, whats(o.Told), o.No)
	}
	for _, o := range r.Meituan().Books().Orders {
		ordered["meituan"]++
		require.Equal(t, "delivered", o.Final, o.No)
	}
	for _, o := range r.Taobao().Books().Orders {
		ordered["taobao"]++
		var states []string
		for _, told := range o.Told {
			states = append(states, told.State)
		}
		require.Equal(t, []string{"tobeAssignedCourier", "tobeFetched", "arrived", "DELIVERY_START", "DELIVERY_COMPLETE"}, states, o.No)
	}
	require.Len(t, ordered, 3, "%v", ordered)
	require.Len(t, s.Reports, 3, "回传率 by platform")
	for _, rate := range s.Reports {
		require.InDelta(t, 1, rate.Rate, 0, "%+v", rate)
		require.Equal(t, 5*ordered[rate.Platform], rate.Due, "%+v", rate)
		require.InDelta(t, 1, rate.InTime, 0.05, "%+v", rate)
	}
}

// whats are the calls by which 京东 was told, repeats left out.
func whats(told []jd.Told) []string {
	var out []string
	for _, t := range told {
		if !t.Repeat {
			out = append(out, t.What)
		}
	}
	return out
}

func TestAMixedRunWithStandardFaultsLosesNothing(t *testing.T) {
	t.Parallel()
	r := start(t, emulator.Options{Orders: 120, Rate: 10, Speed: 60, Faults: "standard", Seed: 12, Mix: mixed})
	s := r.run()
	t.Logf("orders %+v attempts %+v faults %v", s.Orders, s.Attempts, s.Faults)
	require.Equal(t, 120, s.Orders.Accepted)
	require.GreaterOrEqual(t, s.Orders.Delivered*10, (s.Orders.Accepted-s.Faults["platform_cancel"])*9)
	r.requireQuietPlatforms()
}

// Pushes of 淘宝闪购 that never arrive are pulled within a minute or two: an order, and a cancel.
func TestLostPushesArePulled(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	r.script(world.Script{Party: "taobao", Fault: world.CallbackLost, Detail: "10"}, world.Script{Party: "taobao", Fault: world.CallbackLost, Detail: "15"})
	no, answered, err := r.Taobao().Begin(r.near(cheapestShop))
	require.NoError(t, err)
	_, err = answered(t.Context())
	require.ErrorIs(t, err, taobao.ErrUnanswered)
	require.Zero(t, one[int](r, "SELECT COUNT(*) FROM orders"))
	require.Equal(t, 1, r.Taobao().Missed())
	r.runUntil("the pull", func() bool { return one[int](r, "SELECT COUNT(*) FROM orders WHERE no = ?", no) == 1 })
	r.await("the confirmation", func() bool { return r.Taobao().Missed() == 0 })
	r.await("the report", func() bool { return len(r.Taobao().Books().Orders[0].Told) > 0 })

	answered, err = r.Taobao().BeginCancel(no, "不想要了")
	require.NoError(t, err)
	_, err = answered(t.Context())
	require.ErrorIs(t, err, taobao.ErrUnanswered)
	r.runUntil("the cancel", func() bool { return r.state(no) == "cancelled" })
	r.settle()
	require.Zero(t, r.Taobao().Missed())
	require.Equal(t, "cancelled", r.Taobao().Books().Orders[0].Final)
	r.requireQuietPlatforms()
}

// An order of 京东 that the customer wants cancelled ends by our answer; that 京东 then calls it
// cancelled, too, changes nothing.
func TestJDHearsOfItsCancelAndRepeatsIt(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	no, answered, err := r.JD().Begin(r.near(cheapestShop))
	require.NoError(t, err)
	accepted, err := answered(t.Context())
	require.NoError(t, err)
	require.True(t, accepted)
	r.await("the placement", r.attemptIn(no, "uupt", "placed"))
	answered, err = r.JD().BeginCancel(no, "不想要了")
	require.NoError(t, err)
	accepted, err = answered(t.Context())
	require.NoError(t, err)
	require.True(t, accepted)
	r.settle()
	require.Equal(t, "cancelled", r.state(no))
	book := r.JD().Books().Orders[0]
	require.Equal(t, jd.Cancelled, book.Status)
	last := book.Pushes[len(book.Pushes)-1]
	require.Equal(t, []string{"userCancelOrder", "ok"}, []string{last.What, last.Outcome})
	require.Equal(t, 2, one[int](r, "SELECT COUNT(*) FROM order_command WHERE applied_version IS NOT NULL"), "the wish and the news of its end")
	require.Empty(t, one[string](r, "SELECT attention FROM orders WHERE no = ?", no), "the news needs nobody")
	r.requireQuietPlatforms()
}

// An order of 京东 for later (预约单) is fetched at once, waits for its release without any carrier,
// and is then carried.
func TestJDOrderForLaterWaitsForItsRelease(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	req := r.near(cheapestShop)
	expected := r.Clock.Now().Add(80 * time.Minute) // half an hour's window begins too late for an order of now
	req.Expected = &expected
	no, answered, err := r.JD().Begin(req)
	require.NoError(t, err)
	accepted, err := answered(t.Context())
	require.NoError(t, err)
	require.True(t, accepted)
	r.await("the plan", func() bool {
		return one[int](r, "SELECT COUNT(*) FROM quote_outcome q JOIN orders o ON o.id = q.order_id WHERE q.result = 'scheduled' AND o.city = '330100' AND o.fee_fen > 0") == 1
	})
	r.rest()
	require.Equal(t, "received", r.state(no))
	require.Zero(t, one[int](r, "SELECT COUNT(*) FROM quote"))
	require.NoError(t, r.Clock.Advance(t.Context(), 25*time.Minute))
	require.Equal(t, "received", r.state(no), "the lead is 45 minutes")
	r.runUntil("the placement", func() bool { return len(r.attempts(no)) > 0 })
	require.Less(t, r.Clock.Now().Sub(expected.Add(-45*time.Minute)), 5*time.Minute)
	r.settle()
	require.Equal(t, "delivered", r.state(no))
	require.Equal(t, 1, r.JD().Books().Orders[0].Pulls, "the detail is kept")
	r.requireQuietPlatforms()
}

// A number that 京东 does not know is asked for until the order is given up.
func TestJDOrderThatNobodyKnowsFails(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	const no = "30000000000000999"
	require.Equal(t, "0", codeOfJD(t, r.jd("newOrder", thinPush(no))))
	require.Equal(t, "0", codeOfJD(t, r.jd("newOrder", thinPush(no))), "again")
	require.Equal(t, 1, one[int](r, "SELECT COUNT(*) FROM orders"))
	r.runUntil("the give-up", r.in(no, "failed"))
	require.Zero(t, one[int](r, "SELECT COUNT(*) FROM quote_outcome"))
	require.Empty(t, r.attempts(no))
}

// thinPush is the content of a push of 京东.
func thinPush(no string) object {
	return object{"billId": no, "statusId": "32000", "timestamp": "2026-03-04 12:00:00"}
}

// jd signs and sends a message of 京东.
func (r *rig) jd(message string, content object) reply {
	r.t.Helper()
	return r.jdSigned(message, content, nil, jd.Development.Secret)
}

// jdSigned is jd with parameters replaced before they are signed; empty ones are left out.
func (r *rig) jdSigned(message string, content object, changes form, secret string) reply {
	r.t.Helper()
	raw, err := json.Marshal(content)
	require.NoError(r.t, err)
	params := form{
		"token": jd.Development.Token, "app_key": jd.Development.AppKey, "format": "json", "v": "1.0",
		"timestamp": clock.System.Now().In(world.Shanghai).Format("2006-01-02 15:04:05"), "jd_param_json": string(raw),
	}.with(changes)
	maps.DeleteFunc(params, func(_, v string) bool { return v == "" })
	values := url.Values{"sign": {jd.Sign(params, secret)}}
	for k, v := range params {
		values.Set(k, v)
	}
	return r.send(http.MethodPost, jd.PushPath+message, "application/x-www-form-urlencoded; charset=UTF-8", nil, []byte(values.Encode()))
}

func codeOfJD(t *testing.T, r reply) string {
	t.Helper()
	require.Equal(t, http.StatusOK, r.status)
	var out struct{ Code, Msg string }
	require.NoError(t, json.Unmarshal([]byte(r.body), &out), r.body)
	require.NotEmpty(t, out.Msg)
	return out.Code
}

func TestBadInputFromJD(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	push := func(message string, content object, changes form) func(*rig) reply {
		return func(r *rig) reply { return r.jdSigned(message, content, changes, jd.Development.Secret) }
	}
	at := func(by time.Duration) form {
		return form{"timestamp": clock.System.Now().Add(by).In(world.Shanghai).Format("2006-01-02 15:04:05")}
	}
	const no = "30000000000000001"
	for i, b := range []bad{
		{"wrong signature", func(r *rig) reply { return r.jdSigned("newOrder", thinPush(no), nil, "another secret") }, 200, -1, "bad_signature", "sign"},
		{"another application", push("newOrder", thinPush(no), form{"app_key": "other"}), 200, -1, "unknown_key", "app_key"},
		{"another token", push("newOrder", thinPush(no), form{"token": "other"}), 200, -1, "unknown_key", "token"},
		{"stale timestamp", push("newOrder", thinPush(no), at(-7*time.Hour)), 200, -1, "stale_timestamp", "timestamp"},
		{"timestamp of the future", push("newOrder", thinPush(no), at(time.Hour)), 200, -1, "stale_timestamp", "timestamp"},
		{"timestamp in seconds", push("newOrder", thinPush(no), form{"timestamp": stamp(0)}), 200, -1, "stale_timestamp", "timestamp"},
		{"no content", push("newOrder", nil, form{"jd_param_json": ""}), 200, -1, "missing_field", "jd_param_json"},
		{"encrypted", push("newOrder", thinPush(no), form{"encrypt_jd_param_json": "x"}), 200, -1, "bad_field", "encrypt_jd_param_json"},
		{"malformed form", func(r *rig) reply {
			return r.send(http.MethodPost, jd.PushPath+"newOrder", "application/x-www-form-urlencoded", nil, []byte("jd_param_json=%zz&sign=1"))
		}, 200, -1, "malformed", ""},
		{"one field twice", func(r *rig) reply {
			return r.send(http.MethodPost, jd.PushPath+"newOrder?token=1", "application/x-www-form-urlencoded", nil, []byte("token=2"))
		}, 200, -1, "malformed", "token"},
		{"malformed content", push("newOrder", nil, form{"jd_param_json": "{"}), 200, -1, "malformed", "jd_param_json"},
		{"no number", push("newOrder", object{"statusId": "32000"}, nil), 200, -1, "missing_field", "billId"},
		{"number that is none", push("newOrder", thinPush("1' OR '1'='1"), nil), 200, -1, "bad_field", "billId"},
		{"new and cancelled", push("newOrder", change(thinPush(no), "20020", "statusId"), nil), 200, -1, "bad_field", "statusId"},
		{"cancelled and not", push("userCancelOrder", thinPush(no), nil), 200, -1, "bad_field", "statusId"},
		{"unknown message", push("teleportOrder", thinPush(no), nil), 200, -1, "no_route", ""},
		{"body over the limit", push("newOrder", change(thinPush(no), over, "remark"), nil), 200, -1, "too_large", ""},
	} {
		t.Run(fmt.Sprintf("%02d %s", i, b.name), func(t *testing.T) {
			at := *r
			at.t = t
			b.requireRefused(&at, func(t *testing.T, body string) int {
				if codeOfJD(t, reply{http.StatusOK, body}) == "-1" {
					return -1
				}
				return 0
			})
		})
	}
	require.Empty(t, r.texts("SELECT no FROM orders"))
	require.Zero(t, one[int](r, "SELECT COUNT(*) FROM order_key"))
}

// eleOrder is the content of a push of 淘宝闪购.
func eleOrder(no string) object {
	return object{
		"id": no, "orderId": no, "openId": cheapestShop, "shopId": 720001, "consignee": "王五", "address": "文三路 90 号",
		"phoneList": []string{"13800138000_1234"}, "deliveryGeo": "120.165000,30.274100", "totalPrice": json.Number("35.50"), "downgraded": false,
		"deliverTime": nil, "book": false, "groups": []object{{"items": []object{{"quantity": 1, "weight": 800}}}}, "status": "valid", "daySn": 1,
	}
}

// taobao signs and sends a push of 淘宝闪购.
func (r *rig) taobao(kind int, content any, changes form) reply {
	r.t.Helper()
	return r.taobaoSigned(kind, content, changes, taobao.Development.Secret)
}

// taobaoSigned is taobao with fields of the envelope replaced before they are signed.
func (r *rig) taobaoSigned(kind int, content any, changes form, secret string) reply {
	r.t.Helper()
	raw, ok := content.(string)
	if !ok {
		text, err := json.Marshal(content)
		require.NoError(r.t, err)
		raw = string(text)
	}
	fields := form{
		"requestId": "200000000000000001", "type": fmt.Sprint(kind), "appId": taobao.Development.AppID, "message": raw,
		"shopId": "720001", "timestamp": stamp(0) + "000", "userId": "98587250597500702",
	}.with(changes)
	body := object{"signature": taobao.Sign(fields, secret), "message": fields["message"], "requestId": fields["requestId"]}
	for _, name := range []string{"type", "appId", "shopId", "timestamp", "userId"} {
		body[name] = json.Number(fields[name])
	}
	text, err := json.Marshal(body)
	require.NoError(r.t, err)
	return r.send(http.MethodPost, taobao.PushPath, "application/json", nil, text)
}

func TestBadInputFromTaobao(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	const no = "3000000000000000001"
	order := func(value any, path ...string) func(*rig) reply {
		return func(r *rig) reply { return r.taobao(10, change(eleOrder(no), value, path...), nil) }
	}
	field := func(changes form) func(*rig) reply {
		return func(r *rig) reply { return r.taobao(10, eleOrder(no), changes) }
	}
	for i, b := range []bad{
		{"wrong signature", func(r *rig) reply { return r.taobaoSigned(10, eleOrder(no), nil, "another secret") }, 200, 40101, "bad_signature", "signature"},
		{"another application", field(form{"appId": "1"}), 200, 40103, "unknown_key", "appId"},
		{"stale timestamp", field(form{"timestamp": stamp(-7*time.Hour) + "000"}), 200, 40102, "stale_timestamp", "timestamp"},
		{"timestamp of the future", field(form{"timestamp": stamp(time.Hour) + "000"}), 200, 40102, "stale_timestamp", "timestamp"},
		{"timestamp in seconds", field(form{"timestamp": stamp(0)}), 200, 40102, "stale_timestamp", "timestamp"},
		{"malformed", func(r *rig) reply {
			return r.send(http.MethodPost, taobao.PushPath, "application/json", nil, []byte("{"))
		}, 200, 40001, "malformed", ""},
		{"one field twice", func(r *rig) reply {
			return r.send(http.MethodPost, taobao.PushPath, "application/json", nil, []byte(`{"type":10,"type":14}`))
		}, 200, 40001, "malformed", "type"},
		{"malformed content", func(r *rig) reply { return r.taobao(10, "{", nil) }, 200, 40001, "malformed", "message"},
		{"no number", func(r *rig) reply { return r.taobao(10, change(change(eleOrder(no), nil, "id"), nil, "orderId"), nil) }, 200, 40002, "missing_field", "orderId"},
		{"number that is none", order("1' OR '1'='1", "orderId"), 200, 40003, "bad_field", "orderId"},
		{"unknown shop", order("nobody", "openId"), 200, 42201, "unknown_shop", "shop"},
		{"no receiver", order("", "address"), 200, 40002, "missing_field", "address"},
		{"no phone", order([]string{"nobody"}, "phoneList"), 200, 40003, "bad_field", "phoneList"},
		{"coordinates swapped", order("30.274100,120.165000", "deliveryGeo"), 200, 40004, "bad_coordinates", "deliveryGeo"},
		{"coordinates outside China", order("2.3522,48.8566", "deliveryGeo"), 200, 40004, "bad_coordinates", "deliveryGeo"},
		{"drop-off in another province", order("116.407400,39.904200", "deliveryGeo"), 200, 40004, "bad_coordinates", "recipient"},
		{"negative money", order(json.Number("-1"), "totalPrice"), 200, 40005, "bad_money", "totalPrice"},
		{"fraction of a fen", order(json.Number("35.505"), "totalPrice"), 200, 40005, "bad_money", "totalPrice"},
		{"money beyond 64 bits", order(json.Number("99999999999999999999999"), "totalPrice"), 200, 40005, "bad_money", "totalPrice"},
		{"for a time that is none", order("tomorrow", "deliverTime"), 200, 40003, "bad_field", "deliverTime"},
		{"for the far future", order("2099-03-04T12:00:00", "deliverTime"), 200, 40003, "bad_field", "expected_at"},
		{"body over the limit", order(over, "description"), 200, 41301, "too_large", ""},
		{"cancel without a number", func(r *rig) reply { return r.taobao(14, object{"state": "invalid"}, nil) }, 200, 40002, "missing_field", "orderId"},
	} {
		t.Run(fmt.Sprintf("%02d %s", i, b.name), func(t *testing.T) {
			at := *r
			at.t = t
			b.requireRefused(&at, func(t *testing.T, body string) int {
				var out struct {
					Message string
					Code    int
				}
				require.NoError(t, json.Unmarshal([]byte(body), &out), body)
				require.NotEqual(t, "ok", out.Message)
				return out.Code
			})
		})
	}
	require.Empty(t, r.texts("SELECT no FROM orders"))

	// What asks nothing of us is heard and left alone; a repeat is quiet, another content is not.
	const ok = `{"message":"ok"}`
	for _, kind := range []int{12, 18, 45, 91, 217, 999} {
		require.Equal(t, reply{200, ok}, r.taobao(kind, eleOrder(no), nil), kind)
	}
	require.Empty(t, r.texts("SELECT no FROM orders"))
	require.Equal(t, reply{200, ok}, r.taobao(10, eleOrder(no), nil))
	require.Equal(t, reply{200, ok}, r.taobao(10, eleOrder(no), form{"timestamp": stamp(time.Second) + "000", "requestId": "2"}))
	require.Contains(t, r.taobao(10, change(eleOrder(no), json.Number("36.50"), "totalPrice"), nil).body, "40901")
	require.Equal(t, 1, one[int](r, "SELECT COUNT(*) FROM orders"))
	r.settle()
	require.Equal(t, "delivered", r.state(no))
}
