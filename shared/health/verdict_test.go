package health_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/health"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	kind := func(k carrier.Kind) error {
		return &carrier.Error{Carrier: "x", Kind: k, Code: "7", Message: "words"}
	}
	of := func(k carrier.Kind, code string, err error) error {
		return &carrier.Error{Carrier: "x", Kind: k, Code: code, Err: err}
	}
	for name, row := range map[string]struct {
		err  error
		want health.Result
	}{
		"a good answer":                 {nil, health.Well},
		"no capacity":                   {kind(carrier.KindNoCapacity), health.Well},
		"out of area":                   {kind(carrier.KindOutOfArea), health.Well},
		"balance low":                   {kind(carrier.KindBalanceLow), health.Well},
		"quote expired":                 {kind(carrier.KindExpired), health.Well},
		"refused":                       {kind(carrier.KindRefused), health.Well},
		"not found":                     {kind(carrier.KindNotFound), health.Well},
		"rate limited":                  {kind(carrier.KindRateLimited), health.Well},
		"duplicate":                     {kind(carrier.KindDuplicate), health.Well},
		"waits for a payment":           {of(carrier.KindTemporary, "", nil), health.Well},
		"the carrier's own system":      {kind(carrier.KindTemporary), health.Unwell},
		"timeout":                       {of(carrier.KindTemporary, "", context.DeadlineExceeded), health.Unwell},
		"reset":                         {of(carrier.KindTemporary, "", io.ErrUnexpectedEOF), health.Unwell},
		"HTTP 500":                      {of(carrier.KindTemporary, "HTTP 500", nil), health.Unwell},
		"HTTP 302":                      {of(carrier.KindTemporary, "HTTP 302", nil), health.Unwell},
		"HTTP 404":                      {of(carrier.KindTemporary, "HTTP 404", nil), health.Silent},
		"HTTP 429, cut":                 {of(carrier.KindTemporary, "HTTP 429", io.EOF), health.Silent},
		"no connection":                 {of(carrier.KindNotSent, "", &net.OpError{Op: "dial"}), health.Unwell},
		"no number to send":             {of(carrier.KindNotSent, "", nil), health.Silent},
		"our own check refused it":      {of(carrier.KindRefused, "", errors.New("no phone")), health.Silent},
		"ended by us":                   {of(carrier.KindTemporary, "", context.Canceled), health.Silent},
		"ended by us, bare":             {context.Canceled, health.Silent},
		"bare timeout":                  {context.DeadlineExceeded, health.Unwell},
		"something unheard of":          {io.EOF, health.Unwell},
		"wrapped refusal":               {fmt.Errorf("more: %w", kind(carrier.KindRefused)), health.Well},
		"wrapped transport":             {fmt.Errorf("more: %w", of(carrier.KindTemporary, "", io.EOF)), health.Unwell},
		"an answer that fails a check":  {kind(carrier.KindBadRequest), health.Well},
		"cancelled while not connected": {of(carrier.KindNotSent, "", context.Canceled), health.Silent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, row.want, health.Judge(row.err))
		})
	}
}

// The errors of real exchanges are judged as the table above assumes that they look.
func TestJudgeRealExchanges(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			select {
			case <-r.Context().Done():
			case <-release:
			}
		case "/reset":
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		case "/500":
			w.WriteHeader(http.StatusInternalServerError)
		case "/403":
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	gone := httptest.NewServer(nil)
	gone.Close()
	for url, want := range map[string]health.Result{
		server.URL + "/ok": health.Well, server.URL + "/hang": health.Unwell, server.URL + "/reset": health.Unwell,
		server.URL + "/500": health.Unwell, server.URL + "/403": health.Silent, gone.URL: health.Unwell,
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if want == health.Well {
			ctx = t.Context() // it answers at once, but a loaded machine may not
		}
		_, err := carrier.Call{Carrier: "x", Op: "quote", URL: url}.Send(ctx, server.Client())
		cancel()
		require.Equal(t, want, health.Judge(err), "%s: %v", url, err)
	}
}
