package reconcile

import (
	"hash/maphash"
	"os"
	"reflect"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
)

var (
	someClaim = claim{Line: bill.Line{No: 70_001, CarrierNo: "UU1", ClientNo: "247000000000000001001", Kind: bill.Compensation, Amount: 123_456, At: time.UnixMilli(1_795_000_000_123).UTC(), Raw: "UU1,小费,…"},
		bad: bill.ReasonDate, detail: "2026-11-20"}
	someBooking = Booking{Ref: Ref{247_000_000_000_000_001, 12}, CarrierNo: "UU1", Kind: bill.Fee, Amount: -5, At: time.UnixMilli(-7).UTC()}
)

// What is spilled comes back as it was, each record in the part of its key, once.
func TestSpill(t *testing.T) {
	t.Parallel()
	dir, seed := t.TempDir(), maphash.MakeSeed()
	s, err := newSpill(dir, "x", 3)
	require.NoError(t, err)
	defer s.close()
	claims := []claim{someClaim, {}, {Line: bill.Line{No: 2, Kind: bill.Tip}}}
	for _, c := range claims {
		require.NoError(t, s.put(seed, "same", func(b []byte) []byte { return putClaim(b, &c) }))
	}
	require.NoError(t, s.flush())
	var got []claim
	for part := range 3 {
		require.NoError(t, s.read(part, func(r *record) { got = append(got, r.claim()) }))
	}
	require.Equal(t, claims, got)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "a part goes when it was read")

	raw := putBooking(nil, &someBooking)
	r := record{raw: raw, all: string(raw)}
	require.Equal(t, someBooking, r.booking())
	require.NoError(t, r.err)
}

// A file that somebody else has cut or written into is an error, not a wrong amount or a panic.
func TestDamagedSpill(t *testing.T) {
	t.Parallel()
	whole := putClaim(nil, &someClaim)
	for cut := range len(whole) {
		r := record{raw: whole[:cut], all: string(whole[:cut])}
		_ = r.claim()
		require.ErrorIs(t, r.err, errRecord, cut)
		require.Equal(t, cut, r.at, "reading ends")
	}
	for i := range whole {
		bent := append([]byte(nil), whole...)
		bent[i] ^= 0xff
		r := record{raw: bent, all: string(bent)}
		_ = r.claim()
		require.LessOrEqual(t, r.at, len(bent))
	}
}

// A claim that is kept must not keep its whole part in memory: each of its texts is its own.
func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	from, to := someClaim, clone(someClaim)
	require.Equal(t, from, to)
	texts := 0
	var walk func(name string, a, b reflect.Value)
	walk = func(name string, a, b reflect.Value) {
		switch {
		case a.Kind() == reflect.Struct && a.Type() != reflect.TypeFor[time.Time]():
			for i := range a.NumField() {
				walk(a.Type().Field(i).Name, a.Field(i), b.Field(i))
			}
		case a.Kind() == reflect.String && name != "Kind": // which is one of five constants
			texts++
			require.NotEmpty(t, a.String(), name)
			require.NotSame(t, unsafe.StringData(a.String()), unsafe.StringData(b.String()), name)
		}
	}
	walk("", reflect.ValueOf(from), reflect.ValueOf(to))
	require.Equal(t, 5, texts)
}
