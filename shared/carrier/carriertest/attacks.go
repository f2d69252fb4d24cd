package carriertest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/chuandao/qianfan/shared/attack"
	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/stretchr/testify/require"
)

// Attacks is what the suite needs to attack a carrier's pushes. The attacks themselves are the
// suite's: a new adapter gets them all.
type Attacks struct {
	// Fields are the innermost content of a good push, by name.
	Fields map[string]any
	// Seal makes a push of a content, which may be any text, signed where the carrier signs.
	Seal func(content string) carrier.CallbackRequest
	// At is the good push as of another time; nil where no push says when it was sent.
	At func(at time.Time) carrier.CallbackRequest
	// Signed reads the signature of a push, and Sign replaces it, "" by none; both nil where
	// the carrier signs nothing.
	Signed func(carrier.CallbackRequest) string
	Sign   func(r carrier.CallbackRequest, signature string) carrier.CallbackRequest
	// Strangers are pushes as of somebody else's account, client or shop, well made.
	Strangers []carrier.CallbackRequest
	// Needs are the fields without which a push says nothing, Status the one that holds the
	// state, Money those that hold amounts.
	Needs  []string
	Status string
	Money  []string
}

// SignatureIn reads and replaces a signature that is a field of a JSON body.
func SignatureIn(field string) (read func(carrier.CallbackRequest) string, write func(carrier.CallbackRequest, string) carrier.CallbackRequest) {
	open := func(r carrier.CallbackRequest) (body map[string]any) {
		if err := json.Unmarshal(r.Body, &body); err != nil {
			panic("carriertest: a good push is a JSON object: " + err.Error())
		}
		return body
	}
	read = func(r carrier.CallbackRequest) string {
		signature, _ := open(r)[field].(string)
		return signature
	}
	write = func(r carrier.CallbackRequest, signature string) carrier.CallbackRequest {
		body := open(r)
		delete(body, field)
		if signature != "" {
			body[field] = signature
		}
		r.Body, _ = json.Marshal(body) // it was decoded from JSON
		return r
	}
	return read, write
}

// hostile is one push that must be refused, for one of some kinds.
type hostile struct {
	name    string
	request carrier.CallbackRequest
	kinds   []carrier.Kind
}

var (
	malformed = []carrier.Kind{carrier.KindBadRequest}
	forged    = []carrier.Kind{carrier.KindForged}
	either    = []carrier.Kind{carrier.KindBadRequest, carrier.KindForged}
)

// attacks runs the shared table of attacks: everything that must be refused is, for what it is,
// in the carrier's own protocol and without much memory, and nothing is made of it.
func (h Harness) attacks(t *testing.T) {
	t.Parallel()
	require.NotNil(t, h.Attacks, "a contract without attacks")
	require.NotEmpty(t, h.Attacks.Strangers)
	require.NotEmpty(t, h.Attacks.Needs)
	a := h.adapter(t, "http://127.0.0.1:1", http.DefaultClient)
	good := h.Attacks.good(t)
	want, err := a.Callback(good)
	require.NoError(t, err, "the push that is spoilt")
	again, err := a.Callback(good)
	require.NoError(t, err)
	require.Equal(t, want, again, "replayed, it says the same")

	for _, attack := range slices.Concat(h.Attacks.senders(t), h.Attacks.fields(t), h.Attacks.texts(t), h.Attacks.wire(t)) {
		t.Run(attack.name, func(t *testing.T) {
			t.Parallel()
			attack.refused(t, a)
		})
	}
	t.Run("any value in any field", func(t *testing.T) {
		t.Parallel()
		h.Attacks.anywhere(t, a)
	})
}

func (x hostile) refused(t *testing.T, a carrier.Adapter) {
	t.Helper()
	var status carrier.Status
	var err error
	attack.Bounded(t, func() { status, err = a.Callback(x.request) })
	require.Error(t, err)
	require.Zero(t, status)
	require.Contains(t, x.kinds, carrier.KindOf(err), "%v", err)
	require.NotEmpty(t, carrier.Words(err), "the sender is told why")
	w := httptest.NewRecorder()
	a.Reply(w, err)
	require.NotEqual(t, http.StatusOK, w.Code)
	require.True(t, json.Valid(w.Body.Bytes()), w.Body.String())
	require.Contains(t, w.Header().Get("Content-Type"), "application/json")
}

// content is the good content with fields changed; nil leaves one out.
func (x *Attacks) content(t *testing.T, change map[string]any) string {
	t.Helper()
	fields := maps.Clone(x.Fields)
	maps.Copy(fields, change)
	for name, value := range change {
		if value == nil {
			delete(fields, name)
		}
	}
	raw, err := json.Marshal(fields)
	require.NoError(t, err)
	return string(raw)
}

func (x *Attacks) good(t *testing.T) carrier.CallbackRequest {
	t.Helper()
	return x.Seal(x.content(t, nil))
}

// senders are pushes that do not prove their sender, or their age.
func (x *Attacks) senders(t *testing.T) []hostile {
	t.Helper()
	var all []hostile
	for _, r := range x.Strangers {
		all = append(all, hostile{"somebody else's", r, forged})
	}
	if x.At != nil {
		all = append(all,
			hostile{"stale", x.At(SystemTime.Add(-25 * time.Hour)), forged},
			hostile{"years old", x.At(SystemTime.AddDate(-5, 0, 0)), forged},
			hostile{"from the future", x.At(SystemTime.Add(25 * time.Hour)), forged})
	}
	if x.Sign == nil {
		return all
	}
	good := x.good(t)
	signature := x.Signed(good)
	require.NotEmpty(t, signature)
	all = append(all,
		hostile{"no signature", x.Sign(good, ""), either},
		hostile{"a signature of zeros", x.Sign(good, strings.Repeat("0", len(signature))), forged},
		hostile{"a signature cut", x.Sign(good, signature[:len(signature)-1]), forged},
		hostile{"a signature and more", x.Sign(good, signature+"0"), forged},
		hostile{"a signature of a megabyte", x.Sign(good, strings.Repeat("A", attack.Megabyte)), either})
	// A signature that covers little more than numbers is that of many bodies.
	if other := x.Signed(x.Seal(x.content(t, map[string]any{"another": "content"}))); other != signature {
		all = append(all, hostile{"the signature of another body", x.Sign(good, other), forged})
	}
	if flipped := strings.Map(flip, signature); flipped != signature {
		all = append(all, hostile{"a signature in the other case", x.Sign(good, flipped), forged})
	}
	return all
}

func flip(r rune) rune {
	if up := []rune(strings.ToUpper(string(r)))[0]; up != r {
		return up
	}
	return []rune(strings.ToLower(string(r)))[0]
}

// fields are contents in which one field is not what it must be.
func (x *Attacks) fields(t *testing.T) []hostile {
	t.Helper()
	var all []hostile
	put := func(name, field string, value any) {
		all = append(all, hostile{field + ": " + name, x.Seal(x.content(t, map[string]any{field: value})), malformed})
	}
	for _, field := range x.Needs {
		put("missing", field, nil)
		for _, value := range []string{`null`, `""`, `"  "`, `[]`, `{}`, `true`, `"\u0000"`} {
			put(value, field, json.RawMessage(value))
		}
		twice := strings.TrimSuffix(x.content(t, nil), "}") + `,"` + field + `":"1"}`
		all = append(all, hostile{field + ": given twice", x.Seal(twice), malformed})
	}
	for _, value := range []string{`99999`, `-99999`, `"unknown"`, `1e308`, `9223372036854775808`, `"１"`, `0.5`} {
		put("unknown "+value, x.Status, json.RawMessage(value))
	}
	for _, field := range x.Money {
		for _, value := range append(attack.Amounts(), attack.Body{Name: "finer than 分", Text: "1.5"}, attack.Body{Name: "absurd", Text: "9000000000000000000"}) {
			put(value.Name, field, json.RawMessage(value.Text))
		}
	}
	return all
}

// texts are contents that are no sound JSON object, properly sealed.
func (x *Attacks) texts(t *testing.T) []hostile {
	t.Helper()
	var all []hostile
	put := func(name, content string) {
		// Where nothing is signed, or bytes cannot be, the content is nobody's rather than malformed.
		all = append(all, hostile{"content: " + name, x.Seal(content), either})
	}
	for _, b := range append(attack.JSON(), attack.Large()...) {
		put(b.Name, b.Text)
	}
	good := x.content(t, nil)
	for at := 1; at < len(good); at += 13 {
		put("cut", good[:at])
	}
	put("bytes that are no UTF-8 somewhere", strings.TrimSuffix(good, "}")+",\"x\":\"\xff\"}")
	return all
}

// wire are bodies as anybody may post them, unsigned.
func (x *Attacks) wire(t *testing.T) []hostile {
	t.Helper()
	good := x.good(t)
	with := func(body, kind string) carrier.CallbackRequest {
		r := good
		r.Header = http.Header{"Content-Type": {kind}}
		r.Body = []byte(body)
		return r
	}
	var all []hostile
	for _, b := range append(attack.JSON(), attack.Large()...) {
		all = append(all, hostile{"body: " + b.Name, with(b.Text, "application/json"), either})
	}
	for _, b := range attack.Forms() {
		all = append(all, hostile{"form: " + b.Name, with(b.Text, "application/x-www-form-urlencoded"), either})
	}
	for at := 1; at < len(good.Body); at += 31 {
		all = append(all, hostile{"body: cut", with(string(good.Body[:at]), good.Header.Get("Content-Type")), either})
	}
	return all
}

// sound tells whether every column and account could take what is made of a push.
func sound(s carrier.Status) bool {
	for _, text := range []string{s.OurNo, s.CarrierNo, s.Code, s.SubCode} {
		if utf8.RuneCountInString(text) > 64 {
			return false
		}
	}
	for _, text := range []string{s.OurNo, s.CarrierNo, s.Code, s.SubCode, s.Rider.Name, s.Rider.Phone, s.Reason} {
		if len(text) > 2000 || strings.Contains(text, "\x00") {
			return false
		}
	}
	for _, amount := range []*money.Fen{s.Charged, s.Penalty} {
		if amount != nil && (*amount < 0 || *amount > 4*carrier.MaxCost) { // the sum of a few fields
			return false
		}
	}
	return s.State != "" && s.CarrierNo+s.OurNo != "" && (s.Position == nil || s.Position.InChina())
}

// anywhere puts every odd value into every field: it is refused, or what is made of the push is
// sound all the same.
func (x *Attacks) anywhere(t *testing.T, a carrier.Adapter) {
	t.Helper()
	for field := range x.Fields {
		for _, value := range attack.Values() {
			push := x.Seal(x.content(t, map[string]any{field: json.RawMessage(value.Text)}))
			status, err := a.Callback(push)
			if err == nil {
				require.True(t, sound(status), "%s: %s makes %+v", field, value.Name, status)
				continue
			}
			require.Contains(t, either, carrier.KindOf(err), "%s: %s: %v", field, value.Name, err)
			require.NotEmpty(t, carrier.Words(err), "%s: %s", field, value.Name)
		}
	}
}
