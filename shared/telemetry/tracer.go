package telemetry

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes the spans of one function's instance. A nil Tracer is off.
type Tracer struct {
	tracer   trace.Tracer
	provider *sdk.TracerProvider
	buffer   *buffer
	sampler  sampler
}

// New makes a tracer that sends to cfg.Endpoint; nil when that is empty. It connects when it first has something to send.
func New(cfg Config) (*Tracer, error) {
	if cfg.Endpoint == "" {
		return nil, nil
	}
	at, err := parseEndpoint(cfg.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("the collector's address %w", err)
	}
	if cfg.Now == nil || !(cfg.Sample >= 0 && cfg.Sample <= 1) {
		return nil, errors.New("a tracer needs the system time and a share of orders from 0 to 1")
	}
	b := newBuffer(func(ctx context.Context) (sender, error) { return at.open(ctx, cfg.Headers) }, cfg.Now, cfg.Patience)
	// Whether an order is traced is decided before its spans are made, so that the others cost nothing.
	p := sdk.NewTracerProvider(sdk.WithSpanProcessor(b), sdk.WithSampler(sdk.AlwaysSample()), sdk.WithIDGenerator(ids{}),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", cfg.Service), attribute.String("service.namespace", "qianfan"),
			attribute.String("service.instance.id", cfg.Instance), attribute.String("service.version", cfg.Version),
		)))
	return &Tracer{tracer: p.Tracer("github.com/chuandao/qianfan"), provider: p, buffer: b, sampler: newSampler(cfg.Sample)}, nil
}

// Flush sends the finished spans, within cfg.Patience. Its error is always nil.
func (t *Tracer) Flush(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.buffer.ForceFlush(ctx)
}

// Close flushes and lets go of the connection.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	_ = t.Flush(ctx)
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("end traces: %w", err)
	}
	return nil
}

// ids gives an order's first span the ids that follow from the order's; all others are random.
type ids struct{}

type rootKey struct{}

// NewIDs gives the ids of a trace's first span.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if root, ok := ctx.Value(rootKey{}).(trace.SpanContext); ok {
		return root.TraceID(), root.SpanID()
	}
	var id trace.TraceID
	_, _ = rand.Read(id[:]) // never fails, and never gives sixteen zeros
	return id, spanID()
}

// NewSpanID gives a later span's id.
func (ids) NewSpanID(context.Context, trace.TraceID) trace.SpanID { return spanID() }

func spanID() trace.SpanID {
	var id trace.SpanID
	_, _ = rand.Read(id[:]) // never fails; eight zeros are as likely as never
	return id
}
