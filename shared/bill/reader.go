package bill

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chuandao/qianfan/shared/money"
)

// sureOfDay is how many rows of other days, and none of its own, make a file another day's
// without reading on.
const sureOfDay = 1000

// maxNet bounds sums far from where they could wrap around, and far above any bill.
const maxNet = money.Fen(1e17)

// Footer is what a bill says about itself.
type Footer struct {
	Rows int       // rows between header and footer; of a wide form one row may be several lines
	Net  money.Fen // taken less given
}

// Reader reads the lines of one bill, one after the other. It is not for concurrent use.
type Reader struct {
	plan        *plan
	src         *source
	day         string
	from, until time.Time // of the business day

	fields []string
	queue  []item // what the present row holds and Next has not told yet
	next   int

	rows     int
	net      []money.Fen // of each amount column: taken less given
	unknown  bool        // a line's amount is not known
	own      int         // rows of the business day
	other    int         // rows of another
	otherDay string      // the first of those
	footer   Footer
	whole    bool  // the end is the file's true end
	end      error // what Next says from now on
}

// item is a line, or what is wrong with it.
type item struct {
	line Line
	err  *LineError
}

// Open reads the header of a bill of one business day ("2026-11-23", Asia/Shanghai). The error is a
// *FileError where the file is not what the mapping describes.
func Open(r io.Reader, m Mapping, day string) (*Reader, error) {
	if err := m.Check(); err != nil {
		return nil, fmt.Errorf("bill mapping %q: %w", m.Name, err)
	}
	from, err := time.ParseInLocation(time.DateOnly, day, zone)
	if err != nil {
		return nil, fmt.Errorf("business day %q: want one like 2026-11-23", day)
	}
	p := newPlan(m)
	b := &Reader{
		plan: p, src: newSource(r, m.Encoding), day: day, from: from, until: from.AddDate(0, 0, 1),
		fields: make([]string, 0, len(m.Columns)+1), net: make([]money.Fen, len(p.amounts)),
	}
	if err := b.header(); err != nil {
		return nil, err
	}
	return b, nil
}

// Next is the next line. Its error is a *LineError for a line that cannot be taken, behind which
// reading goes on; a *FileError when the file as a whole is refused; io.EOF at its true end, behind a
// footer that agrees with what was read; or what the reader below returned. All but *LineError
// stay.
func (r *Reader) Next() (Line, error) {
	for r.next == len(r.queue) {
		if r.end != nil {
			return Line{}, r.end
		}
		r.queue, r.next = r.queue[:0], 0
		r.end = r.read()
	}
	it := &r.queue[r.next]
	r.next++
	if it.err != nil {
		return Line{}, it.err
	}
	return it.line, nil
}

// Footer is what the bill says about itself; zero before io.EOF.
func (r *Reader) Footer() Footer { return r.footer }

// Offset is how many bytes of the file were read so far, for a progress bar.
func (r *Reader) Offset() int64 { return r.src.offset }

// Sum is the SHA-256 of the whole file in hex; "" before io.EOF.
func (r *Reader) Sum() string {
	if !r.whole {
		return ""
	}
	return r.src.sum()
}

// header compares the first row that is not blank with the mapping.
func (r *Reader) header() error {
	if err := r.src.begin(); err != nil {
		return err
	}
	text, err := r.row()
	switch {
	case errors.Is(err, io.EOF):
		return &FileError{Reason: ReasonEmpty, Detail: "the file has no row: fetch it again"}
	case errors.Is(err, errOversize):
		return r.wrongHeader(text)
	case err != nil:
		return err
	}
	fields, ok := split(text, r.plan.comma, r.fields)
	for i, c := range r.plan.Columns {
		ok = ok && i < len(fields) && strings.TrimSpace(fields[i]) == c.Name
	}
	if !ok || len(fields) != len(r.plan.Columns) {
		return r.wrongHeader(text)
	}
	return nil
}

func (r *Reader) wrongHeader(text string) error {
	names := make([]string, len(r.plan.Columns))
	for i, c := range r.plan.Columns {
		names[i] = c.Name
	}
	if err := r.src.mistaken(); err != nil {
		return err
	}
	return &FileError{Reason: ReasonHeader, No: r.src.no, Detail: fmt.Sprintf("want %q, got %q: another carrier's bill, or its form has changed (then write a mapping)",
		strings.Join(names, r.plan.Comma), clip(text))}
}

// row is the next row that is not blank.
func (r *Reader) row() (string, error) {
	for {
		text, err := r.src.row()
		if err != nil || strings.TrimSpace(text) != "" {
			return text, err
		}
	}
}

// read reads one row into the queue. Its error ends the file.
func (r *Reader) read() error {
	text, err := r.row()
	if errors.Is(err, io.EOF) {
		return cut(r.src.no)
	}
	if errors.Is(err, errOversize) {
		r.rows++
		r.unknown = true
		r.bad(Line{No: r.src.no, Raw: clip(text)}, fault{ReasonOversize, fmt.Sprintf("a row of more than %d bytes", maxRow)})
		return nil
	}
	if err != nil {
		return err
	}
	line := Line{No: r.src.no, Raw: clip(text)}
	var ok bool
	r.fields, ok = split(text, r.plan.comma, r.fields)
	if ok && r.isFooter() {
		return r.finish()
	}
	r.rows++
	switch {
	case !ok:
		r.unknown = true
		r.bad(line, fault{ReasonQuote, strconv.Quote(line.Raw)})
	case len(r.fields) != len(r.plan.Columns):
		r.unknown = true
		r.bad(line, fault{ReasonColumns, fmt.Sprintf("%d columns where the header has %d", len(r.fields), len(r.plan.Columns))})
	default:
		r.lines(line)
	}
	return r.wrongDay(false)
}

// bad queues a line that cannot be taken.
func (r *Reader) bad(line Line, f fault) {
	r.queue = append(r.queue, item{err: &LineError{Line: line, Reason: f.reason, Detail: f.detail}})
}

// lines queues the lines of a row that has all its columns.
func (r *Reader) lines(line Line) {
	p := r.plan
	var whole, other, f fault
	line.CarrierNo, whole = number(r.fields[p.carrier])
	if line.CarrierNo == "" {
		whole = whole.or(fault{ReasonNumber, "no number of a waybill"})
	}
	if p.client >= 0 {
		line.ClientNo, f = number(r.fields[p.client])
		whole = whole.or(f)
	}
	line.At, f = p.instant(r.fields[p.at])
	if whole = whole.or(f); f.reason == "" {
		other = r.date(line.At)
	}
	for i, c := range p.amounts {
		r.line(line, i, c, whole, other)
	}
}

// line queues the line of one amount column. whole is what is wrong with its row, other that it is
// of another day. What can be read is read all the same: it helps whoever looks into the line.
func (r *Reader) line(line Line, i int, c amountColumn, whole, other fault) {
	p, field := r.plan, r.fields[c.column]
	var f fault
	if line.Kind = c.kind; c.kind == "" {
		word := strings.Trim(r.fields[p.kind], " \t")
		if line.Kind = p.Kinds[word]; line.Kind == "" {
			f = fault{ReasonKind, strconv.Quote(word)}
		}
	} else if strings.Trim(field, " \t") == "" {
		return
	}
	v, bad := p.amount(field)
	if c.kind != "" && v == 0 && bad.reason == "" {
		return
	}
	line.Amount = max(v, -v)
	if f = f.or(bad).or(p.sign(v, line.Kind)); f.reason == "" {
		f = r.add(i, line)
	}
	// The footer's total has this amount as the carrier meant it. If we cannot tell what that was,
	// the total can no longer be compared with ours; its number of rows still can.
	r.unknown = r.unknown || f.reason != ""
	if f = whole.or(f).or(other); f.reason != "" {
		r.bad(line, f)
		return
	}
	r.queue = append(r.queue, item{line: line})
}

// add counts a line into the total of its column.
func (r *Reader) add(i int, line Line) fault {
	sum := r.net[i] + line.Kind.Net(line.Amount)
	if max(sum, -sum) > maxNet {
		return fault{ReasonAmount, "more than any bill can be"}
	}
	r.net[i] = sum
	return fault{}
}

// date says whether an instant is of the bill's day, and counts.
func (r *Reader) date(at time.Time) fault {
	if !at.Before(r.from) && at.Before(r.until) {
		r.own++
		return fault{}
	}
	r.other++
	day := at.In(zone).Format(time.DateOnly)
	if r.otherDay == "" {
		r.otherDay = day
	}
	return fault{ReasonDate, day + ", not " + r.day}
}

// wrongDay refuses a file of which more rows are of other days than of its own. That is certain at
// its end only; before, none of a thousand rows is enough, so that nobody gets millions of lines
// to dispute.
func (r *Reader) wrongDay(atEnd bool) error {
	if r.other <= r.own || (!atEnd && (r.own > 0 || r.other < sureOfDay)) {
		return nil
	}
	return &FileError{Reason: ReasonDay, No: r.src.no, Detail: fmt.Sprintf("%d of %d rows are of other days than %s, the first of %s: import it for its own day",
		r.other, r.own+r.other, r.day, r.otherDay)}
}

// clip cuts a text to what is kept of a row, between two signs.
func clip(text string) string {
	if len(text) <= maxRaw {
		return text
	}
	n := maxRaw
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}
