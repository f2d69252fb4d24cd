package store_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/store"
)

// smudged is a bill of one line whose amount, 1000, cannot be read.
func smudged(t testing.TB, line bill.Line) string {
	t.Helper()
	text := billText(t, line)
	require.Contains(t, text, ",1000,")
	return strings.Replace(text, ",1000,", ",1000.5,", 1)
}

// midnight is a waybill booked half an hour after the end of the bills' day, and a line of that day
// for it that cannot be read: one question, which waits on the first bill.
func midnight(t *testing.T) (fixture, reconcile.Ref, map[string]money.Fen) {
	f := open(t)
	f.shards(t, 100_000, 1)
	ref := f.waybill(t, "w", "main")
	f.book(t, ref, order.FactCapture, 1000, time.Date(2026, 11, 11, 16, 30, 0, 0, time.UTC), "")
	before := f.balances(t)
	_, err := f.importText(t, billDay, smudged(t, billLine("w", ref, bill.Fee, 1000)), false)
	require.NoError(t, err)
	next := f.importLines(t, "2026-11-12")
	require.Equal(t, map[reconcile.Why]int{reconcile.Unread: 1}, next.Whys)
	require.Equal(t, before, f.balances(t), "nothing is in suspense")
	return f, ref, before
}

func (f fixture) kinds(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, x := range f.openItems(t) {
		out = append(out, x.State+" "+x.Kind)
	}
	return out
}

// A mistake on a line at midnight is settled once, for both days.
func TestAMistakeAtMidnightIsSettledOnce(t *testing.T) {
	t.Parallel()
	f, ref, before := midnight(t)
	require.Equal(t, []string{"disputed unreadable", "explained unread"}, f.kinds(t))
	_, err := f.WithdrawBillItem(t.Context(), auditor, f.openItems(t)[0].ID, "it was 10.00", nextDay)
	require.NoError(t, err)
	require.Empty(t, f.kinds(t))
	require.Equal(t, before, f.balances(t))
	again := f.importLines(t, "2026-11-13", onDay(billLine("w", ref, bill.Fee, 1000), 2))
	require.Equal(t, map[reconcile.Why]int{reconcile.AlreadyBilled: 1}, again.Whys, "it is paid once")
	f.tied(t)
}

// A later bill that has the line as it should be answers what the line stood for, and so does a
// corrected one; when that has no line either, what we booked is in suspense as it would have been.
func TestTheLineComesAfterAll(t *testing.T) {
	t.Parallel()
	f, ref, before := midnight(t)
	later := f.importLines(t, "2026-11-13", onDay(billLine("w", ref, bill.Fee, 1000), 2))
	require.Equal(t, map[reconcile.Why]int{reconcile.BilledLater: 1}, later.Whys)
	require.Equal(t, []string{"disputed unreadable"}, f.kinds(t))
	require.Equal(t, before, f.balances(t))
	f.tied(t)

	f, ref, before = midnight(t)
	f.replaceLines(t, billDay, &store.Bill{ID: 1}, billLine("w", ref, bill.Fee, 1000))
	require.Empty(t, f.kinds(t))
	require.Equal(t, before, f.balances(t))
	f.tied(t)

	f, _, before = midnight(t)
	f.replaceLines(t, billDay, &store.Bill{ID: 1})
	require.Equal(t, []string{"suspense not_billed"}, f.kinds(t))
	require.Equal(t, map[string]money.Fen{"suspense:shansong": -1000, "carrier:shansong:main:payable": 1000}, differ(before, f.balances(t)))
	f.tied(t)
}

// The other way round: what one day's bill lacked late in the evening is on the next one's line that cannot be read.
func TestALateBookingAndALineThatCannotBeRead(t *testing.T) {
	t.Parallel()
	f := open(t)
	ref := f.waybill(t, "w", "main")
	f.book(t, ref, order.FactCapture, 1000, time.Date(2026, 11, 11, 15, 30, 0, 0, time.UTC), "")
	before := f.balances(t)
	f.importLines(t, billDay)
	require.Equal(t, []string{"explained not_yet_billed"}, f.kinds(t))
	_, err := f.importText(t, "2026-11-12", smudged(t, onDay(billLine("w", ref, bill.Fee, 1000), 1)), false)
	require.NoError(t, err)
	require.Equal(t, []string{"disputed unreadable"}, f.kinds(t))
	require.Equal(t, before, f.balances(t), "nothing is in suspense")
	f.tied(t)
}
