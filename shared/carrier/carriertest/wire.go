package carriertest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/stretchr/testify/require"
)

// server is a carrier that gives one answer and keeps what it was asked.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string
}

func serve(t *testing.T, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		s.mu.Lock()
		s.asked = append(s.asked, dump(r, body))
		s.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func say(body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.asked...)
}

func dump(r *http.Request, body []byte) string {
	text := fmt.Sprintf("%s %s\nContent-Type: %s\n", r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"))
	if app := r.Header.Get("X-App-Id"); app != "" {
		text += "X-App-Id: " + app + "\n"
	}
	return text + "\n" + string(body) + "\n"
}

// wire compares each request with its golden file and reads each golden answer.
func (h Harness) wire(t *testing.T) {
	t.Parallel()
	for _, call := range h.calls() {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			s := serve(t, say(fixture(t, call+".answer")))
			got, err := h.do(t.Context(), h.adapter(t, s.URL, s.Client()), call)
			require.NoError(t, err)
			require.Equal(t, h.want(call), got)
			require.Len(t, s.requests(), 1)
			golden(t, call+".request", s.requests()[0])
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(filepath.Join("testdata", name), []byte(got), 0o644))
	}
	require.Equal(t, string(fixture(t, name)), got)
}

// life walks one order: what the quote gives is what the placement takes, and the
// number that the placement gives is what the rest is asked with.
func (h Harness) life(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	answer := "quote.answer"
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		say(fixture(t, answer))(w, r)
	})
	next := func(call string) {
		mu.Lock()
		defer mu.Unlock()
		answer = call + ".answer"
	}
	a, ctx := h.adapter(t, s.URL, s.Client()), t.Context()

	quote, err := a.Quote(ctx, h.Place.QuoteRequest)
	require.NoError(t, err)
	next("place")
	placed, err := a.Place(ctx, carrier.PlaceRequest{
		QuoteRequest: h.Place.QuoteRequest, Token: quote.Token, CarrierNo: quote.CarrierNo, Price: quote.Price,
	})
	require.NoError(t, err)
	require.Equal(t, h.Want.Placed.CarrierNo, placed.CarrierNo) // empty where the carrier tells it later
	next("query")
	ref := carrier.Ref{OurNo: h.Ref.OurNo, CarrierNo: placed.CarrierNo}
	status, err := a.Query(ctx, ref)
	require.NoError(t, err)
	require.True(t, status.Verified)
	require.Equal(t, ref, carrier.Ref{OurNo: status.OurNo, CarrierNo: status.CarrierNo})
	next("cancel")
	result, err := a.Cancel(ctx, carrier.CancelRequest{Ref: ref})
	require.NoError(t, err)
	require.False(t, result.Refused)
	require.Len(t, s.requests(), 4)
}

// lacks: what a carrier has no call for is refused decidedly and asks nobody.
func (h Harness) lacks(t *testing.T) {
	t.Parallel()
	for _, call := range h.Lacks {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, Calls, call)
			s := serve(t, status(http.StatusOK))
			_, err := h.do(t.Context(), h.adapter(t, s.URL, s.Client()), call)
			require.Equal(t, carrier.KindRefused, carrier.KindOf(err), "%v", err)
			require.Empty(t, s.requests())
		})
	}
}

// storeNo is a shop's number at a carrier.
const storeNo = "88000000000000001"

// stores names the shop's own number where the carrier takes one, and nowhere else.
func (h Harness) stores(t *testing.T) {
	t.Parallel()
	for _, call := range StoreCalls {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			name := call
			x := h
			x.Place.Store = storeNo
			if call == "find" {
				name, x.Ref = "query", carrier.Ref{OurNo: h.Ref.OurNo, Store: storeNo}
			}
			s := serve(t, say(fixture(t, name+".answer")))
			_, err := x.do(t.Context(), h.adapter(t, s.URL, s.Client()), name)
			require.NoError(t, err)
			require.Len(t, s.requests(), 1)
			require.Equal(t, slices.Contains(h.Stores, call), strings.Contains(s.requests()[0], storeNo), s.requests()[0])
		})
	}
}

func (h Harness) refusals(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, h.Refusals)
	for _, r := range h.Refusals {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, say([]byte(r.Answer)))
			got, err := h.do(context.Background(), h.adapter(t, s.URL, s.Client()), r.Call)
			if r.Kind == "" {
				require.Equal(t, "cancel", r.Call)
				require.NoError(t, err)
				require.True(t, got.(carrier.CancelResult).Refused)
				return
			}
			require.Error(t, err)
			require.Equal(t, r.Kind, carrier.KindOf(err))
			require.Len(t, s.requests(), 1, "a refused call is not repeated")
		})
	}
}
