// Package acceptance decides whether an order can be carried and on what terms: from which
// shop, by which strategy, at what price, and when. Intake asks it about orders that are
// pushed whole, quote about those that are pushed with their number only (thin pushes).
package acceptance

import (
	"context"
	"errors"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/tariff"
	"github.com/chuandao/qianfan/shared/upstream"
)

// Limits are what an order may be at most; zero fields have their defaults.
type Limits struct {
	MaxValue  int64         // fen that goods may be worth; 2,000,000
	MaxWeight int           // grams that goods may weigh; 50,000
	MaxAhead  time.Duration // virtual time that an order may be for later; 30 days
}

const (
	maxValue     = 2_000_000
	maxWeight    = 50_000
	maxAhead     = 30 * 24 * time.Hour
	maxDistanceM = 100_000
)

// LoadLimits reads QIANFAN_MAX_VALUE_FEN, QIANFAN_MAX_WEIGHT_G and QIANFAN_MAX_AHEAD.
func LoadLimits(env *function.Env) Limits {
	return Limits{
		MaxValue:  int64(env.Int("QIANFAN_MAX_VALUE_FEN", maxValue, 1, 100_000_000)),
		MaxWeight: env.Int("QIANFAN_MAX_WEIGHT_G", maxWeight, 1, 1_000_000),
		MaxAhead:  env.Duration("QIANFAN_MAX_AHEAD", maxAhead),
	}
}

// Desk decides about orders. It is safe for concurrent use.
type Desk struct {
	live   *live.Live
	clock  clock.Clock
	limits Limits
}

// New makes a desk that goes by what is live.
func New(l *live.Live, c clock.Clock, limits Limits) *Desk {
	if limits.MaxValue == 0 {
		limits.MaxValue = maxValue
	}
	if limits.MaxWeight == 0 {
		limits.MaxWeight = maxWeight
	}
	if limits.MaxAhead == 0 {
		limits.MaxAhead = maxAhead
	}
	return &Desk{live: l, clock: c, limits: limits}
}

// Terms are on what an order is carried.
type Terms struct {
	Plan   order.Plan
	Detail store.Detail
	Why    store.Why
}

// Terms decides about a whole order. Errors: *upstream.Error says why it cannot be carried;
// any other error decided nothing.
func (d *Desk) Terms(ctx context.Context, platform string, c *upstream.Create) (Terms, error) {
	city, cityName, err := d.locate(ctx, platform, c)
	if err != nil {
		return Terms{}, err
	}
	if err := d.Taking(ctx, "", city); err != nil {
		return Terms{}, err
	}
	now := d.clock.Virtual()
	if err := d.check(c.Detail, now); err != nil {
		return Terms{}, err
	}
	all, err := d.live.Strategies(ctx)
	if err != nil {
		return Terms{}, err
	}
	chosen, why, err := pick(all, strategy.Case{Platform: platform, City: city, Shop: c.ShopCode, At: now}, c.Detail.ExpectedAt)
	if err != nil {
		return Terms{}, &upstream.Error{Reason: upstream.NoStrategy, Field: "city", Message: "no delivery is offered in city " + city, Err: err}
	}
	plan := order.Plan{ShopCode: c.ShopCode, City: city, Strategy: chosen, ExpectedAt: c.Detail.ExpectedAt}
	price, err := d.price(ctx, platform, plan, c.Detail, now)
	if err != nil {
		return Terms{}, err
	}
	plan.Fee = price.Fee
	return Terms{Plan: plan, Detail: store.Detail{CityName: cityName, Detail: c.Detail}, Why: store.Why{Why: why, Tariff: price}}, nil
}

// price is what the platform pays, by the tariffs in force now: the order keeps it. Hours and
// days are those in which a rider is looked for.
func (d *Desk) price(ctx context.Context, platform string, p order.Plan, what order.Detail, now time.Time) (tariff.Price, error) {
	books, err := d.live.Books(ctx)
	if err != nil {
		return tariff.Price{}, err
	}
	at := now
	if release, later := Release(p, now); later {
		at = release
	}
	price, err := books.Tariff(now).Price(tariff.Case{Platform: platform, City: p.City, DistanceM: what.From.Point.Metres(what.To.Point), WeightG: what.Goods.WeightG, At: at.UTC()})
	if err != nil {
		return tariff.Price{}, &upstream.Error{Reason: upstream.NoStrategy, Message: "no price is agreed", Err: err}
	}
	return price, nil
}

// pick chooses the strategy of the time at which the order is dispatched: an order for later
// goes by that of its release.
func pick(all []strategy.Strategy, now strategy.Case, expected *time.Time) (strategy.Strategy, strategy.Why, error) {
	chosen, why, err := strategy.Pick(all, now)
	if err != nil || expected == nil {
		return chosen, why, err
	}
	then := now
	var later bool
	if then.At, later = Release(order.Plan{Strategy: chosen, ExpectedAt: expected}, now.At); !later {
		return chosen, why, nil
	}
	return strategy.Pick(all, then)
}

// Release is when an order for later (预约单) is to be released to the carriers; false = it is
// to be carried at once.
func Release(p order.Plan, now time.Time) (time.Time, bool) {
	if p.ExpectedAt == nil {
		return time.Time{}, false
	}
	at := p.ExpectedAt.Add(-time.Duration(p.Strategy.ReleaseLead))
	return at, at.After(now)
}

// locate fills in the shop.
func (d *Desk) locate(ctx context.Context, platform string, c *upstream.Create) (city, name string, err error) {
	if c.ShopCode != "" {
		shop, err := d.live.Shop(ctx, platform, c.ShopCode)
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

func (d *Desk) check(o order.Detail, now time.Time) error {
	switch {
	case o.ExpectedAt != nil && o.ExpectedAt.Sub(now) > d.limits.MaxAhead:
		// A wrong year or unit: it would wait in silence, and no day of orders could ever be dropped.
		return upstream.Refuse(upstream.BadField, "expected_at", "%s is more than %d days ahead", o.ExpectedAt.Format(time.RFC3339), int(d.limits.MaxAhead/(24*time.Hour)))
	case int64(o.Goods.Value) < 0 || int64(o.Goods.Value) > d.limits.MaxValue:
		return upstream.Refuse(upstream.BadMoney, "value", "goods worth %s", o.Goods.Value)
	case o.Goods.WeightG < 0 || o.Goods.WeightG > d.limits.MaxWeight:
		return upstream.Refuse(upstream.BadField, "weight", "goods of %d g", o.Goods.WeightG)
	case !o.To.Point.InChina():
		return upstream.Refuse(upstream.BadPoint, "recipient", "the drop-off is not in China")
	case !o.From.Point.InChina():
		return upstream.Refuse(upstream.BadPoint, "shop", "the shop is not in China")
	case o.From.Point.Metres(o.To.Point) > maxDistanceM:
		return upstream.Refuse(upstream.BadPoint, "recipient", "the drop-off is more than %d km away", maxDistanceM/1000)
	}
	return nil
}
