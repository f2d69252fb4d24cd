package console

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryRouteAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.store.put(1001, "mt-77")
	for path, key := range map[string]string{
		"/api/status": "orders", "/api/orders": "orders", "/api/orders/1001": "order", "/api/orders/mt-77": "order", "/api/invariants": "checked",
		"/api/ledger/balances": "balances", "/api/ledger/entries": "entries", "/api/carriers/uupt/books": "balance_fen",
		"/api/platforms/meituan/books": "platform", "/api/riders": "riders", "/api/cities": "cities", "/api/clock": "virtual",
		"/api/faults": "probabilities", "/api/dlq": "dead_letters", "/api/functions": "functions", "/api/topics": "topics", "/api/refused": "refused",
	} {
		require.Contains(t, r.get(t, path), key, path)
	}
}

func TestEmptyListsAreLists(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(d *Deps) {
		d.Refused = func(int) []Refusal { return nil }
		d.Shops = nil
		d.Carriers = nil
	})
	for path, keys := range map[string][]string{
		"/api/orders": {"orders"}, "/api/ledger/balances": {"balances"}, "/api/ledger/entries": {"entries"}, "/api/dlq": {"dead_letters", "parked_events"},
		"/api/refused": {"refused"}, "/api/cities": {"cities"}, "/api/riders": {"riders"},
	} {
		o := r.get(t, path)
		for _, key := range keys {
			require.Equal(t, []any{}, o[key], path)
		}
	}
}

func TestWhatIsNotThereSaysSo(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(d *Deps) {
		d.Broker, d.Functions, d.Invariants, d.Refused, d.Publish = nil, nil, nil, nil, nil
	})
	for _, path := range []string{"/api/topics", "/api/functions", "/api/invariants", "/api/refused"} {
		r.refuses(t, http.StatusNotImplemented, http.MethodGet, path, "")
	}
	for _, path := range []string{"/api/replay", "/api/dlq/redrive"} {
		r.refuses(t, http.StatusNotImplemented, http.MethodPost, path, "{}")
	}
	require.Contains(t, r.get(t, "/api/status"), "orders")
}

func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.refuses(t, http.StatusNotFound, http.MethodGet, "/api/nope", "")
	r.refuses(t, http.StatusNotFound, http.MethodPost, "/api/", "{}")
	_, hint := r.refuses(t, http.StatusMethodNotAllowed, http.MethodPut, "/api/faults", "{}")
	require.Equal(t, "use DELETE, GET, POST", hint)
	status, body := r.do(t, http.MethodHead, "/api/status", "")
	require.Equal(t, http.StatusOK, status, body)
	for _, path := range []string{"/api/carriers/sftc/books", "/api/platforms/jd/books"} {
		_, hint := r.refuses(t, http.StatusNotFound, http.MethodGet, path, "")
		require.Contains(t, hint, "simulated here")
	}
}

func TestOnlyLoopbackNamesAndOurOwnPage(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for host, want := range map[string]int{
		"127.0.0.1:9010": http.StatusOK, "localhost": http.StatusOK, "LOCALHOST:1": http.StatusOK, "[::1]:9010": http.StatusOK, "127.9.9.9": http.StatusOK,
		"evil.example": http.StatusForbidden, "evil.example:9010": http.StatusForbidden, "10.0.0.1:9010": http.StatusForbidden,
		"127.0.0.1.evil.example": http.StatusForbidden, "localhost.evil.example": http.StatusForbidden, "": http.StatusForbidden,
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/clock", nil)
		request.Host = host
		answer := httptest.NewRecorder()
		r.handler.ServeHTTP(answer, request)
		require.Equal(t, want, answer.Code, "host %q", host)
	}
	for site, want := range map[string]int{"same-origin": http.StatusOK, "none": http.StatusOK, "": http.StatusOK, "cross-site": http.StatusForbidden, "same-site": http.StatusForbidden} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/clock", strings.NewReader(`{"speed":2}`))
		request.Host = "127.0.0.1:9010"
		request.Header.Set("Sec-Fetch-Site", site)
		answer := httptest.NewRecorder()
		r.handler.ServeHTTP(answer, request)
		require.Equal(t, want, answer.Code, "site %q", site)
	}
}

func TestBodiesAreStrictAndBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for body, want := range map[string]int{
		`{"spead":60}`:   http.StatusBadRequest,
		`{"speed":"60"}`: http.StatusBadRequest,
		`{"speed":60} x`: http.StatusBadRequest,
		`{"speed":60`:    http.StatusBadRequest,
		`[]`:             http.StatusBadRequest,
		`{"advance":"` + strings.Repeat("9", maxBody) + `"}`: http.StatusRequestEntityTooLarge,
	} {
		r.refuses(t, want, http.MethodPost, "/api/clock", body)
	}
	require.InDelta(t, 1, r.clock.Status().Ceiling, 0, "nothing was changed")
}

func TestABrokenStoreIsAnError(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.store.err = errBroken
	for _, path := range []string{"/api/orders", "/api/orders/1", "/api/ledger/balances", "/api/ledger/entries", "/api/dlq"} {
		what, _ := r.refuses(t, http.StatusInternalServerError, http.MethodGet, path, "")
		require.Contains(t, what, errBroken.Error())
	}
}

func TestThePageIsWholeAndOwn(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	_, html := r.do(t, http.MethodGet, "/", "")
	for _, file := range []string{"style.css", "page.js"} {
		require.Contains(t, html, `"`+file+`"`)
		status, body := r.do(t, http.MethodGet, "/"+file, "")
		require.Equal(t, http.StatusOK, status)
		require.NotContains(t, strings.ReplaceAll(body, "http://www.w3.org/", ""), "://", "no outside host")
	}
	require.NotContains(t, html, "://", "no outside host")
	_, script := r.do(t, http.MethodGet, "/page.js", "")
	for _, used := range elementIDs(script) {
		require.Contains(t, html, `id="`+used+`"`, "the script speaks of #%s", used)
	}
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	request.Host = "localhost:9010"
	answer := httptest.NewRecorder()
	r.handler.ServeHTTP(answer, request)
	require.Contains(t, answer.Header().Get("Content-Security-Policy"), "default-src 'self'")
}

// elementIDs are the elements that a script looks up: $('id') and show('id', …).
func elementIDs(script string) []string {
	var ids []string
	for _, call := range []string{"$('", "show('"} {
		for _, rest := range strings.Split(script, call)[1:] {
			id, _, _ := strings.Cut(rest, "'")
			ids = append(ids, id)
		}
	}
	return ids
}
