package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/statement"
)

// Rejection is a line that a platform refuses to pay, wholly or in part.
type Rejection struct {
	Statement int64
	Order     int64          // our id
	Kind      statement.Kind // empty = the only one that the order has
	Amount    money.Fen      // 0 = all that is left of it
	Again     bool           // beside what was rejected of it before and is settled
	Note      string         // what the platform says
	At        time.Time      // virtual time
}

// Errors of rejections.
var (
	ErrNotOnStatement = errors.New("not on this statement")
	ErrRejection      = errors.New("it cannot be rejected like this")
)

// How items of rejected lines end, beside ResolvedWrittenOff.
const (
	ResolvedLifted   = "lifted"   // the platform pays after all
	ResolvedConceded = "conceded" // the platform was right: the income never was
)

// RejectLine takes what a platform refuses off a statement and into suspense, with an item that
// somebody has to settle. The same again changes nothing and reports false. Once that item was
// conceded or written off, what is left may be rejected, wholly or in part, if r says Again:
// nobody could tell it from a repeat. An order that the statement does not have is
// ErrNotOnStatement, an amount that cannot be is ErrRejection.
func (s *Store) RejectLine(ctx context.Context, who Act, r Rejection, now time.Time) (st statement.Statement, done bool, err error) {
	err = s.onStatement(ctx, "reject", who, r.Statement, func(tx *sql.Tx, x *statement.Statement) (any, error) {
		done = false
		if err := x.State.Check(statement.Reject); err != nil {
			return nil, err
		}
		line, err := refusable(ctx, tx, *x, r)
		if err != nil || line.already(r) {
			return nil, err
		}
		amount, err := line.amount(r)
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("reject:%d:%d:%s:%d", x.ID, r.Order, line.kind, line.times+1)
		t := ledger.Rejected(name, x.Platform, line.kind.Account(x.Platform), amount, r.At).On(r.Order, 0)
		step := statement.Step{Kind: statement.StepRejected, Key: t.Tx(), OrderID: r.Order, Change: statement.Amounts{}.With(line.kind, -amount), Note: r.Note, EventAt: r.At}
		if err := stepPosted(ctx, tx, who, x, step, t, now); err != nil {
			return nil, err
		}
		done = true
		told := r // r itself stays as it was asked for: this may begin again
		told.Kind, told.Amount = line.kind, amount
		return told, openItems(ctx, tx, []Item{{Party: x.Platform, Kind: rejectedItem(line.kind), State: ItemSuspense, Source: "statement", SourceID: x.ID, CarrierNo: line.no, OrderID: r.Order,
			Theirs: line.left() - amount, Ours: line.left(), Suspense: amount, Note: r.Note, Owner: who.By, OpenedAt: now, Key: t.Tx()}})
	}, &st)
	return st, done && err == nil, err
}

func rejectedItem(k statement.Kind) string { return "rejected_" + string(k) }

// refusal is what a statement has of an order in one kind, and how it stands.
type refusal struct {
	kind    statement.Kind
	no      string    // the platform's number
	net     money.Fen // on the statement, as issued
	refused money.Fen // rejected and not lifted
	waiting money.Fen // of that, in suspense; the rest was conceded or written off
	times   int       // rejections so far, lifted ones too
}

// left is what was not refused.
func (x refusal) left() money.Fen { return x.net - x.refused }

// refusable finds what r means.
func refusable(ctx context.Context, tx *sql.Tx, st statement.Statement, r Rejection) (refusal, error) {
	all, err := refusals(ctx, tx, st, r.Order)
	if err != nil {
		return refusal{}, err
	}
	if r.Kind != "" {
		all = slices.DeleteFunc(all, func(x refusal) bool { return x.kind != r.Kind })
	}
	switch {
	case len(all) == 0:
		return refusal{}, fmt.Errorf("order %d: %w: `qianfan ledger statement show %d --csv FILE` has what it has", r.Order, ErrNotOnStatement, st.ID)
	case len(all) > 1:
		return refusal{}, fmt.Errorf("order %d: %w: it has a delivery and a 违约金; say which with --kind", r.Order, ErrRejection)
	}
	items, err := readItems(ctx, tx, "WHERE order_id = ? AND source = 'statement' AND source_id = ? AND kind = ? AND state <> ?", r.Order, st.ID, rejectedItem(all[0].kind), ItemResolved)
	for _, item := range items {
		all[0].waiting += item.Suspense
	}
	return all[0], err
}

// refusals are the kinds in which an order stands on a statement and is owed for.
func refusals(ctx context.Context, tx *sql.Tx, st statement.Statement, order int64) ([]refusal, error) {
	w, err := windowOf(ctx, tx, st)
	if err != nil {
		return nil, err
	}
	steps, err := readSteps(ctx, tx, "WHERE statement_id = ? AND order_id = ? ORDER BY seq", st.ID, order)
	if err != nil {
		return nil, err
	}
	refused := rejections(steps)[order]
	var out []refusal
	for _, kind := range statement.Kinds {
		if kind.Income(st.Platform) == "" {
			continue
		}
		lines, err := readLines(ctx, tx, w, kind, ofOrder, order, maxOrderLines)
		if err != nil {
			return nil, err
		}
		x := refusal{kind: kind, refused: refused.Of(kind)}
		for _, l := range lines {
			x.net += l.Amount
			x.no = l.OrderNo
		}
		for _, step := range steps {
			if step.Kind == statement.StepRejected && step.Change.Of(kind) != 0 {
				x.times++
			}
		}
		if x.net > 0 {
			out = append(out, x)
		}
	}
	return out, nil
}

// already reports whether r asks for what is done.
func (x refusal) already(r Rejection) bool {
	if r.Amount == 0 {
		return x.left() == 0
	}
	return x.waiting > 0 && r.Amount == x.waiting
}

// amount is how much is to be rejected.
func (x refusal) amount(r Rejection) (money.Fen, error) {
	bad := func(format string, args ...any) (money.Fen, error) {
		return 0, fmt.Errorf("order %d: %w: %s", r.Order, ErrRejection, fmt.Sprintf(format, args...))
	}
	switch {
	case x.waiting > 0:
		return bad("it is rejected for %s already; lift that first, to reject another amount", x.waiting)
	case x.left() == 0:
		return bad("it was rejected wholly and is settled: nothing is left of its %s", x.kind)
	case x.refused > 0 && !r.Again:
		return bad("%s of it was rejected before and is settled; say --again to reject of the %s that is left", x.refused, x.left())
	case r.Amount < 0 || r.Amount > x.left():
		return bad("%s: want more than nothing and at most the %s of its %s", r.Amount, x.left(), x.kind)
	case r.Amount == 0:
		return x.left(), nil
	}
	return r.Amount, nil
}

// StatementOrderID finds the order that a person means by the platform's number or our id.
func (s *Store) StatementOrderID(ctx context.Context, platform, name string) (int64, error) {
	ids, err := s.idsOf(ctx, platform, name)
	if err != nil {
		return 0, err
	}
	if len(ids) == 1 && ids[0] > 0 {
		return ids[0], nil
	}
	if id, err := strconv.ParseInt(name, 10, 64); err == nil && id > 0 {
		return id, nil
	}
	return 0, fmt.Errorf("order %q: %w: %s has no such number, and it is not an id of ours", name, ErrNotOnStatement, platform)
}

// OrderPlatform is whose order that is; empty = it is past its retention, or there is none.
func (s *Store) OrderPlatform(ctx context.Context, id int64) (platform string, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT platform FROM orders WHERE id = ?", id)
	err = each(rows, err, "platform of an order", func(r *sql.Rows) error { return r.Scan(&platform) })
	return platform, err
}

// LiftRejection puts a line that a platform pays after all back on its statement and ends the
// item. The kind may be left out when only one is rejected.
func (s *Store) LiftRejection(ctx context.Context, who Act, r Rejection, now time.Time) (statement.Statement, error) {
	return s.endRejection(ctx, "lift", who, r, now, func(tx *sql.Tx, st *statement.Statement, x rejected) (Settlement, error) {
		if err := st.State.Check(statement.Lift); err != nil {
			return Settlement{}, err
		}
		t := ledger.RejectionLifted("lift:"+x.key, st.Platform, x.kind.Account(st.Platform), x.item.Suspense, r.At).On(r.Order, 0)
		step := statement.Step{Kind: statement.StepLifted, Key: t.Tx(), OrderID: r.Order, Change: statement.Amounts{}.With(x.kind, x.item.Suspense), Note: r.Note, EventAt: r.At}
		return Settlement{Resolution: ResolvedLifted, Note: r.Note, Transfers: []ledger.Transfer{t}}, stepPosted(ctx, tx, who, st, step, t, now)
	})
}

// ConcedeRejection ends the item of a line that the platform was right to refuse: the income is
// taken back, and the statement stays without it.
func (s *Store) ConcedeRejection(ctx context.Context, who Act, r Rejection, now time.Time) (statement.Statement, error) {
	return s.endRejection(ctx, "concede", who, r, now, func(tx *sql.Tx, st *statement.Statement, x rejected) (Settlement, error) {
		end := Settlement{Resolution: ResolvedConceded, Note: r.Note,
			Transfers: []ledger.Transfer{ledger.Conceded("concede:"+x.key, st.Platform, x.kind.Income(st.Platform), x.item.Suspense, r.At).On(r.Order, 0)}}
		_, err := postTransfers(ctx, tx, end.Transfers, now)
		return end, err
	})
}

// rejected is a rejection by its item.
type rejected struct {
	item Item
	kind statement.Kind
	key  string // of the transfer that rejected it
}

// endRejection ends the item of a rejection by what end posts.
func (s *Store) endRejection(ctx context.Context, verb string, who Act, r Rejection, now time.Time, end func(*sql.Tx, *statement.Statement, rejected) (Settlement, error)) (after statement.Statement, err error) {
	err = s.onStatement(ctx, verb, who, r.Statement, func(tx *sql.Tx, st *statement.Statement) (any, error) {
		if _, err := shareMark(ctx, tx); err != nil { // before the item, as whoever settles items
			return nil, err
		}
		x, err := openRejection(ctx, tx, *st, r)
		if err != nil {
			return nil, err
		}
		how, err := end(tx, st, x)
		if err != nil {
			return nil, err
		}
		_, err = endItem(ctx, tx, who, x.item, how, now)
		return r, err
	}, &after)
	return after, err
}

// WriteOffRejection proposes to write off a rejected line that nobody will pay; when a second
// person approves it, its item ends and the amount is bad debt. It returns the proposal's id.
func (s *Store) WriteOffRejection(ctx context.Context, who Act, r Rejection) (proposal int64, err error) {
	if who.nobody() {
		return 0, ErrNobody
	}
	err = s.tx(ctx, "write off a rejected line", func(tx *sql.Tx) error {
		st, err := oneStatement(ctx, tx, r.Statement, "")
		if err != nil {
			return err
		}
		x, err := openRejection(ctx, tx, st, r)
		if err != nil {
			return err
		}
		proposal, err = propose(ctx, tx, who, ledger.WriteOff(WriteOffKey(x.item.ID), st.Platform, x.item.Suspense, r.At).On(r.Order, 0), r.Note)
		return err
	})
	return proposal, err
}

// openRejection locks the open item of a rejected line.
func openRejection(ctx context.Context, tx *sql.Tx, st statement.Statement, r Rejection) (rejected, error) {
	items, err := lockItemsWhere(ctx, tx, Item.Open, "order_id = ? AND source = 'statement' AND source_id = ? AND state <> ?", r.Order, st.ID, ItemResolved)
	if err != nil {
		return rejected{}, err
	}
	found := ofKind(items, r.Kind)
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return rejected{}, fmt.Errorf("order %d: %w: no rejection of it is open on statement %s", r.Order, ErrRejection, st.Number())
	}
	return rejected{}, fmt.Errorf("order %d: %w: its delivery and its 违约金 are both rejected; say which with --kind", r.Order, ErrRejection)
}
