package intake

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/client"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/position"
)

// standing is the stage's own clock, so that both ends agree on the time; its waits are over at once.
type standing struct {
	c interface{ System() time.Time }
}

func (s standing) Now() time.Time                                 { return s.c.System() }
func (standing) Sleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// client is one of a handler.
func (r *rig) client(t *testing.T, h http.Handler) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	q, err := client.New(server.URL, testKey, testSecret, client.WithClock(standing{r.clock}))
	require.NoError(t, err)
	return q
}

// The Go client and this handler understand each other: every operation, and refusals.
func TestTheClientAtTheHandler(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	q, ctx := r.client(t, r), t.Context()
	there := client.Stop{Name: "张三", Phone: "13812345678_1234", Address: "教工路 2 号", Lng: 120.1423, Lat: 30.2856}
	d := client.Delivery{Shop: client.Stop{ID: "qf-shop-0001"}, Recipient: there, Goods: client.Goods{WeightG: 1200, ValueFen: 4550}}
	quote, err := q.Quote(ctx, d)
	require.NoError(t, err)
	require.Equal(t, client.Quote{City: "330100", FeeFen: 1500, DistanceM: 1774, Carriers: []string{"shansong", "uupt"}}, quote)
	later := instant.Add(8 * time.Hour)
	d.ExpectedAt = &later
	quote, err = q.Quote(ctx, d)
	require.NoError(t, err)
	require.Equal(t, later.Add(-45*time.Minute), *quote.ReleaseAt)

	d.ExpectedAt = nil
	made, err := q.CreateOrder(ctx, client.NewOrder{OrderNo: "G:1.a_b-c", Delivery: d})
	require.NoError(t, err)
	require.Equal(t, client.Received, made.State)
	again, err := q.CreateOrder(ctx, client.NewOrder{OrderNo: "G:1.a_b-c", Delivery: d})
	require.NoError(t, err)
	require.Equal(t, made, again)
	d.Goods.WeightG++
	_, err = q.CreateOrder(ctx, client.NewOrder{OrderNo: "G:1.a_b-c", Delivery: d})
	require.Equal(t, client.CodeConflict, client.CodeOf(err))

	tipped, err := q.Tip(ctx, "G:1.a_b-c", 200, "")
	require.NoError(t, err)
	require.Equal(t, made, tipped)
	_, err = q.Change(ctx, "G:1.a_b-c", client.Stop{Phone: "13900000000"}, "c1")
	require.NoError(t, err)
	require.Equal(t, []string{`change {"what":"phone"}`, `tip {"add_fen":200}`}, r.stored("G:1.a_b-c"))

	k := r.assign("G:1.a_b-c", "assigned")
	require.NoError(t, r.Positions.Put(ctx, k, position.Seen{Point: geo.Point{Lng: 120.15, Lat: 30.27}, At: instant}))
	rider, err := q.Rider(ctx, "G:1.a_b-c")
	require.NoError(t, err)
	require.Equal(t, client.Position{Lng: 120.15, Lat: 30.27, At: instant}, *rider.Position)
	o, err := q.Order(ctx, "G:1.a_b-c")
	require.NoError(t, err)
	require.Equal(t, [3]string{made.OrderID, "assigned", "sftc"}, [3]string{o.OrderID, string(o.State), o.Carrier})

	cost, err := q.CancelCost(ctx, "G:1.a_b-c")
	require.NoError(t, err)
	require.Equal(t, []any{true, int64(1500), "free within a minute of acceptance"}, []any{cost.Cancellable, cost.FeeFen, cost.Note})
	cancelled, err := q.CancelOrder(ctx, "G:1.a_b-c", "改主意了")
	require.NoError(t, err)
	require.Equal(t, made.OrderID, cancelled.OrderID)
	early, err := q.CancelOrder(ctx, "never", "")
	require.NoError(t, err)
	require.Equal(t, client.Accepted{State: client.Cancelled}, early)
	_, err = q.Order(ctx, "nobody")
	require.Equal(t, client.CodeNotFound, client.CodeOf(err))
}

// An outage of ours ends by itself for the client: what was not decided is sent again.
func TestTheClientOutlastsAnOutage(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var failures atomic.Int64
	q := r.client(t, http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if failures.Add(1) <= 2 {
			http.Error(w, "bad gateway", http.StatusBadGateway)
			return
		}
		r.ServeHTTP(w, req)
	}))
	_, err := q.CancelOrder(t.Context(), "early", "x")
	require.NoError(t, err)
	require.Equal(t, 1, r.count("order_key"))
}
