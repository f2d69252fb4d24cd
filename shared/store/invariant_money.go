package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// factKinds lists every kind of fact: what the checks fold.
var factKinds = []string{order.FactHold, order.FactOverdraw, order.FactRelease, order.FactCapture, order.FactTip, order.FactPenalty, order.FactFault, order.FactIncome, order.FactPenaltyIn}

var (
	// heldByFacts folds facts into what is held, as the ledger would.
	heldByFacts = foldSQL(func(account string) bool { return account == ledger.Held("p", "a") })
	// costByFacts folds facts into what carriers kept, less what they paid us for their fault.
	costByFacts = foldSQL(func(account string) bool {
		return ledger.IsExpense(account) || account == ledger.CompensationIncome("p")
	})
)

// foldSQL sums facts by what the ledger does with one fen of each kind.
func foldSQL(counts func(account string) bool) string {
	var b strings.Builder
	for _, kind := range factKinds {
		sign := 0
		entries, _ := ledger.Post(1, order.Fact{Kind: kind, Amount: 1, Party: "p", Account: "a"}, ledger.Desk{})
		for _, e := range entries {
			if counts(e.Account) && e.Debit {
				sign++
			} else if counts(e.Account) {
				sign--
			}
		}
		fmt.Fprintf(&b, " WHEN '%s' THEN %d", kind, sign)
	}
	return "SUM(amount * CASE kind" + b.String() + " END)"
}

var (
	ruleShards   = rule{4, "shards equal the fold of entries", Always}
	ruleHeld     = rule{4, "what is held equals the fold of entries", Always}
	ruleAccounts = rule{9, "orders sum to the accounts", Always}
	ruleFloor    = rule{12, "no hold was granted below the floor", Always}
	rulePrepaid  = rule{5, "prepaid equals the carrier's balance", AtRest}
)

// sums is the money of a snapshot, folded.
type sums struct {
	ledger    map[string]money.Fen // every account
	byFacts   map[string]money.Fen // those entries that come from orders
	facts     map[string]money.Fen // what posted facts say those should be
	free      map[purse]money.Fen  // Σ shards
	below     map[purse]money.Fen  // Σ shards below zero
	most      map[purse]money.Fen  // in one shard
	floor     map[purse]money.Fen  // in the reserve
	withdrawn map[purse]money.Fen  // by entries of no order's facts
	overdraw  map[purse]money.Fen  // posted
	granted   map[purse]money.Fen  // holds that are not posted yet
	pending   map[purse]money.Fen  // change of held by facts that are not posted yet
	held      map[purse]money.Fen  // Σ attempts
	untaken   map[purse]money.Fen  // Σ of attempts that no carrier confirmed
	unknown   []string             // kinds of facts that nobody knows
}

// money checks what folds say of each other. The folds account for facts that are not
// posted yet, so these rules hold at any instant.
func (c *checker) money(ctx context.Context) error {
	m, err := c.fold(ctx)
	if err != nil {
		return err
	}
	c.floor(m)
	c.shards(m)
	c.held(m)
	c.accounts(m)
	c.prepaid(m)
	return c.derived(ctx, m)
}

// floor looks for grants beyond what was there: an account gets below zero only by what carriers
// took, by a floor that is higher than what it has, and by entries that took more than it had.
func (c *checker) floor(m sums) {
	var bad []Violation
	for p, low := range m.below {
		if may := m.overdraw[p] + m.floor[p] + m.withdrawn[p]; low < -may {
			bad = append(bad, ruleFloor.broken(0, "%s/%s is %s below its floor, carriers overdrew %s", p.carrier, p.account, -low, m.overdraw[p]))
		}
		if low < 0 && m.most[p] > 0 {
			bad = append(bad, ruleFloor.broken(0, "%s/%s has a shard with %s beside one below zero: it could be granted twice", p.carrier, p.account, m.most[p]))
		}
	}
	c.done(ruleFloor, len(m.free), bad)
}

func (c *checker) shards(m sums) {
	var bad []Violation
	accounts := purses(m.free, ledger.Prepaid, m.ledger)
	for _, p := range accounts {
		if want := m.ledger[ledger.Prepaid(p.carrier, p.account)] - m.granted[p]; m.free[p] != want {
			bad = append(bad, ruleShards.broken(0, "%s/%s has %s free, entries and holds say %s", p.carrier, p.account, m.free[p], want))
		}
	}
	c.done(ruleShards, len(accounts), bad)
}

func (c *checker) held(m sums) {
	var bad []Violation
	accounts := purses(m.held, ledger.Held, m.ledger)
	for _, p := range accounts {
		if want := m.ledger[ledger.Held(p.carrier, p.account)] + m.pending[p]; m.held[p] != want {
			bad = append(bad, ruleHeld.broken(0, "attempts hold %s of %s/%s, entries and facts say %s", m.held[p], p.carrier, p.account, want))
		}
	}
	c.done(ruleHeld, len(accounts), bad)
}

// purses is the union of those with rows and those with entries.
func purses(rows map[purse]money.Fen, name func(carrier, account string) string, balances map[string]money.Fen) []purse {
	all := maps.Clone(rows)
	for account := range balances {
		if part := strings.Split(account, ":"); len(part) == 4 && part[0] == "carrier" && name(part[1], part[2]) == account {
			all[purse{part[1], part[2]}] += 0
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b purse) int { return strings.Compare(a.carrier+":"+a.account, b.carrier+":"+b.account) })
}

func (c *checker) accounts(m sums) {
	var bad []Violation
	names := maps.Clone(m.byFacts)
	maps.Copy(names, m.facts)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if m.byFacts[name] != m.facts[name] {
			bad = append(bad, ruleAccounts.broken(0, "%s is %s, posted facts say %s", name, m.byFacts[name], m.facts[name]))
		}
	}
	for _, kind := range m.unknown {
		bad = append(bad, ruleAccounts.broken(0, "there are facts of the unknown kind %q", kind))
	}
	c.done(ruleAccounts, len(names), bad)
}

// prepaid compares with what the carriers say: they take the money when they accept a
// placement and give back what is left at its end.
func (c *checker) prepaid(m sums) {
	if c.opts.Books == nil || !c.opts.AtRest {
		return
	}
	var bad []Violation
	for _, b := range c.opts.Books {
		p := purse{b.Carrier, b.Account}
		want := m.ledger[ledger.Prepaid(b.Carrier, b.Account)] - m.granted[p] + m.untaken[p]
		if b.BalanceFen != want {
			bad = append(bad, rulePrepaid.broken(0, "%s/%s: the carrier says %s, we say %s", b.Carrier, b.Account, b.BalanceFen, want))
		}
	}
	c.differ(bad)
	c.report.Books.Compared += len(c.opts.Books)
	c.done(rulePrepaid, len(c.opts.Books), bad)
}

// fold reads every sum once. The facts of retired orders are gone: theirs are not compared, and
// what carriers overdrew for them is read from the entries.
func (c *checker) fold(ctx context.Context) (sums, error) {
	m := sums{ledger: map[string]money.Fen{}, byFacts: map[string]money.Fen{}, facts: map[string]money.Fen{}, free: map[purse]money.Fen{}, below: map[purse]money.Fen{},
		most: map[purse]money.Fen{}, floor: map[purse]money.Fen{}, withdrawn: map[purse]money.Fen{},
		overdraw: map[purse]money.Fen{}, granted: map[purse]money.Fen{}, pending: map[purse]money.Fen{}, held: map[purse]money.Fen{}, untaken: map[purse]money.Fen{}}
	entries := func() error {
		rows, err := c.tx.QueryContext(ctx, "SELECT account, tx LIKE 'fact:%' AND order_id >= ? AS by_fact, "+signed+", SUM(IF(debit OR tx LIKE 'fact:%', 0, amount_fen)) FROM ledger_entry GROUP BY account, by_fact", c.retired)
		return each(rows, err, "entries", func(r *sql.Rows) error {
			var name string
			var byFact bool
			var sum, credits money.Fen
			err := r.Scan(&name, &byFact, &sum, &credits)
			m.ledger[name] += sum
			if byFact {
				m.byFacts[name] += sum
			} else if carrier, account, kind, ok := ledger.OfCarrier(name); ok && kind == "prepaid" {
				m.withdrawn[purse{carrier, account}] += credits
			}
			return err
		})
	}
	facts := func() error {
		rows, err := c.tx.QueryContext(ctx, "SELECT kind, party, account, cause, posted_at IS NOT NULL AS posted, SUM(amount) FROM fact WHERE order_id >= ? GROUP BY kind, party, account, cause, posted", c.retired)
		return each(rows, err, "facts", func(r *sql.Rows) error {
			var f order.Fact
			var posted bool
			err := r.Scan(&f.Kind, &f.Party, &f.Account, &f.Cause, &posted, &f.Amount)
			m.addFact(f, posted)
			return err
		})
	}
	shards := func() error {
		rows, err := c.tx.QueryContext(ctx, "SELECT carrier, account, SUM(free_fen), SUM(IF(shard < 0, 0, LEAST(free_fen, 0))), MAX(IF(shard < 0, 0, free_fen)), SUM(IF(shard < 0, free_fen, 0)) FROM prepaid_shard GROUP BY carrier, account")
		return each(rows, err, "shards", func(r *sql.Rows) error {
			var p purse
			var free, below, most, floor money.Fen
			err := r.Scan(&p.carrier, &p.account, &free, &below, &most, &floor)
			m.free[p], m.below[p], m.most[p], m.floor[p] = free, below, most, floor
			return err
		})
	}
	attempts := func() error {
		rows, err := c.tx.QueryContext(ctx, "SELECT carrier, account, SUM(held_fen), SUM(IF(confirmed, 0, held_fen)) FROM attempt GROUP BY carrier, account")
		return each(rows, err, "holds", func(r *sql.Rows) error {
			var p purse
			var held, untaken money.Fen
			err := r.Scan(&p.carrier, &p.account, &held, &untaken)
			m.held[p], m.untaken[p] = held, untaken
			return err
		})
	}
	return m, inOrder(entries, facts, func() error { return c.overdrawn(ctx, m) }, shards, attempts)
}

// overdrawn adds what carriers overdrew for orders that are retired.
func (c *checker) overdrawn(ctx context.Context, m sums) error {
	if c.retired == 0 {
		return nil
	}
	rows, err := c.tx.QueryContext(ctx, "SELECT account, SUM(amount_fen) FROM ledger_entry WHERE order_id > 0 AND order_id < ? AND NOT debit AND reason LIKE ? GROUP BY account", c.retired, order.FactOverdraw+"%")
	return each(rows, err, "overdrafts", func(r *sql.Rows) error {
		var name string
		var sum money.Fen
		err := r.Scan(&name, &sum)
		if part := strings.Split(name, ":"); len(part) == 4 && ledger.Prepaid(part[1], part[2]) == name {
			m.overdraw[purse{part[1], part[2]}] += sum
		}
		return err
	})
}

func (m *sums) addFact(f order.Fact, posted bool) {
	p := purse{f.Party, f.Account}
	switch {
	case posted && f.Kind == order.FactOverdraw:
		m.overdraw[p] += f.Amount
	case !posted && f.Kind == order.FactHold:
		m.granted[p] += f.Amount
	}
	entries, err := ledger.Post(1, f, ledger.Desk{})
	if err != nil {
		m.unknown = append(m.unknown, f.Kind)
		return
	}
	for _, e := range entries {
		sum := e.Amount
		if !e.Debit {
			sum = -sum
		}
		if posted {
			m.facts[e.Account] += sum
		} else if e.Account == ledger.Held(f.Party, f.Account) {
			m.pending[p] += sum
		}
	}
}
