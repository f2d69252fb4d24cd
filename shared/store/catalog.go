package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
)

// ErrConflict says that a key was used before with other content.
var ErrConflict = errors.New("the key was used before with other content")

// claimLedgerKey takes a key of a source that is no fact; false = it was taken with the
// same content.
func claimLedgerKey(ctx context.Context, tx *sql.Tx, source, key, hash string) (bool, error) {
	claim := insert{table: "ledger_key", cols: []string{"source", "k", "hash"}, keep: true}
	res, err := tx.ExecContext(ctx, claim.sql(1), source, key, hash)
	if err != nil {
		return false, fmt.Errorf("write ledger_key: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return err == nil, err
	}
	var had string
	if err := tx.QueryRowContext(ctx, "SELECT hash FROM ledger_key WHERE source = ? AND k = ?", source, key).Scan(&had); err != nil {
		return false, fmt.Errorf("read ledger_key: %w", err)
	}
	if had != hash {
		return false, fmt.Errorf("%s %q: %w", source, key, ErrConflict)
	}
	return false, nil
}

// contentHash is over the business fields of a keyed input.
func contentHash(fields ...any) string {
	sum := sha256.New()
	for _, f := range fields {
		_, _ = fmt.Fprintf(sum, "%v\x00", f)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
