// Package pipeline_test runs the seven stages in one process: real SQL and simulated parties
// over HTTP, but no function runtime and no broker, so that the race detector sees the
// stages at work and a failure is one stack trace away.
package pipeline_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/functions/callback"
	"github.com/chuandao/qianfan/functions/dispatch"
	"github.com/chuandao/qianfan/functions/intake"
	"github.com/chuandao/qianfan/functions/quote"
	"github.com/chuandao/qianfan/functions/report"
	"github.com/chuandao/qianfan/functions/settle"
	"github.com/chuandao/qianfan/functions/timeout"
	"github.com/chuandao/qianfan/local/clock"
	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/local/sim/jd"
	"github.com/chuandao/qianfan/local/sim/meituan"
	"github.com/chuandao/qianfan/local/sim/shansong"
	"github.com/chuandao/qianfan/local/sim/taobao"
	"github.com/chuandao/qianfan/local/sim/uupt"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

const deposit money.Fen = 1_000_000_00

// rig is the pipeline in one process.
type rig struct {
	t      *testing.T
	clock  *clock.Clock
	store  *store.Store
	faults *world.Faults
	sims   platformSims
	// platforms are those of sims where customers order.
	platforms map[string]world.Platform
	carriers  map[string]interface {
		Books() world.Books
		Totals() world.Totals
	}
	handlers map[string]func(context.Context, json.RawMessage) error
	sweep    func(context.Context) error
	work     sync.WaitGroup
	drop     func(message.Message) bool

	mu     sync.Mutex
	halves map[string]message.Message
	errors []error
}

// Publish delivers messages to their stage, each on a goroutine of the rig.
func (r *rig) Publish(_ context.Context, messages ...message.Message) error {
	for _, m := range messages {
		r.deliver(m)
	}
	return nil
}

func (r *rig) SendHalf(_ context.Context, m message.Message) (message.Half, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	id := m.Props[message.PropBatch]
	r.halves[id] = m
	return message.Half{ID: id}, nil
}

func (r *rig) End(_ context.Context, h message.Half, commit bool) error {
	r.mu.Lock()
	m := r.halves[h.ID]
	delete(r.halves, h.ID)
	r.mu.Unlock()
	if commit {
		r.deliver(m)
	}
	return nil
}

func (r *rig) deliver(m message.Message) {
	if r.drop != nil && r.drop(m) {
		return
	}
	run := func() {
		done := r.clock.Busy("message")
		r.work.Go(func() {
			defer done()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			if err := r.handlers[m.Topic](ctx, cloudEvents(r.t, m)); err != nil {
				r.mu.Lock()
				r.errors = append(r.errors, fmt.Errorf("%s: %w", m.Topic, err))
				r.mu.Unlock()
			}
		})
	}
	if !m.Due.IsZero() {
		r.clock.AfterFunc(m.Due, run)
		return
	}
	run()
}

func cloudEvents(t *testing.T, m message.Message) json.RawMessage {
	body, err := message.Encode(m.Topic, m.Items)
	require.NoError(t, err)
	raw, err := json.Marshal([]map[string]any{{"id": "1", "data": map[string]any{"topic": m.Topic, "systemProperties": map[string]any{"UNIQ_KEY": "k"}, "body": string(body)}}})
	require.NoError(t, err)
	return raw
}

// asApplication is a new database as functions see it: with a user who may not change the ledger.
func asApplication(t *testing.T, key []byte) *store.Store {
	t.Helper()
	dsn := sqltest.Database(t)
	owner, err := store.Open(store.Options{DSN: dsn, Key: key, MaxConns: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, owner.Close()) }()
	require.NoError(t, owner.Migrate(t.Context()))
	user, host, app := sqltest.App(t, dsn)
	_, err = owner.Grant(t.Context(), user, host)
	require.NoError(t, err)
	db, err := store.Open(store.Options{DSN: app, Key: key, MaxConns: 16})
	require.NoError(t, err)
	return db
}

func newRig(t *testing.T, faults *world.Faults, seed int64) *rig {
	t.Helper()
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	c, err := clock.New(clock.Options{Path: filepath.Join(t.TempDir(), "clock"), Ceiling: 60, Jump: true})
	require.NoError(t, err)
	key := bytes.Repeat([]byte{7}, 32)
	db := asApplication(t, key)
	r := &rig{t: t, clock: c, store: db, faults: faults, halves: map[string]message.Message{}}
	seedStore(t, db)

	mux := http.NewServeMux()
	gateway := httptest.NewServer(mux)
	people := platformsOf(c, faults, seed, gateway.URL)
	r.sims, r.platforms = people, map[string]world.Platform{"jd": people.jd, "meituan": people.meituan, "taobao": people.taobao}
	ss := shansong.New(shansong.Options{Clock: c, System: c.System, Faults: faults, Seed: seed, InitialBalance: deposit, CallbackURL: gateway.URL + "/carrier/shansong"})
	uu := uupt.New(uupt.Options{Clock: c, System: c.System, Faults: faults, Seed: seed, InitialBalance: deposit, CallbackURL: gateway.URL + "/carrier/uupt"})
	ssServer, uuServer := httptest.NewServer(ss.Handler()), httptest.NewServer(uu.Handler())
	r.carriers = map[string]interface {
		Books() world.Books
		Totals() world.Totals
	}{"shansong": ss, "uupt": uu}

	env := map[string]string{
		"QIANFAN_DEV":      "1",
		"QIANFAN_JD":       fmt.Sprintf(`{"app_key":"jd-test-app","secret":"jd-test-secret-0001","token":"jd-test-token","base_url":%q}`, people.servers[0].URL),
		"QIANFAN_MEITUAN":  fmt.Sprintf(`{"app_id":"1001","secret":"mt-test-secret-0001","base_url":%q,"push_url":"as-received"}`, people.servers[1].URL),
		"QIANFAN_TAOBAO":   fmt.Sprintf(`{"app_id":"22954133","secret":"ele-test-secret-0001","base_url":%q,"not_found_codes":["BIZ_ORDER_NOT_FOUND"]}`, people.servers[2].URL),
		"QIANFAN_SHANSONG": fmt.Sprintf(`{"base_url":%q,"client_id":"ssTestClient01","secret":"iss-test-secret-0001","shop_id":"20000000000000001"}`, ssServer.URL),
		"QIANFAN_UUPT":     fmt.Sprintf(`{"base_url":%q,"app_id":"uu-test-app-id","app_key":"uu-test-app-key-0001","open_id":"uu-test-open-id","callback_url":"%s/carrier/uupt"}`, uuServer.URL, gateway.URL),
	}
	getenv := func(k string) string { return env[k] }
	cs, err := carriers.FromEnv(getenv, settings.Deps{HTTP: http.DefaultClient, System: c.System})
	require.NoError(t, err)
	ps, err := platforms.FromEnv(getenv, settings.Deps{HTTP: http.DefaultClient, System: c.System})
	require.NoError(t, err)

	book := penalty.Default()
	desk := acceptance.New(live.New(db, c), c, acceptance.Limits{})
	ids := func(stream uint64) *order.IDs {
		return order.NewIDs(c.System, rand.New(rand.NewPCG(uint64(seed), stream)))
	}
	in := intake.New(intake.Deps{Platforms: ps, Store: db, Bus: r, Clock: c, IDs: ids(1), Desk: desk, Instance: "intake"}, intake.Config{Size: 1, Wait: time.Millisecond})
	cb := callback.New(cs, r, c, callback.Config{Size: 10, Wait: time.Millisecond})
	mux.Handle("/upstream/", in)
	mux.Handle("/carrier/", cb)
	q := &quote.Stage{Store: db, Bus: r, Carriers: cs, Clock: c, Owner: "quote", Platforms: ps, Desk: desk}
	d := &dispatch.Stage{Store: db, Bus: r, Carriers: cs, Clock: c, Owner: "dispatch", Book: book, Live: live.New(db, c)}
	rep := &report.Stage{Store: db, Platforms: ps, Clock: c, Owner: "report"}
	set := &settle.Stage{Store: db, Clock: c}
	to := &timeout.Stage{Store: db, Bus: r, Clock: c, Platforms: ps, Desk: desk, IDs: ids(2)}
	r.sweep = to.Sweep
	r.handlers = map[string]func(context.Context, json.RawMessage) error{
		message.OrderAccepted: q.Handle, message.QuoteWanted: q.Handle, message.OrderQuoted: d.Handle, message.CarrierEvent: d.Handle,
		message.OrderCommand: d.Handle, message.OrderStatus: rep.Handle, message.Settlement: set.Handle, message.OrderTimer: to.Handle,
	}
	t.Cleanup(func() {
		people.jd.Close()
		people.meituan.Close()
		people.taobao.Close()
		ss.Close()
		uu.Close()
		for _, s := range append(people.servers, gateway, ssServer, uuServer) {
			s.CloseClientConnections()
			s.Close()
		}
		in.Close()
		cb.Close()
		c.Close()
		r.work.Wait()
		require.NoError(t, db.Close())
	})
	return r
}

// platformSims are the simulated platforms and their addresses, in the same order.
type platformSims struct {
	jd      *jd.Service
	meituan *meituan.Service
	taobao  *taobao.Service
	servers []*httptest.Server
}

func platformsOf(c *clock.Clock, faults *world.Faults, seed int64, gateway string) platformSims {
	p := platformSims{
		jd:      jd.New(jd.Options{Clock: c, System: c.System, Faults: faults, Seed: seed, PushBase: gateway, Shops: sim.Shops(1)}),
		meituan: meituan.New(meituan.Options{Clock: c, System: c.System, Faults: faults, Seed: seed, PushBase: gateway, Shops: sim.Shops(1)}),
		taobao:  taobao.New(taobao.Options{Clock: c, System: c.System, Faults: faults, Seed: seed, PushBase: gateway, Shops: sim.Shops(1)}),
	}
	for _, h := range []http.Handler{p.jd.Handler(), p.meituan.Handler(), p.taobao.Handler()} {
		p.servers = append(p.servers, httptest.NewServer(h))
	}
	return p
}

func seedStore(t *testing.T, db *store.Store) {
	t.Helper()
	ctx := t.Context()
	var shops []store.Shop
	for _, s := range sim.Shops(1) {
		for _, platform := range []string{"jd", "meituan", "taobao"} {
			shops = append(shops, store.Shop{Platform: platform, Code: s.Code, City: s.City, CityName: s.CityName,
				Stop: order.Stop{Name: s.Name, Phone: s.Phone, Address: s.Address, Point: geo.Point{Lng: s.Lng, Lat: s.Lat}}})
		}
	}
	require.NoError(t, db.SaveShops(ctx, shops))
	require.NoError(t, db.SaveStrategy(ctx, strategy.Strategy{Name: "default", Mode: strategy.Cheapest, Carriers: []string{"shansong", "uupt"},
		Quote:         strategy.Quoting{Deadline: strategy.Duration(1500 * time.Millisecond)},
		AcceptTimeout: strategy.Duration(90 * time.Second), GiveUpAfter: strategy.Duration(15 * time.Minute), ReleaseLead: strategy.Duration(45 * time.Minute)}))
	for _, c := range []string{"shansong", "uupt"} {
		_, err := db.Deposit(ctx, "opening-"+c, c, "main", deposit, 4, time.Unix(1, 0))
		require.NoError(t, err)
	}
}

// run pushes n orders and waits until all are closed; the sweep runs each virtual minute.
func (r *rig) run(n int, rate float64, seed int64) {
	r.t.Helper()
	people, err := sim.NewCustomers(sim.CustomersOptions{Clock: r.clock, Faults: r.faults, Seed: seed, Platforms: r.platforms})
	require.NoError(r.t, err)
	r.t.Cleanup(people.Close)
	var arm func()
	arm = func() {
		r.clock.AfterFunc(r.clock.Now().Add(time.Minute), func() {
			arm()
			done := r.clock.Busy("sweep")
			r.work.Go(func() {
				defer done()
				if err := r.sweep(context.Background()); err != nil {
					r.mu.Lock()
					r.errors = append(r.errors, err)
					r.mu.Unlock()
				}
			})
		})
	}
	arm()
	require.NoError(r.t, people.Run(r.t.Context(), n, rate))
	require.Eventually(r.t, func() bool {
		closed, _, err := r.store.Closed(r.t.Context(), store.ClosedCursor{})
		k := people.Counters()
		return err == nil && len(closed) == k.Accepted+k.Unanswered && r.sims.taobao.Missed() == 0 // what nobody answered is pulled
	}, 2*time.Minute, 50*time.Millisecond, "orders stay open: %+v", people.Counters())
}

func (r *rig) states() map[string]int {
	closed, _, err := r.store.Closed(r.t.Context(), store.ClosedCursor{})
	require.NoError(r.t, err)
	out := map[string]int{}
	for _, c := range closed {
		out[c.State]++
	}
	return out
}

func TestOrdersAreDelivered(t *testing.T) {
	t.Parallel()
	r := newRig(t, world.None(), 1)
	r.run(20, 2, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Empty(t, r.errors)
	require.Equal(t, map[string]int{"delivered": 20}, r.states())
	r.requireBooks()
	require.Empty(t, r.sims.jd.Books().Violations)
	require.Empty(t, r.sims.meituan.Books().Violations)
	require.Empty(t, r.sims.taobao.Books().Violations)
}

func TestOrdersEndUnderStandardFaults(t *testing.T) {
	t.Parallel()
	r := newRig(t, world.Standard(), 2)
	r.run(60, 4, 2)
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Empty(t, r.errors)
	t.Log(r.states(), r.faults.Counters())
	r.requireBooks()
}

// Pushes that never arrive are pulled: new orders, and the cancel of one that has come.
func TestLostPushesArePulled(t *testing.T) {
	t.Parallel()
	faults := world.None()
	require.NoError(t, faults.Direct(world.Script{Party: "taobao", Fault: world.CallbackLost, Detail: "10", Times: 3}))
	r := newRig(t, faults, 4)
	delete(r.platforms, "jd")
	delete(r.platforms, "meituan")
	r.run(8, 1, 4)
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Empty(t, r.errors)
	require.Equal(t, map[string]int{"delivered": 8}, r.states())
	pulled := 0
	for _, o := range r.sims.taobao.Books().Orders {
		require.Equal(t, taobao.AnswerOK, o.Answer, o.No)
		if last := o.Pushes[len(o.Pushes)-1]; last.Outcome == "pulled" {
			pulled++
		}
	}
	require.Equal(t, 3, pulled)
	require.Empty(t, r.sims.taobao.Books().Violations)
	r.requireBooks()
}

// requireBooks compares what each carrier took, order by order, with what closed orders cost.
func (r *rig) requireBooks() {
	r.t.Helper()
	closed, _, err := r.store.Closed(r.t.Context(), store.ClosedCursor{})
	require.NoError(r.t, err)
	ours, theirs := map[string]money.Fen{}, map[string]money.Fen{}
	for _, c := range closed {
		if c.Cost != 0 {
			ours[fmt.Sprint(c.ID)] = c.Cost
		}
	}
	for _, c := range r.carriers {
		for _, o := range c.Books().Orders {
			if o.Charged != 0 {
				theirs[o.ClientNo[:len(o.ClientNo)-3]] += o.Charged
			}
		}
	}
	require.Equal(r.t, theirs, ours)
}

// Every message is dropped but the sweep's own: order-accepted, delays and callbacks'
// events included. The sweep alone closes 50 orders and applies every acknowledged cancel.
func TestSweepAloneClosesEveryOrder(t *testing.T) {
	t.Parallel()
	faults := world.None()
	require.NoError(t, faults.Set(map[string]float64{world.PlatformCancel: 0.3}))
	r := newRig(t, faults, 3)
	dropped := map[string]int{}
	r.drop = func(m message.Message) bool {
		keep := m.Props[timeout.PropSweep] != ""
		if !keep {
			r.mu.Lock()
			dropped[m.Topic]++
			r.mu.Unlock()
		}
		return !keep
	}
	r.run(50, 1, 3)
	r.requireBooks()
	r.mu.Lock()
	defer r.mu.Unlock()
	require.Empty(t, r.errors)
	states := r.states()
	t.Log("states", states, "dropped", dropped, "cancels", faults.Counters())
	require.Equal(t, 50, states["delivered"]+states["cancelled"]+states["returned"])
	require.NotZero(t, states["cancelled"])
	for _, topic := range []string{message.OrderAccepted, message.OrderQuoted, message.CarrierEvent, message.OrderCommand, message.OrderStatus, message.Settlement, message.OrderTimer} {
		require.NotZero(t, dropped[topic], "nothing was dropped from %s", topic)
	}
	open, err := r.store.UnappliedCommands(t.Context())
	require.NoError(t, err)
	require.Zero(t, open, "acknowledged cancels that nobody applied")
}
