package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/chuandao/qianfan/shared/money"
)

// sealedBalances compares the balances that were written with a seal, one for each account of
// its entries, with the fold so far.
func (v *verifier) sealedBalances(ctx context.Context, s seal, accounts []string) error {
	v.balances += int64(len(accounts))
	for part := range slices.Chunk(accounts, maxPlaceholders/2) {
		args := []any{s.to}
		for _, a := range part {
			args = append(args, a)
		}
		seen := map[string]bool{}
		rows, err := v.tx.QueryContext(ctx, "SELECT account, debit_fen, credit_fen FROM ledger_balance WHERE to_id = ? AND account IN ("+marks(len(part))+") ORDER BY account", args...)
		err = each(rows, err, "sealed balances", func(r *sql.Rows) error {
			var account string
			var t turnover
			err := r.Scan(&account, &t.debit, &t.credit)
			seen[account] = true
			if sum := v.accounts[account]; sum != t {
				v.bad(LedgerProblem{FromID: s.from, ToID: s.to, Detail: fmt.Sprintf("account %s: sealed at %s, its entries give %s", account, t.balance(), sum.balance())})
			}
			return err
		})
		if err != nil {
			return err
		}
		for _, account := range part {
			if !seen[account] {
				v.bad(LedgerProblem{FromID: s.from, ToID: s.to, Detail: fmt.Sprintf("account %s: its sealed balance is gone, its entries give %s", account, v.accounts[account].balance())})
			}
		}
	}
	return nil
}

// madeUp names balances that were written with no seal, or with one that has no entry of the account.
func (v *verifier) madeUp(ctx context.Context) error {
	var n int64
	if err := v.tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM ledger_balance").Scan(&n); err != nil {
		return fmt.Errorf("count sealed balances: %w", err)
	}
	if n == v.balances && len(v.report.Problems) == 0 {
		return nil
	}
	rows, err := v.tx.QueryContext(ctx, `SELECT b.account, b.to_id FROM ledger_balance b LEFT JOIN ledger_seal s ON s.to_id = b.to_id
 WHERE s.to_id IS NULL OR NOT EXISTS (SELECT 1 FROM ledger_entry e WHERE e.account = b.account AND e.id BETWEEN s.from_id AND s.to_id) ORDER BY b.to_id, b.account LIMIT ?`, maxProblems)
	return each(rows, err, "sealed balances", func(r *sql.Rows) error {
		var account string
		var to int64
		err := r.Scan(&account, &to)
		v.bad(LedgerProblem{Detail: fmt.Sprintf("account %s: a balance that no seal has, up to entry %d", account, to)})
		return err
	})
}

// periods adds up the months that are closed again.
func (v *verifier) periods(ctx context.Context) error {
	m, err := readMark(ctx, v.tx, "")
	if err != nil {
		return err
	}
	var trials []ClosedPeriod
	rows, err := v.tx.QueryContext(ctx, "SELECT period, trial FROM ledger_period ORDER BY period")
	err = each(rows, err, "closed periods", func(r *sql.Rows) error {
		var p ClosedPeriod
		var raw []byte
		if err := r.Scan(&p.Period, &raw); err != nil {
			return err
		}
		trials = append(trials, p)
		return json.Unmarshal(raw, &trials[len(trials)-1].Trial)
	})
	if err != nil || m.closed == "" && len(trials) == 0 {
		return err
	}
	months, err := v.months(ctx)
	if err != nil {
		return err
	}
	sums, last := map[string]money.Fen{}, ""
	for _, p := range trials {
		for _, month := range slices.Sorted(maps.Keys(months)) {
			if month > last && month <= p.Period {
				for account, sum := range months[month] {
					sums[account] += sum
				}
			}
		}
		last = p.Period
		v.closedAt(p, sums)
	}
	switch {
	case last < m.closed:
		v.bad(LedgerProblem{Detail: fmt.Sprintf("period %s is closed without a trial balance: qianfan ledger close %s", m.closed, m.closed)})
	case last > m.closed:
		v.bad(LedgerProblem{Detail: fmt.Sprintf("period %s is closed, the mark lets entries into it", last)})
	}
	return nil
}

// months are what the entries of each period add up to, by account.
func (v *verifier) months(ctx context.Context) (map[string]map[string]money.Fen, error) {
	out := map[string]map[string]money.Fen{}
	rows, err := v.tx.QueryContext(ctx, "SELECT period, account, "+signed+" FROM ledger_entry GROUP BY period, account")
	err = each(rows, err, "entries by period", func(r *sql.Rows) error {
		var period, account string
		var sum money.Fen
		err := r.Scan(&period, &account, &sum)
		if out[period] == nil {
			out[period] = map[string]money.Fen{}
		}
		out[period][account] += sum
		return err
	})
	return out, err
}

// closedAt compares a trial balance with what its entries give today.
func (v *verifier) closedAt(p ClosedPeriod, sums map[string]money.Fen) {
	closed := map[string]money.Fen{}
	for account := range sums {
		closed[account] = 0
	}
	for _, b := range p.Trial {
		closed[b.Account] += b.BalanceFen
	}
	for _, account := range slices.Sorted(maps.Keys(closed)) {
		if closed[account] != sums[account] {
			v.bad(LedgerProblem{Detail: fmt.Sprintf("period %s: account %s was closed at %s, its entries give %s", p.Period, account, closed[account], sums[account])})
		}
	}
}
