package quote

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/telemetry"
	"github.com/chuandao/qianfan/shared/upstream"
)

const (
	fetchTimeout = 2 * time.Second  // of system time
	refusedFor   = 2 * time.Minute  // of virtual time, from the push: a platform that says no for so long means it
	phoneMargin  = 10 * time.Minute // of virtual time: a privacy number that ends sooner is of no use to a rider
)

// sort says which jobs can be priced at once, and about which the platform is to be asked
// first: orders whose terms are not known, and those whose privacy number (虚拟号) runs out
// before a rider could use it: re-quotes, and orders for later that are released now.
func (s *Stage) sort(open []job) (known, unknown []job) {
	for _, j := range open {
		if !acceptance.Planned(j.Order) || s.phoneEnds(j) {
			unknown = append(unknown, j)
			continue
		}
		known = append(known, j)
	}
	return known, unknown
}

func (s *Stage) phoneEnds(j job) bool {
	until := j.Detail.Detail.To.PhoneUntil
	return until != nil && until.Sub(s.Clock.Virtual()) < phoneMargin
}

// fetch asks the platforms about all of the jobs side by side, and prices in waves what is
// ready together: a platform that hangs holds up its own orders only.
func (s *Stage) fetch(ctx context.Context, unknown []job) error {
	if len(unknown) == 0 {
		return nil
	}
	fetched := make(chan job)
	for _, j := range unknown {
		go func() { fetched <- s.look(ctx, j) }()
	}
	var (
		wave  []job
		waves sync.WaitGroup
		mu    sync.Mutex
		errs  []error
	)
	start := func() {
		jobs := wave
		if wave = nil; len(jobs) == 0 {
			return
		}
		waves.Go(func() {
			err := s.ask(ctx, jobs)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	timer := clock.System.NewTimer(flushEvery)
	defer timer.Stop()
	for pending := len(unknown); pending > 0; {
		select {
		case j := <-fetched:
			pending--
			if !j.open {
				wave = append(wave, j)
			}
		case <-timer.C:
			start()
			timer.Reset(flushEvery)
		}
	}
	start()
	waves.Wait()
	return errors.Join(errs...)
}

// look asks the platform about one order. The job comes back with what is known now, with its
// outcome when there is nothing to price, or open: then nothing is decided, and the timer or
// the sweep has it asked again.
func (s *Stage) look(ctx context.Context, j job) job {
	platform, ok := s.Platforms[j.Order.Platform].(upstream.Fetcher)
	planned := acceptance.Planned(j.Order)
	if !ok {
		return s.unasked(ctx, j, planned, fmt.Errorf("platform %s cannot be asked", j.Order.Platform))
	}
	create, err := ask(ctx, platform, j.Order)
	switch {
	case planned && err != nil:
		return s.unasked(ctx, j, planned, err)
	case planned:
		return renewed(j, create)
	case err == nil && len(create.Degraded) > 0: // what the platform left out it may make up for; nothing is priced on zeros
		return s.unasked(ctx, j, planned, fmt.Errorf("it still lacks %s", strings.Join(create.Degraded, ", ")))
	case err == nil:
		err = s.settle(ctx, &j, &create)
	}
	switch {
	case err == nil:
	case undecided(err) || s.hasty(j, err):
		return s.unasked(ctx, j, planned, err)
	default:
		e := upstream.AsError(err)
		acceptance.Refused(ctx, j.Order.Platform, j.Order.No, e)
		j.fixed = &order.Outcome{Result: order.ResultUndeliverable, Reason: e.Error()}
	}
	return j
}

func ask(ctx context.Context, platform upstream.Fetcher, o order.Order) (upstream.Create, error) {
	ctx, span := telemetry.Order(ctx, o.ID, "fetch", time.Time{})
	defer span.End()
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	return platform.Fetch(ctx, o.No)
}

// settle finds the terms of an order that is known now. One for later (预约单) is not priced yet.
func (s *Stage) settle(ctx context.Context, j *job, create *upstream.Create) error {
	terms, err := s.Desk.Terms(ctx, j.Order.Platform, create)
	if err != nil {
		return err
	}
	plan := terms.Plan
	j.plan, j.fetched = &plan, &store.Fetched{Detail: terms.Detail, Why: &terms.Why}
	j.Order.ShopCode, j.Order.City, j.Order.Strategy, j.Order.Fee = plan.ShopCode, plan.City, plan.Strategy, plan.Fee
	j.Detail = terms.Detail
	if at, later := acceptance.Release(plan, s.Clock.Virtual()); later {
		j.fixed = &order.Outcome{Result: order.ResultScheduled, Reason: "for later, riders are looked for from " + at.UTC().Format(time.RFC3339)}
	}
	return nil
}

// undecided are the errors after which asking again may help.
func undecided(err error) bool {
	switch upstream.AsError(err).Reason {
	case upstream.NotFound, upstream.Unreachable, upstream.SendAgain:
		return true
	}
	return false
}

// hasty reports whether a refusal is too young to end an order: one that names no field is of
// the call and not of what it told, and platforms have one word for "no" and "not now".
func (s *Stage) hasty(j job, err error) bool {
	e := upstream.AsError(err)
	return e.Reason == upstream.Refused && e.Field == "" && s.Clock.Virtual().Sub(j.Order.ReceivedAt) < refusedFor
}

// unasked is a job whose platform did not answer: one whose terms are known goes on without,
// and says so.
func (s *Stage) unasked(ctx context.Context, j job, planned bool, err error) job {
	if planned {
		j.note = "the privacy number has run out and there is no other: " + err.Error()
		return j
	}
	slog.WarnContext(ctx, "order not fetched, it is asked for again", "order", j.Order.ID, "platform", j.Order.Platform, "error", err)
	j.span.Outcome("again", true).End()
	j.open = true
	return j
}

// renewed has the number under which the recipient can be reached now. Nothing else is taken
// over: another place would be another order.
func renewed(j job, create upstream.Create) job {
	to := create.Detail.To
	if to.Phone == "" {
		j.note = "the privacy number has run out and the platform gives no other"
		return j
	}
	d := j.Detail
	d.Detail.To.Phone, d.Detail.To.Ext, d.Detail.To.PhoneUntil = to.Phone, to.Ext, to.PhoneUntil
	j.Detail, j.fetched = d, &store.Fetched{Detail: d}
	return j
}
