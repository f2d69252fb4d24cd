package world

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Profile is how a carrier behaves and what it charges: all assumptions, all data.
type Profile struct {
	Tariff  Tariff  `json:"tariff"`
	Penalty Penalty `json:"penalty"`

	QuoteLifeS      int     `json:"quote_life_s"`       // how long a quote may be placed
	RepriceAtPlace  bool    `json:"reprice_at_place"`   // the price is taken anew when the order is placed
	NoRiderAfterS   int     `json:"no_rider_after_s"`   // the carrier gives up when nobody accepted for so long
	Accept          Spread  `json:"accept"`             // from placement to a rider's acceptance
	PeakSlowdown    float64 `json:"peak_slowdown"`      // factor on Accept at peak hours
	ApproachMinM    float64 `json:"approach_min_m"`     // how far from the shop riders accept
	ApproachMaxM    float64 `json:"approach_max_m"`     //
	SpeedMinMPS     float64 `json:"speed_min_mps"`      // riding, metres per second
	SpeedMaxMPS     float64 `json:"speed_max_mps"`      //
	RoadPercent     int     `json:"road_percent"`       // length of the road in percent of the straight line
	Pickup          Spread  `json:"pickup"`             // waiting at the shop
	Handover        Spread  `json:"handover"`           // at the customer's door
	AtCustomer      bool    `json:"at_customer"`        // the carrier has a state of its own for that
	ReassignShare   float64 `json:"reassign_share"`     // part of carrier_cancel that only changes the rider (转单)
	ReassignViaWait bool    `json:"reassign_via_wait"`  // after a 转单 the order is reported as waiting again
	Trouble         string  `json:"trouble"`            // what comes of a customer who cannot be reached: one of the Trouble rules below; empty = the client never hears of it
	ReturnAgree     Spread  `json:"return_agree"`       // until the rider agrees to bring the goods back
	ReturnRefused   float64 `json:"return_refused"`     // part of riders who do not
	ReturnConfirmS  int     `json:"return_confirm_s"`   // the carrier confirms a return by itself after so long
	CancelsPerDay   int     `json:"cancels_per_day"`    // cancel quota of the client; 0 is no limit
	TellWaiting     bool    `json:"tell_waiting"`       // a callback for the first state, too
	CallbackTries   int     `json:"callback_tries"`     // how often one callback is sent before the carrier gives up
	CallbackGapS    int     `json:"callback_gap_s"`     // between the tries
	ReorderHoldMaxS int     `json:"reorder_hold_max_s"` // a callback held back leaves by then, next one or not
	Latency         Spread  `json:"latency"`            // of every answer; zero answers at once
}

// ParseProfile reads a profile over a base: fields not named keep the base's values.
func ParseProfile(base Profile, raw []byte) (Profile, error) {
	if err := json.Unmarshal(raw, &base); err != nil {
		return Profile{}, fmt.Errorf("carrier profile: %w", err)
	}
	return base, nil
}

// MustProfile reads a profile that is part of the program.
func MustProfile(raw []byte) Profile {
	p, err := ParseProfile(Profile{}, raw)
	if err != nil {
		panic(err)
	}
	return p
}

// RoadMetres is the length of the road between two points.
func (p Profile) RoadMetres(a, b Point) int {
	return int(a.Metres(b)) * p.RoadPercent / 100
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// Penalty is the 违约金 that a carrier takes when its client cancels.
type Penalty struct {
	BeforeAccept money.Fen     `json:"before_accept_fen"`
	AfterAccept  []PenaltyStep `json:"after_accept"`     // by time since acceptance, ascending
	FreePerDay   int           `json:"free_per_day"`     // so many of the client's cancels of a local day cost nothing before pickup
	AfterPickup  string        `json:"after_pickup"`     // one of the AfterPickup rules below
	PickupFee    money.Fen     `json:"after_pickup_fen"` // for the fixed rule
}

// PenaltyStep holds from so many seconds after acceptance on.
type PenaltyStep struct {
	FromS int       `json:"from_s"`
	Fee   money.Fen `json:"fen"`
}

// What happens to a cancel once the goods are with the rider.
const (
	PickupFixed     = "fixed"      // cancelled at once for a fixed fee; the goods come back
	PickupRoundTrip = "round_trip" // the rider is asked, rides back, and the way there and back is charged
	PickupRefused   = "refused"    // no cancel any more
)

// What a carrier does when its rider cannot reach the customer.
const (
	TroubleReported = "report"    // it tells the client and goes on trying
	TroubleReturned = "turn_back" // 妥投异常: it brings the goods back and keeps what was paid
)

// accepted is the penalty after an acceptance so long ago.
func (p Penalty) accepted(since time.Duration) money.Fen {
	var fee money.Fen
	for _, s := range p.AfterAccept {
		if since >= seconds(s.FromS) {
			fee = s.Fee
		}
	}
	return fee
}
