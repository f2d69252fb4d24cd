package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// Position is what our books say of one prepaid account, and what a carrier's balance should be.
type Position struct {
	Carrier  string    `json:"carrier"`
	Account  string    `json:"account"`
	Prepaid  money.Fen `json:"prepaid_fen"`  // posted, holds taken off
	Pending  money.Fen `json:"pending_fen"`  // what facts that are not posted yet will add to it
	Untaken  money.Fen `json:"untaken_fen"`  // held for attempts whose placement no carrier has confirmed: it has not taken that yet
	Clearing money.Fen `json:"clearing_fen"` // sent to the carrier and not seen there by us
	Claimed  money.Fen `json:"claimed_fen"`  // what bills claim beyond our books, undecided; negative = less
	Waiting  money.Fen `json:"waiting_fen"`  // explained differences without an entry: those of cut-offs, and small ones
}

// Expected is the balance that the carrier should state: it takes the money of a placement when it
// accepts it, and gives back what is left at the end.
func (p Position) Expected() money.Fen { return p.Prepaid + p.Pending + p.Untaken }

// Gap is why a stated balance may differ from the expected one.
type Gap struct {
	Stated  money.Fen `json:"stated_fen"`
	Gap     money.Fen `json:"gap_fen"` // stated less expected
	Reasons []string  `json:"reasons"` // of the gap; empty when there is none, or nobody knows
	Open    money.Fen `json:"unexplained_fen"`
}

// Explain says what the gap to a stated balance consists of: the first set of known differences
// that is exactly it.
func (p Position) Explain(stated money.Fen) Gap {
	g := Gap{Stated: stated, Gap: stated - p.Expected(), Reasons: []string{}}
	known := []struct {
		fen  money.Fen
		text string
	}{
		{-p.Claimed, "the carrier took what its bills claim and we dispute"},
		{p.Clearing, "a prepayment has arrived that we have not booked as seen"},
		{-p.Waiting, "differences that are explained and not booked"},
		{-p.Untaken, "the carrier has taken what it has not confirmed to us yet"},
	}
	for set := range 1 << len(known) {
		var sum money.Fen
		var why []string
		for i, k := range known {
			if set>>i&1 == 1 && k.fen != 0 {
				sum += k.fen
				why = append(why, fmt.Sprintf("%s: %s", k.fen, k.text))
			}
		}
		if sum == g.Gap {
			g.Reasons = append(g.Reasons, why...)
			return g
		}
	}
	g.Open = g.Gap
	return g
}

// CarrierPosition reads what our books say of one prepaid account, in one moment.
func (s *Store) CarrierPosition(ctx context.Context, carrier, account string) (Position, error) {
	p := Position{Carrier: carrier, Account: account}
	one := func(tx *sql.Tx, to *money.Fen, query string, args ...any) func() error {
		return func() error {
			if err := tx.QueryRowContext(ctx, query, args...).Scan(to); err != nil {
				return fmt.Errorf("position of %s/%s: %w", carrier, account, err)
			}
			return nil
		}
	}
	err := s.snapshot(ctx, "position", func(tx *sql.Tx) error {
		prepaid, clearing, payable := ledger.Prepaid(carrier, account), ledger.Clearing(carrier, account), ledger.CarrierPayable(carrier, account)
		balances, err := balancesNow(ctx, tx, " AND account IN (?, ?, ?)", prepaid, clearing, payable)
		if err != nil {
			return err
		}
		p.Prepaid, p.Clearing, p.Claimed = balances[prepaid], balances[clearing], -balances[payable]
		return inOrder(
			one(tx, &p.Pending, "SELECT COALESCE(SUM(CASE x.kind WHEN ? THEN x.amount ELSE -x.amount END), 0) FROM "+awake("fact")+" WHERE x.posted_at IS NULL AND x.party = ? AND x.account = ? AND x.kind IN (?, ?, ?)",
				order.FactRelease, carrier, account, order.FactRelease, order.FactHold, order.FactOverdraw),
			one(tx, &p.Untaken, "SELECT COALESCE(SUM(x.held_fen), 0) FROM "+awake("attempt")+" WHERE x.carrier = ? AND x.account = ? AND NOT x.confirmed AND x.held_fen > 0", carrier, account),
			one(tx, &p.Waiting, "SELECT COALESCE(SUM(theirs_fen - ours_fen), 0) FROM money_item WHERE party = ? AND account = ? AND state = ? AND source = ?", carrier, account, ItemExplained, sourceBill),
		)
	})
	return p, err
}
