package carriertest

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/stretchr/testify/require"
)

// trouble is one way in which a call ends without an answer.
type trouble struct {
	name   string
	answer http.HandlerFunc
	kind   carrier.Kind
}

func troubles(garbage []string) []trouble {
	list := []trouble{
		{"500", status(http.StatusInternalServerError), carrier.KindTemporary},
		{"502", status(http.StatusBadGateway), carrier.KindTemporary},
		{"404", status(http.StatusNotFound), carrier.KindTemporary},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, carrier.KindTemporary},
		{"connection closed without an answer", hijack(""), carrier.KindTemporary},
		{"headers cut", hijack("HTTP/1.1 200 OK\r\nContent-Le"), carrier.KindTemporary},
		{"body cut", hijack("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"status\":200,\"code\":1"), carrier.KindTemporary},
	}
	for _, body := range append([]string{"", "null", "[]", "{}", "<html>busy</html>", "{\"status\":200,\"code\":1", "\"ok\""}, garbage...) {
		list = append(list, trouble{"garbage " + body, say([]byte(body)), carrier.KindTemporary})
	}
	return list
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// hijack writes raw bytes and closes the connection.
func hijack(raw string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte(raw))
		_ = conn.Close()
	}
}

// doubt checks the one rule that money hangs on: only proof that nothing was sent, or
// a decoded refusal, is certain.
func (h Harness) doubt(t *testing.T) {
	t.Parallel()
	for _, call := range h.calls() {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			for _, tr := range troubles(h.Garbage) {
				t.Run(tr.name, func(t *testing.T) {
					t.Parallel()
					h.inDoubt(t, call, tr)
				})
			}
			t.Run("no answer before the deadline", func(t *testing.T) {
				t.Parallel()
				h.hang(t, call)
			})
			t.Run("nobody listens", func(t *testing.T) {
				t.Parallel()
				h.notSent(t, t.Context(), call, "http://127.0.0.1:1", nobody())
			})
			t.Run("cancelled before it began", func(t *testing.T) {
				t.Parallel()
				s := serve(t, status(http.StatusOK))
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				h.notSent(t, ctx, call, s.URL, s.Client())
				require.Empty(t, s.requests())
			})
		})
	}
}

func (h Harness) inDoubt(t *testing.T, call string, tr trouble) {
	t.Helper()
	s := serve(t, tr.answer)
	_, err := h.do(t.Context(), h.adapter(t, s.URL, s.Client()), call)
	if call == "confirm_return" && err == nil {
		t.Fatalf("an undecodable answer was taken for success")
	}
	require.Error(t, err)
	require.Equal(t, tr.kind, carrier.KindOf(err), "%v", err)
	require.True(t, carrier.Doubt(err))
	require.Len(t, s.requests(), 1, "a call in doubt is not repeated")
}

// hang lets the request arrive, and only then gives up.
func (h Harness) hang(t *testing.T, call string) {
	t.Helper()
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		giveUp()
		<-r.Context().Done()
	})
	_, err := h.do(ctx, h.adapter(t, s.URL, s.Client()), call)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, carrier.KindTemporary, carrier.KindOf(err))
	require.True(t, carrier.Doubt(err))
}

func (h Harness) notSent(t *testing.T, ctx context.Context, call, base string, client *http.Client) {
	t.Helper()
	_, err := h.do(ctx, h.adapter(t, base, client), call)
	require.Error(t, err)
	require.Equal(t, carrier.KindNotSent, carrier.KindOf(err), "%v", err)
	require.False(t, carrier.Doubt(err))
}

// nobody is a client whose every connection is refused, without taking a port that
// somebody else may open meanwhile.
func nobody() *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, syscall.ECONNREFUSED },
	}}
}

// input checks that what nobody could carry is refused before anything is sent.
func (h Harness) input(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*carrier.QuoteRequest){
		"no number of ours":      func(q *carrier.QuoteRequest) { q.OurNo = "" },
		"no city":                func(q *carrier.QuoteRequest) { q.CityName = "" },
		"no address":             func(q *carrier.QuoteRequest) { q.Detail.To.Address = "" },
		"no phone":               func(q *carrier.QuoteRequest) { q.Detail.From.Phone = "" },
		"negative weight":        func(q *carrier.QuoteRequest) { q.Detail.Goods.WeightG = -1 },
		"recipient at 0, 0":      func(q *carrier.QuoteRequest) { q.Detail.To.Point.Lng, q.Detail.To.Point.Lat = 0, 0 },
		"shop's degrees swapped": func(q *carrier.QuoteRequest) { q.Detail.From.Point.Lng, q.Detail.From.Point.Lat = 30.2, 120.1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, say(fixture(t, "quote.answer")))
			q := h.Place.QuoteRequest
			spoil(&q)
			_, err := h.adapter(t, s.URL, s.Client()).Quote(t.Context(), q)
			require.Equal(t, carrier.KindRefused, carrier.KindOf(err))
			require.Empty(t, s.requests())
		})
	}
	t.Run("place without a quote", func(t *testing.T) {
		t.Parallel()
		if h.Want.Quote.Token == "" {
			return // a placement names no quote
		}
		s := serve(t, say(fixture(t, "place.answer")))
		p := h.Place
		p.Token = ""
		_, err := h.adapter(t, s.URL, s.Client()).Place(t.Context(), p)
		require.False(t, carrier.Doubt(err))
		require.Error(t, err)
		require.Empty(t, s.requests())
	})
	t.Run("calls about no order", func(t *testing.T) {
		t.Parallel()
		s := serve(t, say(fixture(t, "query.answer")))
		none := h
		none.Ref = carrier.Ref{}
		for _, call := range []string{"query", "cancel", "cancel_fee"} {
			_, err := none.do(t.Context(), h.adapter(t, s.URL, s.Client()), call)
			require.Equal(t, carrier.KindNotSent, carrier.KindOf(err))
		}
		require.Empty(t, s.requests())
	})
}

func (h Harness) pushes(t *testing.T) {
	t.Parallel()
	a := h.adapter(t, "http://127.0.0.1:1", http.DefaultClient)
	good, bad := 0, 0
	for _, p := range h.Pushes {
		if p.Kind == "" {
			good++
		} else {
			bad++
		}
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			got, err := a.Callback(p.Request)
			if p.Kind == "" {
				require.NoError(t, err)
				require.Equal(t, p.Want, got)
				facts := a.Facts()
				require.Equal(t, facts.SignedPush && !(facts.PriceAtEnd && got.State == carrier.Delivered), got.Verified)
				return
			}
			require.Equal(t, p.Kind, carrier.KindOf(err))
			require.ErrorContains(t, err, p.Says)
			w := httptest.NewRecorder()
			a.Reply(w, err)
			require.NotEqual(t, http.StatusOK, w.Code, "a refused push must not look received")
		})
	}
	require.Positive(t, good)
	require.Positive(t, bad)
}

func (h Harness) replies(t *testing.T) {
	t.Parallel()
	require.NotEmpty(t, h.Replies)
	a := h.adapter(t, "http://127.0.0.1:1", http.DefaultClient)
	for _, r := range h.Replies {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			a.Reply(w, r.Err)
			require.Equal(t, r.HTTP, w.Code)
			if r.Body == "" {
				require.Empty(t, w.Body.String())
				return
			}
			require.JSONEq(t, r.Body, w.Body.String())
			require.Contains(t, w.Header().Get("Content-Type"), "application/json")
		})
	}
}
