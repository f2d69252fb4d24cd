package intake

import (
	"context"
	"errors"
	"time"

	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/telemetry"
)

// traced gives every flush a batch span.
func traced[T, R any](t *telemetry.Tracer, name string, flush func(context.Context, []T) []function.Result[R]) func(context.Context, []T) []function.Result[R] {
	if t == nil {
		return flush
	}
	return func(ctx context.Context, items []T) []function.Result[R] {
		ctx, end := t.Batch(ctx, name, telemetry.Caller{})
		results := flush(ctx, items)
		var errs []error
		for _, r := range results {
			errs = append(errs, r.Err)
		}
		end(errors.Join(errs...))
		return results
	}
}

// accepted records the first span of an order's trace, or that its push came again.
func accepted(ctx context.Context, n store.NewOrder, stored store.Stored, err error) {
	if err != nil {
		return
	}
	var span telemetry.Span
	if stored.ID == n.Order.ID {
		span = telemetry.Accepted(ctx, stored.ID, "accept")
	} else {
		_, span = telemetry.Order(ctx, stored.ID, "accept again", time.Time{})
	}
	span.Text("platform", n.Order.Platform).Text("city", n.Order.City).Text("to", string(stored.State)).Bool("conflict", stored.Conflict).End()
}
