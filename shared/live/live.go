// Package live is what people change while the system runs: strategies, switches, carrier accounts,
// rule books and shops; and what is left of the money with the carriers.
// An instance reads each of them once in five seconds of system time (LoadFreshness), however
// many orders come, and goes on with what it has while the store is away.
package live

import (
	"context"
	"errors"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

// Store is where it is read: *store.Store.
type Store interface {
	Strategies(ctx context.Context) ([]strategy.Strategy, error)
	SwitchedOff(ctx context.Context) ([]store.Switch, error)
	Shops(ctx context.Context, keys []store.ShopKey) ([]store.Shop, error)
	Accounts(ctx context.Context) ([]carrier.AccountRule, error)
	Prepaids(ctx context.Context) ([]store.Prepaid, error)
	ShopsTouched(ctx context.Context, within time.Duration) ([]store.Shop, error)
	RuleBooks(ctx context.Context, from time.Time) ([]store.RuleBook, error)
}

// Live is one instance's view, safe for concurrent use.
type Live struct {
	strategies kept[[]strategy.Strategy]
	switches   kept[Switches]
	accounts   kept[[]carrier.AccountRule]
	purses     kept[Purses]
	books      kept[Books]
	shops      shops
}

const (
	fresh   = 5 * time.Second  // of system time: a change is live after it, unless New is told otherwise
	patient = 2 * time.Second  // that one reading may take
	idle    = 25 * time.Second // beyond fresh: nobody looked for so long (the instance was frozen), so everybody waits for the reading
	sorry   = time.Second      // without any value, a failure is everybody's for so long

	undecided = 24 * time.Hour // of virtual time, however fast it goes: what came so long before a reading may be decided about after it
)

// LoadFreshness reads QIANFAN_LIVE_FRESH: the system time after which a change is live, 5 s
// unless set. Less costs reads: one in that time for each kind and instance.
func LoadFreshness(env *function.Env) time.Duration {
	return env.Duration("QIANFAN_LIVE_FRESH", fresh)
}

// New makes a view with the usual freshness; it reads nothing yet.
func New(s Store, c clock.Clock) *Live { return Every(s, c, fresh) }

// Every makes a view that reads again what is older than fresh, in system time.
func Every(s Store, c clock.Clock, fresh time.Duration) *Live {
	l := &Live{}
	l.strategies = kept[[]strategy.Strategy]{what: "strategies", now: c.System, fresh: fresh, read: s.Strategies}
	l.switches = kept[Switches]{what: "switches", now: c.System, fresh: fresh, read: func(ctx context.Context) (Switches, error) {
		off, err := s.SwitchedOff(ctx)
		return NewSwitches(off), err
	}}
	l.accounts = kept[[]carrier.AccountRule]{what: "carrier accounts", now: c.System, fresh: fresh, read: s.Accounts}
	l.purses = kept[Purses]{what: "prepaid balances", now: c.System, fresh: fresh, read: func(ctx context.Context) (Purses, error) {
		all, err := s.Prepaids(ctx)
		return NewPurses(all), err
	}}
	l.books = kept[Books]{what: "rule books", now: c.System, fresh: fresh, read: func(ctx context.Context) (Books, error) {
		rows, err := s.RuleBooks(ctx, c.Virtual().Add(-undecided))
		if err != nil {
			return Books{}, err
		}
		return NewBooks(rows)
	}}
	l.shops = newShops(s, c.System, fresh)
	return l
}

// Strategies are the active strategies, by name. The slice is shared: do not change it.
func (l *Live) Strategies(ctx context.Context) ([]strategy.Strategy, error) {
	return l.strategies.get(ctx)
}

// Switches is what is switched off.
func (l *Live) Switches(ctx context.Context) (Switches, error) { return l.switches.get(ctx) }

// Accounts are the rules by which orders go to prepaid accounts. The slice is shared: do not change it.
func (l *Live) Accounts(ctx context.Context) ([]carrier.AccountRule, error) {
	return l.accounts.get(ctx)
}

// Purses is what is left of our money with the carriers.
func (l *Live) Purses(ctx context.Context) (Purses, error) { return l.purses.get(ctx) }

// Shop finds a shop by the platform's code; store.ErrNoShop says that nobody registered it.
func (l *Live) Shop(ctx context.Context, platform, code string) (store.Shop, error) {
	return l.shops.get(ctx, store.ShopKey{Platform: platform, Code: code})
}

// StoreAt is the shop's own number at a carrier (carrier.QuoteRequest.Store); empty = it has
// none there, or nobody registered it.
func (l *Live) StoreAt(ctx context.Context, platform, code, carrier string) (string, error) {
	if code == "" {
		return "", nil
	}
	shop, err := l.Shop(ctx, platform, code)
	if errors.Is(err, store.ErrNoShop) {
		return "", nil
	}
	return shop.Stores[carrier], err
}

// Shops finds shops of a batch with one reading at most. Those that nobody registered are left out.
func (l *Live) Shops(ctx context.Context, keys []store.ShopKey) (map[store.ShopKey]store.Shop, error) {
	return l.shops.all(ctx, keys)
}
