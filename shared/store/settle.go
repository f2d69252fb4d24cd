package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

var entryCols = []string{"tx", "account", "debit", "amount_fen", "order_id", "reason", "event_at", "posted_at", "period"}

func insertEntries(ctx context.Context, db execer, entries []ledger.Entry) error {
	rows := make([][]any, len(entries))
	for i, e := range entries {
		rows[i] = []any{e.Tx, e.Account, e.Debit, int64(e.Amount), e.OrderID, clip(e.Reason, 64), e.EventAt.UnixMilli(), e.PostedAt.UnixMilli(), e.Period}
	}
	return insert{table: "ledger_entry", cols: entryCols}.exec(ctx, db, rows)
}

// Settle posts every unposted fact of the orders, marks them posted, returns what they free
// to the shards, and clears post_at of orders that have none left, in one transaction. It
// reports how many facts it posted.
func (s *Store) Settle(ctx context.Context, ids []int64, now time.Time) (int, error) {
	posted := 0
	err := s.tx(ctx, "settle", func(tx *sql.Tx) error {
		posted = 0
		ids := sorted(ids)
		if len(ids) == 0 {
			return nil
		}
		list, args := in(ids)
		rows, err := tx.QueryContext(ctx, "SELECT id FROM orders WHERE id IN "+list+" ORDER BY id FOR UPDATE", args...)
		if err := each(rows, err, "orders", func(r *sql.Rows) error { var id int64; return r.Scan(&id) }); err != nil {
			return err
		}
		facts, err := unposted(ctx, tx, list, args)
		if err != nil {
			return err
		}
		posted = len(facts)
		return inOrder(
			func() error { return post(ctx, tx, facts, now) },
			func() error { return markPosted(ctx, tx, list, args, len(facts), now) },
			func() error {
				_, err := tx.ExecContext(ctx, "UPDATE orders SET post_at = NULL, redrives = 0 WHERE post_at IS NOT NULL AND id IN "+list, args...)
				return err
			},
			// Last, so that the hot rows are locked for the shortest time.
			func() error { return returnToShards(ctx, tx, facts) },
		)
	})
	return posted, err
}

type ownedFact struct {
	order int64
	fact  order.Fact
}

func unposted(ctx context.Context, tx *sql.Tx, list string, args []any) ([]ownedFact, error) {
	var out []ownedFact
	rows, err := tx.QueryContext(ctx, "SELECT order_id, n, kind, seq, amount, party, account, shard, cause, at FROM fact WHERE posted_at IS NULL AND order_id IN "+list+" ORDER BY order_id, n, seq FOR UPDATE", args...)
	err = each(rows, err, "facts", func(r *sql.Rows) error {
		var f ownedFact
		var at int64
		err := r.Scan(&f.order, &f.fact.N, &f.fact.Kind, &f.fact.Seq, &f.fact.Amount, &f.fact.Party, &f.fact.Account, &f.fact.Shard, &f.fact.Cause, &at)
		f.fact.At = time.UnixMilli(at).UTC()
		out = append(out, f)
		return err
	})
	return out, err
}

func post(ctx context.Context, tx *sql.Tx, facts []ownedFact, now time.Time) error {
	var entries []ledger.Entry
	for _, f := range facts {
		pair, err := ledger.Post(f.order, f.fact, now)
		if err != nil {
			return err
		}
		entries = append(entries, pair...)
	}
	return insertEntries(ctx, tx, entries)
}

// returnToShards applies the summed deltas in one statement, rows in the order of locks. A
// shard that does not exist begins with what it gets: no fen may vanish.
func returnToShards(ctx context.Context, tx *sql.Tx, facts []ownedFact) error {
	deltas := map[Hold]money.Fen{}
	for _, f := range facts {
		if d := ledger.ShardDelta(f.fact); d != 0 {
			deltas[Hold{Carrier: f.fact.Party, Account: f.fact.Account, Shard: f.fact.Shard}] += d
		}
	}
	rows := make([][]any, 0, len(deltas))
	for _, k := range slices.SortedFunc(maps.Keys(deltas), byShard) {
		if deltas[k] != 0 {
			rows = append(rows, []any{k.Carrier, k.Account, k.Shard, int64(deltas[k])})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	query := insert{table: "prepaid_shard", cols: []string{"carrier", "account", "shard", "free_fen"}}.sql(len(rows)) + " ON DUPLICATE KEY UPDATE free_fen = free_fen + VALUES(free_fen)"
	if _, err := tx.ExecContext(ctx, query, slices.Concat(rows...)...); err != nil {
		return fmt.Errorf("return to shards: %w", err)
	}
	return nil
}

func markPosted(ctx context.Context, tx *sql.Tx, list string, args []any, n int, now time.Time) error {
	if n == 0 {
		return nil
	}
	res, err := tx.ExecContext(ctx, "UPDATE fact SET posted_at = ? WHERE posted_at IS NULL AND order_id IN "+list, append([]any{now.UnixMilli()}, args...)...)
	if err != nil {
		return fmt.Errorf("mark facts posted: %w", err)
	}
	marked, err := res.RowsAffected()
	if err == nil && int(marked) != n {
		err = fmt.Errorf("marked %d of %d facts posted", marked, n)
	}
	return err
}
