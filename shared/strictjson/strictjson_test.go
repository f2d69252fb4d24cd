package strictjson_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/attack"
	"github.com/chuandao/qianfan/shared/strictjson"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`{}`:   "",
		`null`: "",
		`"x"`:  "",
		`[]`:   "",
		`{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}],"d":"b"}`: "",
		`{"a":"a","b":"a"}`:          "",
		`{"A":1,"a":2}`:              "",
		`{"a":[],"b":{},"c":null}`:   "",
		`{"a":1,"a":1}`:              "a is given twice",
		`{"a":1,"\u0061":2}`:         "a is given twice",
		`{"b":{"a":1,"c":2,"a":3}}`:  "a is given twice",
		`[{"a":[{"x":{}, "x":[]}]}]`: "x is given twice",
		`{"a":{},"a":{}}`:            "a is given twice",
		`{"a":"b\u0000c"}`:           "a holds a NUL",
		`{"a":["b","\u0000"]}`:       "a holds a NUL",
		`{"a\u0000":1}`:              "a\x00 holds a NUL",
		`"\u0000"`:                   "holds a NUL",
		"{\"a\":\"\xff\"}":           "not UTF-8",
		"{\"a\":\"\xed\xa0\x80\"}":   "not UTF-8",
		`{"a":"\ud800"}`:             "",
	} {
		require.True(t, json.Valid([]byte(raw)) || strings.Contains(want, "UTF-8"), raw)
		got := ""
		if fault := strictjson.Check([]byte(raw)); fault != nil {
			got = strings.TrimSpace(fault.Error())
		}
		require.Equal(t, want, got, raw)
	}
}

// Names are compared one by one while they are few, and looked up when they are many.
func TestManyNames(t *testing.T) {
	t.Parallel()
	for _, count := range []int{1, 31, 32, 33, 34, 500} {
		var names []string
		for i := range count {
			names = append(names, fmt.Sprintf(`"n%d":{"n%d":1}`, i, i))
		}
		sound := "{" + strings.Join(names, ",")
		require.Nil(t, strictjson.Check([]byte(sound+"}")), count)
		for _, again := range []int{0, count / 2, count - 1} {
			fault := strictjson.Check(fmt.Appendf(nil, `%s,"n%d":1}`, sound, again))
			require.Equal(t, &strictjson.Fault{Name: fmt.Sprintf("n%d", again), Why: "is given twice"}, fault, count)
		}
	}
}

func TestLargeDocuments(t *testing.T) {
	t.Parallel()
	for _, b := range append(attack.Large(), attack.JSON()...) {
		attack.Bounded(t, func() { _ = strictjson.Check([]byte(b.Text)) })
	}
	why := func(raw string) string {
		if fault := strictjson.Check([]byte(raw)); fault != nil {
			return fault.Why
		}
		return ""
	}
	nested := func(deep int) string { return strings.Repeat(`{"a":[`, deep/2) + strings.Repeat(`]}`, deep/2) }
	require.Empty(t, why(nested(100)))
	require.Equal(t, "is nested more than 100 deep", why(nested(102)))
	objects := func(n int) string { return `[` + strings.Repeat(`{"a":1},`, n-1) + `{"a":1}]` }
	require.Empty(t, why(objects(20_000)))
	require.Equal(t, "more than 20000 names", why(objects(20_001)))
}

// FuzzCheck compares with a reader that keeps every name: what passes reads the same whichever
// of two values a reader prefers.
func FuzzCheck(f *testing.F) {
	for _, seed := range attack.Seeds(attack.JSON(), attack.Values()) {
		f.Add(seed)
	}
	f.Add(`{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}`)
	f.Add(`{"a":1,"a":2}`)
	f.Fuzz(func(t *testing.T, raw string) {
		var v any
		if json.Unmarshal([]byte(raw), &v) != nil {
			_ = strictjson.Check([]byte(raw)) // no panic
			return
		}
		if strictjson.Check([]byte(raw)) != nil {
			return
		}
		written, err := json.Marshal(v)
		require.NoError(t, err)
		require.Equal(t, names(t, raw), names(t, string(written)), "no name was lost")
		require.NotContains(t, string(written), `\u0000`)
	})
}

// names counts the names in a document.
func names(t *testing.T, raw string) int {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(raw))
	var open []bool // is an object
	count, value := 0, []bool{}
	for {
		token, err := dec.Token()
		if err != nil {
			return count
		}
		delim, isDelim := token.(json.Delim)
		if isDelim && (delim == '}' || delim == ']') {
			open, value = open[:len(open)-1], value[:len(value)-1]
			continue
		}
		if last := len(open) - 1; last >= 0 && open[last] {
			if !value[last] {
				count++
			}
			value[last] = !value[last]
		}
		if isDelim {
			open, value = append(open, delim == '{'), append(value, false)
		}
	}
}

// BenchmarkCheck is what a push of usual size costs.
func BenchmarkCheck(b *testing.B) {
	raw := []byte(`{"clientId":"c","shopId":"20000000000000001","issOrderNo":"TDH2025053050205843","orderNo":"7301234567890123456001","status":30,"statusDesc":"待取货",` +
		`"subStatus":1,"statusChangeTime":"2023-11-15 06:14:00","deductAmount":0,"courier":{"name":"李四","mobile":"13800000000","gcj02Lat":"30.2804","gcj02Lng":"120.1433"}}`)
	b.ReportAllocs()
	for b.Loop() {
		if fault := strictjson.Check(raw); fault != nil {
			b.Fatal(fault)
		}
	}
}
