package statement

import (
	"bufio"
	"cmp"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// bom is how a spreadsheet knows that a file is UTF-8.
const bom = "\uFEFF"

var csvHead = []string{"序号", "业务日", "类型", "平台单号", "我方单号", "金额(元)", "发生时间", "事由", "往期"}

// WriteCSV writes every line of a statement as it comes: UTF-8 with a byte order mark, CRLF,
// a heading, a row per line and, as the last row, 合计 with the number of rows and the sum.
// A file without that row was cut off. It fails when the lines are not what the statement says.
func WriteCSV(w io.Writer, s Statement, lines Source) error {
	buffered := bufio.NewWriterSize(w, 64<<10)
	if _, err := buffered.WriteString(bom); err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	out := csv.NewWriter(buffered)
	out.UseCRLF = true
	if err := out.Write(csvHead); err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	var total Part
	record, first := make([]string, len(csvHead)), Day(s.From)
	err := lines(func(l Line) error {
		total.add(l.Amount)
		fillRecord(record, total.Lines, first, l)
		return out.Write(record)
	})
	if err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	if err := agree(s, total); err != nil {
		return err
	}
	if err := out.Write([]string{"合计", strconv.Itoa(total.Lines), "", "", "", total.Sum.Yuan(), "", "", ""}); err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	return nil
}

func fillRecord(record []string, no int, first string, l Line) {
	day := Day(l.At)
	title, _ := l.Kind.Title()
	late, id := "", ""
	if day < first {
		late = "是"
	}
	if l.OrderID != 0 {
		id = strconv.FormatInt(l.OrderID, 10)
	}
	copy(record, []string{strconv.Itoa(no), day, title, text(l.OrderNo), text(id), l.Amount.Yuan(), l.At.In(shanghai).Format("2006-01-02 15:04:05"), text(Cause(l.Reason)), late})
}

// agree says whether lines that were read are those that the statement was issued for.
func agree(s Statement, total Part) error {
	if total.Lines != s.Lines || total.Sum != s.Total {
		return fmt.Errorf("statement %s: its lines are %d over %s, it says %d over %s; run `qianfan ledger statement check`", s.Number(), total.Lines, total.Sum, s.Lines, s.Total)
	}
	return nil
}

// longNumber is how many digits a spreadsheet keeps of a number.
const longNumber = 15

// text makes a field that a spreadsheet neither computes nor rewrites: what begins like a
// formula gets an apostrophe before it, and a tab goes behind what begins like a number and
// would not stay as it is: a long one, 007, 12E3, 11-23, 5%.
func text(field string) string {
	seen := leading(strings.TrimSpace(field))
	switch {
	case strings.ContainsRune("\t\r\n", leading(field)) || strings.ContainsRune("=+-@＝＋－＠", seen):
		return "'" + field
	case (unicode.IsDigit(seen) || strings.ContainsRune(".($¥￥", seen)) && !plainNumber(field):
		return field + "\t"
	}
	return field
}

// plainNumber reports whether a number is shown by a spreadsheet as it is written.
func plainNumber(s string) bool {
	return strings.Trim(s, "0123456789") == "" && len(s) <= longNumber && (s[0] != '0' || len(s) == 1)
}

// leading is the first character; of nothing, utf8.RuneError, which is no text.
func leading(s string) rune {
	r, _ := utf8.DecodeRuneInString(s)
	return r
}

// Cause is a reason in words.
func Cause(reason string) string {
	rest, reversed := strings.CutPrefix(reason, "reversal:")
	code, cause, _ := strings.Cut(rest, ":")
	words := causes[code]
	if words == "" {
		words = code
	}
	if cause != "" {
		words += " " + cmp.Or(details[cause], cause)
	}
	if reversed {
		words = "冲正 " + words
	}
	return words
}

// causes are the codes of ledger.Reasons that lines have, in Chinese.
var causes = map[string]string{
	"income": "配送完成", "penalty_in": "平台取消违约金", "compensation": "赔付", "resync": "恢复后补记", "reversal": "冲正",
}

// details are who wanted it, and what went wrong.
var details = map[string]string{
	"customer": "顾客", "merchant": "商家", "platform": "平台", "late": "超时", "damaged": "货损", "lost": "丢失", "other": "其他",
}
