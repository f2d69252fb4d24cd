package store_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/statement"
)

// booked is something that happens to the books: an order's facts, or a transfer.
type booked struct {
	order    int64
	transfer *ledger.Transfer
}

// drawFacts are facts of one order as a turn may state them: whatever they are, holds and what
// comes of them are on the same account.
func drawFacts(rt *rapid.T) []order.Fact {
	kinds := []string{order.FactOverdraw, order.FactRelease, order.FactCapture, order.FactTip, order.FactPenalty, order.FactFault, order.FactIncome, order.FactPenaltyIn}
	var out []order.Fact
	for seq := range rapid.IntRange(1, 6).Draw(rt, "facts") {
		f := order.Fact{Kind: rapid.SampledFrom(kinds).Draw(rt, "kind"), Seq: seq + 1, Amount: money.Fen(rapid.Int64Range(1, 3000).Draw(rt, "fen")), At: now}
		if rapid.Bool().Draw(rt, "back") {
			f.Amount = -f.Amount
		}
		if f.Kind == order.FactIncome || f.Kind == order.FactPenaltyIn {
			f.Party = rapid.SampledFrom([]string{"jd", "meituan"}).Draw(rt, "platform")
		} else {
			f.N, f.Party, f.Account, f.Shard = rapid.IntRange(1, 2).Draw(rt, "n"), "shansong", "main", rapid.IntRange(0, 2).Draw(rt, "shard")
			f.Cause = rapid.SampledFrom([]string{"", "lost_race", "order_cancelled"}).Draw(rt, "cause")
		}
		out = append(out, f)
	}
	return out
}

func drawTransfer(rt *rapid.T, i int, orders []int64) ledger.Transfer {
	key, amount := fmt.Sprint("k", i), money.Fen(rapid.Int64Range(1, 3000).Draw(rt, "fen"))
	about := rapid.SampledFrom(orders).Draw(rt, "order")
	t := rapid.SampledFrom([]ledger.Transfer{
		ledger.TopUpSent(key, "shansong", "main", amount, now),
		ledger.TopUpSeen(key, "shansong", "main", amount, now),
		ledger.Compensation(key, "jd", "late", amount, now).On(about, 0),
		ledger.CarrierPays("manual", key, "shansong", "main", amount, now).On(about, 1),
		ledger.BillDispute(key, "shansong", "main", -amount, now),
		ledger.BillAccepted(key, "shansong", "main", ledger.TipExpense("shansong"), amount, now).On(about, 1),
		ledger.BillFigure(key, "shansong", "main", ledger.DeliveryExpense("shansong"), amount, now).On(about, 2),
		ledger.Rejected(key, "jd", ledger.Receivable("jd"), amount, now).On(about, 0),
		ledger.WriteOff(key, "jd", amount, now),
		statement.Payment(key, "jd", statement.Amounts{Delivery: -amount}, now),
	}).Draw(rt, "transfer")
	if rapid.Bool().Draw(rt, "reversed") {
		return t.Reversed(now)
	}
	return t
}

// In whatever order events come, and however often each: the same balances at the end, debits
// equal to credits, balances equal to the folds of entries, shards to the prepaid account, and
// what the orders earned to what the accounts of the profit say.
func TestTheOrderOfEventsIsOfNoAccount(t *testing.T) {
	t.Parallel()
	f := open(t)
	rapid.Check(t, func(rt *rapid.T) {
		orders := f.orders(t, rapid.IntRange(1, 3).Draw(rt, "orders"))
		facts := map[int64][]order.Fact{}
		var events []booked
		for _, id := range orders {
			facts[id] = drawFacts(rt)
			events = append(events, booked{order: id})
		}
		for i := range rapid.IntRange(0, 6).Draw(rt, "transfers") {
			x := drawTransfer(rt, i, orders)
			events = append(events, booked{transfer: &x})
		}
		want := foldOf(rt, facts, events)
		for range 2 {
			f.emptyBooks(t, facts)
			repeated := append(events[:len(events):len(events)], rapid.SliceOfN(rapid.SampledFrom(events), 0, 4).Draw(rt, "again")...)
			for _, e := range rapid.Permutation(repeated).Draw(rt, "order of events") {
				f.happens(rt, e)
				if rapid.IntRange(0, 4).Draw(rt, "seal") == 0 {
					f.seal(t)
				}
			}
			require.Equal(rt, want, f.allBalances(t))
			require.Empty(rt, f.verify(t).Problems)
			require.Equal(rt, want[ledger.Prepaid("shansong", "main")], money.Fen(one[int](t, f, "SELECT COALESCE(SUM(free_fen), 0) FROM prepaid_shard")))
			f.profitTies(rt, t, want)
		}
	})
}

// foldOf folds the events without a database.
func foldOf(rt *rapid.T, facts map[int64][]order.Fact, events []booked) map[string]money.Fen {
	out := map[string]money.Fen{}
	add := func(entries []ledger.Entry) {
		for _, e := range entries {
			if e.Debit {
				out[e.Account] += e.Amount
			} else {
				out[e.Account] -= e.Amount
			}
		}
	}
	for _, e := range events {
		if e.transfer != nil {
			add(e.transfer.Entries(ledger.Desk{Now: now}))
		}
		for _, x := range facts[e.order] {
			entries, err := ledger.Post(e.order, x, ledger.Desk{Now: now})
			require.NoError(rt, err)
			add(entries)
		}
	}
	return out
}

// emptyBooks makes the books new, with unposted facts.
func (f fixture) emptyBooks(t *testing.T, facts map[int64][]order.Fact) {
	t.Helper()
	for _, table := range []string{"ledger_entry", "ledger_key", "ledger_seal", "ledger_balance", "prepaid_shard", "fact", "audit"} {
		f.exec(t, "DELETE FROM "+table)
	}
	f.exec(t, "UPDATE ledger_mark SET sealed_id = 0")
	for shard := range 3 {
		f.exec(t, "INSERT INTO prepaid_shard (carrier, account, shard, free_fen) VALUES ('shansong', 'main', ?, 0)", shard)
	}
	for id, list := range facts {
		for _, x := range list {
			f.exec(t, "INSERT INTO fact (order_id, n, kind, seq, amount, party, account, shard, cause, at) VALUES (?,?,?,?,?,?,?,?,?,?)",
				id, x.N, x.Kind, x.Seq, int64(x.Amount), x.Party, x.Account, x.Shard, x.Cause, x.At.UnixMilli())
		}
	}
}

func (f fixture) happens(rt *rapid.T, e booked) {
	var err error
	if e.transfer != nil {
		_, err = f.PostTransfers(rt.Context(), li, []ledger.Transfer{*e.transfer}, now)
	} else {
		_, err = f.Settle(rt.Context(), []int64{e.order}, now)
	}
	require.NoError(rt, err)
}

// allBalances leaves out accounts that no event touched.
func (f fixture) allBalances(t *testing.T) map[string]money.Fen {
	t.Helper()
	list, err := f.Balances(t.Context())
	require.NoError(t, err)
	out := map[string]money.Fen{}
	for _, b := range list {
		out[b.Account] = b.BalanceFen
	}
	return out
}

// profitTies: the profit by order, and what belongs to no order, add up to the accounts.
func (f fixture) profitTies(rt *rapid.T, t *testing.T, balances map[string]money.Fen) {
	t.Helper()
	var accounts money.Fen
	for name := range maps.Keys(balances) {
		if ledger.IsIncome(name) || ledger.IsExpense(name) {
			accounts -= balances[name]
		}
	}
	var byOrder money.Fen
	for _, cell := range f.strings(t, "SELECT CONCAT(order_id, ' ', SUM(IF(debit, -amount_fen, amount_fen))) FROM ledger_entry WHERE account LIKE 'income:%' OR account LIKE 'expense:%' GROUP BY order_id") {
		_, sum, _ := strings.Cut(cell, " ")
		var fen int64
		_, err := fmt.Sscan(sum, &fen)
		require.NoError(rt, err)
		byOrder += money.Fen(fen)
	}
	require.Equal(rt, accounts, byOrder)
}
