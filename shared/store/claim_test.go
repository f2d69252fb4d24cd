package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// claims are what a carrier pays us under keys, 1 fen each.
func claims(keys ...string) []ledger.Transfer {
	out := make([]ledger.Transfer, len(keys))
	for i, k := range keys {
		out[i] = ledger.CarrierPays("manual", k, "shansong", "main", 1, now)
	}
	return out
}

// numbered are keys from..until-1.
func numbered(from, until int) []string {
	var out []string
	for i := from; i < until; i++ {
		out = append(out, fmt.Sprintf("claim-%05d", i))
	}
	return out
}

// A list posts what is new of it, in its own order, however many are known; a key that is in it
// twice is one transfer.
func TestAListIsClaimedAtOnce(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 1, 1)
	require.Equal(t, 1200, f.post(t, claims(numbered(0, 1200)...)...), "more than one statement takes")
	require.Equal(t, 300, f.post(t, claims(numbered(900, 1500)...)...), "half of it is known")
	require.Zero(t, f.post(t, claims(numbered(0, 1500)...)...))
	require.Equal(t, 2, f.post(t, claims("z", "a", "z", "claim-00001")...))
	require.Equal(t, []string{"manual:z", "manual:a"}, f.strings(t, "SELECT tx FROM ledger_entry WHERE tx IN ('manual:a', 'manual:z') AND debit ORDER BY id"))
	require.Equal(t, money.Fen(1503), f.balance(t, "carrier:shansong:main:prepaid"))
	require.Equal(t, 1502, one[int](t, f, "SELECT COUNT(*) FROM ledger_key WHERE source = 'manual'"))

	// Other content, known or in the list itself: nothing of it is posted.
	for _, other := range []string{"claim-00700", "new-1"} {
		list := append(claims("new-0", "new-1"), ledger.CarrierPays("manual", other, "shansong", "main", 2, now))
		_, err := f.PostTransfers(t.Context(), li, list, now)
		require.ErrorIs(t, err, store.ErrConflict, other)
	}
	require.Zero(t, one[int](t, f, "SELECT COUNT(*) FROM ledger_key WHERE k LIKE 'new-%'"))
}

// Lists that overlap, in opposite orders and at once: each key is posted by one of them, and nobody fails.
func TestListsThatOverlap(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 1, 1)
	const lists = 6
	var group sync.WaitGroup
	posted, errs := make([]int, lists), make([]error, lists)
	for i := range lists {
		list := claims(numbered(i*100, i*100+700)...)
		if i%2 == 1 {
			slices.Reverse(list)
		}
		group.Go(func() { posted[i], errs[i] = f.PostTransfers(t.Context(), li, list, now) })
	}
	group.Wait()
	sum := 0
	for i := range lists {
		require.NoError(t, errs[i])
		sum += posted[i]
	}
	const keys = (lists-1)*100 + 700
	require.Equal(t, keys, sum)
	require.Equal(t, money.Fen(1+keys), f.balance(t, "carrier:shansong:main:prepaid"))
	require.Equal(t, "1201", f.shardList(t))
}
