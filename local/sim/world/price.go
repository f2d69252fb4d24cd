package world

import (
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Tariff is a carrier's price list.
type Tariff struct {
	Start          money.Fen `json:"start_fen"` // includes StartKm
	StartKm        int       `json:"start_km"`
	PerKm          money.Fen `json:"per_km_fen"` // per further started km
	FreeKg         int       `json:"free_kg"`
	PerKg          money.Fen `json:"per_kg_fen"` // per further kg
	Night          money.Fen `json:"night_fen"`  // 22–06
	Peak           money.Fen `json:"peak_fen"`   // 11–13, 17–19
	WeatherPercent int       `json:"weather_percent"`
	BadWeather     bool      `json:"bad_weather"` // whether WeatherPercent applies now
}

// What one line of a price is for. Parties translate these into their own types.
const (
	LineStart    = "start"
	LineDistance = "distance"
	LineWeight   = "weight"
	LineNight    = "night"
	LinePeak     = "peak"
	LineWeather  = "weather"
	LineTip      = "tip"
)

// Line is one item of a price.
type Line struct {
	Kind string    `json:"kind"`
	Fee  money.Fen `json:"fen"`
}

// Price itemises a delivery. Start and distance are always there, the rest when it
// costs something. tip is what the client adds from the beginning.
func (t Tariff) Price(metres, kg int, tip money.Fen, at time.Time) []Line {
	lines := []Line{{LineStart, t.Start}, {LineDistance, t.distance(metres)}}
	add := func(kind string, fee money.Fen) {
		if fee > 0 {
			lines = append(lines, Line{kind, fee})
		}
	}
	peak, night := peakOrNight(at)
	add(LineWeight, t.PerKg*money.Fen(max(0, kg-t.FreeKg)))
	if night {
		add(LineNight, t.Night)
	}
	if peak {
		add(LinePeak, t.Peak)
	}
	if t.BadWeather {
		add(LineWeather, Total(lines).Percent(int64(t.WeatherPercent-100)))
	}
	add(LineTip, tip)
	return lines
}

func (t Tariff) distance(metres int) money.Fen {
	further := max(0, metres-t.StartKm*1000)
	return t.PerKm * money.Fen((further+999)/1000)
}

// way is what riding so far costs by itself, the start price included.
func (t Tariff) way(metres int) money.Fen { return t.Start + t.distance(metres) }

// Total adds the lines up.
func Total(lines []Line) money.Fen {
	var sum money.Fen
	for _, l := range lines {
		sum += l.Fee
	}
	return sum
}
