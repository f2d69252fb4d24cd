package world

import (
	"math"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Contract is what a platform has agreed to pay for a delivery. It is the platform's own copy:
// its books are what our statements are compared with.
type Contract struct {
	Start   money.Fen // includes StartKm and StartKg
	StartKm int
	PerKm   money.Fen // per further started km of the straight line
	StartKg int
	PerKg   money.Fen // per further started kg
	Night   money.Fen // 22–06, by the hour of the order
}

// Agreed is the contract of all simulated platforms. GAP: no platform publishes what it pays.
var Agreed = Contract{Start: 1500, StartKm: 3, PerKm: 200, StartKg: 5, PerKg: 150, Night: 400}

// Price is what the platform owes for an order that is delivered.
func (c Contract) Price(from, to Point, grams int, at time.Time) money.Fen {
	further := func(units, free int) money.Fen { return money.Fen(max(0, (units+999)/1000-free)) }
	metres := int(math.Round(from.Metres(to)))
	owed := c.Start + c.PerKm*further(metres, c.StartKm) + c.PerKg*further(grams, c.StartKg)
	if _, night := peakOrNight(at); night {
		owed += c.Night
	}
	return owed
}
