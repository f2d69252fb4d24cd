package health

import (
	"context"
	"log/slog"
	"time"
)

// View is how the carriers are, for one batch. It belongs to one goroutine.
type View struct {
	breakers *Breakers
	open     map[Key]Trip
	probes   map[Key]bool // claimed for this batch
	used     map[Key]bool // given to an order
	outcomes []Outcome
}

// Skip says which of an order's carriers are not to be asked in its city, and why: the reason by carrier. One order of
// the batch makes the probe where one is due. When all of the carriers are open all are asked: a try is better than the
// certainty of none.
func (v *View) Skip(city string, carriers []string) map[string]string {
	skip := map[string]string{}
	var probe []Key
	well := false
	for _, c := range carriers {
		k := Key{c, city}
		t, open := v.open[k]
		switch {
		case !open:
			well = true
		case v.probes[k] && !v.used[k]:
			probe = append(probe, k)
		default:
			skip[c] = "breaker open since " + t.Since.UTC().Format(time.RFC3339)
		}
	}
	for _, k := range probe {
		v.used[k] = true
	}
	if !well {
		return nil
	}
	return skip
}

// Record takes the outcome of a call that was made.
func (v *View) Record(o Outcome) {
	if v.breakers != nil && o.Result != Silent {
		v.outcomes = append(v.outcomes, o)
	}
}

// Finish reports the outcomes: calls of carriers that were well, and what probes told.
func (v *View) Finish(ctx context.Context) {
	if v.breakers == nil {
		return
	}
	c := change{calls: map[Key][]bool{}, again: map[Key]Trip{}}
	tried := map[Key][]bool{} // although open
	for _, o := range v.outcomes {
		into := c.calls
		if _, open := v.open[o.Key]; open {
			into = tried
		}
		into[o.Key] = append(into[o.Key], o.Result == Unwell)
	}
	now := v.breakers.now()
	for k, calls := range tried {
		switch {
		case failures(calls) < len(calls): // any answer: the carrier is back
			c.closed = append(c.closed, k)
			slog.InfoContext(ctx, "breaker closed", "carrier", k.Carrier, "city", k.City, "open_ms", now.Sub(v.open[k].Since).Milliseconds())
		case v.probes[k]:
			c.again[k] = v.breakers.policy.again(v.open[k], now)
		}
	}
	for k := range v.probes {
		if _, told := tried[k]; !told {
			c.released = append(c.released, k)
		}
	}
	v.breakers.tell(ctx, c)
}
