package resync

import (
	"context"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
)

// DefaultPerSecond is how many queries an account without a limit of its own gets in a second
// of system time.
const DefaultPerSecond = 50

// limitedPause is how long an account is left alone that was asked too much, in system time.
const limitedPause = time.Second

// awayAfter so many questions in a row without an answer an account counts as away: a carrier
// that is down would otherwise take hours to say so about every number.
const awayAfter = 20

// pacer spaces the queries of each account evenly, and knows who is away.
type pacer struct {
	rules []carrier.AccountRule
	mu    sync.Mutex
	next  map[string]time.Time // by carrier.Key: when the next query may leave
	vain  map[string]int       // questions in a row that nobody answered
}

func newPacer(rules []carrier.AccountRule) *pacer {
	return &pacer{rules: rules, next: map[string]time.Time{}, vain: map[string]int{}}
}

// away reports whether an account has not answered for so long that it is not asked any more.
func (p *pacer) away(name, account string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.vain[carrier.Key(name, account)] >= awayAfter
}

// heard takes note of whether a question was answered.
func (p *pacer) heard(name, account string, answered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := carrier.Key(name, account)
	if p.vain[key]++; answered {
		p.vain[key] = 0
	}
}

// limited leaves an account alone for a while.
func (p *pacer) limited(name, account string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key, at := carrier.Key(name, account), clock.System.Now().Add(limitedPause)
	if p.next[key].Before(at) {
		p.next[key] = at
	}
}

// wait returns when a query may leave, or with ctx's error.
func (p *pacer) wait(ctx context.Context, name, account string) error {
	perSecond := carrier.PerSecond(p.rules, name, account)
	if perSecond == 0 {
		perSecond = DefaultPerSecond
	}
	now, key := clock.System.Now(), carrier.Key(name, account)
	p.mu.Lock()
	at := p.next[key]
	if at.Before(now) {
		at = now
	}
	p.next[key] = at.Add(time.Second / time.Duration(perSecond))
	p.mu.Unlock()
	if at.After(now) {
		return clock.System.Sleep(ctx, at.Sub(now))
	}
	return ctx.Err()
}
