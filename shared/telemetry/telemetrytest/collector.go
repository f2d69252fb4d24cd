// Package telemetrytest is a collector for tests: it takes OTLP over gRPC and over HTTP and keeps the spans.
package telemetrytest

import (
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	service "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// Span is a span as it arrived.
type Span struct {
	Service   string // the function
	Name      string
	Trace, ID string // lower hex
	Parent    string // span id, empty for the first one
	Kind      otlp.Span_SpanKind
	Links     []string // traces of the linked spans
	Attrs     map[string]any
	Failed    bool
	Began     time.Time
	Ended     time.Time
}

// Collector keeps what it is sent.
type Collector struct {
	service.UnimplementedTraceServiceServer
	GRPC, HTTP string // its endpoints: host:port, and a URL without a path

	mu      sync.Mutex
	spans   []Span
	exports int
	headers []metadata.MD
	refusal error
}

// Start makes a collector that lives as long as the test.
func Start(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	service.RegisterTraceServiceServer(server, c)
	var work sync.WaitGroup
	work.Go(func() { _ = server.Serve(listener) }) // ends with Stop
	t.Cleanup(func() { server.Stop(); work.Wait() })
	web := httptest.NewServer(http.HandlerFunc(c.serveHTTP))
	t.Cleanup(web.Close)
	c.GRPC, c.HTTP = listener.Addr().String(), web.URL
	return c
}

// Refuse makes the collector answer with an error; nil ends that.
func (c *Collector) Refuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refusal = err
}

// Spans are all that came.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Exports counts the requests that came, refused ones too.
func (c *Collector) Exports() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.exports
}

// Headers are those of each request, with lower-case names.
func (c *Collector) Headers() []metadata.MD {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]metadata.MD(nil), c.headers...)
}

// Export is OTLP/gRPC.
func (c *Collector) Export(ctx context.Context, r *service.ExportTraceServiceRequest) (*service.ExportTraceServiceResponse, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	return &service.ExportTraceServiceResponse{}, c.take(r, headers)
}

func (c *Collector) serveHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request service.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, "not OTLP", http.StatusBadRequest)
		return
	}
	headers := metadata.MD{}
	for name, values := range r.Header {
		headers.Append(name, values...)
	}
	if err := c.take(&request, headers); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func (c *Collector) take(r *service.ExportTraceServiceRequest, headers metadata.MD) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.exports++
	c.headers = append(c.headers, headers)
	if c.refusal != nil {
		return c.refusal
	}
	for _, resource := range r.GetResourceSpans() {
		var name string
		for _, a := range resource.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				name = a.GetValue().GetStringValue()
			}
		}
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans = append(c.spans, read(name, s))
			}
		}
	}
	return nil
}

func read(service string, s *otlp.Span) Span {
	out := Span{
		Service: service, Name: s.GetName(), Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()),
		Parent: hex.EncodeToString(s.GetParentSpanId()), Kind: s.GetKind(), Attrs: map[string]any{},
		Failed: s.GetStatus().GetCode() == otlp.Status_STATUS_CODE_ERROR,
		Began:  time.Unix(0, int64(s.GetStartTimeUnixNano())), Ended: time.Unix(0, int64(s.GetEndTimeUnixNano())),
	}
	for _, l := range s.GetLinks() {
		out.Links = append(out.Links, hex.EncodeToString(l.GetTraceId()))
	}
	for _, a := range s.GetAttributes() {
		switch v := a.GetValue(); {
		case v.GetStringValue() != "":
			out.Attrs[a.GetKey()] = v.GetStringValue()
		case v.GetBoolValue():
			out.Attrs[a.GetKey()] = true
		default:
			out.Attrs[a.GetKey()] = v.GetIntValue()
		}
	}
	return out
}
