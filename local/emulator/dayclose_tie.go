package emulator

import (
	"context"
	"errors"
	"fmt"
	"time"

	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/statement"
	"github.com/chuandao/qianfan/shared/store"
)

func (c *closing) balances(ctx context.Context) (map[string]money.Fen, error) {
	list, err := c.Store.Balances(ctx)
	out := map[string]money.Fen{}
	for _, b := range list {
		out[b.Account] = b.BalanceFen
	}
	return out, err
}

// tieCarriers compares every prepaid account with the carrier's own balance.
func (c *closing) tieCarriers(ctx context.Context) error {
	ours, err := c.balances(ctx)
	if err != nil {
		return err
	}
	for _, p := range c.opts.accounts().all() {
		theirs := c.Carriers[p.party()].Books().Balance
		if prepaid := ours[ledger.Prepaid(p.carrier, p.name)]; prepaid == theirs {
			c.Accounts++
		} else {
			c.problem("%s: prepaid is %s, the carrier's balance %s", p.party(), prepaid, theirs)
		}
		c.empty(ours, ledger.Held(p.carrier, p.name), ledger.Clearing(p.carrier, p.name), ledger.CarrierPayable(p.carrier, p.name), ledger.Suspense(p.carrier))
	}
	return nil
}

func (c *closing) empty(balances map[string]money.Fen, accounts ...string) {
	for _, name := range accounts {
		if balances[name] != 0 {
			c.problem("%s is %s and not zero", name, balances[name])
		}
	}
}

// tiePlatforms issues a statement for each platform and day, compares its lines with the
// platform's own books, and has it paid.
func (c *closing) tiePlatforms(ctx context.Context) error {
	for name, p := range c.parties.Platforms {
		claims, err := c.claims(ctx, name)
		if err != nil {
			return err
		}
		owed, fined := c.compare(name, claims, p.owed())
		ours, err := c.balances(ctx)
		if err != nil {
			return err
		}
		if got := ours[ledger.Receivable(name)]; got != owed {
			c.problem("%s: receivable is %s, the platform's own books say %s", name, got, owed)
		}
		if got := ours[ledger.PenaltyReceivable(name)]; got != fined {
			c.problem("%s: penalty_receivable is %s, its statements say %s", name, got, fined)
		}
		if err := c.collect(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// asked is what statements claim for one order.
type asked struct {
	delivery, penalty     money.Fen
	deliveries, penalties int
}

// claims issues a platform's statements, and adds up what they claim, by the platform's number.
func (c *closing) claims(ctx context.Context, platform string) (map[string]asked, error) {
	claims := map[string]asked{}
	var from time.Time
	for _, day := range c.Days {
		first, err := statement.ParseDay(day)
		if err != nil {
			return nil, err
		}
		if from.IsZero() {
			from = first
		}
		st, err := c.Store.IssueStatement(ctx, c.clerk(), store.StatementOrder{Platform: platform, From: from, Until: first.AddDate(0, 0, 1)}, c.Clock.Now())
		if err != nil {
			return nil, fmt.Errorf("statement of %s for %s: %w", platform, day, err)
		}
		from = st.Until
		c.Statement[platform] += st.Total
		err = c.Store.StatementLines(ctx, st, func(l statement.Line) error {
			x := claims[l.OrderNo]
			switch l.Kind {
			case statement.Delivery:
				x.delivery, x.deliveries = x.delivery+l.Amount, x.deliveries+1
			case statement.Penalty:
				x.penalty, x.penalties = x.penalty+l.Amount, x.penalties+1
			default:
				c.problem("%s: nobody was compensated, but a statement says so for %s", platform, l.OrderNo)
			}
			claims[l.OrderNo] = x
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return claims, nil
}

// compare requires that each order that the platform saw delivered is on a statement once, at
// the price that the platform itself reckons, and 违约金 once at most, for orders that its
// customers cancelled. It returns the sums of both.
func (c *closing) compare(platform string, claims map[string]asked, orders []owedOrder) (owed, fined money.Fen) {
	for _, o := range orders {
		x := claims[o.no]
		delete(claims, o.no)
		owed, fined = owed+o.owes, fined+x.penalty
		if want := min(1, int(o.owes)); x.deliveries != want || x.delivery != o.owes {
			c.problem("%s %s (%s): on statements %d times with %s, the platform reckons %s", platform, o.no, o.final, x.deliveries, x.delivery, o.owes)
		}
		if x.penalties > 1 || x.penalties == 1 && (!o.cancelled || o.final == "delivered" || x.penalty <= 0) {
			c.problem("%s %s (%s, cancelled by the customer: %v): 违约金 %s in %d lines", platform, o.no, o.final, o.cancelled, x.penalty, x.penalties)
		}
	}
	for no, x := range claims {
		c.problem("%s %s: a statement claims %s, the platform knows nothing of it", platform, no, x.delivery+x.penalty)
	}
	return owed, fined
}

// collect has a platform pay its statements in full.
func (c *closing) collect(ctx context.Context, platform string) error {
	list, err := c.Store.Statements(ctx, platform, len(c.Days)+1)
	if err != nil {
		return err
	}
	for _, st := range list {
		if st.Open() == 0 {
			continue
		}
		pay := store.StatementPayment{Statement: st.ID, Amount: st.Open(), Key: "day-close-" + st.Number(), At: c.Clock.Now()}
		if _, _, err := c.Store.PayStatement(ctx, c.clerk(), pay, c.Clock.Now()); err != nil {
			return fmt.Errorf("pay statement %s: %w", st.Number(), err)
		}
	}
	ours, err := c.balances(ctx)
	c.empty(ours, ledger.Receivable(platform), ledger.PenaltyReceivable(platform), ledger.PlatformPayable(platform), ledger.Suspense(platform))
	return err
}

// sound requires that the books are whole: sealed, verified, no invariant violated.
func (c *closing) sound(ctx context.Context) error {
	_, err := c.Store.SealLedger(ctx, sharedclock.System.Now(), nil)
	verified, err2 := c.Store.VerifyLedger(ctx, nil)
	statements, err3 := c.Store.CheckStatements(ctx, true, nil)
	gaps, err4 := c.Store.SuspenseGaps(ctx)
	s, err5 := c.Summary(ctx, true)
	if err := errors.Join(err, err2, err3, err4, err5); err != nil {
		return err
	}
	for _, p := range verified.Problems {
		c.problem("ledger verify: %+v", p)
	}
	if verified.Entries == 0 || verified.Entries != verified.Sealed {
		c.problem("ledger verify: %d of %d entries are sealed", verified.Sealed, verified.Entries)
	}
	for _, g := range statements.Gaps {
		c.problem("statements: %+v", g)
	}
	for _, g := range gaps {
		c.problem("suspense: %s", g)
	}
	for _, v := range s.Invariants.Violated {
		c.problem("invariant %s", v)
	}
	for _, d := range s.Books.Details {
		c.problem("books: %s", d)
	}
	return nil
}
