package world

import (
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Quote is a price that a client may place, once, while it is valid.
type Quote struct {
	Token           string // what the placement names: a token or the carrier's number
	ClientNo        string
	Pickup, Dropoff Point
	Metres, Kg      int
	Tip             money.Fen
	NotBefore       time.Time // zero: now
	Data            any       // the party's own
	Lines           []Line    // filled in by Fleet.Quote
	Expires         time.Time // filled in by Fleet.Quote
	used            bool
}

// Total is the whole price, tip included.
func (q Quote) Total() money.Fen { return Total(q.Lines) }

// quotes remembers quotes for twice their life, so that an expired one can be told
// from one that never was.
type quotes struct {
	byToken map[string]*Quote
	age     []*Quote // oldest first: all quotes of a carrier live equally long
}

func (q *quotes) add(x *Quote) {
	q.byToken[x.Token] = x
	q.age = append(q.age, x)
}

func (q *quotes) forget(before time.Time) {
	n := 0
	for n < len(q.age) && q.age[n].Expires.Before(before) {
		delete(q.byToken, q.age[n].Token)
		n++
	}
	q.age = q.age[n:]
}

// Quote prices a delivery and keeps the price for the profile's quote life.
func (f *Fleet) Quote(q Quote) Quote {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	life := seconds(f.profile.QuoteLifeS)
	q.Metres = f.profile.RoadMetres(q.Pickup, q.Dropoff)
	q.Lines = f.profile.Tariff.Price(q.Metres, q.Kg, q.Tip, now)
	q.Expires = now.Add(life)
	f.quotes.forget(now.Add(-life))
	f.quotes.add(&q)
	f.totals.Quotes++
	return q
}

// Quoted returns a quote by its token, whether or not it is still valid.
func (f *Fleet) Quoted(token string) (Quote, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	q, ok := f.quotes.byToken[token]
	if !ok {
		return Quote{}, false
	}
	return *q, true
}
