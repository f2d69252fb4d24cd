package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// Kinds of invariants.
const (
	Always = "always"
	AtRest = "at rest"
)

// Violation is one broken rule.
type Violation struct {
	Rule   int    `json:"rule"` // number of the rule, 1 to 12
	Name   string `json:"name"`
	Order  int64  `json:"order,string"` // 0 = no single order
	Detail string `json:"detail"`
}

// RuleResult says what one check looked at.
type RuleResult struct {
	Rule     int    `json:"rule"`
	Name     string `json:"name"`
	Kind     string `json:"kind"` // always, or at rest
	Checked  int    `json:"checked"`
	Violated int    `json:"violated"` // no more than a page of violations is read
}

// BooksReport compares our ledger with the carriers' own books.
type BooksReport struct {
	Matched     bool     `json:"matched"` // no difference
	Compared    int      `json:"compared"`
	Differences int      `json:"differences"`
	Details     []string `json:"details"`
}

// InvariantReport is what a check of the invariants found.
type InvariantReport struct {
	Checked  int          `json:"checked"`
	Violated []Violation  `json:"violated"`
	Rules    []RuleResult `json:"rules"`
	Books    BooksReport  `json:"books"`
}

// CarrierBook is a carrier's own record of one of our accounts.
type CarrierBook struct {
	Carrier    string
	Account    string // our name of the account
	BalanceFen money.Fen
	Orders     []CarrierBookOrder
}

// CarrierBookOrder is one order in a carrier's books. ChargedFen is everything that the
// carrier took for it in the end: fee, tips and 违约金.
type CarrierBookOrder struct {
	CarrierNo  string
	ClientNo   string // our number; where the carrier does not keep it, CarrierNo finds the attempt
	ChargedFen money.Fen
	PenaltyFen money.Fen
}

// ToldKey names an order as its platform does.
type ToldKey struct{ Platform, No string }

// InvariantOptions say how much is to hold.
type InvariantOptions struct {
	// AtRest asks for everything of everything. Otherwise rules that hold at rest are asked
	// only of what is older than five minutes.
	AtRest bool
	// Books are the carriers' own, read before the check. Nil leaves out the rules that need them.
	Books []CarrierBook
	// Told is what each platform heard of each order, in its order. Nil leaves it out.
	Told map[ToldKey][]order.State
	// Heard reports whether a platform has a word for a state; nil = every platform for all.
	Heard func(platform string, s order.State) bool
}

// ErrNothingChecked says that there was nothing to check: that proves nothing.
var ErrNothingChecked = errors.New("invariants: nothing was there to be checked")

// restAge is how old something is of which rules that hold at rest are asked at any time.
const restAge = 5 * time.Minute

// page bounds the violations that one check reports.
const page = 50

// CheckInvariants checks the rules that must hold whatever happens, in one snapshot and by
// aggregates. now is virtual. Broken rules are in the report; an error means that the check
// itself could not be done, or (ErrNothingChecked, with the report) that there was nothing to check.
func (s *Store) CheckInvariants(ctx context.Context, now time.Time, opts InvariantOptions) (InvariantReport, error) {
	var c checker
	err := s.snapshot(ctx, "check invariants", func(tx *sql.Tx) error {
		c = checker{tx: tx, now: now, opts: opts, report: InvariantReport{Violated: []Violation{}, Rules: []RuleResult{}, Books: BooksReport{Details: []string{}}}}
		var err error
		if c.retired, err = keptValue(ctx, tx, keptRetired); err != nil {
			return err
		}
		for _, r := range sqlRules {
			if err := c.ask(ctx, r); err != nil {
				return err
			}
		}
		return inOrder(
			func() error { return c.transitions(ctx) },
			func() error { return c.money(ctx) },
			func() error { return c.books(ctx) },
			func() error { return c.told(ctx) },
		)
	})
	c.report.Books.Matched = c.report.Books.Differences == 0
	if err == nil && c.report.Checked == 0 {
		err = ErrNothingChecked
	}
	return c.report, err
}

// checker collects results within one snapshot.
type checker struct {
	tx      *sql.Tx
	now     time.Time
	opts    InvariantOptions
	retired int64 // orders with lesser ids are past their retention: gone, or going table by table
	report  InvariantReport
}

// rule names a check.
type rule struct {
	number int
	name   string
	kind   string
}

// sqlRule is a check that SQL does alone: how many things it looks at, and which of them are
// wrong: order id and detail. {cut} is the instant before which things are at rest, {parked}
// the one before which a parked event must be decided: parked is a decision too, for a while.
// {retired} is the id below which orders are no longer all there.
type sqlRule struct {
	rule
	count string
	find  string
}

// done adds a check's result.
func (c *checker) done(r rule, checked int, violated []Violation) {
	c.report.Rules = append(c.report.Rules, RuleResult{r.number, r.name, r.kind, checked, len(violated)})
	c.report.Checked += checked
	c.report.Violated = append(c.report.Violated, violated...)
}

func (r rule) broken(order int64, format string, args ...any) Violation {
	return Violation{Rule: r.number, Name: r.name, Order: order, Detail: fmt.Sprintf(format, args...)}
}

func (c *checker) ask(ctx context.Context, r sqlRule) error {
	checked := 0
	if err := c.tx.QueryRowContext(ctx, r.count).Scan(&checked); err != nil {
		return fmt.Errorf("rule %d, %s: %w", r.number, r.name, err)
	}
	var found []Violation
	query := strings.NewReplacer("{cut}", c.cut(restAge), "{retired}", strconv.FormatInt(c.retired, 10), "{parked}", strconv.FormatInt(c.now.Add(-parkedFor-restAge).UnixMilli(), 10)).Replace(r.find)
	rows, err := c.tx.QueryContext(ctx, query+" LIMIT "+strconv.Itoa(page))
	err = each(rows, err, fmt.Sprintf("rule %d, %s", r.number, r.name), func(rows *sql.Rows) error {
		v := Violation{Rule: r.number, Name: r.name}
		err := rows.Scan(&v.Order, &v.Detail)
		found = append(found, v)
		return err
	})
	c.done(r.rule, checked, found)
	return err
}

// cut is the instant before which things are old enough, in SQL; at rest everything is.
func (c *checker) cut(age time.Duration) string {
	if c.opts.AtRest {
		return strconv.FormatInt(math.MaxInt64, 10)
	}
	return strconv.FormatInt(c.now.Add(-age).UnixMilli(), 10)
}
