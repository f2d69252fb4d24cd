package fc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
)

// runtimePath is where go1 processes poll for work (function-compute.md §1.2).
const runtimePath = "/2020-11-11/runtime/invocation/"

// managed speaks the runtime API of go1 with one process: it polls for work and posts the outcome. A poll says nothing about whether
// the running call is done, so one call at a time is the pool's business.
type managed struct {
	runtime *Runtime
	in      *instance
	address string
	server  *http.Server
	served  chan struct{}
	work    chan *job
	polled  chan struct{} // closed at the first poll
	first   sync.Once

	mu  sync.Mutex
	now map[string]*job
}

type job struct {
	call
	outcome chan outcome
}

type outcome struct {
	body   []byte
	failed bool
}

func newManaged(r *Runtime, in *instance) (*managed, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("runtime API: %w", err)
	}
	m := &managed{
		runtime: r, in: in, address: listener.Addr().String(), served: make(chan struct{}),
		work: make(chan *job), polled: make(chan struct{}), now: map[string]*job{},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimePath+"next", m.next)
	mux.HandleFunc("POST "+runtimePath+"{id}/response", func(w http.ResponseWriter, r *http.Request) { m.finish(w, r, false) })
	mux.HandleFunc("POST "+runtimePath+"{id}/error", func(w http.ResponseWriter, r *http.Request) { m.finish(w, r, true) })
	m.server = &http.Server{Handler: mux}
	go func() {
		defer close(m.served)
		_ = m.server.Serve(listener) // always http.ErrServerClosed: close ends it
	}()
	return m, nil
}

func (m *managed) variables() map[string]string {
	return map[string]string{"FC_RUNTIME_API": m.address}
}

func (m *managed) ready(ctx context.Context) error {
	select {
	case <-m.polled:
		return nil
	case <-m.in.process.exited:
		return fmt.Errorf("%w: %s", errNotReady, m.in.process.how())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// next holds a poll open until there is work.
func (m *managed) next(w http.ResponseWriter, r *http.Request) {
	m.first.Do(func() { close(m.polled) })
	select {
	case j := <-m.work:
		for k, v := range m.runtime.commonHeaders(m.in.pool.fn, j.call) {
			w.Header().Set(k, v)
		}
		w.Header().Set("x-fc-function-deadline", strconv.FormatInt(j.deadline.UnixMilli(), 10))
		w.Header().Set("x-fc-function-type", strconv.Itoa(int(j.kind)))
		w.Header().Set("Content-Length", strconv.Itoa(len(j.payload)))
		_, _ = w.Write(j.payload) // a process that is gone shows in exited
	case <-r.Context().Done():
	}
}

func (m *managed) finish(w http.ResponseWriter, r *http.Request, failed bool) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the process went away in the middle
	}
	m.mu.Lock()
	j := m.now[r.PathValue("id")]
	delete(m.now, r.PathValue("id"))
	m.mu.Unlock()
	if j == nil {
		http.Error(w, "no such request", http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusOK)
	j.outcome <- outcome{body: body, failed: failed}
}

func (m *managed) call(ctx context.Context, c call) ([]byte, error) {
	j := &job{call: c, outcome: make(chan outcome, 1)}
	m.mu.Lock()
	m.now[c.requestID] = j
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.now, c.requestID)
		m.mu.Unlock()
	}()
	select {
	case m.work <- j:
	case <-m.in.process.exited:
		return nil, m.in.exited(c.requestID)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case o := <-j.outcome:
		return m.result(c, o)
	case <-m.in.process.exited:
		return nil, m.in.exited(c.requestID)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (m *managed) result(c call, o outcome) ([]byte, error) {
	if !o.failed {
		return o.body, nil
	}
	failure := m.in.failure(c.requestID, "Unknown", string(o.body))
	var reported struct {
		ErrorMessage string          `json:"errorMessage"`
		ErrorType    string          `json:"errorType"`
		StackTrace   json.RawMessage `json:"stackTrace"`
	}
	if json.Unmarshal(o.body, &reported) == nil && reported.ErrorType != "" {
		failure.Type, failure.Message, failure.Stack = reported.ErrorType, reported.ErrorMessage, reported.StackTrace
	}
	return nil, failure
}

func (m *managed) close() {
	_ = m.server.Close() // closing sockets of a dead process
	<-m.served
}
