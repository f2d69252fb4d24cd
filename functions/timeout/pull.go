package timeout

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/upstream"
)

const (
	pullTimeout = 3 * time.Second // of system time, per call
	pullPages   = 10              // of one platform in one minute; the next minute goes on
)

// pull fetches the pushes that platforms could not deliver (推拉结合) and takes them as intake
// would have. A platform's trouble is not the sweep's: it is told, and the next minute tries again.
func (s *Stage) pull(ctx context.Context) {
	for _, name := range slices.Sorted(maps.Keys(s.Platforms)) {
		platform, ok := s.Platforms[name].(upstream.Puller)
		for range pullPages {
			if !ok || s.late(ctx) {
				break
			}
			more, err := s.pullPage(ctx, platform)
			if err != nil {
				slog.WarnContext(ctx, "missed pushes", "platform", name, "error", err)
			}
			if !more || err != nil {
				break
			}
		}
	}
}

// pullPage takes one page and confirms, after the commit, what has been decided about. It
// reports whether there may be more.
func (s *Stage) pullPage(ctx context.Context, platform upstream.Puller) (more bool, err error) {
	missed, err := within(ctx, platform.Pull)
	if err != nil || len(missed) == 0 {
		return false, err
	}
	decided := slices.DeleteFunc(s.take(ctx, platform, missed), func(id string) bool { return id == "" }) // what has no id cannot be confirmed
	slog.InfoContext(ctx, "missed pushes", "platform", platform.Name(), "pulled", len(missed), "decided", len(decided))
	if len(decided) == 0 {
		return false, nil
	}
	_, err = within(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, platform.Confirm(ctx, decided) })
	return len(decided) == len(missed), err
}

func within[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, pullTimeout)
	defer cancel()
	return call(ctx)
}

// haul is a page of missed pushes, sorted by what they ask for; ids go along.
type haul struct {
	orders     []store.NewOrder
	orderIDs   []string
	commands   []store.NewCommand
	commandIDs []string
	decided    []string
}

// take stores what a page asks for and gives the ids of all about which something has been
// decided: stored, seen before, refused, or asking for nothing.
func (s *Stage) take(ctx context.Context, platform upstream.Puller, missed []upstream.Missed) []string {
	h := s.read(ctx, platform, missed)
	// Creates go first: a cancel of one of them finds it.
	h.decided = append(h.decided, each(h.orders, h.orderIDs, func(orders []store.NewOrder) error { return s.storeOrders(ctx, orders) })...)
	return append(h.decided, each(h.commands, h.commandIDs, func(commands []store.NewCommand) error { return s.storeCommands(ctx, commands) })...)
}

// read refuses what cannot be taken.
func (s *Stage) read(ctx context.Context, platform upstream.Puller, missed []upstream.Missed) haul {
	var h haul
	for _, m := range missed {
		n, isOrder, err := s.accept(ctx, platform, m)
		if err != nil {
			e := upstream.AsError(err)
			acceptance.Refused(ctx, platform.Name(), m.Push.No, e)
			if e.Reason == upstream.SendAgain {
				continue
			}
		}
		switch c, isCommand := s.Desk.Command(platform.Name(), m.Push); {
		case err == nil && isOrder:
			h.orders, h.orderIDs = append(h.orders, n), append(h.orderIDs, m.ID)
		case err == nil && isCommand:
			h.commands, h.commandIDs = append(h.commands, c), append(h.commandIDs, m.ID)
		default:
			h.decided = append(h.decided, m.ID)
		}
	}
	return h
}

func (s *Stage) accept(ctx context.Context, platform upstream.Puller, m upstream.Missed) (n store.NewOrder, isOrder bool, err error) {
	if m.Err != nil || m.Push.Kind != upstream.KindCreate {
		return n, false, m.Err
	}
	n, err = s.Desk.Order(ctx, s.IDs.Next(), platform, m.Push)
	return n, true, err
}

// each stores everything at once, or one by one where that fails, and gives the ids of what
// was stored.
func each[T any](all []T, ids []string, save func([]T) error) []string {
	if len(all) == 0 {
		return nil
	}
	err := save(all)
	if err == nil {
		return ids
	}
	var saved []string
	for i := range all {
		if store.Away(err) {
			break
		}
		if err = save(all[i : i+1]); err == nil {
			saved = append(saved, ids[i])
		}
	}
	return saved
}

// storeOrders commits new orders and then hints at what they need: their rows are the promise,
// so there is no half message.
func (s *Stage) storeOrders(ctx context.Context, orders []store.NewOrder) error {
	stored, err := s.Store.Intake(ctx, fmt.Sprintf("p%d", s.IDs.Next()), orders, s.Clock.Virtual())
	if err != nil {
		slog.ErrorContext(ctx, "missed orders are not stored", "orders", len(orders), "error", err)
		return err
	}
	owed := acceptance.Owed(orders, stored)
	for i, o := range orders {
		switch {
		case stored[i].Conflict:
			acceptance.Refused(ctx, o.Order.Platform, o.Order.No, upstream.Refuse(upstream.Conflict, "order_no", "order %s exists with other content", o.Order.No))
		case stored[i].ID == o.Order.ID && stored[i].State == order.Received && o.Order.Round > 0:
			owed = append(owed, message.Owed{Topic: message.QuoteWanted, Item: message.Item{Key: fmt.Sprintf("%d:1", o.Order.ID), Order: o.Order.ID, Round: 1}})
		}
	}
	s.hint(ctx, owed)
	return nil
}

func (s *Stage) storeCommands(ctx context.Context, commands []store.NewCommand) error {
	stored, err := s.Store.Commands(ctx, commands, s.Clock.Virtual())
	if err != nil {
		slog.ErrorContext(ctx, "missed commands are not stored", "commands", len(commands), "error", err)
		return err
	}
	s.hint(ctx, acceptance.OwedCommands(commands, stored))
	return nil
}

// hint publishes what the committed rows promise anyway; the sweep finds what is not sent.
func (s *Stage) hint(ctx context.Context, owed []message.Owed) {
	if err := s.publish(ctx, message.Bundle(owed)); err != nil {
		slog.WarnContext(ctx, "not sent, the sweep will find it", "items", len(owed), "error", err)
	}
}
