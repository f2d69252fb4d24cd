package carrier

import (
	"slices"
	"strings"
)

// Set are the adapters by carrier: under the carrier's name that of its first account, under
// Key those of its further accounts. A nil Set holds none.
type Set map[string]Adapter

// Key is where a Set keeps the adapter of a further account of a carrier.
func Key(name, account string) string { return name + "/" + account }

// Adapter is that of one account of a carrier; an empty account means the first one.
func (s Set) Adapter(name, account string) (Adapter, bool) {
	first, ok := s[name]
	if !ok || account == "" || first.Facts().Account == account {
		return first, ok
	}
	a, ok := s[Key(name, account)]
	return a, ok
}

// Accounts are our names of the accounts with a carrier, the first one first.
func (s Set) Accounts(name string) []string {
	first, ok := s[name]
	if !ok {
		return nil
	}
	var further []string
	for key := range s {
		if account, ok := strings.CutPrefix(key, Key(name, "")); ok {
			further = append(further, account)
		}
	}
	slices.Sort(further)
	return append([]string{first.Facts().Account}, further...)
}

// Of are the adapters of all accounts with a carrier, the first one first.
func (s Set) Of(name string) []Adapter {
	var all []Adapter
	for _, account := range s.Accounts(name) {
		if a, ok := s.Adapter(name, account); ok {
			all = append(all, a)
		}
	}
	return all
}

// Route is the adapter of the account that serves an order, by the rules; see RouteAccount.
// Nil = the carrier is not configured, or its rules leave the order out.
func (s Set) Route(rules []AccountRule, name string, o AccountOrder) Adapter {
	account := RouteAccount(rules, name, s.Accounts(name), o)
	if account == "" {
		return nil
	}
	a, _ := s.Adapter(name, account)
	return a
}
