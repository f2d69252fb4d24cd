package world

import (
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Totals are a carrier's sums, kept up as it goes.
type Totals struct {
	Quotes    int       `json:"quotes"`
	Placed    int       `json:"placed"`
	Refused   int       `json:"refused"`
	Accepted  int       `json:"accepted"` // acceptances: a 转单 makes a second one
	Delivered int       `json:"delivered"`
	Cancelled int       `json:"cancelled"` // all ends that are not a delivery
	NoRider   int       `json:"no_rider"`
	Live      int       `json:"live"`
	Callbacks int       `json:"callbacks"` // acknowledged by the client
	Balance   money.Fen `json:"balance_fen"`
	Charged   money.Fen `json:"charged_fen"` // over all orders; opening balance − balance
}

// Books are what a carrier has been asked, has done and has charged.
type Books struct {
	Carrier string      `json:"carrier"`
	Opening money.Fen   `json:"opening_fen"`
	Balance money.Fen   `json:"balance_fen"`
	Orders  []BookOrder `json:"orders"`
}

// BookOrder is one order in a carrier's books. ChargedFen is everything that the
// carrier has taken for it, refunds deducted: fee, tips and penalty, and what was charged or
// given after the end.
type BookOrder struct {
	CarrierNo string    `json:"carrier_no"`
	ClientNo  string    `json:"client_no"`
	State     State     `json:"state"`
	Charged   money.Fen `json:"charged_fen"`
	Penalty   money.Fen `json:"penalty_fen"`
	Fee       money.Fen `json:"fee_fen"`
	Tips      money.Fen `json:"tips_fen"`
	Extra     money.Fen `json:"extra_fen"`
	Refund    money.Fen `json:"refund_fen"`
	Calls     int       `json:"calls"`               // about this order, its quote included
	Callbacks int       `json:"callbacks"`           // deliveries that the client acknowledged, doubles included
	Made      int       `json:"callbacks_made"`      // states that were worth a callback
	Rider     *Rider    `json:"rider,omitempty"`     //
	Recipient string    `json:"recipient,omitempty"` // the number that riders ring, where the carrier's Data tells it
	End       *End      `json:"end,omitempty"`       // of a cancelled order
	Metres    int       `json:"distance_m"`          //
	Placed    time.Time `json:"placed_at"`           //
	Changed   time.Time `json:"changed_at"`          //
	History   []Record  `json:"history,omitempty"`   // in virtual time
}

func (j *job) book() BookOrder {
	b := BookOrder{
		CarrierNo: j.CarrierNo, ClientNo: j.ClientNo, State: j.State, Charged: j.Charged() + j.laterCharged(), Penalty: j.Penalty() + j.laterFined(),
		Fee: j.Fee, Tips: j.Tips, Extra: j.Extra, Refund: j.Refund,
		Calls: j.calls, Callbacks: j.delivered, Made: j.notices, Rider: j.Rider, Metres: j.Metres,
		Placed: j.Placed, Changed: j.Changed(), History: slices.Clone(j.history),
	}
	if d, ok := j.Data.(interface{ Recipient() string }); ok {
		b.Recipient = d.Recipient()
	}
	if j.State == Cancelled {
		end := j.End
		b.End = &end
	}
	return b
}

// Books copies the carrier's books, orders in order of placement.
func (f *Fleet) Books() Books {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := Books{Carrier: f.party, Opening: f.opening, Balance: f.balance, Orders: make([]BookOrder, len(f.listed))}
	for i, j := range f.listed {
		b.Orders[i] = j.book()
	}
	return b
}

// Totals are the carrier's sums.
func (f *Fleet) Totals() Totals {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.totals
	t.Live = len(f.live)
	t.Balance = f.balance
	t.Charged = f.opening - f.balance
	return t
}
