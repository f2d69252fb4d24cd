// Package report tells the platforms (回传): each order's milestones in order, none
// skipped; a crash may repeat one. Outbound HTTP to platforms happens nowhere else.
package report

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/telemetry"
	"github.com/chuandao/qianfan/shared/upstream"
)

// Stage is the function with its dependencies.
type Stage struct {
	Store     *store.Store
	Platforms map[string]upstream.Adapter
	Clock     clock.Clock
	Owner     string
	Positions *position.Board // where riders are; nil = nobody knows
	// InTime is the virtual time within which a milestone should be told; 0 = 30 s.
	InTime time.Duration
}

const (
	lease       = 10 * time.Second // of system time: how long the orders of a vanished instance wait
	callTimeout = 3 * time.Second  // of system time, per milestone
	parallel    = 32
	maxTries    = 8 // then a person is asked; the tries go on

	inTime        = 30 * time.Second // of virtual time; what is told later is counted
	freshPosition = time.Minute      // of virtual time; an older one would mislead
)

// Handle serves one batch of order-status messages. A milestone that comes while its order
// is leased has its message dropped by whoever finds the lease, so the holder looks again.
func (s *Stage) Handle(ctx context.Context, payload json.RawMessage) error {
	inputs, unread := stage.Inputs(ctx, payload)
	ids := make([]int64, 0, len(inputs))
	for _, in := range inputs {
		ids = append(ids, in.Item.Order)
	}
	for {
		var err error
		if ids, err = s.pass(ctx, ids); err != nil {
			return errors.Join(unread, err)
		}
		if deadline, ok := ctx.Deadline(); len(ids) == 0 || ok && deadline.Sub(s.Clock.System()) < lease {
			return unread
		}
	}
}

// pass leases the orders that nobody else tells, tells what is new of them, saves how far
// it got, and gives those of which there may be more to tell at once.
func (s *Stage) pass(ctx context.Context, ids []int64) ([]int64, error) {
	now := s.Clock.System()
	owner := fmt.Sprintf("%s-%d", s.Owner, now.UnixNano()%1e9)
	owner = owner[max(0, len(owner)-40):]
	until := now.Add(lease)
	leased, err := s.Store.LeaseReports(ctx, ids, owner, now, until)
	if err != nil {
		return nil, err
	}
	results := s.tellAll(ctx, leased, until)
	return s.goOn(leased, results), s.Store.SaveTold(ctx, owner, results)
}

// goOn are the orders that got on and did not fail: more may have come meanwhile, or the
// lease was too short for all of it.
func (s *Stage) goOn(leased []store.ToTell, results []store.TellResult) []int64 {
	var ids []int64
	for i, r := range results {
		if r.Told > leased[i].Order.Told && !r.RetryAt.After(s.Clock.Virtual()) {
			ids = append(ids, r.Order)
		}
	}
	return ids
}

// tellAll tells many orders side by side, each in its own order.
func (s *Stage) tellAll(ctx context.Context, leased []store.ToTell, until time.Time) []store.TellResult {
	results := make([]store.TellResult, len(leased))
	slots := make(chan struct{}, parallel)
	var work sync.WaitGroup
	for i, t := range leased {
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			ctx, span := telemetry.Order(ctx, t.Order.ID, "report", time.Time{})
			results[i] = s.tell(ctx, t, until)
			trace(span, t, results[i])
		})
	}
	work.Wait()
	return results
}

// tell stops an order at its first failure, and when a call might outlast the lease: two
// who tell one order could not keep its milestones in order. A milestone that the platform
// decidedly refuses is told as far as we can tell it; a person looks at the order.
func (s *Stage) tell(ctx context.Context, t store.ToTell, until time.Time) store.TellResult {
	r := store.TellResult{Order: t.Order.ID, Told: t.Order.Told}
	adapter, ok := s.Platforms[t.Order.Platform]
	if !ok {
		r.RetryAt = s.again(t.Tries)
		r.Attention = "platform " + t.Order.Platform + " is not configured"
		return r
	}
	for _, m := range t.Milestones {
		if adapter.Reports() {
			if s.Clock.System().After(until.Add(-callTimeout)) {
				r.RetryAt = s.Clock.Virtual()
				return r
			}
			err := s.one(ctx, adapter, t, m)
			if err != nil && !refused(err) {
				slog.WarnContext(ctx, "report failed", "order", t.Order.ID, "state", m.State, "error", err)
				r.RetryAt = s.again(t.Tries)
				if t.Tries >= maxTries {
					r.Attention = "platform " + t.Order.Platform + " does not take reports"
				}
				return r
			}
			if err != nil {
				slog.ErrorContext(ctx, "report refused", "order", t.Order.ID, "state", m.State, "error", err)
				r.Attention = fmt.Sprintf("platform refused %s: %s", m.State, err)
			}
			s.count(&r, m, err)
		}
		r.Told = m.Version
	}
	return r
}

// count is for the 回传率.
func (s *Stage) count(r *store.TellResult, m store.Told, err error) {
	switch {
	case err != nil:
		r.Refused++
	case s.Clock.Virtual().Sub(m.At) > cmp.Or(s.InTime, inTime):
		r.Late++
		r.Taken++
	default:
		r.Taken++
	}
}

func refused(err error) bool {
	var e *upstream.Error
	return errors.As(err, &e) && e.Reason == upstream.Refused
}

func (s *Stage) one(ctx context.Context, adapter upstream.Adapter, t store.ToTell, m store.Told) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out := upstream.Milestone{No: t.Order.No, ShopCode: t.Order.ShopCode, State: m.State, Carrier: m.Carrier, Rider: m.Rider, At: m.At, Reason: m.Reason, CancelRefused: m.CancelRefused}
	if m.N > 0 {
		out.Waybill = order.OurNo(t.Order.ID, m.N)
		out.Position = s.position(ctx, m, out.Waybill)
	}
	if m.DeliverIn > 0 && m.State == order.Assigned {
		arrival := m.At.Add(m.DeliverIn)
		out.Arrival = &arrival
	}
	return adapter.Report(ctx, out)
}

// underway are the states in which a rider's place is the platform's business.
var underway = map[order.State]bool{order.Assigned: true, order.Arrived: true, order.PickedUp: true}

// position is where the rider is now, if that is known and fresh.
func (s *Stage) position(ctx context.Context, m store.Told, waybill string) *geo.Point {
	if !underway[m.State] {
		return nil
	}
	seen, known, err := s.Positions.Last(ctx, position.Key{Carrier: m.Carrier, OurNo: waybill, CarrierNo: m.CarrierNo})
	if err != nil {
		slog.DebugContext(ctx, "no position", "waybill", waybill, "error", err)
	}
	if !known || s.Clock.Virtual().Sub(seen.At) > freshPosition {
		return nil
	}
	return &seen.Point
}

// again is when a failed report is tried once more: 5 s doubling to 5 minutes, virtual time.
func (s *Stage) again(tries int) time.Time {
	return s.Clock.Virtual().Add(min(5*time.Minute, 5*time.Second<<min(tries, 6)))
}

// trace ends the span of an order that was told what was new.
func trace(span telemetry.Span, t store.ToTell, r store.TellResult) {
	span.Text("platform", t.Order.Platform).Text("to", string(t.Order.State)).Int("told_before", t.Order.Told).Int("told", r.Told)
	if !r.RetryAt.IsZero() {
		span.Outcome("again", false)
	}
	span.End()
}
