package sftc

import (
	_ "embed" // the profile
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

//go:embed profile.json
var profileJSON []byte

// DefaultProfile is how the simulated 顺丰同城 behaves unless it is told otherwise.
func DefaultProfile() world.Profile { return world.MustProfile(profileJSON) }

// Credentials are those of one developer with one shop.
type Credentials struct {
	DevID  string `json:"dev_id"` // digits
	DevKey string `json:"dev_key"`
	ShopID string `json:"shop_id"` // 顺丰's number of the shop
}

// Development are the fixed credentials of the simulator.
var Development = Credentials{DevID: "1500000001", DevKey: "sf-test-dev-key-0001", ShopID: "3243279847393"}

// DefaultBalance is what the client has prepaid: one million 元.
const DefaultBalance money.Fen = 1_000_000_00

// DefaultSignatureWindow is how old a call's push_time may be. GAP: the real window, if
// there is one, is not published.
const DefaultSignatureWindow = 10 * time.Minute

// DefaultShopAt is where the shop stands, for calls that do not name it, in GCJ-02.
var DefaultShopAt = world.Point{Lng: 120.1551, Lat: 30.2741}

// Options say what the simulator is made of. Clock, System and Faults are needed.
type Options struct {
	Clock           world.Clock
	System          func() time.Time // real time, for the freshness of calls
	Faults          *world.Faults
	Seed            int64
	CallbackURL     string            // where callbacks go; empty: nowhere
	CallbackURLs    map[string]string // by url_index, where the console has an address of its own for a kind
	Credentials     Credentials       // zero: Development
	ShopAt          world.Point       // zero: DefaultShopAt
	Shops           []string          // 顺丰's numbers of the developer's further shops
	Profile         *world.Profile    // nil: DefaultProfile
	InitialBalance  money.Fen         // 0: DefaultBalance
	SignatureWindow time.Duration     // 0: DefaultSignatureWindow; negative: any age
	InstantAnswer   bool              // ignore the profile's latency
	TextNumbers     bool              // sf_order_id is text in answers, by the developer's setting, not a number
	TellOwnCancel   bool              // a callback for the client's own cancel, too. GAP: not published
	GaveUpIndex     string            // url_index of 骑士撤单; empty: rider_status. GAP: not published
	Client          *http.Client      // for callbacks; nil: one of its own
}

// Service is a running 顺丰同城.
type Service struct {
	options Options
	creds   Credentials
	fleet   *world.Fleet
	gate    *world.Gate

	mu   sync.Mutex
	tips map[string][]gratuity // by the carrier's number
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
	o.ShopAt = either(o.ShopAt, DefaultShopAt)
	o.InitialBalance = either(o.InitialBalance, DefaultBalance)
	o.SignatureWindow = either(o.SignatureWindow, DefaultSignatureWindow)
	o.GaveUpIndex = either(o.GaveUpIndex, riderStatus)
	s := &Service{options: o, creds: o.Credentials, tips: map[string][]gratuity{}}
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
const Name = "sftc"

// Books are what 顺丰同城 was asked, did and charged.
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

// number mints an sf_order_id: 19 digits, more than a float can hold.
func (s *Service) number() string {
	day := s.options.Clock.Now().In(world.Shanghai).Format("060102")
	return fmt.Sprintf("3%s%012d", day, s.fleet.Serial(1e12))
}

// wire is an sf_order_id as answers write it: a number, or text by setting.
func (s *Service) wire(no string) any {
	if s.options.TextNumbers {
		return no
	}
	return json.Number(no)
}

// pushTime is the present in Unix seconds, as every answer ends with it.
func (s *Service) pushTime() int64 { return s.options.Clock.Now().Unix() }
