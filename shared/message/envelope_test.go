package message_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/message"
)

func TestEnvelopeRoundTrip(t *testing.T) {
	t.Parallel()
	items := []message.Item{{Key: "1", Order: 1<<62 + 1, Round: 2, At: time.Unix(1, 0).UTC(), Data: []byte(`{"a":1}`)}}
	body, err := message.Encode(message.OrderQuoted, items)
	require.NoError(t, err)
	got, err := message.Decode(body)
	require.NoError(t, err)
	require.Equal(t, message.Envelope{V: 1, Kind: message.OrderQuoted, Items: items}, got)

	_, err = message.Decode([]byte(`{"v":1,"kind":"x","items":[],"later":true}`))
	require.NoError(t, err, "unknown fields are a newer build's")
	_, err = message.Decode([]byte(`{"v":2,"kind":"x","items":[]}`))
	require.ErrorIs(t, err, message.ErrVersion)
	_, err = message.Decode([]byte(`{`))
	require.Error(t, err)
}

func TestBundle(t *testing.T) {
	t.Parallel()
	due := time.Unix(100, 0)
	owed := []message.Owed{
		{Topic: "a", Item: message.Item{Key: "1"}}, {Topic: "b", Item: message.Item{Key: "1"}}, {Topic: "a", Item: message.Item{Key: "2"}},
		{Topic: "a", Item: message.Item{Key: "1"}}, // owed twice, sent once
		{Topic: "t", Due: due, Item: message.Item{Key: "1"}}, {Topic: "t", Due: due.Add(time.Second), Item: message.Item{Key: "1"}},
		{Topic: "s", Group: "g1", Item: message.Item{Key: "1"}}, {Topic: "s", Group: "g2", Item: message.Item{Key: "1"}},
	}
	var got []string
	for _, m := range message.Bundle(owed) {
		got = append(got, fmt.Sprintf("%s/%s/%d×%d", m.Topic, m.Group, max(0, m.Due.Unix()), len(m.Items)))
	}
	require.Equal(t, []string{"a//0×2", "b//0×1", "t//100×1", "t//101×1", "s/g1/0×1", "s/g2/0×1"}, got)
	require.Empty(t, message.Bundle(nil))
}

func TestBundleSplits(t *testing.T) {
	t.Parallel()
	var owed []message.Owed
	for i := range 450 {
		owed = append(owed, message.Owed{Topic: "a", Item: message.Item{Key: fmt.Sprint(i)}})
	}
	messages := message.Bundle(owed)
	require.Len(t, messages, 3)
	n := 0
	for _, m := range messages {
		n += len(m.Items)
	}
	require.Equal(t, 450, n)
}
