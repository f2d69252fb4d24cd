package console

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBillsOfCarriers(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	require.Equal(t, []any{"2026-11-23"}, r.get(t, "/api/carriers/uupt/bill/days")["days"])
	for _, query := range []string{"?day=2026-11-23", "?day=2026-11-23&account=main", "?day=2026-11-23&account=south"} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/api/carriers/uupt/bill"+query, nil)
		request.Host = "127.0.0.1"
		answer := httptest.NewRecorder()
		r.handler.ServeHTTP(answer, request)
		require.Equal(t, http.StatusOK, answer.Code, answer.Body)
		require.Equal(t, "\xba\xcf\xbc\xc6\n", answer.Body.String(), "the bytes are the carrier's own")
		require.Equal(t, "text/csv; charset=gbk", answer.Header().Get("Content-Type"))
		require.Equal(t, "attachment; filename=uupt-2026-11-23.csv", answer.Header().Get("Content-Disposition"))
	}

	sum := sha256.Sum256([]byte("\xba\xcf\xbc\xc6\n"))
	_, body := r.do(t, http.MethodGet, "/api/carriers/uupt/bill/mistakes?day=2026-11-23&mistakes=amount:0.01&seed=7", "")
	require.JSONEq(t, `{"name":"uupt-2026-11-23.csv","sha256":"`+hex.EncodeToString(sum[:])+`","lines":3,"rows":2,"net_fen":500,"mistakes":[
		{"kind":"amount","line":7,"carrier_no":"c-1","client_no":"","fee":"","before_fen":100,"after_fen":150,"at":"0001-01-01T00:00:00Z"}]}`, body)
	require.Equal(t, []any{}, r.get(t, "/api/carriers/uupt/bill/mistakes?day=2026-11-23")["mistakes"])
}

func TestBillsThatCannotBe(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for query, want := range map[string]struct {
		status int
		hint   string
	}{
		"uupt/bill?day=2026-11-24": {http.StatusNotFound, "2026-11-23"},
		"uupt/bill":                {http.StatusBadRequest, "?day=2026-11-23"},
		"uupt/bill?day=2026-11-23&mistakes=typo:0.1":        {http.StatusBadRequest, "?day=2026-11-23"},
		"uupt/bill?day=2026-11-23&mistakes=amount":          {http.StatusBadRequest, "all:0.01"},
		"uupt/bill/mistakes?day=2026-11-23&mistakes=typo:1": {http.StatusBadRequest, "?day=2026-11-23"},
		"uupt/bill?day=2026-11-23&seed=x":                   {http.StatusBadRequest, "whole number"},
		"sftc/bill?day=2026-11-23":                          {http.StatusNotFound, "simulated here"},
		"uupt/bill?day=2026-11-23&account=north":            {http.StatusNotFound, "uupt-south"},
		"sftc/bill/days":                                    {http.StatusNotFound, "simulated here"},
	} {
		_, hint := r.refuses(t, want.status, http.MethodGet, "/api/carriers/"+query, "")
		require.Contains(t, hint, want.hint, query)
	}
}
