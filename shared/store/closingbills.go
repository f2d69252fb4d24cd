package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/statement"
)

// Unbilled is a prepaid account with the business days on which it cost something and which no
// bill was imported for.
type Unbilled struct {
	Carrier string   `json:"carrier"`
	Account string   `json:"account"`
	Days    []string `json:"days"`
}

// unbilledDays lists what no bill was compared with in [from, until), whole business days. Costs
// that were posted a day later than their own are not looked for: their day has others.
func (s *Store) unbilledDays(ctx context.Context, from, until time.Time) ([]Unbilled, error) {
	accounts, err := s.purses(ctx)
	if err != nil || len(accounts) == 0 {
		return []Unbilled{}, err
	}
	billed, err := s.billedDays(ctx, from, until)
	if err != nil {
		return nil, err
	}
	out := make([]Unbilled, len(accounts))
	for i, a := range accounts {
		out[i] = Unbilled{Carrier: a.carrier, Account: a.account}
	}
	for day := from; day.Before(until); day = day.AddDate(0, 0, 1) {
		low, err := s.entryAt(ctx, day.Add(-postedBefore))
		if err != nil {
			return nil, err
		}
		high, err := s.entryAt(ctx, day.AddDate(0, 0, 2))
		if err != nil {
			return nil, err
		}
		for i, a := range accounts {
			if billed[billedDay{a, statement.Day(day)}] {
				continue
			}
			cost, err := s.costOn(ctx, a, day, low, high)
			if err != nil {
				return nil, err
			}
			if cost {
				out[i].Days = append(out[i].Days, statement.Day(day))
			}
		}
	}
	return slices.DeleteFunc(out, func(u Unbilled) bool { return len(u.Days) == 0 }), nil
}

func (s *Store) purses(ctx context.Context) (out []purse, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT DISTINCT carrier, account FROM prepaid_shard ORDER BY carrier, account")
	err = each(rows, err, "prepaid accounts", func(r *sql.Rows) error {
		var p purse
		err := r.Scan(&p.carrier, &p.account)
		out = append(out, p)
		return err
	})
	return out, err
}

type billedDay struct {
	purse
	day string
}

func (s *Store) billedDays(ctx context.Context, from, until time.Time) (map[billedDay]bool, error) {
	out := map[billedDay]bool{}
	rows, err := s.db.QueryContext(ctx, "SELECT carrier, account, day FROM bill WHERE replaced_by = 0 AND day >= ? AND day < ?", statement.Day(from), statement.Day(until))
	err = each(rows, err, "bills", func(r *sql.Rows) error {
		var x billedDay
		err := r.Scan(&x.carrier, &x.account, &x.day)
		out[x] = true
		return err
	})
	return out, err
}

// costOn asks whether an entry with an id from low to high took money of a hold on a day.
func (s *Store) costOn(ctx context.Context, a purse, day time.Time, low, high int64) (bool, error) {
	var n int
	err := s.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM ledger_entry FORCE INDEX (ledger_account)
 WHERE account = ? AND id >= ? AND id <= ? AND NOT debit AND reason <> 'release' AND event_at >= ? AND event_at < ? LIMIT 1) AS first`,
		ledger.Held(a.carrier, a.account), low, high, day.UnixMilli(), day.AddDate(0, 0, 1).UnixMilli()).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("costs of %s/%s: %w", a.carrier, a.account, err)
	}
	return n > 0, nil
}
