package intake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/docs/openapi"
	"github.com/chuandao/qianfan/docs/openapi/openapitest"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/upstream"
)

// assign plants a winner, as dispatch would have written it, and gives its waybill.
func (r *rig) assign(no, state string) position.Key {
	r.t.Helper()
	var id int64
	require.NoError(r.t, r.db.QueryRowContext(r.t.Context(), "SELECT id FROM orders WHERE no = ?", no).Scan(&id))
	r.exec(`INSERT INTO attempt (order_id, n, carrier, account, carrier_no, state, under, cause, token, price_fen, shard, held_fen, booked_fen, penalty_fen, want,
 call_kind, call_seq, call_owner, call_until, call_doubt, call_seen, tries, refusals, not_found, changed, confirmed, resolved)
 VALUES (?, 1, 'sftc', 'main', 'SF-1', 'accepted', '', '', '', 900, 0, 900, 0, 0, '{}', '', 0, '', 0, '', 0, 0, 0, 0, 1, TRUE, FALSE)`, id)
	r.exec("UPDATE orders SET state = ?, winner = 1 WHERE id = ?", state, id)
	return position.Key{Carrier: "sftc", OurNo: order.OurNo(id, 1), CarrierNo: "SF-1"}
}

// Every operation and every error code of the document, at the running handler.
func TestTheDocumentIsTrue(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	served := r.serve(r, newRequest(t, http.MethodGet, v1+"/openapi.json"))
	require.Equal(t, string(openapi.Canonical), string(served.body), "unsigned, as it is")

	created := r.do("POST", v1+"/orders", creation("A-1"))
	require.Equal(t, "received", created["state"])
	require.InDelta(t, 1500, created["fee_fen"], 0)
	require.Equal(t, created, r.do("POST", v1+"/orders", creation("A-1")), "a repeat")
	r.do("GET", v1+"/orders/A-1", "")
	r.do("POST", v1+"/orders/A-1/tip", `{"add_fen":200,"key":"t1"}`)
	r.do("PATCH", v1+"/orders/A-1", `{"recipient":{"phone":"13900000000"}}`)
	r.do("PATCH", v1+"/orders/A-1", `{"recipient":{"name":"李四","address":"文一路 3 号","detail":"3-401","lng":120.13,"lat":30.28}}`)
	k := r.assign("A-1", "assigned")
	require.NoError(t, r.Positions.Put(t.Context(), k, position.Seen{Point: geo.Point{Lng: 120.15, Lat: 30.27}, At: instant}))
	require.Contains(t, r.do("GET", v1+"/orders/A-1/rider", ""), "position")
	require.Contains(t, r.do("GET", v1+"/orders/A-1/cancel-cost", ""), "penalty_fen")
	r.do("GET", v1+"/orders/A-1", "")
	r.do("POST", v1+"/quote", `{"shop":{"id":"qf-shop-0001"},"recipient":{"lng":120.1423,"lat":30.2856},"goods":{"weight_g":1200,"value_fen":4550}}`)
	r.do("POST", v1+"/orders/A-1/cancel", `{"reason":"顾客取消"}`)
	r.do("POST", v1+"/orders/unseen/cancel", `{"reason":"","key":"c1"}`)

	good := creation("A-2")
	but := func(old, new string) string {
		require.Equal(t, 1, strings.Count(good, old), old)
		return strings.Replace(good, old, new, 1)
	}
	r.refuses(40001, "", "POST", v1+"/orders", "[]")
	r.refuses(40002, "recipient.lng", "POST", v1+"/orders", but(`"lng":120.1423,`, ""))
	r.refuses(40003, "recipient.phone", "POST", v1+"/orders", but("13812345678_1234", "call me"))
	r.refuses(40003, "expected_at", "POST", v1+"/orders", but(`"expected_at":null`, `"expected_at":"2046-01-01T00:00:00Z"`))
	r.refuses(40004, "recipient.lng,recipient.lat", "POST", v1+"/orders", but(`"lng":120.1423,"lat":30.2856`, `"lng":30.2856,"lat":120.1423`))
	r.refuses(40005, "goods.value_fen", "POST", v1+"/orders", but("4550", "-1"))
	r.refuses(40401, "order_no", "GET", v1+"/orders/nobody", "")
	r.refuses(40402, "", "GET", v1+"/orders", "")
	r.refuses(40901, "order_no", "POST", v1+"/orders", strings.Replace(creation("A-1"), "4550", "4551", 1))
	r.refuses(42201, "shop", "POST", v1+"/orders", but("qf-shop-0001", "nowhere"))
	chengdu := `{"name":"a","phone":"028-1234567","address":"b","lng":104.06,"lat":30.67}`
	r.refuses(42202, "city", "POST", v1+"/orders", `{"order_no":"A-2","city":"510100","shop":`+chengdu+`,"recipient":`+chengdu+`,"goods":{"weight_g":1,"value_fen":0}}`)
	r.exec("UPDATE orders SET state = 'delivered' WHERE no = 'A-1'")
	r.refuses(40903, "order_no", "POST", v1+"/orders/A-1/tip", `{"add_fen":300}`)

	forged := r.signed("POST", v1+"/orders", good)
	forged.Header.Set("X-Qianfan-Signature", strings.Repeat("0", 64))
	stranger := r.signed("POST", v1+"/orders", good)
	stranger.Header.Del("X-Qianfan-Key")
	old := r.signed("POST", v1+"/orders", good)
	for code, req := range map[int]*http.Request{40101: forged, 40103: stranger} {
		got, _ := r.serve(r, req).code(t)
		require.Equal(t, code, got)
	}
	r.clock.Set(instant.Add(301 * time.Second))
	got, _ := r.serve(r, old).code(t)
	require.Equal(t, 40102, got)
	got, _ = r.serve(r.TooLarge(), r.signed("POST", v1+"/orders", "")).code(t)
	require.Equal(t, 41301, got)
	r.clock.Set(instant.Add(time.Hour))
	r.exec("INSERT INTO live_switch (kind, subject, off, reason, by_whom, at) VALUES ('city', '330100', TRUE, 'flood', 'ops', 0)")
	r.refuses(42203, "city", "POST", v1+"/orders", good)
	r.refuses(42203, "city", "POST", v1+"/quote", good)
	require.NoError(t, r.Store.Close())
	r.refuses(50301, "", "GET", v1+"/orders/A-1", "")
	r.doc.Complete(t, nil)
}

// What an order was accepted for is what its repeat is told, whatever would be answered now.
func TestARepeatIsToldWhatWasAccepted(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	created := r.do("POST", v1+"/orders", creation("A-1"))
	require.InDelta(t, 1500, created["fee_fen"], 0)
	r.clock.Set(time.Date(2026, 11, 23, 15, 30, 0, 0, time.UTC)) // at night a new one costs more
	dearer := r.do("POST", v1+"/orders", creation("A-2"))
	require.Greater(t, dearer["fee_fen"], created["fee_fen"])
	require.Equal(t, created, r.do("POST", v1+"/orders", creation("A-1")))

	r.exec("DELETE FROM strategy")
	r.clock.Advance(time.Minute)
	r.refuses(42202, "city", "POST", v1+"/orders", creation("A-3"))
	require.Equal(t, created, r.do("POST", v1+"/orders", creation("A-1")))
	r.refuses(40901, "order_no", "POST", v1+"/orders", strings.Replace(creation("A-1"), "4550", "4551", 1))
	require.Equal(t, 2, r.count("orders"))
}

// There and back and there again: without a key the third change looks like a repeat of the
// first. It is not called done, and with a key it is.
func TestAChangeThatWasUndoneIsNotCalledDone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.do("POST", v1+"/orders", creation("A-1"))
	there, back := `{"recipient":{"phone":"13900000001"}}`, `{"recipient":{"phone":"13900000002"}}`
	change := func(body string) { r.do("PATCH", v1+"/orders/A-1", body) }
	change(there)
	change(there)
	change(back)
	r.refuses(40901, "key", "PATCH", v1+"/orders/A-1", there)
	require.Equal(t, 2, r.count("order_command"))
	change(`{"recipient":{"phone":"13900000001"},"key":"third"}`)
	change(there)
	change(`{"recipient":{"phone":"13900000002"},"key":"fourth"}`)
	change(`{"recipient":{"phone":"13900000001"},"key":"third"}`) // named: a repeat that comes late
	require.Equal(t, 4, r.count("order_command"))
}

func newRequest(t *testing.T, method, path string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	require.NoError(t, err)
	return req
}

// The document's table has every code that this API can answer, and no other.
func TestEveryReasonIsDocumented(t *testing.T) {
	t.Parallel()
	elsewhere := map[upstream.Reason]string{upstream.NotCancelable: "a cancel is a wish here: what came of it is read from the order"}
	documented := map[string]string{}
	for _, c := range openapitest.Load(t, openapi.Canonical).Codes {
		documented[c.Reason] = fmt.Sprint(c.Code, c.HTTP)
		require.NotEmpty(t, c.Meaning)
	}
	for _, reason := range upstream.Reasons() {
		if elsewhere[reason] != "" {
			require.NotContains(t, documented, string(reason))
			continue
		}
		e := upstream.Error{Reason: reason}
		require.Equal(t, fmt.Sprint(e.Code(), e.HTTP()), documented[string(reason)], reason)
		delete(documented, string(reason))
	}
	require.Empty(t, documented)
}

// A quote answers what a create would, leaves nothing behind, and asks nobody.
func TestAQuoteIsACreateThatStoresNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	body := `{"city":"330100","shop":{"lng":120.1551,"lat":30.2741},"recipient":{"lng":120.1423,"lat":30.2856},"goods":{"weight_g":1200,"value_fen":4550},"expected_at":%s}`
	now := r.do("POST", v1+"/quote", fmt.Sprintf(body, "null"))
	require.Equal(t, map[string]any{"city": "330100", "fee_fen": 1500.0, "distance_m": 1774.0, "carriers": []any{"shansong", "uupt"}, "release_at": nil}, now)
	later := r.do("POST", v1+"/quote", fmt.Sprintf(body, `"2026-11-23T20:00:00+08:00"`))
	require.Equal(t, "2026-11-23T11:15:00Z", later["release_at"], "45 minutes before")
	for _, table := range []string{"orders", "order_key", "order_detail", "order_command", "intake_batch", "quote"} {
		require.Zero(t, r.count(table), table)
	}
	require.Empty(t, r.bus.items())

	for _, row := range []struct {
		code       int
		field, bad string
	}{
		{40001, "", ``}, {40001, "", `{"shop":`}, {40002, "shop", `{}`}, {40002, "recipient", `{"shop":{"id":"qf-shop-0001"},"goods":{"weight_g":1,"value_fen":0}}`},
		{40002, "goods", `{"shop":{"id":"qf-shop-0001"},"recipient":{"lng":120.1,"lat":30.2}}`},
		{40002, "recipient.lat", `{"shop":{"id":"qf-shop-0001"},"recipient":{"lng":120.1},"goods":{"weight_g":1,"value_fen":0}}`},
		{40002, "city", `{"shop":{"lng":120.1,"lat":30.2},"recipient":{"lng":120.1,"lat":30.2},"goods":{"weight_g":1,"value_fen":0}}`},
		{40003, "goods.weight_g", `{"shop":{"id":"qf-shop-0001"},"recipient":{"lng":120.1,"lat":30.2},"goods":{"weight_g":0,"value_fen":0}}`},
		{40003, "recipient.phone", `{"shop":{"id":"qf-shop-0001"},"recipient":{"phone":"x","lng":120.1,"lat":30.2},"goods":{"weight_g":1,"value_fen":0}}`},
		{40003, "weight", `{"shop":{"id":"qf-shop-0001"},"recipient":{"lng":120.1,"lat":30.2},"goods":{"weight_g":60000,"value_fen":0}}`},
		{40004, "recipient", `{"shop":{"id":"qf-shop-0001"},"recipient":{"lng":122.1,"lat":30.2},"goods":{"weight_g":1,"value_fen":0}}`},
		{40004, "recipient.lng,recipient.lat", `{"shop":{"id":"qf-shop-0001"},"recipient":{"lng":0,"lat":0},"goods":{"weight_g":1,"value_fen":0}}`},
		{40005, "goods.value_fen", `{"shop":{"id":"qf-shop-0001"},"recipient":{"lng":120.1,"lat":30.2},"goods":{"weight_g":1,"value_fen":1.5}}`},
		{42201, "shop", `{"shop":{"id":"x"},"recipient":{"lng":120.1,"lat":30.2},"goods":{"weight_g":1,"value_fen":0}}`},
	} {
		r.refuses(row.code, row.field, "POST", v1+"/quote", row.bad)
	}
}

// stored are the commands of an order as kind args.
func (r *rig) stored(no string) []string {
	r.t.Helper()
	rows, err := r.db.QueryContext(r.t.Context(), "SELECT CONCAT(c.kind, ' ', c.args) FROM order_command c JOIN orders o ON o.id = c.order_id WHERE o.no = ? ORDER BY c.kind, c.args", no)
	require.NoError(r.t, err)
	defer func() { require.NoError(r.t, rows.Close()) }()
	out := []string{}
	for rows.Next() {
		var s string
		require.NoError(r.t, rows.Scan(&s))
		out = append(out, s)
	}
	require.NoError(r.t, rows.Err())
	return out
}

// A tip is stored once per key, or once per amount where there is no key.
func TestTip(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.do("POST", v1+"/orders", creation("T-1"))
	r.bus.items()
	tip := v1 + "/orders/T-1/tip"
	for _, body := range []string{`{"add_fen":200}`, `{"add_fen":200}`, `{"add_fen":200,"key":"a"}`, `{"add_fen":200,"key":"a"}`, `{"add_fen":200,"key":"b"}`, `{"add_fen":300}`} {
		require.Equal(t, "received", r.do("POST", tip, body)["state"])
	}
	require.Equal(t, []string{`tip {"add_fen":200}`, `tip {"add_fen":200}`, `tip {"add_fen":200}`, `tip {"add_fen":300}`}, r.stored("T-1"))
	require.Equal(t, []string{"order-command tip", "order-command tip", "order-command tip", "order-command tip"}, r.bus.items(), "repeats need nobody")
	r.refuses(40901, "key", "POST", tip, `{"add_fen":201,"key":"a"}`)

	for _, row := range []struct {
		code       int
		field, bad string
	}{
		{40001, "", ``}, {40001, "", `null`}, {40001, "", `{"add_fen":1}{}`}, {40001, "", "{\"key\":\"\xff\"}"},
		{40002, "add_fen", `{}`}, {40002, "add_fen", `{"add_fen":null}`}, {40003, "key", `{"add_fen":1,"key":""}`}, {40003, "key", `{"add_fen":1,"key":"a b"}`},
		{40003, "key", `{"add_fen":1,"key":7}`}, {40003, "key", `{"add_fen":1,"key":"` + strings.Repeat("k", 65) + `"}`},
		{40005, "add_fen", `{"add_fen":0}`}, {40005, "add_fen", `{"add_fen":-1}`}, {40005, "add_fen", `{"add_fen":1.5}`}, {40005, "add_fen", `{"add_fen":"1"}`},
		{40005, "add_fen", `{"add_fen":10001}`}, {40005, "add_fen", `{"add_fen":99999999999999999999}`}, {40005, "add_fen", `{"add_fen":1e3}`},
	} {
		r.refuses(row.code, row.field, "POST", tip, row.bad)
	}
	r.refuses(40401, "order_no", "POST", v1+"/orders/nobody/tip", `{"add_fen":1}`)
	require.Len(t, r.stored("T-1"), 4)
	require.Equal(t, 1, r.count("order_key"), "only a cancel may come before its order")
	r.do("POST", v1+"/orders", creation("nobody"))
}

// A change is stored together with the command that has it heeded.
func TestChange(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	made := r.do("POST", v1+"/orders", creation("C-1"))
	r.bus.items()
	recipient := func() order.Stop {
		id, err := strconv.ParseInt(fmt.Sprint(made["order_id"]), 10, 64)
		require.NoError(t, err)
		d, err := r.Store.Details(t.Context(), []int64{id})
		require.NoError(t, err)
		return d[id].Detail.To
	}
	path := v1 + "/orders/C-1"
	r.do("PATCH", path, `{"recipient":{"phone":"13900000000"}}`)
	require.Equal(t, order.Stop{Name: "张三", Phone: "13900000000", Address: "教工路 2 号", Point: geo.Point{Lng: 120.1423, Lat: 30.2856}}, recipient(), "its extension went with the old phone")
	moved := `{"recipient":{"name":"李四","address":"文一路 3 号","detail":"3-401","lng":120.13,"lat":30.28}}`
	r.do("PATCH", path, moved)
	want := order.Stop{Name: "李四", Phone: "13900000000", Address: "文一路 3 号", Detail: "3-401", Point: geo.Point{Lng: 120.13, Lat: 30.28}}
	require.Equal(t, want, recipient())
	r.do("PATCH", path, moved)
	require.Equal(t, []string{`change {"what":"phone"}`, `change {"what":"place"}`}, r.stored("C-1"))
	require.Equal(t, []string{"order-command change", "order-command change"}, r.bus.items())

	for _, row := range []struct {
		code       int
		field, bad string
	}{
		{40001, "", ``}, {40002, "recipient", `{}`}, {40002, "recipient.phone", `{"recipient":{}}`}, {40003, "recipient", `{"recipient":"李四"}`},
		{40003, "recipient.phone", `{"recipient":{"phone":"x"}}`}, {40002, "recipient.phone", `{"recipient":{"phone":""}}`}, {40002, "recipient.name", `{"recipient":{"name":""}}`},
		{40002, "recipient.address", `{"recipient":{"lng":120.1,"lat":30.2}}`}, {40002, "recipient.lng", `{"recipient":{"address":"x"}}`},
		{40002, "recipient.address", `{"recipient":{"detail":"3-401"}}`}, {40004, "recipient.lng,recipient.lat", `{"recipient":{"address":"x","lng":30.2,"lat":120.1}}`},
		{40003, "recipient.address", `{"recipient":{"address":"` + strings.Repeat("x", 501) + `","lng":120.1,"lat":30.2}}`}, {40003, "key", `{"key":" ","recipient":{"phone":"13800000000"}}`},
	} {
		r.refuses(row.code, row.field, "PATCH", path, row.bad)
	}
	r.refuses(40004, "recipient", "PATCH", path, `{"recipient":{"address":"外滩","lng":121.49,"lat":31.24}}`)
	r.refuses(40401, "order_no", "PATCH", v1+"/orders/nobody", moved)
	r.exec("UPDATE orders SET state = 'delivered' WHERE no = 'C-1'")
	r.refuses(40903, "order_no", "PATCH", path, `{"recipient":{"phone":"13700000000"}}`)
	require.Equal(t, want, recipient(), "what is refused changes nothing")
	require.Len(t, r.stored("C-1"), 2)
	r.do("PATCH", path, moved)
}

// What a cancel would cost is known before it: by the rules in force, and nothing is changed.
func TestCancelCost(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.do("POST", v1+"/orders", creation("K-1"))
	path := v1 + "/orders/K-1/cancel-cost"
	look := func() []any {
		v := r.do("GET", path, "")
		return []any{v["state"], v["cancellable"], v["penalty_fen"], v["free_until"], v["rules_version"]}
	}
	require.Equal(t, []any{"received", true, 0.0, nil, 0.0}, look())
	r.assign("K-1", "assigned")
	r.exec("UPDATE orders SET assigned_at = ? WHERE no = 'K-1'", instant.UnixMilli())
	require.Equal(t, []any{"assigned", true, 0.0, "2026-11-23T04:01:00Z", 0.0}, look(), "the free minute")
	r.clock.Set(instant.Add(time.Minute))
	require.Equal(t, []any{"assigned", true, 300.0, nil, 0.0}, look())

	body := `{"rules":[{"party":"platform:*","percent":50,"note":"half of it"}]}`
	_, err := r.Store.SetRuleBook(t.Context(), store.Act{By: "li", At: instant}, store.RuleBook{Kind: store.BookPenalty, From: instant.Add(2 * time.Minute), Body: json.RawMessage(body)}, 0)
	require.NoError(t, err)
	r.clock.Set(instant.Add(2*time.Minute - time.Millisecond))
	require.Equal(t, []any{"assigned", true, 300.0, nil, 0.0}, look(), "not in force yet")
	r.clock.Set(instant.Add(2 * time.Minute))
	require.Equal(t, []any{"assigned", true, 750.0, nil, 1.0}, look())
	require.Equal(t, "half of it", r.do("GET", path, "")["note"])

	r.exec("UPDATE orders SET goal = 'cancelled', penalty_fen = 299 WHERE no = 'K-1'")
	require.Equal(t, []any{"assigned", true, 299.0, nil, 0.0}, look(), "what was fixed")
	r.exec("UPDATE orders SET goal = '', state = 'delivered' WHERE no = 'K-1'")
	require.Equal(t, []any{"delivered", false, 0.0, nil, 0.0}, look())
	require.Empty(t, r.stored("K-1"), "asking is no command")
	r.refuses(40401, "order_no", "GET", v1+"/orders/nobody/cancel-cost", "")
}

// However many look, a carrier is asked once in 15 seconds, and only while a rider is on the way.
func TestRider(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.do("POST", v1+"/orders", creation("R-1"))
	r.bus.items()
	path := v1 + "/orders/R-1/rider"
	look := func() map[string]any {
		v := r.do("GET", path, "")
		delete(v, "order_id")
		delete(v, "order_no")
		return v
	}
	require.Equal(t, map[string]any{"state": "received", "refreshing": false}, look())
	require.Empty(t, r.bus.items(), "nobody is on the way")

	k := r.assign("R-1", "assigned")
	require.Equal(t, map[string]any{"state": "assigned", "carrier": "sftc", "refreshing": true}, look())
	require.Equal(t, []string{"quote-wanted locate"}, r.bus.items())
	require.Equal(t, false, look()["refreshing"], "being asked")
	require.Empty(t, r.bus.items())

	seen := position.Seen{Point: geo.Point{Lng: 120.15, Lat: 30.27}, At: instant}
	require.NoError(t, r.Positions.Put(t.Context(), k, seen))
	require.Equal(t, map[string]any{"lng": 120.15, "lat": 30.27, "at": "2026-11-23T04:00:00Z"}, look()["position"])
	r.redis.FastForward(16 * time.Second)
	require.Equal(t, false, look()["refreshing"], "a carrier's own push is young enough")
	r.clock.Set(instant.Add(16 * time.Second))
	v := look()
	require.Equal(t, true, v["refreshing"])
	require.Contains(t, v, "position", "the old one, meanwhile")
	require.Equal(t, []string{"quote-wanted locate"}, r.bus.items())

	r.redis.SetError("LOADING")
	require.Equal(t, map[string]any{"state": "assigned", "carrier": "sftc", "refreshing": false}, look(), "Redis away: no place, and no question whose answer nobody could see")
	require.Empty(t, r.bus.items())
	r.redis.SetError("")
	r.exec("UPDATE orders SET state = 'delivered' WHERE no = 'R-1'")
	require.NotContains(t, look(), "position", "where a rider goes afterwards is nobody's business")
	r.refuses(40401, "order_no", "GET", v1+"/orders/nobody/rider", "")
}
