// Package gateway serves the routes of the custom domain of s.yaml: it takes requests from outside to the web functions they belong to.
package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/chuandao/qianfan/local/template"
)

// Options shape a Gateway. All but Addr are required.
type Options struct {
	Addr   string // host:port; port 0 takes a free one. Empty is 127.0.0.1:0
	Routes []template.Route
	// Function gives a function's HTTP trigger.
	Function func(name string) http.Handler
}

// Gateway is an HTTP server with the routes of the custom domain.
type Gateway struct {
	opts   Options
	routes []route
	server *http.Server
	addr   string
	served chan error
}

type route struct {
	template.Route
	prefix  string // of a path that ends with *
	exact   bool
	handler http.Handler
}

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// New makes a Gateway; it does not listen before Start.
func New(opts Options) *Gateway {
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	g := &Gateway{opts: opts, served: make(chan error, 1)}
	for _, r := range opts.Routes {
		prefix, wild := strings.CutSuffix(r.Path, "*")
		g.routes = append(g.routes, route{Route: r, prefix: prefix, exact: !wild, handler: opts.Function(r.Function)})
	}
	// Exact paths first, then the longest prefix.
	slices.SortStableFunc(g.routes, func(a, b route) int {
		if a.exact != b.exact {
			if a.exact {
				return -1
			}
			return 1
		}
		return len(b.prefix) - len(a.prefix)
	})
	g.server = &http.Server{Handler: g, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout}
	return g
}

// Start listens and returns; an address that is taken is an error.
func (g *Gateway) Start(ctx context.Context) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", g.opts.Addr)
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	g.addr = listener.Addr().String()
	go func() { g.served <- g.server.Serve(listener) }() // Close waits for it
	return nil
}

// Addr is the address it listens on, after Start.
func (g *Gateway) Addr() string { return g.addr }

// Close lets running requests end until ctx does, then breaks them off.
func (g *Gateway) Close(ctx context.Context) error {
	if g.addr == "" {
		return nil
	}
	err := g.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("gateway: %w", err), g.server.Close())
	}
	if served := <-g.served; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("gateway: %w", served))
	}
	g.served <- http.ErrServerClosed // for a second Close
	return err
}

// ServeHTTP passes a request on to the function of its route.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, route := range g.routes {
		if !route.matches(r.URL.Path) {
			continue
		}
		if len(route.Methods) > 0 && !slices.Contains(route.Methods, r.Method) {
			refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed", fmt.Sprintf("the route %s does not take %s", route.Path, r.Method))
			return
		}
		route.handler.ServeHTTP(w, r)
		return
	}
	refuse(w, http.StatusNotFound, "RouteNotFound", "no route for "+r.URL.Path)
}

func (r route) matches(path string) bool {
	if r.exact {
		return path == r.Path
	}
	return strings.HasPrefix(path, r.prefix)
}

// refuse answers in the platform's form.
func refuse(w http.ResponseWriter, status int, code, message string) {
	id := uuid.NewString()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Fc-Request-Id", id)
	w.Header().Set("X-Fc-Error-Type", code)
	w.WriteHeader(status)
	body, _ := json.Marshal(map[string]string{"RequestId": id, "Code": code, "Message": message}) // three strings always marshal
	_, _ = w.Write(body)                                                                          // the caller may be gone
}
