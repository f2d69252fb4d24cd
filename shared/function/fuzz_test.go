package function

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/attack"
)

// FuzzDecodeEvents takes whatever a trigger may hand over: it is refused, or every event has
// a topic and reads the same again.
func FuzzDecodeEvents(f *testing.F) {
	f.Add([]byte(cloudEvents))
	for _, seed := range attack.Seeds(attack.JSON()) {
		f.Add([]byte(seed))
	}
	f.Add([]byte(`["{\"topic\":\"a\",\"body\":{\"v\":1},\"systemProperties\":{\"RECONSUME_TIMES\":99999999999999999999,\"KEYS\":[1]}}"]`))
	f.Add([]byte(`{"topic":"a","body":null,"userProperties":{"__SHARDINGKEY":true}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var events []Event
		var err error
		attack.Bounded(t, func() { events, err = DecodeEvents(payload) })
		if err != nil {
			require.Empty(t, events)
			return
		}
		for _, e := range events {
			require.NotEmpty(t, e.Topic)
			require.Positive(t, e.Attempt)
			require.NotNil(t, e.Properties)
		}
		again, err := DecodeEvents(payload)
		require.NoError(t, err)
		require.Equal(t, events, again)
	})
}

func TestHostileEvents(t *testing.T) {
	t.Parallel()
	for _, b := range append(attack.JSON(), attack.Large()...) {
		attack.Bounded(t, func() {
			events, err := DecodeEvents([]byte(b.Text))
			require.Error(t, err, b.Name)
			require.Empty(t, events)
		})
	}
}
