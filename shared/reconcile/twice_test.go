package reconcile_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/reconcile"
)

// What an earlier bill has had may agree with today's booking and be billed today as well: it is
// paid once.
func TestWhatWasBilledEarlyIsNotPaidAgain(t *testing.T) {
	t.Parallel()
	early := reconcile.Past{Ref: ref("A"), CarrierNo: "A", Items: []reconcile.Open{{ID: 7, Diff: 1450, CutOff: true}}}
	unnamed := line("A", bill.Fee, 1450)
	unnamed.CarrierNo, unnamed.ClientNo = "", ""
	for name, row := range map[string]struct {
		lines []any
		says  []string
		diff  money.Fen
	}{
		"the same line":           {[]any{line("A", bill.Fee, 1450)}, []string{"0 billed_later 0", "2 already_billed 1450"}, 1450},
		"a tip more":              {[]any{line("A", bill.Fee, 1450), line("A", bill.Tip, 100)}, []string{"3 billed_later 0", "2 already_billed 1450", "3 tip_not_promised 100"}, 1550},
		"the line without number": {[]any{bad(unnamed, bill.ReasonNumber)}, []string{"0 billed_later 0", "2 unnamed 1450"}, 1450},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := books{bookings: []reconcile.Booking{booked("A", bill.Fee, 1450)}, past: map[string]reconcile.Past{"A": early}, early: []reconcile.Ref{ref("A")}}
			r := run(t, row.lines, b, reconcile.Options{})
			var says []string
			var diff money.Fen
			for _, f := range r.Findings {
				says = append(says, short(f))
				diff += f.Diff
			}
			require.ElementsMatch(t, row.says, says)
			require.Equal(t, row.diff, diff, "all of it is in question")
		})
	}
}

// The carrier's 违约金 replaces an estimate once, and nothing else hides behind it.
func TestOwnFigureIsNoPretext(t *testing.T) {
	t.Parallel()
	fine := booked("A", bill.Penalty, 300)
	estimate := reconcile.Past{Ref: ref("A"), CarrierNo: "A", Estimated: true, Paid: reconcile.Costs{bill.Penalty: 300}}
	later := line("A", bill.Penalty, 300)
	later.At = later.At.Add(5 * time.Minute)
	for name, row := range map[string]struct {
		bookings []reconcile.Booking
		lines    []any
		says     []string
	}{
		"another figure":               {[]reconcile.Booking{fine}, []any{line("A", bill.Penalty, 500)}, []string{"2 own_figure 200"}},
		"too much to be believed":      {[]reconcile.Booking{fine}, []any{line("A", bill.Penalty, 2301)}, []string{"2 overbilled 2001"}},
		"compensation is not given":    {[]reconcile.Booking{fine, booked("A", bill.Compensation, -500)}, []any{line("A", bill.Penalty, 300)}, []string{"0 not_given 500"}},
		"a refund that we know not of": {[]reconcile.Booking{fine}, []any{line("A", bill.Penalty, 300), line("A", bill.Refund, 100)}, []string{"3 given_more -100"}},
		"two of them":                  {[]reconcile.Booking{fine}, []any{line("A", bill.Penalty, 300), later}, []string{"3 overbilled 300"}},
		"billed on another day":        {nil, []any{line("A", bill.Penalty, 350)}, []string{"2 penalty_none 350"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, row.lines, books{bookings: row.bookings, past: map[string]reconcile.Past{"A": estimate}}, reconcile.Options{})
			var says []string
			for _, f := range r.Findings {
				says = append(says, short(f))
			}
			require.ElementsMatch(t, row.says, says)
		})
	}
}

// A line that cannot be read stands for what was booked on the other side of midnight, once; what was
// booked at noon, or has a line already, is a question of its own.
func TestOneMistakeAtMidnightIsOneQuestion(t *testing.T) {
	t.Parallel()
	const unread, covered, late = "unread", "covered", "late"
	past := func(what ...string) reconcile.Past {
		p := reconcile.Past{Ref: ref("A"), CarrierNo: "A"}
		for i, w := range what {
			o := reconcile.Open{ID: int64(i + 7), Unread: w == unread, Covered: w == covered, Late: w == late}
			if w != unread {
				o.Diff = -1000
			}
			p.Items = append(p.Items, o)
		}
		return p
	}
	night, noon := booked("A", bill.Fee, 1000), booked("A", bill.Fee, 1000)
	night.At = night.At.Truncate(24 * time.Hour).Add(-8 * time.Hour).Add(time.Hour) // one in the morning in Shanghai
	for name, row := range map[string]struct {
		bookings []reconcile.Booking
		lines    []any
		past     reconcile.Past
		says     []string
		ends     []int64
	}{
		"the line is on the bill before":         {[]reconcile.Booking{night}, nil, past(unread), []string{"0 unread -1000"}, nil},
		"and it stands for something else":       {[]reconcile.Booking{night}, nil, past(unread, covered), []string{"0 not_billed -1000"}, nil},
		"booked at noon":                         {[]reconcile.Booking{noon}, nil, past(unread), []string{"0 not_billed -1000"}, nil},
		"no such line":                           {[]reconcile.Booking{night}, nil, past(), []string{"0 not_billed -1000"}, nil},
		"the bill before lacked it":              {nil, []any{bad(line("A", bill.Fee, 1000), bill.ReasonFraction)}, past(late), []string{"2 unreadable 0"}, []int64{7}},
		"a line stands for one booking":          {[]reconcile.Booking{noon}, []any{bad(line("A", bill.Fee, 1000), bill.ReasonFraction)}, past(late), []string{"2 unreadable 0"}, nil},
		"it has a good line, too":                {nil, []any{bad(line("A", bill.Fee, 1000), bill.ReasonFraction), line("A", bill.Fee, 1000)}, past(late), []string{"2 unreadable 0", "3 billed_later 0"}, []int64{7}},
		"two were late, one line cannot be read": {nil, []any{bad(line("A", bill.Fee, 1000), bill.ReasonKind)}, past(late, late), []string{"2 unreadable 0"}, []int64{7}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, row.lines, books{bookings: row.bookings, past: map[string]reconcile.Past{"A": row.past}}, reconcile.Options{})
			var says []string
			var ends []int64
			for _, f := range r.Findings {
				says, ends = append(says, short(f)), append(ends, f.Ends...)
			}
			require.ElementsMatch(t, row.says, says)
			require.Equal(t, row.ends, ends)
		})
	}
}
