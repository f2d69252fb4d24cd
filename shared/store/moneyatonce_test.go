package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/statement"
	"github.com/chuandao/qianfan/shared/store"
)

// bazaar is one set of books that everybody works on at once.
type bazaar struct {
	fixture
	ids   []int64           // orders that everybody dispatches and settles
	bills map[string]string // by day
	dir   string            // of what importing spills
}

// trade is what one kind of worker does again and again. What the rules forbid is no failure: others were
// faster. A deadlock is one, since the store has tried often enough by then.
type trade struct {
	name    string
	workers int
	do      func(b *bazaar, ctx context.Context, r *rand.Rand, round int) error
	refused []error
}

var trades = []trade{
	{"dispatch", 8, (*bazaar).place, nil},
	{"settle", 4, (*bazaar).settleSome, nil},
	{"deposit", 2, (*bazaar).prepay, []error{store.ErrConflict, store.ErrNotSent}},
	{"undo", 2, (*bazaar).undo, []error{store.ErrConflict, store.ErrDecided}},
	{"post", 2, (*bazaar).postSome, nil},
	{"seal", 2, (*bazaar).sealSome, nil},
	{"close", 1, (*bazaar).closeNext, nil},
	{"import", 3, (*bazaar).importOne, []error{store.ErrBillKnown, store.ErrBooksMove, store.ErrItemResolved}},
	{"item", 3, (*bazaar).endOne, []error{store.ErrItemResolved, store.ErrDecided, store.ErrBillItem, store.ErrConflict}},
	{"issue", 2, (*bazaar).issueNext, []error{store.ErrStale, statement.ErrSpan}},
	{"statement", 3, (*bazaar).workOnStatement, []error{store.ErrRejection, store.ErrNotOnStatement, store.ErrItemResolved, store.ErrDecided, store.ErrConflict, statement.ErrState, statement.ErrPayment}},
	{"account", 2, (*bazaar).tend, nil},
	{"look", 1, (*bazaar).look, nil},
}

const bazaarRounds = 30

// Every kind of transaction that moves money, many at once on the same rows: none fails for want
// of a lock, and in the end the books are whole.
func TestAllMoneyAtOnce(t *testing.T) {
	t.Parallel()
	seed := uint64(clock.System.Now().UnixNano())
	t.Logf("seed %d", seed)
	b := newBazaar(t)
	b.begin(t, rand.New(rand.NewPCG(seed, 0)))
	var work sync.WaitGroup
	failed := make([][]error, len(trades))
	for i, kind := range trades {
		failed[i] = make([]error, kind.workers)
		for w := range kind.workers {
			work.Go(func() { failed[i][w] = kind.run(b, t.Context(), rand.New(rand.NewPCG(seed, uint64(100*i+w)))) })
		}
	}
	work.Wait()
	require.NoError(t, errors.Join(slices.Concat(failed...)...), "seed %d", seed)
	b.whole(t)
}

func (k trade) run(b *bazaar, ctx context.Context, r *rand.Rand) error {
	for round := range bazaarRounds {
		err := k.do(b, ctx, r, round)
		if err != nil && !slices.ContainsFunc(k.refused, func(e error) bool { return errors.Is(err, e) }) {
			return fmt.Errorf("%s, round %d: %w", k.name, round, err)
		}
	}
	return nil
}

func newBazaar(t *testing.T) *bazaar {
	t.Helper()
	b := &bazaar{fixture: open(t), bills: map[string]string{}, dir: t.TempDir()}
	b.Store = b.connect(t, store.Options{MaxConns: 40})
	b.book(t, b.waybill(t, "first", "main"), order.FactCapture, 100, time.Date(2021, 1, 11, 4, 0, 0, 0, time.UTC), "")
	for _, a := range accounts {
		_, err := b.Deposit(t.Context(), "opening-"+a, "shansong", a, 2_000_000, parts, now)
		require.NoError(t, err)
	}
	b.ids = b.orders(t, 12)
	for day := -14; day <= 6; day++ { // from the middle of October on
		var lines []bill.Line
		for n := range 4 {
			no := fmt.Sprintf("w-%d-%d", day, n)
			ref := b.waybill(t, no, "main")
			at := business(day).Add(9 * time.Hour)
			b.book(t, ref, order.FactCapture, 500, at, "")
			l := billLine(no, ref, bill.Fee, money.Fen(500+100*(n-1))) // one is cheap, one right, others dear
			l.At = at
			lines = append(lines, l)
		}
		missing := b.waybill(t, fmt.Sprintf("m-%d", day), "main") // not on its bill, but on the next one
		b.book(t, missing, order.FactCapture, 700, business(day).Add(10*time.Hour), "")
		if day > -14 {
			l := billLine(fmt.Sprintf("m-%d", day-1), reconcile.Ref{}, bill.Fee, 700)
			l.At = business(day).Add(time.Hour)
			lines = append(lines, l)
		}
		b.bills[business(day).Add(12*time.Hour).Format(time.DateOnly)] = billText(t, lines...)
	}
	return b
}

// begin gives everybody something to work on: earned lines on a statement, and bills with items.
func (b *bazaar) begin(t *testing.T, r *rand.Rand) {
	t.Helper()
	for range 40 {
		require.NoError(t, b.place(t.Context(), r, 0))
	}
	_, err := b.Settle(t.Context(), b.ids, now)
	require.NoError(t, err)
	b.issue(t, 6, 9)
	for range 6 {
		if err := b.importOne(t.Context(), r, 0); err != nil {
			require.ErrorIs(t, err, store.ErrBillKnown)
		}
	}
}

// whole settles what is left and compares the books with everything that was made from them.
func (b *bazaar) whole(t *testing.T) {
	t.Helper()
	_, err := b.Settle(t.Context(), b.ids, now)
	require.NoError(t, err)
	_, err = b.DepositBy(t.Context(), li, store.Payment{Key: "last", Carrier: "shansong", Account: "main", Amount: 1, Shards: parts, At: now})
	require.NoError(t, err)
	b.seal(t)
	report := b.verify(t)
	require.Empty(t, report.Problems)
	check := b.ties(t)
	for _, a := range accounts {
		free := one[int64](t, b.fixture, "SELECT SUM(free_fen) FROM prepaid_shard WHERE account = ?", a)
		require.Equal(t, b.balance(t, ledger.Prepaid("shansong", a)), money.Fen(free), a)
	}
	for _, table := range []string{"bill", "money_item WHERE state = 'resolved'", "statement_step WHERE kind = 'rejected'", "ledger_transfer WHERE state = 'posted'", "ledger_period"} {
		require.Positive(t, one[int](t, b.fixture, "SELECT COUNT(*) FROM "+table), "%s: nothing was tried", table)
	}
	t.Logf("%d entries, %d transactions, %d seals; %s is open, %s unbilled", report.Entries, one[int](t, b.fixture, "SELECT COUNT(DISTINCT tx) FROM ledger_entry"), report.Seals, check.Open, check.Unbilled)
}
