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

// pacer spaces the queries of each account evenly.
type pacer struct {
	rules []carrier.AccountRule
	mu    sync.Mutex
	next  map[string]time.Time // by carrier.Key: when the next query may leave
}

func newPacer(rules []carrier.AccountRule) *pacer {
	return &pacer{rules: rules, next: map[string]time.Time{}}
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
