package carriertest

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/chuandao/qianfan/shared/attack"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/settings"
	"github.com/stretchr/testify/require"
)

// FuzzAnswers gives every call of an adapter whatever answer: it is an *carrier.Error, or a sound
// result and the same again for the same answer, and costs little memory.
func FuzzAnswers(f *testing.F, h Harness) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*.answer"))
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(raw))
	}
	for _, r := range h.Refusals {
		f.Add(r.Answer)
	}
	for _, seed := range append(attack.Seeds(attack.JSON(), attack.Values()), h.Garbage...) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		a := h.adapter(t, "http://127.0.0.1:1", &http.Client{Transport: always(answer)})
		for _, call := range h.calls() {
			var got any
			var err error
			attack.Bounded(t, func() { got, err = h.do(t.Context(), a, call) })
			if err != nil {
				var e *carrier.Error
				require.True(t, errors.As(err, &e), "%s: %v", call, err)
				continue
			}
			h.soundResult(t, call, got)
			again, err := h.do(t.Context(), a, call)
			require.NoError(t, err, call)
			require.Equal(t, got, again, call)
		}
	})
}

// FuzzPushes puts whatever value into a field of a good push, or takes it for the whole content,
// and seals it: it is refused, or what is made of it is sound, the same again, and costs little
// memory.
func FuzzPushes(f *testing.F, newAdapter func(string, settings.Deps, bool) (carrier.Adapter, error), attacks func(*testing.T) *Attacks) {
	f.Helper()
	for i, seed := range attack.Seeds(attack.JSON(), attack.Values(), attack.Amounts()) {
		f.Add(i, seed)
	}
	f.Fuzz(func(t *testing.T, field int, value string) {
		a := Harness{New: newAdapter}.adapter(t, "http://127.0.0.1:1", http.DefaultClient)
		x := attacks(t)
		push := x.Seal(value)
		if json.Valid([]byte(value)) {
			names := slices.Sorted(maps.Keys(x.Fields))
			push = x.Seal(x.content(t, map[string]any{names[uint(field)%uint(len(names))]: json.RawMessage(value)}))
		}
		var got carrier.Status
		var err error
		attack.Bounded(t, func() { got, err = a.Callback(push) })
		if err != nil {
			require.Contains(t, either, carrier.KindOf(err), "%v", err)
			require.NotEmpty(t, carrier.Words(err))
			return
		}
		require.True(t, sound(got), "%+v", got)
		again, err := a.Callback(push)
		require.NoError(t, err)
		require.Equal(t, got, again)
	})
}

// soundResult refuses what no carrier can have meant.
func (h Harness) soundResult(t *testing.T, call string, got any) {
	t.Helper()
	amount := func(v *money.Fen) { require.True(t, v == nil || *v >= 0, "%s: %+v", call, got) }
	switch got := got.(type) {
	case carrier.Quote:
		require.GreaterOrEqual(t, got.Price, money.Fen(0))
		require.Positive(t, got.TTL)
		require.True(t, got.DistanceM >= 0 && got.DistanceM <= math.MaxInt32, got.DistanceM)
		require.True(t, utf8.RuneCountInString(got.CarrierNo) <= 64 && utf8.RuneCountInString(got.Token) <= 255)
	case carrier.Placed:
		require.True(t, got.CarrierNo != "" || h.Want.Placed.CarrierNo == "")
		require.LessOrEqual(t, utf8.RuneCountInString(got.CarrierNo), 64)
		amount(got.Charged)
	case carrier.Status:
		require.NotEmpty(t, got.State)
		require.True(t, got.Verified)
		require.Equal(t, h.Ref, carrier.Ref{OurNo: got.OurNo, CarrierNo: got.CarrierNo})
		require.True(t, got.Position == nil || got.Position.InChina())
		amount(got.Charged)
		amount(got.Penalty)
	case carrier.CancelResult:
		amount(got.Penalty)
	case carrier.Tipped:
		amount(got.Total)
	case carrier.Location:
		require.True(t, got.Position == nil || got.Position.InChina())
	case money.Fen:
		require.True(t, call == "balance" || got >= 0, call)
	}
}

// always is a carrier without a wire that gives one answer.
type always string

// RoundTrip answers.
func (a always) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(string(a)))}, nil
}
