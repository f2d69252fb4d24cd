package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/reconcile"
)

// cost is a kind of money about one attempt.
type cost struct {
	reconcile.Ref
	kind bill.Kind
}

// expenseAccounts says where the costs of attempts are booked: in the account that has some of
// that kind already, or where all of a lost race is, or where a fact of that kind would go.
func expenseAccounts(ctx context.Context, db execer, carrier string, costs []cost) (map[reconcile.Ref]string, error) {
	out := map[reconcile.Ref]string{}
	if len(costs) == 0 {
		return out, nil
	}
	var ids []int64
	for _, c := range costs {
		if c.Order != 0 { // what is nobody's is no account's habit
			ids = append(ids, c.Order)
		}
	}
	booked, causes := map[reconcile.Ref][]string{}, map[reconcile.Ref]string{}
	ids = sorted(ids)
	for len(ids) > 0 {
		some := ids[:min(maxAsked, len(ids))]
		ids = ids[len(some):]
		list, args := in(some)
		rows, err := db.QueryContext(ctx, "SELECT DISTINCT order_id, n, account FROM ledger_entry WHERE order_id IN "+list, args...)
		err = each(rows, err, "accounts", func(r *sql.Rows) error {
			var ref reconcile.Ref
			var account string
			err := r.Scan(&ref.Order, &ref.N, &account)
			if costKind(account, carrier) != "" {
				booked[ref] = append(booked[ref], account)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		rows, err = db.QueryContext(ctx, "SELECT order_id, n, cause FROM attempt WHERE order_id IN "+list, args...)
		err = each(rows, err, "attempts", func(r *sql.Rows) error {
			var ref reconcile.Ref
			var cause string
			err := r.Scan(&ref.Order, &ref.N, &cause)
			causes[ref] = cause
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, c := range costs {
		out[c.Ref] = expenseAccount(carrier, c.kind, booked[c.Ref], causes[c.Ref])
	}
	return out, nil
}

func expenseAccount(carrier string, kind bill.Kind, booked []string, cause string) string {
	if kind == bill.Refund || !kind.Known() {
		kind = bill.Fee // what is given back was one most likely
	}
	for _, want := range []bill.Kind{kind, bill.Penalty} {
		for _, account := range booked {
			lost := strings.HasSuffix(account, ":lost_race")
			if costKind(account, carrier) == want && (want == kind || lost) {
				return account
			}
		}
	}
	switch kind {
	case bill.Tip:
		return ledger.TipExpense(carrier)
	case bill.Penalty:
		if cause == "" || strings.Contains(cause, ":") {
			cause = "other"
		}
		return ledger.PenaltyExpense(carrier, cause)
	case bill.Compensation:
		return ledger.CompensationIncome(carrier)
	}
	return ledger.DeliveryExpense(carrier)
}

// ErrBillItem says that an item cannot end in this way.
var ErrBillItem = errors.New("the item cannot end like this")

// AcceptBillItem ends an item of a bill in the carrier's favour: what it took is the order's cost,
// and the prepaid balance follows. now is virtual. An item that is about no order becomes a cost of
// none, in the account of its kind.
func (s *Store) AcceptBillItem(ctx context.Context, who Act, id int64, note string, now time.Time) (Item, error) {
	return s.AcceptBillItemOn(ctx, who, id, 0, note, now)
}

// AcceptBillItemOn is AcceptBillItem for an item that is about no order (ItemFilter.NoOrder), where a
// person knows which one it is about (0 = nobody does): it becomes a cost of that order itself, since
// the waybill is none of its attempts.
func (s *Store) AcceptBillItemOn(ctx context.Context, who Act, id, order int64, note string, now time.Time) (Item, error) {
	return s.endBillItem(ctx, who, id, now, func(tx *sql.Tx, x Item) (Settlement, error) {
		end := Settlement{Resolution: ResolvedAccepted, Note: note, Order: order}
		if order != 0 {
			if err := mayBeOf(ctx, tx, x, order); err != nil {
				return end, err
			}
			x.OrderID = order
		}
		diff := x.Theirs - x.Ours
		if x.Kind == string(reconcile.CutOff) {
			return end, fmt.Errorf("%w: it waits for the bill of another day", ErrBillItem)
		}
		if x.Suspense == 0 && (diff == 0 || x.State != ItemExplained) {
			return end, nil // a line without an amount: what it was about was settled otherwise
		}
		ref := reconcile.Ref{Order: x.OrderID, N: x.N}
		if err := bookedSince(ctx, tx, x); err != nil {
			return end, err
		}
		accounts, err := expenseAccounts(ctx, tx, x.Party, []cost{{ref, bill.Kind(x.Cost)}})
		if err != nil {
			return end, err
		}
		if x.Suspense != 0 {
			end.Transfers = []ledger.Transfer{ledger.BillAccepted(itemKey(x), x.Party, x.Account, accounts[ref], x.Suspense, now).On(x.OrderID, x.N)}
		} else {
			end.Transfers = []ledger.Transfer{ledger.BillFigure(itemKey(x), x.Party, x.Account, accounts[ref], diff, now).On(x.OrderID, x.N)}
		}
		return end, nil
	})
}

// mayBeOf says whether an item may become a cost of an order.
func mayBeOf(ctx context.Context, tx *sql.Tx, x Item, order int64) error {
	if x.OrderID != 0 {
		return fmt.Errorf("%w: it is about order %d already", ErrBillItem, x.OrderID)
	}
	var known bool
	if err := tx.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM orders WHERE id = ?)", order).Scan(&known); err != nil {
		return fmt.Errorf("read order %d: %w", order, err)
	}
	if !known {
		return fmt.Errorf("%w: there is no order %d here; without an order it becomes a cost of none", ErrBillItem, order)
	}
	return nil
}

// bookedSince refuses to make a cost of what was booked otherwise after the bill came, as by a carrier
// that told an end late: it would be booked twice.
func bookedSince(ctx context.Context, tx *sql.Tx, x Item) error {
	if x.OrderID == 0 {
		return nil
	}
	var sum money.Fen
	rows, err := tx.QueryContext(ctx, "SELECT tx, account, debit, amount_fen FROM ledger_entry WHERE order_id = ? AND n = ? AND posted_at > ?", x.OrderID, x.N, x.OpenedAt.UnixMilli())
	err = each(rows, err, "later costs", func(r *sql.Rows) error {
		var name, account string
		var debit bool
		var amount money.Fen
		err := r.Scan(&name, &account, &debit, &amount)
		if !debit {
			amount = -amount
		}
		if costKind(account, x.Party) != "" && !fromBills(name) {
			sum += amount
		}
		return err
	})
	if err == nil && sum != 0 {
		err = fmt.Errorf("%w: %s was booked for the attempt after its bill came (qianfan ledger entries --order %d): withdraw the item if that is what the line is for, and post only what is left", ErrBillItem, sum, x.OrderID)
	}
	return err
}

// WithdrawBillItem ends an item of a bill in our favour: the carrier takes its line back, or
// confirms that what its bill lacks was taken. Our books stay as they were.
func (s *Store) WithdrawBillItem(ctx context.Context, who Act, id int64, note string, now time.Time) (Item, error) {
	return s.endBillItem(ctx, who, id, now, func(_ *sql.Tx, x Item) (Settlement, error) {
		end := Settlement{Resolution: ResolvedWithdrawn, Note: note}
		if x.Suspense != 0 {
			end.Transfers = []ledger.Transfer{ledger.BillWithdrawn(itemKey(x), x.Party, x.Account, x.Suspense, now).On(x.OrderID, x.N)}
		}
		return end, nil
	})
}

func (s *Store) endBillItem(ctx context.Context, who Act, id int64, now time.Time, how func(*sql.Tx, Item) (Settlement, error)) (Item, error) {
	return s.settleWith(ctx, who, id, now, func(tx *sql.Tx, x Item) (Settlement, error) {
		if x.Source != sourceBill {
			return Settlement{}, fmt.Errorf("%w: item %d is of a %s, not of a bill: see qianfan ledger statement --help", ErrBillItem, id, x.Source)
		}
		end, err := how(tx, x)
		if err == nil && unread(x.Kind) {
			err = endCovered(ctx, tx, who, x, end, now)
		}
		return end, err
	})
}

// covered are the items of other bills about what we booked, that a line stands for which could not be read.
func covered(ctx context.Context, tx *sql.Tx, line Item) ([]Item, error) {
	if line.OrderID == 0 {
		return nil, nil
	}
	waiting := func(x Item) bool { return x.Kind == string(reconcile.Unread) && x.State == ItemExplained }
	return lockItemsWhere(ctx, tx, waiting, "order_id = ? AND n = ? AND source = ?", line.OrderID, line.N, sourceBill)
}

// endCovered ends them as the line ends: they are one question.
func endCovered(ctx context.Context, tx *sql.Tx, who Act, line Item, end Settlement, now time.Time) error {
	items, err := covered(ctx, tx, line)
	for _, x := range items {
		if _, err := endItem(ctx, tx, who, x, Settlement{Resolution: end.Resolution, Note: fmt.Sprintf("with item %d", line.ID)}, now); err != nil {
			return err
		}
	}
	return err
}

// WriteOffBillItem proposes that nobody will give back what an item is about: when a second person
// approves the proposal, whose number it returns, the item ends with it.
func (s *Store) WriteOffBillItem(ctx context.Context, who Act, id int64, note string, now time.Time) (int64, error) {
	var proposal int64
	err := s.tx(ctx, "write off item", func(tx *sql.Tx) error {
		x, err := lockOpenItem(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case x.Source != sourceBill:
			return fmt.Errorf("%w: item %d is of a %s, not of a bill: see qianfan ledger statement --help", ErrBillItem, id, x.Source)
		case x.Suspense <= 0:
			return fmt.Errorf("%w: item %d claims nothing from us that could be written off; accept it, or have it withdrawn", ErrBillItem, id)
		}
		t := ledger.BillLost(WriteOffKey(id), x.Party, x.Account, x.Suspense, now).On(x.OrderID, x.N)
		proposal, err = propose(ctx, tx, who, t, note)
		return err
	})
	return proposal, err
}
