package money_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseYuan(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]money.Fen{
		"0": 0, "12": 1200, "12.5": 1250, "-0.05": -5, "12.500": 1250, "0.10": 10, "007.01": 701, "-0": 0,
		"10000000000": 1_000_000_000_000, "0.1": 10, "0.29": 29, "1.005000000000000000000000": -1,
	} {
		got, err := money.ParseYuan(text)
		if want == -1 {
			require.ErrorIs(t, err, money.ErrFraction, text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]error{
		"": money.ErrSyntax, "-": money.ErrSyntax, ".": money.ErrSyntax, ".5": money.ErrSyntax, "5.": money.ErrSyntax, "+1": money.ErrSyntax,
		"1e3": money.ErrSyntax, "1,000": money.ErrSyntax, " 1": money.ErrSyntax, "1 ": money.ErrSyntax, "--1": money.ErrSyntax, "1.2.3": money.ErrSyntax,
		"１": money.ErrSyntax, "NaN": money.ErrSyntax, "0x10": money.ErrSyntax, "1.-5": money.ErrSyntax,
		"0.001": money.ErrFraction, "1.995": money.ErrFraction,
		"10000000000.01": money.ErrRange, "99999999999999999999999": money.ErrRange,
	} {
		_, err := money.ParseYuan(text)
		require.ErrorIs(t, err, want, "%q", text)
	}
}

func TestParseFen(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		"1": nil, "-1": nil, "": money.ErrSyntax, "-": money.ErrSyntax, "1.0": money.ErrFraction, "12.5": money.ErrFraction, "1e3": money.ErrSyntax,
		"+1": money.ErrSyntax, "1000000000000": nil, "1000000000001": money.ErrRange, "9223372036854775808": money.ErrRange,
	} {
		_, err := money.ParseFen(text)
		require.ErrorIs(t, err, want, "%q", text)
	}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	var v struct {
		Price money.Fen
		Fee   *money.Fen
	}
	require.NoError(t, json.Unmarshal([]byte(`{"Price":-1250,"Fee":null}`), &v))
	require.Equal(t, money.Fen(-1250), v.Price)
	require.Nil(t, v.Fee)
	for _, bad := range []string{`12.0`, `1e3`, `"12"`, `true`, `[1]`, `1.5`, `99999999999999999999`, `null`} {
		require.Error(t, json.Unmarshal([]byte(`{"Price":`+bad+`}`), &v), bad)
	}
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	require.JSONEq(t, `{"Price":-1250,"Fee":null}`, string(raw))
}

func TestYuanOfExtremes(t *testing.T) {
	t.Parallel()
	require.Equal(t, "-92233720368547758.08", money.Fen(math.MinInt64).Yuan())
	require.Equal(t, "92233720368547758.07", money.Fen(math.MaxInt64).Yuan())
	require.Equal(t, "-0.05", money.Fen(-5).Yuan())
	require.Equal(t, "12.50元", money.Fen(1250).String())
}

const most = 1_000_000_000_000

func TestYuanRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := money.Fen(rapid.Int64Range(-most, most).Draw(t, "fen"))
		zeros := strings.Repeat("0", rapid.IntRange(0, 8).Draw(t, "zeros"))
		got, err := money.ParseYuan(v.Yuan() + zeros)
		require.NoError(t, err)
		require.Equal(t, v, got)
		got, err = money.ParseFen(fmt.Sprint(int64(v)))
		require.NoError(t, err)
		require.Equal(t, v, got)
	})
}

// Against exact rational arithmetic: ParseYuan takes a decimal if and only if it is a
// whole number of 分 within range.
func TestYuanAgainstRationals(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,13}(\.[0-9]{1,5})?`).Draw(t, "text")
		exact, ok := new(big.Rat).SetString(text)
		require.True(t, ok)
		exact.Mul(exact, big.NewRat(100, 1))
		inRange := new(big.Rat).Abs(exact).Cmp(big.NewRat(most, 1)) <= 0
		got, err := money.ParseYuan(text)
		require.Equal(t, exact.IsInt() && inRange, err == nil, "%s: %v", text, err)
		if err == nil {
			require.Equal(t, exact.Num().Int64(), int64(got))
		}
	})
}

func TestParseNeverPanics(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		for _, parse := range []func(string) (money.Fen, error){money.ParseYuan, money.ParseFen} {
			if v, err := parse(text); err != nil {
				require.Zero(t, v)
			}
		}
	})
}

func TestPercent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		v    money.Fen
		p    int64
		want money.Fen
	}{{1000, 30, 300}, {1, 50, 1}, {-1, 50, -1}, {1, 49, 0}, {333, 10, 33}, {335, 10, 34}, {-335, 10, -34}, {0, 99, 0}, {7, 100, 7}} {
		require.Equal(t, tc.want, tc.v.Percent(tc.p), "%d %% of %d", tc.p, tc.v)
	}
	rapid.Check(t, func(t *rapid.T) {
		v := money.Fen(rapid.Int64Range(-most, most).Draw(t, "fen"))
		p := rapid.Int64Range(0, 100).Draw(t, "percent")
		require.Equal(t, -v.Percent(p), (-v).Percent(p))
		off := 100*int64(v.Percent(p)) - int64(v)*p
		require.LessOrEqual(t, max(off, -off), int64(50), "never more than half a 分 off")
	})
}

func TestSum(t *testing.T) {
	t.Parallel()
	total, err := money.Sum(1, -2, 3)
	require.NoError(t, err)
	require.Equal(t, money.Fen(2), total)
	total, err = money.Sum()
	require.NoError(t, err)
	require.Zero(t, total)
	for _, amounts := range [][]money.Fen{{math.MaxInt64, 1}, {math.MinInt64, -1}, {math.MaxInt64, math.MaxInt64}} {
		_, err := money.Sum(amounts...)
		require.ErrorIs(t, err, money.ErrRange)
	}
	rapid.Check(t, func(t *rapid.T) {
		amounts := rapid.SliceOf(rapid.Int64()).Draw(t, "amounts")
		exact, fens := new(big.Int), make([]money.Fen, len(amounts))
		fits := true
		for i, a := range amounts {
			fens[i] = money.Fen(a)
			exact.Add(exact, big.NewInt(a))
			fits = fits && exact.IsInt64()
		}
		got, err := money.Sum(fens...)
		require.Equal(t, fits, err == nil)
		if fits {
			require.Equal(t, exact.Int64(), int64(got))
		}
	})
}
