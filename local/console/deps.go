package console

import (
	"context"
	"time"

	"github.com/chuandao/qianfan/local/clock"
	"github.com/chuandao/qianfan/local/fc"
	"github.com/chuandao/qianfan/local/rocketmq"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
)

// Deps are the parts of the running system. A nil func, interface or map leaves out what needs it: its routes say so with 501.
// Store, Clock and Faults are required.
type Deps struct {
	Store Store // *store.Store
	// Settings are what people change while the system runs; nil = none.
	Settings Settings // *store.Store
	// DSN is where the embedded database is; empty = it has an address of its own.
	DSN string
	// Env is how verbs that work beside the emulator ask its simulated carriers, by the names of a function's settings; told with DSN.
	Env   map[string]string
	Clock Clock // *clock.Clock
	// Broker is the embedded broker; nil with a real one, and then the clock may scale but not jump.
	Broker    Broker
	Functions Functions                                       // *fc.Runtime
	Carriers  map[string]CarrierSim                           // by name
	Platforms map[string]PlatformSim                          // by name
	Faults    *world.Faults                                   // what goes wrong in the simulated world
	Shops     []world.Shop                                    // for the map
	Publish   func(context.Context, ...message.Message) error // sends what is to be done again
	// Adapters are how the carriers themselves are asked; an error says why nobody can be.
	Adapters func() (carrier.Set, error)

	// Summary is the summary object of a run so far; /api/status is that, and more.
	Summary func(context.Context) (any, error)
	// Invariants checks everything now: {"checked","violated",…,"books":{…}}.
	Invariants func(context.Context) (any, error)
	// Refused gives the latest bad inputs, newest first.
	Refused func(limit int) []Refusal
	// URLs are addresses to show, by name.
	URLs map[string]string
}

// Clock is what the console does with virtual time.
type Clock interface {
	Status() clock.Status
	SetSpeed(x float64) error
	Freeze(frozen bool)
	Advance(ctx context.Context, d time.Duration) error
	RunToNext(ctx context.Context) (time.Time, error)
	Busy(kind string) (done func())
}

// Broker is what the console shows of the embedded broker.
type Broker interface {
	Stats() rocketmq.Stats
	Peek(topic string, limit int) []rocketmq.Message
	DeadLetters(group string) []rocketmq.Message
}

// Functions is what the console shows of the functions.
type Functions interface {
	Instances() []fc.InstanceInfo
	Invocations() map[string]int64
}

// CarrierSim is a simulated carrier.
type CarrierSim interface {
	Books() world.Books
	Positions() []world.RiderPosition
	Bill(day string, m world.Mistakes) (world.Bill, error)
	BillDays() []string
}

// PlatformSim is a simulated platform, with its books as a JSON value of its own shape.
type PlatformSim struct {
	world.Platform
	Books func() any
}

// Refusal is one bad input that a function turned away.
type Refusal struct {
	At       time.Time `json:"at"` // system time
	Function string    `json:"function"`
	Party    string    `json:"party"`
	No       string    `json:"no,omitempty"`
	Reason   string    `json:"reason"`
	Field    string    `json:"field,omitempty"`
	Detail   string    `json:"detail"`
}
