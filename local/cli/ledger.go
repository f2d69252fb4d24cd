package cli

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/console"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/store"
)

// ledgerCmd looks at the books.
type ledgerCmd struct {
	Balances  ledgerBalances  `cmd:"" default:"1" help:"Every account with its balance, debit positive."`
	Entries   ledgerEntries   `cmd:"" help:"Entries, of one order or of all."`
	Verify    ledgerVerify    `cmd:"" help:"Hash and fold every entry anew and compare; run every check of the system."`
	Post      ledgerPost      `cmd:"" help:"Book what no order books by itself."`
	Reverse   ledgerReverse   `cmd:"" help:"Propose to undo a transaction that a person posted."`
	Proposals ledgerProposals `cmd:"" help:"Transfers that wait for a second person."`
	Approve   ledgerApprove   `cmd:"" help:"Post what somebody else proposed."`
	Void      ledgerVoid      `cmd:"" help:"End a proposal without posting it."`
	Close     ledgerClose     `cmd:"" help:"Close a month for ever."`
	Periods   ledgerPeriods   `cmd:"" help:"The months that are closed."`
	Statement ledgerStatement `cmd:"" help:"Statements (对账单) to platforms."`

	Reconcile    ledgerReconcile    `cmd:"" help:"Compare a carrier's bill with the books, and import it."`
	Bills        ledgerBills        `cmd:"" help:"Bills that were imported."`
	Items        ledgerItems        `cmd:"" help:"Differences with carriers and platforms that are to be settled."`
	Resolve      ledgerResolve      `cmd:"" help:"End an item of a bill."`
	Own          ledgerOwn          `cmd:"" help:"Say who has to settle an item, and by when."`
	BalanceCheck ledgerBalanceCheck `cmd:"" name:"balance-check" help:"Compare our books with the balance that a carrier states."`
}

// Help is the example.
func (ledgerCmd) Help() string {
	return "Examples:\n  qianfan ledger balances\n  qianfan ledger verify"
}

type ledgerBalances struct {
	At string `help:"At an instant: 2026-11-23, or 2026-11-23T18:00:00+08:00; a day means its end." placeholder:"TIME"`
	By string `default:"posting" enum:"posting,event" help:"posting: as the books stood then; event: as we know today that it was."`
}

// Help is the example.
func (ledgerBalances) Help() string {
	return "Examples:\n  qianfan ledger balances --json\n  qianfan ledger balances --at 2026-10-31 --by event" + whereDatabase
}

// past reads balances of an instant.
func (c ledgerBalances) past(e *env) error {
	at, err := time.ParseInLocation(time.DateOnly, c.At, shanghai)
	if err == nil {
		at = at.AddDate(0, 0, 1).Add(-time.Millisecond)
	} else if at, err = time.Parse(time.RFC3339, c.At); err != nil {
		return usage("--at %q: want 2026-11-23 or 2026-11-23T18:00:00+08:00", c.At)
	}
	return e.with(func(o *office) error {
		list, err := o.BalancesAt(e.ctx, at, c.By)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"at": at, "by": c.By, "balances": list}, func() { e.balanceTable(list) })
	})
}

func (e *env) balanceTable(list []store.Balance) {
	e.table([]string{"ACCOUNT", "YUAN"}, rows(list, func(b store.Balance) []string { return []string{b.Account, yuan(b.BalanceFen)} }))
}

// Run is the verb.
func (c ledgerBalances) Run(e *env) error {
	if c.At != "" {
		return c.past(e)
	}
	var raw json.RawMessage
	var list struct{ Balances []store.Balance }
	return e.onBooks(func(e *env) error {
		if err := fetch(e, "/api/ledger/balances", nil, &raw, &list); err != nil {
			return err
		}
		return e.show(raw, func() { e.balanceTable(list.Balances) })
	})
}

// onBooks runs do on the control API of the running emulator, or on that of the database that
// QIANFAN_MYSQL_DSN names, as the other verbs of the books work on it.
func (e *env) onBooks(do func(e *env) error) error {
	if dsn, _ := e.look(function.EnvMySQLDSN); dsn == "" {
		return do(e)
	}
	return e.with(func(o *office) error {
		return do(e.inside(console.Deps{Store: o.Store, Clock: realTime{}, Faults: world.None()}))
	})
}

type ledgerEntries struct {
	Order string `help:"Our id, or the platform's number."`
	Limit int    `default:"100" help:"How many, at most a million."`
}

// Help is the example.
func (ledgerEntries) Help() string {
	return "Example:\n  qianfan ledger entries --order 20123456789012345" + whereDatabase
}

// Run is the verb.
func (c ledgerEntries) Run(e *env) error {
	q := url.Values{"limit": {strconv.Itoa(c.Limit)}}
	if c.Order != "" {
		q.Set("order", c.Order)
	}
	var raw json.RawMessage
	var list struct{ Entries []store.EntryRow }
	return e.onBooks(func(e *env) error {
		if err := fetch(e, "/api/ledger/entries", q, &raw, &list); err != nil {
			return err
		}
		return e.show(raw, func() { e.entryTable(list.Entries) })
	})
}

func (e *env) entryTable(entries []store.EntryRow) {
	e.table([]string{"AT", "TRANSACTION", "SIDE", "YUAN", "ACCOUNT", "REASON"}, rows(entries, func(x store.EntryRow) []string {
		return []string{moment(x.At), x.Transaction, x.Direction, yuan(x.AmountFen), x.Account, x.Reason}
	}))
}
