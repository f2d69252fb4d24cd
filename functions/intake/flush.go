package intake

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/telemetry"
)

// halfTimeout bounds the half message: without it the batch is committed all the same, and
// the rows are the promise.
const halfTimeout = 300 * time.Millisecond

// checkAfter is when an intake batch without a row will never have one: longer than a flush.
const checkAfter = 2 * flushTimeout

// storeOrders commits one batch: half message, insert, commit. A batch that a data error
// breaks is split until the bad row is alone; each part is a batch of its own.
func (s *Stage) storeOrders(ctx context.Context, orders []store.NewOrder) []function.Result[store.Stored] {
	stored, err := s.storeBatch(ctx, orders)
	if err == nil {
		return results(stored, len(orders), nil)
	}
	if len(orders) == 1 || ctx.Err() != nil || store.Away(err) {
		return results[store.Stored](nil, len(orders), storeError(err))
	}
	slog.ErrorContext(ctx, "batch is split", "size", len(orders), "error", err)
	half := len(orders) / 2
	return append(s.storeOrders(ctx, orders[:half]), s.storeOrders(ctx, orders[half:])...)
}

func results[T any](values []T, n int, err error) []function.Result[T] {
	out := make([]function.Result[T], n)
	for i := range out {
		if err != nil {
			out[i].Err = err
			continue
		}
		out[i].Value = values[i]
	}
	return out
}

func (s *Stage) storeBatch(ctx context.Context, orders []store.NewOrder) ([]store.Stored, error) {
	batch := fmt.Sprintf("b%d", s.IDs.Next())
	half, sent := s.sendHalf(ctx, batch, orders)
	now := s.Clock.Virtual()
	if !sent {
		hurry(orders, now)
	}
	stored, err := s.Store.Intake(ctx, batch, orders, now)
	if sent && !errors.Is(err, store.ErrAmbiguous) {
		s.end(ctx, half, err == nil)
	}
	if err == nil {
		s.hint(ctx, "release timers and cancels", acceptance.Owed(orders, stored))
	}
	return stored, err
}

// hint publishes what the committed rows promise anyway. Callers wait for it no longer than
// for a half message; what is not sent is found by the sweep.
func (s *Stage) hint(ctx context.Context, what string, owed []message.Owed) {
	ctx, cancel := context.WithTimeout(ctx, halfTimeout)
	defer cancel()
	if err := s.Bus.Publish(ctx, message.Bundle(owed)...); err != nil {
		slog.WarnContext(ctx, "not sent, the sweep will find it", "what", what, "items", len(owed), "error", err)
	}
}

// sendHalf sends the batch's half message; scheduled orders are not in it.
func (s *Stage) sendHalf(ctx context.Context, batch string, orders []store.NewOrder) (message.Half, bool) {
	var items []message.Item
	for _, o := range orders {
		telemetry.Includes(ctx, o.Order.ID)
		if o.Order.Round > 0 {
			items = append(items, message.Item{Key: fmt.Sprint(o.Order.ID), Order: o.Order.ID, Round: 1})
		}
	}
	if len(items) == 0 {
		return message.Half{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, halfTimeout)
	defer cancel()
	half, err := s.Bus.SendHalf(ctx, message.Message{Topic: message.OrderAccepted, Items: items, Props: map[string]string{message.PropBatch: batch}})
	if err != nil {
		slog.ErrorContext(ctx, "half message not sent, the sweep will start these orders", "orders", len(items), "error", err)
		return message.Half{}, false
	}
	return half, true
}

// hurry makes the sweep find orders whose message could not be sent.
func hurry(orders []store.NewOrder, now time.Time) {
	for i := range orders {
		if orders[i].Order.Round > 0 {
			orders[i].Order.ActAt = now
		}
	}
}

// end settles the half message; when that fails the check-back does it.
func (s *Stage) end(ctx context.Context, half message.Half, commit bool) {
	if err := s.Bus.End(ctx, half, commit); err != nil {
		slog.WarnContext(ctx, "half message left to its check-back", "commit", commit, "error", err)
	}
}

// Check answers a check-back: the batch's row decides.
func (s *Stage) Check(ctx context.Context, batch string, born time.Time) message.Verdict {
	expired := s.Clock.System().Sub(born) > checkAfter
	state, err := s.Store.CheckBatch(ctx, batch, expired, s.Clock.Virtual())
	switch {
	case err != nil:
		slog.WarnContext(ctx, "check-back undecided", "batch", batch, "error", err)
		return message.Undecided
	case state == store.BatchCommitted:
		return message.Commit
	case state == store.BatchDiscarded:
		return message.Rollback
	}
	return message.Undecided
}

// storeCommands commits wishes and then hints at them; the rows stand without the hint.
func (s *Stage) storeCommands(ctx context.Context, commands []store.NewCommand) []function.Result[store.CommandStored] {
	stored, err := s.Store.Commands(ctx, commands, s.Clock.Virtual())
	if err != nil {
		if len(commands) == 1 || ctx.Err() != nil || store.Away(err) {
			return results[store.CommandStored](nil, len(commands), storeError(err))
		}
		half := len(commands) / 2
		return append(s.storeCommands(ctx, commands[:half]), s.storeCommands(ctx, commands[half:])...)
	}
	for _, c := range stored {
		telemetry.Includes(ctx, c.OrderID)
	}
	s.hint(ctx, "command hints", acceptance.OwedCommands(commands, stored))
	return results(stored, len(stored), nil)
}
