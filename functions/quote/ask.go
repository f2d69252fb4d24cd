package quote

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/health"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// names are the carriers of an order's round, by place.
func names(o order.Order) []string {
	return o.Strategy.Carriers[:min(perRound, len(o.Strategy.Carriers))]
}

// configured are those of them that could be asked.
func (s *Stage) configured(o order.Order) []string {
	return slices.DeleteFunc(slices.Clone(names(o)), func(name string) bool { return s.Carriers[name] == nil })
}

// breakers are those of all carriers that the batch may ask.
func (s *Stage) breakers(open []job) []health.Key {
	var keys []health.Key
	for _, j := range open {
		for _, name := range s.configured(j.Order) {
			if k := (health.Key{Carrier: name, City: j.Order.City}); !slices.Contains(keys, k) {
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// question starts one call per carrier; every call answers exactly once, at the latest at
// the strategy's deadline. Carriers that are not asked have their line at once.
func (s *Stage) question(ctx context.Context, index int, j *job, view *health.View, answers chan<- answer) int {
	skip := view.Skip(j.Order.City, s.configured(j.Order))
	for i, name := range names(j.Order) {
		line := order.Quote{Round: j.key.Round, Carrier: name, N: (j.key.Round-1)*perRound + i + 1}
		adapter, ok := s.Carriers[name]
		if !ok {
			line.Refused = "not configured"
			j.quotes = append(j.quotes, line)
			continue
		}
		line.Account = adapter.Facts().Account
		if reason, skipped := skip[name]; skipped {
			line.Refused = reason
			j.quotes = append(j.quotes, line)
			continue
		}
		j.waiting++
		go func() { answers <- s.call(ctx, index, j.QuoteJob, adapter, line) }()
	}
	return j.waiting
}

// call asks one carrier about one order.
func (s *Stage) call(ctx context.Context, index int, j store.QuoteJob, adapter carrier.Adapter, line order.Quote) answer {
	within, cancel := context.WithTimeout(ctx, time.Duration(j.Order.Strategy.Quote.Deadline))
	defer cancel()
	line, err := s.price(within, adapter, j, line)
	result := health.Judge(err)
	if ctx.Err() != nil { // it was our time that was over
		result = health.Silent
	}
	return answer{index, line, health.Outcome{Key: health.Key{Carrier: line.Carrier, City: j.Order.City}, Result: result}}
}

// price fills in a line with what the carrier says. The error is that of the call.
func (s *Stage) price(ctx context.Context, adapter carrier.Adapter, j store.QuoteJob, line order.Quote) (order.Quote, error) {
	q, err := adapter.Quote(ctx, carrier.QuoteRequest{OurNo: order.OurNo(j.Order.ID, line.N), CityCode: j.Order.City, CityName: j.Detail.CityName, Detail: j.Detail.Detail})
	switch {
	case errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil:
		line.Refused = "no answer before the deadline"
	case err != nil:
		line.Refused = fmt.Sprintf("%s: %s", carrier.KindOf(err), err)
	case q.Price <= 0:
		line.Refused = fmt.Sprintf("a price of %s", q.Price)
	case len(q.Token) > store.MaxToken || len(q.CarrierNo) > store.MaxCarrierNo:
		line.Refused = "a token or number longer than any known" // it could not be stored, nor could its neighbours
	default:
		ttl := q.TTL
		if ttl == 0 {
			ttl = adapter.Facts().QuoteTTL
		}
		line.Token, line.CarrierNo, line.Price, line.DistanceM = q.Token, q.CarrierNo, q.Price, q.DistanceM
		line.ExpiresAt = s.Clock.Virtual().Add(ttl)
	}
	return line, err
}
