package stage

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/telemetry"
	"github.com/chuandao/qianfan/shared/telemetry/telemetrytest"
	"github.com/chuandao/qianfan/shared/upstream"
)

func TestTraceSettings(t *testing.T) {
	t.Parallel()
	read := func(values map[string]string) (telemetry.Config, error) {
		env := function.NewEnv(func(name string) (string, bool) { v, ok := values[name]; return v, ok })
		return traces(env, "quote"), env.Err()
	}
	cfg, err := read(nil)
	require.NoError(t, err)
	require.Empty(t, cfg.Endpoint)
	require.InDelta(t, 0.01, cfg.Sample, 0)
	cfg, err = read(map[string]string{"QIANFAN_OTLP_ENDPOINT": "jaeger:4317", "QIANFAN_OTLP_HEADERS": "Authentication=k=", "QIANFAN_TRACE_SAMPLE": "1", "QIANFAN_OTLP_TIMEOUT": "1s"})
	require.NoError(t, err)
	require.Equal(t, []any{"jaeger:4317", map[string]string{"authentication": "k="}, 1.0, time.Second, "quote"}, []any{cfg.Endpoint, cfg.Headers, cfg.Sample, cfg.Patience, cfg.Service})
	for name, value := range map[string]string{"QIANFAN_OTLP_ENDPOINT": "jaeger", "QIANFAN_OTLP_HEADERS": "secret", "QIANFAN_TRACE_SAMPLE": "2", "QIANFAN_OTLP_TIMEOUT": "soon"} {
		_, err := read(map[string]string{name: value})
		require.ErrorContains(t, err, name)
		require.NotContains(t, err.Error(), "secret")
	}
}

// rider is a carrier that answers everything with one error, or nothing, after asking its address.
type rider struct {
	carrier.Adapter
	http *http.Client
	url  string
	err  error
}

func (r rider) ask(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return err
	}
	resp, err := r.http.Do(request)
	if err != nil {
		return err
	}
	return errors.Join(resp.Body.Close(), r.err)
}

func (r rider) Quote(ctx context.Context, _ carrier.QuoteRequest) (carrier.Quote, error) {
	return carrier.Quote{Price: 900}, r.ask(ctx)
}

func (r rider) Place(ctx context.Context, _ carrier.PlaceRequest) (carrier.Placed, error) {
	return carrier.Placed{}, r.ask(ctx)
}

func (r rider) CancelFee(ctx context.Context, _ carrier.Ref) (money.Fen, error) {
	return 300, r.ask(ctx)
}

func (r rider) Cancel(ctx context.Context, _ carrier.CancelRequest) (carrier.CancelResult, error) {
	return carrier.CancelResult{Refused: true}, r.ask(ctx)
}

func (r rider) ConfirmReturn(ctx context.Context, _ carrier.Ref) error { return r.ask(ctx) }

func (r rider) Query(ctx context.Context, _ carrier.Ref) (carrier.Status, error) {
	return carrier.Status{}, r.ask(ctx)
}

func (r rider) Report(ctx context.Context, _ upstream.Milestone) error { return r.ask(ctx) }

// teller is a platform that is told by the same means.
type teller struct {
	upstream.Adapter
	rider
}

func (p teller) Report(ctx context.Context, m upstream.Milestone) error {
	return p.rider.Report(ctx, m)
}

func TestEveryCallHasASpan(t *testing.T) {
	t.Parallel()
	party := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(party.Close)
	client := HTTP()
	t.Cleanup(client.CloseIdleConnections)
	ref := carrier.Ref{OurNo: order.OurNo(7, 3)}
	for name, row := range map[string]struct {
		err     error
		outcome string
		failed  bool
		code    any
	}{
		"well":    {nil, "ok", false, nil},
		"decided": {&carrier.Error{Kind: carrier.KindNoCapacity, Code: "20", Message: "李女士 13800000000"}, "no_capacity", false, "20"},
		"doubt":   {errors.New("reset by 李女士"), "temporary", true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			collector := telemetrytest.Start(t)
			tracer, err := telemetry.New(telemetry.Config{Endpoint: collector.GRPC, Sample: 1, Service: "dispatch", Now: clock.System.Now, Patience: 10 * time.Second})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, tracer.Close(context.Background())) })
			d := &Deps{Name: "dispatch", Tracer: tracer}
			adapter := d.Carriers(map[string]carrier.Adapter{"uupt": rider{http: client, url: party.URL, err: row.err}})["uupt"]
			platform := d.Platforms(map[string]upstream.Adapter{"jd": teller{rider: rider{http: client, url: party.URL, err: row.err}}})["jd"]
			handle := d.Event(func(ctx context.Context, _ json.RawMessage) error {
				_, errs := adapter.Quote(ctx, carrier.QuoteRequest{OurNo: ref.OurNo})
				require.Equal(t, row.err == nil, errs == nil)
				_, _ = adapter.Place(ctx, carrier.PlaceRequest{QuoteRequest: carrier.QuoteRequest{OurNo: ref.OurNo}})
				fee, _ := adapter.CancelFee(ctx, ref)
				require.Equal(t, money.Fen(300), fee)
				result, _ := adapter.Cancel(ctx, carrier.CancelRequest{Ref: ref})
				require.True(t, result.Refused)
				_ = adapter.ConfirmReturn(ctx, ref)
				_, _ = adapter.Query(ctx, ref)
				octx, span := telemetry.Order(ctx, 7, "report", time.Time{})
				require.Equal(t, row.err == nil, platform.Report(octx, upstream.Milestone{State: order.Delivered}) == nil)
				span.End()
				return errs
			})
			ctx := fccontext.NewContext(t.Context(), &fccontext.FcContext{RequestID: "r-1"})
			require.Equal(t, row.err == nil, handle(ctx, nil) == nil)
			require.NoError(t, tracer.Flush(ctx))

			outcomes := map[string]any{}
			for _, s := range collector.Spans() {
				switch s.Name {
				case "report":
				case "dispatch batch":
					require.Equal(t, "r-1", s.Attrs["faas.invocation_id"])
					require.Equal(t, row.err != nil, s.Failed)
				default:
					outcomes[s.Name] = s.Attrs["qianfan.outcome"]
					require.Equal(t, telemetry.TraceOf(7), s.Trace)
					require.Equal(t, int64(http.StatusTeapot), s.Attrs["http.response.status_code"], s.Name)
					if s.Name == "report jd" {
						continue
					}
					require.Equal(t, "uupt", s.Attrs["peer.service"])
					require.Equal(t, int64(3), s.Attrs["qianfan.attempt"])
					require.Equal(t, row.code, s.Attrs["qianfan.code"])
					require.Equal(t, row.failed, s.Failed)
				}
			}
			want := map[string]any{"report jd": "ok", "cancel uupt": row.outcome}
			for _, operation := range []string{"quote", "place", "cancel_fee", "confirm_return", "query"} {
				want[operation+" uupt"] = row.outcome
			}
			if row.err == nil {
				want["cancel uupt"] = "refused"
			} else {
				want["report jd"] = "send_again"
			}
			require.Equal(t, want, outcomes)
			require.NotContains(t, collectorText(t, collector), "李女士")
		})
	}
}

func collectorText(t *testing.T, c *telemetrytest.Collector) string {
	t.Helper()
	text, err := json.Marshal(c.Spans())
	require.NoError(t, err)
	return string(text)
}

// Without a collector nothing is wrapped.
func TestOffWrapsNothing(t *testing.T) {
	t.Parallel()
	d := &Deps{Name: "quote"}
	carriers, platforms := map[string]carrier.Adapter{"uupt": rider{}}, map[string]upstream.Adapter{"jd": teller{}}
	require.Equal(t, carriers, d.Carriers(carriers))
	require.Equal(t, platforms, d.Platforms(platforms))
	mux := http.NewServeMux()
	require.Same(t, mux, d.Web(mux))
	handle := d.Event(func(ctx context.Context, _ json.RawMessage) error {
		require.Equal(t, t.Context(), ctx)
		return nil
	})
	require.NoError(t, handle(t.Context(), nil))
}

// A request's headers come to its order's span.
func TestRequestsLinkTheirCaller(t *testing.T) {
	t.Parallel()
	collector := telemetrytest.Start(t)
	tracer, err := telemetry.New(telemetry.Config{Endpoint: collector.HTTP, Sample: 1, Service: "intake", Now: clock.System.Now, Patience: 10 * time.Second})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tracer.Close(context.Background())) })
	d := &Deps{Name: "intake", Tracer: tracer}
	r := httptest.NewRequest(http.MethodPost, "/upstream/jd", nil)
	r.Header.Set("X-Fc-Request-Id", "r-1")
	r.Header.Set("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	r.Header.Set("X-Fc-Tracing-Opentracing-Span-Context", "a1:b2:0:1")
	d.Web(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { telemetry.Accepted(r.Context(), 7, "accept").End() })).ServeHTTP(httptest.NewRecorder(), r)
	require.NoError(t, tracer.Flush(t.Context()))
	s := collector.Spans()[0]
	require.Equal(t, []string{"4bf92f3577b34da6a3ce929d0e0e4736", "000000000000000000000000000000a1"}, s.Links)
	require.Equal(t, "r-1", s.Attrs["faas.invocation_id"])
}

// tipster offers all that a carrier may offer beyond carrier.Adapter.
type tipster struct{ rider }

func (r tipster) Tip(ctx context.Context, _ carrier.TipRequest) (carrier.Tipped, error) {
	return carrier.Tipped{}, r.ask(ctx)
}

func (r tipster) Tips(ctx context.Context, _ carrier.Ref) (money.Fen, error) { return 500, r.ask(ctx) }

func (r tipster) Locate(ctx context.Context, _ carrier.Ref) (carrier.Location, error) {
	return carrier.Location{}, r.ask(ctx)
}

// What an adapter offers is offered with spans, too, and nothing else is.
func TestTracingOffersWhatTheAdapterOffers(t *testing.T) {
	t.Parallel()
	whole := tipster{}
	base := rider{}
	for name, adapter := range map[string]carrier.Adapter{
		"nothing": base,
		"tips": struct {
			rider
			carrier.Tipper
		}{base, whole},
		"tips, told": struct {
			rider
			carrier.Tipper
			carrier.TipTeller
		}{base, whole, whole},
		"tips and places": struct {
			rider
			carrier.Tipper
			carrier.Locator
		}{base, whole, whole},
		"places": struct {
			rider
			carrier.Locator
		}{base, whole},
		"all": whole,
	} {
		traced := trace(adapter, "x")
		_, tips := adapter.(carrier.Tipper)
		_, tells := adapter.(carrier.TipTeller)
		_, locates := adapter.(carrier.Locator)
		_, tipsTraced := traced.(carrier.Tipper)
		_, tellsTraced := traced.(carrier.TipTeller)
		_, locatesTraced := traced.(carrier.Locator)
		require.Equal(t, []bool{tips, tells, locates}, []bool{tipsTraced, tellsTraced, locatesTraced}, name)
	}
}

// A carrier's further account is traced under the carrier's name.
func TestCallsOfFurtherAccounts(t *testing.T) {
	t.Parallel()
	party := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	t.Cleanup(party.Close)
	client := HTTP()
	t.Cleanup(client.CloseIdleConnections)
	collector := telemetrytest.Start(t)
	tracer, err := telemetry.New(telemetry.Config{Endpoint: collector.GRPC, Sample: 1, Service: "dispatch", Now: clock.System.Now, Patience: 10 * time.Second})
	require.NoError(t, err)
	d := Deps{Name: "dispatch", Tracer: tracer}
	set := carrier.Set(d.Carriers(carrier.Set{"uupt": rider{}, carrier.Key("uupt", "south"): tipster{rider{http: client, url: party.URL}}}))
	south := set[carrier.Key("uupt", "south")]
	ref := carrier.Ref{OurNo: order.OurNo(7, 3)}
	handle := d.Event(func(ctx context.Context, _ json.RawMessage) error {
		_, tip := south.(carrier.Tipper).Tip(ctx, carrier.TipRequest{Ref: ref})
		_, tips := south.(carrier.TipTeller).Tips(ctx, ref)
		_, where := south.(carrier.Locator).Locate(ctx, ref)
		return errors.Join(tip, tips, where)
	})
	require.NoError(t, handle(fccontext.NewContext(t.Context(), &fccontext.FcContext{RequestID: "r-1"}), nil))
	require.NoError(t, tracer.Flush(t.Context()))
	require.NoError(t, tracer.Close(t.Context()))
	var names []string
	for _, span := range collector.Spans() {
		names = append(names, span.Name)
	}
	require.Subset(t, names, []string{"tip uupt", "tips uupt", "position uupt"})
}
