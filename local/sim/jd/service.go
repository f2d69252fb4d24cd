package jd

import (
	"net/http"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// Name is the platform's name throughout the project.
const Name = "jd"

// Credentials are those of one application and of the merchant who trusts it.
type Credentials struct {
	AppKey string `json:"app_key"`
	Secret string `json:"secret"`
	Token  string `json:"token"`
}

// Development are the fixed credentials of the simulator.
var Development = Credentials{AppKey: "jd-test-app", Secret: "jd-test-secret-0001", Token: "jd-test-token"}

// Retry is how a push is repeated: with growing gaps, at most Most apart, for as long as
// For. The platform states the latter two and the timeout. GAP: the first gap and how fast
// it grows.
type Retry struct {
	First   time.Duration // virtual, before the second try
	Growth  float64       // factor on each further gap
	Most    time.Duration // virtual
	For     time.Duration // virtual, since the first try
	Timeout time.Duration // real, of one request
}

// DefaultRetry begins with 5 s and doubles up to five minutes, for four hours.
var DefaultRetry = Retry{First: 5 * time.Second, Growth: 2, Most: 5 * time.Minute, For: 4 * time.Hour, Timeout: 3 * time.Second}

// DefaultSignatureWindow is how far the clock of a caller may be off.
const DefaultSignatureWindow = 6 * time.Minute

// Options say what the simulator is made of. Clock, System, Faults, PushBase and Shops
// are needed.
type Options struct {
	Clock           world.Clock
	System          func() time.Time // real time, for signatures
	Faults          *world.Faults
	Seed            int64
	Credentials     Credentials   // zero: Development
	PushBase        string        // scheme and host of the receiver: http://127.0.0.1:9000
	Shops           []world.Shop  //
	Notices         bool          // push deliveryOrder and finishOrder, too, which ask for nothing
	Retry           Retry         // zero: DefaultRetry
	SignatureWindow time.Duration // 0: DefaultSignatureWindow; negative: any age
	Client          *http.Client  // for pushes; nil: one of its own
}

// Service is a running 京东秒送.
type Service struct {
	options Options
	creds   Credentials
	chance  world.Chance
	gate    *world.Gate
	client  *http.Client
	shops   map[string]world.Shop
	quit    chan struct{}
	wg      sync.WaitGroup // pushes under way

	mu      sync.Mutex
	closed  bool
	serial  int64
	orders  map[string]*order
	listed  []*order
	told    []func(key, no string, stage world.Stage)
	strange []Violation // about orders that do not exist
}

// New opens the platform. Close it.
func New(o Options) *Service {
	if o.Credentials == (Credentials{}) {
		o.Credentials = Development
	}
	if o.Retry == (Retry{}) {
		o.Retry = DefaultRetry
	}
	if o.SignatureWindow == 0 {
		o.SignatureWindow = DefaultSignatureWindow
	}
	if o.Client == nil {
		o.Client = world.NewClient()
	}
	s := &Service{
		options: o, creds: o.Credentials, chance: world.NewChance(o.Seed, Name), client: o.Client,
		gate:  world.NewPlatformGate(Name, o.Clock, o.Faults, o.Seed),
		shops: map[string]world.Shop{}, orders: map[string]*order{}, quit: make(chan struct{}),
	}
	for _, shop := range o.Shops {
		s.shops[shop.Code] = shop
	}
	return s
}

// OnTold registers who is called, without locks held, whenever a stage is told.
func (s *Service) OnTold(f func(key, no string, stage world.Stage)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, f)
}

// Close gives up pushes that wait for another try, lets hanging calls go and waits for
// what is under way.
func (s *Service) Close() {
	s.mu.Lock()
	already := s.closed
	s.closed = true
	s.mu.Unlock()
	if !already {
		close(s.quit)
	}
	s.gate.Close()
	s.wg.Wait()
	s.client.CloseIdleConnections()
}
