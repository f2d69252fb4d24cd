package taobao

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/upstream"
)

// digits is a number that is kept as text, because it may exceed 2⁵³.
var digits = regexp.MustCompile(`^[0-9]{1,20}$`)

// number tells whether text can stand in JSON as a whole number.
func number(text string) bool { return digits.MatchString(text) && (text[0] != '0' || text == "0") }

// text is a JSON string, number or boolean as text; null is empty.
type text string

// UnmarshalJSON takes everything but objects and lists.
func (t *text) UnmarshalJSON(raw []byte) error {
	switch {
	case string(raw) == "null":
		*t = ""
	case raw[0] == '"':
		return json.Unmarshal(raw, (*string)(t))
	case raw[0] == '{' || raw[0] == '[':
		return errors.New("an object or a list where text or a number belongs")
	default:
		*t = text(raw)
	}
	return nil
}

// text is a field's trimmed text, empty if it is absent or null.
func (f *fields) text(name string) string {
	raw, ok := f.values[name]
	if !ok {
		return ""
	}
	var t text
	if t.UnmarshalJSON(raw) != nil {
		f.fail(upstream.BadField, name, "neither text nor a number")
	}
	return strings.TrimSpace(string(t))
}

// limits are how long the texts that are kept may be, in bytes.
var limits = []struct {
	name string
	most int
}{
	{"openId", upstream.MaxCode}, {"shopId", upstream.MaxCode}, {"daySn", upstream.MaxCode}, {"consignee", upstream.MaxText},
	{"address", upstream.MaxText}, {"description", upstream.MaxText}, {"reason", upstream.MaxText}, {"remark", upstream.MaxText},
}

// short refuses texts that no column would take.
func (f *fields) short() {
	for _, l := range limits {
		var t text
		if raw, ok := f.values[l.name]; !ok || t.UnmarshalJSON(raw) != nil {
			continue
		}
		if fault := upstream.CheckLength(l.name, string(t), l.most); fault != nil && f.fault == nil {
			f.fault = fault
		}
	}
}

// need is text that must be there.
func (f *fields) need(name string) string {
	value := f.text(name)
	if value == "" {
		f.fail(upstream.MissingField, name, "missing")
	}
	return value
}

// orderNo is the order's number, under either of the names that it goes by.
func (f *fields) orderNo() string {
	name := "orderId"
	no := f.text(name)
	if no == "" {
		name = "id"
		no = f.text(name)
	}
	switch {
	case no == "":
		f.fail(upstream.MissingField, "orderId", "missing")
	case !digits.MatchString(no):
		f.fail(upstream.BadField, name, "not a number")
	}
	return no
}

// shanghai is the zone of 饿了么's local times. China has no daylight saving.
var shanghai = time.FixedZone("Asia/Shanghai", 8*60*60)

// layouts are how times are written; without a zone they are local.
var layouts = []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", time.RFC3339, "2006-01-02T15:04:05.999Z0700"}

// when is a point of time, nil if it is absent or null.
func (f *fields) when(name string) *time.Time {
	value := f.text(name)
	if value == "" {
		return nil
	}
	for _, layout := range layouts {
		if at, err := time.ParseInLocation(layout, value, shanghai); err == nil && at.Year() >= 2000 && at.Year() < 2100 {
			at = at.UTC()
			return &at
		}
	}
	f.fail(upstream.BadField, name, "not a time such as 2026-11-02T12:00:00")
	return nil
}
