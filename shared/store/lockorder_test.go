package store_test

import (
	"database/sql"
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
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// waits are the databases in which a transaction waits for a lock. All tests share what one of them
// read: the server renews its table only when nobody has read it for a tenth of a second.
var waits struct {
	sync.Mutex
	in   []string
	read time.Time
}

// someoneWaits reports whether a transaction waits for a lock in this database.
func (f fixture) someoneWaits(t testing.TB) bool {
	t.Helper()
	waits.Lock()
	defer waits.Unlock()
	if clock.System.Now().Sub(waits.read) > 150*time.Millisecond {
		waits.in = f.strings(t, "SELECT p.DB FROM information_schema.INNODB_TRX x JOIN information_schema.PROCESSLIST p ON p.ID = x.trx_mysql_thread_id WHERE x.trx_state = 'LOCK WAIT' AND p.DB IS NOT NULL")
		waits.read = clock.System.Now()
	}
	return slices.Contains(waits.in, f.database(t))
}

// rival is a transaction of somebody else that takes locks one by one.
type rival struct{ *sql.Tx }

func (f fixture) rival(t *testing.T) rival {
	t.Helper()
	tx, err := f.db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback() })
	return rival{tx}
}

// takes locks rows, which nobody else may have.
func (r rival) takes(t *testing.T, query string, args ...any) {
	t.Helper()
	_, err := r.ExecContext(t.Context(), query+" FOR UPDATE", args...)
	require.NoError(t, err, "somebody took the locks in another order: %s", query)
}

// meets runs work until it waits for what a rival has, then lets the rival take more, and end.
func (f fixture) meets(t *testing.T, r rival, work func() error, more func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- work() }()
	require.Eventually(t, func() bool { return len(done) > 0 || f.someoneWaits(t) }, 20*time.Second, 50*time.Millisecond)
	if len(done) > 0 {
		require.Fail(t, "it did not want what the rival has", "%v", <-done)
	}
	more()
	require.NoError(t, r.Commit())
	require.NoError(t, <-done)
}

// Whoever settles an item has it before its proposal, its keys and the shards: so has an approval.
func TestAnApprovalTakesTheItemFirst(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 10_000, 2)
	f.importLines(t, billDay, billLine("nobody", reconcile.Ref{}, bill.Fee, 800))
	item := f.openItems(t)[0].ID
	proposal, err := f.WriteOffBillItem(t.Context(), li, item, "", now)
	require.NoError(t, err)
	r := f.rival(t)
	r.takes(t, "SELECT id FROM money_item WHERE id = ?", item)
	f.meets(t, r, func() error {
		_, err := f.Decide(t.Context(), wang, proposal, true, now)
		return err
	}, func() {
		r.takes(t, "SELECT id FROM ledger_transfer WHERE id = ?", proposal)
		r.takes(t, "SELECT shard FROM prepaid_shard WHERE carrier = 'shansong' AND account = 'main'")
	})
	require.Equal(t, money.Fen(9_200), f.balance(t, ledger.Prepaid("shansong", "main")))
	require.Equal(t, "4600,4600", one[string](t, f, "SELECT GROUP_CONCAT(free_fen ORDER BY shard) FROM prepaid_shard"))
}

// An account of which more than one shard is wanted after all is locked from its first shard on.
func TestAnAccountIsLockedFromItsFirstShard(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100, 2)
	id := f.orders(t, 1)[0]
	f.change(t, id, nil, func(x *turn.Turn) {
		fact(x, order.Fact{N: 1, Kind: order.FactRelease, Amount: 500, Party: "shansong", Account: "main", Shard: 1})
	})
	f.exec(t, "UPDATE prepaid_shard SET free_fen = -100")
	r := f.rival(t)
	r.takes(t, "SELECT shard FROM prepaid_shard WHERE shard = 0")
	f.meets(t, r, func() error {
		_, err := f.Settle(t.Context(), []int64{id}, now)
		return err
	}, func() { r.takes(t, "SELECT shard FROM prepaid_shard WHERE shard = 1") })
	require.Equal(t, "150,150", one[string](t, f, "SELECT GROUP_CONCAT(free_fen ORDER BY shard) FROM prepaid_shard"))
}

// An import waits for nothing that is another account's.
func TestAnImportLeavesOtherItemsAlone(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 1)
	late := f.delivery(t, "late", 1000)
	f.importLines(t, billDay) // it lacks that one: the next bill may have it
	fined := f.waybill(t, "fined", "main")
	f.exec(t, "INSERT INTO order_event (order_id, input_key, version, n, kind, from_name, to_name, decision, milestone, at) VALUES (?, 'k', 3, 1, 'penalty', 'rule', '3.00', 'applied', FALSE, 0)", fined.Order)
	f.book(t, fined, order.FactPenalty, 300, billNoon.AddDate(0, 0, 1), order.CauseCancelled)
	f.exec(t, "INSERT INTO money_item (party, account, kind, state, source, source_id, opened_at, due_at, k) VALUES ('uupt', 'main', 'not_yet_billed', 'explained', 'bill', 999, 1, 1, 'another')")
	r := f.rival(t)
	r.takes(t, "SELECT id FROM money_item WHERE party = 'uupt'")
	got := f.importLines(t, "2026-11-12", onDay(billLine("fined", fined, bill.Penalty, 500), 1))
	require.Equal(t, 1, got.Whys[reconcile.OwnFigure])
	require.Equal(t, store.ItemSuspense, one[string](t, f, "SELECT state FROM money_item WHERE order_id = ?", late.Order), "and it was raised")
	require.NoError(t, r.Commit())
}

// Orders by their ids, and their facts: those in between are somebody else's.
func TestOrdersInBetweenAreLeftAlone(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.shards(t, 100_000, 1)
	ids := []int64{f.delivered(t), f.delivered(t), f.delivered(t), f.delivered(t)}
	mine := []int64{ids[0], ids[2], ids[3]}
	r := f.rival(t)
	r.takes(t, "SELECT * FROM orders WHERE id = ?", ids[1])
	r.takes(t, "SELECT * FROM fact WHERE order_id = ?", ids[1])
	posted, err := f.Settle(t.Context(), mine, now)
	require.NoError(t, err)
	require.Equal(t, 12, posted)
	leased, err := f.LeaseReports(t.Context(), mine, "me", now, now.Add(time.Minute))
	require.NoError(t, err)
	require.Len(t, leased, len(mine))
	require.NoError(t, f.Hurry(t.Context(), mine, now))
	_, err = f.Commands(t.Context(), []store.NewCommand{{OrderID: ids[3], Command: order.Command{Key: "k", Kind: order.CommandResolve, By: "li", ReceivedAt: now}}}, now)
	require.NoError(t, err)
	require.NoError(t, f.Dispatch(t.Context(), mine, nil, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
		require.Len(t, b.Orders, len(mine))
		return nil, nil, nil
	}))
	require.NoError(t, r.Commit())
}
