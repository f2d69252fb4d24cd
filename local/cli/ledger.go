package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/chuandao/qianfan/shared/money"
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

// balanceLine is an account's balance.
type balanceLine struct {
	Account string    `json:"account"`
	Balance money.Fen `json:"balance_fen"`
}

// entryLine is one entry.
type entryLine struct {
	Transaction string    `json:"transaction"`
	Account     string    `json:"account"`
	Direction   string    `json:"direction"` // debit or credit
	Amount      money.Fen `json:"amount_fen"`
	Order       ident     `json:"order_id"`
	Reason      string    `json:"reason"`
	At          string    `json:"at"`
}

type ledgerBalances struct{}

// Help is the example.
func (ledgerBalances) Help() string { return "Example:\n  qianfan ledger balances --json" }

// Run is the verb.
func (ledgerBalances) Run(e *env) error {
	var raw json.RawMessage
	var list struct{ Balances []balanceLine }
	if err := fetch(e, "/api/ledger/balances", nil, &raw, &list); err != nil {
		return err
	}
	return e.show(raw, func() {
		var rows [][]string
		for _, b := range list.Balances {
			rows = append(rows, []string{b.Account, yuan(b.Balance)})
		}
		e.table([]string{"ACCOUNT", "元"}, rows)
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
	var list struct{ Entries []entryLine }
	if err := fetch(e, "/api/ledger/entries", q, &raw, &list); err != nil {
		return err
	}
	return e.show(raw, func() { e.entryTable(list.Entries) })
}

func (e *env) entryTable(entries []entryLine) {
	var rows [][]string
	for _, x := range entries {
		rows = append(rows, []string{x.At, x.Transaction, x.Direction, yuan(x.Amount), x.Account, x.Reason})
	}
	e.table([]string{"AT", "TRANSACTION", "SIDE", "元", "ACCOUNT", "REASON"}, rows)
}

// fetch gets an answer both as it came, for --json, and decoded.
func fetch(e *env, path string, q url.Values, raw *json.RawMessage, into any) error {
	if err := e.api.get(e.ctx, path, q, raw); err != nil {
		return err
	}
	if err := json.Unmarshal(*raw, into); err != nil {
		return fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return nil
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
func readBooks(e *env) ([]entryLine, []balanceLine, error) {
	for range calmTries {
		var before, after struct{ Entries []entryLine }
		var list struct{ Balances []balanceLine }
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
func audit(entries []entryLine, balances []balanceLine) []string {
	problems := []string{}
	byTransaction, byAccount := map[string]money.Fen{}, map[string]money.Fen{}
	for _, x := range entries {
		amount := x.Amount
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
	for name, sum := range byTransaction {
		if sum != 0 {
			problems = append(problems, fmt.Sprintf("transaction %s: debits exceed credits by %s", name, sum))
		}
	}
	for _, b := range balances {
		if b.Balance != byAccount[b.Account] {
			problems = append(problems, fmt.Sprintf("account %s: the balance is %s, its entries give %s", b.Account, b.Balance, byAccount[b.Account]))
		}
	}
	return problems
}
