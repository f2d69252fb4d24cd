package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
)

// SuspenseAccount is one account of suspense beside what its open items say.
type SuspenseAccount struct {
	Party   string    `json:"party"`
	Balance money.Fen `json:"balance_fen"`
	Items   money.Fen `json:"items_fen"` // what open items itemise of it
	Open    int       `json:"open"`      // items that are not resolved
	NoOwner int       `json:"no_owner"`  // of those in dispute or suspense, how many nobody owns
}

// Gap is what nobody can itemise; zero is good.
func (a SuspenseAccount) Gap() money.Fen { return a.Balance - a.Items }

// MarshalJSON adds the gap.
func (a SuspenseAccount) MarshalJSON() ([]byte, error) {
	type plain SuspenseAccount
	return json.Marshal(struct {
		plain
		GapFen money.Fen `json:"gap_fen"`
	}{plain(a), a.Gap()})
}

// String says what is wrong with the account, for people.
func (a SuspenseAccount) String() string {
	return fmt.Sprintf("%s has %s, open items explain %s of it, and %d of them have no owner: see qianfan ledger items --party %s", ledger.Suspense(a.Party), a.Balance, a.Items, a.NoOwner, a.Party)
}

// SuspenseAccounts compares each account of suspense with the open items of its party, in one moment.
func (s *Store) SuspenseAccounts(ctx context.Context) ([]SuspenseAccount, error) {
	var out []SuspenseAccount
	err := s.snapshot(ctx, "suspense", func(tx *sql.Tx) error {
		var err error
		out, err = suspenseAccounts(ctx, tx)
		return err
	})
	return out, err
}

func suspenseAccounts(ctx context.Context, tx *sql.Tx) ([]SuspenseAccount, error) {
	accounts := map[string]SuspenseAccount{}
	rows, err := tx.QueryContext(ctx, "SELECT party, SUM(suspense_fen), COUNT(*), SUM(owner = '' AND state <> 'explained') FROM money_item WHERE state IN ('explained','disputed','suspense') GROUP BY party")
	err = each(rows, err, "items", func(r *sql.Rows) error {
		var a SuspenseAccount
		err := r.Scan(&a.Party, &a.Items, &a.Open, &a.NoOwner)
		accounts[a.Party] = a
		return err
	})
	if err != nil {
		return nil, err
	}
	balances, err := balancesNow(ctx, tx, " AND account LIKE 'suspense:%'")
	for name, balance := range balances {
		if party, ok := strings.CutPrefix(name, ledger.Suspense("")); ok {
			a := accounts[party]
			a.Party, a.Balance = party, balance
			accounts[party] = a
		}
	}
	return slices.SortedFunc(maps.Values(accounts), func(a, b SuspenseAccount) int { return strings.Compare(a.Party, b.Party) }), err
}

// balancesNow are balances by what was sealed and by the entries after it that a condition lets in:
// those of other accounts are out of date.
func balancesNow(ctx context.Context, tx *sql.Tx, where string, args ...any) (map[string]money.Fen, error) {
	last, err := lastSeal(ctx, tx)
	if err != nil {
		return nil, err
	}
	list, err := foldAfter(ctx, tx, last.to, where, args)
	out := map[string]money.Fen{}
	for _, b := range list {
		out[b.Account] = b.BalanceFen
	}
	return out, err
}

// SuspenseGaps are the accounts of suspense that stand against closing a period: those whose
// balance the open items do not explain, and those with an item in dispute or suspense that
// nobody owns.
func (s *Store) SuspenseGaps(ctx context.Context) ([]SuspenseAccount, error) {
	all, err := s.SuspenseAccounts(ctx)
	return slices.DeleteFunc(all, func(a SuspenseAccount) bool { return a.Gap() == 0 && a.NoOwner == 0 }), err
}
