// Package quote asks every eligible carrier of an order for its price, in parallel and
// before a deadline, and closes the round. It writes quotes and outcomes, never an order.
package quote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/health"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/quota"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/telemetry"
	"github.com/chuandao/qianfan/shared/upstream"
)

// Stage is the function with its dependencies.
type Stage struct {
	Store     *store.Store
	Bus       stage.Publisher
	Carriers  carrier.Set
	Platforms map[string]upstream.Adapter // asked about the orders that they only named
	Desk      *acceptance.Desk
	Health    *health.Breakers // nil: every carrier counts as well
	Quota     *quota.Quota     // nil: accounts have no limits
	Prices    *prices          // nil: no price is used again
	Live      *live.Live       // nil: nothing is switched off
	Clock     clock.Clock
	Owner     string
	// Positions is where riders' places are noted; nil: nobody wants to know.
	Positions *position.Board

	saves atomic.Uint64
}

const (
	flushEvery = 200 * time.Millisecond // ready orders leave while others still wait
	perRound   = 8                      // attempt numbers of one round, so at most so many carriers
)

// Handle serves one batch of order-accepted and quote-wanted messages.
func (s *Stage) Handle(ctx context.Context, payload json.RawMessage) error {
	inputs, unread := stage.Inputs(ctx, payload)
	inputs, locates := takeLocates(inputs)
	var asides sync.WaitGroup
	asides.Go(func() { s.locate(ctx, locates) })
	defer asides.Wait()
	var rounds []store.RoundKey
	for _, in := range inputs {
		k := store.RoundKey{Order: in.Item.Order, Round: max(1, in.Item.Round)}
		if !slices.Contains(rounds, k) {
			rounds = append(rounds, k)
		}
	}
	jobs, err := s.Store.QuoteJobs(ctx, rounds)
	if err != nil {
		return errors.Join(unread, err)
	}
	s.warm(ctx, jobs)
	var open []job
	var done []store.RoundKey
	for k, j := range jobs {
		switch {
		case j.Done:
			done = append(done, k)
		case !j.Closed:
			open = append(open, job{key: k, QuoteJob: j, span: begin(ctx, k, j)})
		}
	}
	known, unknown := s.sort(open)
	asked := make(chan error, 1)
	go func() { asked <- s.fetch(ctx, unknown) }()
	return errors.Join(unread, s.announce(ctx, done), s.ask(ctx, known), <-asked)
}

type job struct {
	key store.RoundKey
	store.QuoteJob
	quotes  []order.Quote
	waiting int
	span    telemetry.Span

	// Of an order about which its platform was asked; see fetch.
	open    bool           // no answer: the round stays open
	fixed   *order.Outcome // there is nothing to price
	plan    *order.Plan
	fetched *store.Fetched
	note    string
}

// answer is one carrier's word on one order, and what it says of the carrier.
type answer struct {
	job    int
	quote  order.Quote
	health health.Outcome
}

// ask puts the question to all carriers of all orders and closes each round as soon as it
// is complete; what is ready leaves together. Carriers that have stopped answering are
// left out.
func (s *Stage) ask(ctx context.Context, open []job) error {
	if len(open) == 0 {
		return nil
	}
	view := s.Health.Look(ctx, s.breakers(open))
	defer view.Finish(ctx)
	var wanted []question
	for i := range open {
		wanted = append(wanted, s.questions(ctx, i, &open[i], view)...)
	}
	wanted, routes := s.reuse(ctx, open, wanted)
	wanted = s.limit(ctx, open, wanted)
	answers := make(chan answer)
	pending := len(wanted)
	for _, q := range wanted {
		open[q.job].waiting++
		go func() { answers <- s.call(ctx, open[q.job].QuoteJob, q) }()
	}
	fresh := map[route]known{}
	defer func() { s.Prices.keep(ctx, fresh) }()
	var errs []error
	ready := s.complete(open) // orders without any carrier
	timer := clock.System.NewTimer(flushEvery)
	defer timer.Stop()
	for pending > 0 {
		select {
		case a := <-answers:
			pending--
			view.Record(a.health)
			j := &open[a.job]
			j.quotes = append(j.quotes, a.quote)
			if r, ok := routes[lineKey{a.job, a.quote.N}]; ok {
				if k, ok := knownOf(a.quote, s.Clock.Virtual()); ok {
					fresh[r] = k
				}
			}
			if j.waiting--; j.waiting == 0 {
				ready = append(ready, j)
			}
		case <-timer.C:
			errs = append(errs, s.close(ctx, ready))
			ready = nil
			timer.Reset(flushEvery)
		}
	}
	return errors.Join(append(errs, s.close(ctx, ready))...)
}

func (s *Stage) complete(open []job) []*job {
	var ready []*job
	for i := range open {
		if open[i].waiting == 0 {
			ready = append(ready, &open[i])
		}
	}
	return ready
}

// close commits rounds and announces them.
func (s *Stage) close(ctx context.Context, ready []*job) error {
	if len(ready) == 0 {
		return nil
	}
	results := make([]store.RoundResult, len(ready))
	keys := make([]store.RoundKey, len(ready))
	for i, j := range ready {
		results[i] = store.RoundResult{Key: j.key, Outcome: outcome(j), Quotes: j.quotes, Fetched: j.fetched}
		keys[i] = j.key
	}
	// Each save is a writer of its own: a round may come to one instance twice.
	writer := fmt.Sprintf("%s-%d", s.Owner, s.saves.Add(1))
	err := s.Store.SaveRounds(ctx, writer, results, s.Clock.Virtual())
	finish(ready, err)
	if err != nil {
		return err
	}
	return s.announce(ctx, keys)
}

func outcome(j *job) order.Outcome {
	out := order.Outcome{Result: order.ResultNone, Reason: "no carrier gave a price"}
	switch {
	case j.fixed != nil:
		out = *j.fixed
	case slices.ContainsFunc(j.quotes, func(q order.Quote) bool { return q.Refused == "" }):
		out = order.Outcome{Result: order.ResultQuoted, Reason: j.note}
	case j.note != "":
		out.Reason += "; " + j.note
	}
	out.Round, out.Plan = j.key.Round, j.plan
	return out
}

func (s *Stage) announce(ctx context.Context, rounds []store.RoundKey) error {
	owed := make([]message.Owed, len(rounds))
	for i, k := range rounds {
		owed[i] = message.Owed{Topic: message.OrderQuoted, Item: message.Item{Key: fmt.Sprintf("%d:%d", k.Order, k.Round), Order: k.Order, Round: k.Round}}
	}
	return s.Bus.Publish(ctx, message.Bundle(owed)...)
}
