// Package carrier is the one shape in which 千帆 talks to those who carry: quote,
// place, cancel with its 违约金, confirm a return, query, and the carriers' callbacks.
// Each carrier is a folder below; adding one is one folder and one line of registration.
package carrier

import (
	"context"
	"net/http"
	"time"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// Adapter speaks one carrier's protocol. Every call either returns what the carrier
// decidedly said or an *Error whose Kind says whether the outcome is in doubt.
// Calls take their deadline from ctx and never retry: retries belong to the caller.
type Adapter interface {
	// Name is the carrier's key in accounts, strategies and routes: "shansong".
	Name() string
	// Facts are what the core must know of this carrier's habits.
	Facts() Facts
	// Quote asks for a price. It moves neither money nor riders.
	Quote(ctx context.Context, q QuoteRequest) (Quote, error)
	// Place orders a rider at a quote's price. Money moves.
	Place(ctx context.Context, p PlaceRequest) (Placed, error)
	// CancelFee asks what a cancel would cost now.
	CancelFee(ctx context.Context, ref Ref) (money.Fen, error)
	// Cancel withdraws a waybill. A decided refusal is CancelResult.Refused, not an error.
	Cancel(ctx context.Context, c CancelRequest) (CancelResult, error)
	// ConfirmReturn says that the goods are back at the shop, where such a call exists.
	ConfirmReturn(ctx context.Context, ref Ref) error
	// Query reads the waybill back. An unknown waybill is an *Error of KindNotFound.
	Query(ctx context.Context, ref Ref) (Status, error)
	// Balance is what the carrier says is left of our prepayment.
	Balance(ctx context.Context) (money.Fen, error)
	// Callback verifies and decodes one push of the carrier. It must not keep r.
	Callback(r CallbackRequest) (Status, error)
	// Reply answers a push in the carrier's own protocol: nil = received; an error of
	// KindTemporary = send it again; any other = refused.
	Reply(w http.ResponseWriter, err error)
}

// Facts are properties of a carrier, from the reference; simulators do no more than these say.
type Facts struct {
	Account       string        // our prepaid account with the carrier
	SignedPush    bool          // a callback proves its sender; if not, final states and money wait for a query
	ConfirmReturn bool          // goods brought back must be confirmed by a call
	QuoteTTL      time.Duration // how long a quote may be placed when the answer does not say
	CancelReturns bool          // a cancel after pickup sends the rider back to the shop
	TipTotals     bool          // a tip call names the total of all tips, not what is added; see Tipper
	TipUnit       money.Fen     // tips are multiples of it; 0 = the carrier takes none after the placement
	QuietFine     bool          // no query and no push tells the 违约金: only the cancel's own answer does, and the pre-query before it
	PriceAtEnd    bool          // the price is not bound to the quote and no push states it: a delivery, though signed, waits for a query
}

// Ref names one waybill. CarrierNo is empty while the carrier has not told it.
type Ref struct {
	OurNo     string // order id followed by the attempt number in three digits
	CarrierNo string
	Store     string // that the placement named; see QuoteRequest
}

// QuoteRequest asks for one price. Coordinates are GCJ-02, weights grams; the adapter converts.
type QuoteRequest struct {
	OurNo    string
	CityCode string // "330100"
	CityName string // "杭州市"
	// Store is the shop's own number at this carrier: 闪送's storeId, 蜂鸟's out_shop_code,
	// 顺丰同城's shop_id. Empty = the account's configured one, if it has one.
	Store  string
	Detail order.Detail
}

// Quote is a price that may be placed once, within TTL.
type Quote struct {
	Token       string // issOrderNo, priceToken: consumed by at most one placement
	CarrierNo   string // set when the quote already mints the carrier's number
	Price       money.Fen
	TTL         time.Duration // of virtual time; 0 = Facts.QuoteTTL
	DistanceM   int
	AcceptIn    time.Duration // the carrier's estimate; 0 = unknown
	DeliveredIn time.Duration // the carrier's estimate; 0 = unknown
}

// PlaceRequest places a quote.
type PlaceRequest struct {
	QuoteRequest
	Token       string
	CarrierNo   string
	Price       money.Fen
	CallbackURL string // used by carriers that take it per order; empty = the configured one
}

// Placed is a confirmed placement. Charged is what the carrier really took, which may differ from the quote.
type Placed struct {
	CarrierNo string
	Charged   *money.Fen // nil = not stated
}

// CancelRequest withdraws a waybill.
type CancelRequest struct {
	Ref
	Reason  string     // free text for the carrier
	AgreeTo *money.Fen // the fee that a pre-query named; nil = not asked
	// AfterPickup says that goods must come back, where a carrier wants that agreed to.
	AfterPickup bool
}

// CancelResult is the carrier's decided answer to a cancel.
type CancelResult struct {
	Refused   bool       // the waybill lives on
	Returning bool       // accepted, but it ends only when the goods are back
	Penalty   *money.Fen // 违约金 that the carrier keeps; nil = not stated
	Reason    string     // the carrier's words
}

// State is a carrier's state in our terms (carriers.md §5.3).
type State string

// The canonical states of a waybill at a carrier.
const (
	Waiting     State = "waiting"
	Reassigning State = "reassigning" // 改派: back to waiting by the carrier's own act
	Accepted    State = "accepted"
	Arrived     State = "arrived"
	PickedUp    State = "picked_up"
	Delivered   State = "delivered"
	Cancelling  State = "cancelling" // asked for, rider or 客服 has not agreed yet
	Returning   State = "returning"
	Returned    State = "returned"
	Cancelled   State = "cancelled"
	Exception   State = "exception"
)

// Final reports whether a carrier leaves the state no more.
func (s State) Final() bool { return s == Delivered || s == Cancelled || s == Returned }

// Ender says who ended a waybill.
type Ender string

// Who ended a waybill.
const (
	ByUs      Ender = "us"
	ByRider   Ender = "rider"
	ByCarrier Ender = "carrier"
	ByNobody  Ender = "no_rider" // nobody accepted in the carrier's own time
)

// Status is what a carrier says of one waybill, in a callback or a query's answer.
// It is also the body of a `carrier-event` item.
type Status struct {
	Carrier   string      `json:"carrier"`
	OurNo     string      `json:"our_no,omitempty"`
	CarrierNo string      `json:"carrier_no,omitempty"`
	State     State       `json:"state"`
	Code      string      `json:"code"` // the carrier's own words, for the timeline
	SubCode   string      `json:"sub_code,omitempty"`
	Rider     order.Rider `json:"rider,omitzero"`
	Position  *geo.Point  `json:"position,omitempty"`
	At        time.Time   `json:"at,omitzero"`           // carrier time; zero = not stated
	Charged   *money.Fen  `json:"charged_fen,omitempty"` // cumulative: fee and tips taken and not given back
	Penalty   *money.Fen  `json:"penalty_fen,omitempty"` // cumulative 违约金
	EndedBy   Ender       `json:"ended_by,omitempty"`
	Reason    string      `json:"reason,omitempty"`
	Verified  bool        `json:"verified,omitempty"` // from a query or a signed push
}

// CallbackRequest is a push as received.
type CallbackRequest struct {
	Header http.Header
	Query  string // raw query
	Path   string
	Body   []byte
	Now    time.Time // system time, for freshness
}
