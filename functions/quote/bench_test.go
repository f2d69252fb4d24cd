package quote

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
)

// slow is a carrier that takes 80 to 300 ms for a price.
type slow struct {
	asked
	mu     sync.Mutex
	chance *rand.Rand
}

func (s *slow) Quote(ctx context.Context, q carrier.QuoteRequest) (carrier.Quote, error) {
	s.mu.Lock()
	wait := time.Duration(80+s.chance.IntN(221)) * time.Millisecond
	s.mu.Unlock()
	timer := clock.System.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return s.asked.Quote(ctx, q)
	case <-ctx.Done():
		return carrier.Quote{}, ctx.Err()
	}
}

// One batch of 25 orders, three carriers that answer in 80 to 300 ms and one that hangs:
// every order is quoted by the three when the deadline (1 s here) has passed. "over" is what
// the batch took beyond the deadline, SQL and announcement included.
func BenchmarkBatchBesideAHangingCarrier(b *testing.B) {
	r := newRig(b, miniredis.RunT(b).Addr(), patient)
	r.Health = nil // the breaker would spare the batches that follow
	names := []string{"shansong", "uupt", "sftc", "fengniao"}
	for i, name := range names[:3] {
		r.Carriers[name] = &slow{chance: rand.New(rand.NewPCG(1, uint64(i)))}
	}
	hanging := &asked{}
	hanging.hangs()
	r.Carriers["fengniao"] = hanging
	var over []time.Duration
	var ids []int64
	for b.Loop() {
		began := clock.System.Now()
		ids = r.batch(25, names...)
		over = append(over, clock.System.Now().Sub(began)-deadline)
	}
	for _, id := range ids {
		if lines := r.lines(id); len(lines) != 4 || lines["shansong"]+lines["uupt"]+lines["sftc"] != "" || lines["fengniao"] == "" {
			b.Fatalf("want three prices and one silence, not %v", lines)
		}
	}
	slices.Sort(over)
	b.ReportMetric(float64(over[len(over)/2].Microseconds())/1000, "over_ms")
	b.ReportMetric(float64(over[len(over)-1].Microseconds())/1000, "over_max_ms")
}
