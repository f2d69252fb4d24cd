// Package health is a circuit breaker per carrier and city. A carrier that stops answering in a city is not asked there
// any more, in all instances at once, until a probe says that it is well again.
//
//	closed → open when enough of the latest calls failed → after a pause one probe by one instance → closed, or a longer pause
//
// State is shared through Redis; while that is away every instance goes by its own. A batch costs one round trip when it
// begins, which also reports the good calls of the batch before, and one more at its end only when something went wrong.
package health

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/cache"
)

// Outcome is the result of one call.
type Outcome struct {
	Key
	Result Result
}

// Breakers are all breakers as one instance knows them. They are safe for concurrent use; nil ones are always closed.
type Breakers struct {
	policy Policy
	now    func() time.Time
	shared board
	local  *localBoard

	mu     sync.Mutex
	untold map[Key]untold
}

// untold are good calls that are in no hurry to be reported.
type untold struct {
	calls int
	at    time.Time // of the last
}

// New makes breakers that instances share through redis, with times of the system clock now.
func New(policy Policy, redis *cache.Client, now func() time.Time) *Breakers {
	return &Breakers{policy: policy, now: now, shared: &sharedBoard{policy: policy, cache: redis},
		local: newLocalBoard(policy, now), untold: map[Key]untold{}}
}

// Look says how the carriers are at the beginning of a batch. Of the keys, which are all that the batch may ask, it
// claims the probes that are due. The view must be finished, even when nothing was asked.
func (b *Breakers) Look(ctx context.Context, keys []Key) *View {
	if b == nil {
		return &View{}
	}
	v := &View{breakers: b, open: b.apply(ctx, change{calls: b.report(nil)}).open, probes: map[Key]bool{}, used: map[Key]bool{}}
	var due []Key
	now := b.now()
	for _, k := range keys {
		if t, open := v.open[k]; open && b.policy.due(t, now) {
			due = append(due, k)
		}
	}
	if len(due) > 0 {
		v.probes = b.claim(ctx, due)
	}
	return v
}

// Record takes the outcomes of calls that were made without a view: a placement is made with the carrier that was chosen,
// whatever its breaker says. A batch costs one round trip if a call failed, else none. An open breaker stays open.
func (b *Breakers) Record(ctx context.Context, outcomes ...Outcome) {
	if b == nil {
		return
	}
	calls := map[Key][]bool{}
	for _, o := range outcomes {
		if o.Result != Silent {
			calls[o.Key] = append(calls[o.Key], o.Result == Unwell)
		}
	}
	b.tell(ctx, change{calls: calls})
}

// tell reports a change, if it can not wait, and opens the breakers for which it is too much.
func (b *Breakers) tell(ctx context.Context, c change) {
	hurry := map[Key][]bool{}
	for k, calls := range c.calls {
		if n := failures(calls); n == 0 {
			b.keep(k, len(calls))
		} else {
			hurry[k] = calls
		}
	}
	c.calls = hurry
	if c.empty() {
		return
	}
	c.calls = b.report(hurry)
	now := b.now()
	trips := map[Key]Trip{}
	for k, n := range b.apply(ctx, c).failures {
		if n >= b.policy.Failures {
			trips[k] = b.policy.opened(now)
			slog.WarnContext(ctx, "breaker opened", "carrier", k.Carrier, "city", k.City, "failures", n)
		}
	}
	if len(trips) > 0 {
		_ = b.local.open(ctx, trips)  // never fails
		_ = b.shared.open(ctx, trips) // Redis away: the instance that knows keeps to it
	}
}

// apply writes a change down here and for all. What all know goes before what we know.
func (b *Breakers) apply(ctx context.Context, c change) standing {
	here, _ := b.local.apply(ctx, c) // never fails
	all, err := b.shared.apply(ctx, c)
	if err != nil {
		return here
	}
	b.local.adopt(all.open)
	return all
}

func (b *Breakers) claim(ctx context.Context, due []Key) map[Key]bool {
	got, err := b.shared.claim(ctx, due)
	if err != nil {
		got, _ = b.local.claim(ctx, due) // never fails
	}
	return got
}

// keep remembers good calls until something else is to be reported.
func (b *Breakers) keep(k Key, calls int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	u := b.untold[k]
	if now.Sub(u.at) >= b.policy.Memory {
		u.calls = 0
	}
	b.untold[k] = untold{calls: min(u.calls+calls, b.policy.Window), at: now}
}

// report puts the good calls that were kept before those of now.
func (b *Breakers) report(calls map[Key][]bool) map[Key][]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[Key][]bool{}
	for k, u := range b.untold {
		if b.now().Sub(u.at) < b.policy.Memory {
			out[k] = make([]bool, u.calls)
		}
	}
	clear(b.untold)
	for k, failed := range calls {
		out[k] = append(out[k], failed...)
	}
	return out
}

func failures(calls []bool) int {
	n := 0
	for _, failed := range calls {
		if failed {
			n++
		}
	}
	return n
}
