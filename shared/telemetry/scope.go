package telemetry

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// maxLinks bounds what a batch's span says of its orders; the rest is a number.
const maxLinks = 64

// Attributes of spans besides those of OpenTelemetry's conventions.
const (
	attrOrder     = "qianfan.order" // text: a browser's numbers are too small for it
	attrOperation = "qianfan.operation"
	attrOutcome   = "qianfan.outcome"
	attrUnlinked  = "qianfan.orders_not_linked"
)

// Caller is what is known of whoever called an invocation.
type Caller struct {
	RequestID   string // the platform's, as in its logs
	Platform    string // the platform's own span in Jaeger's form, {trace id}:{span id}:{parent}:{flags}
	Traceparent string // the W3C header of a request from outside
}

// scope is what one invocation knows of the traces that it works on.
type scope struct {
	tracer *Tracer
	kind   trace.SpanKind // of its orders' spans
	ctx    context.Context
	name   string
	began  time.Time
	caller Caller

	mu       sync.Mutex
	current  map[trace.TraceID]trace.SpanContext // the span that the next one of an order is a child of
	batch    trace.Span                          // nil until an order is traced, and in a request's scope
	topic    string
	items    int
	unlinked int
}

type scopeKey struct{}

func scopeOf(ctx context.Context) *scope {
	s, _ := ctx.Value(scopeKey{}).(*scope)
	return s
}

func ended(error) {}

// Batch begins an invocation that works on many orders. Its span is recorded, under name, once one of them is traced; end takes the
// invocation's error.
func (t *Tracer) Batch(ctx context.Context, name string, caller Caller) (_ context.Context, end func(err error)) {
	if t == nil {
		return ctx, ended
	}
	s := &scope{tracer: t, kind: trace.SpanKindConsumer, ctx: ctx, name: name, began: t.buffer.now(), caller: caller}
	return context.WithValue(ctx, scopeKey{}, s), s.end
}

// Request begins an invocation that serves one request from outside. It has no span of its own: the order's begins with it.
func (t *Tracer) Request(ctx context.Context, caller Caller) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, scopeKey{}, &scope{tracer: t, kind: trace.SpanKindServer, began: t.buffer.now(), caller: caller})
}

// Received tells an invocation about an item of a message, with the traceparent of who sent it, if any.
func Received(ctx context.Context, topic, parent string) {
	s := scopeOf(ctx)
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.topic = topic
	s.items++
	// Of senders only the functions themselves are heard, whose trace ids follow from an order's: another id meets no order.
	if sc, ok := parseTraceparent(parent); ok && sc.IsSampled() {
		s.meet(sc)
	}
}

// Includes tells an invocation that it works on an order, of which it records nothing by itself.
func Includes(ctx context.Context, order int64) {
	s := scopeOf(ctx)
	if s == nil || order <= 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.items++
	s.parent(order)
}

// Traceparent names the latest span of an order in this invocation, for the items that it sends; empty when there is none.
func Traceparent(ctx context.Context, order int64) string {
	s := scopeOf(ctx)
	if s == nil || order <= 0 {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.current) == 0 {
		return ""
	}
	sc, ok := s.current[rootOf(order).TraceID()]
	if !ok {
		return ""
	}
	return traceparent(sc)
}

// parent is the span of which an order's next one is a child; false when the order is not traced. The lock is held.
func (s *scope) parent(order int64) (trace.SpanContext, bool) {
	root := rootOf(order)
	if sc, ok := s.current[root.TraceID()]; ok {
		return sc, true
	}
	if !s.tracer.sampler.takes(root.TraceID()) {
		return trace.SpanContext{}, false
	}
	s.meet(root)
	return root, true
}

// meet takes up an order's trace. The lock is held.
func (s *scope) meet(sc trace.SpanContext) {
	if _, known := s.current[sc.TraceID()]; known {
		return
	}
	if s.current == nil {
		s.current = map[trace.TraceID]trace.SpanContext{}
	}
	s.current[sc.TraceID()] = sc
	if s.name == "" {
		return
	}
	if s.batch == nil {
		s.begin()
	}
	if len(s.current) > maxLinks {
		s.unlinked++
		return
	}
	s.batch.AddLink(trace.Link{SpanContext: sc})
}

// begin begins the batch's span, below the platform's where that is traced.
func (s *scope) begin() {
	ctx := context.WithoutCancel(s.ctx)
	if sc, ok := parseJaeger(s.caller.Platform); ok && sc.IsSampled() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, sc)
	}
	_, s.batch = s.tracer.tracer.Start(ctx, s.name, trace.WithTimestamp(s.began), trace.WithSpanKind(trace.SpanKindConsumer))
}

func (s *scope) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.batch == nil {
		return
	}
	s.batch.SetAttributes(attribute.Int("messaging.batch.message_count", s.items))
	text(s.batch, "messaging.destination.name", s.topic)
	text(s.batch, "faas.invocation_id", s.caller.RequestID)
	if s.unlinked > 0 {
		s.batch.SetAttributes(attribute.Int(attrUnlinked, s.unlinked))
	}
	if err != nil {
		s.batch.SetStatus(codes.Error, "the batch failed")
	}
	s.batch.End()
}

// text sets an attribute that has a value.
func text(span trace.Span, key, value string) {
	if value != "" {
		span.SetAttributes(attribute.String(key, value))
	}
}
