package stage

import (
	"context"
	"errors"
	"strings"

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
	for key, adapter := range all {
		name, _, _ := strings.Cut(key, "/") // of a carrier's further account: see carrier.Key
		traced[key] = trace(adapter, name)
	}
	return traced
}

// trace gives an adapter's calls spans. What it offers beyond carrier.Adapter the result
// offers too, and nothing else: callers ask by type whether a carrier takes tips.
func trace(adapter carrier.Adapter, name string) carrier.Adapter {
	base := tracedCarrier{adapter, name}
	tipper, tips := adapter.(carrier.Tipper)
	teller, tells := adapter.(carrier.TipTeller)
	locator, locates := adapter.(carrier.Locator)
	tip, tell, where := tracedTipper{base, tipper}, tracedTeller{base, teller}, tracedLocator{base, locator}
	switch {
	case tips && tells && locates:
		return struct {
			tracedCarrier
			carrier.Tipper
			carrier.TipTeller
			carrier.Locator
		}{base, tip, tell, where}
	case tips && tells:
		return struct {
			tracedCarrier
			carrier.Tipper
			carrier.TipTeller
		}{base, tip, tell}
	case tips && locates:
		return struct {
			tracedCarrier
			carrier.Tipper
			carrier.Locator
		}{base, tip, where}
	case tips:
		return struct {
			tracedCarrier
			carrier.Tipper
		}{base, tip}
	case locates:
		return struct {
			tracedCarrier
			carrier.Locator
		}{base, where}
	}
	return base
}

// Platforms gives every report to a platform a span.
func (d *Deps) Platforms(all map[string]upstream.Adapter) map[string]upstream.Adapter {
	if d.Tracer == nil {
		return all
	}
	traced := make(map[string]upstream.Adapter, len(all))
	for name, adapter := range all {
		platform := tracedPlatform{adapter, name}
		traced[name] = platform
		if fetcher, ok := adapter.(upstream.Fetcher); ok {
			traced[name] = tracedFetcher{platform, fetcher}
		}
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

// tracedFetcher is a traced platform that can be asked for orders.
type tracedFetcher struct {
	tracedPlatform
	fetcher upstream.Fetcher
}

// Fetch asks for an order, below the order's span in ctx.
func (f tracedFetcher) Fetch(ctx context.Context, no string) (upstream.Create, error) {
	ctx, span := telemetry.Call(ctx, 0, "fetch", f.name)
	defer span.End()
	create, err := f.fetcher.Fetch(ctx, no)
	if err == nil {
		span.Outcome("ok", false)
		return create, nil
	}
	span.Outcome(string(upstream.AsError(err).Reason), true)
	return create, err
}

// The calls that only some carriers have hold the adapter's base by name: embedded, its
// calls would be theirs, too.
type tracedTipper struct {
	base tracedCarrier
	next carrier.Tipper
}

// Tip adds to the tips of a waybill.
func (c tracedTipper) Tip(ctx context.Context, t carrier.TipRequest) (out carrier.Tipped, err error) {
	ctx, span := c.base.begin(ctx, order.CallTip, t.OurNo)
	defer func() { judge(span, false, err) }()
	return c.next.Tip(ctx, t)
}

type tracedTeller struct {
	base tracedCarrier
	next carrier.TipTeller
}

// Tips is what has been tipped so far.
func (c tracedTeller) Tips(ctx context.Context, ref carrier.Ref) (total money.Fen, err error) {
	ctx, span := c.base.begin(ctx, "tips", ref.OurNo)
	defer func() { judge(span, false, err) }()
	return c.next.Tips(ctx, ref)
}

type tracedLocator struct {
	base tracedCarrier
	next carrier.Locator
}

// Locate asks where the rider is.
func (c tracedLocator) Locate(ctx context.Context, ref carrier.Ref) (out carrier.Location, err error) {
	ctx, span := c.base.begin(ctx, "position", ref.OurNo)
	defer func() { judge(span, false, err) }()
	return c.next.Locate(ctx, ref)
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
