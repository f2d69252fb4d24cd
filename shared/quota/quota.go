// Package quota keeps the calls to a carrier's account within what the carrier allows, for
// all instances together.
//
// Each account has a bucket that refills evenly (GCRA, the leaky bucket as a meter). The
// buckets are in Redis: a batch costs one round trip however many accounts it calls. While
// Redis is away every instance keeps buckets of its own; together they may then call more
// than is allowed, which the carriers answer as rate limited.
package quota

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chuandao/qianfan/shared/cache"
)

// Key names a bucket: one account with one carrier.
type Key struct {
	Carrier string // "shansong"
	Account string // "main"
}

// Want is how many calls a batch would make.
type Want struct {
	Calls     int
	PerSecond int // what the carrier allows; 0 = as many as one likes
	// Urgent calls may fill the bucket, others only half of it: those who ask for prices would
	// otherwise leave nothing to those who place what was asked for.
	Urgent bool
}

// Quota is what one instance knows of the buckets, safe for concurrent use; nil allows everything.
type Quota struct {
	redis *cache.Client
	now   func() time.Time

	mu   sync.Mutex
	full map[Key]time.Time // this instance's own buckets: when each will be empty again
}

// New makes a quota that instances share through redis, with times of the system clock now.
func New(redis *cache.Client, now func() time.Time) *Quota {
	return &Quota{redis: redis, now: now, full: map[Key]time.Time{}}
}

// Take grants each account as many of the calls wanted as its bucket has room for. Calls
// that are granted and not made are lost to the bucket.
func (q *Quota) Take(ctx context.Context, wants map[Key]Want) map[Key]int {
	granted := map[Key]int{}
	limited := map[Key]Want{}
	for k, w := range wants {
		granted[k] = w.Calls
		if w.PerSecond > 0 && w.Calls > 0 {
			limited[k] = w
		}
	}
	if q == nil || len(limited) == 0 {
		return granted
	}
	shared, err := q.takeShared(ctx, limited)
	if err != nil {
		shared = q.takeLocal(limited)
	}
	for k, n := range shared {
		granted[k] = n
	}
	return granted
}

// take is the meter: a call fills the bucket by a step, time empties it, and it holds what
// may be called in one second.
//
//	KEYS[1] when the bucket will be empty, µs since 1970
//	ARGV    now in µs, the step of one call in µs, calls wanted, how far they may fill it in µs
const take = `
local now, step, wanted, room = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
local got = math.min(wanted, math.max(0, math.floor((now + room - full) / step)))
if got > 0 then redis.call('SET', KEYS[1], string.format('%.0f', full + got * step), 'PX', 5000) end
return got`

func (q *Quota) takeShared(ctx context.Context, wants map[Key]Want) (map[Key]int, error) {
	replies := map[Key]*redis.Cmd{}
	now := q.now().UnixMicro()
	err := q.redis.Pipe(ctx, func(p redis.Pipeliner) {
		for k, w := range wants {
			replies[k] = p.Eval(ctx, take, []string{cache.Key("quota", 1, k.Carrier, k.Account)}, now, step(w).Microseconds(), w.Calls, room(w).Microseconds())
		}
	})
	if err != nil {
		return nil, err
	}
	granted := map[Key]int{}
	for k, r := range replies {
		n, err := r.Int()
		if err != nil {
			return nil, err
		}
		granted[k] = n
	}
	return granted, nil
}

func step(w Want) time.Duration { return max(time.Microsecond, time.Second/time.Duration(w.PerSecond)) }

// room is how far calls may fill a bucket: always by one step at least, or nobody would ever be asked.
func room(w Want) time.Duration {
	if w.Urgent {
		return time.Second
	}
	return max(time.Second/2, step(w))
}

func (q *Quota) takeLocal(wants map[Key]Want) map[Key]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	now, granted := q.now(), map[Key]int{}
	for k, w := range wants {
		full := q.full[k]
		if full.Before(now) {
			full = now
		}
		got := min(w.Calls, max(0, int(now.Add(room(w)).Sub(full)/step(w))))
		q.full[k] = full.Add(time.Duration(got) * step(w))
		granted[k] = got
	}
	return granted
}
