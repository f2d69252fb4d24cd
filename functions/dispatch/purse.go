package dispatch

import (
	"context"
	"errors"
	"log/slog"

	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

type account struct{ carrier, id string }

// purse adds up what the turns of a batch want to hold: one conditional update per carrier
// account, on the shard that is this instance's home there. An account that was found short
// grants up to its limit: evening out leaves that much at home.
type purse struct {
	instance string
	live     live.Purses
	limits   map[account]money.Fen
	sums     map[account]*store.Hold
}

func (p *purse) hold(carrier, id string, amount money.Fen) (int, bool) {
	if amount <= 0 { // never a way to take money out of a hold
		return 0, false
	}
	a := account{carrier, id}
	h, ok := p.sums[a]
	if !ok {
		h = &store.Hold{Carrier: carrier, Account: id, Shard: store.Home(p.instance, carrier, id, p.live.Shards(carrier, id))}
	}
	if limit, limited := p.limits[a]; limited && h.Amount+amount > limit {
		return 0, false
	}
	h.Amount, h.N = h.Amount+amount, h.N+1
	p.sums[a] = h
	return h.Shard, true
}

func (p *purse) holds() []store.Hold {
	out := make([]store.Hold, 0, len(p.sums))
	for _, h := range p.sums {
		out = append(out, *h)
	}
	return out
}

// purses makes the purses of a round: a new one for each try of its transaction.
func (s *Stage) purses(ctx context.Context, limits map[account]money.Fen) func() *purse {
	var now live.Purses
	if s.Live != nil {
		var err error
		if now, err = s.Live.Purses(ctx); err != nil {
			slog.WarnContext(ctx, "each account's first shard is used: how they are split cannot be read", "error", err)
		}
	}
	return func() *purse {
		return &purse{instance: s.Owner, live: now, limits: limits, sums: map[account]*store.Hold{}}
	}
}

// refill brings the money of an account that was short home and limits the account to what
// is there then; when that was not there either, others are faster, and it grants nothing.
// An error that is no shortage comes back as it is.
func (s *Stage) refill(ctx context.Context, err error, limits map[account]money.Fen) error {
	var short *store.ErrShort
	if !errors.As(err, &short) {
		return err
	}
	h := short.Hold
	a := account{h.Carrier, h.Account}
	if _, again := limits[a]; again {
		limits[a] = 0
		return nil
	}
	most, err := s.Store.Even(ctx, h.Carrier, h.Account, h.Shard, h.Amount)
	if err != nil {
		return err
	}
	limits[a] = most
	if most < h.Amount {
		slog.WarnContext(ctx, "prepaid balance short", "carrier", h.Carrier, "account", h.Account, "wanted_fen", int64(h.Amount), "free_fen", int64(most))
	}
	return nil
}
