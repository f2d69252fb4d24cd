package console

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

func TestStatusIsTheSummaryAndMore(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	s := r.get(t, "/api/status")
	require.Equal(t, json.Number("12"), s["ready_ms"])
	require.Equal(t, map[string]any{"pushed": json.Number("3")}, s["orders"])
	require.Equal(t, map[string]any{"gateway": "http://127.0.0.1:9000"}, s["urls"])
	require.Contains(t, s, "clock")
	bare := newRig(t, func(d *Deps) { d.Summary = nil })
	require.Equal(t, map[string]any{"delivered": json.Number("2")}, bare.get(t, "/api/status")["orders"])
}

func TestOrdersPassesTheFilterOn(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.get(t, "/api/orders?platform=jd&no=7&state=dispatching&needs_attention=true&limit=5&after=9")
	require.Equal(t, store.OrderFilter{Platform: "jd", No: "7", State: "dispatching", NeedsAttention: true, Limit: 5, After: 9}, r.store.filter)
	r.get(t, "/api/orders")
	require.Equal(t, store.OrderFilter{Limit: defaultOrders}, r.store.filter)
	for _, s := range order.States {
		r.get(t, "/api/orders?state="+string(s))
	}
	for _, query := range []string{"limit=0", "limit=10001", "limit=x", "after=-1", "needs_attention=perhaps", "state=nope"} {
		r.refuses(t, http.StatusBadRequest, http.MethodGet, "/api/orders?"+query, "")
	}
}

func TestIdsTravelAsText(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	const id = 250571647332136393 // beyond 2^53
	r.store.put(id, "mt-77")
	list, ok := r.get(t, "/api/orders")["orders"].([]any)
	require.True(t, ok)
	require.Equal(t, "250571647332136393", list[0].(map[string]any)["id"])
}

func TestAnOrderIsNamedByIdOrNumber(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.store.put(1001, "27954")
	for _, name := range []string{"1001", "27954"} {
		head, ok := r.get(t, "/api/orders/"+name)["order"].(map[string]any)
		require.True(t, ok)
		require.Equal(t, "1001", head["id"])
	}
	for _, name := range []string{"no-such-order", "27955", "-1", "99999999999999999999999", "%2e%2e"} {
		r.refuses(t, http.StatusNotFound, http.MethodGet, "/api/orders/"+name, "")
	}
}

func TestEntriesOfAnOrderOrOfAll(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.store.put(1001, "27954")
	r.store.entries = []store.EntryRow{{Transaction: "a", OrderID: 1001, AmountFen: 5, Direction: "debit"}, {Transaction: "b", OrderID: 1002}}
	require.Len(t, r.get(t, "/api/ledger/entries")["entries"], 2)
	for _, name := range []string{"1001", "27954"} {
		list, ok := r.get(t, "/api/ledger/entries?order="+name)["entries"].([]any)
		require.True(t, ok)
		require.Len(t, list, 1)
		require.Equal(t, json.Number("5"), list[0].(map[string]any)["amount_fen"])
	}
	r.get(t, "/api/ledger/entries?limit=1000000")
	require.Equal(t, 1_000_000, r.store.asked[len(r.store.asked)-1])
	r.refuses(t, http.StatusBadRequest, http.MethodGet, "/api/ledger/entries?limit=1000001", "")
	r.refuses(t, http.StatusNotFound, http.MethodGet, "/api/ledger/entries?order=nope", "")
}
