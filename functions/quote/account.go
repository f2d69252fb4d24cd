package quote

import (
	"context"
	"log/slog"

	"github.com/chuandao/qianfan/shared/carrier"
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

// serving is the adapter of the account with a carrier that serves an order, or why none does.
func (s *Stage) serving(name string, rules []carrier.AccountRule, o order.Order) (adapter carrier.Adapter, none string) {
	if s.Carriers[name] == nil {
		return nil, "not configured"
	}
	adapter = s.Carriers.Route(rules, name, carrier.AccountOrder{ID: o.ID, Platform: o.Platform, City: o.City, Shop: o.ShopCode})
	if adapter == nil {
		return nil, "no account with it serves this order"
	}
	return adapter, ""
}
