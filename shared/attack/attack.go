// Package attack holds what no decoder of bytes from outside may choke on, for tests: the
// contract suites of carriers and platforms run it through every adapter, fuzz targets begin
// with it.
package attack

import (
	"fmt"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
)

// Body is one hostile body.
type Body struct {
	Name string
	Text string
}

// Megabyte is about how long the longest bodies are: what a gateway lets through.
const Megabyte = 1 << 20

// JSON are bodies of which none is a sound JSON object.
func JSON() []Body {
	return []Body{
		{"nothing", ""},
		{"blanks", " \t\r\n"},
		{"null", "null"},
		{"a truth", "true"},
		{"a number", "1"},
		{"a text", `"{}"`},
		{"a list", `[{}]`},
		{"two objects", "{}{}"},
		{"an object and more", "{} x"},
		{"an open brace", "{"},
		{"no quotes", `{status:1}`},
		{"single quotes", `{'status':1}`},
		{"a trailing comma", `{"status":1,}`},
		{"a comment", `{"status":1/**/}`},
		{"a hexadecimal number", `{"status":0x1}`},
		{"a number with a leading zero", `{"status":01}`},
		{"NaN", `{"status":NaN}`},
		{"a cut escape", `{"status":"\u00`},
		{"a raw line break", "{\"status\":\"a\nb\"}"},
		{"bytes that are no UTF-8", "{\"status\":\"\xff\xfe\"}"},
		{"an overlong encoding", "{\"status\":\"\xc0\xaf\"}"},
		{"a byte order mark", "\xef\xbb\xbf{}"},
		{"UTF-16", "\xff\xfe{\x00}\x00"},
		{"a NUL byte", "{\"status\":\x00}"},
		{"a form", "status=1&sign=2"},
		{"XML", `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb">]><a>&b;</a>`},
		{"compressed", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"},
		{"lists nested without end", strings.Repeat("[", 200_000)},
		{"objects nested without end", strings.Repeat(`{"a":`, 200_000)},
		{"a megabyte of blanks", strings.Repeat(" ", Megabyte)},
		{"a megabyte of text without an end", `{"a":"` + strings.Repeat("x", Megabyte)},
		{"a megabyte of digits", strings.Repeat("9", Megabyte)},
	}
}

// Large are sound JSON objects that cost much to read.
func Large() []Body {
	var names, escapes strings.Builder
	for i := range 60_000 {
		_, _ = fmt.Fprintf(&names, `"n%d":%d,`, i, i)
	}
	for range Megabyte / 6 {
		escapes.WriteString(`\u4e2d`)
	}
	return []Body{
		{"a megabyte of names", `{` + names.String() + `"z":0}`},
		{"a megabyte of escapes", `{"z":"` + escapes.String() + `"}`},
		{"lists, five thousand deep", `{"z":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`},
		{"half a million empty lists", `{"z":[` + strings.Repeat("[],", 300_000) + `[]]}`},
	}
}

// Forms are bodies that are no sound form, or cost much to read.
func Forms() []Body {
	return []Body{
		{"a bad escape", "a=%zz"},
		{"a cut escape", "a=%e"},
		{"semicolons", "a=1;b=2"},
		{"JSON", `{"order_id":1}`},
		{"only separators", strings.Repeat("&", 1000)},
		{"a name given twice", "a=1&a=2"},
		{"NUL bytes", "a=%00&%00=b"},
		{"bytes that are no UTF-8", "a=%ff%fe"},
		{"a megabyte of parameters", strings.Repeat("a=&", Megabyte/3)},
		{"a megabyte of escapes", "a=" + strings.Repeat("%61", Megabyte/3)},
	}
}

// Seeds are the short ones of some bodies: a fuzzer that begins with long ones gets nowhere.
func Seeds(bodies ...[]Body) []string {
	var all []string
	for _, list := range bodies {
		for _, b := range list {
			if len(b.Text) <= 4096 {
				all = append(all, b.Text)
			}
		}
	}
	return all
}

// Values are what may stand in a JSON field where something else belongs.
func Values() []Body {
	return []Body{
		{"a list", `[]`}, {"an object", `{}`}, {"true", `true`}, {"false", `false`}, {"null", `null`},
		{"an empty text", `""`}, {"blanks", `"  "`}, {"a word", `"many"`}, {"a NUL", `"\u0000"`}, {"a NUL inside", `"1\u00001"`},
		{"half a surrogate pair", `"\ud800"`}, {"-1", `-1`}, {"a fraction", `1.5`}, {"1e308", `1e308`}, {"1e999", `1e999`},
		{"2^63", `9223372036854775808`}, {"2^63 as text", `"9223372036854775808"`}, {"-2^63", `-9223372036854775808`},
		{"twenty digits", `99999999999999999999`}, {"a thousand digits", strings.Repeat("9", 1000)},
		{"NaN as text", `"NaN"`}, {"Inf as text", `"Inf"`}, {"a hexadecimal text", `"0x10"`}, {"full-width digits", `"１２３"`},
		{"a formula", `"=1+1"`}, {"markup", `"<script>alert(1)</script>"`}, {"a quote", `"' OR '1'='1"`},
		{"ten thousand bytes", `"` + strings.Repeat("长", 3334) + `"`},
	}
}

// Amounts are what no amount of money can be, as JSON.
func Amounts() []Body {
	return []Body{
		{"negative", `-1`}, {"1e308", `1e308`}, {"1e999", `1e999`}, {"2^63", `9223372036854775808`}, {"2^63 as text", `"9223372036854775808"`},
		{"twenty digits", `99999999999999999999`}, {"an exponent", `1e3`}, {"words", `"free"`}, {"NaN", `"NaN"`}, {"Inf", `"Inf"`},
		{"hexadecimal", `"0x10"`}, {"a comma", `"1,5"`}, {"thousandths", `0.001`}, {"a list", `[1]`}, {"an object", `{"fen":1}`}, {"true", `true`},
	}
}

// Memory is what a decoder may allocate over a body of up to a Megabyte, all in all.
const Memory = 64 << 20

// Bounded fails when do allocates more than Memory. What other goroutines allocate meanwhile
// counts, too, so that it looks a few times before it believes it; of those that measure
// there is one at a time.
func Bounded(t testing.TB, do func()) {
	t.Helper()
	least := uint64(1 << 63)
	for range 5 {
		if least = min(least, measure(do)); least <= Memory {
			return
		}
	}
	t.Fatalf("decoding allocates %d MB, want at most %d", least>>20, Memory>>20)
}

// measuring is held by whoever measures.
var measuring sync.Mutex

func measure(do func()) uint64 {
	measuring.Lock()
	defer measuring.Unlock()
	before := allocated()
	do()
	return allocated() - before
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
