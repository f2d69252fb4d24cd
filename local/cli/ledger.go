package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// ledgerCmd looks at the books.
type ledgerCmd struct {
	Balances ledgerBalances `cmd:"" default:"1" help:"Every account with its balance, debit positive."`
	Entries  ledgerEntries  `cmd:"" help:"Entries, of one order or of all."`
	Verify   ledgerVerify   `cmd:"" help:"Fold every entry anew and compare; run every check of the system."`
}

// Help is the example.
func (ledgerCmd) Help() string {
	return "Examples:\n  qianfan ledger balances\n  qianfan ledger verify"
}

type ledgerBalances struct{}

// Help is the example.
func (ledgerBalances) Help() string { return "Example:\n  qianfan ledger balances --json" }

// Run is the verb.
func (ledgerBalances) Run(e *env) error {
	var raw json.RawMessage
	var list struct{ Balances []store.Balance }
	if err := fetch(e, "/api/ledger/balances", nil, &raw, &list); err != nil {
		return err
	}
	return e.show(raw, func() {
		e.table([]string{"ACCOUNT", "YUAN"}, rows(list.Balances, func(b store.Balance) []string { return []string{b.Account, yuan(b.BalanceFen)} }))
	})
}

type ledgerEntries struct {
	Order string `help:"Our id, or the platform's number."`
	Limit int    `default:"100" help:"How many, at most a million."`
}

// Help is the example.
func (ledgerEntries) Help() string {
	return "Example:\n  qianfan ledger entries --order 20123456789012345"
}

// Run is the verb.
func (c ledgerEntries) Run(e *env) error {
	q := url.Values{"limit": {strconv.Itoa(c.Limit)}}
	if c.Order != "" {
		q.Set("order", c.Order)
	}
	var raw json.RawMessage
	var list struct{ Entries []store.EntryRow }
	if err := fetch(e, "/api/ledger/entries", q, &raw, &list); err != nil {
		return err
	}
	return e.show(raw, func() { e.entryTable(list.Entries) })
}

func (e *env) entryTable(entries []store.EntryRow) {
	e.table([]string{"AT", "TRANSACTION", "SIDE", "YUAN", "ACCOUNT", "REASON"}, rows(entries, func(x store.EntryRow) []string {
		return []string{moment(x.At), x.Transaction, x.Direction, yuan(x.AmountFen), x.Account, x.Reason}
	}))
}

type ledgerVerify struct{}

// Help is the example.
func (ledgerVerify) Help() string {
	return "Example:\n  qianfan ledger verify\n\nExit code 3 when something does not add up."
}

// allEntries is how many entries a console gives at most.
const allEntries = 1_000_000

// verified is what verify found.
type verified struct {
	Entries    int             `json:"entries"`
	Accounts   int             `json:"accounts"`
	Problems   []string        `json:"problems"`
	Invariants json.RawMessage `json:"invariants"`
}

// Run is the verb.
func (ledgerVerify) Run(e *env) error {
	entries, balances, err := readBooks(e)
	if err != nil {
		return err
	}
	var checks struct {
		Checked  int
		Violated []json.RawMessage
	}
	v := verified{Entries: len(entries), Accounts: len(balances), Problems: audit(entries, balances)}
	if err := fetch(e, "/api/invariants", nil, &v.Invariants, &checks); err != nil {
		return err
	}
	for _, x := range checks.Violated {
		v.Problems = append(v.Problems, "invariant violated: "+string(x))
	}
	if checks.Checked == 0 {
		v.Problems = append(v.Problems, "no invariant was checked")
	}
	err = e.show(v, func() {
		for _, p := range v.Problems {
			e.say("problem  %s", p)
		}
		e.say("%d entries in %d accounts, %d checks, %d problems", v.Entries, v.Accounts, checks.Checked, len(v.Problems))
	})
	if len(v.Problems) > 0 {
		return &exitError{exitViolated, errors.Join(err, errors.New("the books do not add up: look at the orders that are named"))}
	}
	return err
}

// calmTries is how often the books are read until nothing is posted meanwhile.
const calmTries = 5

// readBooks reads all entries and balances of one moment, although orders may be under way.
func readBooks(e *env) ([]store.EntryRow, []store.Balance, error) {
	for range calmTries {
		var before, after struct{ Entries []store.EntryRow }
		var list struct{ Balances []store.Balance }
		all := url.Values{"limit": {strconv.Itoa(allEntries)}}
		if err := e.api.get(e.ctx, "/api/ledger/entries", all, &before); err != nil {
			return nil, nil, err
		}
		if err := e.api.get(e.ctx, "/api/ledger/balances", nil, &list); err != nil {
			return nil, nil, err
		}
		if err := e.api.get(e.ctx, "/api/ledger/entries", all, &after); err != nil {
			return nil, nil, err
		}
		switch {
		case len(after.Entries) >= allEntries:
			return nil, nil, fmt.Errorf("the ledger has more than %d entries: verify it in the database", allEntries)
		case len(before.Entries) == len(after.Entries):
			return after.Entries, list.Balances, nil
		}
	}
	return nil, nil, errors.New("entries were posted all the time: freeze the clock with `qianfan clock freeze` and try again")
}

// audit folds entries by itself and says what does not add up.
func audit(entries []store.EntryRow, balances []store.Balance) []string {
	problems := []string{}
	byTransaction, byAccount := map[string]money.Fen{}, map[string]money.Fen{}
	for _, x := range entries {
		amount := x.AmountFen
		switch x.Direction {
		case "debit":
		case "credit":
			amount = -amount
		default:
			problems = append(problems, fmt.Sprintf("transaction %s: direction %q", x.Transaction, x.Direction))
		}
		byTransaction[x.Transaction] += amount
		byAccount[x.Account] += amount
	}
	for _, name := range slices.Sorted(maps.Keys(byTransaction)) {
		if sum := byTransaction[name]; sum != 0 {
			problems = append(problems, fmt.Sprintf("transaction %s: debits exceed credits by %s", name, sum))
		}
	}
	told := map[string]money.Fen{}
	for _, b := range balances {
		told[b.Account] = b.BalanceFen
		byAccount[b.Account] += 0 // an account may have no entry
	}
	for _, account := range slices.Sorted(maps.Keys(byAccount)) {
		if told[account] != byAccount[account] {
			problems = append(problems, fmt.Sprintf("account %s: the balance is %s, its entries give %s", account, told[account], byAccount[account]))
		}
	}
	return problems
}
