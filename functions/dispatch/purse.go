package dispatch

import (
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// purse adds up what the turns of a batch want to hold: one shard and one conditional
// update per carrier account. An account that was found short grants up to its limit, out of
// the first shard: evening out leaves the most there.
type purse struct {
	shards *shards
	limits map[account]money.Fen
	sums   map[account]*store.Hold
}

func newPurse(s *shards, limits map[account]money.Fen) *purse {
	return &purse{shards: s, limits: limits, sums: map[account]*store.Hold{}}
}

func (p *purse) hold(carrier, id string, amount money.Fen) (int, bool) {
	a := account{carrier, id}
	limit, limited := p.limits[a]
	h, ok := p.sums[a]
	if !ok {
		h = &store.Hold{Carrier: carrier, Account: id}
		if !limited {
			h.Shard = p.shards.pick(a)
		}
	}
	if limited && h.Amount+amount > limit {
		return 0, false
	}
	h.Amount += amount
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
