package sftc_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriertest"
	"github.com/chuandao/qianfan/shared/carrier/sftc"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

// FuzzAnswers gives every call whatever answer; a call that believes it must have
// understood it.
func FuzzAnswers(f *testing.F) {
	for _, name := range []string{"quote", "place", "query", "cancel_fee", "cancel", "balance"} {
		f.Add(string(answer(f, name)))
	}
	f.Add(`{"error_code":"0","result":{"could_cancel":"1","deduction_fee":"","rider_lng":null}}`)
	f.Fuzz(func(t *testing.T, body string) { every(t, body) })
}

func answer(t testing.TB, name string) []byte {
	raw, err := os.ReadFile(filepath.Join("testdata", name+".answer"))
	require.NoError(t, err)
	return raw
}

// always is a carrier that gives one answer to everything, without a network.
type always string

func (a always) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}

// every makes every call with the same answer.
func every(t *testing.T, body string) {
	a, err := sftc.New(devConfig("http://127.0.0.1:1"), settings.Deps{HTTP: &http.Client{Transport: always(body)}, System: systemTime})
	require.NoError(t, err)
	ctx, ref := t.Context(), carrier.Ref{OurNo: ourNo, CarrierNo: sfNo}
	if q, err := a.Quote(ctx, carriertest.Sample(ourNo)); err == nil {
		require.GreaterOrEqual(t, q.Price, money.Fen(0))
		require.GreaterOrEqual(t, q.DeliveredIn, q.AcceptIn)
	}
	if p, err := a.Place(ctx, carrier.PlaceRequest{QuoteRequest: carriertest.Sample(ourNo)}); err == nil {
		require.NotEmpty(t, p.CarrierNo)
		require.True(t, p.Charged == nil || *p.Charged >= 0)
	}
	if s, err := a.Query(ctx, ref); err == nil {
		require.NotEmpty(t, s.State)
		require.Equal(t, ref, carrier.Ref{OurNo: s.OurNo, CarrierNo: s.CarrierNo})
	}
	if fee, err := a.CancelFee(ctx, ref); err == nil {
		require.GreaterOrEqual(t, fee, money.Fen(0))
	}
	if c, err := a.Cancel(ctx, carrier.CancelRequest{Ref: ref}); err == nil {
		require.True(t, c.Penalty == nil || *c.Penalty >= 0)
	}
	if tipped, err := a.Tip(ctx, carrier.TipRequest{Ref: ref, Add: 100, Total: 100}); err == nil {
		require.True(t, tipped.Total == nil || *tipped.Total >= 0)
	}
	if tips, err := a.Tips(ctx, ref); err == nil {
		require.GreaterOrEqual(t, tips, money.Fen(0))
	}
	if where, err := a.Locate(ctx, ref); err == nil {
		require.True(t, where.Position == nil || where.Position.InChina())
	}
	_, err = a.Balance(ctx)
	require.True(t, err == nil || carrier.KindOf(err) != "")
}
