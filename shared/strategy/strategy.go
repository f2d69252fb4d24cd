// Package strategy decides, from data alone, which carriers an order may go to and in
// which order they are tried. It is pure: no clock, no store, no network.
package strategy

import (
	"fmt"
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
	// LeaveInFreeWindow takes off a rider who is not at the shop just before the carrier's free
	// window ends, if the 违约金 rules in force have one and it ends before PickupTimeout.
	LeaveInFreeWindow bool `json:"leave_in_free_window,omitzero"`
	// DeliveryTimeout is the virtual time from pickup to delivery after which a person is asked; 0 = none.
	DeliveryTimeout Duration `json:"delivery_timeout,omitzero"`
	GiveUpAfter     Duration `json:"give_up_after"` // virtual time without a rider
	ReleaseLead     Duration `json:"release_lead"`  // a scheduled order starts this long before its time
	Limits          Limits   `json:"limits"`
}

// FreeMargin is how long, in virtual time, before the end of a carrier's free window a rider is
// taken off: enough for a query and a cancel.
const FreeMargin = 20 * time.Second

// Match says for which orders a strategy is meant; empty lists match all.
type Match struct {
	Platform []string `json:"platform,omitempty"`
	City     []string `json:"city,omitempty"`
	Shop     []string `json:"shop,omitempty"`
	Window   string   `json:"window,omitempty"` // "10:30-13:30", Asia/Shanghai, the end excluded; may span midnight
}

// Race is how many carriers look for a rider at once.
type Race struct {
	Width      int      `json:"width,omitzero"`       // 0 = all in the simultaneous mode, else 1
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

// Wide is how many carriers look for a rider at the start.
func (s Strategy) Wide() int {
	switch {
	case s.Race.Width > 0:
		return min(s.Race.Width, len(s.Carriers))
	case s.Mode == Simultaneous:
		return len(s.Carriers)
	}
	return 1
}

// Widen is how many more join each time.
func (s Strategy) Widen() int { return max(1, s.Race.WidenBy) }
