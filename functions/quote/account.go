package quote

import (
	"context"
	"log/slog"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/order"
)

// accounts are the rules by which orders go to prepaid accounts. Where they cannot be read
// nothing is known of any: each carrier's first account serves.
func (s *Stage) accounts(ctx context.Context) []carrier.AccountRule {
	if s.Live == nil {
		return nil
	}
	rules, err := s.Live.Accounts(ctx)
	if err != nil {
		slog.WarnContext(ctx, "carriers' first accounts are used: the rules cannot be read", "error", err)
	}
	return rules
}

// desk is what a batch knows of our accounts with the carriers.
type desk struct {
	rules   []carrier.AccountRule
	solvent []carrier.AccountRule // the same without the accounts that are used up
	purses  live.Purses
}

func (s *Stage) desk(ctx context.Context) desk {
	d := desk{rules: s.accounts(ctx)}
	if s.Live != nil {
		var err error
		if d.purses, err = s.Live.Purses(ctx); err != nil {
			slog.WarnContext(ctx, "every account counts as paid for: what is left cannot be read", "error", err)
		}
	}
	d.solvent = d.purses.Solvent(d.rules)
	return d
}

// brokeReason is in the line of a carrier whose account cannot pay for the order.
const brokeReason = "prepaid balance used up"

// serving is the adapter of the account with a carrier that serves an order, or why none
// does. Where an account is used up, the line names it.
func (s *Stage) serving(name string, d desk, o order.Order) (adapter carrier.Adapter, none string) {
	if s.Carriers[name] == nil {
		return nil, "not configured"
	}
	of := carrier.AccountOrder{ID: o.ID, Platform: o.Platform, City: o.City, Shop: o.ShopCode}
	if adapter = s.Carriers.Route(d.solvent, name, of); adapter == nil {
		if adapter = s.Carriers.Route(d.rules, name, of); adapter == nil {
			return nil, "no account with it serves this order"
		}
		return adapter, brokeReason
	}
	if d.purses.UsedUp(name, adapter.Facts().Account) {
		return adapter, brokeReason
	}
	return adapter, ""
}
