package quote

import (
	"cmp"
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

// question is one call that an order wants.
type question struct {
	job     int
	adapter carrier.Adapter
	line    order.Quote
	store   string // the shop's number with the carrier
}

// questions are the calls that an order wants, one per carrier. Carriers that are not asked
// have their line at once.
func (s *Stage) questions(ctx context.Context, index int, j *job, view *health.View) []question {
	if j.fixed != nil {
		return nil
	}
	var out []question
	aside, desk := s.aside(ctx, j.Order), s.desk(ctx)
	adapters, none := map[string]carrier.Adapter{}, map[string]string{}
	for _, name := range names(j.Order) {
		adapters[name], none[name] = s.serving(name, desk, j.Order)
	}
	skip := view.Skip(j.Order.City, slices.DeleteFunc(s.configured(j.Order), func(name string) bool { return aside[name] != "" || none[name] != "" }))
	for i, name := range names(j.Order) {
		line := order.Quote{Round: j.key.Round, Carrier: name, N: (j.key.Round-1)*perRound + i + 1}
		adapter := adapters[name]
		if adapter != nil {
			line.Account = adapter.Facts().Account
		}
		if reason := cmp.Or(none[name], aside[name], skip[name]); reason != "" {
			line.Refused = reason
			j.quotes = append(j.quotes, line)
			continue
		}
		out = append(out, question{index, adapter, line, s.storeAt(ctx, j.Order, name)})
	}
	return out
}

// call asks one carrier about one order.
func (s *Stage) call(ctx context.Context, j store.QuoteJob, q question) answer {
	within, cancel := context.WithTimeout(ctx, time.Duration(j.Order.Strategy.Quote.Deadline))
	defer cancel()
	line, err := s.price(within, j, q)
	result := health.Judge(err)
	if ctx.Err() != nil { // it was our time that was over
		result = health.Silent
	}
	return answer{q.job, line, health.Outcome{Key: health.Key{Carrier: line.Carrier, City: j.Order.City}, Result: result}}
}

// price fills in a line with what the carrier says. The error is that of the call.
func (s *Stage) price(ctx context.Context, j store.QuoteJob, ask question) (order.Quote, error) {
	line := ask.line
	q, err := ask.adapter.Quote(ctx, carrier.QuoteRequest{OurNo: order.OurNo(j.Order.ID, line.N), CityCode: j.Order.City, CityName: j.Detail.CityName,
		Store: ask.store, Detail: j.Detail.Detail})
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
			ttl = ask.adapter.Facts().QuoteTTL
		}
		line.Token, line.CarrierNo, line.Price, line.DistanceM = q.Token, q.CarrierNo, q.Price, q.DistanceM
		line.AcceptIn, line.DeliverIn = q.AcceptIn, q.DeliveredIn
		line.ExpiresAt = s.Clock.Virtual().Add(ttl)
	}
	return line, err
}
