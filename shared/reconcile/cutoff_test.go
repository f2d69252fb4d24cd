package reconcile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/reconcile"
)

// The fee of a waybill stood on yesterday's bill, and we heard of its end after midnight. What
// else today's bill has for it is judged by itself.
func TestTodaysBookingAnswersYesterdaysLine(t *testing.T) {
	t.Parallel()
	yesterday := reconcile.Past{Ref: ref("A"), CarrierNo: "A", Items: []reconcile.Open{{ID: 7, Diff: 1450, CutOff: true}}}
	for name, row := range map[string]struct {
		lines []any
		says  []string
	}{
		"nothing else":      {nil, []string{"0 billed_later 0"}},
		"a fine, below it":  {[]any{line("A", bill.Penalty, 450)}, []string{"2 billed_later 0", "2 penalty_none 450"}},
		"a fine, above it":  {[]any{line("A", bill.Penalty, 2000)}, []string{"2 billed_later 0", "2 penalty_none 2000"}},
		"given back":        {[]any{line("A", bill.Refund, 120)}, []string{"2 billed_later 0", "2 given_more -120"}},
		"more than the fee": {[]any{line("A", bill.Compensation, 2600)}, []string{"2 billed_later 0", "2 given_more -2600"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := books{bookings: []reconcile.Booking{booked("A", bill.Fee, 1450)}, past: map[string]reconcile.Past{"A": yesterday}}
			r := run(t, row.lines, b, reconcile.Options{})
			var says []string
			ended := false
			for _, f := range r.Findings {
				says = append(says, short(f))
				ended = ended || len(f.Ends) == 1 && f.Ends[0] == 7
			}
			require.ElementsMatch(t, row.says, says)
			require.True(t, ended)
		})
	}
	// What we booked today is less than yesterday's line: it is not the answer.
	less := yesterday
	less.Items = []reconcile.Open{{ID: 7, Diff: 2000, CutOff: true}}
	b := books{bookings: []reconcile.Booking{booked("A", bill.Fee, 1450)}, past: map[string]reconcile.Past{"A": less}}
	r := run(t, []any{line("A", bill.Tip, money.Fen(100))}, b, reconcile.Options{})
	for _, f := range r.Findings {
		require.Empty(t, f.Ends)
	}
}
