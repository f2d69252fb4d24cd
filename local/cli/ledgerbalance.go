package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// ledgerBalanceCheck compares our books with the balances that carriers state.
type ledgerBalanceCheck struct {
	Carrier string `help:"One carrier only; otherwise every one that the settings or the books have an account with."`
	Account string `placeholder:"NAME" help:"One account of it only, by our name."`
	Balance string `placeholder:"YUAN" help:"What the carrier states, in 元, read off a screen; without it the carrier is asked by its balance call. Of main, unless --account says otherwise."`
}

// Help is the example.
func (ledgerBalanceCheck) Help() string {
	return `Examples:
  qianfan ledger balance-check
  qianfan ledger balance-check --carrier uupt --account south
  qianfan ledger balance-check --carrier shansong --balance 18234.50

Carriers are asked as functions ask them: with QIANFAN_MYSQL_DSN, QIANFAN_DATA_KEY and the carriers' settings (QIANFAN_UUPT, …) of
this shell; without the first, all are the running emulator's. With --balance nobody is asked, and the database is enough.

Exit code 3 when nobody can explain a gap, 1 when a carrier could not be asked; the others are compared all the same. Ask when no
orders are under way: what a carrier takes or gives back at this moment is a gap, too.`
}

// balanceChecked is what the check found of one account.
type balanceChecked struct {
	store.Position
	Expected   money.Fen `json:"expected_fen"`
	*store.Gap           // nil = nobody said what the carrier has
	Error      string    `json:"error,omitempty"` // why, and what to do
}

// Run is the verb.
func (c ledgerBalanceCheck) Run(e *env) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Balance != "" {
		return c.told(e)
	}
	d, err := e.openRepair()
	if err != nil {
		return fmt.Errorf("%w; what a carrier's screen says is compared with --carrier and --balance", err)
	}
	defer func() { _ = d.Store.Close() }()
	o := &office{Store: d.Store}
	asked, err := c.accounts(e, o, d.Carriers)
	if err == nil {
		err = askBalances(e, d.Carriers, asked)
	}
	if err != nil {
		return err
	}
	return compareBalances(e, o, asked)
}

func (c ledgerBalanceCheck) check() error {
	switch {
	case c.Carrier != "":
		return checkCarriers([]string{c.Carrier})
	case c.Account != "" || c.Balance != "":
		return usage("say whose account it is, with --carrier")
	}
	return nil
}

// told compares with what somebody read off a screen.
func (c ledgerBalanceCheck) told(e *env) error {
	stated, err := money.ParseYuan(c.Balance)
	if err != nil {
		return usage("--balance: %w", err)
	}
	if c.Account == "" {
		c.Account = "main"
	}
	return e.with(func(o *office) error {
		if err := o.knowsAccount(e, c.Carrier, c.Account); err != nil {
			return err
		}
		return compareBalances(e, o, []askedBalance{{carrier: c.Carrier, account: c.Account, stated: stated}})
	})
}

// askedBalance is an account, and what its carrier says is there.
type askedBalance struct {
	carrier, account string
	stated           money.Fen
	err              error // it did not say
}

// accounts are those that the settings have, and those that the books have money in: one that
// nobody has keys for must not pass for one that ties.
func (c ledgerBalanceCheck) accounts(e *env, o *office, set carrier.Set) ([]askedBalance, error) {
	prepaids, err := o.Prepaids(e.ctx)
	if err != nil {
		return nil, err
	}
	var all []askedBalance
	add := func(name, account string) {
		there := slices.ContainsFunc(all, func(a askedBalance) bool { return a.carrier == name && a.account == account })
		if !there && (c.Carrier == "" || name == c.Carrier) && (c.Account == "" || account == c.Account) {
			all = append(all, askedBalance{carrier: name, account: account})
		}
	}
	for _, name := range carriers.Names() {
		for _, account := range set.Accounts(name) {
			add(name, account)
		}
		for _, p := range prepaids {
			if p.Carrier == name {
				add(name, p.Account)
			}
		}
	}
	switch {
	case len(all) > 0:
		return all, nil
	case c.Account != "":
		return nil, o.knowsAccount(e, c.Carrier, c.Account)
	case c.Carrier != "":
		return nil, usage("nobody has an account with %s, neither the settings (%s) nor the books (qianfan account list)", c.Carrier, carriers.Variable(c.Carrier))
	}
	return nil, usage("nobody has a prepaid account: qianfan account deposit")
}

const (
	balanceTries   = 3               // of a call that got no answer: it moves nothing, so it may be repeated
	balanceTimeout = 5 * time.Second // of one call, in system time
)

// askBalances asks about all accounts at once.
func askBalances(e *env, set carrier.Set, all []askedBalance) error {
	bar := e.progress("accounts")
	defer bar.end()
	answered := make(chan struct{})
	g, ctx := errgroup.WithContext(e.ctx)
	for i := range all {
		g.Go(func() error {
			defer func() { answered <- struct{}{} }()
			all[i].ask(ctx, set)
			return nil
		})
	}
	for n := range all {
		bar.at(int64(n), int64(len(all)))
		<-answered
	}
	return errors.Join(g.Wait(), e.ctx.Err())
}

// ask asks about one account.
func (a *askedBalance) ask(ctx context.Context, set carrier.Set) {
	adapter, ok := set.Adapter(a.carrier, a.account)
	if !ok {
		a.err = fmt.Errorf("nobody has its keys: set %s as the functions have it, or give what the carrier's screen says, with --balance", carriers.Variable(a.carrier))
		return
	}
	for range balanceTries {
		if a.stated, a.err = balanceOf(ctx, adapter); a.err == nil || !carrier.Doubt(a.err) || ctx.Err() != nil {
			break
		}
	}
	if a.err != nil {
		a.err = fmt.Errorf("%w; look at %s, ask again, or give what the carrier's screen says, with --balance", a.err, carriers.Variable(a.carrier))
	}
}

func balanceOf(ctx context.Context, adapter carrier.Adapter) (money.Fen, error) {
	ctx, cancel := context.WithTimeout(ctx, balanceTimeout)
	defer cancel()
	return adapter.Balance(ctx)
}

// compareBalances reads what our books say and shows both.
func compareBalances(e *env, o *office, asked []askedBalance) error {
	all := make([]balanceChecked, len(asked))
	for i, a := range asked {
		p, err := o.CarrierPosition(e.ctx, a.carrier, a.account)
		if err != nil {
			return err
		}
		all[i] = balanceChecked{Position: p, Expected: p.Expected()}
		if a.err != nil {
			all[i].Error = a.err.Error()
			continue
		}
		gap := p.Explain(a.stated)
		all[i].Gap = &gap
	}
	if err := e.show(map[string]any{"accounts": all}, func() { e.balancesTable(all) }); err != nil {
		return err
	}
	return untied(all)
}

// untied is the error that the accounts come to, if any: a gap weighs more than silence.
func untied(all []balanceChecked) error {
	var gaps, silent []string
	for _, b := range all {
		switch {
		case b.Gap == nil:
			silent = append(silent, b.Carrier+"/"+b.Account)
		case b.Open != 0:
			gaps = append(gaps, fmt.Sprintf("%s/%s: %s that nobody can explain", b.Carrier, b.Account, b.Open))
		}
	}
	var err error
	if len(silent) > 0 {
		err = fmt.Errorf("%d of %d accounts were not compared: %s", len(silent), len(all), strings.Join(silent, ", "))
	}
	if len(gaps) > 0 {
		return &exitError{exitViolated, errors.Join(fmt.Errorf("%s; import the bills of the days since the last check", strings.Join(gaps, "; ")), err)}
	}
	return err
}

// balancesTable has a row for each account; of a single one it says what is expected of what.
func (e *env) balancesTable(all []balanceChecked) {
	if len(all) == 1 && all[0].Gap != nil {
		all[0].print(e)
		return
	}
	e.table([]string{"ACCOUNT", "EXPECTED", "STATED", "GAP", "WHY"}, rows(all, func(b balanceChecked) []string {
		name := b.Carrier + "/" + b.Account
		if b.Gap == nil {
			return []string{name, yuan(b.Expected), "-", "-", b.Error}
		}
		return []string{name, yuan(b.Expected), yuan(b.Stated), yuan(b.Gap.Gap), b.why()}
	}))
}

// why is what the gap consists of.
func (b balanceChecked) why() string {
	switch {
	case b.Gap.Gap == 0 && len(b.Reasons) == 0:
		return "it ties"
	case b.Open != 0:
		return "nobody can explain it"
	}
	return strings.Join(b.Reasons, "; ")
}

func (b balanceChecked) print(e *env) {
	e.table([]string{"WHAT", "YUAN"}, [][]string{
		{"prepaid, holds taken off", yuan(b.Prepaid)}, {"facts that are not posted yet", yuan(b.Pending)}, {"held, and not taken by the carrier yet", yuan(b.Untaken)},
		{"so the carrier should state", yuan(b.Expected)}, {"it states", yuan(b.Stated)}, {"gap", yuan(b.Gap.Gap)},
	})
	for _, r := range b.Reasons {
		e.say("of that %s", r)
	}
	if b.Open != 0 {
		e.say("unexplained: %s", b.Open)
	}
}
