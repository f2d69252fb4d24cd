package upstream

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
)

// HashOf is the lower hex SHA-256 of v written as JSON. v holds business fields only:
// the same order sent again, signed anew, has the same hash.
func HashOf(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("upstream: business fields are always JSON: " + err.Error())
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// maxSkew is how far the clock of a platform may be ahead of ours.
const maxSkew = 5 * time.Minute

// maxSeconds is the year 2100. Milliseconds lie far beyond, where durations overflow.
const maxSeconds = 4_102_444_800

// CheckFresh refuses a timestamp in Unix seconds that is older than maxAge or more
// than five minutes (or maxAge, if that is less) ahead. field names it.
func CheckFresh(field, text string, now time.Time, maxAge time.Duration) *Error {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 || seconds > maxSeconds {
		return Refuse(Stale, field, "not a time in Unix seconds")
	}
	sent := time.Unix(seconds, 0)
	if now.Sub(sent) > maxAge || sent.Sub(now) > min(maxSkew, maxAge) {
		return Refuse(Stale, field, "more than %s from now", maxAge)
	}
	return nil
}

// Same compares in constant time.
func Same(got, want string) bool {
	return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}

var phonePattern = regexp.MustCompile(`^(\d{3,20})(?:[_,#转](\d{1,10}))?$`)

// ParsePhone reads a phone number: plain, with hyphens or a leading +86, or as a
// privacy number (虚拟号) whose extension follows an underscore, comma or #.
func ParsePhone(text string) (phone, ext string, ok bool) {
	text = strings.NewReplacer(" ", "", "-", "").Replace(text)
	text = strings.TrimPrefix(text, "+86")
	m := phonePattern.FindStringSubmatch(text)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// CheckPoint refuses a point outside China and says so when longitude and latitude
// look exchanged. Both fields are named, since either may be the wrong one.
func CheckPoint(p geo.Point, lngField, latField string) *Error {
	switch {
	case p.InChina():
		return nil
	case p.Swapped():
		return Refuse(BadPoint, lngField+","+latField, "longitude and latitude are swapped")
	}
	return Refuse(BadPoint, lngField+","+latField, "outside China (lng 73–136, lat 3–54)")
}

// CheckValue refuses an amount that could not be parsed (err), is negative or is above most.
func CheckValue(field string, v money.Fen, err error, most money.Fen) *Error {
	switch {
	case errors.Is(err, money.ErrFraction):
		return Refuse(BadMoney, field, "finer than one 分")
	case errors.Is(err, money.ErrRange) || (err == nil && v > most):
		return Refuse(BadMoney, field, "more than %s", most)
	case err != nil:
		return Refuse(BadMoney, field, "not an amount")
	case v < 0:
		return Refuse(BadMoney, field, "negative")
	}
	return nil
}
