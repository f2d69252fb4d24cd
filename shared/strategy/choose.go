package strategy

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Offer is one carrier's quote as the choice sees it.
type Offer struct {
	N         int // attempt number minted with the quote
	Carrier   string
	Price     money.Fen
	AcceptIn  time.Duration // the carrier's estimates; 0 = none
	DeliverIn time.Duration
	ExpiresAt time.Time
	Tried     int    // attempts of the order with this carrier so far: who was tried less goes first
	Used      bool   // an attempt has consumed it
	Refused   string // why the carrier gave no price, or why it was put aside
}

// Verdict explains one carrier that was not chosen.
type Verdict struct {
	Carrier string `json:"carrier"`
	Reason  string `json:"reason"`
}

// Choose picks the offer to place now, or -1, and says why not the others. income is what
// the platform pays, for the margin limit.
func (s Strategy) Choose(offers []Offer, income money.Fen, now time.Time) (int, []Verdict) {
	var why []Verdict
	ranked := make([]int, 0, len(offers))
	for i, o := range offers {
		if reason := s.unfit(o, income, now); reason != "" {
			why = append(why, Verdict{o.Carrier, reason})
			continue
		}
		ranked = append(ranked, i)
	}
	if len(ranked) == 0 {
		return -1, why
	}
	rank := s.ranking(offers, ranked)
	slices.SortStableFunc(ranked, func(a, b int) int {
		return cmp.Or(cmp.Compare(offers[a].Tried, offers[b].Tried), rank(a, b), cmp.Compare(slices.Index(s.Carriers, offers[a].Carrier), slices.Index(s.Carriers, offers[b].Carrier)))
	})
	for _, i := range ranked[1:] {
		why = append(why, Verdict{offers[i].Carrier, s.outranked(offers[i], offers[ranked[0]])})
	}
	return ranked[0], why
}

// ranking compares two fit offers; equal ones keep the strategy's order of carriers.
func (s Strategy) ranking(offers []Offer, fit []int) func(a, b int) int {
	switch s.Mode {
	case Cheapest:
		return func(a, b int) int { return cmp.Compare(offers[a].Price, offers[b].Price) }
	case Fastest:
		return func(a, b int) int {
			return cmp.Or(cmp.Compare(offers[a].span(), offers[b].span()), cmp.Compare(offers[a].Price, offers[b].Price))
		}
	case Weighted:
		score := s.scores(offers, fit)
		return func(a, b int) int {
			return cmp.Or(cmp.Compare(score[a], score[b]), cmp.Compare(offers[a].Price, offers[b].Price))
		}
	}
	return func(int, int) int { return 0 }
}

// never is the time to the customer of a carrier that gives no estimate: after all that do.
const never = 24 * time.Hour

// span is the time to the customer as far as the carrier tells; to the acceptance, where it
// tells no more.
func (o Offer) span() time.Duration {
	switch {
	case o.DeliverIn > 0:
		return o.DeliverIn
	case o.AcceptIn > 0:
		return never/2 + o.AcceptIn
	}
	return never
}

// scores are in thousandths of the weights: 0 for an offer that is best in everything. Who
// gives no estimate counts as the slowest of those that do.
func (s Strategy) scores(offers []Offer, fit []int) map[int]int64 {
	slowest := time.Duration(0)
	for _, i := range fit {
		if t := offers[i].span(); t < never/2 {
			slowest = max(slowest, t)
		}
	}
	price := func(i int) int64 { return int64(offers[i].Price) }
	span := func(i int) int64 { return int64(min(offers[i].span(), slowest)) }
	scores := map[int]int64{}
	for _, x := range []struct {
		weight int
		value  func(int) int64
	}{{s.Weights.Price, price}, {s.Weights.Time, span}} {
		low, high := x.value(fit[0]), x.value(fit[0])
		for _, i := range fit {
			low, high = min(low, x.value(i)), max(high, x.value(i))
		}
		for _, i := range fit {
			if high > low {
				scores[i] += int64(x.weight) * ((x.value(i) - low) * 1000 / (high - low))
			}
		}
	}
	return scores
}

func (s Strategy) unfit(o Offer, income money.Fen, now time.Time) string {
	switch {
	case o.Refused != "":
		return o.Refused
	case o.Used:
		return "tried already"
	case !slices.Contains(s.Carriers, o.Carrier):
		return "not in the strategy"
	case !now.Before(o.ExpiresAt):
		return "quote expired"
	}
	return s.OverLimit(o.Price, income)
}

// OverLimit says which limit a cost breaks, "" if none. income is what the platform pays.
func (s Strategy) OverLimit(cost, income money.Fen) string {
	switch {
	case s.Limits.MaxCost != nil && cost > *s.Limits.MaxCost:
		return fmt.Sprintf("costs %s, the limit is %s", cost, *s.Limits.MaxCost)
	case s.Limits.MinMargin != nil && income-cost < *s.Limits.MinMargin:
		return fmt.Sprintf("leaves a margin of %s, the least is %s", income-cost, *s.Limits.MinMargin)
	}
	return ""
}

func (s Strategy) outranked(o, winner Offer) string {
	switch {
	case o.Tried > winner.Tried:
		return "was tried before, " + winner.Carrier + " less often"
	case s.Mode == Cheapest && o.Price > winner.Price:
		return fmt.Sprintf("%s dearer than %s", o.Price-winner.Price, winner.Carrier)
	case s.Mode == Fastest && o.span() == never && winner.span() < never:
		return "tells no time, " + winner.Carrier + " does"
	case s.Mode == Fastest && o.DeliverIn > winner.DeliverIn && winner.DeliverIn > 0:
		return fmt.Sprintf("%s slower than %s", (o.DeliverIn - winner.DeliverIn).Round(time.Second), winner.Carrier)
	case s.Mode == Weighted:
		return fmt.Sprintf("%s and %s weigh more than those of %s", o.Price, o.told(), winner.Carrier)
	}
	return "listed after " + winner.Carrier
}

// told is the estimate in words.
func (o Offer) told() string {
	if o.DeliverIn == 0 {
		return "no estimate"
	}
	return o.DeliverIn.Round(time.Second).String()
}
