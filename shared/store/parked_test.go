package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// event is a callback of 闪送 as callback would pass it on.
func event(t testing.TB, ourNo, carrierNo, hash string) (store.Parked, carrier.Status) {
	t.Helper()
	s := carrier.Status{Carrier: "shansong", OurNo: ourNo, CarrierNo: carrierNo, State: carrier.Accepted, Code: "30", Rider: order.Rider{Name: "孙悟空", Phone: "13900001111"}, At: now}
	data, err := json.Marshal(s)
	require.NoError(t, err)
	item := message.Item{Key: "shansong:" + hash, Hash: hash, At: now, Data: data}
	return store.Parked{Carrier: s.Carrier, OurNo: ourNo, CarrierNo: carrierNo, Hash: hash, Item: item}, s
}

func (f fixture) take(t testing.TB, at time.Time) []message.Item {
	t.Helper()
	items, err := f.TakeParked(t.Context(), at, 100)
	require.NoError(t, err)
	return items
}

func TestAParkedEventIsSentAgainEachMinuteForTenMinutes(t *testing.T) {
	t.Parallel()
	f := open(t)
	e, _ := event(t, "", "tdh-1", "h1")
	require.NoError(t, f.Park(t.Context(), []store.Parked{e}, now))
	require.Empty(t, f.take(t, now.Add(59*time.Second)))
	sent := 0
	for minute := 1; minute < 10; minute++ {
		items := f.take(t, now.Add(time.Duration(minute)*time.Minute))
		require.Equal(t, []message.Item{e.Item}, items, "minute %d", minute)
		sent++
		require.NoError(t, f.Park(t.Context(), []store.Parked{e}, now.Add(time.Duration(minute)*time.Minute)), "dispatch parks it again")
	}
	require.Equal(t, 9, sent)
	require.Empty(t, f.take(t, now.Add(10*time.Minute)))
	require.Equal(t, store.UnknownOrder, one[string](t, f, "SELECT decision FROM parked_event WHERE due_at IS NULL"))
	require.NoError(t, f.Park(t.Context(), []store.Parked{e}, now.Add(time.Hour)))
	require.Empty(t, f.take(t, now.Add(2*time.Hour)), "decided once")
}

func TestANewCarrierNumberTakesUpItsParkedEvents(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	mine, status := event(t, "", "tdh-1", "h1")
	other, _ := event(t, "", "tdh-2", "h2")
	require.NoError(t, f.Park(t.Context(), []store.Parked{mine, other}, now))
	f.change(t, id, nil, func(x *turn.Turn) {
		x.Attempts = []*order.Attempt{{N: 1, Carrier: "shansong", CarrierNo: "tdh-1", State: order.Placed}}
		x.Changed[1] = true
		x.Refs = []turn.Ref{{Carrier: "shansong", CarrierNo: "tdh-1", N: 1}}
	})
	require.Equal(t, []message.Item{mine.Item}, f.take(t, now.Add(time.Second)), "at once, and only its own")

	// Nobody applied it yet: an attempt that is known is waited for longer than a stranger.
	require.Equal(t, []message.Item{mine.Item}, f.take(t, now.Add(11*time.Minute)))
	require.Equal(t, store.UnknownOrder, one[string](t, f, "SELECT decision FROM parked_event WHERE hash = 'h2'"))

	f.change(t, id, nil, func(x *turn.Turn) {
		x.Events = []order.EventRow{{Key: turn.SignalKey(1, status), Kind: "callback", N: 1, Decision: order.Late, At: now}}
	})
	require.Empty(t, f.take(t, now.Add(20*time.Minute)))
	require.Equal(t, order.Late, one[string](t, f, "SELECT decision FROM parked_event WHERE hash = 'h1' AND due_at IS NULL"), "the history's decision is the event's")
}

func TestAnEventOfOurNumberWaitsForItsAttempt(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	e, status := event(t, order.OurNo(id, 1), "tdh-1", "h1")
	require.NoError(t, f.Park(t.Context(), []store.Parked{e}, now))
	require.Len(t, f.take(t, now.Add(time.Minute)), 1)
	f.change(t, id, nil, func(x *turn.Turn) {
		x.Attempts = []*order.Attempt{{N: 1, Carrier: "shansong", State: order.Accepted}}
		x.Changed[1] = true
		x.Events = []order.EventRow{{Key: turn.SignalKey(1, status), Kind: "attempt", N: 1, Decision: order.Applied, At: now}}
	})
	require.Empty(t, f.take(t, now.Add(2*time.Minute)))
	require.Equal(t, order.Applied, one[string](t, f, "SELECT decision FROM parked_event"))
}

func TestAnUnreadableParkedEventHoldsUpNobody(t *testing.T) {
	t.Parallel()
	f := open(t)
	bad, _ := event(t, "", "tdh-1", "h1")
	good, _ := event(t, "", "tdh-2", "h2")
	require.NoError(t, f.Park(t.Context(), []store.Parked{bad, good}, now))
	f.exec(t, "UPDATE parked_event SET item = 'damaged' WHERE hash = 'h1'")
	require.Equal(t, []message.Item{good.Item}, f.take(t, now.Add(time.Minute)))
	require.Equal(t, store.Unreadable, one[string](t, f, "SELECT decision FROM parked_event WHERE hash = 'h1'"))
}

func TestDeadLettersAreKeptOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	letters := []store.DeadLetter{
		{Key: "m1#0", Topic: message.CarrierEvent, Body: `{"v":1,"items":[]}`, State: "redriven"},
		{Key: "m2#3", Topic: message.CarrierEvent, Body: "\xff not even text", Tries: 3, State: "waiting"},
	}
	for range 2 {
		require.NoError(t, f.SaveDeadLetters(t.Context(), letters, now))
	}
	got, err := f.DeadLetters(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, got, 2)
	for i, l := range got {
		want := letters[1-i] // newest first
		want.ID, want.At = l.ID, now
		require.Equal(t, want, l)
	}
	newest, err := f.DeadLetters(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, got[:1], newest)
	require.NoError(t, f.SaveDeadLetters(t.Context(), nil, now))
}

// A number of ours that another carrier speaks of belongs to no attempt of that carrier:
// such an event is decided like any stranger's, and not sent again for ever.
func TestAnEventOfAnotherCarriersAttemptIsUnknown(t *testing.T) {
	t.Parallel()
	f := open(t)
	id := f.orders(t, 1)[0]
	f.change(t, id, nil, func(x *turn.Turn) {
		x.Attempts = []*order.Attempt{{N: 1, Carrier: "uupt", State: order.Placed}}
		x.Changed[1] = true
	})
	e, _ := event(t, order.OurNo(id, 1), "", "h1")
	require.NoError(t, f.Park(t.Context(), []store.Parked{e}, now))
	require.Len(t, f.take(t, now.Add(time.Minute)), 1)
	require.Empty(t, f.take(t, now.Add(11*time.Minute)))
	require.Equal(t, store.UnknownOrder, one[string](t, f, "SELECT decision FROM parked_event WHERE due_at IS NULL"))
}
