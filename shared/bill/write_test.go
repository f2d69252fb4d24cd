package bill_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
)

// anyLine draws a line of the day.
func anyLine() *rapid.Generator[bill.Line] {
	return rapid.Custom(func(t *rapid.T) bill.Line {
		return bill.Line{
			CarrierNo: rapid.StringMatching(`[A-Z0-9"',;|\-]{1,20}`).Draw(t, "carrier no"),
			ClientNo:  rapid.StringMatching(`[0-9]{0,22}`).Draw(t, "client no"),
			Kind:      rapid.SampledFrom(bill.Kinds).Draw(t, "kind"),
			Amount:    money.Fen(rapid.Int64Range(1, 1_000_000_000).Draw(t, "fen")),
			At:        shanghai("00:00:00").Add(time.Duration(rapid.Int64Range(0, 86399).Draw(t, "second")) * time.Second),
		}
	})
}

// What is written in any form is read back the same, and its total is the sum of its lines.
func TestWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := mapping(t, rapid.SampledFrom(bill.Defaults()).Draw(rt, "carrier"))
		m.Encoding = rapid.SampledFrom([]bill.Encoding{bill.UTF8, bill.GBK, bill.Auto}).Draw(rt, "encoding")
		m.Sign = rapid.SampledFrom([]bill.Sign{bill.Unsigned, bill.TakenNegative, bill.GivenNegative}).Draw(rt, "sign")
		m.Unit = rapid.SampledFrom([]bill.Unit{bill.Yuan, bill.FenUnit}).Draw(rt, "unit")
		m.Thousands = rapid.SampledFrom([]string{"", ","}).Draw(rt, "thousands")
		m.Comma = rapid.SampledFrom([]string{",", ";", "|", "\t"}).Draw(rt, "comma")
		lines := rapid.SliceOfN(anyLine(), 0, 30).Draw(rt, "lines")

		var file bytes.Buffer
		require.NoError(rt, bill.Write(&file, m, seq(lines)))
		got, r := read(t, m, &file)
		require.Equal(rt, io.EOF, got.end)
		require.Empty(rt, got.bad)
		require.Len(rt, got.lines, len(lines))
		net, last := money.Fen(0), 1
		for i, l := range got.lines {
			want := lines[i]
			want.No, want.Raw = l.No, l.Raw
			require.Equal(rt, want, l)
			require.True(rt, l.No == last+1 || (m.Wide() && l.No == last), "rows are numbered without gaps")
			last = l.No
			net += l.Kind.Net(l.Amount)
		}
		require.Equal(rt, bill.Footer{Rows: last - 1, Net: net}, r.Footer())
	})
}

// A wide form joins what is of one waybill and instant; a second fee of it needs a row of its own.
func TestWideRowsAreJoined(t *testing.T) {
	t.Parallel()
	m := mapping(t, "dada")
	m.Encoding = bill.UTF8
	var file strings.Builder
	require.NoError(t, bill.Write(&file, m, seq([]bill.Line{
		{CarrierNo: "D1", ClientNo: "1", Kind: bill.Tip, Amount: 100, At: noon},
		{CarrierNo: "D1", ClientNo: "1", Kind: bill.Fee, Amount: 500, At: noon},
		{CarrierNo: "D1", ClientNo: "1", Kind: bill.Fee, Amount: 500, At: noon},
		{CarrierNo: "D1", ClientNo: "1", Kind: bill.Refund, Amount: 500, At: noon.Add(time.Second)},
		{CarrierNo: "D2", ClientNo: "2", Kind: bill.Compensation, Amount: 700, At: noon.Add(time.Second)},
	})))
	require.Equal(t, "达达单号,商户单号,运费,小费,违约金,退款,赔付,完成时间\n"+
		"D1,1,5.00,1.00,,,,2026-11-23 12:00:00\n"+
		"D1,1,5.00,,,,,2026-11-23 12:00:00\n"+
		"D1,1,,,,5.00,,2026-11-23 12:00:01\n"+
		"D2,2,,,,,7.00,2026-11-23 12:00:01\n"+
		"合计,4,10.00,1.00,0.00,5.00,7.00,\n", file.String())
}

// broken is a writer that fails.
type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

func TestWriteErrors(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	for _, encoding := range []bill.Encoding{bill.UTF8, bill.GBK} {
		m := mapping(t, "uupt")
		m.Encoding = encoding
		require.ErrorIs(t, bill.Write(broken{full}, m, dayOf(1)), full)
		require.ErrorIs(t, bill.Write(broken{full}, m, dayOf(100_000)), full)
	}
	narrow := mapping(t, "uupt")
	delete(narrow.Kinds, "小费")
	for name, l := range map[string]bill.Line{
		"no kind":             {CarrierNo: "U1", Amount: 1, At: noon},
		"a kind without word": {CarrierNo: "U1", Kind: bill.Tip, Amount: 1, At: noon},
		"nothing":             {CarrierNo: "U1", Kind: bill.Fee, At: noon},
		"less than nothing":   {CarrierNo: "U1", Kind: bill.Fee, Amount: -1, At: noon},
		"no waybill":          {Kind: bill.Fee, Amount: 1, At: noon},
	} {
		require.ErrorContains(t, bill.Write(io.Discard, narrow, seq([]bill.Line{l})), "no place", name)
	}
}
