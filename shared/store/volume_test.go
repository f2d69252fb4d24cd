package store_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/store"
)

// plant makes n closed orders with everything that belongs to them, quickly and behind the
// store's back: one attempt, nine lines of history, four posted facts each.
func (f fixture) plant(t testing.TB, n int) {
	t.Helper()
	f.exec(t, "INSERT INTO orders (id, platform, no, shop_code, city, state, version, goal, goal_cause, goal_key, penalty_fen, round, winner, strategy, fee_fen, timers, fact_seq, milestone, told, received_at)"+
		` SELECT 247000000000000000 + n, 'jd', n, 'qf-shop-0001', '330100', 'delivered', 9, '', '', '', 0, 1, 1, '{"name":"default","mode":"cheapest","carriers":["shansong","uupt"]}', 1200, '[]', 4, 9, 9, 0 FROM (`+numbers(n)+") x")
	f.exec(t, "INSERT INTO order_key (platform, no, order_id, hash) SELECT platform, no, id, '' FROM orders")
	f.exec(t, "INSERT INTO attempt (order_id, n, carrier, account, carrier_no, state, under, cause, token, price_fen, shard, held_fen, booked_fen, penalty_fen, cancel_fee_fen, want,"+
		" call_kind, call_seq, call_owner, call_until, call_doubt, call_seen, tries, refusals, next_call_at, doubt_since_at, not_found, rider, last_at, placed_at, accepted_at, picked_at, changed, confirmed, resolved)"+
		" SELECT id, 1, 'shansong', 'main', id, 'delivered', '', '', 'token', 1000, 0, 0, 900, 0, NULL, '{}', '', 3, '', 0, '', 5, 0, 0, NULL, NULL, 0, NULL, 0, 0, 0, 0, 9, TRUE, FALSE FROM orders")
	f.exec(t, "INSERT INTO carrier_ref SELECT 'shansong', id, id, 1 FROM orders")
	path := strings.Fields("order::received order:received:quoted order:quoted:dispatching attempt::intent attempt:intent:placed attempt:placed:accepted order:dispatching:assigned attempt:accepted:delivered order:assigned:delivered")
	for i, line := range path {
		part := strings.Split(line, ":")
		n := 1
		if i < 3 {
			n = 0
		}
		f.exec(t, "INSERT INTO order_event SELECT id, ?, ?, ?, ?, ?, ?, 'applied', ?, 0, '{\"code\":\"30\",\"verified\":true}', NULL FROM orders", line, i+1, n, part[0], part[1], part[2], part[0] == "order")
	}
	for i, x := range []struct {
		n                          int
		kind, party, account       string
		amount                     int
		debit, credit, description string
	}{
		{1, "hold", "shansong", "main", 1000, "carrier:shansong:main:held", "carrier:shansong:main:prepaid", "hold"},
		{1, "capture", "shansong", "main", 900, "expense:delivery:shansong", "carrier:shansong:main:held", "capture"},
		{1, "release", "shansong", "main", 100, "carrier:shansong:main:prepaid", "carrier:shansong:main:held", "release"},
		{0, "income", "jd", "", 1200, "platform:jd:receivable", "income:delivery:jd", "income"},
	} {
		f.exec(t, "INSERT INTO fact SELECT id, ?, ?, ?, ?, ?, ?, 0, '', 0, 0 FROM orders", x.n, x.kind, i+1, x.amount, x.party, x.account)
		for _, debit := range []bool{true, false} {
			account := x.credit
			if debit {
				account = x.debit
			}
			f.exec(t, "INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, reason, event_at, posted_at, period) SELECT CONCAT('fact:', id, ?), ?, ?, ?, id, ?, 0, 0, '2026-11' FROM orders", ":"+x.kind, account, debit, x.amount, x.description)
		}
	}
	f.exec(t, "INSERT INTO prepaid_shard (carrier, account, shard, free_fen) VALUES ('shansong', 'main', 0, ?)", -900*n)
	f.exec(t, "UPDATE orders SET told = milestone")
}

// The check of many orders, and the counts that the console asks for.
func BenchmarkConsole(b *testing.B) {
	const orders = 20_000
	f := open(b)
	f.plant(b, orders)
	// An account that no deposit ever filled is overdrawn: not what is measured.
	f.exec(b, "UPDATE prepaid_shard SET free_fen = 0")
	f.exec(b, "INSERT INTO ledger_entry (tx, account, debit, amount_fen, order_id, reason, event_at, posted_at, period) VALUES ('deposit:x', 'carrier:shansong:main:prepaid', TRUE, ?, 0, '', 0, 0, '2026-11'), ('deposit:x', 'bank', FALSE, ?, 0, '', 0, 0, '2026-11')", 900*orders, 900*orders)
	b.Run("invariants", func(b *testing.B) {
		for b.Loop() {
			report, err := f.CheckInvariants(b.Context(), now, store.InvariantOptions{AtRest: true})
			require.NoError(b, err)
			require.Empty(b, report.Violated)
		}
	})
	b.Run("status", func(b *testing.B) {
		for b.Loop() {
			counts, err := f.StatusCounts(b.Context())
			require.NoError(b, err)
			require.Equal(b, orders, counts.Attempts.Won)
		}
	})
	b.Run("ledger", func(b *testing.B) {
		for b.Loop() {
			totals, err := f.LedgerTotals(b.Context())
			require.NoError(b, err)
			require.True(b, totals.Balanced)
		}
	})
	b.Run("page", func(b *testing.B) {
		for b.Loop() {
			list, err := f.Orders(b.Context(), store.OrderFilter{State: "delivered", Limit: 50})
			require.NoError(b, err)
			require.Len(b, list, 50)
		}
	})
}
