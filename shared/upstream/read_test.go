package upstream_test

import (
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/stretchr/testify/require"
)

func TestParsePhone(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{
		"13800000000":       {"13800000000", ""},
		"13812345678_1234":  {"13812345678", "1234"},
		"13812345678,1234":  {"13812345678", "1234"},
		"13812345678#1234":  {"13812345678", "1234"},
		"13812345678转1234":  {"13812345678", "1234"},
		"+86 138-0000-0000": {"13800000000", ""},
		"0571-88888888":     {"057188888888", ""},
		"95188":             {"95188", ""},
	} {
		phone, ext, ok := upstream.ParsePhone(in)
		require.True(t, ok, in)
		require.Equal(t, want, [2]string{phone, ext})
	}
	for _, in := range []string{"", "12", "1381234567x", "138_", "_1", "138__1", "138_1_2", "+8613800000000000000000000"} {
		_, _, ok := upstream.ParsePhone(in)
		require.False(t, ok, in)
	}
}

func TestCheckFresh(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_793_600_000, 0)
	for text, ok := range map[string]bool{
		"1793600000": true, "1793578400": true, "1793578399": false, // six hours
		"1793600300": true, "1793600301": false, // five minutes ahead
		"": false, "noon": false, "1793600000.5": false, "-1": false, "1793600000000": false, "9223372036854775807": false, "99999999999999999999": false,
	} {
		fault := upstream.CheckFresh("timestamp", text, now, 6*time.Hour)
		require.Equal(t, ok, fault == nil, text)
		if fault != nil {
			require.Equal(t, upstream.Stale, fault.Reason)
			require.Equal(t, "timestamp", fault.Field)
		}
	}
	require.NotNil(t, upstream.CheckFresh("t", "1793600061", now, time.Minute), "the age also bounds the future")
}

func TestCheckPoint(t *testing.T) {
	t.Parallel()
	require.Nil(t, upstream.CheckPoint(geo.Point{Lng: 120, Lat: 30}, "x", "y"))
	require.Contains(t, upstream.CheckPoint(geo.Point{Lng: 30, Lat: 120}, "x", "y").Message, "swapped")
	require.NotContains(t, upstream.CheckPoint(geo.Point{}, "x", "y").Message, "swapped")
}

func TestHashOf(t *testing.T) {
	t.Parallel()
	// printf '["create","1"]' | sha256sum
	require.Equal(t, "14606217d376a2b3aebf155559c0c201fd61b25c5b31941a7e354f6ecdd7b5e6", upstream.HashOf([]any{upstream.KindCreate, "1"}))
	require.Panics(t, func() { upstream.HashOf(func() {}) })
}
