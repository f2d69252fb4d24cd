package timeout

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/store"
)

func letter(t *testing.T, topic string, items ...message.Item) function.Event {
	t.Helper()
	body, err := message.Encode(topic, items)
	require.NoError(t, err)
	return function.Event{ID: "m1", Topic: topic, Body: body}
}

// An item that names an order needs no message: the order's own rows know what is to be done.
func TestDeadLettersOfOrdersOnlyHurryThem(t *testing.T) {
	t.Parallel()
	for _, topic := range []string{message.OrderAccepted, message.QuoteWanted, message.OrderQuoted, message.OrderCommand, message.OrderStatus, message.Settlement, message.OrderTimer} {
		kept, ids, again := judge(letter(t, topic, message.Item{Key: "1", Order: 1}, message.Item{Key: "2", Order: 2}))
		require.Equal(t, []int64{1, 2}, ids, topic)
		require.Empty(t, again)
		require.Equal(t, redriven, kept.State)
		require.Equal(t, topic, kept.Topic)
	}
}

// What a carrier said is in no table: it is sent again, one message each, and after that waits for a person.
func TestDeadCarrierEventsAreSentAgainAFewTimes(t *testing.T) {
	t.Parallel()
	events := []message.Item{{Key: "a", Data: json.RawMessage(`1`)}, {Key: "b", Data: json.RawMessage(`2`)}}
	keys := map[string]bool{}
	for try := range maxResend {
		kept, ids, again := judge(letter(t, message.CarrierEvent, events...))
		require.Empty(t, ids)
		require.Equal(t, redriven, kept.State)
		require.False(t, keys[kept.Key], "each round is kept")
		keys[kept.Key] = true
		require.Len(t, again, 2)
		for i, m := range again {
			require.Equal(t, message.CarrierEvent, m.Topic)
			require.Len(t, m.Items, 1)
			require.Equal(t, try+1, m.Items[0].Attempt)
			events[i] = m.Items[0]
		}
	}
	kept, ids, again := judge(letter(t, message.CarrierEvent, events...))
	require.Equal(t, waiting, kept.State)
	require.Empty(t, ids)
	require.Empty(t, again)
}

func TestUnreadableDeadLettersWait(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `{`, `{"v":99,"kind":"order-status","items":[]}`} {
		kept, ids, again := judge(function.Event{ID: "m1", Topic: message.OrderStatus, Body: []byte(body)})
		require.Equal(t, waiting, kept.State, body)
		require.Equal(t, body, kept.Body)
		require.Empty(t, ids)
		require.Empty(t, again)
	}
}

func TestSweepSendsByColumn(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		overdue store.Overdue
		want    []string
	}{
		{store.Overdue{Order: 1, Act: true}, []string{"order-command resume 0"}},
		{store.Overdue{Order: 1, Act: true, Round: 2}, []string{"order-command resume 0", "quote-wanted  2"}},
		{store.Overdue{Order: 1, Act: true, Round: 2, Quoted: true}, []string{"order-command resume 0", "order-quoted  2"}},
		{store.Overdue{Order: 1, Tell: true}, []string{"order-status  0"}},
		{store.Overdue{Order: 1, Post: true}, []string{"settlement  0"}},
		{store.Overdue{Order: 1, Act: true, Tell: true, Post: true}, []string{"order-command resume 0", "order-status  0", "settlement  0"}},
	} {
		var got []string
		for _, m := range resend([]store.Overdue{row.overdue}) {
			for _, item := range m.Items {
				require.Equal(t, int64(1), item.Order)
				got = append(got, fmt.Sprintf("%s %s %d", m.Topic, item.Command, item.Round))
			}
		}
		require.ElementsMatch(t, row.want, got, "%+v", row.overdue)
	}
}

// An order that was swept often without progress may be what spoils its neighbours: it travels alone.
func TestStubbornOrdersTravelAlone(t *testing.T) {
	t.Parallel()
	messages := resend([]store.Overdue{{Order: 1, Tell: true}, {Order: 2, Tell: true, Redrives: alone}, {Order: 3, Tell: true}})
	var sets [][]int64
	for _, m := range messages {
		var ids []int64
		for _, item := range m.Items {
			ids = append(ids, item.Order)
		}
		sets = append(sets, ids)
	}
	require.ElementsMatch(t, [][]int64{{1, 3}, {2}}, sets)
}

// A dead letter that the stage could not take in its turn comes back inside another one.
func TestDeadLettersOfDeadLettersAreOpened(t *testing.T) {
	t.Parallel()
	inner, err := message.Encode(message.CarrierEvent, []message.Item{{Key: "a", Data: json.RawMessage(`1`)}})
	require.NoError(t, err)
	body := wrap(t, message.CarrierEvent, string(inner))
	for range 3 {
		events, err := unwrap(function.Event{Topic: message.DeadLetter, Body: []byte(body)})
		require.NoError(t, err)
		require.Len(t, events, 1)
		_, _, again := judge(events[0])
		require.Len(t, again, 1, "what the carrier said is not lost")
		body = wrap(t, message.DeadLetter, body)
	}
}

// wrap is a batch of one message as a trigger hands it over.
func wrap(t *testing.T, topic, body string) string {
	t.Helper()
	raw, err := json.Marshal([]map[string]any{{"id": "1", "data": map[string]any{"topic": topic, "systemProperties": map[string]any{"UNIQ_KEY": "k"}, "body": body}}})
	require.NoError(t, err)
	return string(raw)
}
