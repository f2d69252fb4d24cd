package bill_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"dada", "fengniao", "sftc", "shansong", "uupt"}, bill.Defaults())
	for _, carrier := range bill.Defaults() {
		m := mapping(t, carrier)
		require.Equal(t, carrier, m.Name)
		require.Equal(t, carrier == "dada", m.Wide())
		raw, err := json.Marshal(m)
		require.NoError(t, err)
		again, err := bill.Parse(raw)
		require.NoError(t, err)
		require.Equal(t, m, again)
	}
	for _, none := range []string{"", "sf", "../mapping", "uupt.json"} {
		_, err := bill.Default(none)
		require.ErrorContains(t, err, "there are dada, fengniao, sftc, shansong, uupt")
	}
}

// Every mistake of a mapping is named, with its path.
func TestMappingMistakes(t *testing.T) {
	t.Parallel()
	for says, spoil := range map[string]func(m *bill.Mapping){
		"name: missing":          func(m *bill.Mapping) { m.Name = "" },
		`encoding: "latin1"`:     func(m *bill.Mapping) { m.Encoding = "latin1" },
		`comma: "；"`:             func(m *bill.Mapping) { m.Comma = "；" },
		`comma: ""`:              func(m *bill.Mapping) { m.Comma = "" },
		`unit: "jiao"`:           func(m *bill.Mapping) { m.Unit = "jiao" },
		`sign: ""`:               func(m *bill.Mapping) { m.Sign = "" },
		`thousands: "."`:         func(m *bill.Mapping) { m.Thousands = "." },
		`time: ""`:               func(m *bill.Mapping) { m.Time = "" },
		`time: "yyyy-MM-dd"`:     func(m *bill.Mapping) { m.Time = "yyyy-MM-dd" },
		`time: "01-02 15:04:05"`: func(m *bill.Mapping) { m.Time = "01-02 15:04:05" },
		`footer: ""`:             func(m *bill.Mapping) { m.Footer = "" },
		`footer: " 合计"`:          func(m *bill.Mapping) { m.Footer = " 合计" },
		`columns[1].name: ""`:    func(m *bill.Mapping) { m.Columns[1].Name = "" },
		`columns[1].name: "订单编号" is there twice`:               func(m *bill.Mapping) { m.Columns[1].Name = "订单编号" },
		`columns[1].is: "order"`:                               func(m *bill.Mapping) { m.Columns[1].Is = "order" },
		`columns[1].footer: "sum"`:                             func(m *bill.Mapping) { m.Columns[1].Footer = "sum" },
		"columns[3].footer: every amount column":               func(m *bill.Mapping) { m.Columns[3].Footer = "" },
		"columns[4].footer: every amount column, and no other": func(m *bill.Mapping) { m.Columns[4].Footer = bill.FooterTotal },
		"columns: none is carrier_no":                          func(m *bill.Mapping) { m.Columns[0].Is = "" },
		"columns: none is kind":                                func(m *bill.Mapping) { m.Columns[2].Is = "" },
		"columns: none is amount":                              func(m *bill.Mapping) { m.Columns[3].Is = "" },
		"columns: none is at":                                  func(m *bill.Mapping) { m.Columns[4].Is = "" },
		"columns: 2 are carrier_no":                            func(m *bill.Mapping) { m.Columns[1].Is = bill.IsCarrierNo },
		"columns: either a kind and an amount":                 func(m *bill.Mapping) { m.Columns[3].Is = "fee" },
		"columns: 0 have the footer's label":                   func(m *bill.Mapping) { m.Columns[0].Footer = "" },
		"columns: 2 have the footer's label":                   func(m *bill.Mapping) { m.Columns[4].Footer = bill.FooterLabel },
		"columns: 0 have the footer's rows":                    func(m *bill.Mapping) { m.Columns[1].Footer = "" },
		"kinds: missing":                                       func(m *bill.Mapping) { m.Kinds = nil },
		`kinds.保险费: "insurance"`:                               func(m *bill.Mapping) { m.Kinds["保险费"] = "insurance" },
		`kinds: " 运费"`:                                         func(m *bill.Mapping) { m.Kinds[" 运费"] = bill.Fee },
	} {
		t.Run(says, func(t *testing.T) {
			t.Parallel()
			m := mapping(t, "uupt")
			spoil(&m)
			require.ErrorContains(t, m.Check(), says)
		})
	}
	wide := mapping(t, "dada")
	wide.Kinds = map[string]bill.Kind{"运费": bill.Fee}
	require.ErrorContains(t, wide.Check(), "kinds: a form with an amount column for each kind")

	err := bill.Mapping{}.Check()
	for _, path := range []string{"name", "encoding", "comma", "unit", "sign", "time", "footer", "columns", "kinds"} {
		require.ErrorContains(t, err, path+": ")
	}
}

// A mapping is read strictly: what one reader might take otherwise than another is refused.
func TestParseMapping(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(mapping(t, "uupt"))
	require.NoError(t, err)
	good := string(raw)
	for says, text := range map[string]string{
		"EOF":            "",
		"unknown field":  strings.Replace(good, `"unit"`, `"units":1,"unit"`, 1),
		"given twice":    strings.Replace(good, `"unit":"yuan"`, `"unit":"yuan","unit":"fen"`, 1),
		"behind its end": good + "{}",
		"cannot":         `["uupt"]`,
		`unit: "jiao"`:   strings.Replace(good, `"yuan"`, `"jiao"`, 1),
	} {
		_, err := bill.Parse([]byte(text))
		require.ErrorContains(t, err, says, text)
	}
	m, err := bill.Parse(raw)
	require.NoError(t, err)
	require.Equal(t, mapping(t, "uupt"), m)
}

// A form of one's own: other columns between, 分, given amounts with a minus, a date for a time.
func TestOwnMapping(t *testing.T) {
	t.Parallel()
	m, err := bill.Parse([]byte(`{
		"name": "own", "encoding": "utf-8", "comma": ";", "unit": "fen", "sign": "given_negative", "time": "20060102",
		"columns": [
			{"name": "no", "footer": "rows"}, {"name": "remark", "footer": "label"}, {"name": "waybill", "is": "carrier_no"},
			{"name": "what", "is": "kind"}, {"name": "fen", "is": "amount", "footer": "total"}, {"name": "date", "is": "at"}
		],
		"kinds": {"base": "fee", "extra": "fee", "back": "refund"}, "footer": "end"
	}`))
	require.NoError(t, err)
	got, r := read(t, m, strings.NewReader("no;remark;waybill;what;fen;date\n"+
		"1;\"a; b \"\"c\"\"\";W1;base;500;20261123\n"+
		"2;;W1;extra;100;20261123\n"+
		"3;;W1;back;-200;20261123\n"+
		"3;end;;;400;\n"))
	require.Empty(t, got.bad)
	require.Equal(t, bill.Footer{Rows: 3, Net: 400}, r.Footer())
	require.Equal(t, []bill.Line{
		{No: 2, CarrierNo: "W1", Kind: bill.Fee, Amount: 500, At: shanghai("00:00:00"), Raw: `1;"a; b ""c""";W1;base;500;20261123`},
		{No: 3, CarrierNo: "W1", Kind: bill.Fee, Amount: 100, At: shanghai("00:00:00"), Raw: "2;;W1;extra;100;20261123"},
		{No: 4, CarrierNo: "W1", Kind: bill.Refund, Amount: 200, At: shanghai("00:00:00"), Raw: "3;;W1;back;-200;20261123"},
	}, got.lines)
}
