package emulator_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/meituan"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/clock"
)

// bad is one bad input: how it is sent, what the caller hears, what the console shows.
type bad struct {
	name   string
	send   func(r *rig) reply
	status int
	code   int // in the caller's own protocol
	reason string
	field  string
}

// requireRefused sends a bad input and checks all three sides of it: the answer, that
// nothing was stored, and that the console shows it.
func (b bad) requireRefused(r *rig, codeOf func(*testing.T, string) int) {
	t := r.t
	before, seen := r.stored(), len(r.refusals())
	got := b.send(r)
	require.Equal(t, b.status, got.status, got.body)
	require.Equal(t, b.code, codeOf(t, got.body), got.body)
	require.Equal(t, before, r.stored(), "nothing is stored")
	r.await("the console to show it", func() bool { return len(r.refusals()) > seen })
	newest := r.refusals()[0]
	require.Equal(t, b.reason, newest.Reason, "%+v", newest)
	require.Contains(t, newest.Field, b.field, "%+v", newest)
}

// over is a body of more than a request may have.
var over = strings.Repeat("x", 1<<20)

func TestBadInputFromMeituan(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	no := func(i int) string { return strconv.Itoa(27_000_000_000_000_000 + i) }
	changed := func(i int, changes form) func(*rig) reply {
		return func(r *rig) reply { return r.meituan("order/paid", paid(no(i)).with(changes)) }
	}
	target := r.URLs["gateway"] + meituan.PushPath + "order/paid"
	for i, b := range []bad{
		{"wrong signature", func(r *rig) reply {
			return r.meituanSigned("order/paid", paid(no(1)), meituan.Sign(target, paid(no(1)), "another secret"))
		}, 200, 40101, "bad_signature", "sig"},
		{"signed for another path", func(r *rig) reply {
			f := paid(no(2))
			return r.meituanSigned("order/paid", f, meituan.Sign(r.URLs["gateway"]+meituan.PushPath+"order/other", f, meituan.Development.Secret))
		}, 200, 40101, "bad_signature", "sig"},
		{"changed after signing", func(r *rig) reply {
			f := paid(no(3))
			return r.meituanSigned("order/paid", f.with(form{"total": "0.01"}), meituan.Sign(target, f, meituan.Development.Secret))
		}, 200, 40101, "bad_signature", "sig"},
		{"another application", changed(4, form{"app_id": "1002"}), 200, 40103, "unknown_key", "app_id"},
		{"stale timestamp", changed(5, form{"timestamp": stamp(-7 * time.Hour)}), 200, 40102, "stale_timestamp", "timestamp"},
		{"timestamp of the future", changed(6, form{"timestamp": stamp(time.Hour)}), 200, 40102, "stale_timestamp", "timestamp"},
		{"timestamp in milliseconds", changed(7, form{"timestamp": stamp(0) + "000"}), 200, 40102, "stale_timestamp", "timestamp"},
		{"unknown shop", changed(8, form{"app_poi_code": "nobody"}), 200, 42201, "unknown_shop", "shop"},
		{"malformed form", func(r *rig) reply {
			return r.send(http.MethodPost, meituan.PushPath+"order/paid", "application/x-www-form-urlencoded", nil, []byte("order_id=%zz&sig=1"))
		}, 200, 40001, "malformed", ""},
		{"one field twice", func(r *rig) reply {
			return r.send(http.MethodPost, meituan.PushPath+"order/paid?order_id=1", "application/x-www-form-urlencoded", nil, []byte("order_id=2&sig=1"))
		}, 200, 40001, "malformed", "order_id"},
		{"no receiver", func(r *rig) reply { return r.meituan("order/paid", paid(no(9)).without("recipient_address")) }, 200, 40002, "missing_field", "recipient_address"},
		{"number that is none", changed(10, form{"order_id": "27' OR '1'='1"}), 200, 40003, "bad_field", "order_id"},
		{"coordinates swapped", changed(11, form{"longitude": "30.274100", "latitude": "120.165000"}), 200, 40004, "bad_coordinates", "longitude"},
		{"coordinates outside China", changed(12, form{"longitude": "2.3522", "latitude": "48.8566"}), 200, 40004, "bad_coordinates", "longitude"},
		{"coordinates that are none", changed(13, form{"longitude": "NaN"}), 200, 40004, "bad_coordinates", "longitude"},
		{"drop-off in another province", changed(14, form{"longitude": "116.407400", "latitude": "39.904200"}), 200, 40004, "bad_coordinates", "recipient"},
		{"negative money", changed(15, form{"total": "-1.00"}), 200, 40005, "bad_money", "total"},
		{"fraction of a fen", changed(16, form{"total": "35.505"}), 200, 40005, "bad_money", "total"},
		{"absurd money", changed(17, form{"total": "99999999999.00"}), 200, 40005, "bad_money", "total"},
		{"money beyond 64 bits", changed(18, form{"total": "99999999999999999999999"}), 200, 40005, "bad_money", "total"},
		{"money as a float", changed(19, form{"total": "3.55e1"}), 200, 40005, "bad_money", "total"},
		{"absurd weight", changed(20, form{"total_weight": "900000000"}), 200, 40003, "bad_field", "total_weight"},
		{"body over the limit", changed(21, form{"caution": over}), 200, 41301, "too_large", ""},
		{"cancel without a number", func(r *rig) reply { return r.meituan("order/cancel", paid("").with(form{"deal_op_type": "1"})) }, 200, 40002, "missing_field", "order_id"},
	} {
		t.Run(fmt.Sprintf("%02d %s", i, b.name), func(t *testing.T) {
			at := *r
			at.t = t
			b.requireRefused(&at, func(t *testing.T, body string) int {
				var ng struct {
					Data  string
					Error struct {
						Code int
						Msg  string
					}
				}
				require.NoError(t, json.Unmarshal([]byte(body), &ng), body)
				require.Equal(t, "ng", ng.Data)
				require.NotEmpty(t, ng.Error.Msg)
				return ng.Error.Code
			})
		})
	}
	require.Empty(t, r.texts("SELECT no FROM orders"))
}

func TestBadInputToTheCanonicalAPI(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	post := func(body any) func(*rig) reply {
		return func(r *rig) reply { return r.canonical(http.MethodPost, canonicalOrders, body) }
	}
	located := object{"name": "无策略小店", "phone": "0571-88888888", "address": "一条路 1 号", "lng": 120.17, "lat": 30.28}
	for i, b := range []bad{
		{"wrong signature", func(r *rig) reply {
			return r.canonicalAt(http.MethodPost, canonicalOrders, creation("bad-1"), stamp(0), "another secret")
		}, 401, 40101, "bad_signature", "X-Qianfan-Signature"},
		{"unknown key", func(r *rig) reply {
			return r.send(http.MethodPost, canonicalOrders, "application/json", map[string]string{"X-Qianfan-Key": "nobody"}, []byte("{}"))
		}, 401, 40103, "unknown_key", "X-Qianfan-Key"},
		{"stale timestamp", func(r *rig) reply {
			return r.canonicalAt(http.MethodPost, canonicalOrders, creation("bad-2"), stamp(-6*time.Minute), canonicalSecret)
		}, 401, 40102, "stale_timestamp", "X-Qianfan-Timestamp"},
		{"signed for another order", func(r *rig) reply {
			at, body := stamp(0), []byte(`{"reason":"x"}`)
			return r.send(http.MethodPost, canonicalOrders+"/a/cancel", "application/json", map[string]string{"X-Qianfan-Key": canonicalKey, "X-Qianfan-Timestamp": at,
				"X-Qianfan-Signature": sign(canonicalSecret, at, http.MethodPost, canonicalOrders+"/b/cancel", body)}, body)
		}, 401, 40101, "bad_signature", "X-Qianfan-Signature"},
		{"unknown shop", post(change(creation("bad-3"), "nobody", "shop", "id")), 422, 42201, "unknown_shop", "shop"},
		{"city without a strategy", post(change(change(creation("bad-4"), "540100", "city"), located, "shop")), 422, 42202, "no_strategy", "city"},
		{"not JSON", post([]byte(`{"order_no":`)), 400, 40001, "malformed", ""},
		{"JSON that is no object", post([]byte(`[1]`)), 400, 40001, "malformed", ""},
		{"not UTF-8", post([]byte("{\"order_no\":\"\xff\"}")), 400, 40001, "malformed", ""},
		{"a number where text belongs", post(change(creation("bad-5"), 5, "recipient", "name")), 400, 40003, "bad_field", "recipient.name"},
		{"no recipient", post(change(creation("bad-6"), nil, "recipient")), 400, 40002, "missing_field", "recipient"},
		{"coordinates swapped", post(change(change(creation("bad-7"), 30.2741, "recipient", "lng"), 120.165, "recipient", "lat")), 400, 40004, "bad_coordinates", "recipient.lng"},
		{"coordinates outside China", post(change(creation("bad-8"), -73.9, "recipient", "lng")), 400, 40004, "bad_coordinates", "recipient.lng"},
		{"negative money", post(change(creation("bad-9"), -1, "goods", "value_fen")), 400, 40005, "bad_money", "goods.value_fen"},
		{"fraction of a fen", post(change(creation("bad-10"), 3550.5, "goods", "value_fen")), 400, 40005, "bad_money", "goods.value_fen"},
		{"absurd money", post(change(creation("bad-11"), 1e15, "goods", "value_fen")), 400, 40005, "bad_money", "goods.value_fen"},
		{"money beyond 64 bits", post(change(creation("bad-12"), json.RawMessage("99999999999999999999999"), "goods", "value_fen")), 400, 40005, "bad_money", "goods.value_fen"},
		{"no weight", post(change(creation("bad-13"), 0, "goods", "weight_g")), 400, 40003, "bad_field", "goods.weight_g"},
		{"a time that is none", post(change(creation("bad-14"), "tomorrow", "expected_at")), 400, 40003, "bad_field", "expected_at"},
		{"body over the limit", post(change(creation("bad-15"), over, "goods", "remark")), 413, 41301, "too_large", ""},
		{"unknown route", func(r *rig) reply { return r.canonical(http.MethodPost, canonicalOrders+"/x/teleport", object{}) }, 404, 40402, "no_route", ""},
		{"an order that nobody made", func(r *rig) reply { return r.canonical(http.MethodGet, canonicalOrders+"/nobody", nil) }, 404, 40401, "not_found", "order_no"},
	} {
		t.Run(fmt.Sprintf("%02d %s", i, b.name), func(t *testing.T) {
			at := *r
			at.t = t
			b.requireRefused(&at, func(t *testing.T, body string) int {
				var fault struct {
					Code    int
					Message string
					Field   string
				}
				require.NoError(t, json.Unmarshal([]byte(body), &fault), body)
				require.NotEmpty(t, fault.Message)
				require.Contains(t, fault.Field, b.field)
				return fault.Code
			})
		})
	}
	require.Empty(t, r.texts("SELECT no FROM orders"))
}

func TestUnknownPlatformAndRoute(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	before := r.stored()
	require.Equal(t, http.StatusNotFound, r.send(http.MethodPost, "/upstream/nobody/x", "", nil, nil).status)
	require.Equal(t, http.StatusNotFound, r.send(http.MethodPost, "/carrier/nobody", "", nil, nil).status)
	require.Equal(t, http.StatusNotFound, r.send(http.MethodPost, "/elsewhere", "", nil, nil).status)
	require.Equal(t, http.StatusMethodNotAllowed, r.send(http.MethodDelete, canonicalOrders, "", nil, nil).status)
	require.Equal(t, before, r.stored())
}

// The same push again, freshly signed or not, is a quiet success and one order; the same
// number with other content is refused and raised.
func TestRepeatsAndConflicts(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	const ok = `{"data":"ok"}`
	first := paid("27000000000000101")
	require.Equal(t, reply{200, ok}, r.meituan("order/paid", first))
	r.await("the placement", r.attemptIn(first["order_id"], "uupt", "placed"))
	r.rest()
	before := r.stored()
	require.Equal(t, reply{200, ok}, r.meituan("order/paid", first), "replayed byte by byte")
	require.Equal(t, reply{200, ok}, r.meituan("order/paid", first.with(form{"timestamp": stamp(time.Second)})), "repeated with a new signature")
	require.Equal(t, reply{200, ok}, r.meituan("order/paid", first.with(form{"utime": "1700000000"})), "a field that is no part of the order")
	require.Equal(t, before, r.stored())
	bad{"", func(r *rig) reply { return r.meituan("order/paid", first.with(form{"total": "36.50"})) }, 200, 40901, "conflicting_content", "order_no"}.
		requireRefused(r, func(t *testing.T, body string) int {
			var ng struct{ Error struct{ Code int } }
			require.NoError(t, json.Unmarshal([]byte(body), &ng))
			return ng.Error.Code
		})
	require.Contains(t, r.log.String(), `"level":"ERROR","msg":"input refused"`, "a conflict is raised, not only written down")

	second := creation("repeat-1")
	a, b := r.canonical(http.MethodPost, canonicalOrders, second), r.canonical(http.MethodPost, canonicalOrders, second)
	require.Equal(t, 200, a.status)
	require.Equal(t, 200, b.status)
	require.Equal(t, dataOf(t, a)["order_id"], dataOf(t, b)["order_id"])
	require.Equal(t, 409, r.canonical(http.MethodPost, canonicalOrders, change(second, 9900, "goods", "value_fen")).status)
	require.Equal(t, 2, one[int](r, "SELECT COUNT(*) FROM orders"))
	require.Equal(t, 2, one[int](r, "SELECT COUNT(*) FROM order_key"))

	for range 3 {
		require.Equal(t, 200, r.canonical(http.MethodPost, canonicalOrders+"/repeat-1/cancel", object{"reason": "改主意了"}).status)
	}
	require.Equal(t, 1, one[int](r, "SELECT COUNT(*) FROM order_command"))
	r.settle()
	require.Equal(t, "cancelled", r.state("repeat-1"))
	require.Len(t, r.carried("uupt"), one[int](r, "SELECT COUNT(*) FROM attempt WHERE carrier = 'uupt'"))
}

// Many at once with one number: one order, everybody hears success.
func TestConcurrentRepeatsAreOneOrder(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	push := paid("27000000000000201")
	answers := make(chan reply)
	for range 20 {
		go func() {
			var got reply // stays empty when the request itself fails the test
			defer func() { answers <- got }()
			got = r.meituan("order/paid", push)
		}()
	}
	for range 20 {
		require.Equal(t, reply{200, `{"data":"ok"}`}, <-answers)
	}
	require.Equal(t, 1, one[int](r, "SELECT COUNT(*) FROM orders"))
	r.settle()
	require.Len(t, r.carried("uupt"), 1)
}

// A cancel that comes before its order leaves a tombstone; the create that meets it is
// stored as cancelled, and the platform is told so.
func TestCancelBeforeItsOrder(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	const no = "27000000000000301"
	cancel := form{"app_id": meituan.Development.AppID, "timestamp": stamp(0), "order_id": no, "reason_code": "1103", "reason": "不想要了", "deal_op_type": "1"}
	require.Equal(t, reply{200, `{"data":"ok"}`}, r.meituan("order/cancel", cancel))
	require.Equal(t, 0, one[int](r, "SELECT COUNT(*) FROM orders"))
	require.Equal(t, 1, one[int](r, "SELECT COUNT(*) FROM order_key WHERE no = ? AND order_id = 0 AND tombstone_at IS NOT NULL", no))
	require.Equal(t, reply{200, `{"data":"ok"}`}, r.meituan("order/cancel", cancel), "again")

	require.Equal(t, reply{200, `{"data":"ok"}`}, r.meituan("order/paid", paid(no)))
	require.Equal(t, "cancelled", r.state(no))
	r.runUntil("the report", func() bool {
		return one[bool](r, "SELECT told = milestone AND tell_at IS NULL FROM orders WHERE no = ?", no)
	})
	strange := r.Meituan().Books().Violations
	require.Len(t, strange, 1, "the simulated platform heard of the number, which it had not minted itself")
	require.Equal(t, no, strange[0].No)
	require.Empty(t, r.attempts(no))
	require.Empty(t, r.carried("uupt"))

	require.Equal(t, 200, r.canonical(http.MethodPost, canonicalOrders+"/early-1/cancel", object{"reason": "x"}).status)
	require.Equal(t, "cancelled", dataOf(t, r.canonical(http.MethodPost, canonicalOrders, creation("early-1")))["state"])
	require.Equal(t, "cancelled", dataOf(t, r.canonical(http.MethodGet, canonicalOrders+"/early-1", nil))["state"])
	r.settle()
}

func dataOf(t *testing.T, r reply) object {
	t.Helper()
	var out struct{ Data object }
	require.NoError(t, json.Unmarshal([]byte(r.body), &out), r.body)
	require.NotNil(t, out.Data, r.body)
	return out.Data
}

// uuNotice is a valid biz of UU跑腿 about one of our numbers.
func uuNotice(ourNo string) object {
	return object{"orderCode": "260304090000000000000001", "originId": ourNo, "state": 3, "stateText": "跑男抢单", "driverName": "王五", "driverMobile": "13700137000",
		"driverPhoto": "", "changeTime": noon.Add(time.Minute).UnixMilli()}
}

// ssNotice is a valid callback of 闪送 about one of our numbers.
func ssNotice(ourNo string) object {
	return object{"clientId": "ssTestClient01", "shopId": "20000000000000001", "token": "T", "issOrderNo": "TDH2026030409000001", "orderNo": ourNo,
		"status": 30, "statusDesc": "待取件", "subStatus": 1, "subStatusDesc": "已接单", "statusChangeTime": noon.Add(time.Minute).Format("2006-01-02 15:04:05"),
		"courier": object{"name": "赵六", "mobile": "13600136000", "longitude": "120.16", "latitude": "30.27"}}
}

const strangeNo = "900719925474099001" // of an order that we never had

func TestBadCallbacks(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	for i, b := range []bad{
		{"UU跑腿: wrong signature", func(r *rig) reply { return r.uuptSigned(uuNotice(strangeNo), "another key", clock.System.Now()) }, 403, 0, "forged", ""},
		{"UU跑腿: stale", func(r *rig) reply {
			return r.uuptSigned(uuNotice(strangeNo), "uu-test-app-key-0001", clock.System.Now().Add(-25*time.Hour))
		}, 403, 0, "forged", ""},
		{"UU跑腿: unknown state", func(r *rig) reply { return r.uupt(change(uuNotice(strangeNo), 77, "state")) }, 400, 0, "bad_request", ""},
		{"UU跑腿: no number", func(r *rig) reply { return r.uupt(change(uuNotice(strangeNo), nil, "orderCode")) }, 400, 0, "bad_request", ""},
		{"UU跑腿: malformed", func(r *rig) reply {
			return r.send(http.MethodPost, "/carrier/uupt", "application/json", nil, []byte("{"))
		}, 400, 0, "bad_request", ""},
		{"UU跑腿: over the limit", func(r *rig) reply { return r.uupt(change(uuNotice(strangeNo), over, "stateText")) }, 400, 0, "too_large", ""},
		{"闪送: foreign client", func(r *rig) reply { return r.shansong(change(ssNotice(strangeNo), "ssOther", "clientId")) }, 403, 403, "forged", ""},
		{"闪送: foreign shop", func(r *rig) reply { return r.shansong(change(ssNotice(strangeNo), "1", "shopId")) }, 403, 403, "forged", ""},
		{"闪送: unknown status", func(r *rig) reply { return r.shansong(change(ssNotice(strangeNo), 99, "status")) }, 400, 400, "bad_request", ""},
		{"闪送: malformed", func(r *rig) reply {
			return r.send(http.MethodPost, "/carrier/shansong", "application/json", nil, []byte("not json"))
		}, 400, 400, "bad_request", ""},
		{"闪送: empty", func(r *rig) reply { return r.send(http.MethodPost, "/carrier/shansong", "application/json", nil, nil) }, 400, 400, "bad_request", ""},
		{"闪送: over the limit", func(r *rig) reply {
			return r.send(http.MethodPost, "/carrier/shansong", "application/json", nil, bytes.Repeat([]byte(" "), 2<<20))
		}, 400, 400, "too_large", ""},
	} {
		t.Run(fmt.Sprintf("%02d %s", i, b.name), func(t *testing.T) {
			at := *r
			at.t = t
			b.requireRefused(&at, func(t *testing.T, body string) int {
				var out struct{ Code, Status int }
				require.NoError(t, json.Unmarshal([]byte(body), &out), body)
				return max(out.Code, out.Status) // UU跑腿 answers a code, 闪送 a status
			})
		})
	}
	require.Empty(t, r.texts("SELECT carrier FROM parked_event"))
}

// A callback about an order that nobody knows is accepted, since its order may still come,
// and decided ten minutes later.
func TestCallbackOfAnUnknownOrder(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	require.Equal(t, reply{200, `{"code":1,"msg":"success"}`}, r.uupt(uuNotice(strangeNo)))
	require.Equal(t, reply{200, `{"code":1,"msg":"success"}`}, r.uupt(uuNotice("not ours at all")))
	require.Equal(t, reply{200, `{"status":200,"msg":"","data":null}`}, r.shansong(ssNotice(strangeNo)))
	require.Equal(t, reply{200, `{"status":200,"msg":"","data":null}`}, r.shansong(ssNotice(strangeNo)), "doubled")
	parked := func() []string {
		return r.texts("SELECT CONCAT(carrier, ' ', decision) FROM parked_event ORDER BY carrier, id")
	}
	r.await("they are parked", func() bool { return len(parked()) == 3 })
	require.Equal(t, []string{"shansong ", "uupt ", "uupt "}, parked())
	require.NoError(t, r.Clock.Advance(t.Context(), 9*time.Minute))
	require.Equal(t, []string{"shansong ", "uupt ", "uupt "}, parked(), "not yet")
	require.NoError(t, r.Clock.Advance(t.Context(), 3*time.Minute))
	require.Equal(t, []string{"shansong unknown order", "uupt unknown order", "uupt unknown order"}, parked())
	require.Empty(t, r.texts("SELECT no FROM orders"))
	require.Zero(t, r.Broker.Stats().Dead)
}

// A callback from the right sender about another's waybill must not move our order.
func TestCallbackThatLies(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	no := r.push(r.near(sequentialShop))
	r.await("the placement", r.attemptIn(no, "shansong", "placed"))
	ours := r.carriedOne("shansong")
	lie := change(ssNotice(ours.ClientNo), ours.CarrierNo, "issOrderNo")
	lie["status"], lie["subStatus"], lie["statusDesc"] = 50, 1, "已完成"
	lie["statusChangeTime"] = r.Clock.Now().Add(time.Minute).In(world.Shanghai).Format("2006-01-02 15:04:05")
	require.Equal(t, 200, r.shansong(lie).status, "闪送 signs nothing, so it cannot be told from a true one")
	r.await("it is looked into", func() bool { return asked(r.carriedOne("shansong"), "query") })
	r.settle()
	require.Equal(t, "delivered", r.state(no))
	require.Equal(t, []int{0, 10, 15, 20, 40}, r.told(no), "the end is believed only once the carrier confirms it")

	// UU跑腿 signs, but about a waybill that 闪送 carries: parked, never applied.
	require.Equal(t, 200, r.uupt(change(uuNotice(ours.ClientNo), -1, "state")).status)
	r.await("it is parked", func() bool { return one[int](r, "SELECT COUNT(*) FROM parked_event") == 1 })
	require.Equal(t, "delivered", r.state(no))
}
