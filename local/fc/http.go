package fc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/local/template"
)

// Limits of requests and responses (function-compute.md §2.5).
const (
	maxPayload = 32 << 20
	maxHeaders = 8 << 10
	maxTarget  = 4 << 10 // path and query
)

// ServeFunction is a function's HTTP trigger: on a custom runtime requests pass through as they are, on go1 they become events. A
// caller who hangs up does not stop the function.
func (r *Runtime) ServeFunction(function string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		id := newRequestID()
		p, err := r.pool(function)
		if err != nil {
			platformError(w, http.StatusNotFound, id, "FunctionNotFound", err.Error())
			return
		}
		if refused := refuse(p.fn.HTTP, req); refused != nil {
			platformError(w, refused.status, id, refused.code, refused.message)
			return
		}
		body, err := readBody(req)
		if err != nil {
			refused := bodyRefusal(err)
			platformError(w, refused.status, id, refused.code, refused.message)
			return
		}
		done, err := r.begin()
		if err != nil {
			platformError(w, http.StatusServiceUnavailable, id, "ResourceExhausted", err.Error())
			return
		}
		defer done()
		in, err := p.acquire(req.Context())
		if err != nil {
			platformError(w, http.StatusServiceUnavailable, id, "ResourceExhausted", err.Error())
			return
		}
		defer p.release(in)
		in.serve(w, req, id, body)
	})
}

type refusal struct {
	status        int
	code, message string
}

func refuse(trigger *template.HTTPTrigger, req *http.Request) *refusal {
	switch {
	case trigger == nil:
		return &refusal{http.StatusNotFound, "TriggerNotFound", "the function has no HTTP trigger"}
	case trigger.AuthType != "anonymous":
		return &refusal{http.StatusForbidden, "AccessDenied", "authType " + trigger.AuthType + " is not emulated"}
	case !slices.Contains(trigger.Methods, req.Method):
		return &refusal{http.StatusMethodNotAllowed, "MethodNotAllowed", "the trigger does not list " + req.Method}
	case headerSize(req.Header) > maxHeaders:
		return &refusal{http.StatusBadRequest, "InvalidArgument", "headers are larger than 8 KB"}
	case len(req.URL.RequestURI()) > maxTarget:
		return &refusal{http.StatusBadRequest, "InvalidArgument", "path and query are longer than 4 KB"}
	}
	return nil
}

func headerSize(h http.Header) int {
	size := 0
	for name, values := range h {
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	return size
}

func readBody(req *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(req.Body, maxPayload+1))
	if err == nil && len(body) > maxPayload {
		err = ErrPayloadTooLarge
	}
	return body, err
}

func bodyRefusal(err error) refusal {
	if errors.Is(err, ErrPayloadTooLarge) {
		return refusal{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", err.Error()}
	}
	return refusal{http.StatusBadRequest, "InvalidArgument", "body: " + err.Error()}
}

// serve answers one request; a place in the instance is held.
func (in *instance) serve(w http.ResponseWriter, req *http.Request, id string, body []byte) {
	w.Header().Set("X-Fc-Request-Id", id)
	if proxied, ok := in.protocol.(*custom); ok {
		err := in.timed(context.WithoutCancel(req.Context()), id, func(ctx context.Context) error { return proxied.pass(ctx, w, req, id, body) })
		if err != nil {
			functionFailed(w, id, err)
		}
		return
	}
	in.serveEvent(w, req, id, body)
}

func functionFailed(w http.ResponseWriter, id string, err error) {
	code := "InternalError"
	var failure *FunctionError
	if errors.As(err, &failure) {
		code = failure.Type
	}
	platformError(w, http.StatusBadGateway, id, code, err.Error())
}

// pass sends a request through to the process. Nothing is written to w when it returns an error.
func (c *custom) pass(ctx context.Context, w http.ResponseWriter, req *http.Request, id string, body []byte) error {
	failed := &failure{}
	ctx = context.WithValue(context.WithValue(ctx, requestIDKey{}, id), failureKey{}, failed)
	out := req.Clone(ctx)
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	for name := range out.Header {
		if strings.HasPrefix(name, "X-Fc-") {
			out.Header.Del(name) // reserved: callers cannot pose as the platform
		}
	}
	k := c.in.newCall(kindInvoke, nil, c.in.pool.fn.Timeout)
	k.requestID = id
	for name, v := range c.runtime.commonHeaders(c.in.pool.fn, k) {
		out.Header.Set(name, v)
	}
	out.Header.Set("x-fc-control-path", "/http-invoke")
	c.proxy.ServeHTTP(w, out)
	return failed.err
}

// requestIDKey and failureKey carry what the proxy's callbacks need through a request's context.
type (
	requestIDKey struct{}
	failureKey   struct{}
	failure      struct{ err error }
)

func (f *failure) set(err error) { f.err = err }

func requestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func failureOf(ctx context.Context) *failure { return ctx.Value(failureKey{}).(*failure) }

var errBadResponse = errors.New("bad response")

// checkResponse enforces the limit on a response's headers and takes away those that belong to the platform.
func checkResponse(res *http.Response) error {
	if size := headerSize(res.Header); size > maxHeaders {
		return fmt.Errorf("%w: headers of %d bytes are larger than 8 KB", errBadResponse, size)
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Date", "Server", "X-Fc-Status", "X-Fc-Request-Id"} {
		res.Header.Del(name)
	}
	return nil
}
