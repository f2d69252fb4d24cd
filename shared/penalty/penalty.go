// Package penalty holds the prices and the 违约金 of both sides as data: what a platform
// pays for a delivery, and what a cancel costs by state, time and cause. It is pure.
package penalty

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Tariff is what a platform pays for one delivery.
type Tariff struct {
	Platform  string    `json:"platform"` // "*" = every platform
	Start     money.Fen `json:"start_fen"`
	StartKm   int       `json:"start_km"`
	PerKm     money.Fen `json:"per_km_fen"` // per further started kilometre
	FreeKg    int       `json:"free_kg"`
	PerKg     money.Fen `json:"per_kg_fen"` // per further started kilogram
	Night     money.Fen `json:"night_fen"`
	NightFrom int       `json:"night_from"` // hour in Asia/Shanghai
	NightTo   int       `json:"night_to"`
}

// Rule is one row of a penalty table. Empty lists and zero bounds match everything.
type Rule struct {
	Party   string    `json:"party"` // "carrier:shansong", "platform:*"
	State   []string  `json:"state"`
	FromMin int       `json:"from_min"` // minutes since acceptance, inclusive
	ToMin   int       `json:"to_min"`   // exclusive; 0 = no end
	Percent int64     `json:"percent"`  // of the fee
	Fixed   money.Fen `json:"fixed_fen"`
	Cap     money.Fen `json:"cap_fen"` // 0 = none
	Note    string    `json:"note"`    // why, for the ledger and the operator
}

// Book is one version of tariffs and penalty rules.
type Book struct {
	Version int      `json:"version"`
	Tariffs []Tariff `json:"tariffs"`
	Rules   []Rule   `json:"rules"`
}

//go:embed default.json
var defaults []byte

// Default is the built-in book.
func Default() Book {
	var b Book
	if err := json.Unmarshal(defaults, &b); err != nil {
		panic(fmt.Sprintf("penalty: built-in book: %v", err))
	}
	return b
}

// Fee is what the platform pays. at is the virtual instant of the order.
func (b Book) Fee(platform string, distanceM, weightG int, at time.Time) (money.Fen, error) {
	for _, t := range b.Tariffs {
		if t.Platform == "*" || t.Platform == platform {
			return t.fee(distanceM, weightG, at), nil
		}
	}
	return 0, fmt.Errorf("penalty: no tariff for platform %s", platform)
}

func (t Tariff) fee(distanceM, weightG int, at time.Time) money.Fen {
	fee := t.Start
	if km := (distanceM + 999) / 1000; km > t.StartKm {
		fee += t.PerKm * money.Fen(km-t.StartKm)
	}
	if kg := (weightG + 999) / 1000; kg > t.FreeKg {
		fee += t.PerKg * money.Fen(kg-t.FreeKg)
	}
	if t.atNight(at.In(shanghai).Hour()) {
		fee += t.Night
	}
	return fee
}

// atNight reports whether an hour is in the night, which may span midnight.
func (t Tariff) atNight(hour int) bool {
	if t.NightFrom <= t.NightTo {
		return hour >= t.NightFrom && hour < t.NightTo
	}
	return hour >= t.NightFrom || hour < t.NightTo
}

// shanghai is the business's time zone; it has had no daylight saving since 1991.
var shanghai = time.FixedZone("Asia/Shanghai", 8*3600)

// Case is one cancel to be priced.
type Case struct {
	Party    string        // "carrier:shansong", "platform:meituan"
	State    string        // the attempt's state (carrier side), the order's (platform side)
	Accepted time.Duration // since acceptance; 0 when nobody accepted
	Fee      money.Fen     // the whole fee
}

// Penalty is the 违约金 by the first rule that matches, and the rule's note. No rule, no penalty.
func (b Book) Penalty(c Case) (money.Fen, string) {
	for _, r := range b.Rules {
		if r.matches(c) {
			amount := r.Fixed + c.Fee.Percent(r.Percent)
			if r.Cap > 0 {
				amount = min(amount, r.Cap)
			}
			return amount, r.Note
		}
	}
	return 0, "no rule"
}

func (r Rule) matches(c Case) bool {
	minutes := int(c.Accepted / time.Minute)
	return matchParty(r.Party, c.Party) &&
		(len(r.State) == 0 || slices.Contains(r.State, c.State)) &&
		minutes >= r.FromMin && (r.ToMin == 0 || minutes < r.ToMin)
}

func matchParty(pattern, party string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(party, prefix)
	}
	return pattern == party
}
