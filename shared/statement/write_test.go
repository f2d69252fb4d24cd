package statement_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/statement"
)

var update = flag.Bool("update", false, "write the golden files anew")

// lines of a small statement: one late, one reversed, one whose number looks like a formula.
var lines = []statement.Line{
	{EntryID: 1, OrderID: 247000000000000001, OrderNo: "2026112300000000001", Kind: statement.Delivery, Amount: 1250, Reason: "income", At: day(9).Add(4 * time.Hour)},
	{EntryID: 3, OrderID: 247000000000000002, OrderNo: "=HYPERLINK(1)", Kind: statement.Delivery, Amount: 123456789, Reason: "income", At: day(10).Add(time.Hour)},
	{EntryID: 9, OrderID: 247000000000000003, OrderNo: "mt-<b>3", Kind: statement.Delivery, Amount: 900, Reason: "income", At: day(8).Add(23 * time.Hour)},
	{EntryID: 11, OrderID: 247000000000000003, OrderNo: "mt-<b>3", Kind: statement.Delivery, Amount: -900, Reason: "reversal:income", At: day(10).Add(2 * time.Hour)},
	{EntryID: 5, OrderID: 247000000000000004, OrderNo: "mt-4", Kind: statement.Penalty, Amount: 300, Reason: "penalty_in:customer", At: day(9).Add(5 * time.Hour)},
	{EntryID: 13, Kind: statement.Compensation, Amount: -2000, Reason: "compensation:damaged", At: day(10).Add(3 * time.Hour)},
}

func small() statement.Statement {
	s := statement.Statement{ID: 7, Platform: "meituan", Seq: 3, Revision: 1, From: day(9), Until: day(11), ToID: 13, Entries: len(lines), Lines: len(lines), State: statement.PartPaid, Paid: 100000,
		By: "li", At: time.Date(2026, 11, 11, 1, 2, 3, 0, time.UTC)}
	for _, l := range lines {
		s.Earned = s.Earned.With(l.Kind, l.Amount)
	}
	s.Total = s.Earned.Net()
	return s
}

func source(list []statement.Line) statement.Source {
	return func(each func(statement.Line) error) error {
		for _, l := range list {
			if err := each(l); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	revised := small()
	revised.Revision, revised.Rejected, revised.State = 2, 300, statement.Issued
	for name, write := range map[string]func(io.Writer) error{
		"small.csv":    func(w io.Writer) error { return statement.WriteCSV(w, small(), source(lines)) },
		"small.html":   func(w io.Writer) error { return statement.WritePage(w, small(), source(lines)) },
		"revised.html": func(w io.Writer) error { return statement.WritePage(w, revised, source(lines)) },
	} {
		var got bytes.Buffer
		require.NoError(t, write(&got), name)
		path := filepath.Join("testdata", name)
		if *update {
			require.NoError(t, os.WriteFile(path, got.Bytes(), 0o600))
		}
		want, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, string(want), got.String(), name)
	}
}

func TestCSVIsSafeToOpen(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	require.NoError(t, statement.WriteCSV(&got, small(), source(lines)))
	text, marked := strings.CutPrefix(got.String(), "\uFEFF")
	require.True(t, marked, "a spreadsheet takes it for GBK without the mark")
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, len(lines)+2)
	require.Equal(t, []string{"1", "2026-11-09", "配送费", "2026112300000000001\t", "247000000000000001\t", "12.50", "2026-11-09 04:00:00", "配送完成", ""}, rows[1])
	require.Equal(t, "'=HYPERLINK(1)", rows[2][3])
	require.Equal(t, "是", rows[3][8], "an event of a day before the statement's")
	require.Equal(t, []string{"-9.00", "冲正 配送完成"}, []string{rows[4][5], rows[4][7]})
	require.Equal(t, []string{"合计", "6", "", "", "", "1234563.39", "", "", ""}, rows[7])
	for _, row := range rows {
		for i, field := range row {
			if field != "" && i != 5 { // amounts are numbers
				require.NotContains(t, "=+-@\t\r", field[:1], field)
			}
		}
	}
}

// An order's number is text, whatever a spreadsheet would rather see in it: a sum, a date, a
// number without its zeros or in powers of ten.
func TestOrderNumbersStayText(t *testing.T) {
	t.Parallel()
	for no, want := range map[string]string{
		"20261123": "20261123", "mt-4": "mt-4", "京东-1": "京东-1", "0": "0", // as they are
		"0012345": "0012345\t", "12E34": "12E34\t", "1e5": "1e5\t", "11-23": "11-23\t", "11/23": "11/23\t", "12:30": "12:30\t", "1.50": "1.50\t", "1,234": "1,234\t", "5%": "5%\t",
		"1234567890123456": "1234567890123456\t", ".5": ".5\t", "(5)": "(5)\t", "$5": "$5\t", "¥5": "¥5\t", "￥5": "￥5\t", "１２": "１２\t",
		"-5": "'-5", "+5": "'+5", "@x": "'@x", "\t=1": "'\t=1", "＝1": "'＝1", " =1": "' =1", "\u00a0=1": "'\u00a0=1", "\u3000-1": "'\u3000-1", " 5": " 5\t",
		"a,\"b\"\nc": "a,\"b\"\nc",
	} {
		l := lines[0]
		l.OrderNo = no
		s := small()
		s.Lines, s.Total = 1, l.Amount
		var got bytes.Buffer
		require.NoError(t, statement.WriteCSV(&got, s, source([]statement.Line{l})))
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(got.String(), "\uFEFF"))).ReadAll()
		require.NoError(t, err)
		require.Len(t, rows, 3, "%q", no)
		require.Equal(t, want, rows[1][3], "%q", no)
	}
}

func TestPageKeepsToItself(t *testing.T) {
	t.Parallel()
	var got bytes.Buffer
	require.NoError(t, statement.WritePage(&got, small(), source(lines)))
	page := got.String()
	require.NotContains(t, page, "<b>3", "text is never markup")
	require.NotContains(t, page, "http", "no outside host")
	require.NotContains(t, page, "<script")
	for _, want := range []string{"@page { size: A4", "break-before: page", "对账单 <small>Statement</small>", "meituan-0003", "2026-11-09 – 2026-11-10", "往期补记 late", "1,234,563.39", "小计 subtotal", "部分付款"} {
		require.Contains(t, page, want)
	}
	require.Contains(t, statement.PageSecurity, "style-src 'sha256-")
}

// A statement that says something else than its lines is not written as if nothing were.
func TestLinesMustAgree(t *testing.T) {
	t.Parallel()
	lost := errors.New("connection lost")
	for name, x := range map[string]struct {
		change func(*statement.Statement)
		source statement.Source
		says   string
	}{
		"a line less":   {func(*statement.Statement) {}, source(lines[1:]), "its lines are 5"},
		"another total": {func(s *statement.Statement) { s.Total++ }, source(lines), "1234563.40"},
		"a broken read": {func(*statement.Statement) {}, func(func(statement.Line) error) error { return lost }, "connection lost"},
	} {
		s := small()
		x.change(&s)
		require.ErrorContains(t, statement.WriteCSV(io.Discard, s, x.source), x.says, name)
		require.ErrorContains(t, statement.WritePage(io.Discard, s, x.source), x.says, name)
	}
	full := fmt.Errorf("disk full")
	require.ErrorIs(t, statement.WriteCSV(failing{full}, small(), source(lines)), full)
	require.ErrorIs(t, statement.WritePage(failing{full}, small(), source(lines)), full)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// However many lines pass through, none is kept: 600,000 would take ten times of what is allowed.
func TestLongStatementStreams(t *testing.T) {
	t.Parallel()
	const n, often = 600_000, 100_000
	s := small()
	s.Lines, s.Total = n, n*1250
	begin, most := live(), int64(0)
	long := func(each func(statement.Line) error) error {
		for i := range int64(n) {
			if err := each(statement.Line{EntryID: i, OrderID: 247000000000000000 + i, OrderNo: "2026112300000000001", Kind: statement.Delivery, Amount: 1250, Reason: "income", At: day(9).Add(time.Duration(i%172800) * time.Second)}); err != nil {
				return err
			}
			if i%often == often-1 {
				most = max(most, live())
			}
		}
		return nil
	}
	var page, file counter
	require.NoError(t, statement.WritePage(&page, s, long))
	require.Less(t, int64(page), int64(64<<10), "the days, not the lines")
	require.NoError(t, statement.WriteCSV(&file, s, long))
	require.Greater(t, int64(file), int64(n*80))
	require.Less(t, most-begin, int64(8<<20))
}

// live is what the heap really holds.
func live() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
