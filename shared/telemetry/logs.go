package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// Logs makes a handler whose lines about one traced order carry its trace_id: those logged with a context of the order, and those
// with an attribute "order". With a nil tracer it is next itself.
func Logs(next slog.Handler, t *Tracer) slog.Handler {
	if t == nil {
		return next
	}
	return logs{next, t}
}

type logs struct {
	slog.Handler
	tracer *Tracer
}

// Handle adds what there is and passes the line on.
func (h logs) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsSampled() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", sc.TraceID().String()), slog.String("span_id", sc.SpanID().String()))
	} else if id, ok := h.traceOf(r); ok {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", id.String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h logs) traceOf(r slog.Record) (id trace.TraceID, ok bool) {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "order" || a.Value.Kind() != slog.KindInt64 {
			return true
		}
		id = rootOf(a.Value.Int64()).TraceID()
		ok = h.tracer.sampler.takes(id)
		return false
	})
	return id, ok
}

// WithAttrs keeps the wrapping.
func (h logs) WithAttrs(attrs []slog.Attr) slog.Handler {
	return logs{h.Handler.WithAttrs(attrs), h.tracer}
}

// WithGroup keeps the wrapping.
func (h logs) WithGroup(name string) slog.Handler { return logs{h.Handler.WithGroup(name), h.tracer} }
