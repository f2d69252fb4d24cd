package dada

import (
	_ "embed" // the profile
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

//go:embed profile.json
var profileJSON []byte

// DefaultProfile is how the simulated 达达 behaves unless it is told otherwise. 违约金, the
// life of a quote and the 72 hours until an order without a rider ends are published, the
// rest are assumptions; the price is near the one that was measured for 8.94 km.
func DefaultProfile() world.Profile { return world.MustProfile(profileJSON) }

// Credentials are those of one merchant's application.
type Credentials struct {
	AppKey    string `json:"app_key"`
	AppSecret string `json:"app_secret"`
	SourceID  string `json:"source_id"` // the merchant's number
}

// Development are the fixed credentials of the simulator.
var Development = Credentials{AppKey: "dada-test-app-key", AppSecret: "dada-test-secret-0001", SourceID: "73753"}

// DevelopmentShop is the shop_no that is always registered, at DefaultShopAt.
const DevelopmentShop = "11047059"

// DefaultShopAt is where DevelopmentShop stands, in GCJ-02.
var DefaultShopAt = world.Point{Lng: 120.1551, Lat: 30.2741}

// DefaultBalance is what the client has prepaid: one million 元.
const DefaultBalance money.Fen = 1_000_000_00

// DefaultSignatureWindow is how old a call's timestamp may be. GAP: the real window, if
// there is one, is not published.
const DefaultSignatureWindow = 10 * time.Minute

// Options say what the simulator is made of. Clock, System and Faults are needed.
type Options struct {
	Clock           world.Clock
	System          func() time.Time // real time, for the freshness of calls
	Faults          *world.Faults
	Seed            int64
	Credentials     Credentials            // zero: Development
	Shops           map[string]world.Point // further shops, by shop_no, in GCJ-02
	Profile         *world.Profile         // nil: DefaultProfile
	InitialBalance  money.Fen              // 0: DefaultBalance
	SignatureWindow time.Duration          // 0: DefaultSignatureWindow; negative: any age
	InstantAnswer   bool                   // ignore the profile's latency
	Repeats         bool                   // 运单重抛回调通知: states that come a second time are told, too; off unless the account wants it
	NoClientID      bool                   // pushes leave client_id empty
	Client          *http.Client           // for callbacks; nil: one of its own
}

// Service is a running 达达.
type Service struct {
	options Options
	creds   Credentials
	shops   map[string]world.Point
	fleet   *world.Fleet
	gate    *world.Gate

	mu     sync.Mutex
	placed map[string]bool // origin_ids that have been placed
}

// New opens the service. Close it.
func New(o Options) *Service {
	profile := DefaultProfile()
	if o.Profile != nil {
		profile = *o.Profile
	}
	if o.InstantAnswer {
		profile.Latency = world.Spread{}
	}
	o.Credentials = either(o.Credentials, Development)
	o.InitialBalance = either(o.InitialBalance, DefaultBalance)
	o.SignatureWindow = either(o.SignatureWindow, DefaultSignatureWindow)
	s := &Service{options: o, creds: o.Credentials, shops: map[string]world.Point{DevelopmentShop: DefaultShopAt}, placed: map[string]bool{}}
	for no, at := range o.Shops {
		s.shops[no] = at
	}
	s.fleet = world.NewFleet(world.FleetOptions{
		Party: Name, Clock: o.Clock, System: o.System, Faults: o.Faults, Seed: o.Seed, Profile: profile,
		Balance: o.InitialBalance, Callback: s.callback, Received: received, Client: o.Client,
	})
	s.gate = world.NewGate(Name, o.Clock, o.Faults, o.Seed, profile.Latency)
	return s
}

func either[T comparable](given, otherwise T) T {
	var none T
	if given == none {
		return otherwise
	}
	return given
}

// Name is the carrier's name throughout the project.
const Name = "dada"

// Books are what 达达 was asked, did and charged.
func (s *Service) Books() world.Books { return s.fleet.Books() }

// Totals are the sums of the books.
func (s *Service) Totals() world.Totals { return s.fleet.Totals() }

// Positions are the riders on the street, in GCJ-02.
func (s *Service) Positions() []world.RiderPosition { return s.fleet.Positions() }

// Fleet are the riders, for somebody who directs them.
func (s *Service) Fleet() *world.Fleet { return s.fleet }

// Close lets hanging calls go, stops the riders and waits for callbacks under way.
func (s *Service) Close() {
	s.gate.Close()
	s.fleet.Close()
}

// number mints a number of 达达's own: 16 digits.
func (s *Service) number() string { return fmt.Sprintf("28%014d", s.fleet.Serial(1e14)) }

// text is an instant as answers write it; empty for none.
func text(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.In(world.Shanghai).Format(time.DateTime)
}
