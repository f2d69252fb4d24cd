package message_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/attack"
	"github.com/chuandao/qianfan/shared/message"
)

// FuzzDecode takes whatever a queue may hold: it is refused, or it is an envelope that reads
// the same again after it was written anew.
func FuzzDecode(f *testing.F) {
	body, err := message.Encode(message.CarrierEvent, []message.Item{
		{Key: "1", Order: 1<<62 + 1, Attempt: 2, Trace: "00-1-2-01", At: time.Unix(1, 0).UTC(), Hash: "h", Data: []byte(`{"carrier":"uupt"}`)},
		{Key: "2", Round: 3, Command: "resume", Timer: "accept", N: 1, Epoch: 4},
	})
	require.NoError(f, err)
	f.Add(body)
	for _, seed := range attack.Seeds(attack.JSON()) {
		f.Add([]byte(seed))
	}
	f.Add([]byte(`{"v":1,"items":[{"order":"-1","at":"0001-01-01T00:00:00Z","data":null}]}`))
	f.Add([]byte(`{"v":2}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var e message.Envelope
		var err error
		attack.Bounded(t, func() { e, err = message.Decode(body) })
		if err != nil {
			require.Zero(t, e)
			return
		}
		require.Equal(t, message.Version, e.V)
		written, err := message.Encode(e.Kind, e.Items)
		require.NoError(t, err)
		again, err := message.Decode(written)
		require.NoError(t, err)
		rewritten, err := message.Encode(again.Kind, again.Items)
		require.NoError(t, err)
		require.Equal(t, string(written), string(rewritten))
	})
}

func TestHostileMessages(t *testing.T) {
	t.Parallel()
	for _, b := range attack.JSON() {
		attack.Bounded(t, func() {
			_, err := message.Decode([]byte(b.Text))
			require.Error(t, err, b.Name)
		})
	}
	for _, b := range attack.Large() {
		attack.Bounded(t, func() {
			_, err := message.Decode([]byte(b.Text))
			require.ErrorIs(t, err, message.ErrVersion, b.Name)
		})
	}
}
