package carrier

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/order"
)

// Check finds what no carrier could carry, before anything is sent: a missing
// address or phone, a point outside China, a negative weight.
func (q QuoteRequest) Check() error {
	if q.OurNo == "" {
		return fmt.Errorf("our number is missing")
	}
	if q.CityName == "" {
		return fmt.Errorf("the city's name is missing")
	}
	if q.Detail.Goods.WeightG < 0 {
		return fmt.Errorf("the weight is negative")
	}
	if err := checkStop("shop", q.Detail.From); err != nil {
		return err
	}
	return checkStop("recipient", q.Detail.To)
}

func checkStop(which string, s order.Stop) error {
	switch {
	case s.Address == "":
		return fmt.Errorf("the %s's address is missing", which)
	case s.Phone == "":
		return fmt.Errorf("the %s's phone is missing", which)
	case s.Point.Swapped():
		return fmt.Errorf("the %s's longitude and latitude are swapped", which)
	case !s.Point.InChina():
		return fmt.Errorf("the %s's coordinates are outside China", which)
	}
	return nil
}

// FullCityName is a city's name as 闪送 and UU跑腿 want it: ending with 市.
func FullCityName(name string) string {
	for _, suffix := range []string{"市", "自治州", "地区", "盟", "县"} {
		if strings.HasSuffix(name, suffix) {
			return name
		}
	}
	return name + "市"
}

// Kilograms is a weight in grams rounded up to whole kilograms, at least one.
func Kilograms(grams int) int { return max(1, (grams+999)/1000) }

// Phone writes a number and, if there is one, its extension after the carrier's separator.
func Phone(s order.Stop, separator string) string {
	if s.Ext == "" {
		return s.Phone
	}
	return s.Phone + separator + s.Ext
}

// Degrees writes a coordinate with six decimals, which is a tenth of a metre.
func Degrees(v float64) string { return strconv.FormatFloat(v, 'f', 6, 64) }

// Same compares a value that a push carries with ours in constant time.
func Same(got, want string) bool {
	return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1
}

// PathSecretHolds reports whether the last segment of a push's path is the secret that
// was configured. Without one configured every path holds.
func PathSecretHolds(pushPath, secret string) bool {
	return secret == "" || Same(path.Base(pushPath), secret)
}

// BadPush makes the error of a push that is refused.
func BadPush(carrier string, kind Kind, format string, args ...any) *Error {
	return &Error{Carrier: carrier, Op: "callback", Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Words is the message of an *Error, for an answer to its sender; other errors have
// none that a stranger should read.
func Words(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return ""
}
