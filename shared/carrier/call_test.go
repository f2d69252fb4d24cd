package carrier_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/stretchr/testify/require"
)

func call(url string) carrier.Call {
	return carrier.Call{
		Carrier: "x", Op: "place", URL: url,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"a":"<&>"}`),
	}
}

func TestSendIsOneRequestOfExactBytes(t *testing.T) {
	t.Parallel()
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.Header.Get("Content-Type") + " " + string(body)
		_, _ = w.Write([]byte("answer"))
	}))
	defer s.Close()
	answer, err := call(s.URL).Send(t.Context(), s.Client())
	require.NoError(t, err)
	require.Equal(t, "answer", string(answer))
	require.Equal(t, `POST application/json {"a":"<&>"}`, got)
}

// A connection that the carrier closes under our request must not make net/http send
// the request a second time.
func TestSendDoesNotRepeatOnAReusedConnection(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if n.Add(1) == 1 {
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}))
	defer s.Close()
	_, err := call(s.URL).Send(t.Context(), s.Client())
	require.NoError(t, err)
	_, err = call(s.URL).Send(t.Context(), s.Client())
	require.Equal(t, carrier.KindTemporary, carrier.KindOf(err))
	require.EqualValues(t, 2, n.Load())
}

// Giving up while the connection is still being made is proof that nothing was sent.
func TestSendGivenUpWhileDialling(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}}
	_, err := call("http://carrier.example.com").Send(ctx, client)
	require.Equal(t, carrier.KindNotSent, carrier.KindOf(err), "%v", err)
	require.ErrorIs(t, err, context.Canceled)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A transport that tells nothing of its connections proves nothing either.
func TestSendWithoutProofIsDoubt(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("lost")
	})}
	_, err := call("http://carrier.example.com/?sign=SECRET").Send(t.Context(), client)
	require.Equal(t, carrier.KindTemporary, carrier.KindOf(err))
	require.NotContains(t, err.Error(), "SECRET", "the address may carry a signature")
}

func TestSendBoundsTheAnswer(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(io.LimitReader(endless{}, 1<<30))}, nil
	})}
	_, err := call("http://carrier.example.com").Send(t.Context(), client)
	require.Equal(t, carrier.KindTemporary, carrier.KindOf(err))
	require.ErrorContains(t, err, "longer than")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, strings.Repeat("x", len(p))), nil }

func TestSendBadAddress(t *testing.T) {
	t.Parallel()
	_, err := call("http://a b/").Send(t.Context(), http.DefaultClient)
	require.Equal(t, carrier.KindNotSent, carrier.KindOf(err))
}
