package console

import (
	"embed"
	"io/fs"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

//go:embed page
var page embed.FS

// server answers the API from its parts.
type server struct{ Deps }

// route is one operation of the API.
type route struct {
	method, path string
	do           handler
}

func (s *server) routes() []route {
	return []route{
		{http.MethodGet, "/api/status", s.status},
		{http.MethodGet, "/api/orders", s.orders},
		{http.MethodGet, "/api/orders/{id}", s.order},
		{http.MethodPost, "/api/orders/{id}/commands", s.command},
		{http.MethodGet, "/api/orders/{id}/cancel-cost", s.cancelCost},
		{http.MethodGet, "/api/invariants", s.invariants},
		{http.MethodGet, "/api/ledger/balances", s.balances},
		{http.MethodGet, "/api/ledger/entries", s.entries},
		{http.MethodGet, "/api/statements", s.statements},
		{http.MethodGet, "/api/statements/{id}", s.oneStatement},
		{http.MethodGet, "/api/carriers/{carrier}/books", s.carrierBooks},
		{http.MethodGet, "/api/carriers/{carrier}/bill", s.carrierBill},
		{http.MethodGet, "/api/carriers/{carrier}/bill/days", s.billDays},
		{http.MethodGet, "/api/carriers/{carrier}/bill/mistakes", s.billMistakes},
		{http.MethodGet, "/api/platforms/{platform}/books", s.platformBooks},
		{http.MethodPost, "/api/platforms/{platform}/orders", s.placeOrder},
		{http.MethodPost, "/api/platforms/{platform}/orders/{no}/cancel", s.cancelOrder},
		{http.MethodGet, "/api/riders", s.riders},
		{http.MethodGet, "/api/cities", s.cities},
		{http.MethodGet, "/api/clock", s.showClock},
		{http.MethodPost, "/api/clock", s.moveClock},
		{http.MethodGet, "/api/faults", s.showFaults},
		{http.MethodPost, "/api/faults", s.setFaults},
		{http.MethodDelete, "/api/faults", s.clearFaults},
		{http.MethodPost, "/api/replay", s.replay},
		{http.MethodGet, "/api/dlq", s.deadLetters},
		{http.MethodPost, "/api/dlq/redrive", s.redrive},
		{http.MethodGet, "/api/functions", s.functions},
		{http.MethodGet, "/api/topics", s.topics},
		{http.MethodGet, "/api/refused", s.refused},
	}
}

// New is the control API, /metrics and the page. It holds nothing that needs closing.
func New(d Deps) http.Handler {
	s := &server{d}
	mux := http.NewServeMux()
	methods := map[string]map[string]handler{}
	for _, r := range append(s.routes(), s.settingsRoutes()...) {
		if methods[r.path] == nil {
			methods[r.path] = map[string]handler{}
		}
		methods[r.path][r.method] = r.do
	}
	for path, byMethod := range methods {
		mux.Handle(path, choose(byMethod))
	}
	mux.Handle("/api/", handler(func(r *http.Request) (any, error) {
		return nil, bad(http.StatusNotFound, "GET /api/status is a good start", "no such path: %s", r.URL.Path)
	}))
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry(), promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	files, err := fs.Sub(page, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	mux.Handle("/", http.FileServerFS(files))
	return guard(mux)
}

// choose picks the handler of the method; HEAD is GET without its body.
func choose(byMethod map[string]handler) http.Handler {
	var allowed []string
	for m := range byMethod {
		allowed = append(allowed, m)
	}
	slices.Sort(allowed)
	allow := strings.Join(allowed, ", ")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		if h, ok := byMethod[method]; ok {
			h.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Allow", allow)
		fail(w, bad(http.StatusMethodNotAllowed, "use "+allow, "%s does not take %s", r.URL.Path, r.Method))
	})
}

// guard lets in only requests to a loopback name (another name that resolves to us would be DNS rebinding), and from browsers only
// those of our own page.
func guard(next http.Handler) http.Handler {
	foreign := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopback(r.Host) {
			fail(w, bad(http.StatusForbidden, "use http://127.0.0.1 or http://localhost", "the console answers loopback names only, not %q", r.Host))
			return
		}
		if err := foreign.Check(r); err != nil {
			fail(w, bad(http.StatusForbidden, "use the console's own page, or no browser", "another site's page must not change anything here: %v", err))
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
