package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

var now = time.Date(2026, 11, 30, 16, 30, 0, 0, time.UTC) // already December in Shanghai

func TestPostSides(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string][2]string{
		order.FactHold:      {"carrier:uupt:main:held", "carrier:uupt:main:prepaid"},
		order.FactOverdraw:  {"carrier:uupt:main:held", "carrier:uupt:main:prepaid"},
		order.FactRelease:   {"carrier:uupt:main:prepaid", "carrier:uupt:main:held"},
		order.FactCapture:   {"expense:delivery:uupt", "carrier:uupt:main:held"},
		order.FactPenalty:   {"expense:penalty:uupt:lost_race", "carrier:uupt:main:held"},
		order.FactIncome:    {"platform:uupt:receivable", "income:delivery:uupt"},
		order.FactPenaltyIn: {"platform:uupt:penalty_receivable", "income:penalty:uupt"},
	} {
		f := order.Fact{N: 1, Kind: kind, Seq: 3, Amount: 250, Party: "uupt", Account: "main", Cause: "lost_race", At: now}
		e, err := ledger.Post(7, f, ledger.Desk{Now: now})
		require.NoError(t, err)
		require.Len(t, e, 2)
		require.Equal(t, want, [2]string{e[0].Account, e[1].Account}, kind)
		require.True(t, e[0].Debit)
		require.False(t, e[1].Debit)
		require.Equal(t, "2026-12", e[0].Period)
		require.Equal(t, "fact:7:1:"+kind+":3", e[0].Tx)

		f.Amount = -250 // a correction turns the sides round
		e, err = ledger.Post(7, f, ledger.Desk{Now: now})
		require.NoError(t, err)
		require.Equal(t, want, [2]string{e[1].Account, e[0].Account}, kind)
		require.Equal(t, money.Fen(250), e[0].Amount)
	}
	_, err := ledger.Post(7, order.Fact{Kind: "gift"}, ledger.Desk{Now: now})
	require.ErrorIs(t, err, ledger.ErrFact)
}

// However facts come, debits equal credits, and what leaves prepaid is what the shards lose.
func TestFactsBalanceInAnyOrder(t *testing.T) {
	t.Parallel()
	kinds := []string{order.FactHold, order.FactOverdraw, order.FactRelease, order.FactCapture, order.FactPenalty, order.FactIncome, order.FactPenaltyIn}
	rapid.Check(t, func(rt *rapid.T) {
		balance := map[string]money.Fen{}
		var shards money.Fen
		for range rapid.IntRange(1, 40).Draw(rt, "facts") {
			f := order.Fact{Kind: rapid.SampledFrom(kinds).Draw(rt, "kind"), Amount: money.Fen(rapid.Int64Range(-5000, 5000).Draw(rt, "amount")), Party: "c", Account: "a"}
			if f.Amount == 0 {
				continue
			}
			entries, err := ledger.Post(1, f, ledger.Desk{Now: now})
			require.NoError(rt, err)
			for _, e := range entries {
				require.Positive(rt, e.Amount)
				if e.Debit {
					balance[e.Account] += e.Amount
				} else {
					balance[e.Account] -= e.Amount
				}
			}
			shards += ledger.ShardDelta(f)
			if f.Kind == order.FactHold {
				shards -= f.Amount // the grant, taken by dispatch
			}
		}
		var total money.Fen
		for _, b := range balance {
			total += b
		}
		require.Zero(rt, total)
		require.Equal(rt, balance[ledger.Prepaid("c", "a")], shards)
	})
}
