package stage

import (
	"context"
	"encoding/json"
	"net/http"
	"runtime/debug"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/telemetry"
)

// traceShare of the orders is traced where nothing else is set.
const traceShare = 0.01

// traces reads where the spans go.
func traces(env *function.Env, name string) telemetry.Config {
	cfg := telemetry.Config{
		Endpoint: env.Optional(function.EnvOTLPEndpoint, ""), Sample: env.Float(function.EnvTraceSample, traceShare, 0, 1),
		Patience: env.Duration(function.EnvOTLPTimeout, 0), Service: name, Version: version(), Now: clock.System.Now,
	}
	var err error
	if cfg.Headers, err = telemetry.ParseHeaders(env.Optional(function.EnvOTLPHeaders, "")); err != nil {
		env.Problem(function.EnvOTLPHeaders, "is not a list name=value,…: %v", err)
	}
	if err := telemetry.CheckEndpoint(cfg.Endpoint); err != nil {
		env.Problem(function.EnvOTLPEndpoint, "%v", err)
	}
	return cfg
}

// version names the build: the module's version, or the commit that it was made of.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return info.Main.Version
}

// Event gives an event function's calls a batch span.
func (d *Deps) Event(handle function.EventHandler) function.EventHandler {
	if d.Tracer == nil {
		return handle
	}
	return func(ctx context.Context, payload json.RawMessage) (err error) {
		caller := function.EventCaller(ctx)
		ctx, end := d.Tracer.Batch(ctx, d.Name+" batch", telemetry.Caller{RequestID: caller.RequestID, Platform: caller.Span})
		defer func() { end(err) }()
		return handle(ctx, payload)
	}
}

// Web lets a web function's requests record their orders.
func (d *Deps) Web(handle http.Handler) http.Handler {
	if d.Tracer == nil {
		return handle
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller := function.WebCaller(r.Header)
		ctx := d.Tracer.Request(r.Context(), telemetry.Caller{RequestID: caller.RequestID, Platform: caller.Span, Traceparent: r.Header.Get("Traceparent")})
		handle.ServeHTTP(w, r.WithContext(ctx))
	})
}

// statuses notes the status of each answer on the call's span.
type statuses struct{ *http.Transport }

// RoundTrip sends the request.
func (t statuses) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.Transport.RoundTrip(r)
	if err == nil {
		telemetry.HTTPStatus(r.Context(), resp.StatusCode)
	}
	return resp, err
}
