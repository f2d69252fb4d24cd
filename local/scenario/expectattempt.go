package scenario

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// attempts compares all attempts, each in the fields that its counterpart names.
func (p *play) attempts(x OrderExpect, v store.OrderView, path string) {
	if x.Attempts == nil {
		return
	}
	all := slices.Clone(v.Attempts)
	slices.SortStableFunc(all, func(a, b store.AttemptView) int {
		if a.PlacedAt.IsZero() != b.PlacedAt.IsZero() {
			return map[bool]int{true: 1, false: -1}[a.PlacedAt.IsZero()]
		}
		return cmp.Or(a.PlacedAt.Compare(b.PlacedAt), cmp.Compare(a.N, b.N))
	})
	var wanted, got []string
	for _, a := range *x.Attempts {
		wanted = append(wanted, a.text())
	}
	for i, a := range all {
		like := AttemptExpect{Cause: new(string)}
		if i < len(*x.Attempts) {
			like = (*x.Attempts)[i]
		}
		got = append(got, p.seen(a, like).text())
	}
	p.differ(x.line, path+".attempts", strings.Join(wanted, " | "), strings.Join(got, " | "))
}

// text is an attempt in the fields that it names.
func (a AttemptExpect) text() string {
	text := string(a.Carrier) + " " + string(a.State)
	if a.Cause != nil {
		text += " " + cmp.Or(*a.Cause, "(no cause)")
	}
	for _, f := range []struct {
		name string
		fen  *money.Fen
	}{{"price", a.Price}, {"charged", a.Charged}, {"penalty", a.Penalty}, {"tip", a.Tip}} {
		if f.fen != nil {
			text += fmt.Sprintf(" %s=%d", f.name, int64(*f.fen))
		}
	}
	for _, call := range slices.Sorted(maps.Keys(a.Calls)) {
		text += fmt.Sprintf(" %s×%d", call, a.Calls[call])
	}
	return text
}

// seen is what an attempt is, in the fields that like names.
func (p *play) seen(a store.AttemptView, like AttemptExpect) AttemptExpect {
	out := AttemptExpect{Carrier: Carrier(a.Carrier), State: AttemptState(a.State)}
	if like.Cause != nil {
		out.Cause = &a.Cause
	}
	book, _ := p.book(a)
	for _, f := range []struct {
		like *money.Fen
		out  **money.Fen
		fen  money.Fen
	}{{like.Price, &out.Price, a.PriceFen}, {like.Charged, &out.Charged, book.Charged}, {like.Penalty, &out.Penalty, book.Penalty}, {like.Tip, &out.Tip, book.Tips}} {
		if f.like != nil {
			fen := f.fen
			*f.out = &fen
		}
	}
	if like.Calls != nil {
		calls := p.calls(a)
		out.Calls = map[string]int{}
		for call := range like.Calls {
			out.Calls[call] = calls[call]
		}
	}
	return out
}

// book is the carrier's own record of an attempt.
func (p *play) book(a store.AttemptView) (world.BookOrder, bool) {
	for party, c := range p.e.Carriers {
		if party != a.Carrier && !strings.HasPrefix(party, a.Carrier+"-") {
			continue
		}
		for _, o := range c.Books().Orders {
			if o.ClientNo == a.OurNo {
				return o, true
			}
		}
	}
	return world.BookOrder{}, false
}

// calls counts what the carrier was asked about an attempt.
func (p *play) calls(a store.AttemptView) map[string]int {
	out := map[string]int{}
	book, _ := p.book(a)
	for _, h := range book.History {
		if h.What == "asked" {
			out[h.Detail]++
		}
	}
	return out
}
