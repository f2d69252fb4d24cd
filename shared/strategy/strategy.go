// Package strategy decides, from data alone, which carriers an order may go to and in
// which order they are tried. It is pure: no clock, no store, no network.
package strategy

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Mode is how a carrier is chosen.
type Mode string

// The modes.
const (
	Sequential   Mode = "sequential"   // the listed carriers, one after the other
	Simultaneous Mode = "simultaneous" // several at once; the first rider to accept gets the order
	Cheapest     Mode = "cheapest"     // the lowest quote first
	Fastest      Mode = "fastest"      // the shortest time to the customer first, by the carriers' estimates
	Weighted     Mode = "weighted"     // by price and time, weighed by Weights
)

// Duration is a span written as "90s" or "15m".
type Duration time.Duration

// MarshalText writes the span as Go does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads "90s", "15m", "1h30m".
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("strategy: %w", err)
	}
	*d = Duration(v)
	return nil
}

// Strategy is one rule set, versioned data.
type Strategy struct {
	Name          string   `json:"name"`
	Version       int      `json:"version"`
	Match         Match    `json:"match"`
	Mode          Mode     `json:"mode"`
	Carriers      []string `json:"carriers"`
	Race          Race     `json:"race,omitzero"`
	Weights       Weights  `json:"weights,omitzero"`
	Quote         Quoting  `json:"quote"`
	Tip           Tip      `json:"tip,omitzero"`
	AcceptTimeout Duration `json:"accept_timeout"` // virtual time a carrier's riders get
	// PickupTimeout is the virtual time from acceptance to pickup; 0 = none. A rider who is not
	// even at the shop then is taken off the order; one who waits there has a slow merchant.
	PickupTimeout Duration `json:"pickup_timeout,omitzero"`
	// DeliveryTimeout is the virtual time from pickup to delivery after which a person is asked; 0 = none.
	DeliveryTimeout Duration `json:"delivery_timeout,omitzero"`
	GiveUpAfter     Duration `json:"give_up_after"` // virtual time without a rider
	ReleaseLead     Duration `json:"release_lead"`  // a scheduled order starts this long before its time
	Limits          Limits   `json:"limits"`
}

// Match says for which orders a strategy is meant; empty lists match all.
type Match struct {
	Platform []string `json:"platform,omitempty"`
	City     []string `json:"city,omitempty"`
	Shop     []string `json:"shop,omitempty"`
	Window   string   `json:"window,omitempty"` // "10:30-13:30", Asia/Shanghai, the end excluded; may span midnight
}

// Race is how many carriers look for a rider at once.
type Race struct {
	Width      int      `json:"width,omitzero"`       // 0 = 1
	WidenAfter Duration `json:"widen_after,omitzero"` // virtual time without acceptance until more join; 0 = never
	WidenBy    int      `json:"widen_by,omitzero"`    // 0 = 1
}

// Weights of the weighted mode: what one of several offers is worth, best and worst of each
// measure apart. Only their proportion counts.
type Weights struct {
	Price int `json:"price,omitzero"`
	Time  int `json:"time,omitzero"`
}

// Tip is what is added, step by step, while no rider accepts.
type Tip struct {
	After Duration  `json:"after,omitzero"` // virtual time since the placement; 0 = no tips
	Every Duration  `json:"every,omitzero"`
	Step  money.Fen `json:"step_fen,omitzero"`
	Max   money.Fen `json:"max_fen,omitzero"`
}

// Quoting limits a quote round.
type Quoting struct {
	Deadline Duration `json:"deadline"`       // system time until the answers at hand must do
	Reuse    Duration `json:"reuse,omitzero"` // virtual time for which a price is taken for the same way again without asking
}

// Limits are what an attempt may cost. Nil = no limit.
type Limits struct {
	MaxCost   *money.Fen `json:"max_cost_fen,omitempty"`
	MinMargin *money.Fen `json:"min_margin_fen,omitempty"`
}

// Validate refuses a strategy that cannot work and names the path of the mistake.
func (s Strategy) Validate(known []string) error {
	var errs []error
	bad := func(path, format string, args ...any) {
		errs = append(errs, fmt.Errorf("strategy %q: %s: %s", s.Name, path, fmt.Sprintf(format, args...)))
	}
	if s.Name == "" {
		bad("name", "is empty")
	}
	if s.Mode != Sequential && s.Mode != Cheapest {
		bad("mode", "%q is neither sequential nor cheapest", s.Mode)
	}
	if len(s.Carriers) == 0 {
		bad("carriers", "is empty")
	}
	for i, c := range s.Carriers {
		if !slices.Contains(known, c) {
			bad(fmt.Sprintf("carriers[%d]", i), "%q is not a known carrier", c)
		}
		if slices.Contains(s.Carriers[:i], c) {
			bad(fmt.Sprintf("carriers[%d]", i), "%q is listed twice", c)
		}
	}
	for _, d := range []struct {
		path string
		Duration
	}{{"quote.deadline", s.Quote.Deadline}, {"accept_timeout", s.AcceptTimeout}, {"give_up_after", s.GiveUpAfter}} {
		if d.Duration <= 0 {
			bad(d.path, "must be positive")
		}
	}
	if s.ReleaseLead < 0 {
		bad("release_lead", "must not be negative")
	}
	return errors.Join(errs...)
}

// Why is the stored answer to "why this strategy".
type Why struct {
	Level    string `json:"level"` // shop, city+platform, city, platform, default
	Strategy string `json:"strategy"`
	Version  int    `json:"version"`
	Rivals   int    `json:"rivals"` // other strategies that matched less closely
}

// ErrNone says that no strategy is meant for an order.
var ErrNone = errors.New("strategy: none matches")

// levels orders the matches, closest first.
var levels = []string{"shop", "city+platform", "city", "platform", "default"}

// Pick finds the closest strategy: shop > city+platform > city > platform > default. Of two
// at one level the name that sorts first wins.
func Pick(all []Strategy, platform, city, shop string) (Strategy, Why, error) {
	best, at, matched := Strategy{}, len(levels), 0
	for _, s := range all {
		level, ok := s.Match.level(platform, city, shop)
		if !ok {
			continue
		}
		matched++
		if level < at || (level == at && s.Name < best.Name) {
			best, at = s, level
		}
	}
	if matched == 0 {
		return Strategy{}, Why{}, fmt.Errorf("%w for platform %s in city %s", ErrNone, platform, city)
	}
	return best, Why{Level: levels[at], Strategy: best.Name, Version: best.Version, Rivals: matched - 1}, nil
}

func (m Match) level(platform, city, shop string) (int, bool) {
	fits := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	if !fits(m.Platform, platform) || !fits(m.City, city) || !fits(m.Shop, shop) {
		return 0, false
	}
	switch {
	case len(m.Shop) > 0:
		return 0, true
	case len(m.City) > 0 && len(m.Platform) > 0:
		return 1, true
	case len(m.City) > 0:
		return 2, true
	case len(m.Platform) > 0:
		return 3, true
	}
	return 4, true
}

// Offer is one carrier's quote as the choice sees it.
type Offer struct {
	N         int // attempt number minted with the quote
	Carrier   string
	Price     money.Fen
	ExpiresAt time.Time
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
	slices.SortStableFunc(ranked, func(a, b int) int {
		if s.Mode == Cheapest && offers[a].Price != offers[b].Price {
			return cmp.Compare(offers[a].Price, offers[b].Price)
		}
		return cmp.Compare(slices.Index(s.Carriers, offers[a].Carrier), slices.Index(s.Carriers, offers[b].Carrier))
	})
	for _, i := range ranked[1:] {
		why = append(why, Verdict{offers[i].Carrier, s.outranked(offers[i], offers[ranked[0]])})
	}
	return ranked[0], why
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
	case s.Limits.MaxCost != nil && o.Price > *s.Limits.MaxCost:
		return fmt.Sprintf("costs %s, the limit is %s", o.Price, *s.Limits.MaxCost)
	case s.Limits.MinMargin != nil && income-o.Price < *s.Limits.MinMargin:
		return fmt.Sprintf("leaves a margin of %s, the least is %s", income-o.Price, *s.Limits.MinMargin)
	}
	return ""
}

func (s Strategy) outranked(o, winner Offer) string {
	if s.Mode == Cheapest && o.Price > winner.Price {
		return fmt.Sprintf("%s dearer than %s", o.Price-winner.Price, winner.Carrier)
	}
	return "listed after " + winner.Carrier
}
