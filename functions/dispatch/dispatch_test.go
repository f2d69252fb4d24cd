package dispatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/store"
)

// Orders are locked in the order of their ids, and what carriers said of one order is
// applied in the order of the carriers' time, whatever order it came in.
func TestGroupSortsByOrderAndCarrierTime(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	event := func(id int64, s int, key string) input {
		return input{order: id, topic: message.CarrierEvent, key: key, n: 1, status: carrier.Status{At: at(s)}}
	}
	by, ids, keys := group([]input{
		event(9, 30, "c"), event(3, 5, "x"), event(9, 10, "a"), {order: 9, topic: message.OrderCommand}, event(9, 20, "b"), {topic: message.CarrierEvent, key: "lost"},
	})
	require.Equal(t, []int64{3, 9}, ids)
	require.Len(t, by, 2, "what names no order is left out")
	var order []string
	for _, in := range by[9] {
		order = append(order, in.key)
	}
	require.Equal(t, []string{"", "a", "b", "c"}, order, "a hint has no time and comes first")
	require.ElementsMatch(t, []store.InputKey{{Order: 9, Key: "a"}, {Order: 9, Key: "b"}, {Order: 9, Key: "c"}, {Order: 3, Key: "x"}}, keys)
}

// Events of an order that we do not know are parked; hints about it are dropped.
func TestOnlyEventsOfUnknownOrdersAreParked(t *testing.T) {
	t.Parallel()
	events := eventsOf([]input{
		{order: 1, topic: message.OrderCommand}, {order: 1, topic: message.OrderQuoted},
		{order: 1, topic: message.CarrierEvent, status: carrier.Status{Carrier: "uupt", OurNo: "1001", CarrierNo: "U1"}, item: message.Item{Hash: "h"}},
	})
	require.Len(t, events, 1)
	require.Equal(t, store.Parked{Carrier: "uupt", OurNo: "1001", CarrierNo: "U1", Hash: "h", Item: message.Item{Hash: "h"}}, park(events[0]))
}
