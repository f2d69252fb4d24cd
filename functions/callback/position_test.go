package callback_test

import (
	"errors"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/functions/callback"
	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/position"
)

// A push that proves its sender and says where the rider is moves them; Redis away costs nothing.
func TestPushesMoveRiders(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	redis := cache.New(cache.Options{Addr: server.Addr(), Timeout: 5 * time.Second})
	t.Cleanup(func() { require.NoError(t, redis.Close()) })
	places, b := position.New(redis), &bus{}
	s := callback.New(map[string]carrier.Adapter{"courier": courier{}}, b, clock.NewManual(now), callback.Config{Size: 10, Wait: time.Millisecond, Positions: places})
	t.Cleanup(s.Close)
	send := func(body string) int {
		status, _ := push(s, "/carrier/courier", body)
		return status
	}
	last := func(no string) (position.Seen, bool) {
		seen, ok, err := places.Last(t.Context(), position.Key{Carrier: "courier", OurNo: no})
		require.NoError(t, err)
		return seen, ok
	}
	require.Equal(t, 200, send(`{"carrier":"courier","our_no":"1001","state":"picked_up","verified":true,"at":"2026-03-04T11:00:00Z","position":{"lng":120.1,"lat":30.2}}`))
	seen, ok := last("1001")
	require.True(t, ok)
	require.Equal(t, position.Seen{Point: geo.Point{Lng: 120.1, Lat: 30.2}, At: now.Add(-time.Hour)}, seen)
	require.Equal(t, 200, send(`{"carrier":"courier","our_no":"1002","state":"picked_up","verified":true,"position":{"lng":120.1,"lat":30.2}}`))
	seen, _ = last("1002")
	require.Equal(t, now, seen.At, "no time of the carrier's: that of the push")

	require.Equal(t, 200, send(`{"carrier":"courier","our_no":"1003","state":"picked_up","position":{"lng":120.1,"lat":30.2}}`))
	_, ok = last("1003")
	require.False(t, ok, "anybody could have sent it")
	b.err = errors.New("the broker is away")
	require.NotEqual(t, 200, send(`{"carrier":"courier","our_no":"1004","state":"picked_up","verified":true,"position":{"lng":120.1,"lat":30.2}}`))
	_, ok = last("1004")
	require.False(t, ok, "it will be sent again")
	b.err = nil
	server.SetError("LOADING")
	require.Equal(t, 200, send(`{"carrier":"courier","our_no":"1005","state":"picked_up","verified":true,"position":{"lng":120.1,"lat":30.2}}`))
}
