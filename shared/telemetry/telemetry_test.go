package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/telemetry/telemetrytest"
)

// newTracer is patient: a slow machine makes no gaps.
func newTracer(t testing.TB, endpoint string, sample float64, now func() time.Time) *Tracer {
	t.Helper()
	return tracerOf(t, endpoint, sample, now, 10*time.Second)
}

func tracerOf(t testing.TB, endpoint string, sample float64, now func() time.Time, patience time.Duration) *Tracer {
	t.Helper()
	tracer, err := New(Config{Endpoint: endpoint, Sample: sample, Service: "quote", Instance: "quote-1", Version: "v1", Now: now, Patience: patience,
		Headers: map[string]string{"authentication": "key"}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tracer.Close(context.Background())) })
	return tracer
}

func named(spans []telemetrytest.Span, name string) telemetrytest.Span {
	for _, s := range spans {
		if s.Name == name {
			return s
		}
	}
	return telemetrytest.Span{}
}

func TestTraceIDFollowsFromTheOrder(t *testing.T) {
	t.Parallel()
	// printf 'qianfan order %d' 7 | sha256sum | cut -c1-48
	for order, want := range map[int64]string{
		1:                   "ae929e44a5c014d7c7d593181f1a75a254ba67694d794496",
		7:                   "8c13a44a9c7e1c33d4e812ab12849a0e8acc62fa608104e6",
		9223372036854775807: "0b92020abe7a49a0d51093773b2c06d67cbc540d22e8cffb",
	} {
		require.Equal(t, want[:32], TraceOf(order))
		require.Equal(t, want[32:], rootOf(order).SpanID().String())
	}
}

func TestShareOfOrders(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{0, 0.01, 0.5, 1} {
		taken, wider := 0, 0
		for order := range int64(20_000) {
			id := rootOf(order).TraceID()
			if newSampler(share).takes(id) {
				taken++
				require.True(t, newSampler(math.Sqrt(share)).takes(id), "whoever traces more traces these too")
			}
			if newSampler(math.Sqrt(share)).takes(id) {
				wider++
			}
		}
		require.InDelta(t, share*20_000, taken, 300)
		require.GreaterOrEqual(t, wider, taken)
	}
}

// Both protocols carry the same, with the headers, and as soon as Flush returns.
func TestSpansAreThereWhenFlushReturns(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	for i, endpoint := range []string{c.GRPC, c.HTTP, c.HTTP + "/v1/traces", "grpc://" + c.GRPC} {
		tracer := newTracer(t, endpoint, 1, clock.System.Now)
		ctx, end := tracer.Batch(t.Context(), "quote batch", Caller{RequestID: "r-1"})
		Received(ctx, "order-accepted", "")
		octx, span := Order(ctx, 7, "quote", time.Time{})
		require.Equal(t, TraceOf(7), trace.SpanContextFromContext(octx).TraceID().String())
		_, call := Call(ctx, 7, "quote", "uupt")
		call.Outcome("temporary", true).End()
		span.Text("platform", "meituan").Text("nothing", "").Int("round", 1).Bool("repeat", true).Outcome("quoted", false).End()
		end(errors.New("one was bad"))
		require.NoError(t, tracer.Flush(t.Context()))

		all := c.Spans()
		require.Len(t, all, 3*(i+1), endpoint)
		spans := all[3*i:]
		order, client, batch := named(spans, "quote"), named(spans, "quote uupt"), named(spans, "quote batch")
		require.Equal(t, "quote", order.Service)
		require.Equal(t, []string{TraceOf(7), rootOf(7).SpanID().String()}, []string{order.Trace, order.Parent})
		require.Equal(t, map[string]any{"qianfan.order": "7", "qianfan.platform": "meituan", "qianfan.round": int64(1), "qianfan.repeat": true, "qianfan.outcome": "quoted"}, order.Attrs)
		require.Equal(t, otlp.Span_SPAN_KIND_CONSUMER, order.Kind)
		require.Equal(t, []string{batch.Trace}, order.Links)
		require.Equal(t, []string{TraceOf(7), order.ID}, []string{client.Trace, client.Parent})
		require.Equal(t, otlp.Span_SPAN_KIND_CLIENT, client.Kind)
		require.True(t, client.Failed)
		require.NotEqual(t, TraceOf(7), batch.Trace)
		require.Equal(t, []string{TraceOf(7)}, batch.Links)
		require.True(t, batch.Failed)
		require.Equal(t, "r-1", batch.Attrs["faas.invocation_id"])
		require.Equal(t, "order-accepted", batch.Attrs["messaging.destination.name"])
		require.Equal(t, int64(1), batch.Attrs["messaging.batch.message_count"])
		require.Equal(t, []string{"key"}, c.Headers()[i].Get("authentication"))
	}
}

// What one function sends, the next one continues, also when it would not trace that order by itself.
func TestItemsCarryTheirParent(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	sender, receiver := newTracer(t, c.GRPC, 1, clock.System.Now), newTracer(t, c.GRPC, 0, clock.System.Now)
	ctx, _ := sender.Batch(t.Context(), "a", Caller{})
	require.Empty(t, Traceparent(ctx, 7), "nothing was done for it yet")
	_, first := Order(ctx, 7, "first", time.Time{})
	_, second := Order(ctx, 7, "second", time.Time{})
	parent := Traceparent(ctx, 7)
	second.End()
	first.End()

	ctx, end := receiver.Batch(t.Context(), "b", Caller{})
	Received(ctx, "order-quoted", parent)
	Received(ctx, "order-quoted", "")
	Received(ctx, "order-quoted", "00-00000000000000000000000000000000-0000000000000000-01")
	_, third := Order(ctx, 7, "third", time.Time{})
	third.End()
	_, other := Order(ctx, 8, "other", time.Time{})
	other.End()
	end(nil)
	require.NoError(t, errors.Join(sender.Flush(t.Context()), receiver.Flush(t.Context())))
	spans := c.Spans()
	require.Equal(t, named(spans, "first").ID, named(spans, "second").Parent)
	require.Equal(t, named(spans, "second").ID, named(spans, "third").Parent)
	require.Equal(t, TraceOf(7), named(spans, "third").Trace)
	require.Len(t, spans, 4, "order 8 is traced by nobody")
	require.Equal(t, int64(3), named(spans, "b").Attrs["messaging.batch.message_count"])
}

// An order's first span is the one that all others, who know only its number, name as their parent.
func TestFirstSpan(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	tracer := newTracer(t, c.GRPC, 1, clock.System.Now)
	began := clock.System.Now()
	ctx := tracer.Request(t.Context(), Caller{RequestID: "r-1", Traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", Platform: "a1:b2:0:1"})
	Accepted(ctx, 7, "accept").Text("platform", "jd").End()
	require.NoError(t, tracer.Flush(t.Context()))
	spans := c.Spans()
	require.Len(t, spans, 1, "a request has no span besides its order's")
	s := spans[0]
	require.Equal(t, []string{TraceOf(7), rootOf(7).SpanID().String(), ""}, []string{s.Trace, s.ID, s.Parent})
	require.Equal(t, []string{"4bf92f3577b34da6a3ce929d0e0e4736", "000000000000000000000000000000a1"}, s.Links)
	require.Equal(t, otlp.Span_SPAN_KIND_SERVER, s.Kind)
	require.False(t, s.Began.Before(began), "it begins with the request")
}

func TestBatchBelowThePlatformsSpan(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	tracer := newTracer(t, c.GRPC, 1, clock.System.Now)
	ctx, end := tracer.Batch(t.Context(), "batch", Caller{Platform: "a1:b2:0:1"})
	const orders = maxLinks + 6
	for id := range int64(orders) {
		Includes(ctx, id+1)
	}
	end(nil)
	require.NoError(t, tracer.Flush(t.Context()))
	s := c.Spans()[0]
	require.Equal(t, []string{"000000000000000000000000000000a1", "00000000000000b2"}, []string{s.Trace, s.Parent})
	require.Len(t, s.Links, maxLinks)
	require.Equal(t, int64(6), s.Attrs["qianfan.orders_not_linked"])
	require.Equal(t, int64(orders), s.Attrs["messaging.batch.message_count"])
}

// Requests of one instance end together: each finds its span sent, in few exports.
func TestFlushesShareAnExport(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	tracer := newTracer(t, c.GRPC, 1, clock.System.Now)
	const n = 50
	var work sync.WaitGroup
	missing := make(chan int64, n)
	for id := range int64(n) {
		work.Go(func() {
			ctx := tracer.Request(t.Context(), Caller{})
			Accepted(ctx, id+1, fmt.Sprint(id)).End()
			_ = tracer.Flush(t.Context())
			if named(c.Spans(), fmt.Sprint(id)).ID == "" {
				missing <- id
			}
		})
	}
	work.Wait()
	require.Empty(t, missing)
	require.Len(t, c.Spans(), n)
	require.LessOrEqual(t, c.Exports(), n)
}

// blackHole accepts connections and says nothing.
func blackHole(t *testing.T) (address string, accepted func() int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var mu sync.Mutex
	var conns []net.Conn
	var work sync.WaitGroup
	work.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		work.Wait()
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	return listener.Addr().String(), func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(conns)
	}
}

// A collector that is away costs one short wait for everybody who waits together, and then nothing.
func TestDeadCollectorCostsOneShortWait(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"", "http://"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			address, accepted := blackHole(t)
			now := clock.NewManual(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC))
			tracer := tracerOf(t, scheme+address, 1, now.System, 0)
			record := func(id int64) {
				Accepted(tracer.Request(t.Context(), Caller{}), id, "accept").End()
			}
			began := clock.System.Now()
			var work sync.WaitGroup
			for id := range int64(8) {
				work.Go(func() { record(id + 1); _ = tracer.Flush(t.Context()) })
			}
			work.Wait()
			cost := clock.System.Now().Sub(began)
			t.Logf("eight flushes at once took %s", cost)
			require.Less(t, cost, time.Second)
			require.Equal(t, 1, accepted())

			record(9)
			require.NoError(t, tracer.Flush(t.Context()))
			require.Equal(t, 1, accepted(), "it is left alone")
			now.Advance(minPause)
			require.NoError(t, tracer.Flush(t.Context()))
			require.Equal(t, 2, accepted(), "and tried again")
			now.Advance(minPause)
			record(10)
			require.NoError(t, tracer.Flush(t.Context()))
			require.Equal(t, 2, accepted(), "less and less often")
		})
	}
}

// Spans of an export that failed go with the next one; those that failed twice are counted as lost.
func TestFailedSpansAreSentOnceMore(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	now := clock.NewManual(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC))
	tracer := newTracer(t, c.HTTP, 1, now.System)
	flush := func(ids ...int64) {
		for _, id := range ids {
			Accepted(tracer.Request(t.Context(), Caller{}), id, fmt.Sprint(id)).End()
		}
		require.NoError(t, tracer.Flush(t.Context()))
	}
	c.Refuse(errors.New("too busy"))
	flush(1)
	now.Advance(minPause)
	flush(2, 3)
	require.Equal(t, 2, c.Exports())
	c.Refuse(nil)
	now.Advance(2 * minPause)
	flush()
	var names []string
	for _, s := range c.Spans() {
		names = append(names, s.Name)
	}
	require.Equal(t, []string{"2", "3"}, names)
	flush(4)
	require.Len(t, c.Spans(), 3, "all is well again")
}

// slow is a sender that takes so many spans and then lets the flush's time pass.
type slow struct {
	takes int
	sizes []int
}

func (s *slow) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if s.takes -= len(spans); s.takes < 0 {
		<-ctx.Done()
		return ctx.Err()
	}
	s.sizes = append(s.sizes, len(spans))
	return nil
}

func (s *slow) close(context.Context) error { return nil }

// What finds no room is counted; what a flush has no time for goes with the next one, and the collector is not blamed.
func TestBufferIsBounded(t *testing.T) {
	t.Parallel()
	collector := &slow{takes: 3 * chunk}
	b := newBuffer(func(context.Context) (sender, error) { return collector, nil }, clock.System.Now, 0)
	for range capacity + 10 {
		b.OnEnd(nil)
	}
	require.Equal(t, 10, b.lost)
	require.NoError(t, b.ForceFlush(t.Context()))
	require.Equal(t, []int{chunk, chunk, chunk}, collector.sizes)
	require.Len(t, b.held, capacity-3*chunk)
	collector.takes = capacity
	require.NoError(t, b.ForceFlush(t.Context()))
	require.Len(t, collector.sizes, capacity/chunk)
	require.Zero(t, b.lost)
	require.False(t, b.due())
}

// hung is a sender that never answers.
type hung struct{ tries int }

func (h *hung) ExportSpans(ctx context.Context, _ []sdk.ReadOnlySpan) error {
	h.tries++
	<-ctx.Done()
	return ctx.Err()
}

func (h *hung) close(context.Context) error { return nil }

// An invocation that has hardly any time left answers with it. Its spans go with the next one.
func TestFlushNeverMakesAnAnswerLate(t *testing.T) {
	t.Parallel()
	collector := &hung{}
	now := clock.System.Now()
	b := newBuffer(func(context.Context) (sender, error) { return collector, nil }, func() time.Time { return now }, 10*time.Millisecond)
	b.OnEnd(nil)
	ctx, cancel := context.WithDeadline(t.Context(), now.Add(20*time.Millisecond-1))
	defer cancel()
	require.NoError(t, b.ForceFlush(ctx))
	require.Zero(t, collector.tries)
	require.Len(t, b.spans, 1)
	ctx, cancel = context.WithDeadline(t.Context(), now.Add(time.Hour))
	defer cancel()
	require.NoError(t, b.ForceFlush(ctx))
	require.Equal(t, 1, collector.tries)
}

// A connection that was silent is made anew: the instance may have been frozen meanwhile.
func TestSilentConnectionIsMadeAnew(t *testing.T) {
	t.Parallel()
	c := telemetrytest.Start(t)
	now := clock.NewManual(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC))
	tracer := newTracer(t, c.GRPC, 1, now.System)
	var used []sender
	for _, pause := range []time.Duration{0, silence, silence + 1} {
		now.Advance(pause)
		Accepted(tracer.Request(t.Context(), Caller{}), 7, "accept").End()
		require.NoError(t, tracer.Flush(t.Context()))
		used = append(used, tracer.buffer.x)
	}
	require.Same(t, used[0], used[1])
	require.NotSame(t, used[1], used[2])
	require.Len(t, c.Spans(), 3)
}

func TestLinesAboutATracedOrderSaySo(t *testing.T) {
	t.Parallel()
	tracer := newTracer(t, "127.0.0.1:1", 1, clock.System.Now)
	none := newTracer(t, "127.0.0.1:1", 0, clock.System.Now)
	var out bytes.Buffer
	line := func(tracer *Tracer, ctx context.Context, args ...any) map[string]any {
		out.Reset()
		slog.New(Logs(slog.NewJSONHandler(&out, nil), tracer)).With("function", "quote").ErrorContext(ctx, "needs attention", args...)
		var got map[string]any
		require.NoError(t, json.Unmarshal(out.Bytes(), &got))
		return got
	}
	require.Equal(t, TraceOf(7), line(tracer, t.Context(), "order", int64(7))["trace_id"])
	require.Equal(t, "quote", line(tracer, t.Context(), "order", int64(7))["function"])
	for _, got := range []map[string]any{line(nil, t.Context(), "order", int64(7)), line(none, t.Context(), "order", int64(7)), line(tracer, t.Context(), "orders", 7)} {
		require.NotContains(t, got, "trace_id")
	}
	ctx, _ := Order(tracer.Request(t.Context(), Caller{}), 9, "report", time.Time{})
	got := line(tracer, ctx, "reason", "x")
	require.Equal(t, TraceOf(9), got["trace_id"])
	require.Equal(t, trace.SpanContextFromContext(ctx).SpanID().String(), got["span_id"])
}

// visit is what a stage does for an order.
func visit(ctx context.Context, tracer *Tracer) {
	ctx, end := tracer.Batch(ctx, "quote batch", Caller{})
	Received(ctx, "order-accepted", "")
	step(ctx)
	end(nil)
	_ = tracer.Flush(ctx)
}

func step(ctx context.Context) {
	Includes(ctx, 7)
	Accepted(ctx, 7, "accept").Text("platform", "jd").End()
	octx, span := Order(ctx, 7, "quote", time.Time{})
	cctx, call := Call(octx, 7, "quote", "uupt")
	HTTPStatus(cctx, 200)
	call.Outcome("ok", false).End()
	span.Text("platform", "jd").Int("round", 1).Bool("repeat", true).End()
	if Traceparent(ctx, 7) != "" {
		panic("order 7 is not traced")
	}
}

func TestOffCostsNothing(t *testing.T) {
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(1000, func() { visit(ctx, nil) }))
	ctx, _ = newTracer(t, "127.0.0.1:1", 0, clock.System.Now).Batch(ctx, "batch", Caller{})
	require.Zero(t, testing.AllocsPerRun(1000, func() { step(ctx) }), "nor does an order that is not traced")
}

func BenchmarkOff(b *testing.B) {
	b.ReportAllocs()
	ctx := b.Context()
	for b.Loop() {
		visit(ctx, nil)
	}
}

func BenchmarkNotSampled(b *testing.B) {
	b.ReportAllocs()
	ctx, _ := newTracer(b, "127.0.0.1:1", 0, clock.System.Now).Batch(b.Context(), "batch", Caller{})
	for b.Loop() {
		step(ctx)
	}
}

func BenchmarkTraced(b *testing.B) {
	b.ReportAllocs()
	c := telemetrytest.Start(b)
	tracer := newTracer(b, c.GRPC, 1, clock.System.Now)
	for b.Loop() {
		ctx, end := tracer.Batch(b.Context(), "batch", Caller{})
		for id := range int64(25) {
			_, span := Order(ctx, id+1, "quote", time.Time{})
			span.Text("platform", "jd").End()
		}
		end(nil)
		_ = tracer.Flush(b.Context())
	}
}
