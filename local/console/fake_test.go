package console

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/clock"
	"github.com/chuandao/qianfan/local/fc"
	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// rig is a console over hand-made parts and a real clock that stands still.
type rig struct {
	handler  http.Handler
	store    *fakeStore
	clock    *clock.Clock
	faults   *world.Faults
	platform *fakePlatform
	mu       sync.Mutex
	sent     []message.Message
	sendErr  error
}

var start = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

// newRig has every part; change may take some away.
func newRig(t *testing.T, change func(*Deps)) *rig {
	t.Helper()
	c, err := clock.New(clock.Options{Start: start, Jump: true})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	c.Freeze(true)
	r := &rig{store: &fakeStore{}, clock: c, faults: world.None(), platform: &fakePlatform{accepted: true}}
	d := Deps{
		Store: r.store, Clock: c, Broker: fakeBroker{}, Functions: fakeFunctions{}, Faults: r.faults,
		Carriers:  map[string]CarrierSim{"uupt": fakeCarrier{}, "uupt-south": idleCarrier{}},
		Platforms: map[string]PlatformSim{"meituan": {Platform: r.platform, Books: func() any { return map[string]string{"platform": "meituan"} }}},
		Shops: []world.Shop{
			{Code: "qf-shop-0001", City: "330100", CityName: "杭州市"}, {Code: "qf-shop-0002", City: "110100", CityName: "北京市"},
			{Code: "qf-shop-0003", City: "330100", CityName: "杭州市"},
		},
		Publish: r.publish,
		Summary: func(context.Context) (any, error) {
			return map[string]any{"ready_ms": 12, "orders": map[string]int{"pushed": 3}}, nil
		},
		Invariants: func(context.Context) (any, error) {
			return map[string]any{"checked": 7, "violated": []string{}}, nil
		},
		Refused: func(limit int) []Refusal {
			return []Refusal{{At: start, Function: "intake", Party: "meituan", Reason: "bad_signature"}, {Function: "callback", Party: "uupt", Reason: "stale"}}[:min(limit, 2)]
		},
		URLs: map[string]string{"gateway": "http://127.0.0.1:9000"},
	}
	if change != nil {
		change(&d)
	}
	r.handler = New(d)
	return r
}

func (r *rig) publish(_ context.Context, messages ...message.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sendErr != nil {
		return r.sendErr
	}
	r.sent = append(r.sent, messages...)
	return nil
}

// items are what was sent, as topic:key.
func (r *rig) items() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, m := range r.sent {
		for _, i := range m.Items {
			out = append(out, strings.TrimSuffix(m.Topic+":"+i.Key+":"+i.Command, ":"))
		}
	}
	slices.Sort(out)
	return out
}

// do sends one request and gives the status and the body.
func (r *rig) do(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	request.Host = "127.0.0.1:9010"
	answer := httptest.NewRecorder()
	r.handler.ServeHTTP(answer, request)
	return answer.Code, answer.Body.String()
}

// get wants 200 and decodes the body.
func (r *rig) get(t *testing.T, path string) map[string]any {
	t.Helper()
	status, body := r.do(t, http.MethodGet, path, "")
	require.Equal(t, http.StatusOK, status, body)
	return object(t, body)
}

// refuses wants an error with a hint, and gives both.
func (r *rig) refuses(t *testing.T, status int, method, path, body string) (what, hint string) {
	t.Helper()
	got, answer := r.do(t, method, path, body)
	require.Equal(t, status, got, "%s %s %s: %s", method, path, body, answer)
	o := object(t, answer)
	require.Len(t, o, 2, answer)
	what, _ = o["error"].(string)
	hint, _ = o["hint"].(string)
	require.NotEmpty(t, what)
	require.NotEmpty(t, hint)
	return what, hint
}

func object(t *testing.T, body string) map[string]any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(body)))
	d.UseNumber()
	var o map[string]any
	require.NoError(t, d.Decode(&o), body)
	return o
}

// fakeStore holds what a test puts in.
type fakeStore struct {
	orders   []store.OrderRow
	views    map[int64]store.OrderView
	entries  []store.EntryRow
	letters  []store.DeadLetter
	filter   store.OrderFilter   // of the last list
	stored   store.CommandStored // what becomes of the next command
	commands []store.NewCommand
	asked    []int // limits of entries
	books    []store.RuleBook
	shops    []store.Shop
	err      error
}

func (s *fakeStore) StatusCounts(context.Context) (store.StatusCounts, error) {
	return store.StatusCounts{Orders: map[string]int{"delivered": 2}, Open: 1, Attempts: store.AttemptCounts{Placed: 4, Won: 2}}, s.err
}

func (s *fakeStore) ReportRates(context.Context) ([]store.ReportRate, error) {
	return []store.ReportRate{{Platform: "meituan", Due: 10, Told: 9, Late: 1, Rate: 0.9, InTime: 0.8}}, s.err
}

func (s *fakeStore) Orders(_ context.Context, f store.OrderFilter) ([]store.OrderRow, error) {
	s.filter = f
	var out []store.OrderRow
	for _, o := range s.orders {
		if f.No == "" || f.No == o.No {
			out = append(out, o)
		}
	}
	return out, s.err
}

func (s *fakeStore) OrderByID(_ context.Context, id int64) (store.OrderView, bool, error) {
	v, ok := s.views[id]
	return v, ok, s.err
}

func (s *fakeStore) Commands(_ context.Context, commands []store.NewCommand, _ time.Time) ([]store.CommandStored, error) {
	if s.err != nil {
		return nil, s.err
	}
	s.commands = append(s.commands, commands...)
	return []store.CommandStored{s.stored}, nil
}

func (s *fakeStore) Balances(context.Context) ([]store.Balance, error) { return nil, s.err }

func (s *fakeStore) Entries(_ context.Context, order int64, limit int) ([]store.EntryRow, error) {
	s.asked = append(s.asked, limit)
	var out []store.EntryRow
	for _, e := range s.entries {
		if order == 0 || order == e.OrderID {
			out = append(out, e)
		}
	}
	return out, s.err
}

func (s *fakeStore) RuleBooks(context.Context, time.Time) ([]store.RuleBook, error) {
	return s.books, s.err
}

func (s *fakeStore) Shops(_ context.Context, keys []store.ShopKey) ([]store.Shop, error) {
	var out []store.Shop
	for _, x := range s.shops {
		if slices.Contains(keys, x.Key()) {
			out = append(out, x)
		}
	}
	return out, s.err
}

func (s *fakeStore) LedgerTotals(context.Context) (store.LedgerTotals, error) {
	return store.LedgerTotals{Balanced: true, Entries: 6, Income: 1500, Expense: 1000}, s.err
}

func (s *fakeStore) DeadLetters(_ context.Context, limit int) ([]store.DeadLetter, error) {
	return s.letters[:min(limit, len(s.letters))], s.err
}

func (s *fakeStore) MarkDeadLetters(_ context.Context, ids []int64, state string) (int, error) {
	for i := range s.letters {
		if slices.Contains(ids, s.letters[i].ID) {
			s.letters[i].State = state
		}
	}
	return len(ids), s.err
}

func (s *fakeStore) ParkedEvents(context.Context, int) ([]store.ParkedEvent, error) {
	return nil, s.err
}

// put makes an order known by its id and its number.
func (s *fakeStore) put(id int64, no string, history ...store.HistoryLine) {
	row := store.OrderRow{ID: id, Platform: "meituan", No: no, State: "dispatching", ReceivedAt: start}
	s.orders = append(s.orders, row)
	if s.views == nil {
		s.views = map[int64]store.OrderView{}
	}
	s.views[id] = store.OrderView{Order: store.OrderHead{OrderRow: row}, History: history}
}

type fakeBroker struct{}

func (fakeBroker) Stats() rocketmq.Stats {
	return rocketmq.Stats{Sent: 9, Delivered: 8, Topics: map[string]rocketmq.TopicStats{
		"order-timer": {Type: rocketmq.Delay, Delayed: 3},
		"order-status": {Type: rocketmq.Normal, Messages: 2, Groups: map[string]rocketmq.GroupStats{
			"GID-report": {Ready: 1, InFlight: 1, Oldest: start},
		}},
		"%DLQ%GID-report": {Type: rocketmq.Normal, Messages: 5},
	}}
}
func (fakeBroker) Peek(string, int) []rocketmq.Message   { return nil }
func (fakeBroker) DeadLetters(string) []rocketmq.Message { return nil }

type fakeFunctions struct{}

func (fakeFunctions) Instances() []fc.InstanceInfo {
	return []fc.InstanceInfo{{Function: "quote", ID: "q-1", PID: 42, State: "busy", InFlight: 1, Invocations: 5}}
}
func (fakeFunctions) Invocations() map[string]int64 {
	return map[string]int64{"quote": 11, "intake": 3}
}

type fakeCarrier struct{}

func (fakeCarrier) Books() world.Books {
	return world.Books{Carrier: "uupt", Balance: 99_000, Orders: []world.BookOrder{{CarrierNo: "c-1", ClientNo: "1001", Charged: 1000}}}
}
func (fakeCarrier) Positions() []world.RiderPosition {
	return []world.RiderPosition{{Carrier: "uupt", ClientNo: "2", Lng: 120.1, Lat: 30.2}, {Carrier: "uupt", ClientNo: "1", Lng: 120.3, Lat: 30.4}}
}

// Bill is that of one day, with every mistake that is asked for.
func (fakeCarrier) Bill(day string, m world.Mistakes) (world.Bill, error) {
	switch {
	case day != "2026-11-23" && len(day) != 10:
		return world.Bill{}, world.ErrBadDay
	case day != "2026-11-23":
		return world.Bill{}, world.ErrNoBill
	}
	b := world.Bill{Name: "uupt-" + day + ".csv", ContentType: "text/csv; charset=gbk", Body: []byte("\xba\xcf\xbc\xc6\n"), Lines: 3, Totals: world.BillTotals{Rows: 2, Of: map[world.BillKind]money.Fen{world.BillFee: 500}}}
	for kind := range m.Share {
		if kind == "typo" {
			return b, world.ErrMistakes
		}
		b.Mistakes = append(b.Mistakes, world.Mistake{Kind: kind, Line: int(m.Seed), CarrierNo: "c-1", Before: 100, After: 150})
	}
	return b, nil
}
func (fakeCarrier) BillDays() []string { return []string{"2026-11-23"} }

// idleCarrier has nobody on the street.
type idleCarrier struct{ fakeCarrier }

func (idleCarrier) Positions() []world.RiderPosition { return nil }

// fakePlatform answers a push as it is told to.
type fakePlatform struct {
	accepted bool
	silent   bool // the push is not answered while anyone waits
	err      error
	requests []world.OrderRequest
	reasons  []string
}

func (p *fakePlatform) answered(ctx context.Context) (bool, error) {
	if p.silent {
		return false, context.DeadlineExceeded
	}
	return p.accepted, ctx.Err()
}

func (p *fakePlatform) Begin(r world.OrderRequest) (string, world.Answered, error) {
	p.requests = append(p.requests, r)
	return "mt-" + strconv.Itoa(len(p.requests)), p.answered, p.err
}

func (p *fakePlatform) BeginCancel(_, reason string) (world.Answered, error) {
	p.reasons = append(p.reasons, reason)
	return p.answered, p.err
}

func (p *fakePlatform) OnTold(func(key, no string, stage world.Stage)) {}

var errBroken = errors.New("the database is away")
