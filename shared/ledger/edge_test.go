package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// A fact of nothing has no entries, so that no line of zero and no lonely side is posted.
func TestFactOfNothing(t *testing.T) {
	t.Parallel()
	entries, err := ledger.Post(7, order.Fact{Kind: order.FactCapture, Party: "uupt", Account: "main"}, ledger.Desk{Now: now})
	require.NoError(t, err)
	require.Empty(t, entries)
	_, err = ledger.Post(7, order.Fact{Kind: "gift"}, ledger.Desk{Now: now})
	require.ErrorIs(t, err, ledger.ErrFact, "an unknown kind is one whatever its amount")
}

func TestDeposit(t *testing.T) {
	t.Parallel()
	for amount, debited := range map[money.Fen]string{500: "carrier:uupt:main:prepaid", -500: ledger.Bank} {
		e := ledger.Deposit("k", "uupt", "main", amount, now).Entries(ledger.Desk{Now: now})
		require.Len(t, e, 2)
		require.Equal(t, "deposit:k", e[0].Tx)
		require.Equal(t, debited, e[0].Account)
		require.True(t, e[0].Debit)
		require.False(t, e[1].Debit)
		require.NotEqual(t, e[0].Account, e[1].Account)
		require.Equal(t, []money.Fen{500, 500}, []money.Fen{e[0].Amount, e[1].Amount})
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	facts := []order.Fact{
		{N: 1, Kind: order.FactHold, Seq: 1}, {N: 1, Kind: order.FactHold, Seq: 2}, {N: 2, Kind: order.FactHold, Seq: 1}, {N: 1, Kind: order.FactRelease, Seq: 1},
	}
	seen := map[string]bool{}
	for _, id := range []int64{1, 11} {
		for _, f := range facts {
			seen[ledger.Tx(id, f)] = true
		}
	}
	require.Len(t, seen, 2*len(facts), "two facts share a transaction name")
	require.True(t, ledger.IsExpense(ledger.PenaltyExpense("uupt", "carrier")))
	require.True(t, ledger.IsExpense(ledger.DeliveryExpense("uupt")))
	require.True(t, ledger.IsIncome(ledger.PenaltyIncome("jd")))
	require.False(t, ledger.IsIncome(ledger.Receivable("jd")) || ledger.IsExpense(ledger.Held("uupt", "main")))
	e, err := ledger.Post(1, order.Fact{Kind: order.FactPenalty, Party: "uupt", Amount: 1}, ledger.Desk{Now: now})
	require.NoError(t, err)
	require.Equal(t, "expense:penalty:uupt:other", e[0].Account, "every penalty has a cause")
	require.Equal(t, "2026-11", ledger.Period(time.Date(2026, 11, 30, 15, 59, 59, 0, time.UTC)))
}
