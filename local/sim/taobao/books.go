package taobao

import (
	"slices"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// Books are what the platform pushed and was told.
type Books struct {
	Platform   string      `json:"platform"`
	Missed     int         `json:"missed"` // messages that wait to be pulled
	Orders     []BookOrder `json:"orders"`
	Violations []Violation `json:"violations"` // all of them, those of unknown orders included
}

// BookOrder is one order in the platform's books.
type BookOrder struct {
	No         string      `json:"no"`
	Shop       string      `json:"shop"`
	City       string      `json:"city"`
	Lng        float64     `json:"lng"`
	Lat        float64     `json:"lat"`
	Value      money.Fen   `json:"value_fen"`
	Created    time.Time   `json:"created_at"`
	Expected   *time.Time  `json:"expected_at,omitempty"`
	Pushes     []Push      `json:"pushes"`
	Answer     Answer      `json:"answer"`
	Cancel     *Cancel     `json:"cancel,omitempty"`
	Told       []Told      `json:"told"`
	Positions  int         `json:"positions"`
	Final      string      `json:"final"`    // delivered, cancelled, refused, or empty while open
	Owes       money.Fen   `json:"owes_fen"` // by the contract, once it is delivered; 违约金 is not in it
	Violations []Violation `json:"violations,omitempty"`
}

// Books copies the platform's books, orders in order of making.
func (s *Service) Books() Books {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := Books{Platform: Name, Missed: len(s.missed), Orders: make([]BookOrder, len(s.listed)), Violations: append([]Violation{}, s.strange...)}
	for i, o := range s.listed {
		b.Orders[i] = o.book()
		b.Orders[i].Owes = s.owes(o)
		b.Violations = append(b.Violations, o.wrong...)
	}
	return b
}

func (o *order) book() BookOrder {
	b := BookOrder{
		No: o.no, Shop: o.shop.Code, City: o.shop.City, Lng: o.dropoff.Lng, Lat: o.dropoff.Lat, Value: o.value, Created: o.created,
		Pushes: slices.Clone(o.pushes), Answer: o.answer, Told: slices.Clone(o.told), Positions: o.positions,
		Final: o.final(), Violations: slices.Clone(o.wrong),
	}
	if !o.expected.IsZero() {
		expected := o.expected
		b.Expected = &expected
	}
	if o.cancelled != nil {
		c := *o.cancelled
		b.Cancel = &c
	}
	return b
}

func (o *order) final() string {
	switch {
	case o.answer == Refused || o.answer == GivenUp:
		return string(o.answer)
	case len(o.told) == 0:
		return ""
	}
	switch o.told[len(o.told)-1].Stage {
	case world.StageDelivered:
		return "delivered"
	case world.StageCancelled:
		return "cancelled"
	}
	return ""
}

// owes is what the platform itself reckons that it has to pay for an order.
func (s *Service) owes(o *order) money.Fen {
	if o.final() != "delivered" {
		return 0
	}
	grams := 0
	for _, i := range s.items(o) {
		grams += i.Weight * i.Quantity
	}
	return world.Agreed.Price(o.shop.Point(), o.dropoff, grams, o.created)
}
