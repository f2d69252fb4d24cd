package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

// Who closes a month hears of each account's days that cost something and have no bill. A day on
// which money was only promised, and given back, gets none.
func TestClosingNamesDaysWithoutABill(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 10_000, 2)
	_, err := f.Deposit(t.Context(), "s", "shansong", "main", 100_00, 2, now)
	require.NoError(t, err)
	_, err = f.Deposit(t.Context(), "s2", "shansong", "second", 100_00, 2, now)
	require.NoError(t, err)
	midnight := func(day int) time.Time { return time.Date(2026, 11, day, 16, 0, 0, 0, time.UTC) } // the end of the day in Shanghai
	ref := f.waybill(t, "S-1", "main")
	f.book(t, ref, order.FactCapture, 700, midnight(0).Add(-time.Millisecond), "") // October's
	f.book(t, ref, order.FactCapture, 700, midnight(11).Add(-time.Millisecond), "")
	f.book(t, ref, order.FactHold, 700, midnight(12), "")
	f.book(t, ref, order.FactRelease, 700, midnight(12), "")
	f.book(t, ref, order.FactPenalty, 200, midnight(14), "order_cancelled")
	f.book(t, ref, order.FactPenalty, 200, midnight(30), "order_cancelled") // December's

	unbilled := func() []store.Unbilled {
		check, err := f.CheckClosing(t.Context(), "2026-11", midnight(31))
		require.NoError(t, err)
		return check.Unbilled
	}
	require.Equal(t, []store.Unbilled{{Carrier: "shansong", Account: "main", Days: []string{"2026-11-11", "2026-11-15"}}}, unbilled())
	bill := "INSERT INTO bill (carrier, account, day, sha256, name, row_count, net_fen, counts, by_whom, at, replaced_by) VALUES ('shansong', ?, '2026-11-11', ?, 'b.csv', 0, 0, '{}', 'li', 0, ?)"
	f.exec(t, bill, "second", "1", 0)
	f.exec(t, bill, "main", "2", 9)
	require.Len(t, unbilled()[0].Days, 2, "another account's bill, and one that was replaced")
	f.exec(t, bill, "main", "3", 0)
	require.Equal(t, []string{"2026-11-15"}, unbilled()[0].Days)
}
