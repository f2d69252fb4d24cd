package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
)

// ErrConflict says that a key was used before with other content.
var ErrConflict = errors.New("the key was used before with other content")

// Deposit books a prepayment to a carrier and allots it evenly to shards. A repeated key
// changes nothing and reports false; with other content it is ErrConflict.
func (s *Store) Deposit(ctx context.Context, key, carrier, account string, amount money.Fen, shards int, now time.Time) (bool, error) {
	return s.deposit(ctx, Payment{key, carrier, account, amount, shards, now}, nil)
}

// Payment is money that was transferred to a carrier.
type Payment struct {
	Key     string // of the bank transfer, never used again
	Carrier string
	Account string
	Amount  money.Fen
	Shards  int       // parts that holds are taken from side by side
	At      time.Time // virtual: when it is booked
}

// DepositBy is Deposit as an operator's act, which leaves an audit line.
func (s *Store) DepositBy(ctx context.Context, who Act, p Payment) (bool, error) {
	return s.deposit(ctx, p, func(tx *sql.Tx) error {
		return audit(ctx, tx, who, "account deposit", p.Carrier+"/"+p.Account, nil, map[string]any{"key": p.Key, "amount_fen": p.Amount, "shards": p.Shards})
	})
}

// deposit runs then, unless it is nil, in the transaction of a fresh booking.
func (s *Store) deposit(ctx context.Context, p Payment, then func(tx *sql.Tx) error) (bool, error) {
	if p.Amount <= 0 || p.Shards <= 0 {
		return false, fmt.Errorf("deposit %q: want a positive amount and number of shards, not %s over %d", p.Key, p.Amount, p.Shards)
	}
	hash := contentHash(p.Carrier, p.Account, int64(p.Amount))
	fresh := false
	err := s.tx(ctx, "deposit", func(tx *sql.Tx) error {
		var err error
		if fresh, err = claimLedgerKey(ctx, tx, "deposit", p.Key, hash); err != nil || !fresh {
			return err
		}
		for i := range p.Shards {
			share := p.Amount / money.Fen(p.Shards)
			if i == 0 {
				share += p.Amount % money.Fen(p.Shards)
			}
			_, err := tx.ExecContext(ctx, "INSERT INTO prepaid_shard (carrier, account, shard, free_fen) VALUES (?,?,?,?) ON DUPLICATE KEY UPDATE free_fen = free_fen + VALUES(free_fen)",
				p.Carrier, p.Account, i, int64(share))
			if err != nil {
				return err
			}
		}
		if err := insertEntries(ctx, tx, ledger.Deposit(p.Key, p.Carrier, p.Account, p.Amount, p.At)); err != nil || then == nil {
			return err
		}
		return then(tx)
	})
	return fresh && err == nil, err
}

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

// Shards counts the shards of each carrier account.
func (s *Store) Shards(ctx context.Context) (map[[2]string]int, error) {
	out := map[[2]string]int{}
	rows, err := s.db.QueryContext(ctx, "SELECT carrier, account, COUNT(*) FROM prepaid_shard GROUP BY carrier, account")
	err = each(rows, err, "shards", func(r *sql.Rows) error {
		var k [2]string
		var n int
		err := r.Scan(&k[0], &k[1], &n)
		out[k] = n
		return err
	})
	return out, err
}

// Prepaid is what is free of the money that a carrier account was prepaid with.
type Prepaid struct {
	Carrier string    `json:"carrier"`
	Account string    `json:"account"`
	Shards  int       `json:"shards"`
	Free    money.Fen `json:"free_fen"`
}

// Prepaids lists the prepaid accounts, by carrier and name.
func (s *Store) Prepaids(ctx context.Context) ([]Prepaid, error) {
	out := []Prepaid{}
	rows, err := s.db.QueryContext(ctx, "SELECT carrier, account, COUNT(*), CAST(SUM(free_fen) AS SIGNED) FROM prepaid_shard GROUP BY carrier, account ORDER BY carrier, account")
	err = each(rows, err, "prepaid accounts", func(r *sql.Rows) error {
		var p Prepaid
		err := r.Scan(&p.Carrier, &p.Account, &p.Shards, &p.Free)
		out = append(out, p)
		return err
	})
	return out, err
}
