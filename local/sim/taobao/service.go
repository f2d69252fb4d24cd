package taobao

import (
	"net/http"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// Name is the platform's name throughout the project.
const Name = "taobao"

// Credentials are those of one application.
type Credentials struct {
	AppID  string `json:"app_id"`
	AppKey string `json:"app_key"` // of calls; empty: the AppID
	Secret string `json:"secret"`
	Token  string `json:"token"` // of calls; empty: any
}

// Development are the fixed credentials of the simulator.
var Development = Credentials{AppID: "22954133", Secret: "ele-test-secret-0001"}

// Retry is how a push is repeated. GAP: number and spacing are not published.
type Retry struct {
	Tries   int           // the first one included
	First   time.Duration // virtual, before the second try
	Growth  float64       // factor on each further gap
	Timeout time.Duration // real, of one request
}

// DefaultRetry begins with 5 s and doubles, six tries in all; what is given up then has to
// be pulled.
var DefaultRetry = Retry{Tries: 6, First: 5 * time.Second, Growth: 2, Timeout: 10 * time.Second}

// DefaultSignatureWindow is how old a signed call may be. GAP.
const DefaultSignatureWindow = 10 * time.Minute

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
	Retry           Retry         // zero: DefaultRetry
	SignatureWindow time.Duration // 0: DefaultSignatureWindow; negative: any age
	PhoneLife       time.Duration // virtual, of a privacy number; 0: DefaultPhoneLife
	Client          *http.Client  // for pushes; nil: one of its own
}

// Service is a running 饿了么.
type Service struct {
	options Options
	creds   Credentials
	chance  world.Chance
	gate    *world.Gate
	client  *http.Client
	shops   map[string]world.Shop
	shopIDs map[string]int64 // by code
	quit    chan struct{}
	wg      sync.WaitGroup // pushes under way

	mu      sync.Mutex
	closed  bool
	serial  int64
	message int64 // running number of messages
	orders  map[string]*order
	listed  []*order
	missed  []*message // given up and not confirmed, oldest first
	told    []func(key, no string, stage world.Stage)
	strange []Violation // about orders that do not exist
	daySN   map[string]int
}

// firstShopID is the number of the first shop; the others follow.
const firstShopID = 720001

// New opens the platform. Close it.
func New(o Options) *Service {
	if o.Credentials == (Credentials{}) {
		o.Credentials = Development
	}
	if o.Credentials.AppKey == "" {
		o.Credentials.AppKey = o.Credentials.AppID
	}
	if o.Retry == (Retry{}) {
		o.Retry = DefaultRetry
	}
	if o.SignatureWindow == 0 {
		o.SignatureWindow = DefaultSignatureWindow
	}
	if o.PhoneLife == 0 {
		o.PhoneLife = DefaultPhoneLife
	}
	if o.Client == nil {
		o.Client = world.NewClient()
	}
	s := &Service{
		options: o, creds: o.Credentials, chance: world.NewChance(o.Seed, Name), client: o.Client,
		gate:  world.NewPlatformGate(Name, o.Clock, o.Faults, o.Seed),
		shops: map[string]world.Shop{}, shopIDs: map[string]int64{}, orders: map[string]*order{}, daySN: map[string]int{}, quit: make(chan struct{}),
	}
	for i, shop := range o.Shops {
		s.shops[shop.Code] = shop
		s.shopIDs[shop.Code] = firstShopID + int64(i)
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
