// Package money holds the one type in which 千帆 counts: whole 分.
//
// Amounts are int64 分 from the wire to the ledger. Text in 元 is parsed digit by
// digit; no value ever passes through a float.
package money

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Fen is an amount of money in 分 (1 元 = 100 分). Negative amounts are legal in
// the ledger; a party at the edge decides for itself whether it takes one.
type Fen int64

// Errors of parsing. Wrapped with the offending text.
var (
	ErrSyntax   = errors.New("money: not an amount")
	ErrFraction = errors.New("money: finer than one 分")
	ErrRange    = errors.New("money: out of range")
)

// maxAmount bounds what ParseYuan and ParseFen take: ten billion 元 is beyond any
// amount of this business and far from where int64 sums could overflow.
const maxAmount = 1_000_000_000_000

// ParseYuan reads an amount written in 元, such as "12", "12.5", "-0.05" or
// "12.500", exactly. More than two significant decimals are ErrFraction.
func ParseYuan(text string) (Fen, error) {
	s, negative := strings.CutPrefix(text, "-")
	whole, frac, dotted := strings.Cut(s, ".")
	if whole == "" || (dotted && frac == "") || !digits(whole) || !digits(frac) {
		return 0, fmt.Errorf("%w: %q", ErrSyntax, text)
	}
	kept := strings.TrimRight(frac, "0")
	if len(kept) > 2 {
		return 0, fmt.Errorf("%w: %q", ErrFraction, text)
	}
	kept += strings.Repeat("0", 2-len(kept))
	return parse(whole+kept, negative, text)
}

// ParseFen reads an amount written in whole 分. A decimal point, also in "12.0",
// is ErrFraction: a party that sends 分 does not send fractions.
func ParseFen(text string) (Fen, error) {
	s, negative := strings.CutPrefix(text, "-")
	if strings.Contains(s, ".") {
		return 0, fmt.Errorf("%w: %q", ErrFraction, text)
	}
	if s == "" || !digits(s) {
		return 0, fmt.Errorf("%w: %q", ErrSyntax, text)
	}
	return parse(s, negative, text)
}

func parse(decimal string, negative bool, text string) (Fen, error) {
	n, err := strconv.ParseInt(decimal, 10, 64)
	if err != nil || n > maxAmount {
		return 0, fmt.Errorf("%w: %q", ErrRange, text)
	}
	if negative {
		n = -n
	}
	return Fen(n), nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Yuan writes the amount in 元 with two decimals, as in "-0.05".
func (f Fen) Yuan() string {
	n, sign := uint64(f), ""
	if f < 0 {
		n, sign = uint64(-(f+1))+1, "-"
	}
	return fmt.Sprintf("%s%d.%02d", sign, n/100, n%100)
}

// String writes the amount for people: "12.50元".
func (f Fen) String() string { return f.Yuan() + "元" }

// Percent is p percent of f, rounded half away from zero to a whole 分.
func (f Fen) Percent(p int64) Fen {
	n := int64(f) * p
	if n < 0 {
		return Fen((n - 50) / 100)
	}
	return Fen((n + 50) / 100)
}

// UnmarshalJSON takes a JSON integer only: 12.0, 1e3 and "12" are refused, so that
// no fraction of a 分 and no float slips in from outside.
func (f *Fen) UnmarshalJSON(raw []byte) error {
	var n json.Number
	if len(raw) > 0 && raw[0] == '"' {
		return fmt.Errorf("%w: %s", ErrSyntax, raw)
	}
	if err := json.Unmarshal(raw, &n); err != nil {
		return fmt.Errorf("%w: %s", ErrSyntax, raw)
	}
	v, err := ParseFen(n.String())
	if err != nil {
		return err
	}
	*f = v
	return nil
}

// Sum adds amounts and reports ErrRange instead of wrapping around.
func Sum(amounts ...Fen) (Fen, error) {
	var total Fen
	for _, a := range amounts {
		if (a > 0 && total > math.MaxInt64-a) || (a < 0 && total < math.MinInt64-a) {
			return 0, fmt.Errorf("%w: sum", ErrRange)
		}
		total += a
	}
	return total, nil
}
