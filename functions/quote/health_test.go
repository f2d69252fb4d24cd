package quote

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/health"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

var noon = time.Date(2026, 3, 4, 4, 0, 0, 0, time.UTC)

const (
	deadline = time.Second      // of the rig's quotes
	patient  = 20 * time.Second // with Redis: a loaded machine is no outage
)

// asked is a carrier that answers as it is told, and counts.
type asked struct {
	carrier.Adapter
	calls  atomic.Int64
	answer atomic.Pointer[func(ctx context.Context) error] // nil: a price
}

func (a *asked) Facts() carrier.Facts {
	return carrier.Facts{Account: "main", QuoteTTL: time.Minute}
}

func (a *asked) Quote(ctx context.Context, _ carrier.QuoteRequest) (carrier.Quote, error) {
	a.calls.Add(1)
	if answer := a.answer.Load(); answer != nil {
		return carrier.Quote{}, (*answer)(ctx)
	}
	return carrier.Quote{Token: "t", Price: 900}, nil
}

func (a *asked) says(err error) {
	answer := func(context.Context) error { return err }
	a.answer.Store(&answer)
}

func (a *asked) hangs() {
	answer := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	a.answer.Store(&answer)
}

func (a *asked) well() { a.answer.Store(nil) }

var (
	broken  = &carrier.Error{Carrier: "uupt", Op: "quote", Kind: carrier.KindTemporary, Err: io.ErrUnexpectedEOF}
	refusal = &carrier.Error{Carrier: "uupt", Op: "quote", Kind: carrier.KindNoCapacity, Message: "运力不足"}
	openNow = "breaker open since 2026-03-04T04:00:00Z"
)

// rig is the stage over a database of its own, with two carriers.
type rig struct {
	*Stage
	t              testing.TB
	db             *sql.DB
	clock          *clock.Manual
	shansong, uupt *asked
	lastID         int64
	reuse          time.Duration // of the orders' strategy
	announced      atomic.Int64
}

// Publish counts the rounds that are announced.
func (r *rig) Publish(_ context.Context, messages ...message.Message) error {
	for _, m := range messages {
		r.announced.Add(int64(len(m.Items)))
	}
	return nil
}

func newRig(t testing.TB, redis string, timeout time.Duration) *rig {
	t.Helper()
	dsn := sqltest.Database(t)
	db, err := store.Open(store.Options{DSN: dsn, Key: []byte("0123456789abcdef0123456789abcdef")})
	require.NoError(t, err)
	raw, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	r := &rig{t: t, db: raw, clock: clock.NewManual(noon), shansong: &asked{}, uupt: &asked{}, lastID: 247_000_000_000_000_000}
	shared := cache.New(cache.Options{Addr: redis, Timeout: timeout, Now: r.clock.System})
	t.Cleanup(func() { require.NoError(t, errors.Join(shared.Close(), raw.Close(), db.Close())) })
	require.NoError(t, db.Migrate(t.Context()))
	r.Stage = &Stage{Store: db, Bus: r, Carriers: map[string]carrier.Adapter{"shansong": r.shansong, "uupt": r.uupt}, Clock: r.clock,
		Owner: "quote-test", Health: health.New(health.DefaultPolicy(), shared, r.clock.System)}
	return r
}

// batch stores n orders and quotes them.
func (r *rig) batch(n int, carriers ...string) []int64 {
	r.t.Helper()
	var ids []int64
	var orders []store.NewOrder
	var items []message.Item
	for range n {
		r.lastID++
		ids = append(ids, r.lastID)
		orders = append(orders, store.NewOrder{Hash: "h", Order: order.Order{ID: r.lastID, Platform: "meituan", No: fmt.Sprint(r.lastID), City: "330100",
			State: order.Received, Version: 1, Round: 1, ReceivedAt: noon, ActAt: noon.Add(time.Minute),
			Timers: []order.Timer{{Kind: order.TimerQuote, Due: noon.Add(time.Minute), Epoch: 1}},
			Strategy: strategy.Strategy{Name: "default", Mode: strategy.Cheapest, Carriers: carriers, Quote: strategy.Quoting{Deadline: strategy.Duration(deadline), Reuse: strategy.Duration(r.reuse)},
				AcceptTimeout: strategy.Duration(time.Minute), GiveUpAfter: strategy.Duration(time.Hour)}}})
		items = append(items, message.Item{Key: fmt.Sprint(r.lastID), Order: r.lastID})
	}
	_, err := r.Store.Intake(r.t.Context(), fmt.Sprintf("b%d", ids[0]), orders, noon)
	require.NoError(r.t, err)
	body, err := message.Encode(message.OrderAccepted, items)
	require.NoError(r.t, err)
	raw, err := json.Marshal([]map[string]any{{"id": "1", "data": map[string]any{"topic": message.OrderAccepted, "systemProperties": map[string]any{"UNIQ_KEY": "k"}, "body": string(body)}}})
	require.NoError(r.t, err)
	before := r.announced.Load()
	require.NoError(r.t, r.Handle(r.t.Context(), raw))
	require.EqualValues(r.t, n, r.announced.Load()-before, "every round is announced")
	return ids
}

// lines are what the rows of an order's quotes say by carrier: "" = a price.
func (r *rig) lines(id int64) map[string]string {
	r.t.Helper()
	rows, err := r.db.QueryContext(r.t.Context(), "SELECT carrier, refused FROM quote WHERE order_id = ?", id)
	require.NoError(r.t, err)
	defer func() { require.NoError(r.t, rows.Close()) }()
	out := map[string]string{}
	for rows.Next() {
		var name, refused string
		require.NoError(r.t, rows.Scan(&name, &refused))
		out[name] = refused
	}
	require.NoError(r.t, rows.Err())
	return out
}

func TestADeadCarrierLeavesQuotingAndComesBack(t *testing.T) {
	t.Parallel()
	redis := miniredis.RunT(t)
	r := newRig(t, redis.Addr(), patient)
	r.batch(5, "shansong", "uupt")
	r.uupt.says(broken)
	r.batch(10, "shansong", "uupt")
	r.batch(10, "shansong", "uupt")
	dead := r.uupt.calls.Load()
	require.EqualValues(t, 25, dead)

	ids := r.batch(25, "shansong", "uupt", "unheard")
	require.Equal(t, dead, r.uupt.calls.Load(), "nobody asks it")
	for _, id := range ids {
		require.Equal(t, map[string]string{"shansong": "", "uupt": openNow, "unheard": "not configured"}, r.lines(id))
	}

	r.uupt.well()
	r.clock.Advance(5 * time.Second)
	redis.FastForward(5 * time.Second)
	r.batch(25, "shansong", "uupt")
	require.Equal(t, dead+1, r.uupt.calls.Load(), "one order asks it")
	r.batch(25, "shansong", "uupt")
	require.Equal(t, dead+26, r.uupt.calls.Load(), "and then all do")
}

func TestACarrierThatHangsCostsItsDeadlineNoLonger(t *testing.T) {
	t.Parallel()
	r := newRig(t, miniredis.RunT(t).Addr(), patient)
	r.uupt.hangs()
	began := time.Now()
	r.batch(12, "shansong", "uupt")
	require.GreaterOrEqual(t, time.Since(began), deadline)
	began = time.Now()
	ids := r.batch(25, "shansong", "uupt")
	took := time.Since(began)
	require.Less(t, took, deadline, "the orders do not wait for it any more")
	t.Logf("25 orders beside an open breaker took %s", took)
	require.Equal(t, openNow, r.lines(ids[24])["uupt"])
}

func TestRefusalsKeepACarrierInQuoting(t *testing.T) {
	t.Parallel()
	r := newRig(t, miniredis.RunT(t).Addr(), patient)
	r.uupt.says(refusal)
	r.batch(30, "shansong", "uupt")
	ids := r.batch(1, "shansong", "uupt")
	require.Contains(t, r.lines(ids[0])["uupt"], "运力不足")
}

func TestAnOrderWithoutAnyOtherCarrierAsksTheOpenOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, miniredis.RunT(t).Addr(), patient)
	r.uupt.says(broken)
	r.batch(12, "shansong", "uupt")
	ids := r.batch(2, "uupt", "unheard")
	require.Contains(t, r.lines(ids[0])["uupt"], "unexpected EOF", "asked")
	r.uupt.well()
	ids = r.batch(2, "uupt", "unheard")
	require.Equal(t, map[string]string{"uupt": "", "unheard": "not configured"}, r.lines(ids[0]))
	require.Empty(t, r.lines(r.batch(1, "shansong", "uupt")[0])["uupt"], "it answered: it is back for all")
}

// Redis away is no order's trouble: one batch waits one short timeout, the next ones none.
func TestRedisThatSaysNothingHoldsUpOneBatchShortly(t *testing.T) {
	t.Parallel()
	r := newRig(t, mute(t), 0)
	began := time.Now()
	ids := r.batch(1, "shansong", "uupt")
	require.Equal(t, map[string]string{"shansong": "", "uupt": ""}, r.lines(ids[0]))
	t.Logf("the first order took %s", time.Since(began))
	r.uupt.says(broken)
	began = time.Now()
	r.batch(12, "shansong", "uupt")
	ids = r.batch(1, "shansong", "uupt")
	t.Logf("thirteen more took %s", time.Since(began))
	require.Equal(t, openNow, r.lines(ids[0])["uupt"], "the instance goes by what it sees itself")
}

// An invocation that ends while carriers are asked says nothing of them.
func TestOurOwnEndIsNobodysFailure(t *testing.T) {
	t.Parallel()
	s := &Stage{Clock: clock.NewManual(noon)}
	hanging := &asked{}
	hanging.hangs()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	j := store.QuoteJob{Order: order.Order{City: "330100", Strategy: strategy.Strategy{Quote: strategy.Quoting{Deadline: strategy.Duration(time.Minute)}}}}
	a := s.call(ctx, j, question{3, hanging, order.Quote{Carrier: "uupt"}, ""})
	require.Equal(t, health.Outcome{Key: health.Key{Carrier: "uupt", City: "330100"}, Result: health.Silent}, a.health)
	require.Equal(t, 3, a.job)

	j.Order.Strategy.Quote.Deadline = strategy.Duration(time.Millisecond)
	require.Equal(t, health.Unwell, s.call(t.Context(), j, question{0, hanging, order.Quote{Carrier: "uupt"}, ""}).health.Result, "the strategy's deadline is the carrier's")
}

// mute is a Redis that takes connections and never says a word.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		var open []net.Conn
		for {
			conn, err := l.Accept()
			if err != nil {
				break
			}
			open = append(open, conn)
		}
		for _, conn := range open {
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { require.NoError(t, l.Close()); serving.Wait() })
	return l.Addr().String()
}
