package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// ClosedOrder is one line about an order that is over.
type ClosedOrder struct {
	ID       int64
	Platform string
	No       string
	State    string
	Carrier  string // that delivered it; empty = none
	Attempts int
	At       time.Time // of its last change
	Took     time.Duration
	Income   money.Fen // income and 违约金 from the platform
	Cost     money.Fen // everything the carriers kept
}

// ClosedCursor remembers which closed orders were told; the zero value tells all.
type ClosedCursor struct {
	after int64 // every order up to here is closed and told
	seen  int64 // every order up to here is known
	told  map[int64]bool
}

// Closed gives the orders that have closed since the cursor, and the next cursor.
func (s *Store) Closed(ctx context.Context, c ClosedCursor) ([]ClosedOrder, ClosedCursor, error) {
	_, closed, next, err := s.Follow(ctx, c)
	return closed, next, err
}

// Follow gives the orders that have come and those that have closed since the cursor, and
// the next cursor.
func (s *Store) Follow(ctx context.Context, c ClosedCursor) (came, closed []ClosedOrder, next ClosedCursor, err error) {
	next = ClosedCursor{after: c.after, seen: c.seen, told: map[int64]bool{}}
	rows, err := s.db.QueryContext(ctx, `SELECT o.id, o.platform, o.no, o.state, o.wake_at IS NULL, o.received_at,
 COALESCE((SELECT a.carrier FROM attempt a WHERE a.order_id = o.id AND a.n = o.winner), ''),
 (SELECT COUNT(*) FROM attempt a WHERE a.order_id = o.id),
 COALESCE((SELECT MAX(e.at) FROM order_event e WHERE e.order_id = o.id), o.received_at),
 COALESCE((SELECT SUM(f.amount) FROM fact f WHERE f.order_id = o.id AND f.kind IN ('income', 'penalty_in')), 0),
 COALESCE((SELECT `+costByFacts+` FROM fact f WHERE f.order_id = o.id), 0)
 FROM orders o WHERE o.id > ? ORDER BY o.id LIMIT 1000`, c.after)
	unbroken := true
	err = each(rows, err, "closed orders", func(r *sql.Rows) error {
		var o ClosedOrder
		var over bool
		var received, last int64
		if err := r.Scan(&o.ID, &o.Platform, &o.No, &o.State, &over, &received, &o.Carrier, &o.Attempts, &last, &o.Income, &o.Cost); err != nil {
			return err
		}
		o.At = time.UnixMilli(last).UTC()
		o.Took = o.At.Sub(time.UnixMilli(received))
		if o.ID > c.seen {
			came, next.seen = append(came, o), o.ID
		}
		unbroken = unbroken && over
		if unbroken {
			next.after = o.ID
		}
		if over && !c.told[o.ID] {
			closed = append(closed, o)
		}
		if over && !unbroken {
			next.told[o.ID] = true
		}
		return nil
	})
	return came, closed, next, err
}

// UnappliedCommands counts acknowledged commands that are neither applied nor refused.
func (s *Store) UnappliedCommands(ctx context.Context) (int, error) {
	var n int
	err := s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM order_command WHERE applied_version IS NULL").Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count commands: %w", err)
	}
	return n, nil
}
