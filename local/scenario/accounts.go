package scenario

import (
	"cmp"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/shared/carrier"
)

// rule is an account's rule as people set it.
func (a Account) rule() carrier.AccountRule {
	return carrier.AccountRule{Carrier: string(a.Carrier), Account: cmp.Or(a.Account, "main"), Match: carrier.AccountMatch{City: a.Cities}, Weight: 1, Active: true, PerSecond: a.PerSecond}
}

func (s *Scenario) rules() []carrier.AccountRule {
	var all []carrier.AccountRule
	for _, a := range s.Accounts {
		all = append(all, a.rule())
	}
	return all
}

// parties are the names of the simulated carrier accounts.
func (s *Scenario) parties() []string { return emulator.AccountParties(s.rules()) }
