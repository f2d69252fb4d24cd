package quote

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// warm reads the shops of a batch in one go. What fails is tried again when it is needed.
func (s *Stage) warm(ctx context.Context, jobs map[store.RoundKey]store.QuoteJob) {
	if s.Live == nil {
		return
	}
	var keys []store.ShopKey
	for _, j := range jobs {
		if j.Order.ShopCode != "" && !j.Closed {
			keys = append(keys, store.ShopKey{Platform: j.Order.Platform, Code: j.Order.ShopCode})
		}
	}
	if len(keys) > 0 {
		_, _ = s.Live.Shops(ctx, keys)
	}
}

// aside says which carriers people have taken out for an order, and why: those that are
// switched off, and those that its shop excludes.
func (s *Stage) aside(ctx context.Context, o order.Order) map[string]string {
	if s.Live == nil {
		return nil
	}
	switches, err := s.Live.Switches(ctx)
	excluded, shopErr := s.excluded(ctx, o)
	if err := errors.Join(err, shopErr); err != nil {
		slog.WarnContext(ctx, "every carrier is asked: what is taken out cannot be read", "order", o.ID, "error", err)
	}
	out := map[string]string{}
	for _, name := range names(o) {
		if reason, off := switches.Carrier(name, o.City); off {
			out[name] = reason
		} else if slices.Contains(excluded, name) {
			out[name] = "excluded by the shop"
		}
	}
	return out
}

// excluded are the carriers that never serve the order's shop. A shop that is gone excludes nobody.
func (s *Stage) excluded(ctx context.Context, o order.Order) ([]string, error) {
	if o.ShopCode == "" {
		return nil, nil
	}
	shop, err := s.Live.Shop(ctx, o.Platform, o.ShopCode)
	if errors.Is(err, store.ErrNoShop) {
		return nil, nil
	}
	return shop.Excluded, err
}

// storeAt is the shop's own number at a carrier; empty = the carrier account's.
func (s *Stage) storeAt(ctx context.Context, o order.Order, carrier string) string {
	if s.Live == nil {
		return ""
	}
	number, err := s.Live.StoreAt(ctx, o.Platform, o.ShopCode, carrier)
	if err != nil {
		slog.WarnContext(ctx, "the shop's number at the carrier cannot be read", "order", o.ID, "carrier", carrier, "error", err)
	}
	return number
}
