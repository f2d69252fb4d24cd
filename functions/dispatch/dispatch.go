// Package dispatch is the only writer of orders and attempts after acceptance. It works in
// rounds over its batch: lock, decide, commit, publish what is owed, make the calls, and
// feed each answer back as an input of the next round, until nothing is owed or time is short.
package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/health"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/quota"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// Stage is the function with its dependencies.
type Stage struct {
	Store    *store.Store
	Bus      stage.Publisher
	Carriers carrier.Set
	Clock    clock.Clock
	Owner    string
	Book     penalty.Book     // without Live
	Live     *live.Live       // nil: nothing is switched off, and Book holds
	Health   *health.Breakers // nil: nobody is told how the carriers are
	Quota    *quota.Quota     // nil: accounts have no limits
}

const (
	callTimeout = 2 * time.Second        // of system time; afterwards the outcome is in doubt
	callLease   = 5 * time.Second        // of system time: longer than a call with its pre-query
	reserve     = 3 * time.Second        // no new round when less than this is left of the invocation
	gatherFor   = 200 * time.Millisecond // answers at hand go on while others are awaited
)

// input is one thing that happened to one order.
type input struct {
	order  int64
	key    string // input key, for repeats; empty for hints
	item   message.Item
	topic  string
	status carrier.Status
	n      int
	answer *turn.Answer

	carrier, city string // that an answer is of
}

// Handle serves one batch of order-quoted, carrier-event and order-command messages.
func (s *Stage) Handle(ctx context.Context, payload json.RawMessage) error {
	items, unread := stage.Inputs(ctx, payload)
	inputs, parked, err := s.read(ctx, items)
	if err != nil {
		return errors.Join(unread, err)
	}
	if len(parked) > 0 {
		if err := s.Store.Park(ctx, parked, s.Clock.Virtual()); err != nil {
			return errors.Join(unread, err)
		}
	}
	return errors.Join(unread, s.work(ctx, inputs))
}

// work runs rounds until nothing is left to do. Answers of calls that come after the
// deadline are left to the call leases.
func (s *Stage) work(ctx context.Context, inputs []input) error {
	calls := newCalls(s)
	defer calls.wait()
	var left []error // what the batch has to come again for; its committed turns go on
	for {
		if len(inputs) > 0 {
			began := s.Clock.System()
			done, err := s.turns(ctx, inputs)
			if err != nil && len(done.turns) == 0 {
				return errors.Join(append(left, err)...)
			}
			trace(ctx, began, done.turns)
			// The calls begin first: their leases run, and a broker that is away takes its time.
			calls.start(ctx, done.calls())
			left = append(left, err, s.leave(ctx, done))
		}
		if calls.pending() == 0 {
			return errors.Join(left...)
		}
		if deadline, ok := ctx.Deadline(); ok && deadline.Sub(s.Clock.System()) < reserve {
			slog.WarnContext(ctx, "calls left to their leases", "calls", calls.pending())
			return errors.Join(left...)
		}
		inputs = calls.gather(ctx)
		s.judge(ctx, inputs)
		if ctx.Err() != nil {
			return errors.Join(append(left, ctx.Err())...)
		}
	}
}

// committed is what a round leaves to be done.
type committed struct {
	turns   []*turn.Turn
	unknown []parkedEvent // events of attempts that nobody knows
}

func (c committed) calls() []turn.PlannedCall {
	var out []turn.PlannedCall
	for _, t := range c.turns {
		out = append(out, t.Calls...)
	}
	return out
}

// turns commits a round. When it fails each order is tried alone: one that cannot be read or
// written, or that somebody else holds, does not hold up its neighbours.
func (s *Stage) turns(ctx context.Context, inputs []input) (committed, error) {
	byOrder, ids, _ := group(inputs)
	all, err := s.round(ctx, inputs)
	if err == nil || len(ids) < 2 || ctx.Err() != nil || store.Away(err) {
		return all, err
	}
	slog.ErrorContext(ctx, "round is split", "orders", len(ids), "error", err)
	all = committed{}
	var errs []error
	for _, id := range ids {
		one, err := s.round(ctx, byOrder[id])
		if err != nil {
			errs = append(errs, fmt.Errorf("order %d: %w", id, err))
			continue
		}
		all.turns, all.unknown = append(all.turns, one.turns...), append(all.unknown, one.unknown...)
	}
	return all, errors.Join(errs...)
}

// round is one transaction: decide for every order of the inputs and commit. When a shard is
// short it brings money there and tries once more, and then grants no more than there is.
func (s *Stage) round(ctx context.Context, inputs []input) (committed, error) {
	byOrder, ids, keys := group(inputs)
	limits := map[account]money.Fen{}
	purses, off := s.purses(ctx, limits), s.switches(ctx)
	books, err := s.books(ctx)
	if err != nil {
		return committed{}, err
	}
	for {
		var c committed
		err := s.Store.Dispatch(ctx, ids, keys, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
			purse := purses()
			c.turns, c.unknown = s.decide(b, byOrder, ids, purse, off, books)
			return c.turns, purse.holds(), nil
		})
		if err == nil {
			return c, nil
		}
		// Each account comes here twice at most: then it grants nothing.
		if err := s.refill(ctx, err, limits); err != nil {
			return committed{}, err
		}
	}
}

// leave publishes what the committed turns owe. After an error the batch has to come again:
// its repeat is recognised and sends what is owed.
func (s *Stage) leave(ctx context.Context, c committed) error {
	var owed []message.Owed
	for _, t := range c.turns {
		owed = append(owed, t.Owed...)
		for _, alarm := range t.Alarms {
			slog.ErrorContext(ctx, "needs attention", "order", t.ID, "reason", alarm)
		}
	}
	if err := errors.Join(s.park(ctx, c.unknown), s.Bus.Publish(ctx, message.Bundle(owed)...)); err != nil {
		return fmt.Errorf("committed, but what is owed was not sent: %w", err)
	}
	return nil
}

// decide makes one turn per order. It is pure: it may run again after a deadlock.
func (s *Stage) decide(b store.Batch, byOrder map[int64][]input, ids []int64, purse *purse, off live.Switches, book func(time.Time) penalty.Book) (turns []*turn.Turn, unknown []parkedEvent) {
	now := s.Clock.Virtual()
	env := turn.Env{
		Now: now, System: s.Clock.System(), Owner: s.Owner, Lease: callLease, Book: book(now),
		Carrier: s.facts, Hold: purse.hold, Virtual: s.virtual,
	}
	for _, id := range ids {
		agg, ok := b.Orders[id]
		if !ok {
			unknown = append(unknown, eventsOf(byOrder[id])...)
			continue
		}
		env.Off = func(carrier string) string {
			reason, _ := off.Carrier(carrier, agg.City)
			return reason
		}
		env.Seen = func(key string) (order.EventRow, bool) {
			row, ok := b.Seen[store.InputKey{Order: id, Key: key}]
			return row, ok
		}
		t := turn.New(agg, env)
		unknown = append(unknown, apply(t, byOrder[id])...)
		t.Finish()
		t.Redrives = 0
		turns = append(turns, t)
	}
	return turns, unknown
}

// apply gives an order its inputs; carrier events of attempts that it does not have come back.
func apply(t *turn.Turn, inputs []input) (unknown []parkedEvent) {
	for _, in := range inputs {
		switch {
		case in.answer != nil:
			t.Answer(*in.answer)
		case in.topic == message.OrderQuoted:
			t.Quoted(in.item.Round)
		case in.topic == message.CarrierEvent:
			if !t.Signal(in.n, in.status) {
				unknown = append(unknown, parkedEvent{in.status, in.item})
			}
		}
		// A command is a hint: the rows and timers say what is to be done.
	}
	return unknown
}

func (s *Stage) facts(name string) (carrier.Facts, bool) {
	a, ok := s.Carriers[name]
	if !ok {
		return carrier.Facts{}, false
	}
	return a.Facts(), true
}

// virtual converts the end of a lease into a due time.
func (s *Stage) virtual(system time.Time) time.Time {
	left := system.Sub(s.Clock.System())
	if p, ok := s.Clock.(clock.Pacer); ok {
		left = time.Duration(float64(left) * p.Pace())
	}
	return s.Clock.Virtual().Add(left)
}
