package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/client"
)

// clock stands still and notes how long it was asked to wait.
type clock struct {
	mu    sync.Mutex
	waits []time.Duration
	stop  context.CancelFunc // called by a wait, when set
}

func (c *clock) Now() time.Time { return time.Unix(1_793_600_000, 0) }

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waits = append(c.waits, d)
	if c.stop != nil {
		c.stop()
	}
	return ctx.Err()
}

// host answers requests one after the other as it is told; the last answer is repeated.
type host struct {
	mu      sync.Mutex
	answers []func(w http.ResponseWriter)
	heard   []string // "METHOD target body"
	headers []http.Header
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heard = append(h.heard, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	h.headers = append(h.headers, r.Header.Clone())
	answer := h.answers[0]
	if len(h.answers) > 1 {
		h.answers = h.answers[1:]
	}
	answer(w)
}

func (h *host) asked() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.heard
}

func says(status int, body string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func hangsUp(http.ResponseWriter) { panic(http.ErrAbortHandler) }

const fine = `{"code":0,"message":"ok","data":{"order_id":"7","state":"received","fee_fen":1500,"new":1}}`

func dial(t *testing.T, answers ...func(http.ResponseWriter)) (*client.Client, *host, *clock) {
	t.Helper()
	h, c := &host{answers: answers}, &clock{}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	q, err := client.New(server.URL, "qf-test-key", "qf-test-secret-0001", client.WithClock(c), client.WithTimeout(5*time.Second))
	require.NoError(t, err)
	return q, h, c
}

// The signature is spelled out once: printf '1793600000\nPOST\n/upstream/v1/orders/A1/cancel\n{"reason":"x"}' | openssl dgst -sha256 -hmac qf-test-secret-0001
func TestRequestsAreSigned(t *testing.T) {
	t.Parallel()
	q, h, _ := dial(t, says(200, fine))
	got, err := q.CancelOrder(t.Context(), "A1", "x")
	require.NoError(t, err)
	require.Equal(t, client.Accepted{OrderID: "7", State: client.Received, FeeFen: 1500}, got)
	require.Equal(t, []string{`POST /upstream/v1/orders/A1/cancel {"reason":"x"}`}, h.asked())
	require.Equal(t, "qf-test-key", h.headers[0].Get("X-Qianfan-Key"))
	require.Equal(t, "1793600000", h.headers[0].Get("X-Qianfan-Timestamp"))
	require.Equal(t, "737a00e91d162e96de23172d7b3bae01bfcf06d9cd477ce24d522cbad0db4b89", h.headers[0].Get("X-Qianfan-Signature"))
}

// What got no decided answer is sent again, the same bytes, after longer and longer waits.
func TestUndecidedIsSentAgain(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]func(http.ResponseWriter){
		"send again": says(503, `{"code":50301,"message":"send_again: try again"}`), "a proxy's page": says(502, "<html>"), "throttled": says(429, ""), "the line is cut": hangsUp,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, h, c := dial(t, bad, bad, says(200, fine))
			_, err := q.Tip(t.Context(), "A1", 200, "")
			require.NoError(t, err)
			require.Len(t, h.asked(), 3)
			require.Equal(t, h.asked()[0], h.asked()[1])
			require.Equal(t, h.asked()[0], h.asked()[2], "a made-up key is made up once")
			require.Regexp(t, `{"add_fen":200,"key":"[0-9a-f]{32}"}$`, h.asked()[0])
			require.Len(t, c.waits, 2)
			for i, most := range []time.Duration{200 * time.Millisecond, 400 * time.Millisecond} {
				require.LessOrEqual(t, c.waits[i], most)
				require.GreaterOrEqual(t, c.waits[i], most/2)
			}

			q, h, c = dial(t, bad)
			_, err = q.Order(t.Context(), "A1")
			require.Error(t, err)
			require.Len(t, h.asked(), 3, "not for ever")
			require.Len(t, c.waits, 2)
		})
	}
}

// A refusal is final: its code, status and field are told, and it is not sent again.
func TestRefusals(t *testing.T) {
	t.Parallel()
	q, h, _ := dial(t, says(422, `{"code":42201,"message":"unknown_shop: shop x is not registered","field":"shop"}`))
	_, err := q.Quote(t.Context(), client.Delivery{})
	var e *client.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, client.Error{Status: 422, Code: client.CodeUnknownShop, Field: "shop", Message: "unknown_shop: shop x is not registered"}, *e)
	require.Equal(t, client.CodeUnknownShop, client.CodeOf(err))
	require.ErrorContains(t, err, "qianfan POST /upstream/v1/quote: 42201 shop: unknown_shop")
	require.Len(t, h.asked(), 1)

	for body, status := range map[string]int{`{}`: 200, ``: 200, `[`: 200, `{"code":0,"message":"ok","data":[]}`: 200, `elsewhere`: 302, `nothing`: 404, strings.Repeat(" ", 1<<20+1): 200} {
		q, h, _ := dial(t, says(status, body))
		_, err := q.Order(t.Context(), "A1")
		require.Error(t, err, body)
		require.Zero(t, client.CodeOf(err))
		require.Len(t, h.asked(), 1, body)
	}
}

func TestTheCallersContextEndsIt(t *testing.T) {
	t.Parallel()
	q, h, c := dial(t, says(503, ""))
	ctx, cancel := context.WithCancel(t.Context())
	c.stop = cancel
	_, err := q.Order(ctx, "A1")
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, h.asked(), 1)
	_, err = q.Order(ctx, "A1")
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, h.asked(), 1)
}

// A try that hangs is given up, and made again.
func TestAHangingTryIsGivenUp(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	c := &clock{}
	q, err := client.New(server.URL, "k", "s", client.WithClock(c), client.WithTimeout(time.Millisecond), client.WithTries(2, time.Second))
	require.NoError(t, err)
	_, err = q.Order(t.Context(), "A1")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Len(t, c.waits, 1)
}

func TestNewRefusesWhatCannotWork(t *testing.T) {
	t.Parallel()
	for _, row := range [][3]string{{"", "k", "s"}, {"api.example.com", "k", "s"}, {"ftp://x", "k", "s"}, {"http://x?a=1", "k", "s"}, {"http://x/gateway", "k", "s"},
		{"http://u:p@x", "k", "s"}, {"http://x#a", "k", "s"}, {"http://x", "", "s"}, {"http://x", "k", ""}, {"http://%zz", "k", "s"}} {
		_, err := client.New(row[0], row[1], row[2])
		require.Error(t, err, row)
		require.NotContains(t, err.Error(), "u:p")
	}
	q, err := client.New("http://127.0.0.1:1/", "k", "s", client.WithHTTP(http.DefaultClient))
	require.NoError(t, err)
	_, err = q.CreateOrder(t.Context(), client.NewOrder{Delivery: client.Delivery{Goods: client.Goods{Remark: strings.Repeat("x", 1<<20)}}})
	require.ErrorContains(t, err, "over 1048576 bytes")
}

// Whatever an answer says, it is read or refused; nothing panics and nothing grows.
func FuzzAnswer(f *testing.F) {
	f.Add(200, fine)
	f.Add(503, `{"code":50301,"message":"send_again"}`)
	f.Add(200, `{"code":0,"data":{"position":{"at":"x"}}}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 999 {
			return
		}
		q, err := client.New("http://qianfan.invalid", "k", "s", client.WithTries(1, 0), client.WithHTTP(&http.Client{Transport: transport(func() *http.Response {
			return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))}
		})}))
		require.NoError(t, err)
		got, err := q.Rider(t.Context(), "A1")
		if err == nil {
			require.Equal(t, 200, status)
			require.True(t, json.Valid([]byte(body)))
			return
		}
		require.Zero(t, got.OrderNo+got.OrderID, fmt.Sprint(errors.Unwrap(err)))
	})
}

type transport func() *http.Response

func (f transport) RoundTrip(*http.Request) (*http.Response, error) { return f(), nil }
