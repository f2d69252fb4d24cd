package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/order"
)

// Settle posts every unposted fact of the orders, marks them posted, returns what they free
// to the shards, and clears post_at of orders that have none left, in one transaction. It
// reports how many facts it posted.
func (s *Store) Settle(ctx context.Context, ids []int64, now time.Time) (int, error) {
	posted, all := 0, false
	err := s.tx(ctx, "settle", func(tx *sql.Tx) error {
		posted = 0
		ids := sorted(ids)
		if len(ids) == 0 {
			return nil
		}
		list, args := in(ids)
		// The version, too: MySQL thinks that it reads all ids faster than some.
		if err := lockRows(ctx, tx, "orders", "SELECT id, version FROM orders"+byID+"WHERE id IN "+list+" ORDER BY id", args...); err != nil {
			return err
		}
		facts, err := unposted(ctx, tx, list, args)
		if err != nil {
			return err
		}
		posted = len(facts)
		return inOrder(
			func() error { return postFacts(ctx, tx, facts, now) },
			func() error { return markPosted(ctx, tx, list, args, len(facts), now) },
			func() error {
				_, err := tx.ExecContext(ctx, "UPDATE orders"+byID+"SET post_at = NULL, redrives = 0 WHERE post_at IS NOT NULL AND id IN "+list, args...)
				return err
			},
			// Last, so that the hot rows are locked for the shortest time.
			func() error { return returnToShards(ctx, tx, facts, &all) },
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
	rows, err := tx.QueryContext(ctx, "SELECT order_id, n, kind, seq, amount, party, account, shard, cause, at FROM fact"+byID+"WHERE posted_at IS NULL AND order_id IN "+list+" ORDER BY order_id, n, seq FOR UPDATE", args...)
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

// postFacts writes the entries. The mark is taken as late as can be: whoever seals or closes
// waits for those who have it.
func postFacts(ctx context.Context, tx *sql.Tx, facts []ownedFact, now time.Time) error {
	if len(facts) == 0 {
		return nil
	}
	mark, err := shareMark(ctx, tx)
	if err != nil {
		return err
	}
	desk := ledger.Desk{Now: now, Closed: mark.closed}
	entries := make([]ledger.Entry, 0, 2*len(facts))
	for _, f := range facts {
		pair, err := ledger.Post(f.order, f.fact, desk)
		if err != nil {
			return err
		}
		entries = append(entries, pair...)
	}
	return insertEntries(ctx, tx, entries)
}

func markPosted(ctx context.Context, tx *sql.Tx, list string, args []any, n int, now time.Time) error {
	if n == 0 {
		return nil
	}
	res, err := tx.ExecContext(ctx, "UPDATE fact"+byID+"SET posted_at = ? WHERE posted_at IS NULL AND order_id IN "+list, append([]any{now.UnixMilli()}, args...)...)
	if err != nil {
		return fmt.Errorf("mark facts posted: %w", err)
	}
	marked, err := res.RowsAffected()
	if err == nil && int(marked) != n {
		err = fmt.Errorf("marked %d of %d facts posted", marked, n)
	}
	return err
}
