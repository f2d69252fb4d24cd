package timeout

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/attack"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/message"
)

// buried is a message given up so many times.
func buried(times int) function.Event {
	return function.Event{Topic: message.DeadLetter, Body: []byte("[" + strings.Repeat(`{"topic":"dead-letter","body":[`, times-1) +
		`{"topic":"order-status","body":{"v":1}}` + strings.Repeat("]}", times-1) + "]")}
}

func TestDeadLettersAreOpenedToABound(t *testing.T) {
	t.Parallel()
	inner, err := unwrap(buried(maxNested))
	require.NoError(t, err)
	require.Len(t, inner, 1)
	require.Equal(t, message.OrderStatus, inner[0].Topic)
	for _, times := range []int{maxNested + 1, 3000} {
		attack.Bounded(t, func() {
			_, err := unwrap(buried(times))
			require.ErrorContains(t, err, "within 16 others")
		})
	}
}

// FuzzDeadLetters takes whatever a trigger may have given up: it waits for a person, or what is
// in it is judged the same each time.
func FuzzDeadLetters(f *testing.F) {
	f.Add(buried(1).Body)
	f.Add(buried(3).Body)
	f.Add([]byte(`[{"topic":"carrier-event","body":"{\"v\":1,\"kind\":\"carrier-event\",\"items\":[{\"key\":\"a\",\"attempt\":2},{\"order\":\"7\"}]}"}]`))
	for _, seed := range attack.Seeds(attack.JSON()) {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		letter := function.Event{ID: "1", Topic: message.DeadLetter, Body: body}
		var inner []function.Event
		var err error
		attack.Bounded(t, func() { inner, err = unwrap(letter) })
		if err != nil {
			require.Empty(t, inner)
			return
		}
		again, err := unwrap(letter)
		require.NoError(t, err)
		require.Equal(t, inner, again)
		for _, e := range inner {
			require.NotEqual(t, message.DeadLetter, e.Topic)
			letter, _, messages := judge(e)
			require.Contains(t, []string{redriven, waiting}, letter.State)
			for _, m := range messages {
				require.LessOrEqual(t, m.Items[0].Attempt, maxResend)
			}
		}
	})
}
