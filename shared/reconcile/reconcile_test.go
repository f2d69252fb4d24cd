package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/reconcile"
)

const day = "2026-11-23"

var noon = time.Date(2026, 11, 23, 4, 0, 0, 0, time.UTC)

// file is a bill in memory.
type file struct {
	lines []any // bill.Line, or an error
	at    int
}

func (f *file) Next() (bill.Line, error) {
	if f.at == len(f.lines) {
		return bill.Line{}, io.EOF
	}
	x := f.lines[f.at]
	f.at++
	if err, bad := x.(error); bad {
		return bill.Line{}, err
	}
	return x.(bill.Line), nil
}

func (f *file) Offset() int64 { return int64(f.at) }

// books are ours in memory.
type books struct {
	bookings []reconcile.Booking
	past     map[string]reconcile.Past // by the carrier's number
	byRef    map[reconcile.Ref]reconcile.Past
	early    []reconcile.Ref
	err      error
}

func (b books) Bookings(_ context.Context, yield func(reconcile.Booking) error) error {
	for _, x := range b.bookings {
		if err := yield(x); err != nil {
			return err
		}
	}
	return b.err
}

func (b books) CutOff(context.Context) ([]reconcile.Ref, error) { return b.early, nil }

func (b books) Past(_ context.Context, asks []reconcile.Ask) ([]reconcile.Past, error) {
	out := make([]reconcile.Past, len(asks))
	for i, a := range asks {
		p, ok := b.past[a.CarrierNo]
		if !ok {
			p = b.byRef[a.Ref]
		}
		out[i] = p
	}
	return out, nil
}

// ref is the attempt of the waybill that is called no.
func ref(no string) reconcile.Ref {
	return reconcile.Ref{Order: 247_000_000_000_000_000 + int64(no[0]), N: 1}
}

func line(no string, kind bill.Kind, amount money.Fen) bill.Line {
	r := ref(no)
	return bill.Line{CarrierNo: no, ClientNo: order.OurNo(r.Order, r.N), Kind: kind, Amount: amount, At: noon, Raw: fmt.Sprint(no, kind, amount)}
}

func booked(no string, kind bill.Kind, amount money.Fen) reconcile.Booking {
	return reconcile.Booking{Ref: ref(no), CarrierNo: no, Kind: kind, Amount: amount, At: noon.Add(time.Minute)}
}

func bad(l bill.Line, why bill.Reason) error {
	return &bill.LineError{Line: l, Reason: why, Detail: "x"}
}

// numbered gives lines their numbers in the file.
func numbered(lines []any) []any {
	out := make([]any, len(lines))
	for i, x := range lines {
		switch v := x.(type) {
		case bill.Line:
			v.No = i + 2
			out[i] = v
		case *bill.LineError:
			e := *v
			e.No = i + 2
			out[i] = &e
		}
	}
	return out
}

func run(t require.TestingT, lines []any, b books, o reconcile.Options) reconcile.Report {
	o.Day = day
	r, err := reconcile.Run(context.Background(), &file{lines: numbered(lines)}, b, o)
	require.NoError(t, err)
	return r
}

// short is a finding in a word.
func short(f reconcile.Finding) string {
	return fmt.Sprintf("%d %s %d", f.Line.No, f.Why, f.Diff)
}

const (
	fee, tip, penalty, refund, compensation = bill.Fee, bill.Tip, bill.Penalty, bill.Refund, bill.Compensation
)

func TestOutcomes(t *testing.T) {
	t.Parallel()
	known := func(p reconcile.Past) map[string]reconcile.Past {
		p.Ref, p.CarrierNo = ref("a"), "a"
		return map[string]reconcile.Past{"a": p}
	}
	at := func(b reconcile.Booking, at time.Time) reconcile.Booking { b.At = at; return b }
	anonymous := line("a", fee, 1000)
	anonymous.CarrierNo, anonymous.ClientNo = "", ""
	late := time.Date(2026, 11, 23, 15, 30, 0, 0, time.UTC) // half past eleven at night
	for name, c := range map[string]struct {
		lines    []any
		booked   []reconcile.Booking
		past     map[string]reconcile.Past
		favour   money.Fen
		findings []string
		outcomes map[reconcile.Outcome]int
		ends     []int64
	}{
		"matched": {lines: []any{line("a", fee, 1000), line("a", tip, 200)}, booked: []reconcile.Booking{booked("a", fee, 900), booked("a", fee, 100), booked("a", tip, 200)},
			outcomes: map[reconcile.Outcome]int{"matched": 2}},
		"a lost race's fee is a penalty of ours": {lines: []any{line("a", fee, 1000)}, booked: []reconcile.Booking{booked("a", penalty, 1000)},
			outcomes: map[reconcile.Outcome]int{"explained": 1}},
		"overbilled": {lines: []any{line("a", fee, 1200)}, booked: []reconcile.Booking{booked("a", fee, 1000)},
			findings: []string{"2 overbilled 200"}, outcomes: map[reconcile.Outcome]int{"disputed": 1}},
		"underbilled": {lines: []any{line("a", fee, 800), line("a", tip, 100)}, booked: []reconcile.Booking{booked("a", fee, 1000), booked("a", tip, 100)},
			findings: []string{"2 underbilled -200"}, outcomes: map[reconcile.Outcome]int{"suspense": 1, "matched": 1}},
		"in our favour, and little": {lines: []any{line("a", fee, 995)}, booked: []reconcile.Booking{booked("a", fee, 1000)}, favour: 5,
			findings: []string{"2 favour -5"}, outcomes: map[reconcile.Outcome]int{"explained": 1}},
		"twice": {lines: []any{line("a", fee, 1000), line("a", fee, 1000)}, booked: []reconcile.Booking{booked("a", fee, 1000)},
			findings: []string{"3 duplicate 1000"}, outcomes: map[reconcile.Outcome]int{"disputed": 1, "matched": 1}},
		"unknown": {lines: []any{line("z", fee, 1000), line("z", refund, 300)},
			findings: []string{"2 unknown_waybill 1000", "3 unknown_waybill -300"}, outcomes: map[reconcile.Outcome]int{"disputed": 2}},
		"of another account": {lines: []any{line("a", fee, 1000)}, past: known(reconcile.Past{Account: "second"}),
			findings: []string{"2 other_account 1000"}, outcomes: map[reconcile.Outcome]int{"disputed": 1}},
		"违约金 that was none": {lines: []any{line("a", fee, 1000), line("a", penalty, 300)}, booked: []reconcile.Booking{booked("a", fee, 1000)},
			findings: []string{"3 penalty_none 300"}, outcomes: map[reconcile.Outcome]int{"disputed": 1, "matched": 1}},
		"违约金 of an attempt that cost nothing": {lines: []any{line("a", penalty, 300)}, past: known(reconcile.Past{}),
			findings: []string{"2 penalty_none 300"}, outcomes: map[reconcile.Outcome]int{"disputed": 1}},
		"小费 that was none": {lines: []any{line("a", tip, 100), line("a", fee, 1000), line("a", tip, 200)}, booked: []reconcile.Booking{booked("a", fee, 1000), booked("a", tip, 100)},
			findings: []string{"4 tip_not_promised 200"}, outcomes: map[reconcile.Outcome]int{"disputed": 1, "matched": 2}},
		"the carrier's own figure": {lines: []any{line("a", penalty, 500)}, booked: []reconcile.Booking{booked("a", penalty, 300)}, past: known(reconcile.Past{Estimated: true}),
			findings: []string{"2 own_figure 200"}, outcomes: map[reconcile.Outcome]int{"explained": 1}},
		"its own figure is less": {lines: []any{line("a", penalty, 100)}, booked: []reconcile.Booking{booked("a", penalty, 300)}, past: known(reconcile.Past{Estimated: true}),
			findings: []string{"2 own_figure -200"}, outcomes: map[reconcile.Outcome]int{"explained": 1}},
		"its own figure for what we took to be free": {lines: []any{line("a", penalty, 100)}, past: known(reconcile.Past{Estimated: true}),
			findings: []string{"2 own_figure 100"}, outcomes: map[reconcile.Outcome]int{"explained": 1}},
		"unreadable": {lines: []any{bad(line("a", "", 0), bill.ReasonFraction)}, booked: []reconcile.Booking{booked("a", fee, 1000)},
			findings: []string{"2 unreadable 0"}, outcomes: map[reconcile.Outcome]int{"disputed": 1}},
		"unreadable beside good ones": {lines: []any{line("a", fee, 1000), bad(line("a", "", 100), bill.ReasonKind)}, booked: []reconcile.Booking{booked("a", fee, 1000), booked("a", tip, 100)},
			findings: []string{"3 unreadable 0"}, outcomes: map[reconcile.Outcome]int{"disputed": 1, "matched": 1}},
		"unreadable, of nobody": {lines: []any{bad(bill.Line{}, bill.ReasonColumns)},
			findings: []string{"2 unreadable 0"}, outcomes: map[reconcile.Outcome]int{"disputed": 1}},
		"dated to another day": {lines: []any{bad(line("a", fee, 1000), bill.ReasonDate)}, booked: []reconcile.Booking{booked("a", fee, 1000)},
			findings: []string{"2 other_day 0"}, outcomes: map[reconcile.Outcome]int{"disputed": 1}},
		"not billed": {booked: []reconcile.Booking{booked("a", fee, 1000), booked("a", tip, 100)},
			findings: []string{"0 not_billed -1100"}},
		"the tip is not billed": {lines: []any{line("a", fee, 1000)}, booked: []reconcile.Booking{booked("a", fee, 1000), booked("a", tip, 100)},
			findings: []string{"0 not_billed -100"}, outcomes: map[reconcile.Outcome]int{"matched": 1}},
		"may come tomorrow": {booked: []reconcile.Booking{at(booked("a", fee, 1000), late)},
			findings: []string{"0 not_yet_billed -1000"}},
		"booked and taken back": {booked: []reconcile.Booking{booked("a", fee, 1000), booked("a", fee, -1000)}},
		"came a day later": {lines: []any{line("a", fee, 1000)}, past: known(reconcile.Past{Items: []reconcile.Open{{ID: 7, Diff: -1000}}, Paid: reconcile.Costs{fee: 1000}}),
			findings: []string{"2 billed_later 0"}, outcomes: map[reconcile.Outcome]int{"explained": 1}, ends: []int64{7}},
		"came a day later, and too dear": {lines: []any{line("a", fee, 1200)}, past: known(reconcile.Past{Items: []reconcile.Open{{ID: 7, Diff: -1000}}}),
			findings: []string{"2 billed_later 0", "2 overbilled 200"}, outcomes: map[reconcile.Outcome]int{"disputed": 1}, ends: []int64{7}},
		"a refund ends a dispute": {lines: []any{line("a", refund, 200)}, past: known(reconcile.Past{Items: []reconcile.Open{{ID: 8, Diff: 200}}, Paid: reconcile.Costs{fee: 1000}}),
			findings: []string{"2 billed_later 0"}, outcomes: map[reconcile.Outcome]int{"explained": 1}, ends: []int64{8}},
		"booked on the next day": {lines: []any{line("a", fee, 1000)}, past: known(reconcile.Past{Other: 1000}),
			findings: []string{"2 cut_off 1000"}, outcomes: map[reconcile.Outcome]int{"explained": 1}},
		"billed the day before": {booked: []reconcile.Booking{booked("a", fee, 1000)}, past: known(reconcile.Past{Items: []reconcile.Open{{ID: 9, Diff: 1000}}}),
			findings: []string{"0 billed_later 0"}, ends: []int64{9}},
		"corrected on the next day": {lines: []any{line("a", penalty, 500)}, booked: []reconcile.Booking{booked("a", penalty, 300)}, past: known(reconcile.Past{Other: 200, Paid: reconcile.Costs{penalty: 300}}),
			findings: []string{"2 cut_off 200"}, outcomes: map[reconcile.Outcome]int{"explained": 1}},
		"billed again on another day": {lines: []any{line("a", fee, 1000)}, past: known(reconcile.Past{Paid: reconcile.Costs{fee: 1000}}),
			findings: []string{"2 already_billed 1000"}, outcomes: map[reconcile.Outcome]int{"disputed": 1}},
		"a lost race billed again": {lines: []any{line("a", fee, 1000)}, past: known(reconcile.Past{Paid: reconcile.Costs{penalty: 1000}}),
			findings: []string{"2 already_billed 1000"}, outcomes: map[reconcile.Outcome]int{"disputed": 1}},
		"fined days later": {lines: []any{line("a", penalty, 300)}, past: known(reconcile.Past{Paid: reconcile.Costs{fee: 1000}}),
			findings: []string{"2 penalty_none 300"}, outcomes: map[reconcile.Outcome]int{"disputed": 1}},
		"compensation agrees": {lines: []any{line("a", fee, 1000), line("a", compensation, 400)}, booked: []reconcile.Booking{booked("a", fee, 1000), booked("a", compensation, -400)},
			outcomes: map[reconcile.Outcome]int{"matched": 2}},
		"compensation that we did not ask for": {lines: []any{line("a", fee, 1000), line("a", compensation, 400)}, booked: []reconcile.Booking{booked("a", fee, 1000)},
			findings: []string{"3 given_more -400"}, outcomes: map[reconcile.Outcome]int{"suspense": 1, "matched": 1}},
		"compensation that does not come": {lines: []any{line("a", fee, 1000)}, booked: []reconcile.Booking{booked("a", fee, 1000), booked("a", compensation, -400)},
			findings: []string{"0 not_given 400"}, outcomes: map[reconcile.Outcome]int{"matched": 1}},
		"charged and refunded": {lines: []any{line("a", fee, 1000), line("a", refund, 1000)}, past: known(reconcile.Past{}),
			outcomes: map[reconcile.Outcome]int{"explained": 2}},
		"by amount and time": {lines: []any{bad(anonymous, bill.ReasonNumber)}, booked: []reconcile.Booking{booked("a", fee, 1000), booked("b", fee, 900)},
			findings: []string{"2 by_amount 0", "0 not_billed -900"}, outcomes: map[reconcile.Outcome]int{"explained": 1}},
		"by amount, but whose": {lines: []any{bad(anonymous, bill.ReasonNumber)}, booked: []reconcile.Booking{booked("a", fee, 1000), booked("b", fee, 1000)},
			findings: []string{"2 unnamed 1000", "0 not_billed -1000", "0 not_billed -1000"}, outcomes: map[reconcile.Outcome]int{"suspense": 1}},
		"by amount, at another time": {lines: []any{bad(anonymous, bill.ReasonNumber)}, booked: []reconcile.Booking{at(booked("a", fee, 1000), noon.Add(31*time.Minute))},
			findings: []string{"2 unnamed 1000", "0 not_billed -1000"}, outcomes: map[reconcile.Outcome]int{"suspense": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, c.lines, books{bookings: c.booked, past: c.past}, reconcile.Options{Parts: 3, Favour: c.favour})
			var got []string
			var ends []int64
			for _, f := range r.Findings {
				got, ends = append(got, short(f)), append(ends, f.Ends...)
				require.Equal(t, reconcile.Meanings[f.Why].Outcome, f.Outcome)
				require.False(t, f.At.IsZero(), "entries need an instant")
			}
			require.Equal(t, c.findings, got)
			require.Equal(t, c.ends, ends)
			if c.outcomes == nil {
				c.outcomes = map[reconcile.Outcome]int{}
			}
			require.Equal(t, c.outcomes, r.Outcomes)
			require.Equal(t, len(c.lines), r.Lines)
		})
	}
}

// A line without the carrier's number goes to the attempt that our own number names.
func TestByOurNumber(t *testing.T) {
	t.Parallel()
	wrong := line("a", fee, 1000)
	wrong.CarrierNo = "renamed"
	r := run(t, []any{wrong}, books{bookings: []reconcile.Booking{booked("a", fee, 1000)}}, reconcile.Options{})
	require.Equal(t, map[reconcile.Outcome]int{"matched": 1}, r.Outcomes)

	none := line("a", fee, 1000)
	none.CarrierNo = ""
	r = run(t, []any{bad(none, bill.ReasonNumber)}, books{bookings: []reconcile.Booking{booked("a", fee, 1000)}}, reconcile.Options{})
	require.Equal(t, map[reconcile.Outcome]int{"matched": 1}, r.Outcomes)

	late := booked("a", fee, 1000) // the carrier never told us its number
	late.CarrierNo = ""
	r = run(t, []any{line("a", fee, 1100)}, books{bookings: []reconcile.Booking{late}}, reconcile.Options{})
	require.Equal(t, "2 overbilled 100", short(r.Findings[0]))
	require.Equal(t, ref("a"), r.Findings[0].Ref)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	truncated := &bill.FileError{Reason: bill.ReasonTruncated}
	_, err := reconcile.Run(t.Context(), &file{lines: []any{line("a", fee, 1), truncated}}, books{}, reconcile.Options{Day: day})
	require.ErrorIs(t, err, error(truncated))

	lost := errors.New("the database is gone")
	_, err = reconcile.Run(t.Context(), &file{}, books{err: lost}, reconcile.Options{Day: day})
	require.ErrorIs(t, err, lost)

	_, err = reconcile.Run(t.Context(), &file{}, books{}, reconcile.Options{Day: "yesterday"})
	require.ErrorContains(t, err, "want a day")

	var many []any
	for i := range 50 {
		many = append(many, line(string(rune('A'+i)), fee, 100))
	}
	_, err = reconcile.Run(t.Context(), &file{lines: numbered(many)}, books{}, reconcile.Options{Day: day, Limit: 40})
	require.ErrorIs(t, err, reconcile.ErrTooMany)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = reconcile.Run(ctx, &file{lines: numbered(many)}, books{}, reconcile.Options{Day: day})
	require.ErrorIs(t, err, context.Canceled)
}

// One waybill that a file repeats for ever is refused before it fills the memory.
func TestOneWaybillWithoutEnd(t *testing.T) {
	t.Parallel()
	var many []any
	for range 10_001 {
		many = append(many, line("a", fee, 100))
	}
	_, err := reconcile.Run(t.Context(), &file{lines: numbered(many)}, books{}, reconcile.Options{Day: day})
	require.ErrorIs(t, err, reconcile.ErrTooMany)
}

// The temporary files go, whether the run ends well or not.
func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run(t, []any{line("a", fee, 1)}, books{}, reconcile.Options{Dir: dir})
	_, err := reconcile.Run(t.Context(), &file{lines: []any{errors.New("broken pipe")}}, books{}, reconcile.Options{Day: day, Dir: dir})
	require.ErrorContains(t, err, "broken pipe")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestEveryReasonHasAMeaning(t *testing.T) {
	t.Parallel()
	for why, m := range reconcile.Meanings {
		require.Contains(t, reconcile.Outcomes, m.Outcome, why)
		require.NotEmpty(t, m.Text, why)
		require.LessOrEqual(t, len(why), 32, "items keep it as their kind")
		require.False(t, strings.ContainsAny(string(why), " :"))
	}
	require.True(t, slices.Contains(reconcile.Outcomes, reconcile.Matched))
}

// The page for accountants has every reason, as the table says it.
func TestReasonsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/reconciliation.md")
	require.NoError(t, err)
	for why, m := range reconcile.Meanings {
		require.Contains(t, string(page), fmt.Sprintf("| `%s` | %s | %s |", why, m.Outcome, m.Text))
	}
}
