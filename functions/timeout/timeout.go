// Package timeout turns what is due or owed into messages again: timers whose instant has
// come, the minutely sweep over everything overdue, and what other stages could not take.
package timeout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/telemetry"
	"github.com/chuandao/qianfan/shared/upstream"
)

// Stage is the function with its dependencies.
type Stage struct {
	Store *store.Store
	Bus   stage.Publisher
	Clock clock.Clock
	// Retention of orders, in days of the system clock, by which their ids go; 0 = the store's default.
	Retention time.Duration

	Platforms map[string]upstream.Adapter // whose missed pushes are pulled; may be empty
	Desk      *acceptance.Desk            // decides about them
	IDs       *order.IDs
}

// The sweep's measures, in virtual time where they are times.
const (
	grace     = 30 * time.Second
	sweepSize = 500
	reserve   = 5 * time.Second // of system time: no new page when less is left
	alone     = 8               // redrives after which an order travels in a message of its own
)

// PropSweep marks the messages of the sweep.
const PropSweep = "qf-sweep"

// Handle serves the timer trigger, order-timer batches and dead letters.
func (s *Stage) Handle(ctx context.Context, payload json.RawMessage) error {
	if function.IsTimer(payload) {
		return s.Sweep(ctx)
	}
	events, err := function.DecodeEvents(payload)
	if err != nil {
		return fmt.Errorf("read batch: %w", err)
	}
	if len(events) > 0 && events[0].Topic == message.DeadLetter {
		return s.bury(ctx, events)
	}
	inputs, unread := stage.Inputs(ctx, payload)
	return errors.Join(unread, s.fire(ctx, inputs))
}

// fire forwards the timers that are still armed; one that came early is sent again.
func (s *Stage) fire(ctx context.Context, inputs []stage.Input) error {
	ids := make([]int64, len(inputs))
	for i, in := range inputs {
		ids[i] = in.Item.Order
	}
	armed, err := s.Store.ArmedTimers(ctx, ids)
	if err != nil {
		return err
	}
	now := s.Clock.Virtual()
	var owed []message.Owed
	for _, in := range inputs {
		i := slices.IndexFunc(armed[in.Item.Order], func(t order.Timer) bool {
			return t.Kind == in.Item.Timer && t.N == in.Item.N && t.Epoch == in.Item.Epoch
		})
		if i < 0 {
			continue
		}
		if due := armed[in.Item.Order][i].Due; due.After(now) {
			owed = append(owed, message.Owed{Topic: message.OrderTimer, Due: due, Item: in.Item})
			continue
		}
		_, span := telemetry.Order(ctx, in.Item.Order, "timer", time.Time{})
		span.Text("timer", in.Item.Timer).Int("attempt", in.Item.N).End()
		item := in.Item
		item.Command = "timer"
		owed = append(owed, message.Owed{Topic: message.OrderCommand, Item: item})
	}
	return s.Bus.Publish(ctx, message.Bundle(owed)...)
}

// Sweep sends what is owed and overdue, page by page, and the parked events that are due, and
// pulls the pushes that were missed.
// It alone closes every order if every other message is lost.
func (s *Stage) Sweep(ctx context.Context) error {
	for {
		now := s.Clock.Virtual()
		overdue, err := s.Store.Sweep(ctx, now, grace, sweepSize)
		if err != nil {
			return err
		}
		for _, o := range overdue {
			_, span := telemetry.Order(ctx, o.Order, "sweep", time.Time{})
			span.Bool("act", o.Act).Bool("tell", o.Tell).Bool("post", o.Post).Int("redrives", o.Redrives).End()
		}
		if err := s.publish(ctx, resend(overdue)); err != nil {
			return err
		}
		if len(overdue) > 0 {
			slog.WarnContext(ctx, "sweep", "orders", len(overdue))
		}
		if len(overdue) < sweepSize || s.late(ctx) {
			break
		}
	}
	items, err := s.Store.TakeParked(ctx, s.Clock.Virtual(), sweepSize)
	if err != nil {
		return err
	}
	owed := make([]message.Owed, len(items))
	for i, item := range items {
		owed[i] = message.Owed{Topic: message.CarrierEvent, Item: item}
	}
	if err := s.publish(ctx, message.Bundle(owed)); err != nil {
		return err
	}
	s.pull(ctx)
	s.watch(ctx)
	s.seal(ctx)
	s.housekeep(ctx)
	return nil
}

// watch tells people of prepaid accounts that get low, before they stop the business. Its
// trouble is not the sweep's, as with housekeeping.
func (s *Stage) watch(ctx context.Context) {
	if s.late(ctx) {
		return
	}
	alarms, err := s.Store.WatchPrepaids(ctx, s.Clock.Virtual())
	if err != nil {
		slog.ErrorContext(ctx, "prepaid accounts cannot be looked at", "error", err)
	}
	for _, a := range alarms {
		of := []any{"carrier", a.Carrier, "account", a.Account, "free_fen", int64(a.Free), "floor_fen", int64(a.Floor), "an_hour_fen", int64(a.Pace)}
		if a.Over {
			slog.InfoContext(ctx, "prepaid account has money again", of...)
			continue
		}
		slog.ErrorContext(ctx, "prepaid account needs money", append(of, "why", a.Alarm, "since", a.SinceAt)...)
	}
}

// seal closes the ledger's last minute but one. Its trouble is not the sweep's, as with housekeeping.
func (s *Stage) seal(ctx context.Context) {
	if s.late(ctx) {
		return
	}
	if _, err := s.Store.SealLastMinute(ctx, s.Clock.System(), func() bool { return s.late(ctx) }); err != nil {
		slog.ErrorContext(ctx, "seal the ledger", "error", err)
	}
}

// housekeep lets days come and go. Its trouble is not the sweep's: it is told, and the next
// minute tries again.
func (s *Stage) housekeep(ctx context.Context) {
	if s.late(ctx) {
		return
	}
	report, err := s.Store.Housekeep(ctx, store.HousekeepOptions{System: s.Clock.System(), Virtual: s.Clock.Virtual(), Retention: s.Retention,
		Late: func() bool { return s.late(ctx) }})
	if err != nil {
		slog.ErrorContext(ctx, "housekeeping", "error", err)
	}
	if report.Ran && !report.Idle() {
		slog.InfoContext(ctx, "housekeeping", "created", report.Created, "dropped", report.Dropped, "purged", report.Purged, "unfinished", report.Unfinished)
	}
	if report.Kept != "" {
		slog.ErrorContext(ctx, "a day past its retention cannot go", "day", report.Kept)
	}
	if len(report.Full) > 0 {
		slog.ErrorContext(ctx, "the last partition is full: see docs/store.md", "tables", report.Full)
	}
}

func (s *Stage) late(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && deadline.Sub(s.Clock.System()) < reserve
}

func (s *Stage) publish(ctx context.Context, messages []message.Message) error {
	for i := range messages {
		messages[i].Props = map[string]string{PropSweep: "1"}
	}
	return s.Bus.Publish(ctx, messages...)
}

// resend says by which topic each overdue column is served.
func resend(overdue []store.Overdue) []message.Message {
	var together []message.Owed
	var out []message.Message
	for _, o := range overdue {
		owed := owedBy(o)
		if o.Redrives >= alone {
			out = append(out, message.Bundle(owed)...)
			continue
		}
		together = append(together, owed...)
	}
	return append(out, message.Bundle(together)...)
}

func owedBy(o store.Overdue) []message.Owed {
	id := message.Item{Key: fmt.Sprint(o.Order), Order: o.Order}
	var out []message.Owed
	if o.Act {
		out = append(out, acts(o, id)...)
	}
	if o.Tell {
		out = append(out, message.Owed{Topic: message.OrderStatus, Item: id})
	}
	if o.Post {
		out = append(out, message.Owed{Topic: message.Settlement, Group: "sweep", Item: id})
	}
	return out
}

// acts serves act_at: the quote round that is wanted or has its outcome, and always the
// resume that applies commands and due timers.
func acts(o store.Overdue, id message.Item) []message.Owed {
	resume := id
	resume.Command = "resume"
	out := []message.Owed{{Topic: message.OrderCommand, Item: resume}}
	if o.Round > 0 {
		round := message.Item{Key: fmt.Sprintf("%d:%d", o.Order, o.Round), Order: o.Order, Round: o.Round}
		topic := message.QuoteWanted
		if o.Quoted {
			topic = message.OrderQuoted
		}
		out = append(out, message.Owed{Topic: topic, Item: round})
	}
	return out
}
