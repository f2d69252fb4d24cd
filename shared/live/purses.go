package live

import (
	"slices"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/store"
)

// Purses is what was left of our money with the carriers at one moment. Under the zero value
// every account can pay: the hold itself decides.
type Purses struct {
	accounts map[[2]string]store.Prepaid // by carrier and account
}

// NewPurses makes a view of prepaid accounts.
func NewPurses(all []store.Prepaid) Purses {
	p := Purses{accounts: map[[2]string]store.Prepaid{}}
	for _, x := range all {
		p.accounts[[2]string{x.Carrier, x.Account}] = x
	}
	return p
}

// Shards is in how many parts an account is split, 0 = it is not known.
func (p Purses) Shards(carrier, account string) int {
	return p.accounts[[2]string{carrier, account}].Shards
}

// UsedUp reports whether an account cannot pay for an average order. One that was never
// prepaid is used up, too, unless nothing is known of any.
func (p Purses) UsedUp(carrier, account string) bool {
	x, known := p.accounts[[2]string{carrier, account}]
	return len(p.accounts) > 0 && (!known || x.UsedUp())
}

// Solvent are the rules with those of accounts that are used up switched off, so that another
// account of the same carrier that matches takes their orders over.
func (p Purses) Solvent(rules []carrier.AccountRule) []carrier.AccountRule {
	broke := func(r carrier.AccountRule) bool { return r.Active && p.UsedUp(r.Carrier, r.Account) }
	if !slices.ContainsFunc(rules, broke) {
		return rules
	}
	out := slices.Clone(rules)
	for i := range out {
		out[i].Active = out[i].Active && !broke(out[i])
	}
	return out
}
