package emulator

import (
	"context"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
)

// A key with a life ends by itself, one without stays.
func TestKeysOfTheEmbeddedRedisExpire(t *testing.T) {
	t.Parallel()
	r := miniredis.RunT(t)
	stop := ages(r)
	require.NoError(t, r.Set("claim", "1"))
	r.SetTTL("claim", time.Millisecond)
	require.NoError(t, r.Set("stays", "1"))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for r.Exists("claim") {
		require.NoError(t, clock.System.Sleep(ctx, 10*time.Millisecond), "it never expired")
	}
	require.True(t, r.Exists("stays"))
	stop()
	r.SetTTL("stays", time.Millisecond)
	require.True(t, r.Exists("stays"), "nobody ages it any more")
}
