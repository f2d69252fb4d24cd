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
				return q.Take(t.Context(), map[quota.Key]quota.Want{k: {Calls: calls, PerSecond: perSecond, Urgent: true}})[k]
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

// Prices asked for in a rush leave room for placements: an order that was priced and cannot be
// placed asks for prices again, and so nobody would ever be placed.
func TestPricesLeaveRoomForPlacements(t *testing.T) {
	t.Parallel()
	for name, addr := range map[string]func() string{
		"shared": func() string { return miniredis.RunT(t).Addr() },
		"local":  func() string { return "127.0.0.1:1" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := clock.NewManual(noon)
			q := quota.New(connect(t, addr()), at.System)
			take := func(k quota.Key, w quota.Want) int { return q.Take(t.Context(), map[quota.Key]quota.Want{k: w})[k] }
			priced, placed := 0, 0
			for range 100 { // ten seconds of more orders than the account allows
				priced += take(main, quota.Want{Calls: 25, PerSecond: 10})
				placed += take(main, quota.Want{Calls: min(25, priced-placed), PerSecond: 10, Urgent: true})
				at.Advance(100 * time.Millisecond)
			}
			require.GreaterOrEqual(t, placed, priced*3/4, "what was priced is placed: %d priced, %d placed", priced, placed)
			require.Equal(t, 1, take(other, quota.Want{Calls: 5, PerSecond: 1}), "an account of one call a second is asked, too")
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
				got := q.Take(context.Background(), map[quota.Key]quota.Want{main: {Calls: 3, PerSecond: 50, Urgent: true}, other: {Calls: 1, PerSecond: 7, Urgent: true}})
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
