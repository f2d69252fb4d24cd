package quota_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/quota"
)

var (
	main  = quota.Key{Carrier: "shansong", Account: "main"}
	other = quota.Key{Carrier: "shansong", Account: "other"}
	noon  = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)
)

func connect(t *testing.T, addr string) *cache.Client {
	t.Helper()
	client := cache.New(cache.Options{Addr: addr, Timeout: 20 * time.Second})
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// Both kinds of buckets say the same of the same story.
func TestBucketsFillAndEmpty(t *testing.T) {
	t.Parallel()
	for name, addr := range map[string]func() string{
		"shared": func() string { return miniredis.RunT(t).Addr() },
		"local":  func() string { return "127.0.0.1:1" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := clock.NewManual(noon)
			q := quota.New(connect(t, addr()), at.System)
			take := func(k quota.Key, calls, perSecond int) int {
				return q.Take(t.Context(), map[quota.Key]quota.Want{k: {Calls: calls, PerSecond: perSecond}})[k]
			}
			require.Equal(t, 10, take(main, 25, 10), "a second's worth at once")
			require.Zero(t, take(main, 1, 10))
			require.Equal(t, 5, take(other, 5, 10), "each account has its own")
			at.Advance(300 * time.Millisecond)
			require.Equal(t, 3, take(main, 25, 10))
			require.Zero(t, take(main, 25, 10))
			at.Advance(time.Hour)
			require.Equal(t, 10, take(main, 25, 10), "it never holds more")
			require.Equal(t, 1000, take(main, 1000, 0), "no limit")
			require.Zero(t, take(main, 0, 10))
		})
	}
}

// However many instances take, together they get what one would.
func TestInstancesShareABucket(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	at := clock.NewManual(noon)
	var granted atomic.Int64
	var work sync.WaitGroup
	for range 4 {
		q := quota.New(connect(t, server.Addr()), at.System)
		work.Go(func() {
			for range 20 {
				got := q.Take(context.Background(), map[quota.Key]quota.Want{main: {Calls: 3, PerSecond: 50}, other: {Calls: 1, PerSecond: 7}})
				granted.Add(int64(got[main]) + int64(got[other]))
			}
		})
	}
	work.Wait()
	require.Equal(t, int64(57), granted.Load())
	for _, k := range server.Keys() {
		require.Positive(t, server.TTL(k), k)
	}
}

func TestNobodyIsLimitedWithoutAQuota(t *testing.T) {
	t.Parallel()
	var q *quota.Quota
	require.Equal(t, map[quota.Key]int{main: 9}, q.Take(t.Context(), map[quota.Key]quota.Want{main: {Calls: 9, PerSecond: 1}}))
}
