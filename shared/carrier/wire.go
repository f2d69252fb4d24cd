package carrier

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/strictjson"
)

// Shanghai is the time zone of every carrier's clock text. China has had no other
// offset since 1991, so that no time zone file is needed.
var Shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// EncodeJSON writes v as the carriers want it signed and sent: compact, without
// escaping < > &, without a line end.
func EncodeJSON(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// Object reads a JSON object of a carrier field by field. Carriers write the same
// number as text or as a number, and some exceed 2⁵³, so that nothing passes through
// a float. The first fault is remembered with the name of its field; see Err.
type Object struct {
	path   string
	fields map[string]json.RawMessage
	fault  *error
}

// ParseObject reads a JSON object; trailing bytes, null and other values are errors, and so is
// what two readers may understand differently: a name given twice, bytes that are no UTF-8.
func ParseObject(raw []byte) (*Object, error) {
	if fault := strictjson.Check(raw); fault != nil {
		return nil, fmt.Errorf("not a sound JSON object: %w", fault)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if fields == nil {
		return nil, fmt.Errorf("not a JSON object: null")
	}
	return &Object{fields: fields, fault: new(error)}, nil
}

// Err is the first fault of this object or of any object inside it.
func (o *Object) Err() error { return *o.fault }

func (o *Object) fail(name, format string, args ...any) {
	if *o.fault == nil {
		*o.fault = fmt.Errorf("%s%s %s", o.path, name, fmt.Sprintf(format, args...))
	}
}

// maxText bounds a name, an address, a reason, in bytes: no column takes more.
const maxText = 2000

// Text is a field that is text or a number, as text; "" when it is absent or null.
func (o *Object) Text(name string) string {
	text := o.Whole(name)
	if len(text) > maxText {
		o.fail(name, "is longer than %d bytes", maxText)
		return ""
	}
	return text
}

// Key is Text that names something, such as a quote: one line of at most so many characters
// as a column takes.
func (o *Object) Key(name string, most int) string {
	text := o.Text(name)
	if utf8.RuneCountInString(text) > most || strings.ContainsFunc(text, unicode.IsControl) {
		o.fail(name, "is not one line of up to %d characters", most)
		return ""
	}
	return text
}

// maxNumber is what a column holds of the number of an order, in characters.
const maxNumber = 64

// Number is the Key of an order, or a code.
func (o *Object) Number(name string) string { return o.Key(name, maxNumber) }

// NeedNumber is Number of a field that must be there.
func (o *Object) NeedNumber(name string) string {
	text := o.Number(name)
	if text == "" {
		o.fail(name, "is missing")
	}
	return text
}

// Whole is Text of any length, such as JSON inside a text.
func (o *Object) Whole(name string) string {
	raw := o.fields[name]
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return ""
	case raw[0] == '"':
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			o.fail(name, "is not text")
		}
		return strings.TrimSpace(s)
	case raw[0] == '-' || (raw[0] >= '0' && raw[0] <= '9'):
		return string(raw)
	}
	o.fail(name, "is neither text nor a number")
	return ""
}

// Need is Text of a field that must be there.
func (o *Object) Need(name string) string {
	text := o.Text(name)
	if text == "" {
		o.fail(name, "is missing")
	}
	return text
}

// Int is a whole number; 0 when it is absent.
func (o *Object) Int(name string) int64 {
	text := o.Text(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		o.fail(name, "is not a whole number")
	}
	return n
}

// Bool is true or false, or 1 or 0; nil when it is not stated.
func (o *Object) Bool(name string) *bool {
	raw := strings.Trim(string(o.fields[name]), `"`)
	yes := raw == "true" || raw == "1"
	switch {
	case raw == "" || raw == "null":
		return nil
	case !yes && raw != "false" && raw != "0":
		o.fail(name, "is neither true nor false")
		return nil
	}
	return &yes
}

// MaxCost is more than any waybill costs, tips and 违约金 included. Beyond it is a mistake, and
// far beyond it sums overflow.
const MaxCost money.Fen = 1_000_000_00

// Fen is what something costs, in whole 分: neither negative nor absurd; nil when it is not
// stated.
func (o *Object) Fen(name string) *money.Fen {
	v := o.SignedFen(name)
	switch {
	case v == nil:
		return nil
	case *v < 0:
		o.fail(name, "is negative")
		return nil
	case *v > MaxCost:
		o.fail(name, "is more than %s", MaxCost)
		return nil
	}
	return v
}

// maxMetres is more than any way within a city or two.
const maxMetres = 10_000_000

// Metres is a distance; 0 when it is absent.
func (o *Object) Metres(name string) int {
	n := o.Int(name)
	if n < 0 || n > maxMetres {
		o.fail(name, "is no distance in metres")
		return 0
	}
	return int(n)
}

// SignedFen is an amount in whole 分, such as a balance; nil when it is not stated.
func (o *Object) SignedFen(name string) *money.Fen {
	text := o.Text(name)
	if text == "" {
		return nil
	}
	v, err := money.ParseFen(text)
	if err != nil {
		o.fail(name, "is not an amount in 分")
		return nil
	}
	return &v
}

// Seconds is a span written in whole seconds; 0 when it is absent or, as -1, unknown.
func (o *Object) Seconds(name string) time.Duration {
	n := o.Int(name)
	if n < 0 || n > math.MaxInt32 {
		return 0
	}
	return time.Duration(n) * time.Second
}

// clockText is how 闪送 and UU跑腿 write an instant.
const clockText = time.DateTime

// Time is an instant written in Shanghai's time or in Unix milliseconds, as UTC; zero
// when it is absent.
func (o *Object) Time(name string) time.Time {
	text := o.Text(name)
	if text == "" || text == "0" {
		return time.Time{}
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		if ms < minMillis || ms > maxMillis {
			o.fail(name, "is not an instant in milliseconds")
			return time.Time{}
		}
		return time.UnixMilli(ms).UTC()
	}
	at, err := time.ParseInLocation(clockText, text, Shanghai)
	if err != nil {
		o.fail(name, "is not an instant such as \"2006-01-02 15:04:05\"")
		return time.Time{}
	}
	return at.UTC()
}

// NeedTime is Time of a field that must be there.
func (o *Object) NeedTime(name string) time.Time {
	at := o.Time(name)
	if at.IsZero() {
		o.fail(name, "is missing")
	}
	return at
}

// Unix is an instant in Unix seconds, as UTC; zero when it is absent.
func (o *Object) Unix(name string) time.Time {
	n := o.Int(name)
	switch {
	case n == 0:
		return time.Time{}
	case n < minMillis/1000 || n > maxMillis/1000:
		o.fail(name, "is not an instant in Unix seconds")
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// The years 2001 to 2286: thirteen digits. Seconds given for milliseconds fall outside.
const minMillis, maxMillis = 1_000_000_000_000, 9_999_999_999_999

// Object is the object in a field; an empty one when it is absent, null or "".
func (o *Object) Object(name string) *Object {
	inner := &Object{path: o.path + name + ".", fault: o.fault}
	raw := o.fields[name]
	if len(raw) == 0 || string(raw) == "null" || string(raw) == `""` {
		return inner
	}
	if err := json.Unmarshal(raw, &inner.fields); err != nil {
		o.fail(name, "is not an object")
	}
	return inner
}

// Objects are the objects in a field that is a list; none when it is absent or null.
func (o *Object) Objects(name string) []*Object {
	raw := o.fields[name]
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		o.fail(name, "is not a list of objects")
		return nil
	}
	inner := make([]*Object, len(list))
	for i, fields := range list {
		inner[i] = &Object{path: fmt.Sprintf("%s%s[%d].", o.path, name, i), fields: fields, fault: o.fault}
	}
	return inner
}

// Position reads a rider's place from two texts; nil unless both are numbers inside
// China, because a position is a hint and a wrong one is worse than none.
func Position(lng, lat string, bd09 bool) *geo.Point {
	x, errX := strconv.ParseFloat(lng, 64)
	y, errY := strconv.ParseFloat(lat, 64)
	if errX != nil || errY != nil {
		return nil
	}
	p := geo.Point{Lng: x, Lat: y}
	if bd09 && p.InChina() {
		p = geo.FromBD09(x, y)
	}
	if !p.InChina() {
		return nil
	}
	return &p
}

// Raw is a field that must be text, exactly as it was written: a signed text.
func (o *Object) Raw(name string) string {
	raw := o.fields[name]
	if len(raw) == 0 || string(raw) == "null" {
		o.fail(name, "is missing")
		return ""
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		o.fail(name, "is not text")
	}
	return s
}
