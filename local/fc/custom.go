package fc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
)

// custom speaks HTTP with a process on a custom runtime (function-compute.md §2.2).
type custom struct {
	runtime *Runtime
	in      *instance
	host    string
	port    string
	client  *http.Client
	proxy   *httputil.ReverseProxy
}

// portPoll is how often a starting process is asked whether its port is open.
const portPoll = 5 * time.Millisecond

func newCustom(r *Runtime, in *instance) (*custom, error) {
	// In the cloud every instance has its own address and the configured port; on one machine each needs a port of its own.
	port, err := freePort(context.Background())
	if err != nil {
		return nil, err
	}
	c := &custom{
		runtime: r, in: in, host: net.JoinHostPort("127.0.0.1", port), port: port,
		client: &http.Client{Transport: r.transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	c.proxy = newProxy(r, c)
	return c, nil
}

func (c *custom) variables() map[string]string {
	return map[string]string{"FC_CUSTOM_LISTEN_PORT": c.port, "FC_SERVER_PORT": c.port}
}

func (c *custom) ready(ctx context.Context) error {
	dialer := net.Dialer{Timeout: time.Second}
	for {
		conn, err := dialer.DialContext(ctx, "tcp", c.host)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-c.in.process.exited:
			return fmt.Errorf("%w: %s", errNotReady, c.in.process.how())
		default:
		}
		if err := clock.System.Sleep(ctx, portPoll); err != nil {
			return fmt.Errorf("port %s stays closed: %w", c.port, err)
		}
	}
}

// routes are the paths and methods of the platform's own calls.
var routes = map[callKind]struct{ method, path string }{
	kindInvoke:     {http.MethodPost, "/invoke"},
	kindInitialize: {http.MethodPost, "/initialize"},
	kindPreStop:    {http.MethodGet, "/pre-stop"},
}

func (c *custom) call(ctx context.Context, k call) ([]byte, error) {
	route := routes[k.kind]
	req, err := http.NewRequestWithContext(ctx, route.method, "http://"+c.host+route.path, bytes.NewReader(k.payload))
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", route.path, err)
	}
	for name, v := range c.runtime.commonHeaders(c.in.pool.fn, k) {
		req.Header.Set(name, v)
	}
	req.Header.Set("x-fc-control-path", route.path)
	req.Header.Set("Content-Type", "application/octet-stream")
	res, err := c.client.Do(req)
	if err != nil {
		return nil, c.broken(ctx, k.requestID, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, c.broken(ctx, k.requestID, err)
	}
	return body, c.verdict(k, res, body)
}

// verdict: hooks go by the status; a call has failed when x-fc-status is 404, whatever its status, which the platform drops.
func (c *custom) verdict(k call, res *http.Response, body []byte) error {
	if k.kind != kindInvoke {
		if res.StatusCode/100 == 2 {
			return nil
		}
		return c.in.failure(k.requestID, "HookFailed", fmt.Sprintf("%s: %s", res.Status, body))
	}
	switch res.Header.Get("X-Fc-Status") {
	case "404":
		return c.in.failure(k.requestID, TypeFailed, fmt.Sprintf("%s: %s", res.Status, body))
	case "":
		if res.StatusCode >= http.StatusBadRequest {
			c.runtime.opts.Log(c.in.pool.fn.Name, c.in.id, fmt.Sprintf(
				"WARNING: request %s was answered with %s but without x-fc-status: it is BOOKED AS SUCCESS and the event is lost", k.requestID, res.Status))
		}
	}
	return nil
}

// broken is the error of a connection that broke: the process ended, or the time was over.
func (c *custom) broken(ctx context.Context, requestID string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	// A dying process breaks its connections a moment before its end is noticed.
	wait, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	select {
	case <-c.in.process.exited:
		return c.in.exited(requestID)
	case <-wait.Done():
		return c.in.failure(requestID, TypeExited, "the connection broke: "+err.Error())
	}
}

func (c *custom) close() {}

// newProxy passes requests through as they are.
func newProxy(r *Runtime, c *custom) *httputil.ReverseProxy {
	target := &url.URL{Scheme: "http", Host: c.host}
	return &httputil.ReverseProxy{
		Transport: r.transport,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host
			p.SetXForwarded()
		},
		ModifyResponse: checkResponse,
		ErrorHandler: func(w http.ResponseWriter, req *http.Request, err error) {
			if errors.Is(err, errBadResponse) {
				platformError(w, http.StatusBadGateway, requestIDOf(req.Context()), "BadResponse", err.Error())
				return
			}
			failureOf(req.Context()).set(c.broken(req.Context(), requestIDOf(req.Context()), err))
		},
	}
}
