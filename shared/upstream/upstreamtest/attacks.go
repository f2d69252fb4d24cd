package upstreamtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/attack"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/upstream"
	"github.com/stretchr/testify/require"
)

// Attacks is what the suite needs to attack a platform's pushes. The attacks themselves are the
// suite's: a new adapter gets them all.
type Attacks struct {
	// Content is that of a good create: a JSON object or, with Form, the fields of a form
	// before they are signed.
	Content string
	Form    bool
	// Seal makes a request of a content, which may be any text, signed at a time.
	Seal func(content string, at time.Time) upstream.Request
	// Signed reads the signature of a request, and Sign replaces it, "" by none.
	Signed func(upstream.Request) string
	Sign   func(r upstream.Request, signature string) upstream.Request
	// Strangers are requests as of another application, key or client, well made.
	Strangers []upstream.Request
	// Needs are the fields without which there is no order, Money those that hold amounts, by
	// their paths in Content ("goods.value_fen").
	Needs []string
	Money []string
	// Probes says that a request without content is the platform testing the address.
	Probes bool
}

// hostile is one request that must be refused, for one of some reasons.
type hostile struct {
	name    string
	request upstream.Request
	reasons []upstream.Reason
	field   bool // the field at fault is named
}

var (
	aboutFields = []upstream.Reason{upstream.MissingField, upstream.BadField, upstream.BadMoney, upstream.BadPoint, upstream.Malformed}
	aboutSender = []upstream.Reason{upstream.BadSignature, upstream.UnknownKey, upstream.MissingField}
	aboutAnyway = append(slices.Concat(aboutFields, aboutSender), upstream.Stale)
)

// attacks runs the shared table of attacks: everything that must be refused is, for what it is,
// in the platform's own protocol and without much memory, and nothing is made of it.
func (h Harness) attacks(t *testing.T) {
	t.Parallel()
	require.NotNil(t, h.Attacks, "a contract without attacks")
	x := h.Attacks
	require.NotEmpty(t, x.Strangers)
	require.NotEmpty(t, x.Needs)
	a := h.offline(t)
	good := x.good()
	want, err := a.Decode(good)
	require.NoError(t, err, "the request that is spoilt")
	require.Equal(t, upstream.KindCreate, want.Kind)
	again, err := a.Decode(good)
	require.NoError(t, err)
	require.Equal(t, want, again, "replayed, it says the same")

	for _, attack := range slices.Concat(x.senders(t), x.fields(t), x.texts(t), x.wire()) {
		t.Run(attack.name, func(t *testing.T) {
			t.Parallel()
			attack.refused(t, a, x.Probes)
		})
	}
	t.Run("any value in any field", func(t *testing.T) {
		t.Parallel()
		x.anywhere(t, a)
	})
}

func (x hostile) refused(t *testing.T, a upstream.Adapter, probes bool) {
	t.Helper()
	var push upstream.Push
	var err error
	attack.Bounded(t, func() { push, err = a.Decode(x.request) })
	if err == nil && probes {
		require.Equal(t, upstream.Push{Kind: upstream.KindProbe}, push)
		return
	}
	require.Error(t, err)
	require.Zero(t, push)
	e := upstream.AsError(err)
	require.Contains(t, x.reasons, e.Reason, "%v", err)
	require.NotEmpty(t, e.Message, "the sender is told why")
	if x.field {
		require.NotEmpty(t, e.Field, "%v", err)
	}
	said := answered(a, upstream.Push{}, upstream.Result{Err: err})
	require.True(t, json.Valid([]byte(said)), said)
	require.NotEqual(t, answered(a, upstream.Push{Kind: upstream.KindCreate}, upstream.Result{OrderID: "1", State: order.Received}), said, "a refusal that looks like success")
	require.NotEqual(t, answered(a, upstream.Push{}, upstream.Result{Err: upstream.Refuse(upstream.SendAgain, "", "busy")}), said, "no repeat would mend it")
}

func answered(a upstream.Adapter, push upstream.Push, res upstream.Result) string {
	w := httptest.NewRecorder()
	a.Answer(w, push, res)
	return w.Body.String()
}

func (x *Attacks) good() upstream.Request { return at(x.Seal(x.Content, SystemTime), SystemTime) }

// put seals the good content with one field replaced by a JSON value; "" leaves it out.
func (x *Attacks) put(t *testing.T, path, value string) upstream.Request {
	t.Helper()
	return at(x.Seal(x.content(t, path, value), SystemTime), SystemTime)
}

func (x *Attacks) content(t *testing.T, path, value string) string {
	t.Helper()
	if x.Form {
		form, err := url.ParseQuery(x.Content)
		require.NoError(t, err)
		form.Del(path)
		if value != "" {
			form.Set(path, plain(value))
		}
		return form.Encode()
	}
	var object map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(x.Content), &object))
	return replaced(t, object, strings.Split(path, "."), value)
}

// plain is a JSON value as a form would hold it.
func plain(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) == nil && value != "null" {
		return text
	}
	return value
}

func replaced(t *testing.T, object map[string]json.RawMessage, path []string, value string) string {
	t.Helper()
	switch {
	case len(path) > 1:
		var inner map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(object[path[0]], &inner), path[0])
		object[path[0]] = json.RawMessage(replaced(t, inner, path[1:], value))
	case value == "":
		delete(object, path[0])
	default:
		object[path[0]] = json.RawMessage(value)
	}
	raw, err := json.Marshal(object)
	require.NoError(t, err)
	return string(raw)
}

// senders are requests that do not prove their sender.
func (x *Attacks) senders(t *testing.T) []hostile {
	t.Helper()
	var all []hostile
	for _, r := range x.Strangers {
		all = append(all, hostile{"somebody else's", at(r, SystemTime), []upstream.Reason{upstream.UnknownKey}, true})
	}
	good := x.good()
	signature := x.Signed(good)
	require.NotEmpty(t, signature)
	other := x.Signed(x.put(t, x.Needs[0], `"1"`))
	for name, forged := range map[string]string{
		"no signature": "", "the signature of another body": other, "a signature of zeros": strings.Repeat("0", len(signature)),
		"a signature cut": signature[:len(signature)-1], "a signature and more": signature + "0", "a signature of a megabyte": strings.Repeat("A", attack.Megabyte),
	} {
		all = append(all, hostile{name, x.Sign(good, forged), aboutSender, true})
	}
	return all
}

// fields are contents in which one field is not what it must be.
func (x *Attacks) fields(t *testing.T) []hostile {
	t.Helper()
	var all []hostile
	for _, path := range x.Needs {
		for _, value := range x.nothing() {
			all = append(all, hostile{path + ": " + value, x.put(t, path, value), aboutFields, true})
		}
		all = append(all, hostile{path + ": given twice", x.twice(path), aboutAnyway, true})
	}
	for _, path := range x.Money {
		for _, amount := range attack.Amounts() {
			all = append(all, hostile{path + ": " + amount.Name, x.put(t, path, amount.Text), []upstream.Reason{upstream.BadMoney, upstream.BadField}, true})
		}
	}
	return all
}

// nothing is what can stand for no field at all. In a form every text is a text.
func (x *Attacks) nothing() []string {
	if x.Form {
		return []string{``, `""`, `"  "`, `"\u0000"`}
	}
	return []string{``, `null`, `""`, `"  "`, `[]`, `{}`, `"\u0000"`}
}

// twice gives a field a second time: inside the innermost object that the content begins
// with, or behind the form.
func (x *Attacks) twice(path string) upstream.Request {
	name := path[strings.LastIndex(path, ".")+1:]
	if x.Form {
		r := x.good()
		r.Body = append(slices.Clone(r.Body), "&"+name+"=1"...)
		return r
	}
	found := strings.Index(x.Content, `"`+name+`"`)
	return at(x.Seal(x.Content[:found]+`"`+name+`":"1",`+x.Content[found:], SystemTime), SystemTime)
}

// texts are contents that are no sound JSON object, properly sealed.
func (x *Attacks) texts(t *testing.T) []hostile {
	t.Helper()
	if x.Form {
		return nil // a form is text of no shape of its own; see wire
	}
	var all []hostile
	put := func(name, content string) {
		// Bytes that cannot be sealed as they are break the signature.
		all = append(all, hostile{"content: " + name, at(x.Seal(content, SystemTime), SystemTime), aboutAnyway, false})
	}
	for _, b := range append(attack.JSON(), attack.Large()...) {
		put(b.Name, b.Text)
	}
	for at := 1; at < len(x.Content); at += 17 {
		put("cut", x.Content[:at])
	}
	put("bytes that are no UTF-8 somewhere", strings.TrimSuffix(strings.TrimSpace(x.Content), "}")+",\"x\":\"\xff\"}")
	return all
}

// wire are bodies as anybody may post them, unsigned.
func (x *Attacks) wire() []hostile {
	good := x.good()
	with := func(name, body string) hostile {
		r := good
		r.Header = good.Header.Clone()
		r.Body = []byte(body)
		return hostile{"body: " + name, r, aboutAnyway, false}
	}
	var all []hostile
	for _, b := range slices.Concat(attack.JSON(), attack.Large(), attack.Forms()) {
		all = append(all, with(b.Name, b.Text))
	}
	for at := 1; at < len(good.Body); at += 37 {
		all = append(all, with("cut", string(good.Body[:at])))
	}
	bare := good
	bare.Header = http.Header{}
	bare.Body, bare.RawQuery = []byte("x=1"), strings.Repeat("a=1&", 1000)
	return append(all, hostile{"a query of a thousand parameters", bare, aboutAnyway, false})
}

var soundNo = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// anywhere puts every odd value into every field of the content: it is refused, or what is made
// of it is sound all the same.
func (x *Attacks) anywhere(t *testing.T, a upstream.Adapter) {
	t.Helper()
	for _, path := range x.paths(t) {
		for _, value := range attack.Values() {
			push, err := a.Decode(x.put(t, path, value.Text))
			if err != nil {
				e := upstream.AsError(err)
				require.Contains(t, aboutFields, e.Reason, "%s: %s: %v", path, value.Name, err)
				require.NotEmpty(t, e.Message, "%s: %s", path, value.Name)
				continue
			}
			require.True(t, sound(push), "%s: %s makes %+v", path, value.Name, push)
		}
	}
}

// sound tells whether every column and account could take a create.
func sound(p upstream.Push) bool {
	d := p.Create.Detail
	texts := []string{d.To.Name, d.To.Address, d.To.Detail, d.To.Phone, d.Goods.Remark, d.Goods.Category, d.Display, p.Create.ShopCode, p.Create.City}
	for _, text := range texts {
		if len(text) > 2000 || strings.Contains(text, "\x00") {
			return false
		}
	}
	whole := p.Create.Thin || len(p.Create.Degraded) > 0 || d.To.Point.InChina() && d.To.Phone != "" && d.To.Address != ""
	return whole && soundNo.MatchString(p.No) && d.Goods.Value >= 0 && d.Goods.Value <= money.Fen(100_000_00) && d.Goods.WeightG >= 0 && d.Goods.Count >= 0
}

// paths are those of all fields, of objects in objects, too.
func (x *Attacks) paths(t *testing.T) []string {
	t.Helper()
	var all []string
	if x.Form {
		form, err := url.ParseQuery(x.Content)
		require.NoError(t, err)
		for name := range form {
			all = append(all, name)
		}
		return all
	}
	var walk func(prefix string, raw json.RawMessage)
	walk = func(prefix string, raw json.RawMessage) {
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil {
			return
		}
		for name, value := range object {
			all = append(all, prefix+name)
			walk(prefix+name+".", value)
		}
	}
	walk("", json.RawMessage(x.Content))
	return all
}
