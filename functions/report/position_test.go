package report

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/store"
)

// A platform hears where the rider is while the rider rides, unless that is old news.
func TestPositionsArePassedOnWhileTheyAreFresh(t *testing.T) {
	t.Parallel()
	redis := cache.New(cache.Options{Addr: miniredis.RunT(t).Addr(), Timeout: 10 * time.Second})
	t.Cleanup(func() { require.NoError(t, redis.Close()) })
	at := geo.Point{Lng: 120.1433, Lat: 30.2804}
	s, _ := newStage(0, nil)
	waybill := order.OurNo(7, 1)
	m := func(state order.State) store.Told {
		return store.Told{State: state, N: 1, Carrier: "shansong", CarrierNo: "TDH1", At: began}
	}
	require.Nil(t, s.position(t.Context(), m(order.PickedUp), waybill), "nobody keeps positions")

	s.Positions = position.New(redis)
	require.Nil(t, s.position(t.Context(), m(order.PickedUp), waybill), "not known")
	require.NoError(t, s.Positions.Put(t.Context(), position.Key{Carrier: "shansong", CarrierNo: "TDH1"}, position.Seen{Point: at, At: began.Add(-time.Minute)}))
	for _, state := range []order.State{order.Assigned, order.Arrived, order.PickedUp} {
		require.Equal(t, &at, s.position(t.Context(), m(state), waybill), state)
	}
	for _, state := range []order.State{order.Dispatching, order.Delivered, order.Cancelled, order.Returned} {
		require.Nil(t, s.position(t.Context(), m(state), waybill), state)
	}
	other := m(order.PickedUp)
	other.Carrier = "uupt"
	require.Nil(t, s.position(t.Context(), other, waybill), "another carrier's")

	s, _ = newStage(0, nil)
	s.Positions = position.New(redis)
	require.NoError(t, s.Positions.Put(t.Context(), position.Key{Carrier: "shansong", OurNo: waybill}, position.Seen{Point: at, At: began.Add(-61 * time.Second)}))
	m2 := m(order.PickedUp)
	m2.CarrierNo = "TDH2"
	require.Nil(t, s.position(t.Context(), m2, waybill), "a minute is too long")
}
