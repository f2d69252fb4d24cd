package world

import (
	"context"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Shop is where riders fetch orders. Every platform knows the same shops by the same
// codes.
type Shop struct {
	Code     string  `json:"code"`
	City     string  `json:"city"` // administrative code: 330100
	CityName string  `json:"city_name"`
	Name     string  `json:"name"`
	Phone    string  `json:"phone"`
	Address  string  `json:"address"`
	Lng      float64 `json:"lng"` // GCJ-02
	Lat      float64 `json:"lat"`
}

// Point is where the shop is.
func (s Shop) Point() Point { return Point{s.Lng, s.Lat} }

// OrderRequest is what a customer orders. Whatever is empty is drawn.
type OrderRequest struct {
	Shop     string     `json:"shop,omitempty"`        // code
	Dropoff  *Point     `json:"dropoff,omitempty"`     // GCJ-02
	Value    money.Fen  `json:"value_fen,omitempty"`   // of the goods
	Expected *time.Time `json:"expected_at,omitempty"` // 预约; nil: as soon as possible
	Key      string     `json:"key,omitempty"`         // what the drawing goes by; empty: a running number
	Unlisted bool       `json:"-"`                     // Shop is a code that only the platform knows
	Degraded bool       `json:"-"`                     // the push lacks what it may lack on a bad day of the platform
}

// Stage is how far the platform has been told an order has come, in words common to
// all platforms.
type Stage int

// The stages, in order of life. Each platform maps its own codes to them.
const (
	StageDispatched Stage = iota + 1 // told that riders are sought
	StageAccepted
	StageArrived
	StagePickedUp
	StageDelivered
	StageCancelled
)

var stageNames = map[Stage]string{
	StageDispatched: "dispatching", StageAccepted: "assigned", StageArrived: "arrived",
	StagePickedUp: "picked_up", StageDelivered: "delivered", StageCancelled: "cancelled",
}

// String is the stage in one word: dispatching, assigned, arrived, picked_up, delivered, cancelled.
func (s Stage) String() string { return stageNames[s] }

// Heard is one report-back as a platform took it.
type Heard struct {
	At     time.Time // virtual
	Stage  Stage
	Rider  string // name and number as told; empty = none
	Repeat bool   // the same again
}

// Directed is a platform whose pushes somebody directs one by one, and who can be asked
// what it was told.
type Directed interface {
	Platform
	// Draft lets a customer order; nothing is pushed.
	Draft(r OrderRequest) (no string, err error)
	// Push pushes an order, for the first time or the same once more.
	Push(no string) (Answered, error)
	// Heard is what the platform was told about an order, and what was wrong with that.
	Heard(no string) (told []Heard, wrong []string)
}

// Answered waits for the answer to a push: accepted, or refused. It returns early with
// the context's error; the push goes on.
type Answered func(ctx context.Context) (accepted bool, err error)

// Platform is a simulated platform as customers see it.
type Platform interface {
	// Begin lets a customer order and begins to push the order. Until that push is
	// under way virtual time is held by the caller, after that by the platform.
	Begin(r OrderRequest) (no string, answered Answered, err error)
	// BeginCancel lets the customer cancel and begins to push that.
	BeginCancel(no, reason string) (Answered, error)
	// OnTold registers who is called whenever a stage is told about an order; key is
	// that of its request. It must be quick.
	OnTold(func(key, no string, stage Stage))
}
