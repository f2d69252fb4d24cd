package quote

import (
	"context"
	"time"

	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/telemetry"
)

// begin begins the span of a round; the calls are below it.
func begin(ctx context.Context, k store.RoundKey, j store.QuoteJob) telemetry.Span {
	_, span := telemetry.Order(ctx, k.Order, "quote", time.Time{})
	return span.Text("platform", j.Order.Platform).Text("city", j.Order.City).Int("round", k.Round)
}

// finish ends the spans of rounds that were closed, or could not be.
func finish(ready []*job, err error) {
	for _, j := range ready {
		word := outcome(j).Result
		if err != nil {
			word = "not stored"
		}
		j.span.Int("quotes", len(j.quotes)).Outcome(word, err != nil).End()
	}
}
