package dispatch

import (
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// purse adds up what the turns of a batch want to hold: one shard and one conditional
// update per carrier account. Accounts that were found short refuse at once.
type purse struct {
	shards *shards
	short  map[account]bool
	sums   map[account]*store.Hold
}

func newPurse(s *shards, short map[account]bool) *purse {
	return &purse{shards: s, short: short, sums: map[account]*store.Hold{}}
}

func (p *purse) hold(carrier, id string, amount money.Fen) (int, bool) {
	a := account{carrier, id}
	if p.short[a] {
		return 0, false
	}
	h, ok := p.sums[a]
	if !ok {
		h = &store.Hold{Carrier: carrier, Account: id, Shard: p.shards.pick(a)}
		p.sums[a] = h
	}
	h.Amount += amount
	return h.Shard, true
}

func (p *purse) holds() []store.Hold {
	out := make([]store.Hold, 0, len(p.sums))
	for _, h := range p.sums {
		out = append(out, *h)
	}
	return out
}
