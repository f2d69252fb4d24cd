// Package upstreamtest is the contract that every platform's adapter fulfils: what it
// accepts, how clearly it refuses, that a repeat is recognised, and what it reports. An
// adapter's test fills in a Harness and calls Run.
package upstreamtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/stretchr/testify/require"
)

// SystemTime is the system time of the suite.
var SystemTime = time.Unix(1_793_600_000, 0)

// Harness is what the suite needs to know of one platform.
type Harness struct {
	Name string
	// New makes the adapter with the development credentials, at a base address.
	New func(base string, deps settings.Deps, allowDev bool) (upstream.Adapter, error)
	// Create and Cancel are good requests, signed at the given time. Changed is Create
	// with another content under the same number; nil for thin pushes, which have none.
	Create, Changed, Cancel func(at time.Time) upstream.Request
	// Forge spoils the signature of a request, and nothing else.
	Forge func(upstream.Request) upstream.Request
	// MaxAge is how old a timestamp may be.
	MaxAge time.Duration
	// Want is what Create and Cancel mean, their hashes apart.
	WantCreate, WantCancel upstream.Push
	// Faults are requests that must be refused.
	Faults  []Fault
	Answers []Answer
	// Attacks are how the suite attacks the platform's pushes; they are its own.
	Attacks *Attacks
	Reports *Reports // nil for a platform that is not told
	Fetches *Fetches // nil for a platform whose pushes are whole
}

// Fault is a request that must be refused for a reason, naming the field.
type Fault struct {
	Name    string
	Request upstream.Request
	Reason  upstream.Reason
	Field   string
}

// Refuse makes a Fault.
func Refuse(name string, r upstream.Request, reason upstream.Reason, field string) Fault {
	return Fault{Name: name, Request: r, Reason: reason, Field: field}
}

// Answer is how a result looks on the wire.
type Answer struct {
	Name   string
	Push   upstream.Push
	Result upstream.Result
	HTTP   int
	Body   string // JSON
}

// Reports is what the platform is told.
type Reports struct {
	Milestone upstream.Milestone // its State is replaced by those of Requests
	// Requests are the bodies by state, as posted to Path.
	Requests map[order.State]string
	Path     string
	// Calls are, for a platform that has several paths, the calls by state instead of
	// Requests, each as "POST path", a line break and the body.
	Calls   map[order.State][]string
	Success string
	Refusal string   // a decided refusal
	Garbage []string // answers that decide nothing
}

// Run holds an adapter to the contract.
func Run(t *testing.T, h Harness) {
	t.Helper()
	t.Run("accepts", h.accepts)
	t.Run("refuses", h.refuses)
	t.Run("attacks", h.attacks)
	t.Run("answers", h.answers)
	t.Run("reports", h.reports)
	t.Run("fetches", h.fetches)
	t.Run("development credentials", func(t *testing.T) {
		t.Parallel()
		_, err := h.New("http://127.0.0.1:1", deps(http.DefaultClient), false)
		require.ErrorIs(t, err, settings.ErrDevCredentials)
	})
}

func deps(client *http.Client) settings.Deps {
	return settings.Deps{HTTP: client, System: func() time.Time { return SystemTime }}
}

func (h Harness) adapter(t *testing.T, base string, client *http.Client) upstream.Adapter {
	t.Helper()
	a, err := h.New(base, deps(client), true)
	require.NoError(t, err)
	require.Equal(t, h.Name, a.Name())
	require.Equal(t, h.Reports != nil, a.Reports())
	return a
}

func (h Harness) offline(t *testing.T) upstream.Adapter {
	t.Helper()
	return h.adapter(t, "http://127.0.0.1:1", http.DefaultClient)
}

func at(r upstream.Request, now time.Time) upstream.Request {
	r.Now = now
	return r
}

func (h Harness) accepts(t *testing.T) {
	t.Parallel()
	a := h.offline(t)
	first, err := a.Decode(at(h.Create(SystemTime), SystemTime))
	require.NoError(t, err)
	require.Regexp(t, `^[0-9a-f]{64}$`, first.Hash)
	want := h.WantCreate
	want.Hash = first.Hash
	require.Equal(t, want, first)

	later := SystemTime.Add(time.Second)
	again, err := a.Decode(at(h.Create(later), later))
	require.NoError(t, err)
	require.Equal(t, first, again, "a repeat that was signed anew is the same order")

	require.Equal(t, h.WantCreate.Create.Thin, h.Changed == nil)
	if h.Changed != nil {
		changed, err := a.Decode(at(h.Changed(SystemTime), SystemTime))
		require.NoError(t, err)
		require.Equal(t, first.No, changed.No)
		require.NotEqual(t, first.Hash, changed.Hash)
	}

	cancel, err := a.Decode(at(h.Cancel(SystemTime), SystemTime))
	require.NoError(t, err)
	require.NotEmpty(t, cancel.Cancel.Key)
	want = h.WantCancel
	want.Hash, want.Cancel.Key = cancel.Hash, cancel.Cancel.Key
	require.Equal(t, want, cancel)
	repeat, err := a.Decode(at(h.Cancel(later), later))
	require.NoError(t, err)
	require.Equal(t, cancel, repeat, "a repeated cancel is the same command")
}

func (h Harness) faults() []Fault {
	past, future := SystemTime.Add(-h.MaxAge-time.Second), SystemTime.Add(h.MaxAge+time.Second)
	large := h.Create(SystemTime)
	large.TooLarge = true
	return append([]Fault{
		Refuse("create, forged", h.Forge(h.Create(SystemTime)), upstream.BadSignature, "*"),
		Refuse("cancel, forged", h.Forge(h.Cancel(SystemTime)), upstream.BadSignature, "*"),
		Refuse("create, stale", h.Create(past), upstream.Stale, "*"),
		Refuse("cancel, stale", h.Cancel(past), upstream.Stale, "*"),
		Refuse("create, from the future", h.Create(future), upstream.Stale, "*"),
		Refuse("create, over the limit", large, upstream.TooLarge, ""),
	}, h.Faults...)
}

func (h Harness) refuses(t *testing.T) {
	t.Parallel()
	a := h.offline(t)
	for _, f := range h.faults() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			push, err := a.Decode(at(f.Request, SystemTime))
			require.Error(t, err)
			require.Zero(t, push)
			var e *upstream.Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, f.Reason, e.Reason, "%v", err)
			if f.Field != "*" {
				require.Equal(t, f.Field, e.Field, "%v", err)
			}
			require.NotEmpty(t, e.Message)
			require.NotZero(t, e.Code())
		})
	}
}

func (h Harness) answers(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, h.Answers)
	a := h.offline(t)
	for _, tc := range h.Answers {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			a.Answer(w, tc.Push, tc.Result)
			require.Equal(t, tc.HTTP, w.Code)
			require.JSONEq(t, tc.Body, w.Body.String())
			require.Contains(t, w.Header().Get("Content-Type"), "application/json")
		})
	}
}

func (h Harness) reports(t *testing.T) {
	t.Parallel()
	if h.Reports == nil {
		require.Error(t, h.offline(t).Report(t.Context(), upstream.Milestone{State: order.Delivered}))
		return
	}
	require.NotEmpty(t, h.Reports.calls())
	for state, want := range h.Reports.calls() {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			got, err := h.tell(t, state, say(h.Reports.Success))
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
	t.Run("a state that is no milestone", func(t *testing.T) {
		t.Parallel()
		got, err := h.tell(t, order.Received, say(h.Reports.Success))
		require.Equal(t, upstream.Refused, reason(err))
		require.Empty(t, got)
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		_, err := h.tell(t, order.Delivered, say(h.Reports.Refusal))
		require.Equal(t, upstream.Refused, reason(err))
	})
	h.unreachable(t)
}

// broken are answers that decide nothing.
func broken(success string, garbage []string) map[string]http.HandlerFunc {
	answers := map[string]http.HandlerFunc{
		"500":      func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusTemporaryRedirect) },
		"body cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(success)+1))
			_, _ = io.WriteString(w, success)
		},
	}
	for _, body := range slices.Concat(garbage, []string{"", "null", "[]", "{}", "<html>"}) {
		answers[fmt.Sprintf("garbage %q", body)] = say(body)
	}
	return answers
}

// calls are all calls by state.
func (r *Reports) calls() map[order.State][]string {
	all := maps.Clone(r.Calls)
	if all == nil {
		all = map[order.State][]string{}
	}
	for state, body := range r.Requests {
		all[state] = []string{"POST " + r.Path + "\n" + body}
	}
	return all
}

func (h Harness) unreachable(t *testing.T) {
	for name, answer := range broken(h.Reports.Success, h.Reports.Garbage) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := h.tell(t, order.Delivered, answer)
			require.Equal(t, upstream.Unreachable, reason(err), "%v", err)
			require.Len(t, got, 1)
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		t.Parallel()
		nobody := &http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED },
		}}
		m := h.Reports.Milestone
		m.State = order.Delivered
		err := h.adapter(t, "http://127.0.0.1:1", nobody).Report(t.Context(), m)
		require.Equal(t, upstream.Unreachable, reason(err))
	})
}

// tell reports one state to a platform that gives one answer, and gives what it was told.
func (h Harness) tell(t *testing.T, state order.State, answer http.HandlerFunc) ([]string, error) {
	t.Helper()
	m := h.Reports.Milestone
	m.State = state
	return h.call(t, answer, func(a upstream.Adapter) error { return a.Report(t.Context(), m) })
}

// call lets an adapter call a platform that gives one answer, and gives what it was asked.
func (h Harness) call(t *testing.T, answer http.HandlerFunc, do func(upstream.Adapter) error) ([]string, error) {
	t.Helper()
	told := make(chan string, 8)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- r.Method + " " + r.URL.RequestURI() + "\n" + string(body)
		answer(w, r)
	}))
	// The signature covers the address, so that the address must be the same each time.
	const base = "http://platform.example.com"
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		},
		DisableKeepAlives: true,
	}}
	err := do(h.adapter(t, base, client))
	s.Close()
	close(told)
	var all []string
	for text := range told {
		all = append(all, text)
	}
	return all, err
}

func say(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

func reason(err error) upstream.Reason {
	var e *upstream.Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}
