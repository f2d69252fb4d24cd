package operate

import (
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

// DryRun is what a strategy would have done with past orders, from the quotes that are stored.
type DryRun struct {
	Strategy string    `json:"strategy"`
	From     time.Time `json:"from"` // virtual time
	To       time.Time `json:"to"`
	Orders   int       `json:"orders"` // that were looked at; Compared and Skipped add up to it
	Compared int       `json:"compared"`
	Skipped  Skipped   `json:"skipped"`
	// Reasons are why offers were put aside or not chosen, over the orders that nobody would have carried.
	Reasons map[string]int `json:"reasons,omitempty"`
	// NoQuote counts, by carrier of the strategy, the compared or unserved orders for which it was not asked: it could not be chosen.
	NoQuote map[string]int `json:"no_quote,omitempty"`
	Same    int            `json:"same"` // compared orders that the same carrier would have had
	Would   Side           `json:"would"`
	Was     Side           `json:"was"` // of the same orders
}

// Skipped counts the orders that say nothing about the strategy.
type Skipped struct {
	NotDelivered int `json:"not_delivered"` // cancelled, failed, returned, or still open
	NotMatched   int `json:"not_matched"`   // another strategy would have been picked
	NotQuoted    int `json:"not_quoted"`    // none of its carriers was asked
	Unserved     int `json:"unserved"`      // nobody would have been chosen
}

// Side is the sum of one way to carry the compared orders.
type Side struct {
	Carriers map[string]int `json:"carriers"`
	Cost     money.Fen      `json:"cost_fen"`   // of the deliveries, by the quotes
	Margin   money.Fen      `json:"margin_fen"` // what the platforms pay less Cost
	// AcceptS is the mean time from placement to acceptance in seconds, over AcceptKnown orders:
	// what the carriers estimated, and what it was.
	AcceptS     float64 `json:"accept_s"`
	AcceptKnown int     `json:"accept_known"`
	// Paid is what the orders have cost in the end, tips and 违约金 included; only of what was.
	Paid money.Fen `json:"paid_fen,omitempty"`

	accept time.Duration
}

// Replay prices past orders by x, which would be live beside active.
func Replay(x strategy.Strategy, active []strategy.Strategy, past []store.PastOrder) DryRun {
	run := DryRun{Strategy: x.Name, Reasons: map[string]int{}, NoQuote: map[string]int{}, Would: Side{Carriers: map[string]int{}}, Was: Side{Carriers: map[string]int{}}}
	all := []strategy.Strategy{x}
	for _, s := range active {
		if s.Name != x.Name {
			all = append(all, s)
		}
	}
	for _, o := range past {
		run.Orders++
		run.one(x, all, o)
	}
	run.Would.mean()
	run.Was.mean()
	return run
}

func (run *DryRun) one(x strategy.Strategy, all []strategy.Strategy, o store.PastOrder) {
	picked, _, err := strategy.Pick(all, strategy.Case{Platform: o.Platform, City: o.City, Shop: o.ShopCode, At: o.QuotedAt})
	switch {
	case !o.Delivered:
		run.Skipped.NotDelivered++
		return
	case err != nil || picked.Name != x.Name:
		run.Skipped.NotMatched++
		return
	}
	offers := offersOf(x, o.Quotes)
	if len(offers) == 0 {
		run.Skipped.NotQuoted++
		return
	}
	for _, c := range x.Carriers {
		if !hasOffer(offers, c) {
			run.NoQuote[c]++
		}
	}
	i, why := x.Choose(offers, o.Fee, o.QuotedAt)
	if i < 0 {
		run.Skipped.Unserved++
		for _, v := range why {
			run.Reasons[v.Carrier+": "+v.Reason]++
		}
		return
	}
	run.Compared++
	if offers[i].Carrier == o.Carrier {
		run.Same++
	}
	run.Would.add(offers[i].Carrier, offers[i].Price, o.Fee, offers[i].AcceptIn)
	run.Was.add(o.Carrier, o.Price, o.Fee, o.AcceptIn)
	run.Was.Paid += o.Paid
}

func offersOf(x strategy.Strategy, quotes []store.PastQuote) []strategy.Offer {
	var out []strategy.Offer
	for _, q := range quotes {
		offer := strategy.Offer{N: q.N, Carrier: q.Carrier, Price: q.Price, AcceptIn: q.AcceptIn, DeliverIn: q.DeliverIn, ExpiresAt: q.ExpiresAt, Refused: q.Refused}
		if slices.Contains(x.Carriers, q.Carrier) {
			out = append(out, offer)
		}
	}
	return out
}

func hasOffer(offers []strategy.Offer, name string) bool {
	return slices.ContainsFunc(offers, func(o strategy.Offer) bool { return o.Carrier == name })
}

func (s *Side) add(carrier string, price, fee money.Fen, accept time.Duration) {
	s.Carriers[carrier]++
	s.Cost += price
	s.Margin += fee - price
	if accept > 0 {
		s.AcceptKnown++
		s.accept += accept
	}
}

func (s *Side) mean() {
	if s.AcceptKnown > 0 {
		s.AcceptS = (s.accept / time.Duration(s.AcceptKnown)).Seconds()
	}
}

// String is one line for people.
func (s Side) String() string {
	return fmt.Sprintf("cost %s 元, margin %s 元, accepted after %.0f s (%d known)", s.Cost.Yuan(), s.Margin.Yuan(), s.AcceptS, s.AcceptKnown)
}
