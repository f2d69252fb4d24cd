package quote

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/chuandao/qianfan/shared/cache"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// route is all that a carrier's price goes by, as far as reuse is concerned: from where to
// where within some ten metres, what (carriers carry a cake at another price than a meal), and
// whole kilograms.
type route struct {
	carrier, account, store string
	from, to, category      string
	kilograms               int
}

// routeOf is the way of an order for one of its lines; false = its price is not reused: the
// strategy does not want it, or it is for a certain time.
func routeOf(j store.QuoteJob, line order.Quote, shop string) (route, bool) {
	d := j.Detail.Detail
	if j.Order.Strategy.Quote.Reuse <= 0 || d.ExpectedAt != nil {
		return route{}, false
	}
	near := func(p geo.Point) string { return fmt.Sprintf("%.4f,%.4f", p.Lng, p.Lat) }
	return route{line.Carrier, line.Account, shop, near(d.From.Point), near(d.To.Point), d.Goods.Category, (d.Goods.WeightG + 999) / 1000}, true
}

// lineKey names a line of a batch.
type lineKey struct{ job, n int }

// reuse closes the lines whose price is known already and gives back the questions that are
// left, with the routes whose new prices are worth keeping.
func (s *Stage) reuse(ctx context.Context, open []job, wanted []question) (left []question, routes map[lineKey]route) {
	if s.Prices == nil {
		return wanted, nil
	}
	routes = map[lineKey]route{}
	for _, q := range wanted {
		if r, ok := routeOf(open[q.job].QuoteJob, q.line, q.store); ok {
			routes[lineKey{q.job, q.line.N}] = r
		}
	}
	found := s.Prices.find(ctx, routes)
	now := s.Clock.Virtual()
	for _, q := range wanted {
		j := &open[q.job]
		k, ok := found[routes[lineKey{q.job, q.line.N}]]
		if ok {
			q.line, ok = k.again(q.line, time.Duration(j.Order.Strategy.Quote.Reuse), now)
		}
		if ok {
			j.quotes = append(j.quotes, q.line)
			delete(routes, lineKey{q.job, q.line.N})
		} else {
			left = append(left, q)
		}
	}
	return left, routes
}

// known is a price that a carrier gave a while ago. Only prices that need no token to be
// placed are kept: a token is consumed by one placement.
type known struct {
	Price     money.Fen `json:"price_fen"`
	DistanceM int       `json:"distance_m"`
	AcceptS   int       `json:"accept_s"`
	DeliverS  int       `json:"deliver_s"`
	At        int64     `json:"at"`    // virtual, ms
	Until     int64     `json:"until"` // virtual, ms: the carrier stands by it no longer
}

// prices are the prices of all instances, through Redis; while it is away, those of this one.
type prices struct {
	redis *cache.Client

	mu  sync.Mutex
	own map[route]known
}

const maxPrices = 10_000 // kept in one instance

func newPrices(redis *cache.Client) *prices { return &prices{redis: redis, own: map[route]known{}} }

func (r route) key() string {
	return cache.Key("price", 1, r.carrier, r.account, r.store, r.from, r.to, fmt.Sprint(r.kilograms), r.category)
}

// find reads the prices of routes: one round trip for a whole batch.
func (p *prices) find(ctx context.Context, routes map[lineKey]route) map[route]known {
	if len(routes) == 0 {
		return nil
	}
	replies := map[route]*redis.StringCmd{}
	err := p.redis.Pipe(ctx, func(pipe redis.Pipeliner) {
		for _, r := range routes {
			if replies[r] == nil {
				replies[r] = pipe.Get(ctx, r.key())
			}
		}
	})
	found := map[route]known{}
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, r := range routes {
			if k, ok := p.own[r]; ok {
				found[r] = k
			}
		}
		return found
	}
	for r, reply := range replies {
		var k known
		if raw, err := reply.Bytes(); err == nil && json.Unmarshal(raw, &k) == nil && k.Price > 0 {
			found[r] = k
		}
	}
	return found
}

// keep writes new prices down: one round trip for a whole batch. They live in Redis for as
// long as a strategy may want, in system time; how old one is is told by its own instants.
func (p *prices) keep(ctx context.Context, fresh map[route]known) {
	if p == nil || len(fresh) == 0 {
		return
	}
	p.mu.Lock()
	if len(p.own)+len(fresh) > maxPrices {
		clear(p.own)
	}
	for r, k := range fresh {
		p.own[r] = k
	}
	p.mu.Unlock()
	err := p.redis.Pipe(ctx, func(pipe redis.Pipeliner) {
		for r, k := range fresh {
			raw, _ := json.Marshal(k)
			pipe.Set(ctx, r.key(), raw, time.Hour)
		}
	})
	if err != nil {
		slog.DebugContext(ctx, "prices are kept by this instance alone", "error", err)
	}
}

// again makes a line of a price that is still good for the order; false = ask the carrier.
func (k known) again(line order.Quote, reuse time.Duration, now time.Time) (order.Quote, bool) {
	end := time.UnixMilli(min(k.Until, k.At+reuse.Milliseconds())).UTC()
	if now.Before(time.UnixMilli(k.At)) || !now.Before(end) {
		return line, false
	}
	line.Price, line.DistanceM = k.Price, k.DistanceM
	line.AcceptIn, line.DeliverIn = time.Duration(k.AcceptS)*time.Second, time.Duration(k.DeliverS)*time.Second
	line.ExpiresAt = time.UnixMilli(k.Until).UTC()
	return line, true
}

// knownOf is what is kept of a line; false = nothing.
func knownOf(line order.Quote, now time.Time) (known, bool) {
	if line.Refused != "" || line.Token != "" || line.CarrierNo != "" || line.Price <= 0 {
		return known{}, false
	}
	return known{Price: line.Price, DistanceM: line.DistanceM, AcceptS: int(line.AcceptIn / time.Second), DeliverS: int(line.DeliverIn / time.Second),
		At: now.UnixMilli(), Until: line.ExpiresAt.UnixMilli()}, true
}
