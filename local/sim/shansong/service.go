package shansong

import (
	_ "embed" // the profile
	"fmt"
	"net/http"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

//go:embed profile.json
var profileJSON []byte

// DefaultProfile is how the simulated 闪送 behaves unless it is told otherwise.
func DefaultProfile() world.Profile { return world.MustProfile(profileJSON) }

// Credentials are those of one 自营商户.
type Credentials struct {
	ClientID string `json:"client_id"`
	ShopID   string `json:"shop_id"`
	Secret   string `json:"secret"`
}

// Development are the fixed credentials of the simulator.
var Development = Credentials{ClientID: "ssTestClient01", ShopID: "20000000000000001", Secret: "iss-test-secret-0001"}

// DefaultBalance is what the client has prepaid: one million 元.
const DefaultBalance money.Fen = 1_000_000_00

// DefaultSignatureWindow is how old a signed call may be. GAP: the real window, if
// there is one, is not published.
const DefaultSignatureWindow = 10 * time.Minute

// Options say what the simulator is made of. Clock, System and Faults are needed.
type Options struct {
	Clock           world.Clock
	System          func() time.Time // real time, for the freshness of signatures
	Faults          *world.Faults
	Seed            int64
	CallbackURL     string         // where status callbacks go; empty: nowhere
	Credentials     Credentials    // zero: Development
	Stores          []string       // the merchant's stores, by storeId; orders without a store need none
	Profile         *world.Profile // nil: DefaultProfile
	InitialBalance  money.Fen      // 0: DefaultBalance
	SignatureWindow time.Duration  // 0: DefaultSignatureWindow; negative: any age
	InstantAnswer   bool           // ignore the profile's latency
	Client          *http.Client   // for callbacks; nil: one of its own
}

// Service is a running 闪送.
type Service struct {
	options Options
	creds   Credentials
	fleet   *world.Fleet
	gate    *world.Gate
}

// New opens the service. Close it.
func New(o Options) *Service {
	profile := DefaultProfile()
	if o.Profile != nil {
		profile = *o.Profile
	}
	if o.Credentials == (Credentials{}) {
		o.Credentials = Development
	}
	if o.InitialBalance == 0 {
		o.InitialBalance = DefaultBalance
	}
	if o.SignatureWindow == 0 {
		o.SignatureWindow = DefaultSignatureWindow
	}
	if o.InstantAnswer {
		profile.Latency = world.Spread{}
	}
	s := &Service{options: o, creds: o.Credentials}
	s.fleet = world.NewFleet(world.FleetOptions{
		Party: Name, Clock: o.Clock, System: o.System, Faults: o.Faults, Seed: o.Seed, Profile: profile,
		Balance: o.InitialBalance, Callback: s.callback, Received: received, Client: o.Client,
	})
	s.gate = world.NewGate(Name, o.Clock, o.Faults, o.Seed, profile.Latency)
	return s
}

// Name is the carrier's name throughout the project.
const Name = "shansong"

// Books are what 闪送 was asked, did and charged.
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

// number mints a 闪送单号: TDH, the local date and eight digits.
func (s *Service) number() string {
	day := s.options.Clock.Now().In(world.Shanghai).Format("20060102")
	return fmt.Sprintf("TDH%s%08d", day, s.fleet.Serial(1e8))
}
