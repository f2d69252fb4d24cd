package carrier_test

import (
	"strings"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/stretchr/testify/require"
)

func object(t *testing.T, text string) *carrier.Object {
	t.Helper()
	o, err := carrier.ParseObject([]byte(text))
	require.NoError(t, err)
	return o
}

func TestObjectReads(t *testing.T) {
	t.Parallel()
	o := object(t, `{"id":9223372036854775808123,"text":" x ","n":"-7","fen":1200,"owed":"-5","none":null,"secs":-1,
		"ms":1700000060000,"clock":"2023-11-15 06:14:20","inner":{"v":1},"list":[{"v":2},{"v":3}],"signed":" {} "}`)
	require.Equal(t, "9223372036854775808123", o.Text("id"))
	require.Equal(t, "x", o.Need("text"))
	require.EqualValues(t, -7, o.Int("n"))
	require.Equal(t, money.Fen(1200), *o.Fen("fen"))
	require.Equal(t, money.Fen(-5), *o.SignedFen("owed"))
	require.Nil(t, o.Fen("none"))
	require.Zero(t, o.Seconds("secs"))
	require.Equal(t, time.UnixMilli(1700000060000).UTC(), o.Time("ms"))
	require.Equal(t, o.Time("ms"), o.Time("clock"))
	require.EqualValues(t, 1, o.Object("inner").Int("v"))
	require.Empty(t, o.Object("none").Text("v"))
	require.Len(t, o.Objects("list"), 2)
	require.Equal(t, " {} ", o.Raw("signed"), "a signed text is not trimmed")
	require.NoError(t, o.Err())
}

func TestObjectReadsTruthAndSeconds(t *testing.T) {
	t.Parallel()
	o := object(t, `{"yes":true,"one":"1","no":false,"nought":0,"null":null,"at":1700000060,"text":"1700000060","never":0,"maybe":2}`)
	for name, want := range map[string]bool{"yes": true, "one": true, "no": false, "nought": false} {
		require.Equal(t, &want, o.Bool(name), name)
	}
	require.Nil(t, o.Bool("null"))
	require.Nil(t, o.Bool("absent"))
	require.Equal(t, time.Unix(1700000060, 0).UTC(), o.Unix("at"))
	require.Equal(t, o.Unix("at"), o.Unix("text"))
	require.Zero(t, o.Unix("never"))
	require.NoError(t, o.Err())
	require.Nil(t, o.Bool("maybe"))
	require.ErrorContains(t, o.Err(), "maybe is neither true nor false")
	for _, at := range []string{"1700000060000", "-1", "1"} {
		o := object(t, `{"at":`+at+`}`)
		require.Zero(t, o.Unix("at"))
		require.ErrorContains(t, o.Err(), "at is not an instant in Unix seconds")
	}
}

func TestObjectNamesTheFirstFault(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		read func(*carrier.Object)
		says string
	}{
		"missing":               {func(o *carrier.Object) { o.Need("absent"); o.Need("other") }, "absent is missing"},
		"a list":                {func(o *carrier.Object) { o.Text("list") }, "list is neither text nor a number"},
		"no number":             {func(o *carrier.Object) { o.Int("word") }, "word is not a whole number"},
		"fraction":              {func(o *carrier.Object) { o.Fen("fraction") }, "fraction is not an amount"},
		"exponent":              {func(o *carrier.Object) { o.Fen("exponent") }, "exponent is not an amount"},
		"negative":              {func(o *carrier.Object) { o.Fen("minus") }, "minus is negative"},
		"no time":               {func(o *carrier.Object) { o.Time("word") }, "word is not an instant"},
		"inside":                {func(o *carrier.Object) { o.Object("inner").Int("v") }, "inner.v is not a whole number"},
		"in a list":             {func(o *carrier.Object) { o.Objects("list")[1].Need("v") }, "list[1].v is missing"},
		"not an object":         {func(o *carrier.Object) { o.Object("word") }, "word is not an object"},
		"not a list":            {func(o *carrier.Object) { o.Objects("word") }, "word is not a list"},
		"not text":              {func(o *carrier.Object) { o.Raw("minus") }, "minus is not text"},
		"no signed text":        {func(o *carrier.Object) { o.Raw("absent") }, "absent is missing"},
		"endless":               {func(o *carrier.Object) { o.Text("endless") }, "endless is longer than 2000 bytes"},
		"no number at all":      {func(o *carrier.Object) { o.NeedNumber("absent") }, "absent is missing"},
		"a number of 65":        {func(o *carrier.Object) { o.Number("long") }, "long is not one line of up to 64 characters"},
		"a number of two lines": {func(o *carrier.Object) { o.Number("lines") }, "lines is not one line"},
		"a key of 65":           {func(o *carrier.Object) { o.Key("long", 65); o.Key("long", 64) }, "long is not one line of up to 64"},
		"absurd":                {func(o *carrier.Object) { o.Fen("absurd") }, "absurd is more than 1000000.00"},
		"no distance":           {func(o *carrier.Object) { o.Metres("minus") }, "minus is no distance"},
		"too far":               {func(o *carrier.Object) { o.Metres("absurd") }, "absurd is no distance"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := object(t, `{"word":"x","fraction":1.5,"exponent":1e3,"minus":-1,"inner":{"v":"y"},"list":[{"v":1},{}],"absurd":100000001,"lines":"1\n2",`+
				`"long":"`+strings.Repeat("1", 65)+`","endless":"`+strings.Repeat("x", 2001)+`"}`)
			tc.read(o)
			require.ErrorContains(t, o.Err(), tc.says)
		})
	}
}

func TestParseObjectIsStrict(t *testing.T) {
	t.Parallel()
	for raw, says := range map[string]string{
		`{"a":1,"a":2}`: "a is given twice", `{"o":{"a":1,"a":2}}`: "a is given twice", "{\"a\":\"\xff\"}": "not UTF-8", `{"a":"\u0000"}`: "a holds a NUL",
		`null`: "null", `{} {}`: "not a JSON object",
	} {
		_, err := carrier.ParseObject([]byte(raw))
		require.ErrorContains(t, err, says, raw)
	}
	o := object(t, `{"whole":"`+strings.Repeat("x", 5000)+`","price":100000000,"way":10000000,"no":"TDH-1","theirs":"测试 1"}`)
	require.Len(t, o.Whole("whole"), 5000)
	require.Equal(t, carrier.MaxCost, *o.Fen("price"))
	require.Equal(t, 10_000_000, o.Metres("way"))
	require.Equal(t, "TDH-1", o.NeedNumber("no"))
	require.Equal(t, "测试 1", o.Number("theirs"), "an order of somebody else under the same account")
	require.Empty(t, o.Number("absent"))
	require.NoError(t, o.Err())
}

func TestEncodeJSONEscapesNothing(t *testing.T) {
	t.Parallel()
	raw, err := carrier.EncodeJSON(map[string]string{"a": "<&>/"})
	require.NoError(t, err)
	require.Equal(t, `{"a":"<&>/"}`, string(raw))
	_, err = carrier.EncodeJSON(func() {})
	require.Error(t, err)
}

func TestPosition(t *testing.T) {
	t.Parallel()
	p := geo.Point{Lng: 120.1433, Lat: 30.2804}
	require.Equal(t, &p, carrier.Position("120.1433", "30.2804", false))
	lng, lat := p.BD09()
	back := carrier.Position(carrier.Degrees(lng), carrier.Degrees(lat), true)
	require.NotNil(t, back)
	require.LessOrEqual(t, back.Metres(p), 1)
	for _, bad := range [][2]string{{"", ""}, {"0", "0"}, {"30.2804", "120.1433"}, {"x", "30"}, {"NaN", "NaN"}, {"Inf", "30"}} {
		require.Nil(t, carrier.Position(bad[0], bad[1], false))
		require.Nil(t, carrier.Position(bad[0], bad[1], true))
	}
}

func TestWording(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"杭州": "杭州市", "郑州": "郑州市", "上海市": "上海市", "恩施土家族苗族自治州": "恩施土家族苗族自治州", "阿里地区": "阿里地区"} {
		require.Equal(t, want, carrier.FullCityName(in))
	}
	for in, want := range map[int]int{0: 1, 1: 1, 1000: 1, 1001: 2, 5000: 5} {
		require.Equal(t, want, carrier.Kilograms(in))
	}
	require.Equal(t, "138#12", carrier.Phone(order.Stop{Phone: "138", Ext: "12"}, "#"))
	require.Equal(t, "138", carrier.Phone(order.Stop{Phone: "138"}, "#"))
	require.True(t, carrier.PathSecretHolds("/carrier/x", ""))
	require.True(t, carrier.PathSecretHolds("/carrier/x/s", "s"))
	require.False(t, carrier.PathSecretHolds("/carrier/s/x", "s"))
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	table := carrier.Refusals{
		{Code: "7", Text: "忙", Kind: carrier.KindTemporary},
		{Code: "7", Kind: carrier.KindNoCapacity},
		{Text: "余额", Kind: carrier.KindBalanceLow},
	}
	require.NoError(t, table.Check())
	require.Equal(t, carrier.KindTemporary, table.Kind("7", "系统忙"))
	require.Equal(t, carrier.KindNoCapacity, table.Kind("7", ""))
	require.Equal(t, carrier.KindBalanceLow, table.Kind("8", "余额不足"))
	require.Equal(t, carrier.KindRefused, table.Kind("8", "其他"))
	require.Error(t, carrier.Refusals{{Text: "x", Kind: carrier.KindNotSent}}.Check(), "an answer proves that something was sent")
}

func TestDeclined(t *testing.T) {
	t.Parallel()
	fail := func(kind carrier.Kind, words string) error {
		return &carrier.Error{Kind: kind, Code: "7", Message: words}
	}
	got, err := carrier.Declined(fail(carrier.KindRefused, "已取货"))
	require.NoError(t, err)
	require.Equal(t, carrier.CancelResult{Refused: true, Reason: "已取货"}, got)
	got, err = carrier.Declined(fail(carrier.KindBalanceLow, ""))
	require.NoError(t, err)
	require.Equal(t, "7", got.Reason)
	for _, kind := range []carrier.Kind{carrier.KindTemporary, carrier.KindNotFound, carrier.KindDuplicate, carrier.KindNotSent, carrier.KindRateLimited} {
		_, err := carrier.Declined(fail(kind, "x"))
		require.Equal(t, kind, carrier.KindOf(err))
	}
}
