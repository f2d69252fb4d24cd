package function

import (
	"context"
	"net/http"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

const headerSpan = "X-Fc-Tracing-Opentracing-Span-Context"

// Caller is what the platform says of a call besides its payload (function-compute.md §1.2, §2.8).
type Caller struct {
	RequestID string
	Span      string // the platform's own span in Jaeger's form where its tracing is on: {trace id}:{span id}:{parent}:{flags}
}

// EventCaller reads it from the context of an event function's call; zero outside of one.
func EventCaller(ctx context.Context) Caller {
	fc, ok := fccontext.FromContext(ctx)
	if !ok || fc == nil {
		return Caller{}
	}
	return Caller{RequestID: fc.RequestID, Span: fc.Tracing.OpenTracingSpanContext}
}

// WebCaller reads it from the headers of a web function's request. The platform strips such headers of strangers.
func WebCaller(h http.Header) Caller {
	return Caller{RequestID: h.Get(headerRequestID), Span: h.Get(headerSpan)}
}
