package store

import (
	"context"
	"database/sql"
	"fmt"
)

// entrySpan is how many ids of entries one statement looks at: a moment's work. A month has more than a
// statement could read before its answer is too late.
const entrySpan = 250_000

// entrySpans gives do, in order, the spans of ids from an id on in which there are entries, until one fails.
func entrySpans(ctx context.Context, db execer, from int64, do func(low, high int64) error) error {
	for {
		var low sql.NullInt64
		rows, err := db.QueryContext(ctx, "SELECT MIN(id) FROM ledger_entry WHERE id >= ?", from)
		if err = each(rows, err, "next entry", func(r *sql.Rows) error { return r.Scan(&low) }); err != nil || !low.Valid {
			return err
		}
		from = low.Int64 + entrySpan
		if err := do(low.Int64, from-1); err != nil {
			return fmt.Errorf("entries %d to %d: %w", low.Int64, from-1, err)
		}
	}
}

// awake are the rows x of a table about orders that have something left to do. Facts that are not posted
// and holds are theirs alone (invariants 1 and 6); nobody waits until those of all orders are read.
func awake(table string) string {
	return "orders o FORCE INDEX (orders_wake) STRAIGHT_JOIN " + table + " x FORCE INDEX (PRIMARY) ON x.order_id = o.id AND o.wake_at IS NOT NULL"
}
