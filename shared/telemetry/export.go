package telemetry

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// sender sends spans over one connection, which it does not repair: whoever uses it makes another one.
type sender interface {
	ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error
	close(ctx context.Context) error
}

type exporter struct {
	*otlptrace.Exporter
	transport *http.Transport // nil for gRPC
	hide      *strings.Replacer
}

// ExportSpans sends spans. Its error hides the path of the collector's URL: some collectors have their key in it.
func (x *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if err := x.Exporter.ExportSpans(ctx, spans); err != nil {
		return errors.New(x.hide.Replace(err.Error()))
	}
	return nil
}

// open prepares a sender; its first use connects. It never repeats an export: an invocation waits for it.
func (e endpoint) open(ctx context.Context, headers map[string]string) (sender, error) {
	if e.grpc {
		options := []otlptracegrpc.Option{
			otlptracegrpc.WithEndpoint(e.address), otlptracegrpc.WithHeaders(headers),
			otlptracegrpc.WithTimeout(time.Minute), // the caller's context is shorter
			otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{}),
		}
		if !e.secure {
			options = append(options, otlptracegrpc.WithInsecure())
		}
		x, err := otlptracegrpc.New(ctx, options...)
		if err != nil {
			return nil, err
		}
		return &exporter{Exporter: x, hide: strings.NewReplacer()}, nil
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConns: 1, ForceAttemptHTTP2: true}
	x, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(e.address), otlptracehttp.WithHeaders(headers),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}),
		otlptracehttp.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		return nil, err
	}
	return &exporter{Exporter: x, transport: transport, hide: e.hide()}, nil
}

func (e endpoint) hide() *strings.Replacer {
	u, err := url.Parse(e.address)
	if err != nil || len(u.Path) < 2 {
		return strings.NewReplacer()
	}
	return strings.NewReplacer(u.EscapedPath(), "/…", (&url.URL{Path: u.Path}).EscapedPath(), "/…", u.Path, "/…")
}

// close lets go of the connection.
func (x *exporter) close(ctx context.Context) error {
	err := x.Shutdown(ctx)
	if x.transport != nil {
		x.transport.CloseIdleConnections()
	}
	return err
}
