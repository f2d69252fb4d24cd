package store_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

func TestShopsAreRegisteredAndChanged(t *testing.T) {
	t.Parallel()
	f := open(t)
	shop := store.Shop{Platform: "jd", Code: "s1", City: "330100", CityName: "杭州市", Stop: order.Stop{Name: "奎元馆", Phone: "057187028626", Address: "解放路 154 号", Point: geo.Point{Lng: 120.1551, Lat: 30.2741}}}
	require.NoError(t, f.SaveShops(t.Context(), []store.Shop{shop}))
	got, err := f.Shop(t.Context(), "jd", "s1")
	require.NoError(t, err)
	require.Equal(t, shop, got)
	shop.Stop.Address = "解放路 156 号"
	require.NoError(t, f.SaveShops(t.Context(), []store.Shop{shop}))
	got, err = f.Shop(t.Context(), "jd", "s1")
	require.NoError(t, err)
	require.Equal(t, shop, got)
	_, err = f.Shop(t.Context(), "meituan", "s1")
	require.ErrorIs(t, err, store.ErrNoShop)
	require.NoError(t, f.SaveShops(t.Context(), nil))
}

func TestTheNewestStrategyIsTheActiveOne(t *testing.T) {
	t.Parallel()
	f := open(t)
	x := strategy.Strategy{Name: "default", Mode: strategy.Cheapest, Carriers: []string{"uupt"}}
	other := strategy.Strategy{Name: "another", Mode: strategy.Sequential, Carriers: []string{"uupt"}}
	for _, s := range []strategy.Strategy{x, other} {
		require.NoError(t, f.SaveStrategy(t.Context(), s))
	}
	x.Mode = strategy.Sequential
	require.NoError(t, f.SaveStrategy(t.Context(), x))
	x.Version, other.Version = 2, 1
	got, err := f.Strategies(t.Context())
	require.NoError(t, err)
	require.Equal(t, []strategy.Strategy{other, x}, got)
	require.Equal(t, 3, one[int](t, f, "SELECT COUNT(*) FROM strategy"), "old versions stay")
}

func TestStatementsAreCounted(t *testing.T) {
	t.Parallel()
	f := open(t)
	var mu sync.Mutex
	seen := map[string]int{}
	counted := f.connect(t, store.Options{Observe: func(kind string) {
		mu.Lock()
		defer mu.Unlock()
		seen[kind]++
	}})
	require.NoError(t, counted.Ping(t.Context()))
	require.Empty(t, seen, "setting up a session is not counted")
	batch := []store.NewOrder{newOrder("a"), newOrder("b"), newOrder("c")}
	_, err := counted.Intake(t.Context(), "b1", batch, now)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"begin": 1, "insert": 5, "select": 1, "commit": 1}, seen, "a batch costs what one order costs")

	clear(seen)
	_, err = counted.Intake(t.Context(), "b1", batch, now)
	require.ErrorIs(t, err, store.ErrDiscarded)
	require.Equal(t, map[string]int{"begin": 1, "insert": 1, "rollback": 1}, seen)

	clear(seen)
	_, err = counted.LeaseReports(t.Context(), []int64{batch[0].Order.ID}, "me", now, now)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"update": 1, "select": 1}, seen)
}
