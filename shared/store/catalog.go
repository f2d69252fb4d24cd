package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/strategy"
)

// Shop is where a platform's orders are picked up.
type Shop struct {
	Platform string
	Code     string
	City     string // "330100"
	CityName string // "杭州市"
	Stop     order.Stop
}

// ErrNoShop says that a platform named a shop that nobody registered.
var ErrNoShop = errors.New("unknown shop")

// Shop finds a shop by the platform's code.
func (s *Store) Shop(ctx context.Context, platform, code string) (Shop, error) {
	shop := Shop{Platform: platform, Code: code}
	var stop []byte
	err := s.db.QueryRowContext(ctx, "SELECT city, city_name, stop FROM shop WHERE platform = ? AND code = ?", platform, code).Scan(&shop.City, &shop.CityName, &stop)
	if errors.Is(err, sql.ErrNoRows) {
		return shop, fmt.Errorf("%w: %s %q", ErrNoShop, platform, code)
	}
	if err != nil {
		return shop, fmt.Errorf("read shop: %w", err)
	}
	if err := json.Unmarshal(stop, &shop.Stop); err != nil {
		return shop, fmt.Errorf("shop %s %q: %w", platform, code, err)
	}
	return shop, nil
}

// SaveShops registers or changes shops.
func (s *Store) SaveShops(ctx context.Context, shops []Shop) error {
	rows := make([][]any, len(shops))
	for i, x := range shops {
		stop, err := json.Marshal(x.Stop)
		if err != nil {
			return fmt.Errorf("shop %s: %w", x.Code, err)
		}
		rows[i] = []any{x.Platform, x.Code, x.City, x.CityName, string(stop)}
	}
	return insert{table: "shop", cols: []string{"platform", "code", "city", "city_name", "stop"}, update: []string{"city", "city_name", "stop"}}.exec(ctx, s.db, rows)
}

// Strategies reads the active strategies.
func (s *Store) Strategies(ctx context.Context) ([]strategy.Strategy, error) {
	var out []strategy.Strategy
	rows, err := s.db.QueryContext(ctx, "SELECT body FROM strategy WHERE active ORDER BY name")
	err = each(rows, err, "strategies", func(r *sql.Rows) error {
		var body []byte
		var x strategy.Strategy
		if err := r.Scan(&body); err != nil {
			return err
		}
		if err := json.Unmarshal(body, &x); err != nil {
			return err
		}
		out = append(out, x)
		return nil
	})
	return out, err
}

// SaveStrategy makes a new version of a strategy the active one.
func (s *Store) SaveStrategy(ctx context.Context, x strategy.Strategy) error {
	return s.tx(ctx, "save strategy", func(tx *sql.Tx) error {
		var last sql.NullInt64
		if err := tx.QueryRowContext(ctx, "SELECT MAX(version) FROM strategy WHERE name = ? FOR UPDATE", x.Name).Scan(&last); err != nil {
			return err
		}
		x.Version = int(last.Int64) + 1
		body, err := json.Marshal(x)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE strategy SET active = FALSE WHERE name = ?", x.Name); err != nil {
			return err
		}
		return insert{table: "strategy", cols: []string{"name", "version", "body", "active"}}.exec(ctx, tx, [][]any{{x.Name, x.Version, string(body), true}})
	})
}

// ErrConflict says that a key was used before with other content.
var ErrConflict = errors.New("the key was used before with other content")

// Deposit books a prepayment to a carrier and allots it evenly to shards. A repeated key
// changes nothing and reports false; with other content it is ErrConflict.
func (s *Store) Deposit(ctx context.Context, key, carrier, account string, amount money.Fen, shards int, now time.Time) (bool, error) {
	if amount <= 0 || shards <= 0 {
		return false, fmt.Errorf("deposit %q: want a positive amount and number of shards, not %s over %d", key, amount, shards)
	}
	hash := contentHash(carrier, account, int64(amount))
	fresh := false
	err := s.tx(ctx, "deposit", func(tx *sql.Tx) error {
		var err error
		if fresh, err = claimLedgerKey(ctx, tx, "deposit", key, hash); err != nil || !fresh {
			return err
		}
		for i := range shards {
			share := amount / money.Fen(shards)
			if i == 0 {
				share += amount % money.Fen(shards)
			}
			_, err := tx.ExecContext(ctx, "INSERT INTO prepaid_shard (carrier, account, shard, free_fen) VALUES (?,?,?,?) ON DUPLICATE KEY UPDATE free_fen = free_fen + VALUES(free_fen)",
				carrier, account, i, int64(share))
			if err != nil {
				return err
			}
		}
		return insertEntries(ctx, tx, ledger.Deposit(key, carrier, account, amount, now))
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
