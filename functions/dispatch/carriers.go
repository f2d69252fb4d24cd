package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/health"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/quota"
	"github.com/chuandao/qianfan/shared/turn"
)

// switches are those that people have turned. While they cannot be read at all, everything
// is on: the carriers were asked for prices under the switches that quote knew.
func (s *Stage) switches(ctx context.Context) live.Switches {
	if s.Live == nil {
		return live.Switches{}
	}
	off, err := s.Live.Switches(ctx)
	if err != nil {
		slog.WarnContext(ctx, "switches cannot be read", "error", err)
	}
	return off
}

// books gives the penalty rules in force at an instant. Without any no money is decided about.
func (s *Stage) books(ctx context.Context) (func(time.Time) penalty.Book, error) {
	if s.Live == nil {
		return func(time.Time) penalty.Book { return s.Book }, nil
	}
	all, err := s.Live.Books(ctx)
	if err != nil {
		return nil, fmt.Errorf("penalty rules: %w", err)
	}
	return all.Penalty, nil
}

// judge tells the breakers what the answers say of their carriers. What we broke off
// ourselves says nothing.
func (s *Stage) judge(ctx context.Context, answers []input) {
	if s.Health == nil || ctx.Err() != nil {
		return
	}
	var outcomes []health.Outcome
	for _, in := range answers {
		if in.answer != nil {
			outcomes = append(outcomes, health.Outcome{Key: health.Key{Carrier: in.carrier, City: in.city}, Result: health.Judge(in.answer.Err)})
		}
	}
	s.Health.Record(ctx, outcomes...)
}

// storeAt is the number of the order's shop with the carrier, "" where it has none.
func (s *Stage) storeAt(ctx context.Context, p turn.PlannedCall) (string, error) {
	if s.Live == nil || p.Shop == "" {
		return "", nil
	}
	return s.Live.StoreAt(ctx, p.Platform, p.Shop, p.Attempt.Carrier)
}

// overLimit says, by their places, which placements are more than the carriers allow our
// accounts now. Cancels, queries and the like are never held back.
func (s *Stage) overLimit(ctx context.Context, planned []turn.PlannedCall) map[int]bool {
	if s.Quota == nil || s.Live == nil {
		return nil
	}
	rules, err := s.Live.Accounts(ctx)
	if err != nil {
		slog.WarnContext(ctx, "limits of accounts cannot be read", "error", err)
	}
	wants := map[quota.Key]quota.Want{}
	for _, p := range planned {
		if p.Kind == order.CallPlace {
			k := quota.Key{Carrier: p.Attempt.Carrier, Account: p.Attempt.Account}
			wants[k] = quota.Want{Calls: wants[k].Calls + 1, PerSecond: carrier.PerSecond(rules, k.Carrier, k.Account), Urgent: true}
		}
	}
	granted, over := s.Quota.Take(ctx, wants), map[int]bool{}
	for i, p := range planned {
		k := quota.Key{Carrier: p.Attempt.Carrier, Account: p.Attempt.Account}
		if p.Kind != order.CallPlace {
			continue
		}
		if granted[k]--; granted[k] < 0 {
			over[i] = true
		}
	}
	return over
}
