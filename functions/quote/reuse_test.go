package quote

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/quota"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

// wayOf is an order from one door to another.
func wayOf(reuse time.Duration, lng float64, grams int) store.QuoteJob {
	j := store.QuoteJob{Order: order.Order{Strategy: strategy.Strategy{Quote: strategy.Quoting{Reuse: strategy.Duration(reuse)}}}}
	j.Detail.Detail = order.Detail{From: order.Stop{Point: geo.Point{Lng: 120.1551, Lat: 30.2741}}, To: order.Stop{Point: geo.Point{Lng: lng, Lat: 30.28}}, Goods: order.Goods{WeightG: grams}}
	return j
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	line := order.Quote{Carrier: "sftc", Account: "main"}
	same, ok := routeOf(wayOf(time.Minute, 120.16001, 900), line, "s")
	require.True(t, ok)
	near, _ := routeOf(wayOf(time.Minute, 120.16002, 1000), line, "s")
	require.Equal(t, same, near, "the same building, the same kilogram")
	for name, other := range map[string]func() (route, bool){
		"another door":  func() (route, bool) { return routeOf(wayOf(time.Minute, 120.1602, 900), line, "s") },
		"heavier":       func() (route, bool) { return routeOf(wayOf(time.Minute, 120.16001, 1001), line, "s") },
		"another store": func() (route, bool) { return routeOf(wayOf(time.Minute, 120.16001, 900), line, "t") },
		"another account": func() (route, bool) {
			return routeOf(wayOf(time.Minute, 120.16001, 900), order.Quote{Carrier: "sftc", Account: "b"}, "s")
		},
		"another carrier": func() (route, bool) {
			return routeOf(wayOf(time.Minute, 120.16001, 900), order.Quote{Carrier: "uupt", Account: "main"}, "s")
		},
		"other goods": func() (route, bool) {
			cake := wayOf(time.Minute, 120.16001, 900)
			cake.Detail.Detail.Goods.Category = "cake"
			return routeOf(cake, line, "s")
		},
		"not wanted at all": func() (route, bool) { r, ok := routeOf(wayOf(0, 120.16001, 900), line, "s"); return r, !ok },
	} {
		r, ok := other()
		require.True(t, ok, name)
		require.NotEqual(t, same, r, name)
	}
	later := wayOf(time.Minute, 120.16001, 900)
	later.Detail.Detail.ExpectedAt = &noon
	_, ok = routeOf(later, line, "s")
	require.False(t, ok, "a price for a certain time")

	cake := same
	cake.category = "cake"
	require.NotEqual(t, same.key(), cake.key())
}

func TestAKnownPriceIsUsedForAWhile(t *testing.T) {
	t.Parallel()
	line := order.Quote{Carrier: "sftc", Price: 900, DistanceM: 1200, AcceptIn: time.Minute, DeliverIn: 30 * time.Minute, ExpiresAt: noon.Add(5 * time.Minute)}
	k, ok := knownOf(line, noon)
	require.True(t, ok)
	empty := order.Quote{Carrier: "sftc"}
	got, ok := k.again(empty, time.Minute, noon.Add(59*time.Second))
	require.True(t, ok)
	require.Equal(t, line, got, "it does not live longer for being used again")
	for name, at := range map[string]time.Duration{"too old for the strategy": time.Minute, "from the future": -time.Second} {
		_, ok := k.again(empty, time.Minute, noon.Add(at))
		require.False(t, ok, name)
	}
	_, ok = k.again(empty, time.Hour, noon.Add(5*time.Minute))
	require.False(t, ok, "too old for the carrier")
	for name, spoil := range map[string]func(*order.Quote){
		"a token is consumed":  func(q *order.Quote) { q.Token = "t" },
		"a number is consumed": func(q *order.Quote) { q.CarrierNo = "c" },
		"a refusal":            func(q *order.Quote) { q.Refused = "no" },
		"no price":             func(q *order.Quote) { q.Price = 0 },
	} {
		x := line
		spoil(&x)
		_, ok := knownOf(x, noon)
		require.False(t, ok, name)
	}
}

// Instances use each other's prices; while Redis is away each its own.
func TestPricesAreShared(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	connect := func(addr string) *prices {
		client := cache.New(cache.Options{Addr: addr, Timeout: patient})
		t.Cleanup(func() { require.NoError(t, client.Close()) })
		return newPrices(client)
	}
	one, two, alone := connect(server.Addr()), connect(server.Addr()), connect("")
	r := route{carrier: "sftc", account: "main", from: "1,1", to: "2,2", kilograms: 1}
	lines := map[lineKey]route{{0, 1}: r, {1, 1}: r}
	want := map[route]known{r: {Price: 900, At: 5, Until: 9}}
	require.Empty(t, two.find(t.Context(), lines))
	one.keep(t.Context(), want)
	require.Equal(t, want, two.find(t.Context(), lines))
	require.Empty(t, alone.find(t.Context(), lines))
	alone.keep(t.Context(), want)
	require.Equal(t, want, alone.find(t.Context(), lines))
	for _, key := range server.Keys() {
		require.Positive(t, server.TTL(key), key)
	}
	require.NoError(t, server.Set(server.Keys()[0], `{"price_fen":"x"}`))
	require.Empty(t, two.find(t.Context(), lines), "what cannot be read is asked again")
}

// A carrier whose price is known is not called; one whose quotes carry tokens always is.
func TestAReusedPriceCostsNoCall(t *testing.T) {
	t.Parallel()
	r := newRig(t, miniredis.RunT(t).Addr(), patient)
	client := cache.New(cache.Options{Addr: "", Timeout: patient})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	r.Stage.Prices = newPrices(client)
	r.reuse = time.Minute
	bare := &tokenless{}
	r.Stage.Carriers["sftc"] = bare
	first := r.batch(1, "sftc", "uupt")[0]
	second := r.batch(1, "sftc", "uupt")[0]
	require.Equal(t, map[string]string{"sftc": "", "uupt": ""}, r.lines(first))
	require.Equal(t, map[string]string{"sftc": "", "uupt": ""}, r.lines(second), "both have both prices")
	require.EqualValues(t, 1, bare.calls.Load())
	require.EqualValues(t, 2, r.uupt.calls.Load())
}

// tokenless is a carrier whose price needs no token.
type tokenless struct{ asked }

func (c *tokenless) Quote(ctx context.Context, q carrier.QuoteRequest) (carrier.Quote, error) {
	out, err := c.asked.Quote(ctx, q)
	out.Token = ""
	return out, err
}

// What is over an account's limit has its reason, and the order goes to the others.
func TestTheLimitOfAnAccount(t *testing.T) {
	t.Parallel()
	r := newRig(t, miniredis.RunT(t).Addr(), patient)
	away := cache.New(cache.Options{})
	t.Cleanup(func() { require.NoError(t, away.Close()) })
	r.Stage.Live, r.Stage.Quota = live.New(r.Store, r.clock), quota.New(away, r.clock.System)
	_, err := r.Store.SaveAccount(t.Context(), carrier.AccountRule{Carrier: "uupt", Account: "main", Weight: 1, Active: true, PerSecond: 6}, "account limit", "li", noon)
	require.NoError(t, err)
	limited := 0
	for _, id := range r.batch(5, "uupt", "shansong") {
		lines := r.lines(id)
		require.Empty(t, lines["shansong"])
		if lines["uupt"] != "" {
			require.Equal(t, "rate limit of our account reached", lines["uupt"])
			limited++
		}
	}
	require.Equal(t, 2, limited, "half of it is for placements")
	require.EqualValues(t, 3, r.uupt.calls.Load())
}
