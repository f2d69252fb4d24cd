package emulator

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/chuandao/qianfan/local/clock"
	"github.com/chuandao/qianfan/local/sim"
	"github.com/chuandao/qianfan/local/sim/jd"
	"github.com/chuandao/qianfan/local/sim/meituan"
	"github.com/chuandao/qianfan/local/sim/taobao"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// parties are the simulated world: carriers and platforms, each on its own port.
type parties struct {
	Carriers  map[string]Carrier
	Platforms map[string]platform
	JD        *jd.Service
	Meituan   *meituan.Service
	Taobao    *taobao.Service
	servers   *servers
}

type partyOptions struct {
	clock   *clock.Clock
	faults  *world.Faults
	seed    int64
	gateway string
	instant bool
	even    bool    // riders all take the same times
	haste   float64 // riders are so many times as fast

	accounts accounts
	deposit  money.Fen // of the account that is opened

	phoneLife time.Duration // virtual, of 淘宝's privacy numbers
}

// profile is how a carrier behaves: its own default, unless riders are to be even or in haste.
func (o partyOptions) profile(p world.Profile) *world.Profile {
	for _, s := range []*world.Spread{&p.Accept, &p.Pickup, &p.Handover, &p.ReturnAgree} {
		if o.even {
			s.Sigma = 0
		}
		s.MedianS, s.MinS, s.MaxS = s.MedianS/o.haste, s.MinS/o.haste, s.MaxS/o.haste
	}
	p.SpeedMinMPS, p.SpeedMaxMPS = p.SpeedMinMPS*o.haste, p.SpeedMaxMPS*o.haste
	if o.even {
		p.ApproachMaxM, p.SpeedMaxMPS = p.ApproachMinM, p.SpeedMinMPS
	}
	return &p
}

// startParties opens the books and the doors of everybody outside.
func startParties(o partyOptions, srv *servers) *parties {
	system := o.clock.System
	j := jd.New(jd.Options{Clock: o.clock, System: system, Faults: o.faults, Seed: o.seed, PushBase: o.gateway, Shops: sim.Shops(shopSeed)})
	mt := meituan.New(meituan.Options{Clock: o.clock, System: system, Faults: o.faults, Seed: o.seed, PushBase: o.gateway, Shops: sim.Shops(shopSeed)})
	tb := taobao.New(taobao.Options{Clock: o.clock, System: system, Faults: o.faults, Seed: o.seed, PushBase: o.gateway, Shops: sim.Shops(shopSeed), PhoneLife: o.phoneLife})
	p := &parties{
		JD: j, Meituan: mt, Taobao: tb,
		Carriers:  openCarriers(o),
		Platforms: map[string]platform{jd.Name: jdPlatform(j), meituan.Name: meituanPlatform(mt), taobao.Name: taobaoPlatform(tb)},
		servers:   srv,
	}
	for name, x := range p.Platforms {
		srv.serve(name, x.handler)
	}
	for name, c := range p.Carriers {
		srv.serve(name, c.Handler())
	}
	return p
}

// Close lets hanging calls go and waits for what is under way.
func (p *parties) Close() {
	for _, x := range p.Platforms {
		x.close()
	}
	for _, c := range p.Carriers {
		c.Close()
	}
}

// servers are the HTTP servers of one emulator; their listeners are opened first, so that
// every address is known before anybody is started.
type servers struct {
	mu   sync.Mutex
	urls map[string]string
	open map[string]*listener
	work sync.WaitGroup
}

func newServers(addresses map[string]string) (*servers, error) {
	s := &servers{urls: map[string]string{}, open: map[string]*listener{}}
	for name, addr := range addresses {
		l, err := listen(addr)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", name, err), s.Close())
		}
		s.urls[name] = "http://" + reachable(l.Addr().String())
		s.open[name] = &listener{Listener: l}
	}
	return s, nil
}

// reachable is where this machine finds a listener: on the loopback interface, if it is on all.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

func (s *servers) url(name string) string { return s.urls[name] }

func (s *servers) serve(name string, h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.open[name]
	l.server = &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	s.work.Go(func() { _ = l.server.Serve(l.Listener) })
}

// Close ends every server at once; who still hangs on one is cut off.
func (s *servers) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, l := range s.open {
		if l.server != nil {
			errs = append(errs, l.server.Close())
		}
		_ = l.Close()
	}
	s.work.Wait()
	return errors.Join(errs...)
}

// background is for things that live as long as the emulator.
var background = context.Background()

type listener struct {
	net.Listener
	server *http.Server
}
