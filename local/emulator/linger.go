package emulator

import (
	"context"
	"sync"
	"time"

	sharedclock "github.com/chuandao/qianfan/shared/clock"
)

const lingerPoll = 200 * time.Millisecond // of system time

// startLinger lets the clock jump only while somebody waits: while orders are open, a counted
// number of them is being pushed, or pushes wait to be pulled. An idle system, and an endless trickle, go at
// their speed.
func (e *Emulator) startLinger() {
	ctx, stop := context.WithCancel(background)
	var work sync.WaitGroup
	e.Clock.Linger(true)
	work.Go(func() {
		for sharedclock.System.Sleep(ctx, lingerPoll) == nil {
			open, err := e.Store.OpenOrders(ctx)
			e.Clock.Linger(err == nil && e.lingers(open))
		}
	})
	e.opened(func() error { stop(); work.Wait(); return nil })
}

func (e *Emulator) lingers(open int) bool {
	return e.opts.Orders < 0 || (open == 0 && !e.pushing.Load() && e.ridersAtRest() && e.missedPushes() == 0)
}

// ridersAtRest reports whether no carrier has anything under way.
func (e *Emulator) ridersAtRest() bool {
	for _, c := range e.Carriers {
		if c.Totals().Live > 0 {
			return false
		}
	}
	return true
}
