package timeout

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sqlserver/sqltest"
	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/upstream"
)

// holder is a platform that keeps missed pushes until they are confirmed.
type holder struct {
	upstream.Adapter
	held      []upstream.Missed
	page      int
	pulls     int
	confirmed []string
	pullErr   error
	confirm   error
}

func (*holder) Name() string { return "taobao" }

func (h *holder) Pull(context.Context) ([]upstream.Missed, error) {
	h.pulls++
	return slices.Clone(h.held[:min(len(h.held), h.page)]), h.pullErr
}

func (h *holder) Confirm(_ context.Context, ids []string) error {
	if h.confirm != nil {
		return h.confirm
	}
	h.confirmed = append(h.confirmed, ids...)
	h.held = slices.DeleteFunc(h.held, func(m upstream.Missed) bool { return slices.Contains(ids, m.ID) })
	return nil
}

// outbox keeps the items that are published, by topic.
type outbox struct {
	mu    sync.Mutex
	items map[string][]message.Item
}

func (o *outbox) Publish(_ context.Context, messages ...message.Message) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range messages {
		o.items[m.Topic] = append(o.items[m.Topic], m.Items...)
	}
	return nil
}

// puller is the stage over a database that knows one shop.
func puller(t *testing.T) (*Stage, *holder, *outbox, *sql.DB) {
	t.Helper()
	dsn := sqltest.Database(t)
	db, err := store.Open(store.Options{DSN: dsn, Key: make([]byte, 32)})
	require.NoError(t, err)
	raw, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, errors.Join(raw.Close(), db.Close())) })
	require.NoError(t, db.Migrate(t.Context()))
	require.NoError(t, db.SaveShops(t.Context(), []store.Shop{{Platform: "taobao", Code: "s1", City: "330100", CityName: "杭州市", Stop: order.Stop{Phone: "057188888888", Point: geo.Point{Lng: 120.1551, Lat: 30.2741}}}}))
	require.NoError(t, db.SaveStrategy(t.Context(), strategy.Strategy{Name: "default", Mode: strategy.Cheapest, Carriers: []string{"uupt"}, Quote: strategy.Quoting{Deadline: strategy.Duration(time.Second)},
		AcceptTimeout: strategy.Duration(90 * time.Second), GiveUpAfter: strategy.Duration(15 * time.Minute), ReleaseLead: strategy.Duration(45 * time.Minute)}))
	c := clock.NewManual(time.Date(2026, 3, 4, 4, 0, 0, 0, time.UTC))
	h, out := &holder{page: 3}, &outbox{items: map[string][]message.Item{}}
	return &Stage{Store: db, Bus: out, Clock: c, Platforms: map[string]upstream.Adapter{"taobao": h, "meituan": nil},
		Desk: acceptance.New(live.New(db, c), c, acceptance.Limits{}), IDs: order.NewIDs(c.System, rand.New(rand.NewPCG(1, 1)))}, h, out, raw
}

func missedOrder(id, no, shop string) upstream.Missed {
	return upstream.Missed{ID: id, Push: upstream.Push{Kind: upstream.KindCreate, No: no, Hash: no, Create: &upstream.Create{ShopCode: shop,
		Detail: order.Detail{To: order.Stop{Name: "张三", Phone: "13800138000", Address: "x", Point: geo.Point{Lng: 120.165, Lat: 30.2741}}, Goods: order.Goods{WeightG: 800, Value: 3550}}}}}
}

func missedCancel(id, no string) upstream.Missed {
	return upstream.Missed{ID: id, Push: upstream.Push{Kind: upstream.KindCancel, No: no, Hash: "c" + no, Cancel: &upstream.Cancel{Key: "c" + no, By: "customer"}}}
}

func count(t *testing.T, db *sql.DB, query string) (n int) {
	t.Helper()
	require.NoError(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

// Page by page everything is taken as if it had been pushed, and confirmed: orders, a cancel of
// one of them, one of an order that is unknown, what cannot be read or carried, and what asks
// for nothing.
func TestMissedPushesAreTakenAndConfirmed(t *testing.T) {
	t.Parallel()
	s, h, out, db := puller(t)
	later := missedOrder("8", "1008", "s1")
	at := s.Clock.Virtual().Add(3 * time.Hour)
	later.Push.Create.Detail.ExpectedAt = &at
	h.held = []upstream.Missed{
		missedCancel("1", "1002"), missedOrder("2", "1002", "s1"), missedOrder("3", "1003", "s1"),
		{ID: "4", Err: upstream.Refuse(upstream.BadSignature, "signature", "the signature does not hold")}, missedOrder("5", "1005", "nobody"), missedCancel("6", "1006"),
		{ID: "7", Push: upstream.Push{Kind: upstream.KindProbe}}, later,
	}
	s.pull(t.Context())
	require.Equal(t, []string{"1", "2", "3", "4", "5", "6", "7", "8"}, slices.Sorted(slices.Values(h.confirmed)))
	require.Empty(t, h.held)
	require.Equal(t, 4, h.pulls, "three pages, and one more that is empty")
	require.Equal(t, 3, count(t, db, "SELECT COUNT(*) FROM orders"))
	require.Equal(t, 1, count(t, db, "SELECT COUNT(*) FROM order_command"), "the cancel finds its order, which stands in the same page")
	require.Equal(t, 1, count(t, db, "SELECT COUNT(*) FROM order_key WHERE no = '1006' AND order_id = 0"))
	require.Len(t, out.items[message.QuoteWanted], 2)
	require.Equal(t, 1, out.items[message.QuoteWanted][0].Round)
	require.Len(t, out.items[message.OrderTimer], 1, "the release of the order for later")
	require.Equal(t, order.CommandCancel, out.items[message.OrderCommand][0].Command)

	// A pull may bring again what a push, or a pull, has brought already.
	h.held = []upstream.Missed{missedOrder("9", "1002", "s1"), missedOrder("10", "1003", "s1")}
	h.held[1].Push.Hash = "another content"
	s.pull(t.Context())
	require.Empty(t, h.held)
	require.Equal(t, 3, count(t, db, "SELECT COUNT(*) FROM orders"))
	require.Len(t, out.items[message.QuoteWanted], 2)
}

// What could not be stored is not confirmed; nor does a platform's trouble concern the sweep.
func TestWhatIsNotStoredIsPulledAgain(t *testing.T) {
	t.Parallel()
	s, h, _, db := puller(t)
	bad := missedOrder("1", "1001", "s1")
	bad.Push.Hash = string(make([]byte, 300)) // no column takes it
	h.held = []upstream.Missed{bad, missedOrder("2", "1002", "s1")}
	s.pull(t.Context())
	require.Equal(t, []string{"2"}, h.confirmed, "the bad one spoils no other")
	require.Equal(t, 1, count(t, db, "SELECT COUNT(*) FROM orders"))
	require.Equal(t, 1, h.pulls, "the rest waits for the next minute")

	h.held, h.confirm = []upstream.Missed{missedOrder("3", "1003", "s1")}, upstream.Refuse(upstream.Unreachable, "", "HTTP 502")
	require.NoError(t, s.Sweep(t.Context()))
	require.Equal(t, 2, count(t, db, "SELECT COUNT(*) FROM orders"))
	h.confirm = nil
	require.NoError(t, s.Sweep(t.Context()))
	require.Empty(t, h.held, "confirmed the next time")
	require.Equal(t, 2, count(t, db, "SELECT COUNT(*) FROM orders"))

	h.pullErr = upstream.Refuse(upstream.Unreachable, "", "HTTP 502")
	require.NoError(t, s.Sweep(t.Context()))
}
