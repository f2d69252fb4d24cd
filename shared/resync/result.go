package resync

import (
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

// Planted is an attempt that a carrier knew and we did not.
type Planted struct {
	Order     int64         `json:"order_id,string"`
	N         int           `json:"n"`
	Carrier   string        `json:"carrier"`
	Account   string        `json:"account"`
	CarrierNo string        `json:"carrier_no,omitempty"`
	State     carrier.State `json:"state"` // the carrier's
	Charged   *money.Fen    `json:"charged_fen,omitempty"`
	Penalty   *money.Fen    `json:"penalty_fen,omitempty"`
}

// LostOrder is an order that somebody names and the database does not have.
type LostOrder struct {
	ID     int64     `json:"id,string"`
	Minted time.Time `json:"minted_at"` // system time at which we accepted it
}

// Result is what a resync found, did, and could not know.
type Result struct {
	Since        time.Time   `json:"since"`
	DryRun       bool        `json:"dry_run"`
	Orders       int         `json:"orders"`      // looked at
	Asked        int         `json:"queries"`     // questions put to carriers
	Told         int         `json:"asked_again"` // attempts of ours whose carrier answered
	PlantedCount int         `json:"planted"`
	Planted      []Planted   `json:"planted_attempts"`
	Lines        int         `json:"bill_lines"`
	UnreadLines  int         `json:"bill_lines_unread"`
	StrayLines   int         `json:"bill_lines_of_nothing"`
	Strays       []Stray     `json:"lines_of_nothing"`
	Believed     int         `json:"costs_by_bill_alone"` // of attempts that are over: their carriers state none
	LostOrders   []LostOrder `json:"lost_orders"`
	Gone         []string    `json:"not_known_to_carrier"` // our live attempts; dispatch settles them
	Failed       []string    `json:"not_answered"`         // run it again before the functions start
	Unplanned    []int64     `json:"without_content"`      // orders that came by number only, and have attempts: their price is lost
	CouldNotKnow []string    `json:"could_not_know"`
}
