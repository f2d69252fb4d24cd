package function

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
)

// Headers of the custom runtime (function-compute.md §2.2).
const (
	headerRequestID   = "X-Fc-Request-Id"
	headerControlPath = "X-Fc-Control-Path"
	headerStatus      = "X-Fc-Status"
)

const (
	controlInvoke     = "/invoke"      // an event call, by API or trigger
	controlHTTPInvoke = "/http-invoke" // a request from outside, passed through
	pathInitialize    = "/initialize"
	pathPreStop       = "/pre-stop"
)

// webFunction is the HTTP handler around a web function's own: hooks, body limit, log lines, panics, x-fc-status.
type webFunction struct {
	instance[http.Handler]
	cfg WebConfig

	mu sync.Mutex // one writer of FC lines at a time
}

func newWebFunction(cfg WebConfig, build Build[http.Handler]) *webFunction {
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = defaultMaxBody
	}
	if cfg.TooLarge == nil {
		cfg.TooLarge = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			writeError(w, http.StatusRequestEntityTooLarge, "BodyTooLarge", "the request body is too large")
		})
	}
	if cfg.Grace <= 0 {
		cfg.Grace = defaultGrace
	}
	if cfg.Stdout == nil {
		cfg.Stdout = os.Stdout
	}
	return &webFunction{instance: instance[http.Handler]{build: build, env: envSource(cfg.Env)}, cfg: cfg}
}

// ServeHTTP serves hooks and requests.
func (f *webFunction) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	kind, serve := "Invoke", f.serve
	if hook, ok := f.hook(r); ok {
		kind, serve = hook.kind, hook.serve
	}
	id := r.Header.Get(headerRequestID)
	f.line("FC %s Start RequestId: %s", kind, id)
	status := &statusWriter{ResponseWriter: w, event: r.Header.Get(headerControlPath) == controlInvoke}
	defer func() {
		suffix := ""
		if status.failed() {
			suffix = ", Error: Unhandled function error"
		}
		f.line("FC %s End RequestId: %s%s", kind, id, suffix)
	}()
	defer f.recoverPanic(status, r)
	serve(status, r)
	// net/http writes the header of a handler that wrote nothing; the status header must be in it.
	status.WriteHeader(http.StatusOK)
}

type hook struct {
	kind  string
	serve func(http.ResponseWriter, *http.Request)
}

// hook finds the platform's own calls. Requests from outside are marked as such by the platform, which strips x-fc-* headers of
// callers; without that check anybody could stop an instance by calling /pre-stop.
func (f *webFunction) hook(r *http.Request) (hook, bool) {
	if control := r.Header.Get(headerControlPath); control == controlHTTPInvoke || control == controlInvoke {
		return hook{}, false
	}
	switch r.URL.Path {
	case pathInitialize:
		return hook{"Initialize", f.serveHook(func(ctx context.Context) error { _, err := f.get(ctx); return err })}, true
	case pathPreStop:
		return hook{"PreStop", f.serveHook(f.close)}, true
	}
	return hook{}, false
}

func (f *webFunction) serveHook(run func(context.Context) error) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := run(r.Context()); err != nil {
			slog.Error("hook failed", "path", r.URL.Path, "error", err)
			writeError(w, http.StatusInternalServerError, errorType(err), err.Error())
			return
		}
		w.WriteHeader(http.StatusOK)
	}
}

func (f *webFunction) serve(w http.ResponseWriter, r *http.Request) {
	handler, err := f.get(r.Context())
	if err != nil {
		// What is wrong with our settings is not for the caller to read.
		slog.Error("not initialised", "error", err)
		writeError(w, http.StatusServiceUnavailable, errorType(err), "the function is not initialised")
		return
	}
	body, err := readBody(r, f.cfg.MaxBody)
	switch {
	case errors.Is(err, errTooLarge):
		handler = f.cfg.TooLarge
	case err != nil:
		writeError(w, http.StatusBadRequest, "BodyUnreadable", "the request body could not be read")
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	// The flush outlives a caller who hung up, and comes before the response is complete: afterwards the instance may freeze.
	defer func() {
		if err := f.flush(context.WithoutCancel(r.Context())); err != nil {
			slog.Error("flush failed", "path", r.URL.Path, "error", err)
		}
	}()
	handler.ServeHTTP(w, r)
}

var errTooLarge = errors.New("body too large")

// readBody reads the whole body: every party signs the raw bytes, so no handler could do with less.
func readBody(r *http.Request, max int64) ([]byte, error) {
	if r.ContentLength > max {
		return nil, errTooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, max+1))
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	if int64(len(body)) > max {
		return nil, errTooLarge
	}
	return body, nil
}

func (f *webFunction) recoverPanic(w *statusWriter, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		w.status = http.StatusInternalServerError
		panic(p)
	}
	slog.Error("panic in handler", "path", r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	if w.status != 0 {
		// Half an answer went out; breaking the connection is the only way left to say that it is not whole.
		w.status = http.StatusInternalServerError
		panic(http.ErrAbortHandler)
	}
	writeError(w, http.StatusInternalServerError, "Panic", "internal error")
}

func (f *webFunction) line(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Fprintf(f.cfg.Stdout, format+"\n", args...)
}

// statusWriter adds x-fc-status to a response. The platform drops the HTTP status of an event call and books it as success unless
// that header is 404; for requests passed through the status itself is the answer and the header says that the function worked.
type statusWriter struct {
	http.ResponseWriter
	event  bool
	status int
}

func (w *statusWriter) failed() bool { return w.status >= http.StatusInternalServerError }

// WriteHeader sends the status once; later ones are ignored.
func (w *statusWriter) WriteHeader(status int) {
	if status >= 100 && status < 200 {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.status != 0 {
		return
	}
	w.status = status
	outcome := "200"
	if w.event && w.failed() {
		outcome = "404"
	}
	w.Header().Set(headerStatus, outcome)
	w.ResponseWriter.WriteHeader(status)
}

// Write sends the body, and the status 200 before it if none was sent.
func (w *statusWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// writeError answers in the form of the runtime's own errors.
func writeError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	body, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message}) // two strings always marshal
	_, _ = w.Write(body)                                                                   // the caller may be gone
}
