//go:build real

package services

import (
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// TestRedis starts a server, empties it, kills it and starts it again.
func TestRedis(t *testing.T) {
	t.Parallel()
	ctx, cancel := deadline(t)
	defer cancel()
	r, err := StartRedis(ctx, RedisOptions{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	client := redis.NewClient(&redis.Options{Addr: r.Addr(), MaxRetries: -1})
	t.Cleanup(func() { require.NoError(t, client.Close()) })

	require.NoError(t, client.Set(ctx, "k", "v", 0).Err())
	require.NoError(t, r.FlushAll(ctx))
	require.ErrorIs(t, client.Get(ctx, "k").Err(), redis.Nil)

	require.NoError(t, client.Set(ctx, "k", "v", 0).Err())
	r.Kill()
	<-r.Exited()
	require.Error(t, client.Get(ctx, "k").Err())
	require.NoError(t, r.Restart(ctx))
	require.ErrorIs(t, client.Get(ctx, "k").Err(), redis.Nil, "nothing is kept on disk")
}
