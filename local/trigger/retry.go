package trigger

import (
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/template"
)

// Retry schedules of event streams (function-compute.md §3.4).
const (
	backoffRetries = 3                // BACKOFF_RETRY, each after a random backoffLeast…backoffMost
	backoffLeast   = 10 * time.Second //
	backoffMost    = 20 * time.Second
	decayRetries   = 176               // EXPONENTIAL_DECAY_RETRY: 1, 2, 4 … 256 s, then decayLongest each
	decayLongest   = 512 * time.Second //
)

// retryWait is how long to wait before retry n (0 is the first), or false when there are no more.
func retryWait(strategy string, n int, d *dice) (time.Duration, bool) {
	if strategy == template.ExponentialDecayRetry {
		if n >= decayRetries {
			return 0, false
		}
		return min(time.Second<<min(n, 9), decayLongest), true
	}
	if n >= backoffRetries {
		return 0, false
	}
	return backoffLeast + d.upTo(backoffMost-backoffLeast), true
}

// dice is the seeded chance of one stream; safe for concurrent use.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newDice(seed uint64, name string) *dice {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // never fails
	return &dice{rng: rand.New(rand.NewPCG(seed, h.Sum64()))}
}

func (d *dice) upTo(span time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(d.rng.Int64N(int64(span) + 1))
}

func (d *dice) chance(p float64) bool {
	if p <= 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.Float64() < p
}

func (d *dice) shuffle(n int, swap func(i, j int)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rng.Shuffle(n, swap)
}
