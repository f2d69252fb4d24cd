package bill_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
)

func seq(lines []bill.Line) iter.Seq[bill.Line] { return slices.Values(lines) }

const uuRow = "U1,1001,配送费,8.50,2026-11-23 12:00:00\n"

// Files of which nothing may be booked, by what is wrong with them.
func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	good := uu(uuRow, 1, "8.50")
	utf16 := func(text string, low int) string {
		var b strings.Builder
		for _, r := range text {
			pair := [2]byte{byte(r >> 8), byte(r)}
			b.WriteByte(pair[low])
			b.WriteByte(pair[1-low])
		}
		return b.String()
	}
	for _, c := range []struct {
		name, file string
		encoding   bill.Encoding
		reason     bill.Reason
		says       string
	}{
		{"of no byte", "", bill.Auto, bill.ReasonEmpty, "fetch it again"},
		{"of a byte order mark", "\ufeff", bill.Auto, bill.ReasonEmpty, "fetch it again"},
		{"of blank rows", "\n \r\n", bill.Auto, bill.ReasonEmpty, "fetch it again"},

		{"another carrier's", "sf_order_id,shop_order_id,fee_type,amount,trade_time\nTOTAL,0,,0.00,\n", bill.Auto, bill.ReasonHeader, "订单编号,商户订单号"},
		{"without a header", uuRow + "合计,1,,8.50,\n", bill.Auto, bill.ReasonHeader, "U1,1001"},
		{"a column less", strings.Replace(good, ",发生时间", "", 1), bill.Auto, bill.ReasonHeader, "发生时间"},
		{"a column more", strings.Replace(good, "发生时间", "发生时间,备注", 1), bill.Auto, bill.ReasonHeader, "备注"},
		{"columns in another order", strings.Replace(good, "订单编号,商户订单号", "商户订单号,订单编号", 1), bill.Auto, bill.ReasonHeader, ""},
		{"a page of HTML", "<!DOCTYPE html>\n<title>请登录</title>\n", bill.Auto, bill.ReasonHeader, "html"},
		{"an endless header", strings.Repeat("订单编号,", 10000), bill.Auto, bill.ReasonHeader, ""},

		{"GBK for UTF-8", gbk(t, good), bill.UTF8, bill.ReasonEncoding, "GBK"},
		{"UTF-8 for GBK", good, bill.GBK, bill.ReasonEncoding, "UTF-8"},
		{"UTF-8 with a mark for GBK", "\ufeff" + good, bill.GBK, bill.ReasonEncoding, "UTF-8"},
		{"UTF-16 little end first", "\xff\xfe" + utf16(good, 1), bill.Auto, bill.ReasonEncoding, "UTF-16"},
		{"UTF-16 big end first", "\xfe\xff" + utf16(good, 0), bill.Auto, bill.ReasonEncoding, "UTF-16"},
		{"UTF-16 without a mark", utf16("a,b\n"+good, 1), bill.Auto, bill.ReasonEncoding, "UTF-16"},
		{"broken bytes", strings.Replace(good, "配送费", "\xe9\x85\xff", 1), bill.Auto, bill.ReasonEncoding, "line 2"},
		{"broken bytes of GBK", strings.Replace(gbk(t, good), gbk(t, "配送费"), "\xff\xff", 1), bill.GBK, bill.ReasonEncoding, "line 2"},
		{"UTF-8, then GBK", uuHeader + uuRow + gbk(t, uuRow) + "合计,2,,17.00,\n", bill.Auto, bill.ReasonEncoding, "line 3"},
		{"a workbook", "PK\x03\x04\x14\x00\x06\x00", bill.Auto, bill.ReasonEncoding, "xlsx"},
		{"an old workbook", "\xd0\xcf\x11\xe0\xa1\xb1", bill.Auto, bill.ReasonEncoding, "xls"},
		{"packed", "\x1f\x8b\x08\x00", bill.Auto, bill.ReasonEncoding, "unpack"},

		{"the header alone", uuHeader, bill.Auto, bill.ReasonTruncated, "line 1"},
		{"no footer", uuHeader + uuRow, bill.Auto, bill.ReasonTruncated, "line 2"},
		{"cut within a line", uuHeader + uuRow + "U2,1001,配", bill.Auto, bill.ReasonTruncated, "line 3"},
		{"cut within a sign", uuHeader + uuRow + "U2,1001,\xe9\x85", bill.Auto, bill.ReasonTruncated, "line 3"},
		{"cut within a sign of GBK", gbk(t, uuHeader+uuRow) + "U2,1001,\xc5", bill.Auto, bill.ReasonTruncated, "line 3"},
		{"cut within the footer", uuHeader + uuRow + "合计,1,,8.", bill.Auto, bill.ReasonTruncated, "line 3"},

		{"footer without a number", uuHeader + uuRow + "合计,,,8.50,\n", bill.Auto, bill.ReasonFooter, "number of rows"},
		{"footer with a negative number", uuHeader + uuRow + "合计,-1,,8.50,\n", bill.Auto, bill.ReasonFooter, "number of rows"},
		{"footer without a total", uuHeader + uuRow + "合计,1,,,\n", bill.Auto, bill.ReasonFooter, "total"},
		{"footer with a fraction", uuHeader + uuRow + "合计,1,,8.505,\n", bill.Auto, bill.ReasonFooter, "分"},
		{"footer of other columns", uuHeader + uuRow + "合计,1,8.50\n", bill.Auto, bill.ReasonFooter, "columns"},
		{"footer in the middle", uuHeader + uuRow + "合计,1,,8.50,\n" + uuRow, bill.Auto, bill.ReasonFooter, "from line 4"},
		{"two files in one", good + good, bill.Auto, bill.ReasonFooter, "from line 4"},
		{"two footers", good + "合计,1,,8.50,\n", bill.Auto, bill.ReasonFooter, "from line 4"},
		{"something endless behind it", good + strings.Repeat("x", 1<<20), bill.Auto, bill.ReasonFooter, "from line 4"},

		{"a row less than it says", uu(uuRow, 2, "8.50"), bill.Auto, bill.ReasonCount, "says 2 rows, the file has 1"},
		{"a row more than it says", uu(uuRow+uuRow, 1, "17.00"), bill.Auto, bill.ReasonCount, "says 1 rows, the file has 2"},
		{"rows without any", uu("", 1, "0.00"), bill.Auto, bill.ReasonCount, "has 0"},
		{"a bad row less", uu(uuRow+"U2\n", 1, "8.50"), bill.Auto, bill.ReasonCount, "has 2"},
		{"another total", uu(uuRow, 1, "8.51"), bill.Auto, bill.ReasonTotal, "8.51元"},
		{"a total of the other sign", uu(uuRow, 1, "-8.50"), bill.Auto, bill.ReasonTotal, "-8.50元"},
		{"a total without the line of another day", uu(uuRow+uuRow+"U1,1001,小费,1.00,2026-11-22 12:00:00\n", 3, "17.00"), bill.Auto, bill.ReasonTotal, "18.00元"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := mapping(t, "uupt")
			m.Encoding = c.encoding
			got, r := read(t, m, strings.NewReader(c.file))
			var refused *bill.FileError
			require.ErrorAs(t, got.end, &refused)
			require.Equal(t, c.reason, refused.Reason, refused.Error())
			require.ErrorContains(t, refused, c.says)
			require.ErrorContains(t, refused, "refused: "+string(c.reason))
			if r != nil {
				require.Empty(t, r.Sum(), "not the sum of a whole file")
				require.Zero(t, r.Footer())
			}
		})
	}
}

// Each column of a wide form has a total of its own, so that two mistakes cannot hide each other.
func TestWideTotals(t *testing.T) {
	t.Parallel()
	const header = "达达单号,商户单号,运费,小费,违约金,退款,赔付,完成时间\n"
	const row = "D1,1001,8.50,2.00,,,,2026-11-23 12:00:00\n"
	got, _ := read(t, mapping(t, "dada"), strings.NewReader(header+row+"合计,1,8.50,2.00,0.00,0.00,0.00,\n"))
	require.Equal(t, io.EOF, got.end)
	var refused *bill.FileError
	got, _ = read(t, mapping(t, "dada"), strings.NewReader(header+row+"合计,1,2.00,8.50,0.00,0.00,0.00,\n"))
	require.ErrorAs(t, got.end, &refused)
	require.Equal(t, bill.ReasonTotal, refused.Reason)
	require.ErrorContains(t, refused, "运费")
}

// A day without a charge has a bill without a line.
func TestDayWithoutLines(t *testing.T) {
	t.Parallel()
	for _, carrier := range bill.Defaults() {
		var file bytes.Buffer
		require.NoError(t, bill.Write(&file, mapping(t, carrier), seq(nil)))
		got, r := read(t, mapping(t, carrier), &file)
		require.Equal(t, outcome{end: io.EOF}, got, carrier)
		require.Zero(t, r.Footer())
		require.NotEmpty(t, r.Sum())
	}
}

// The total of a file with a line that cannot be read says nothing; its number of rows still does.
func TestTotalWithBadLines(t *testing.T) {
	t.Parallel()
	got, r := read(t, mapping(t, "uupt"), strings.NewReader(uu(uuRow+"U2,1001,配送费,8.505,2026-11-23 12:00:00\n", 2, "17.01")))
	require.Equal(t, io.EOF, got.end)
	require.Len(t, got.bad, 1)
	require.Equal(t, bill.Footer{Rows: 2, Net: 1701}, r.Footer())
}

// A file is another day's when more of its rows are of other days than of its own.
func TestFileForAnotherDay(t *testing.T) {
	t.Parallel()
	rows := func(own, other int) string {
		other1 := strings.Replace(uuRow, "11-23", "11-22", 1)
		file := strings.Repeat(uuRow, own) + strings.Repeat(other1, other)
		return uu(file, own+other, (money.Fen(850) * money.Fen(own+other)).Yuan())
	}
	for _, c := range []struct {
		own, other int
		refused    bool
	}{{1, 0, false}, {0, 1, true}, {1, 1, false}, {1, 2, true}, {50, 50, false}, {50, 51, true}, {2, 1, false}} {
		got, _ := read(t, mapping(t, "uupt"), strings.NewReader(rows(c.own, c.other)))
		require.Len(t, got.lines, c.own)
		require.Len(t, got.bad, c.other)
		if !c.refused {
			require.Equal(t, io.EOF, got.end)
			continue
		}
		var refused *bill.FileError
		require.ErrorAs(t, got.end, &refused)
		require.Equal(t, bill.ReasonDay, refused.Reason)
		require.ErrorContains(t, refused, "the first of 2026-11-22")
	}

	// Without a single row of its own it is not read to its end, where millions would be disputed.
	got, r := read(t, mapping(t, "uupt"), strings.NewReader(rows(0, 5000)))
	var refused *bill.FileError
	require.ErrorAs(t, got.end, &refused)
	require.Equal(t, bill.ReasonDay, refused.Reason)
	require.Len(t, got.bad, 1000)
	require.Less(t, r.Offset(), int64(100_000))
}

// Every file that is cut somewhere is refused, whatever the form and the place.
func TestCutAnywhere(t *testing.T) {
	t.Parallel()
	lines := []bill.Line{
		{CarrierNo: "A1", ClientNo: "1001", Kind: bill.Fee, Amount: 123450, At: noon},
		{CarrierNo: "A1", ClientNo: "1001", Kind: bill.Tip, Amount: 200, At: noon},
		{CarrierNo: "A2", Kind: bill.Refund, Amount: 50, At: noon.Add(time.Second)},
	}
	for _, carrier := range bill.Defaults() {
		for _, encoding := range []bill.Encoding{bill.UTF8, bill.GBK, bill.Auto} {
			t.Run(fmt.Sprintf("%s %s", carrier, encoding), func(t *testing.T) {
				t.Parallel()
				m := mapping(t, carrier)
				m.Encoding = encoding
				var file bytes.Buffer
				require.NoError(t, bill.Write(&file, m, seq(lines)))
				whole := strings.TrimSuffix(file.String(), "\n")
				got, _ := read(t, m, strings.NewReader(whole))
				require.Equal(t, io.EOF, got.end)
				for n := range len(whole) {
					got, _ := read(t, m, strings.NewReader(whole[:n]))
					var refused *bill.FileError
					require.ErrorAs(t, got.end, &refused, "cut at byte %d of %d", n, len(whole))
				}
			})
		}
	}
}

// What the file is read from may give it byte by byte, and may fail.
func TestReadersBelow(t *testing.T) {
	t.Parallel()
	file := "\ufeff" + uu(strings.Repeat(uuRow, 3000), 3000, "25500.00") + "\n"
	want, _ := read(t, mapping(t, "uupt"), strings.NewReader(file))
	require.Equal(t, io.EOF, want.end)
	for _, slow := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
		got, r := read(t, mapping(t, "uupt"), slow(strings.NewReader(file)))
		require.Equal(t, want, got)
		require.Equal(t, int64(len(file)), r.Offset())
		sum := sha256.Sum256([]byte(file))
		require.Equal(t, hex.EncodeToString(sum[:]), r.Sum())
	}

	broken := errors.New("the disk is gone")
	for _, n := range []int{0, 2, 100, 70_000, len(file) - 1} {
		got, r := read(t, mapping(t, "uupt"), io.MultiReader(strings.NewReader(file[:n]), iotest.ErrReader(broken)))
		require.ErrorIs(t, got.end, broken, "after %d bytes", n)
		if r != nil {
			require.Empty(t, r.Sum())
		}
	}
}

// However long a file or a row is, memory is not: a row of 64 MiB costs no more than a short one.
// Not parallel: it measures what the whole process allocates.
func TestBoundedMemory(t *testing.T) {
	endless := io.LimitReader(constant('x'), 64<<20)
	file := io.MultiReader(strings.NewReader(uuHeader+uuRow), endless, strings.NewReader("\n合计,2,,8.50,\n"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, r := read(t, mapping(t, "uupt"), file)
	runtime.ReadMemStats(&after)
	require.Equal(t, io.EOF, got.end)
	require.Len(t, got.bad, 1)
	require.Equal(t, bill.ReasonOversize, got.bad[0].Reason)
	require.Greater(t, r.Offset(), int64(64<<20))
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20))
}

// constant is a reader of one byte for ever.
type constant byte

func (c constant) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(c)
	}
	return len(p), nil
}

// A day is written as 2026-11-23, and a mapping that is wrong reads nothing.
func TestOpenRefusesItsArguments(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{"", "2026-11-32", "23.11.2026", "2026-11-23 12:00:00"} {
		_, err := bill.Open(strings.NewReader(uu(uuRow, 1, "8.50")), mapping(t, "uupt"), wrong)
		require.ErrorContains(t, err, "2026-11-23", wrong)
		var refused *bill.FileError
		require.False(t, errors.As(err, &refused), "the file is not to blame")
	}
	_, err := bill.Open(strings.NewReader(uu(uuRow, 1, "8.50")), bill.Mapping{}, day)
	require.ErrorContains(t, err, "columns: none is carrier_no")
	require.ErrorContains(t, bill.Write(io.Discard, bill.Mapping{}, seq(nil)), "columns: none is carrier_no")
}
