package live

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/function"
)

// only is an environment of one setting; empty = unset.
func only(name, value string) func(string) (string, bool) {
	return func(asked string) (string, bool) {
		if asked != name || value == "" {
			return "", false
		}
		return value, true
	}
}

// How soon a change is live is a setting; a wrong one is named.
func TestFreshnessIsASetting(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{"": fresh, "50ms": 50 * time.Millisecond} {
		env := function.NewEnv(only("QIANFAN_LIVE_FRESH", value))
		require.Equal(t, want, LoadFreshness(env))
		require.NoError(t, env.Err())
	}
	env := function.NewEnv(only("QIANFAN_LIVE_FRESH", "-1s"))
	require.Equal(t, fresh, LoadFreshness(env))
	require.ErrorContains(t, env.Err(), "QIANFAN_LIVE_FRESH")
}
