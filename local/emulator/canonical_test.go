package emulator_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
)

// One order through the canonical API, from its create to what GET tells of its delivery.
func TestCanonicalOrder(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	created := r.canonical(http.MethodPost, canonicalOrders, creation("own-1"))
	require.Equal(t, 200, created.status, created.body)
	var envelope struct {
		Code    int
		Message string
		Data    struct {
			OrderID string `json:"order_id"`
			State   string
			FeeFen  int64 `json:"fee_fen"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(created.body), &envelope))
	require.Zero(t, envelope.Code)
	require.Equal(t, "ok", envelope.Message)
	require.Equal(t, "received", envelope.Data.State)
	require.Equal(t, int64(1500), envelope.Data.FeeFen, "the default tariff within three kilometres")
	require.Equal(t, one[string](r, "SELECT CAST(id AS CHAR) FROM orders WHERE no = 'own-1'"), envelope.Data.OrderID, "an id is text: it does not fit a JavaScript number")

	r.runUntil("a rider", r.in("own-1", "assigned"))
	view := dataOf(t, r.canonical(http.MethodGet, canonicalOrders+"/own-1", nil))
	require.Equal(t, "own-1", view["order_no"])
	require.Equal(t, "assigned", view["state"])
	require.Equal(t, "uupt", view["carrier"])
	require.Equal(t, r.carriedOne("uupt").Rider.Name, view["rider"].(object)["name"])
	r.settle()
	require.Equal(t, "delivered", dataOf(t, r.canonical(http.MethodGet, canonicalOrders+"/own-1", nil))["state"])
	require.Equal(t, map[string]money.Fen{
		"expense:delivery:uupt": 800, prepaid("uupt"): -800, "platform:canonical:receivable": 1500, "income:delivery:canonical": -1500,
	}, r.net("own-1"))
	require.Empty(t, r.Meituan().Books().Violations, "clients of the canonical API read; nobody else is told")
	require.NotContains(t, r.log.String(), "文三路 90 号", "no address in any log line")
	require.NotContains(t, r.log.String(), "13900139000", "no phone number in any log line")
}

// A shop that the request locates itself, in a city by its code.
func TestCanonicalOrderFromALocatedShop(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	body := change(creation("own-2"), object{"name": "城西小铺", "phone": "0571-88888888", "address": "古墩路 1 号", "lng": 120.11, "lat": 30.29}, "shop")
	require.Equal(t, 200, r.canonical(http.MethodPost, canonicalOrders, body).status)
	r.settle()
	require.Equal(t, "delivered", r.state("own-2"))
}

func TestCanonicalCancel(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	require.Equal(t, 200, r.canonical(http.MethodPost, canonicalOrders, creation("own-3")).status)
	r.runUntil("the rider at the shop", r.in("own-3", "arrived"))
	answer := r.canonical(http.MethodPost, canonicalOrders+"/own-3/cancel", object{"reason": "改主意了"})
	require.Equal(t, 200, answer.status)
	require.NotEmpty(t, dataOf(t, answer)["order_id"])
	r.settle()
	view := dataOf(t, r.canonical(http.MethodGet, canonicalOrders+"/own-3", nil))
	require.Equal(t, "cancelled", view["state"])
	require.InDelta(t, 500, view["penalty_fen"], 0, "违约金 with the rider at the shop")
	require.Equal(t, money.Fen(-500), r.net("own-3")["income:penalty:canonical"])

	// Too late to cancel: acknowledged as a wish, then refused with its reason in our books.
	require.Equal(t, 200, r.canonical(http.MethodPost, canonicalOrders, creation("own-4")).status)
	r.settle()
	require.Equal(t, 200, r.canonical(http.MethodPost, canonicalOrders+"/own-4/cancel", object{"reason": "太慢了"}).status)
	r.settle()
	require.Equal(t, "delivered", r.state("own-4"))
	require.Equal(t, "refused: the order is delivered", one[string](r, "SELECT c.decision FROM order_command c JOIN orders o ON o.id = c.order_id WHERE o.no = 'own-4'"))
}

func TestCanonicalScheduledOrder(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	expected := r.Clock.Now().Add(2 * time.Hour)
	require.Equal(t, 200, r.canonical(http.MethodPost, canonicalOrders, change(creation("own-5"), expected.Format(time.RFC3339), "expected_at")).status)
	require.NoError(t, r.Clock.Advance(t.Context(), 74*time.Minute))
	require.Equal(t, "received", r.state("own-5"))
	r.settle()
	require.Equal(t, "delivered", r.state("own-5"))
}
