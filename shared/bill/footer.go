package bill

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/money"
)

// isFooter tells whether the present row is the footer.
func (r *Reader) isFooter() bool {
	i := r.plan.label
	return i < len(r.fields) && strings.TrimSpace(r.fields[i]) == r.plan.Footer
}

// finish compares the footer, which is the present row, with what was read, and makes sure that
// nothing follows. io.EOF is a bill that is whole.
func (r *Reader) finish() error {
	no := r.src.no
	refuse := func(reason Reason, format string, args ...any) error {
		return &FileError{Reason: reason, No: no, Detail: fmt.Sprintf(format, args...)}
	}
	if len(r.fields) != len(r.plan.Columns) {
		if !r.src.ended {
			return cut(no)
		}
		return refuse(ReasonFooter, "%d columns where the header has %d", len(r.fields), len(r.plan.Columns))
	}
	rows, err := r.plan.count(r.fields[r.plan.rows])
	if err != nil {
		return refuse(ReasonFooter, "its number of rows: %v", err)
	}
	totals, f := r.totals()
	if f.reason != "" {
		return refuse(ReasonFooter, "its total: %s", f.detail)
	}
	switch _, err := r.row(); {
	case err == nil || errors.Is(err, errOversize):
		return refuse(ReasonFooter, "rows follow the footer, from line %d on: fetch each bill in a file of its own", r.src.no)
	case !errors.Is(err, io.EOF):
		return err
	}
	if rows != r.rows {
		return refuse(ReasonCount, "the footer says %d rows, the file has %d: fetch it again", rows, r.rows)
	}
	net := money.Fen(0)
	for i, total := range totals {
		net += total
		if !r.unknown && total != r.net[i] {
			return refuse(ReasonTotal, "%s: the footer says %s taken less given, the rows add up to %s: fetch the file again, else ask the carrier",
				r.plan.Columns[r.plan.amounts[i].column].Name, total, r.net[i])
		}
	}
	if err := r.wrongDay(true); err != nil {
		return err
	}
	r.footer, r.whole = Footer{Rows: rows, Net: net}, true
	return io.EOF
}

// totals are what the footer says about each amount column: taken less given.
func (r *Reader) totals() ([]money.Fen, fault) {
	all := make([]money.Fen, len(r.plan.amounts))
	for i, c := range r.plan.amounts {
		if c.kind != "" && strings.Trim(r.fields[c.column], " \t") == "" {
			continue // as in every row of a wide form: nothing
		}
		v, f := r.plan.amount(r.fields[c.column])
		if f.reason != "" {
			return nil, f
		}
		all[i] = r.plan.net(c, v)
	}
	return all, fault{}
}

// count reads a number of rows.
func (p *plan) count(field string) (int, error) {
	text := strings.Trim(field, " \t")
	if ungrouped, ok := ungroup(text, ","); ok && p.Thousands != "" {
		text = ungrouped
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%q is none", field)
	}
	return int(n), nil
}
