package health

import (
	"context"
	"maps"
	"sync"
	"time"
)

// localBoard is the board of one instance: all there is while Redis is away. It never fails.
type localBoard struct {
	policy Policy
	now    func() time.Time

	mu     sync.Mutex
	trips  map[Key]Trip
	calls  map[Key]recent
	probes map[Key]time.Time // end of the lease
}

// recent are the latest calls of one breaker, oldest first.
type recent struct {
	failed []bool
	at     time.Time // of the last
}

func newLocalBoard(policy Policy, now func() time.Time) *localBoard {
	return &localBoard{policy: policy, now: now, trips: map[Key]Trip{}, calls: map[Key]recent{}, probes: map[Key]time.Time{}}
}

// adopt takes over what the shared board says is open. Of a breaker that another instance closed the old calls go too.
func (b *localBoard) adopt(open map[Key]Trip) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.trips {
		if _, still := open[k]; !still {
			delete(b.calls, k)
		}
	}
	b.trips = maps.Clone(open)
}

func (b *localBoard) apply(_ context.Context, c change) (standing, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := standing{failures: map[Key]int{}}
	for k, failed := range c.calls {
		out.failures[k] = b.remember(k, failed)
	}
	for _, k := range c.closed {
		delete(b.trips, k)
		delete(b.calls, k)
		delete(b.probes, k)
	}
	for k, t := range c.again {
		b.trips[k] = t
		delete(b.probes, k)
	}
	for _, k := range c.released {
		delete(b.probes, k)
	}
	out.open = maps.Clone(b.trips)
	return out, nil
}

// remember adds calls and counts the failures among the latest.
func (b *localBoard) remember(k Key, failed []bool) int {
	now := b.now()
	r := b.calls[k]
	if now.Sub(r.at) >= b.policy.Memory {
		r.failed = nil
	}
	all := append(r.failed[:len(r.failed):len(r.failed)], failed...)
	all = all[max(0, len(all)-b.policy.Window):]
	b.calls[k] = recent{failed: all, at: now}
	n := 0
	for _, f := range all {
		if f {
			n++
		}
	}
	return n
}

func (b *localBoard) claim(_ context.Context, keys []Key) (map[Key]bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	got := map[Key]bool{}
	for _, k := range keys {
		if now.Before(b.probes[k]) {
			continue
		}
		b.probes[k] = now.Add(probeLease)
		got[k] = true
	}
	return got, nil
}

func (b *localBoard) open(_ context.Context, trips map[Key]Trip) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, t := range trips {
		if _, already := b.trips[k]; !already {
			b.trips[k] = t
		}
		delete(b.calls, k)
	}
	return nil
}
