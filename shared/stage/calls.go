package stage

import (
	"context"
	"errors"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/telemetry"
	"github.com/chuandao/qianfan/shared/upstream"
)

// Carriers gives every call to a carrier a span.
func (d *Deps) Carriers(all map[string]carrier.Adapter) map[string]carrier.Adapter {
	if d.Tracer == nil {
		return all
	}
	traced := make(map[string]carrier.Adapter, len(all))
	for name, adapter := range all {
		traced[name] = tracedCarrier{adapter, name}
	}
	return traced
}

// Platforms gives every report to a platform a span.
func (d *Deps) Platforms(all map[string]upstream.Adapter) map[string]upstream.Adapter {
	if d.Tracer == nil {
		return all
	}
	traced := make(map[string]upstream.Adapter, len(all))
	for name, adapter := range all {
		traced[name] = tracedPlatform{adapter, name}
	}
	return traced
}

type tracedCarrier struct {
	carrier.Adapter
	name string
}

func (c tracedCarrier) begin(ctx context.Context, operation, ourNo string) (context.Context, telemetry.Span) {
	id, n, _ := order.ParseOurNo(ourNo) // 0 = below the span in ctx
	ctx, span := telemetry.Call(ctx, id, operation, c.name)
	if n > 0 {
		span.Int("attempt", n)
	}
	return ctx, span
}

// judge ends a call's span. Of an error only its kind and the carrier's code are told: the words are a stranger's.
func judge(span telemetry.Span, refused bool, err error) {
	defer span.End()
	var e *carrier.Error
	switch {
	case err == nil && refused:
		span.Outcome("refused", false)
	case err == nil:
		span.Outcome("ok", false)
	default:
		span.Outcome(string(carrier.KindOf(err)), carrier.Doubt(err))
		if errors.As(err, &e) {
			span.Text("code", e.Code)
		}
	}
}

// Quote asks for a price.
func (c tracedCarrier) Quote(ctx context.Context, q carrier.QuoteRequest) (out carrier.Quote, err error) {
	ctx, span := c.begin(ctx, "quote", q.OurNo)
	defer func() { judge(span, false, err) }()
	return c.Adapter.Quote(ctx, q)
}

// Place orders a rider.
func (c tracedCarrier) Place(ctx context.Context, p carrier.PlaceRequest) (out carrier.Placed, err error) {
	ctx, span := c.begin(ctx, order.CallPlace, p.OurNo)
	defer func() { judge(span, false, err) }()
	return c.Adapter.Place(ctx, p)
}

// CancelFee asks what a cancel would cost.
func (c tracedCarrier) CancelFee(ctx context.Context, ref carrier.Ref) (fee money.Fen, err error) {
	ctx, span := c.begin(ctx, "cancel_fee", ref.OurNo)
	defer func() { judge(span, false, err) }()
	return c.Adapter.CancelFee(ctx, ref)
}

// Cancel withdraws a waybill.
func (c tracedCarrier) Cancel(ctx context.Context, r carrier.CancelRequest) (out carrier.CancelResult, err error) {
	ctx, span := c.begin(ctx, order.CallCancel, r.OurNo)
	defer func() { judge(span, out.Refused, err) }()
	return c.Adapter.Cancel(ctx, r)
}

// ConfirmReturn says that the goods are back.
func (c tracedCarrier) ConfirmReturn(ctx context.Context, ref carrier.Ref) (err error) {
	ctx, span := c.begin(ctx, order.CallConfirm, ref.OurNo)
	defer func() { judge(span, false, err) }()
	return c.Adapter.ConfirmReturn(ctx, ref)
}

// Query reads a waybill back.
func (c tracedCarrier) Query(ctx context.Context, ref carrier.Ref) (out carrier.Status, err error) {
	ctx, span := c.begin(ctx, order.CallQuery, ref.OurNo)
	defer func() { judge(span, false, err) }()
	return c.Adapter.Query(ctx, ref)
}

type tracedPlatform struct {
	upstream.Adapter
	name string
}

// Report tells a milestone, below the order's span in ctx.
func (p tracedPlatform) Report(ctx context.Context, m upstream.Milestone) error {
	ctx, span := telemetry.Call(ctx, 0, "report", p.name)
	defer span.End()
	span.Text("state", string(m.State))
	err := p.Adapter.Report(ctx, m)
	if err == nil {
		span.Outcome("ok", false)
		return nil
	}
	span.Outcome(string(upstream.AsError(err).Reason), true)
	return err
}
