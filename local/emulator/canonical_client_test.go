package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/client"
	"github.com/chuandao/qianfan/docs/openapi"
	"github.com/chuandao/qianfan/docs/openapi/openapitest"
	"github.com/chuandao/qianfan/shared/clock"
)

// client is a third party's, at the gateway.
func (r *rig) client() *client.Client {
	r.t.Helper()
	q, err := client.New(r.URLs["gateway"], canonicalKey, canonicalSecret, client.WithTimeout(patience))
	require.NoError(r.t, err)
	return q
}

// give sends a command by hand and gives the status and the answer.
func (r *rig) give(no string, body object) (int, object) {
	r.t.Helper()
	raw, err := json.Marshal(body)
	require.NoError(r.t, err)
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.URLs["console"]+"/api/orders/"+no+"/commands", bytes.NewReader(raw))
	require.NoError(r.t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(r.t, err)
	defer func() { _ = resp.Body.Close() }()
	var out object
	require.NoError(r.t, json.NewDecoder(resp.Body).Decode(&out))
	return resp.StatusCode, out
}

// exec changes rows behind everybody's back.
func (r *rig) exec(query string, args ...any) {
	r.t.Helper()
	_, err := r.db.ExecContext(r.t.Context(), query, args...)
	require.NoError(r.t, err, query)
}

// decision is what became of a command.
func (r *rig) decision(key any) string {
	r.t.Helper()
	return one[string](r, "SELECT decision FROM order_command WHERE command_key = ?", key)
}

// A third party's whole life with the Go client: a price, an order, its rider on the map, a
// tip, another phone, the end.
func TestClientOfTheCanonicalAPI(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	q, ctx := r.client(), t.Context()
	d := client.Delivery{
		Shop:      client.Stop{ID: cheapestShop},
		Recipient: client.Stop{Name: "李四", Phone: "13900139000", Address: "文三路 90 号", Lng: 120.165, Lat: 30.2741},
		Goods:     client.Goods{Category: "food", WeightG: 800, ValueFen: 3550, Count: 1},
	}
	quote, err := q.Quote(ctx, d)
	require.NoError(t, err)
	require.Equal(t, int64(1500), quote.FeeFen)
	require.NotEmpty(t, quote.Carriers)
	require.Zero(t, one[int](r, "SELECT COUNT(*) FROM orders"))

	made, err := q.CreateOrder(ctx, client.NewOrder{OrderNo: "go-1", Delivery: d})
	require.NoError(t, err)
	require.Equal(t, quote.FeeFen, made.FeeFen)
	_, err = q.Rider(ctx, "go-1")
	require.NoError(t, err)

	r.runUntil("a rider", r.in("go-1", "assigned"))
	doc := openapitest.Load(t, openapi.Canonical)
	fits := func(path string) {
		got := r.canonical(http.MethodGet, path, nil)
		doc.Answer(t, http.MethodGet, path, got.status, http.Header{"Content-Type": {"application/json"}}, []byte(got.body))
	}
	fits(canonicalOrders + "/go-1")
	rider, err := q.Rider(ctx, "go-1")
	require.NoError(t, err)
	require.Nil(t, rider.Position, "no carrier pushes places with its acceptance")
	require.True(t, rider.Refreshing)
	// On a machine with too much to do the cache is bypassed now and then, and an answer is lost:
	// the carrier is asked again after 15 seconds.
	waiting, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for rider.Position == nil {
		require.NoError(t, clock.System.Sleep(waiting, 50*time.Millisecond), "the rider's place is never known")
		rider, err = q.Rider(ctx, "go-1")
		require.NoError(t, err)
	}
	require.InDelta(t, 120.16, rider.Position.Lng, 0.2)
	require.InDelta(t, 30.27, rider.Position.Lat, 0.2)
	require.WithinDuration(t, r.Clock.Now(), rider.Position.At, 10*time.Minute)

	require.NotEmpty(t, rider.Rider.Name)
	fits(canonicalOrders + "/go-1/rider")

	_, err = q.Tip(ctx, "go-1", 200, "t1")
	require.NoError(t, err)
	_, err = q.Tip(ctx, "go-1", 200, "t1")
	require.NoError(t, err)
	_, err = q.Change(ctx, "go-1", client.Stop{Phone: "13700137000"}, "")
	require.NoError(t, err)
	r.await("both to be decided", func() bool {
		return one[int](r, "SELECT COUNT(*) FROM order_command WHERE applied_version IS NOT NULL") == 2
	})
	require.Equal(t, 2, one[int](r, "SELECT COUNT(*) FROM order_command"), "a tip sent twice is one tip")
	r.settle()
	o, err := q.Order(ctx, "go-1")
	require.NoError(t, err)
	require.Equal(t, client.Delivered, o.State)
	_, err = q.Tip(ctx, "go-1", 100, "")
	require.Equal(t, client.CodeOrderOver, client.CodeOf(err))
	_, err = q.Order(ctx, "nobody")
	require.Equal(t, client.CodeNotFound, client.CodeOf(err))
	require.NotContains(t, r.log.String(), "13700137000", "no phone number in any log line")

	document := r.send(http.MethodGet, "/upstream/v1/openapi.json", "", nil, nil)
	require.Equal(t, 200, document.status)
	require.JSONEq(t, string(openapi.Canonical), document.body, "unsigned")
}

// What people do by hand: every act is a row, decided by dispatch, and audited.
func TestOrdersByHand(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	require.Equal(t, 200, r.canonical(http.MethodPost, canonicalOrders, creation("hand-1")).status)
	r.runUntil("a rider", r.in("hand-1", "assigned"))
	var cost struct {
		PenaltyIn int64 `json:"penalty_in_fen"`
		Attempts  []struct {
			Carrier, Source, Unasked string
			Penalty                  int64 `json:"penalty_fen"`
		}
	}
	r.console("/api/orders/hand-1/cancel-cost", &cost)
	require.Len(t, cost.Attempts, 1)
	require.Equal(t, "rule", cost.Attempts[0].Source)
	r.console("/api/orders/hand-1/cancel-cost?ask=true", &cost)
	require.Equal(t, "carrier_now", cost.Attempts[0].Source, "%+v", cost.Attempts[0])
	fee, err := r.Carriers[cost.Attempts[0].Carrier].Fleet().CancelFee(one[string](r, "SELECT carrier_no FROM attempt"))
	require.NoError(t, err)
	require.EqualValues(t, fee.Kept, cost.Attempts[0].Penalty, "the carrier's own")

	had := one[string](r, "SELECT a.carrier FROM attempt a JOIN orders o ON o.id = a.order_id AND o.winner = a.n WHERE o.no = 'hand-1'")
	other := "shansong"
	if had == other {
		other = "uupt"
	}
	status, told := r.give("hand-1", object{"kind": "force", "args": object{"carrier": other}, "by": "li", "reason": "regular"})
	require.Equal(t, http.StatusAccepted, status, told)
	r.await("the decision", func() bool { return r.decision(told["key"]) != "" })
	require.Equal(t, "applied", r.decision(told["key"]))
	status, again := r.give("hand-1", object{"kind": "force", "args": object{"carrier": other}, "by": "li", "key": told["key"]})
	require.Equal(t, http.StatusAccepted, status)
	require.Equal(t, true, again["repeat"])
	status, told = r.give("hand-1", object{"kind": "force", "args": object{"carrier": "pigeon"}, "by": "li"})
	require.Equal(t, http.StatusBadRequest, status, told)
	r.runUntil("the other carrier's rider", r.attemptIn("hand-1", other, "accepted"))

	status, told = r.give("hand-1", object{"kind": "cancel", "by": "li", "reason": "shop closed", "version": 1})
	require.Equal(t, http.StatusAccepted, status)
	r.await("the decision", func() bool { return r.decision(told["key"]) != "" })
	require.Contains(t, r.decision(told["key"]), "refused: the order has changed")
	status, told = r.give("hand-1", object{"kind": "cancel", "by": "li", "reason": "shop closed"})
	require.Equal(t, http.StatusAccepted, status, told)
	r.settle()
	require.Equal(t, "applied", r.decision(told["key"]))
	require.Equal(t, "cancelled", r.state("hand-1"))
	status, told = r.give("hand-1", object{"kind": "redispatch", "by": "li"})
	require.Equal(t, http.StatusConflict, status, told)

	r.exec("UPDATE orders SET attention = 'look at this' WHERE no = 'hand-1'")
	queue := func() []object {
		var list struct{ Orders []object }
		r.console("/api/orders?needs_attention=true", &list)
		return list.Orders
	}
	require.Equal(t, "look at this", queue()[0]["attention"])
	status, told = r.give("hand-1", object{"kind": "resolve", "by": "li"})
	require.Equal(t, http.StatusAccepted, status, told)
	r.await("an empty queue", func() bool { return len(queue()) == 0 })
	r.settle()
	require.Equal(t, []string{"li order force", "li order cancel", "li order cancel", "li order resolve"}, r.texts("SELECT CONCAT(by_whom, ' ', verb) FROM audit ORDER BY id"))
	var view struct{ Commands []object }
	r.console("/api/orders/hand-1", &view)
	require.Len(t, view.Commands, 4)
	for _, c := range view.Commands {
		require.NotEmpty(t, c["decision"])
	}
}
