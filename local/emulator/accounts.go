package emulator

import (
	"context"
	"fmt"
	"slices"

	"github.com/chuandao/qianfan/local/sim/fengniao"
	"github.com/chuandao/qianfan/shared/carrier"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// opening is what each carrier account is prepaid with unless Options.Deposits says otherwise;
// the simulators open their books with the same amount.
const opening money.Fen = 100_000_000_00

const prepaidShards = 8

// account is our name of the first prepaid account with each carrier.
const account = "main"

// prepaid is one account with a carrier. Each has a simulator of its own, with its own books.
type prepaid struct{ carrier, name string }

// party is the name of an account's simulator: the carrier's, and of a further account
// carrier-account.
func (p prepaid) party() string {
	if p.name == account {
		return p.carrier
	}
	return p.carrier + "-" + p.name
}

// AccountParty is the name of the party that simulates an account with a carrier.
func AccountParty(carrier, name string) string { return prepaid{carrier, name}.party() }

// accounts are the rules and deposits of a run.
type accounts struct {
	rules    []carrier.AccountRule
	deposits map[string]money.Fen // by party
}

func (o Options) accounts() accounts { return accounts{o.Accounts, o.Deposits} }

// at lists the accounts with a carrier, the first one first.
func (a accounts) at(name string) []prepaid {
	all := []prepaid{{name, account}}
	for _, r := range a.rules {
		if p := (prepaid{name, r.Account}); r.Carrier == name && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

func (a accounts) all() (all []prepaid) {
	for _, name := range carrierNames {
		all = append(all, a.at(name)...)
	}
	return all
}

// deposit is what an account is prepaid with.
func (a accounts) deposit(p prepaid) money.Fen {
	if amount, ok := a.deposits[p.party()]; ok {
		return amount
	}
	return opening
}

// check names what is wrong with the accounts of a run.
func (a accounts) check() error {
	for _, r := range a.rules {
		switch err := r.Check(); {
		case err != nil:
			return fmt.Errorf("account %s/%s: %w", r.Carrier, r.Account, err)
		case !slices.Contains(carrierNames, r.Carrier):
			return fmt.Errorf("account %s/%s: there is no such carrier", r.Carrier, r.Account)
		case r.Carrier == fengniao.Name && r.Account != account:
			return fmt.Errorf("account %s/%s: the simulators of further accounts have the first one's credentials, and the token of these is 蜂鸟's one", r.Carrier, r.Account)
		}
	}
	for party, amount := range a.deposits {
		known := slices.ContainsFunc(a.all(), func(p prepaid) bool { return p.party() == party })
		if !known || amount <= 0 {
			return fmt.Errorf("deposit of %d分 with %q: want a positive amount and one of %v", int64(amount), party, a.parties())
		}
	}
	return nil
}

// AccountParties are the names of the parties that simulate the accounts with carriers when
// these rules hold: uupt, uupt-south.
func AccountParties(rules []carrier.AccountRule) []string { return accounts{rules: rules}.parties() }

func (a accounts) parties() (names []string) {
	for _, p := range a.all() {
		names = append(names, p.party())
	}
	return names
}

// accountSettings are a carrier's settings as functions get them: an object, or where there
// are several accounts a list of them.
func (c simulatedCarrier) accountSettings(urls map[string]string, gateway string, all []prepaid) any {
	var list []any
	for _, p := range all {
		settings := c.settings(urls[p.party()], callbackTo(gateway, c.name))
		settings["account"] = p.name
		list = append(list, settings)
	}
	if len(list) == 1 {
		return list[0]
	}
	return list
}

// openAccounts prepays every account, and saves the rules by which orders go to them.
func (e *Emulator) openAccounts(ctx context.Context) error {
	all := e.opts.accounts()
	for _, p := range all.all() {
		if _, err := e.Store.Deposit(ctx, "opening-"+p.party(), p.carrier, p.name, all.deposit(p), prepaidShards, e.Clock.Now()); err != nil {
			return err
		}
	}
	for _, r := range all.rules {
		if _, err := e.Store.SaveAccount(ctx, r, "account set", "emulator", sharedclock.System.Now()); err != nil {
			return err
		}
	}
	return nil
}

// Deposit prepays an account in a run: party is its simulator's name, key is that of the
// transfer. Both sides book it at once.
func (e *Emulator) Deposit(ctx context.Context, party, key string, amount money.Fen) error {
	for _, p := range e.opts.accounts().all() {
		if p.party() != party {
			continue
		}
		who := store.Act{By: "emulator", At: sharedclock.System.Now()}
		fresh, err := e.Store.DepositBy(ctx, who, store.Payment{Key: key, Carrier: p.carrier, Account: p.name, Amount: amount, Shards: prepaidShards, At: e.Clock.Now()})
		if fresh {
			e.Carriers[party].Fleet().Deposit(amount)
		}
		return err
	}
	return fmt.Errorf("deposit: there is no account %q", party)
}
