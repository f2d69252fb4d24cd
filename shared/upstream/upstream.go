// Package upstream is the one shape in which 千帆 talks to those who order: a signed
// push in, an answer in the platform's own protocol, and the report-back (回传).
package upstream

import (
	"context"
	"net/http"
	"time"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// Adapter speaks one platform's protocol.
type Adapter interface {
	// Name is the platform's key: "meituan".
	Name() string
	// Decode verifies a request over its raw bytes and reads it. Errors are *Error.
	Decode(r Request) (Push, error)
	// Answer writes the outcome in the platform's own protocol. push may be the zero
	// value when Decode failed.
	Answer(w http.ResponseWriter, push Push, res Result)
	// Report tells the platform one milestone. Errors are *Error: KindRefused is final
	// for that milestone, anything else is tried again.
	Report(ctx context.Context, m Milestone) error
	// Reports says whether the platform is told by calls at all; one that reads our
	// state itself (poll) is not.
	Reports() bool
}

// Fetcher is an Adapter of a platform whose pushes are thin: they name an order, and its
// content is asked for afterwards.
type Fetcher interface {
	Adapter
	// Fetch asks for the content of an order. Errors are *Error: Unreachable, and NotFound
	// for a while after the push (a search index may lag behind it), are worth another try;
	// Refused without a field is of the call, and final when it stays so; every other one is
	// final, the order cannot be carried.
	Fetch(ctx context.Context, no string) (Create, error)
}

// Request is an inbound HTTP request as received.
type Request struct {
	Method   string
	URL      string // scheme, host and path as received, no query
	Path     string // path only
	RawQuery string
	Header   http.Header
	Body     []byte
	TooLarge bool      // the body was over the limit and Body is cut
	Now      time.Time // system time, for freshness
}

// Kind is what a request asks for.
type Kind string

// What a request asks for.
const (
	KindProbe  Kind = "probe"  // the platform tests the URL or says what asks nothing of us: answer success, do nothing
	KindCreate Kind = "create" // carry this order
	KindCancel Kind = "cancel" // withdraw it
	KindQuery  Kind = "query"  // tell its state
	KindTip    Kind = "tip"    // offer the riders more (小费)
	KindChange Kind = "change" // the recipient's place or phone is another one
	KindQuote  Kind = "quote"  // what would it cost: answered as a create would be, nothing is stored
	KindRider  Kind = "rider"  // tell who carries it and where the rider is
	// KindCancelCost asks what a cancel would cost now; nothing is changed.
	KindCancelCost Kind = "cancel_cost"
	// KindDocument asks for the description of the protocol. The adapter answers it by itself.
	KindDocument Kind = "document"
)

// Push is a verified request.
type Push struct {
	Kind   Kind
	No     string  // the platform's order number
	Create *Create // KindCreate, and KindQuote without a number
	Cancel *Cancel
	Tip    *Tip
	Change *Change
	// Hash is the lower hex SHA-256 of the canonical business fields, never of timestamp
	// or signature: the same number with the same hash is a repeat.
	Hash string
}

// Create is an order to carry. Either ShopCode names a known shop or Shop locates it.
type Create struct {
	ShopCode string
	Shop     *order.Stop
	City     string       // "330100"; empty = the shop's
	Detail   order.Detail // From is filled from the shop by intake when ShopCode is set
	// Degraded names the fields that the platform left out and says so itself (降级): the
	// order is to be accepted, and asked for again before it is priced.
	Degraded []string
	// Thin says that the push only names the order: everything else here is empty until it
	// is fetched (Fetcher). Whole orders hash as they did before there were thin ones.
	Thin bool `json:",omitempty"`
}

// Cancel is a request to withdraw.
type Cancel struct {
	Key    string // unique key of the command within the order; a repeat carries the same
	By     string // customer, merchant, platform
	Reason string
}

// Tip is a wish to offer the riders more.
type Tip struct {
	Key string // as of Cancel
	By  string // customer, merchant, platform
	Add money.Fen
}

// Change is what is different about the recipient of a stored order. Zero fields stay as they are.
type Change struct {
	Key   string // as of Cancel
	By    string // customer, merchant, platform
	Name  string
	Phone string // with Ext, which changes with it
	Ext   string
	Place *Place // nil = as before
}

// Place is where a recipient is.
type Place struct {
	Address string
	Detail  string // door number
	Point   geo.Point
}

// What is "place" when the way changes, else "phone": the argument of the command.
func (c Change) What() string {
	if c.Place != nil {
		return "place"
	}
	return "phone"
}

// Apply is the recipient after the change.
func (c Change) Apply(to order.Stop) order.Stop {
	if c.Name != "" {
		to.Name = c.Name
	}
	if c.Phone != "" {
		to.Phone, to.Ext = c.Phone, c.Ext
	}
	if c.Place != nil {
		to.Address, to.Detail, to.Point = c.Place.Address, c.Place.Detail, c.Place.Point
	}
	return to
}

// Result is what intake decided.
type Result struct {
	Err      error // nil = accepted (or a quiet repeat)
	OrderID  string
	State    order.State
	Fee      money.Fen   // what we will bill
	View     *View       // for KindQuery
	Estimate *Estimate   // for KindQuote
	Rider    *RiderView  // for KindRider
	Cost     *CancelCost // for KindCancelCost
}

// Estimate is what an order would be.
type Estimate struct {
	City      string     `json:"city"`
	Fee       money.Fen  `json:"fee_fen"`    // what we would bill
	DistanceM int        `json:"distance_m"` // as the crow flies, which is what is billed
	Carriers  []string   `json:"carriers"`   // that would be asked, as the strategy lists them
	ReleaseAt *time.Time `json:"release_at"` // of a scheduled order (预约单): when a rider will be looked for; null = at once
}

// CancelCost is what a platform would owe if it withdrew an order now (违约金).
type CancelCost struct {
	OrderID     string      `json:"order_id"`
	No          string      `json:"order_no"`
	State       order.State `json:"state"`
	Cancellable bool        `json:"cancellable"` // false: the order is over
	Penalty     money.Fen   `json:"penalty_fen"`
	Fee         money.Fen   `json:"fee_fen"`    // what a delivery would be billed instead
	FreeUntil   *time.Time  `json:"free_until"` // null: it is not free now, or stays free until something happens
	Note        string      `json:"note"`
	Version     int         `json:"rules_version"` // of our penalty rules; 0 = built in
	Rule        int         `json:"rule"`          // the rule's place in them, from 1; 0 = none
	At          time.Time   `json:"at"`
}

// RiderView is who carries an order and where they were last seen.
type RiderView struct {
	OrderID  string      `json:"order_id"`
	No       string      `json:"order_no"`
	State    order.State `json:"state"`
	Carrier  string      `json:"carrier,omitempty"`
	Rider    order.Rider `json:"rider,omitzero"`
	Position *Seen       `json:"position,omitempty"` // nil = not known, or the rider's way is over
	// Refreshing says that the carrier is being asked: a newer position may be there in a second.
	Refreshing bool `json:"refreshing"`
}

// Seen is a place and when somebody was there.
type Seen struct {
	Lng float64   `json:"lng"` // GCJ-02
	Lat float64   `json:"lat"`
	At  time.Time `json:"at"`
}

// View is an order as its platform may see it.
type View struct {
	OrderID string      `json:"order_id"`
	No      string      `json:"order_no"`
	State   order.State `json:"state"`
	Carrier string      `json:"carrier,omitempty"`
	Waybill string      `json:"waybill,omitempty"`
	Rider   order.Rider `json:"rider,omitzero"`
	Fee     money.Fen   `json:"fee_fen"`
	Penalty money.Fen   `json:"penalty_fen"`
	Updated time.Time   `json:"updated_at"`
}

// Milestone is one thing to report back, in order.
type Milestone struct {
	No       string // the platform's order number
	ShopCode string
	State    order.State // dispatching, assigned, arrived, picked_up, delivered, cancelled, failed, returned
	Waybill  string      // our number of the attempt
	Carrier  string      // "shansong"
	Rider    order.Rider
	Position *geo.Point // where the rider is now; nil = not known, or an old place
	Arrival  *time.Time // when the customer can expect it, by the carrier's estimate; nil = nobody said
	At       time.Time
	Reason   string
	// CancelRefused says that the order goes on although its platform wanted it cancelled: a
	// platform that waits for an answer to that has it now.
	CancelRefused bool
}
