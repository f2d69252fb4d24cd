package reconcile_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/reconcile"
)

// world is a bill and books that agree here and there.
type world struct {
	lines []any
	books books
}

var (
	amounts = []money.Fen{100, 200, 300, 1000}
	names   = []string{"a", "b", "c", "d", "e"}
)

func draw(rt *rapid.T) world {
	w := world{books: books{past: map[string]reconcile.Past{}}}
	for range rapid.IntRange(0, 12).Draw(rt, "lines") {
		l := line(rapid.SampledFrom(names).Draw(rt, "waybill"), rapid.SampledFrom(bill.Kinds).Draw(rt, "kind"), rapid.SampledFrom(amounts).Draw(rt, "amount"))
		l.At = noon.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "at")) * time.Minute)
		l.Raw = fmt.Sprint(l.CarrierNo, l.Kind, l.Amount, l.At.Minute())
		switch rapid.IntRange(0, 9).Draw(rt, "form") {
		case 0:
			w.lines = append(w.lines, bad(l, rapid.SampledFrom([]bill.Reason{bill.ReasonDate, bill.ReasonAmount}).Draw(rt, "fault")))
		case 1:
			l.CarrierNo = ""
			w.lines = append(w.lines, bad(l, bill.ReasonNumber))
		case 2:
			l.CarrierNo, l.ClientNo = "", ""
			w.lines = append(w.lines, bad(l, bill.ReasonNumber))
		case 3:
			l.ClientNo = ""
			w.lines = append(w.lines, l)
		default:
			w.lines = append(w.lines, l)
		}
	}
	taken := []bill.Kind{fee, tip, penalty}
	for range rapid.IntRange(0, 8).Draw(rt, "bookings") {
		w.books.bookings = append(w.books.bookings, booked(rapid.SampledFrom(names).Draw(rt, "booked"), rapid.SampledFrom(taken).Draw(rt, "kind"), rapid.SampledFrom(amounts).Draw(rt, "amount")))
	}
	for _, no := range names {
		if rapid.Bool().Draw(rt, "known") {
			p := reconcile.Past{Ref: ref(no), CarrierNo: no, Estimated: rapid.Bool().Draw(rt, "estimated")}
			for id := range rapid.IntRange(0, 2).Draw(rt, "items") {
				p.Items = append(p.Items, reconcile.Open{ID: int64(id), Diff: rapid.SampledFrom([]money.Fen{-1000, -100, 200}).Draw(rt, "open")})
			}
			p.Other = rapid.SampledFrom([]money.Fen{0, 0, 300}).Draw(rt, "other")
			w.books.past[no] = p
		}
	}
	return w
}

// said is what a report says of each line's content, whatever its number.
func said(r reconcile.Report) []string {
	out := []string{fmt.Sprint(r.Outcomes, r.Whys, r.Missing, r.Net, r.Booked)}
	for _, f := range r.Findings {
		out = append(out, fmt.Sprint(f.Line.Raw, f.Why, f.Diff, f.Ref, f.Theirs, f.Ours, f.Ends))
	}
	slices.Sort(out)
	return out
}

// The order of lines and bookings and the number of parts change nothing, every line has one
// outcome, and what the findings say adds up to what the bill has more than the books.
func TestAnyOrderAndAnyParts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := draw(rt)
		first := run(rt, w.lines, w.books, reconcile.Options{Parts: 1})
		shuffled := books{bookings: rapid.Permutation(w.books.bookings).Draw(rt, "bookings"), past: w.books.past}
		second := run(rt, rapid.Permutation(w.lines).Draw(rt, "lines"), shuffled, reconcile.Options{Parts: rapid.IntRange(1, 7).Draw(rt, "parts")})
		require.Equal(rt, said(first), said(second))

		count := 0
		for _, n := range first.Outcomes {
			count += n
		}
		require.Equal(rt, len(w.lines), count)
		last := 0
		for _, f := range first.Findings {
			if f.Line.No != 0 {
				require.GreaterOrEqual(rt, f.Line.No, last, "in the order of the lines")
				last = f.Line.No
			}
		}
	})
}

// Where every line is good and of a waybill that we know, the differences found are exactly the
// difference between bill and books.
func TestDifferencesAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := draw(rt)
		good := w.lines[:0]
		for _, x := range w.lines {
			if _, isLine := x.(bill.Line); isLine {
				good = append(good, x)
			}
		}
		for no, p := range w.books.past {
			p.Items, p.Other = nil, 0
			w.books.past[no] = p
		}
		r := run(rt, good, w.books, reconcile.Options{Parts: 2, Favour: rapid.SampledFrom([]money.Fen{0, 100}).Draw(rt, "favour")})
		var diffs money.Fen
		for _, f := range r.Findings {
			diffs += f.Diff
			if f.Line.No != 0 {
				require.Equal(rt, f.Diff, f.Theirs-f.Ours, "%s", f.Why)
			}
		}
		require.Equal(rt, r.Net-r.Booked, diffs)
	})
}
