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
