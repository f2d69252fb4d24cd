package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/statement"
)

// StatementPayment is money for a statement.
type StatementPayment struct {
	Statement int64
	Key       string    // the bank's reference: one payment for ever
	Amount    money.Fen // above zero
	At        time.Time // when it came, virtual time
}

// ErrPaymentKey says that a payment's key cannot be one.
var ErrPaymentKey = errors.New("want the bank's reference as the key, of at most 50 bytes without blanks at its ends")

// maxPaymentKey leaves room in the ledger's keys: the payment's name is the key of its reversal.
const maxPaymentKey = 50

func paymentTx(key string) string { return "statement:pay:" + key }

// PayStatement books what a platform pays of a statement, or, of one that is a credit, what we
// pay back. A repeated key changes nothing and reports false; with another statement or amount
// it is ErrConflict. More than is open, or before the statement's first day, is a
// statement.ErrPayment. now is virtual time.
func (s *Store) PayStatement(ctx context.Context, who Act, p StatementPayment, now time.Time) (st statement.Statement, booked bool, err error) {
	if p.Key == "" || len(p.Key) > maxPaymentKey || strings.TrimSpace(p.Key) != p.Key {
		return st, false, fmt.Errorf("%q: %w", p.Key, ErrPaymentKey)
	}
	err = s.onStatement(ctx, "pay", who, p.Statement, func(tx *sql.Tx, x *statement.Statement) (any, error) {
		booked = false
		before, err := payments(ctx, tx, p.Key)
		if err != nil {
			return nil, err
		}
		if len(before) > 0 {
			return nil, samePayment(p, before)
		}
		if err := x.State.Check(statement.Pay); err != nil {
			return nil, err
		}
		if p.At.Before(x.From) { // a slip of the pen would be booked into a year that is long over
			return nil, fmt.Errorf("%w: it came on %s, before the first day of statement %s, %s", statement.ErrPayment, statement.Day(p.At), x.Number(), statement.Day(x.From))
		}
		open, err := openOf(ctx, tx, *x)
		if err != nil {
			return nil, err
		}
		change, err := statement.Allocate(open, p.Amount)
		if err != nil {
			return nil, fmt.Errorf("statement %s: %w", x.Number(), err)
		}
		t := statement.Payment("pay:"+p.Key, x.Platform, change, p.At)
		booked = true
		return p, stepPosted(ctx, tx, who, x, statement.Step{Kind: statement.StepPayment, Key: t.Tx(), Change: change, EventAt: p.At}, t, now)
	}, &st)
	return st, booked && err == nil, err
}

// paymentStep is a payment, or its end, as it was booked on some statement.
type paymentStep struct {
	statement int64
	kind      string
	net       money.Fen
}

// payments are the payment of a key and what took it back.
func payments(ctx context.Context, db execer, key string) ([]paymentStep, error) {
	var out []paymentStep
	rows, err := db.QueryContext(ctx, "SELECT statement_id, kind, delivery_fen + penalty_fen + compensation_fen FROM statement_step WHERE k IN (?, ?) ORDER BY at", paymentTx(key), "reverse:"+paymentTx(key))
	err = each(rows, err, "payments", func(r *sql.Rows) error {
		var p paymentStep
		err := r.Scan(&p.statement, &p.kind, &p.net)
		out = append(out, p)
		return err
	})
	return out, err
}

// samePayment says whether a payment that is booked is the one that is asked for.
func samePayment(p StatementPayment, before []paymentStep) error {
	if slices.ContainsFunc(before, func(b paymentStep) bool { return b.kind == statement.StepUnpaid }) {
		return fmt.Errorf("payment %q: %w: it was booked and taken back; use another key", p.Key, ErrConflict)
	}
	first := before[0]
	if net := max(first.net, -first.net); first.statement != p.Statement || net != p.Amount {
		return fmt.Errorf("payment %q: %w: it paid %s of statement %d; a transfer for several statements gets a key for each, such as %s/2", p.Key, ErrConflict, net, first.statement, p.Key)
	}
	return nil
}

// UnpayStatement takes back a payment that was booked by mistake, by its mirror image in the
// ledger. A repeat changes nothing and reports false. now is virtual time.
func (s *Store) UnpayStatement(ctx context.Context, who Act, id int64, key, note string, now time.Time) (st statement.Statement, undone bool, err error) {
	paid, found, err := s.Transaction(ctx, paymentTx(key))
	if err != nil {
		return st, false, err
	}
	err = s.onStatement(ctx, "unpay", who, id, func(tx *sql.Tx, x *statement.Statement) (any, error) {
		undone = false
		steps, err := readSteps(ctx, tx, "WHERE statement_id = ? AND k IN (?, ?) ORDER BY seq", x.ID, paymentTx(key), "reverse:"+paymentTx(key))
		switch {
		case err != nil:
			return nil, err
		case len(steps) == 0 || !found:
			return nil, fmt.Errorf("%w: statement %s has no payment %q; `qianfan ledger statement show %d` lists them", statement.ErrPayment, x.Number(), key, x.ID)
		case len(steps) > 1: // it was taken back before
			return nil, nil
		}
		if err := x.State.Check(statement.Unpay); err != nil {
			return nil, err
		}
		t := paid.Reversed(now)
		undone = true
		return map[string]string{"payment": key, "note": note}, stepPosted(ctx, tx, who, x, statement.Step{Kind: statement.StepUnpaid, Key: t.Tx(), Change: steps[0].Change.Negated(), Note: note, EventAt: now}, t, now)
	}, &st)
	return st, undone && err == nil, err
}

// onStatement works on a statement under its lock. do changes it by steps and returns what the
// audit is to keep of that; nil = nothing was done. verb is what the audit calls it.
func (s *Store) onStatement(ctx context.Context, verb string, who Act, id int64, do func(tx *sql.Tx, st *statement.Statement) (any, error), after *statement.Statement) error {
	if who.nobody() {
		return ErrNobody
	}
	return s.tx(ctx, "statement "+verb, func(tx *sql.Tx) error {
		st, err := oneStatement(ctx, tx, id, " FOR UPDATE")
		if err != nil {
			return err
		}
		before := st
		done, err := do(tx, &st)
		*after = st
		if err != nil || done == nil {
			return err
		}
		return audit(ctx, tx, who, "statement "+verb, statementSubject(id), before, map[string]any{"statement": st, "by": done})
	})
}

// stepPosted posts a transfer and writes the step that it is. When nothing is open after it, no
// account keeps what another one is short of.
func stepPosted(ctx context.Context, tx *sql.Tx, who Act, st *statement.Statement, x statement.Step, t ledger.Transfer, now time.Time) error {
	fresh, err := postTransfers(ctx, tx, []ledger.Transfer{t}, now)
	if err != nil {
		return err
	}
	if len(fresh) == 0 {
		return fmt.Errorf("transaction %s is in the ledger and not on statement %s: %w", t.Tx(), st.Number(), ErrConflict)
	}
	if err := addStep(ctx, tx, who, st, x); err != nil || st.Open() != 0 || x.Kind == statement.StepSetOff {
		return err
	}
	open, err := openOf(ctx, tx, *st)
	if err != nil {
		return err
	}
	var seq int
	if err := tx.QueryRowContext(ctx, "SELECT MAX(seq) + 1 FROM statement_step WHERE statement_id = ?", st.ID).Scan(&seq); err != nil {
		return fmt.Errorf("steps of statement %s: %w", st.Number(), err)
	}
	return setOff(ctx, tx, who, st, open, fmt.Sprintf("set_off:%d:%d", st.ID, seq), now)
}

// setOff balances the accounts of a statement against each other, where they can be.
func setOff(ctx context.Context, tx *sql.Tx, who Act, st *statement.Statement, open statement.Amounts, key string, now time.Time) error {
	change := statement.SetOff(open)
	if change == (statement.Amounts{}) {
		return nil
	}
	t := statement.Deduction(key, st.Platform, change, now)
	return stepPosted(ctx, tx, who, st, statement.Step{Kind: statement.StepSetOff, Key: t.Tx(), Change: change, EventAt: now}, t, now)
}

// addStep writes a step of a statement that is locked, and what the statement is after it.
func addStep(ctx context.Context, tx *sql.Tx, who Act, st *statement.Statement, x statement.Step) error {
	x.Revision = st.Revision
	advance(st, x)
	if _, err := tx.ExecContext(ctx, "INSERT INTO statement_step (statement_id, seq, revision, kind, k, order_id, delivery_fen, penalty_fen, compensation_fen, note, by_whom, event_at, at) "+
		"SELECT ?, COALESCE(MAX(seq), 0) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM statement_step WHERE statement_id = ?",
		st.ID, x.Revision, x.Kind, x.Key, x.OrderID, int64(x.Change.Delivery), int64(x.Change.Penalty), int64(x.Change.Compensation), clip(x.Note, 255), clip(who.By, maxBy), x.EventAt.UnixMilli(), who.At.UnixMilli(), st.ID); err != nil {
		return fmt.Errorf("write a step of statement %s: %w", st.Number(), err)
	}
	_, err := tx.ExecContext(ctx, "UPDATE statement SET revision = ?, line_count = ?, total_fen = ?, rejected_fen = ?, paid_fen = ?, state = ? WHERE id = ?",
		st.Revision, st.Lines, int64(st.Total), int64(st.Rejected), int64(st.Paid), string(st.State), st.ID)
	if err != nil {
		return fmt.Errorf("write statement %s: %w", st.Number(), err)
	}
	return nil
}

// advance is what a step makes of a statement's sums and state.
func advance(st *statement.Statement, x statement.Step) {
	net := x.Change.Net()
	switch x.Kind {
	case statement.StepPayment, statement.StepUnpaid:
		st.Paid -= net
	case statement.StepRejected, statement.StepLifted:
		st.Rejected -= net
	case statement.StepReissued:
		st.Revision++
		st.Total, st.Rejected = st.Total-st.Rejected, 0
	}
	st.State = statement.StateOf(st.Open(), st.Paid)
}
