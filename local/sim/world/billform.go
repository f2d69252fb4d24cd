package world

import (
	"bytes"
	"encoding/csv"
	"fmt"
)

// BillForm is how a carrier writes its daily bill. GAP: the real carriers' forms are not
// public; these are the simulators' own.
type BillForm struct {
	ContentType string
	BOM, CRLF   bool
	Comma       rune                                 // 0: a comma
	Encode      func(utf8 []byte) ([]byte, error)    // nil: UTF-8
	Header      []string                             //
	Rows        func([]BillLine) ([][]string, []int) // the data rows, and in which of them each line is
	Footer      func(t BillTotals) []string          //
	Cannot      map[MistakeKind]string               // mistakes that the form has no room for, and why
}

// RowEach gives every line a row of its own.
func RowEach(row func(BillLine) []string) func([]BillLine) ([][]string, []int) {
	return func(lines []BillLine) ([][]string, []int) {
		rows, at := make([][]string, len(lines)), make([]int, len(lines))
		for i, l := range lines {
			rows[i], at[i] = row(l), i
		}
		return rows, at
	}
}

// RowTogether gives the lines of a waybill that became final at one instant one row, as long
// as no kind is twice in it.
func RowTogether(row func([]BillLine) []string) func([]BillLine) ([][]string, []int) {
	return func(lines []BillLine) ([][]string, []int) {
		var rows [][]string
		at, first := make([]int, len(lines)), 0
		for i, l := range lines {
			if i > first && !joins(lines[first:i], l) {
				rows, first = append(rows, row(lines[first:i])), i
			}
			at[i] = len(rows)
		}
		if first < len(lines) {
			rows = append(rows, row(lines[first:]))
		}
		return rows, at
	}
}

func joins(row []BillLine, l BillLine) bool {
	for _, r := range row {
		if r.CarrierNo != l.CarrierNo || !r.At.Equal(l.At) || r.Kind == l.Kind || r.apart || l.apart {
			return false
		}
	}
	return true
}

// Bill is a file as a carrier hands it out.
type Bill struct {
	Name        string // uupt-2026-11-23.csv
	ContentType string
	Body        []byte
	Lines       int        // charges in it, mistakes included
	Totals      BillTotals // as in the footer
	Mistakes    []Mistake  // by line number; what is missing comes first
}

// headerRows is how many rows come before the data: data rows count from 2.
const headerRows = 1

// write puts lines into a file. at tells the number of the file's line that each is in.
func (form BillForm) write(lines []BillLine) (body []byte, at []int, t BillTotals, err error) {
	rows, at := form.Rows(lines)
	for i := range at {
		at[i] += headerRows + 1
	}
	t = totals(lines, len(rows))
	var b bytes.Buffer
	if form.BOM {
		b.WriteString("\ufeff")
	}
	w := csv.NewWriter(&b)
	w.UseCRLF = form.CRLF
	if form.Comma != 0 {
		w.Comma = form.Comma
	}
	for _, row := range append(append([][]string{form.Header}, rows...), form.Footer(t)) {
		if err := w.Write(row); err != nil {
			return nil, nil, t, fmt.Errorf("bill: %w", err)
		}
	}
	w.Flush()
	body = b.Bytes()
	if form.Encode != nil {
		if body, err = form.Encode(body); err != nil {
			return nil, nil, t, fmt.Errorf("bill: %w", err)
		}
	}
	return body, at, t, nil
}
