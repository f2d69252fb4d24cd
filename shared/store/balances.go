package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Balance is the fold of an account's entries, debit positive.
type Balance struct {
	Account    string    `json:"account"`
	BalanceFen money.Fen `json:"balance_fen"`
}

// signed is an entry's amount as it counts in a balance.
const signed = "SUM(IF(debit, amount_fen, -amount_fen))"

// Balances are those of all accounts now: what was sealed, and the entries after it.
func (s *Store) Balances(ctx context.Context) ([]Balance, error) {
	var out []Balance
	err := s.snapshot(ctx, "balances", func(tx *sql.Tx) error {
		last, err := lastSeal(ctx, tx)
		if err != nil {
			return err
		}
		out, err = foldAfter(ctx, tx, last.to, "", nil)
		return err
	})
	return out, err
}

// foldAfter is the sealed balances up to a seal and the entries after it that a condition lets in.
func foldAfter(ctx context.Context, tx *sql.Tx, sealed int64, where string, args []any) ([]Balance, error) {
	sums, err := sealedTurnover(ctx, tx, sealed+1)
	if err != nil {
		return nil, err
	}
	balances := map[string]money.Fen{}
	for account, t := range sums {
		balances[account] = t.balance()
	}
	rows, err := tx.QueryContext(ctx, "SELECT account, "+signed+" FROM ledger_entry WHERE id > ?"+where+" GROUP BY account", append([]any{sealed}, args...)...)
	err = each(rows, err, "balances", func(r *sql.Rows) error {
		var account string
		var sum money.Fen
		err := r.Scan(&account, &sum)
		balances[account] += sum
		return err
	})
	return sortedBalances(balances), err
}

func sortedBalances(sums map[string]money.Fen) []Balance {
	out := []Balance{}
	for _, account := range slices.Sorted(maps.Keys(sums)) {
		out = append(out, Balance{account, sums[account]})
	}
	return out
}

// Moments by which balances of the past can be asked for.
const (
	ByPosting = "posting" // as the books stood then
	ByEvent   = "event"   // as we know today that it was
)

// postingSlack is more than a posting takes from reading its clock to its commit.
const postingSlack = time.Hour

// BalancesAt are those of all accounts at a (virtual) instant, it included: by posting as the
// books stood then, by event with everything that was booked later about events until then.
func (s *Store) BalancesAt(ctx context.Context, at time.Time, by string) ([]Balance, error) {
	column, seals := "posted_at", "last_posted_at"
	if by == ByEvent {
		column, seals = "event_at", "last_event_at"
	}
	var out []Balance
	err := s.snapshot(ctx, "balances at an instant", func(tx *sql.Tx) error {
		// Every entry before the first range that has a later one counts.
		var sealed, until sql.NullInt64
		row := tx.QueryRowContext(ctx, "SELECT (SELECT MIN(from_id) - 1 FROM ledger_seal WHERE "+seals+" > ?), (SELECT MIN(from_id) FROM ledger_seal WHERE first_posted_at > ?)", at.UnixMilli(), at.Add(postingSlack).UnixMilli())
		if err := row.Scan(&sealed, &until); err != nil {
			return err
		}
		if !sealed.Valid {
			last, err := lastSeal(ctx, tx)
			if err != nil {
				return err
			}
			sealed.Int64 = last.to
		}
		where, args := " AND "+column+" <= ?", []any{at.UnixMilli()}
		if by != ByEvent && until.Valid {
			where, args = where+" AND id < ?", append(args, until.Int64)
		}
		var err error
		out, err = foldAfter(ctx, tx, sealed.Int64, where, args)
		return err
	})
	return out, err
}
