package intake

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/docs/openapi"
	"github.com/chuandao/qianfan/docs/openapi/openapitest"
	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/chuandao/qianfan/shared/upstream/canonical"
)

// instant is when tests begin: noon in Hangzhou.
var instant = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

const (
	testKey    = "qf-test-key"
	testSecret = "qf-test-secret-0001"
	v1         = "/upstream/v1"
)

// bus keeps what is published.
type bus struct {
	mu   sync.Mutex
	sent []message.Message
}

func (b *bus) Publish(_ context.Context, messages ...message.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, messages...)
	return nil
}

func (b *bus) SendHalf(context.Context, message.Message) (message.Half, error) {
	return message.Half{}, nil
}
func (b *bus) End(context.Context, message.Half, bool) error { return nil }

// items are what was sent since the last time, as topic command.
func (b *bus) items() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, m := range b.sent {
		for _, i := range m.Items {
			out = append(out, m.Topic+" "+i.Command)
		}
	}
	b.sent = nil
	return out
}

// rig is intake over a real database, called as its clients call it; the document listens.
type rig struct {
	*Stage
	t     *testing.T
	clock *clock.Manual
	bus   *bus
	redis *miniredis.Miniredis
	db    *sql.DB
	doc   *openapitest.Document
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dsn := sqltest.Database(t)
	s, err := store.Open(store.Options{DSN: dsn, Key: bytes.Repeat([]byte{7}, 32)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Migrate(t.Context()))
	db, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, s.SaveShops(t.Context(), []store.Shop{{Platform: canonical.Name, Code: "qf-shop-0001", City: "330100", CityName: "杭州市",
		Stop: order.Stop{Name: "千帆小馆", Phone: "13900000001", Address: "文三路 1 号", Point: geo.Point{Lng: 120.1551, Lat: 30.2741}}}}))
	require.NoError(t, s.SaveStrategy(t.Context(), strategy.Strategy{Name: "hangzhou", Mode: strategy.Sequential, Carriers: []string{"shansong", "uupt"},
		Match: strategy.Match{City: []string{"330100"}}, AcceptTimeout: strategy.Duration(90 * time.Second),
		GiveUpAfter: strategy.Duration(15 * time.Minute), ReleaseLead: strategy.Duration(45 * time.Minute), Quote: strategy.Quoting{Deadline: strategy.Duration(time.Second)}}))
	adapter, err := canonical.New(canonical.Config{Keys: map[string]string{testKey: testSecret}, AllowDev: true}, settings.Deps{})
	require.NoError(t, err)
	r := &rig{t: t, clock: clock.NewManual(instant), bus: &bus{}, redis: miniredis.RunT(t), db: db, doc: openapitest.Load(t, openapi.Canonical)}
	redis := cache.New(cache.Options{Addr: r.redis.Addr(), Timeout: 5 * time.Second})
	t.Cleanup(func() { require.NoError(t, redis.Close()) })
	r.Stage = New(Deps{
		Platforms: map[string]upstream.Adapter{canonical.Name: adapter}, Store: s, Bus: r.bus, Clock: r.clock, Positions: position.New(redis),
		IDs:  order.NewIDs(r.clock.System, rand.New(rand.NewPCG(1, 1))),
		Desk: acceptance.New(live.New(s, r.clock), r.clock, acceptance.Limits{}),
	}, Config{Size: 1, Wait: time.Millisecond})
	t.Cleanup(r.Close)
	return r
}

// reply is an answer.
type reply struct {
	status int
	body   []byte
}

func (r reply) data(t *testing.T) map[string]any {
	t.Helper()
	var e struct {
		Code int
		Data map[string]any
	}
	require.NoError(t, json.Unmarshal(r.body, &e))
	require.Zero(t, e.Code, "%s", r.body)
	return e.Data
}

// code is the error's code and field.
func (r reply) code(t *testing.T) (int, string) {
	t.Helper()
	var e struct {
		Code  int
		Field string
	}
	require.NoError(t, json.Unmarshal(r.body, &e))
	return e.Code, e.Field
}

// signed is a request as a client sends it.
func (r *rig) signed(method, target, body string) *http.Request {
	req := httptest.NewRequestWithContext(r.t.Context(), method, target, bytes.NewReader([]byte(body)))
	stamp := strconv.FormatInt(r.clock.System().Unix(), 10)
	req.Header.Set(canonical.HeaderKey, testKey)
	req.Header.Set(canonical.HeaderTimestamp, stamp)
	req.Header.Set(canonical.HeaderSignature, canonical.Sign(testSecret, stamp, method, target, []byte(body)))
	return req
}

// serve holds what is answered to the document.
func (r *rig) serve(h http.Handler, req *http.Request) reply {
	r.t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	r.doc.Answer(r.t, req.Method, req.URL.Path, w.Code, w.Header(), w.Body.Bytes())
	return reply{w.Code, w.Body.Bytes()}
}

// do wants success; the request is held to the document too.
func (r *rig) do(method, target, body string) map[string]any {
	r.t.Helper()
	r.doc.Request(r.t, method, target, []byte(body))
	got := r.serve(r, r.signed(method, target, body))
	require.Equal(r.t, http.StatusOK, got.status, "%s %s %s: %s", method, target, body, got.body)
	return got.data(r.t)
}

// refuses wants an error code, at a field.
func (r *rig) refuses(code int, field, method, target, body string) {
	r.t.Helper()
	got := r.serve(r, r.signed(method, target, body))
	gotCode, gotField := got.code(r.t)
	require.Equal(r.t, code, gotCode, "%s %s %s: %s", method, target, body, got.body)
	require.Equal(r.t, field, gotField, "%s %s %s: %s", method, target, body, got.body)
}

func (r *rig) count(table string) int {
	r.t.Helper()
	var n int
	require.NoError(r.t, r.db.QueryRowContext(r.t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n))
	return n
}

func (r *rig) exec(query string, args ...any) {
	r.t.Helper()
	_, err := r.db.ExecContext(r.t.Context(), query, args...)
	require.NoError(r.t, err, query)
}

// creation is the body of a good create.
func creation(no string) string {
	return `{"order_no":"` + no + `","shop":{"id":"qf-shop-0001"},
 "recipient":{"name":"张三","phone":"13812345678_1234","address":"教工路 2 号","lng":120.1423,"lat":30.2856},
 "goods":{"category":"food","weight_g":1200,"value_fen":4550,"count":2,"remark":"少辣"},"expected_at":null}`
}
