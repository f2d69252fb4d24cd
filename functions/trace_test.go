// Package functions_test looks at what no function can see alone: the trace of an order through all of them.
package functions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	rmq "github.com/apache/rocketmq-clients/golang/v5/protocol/v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"

	"github.com/chuandao/qianfan/functions/callback"
	"github.com/chuandao/qianfan/functions/dispatch"
	"github.com/chuandao/qianfan/functions/intake"
	"github.com/chuandao/qianfan/functions/quote"
	"github.com/chuandao/qianfan/functions/report"
	"github.com/chuandao/qianfan/functions/settle"
	"github.com/chuandao/qianfan/functions/timeout"
	"github.com/chuandao/qianfan/local/clock"
	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/local/sim/meituan"
	"github.com/chuandao/qianfan/local/sim/shansong"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/telemetry"
	"github.com/chuandao/qianfan/shared/telemetry/telemetrytest"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

// rig is the pipeline in one process, traced: the publisher speaks to a broker over the wire, the adapters to simulated parties.
type rig struct {
	rmq.UnimplementedMessagingServiceServer
	t         *testing.T
	clock     *clock.Clock
	store     *store.Store
	faults    *world.Faults
	meituan   *meituan.Service
	collector *telemetrytest.Collector
	handlers  map[string]function.EventHandler
	sweep     function.EventHandler
	drop      func(topic string, props map[string]string) bool
	work      sync.WaitGroup

	mu     sync.Mutex
	seq    int
	halves map[string]*rmq.Message
	errors []error
}

// SendMessage takes a message and delivers it when it is due.
func (r *rig) SendMessage(_ context.Context, request *rmq.SendMessageRequest) (*rmq.SendMessageResponse, error) {
	m := request.GetMessages()[0]
	r.mu.Lock()
	r.seq++
	id := strconv.Itoa(r.seq)
	half := m.GetSystemProperties().GetMessageType() == rmq.MessageType_TRANSACTION
	if half {
		r.halves[id] = m
	}
	r.mu.Unlock()
	if !half {
		r.deliver(m)
	}
	ok := &rmq.Status{Code: rmq.Code_OK}
	return &rmq.SendMessageResponse{Status: ok, Entries: []*rmq.SendResultEntry{{Status: ok, MessageId: id, TransactionId: id}}}, nil
}

// EndTransaction delivers or forgets a half message.
func (r *rig) EndTransaction(_ context.Context, request *rmq.EndTransactionRequest) (*rmq.EndTransactionResponse, error) {
	r.mu.Lock()
	m := r.halves[request.GetTransactionId()]
	delete(r.halves, request.GetTransactionId())
	r.mu.Unlock()
	if request.GetResolution() == rmq.TransactionResolution_COMMIT {
		r.deliver(m)
	}
	return &rmq.EndTransactionResponse{Status: &rmq.Status{Code: rmq.Code_OK}}, nil
}

func (r *rig) deliver(m *rmq.Message) {
	topic, props := m.GetTopic().GetName(), m.GetUserProperties()
	if r.drop != nil && r.drop(topic, props) {
		return
	}
	event, err := json.Marshal([]map[string]any{{"id": "1", "data": map[string]any{
		"topic": topic, "systemProperties": map[string]any{"UNIQ_KEY": "k"}, "body": string(m.GetBody())}}})
	require.NoError(r.t, err)
	run := func() { r.invoke(topic, r.handlers[topic], event) }
	if due, err := strconv.ParseInt(props[message.PropDue], 10, 64); err == nil {
		r.clock.AfterFunc(time.UnixMilli(due), run)
		return
	}
	run()
}

func (r *rig) invoke(what string, handle function.EventHandler, payload json.RawMessage) {
	done := r.clock.Busy(what)
	r.work.Go(func() {
		defer done()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := handle(ctx, payload); err != nil {
			r.mu.Lock()
			r.errors = append(r.errors, fmt.Errorf("%s: %w", what, err))
			r.mu.Unlock()
		}
	})
}

// traced are a function's dependencies that matter to its spans. Its tracer is never closed: what a flush did not send is missing.
func (r *rig) traced(name string) *stage.Deps {
	tracer, err := telemetry.New(telemetry.Config{Endpoint: r.collector.GRPC, Sample: 1, Service: name, Instance: name + "-1", Now: r.clock.System, Patience: 10 * time.Second})
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, tracer.Close(context.Background())) })
	return &stage.Deps{Name: name, Tracer: tracer, Clock: r.clock}
}

// event ends calls as the runtime does: with a flush.
func event(d *stage.Deps, handle function.EventHandler) function.EventHandler {
	handle = d.Event(handle)
	return func(ctx context.Context, payload json.RawMessage) error {
		defer func() { _ = d.Tracer.Flush(ctx) }()
		return handle(ctx, payload)
	}
}

func web(d *stage.Deps, handle http.Handler) http.Handler {
	handle = d.Web(handle)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { _ = d.Tracer.Flush(context.WithoutCancel(r.Context())) }()
		handle.ServeHTTP(w, r)
	})
}

const deposit money.Fen = 1_000_000_00

func newRig(t *testing.T, seed int64) *rig {
	t.Helper()
	c, err := clock.New(clock.Options{Path: filepath.Join(t.TempDir(), "clock"), Ceiling: 60, Jump: true})
	require.NoError(t, err)
	db, err := store.Open(store.Options{DSN: sqltest.Database(t), Key: bytes.Repeat([]byte{7}, 32), MaxConns: 16})
	require.NoError(t, err)
	require.NoError(t, db.Migrate(t.Context()))
	r := &rig{t: t, clock: c, store: db, faults: world.None(), collector: telemetrytest.Start(t), halves: map[string]*rmq.Message{}}
	seedStore(t, db)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	broker := grpc.NewServer()
	rmq.RegisterMessagingServiceServer(broker, r)
	var serving sync.WaitGroup
	serving.Go(func() { _ = broker.Serve(listener) }) // ends with Stop
	bus := message.NewClient(message.Config{Endpoint: listener.Addr().String(), Clock: c, Function: "test", Trace: telemetry.Traceparent})

	mux := http.NewServeMux()
	gateway := httptest.NewServer(mux)
	r.meituan = meituan.New(meituan.Options{Clock: c, System: c.System, Faults: r.faults, Seed: seed, PushBase: gateway.URL, Shops: sim.Shops(1)})
	ss := shansong.New(shansong.Options{Clock: c, System: c.System, Faults: r.faults, Seed: seed, InitialBalance: deposit, CallbackURL: gateway.URL + "/carrier/shansong"})
	platform, carrier := httptest.NewServer(r.meituan.Handler()), httptest.NewServer(ss.Handler())
	env := map[string]string{
		"QIANFAN_DEV":      "1",
		"QIANFAN_MEITUAN":  fmt.Sprintf(`{"app_id":"1001","secret":"mt-test-secret-0001","base_url":%q,"push_url":"as-received"}`, platform.URL),
		"QIANFAN_SHANSONG": fmt.Sprintf(`{"base_url":%q,"client_id":"ssTestClient01","secret":"iss-test-secret-0001","shop_id":"20000000000000001"}`, carrier.URL),
	}
	deps := settings.Deps{HTTP: stage.HTTP(), System: c.System}
	cs, err := carriers.FromEnv(func(k string) string { return env[k] }, deps)
	require.NoError(t, err)
	ps, err := platforms.FromEnv(func(k string) string { return env[k] }, deps)
	require.NoError(t, err)

	desk := acceptance.New(live.New(db, c), c, acceptance.Limits{})
	d := r.traced("intake")
	in := intake.New(intake.Deps{Platforms: ps, Store: db, Bus: bus, Clock: c, IDs: order.NewIDs(c.System, rand.New(rand.NewPCG(uint64(seed), 1))), Desk: desk,
		Instance: "intake", Tracer: d.Tracer}, intake.Config{Size: 10, Wait: time.Millisecond})
	mux.Handle("/upstream/", web(d, in))
	d = r.traced("callback")
	cb := callback.New(cs, bus, c, callback.Config{Size: 10, Wait: time.Millisecond, Tracer: d.Tracer})
	mux.Handle("/carrier/", web(d, cb))
	d = r.traced("quote")
	quotes := event(d, (&quote.Stage{Store: db, Bus: bus, Carriers: d.Carriers(cs), Clock: c, Owner: "quote", Platforms: ps, Desk: desk}).Handle)
	d = r.traced("dispatch")
	dispatcher := &dispatch.Stage{Store: db, Bus: bus, Carriers: d.Carriers(cs), Clock: c, Owner: "dispatch", Book: penalty.Default(), Live: live.New(db, c)}
	dispatches := event(d, dispatcher.Handle)
	d = r.traced("report")
	reports := event(d, (&report.Stage{Store: db, Platforms: d.Platforms(ps), Clock: c, Owner: "report"}).Handle)
	settles := event(r.traced("settle"), (&settle.Stage{Store: db, Clock: c}).Handle)
	timeouts := event(r.traced("timeout"), (&timeout.Stage{Store: db, Bus: bus, Clock: c}).Handle)
	r.sweep = timeouts
	r.handlers = map[string]function.EventHandler{
		message.OrderAccepted: quotes, message.QuoteWanted: quotes, message.OrderQuoted: dispatches, message.CarrierEvent: dispatches,
		message.OrderCommand: dispatches, message.OrderStatus: reports, message.Settlement: settles, message.OrderTimer: timeouts,
	}
	t.Cleanup(func() {
		r.meituan.Close()
		ss.Close()
		for _, s := range []*httptest.Server{gateway, platform, carrier} {
			s.CloseClientConnections()
			s.Close()
		}
		in.Close()
		cb.Close()
		c.Close()
		r.work.Wait()
		broker.Stop()
		serving.Wait()
		require.NoError(t, bus.Close())
		require.NoError(t, db.Close())
	})
	return r
}

func seedStore(t *testing.T, db *store.Store) {
	t.Helper()
	var shops []store.Shop
	for _, s := range sim.Shops(1) {
		shops = append(shops, store.Shop{Platform: "meituan", Code: s.Code, City: s.City, CityName: s.CityName,
			Stop: order.Stop{Name: s.Name, Phone: s.Phone, Address: s.Address, Point: geo.Point{Lng: s.Lng, Lat: s.Lat}}})
	}
	require.NoError(t, db.SaveShops(t.Context(), shops))
	require.NoError(t, db.SaveStrategy(t.Context(), strategy.Strategy{Name: "default", Mode: strategy.Cheapest, Carriers: []string{"shansong"},
		Quote:         strategy.Quoting{Deadline: strategy.Duration(1500 * time.Millisecond)},
		AcceptTimeout: strategy.Duration(90 * time.Second), GiveUpAfter: strategy.Duration(15 * time.Minute), ReleaseLead: strategy.Duration(45 * time.Minute)}))
	_, err := db.Deposit(t.Context(), "opening", "shansong", "main", deposit, 4, time.Unix(1, 0))
	require.NoError(t, err)
}

// run pushes n orders, with a sweep each virtual minute, until all are closed, and gives their ids.
func (r *rig) run(n int, seed int64) []int64 {
	r.t.Helper()
	people, err := sim.NewCustomers(sim.CustomersOptions{Clock: r.clock, Faults: r.faults, Seed: seed, Platforms: map[string]world.Platform{"meituan": r.meituan}})
	require.NoError(r.t, err)
	r.t.Cleanup(people.Close)
	var arm func()
	arm = func() {
		r.clock.AfterFunc(r.clock.Now().Add(time.Minute), func() {
			arm()
			r.invoke("sweep", r.sweep, []byte(`{"triggerTime":"2026-11-23T04:05:00Z","triggerName":"sweep","payload":""}`))
		})
	}
	arm()
	require.NoError(r.t, people.Run(r.t.Context(), n, 2))
	var ids []int64
	require.Eventually(r.t, func() bool {
		closed, _, err := r.store.Closed(r.t.Context(), store.ClosedCursor{})
		ids = ids[:0]
		for _, o := range closed {
			ids = append(ids, o.ID)
		}
		return err == nil && len(closed) == n
	}, 2*time.Minute, 50*time.Millisecond, "orders stay open: %+v", people.Counters())
	r.clock.Close() // no more timers and sweeps
	r.work.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Empty(r.t, r.errors)
	return ids
}

// traceOf is an order's trace, whole: one first span, and no other without its parent.
func (r *rig) traceOf(id int64) []telemetrytest.Span {
	r.t.Helper()
	byID := map[string]telemetrytest.Span{}
	var trace []telemetrytest.Span
	for _, s := range r.collector.Spans() {
		if s.Trace == telemetry.TraceOf(id) {
			require.NotContains(r.t, byID, s.ID)
			byID[s.ID] = s
			trace = append(trace, s)
		}
	}
	first := 0
	for _, s := range trace {
		if s.Parent == "" {
			first++
			require.Equal(r.t, "accept", s.Name)
			continue
		}
		require.Contains(r.t, byID, s.Parent, "%s of %s has lost its parent", s.Name, s.Service)
	}
	require.Equal(r.t, 1, first)
	return trace
}

func find(trace []telemetrytest.Span, service, name string) *telemetrytest.Span {
	i := slices.IndexFunc(trace, func(s telemetrytest.Span) bool { return s.Service == service && s.Name == name })
	if i < 0 {
		return nil
	}
	return &trace[i]
}

func TestAnOrderIsOneTrace(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ids := r.run(3, 1)
	for _, id := range ids {
		trace := r.traceOf(id)
		for _, want := range [][2]string{
			{"intake", "accept"}, {"quote", "quote"}, {"quote", "quote shansong"}, {"dispatch", "dispatch place"}, {"dispatch", "place shansong"},
			{"dispatch", "dispatch"}, {"dispatch", "dispatch query"}, {"callback", "callback"}, {"report", "report"}, {"report", "report meituan"}, {"settle", "settle"},
		} {
			require.NotNil(t, find(trace, want[0], want[1]), "%v of %d", want, id)
		}
		place := find(trace, "dispatch", "place shansong")
		require.Equal(t, find(trace, "dispatch", "dispatch place").ID, place.Parent)
		require.Equal(t, find(trace, "quote", "quote").ID, find(trace, "dispatch", "dispatch place").Parent, "items carry their parent")
		require.Equal(t, "ok", place.Attrs["qianfan.outcome"])
		require.Equal(t, int64(200), place.Attrs["http.response.status_code"])
		require.Equal(t, int64(1), place.Attrs["qianfan.attempt"])
		turn := find(trace, "dispatch", "dispatch place")
		require.Equal(t, []any{fmt.Sprint(id), "meituan", "received", "shansong"}, []any{turn.Attrs["qianfan.order"], turn.Attrs["qianfan.platform"], turn.Attrs["qianfan.from"], turn.Attrs["qianfan.carrier"]})
		var told []any
		for _, s := range trace {
			if s.Name == "report meituan" {
				told = append(told, s.Attrs["qianfan.state"])
			}
		}
		require.Contains(t, told, "delivered")
	}
	r.requireBatches(ids)
	r.requireNothingPersonal()
}

// Nothing but the sweep's own messages arrives: the trace goes on all the same, by the order's number alone.
func TestTheSweepContinuesTheTrace(t *testing.T) {
	t.Parallel()
	r := newRig(t, 2)
	r.drop = func(_ string, props map[string]string) bool { return props[timeout.PropSweep] == "" }
	for _, id := range r.run(2, 2) {
		trace := r.traceOf(id)
		sweep := find(trace, "timeout", "sweep")
		require.NotNil(t, sweep)
		require.Equal(t, find(trace, "intake", "accept").ID, sweep.Parent)
		require.NotNil(t, find(trace, "report", "report meituan"))
		require.NotNil(t, find(trace, "settle", "settle"))
	}
}

// requireBatches looks at the invocations' own spans: each names a topic and links to the orders that it worked on.
func (r *rig) requireBatches(ids []int64) {
	r.t.Helper()
	var traces []string
	for _, id := range ids {
		traces = append(traces, telemetry.TraceOf(id))
	}
	linked := map[string]map[string]bool{}
	for _, s := range r.collector.Spans() {
		if slices.Contains(traces, s.Trace) {
			continue
		}
		require.NotEmpty(r.t, s.Links, s.Name)
		require.NotZero(r.t, s.Attrs["messaging.batch.message_count"], s.Name)
		if linked[s.Name] == nil {
			linked[s.Name] = map[string]bool{}
		}
		for _, l := range s.Links {
			require.Contains(r.t, traces, l)
			linked[s.Name][l] = true
		}
	}
	for _, name := range []string{"intake orders", "callback batch", "quote batch", "dispatch batch", "report batch", "settle batch"} {
		require.Len(r.t, linked[name], len(ids), name)
	}
}

var phone = regexp.MustCompile(`^1[3-9]\d{9}\b|省|市|路|号`)

func (r *rig) requireNothingPersonal() {
	r.t.Helper()
	for _, s := range r.collector.Spans() {
		for k, v := range s.Attrs {
			if text, ok := v.(string); ok {
				require.NotRegexp(r.t, phone, text, k)
				require.Less(r.t, len(text), 60, k)
			}
		}
	}
}
