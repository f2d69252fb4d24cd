package bill

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/chuandao/qianfan/shared/money"
)

// Write writes a bill in a carrier's form, footer included, so that Open reads it back. A wide form
// joins consecutive lines of one waybill and instant into a row. Auto is written as UTF-8 with a
// byte order mark. No and Raw of the lines do not matter. Errors: a bad mapping, a line that the form
// has no place for, or what w returned.
func Write(w io.Writer, m Mapping, lines iter.Seq[Line]) error {
	if err := m.Check(); err != nil {
		return fmt.Errorf("bill mapping %q: %w", m.Name, err)
	}
	if m.Encoding == GBK {
		w = simplifiedchinese.GBK.NewEncoder().Writer(w)
	}
	b := newWriter(bufio.NewWriterSize(w, readSize), m)
	if m.Encoding == Auto {
		b.buf = append(b.buf, bom...)
	}
	for i, c := range m.Columns {
		b.fields[i] = c.Name
	}
	err := b.row()
	for l := range lines {
		if err == nil {
			err = b.line(l)
		}
		if err != nil {
			return fmt.Errorf("write bill: %w", err)
		}
	}
	if err == nil {
		err = b.finish()
	}
	if err != nil {
		return fmt.Errorf("write bill: %w", err)
	}
	return nil
}

// writer writes the rows of one bill.
type writer struct {
	*plan
	out    *bufio.Writer
	words  map[Kind]string
	fields []string // of the row under way
	buf    []byte
	open   bool   // a row with lines is under way
	last   Line   // the line that was put into it last
	filled []bool // its amount columns
	rows   int
	totals []money.Fen // of each amount column: taken less given
}

func newWriter(out *bufio.Writer, m Mapping) *writer {
	b := &writer{plan: newPlan(m), out: out, words: map[Kind]string{}, fields: make([]string, len(m.Columns))}
	b.totals, b.filled = make([]money.Fen, len(b.amounts)), make([]bool, len(b.amounts))
	for word, k := range m.Kinds {
		if b.words[k] == "" || word < b.words[k] { // two words for a kind: always the same one
			b.words[k] = word
		}
	}
	return b
}

// line puts a line into the row under way, if it belongs there, or into a new one.
func (b *writer) line(l Line) error {
	i := slices.IndexFunc(b.amounts, func(c amountColumn) bool { return c.kind == l.Kind || (c.kind == "" && b.words[l.Kind] != "") })
	if i < 0 || !l.Kind.Known() || l.Amount <= 0 || l.CarrierNo == "" {
		return fmt.Errorf("the form of %s has no place for %s of a %s for waybill %q", b.Name, l.Amount, l.Kind, l.CarrierNo)
	}
	same := b.open && l.CarrierNo == b.last.CarrierNo && l.ClientNo == b.last.ClientNo && l.At.Equal(b.last.At)
	if !same || b.filled[i] {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.fields[b.carrier] = l.CarrierNo
	if b.client >= 0 {
		b.fields[b.client] = l.ClientNo
	}
	if b.kind >= 0 {
		b.fields[b.kind] = b.words[l.Kind]
	}
	b.fields[b.at] = b.stamp(l.At)
	v := l.Amount
	if b.minus(l.Kind) {
		v = -v
	}
	b.fields[b.amounts[i].column] = b.text(v)
	b.totals[i] += l.Kind.Net(l.Amount)
	b.open, b.last, b.filled[i] = true, l, true
	return nil
}

// flush ends the row under way.
func (b *writer) flush() error {
	if !b.open {
		return nil
	}
	b.open = false
	b.rows++
	clear(b.filled)
	return b.row()
}

// finish writes the footer.
func (b *writer) finish() error {
	if err := b.flush(); err != nil {
		return err
	}
	b.fields[b.label], b.fields[b.plan.rows] = b.Footer, strconv.Itoa(b.rows)
	for i, c := range b.amounts {
		b.fields[c.column] = b.text(b.net(c, b.totals[i])) // the inverse of net is net
	}
	if err := b.row(); err != nil {
		return err
	}
	return b.out.Flush()
}

// row writes the fields and empties them.
func (b *writer) row() error {
	for i, f := range b.fields {
		if i > 0 {
			b.buf = append(b.buf, b.comma)
		}
		if strings.ContainsAny(f, b.Comma+"\"\n\r") {
			f = `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
		}
		b.buf = append(b.buf, f...)
	}
	b.buf = append(b.buf, '\n')
	clear(b.fields)
	_, err := b.out.Write(b.buf)
	b.buf = b.buf[:0]
	return err
}

// stamp writes an instant.
func (p *plan) stamp(at time.Time) string {
	switch p.Time {
	case unixSeconds:
		return strconv.FormatInt(at.Unix(), 10)
	case unixMillis:
		return strconv.FormatInt(at.UnixMilli(), 10)
	}
	return at.In(zone).Format(p.Time)
}

// text writes an amount in the form's unit.
func (p *plan) text(v money.Fen) string {
	if p.Unit == FenUnit {
		return p.group(strconv.FormatInt(int64(v), 10))
	}
	return p.group(v.Yuan())
}

// group puts the marks between groups of three digits.
func (p *plan) group(text string) string {
	if p.Thousands == "" {
		return text
	}
	whole, decimals, dotted := strings.Cut(text, ".")
	digits := strings.TrimPrefix(whole, "-")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + p.Thousands + digits[i:]
	}
	if strings.HasPrefix(whole, "-") {
		digits = "-" + digits
	}
	if dotted {
		digits += "." + decimals
	}
	return digits
}
