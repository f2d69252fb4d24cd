package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// Of orders that were open at a moment all are given, page by page, and no other.
func TestOrdersToResync(t *testing.T) {
	t.Parallel()
	f := open(t)
	ids := f.orders(t, 4)
	f.change(t, ids[1], nil, func(x *turn.Turn) {
		x.Attempts = []*order.Attempt{{N: 2, Carrier: "uupt", Account: "main", State: order.Placed}, {N: 3, Carrier: "shansong", Account: "main", State: order.Unknown}}
		x.Changed[2], x.Changed[3] = true, true
	})
	f.exec(t, "UPDATE orders SET state = 'delivered', act_at = NULL, tell_at = NULL, post_at = NULL WHERE id = ?", ids[2])
	f.exec(t, "UPDATE orders SET received_at = ? WHERE id = ?", now.Add(time.Hour).UnixMilli(), ids[3])

	until := now.Add(time.Minute)
	n, later, err := f.CountToResync(t.Context(), until)
	require.NoError(t, err)
	require.Equal(t, []int{2, 1}, []int{n, later})
	first, err := f.OrdersToResync(t.Context(), until, 0, 1)
	require.NoError(t, err)
	require.Len(t, first, 1)
	require.Equal(t, ids[0], first[0].ID)
	require.Empty(t, first[0].Attempts)
	second, err := f.OrdersToResync(t.Context(), until, ids[0], 10)
	require.NoError(t, err)
	require.Len(t, second, 1)
	require.Equal(t, ids[1], second[0].ID)
	require.Equal(t, []int{2, 3}, []int{second[0].Attempts[0].N, second[0].Attempts[1].N})
	rest, err := f.OrdersToResync(t.Context(), until, ids[1], 10)
	require.NoError(t, err)
	require.Empty(t, rest)

	some, err := f.OrdersWithAttempts(t.Context(), []int64{ids[2], 1})
	require.NoError(t, err)
	require.Len(t, some, 1)
	require.Equal(t, order.Delivered, some[0].State)
}

// Numbers that carriers spoke of since a moment and no attempt has, however many there are.
func TestStrayCallbacks(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.change(t, id, nil, func(x *turn.Turn) {
		x.Attempts = []*order.Attempt{{N: 3, Carrier: "shansong", Account: "main", State: order.Placed}}
		x.Changed[3] = true
	})
	early, _ := event(t, order.OurNo(id+1, 1), "tdh-1", "h1")
	require.NoError(t, f.Park(t.Context(), []store.Parked{early}, now.Add(-time.Hour)))
	var later []store.Parked
	park := func(no, carrier string) {
		e, _ := event(t, no, "tdh-"+no, fmt.Sprint("h", len(later)))
		e.Carrier = carrier
		later = append(later, e)
	}
	for _, no := range []string{order.OurNo(id, 2), order.OurNo(id, 3), order.OurNo(id+2, 1), "nobody's", ""} {
		park(no, "shansong")
	}
	park(order.OurNo(id, 2), "uupt")
	for i := range int64(1200) { // more than a page
		park(order.OurNo(id+10+i, 1), "uupt")
	}
	require.NoError(t, f.Park(t.Context(), later, now))
	strays, err := f.StrayCallbacks(t.Context(), now.Add(-time.Minute))
	require.NoError(t, err)
	require.Equal(t, []store.StrayCallback{{Carrier: "shansong", Order: id, N: 2, Known: true}, {Carrier: "uupt", Order: id, N: 2, Known: true}, {Carrier: "shansong", Order: id + 2, N: 1}}, strays[:3])
	require.Len(t, strays, 3+1200)
	require.Equal(t, store.StrayCallback{Carrier: "uupt", Order: id + 10 + 1199, N: 1}, strays[len(strays)-1])
}
