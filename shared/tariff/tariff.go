// Package tariff holds what platforms pay us for a delivery as data: by platform, city,
// distance, weight, hour and holiday. It is pure. A book is one version; the version and the
// lines of the calculation stay with the order, whose fee never changes after acceptance.
package tariff

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Book is one version of the tariffs.
type Book struct {
	Version  int               `json:"version"` // 0 = built in
	Rates    []Rate            `json:"rates"`
	Holidays map[string]string `json:"holidays,omitempty"` // "2026-10-01" → 国庆节; dates in Asia/Shanghai
	Workdays map[string]string `json:"workdays,omitempty"` // weekends that are worked instead (调休): "2026-10-10" → 国庆节调休
}

// Rate is what a delivery costs for some platforms and cities. Of several that match the
// closest counts: platform and city, city, platform, all.
type Rate struct {
	Name       string      `json:"name"`
	Platform   []string    `json:"platform,omitempty"` // empty = every platform
	City       []string    `json:"city,omitempty"`     // "330100"; empty = every city
	Start      money.Fen   `json:"start_fen"`          // with start_km kilometres and free_kg kilograms
	StartKm    int         `json:"start_km"`
	Km         []Step      `json:"km"` // what each further started kilometre costs, by distance
	FreeKg     int         `json:"free_kg"`
	Kg         []Step      `json:"kg"` // the same by weight
	Surcharges []Surcharge `json:"surcharges,omitempty"`
	Max        money.Fen   `json:"max_fen,omitzero"` // of the whole fee; 0 = no limit
	Source     string      `json:"source,omitempty"` // where the figures are from
}

// Step is the price of each started unit above From, up to the next step's From.
type Step struct {
	From int       `json:"from"` // kilometres, kilograms
	Fen  money.Fen `json:"fen"`
}

// Surcharge is added at certain times; all that apply add up.
type Surcharge struct {
	Name    string    `json:"name"`               // 夜间, 午高峰, 节假日
	Window  string    `json:"window,omitempty"`   // "22:00-06:00", Asia/Shanghai, the end excluded; may span midnight; empty = all day
	Days    string    `json:"days,omitempty"`     // one of Days; empty = every day
	Fixed   money.Fen `json:"fixed_fen,omitzero"` // added to the percentage
	Percent int64     `json:"percent,omitzero"`   // of start, distance and weight
}

// The days of a surcharge. They are told at the instant itself: 01:00 is of its own date.
const (
	Holidays = "holiday"
	Workdays = "workday" // Monday to Friday but for holidays, and weekends that are worked
	Weekends = "weekend" // the other Saturdays and Sundays but for holidays
)

// Days lists them.
var Days = []string{Holidays, Workdays, Weekends}

//go:embed default.json
var defaults []byte

// Default is the built-in book, version 0. No platform publishes what it pays for overflow
// orders, so its figures are assumptions.
func Default() Book {
	var b Book
	if err := json.Unmarshal(defaults, &b); err != nil {
		panic(fmt.Sprintf("tariff: built-in book: %v", err))
	}
	return b
}

// Case is one order to be priced.
type Case struct {
	Platform  string    `json:"platform"`
	City      string    `json:"city"`
	DistanceM int       `json:"distance_m"` // as the crow flies
	WeightG   int       `json:"weight_g"`
	At        time.Time `json:"at"` // when a rider is looked for, virtual: an order for later pays what that hour costs
}

// Price is the fee and how it came about.
type Price struct {
	Case
	Version int       `json:"version"`
	Rate    string    `json:"rate"` // its name
	Fee     money.Fen `json:"fee_fen"`
	Lines   []Line    `json:"lines"` // they add up to the fee
}

// Line is one part of a fee.
type Line struct {
	Name   string    `json:"name"`
	Units  int       `json:"units,omitempty"` // kilometres, kilograms
	Amount money.Fen `json:"amount_fen"`      // negative: the limit
}

// ErrNone says that a book has no rate for an order.
var ErrNone = errors.New("tariff: no rate")

// Price prices a case.
func (b Book) Price(c Case) (Price, error) {
	best, at := -1, len(levels)
	for i, r := range b.Rates {
		if level, ok := r.level(c); ok && level < at {
			best, at = i, level
		}
	}
	if best < 0 {
		return Price{}, fmt.Errorf("%w for platform %s in city %s", ErrNone, c.Platform, c.City)
	}
	return b.price(b.Rates[best], c), nil
}

// levels orders the matches, closest first.
var levels = []string{"platform+city", "city", "platform", "all"}

func (r Rate) level(c Case) (int, bool) {
	fits := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	if !fits(r.Platform, c.Platform) || !fits(r.City, c.City) {
		return 0, false
	}
	switch {
	case len(r.Platform) > 0 && len(r.City) > 0:
		return 0, true
	case len(r.City) > 0:
		return 1, true
	case len(r.Platform) > 0:
		return 2, true
	}
	return 3, true
}

func (b Book) price(r Rate, c Case) Price {
	p := Price{Case: c, Version: b.Version, Rate: r.Name}
	p.add("start", 0, r.Start)
	p.graduate("distance", r.Km, r.StartKm, (max(0, c.DistanceM)+999)/1000)
	p.graduate("weight", r.Kg, r.FreeKg, (max(0, c.WeightG)+999)/1000)
	base, day := p.Fee, b.day(c.At)
	for _, s := range r.Surcharges {
		if (s.Days == "" || s.Days == day) && s.open(c.At) {
			p.add(s.Name, 0, s.Fixed+base.Percent(s.Percent))
		}
	}
	if r.Max > 0 && p.Fee > r.Max {
		p.add("limit", 0, r.Max-p.Fee)
	}
	return p
}

func (p *Price) add(name string, units int, amount money.Fen) {
	if amount != 0 {
		p.Lines = append(p.Lines, Line{Name: name, Units: units, Amount: amount})
		p.Fee += amount
	}
}

// graduate adds what the units above those that are free cost, step by step.
func (p *Price) graduate(name string, steps []Step, free, units int) {
	for i, s := range steps {
		from, to := max(s.From, free), units
		if i+1 < len(steps) {
			to = min(to, steps[i+1].From)
		}
		if to > from {
			p.add(name, to-from, s.Fen*money.Fen(to-from))
		}
	}
}
