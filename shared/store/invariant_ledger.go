package store

import (
	"context"
	"maps"
	"slices"
)

var (
	ruleSealed     = rule{4, "sealed balances equal the fold of entries", Always}
	ruleSuspense   = rule{5, "suspense is itemised", Always}
	ruleStatements = rule{9, "statements and lines to come sum to what platforms owe", Always}
)

// derived checks what is derived from entries: sealed balances, items of suspense, statements.
func (c *checker) derived(ctx context.Context, m sums) error {
	last, err := lastSeal(ctx, c.tx)
	if err != nil {
		return err
	}
	balances, err := foldAfter(ctx, c.tx, last.to, "", nil)
	if err != nil {
		return err
	}
	c.sealed(m, balances)
	suspense, err := suspenseAccounts(ctx, c.tx)
	if err != nil {
		return err
	}
	var bad []Violation
	for _, a := range suspense {
		if a.Gap() != 0 {
			bad = append(bad, ruleSuspense.broken(0, "%s", a))
		}
	}
	c.done(ruleSuspense, len(suspense), bad)
	return c.statements(ctx, m)
}

func (c *checker) sealed(m sums, balances []Balance) {
	var bad []Violation
	left := maps.Clone(m.ledger)
	for _, b := range balances {
		if left[b.Account] != b.BalanceFen {
			bad = append(bad, ruleSealed.broken(0, "%s: seals and what came after them say %s, all entries %s", b.Account, b.BalanceFen, left[b.Account]))
		}
		delete(left, b.Account)
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		bad = append(bad, ruleSealed.broken(0, "%s: no seal and nothing after them has it", name))
	}
	c.done(ruleSealed, len(balances), bad)
}

func (c *checker) statements(ctx context.Context, m sums) error {
	check, err := checkStatements(ctx, c.tx, m.ledger)
	if err != nil {
		return err
	}
	var bad []Violation
	for _, g := range check.Gaps {
		bad = append(bad, ruleStatements.broken(0, "%s %s: %s (%s)", g.Platform, g.Account, g.Detail, g.GapFen))
	}
	c.done(ruleStatements, check.Accounts, bad)
	return nil
}
