package order

import (
	"time"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
)

// Stop is one end of a delivery. Name, Phone and Address are personal data: sealed
// at rest, never in a log.
type Stop struct {
	Name  string `json:"name"`
	Phone string `json:"phone"`         // digits; a privacy number without its extension
	Ext   string `json:"ext,omitempty"` // extension of a privacy number (虚拟号)
	// PhoneUntil is when a privacy number runs out, virtual time; nil = it does not, or nobody said.
	PhoneUntil *time.Time `json:"phone_until,omitempty"`
	Address    string     `json:"address"`
	Detail     string     `json:"detail,omitempty"` // door number
	Point      geo.Point  `json:"point"`
}

// Goods is what the rider carries.
type Goods struct {
	Category string    `json:"category,omitempty"` // canonical: food, cake, flower, medicine, grocery, other
	WeightG  int       `json:"weight_g"`
	Value    money.Fen `json:"value_fen"`
	Count    int       `json:"count,omitempty"`
	Remark   string    `json:"remark,omitempty"`
}

// Detail is what is to be delivered, from where to where.
type Detail struct {
	From       Stop       `json:"from"`
	To         Stop       `json:"to"`
	Goods      Goods      `json:"goods"`
	ExpectedAt *time.Time `json:"expected_at,omitempty"` // nil = as soon as possible
	Display    string     `json:"display,omitempty"`     // the number that the customer sees
}

// Rider is the person who carries an order, as far as the carrier tells.
type Rider struct {
	Name  string `json:"name,omitempty"`
	Phone string `json:"phone,omitempty"`
}

// Known reports whether anything is known of the rider.
func (r Rider) Known() bool { return r != Rider{} }
