package telemetry

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Span is something that an order went through. The zero value is of an order that is not traced; its methods do nothing.
type Span struct{ span trace.Span }

// Order begins what an invocation does for one order, as of since (system time; zero = now). It continues the order's trace: what
// the invocation does for the order afterwards, calls and messages too, is below it. End it before the invocation ends.
func Order(ctx context.Context, order int64, name string, since time.Time) (context.Context, Span) {
	s := scopeOf(ctx)
	if s == nil || order <= 0 {
		return ctx, Span{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	parent, ok := s.parent(order)
	if !ok {
		return ctx, Span{}
	}
	options := s.options(order, s.kind, since)
	if s.batch != nil {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: s.batch.SpanContext()}))
	}
	ctx, span := s.tracer.tracer.Start(trace.ContextWithSpanContext(ctx, parent), name, options...)
	s.current[parent.TraceID()] = span.SpanContext()
	return ctx, Span{span}
}

// Accepted records the first span of an order's trace, from the beginning of its request until now: call it once per order, when
// the order is committed. A valid traceparent of the request, and the platform's own span, are linked.
func Accepted(ctx context.Context, order int64, name string) Span {
	s := scopeOf(ctx)
	if s == nil || order <= 0 {
		return Span{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	root, ok := s.parent(order)
	if !ok {
		return Span{}
	}
	options := append(s.options(order, s.kind, s.began), trace.WithNewRoot(), trace.WithLinks(s.caller.links()...))
	ctx, span := s.tracer.tracer.Start(context.WithValue(ctx, rootKey{}, root), name, options...)
	_ = ctx // nothing follows in a request whose order is committed
	text(span, "faas.invocation_id", s.caller.RequestID)
	return Span{span}
}

func (c Caller) links() []trace.Link {
	var links []trace.Link
	if sc, ok := parseTraceparent(c.Traceparent); ok {
		links = append(links, trace.Link{SpanContext: sc})
	}
	if sc, ok := parseJaeger(c.Platform); ok {
		links = append(links, trace.Link{SpanContext: sc})
	}
	return links
}

func (s *scope) options(order int64, kind trace.SpanKind, since time.Time) []trace.SpanStartOption {
	options := []trace.SpanStartOption{trace.WithSpanKind(kind), trace.WithAttributes(attribute.String(attrOrder, strconv.FormatInt(order, 10)))}
	if !since.IsZero() {
		options = append(options, trace.WithTimestamp(since))
	}
	return options
}

// Call begins a call to a party outside, below the order's latest span; with order 0 below the span in ctx. HTTPStatus adds to it.
func Call(ctx context.Context, order int64, operation, party string) (context.Context, Span) {
	s := scopeOf(ctx)
	if s == nil {
		return ctx, Span{}
	}
	parent := trace.SpanContextFromContext(ctx)
	if order > 0 {
		s.mu.Lock()
		parent, _ = s.parent(order)
		s.mu.Unlock()
	}
	if !parent.IsSampled() {
		return ctx, Span{}
	}
	ctx, span := s.tracer.tracer.Start(trace.ContextWithSpanContext(ctx, parent), operation+" "+party, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("peer.service", party), attribute.String(attrOperation, operation)))
	return ctx, Span{span}
}

// HTTPStatus notes the status of an answer on the call in ctx; the last one stays.
func HTTPStatus(ctx context.Context, status int) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.Int("http.response.status_code", status))
	}
}

// Text sets an attribute, qianfan.<key>, unless the value is empty. No personal data.
func (s Span) Text(key, value string) Span {
	if s.span != nil {
		text(s.span, "qianfan."+key, value)
	}
	return s
}

// Int sets an attribute, qianfan.<key>.
func (s Span) Int(key string, value int) Span {
	if s.span != nil {
		s.span.SetAttributes(attribute.Int("qianfan."+key, value))
	}
	return s
}

// Bool sets an attribute, qianfan.<key>, when it is true.
func (s Span) Bool(key string, value bool) Span {
	if s.span != nil && value {
		s.span.SetAttributes(attribute.Bool("qianfan."+key, true))
	}
	return s
}

// Outcome says in one stable word how it went, and whether that is an error. It takes no error's text: that may quote a stranger.
func (s Span) Outcome(word string, failed bool) Span {
	if s.span == nil {
		return s
	}
	s.span.SetAttributes(attribute.String(attrOutcome, word))
	if failed {
		s.span.SetStatus(codes.Error, word)
	}
	return s
}

// End ends the span.
func (s Span) End() {
	if s.span != nil {
		s.span.End()
	}
}
