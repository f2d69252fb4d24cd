package intake

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/upstream"
)

// prepare turns a verified push into an order to store: shop, strategy, price, first timers.
func (s *Stage) prepare(ctx context.Context, platform string, push upstream.Push) (store.NewOrder, error) {
	c := push.Create
	city, cityName, err := s.locate(ctx, platform, c)
	if err != nil {
		return store.NewOrder{}, err
	}
	now := s.Clock.Virtual()
	if err := s.check(c.Detail, now); err != nil {
		return store.NewOrder{}, err
	}
	all, err := s.catalog.strategies(ctx)
	if err != nil {
		return store.NewOrder{}, err
	}
	chosen, why, err := strategy.Pick(all, strategy.Case{Platform: platform, City: city, Shop: c.ShopCode, At: now})
	if err != nil {
		return store.NewOrder{}, &upstream.Error{Reason: upstream.NoStrategy, Field: "city", Message: "no delivery is offered in city " + city, Err: err}
	}
	distance := c.Detail.From.Point.Metres(c.Detail.To.Point)
	fee, err := s.Book.Fee(platform, distance, c.Detail.Goods.WeightG, now)
	if err != nil {
		return store.NewOrder{}, &upstream.Error{Reason: upstream.NoStrategy, Message: "no price is agreed", Err: err}
	}
	o := order.Order{
		ID: s.IDs.Next(), Platform: platform, No: push.No, ShopCode: c.ShopCode, City: city, State: order.Received, Version: 1,
		Strategy: chosen, Fee: fee, ReceivedAt: now, Round: 1,
	}
	schedule(&o, c.Detail.ExpectedAt, now)
	return store.NewOrder{Order: o, Detail: store.Detail{CityName: cityName, Detail: c.Detail}, Why: why, Hash: push.Hash}, nil
}

const (
	quoteOverdue = 30 * time.Second
	timerStep    = 5 * time.Second
)

// schedule arms the first timers. A scheduled order (预约单) waits with round 0 until its
// release; it is never in order-accepted.
func schedule(o *order.Order, expected *time.Time, now time.Time) {
	up := func(t time.Time) time.Time { return t.Add(timerStep - 1).Truncate(timerStep) }
	lead := time.Duration(o.Strategy.ReleaseLead)
	if expected != nil && expected.Add(-lead).After(now) {
		o.Round = 0
		o.Timers = []order.Timer{{Kind: order.TimerRelease, Due: up(expected.Add(-lead)), Epoch: 1}}
		o.TimerSent = o.Timers[0].Due // the batch's flush sends it
	} else {
		o.Timers = []order.Timer{
			{Kind: order.TimerQuote, Due: up(now.Add(quoteOverdue)), Epoch: 1},
			{Kind: order.TimerGiveUp, Due: up(now.Add(time.Duration(o.Strategy.GiveUpAfter))), Epoch: 1},
		}
	}
	o.ActAt = o.Timers[0].Due
	for _, t := range o.Timers {
		if t.Due.Before(o.ActAt) {
			o.ActAt = t.Due
		}
	}
}

// locate fills in the shop.
func (s *Stage) locate(ctx context.Context, platform string, c *upstream.Create) (city, name string, err error) {
	if c.ShopCode != "" {
		shop, err := s.catalog.shop(ctx, platform, c.ShopCode)
		if errors.Is(err, store.ErrNoShop) {
			return "", "", &upstream.Error{Reason: upstream.UnknownShop, Field: "shop", Message: "shop " + c.ShopCode + " is not registered"}
		}
		if err != nil {
			return "", "", err
		}
		c.Detail.From = shop.Stop
		return shop.City, shop.CityName, nil
	}
	if c.Shop == nil {
		return "", "", upstream.Refuse(upstream.MissingField, "shop", "neither a shop's code nor its place")
	}
	c.Detail.From = *c.Shop
	return c.City, cityNames[c.City], nil
}

// cityNames are the names that carriers want, by code. A city that is missing here can be
// served only for registered shops, which carry their city's name.
var cityNames = map[string]string{"330100": "杭州市", "310100": "上海市", "440100": "广州市", "110100": "北京市"}

func (s *Stage) check(d order.Detail, now time.Time) error {
	switch {
	case d.ExpectedAt != nil && d.ExpectedAt.Sub(now) > s.cfg.MaxAhead:
		// A wrong year or unit: it would wait in silence, and no day of orders could ever be dropped.
		return upstream.Refuse(upstream.BadField, "expected_at", "%s is more than %d days ahead", d.ExpectedAt.Format(time.RFC3339), int(s.cfg.MaxAhead/(24*time.Hour)))
	case int64(d.Goods.Value) < 0 || int64(d.Goods.Value) > s.cfg.MaxValue:
		return upstream.Refuse(upstream.BadMoney, "value", "goods worth %s", d.Goods.Value)
	case d.Goods.WeightG < 0 || d.Goods.WeightG > s.cfg.MaxWeight:
		return upstream.Refuse(upstream.BadField, "weight", "goods of %d g", d.Goods.WeightG)
	case !d.To.Point.InChina():
		return upstream.Refuse(upstream.BadPoint, "recipient", "the drop-off is not in China")
	case !d.From.Point.InChina():
		return upstream.Refuse(upstream.BadPoint, "shop", "the shop is not in China")
	case d.From.Point.Metres(d.To.Point) > maxDistanceM:
		return upstream.Refuse(upstream.BadPoint, "recipient", "the drop-off is more than %d km away", maxDistanceM/1000)
	}
	return nil
}

const (
	maxDistanceM = 100_000
	maxAhead     = 30 * 24 * time.Hour
)

// catalog keeps shops and strategies for a few seconds, so that a change is live soon and an
// order costs no look-up at the peak.
type catalog struct {
	store *store.Store
	clock clock.Clock

	mu    sync.Mutex
	shops map[[2]string]cached[store.Shop]
	all   cached[[]strategy.Strategy]
}

type cached[T any] struct {
	value T
	until time.Time
}

const (
	fresh    = 5 * time.Second // of system time
	maxShops = 100_000         // kept at once; far more than one city has
)

func newCatalog(s *store.Store, c clock.Clock) *catalog {
	return &catalog{store: s, clock: c, shops: map[[2]string]cached[store.Shop]{}}
}

func (c *catalog) shop(ctx context.Context, platform, code string) (store.Shop, error) {
	now, key := c.clock.System(), [2]string{platform, code}
	c.mu.Lock()
	hit, ok := c.shops[key]
	c.mu.Unlock()
	if ok && now.Before(hit.until) {
		return hit.value, nil
	}
	shop, err := c.store.Shop(ctx, platform, code)
	if err != nil {
		return shop, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.shops) >= maxShops {
		clear(c.shops)
	}
	c.shops[key] = cached[store.Shop]{shop, now.Add(fresh)}
	return shop, nil
}

func (c *catalog) strategies(ctx context.Context) ([]strategy.Strategy, error) {
	now := c.clock.System()
	c.mu.Lock()
	hit := c.all
	c.mu.Unlock()
	if now.Before(hit.until) {
		return hit.value, nil
	}
	all, err := c.store.Strategies(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = cached[[]strategy.Strategy]{all, now.Add(fresh)}
	return all, nil
}
