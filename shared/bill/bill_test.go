package bill_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
)

// outcome is all that a reader says about a file.
type outcome struct {
	lines []bill.Line
	bad   []*bill.LineError
	end   error // io.EOF = the file is whole
}

// read reads a file to its end.
func read(t testing.TB, m bill.Mapping, file io.Reader) (outcome, *bill.Reader) {
	t.Helper()
	r, err := bill.Open(file, m, day)
	if err != nil {
		return outcome{end: err}, nil
	}
	var all outcome
	for {
		l, err := r.Next()
		var bad *bill.LineError
		switch {
		case err == nil:
			all.lines = append(all.lines, l)
		case errors.As(err, &bad):
			require.Zero(t, l)
			all.bad = append(all.bad, bad)
		default:
			_, again := r.Next()
			require.Equal(t, err, again, "the end stays the end")
			all.end = err
			return all, r
		}
	}
}

func mapping(t testing.TB, carrier string) bill.Mapping {
	t.Helper()
	m, err := bill.Default(carrier)
	require.NoError(t, err)
	return m
}

// shanghai is an instant of the day by the clock there.
func shanghai(clock string) time.Time {
	at, err := time.Parse("2006-01-02 15:04:05 -0700", day+" "+clock+" +0800")
	if err != nil {
		panic(err)
	}
	return at.UTC()
}

func gbk(t testing.TB, text string) string {
	t.Helper()
	encoded, err := simplifiedchinese.GBK.NewEncoder().String(text)
	require.NoError(t, err)
	return encoded
}

const uuHeader = "订单编号,商户订单号,费用类型,金额(元),发生时间\n"

// uu is a bill of UU跑腿 with these rows and a footer for so many rows and this net total.
func uu(rows string, n int, net string) string {
	return uuHeader + rows + fmt.Sprintf("合计,%d,,%s,\n", n, net)
}

// One small bill of each carrier, byte for byte as docs/bills.md describes it.
func TestDefaultForms(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		carrier, file string
		want          []bill.Line
		footer        bill.Footer
	}{
		{
			carrier: "uupt",
			file: "\ufeff" + strings.ReplaceAll(uu("U1,1001,配送费,8.50,2026-11-23 00:00:00\n"+
				"U1,1001,小费,2.00,2026-11-23 12:00:01\n"+
				"U2,,违约金,3.00,2026-11-23 12:00:02\n"+
				"U3,3001,退款,1.00,2026-11-23 12:00:03\n"+
				"U4,4001,赔付,20.00,2026-11-23 23:59:59\n", 5, "-7.50"), "\n", "\r\n"),
			want: []bill.Line{
				{No: 2, CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: shanghai("00:00:00"), Raw: "U1,1001,配送费,8.50,2026-11-23 00:00:00"},
				{No: 3, CarrierNo: "U1", ClientNo: "1001", Kind: bill.Tip, Amount: 200, At: shanghai("12:00:01"), Raw: "U1,1001,小费,2.00,2026-11-23 12:00:01"},
				{No: 4, CarrierNo: "U2", Kind: bill.Penalty, Amount: 300, At: shanghai("12:00:02"), Raw: "U2,,违约金,3.00,2026-11-23 12:00:02"},
				{No: 5, CarrierNo: "U3", ClientNo: "3001", Kind: bill.Refund, Amount: 100, At: shanghai("12:00:03"), Raw: "U3,3001,退款,1.00,2026-11-23 12:00:03"},
				{No: 6, CarrierNo: "U4", ClientNo: "4001", Kind: bill.Compensation, Amount: 2000, At: shanghai("23:59:59"), Raw: "U4,4001,赔付,20.00,2026-11-23 23:59:59"},
			},
			footer: bill.Footer{Rows: 5, Net: -750},
		},
		{
			carrier: "shansong",
			file: gbk(t, "闪送订单号,第三方单号,交易类型,金额（分）,交易时间\n"+
				"S1,1001,订单支付,1850,2026/11/23 12:00:00\n"+
				"S1,1001,加小费,200,2026/11/23 12:00:00\n"+
				"S2,2001,取消扣费,500,2026/11/23 12:00:01\n"+
				"S3,3001,退款,50,2026/11/23 12:00:02\n"+
				"S4,4001,赔付,1000,2026/11/23 12:00:03\n"+
				"合计,5,,1500,\n"),
			want: []bill.Line{
				{No: 2, CarrierNo: "S1", ClientNo: "1001", Kind: bill.Fee, Amount: 1850, At: shanghai("12:00:00"), Raw: "S1,1001,订单支付,1850,2026/11/23 12:00:00"},
				{No: 3, CarrierNo: "S1", ClientNo: "1001", Kind: bill.Tip, Amount: 200, At: shanghai("12:00:00"), Raw: "S1,1001,加小费,200,2026/11/23 12:00:00"},
				{No: 4, CarrierNo: "S2", ClientNo: "2001", Kind: bill.Penalty, Amount: 500, At: shanghai("12:00:01"), Raw: "S2,2001,取消扣费,500,2026/11/23 12:00:01"},
				{No: 5, CarrierNo: "S3", ClientNo: "3001", Kind: bill.Refund, Amount: 50, At: shanghai("12:00:02"), Raw: "S3,3001,退款,50,2026/11/23 12:00:02"},
				{No: 6, CarrierNo: "S4", ClientNo: "4001", Kind: bill.Compensation, Amount: 1000, At: shanghai("12:00:03"), Raw: "S4,4001,赔付,1000,2026/11/23 12:00:03"},
			},
			footer: bill.Footer{Rows: 5, Net: 1500},
		},
		{
			carrier: "sftc",
			file: "sf_order_id,shop_order_id,fee_type,amount,trade_time\n" +
				"F1,1001,delivery,\"1,234.50\",1795406400\n" +
				"F1,1001,tip,2.00,1795406400\n" +
				"F2,2001,cancel,5.00,1795406401\n" +
				"F3,3001,refund,0.50,1795406402\n" +
				"F4,4001,claim,10.00,1795406403\n" +
				"TOTAL,5,,\"1,231.00\",\n",
			want: []bill.Line{
				{No: 2, CarrierNo: "F1", ClientNo: "1001", Kind: bill.Fee, Amount: 123450, At: shanghai("12:00:00"), Raw: `F1,1001,delivery,"1,234.50",1795406400`},
				{No: 3, CarrierNo: "F1", ClientNo: "1001", Kind: bill.Tip, Amount: 200, At: shanghai("12:00:00"), Raw: "F1,1001,tip,2.00,1795406400"},
				{No: 4, CarrierNo: "F2", ClientNo: "2001", Kind: bill.Penalty, Amount: 500, At: shanghai("12:00:01"), Raw: "F2,2001,cancel,5.00,1795406401"},
				{No: 5, CarrierNo: "F3", ClientNo: "3001", Kind: bill.Refund, Amount: 50, At: shanghai("12:00:02"), Raw: "F3,3001,refund,0.50,1795406402"},
				{No: 6, CarrierNo: "F4", ClientNo: "4001", Kind: bill.Compensation, Amount: 1000, At: shanghai("12:00:03"), Raw: "F4,4001,claim,10.00,1795406403"},
			},
			footer: bill.Footer{Rows: 5, Net: 123100},
		},
		{
			carrier: "fengniao",
			file: "运单号\t外部单号\t科目\t发生额\t时间\n" +
				"N1\t1001\t运费\t-8.50\t2026-11-23T12:00:00+08:00\n" +
				"N1\t1001\t小费\t-2.00\t2026-11-23T04:00:00Z\n" +
				"N2\t2001\t违约金\t-3.00\t2026-11-23T12:00:01+08:00\n" +
				"N3\t3001\t退款\t+1.00\t2026-11-23T12:00:02+08:00\n" +
				"N4\t4001\t赔付\t5.00\t2026-11-23T12:00:03+08:00\n" +
				"合计\t5\t\t-7.50\t\n",
			want: []bill.Line{
				{No: 2, CarrierNo: "N1", ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: shanghai("12:00:00"), Raw: "N1\t1001\t运费\t-8.50\t2026-11-23T12:00:00+08:00"},
				{No: 3, CarrierNo: "N1", ClientNo: "1001", Kind: bill.Tip, Amount: 200, At: shanghai("12:00:00"), Raw: "N1\t1001\t小费\t-2.00\t2026-11-23T04:00:00Z"},
				{No: 4, CarrierNo: "N2", ClientNo: "2001", Kind: bill.Penalty, Amount: 300, At: shanghai("12:00:01"), Raw: "N2\t2001\t违约金\t-3.00\t2026-11-23T12:00:01+08:00"},
				{No: 5, CarrierNo: "N3", ClientNo: "3001", Kind: bill.Refund, Amount: 100, At: shanghai("12:00:02"), Raw: "N3\t3001\t退款\t+1.00\t2026-11-23T12:00:02+08:00"},
				{No: 6, CarrierNo: "N4", ClientNo: "4001", Kind: bill.Compensation, Amount: 500, At: shanghai("12:00:03"), Raw: "N4\t4001\t赔付\t5.00\t2026-11-23T12:00:03+08:00"},
			},
			footer: bill.Footer{Rows: 5, Net: 750},
		},
		{
			carrier: "dada",
			file: "达达单号,商户单号,运费,小费,违约金,退款,赔付,完成时间\n" +
				"D1,1001,8.50,2.00,,0.00,,2026-11-23 12:00:00\n" +
				"D2,2001,,,3.00,,,2026-11-23 12:00:01\n" +
				"D3,3001,0.00,0.00,0.00,1.00,5.00,2026-11-23 12:00:02\n" +
				"D4,4001,,,,,,2026-11-23 12:00:03\n" +
				"合计,4,8.50,2.00,3.00,1.00,5.00,\n",
			want: []bill.Line{
				{No: 2, CarrierNo: "D1", ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: shanghai("12:00:00"), Raw: "D1,1001,8.50,2.00,,0.00,,2026-11-23 12:00:00"},
				{No: 2, CarrierNo: "D1", ClientNo: "1001", Kind: bill.Tip, Amount: 200, At: shanghai("12:00:00"), Raw: "D1,1001,8.50,2.00,,0.00,,2026-11-23 12:00:00"},
				{No: 3, CarrierNo: "D2", ClientNo: "2001", Kind: bill.Penalty, Amount: 300, At: shanghai("12:00:01"), Raw: "D2,2001,,,3.00,,,2026-11-23 12:00:01"},
				{No: 4, CarrierNo: "D3", ClientNo: "3001", Kind: bill.Refund, Amount: 100, At: shanghai("12:00:02"), Raw: "D3,3001,0.00,0.00,0.00,1.00,5.00,2026-11-23 12:00:02"},
				{No: 4, CarrierNo: "D3", ClientNo: "3001", Kind: bill.Compensation, Amount: 500, At: shanghai("12:00:02"), Raw: "D3,3001,0.00,0.00,0.00,1.00,5.00,2026-11-23 12:00:02"},
			},
			footer: bill.Footer{Rows: 4, Net: 750},
		},
	} {
		t.Run(c.carrier, func(t *testing.T) {
			t.Parallel()
			got, r := read(t, mapping(t, c.carrier), strings.NewReader(c.file))
			require.Equal(t, outcome{lines: c.want, end: io.EOF}, got)
			require.Equal(t, c.footer, r.Footer())
			require.Equal(t, int64(len(c.file)), r.Offset())
		})
	}
}

// Lines that are there twice, that are missing and that stand in another order are nothing that
// a file can tell: they pass, in the file's order.
func TestDuplicateMissingAndReorderedPass(t *testing.T) {
	t.Parallel()
	rows := "U2,2001,配送费,2.00,2026-11-23 13:00:00\n" + "U1,1001,配送费,1.00,2026-11-23 12:00:00\n" + "U2,2001,配送费,2.00,2026-11-23 13:00:00\n"
	got, _ := read(t, mapping(t, "uupt"), strings.NewReader(uu(rows, 3, "5.00")))
	require.Equal(t, io.EOF, got.end)
	require.Empty(t, got.bad)
	var order []string
	for _, l := range got.lines {
		order = append(order, l.CarrierNo)
	}
	require.Equal(t, []string{"U2", "U1", "U2"}, order)
}

// What is wrong with one line is told with its number, and the lines around it are read.
func TestBadLines(t *testing.T) {
	t.Parallel()
	const at = "2026-11-23 12:00:00"
	for _, c := range []struct {
		name, carrier, row string
		reason             bill.Reason
		want               bill.Line // what is read all the same
	}{
		{"negative", "uupt", "U1,1001,配送费,-8.50," + at, bill.ReasonNegative, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: noon}},
		{"three decimals", "uupt", "U1,1001,配送费,8.505," + at, bill.ReasonFraction, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"half a 分", "shansong", "S1,1001,订单支付,850.5,2026/11/23 12:00:00", bill.ReasonFraction, bill.Line{CarrierNo: "S1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"元 for 分", "shansong", "S1,1001,订单支付,8.50,2026/11/23 12:00:00", bill.ReasonFraction, bill.Line{CarrierNo: "S1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"no amount", "uupt", "U1,1001,配送费,," + at, bill.ReasonAmount, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"a word", "uupt", "U1,1001,配送费,八元," + at, bill.ReasonAmount, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"an exponent", "uupt", "U1,1001,配送费,1e3," + at, bill.ReasonAmount, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"a plus where there are no signs", "uupt", "U1,1001,配送费,+1.00," + at, bill.ReasonAmount, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"beyond any amount", "uupt", "U1,1001,配送费,99999999999.00," + at, bill.ReasonAmount, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"thousands where there are none", "uupt", `U1,1001,配送费,"1,000.00",` + at, bill.ReasonAmount, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"thousands in the wrong place", "sftc", `F1,1001,delivery,"10,00.00",1795406400`, bill.ReasonAmount, bill.Line{CarrierNo: "F1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"zero", "uupt", "U1,1001,配送费,0.00," + at, bill.ReasonZero, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"minus zero", "fengniao", "N1\t1001\t运费\t-0.00\t2026-11-23T12:00:00+08:00", bill.ReasonZero, bill.Line{CarrierNo: "N1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"taken with a plus", "fengniao", "N1\t1001\t运费\t8.50\t2026-11-23T12:00:00+08:00", bill.ReasonSign, bill.Line{CarrierNo: "N1", ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: noon}},
		{"given with a minus", "fengniao", "N1\t1001\t退款\t-8.50\t2026-11-23T12:00:00+08:00", bill.ReasonSign, bill.Line{CarrierNo: "N1", ClientNo: "1001", Kind: bill.Refund, Amount: 850, At: noon}},
		{"two signs", "fengniao", "N1\t1001\t运费\t+-8.50\t2026-11-23T12:00:00+08:00", bill.ReasonAmount, bill.Line{CarrierNo: "N1", ClientNo: "1001", Kind: bill.Fee, At: noon}},
		{"unknown kind", "uupt", "U1,1001,保险费,8.50," + at, bill.ReasonKind, bill.Line{CarrierNo: "U1", ClientNo: "1001", Amount: 850, At: noon}},
		{"no kind", "uupt", "U1,1001,,8.50," + at, bill.ReasonKind, bill.Line{CarrierNo: "U1", ClientNo: "1001", Amount: 850, At: noon}},
		{"bad time", "uupt", "U1,1001,配送费,8.50,2026-11-23 25:00:00", bill.ReasonTime, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, Amount: 850}},
		{"no such day", "uupt", "U1,1001,配送费,8.50,2026-02-30 12:00:00", bill.ReasonTime, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, Amount: 850}},
		{"no time", "uupt", "U1,1001,配送费,8.50,", bill.ReasonTime, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, Amount: 850}},
		{"no unix time", "sftc", "F1,1001,delivery,8.50,1795406400.5", bill.ReasonTime, bill.Line{CarrierNo: "F1", ClientNo: "1001", Kind: bill.Fee, Amount: 850}},
		{"the day before", "uupt", "U1,1001,配送费,8.50,2026-11-22 23:59:59", bill.ReasonDate, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: shanghai("00:00:00").Add(-time.Second)}},
		{"the day after", "uupt", "U1,1001,配送费,8.50,2026-11-24 00:00:00", bill.ReasonDate, bill.Line{CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: shanghai("00:00:00").AddDate(0, 0, 1)}},
		{"milliseconds for seconds", "sftc", "F1,1001,delivery,8.50,1795406400000", bill.ReasonDate, bill.Line{CarrierNo: "F1", ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: time.Unix(1795406400000, 0).UTC()}},
		{"no waybill", "uupt", ",1001,配送费,8.50," + at, bill.ReasonNumber, bill.Line{ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: noon}},
		{"rounded by a spreadsheet", "uupt", "1.23457E+17,1001,配送费,8.50," + at, bill.ReasonNumber, bill.Line{ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: noon}},
		{"two numbers in one", "uupt", "U1 U2,1001,配送费,8.50," + at, bill.ReasonNumber, bill.Line{ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: noon}},
		{"NUL in a number", "uupt", "U1\x00,1001,配送费,8.50," + at, bill.ReasonNumber, bill.Line{ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: noon}},
		{"a long number", "uupt", strings.Repeat("9", 65) + ",1001,配送费,8.50," + at, bill.ReasonOversize, bill.Line{ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: noon}},
		{"a long number of ours", "uupt", "U1," + strings.Repeat("9", 65) + ",配送费,8.50," + at, bill.ReasonOversize, bill.Line{CarrierNo: "U1", Kind: bill.Fee, Amount: 850, At: noon}},
		{"a long row", "uupt", "U1,1001,配送费,8.50," + strings.Repeat("x", 5<<10), bill.ReasonOversize, bill.Line{}},
		{"a row longer than any buffer", "uupt", "U1,1001,配送费,8.50," + strings.Repeat("费", 100<<10), bill.ReasonOversize, bill.Line{}},
		{"a column less", "uupt", "U1,1001,配送费,8.50", bill.ReasonColumns, bill.Line{}},
		{"a column more", "uupt", "U1,1001,配送费,8.50," + at + ",", bill.ReasonColumns, bill.Line{}},
		{"another comma", "uupt", "U1;1001;配送费;8.50;" + at, bill.ReasonColumns, bill.Line{}},
		{"a mark left open", "uupt", `"U1,1001,配送费,8.50,` + at, bill.ReasonQuote, bill.Line{}},
		{"a mark within a field", "uupt", `U"1",1001,配送费,8.50,` + at, bill.ReasonQuote, bill.Line{}},
		{"more behind a mark", "uupt", `"U1"2,1001,配送费,8.50,` + at, bill.ReasonQuote, bill.Line{}},
	} {
		t.Run(c.carrier+" "+c.name, func(t *testing.T) {
			t.Parallel()
			m := mapping(t, c.carrier)
			var good strings.Builder
			around := []bill.Line{{CarrierNo: "A1", Kind: bill.Fee, Amount: 100, At: noon}, {CarrierNo: "A2", Kind: bill.Tip, Amount: 200, At: noon}}
			m.Encoding = bill.UTF8
			require.NoError(t, bill.Write(&good, m, seq(around)))
			rows := strings.SplitAfter(good.String(), "\n")
			footer := strings.Replace(rows[3], "2", "3", 1)
			if c.want.Kind.Known() && c.want.Amount > 0 && c.reason != bill.ReasonNegative && c.reason != bill.ReasonSign { // in the total all the same
				footer = strings.Replace(footer, "3.00", "11.50", 1)
			}
			file := rows[0] + rows[1] + c.row + "\n" + rows[2] + footer

			got, _ := read(t, m, strings.NewReader(file))
			require.Equal(t, io.EOF, got.end)
			require.Len(t, got.lines, 2)
			require.Equal(t, []int{2, 4}, []int{got.lines[0].No, got.lines[1].No})
			require.Len(t, got.bad, 1)
			bad := got.bad[0]
			require.Equal(t, c.reason, bad.Reason, bad.Error())
			require.NotEmpty(t, bad.Detail)
			require.Equal(t, 3, bad.No)
			require.LessOrEqual(t, len(bad.Raw), 512)
			require.True(t, strings.HasPrefix(c.row, bad.Raw), bad.Raw)
			require.ErrorContains(t, bad, "line 3: "+string(c.reason))
			c.want.No, c.want.Raw = bad.No, bad.Raw
			require.Equal(t, c.want, bad.Line)
		})
	}
}

// In a wide form each amount stands for itself: one that is wrong leaves the others of its row. What
// is wrong with the row is wrong with each.
func TestBadCellsOfAWideForm(t *testing.T) {
	t.Parallel()
	m := mapping(t, "dada")
	got, r := read(t, m, strings.NewReader("达达单号,商户单号,运费,小费,违约金,退款,赔付,完成时间\n"+
		"D1,1001,8.50,2.005,,-1.00,,2026-11-23 12:00:00\n"+
		"D2,2001,8.50,2.00,,,,yesterday\n"+
		"合计,2,17.00,4.00,0.00,-1.00,,\n"))
	require.Equal(t, io.EOF, got.end)
	require.Equal(t, bill.Footer{Rows: 2, Net: 2200}, r.Footer())
	require.Len(t, got.lines, 1)
	require.Equal(t, bill.Fee, got.lines[0].Kind)
	type what struct {
		no     int
		kind   bill.Kind
		reason bill.Reason
		amount money.Fen
	}
	var all []what
	for _, b := range got.bad {
		all = append(all, what{b.No, b.Kind, b.Reason, b.Amount})
	}
	require.Equal(t, []what{
		{2, bill.Tip, bill.ReasonFraction, 0}, {2, bill.Refund, bill.ReasonNegative, 100},
		{3, bill.Fee, bill.ReasonTime, 850}, {3, bill.Tip, bill.ReasonTime, 200},
	}, all)
}

// Blanks around fields, blank rows, quotation marks and CRLF change nothing; rows keep their numbers.
func TestHarmlessVariants(t *testing.T) {
	t.Parallel()
	want := bill.Line{No: 2, CarrierNo: "U1", ClientNo: "1001", Kind: bill.Fee, Amount: 850, At: noon}
	for name, file := range map[string]string{
		"plain":                  uu("U1,1001,配送费,8.50,2026-11-23 12:00:00\n", 1, "8.50"),
		"no line end at the end": strings.TrimSuffix(uu("U1,1001,配送费,8.50,2026-11-23 12:00:00\n", 1, "8.50"), "\n"),
		"blanks":                 uu("\tU1\t, 1001 , 配送费, 8.50 ,2026-11-23 12:00:00 \n", 1, " 8.50"),
		"marks":                  uu("\"U1\",\"1001\",\"配送费\",\"8.50\",\"2026-11-23 12:00:00\"\n", 1, `"8.50"`),
		"blank rows at the end":  uu("U1,1001,配送费,8.50,2026-11-23 12:00:00\n", 1, "8.50") + "\r\n \n\n",
		"blank rows between":     uu("U1,1001,配送费,8.50,2026-11-23 12:00:00\n\n \t\n", 1, "8.50"),
		"more decimals of 0":     uu("U1,1001,配送费,8.5000,2026-11-23 12:00:00\n", 1, "8.5"),
		"GBK":                    gbk(t, uu("U1,1001,配送费,8.50,2026-11-23 12:00:00\n", 1, "8.50")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, r := read(t, mapping(t, "uupt"), strings.NewReader(file))
			require.Equal(t, io.EOF, got.end)
			require.Empty(t, got.bad)
			require.Len(t, got.lines, 1)
			got.lines[0].Raw = ""
			require.Equal(t, want, got.lines[0])
			require.Equal(t, bill.Footer{Rows: 1, Net: 850}, r.Footer())
			require.Equal(t, int64(len(file)), r.Offset())
		})
	}
}
