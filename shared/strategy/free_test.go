package strategy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/strategy"
)

// Taking riders off in the free window is an option that is off unless set, and is refused
// where a pickup timeout always comes first.
func TestLeaveInFreeWindowIsAnOption(t *testing.T) {
	t.Parallel()
	const text = `{"name":"x","mode":"sequential","carriers":["uupt"],"quote":{"deadline":"1s"},"accept_timeout":"90s","give_up_after":"15m","release_lead":"0s","limits":{}`
	for more, want := range map[string]string{
		``: "", `,"leave_in_free_window":true`: "", `,"leave_in_free_window":true,"pickup_timeout":"20s"`: "", `,"pickup_timeout":"19s"`: "",
		`,"leave_in_free_window":true,"pickup_timeout":"19s"`: "leave_in_free_window: pickup_timeout comes first always: want 20s or more, or none",
	} {
		var s strategy.Strategy
		require.NoError(t, json.Unmarshal([]byte(text+more+"}"), &s))
		err := s.Validate([]string{"uupt"})
		if want == "" {
			require.NoError(t, err, more)
		} else {
			require.ErrorContains(t, err, want)
		}
	}
	raw, err := json.Marshal(strategy.Strategy{PickupTimeout: strategy.Duration(time.Minute)})
	require.NoError(t, err)
	require.NotContains(t, string(raw), "free_window", "older builds read what they know")
}
