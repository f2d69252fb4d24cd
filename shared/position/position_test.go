package position_test

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/position"
)

var at = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

func open(t *testing.T) (*position.Board, *miniredis.Miniredis) {
	t.Helper()
	server := miniredis.RunT(t)
	redis := cache.New(cache.Options{Addr: server.Addr(), Timeout: 5 * time.Second})
	t.Cleanup(func() { require.NoError(t, redis.Close()) })
	return position.New(redis), server
}

func seen(lng float64, after time.Duration) position.Seen {
	return position.Seen{Point: geo.Point{Lng: lng, Lat: 30.27}, At: at.Add(after)}
}

// A waybill is found by either number, and the newest place wins in whatever order news come.
func TestTheNewestPlaceIsRemembered(t *testing.T) {
	t.Parallel()
	b, server := open(t)
	both := position.Key{Carrier: "sftc", OurNo: "1001", CarrierNo: "SF-1"}
	last := func() position.Seen {
		s, ok, err := b.Last(t.Context(), both)
		require.NoError(t, err)
		require.True(t, ok)
		return s
	}
	_, ok, err := b.Last(t.Context(), both)
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, b.Put(t.Context(), position.Key{Carrier: "sftc", CarrierNo: "SF-1"}, seen(120.1, 0)))
	require.Equal(t, seen(120.1, 0), last(), "pushed under the carrier's number alone")
	require.NoError(t, b.Put(t.Context(), both, seen(120.2, time.Second)))
	require.Equal(t, seen(120.2, time.Second), last())
	require.NoError(t, b.Put(t.Context(), both, seen(120.3, 0)))
	require.Equal(t, seen(120.2, time.Second), last(), "older news")
	_, ok, err = b.Last(t.Context(), position.Key{Carrier: "uupt", OurNo: "1001", CarrierNo: "SF-1"})
	require.NoError(t, err)
	require.False(t, ok, "numbers are each carrier's own")
	for _, key := range server.Keys() {
		require.Positive(t, server.TTL(key), key)
	}
	server.FastForward(31 * time.Minute)
	_, ok, err = b.Last(t.Context(), both)
	require.NoError(t, err)
	require.False(t, ok)
}

func TestWhatIsNoPlaceIsNotRemembered(t *testing.T) {
	t.Parallel()
	b, server := open(t)
	k := position.Key{Carrier: "sftc", OurNo: "1001"}
	require.NoError(t, b.Put(t.Context(), k, position.Seen{At: at}))
	require.NoError(t, b.Put(t.Context(), position.Key{Carrier: "sftc"}, seen(120.1, 0)))
	require.Empty(t, server.Keys())
	require.NoError(t, server.Set("qf:position:v1:sftc:1001", "{"))
	_, ok, err := b.Last(t.Context(), k)
	require.NoError(t, err)
	require.False(t, ok, "what cannot be read is not known")
}

// One asks, and not again for 15 seconds.
func TestOneAsks(t *testing.T) {
	t.Parallel()
	b, server := open(t)
	k := position.Key{Carrier: "sftc", OurNo: "1001"}
	require.True(t, b.Claim(t.Context(), k))
	require.False(t, b.Claim(t.Context(), k))
	require.True(t, b.Claim(t.Context(), position.Key{Carrier: "sftc", OurNo: "1002"}))
	server.FastForward(15 * time.Second)
	require.True(t, b.Claim(t.Context(), k))
	require.False(t, b.Claim(t.Context(), position.Key{Carrier: "sftc", CarrierNo: "SF-1"}))
}

func TestWithoutRedisNothingIsKnownAndNobodyAsks(t *testing.T) {
	t.Parallel()
	k := position.Key{Carrier: "sftc", OurNo: "1001"}
	away := position.New(cache.New(cache.Options{}))
	require.ErrorIs(t, away.Put(t.Context(), k, seen(120.1, 0)), cache.ErrAway)
	_, ok, err := away.Last(t.Context(), k)
	require.ErrorIs(t, err, cache.ErrAway)
	require.False(t, ok)
	require.False(t, away.Claim(t.Context(), k))
	var none *position.Board
	require.NoError(t, none.Put(t.Context(), k, seen(120.1, 0)))
	_, ok, err = none.Last(t.Context(), k)
	require.NoError(t, err)
	require.False(t, ok)
	require.False(t, none.Claim(t.Context(), k))
}
