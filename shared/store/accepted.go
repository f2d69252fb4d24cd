package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Accepted finds what became of an order that may have been accepted before, as Intake would
// say of its repeat; false = it never was. It is asked only when no new order is taken.
func (s *Store) Accepted(ctx context.Context, platform, no, hash string) (Stored, bool, error) {
	out := Stored{Repeat: true}
	var had string
	err := s.db.QueryRowContext(ctx, "SELECT k.order_id, k.hash, COALESCE(o.state, ''), COALESCE(o.fee_fen, 0) FROM order_key k LEFT JOIN orders o ON o.id = k.order_id WHERE k.platform = ? AND k.no = ? AND k.order_id > 0",
		platform, no).Scan(&out.ID, &had, (*string)(&out.State), (*int64)(&out.Fee))
	if errors.Is(err, sql.ErrNoRows) {
		return Stored{}, false, nil
	}
	if err != nil {
		return Stored{}, false, fmt.Errorf("find accepted order: %w", err)
	}
	if had != hash {
		return Stored{ID: out.ID, Conflict: true}, true, nil
	}
	return out, true, nil
}
