package store_test

import (
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
	n, err := f.CountToResync(t.Context(), until)
	require.NoError(t, err)
	require.Equal(t, 2, n)
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

// Numbers that carriers spoke of since a moment, of orders that are not there.
func TestStrayNumbers(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	early, _ := event(t, order.OurNo(id+1, 1), "tdh-1", "h1")
	require.NoError(t, f.Park(t.Context(), []store.Parked{early}, now.Add(-time.Hour)))
	var later []store.Parked
	for hash, no := range map[string]string{"h2": order.OurNo(id, 2), "h3": order.OurNo(id+2, 1), "h4": "nobody's", "h5": ""} {
		e, _ := event(t, no, "tdh-"+hash, hash)
		later = append(later, e)
	}
	require.NoError(t, f.Park(t.Context(), later, now))
	numbers, err := f.StrayNumbers(t.Context(), now.Add(-time.Minute), 10)
	require.NoError(t, err)
	require.Equal(t, []string{order.OurNo(id+2, 1)}, numbers)
}
