package quote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/upstream"
)

// thin is a platform whose pushes name orders only.
type thin struct {
	upstream.Adapter
	asked  atomic.Int64
	answer func(ctx context.Context) (upstream.Create, error)
}

func (*thin) Name() string { return "jd" }

func (p *thin) Fetch(ctx context.Context, _ string) (upstream.Create, error) {
	p.asked.Add(1)
	return p.answer(ctx)
}

var shopPlace, home = geo.Point{Lng: 120.1551, Lat: 30.2741}, geo.Point{Lng: 120.165, Lat: 30.2741}

// whole is an order as the platform describes it.
func whole() upstream.Create {
	return upstream.Create{ShopCode: "s1", Detail: order.Detail{To: order.Stop{Name: "张三", Phone: "13800138000", Address: "文三路 90 号", Point: home}, Goods: order.Goods{WeightG: 800, Value: 3550}}}
}

// thinRig is a rig that knows one shop, one strategy, and a platform that answers with whole.
func thinRig(t *testing.T) (*rig, *thin) {
	t.Helper()
	r := newRig(t, "", time.Second)
	p := &thin{answer: func(context.Context) (upstream.Create, error) { return whole(), nil }}
	r.Platforms = map[string]upstream.Adapter{"jd": p}
	r.Desk = acceptance.New(live.New(r.Store, r.clock), r.clock, acceptance.Limits{})
	require.NoError(t, r.Store.SaveShops(t.Context(), []store.Shop{{Platform: "jd", Code: "s1", City: "330100", CityName: "杭州市", Stop: order.Stop{Name: "面馆", Phone: "057188888888", Address: "延安路 1 号", Point: shopPlace}}}))
	require.NoError(t, r.Store.SaveStrategy(t.Context(), strategy.Strategy{Name: "default", Mode: strategy.Cheapest, Carriers: []string{"shansong", "uupt"},
		Quote:         strategy.Quoting{Deadline: strategy.Duration(time.Second)},
		AcceptTimeout: strategy.Duration(90 * time.Second), GiveUpAfter: strategy.Duration(15 * time.Minute), ReleaseLead: strategy.Duration(45 * time.Minute)}))
	return r, p
}

// pushed stores an order that was pushed with its number only.
func (r *rig) pushed(p upstream.Adapter) int64 {
	r.t.Helper()
	r.lastID++
	no := fmt.Sprint(r.lastID)
	n, err := r.Desk.Order(r.t.Context(), r.lastID, p, upstream.Push{No: no, Hash: no, Create: &upstream.Create{Thin: true}})
	require.NoError(r.t, err)
	_, err = r.Store.Intake(r.t.Context(), "b"+no, []store.NewOrder{n}, r.clock.Virtual())
	require.NoError(r.t, err)
	return r.lastID
}

func (r *rig) outcome(id int64, round int) (result, reason, plan string) {
	r.t.Helper()
	require.NoError(r.t, r.db.QueryRowContext(r.t.Context(), "SELECT result, reason, COALESCE(plan, '') FROM quote_outcome WHERE order_id = ? AND round = ?", id, round).Scan(&result, &reason, &plan))
	return result, reason, plan
}

func (r *rig) count(query string, args ...any) (n int) {
	r.t.Helper()
	require.NoError(r.t, r.db.QueryRowContext(r.t.Context(), query, args...).Scan(&n))
	return n
}

// wanted is a batch that wants rounds quoted.
func wanted(t testing.TB, rounds ...store.RoundKey) []byte {
	t.Helper()
	items := make([]message.Item, len(rounds))
	for i, k := range rounds {
		items[i] = message.Item{Key: fmt.Sprintf("%d:%d", k.Order, k.Round), Order: k.Order, Round: k.Round}
	}
	body, err := message.Encode(message.QuoteWanted, items)
	require.NoError(t, err)
	raw, err := json.Marshal([]map[string]any{{"id": "1", "data": map[string]any{"topic": message.QuoteWanted, "systemProperties": map[string]any{"UNIQ_KEY": "k"}, "body": string(body)}}})
	require.NoError(t, err)
	return raw
}

func (r *rig) quote(rounds ...store.RoundKey) {
	r.t.Helper()
	require.NoError(r.t, r.Handle(r.t.Context(), wanted(r.t, rounds...)))
}

// A thin order is asked about, planned and priced in one go; its detail is sealed with the outcome.
func TestThinOrdersAreFetchedPlannedAndPriced(t *testing.T) {
	t.Parallel()
	r, p := thinRig(t)
	id := r.pushed(p)
	r.quote(store.RoundKey{Order: id, Round: 1})
	result, _, plan := r.outcome(id, 1)
	require.Equal(t, order.ResultQuoted, result)
	require.Contains(t, plan, `"city":"330100"`)
	require.Contains(t, plan, `"shop_code":"s1"`)
	require.Contains(t, plan, `"name":"default"`)
	require.Equal(t, 2, r.count("SELECT COUNT(*) FROM quote WHERE order_id = ?", id))
	details, err := r.Store.Details(t.Context(), []int64{id})
	require.NoError(t, err)
	require.Equal(t, "文三路 90 号", details[id].Detail.To.Address)
	require.Equal(t, "延安路 1 号", details[id].Detail.From.Address)
	require.Equal(t, "杭州市", details[id].CityName)
	require.Equal(t, 1, r.count("SELECT COUNT(*) FROM order_detail WHERE order_id = ? AND why LIKE '%default%'", id))

	r.quote(store.RoundKey{Order: id, Round: 1})
	require.EqualValues(t, 1, p.asked.Load(), "a repeat finds the outcome")
	require.EqualValues(t, 2, r.announced.Load())
}

// An order for later has its plan and no prices.
func TestThinOrdersForLaterAreNotPriced(t *testing.T) {
	t.Parallel()
	r, p := thinRig(t)
	at := noon.Add(3 * time.Hour)
	p.answer = func(context.Context) (upstream.Create, error) {
		c := whole()
		c.Detail.ExpectedAt = &at
		return c, nil
	}
	id := r.pushed(p)
	r.quote(store.RoundKey{Order: id, Round: 1})
	result, reason, plan := r.outcome(id, 1)
	require.Equal(t, order.ResultScheduled, result)
	require.Contains(t, reason, "2026-03-04T06:15:00Z")
	require.Contains(t, plan, at.Format(time.RFC3339))
	require.Zero(t, r.shansong.calls.Load()+r.uupt.calls.Load())
}

// While the platform does not answer, or has less than it will have, the round stays open;
// what it decides about the order ends it.
func TestAThinOrderWaitsForItsPlatform(t *testing.T) {
	t.Parallel()
	degraded := whole()
	degraded.Degraded, degraded.Detail.To.Point = []string{"deliveryGeo"}, geo.Point{}
	// All of these could be carried, as another order than it is.
	worthless, soonest := whole(), whole()
	worthless.Degraded, worthless.Detail.Goods.Value = []string{"totalPrice"}, 0
	soonest.Degraded = []string{"deliverTime"} // a 预约单
	far := whole()
	far.Detail.To.Point = geo.Point{Lng: 116.4, Lat: 39.9}
	later := noon.Add(31 * 24 * time.Hour)
	year := whole()
	year.Detail.ExpectedAt = &later
	strange := whole()
	strange.ShopCode = "nobody"
	for name, row := range map[string]struct {
		create upstream.Create
		err    error
		reason string // empty: the round stays open
	}{
		"not found yet":     {err: upstream.Refuse(upstream.NotFound, "", "no such order")},
		"away":              {err: upstream.Refuse(upstream.Unreachable, "", "HTTP 502")},
		"nonsense":          {err: errors.New("EOF")},
		"still degraded":    {create: degraded},
		"still no price":    {create: worthless},
		"still no time":     {create: soonest},
		"cancelled":         {err: upstream.Refuse(upstream.Refused, "orderStatus", "the order is cancelled"), reason: "the order is cancelled"},
		"no phone":          {err: upstream.Refuse(upstream.MissingField, "buyerMobile", "missing"), reason: "missing_field buyerMobile"},
		"unknown shop":      {create: strange, reason: "unknown_shop"},
		"too far":           {create: far, reason: "bad_coordinates recipient"},
		"in the far future": {create: year, reason: "bad_field expected_at"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, p := thinRig(t)
			p.answer = func(context.Context) (upstream.Create, error) { return row.create, row.err }
			id := r.pushed(p)
			r.quote(store.RoundKey{Order: id, Round: 1})
			require.Zero(t, r.shansong.calls.Load())
			if row.reason != "" {
				result, reason, _ := r.outcome(id, 1)
				require.Equal(t, order.ResultUndeliverable, result)
				require.Contains(t, reason, row.reason)
				return
			}
			require.Zero(t, r.count("SELECT COUNT(*) FROM quote_outcome"))
			require.Zero(t, r.announced.Load())
			p.answer = func(context.Context) (upstream.Create, error) { return whole(), nil }
			r.quote(store.RoundKey{Order: id, Round: 1})
			result, _, _ := r.outcome(id, 1)
			require.Equal(t, order.ResultQuoted, result)
		})
	}
}

// One "no" to a call does not end a paid order; a platform that keeps saying so means it.
func TestARefusedCallIsMadeAgain(t *testing.T) {
	t.Parallel()
	r, p := thinRig(t)
	p.answer = func(context.Context) (upstream.Create, error) {
		return upstream.Create{}, upstream.Refuse(upstream.Refused, "", "-1 操作失败")
	}
	id := r.pushed(p)
	r.quote(store.RoundKey{Order: id, Round: 1})
	r.clock.Advance(119 * time.Second)
	r.quote(store.RoundKey{Order: id, Round: 1})
	require.Zero(t, r.count("SELECT COUNT(*) FROM quote_outcome"))
	r.clock.Advance(time.Second)
	r.quote(store.RoundKey{Order: id, Round: 1})
	result, reason, _ := r.outcome(id, 1)
	require.Equal(t, order.ResultUndeliverable, result)
	require.Contains(t, reason, "操作失败")
	require.EqualValues(t, 3, p.asked.Load())
}

// A platform that hangs holds up its own orders only.
func TestAHangingPlatformHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	r, p := thinRig(t)
	free := make(chan struct{})
	var first atomic.Bool
	p.answer = func(context.Context) (upstream.Create, error) {
		if first.CompareAndSwap(false, true) {
			<-free
			return upstream.Create{}, upstream.Refuse(upstream.Unreachable, "", "timeout")
		}
		return whole(), nil
	}
	rounds := []store.RoundKey{{Order: r.pushed(p), Round: 1}, {Order: r.pushed(p), Round: 1}}
	done := make(chan error, 1)
	go func() { done <- r.Handle(t.Context(), wanted(t, rounds...)) }()
	require.Eventually(t, func() bool { return r.announced.Load() == 1 }, 10*time.Second, time.Millisecond, "the other one is priced meanwhile")
	close(free)
	require.NoError(t, <-done)
	require.Equal(t, 1, r.count("SELECT COUNT(*) FROM quote_outcome"))
}

// A re-quote whose privacy number has run out asks for a new one, and goes on without when
// there is none.
func TestAnExpiredPrivacyNumberIsRenewed(t *testing.T) {
	t.Parallel()
	soon, tomorrow := noon.Add(9*time.Minute), noon.Add(24*time.Hour)
	for name, row := range map[string]struct {
		until  *time.Time
		answer func(context.Context) (upstream.Create, error)
		asked  int64
		phone  string
		note   string
	}{
		"renewed": {&soon, func(context.Context) (upstream.Create, error) {
			c := whole()
			c.Detail.To.Phone, c.Detail.To.Ext, c.Detail.To.PhoneUntil, c.Detail.To.Address = "13900139000", "7788", &tomorrow, "elsewhere"
			return c, nil
		}, 1, "13900139000", ""},
		"away": {&soon, func(context.Context) (upstream.Create, error) {
			return upstream.Create{}, upstream.Refuse(upstream.Unreachable, "", "HTTP 502")
		}, 1, "13800138000", "the privacy number has run out"},
		"lasting": {&tomorrow, nil, 0, "13800138000", ""},
		"plain":   {nil, nil, 0, "13800138000", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, p := thinRig(t)
			c := whole()
			c.Detail.To.PhoneUntil = row.until
			p.answer = func(context.Context) (upstream.Create, error) { return c, nil }
			id := r.pushed(p)
			r.quote(store.RoundKey{Order: id, Round: 1})
			// What dispatch does with the outcome, and that nobody wanted the order.
			const body = `{"name":"default","mode":"cheapest","carriers":["shansong","uupt"],"quote":{"deadline":"1s"}}`
			_, err := r.db.ExecContext(t.Context(), "UPDATE orders SET round = 2, state = 'dispatching', city = '330100', shop_code = 's1', strategy = ? WHERE id = ?", body, id)
			require.NoError(t, err)

			p.asked.Store(0)
			p.answer = row.answer
			r.quote(store.RoundKey{Order: id, Round: 2})
			require.Equal(t, row.asked, p.asked.Load())
			result, reason, plan := r.outcome(id, 2)
			require.Equal(t, order.ResultQuoted, result)
			require.Empty(t, plan)
			require.Contains(t, reason, row.note)
			require.Equal(t, row.note == "", reason == "")
			details, err := r.Store.Details(t.Context(), []int64{id})
			require.NoError(t, err)
			require.Equal(t, row.phone, details[id].Detail.To.Phone)
			require.Equal(t, "文三路 90 号", details[id].Detail.To.Address, "nothing but the number is taken over")
			require.Equal(t, 1, r.count("SELECT COUNT(*) FROM order_detail WHERE order_id = ? AND why LIKE '%default%'", id), "why this strategy stays")
		})
	}
}

// An order for later was pushed hours before its release: its privacy number may have run out
// by then although nobody has asked a carrier yet.
func TestAPrivacyNumberThatRunsOutBeforeTheReleaseIsRenewed(t *testing.T) {
	t.Parallel()
	r, p := thinRig(t)
	c, dinner, tea := whole(), noon.Add(6*time.Hour), noon.Add(2*time.Hour)
	c.Detail.ExpectedAt, c.Detail.To.PhoneUntil = &dinner, &tea
	r.lastID++
	id := r.lastID
	n, err := r.Desk.Order(t.Context(), id, p, upstream.Push{No: "later", Hash: "later", Create: &c})
	require.NoError(t, err)
	require.Zero(t, n.Order.Round)
	_, err = r.Store.Intake(t.Context(), "later", []store.NewOrder{n}, r.clock.Virtual())
	require.NoError(t, err)
	r.clock.Set(dinner.Add(-45 * time.Minute)) // the release
	_, err = r.db.ExecContext(t.Context(), "UPDATE orders SET round = 1 WHERE id = ?", id)
	require.NoError(t, err)
	p.answer = func(context.Context) (upstream.Create, error) {
		night := noon.Add(9 * time.Hour)
		c := whole()
		c.Detail.To.Phone, c.Detail.To.PhoneUntil = "13900139000", &night
		return c, nil
	}
	r.quote(store.RoundKey{Order: id, Round: 1})
	require.EqualValues(t, 1, p.asked.Load())
	details, err := r.Store.Details(t.Context(), []int64{id})
	require.NoError(t, err)
	require.Equal(t, "13900139000", details[id].Detail.To.Phone)
	require.True(t, dinner.Equal(*details[id].Detail.ExpectedAt))
	result, reason, _ := r.outcome(id, 1)
	require.Equal(t, order.ResultQuoted, result)
	require.Empty(t, reason)
}
