package fengniao

import (
	_ "embed" // the profile
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

//go:embed profile.json
var profileJSON []byte

// DefaultProfile is how the simulated 蜂鸟 behaves unless it is told otherwise.
func DefaultProfile() world.Profile { return world.MustProfile(profileJSON) }

// Credentials are those of one app and the merchant that has authorised it.
type Credentials struct {
	AppID      string `json:"app_id"`
	Secret     string `json:"secret"`
	MerchantID string `json:"merchant_id"`
}

// Development are the fixed credentials of the simulator.
var Development = Credentials{AppID: "6000000000000000001", Secret: "fn-test-secret-0001", MerchantID: "1000001"}

// What is assumed where the public documents say nothing. GAP.
const (
	DefaultSignatureWindow = 10 * time.Minute // how old a signed call may be
	DefaultMaxMetres       = 20_000           // of the road
	DefaultMaxKg           = 50
)

// DefaultBalance is what the client has prepaid: one million 元.
const DefaultBalance money.Fen = 1_000_000_00

// Options say what the simulator is made of. Clock, System and Faults are needed.
type Options struct {
	Clock           world.Clock
	System          func() time.Time // real time, for the freshness of signatures and the life of tokens
	Faults          *world.Faults
	Seed            int64
	CallbackURL     string                 // where callbacks go, set for the whole app; empty: nowhere
	CallbackType    string                 // empty: DefaultCallbackType
	Credentials     Credentials            // zero: Development
	AuthCodes       []string               // each gives tokens once; the empty code always does, as in the sandbox
	Stores          map[string]world.Point // by out_shop_code or chain_store_id; orders without a store need none
	Profile         *world.Profile         // nil: DefaultProfile
	InitialBalance  money.Fen              // 0: DefaultBalance
	SignatureWindow time.Duration          // 0: DefaultSignatureWindow; negative: any age
	MaxMetres       int                    // 0: DefaultMaxMetres
	MaxKg           int                    // 0: DefaultMaxKg
	InstantAnswer   bool                   // ignore the profile's latency
	Client          *http.Client           // for callbacks; nil: one of its own
}

func (o Options) withDefaults() Options {
	if o.Credentials == (Credentials{}) {
		o.Credentials = Development
	}
	if o.CallbackType == "" {
		o.CallbackType = DefaultCallbackType
	}
	if o.InitialBalance == 0 {
		o.InitialBalance = DefaultBalance
	}
	if o.SignatureWindow == 0 {
		o.SignatureWindow = DefaultSignatureWindow
	}
	if o.MaxMetres == 0 {
		o.MaxMetres = DefaultMaxMetres
	}
	if o.MaxKg == 0 {
		o.MaxKg = DefaultMaxKg
	}
	return o
}

// Service is a running 蜂鸟.
type Service struct {
	options Options
	creds   Credentials
	fleet   *world.Fleet
	gate    *world.Gate
	grants  *grants

	mu   sync.Mutex
	tips map[string]bool // order and third_index_id
}

// New opens the service. Close it.
func New(o Options) *Service {
	o = o.withDefaults()
	profile := DefaultProfile()
	if o.Profile != nil {
		profile = *o.Profile
	}
	if o.InstantAnswer {
		profile.Latency = world.Spread{}
	}
	s := &Service{options: o, creds: o.Credentials, tips: map[string]bool{}}
	s.fleet = world.NewFleet(world.FleetOptions{
		Party: Name, Clock: o.Clock, System: o.System, Faults: o.Faults, Seed: o.Seed, Profile: profile,
		Balance: o.InitialBalance, Callback: s.callback, Received: received, Client: o.Client,
	})
	s.gate = world.NewGate(Name, o.Clock, o.Faults, o.Seed, profile.Latency)
	s.grants = newGrants(o.AuthCodes, s.mint, o.System())
	return s
}

// Name is the carrier's name throughout the project.
const Name = "fengniao"

// Books are what 蜂鸟 was asked, did and charged.
func (s *Service) Books() world.Books { return s.fleet.Books() }

// Totals are the sums of the books.
func (s *Service) Totals() world.Totals { return s.fleet.Totals() }

// Positions are the riders on the street, in GCJ-02.
func (s *Service) Positions() []world.RiderPosition { return s.fleet.Positions() }

// RevokeTokens ends every access token at once; refresh tokens stay good.
func (s *Service) RevokeTokens() { s.grants.revoke(s.options.System()) }

// Fleet are the riders, for somebody who directs them.
func (s *Service) Fleet() *world.Fleet { return s.fleet }

// Close lets hanging calls go, stops the riders and waits for callbacks under way.
func (s *Service) Close() {
	s.gate.Close()
	s.fleet.Close()
}

// firstOrderID makes order_id a number that a float cannot hold.
const firstOrderID = 100_000_000_000_000_000

func (s *Service) orderID() string {
	return strconv.FormatUint(firstOrderID+s.fleet.Serial(firstOrderID), 10)
}
