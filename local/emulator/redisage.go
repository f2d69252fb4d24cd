package emulator

import (
	"context"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/chuandao/qianfan/shared/clock"
)

// ageEvery is how coarsely keys of the embedded Redis expire, in system time.
const ageEvery = 250 * time.Millisecond

// ages lets the keys of an embedded Redis expire as those of a real one do: miniredis itself
// looks at no clock, and what never expires (a claim, a lease) would hold for ever. stop waits
// for its end.
func ages(r *miniredis.Miniredis) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() {
		last := clock.System.Now()
		for clock.System.Sleep(ctx, ageEvery) == nil {
			now := clock.System.Now()
			r.FastForward(now.Sub(last))
			last = now
		}
	})
	return func() {
		cancel()
		work.Wait()
	}
}
