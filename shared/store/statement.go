package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/statement"
)

// ErrNoStatement says that there is no such statement.
var ErrNoStatement = errors.New("no such statement")

// StatementOrder is what a statement is issued for.
type StatementOrder struct {
	Platform string
	From     time.Time // zero = where the statement before it ended
	Until    time.Time // exclusive
	DryRun   bool      // only say what it would be; it then has no id
	// Progress hears how many entries have been added up; nil = nobody.
	Progress func(entries int)
}

// IssueStatement makes the next statement of a platform. now is virtual time. Of two at once
// one wins and the other gets ErrStale; days that cannot be are a statement.ErrSpan.
func (s *Store) IssueStatement(ctx context.Context, who Act, o StatementOrder, now time.Time) (statement.Statement, error) {
	if !o.DryRun && who.nobody() {
		return statement.Statement{}, ErrNobody
	}
	before, rest, err := s.lastStatement(ctx, o.Platform)
	if err != nil {
		return statement.Statement{}, err
	}
	next := statement.Statement{Platform: o.Platform, Seq: before.Seq + 1, Revision: 1, Until: o.Until, By: who.By, At: now.UTC().Truncate(time.Millisecond)}
	if next.From, err = statement.CheckSpan(o.From, o.Until, before.Until, now); err != nil {
		return next, err
	}
	if next.ToID, err = s.postedUpTo(ctx, o.DryRun); err != nil {
		return next, err
	}
	sums, err := sumWindow(ctx, s.db, window{o.Platform, before.Marks(), next.Marks(), rest}, o.Progress)
	if err != nil {
		return next, fmt.Errorf("add up the statement: %w", err)
	}
	next.Entries, next.Earned = sums.entries, sums.amounts
	next.Lines, next.Total = next.Entries, next.Earned.Net()
	next.State = statement.StateOf(next.Open(), 0)
	if o.DryRun {
		return next, nil
	}
	err = s.tx(ctx, "issue statement", func(tx *sql.Tx) error { return saveStatement(ctx, tx, who, &next, sums.rest, now) })
	if Duplicate(err) {
		return next, fmt.Errorf("statement %s: %w: somebody else has issued it; look at it with `qianfan ledger statement list`", next.Number(), ErrStale)
	}
	return next, err
}

// postedUpTo is an id below which no entry comes any more; for a dry run, the last one there is.
func (s *Store) postedUpTo(ctx context.Context, dry bool) (int64, error) {
	if !dry {
		return s.raiseMark(ctx)
	}
	var id int64
	if err := s.db.QueryRowContext(ctx, "SELECT GREATEST((SELECT sealed_id FROM ledger_mark WHERE id = 1), COALESCE((SELECT MAX(id) FROM ledger_entry), 0))").Scan(&id); err != nil {
		return 0, fmt.Errorf("read the ledger's mark: %w", err)
	}
	return id, nil
}

// saveStatement writes a new statement and deducts what we owe from it.
func saveStatement(ctx context.Context, tx *sql.Tx, who Act, st *statement.Statement, rest int64, now time.Time) error {
	res, err := tx.ExecContext(ctx, "INSERT INTO statement (platform, seq, revision, from_at, until_at, to_id, rest_id, entries, delivery_fen, penalty_fen, compensation_fen, line_count, total_fen, state, by_whom, at) VALUES ("+marks(16)+")",
		st.Platform, st.Seq, st.Revision, st.From.UnixMilli(), st.Until.UnixMilli(), st.ToID, rest, st.Entries, int64(st.Earned.Delivery), int64(st.Earned.Penalty), int64(st.Earned.Compensation),
		st.Lines, int64(st.Total), string(st.State), clip(st.By, maxBy), st.At.UnixMilli())
	if err != nil {
		return err
	}
	if st.ID, err = res.LastInsertId(); err != nil {
		return err
	}
	if err := setOff(ctx, tx, who, st, st.Earned, fmt.Sprintf("set_off:%d", st.ID), now); err != nil {
		return err
	}
	return audit(ctx, tx, who, "statement issue", statementSubject(st.ID), nil, st)
}

func statementSubject(id int64) string { return fmt.Sprintf("statement/%d", id) }

const statementCols = "id, platform, seq, revision, from_at, until_at, to_id, entries, delivery_fen, penalty_fen, compensation_fen, line_count, total_fen, rejected_fen, paid_fen, state, by_whom, at"

func scanStatement(r scanner, more ...any) (statement.Statement, error) {
	var s statement.Statement
	var from, until, issued int64
	err := r.Scan(append([]any{&s.ID, &s.Platform, &s.Seq, &s.Revision, &from, &until, &s.ToID, &s.Entries, &s.Earned.Delivery, &s.Earned.Penalty, &s.Earned.Compensation,
		&s.Lines, &s.Total, &s.Rejected, &s.Paid, &s.State, &s.By, &issued}, more...)...)
	s.From, s.Until, s.At = time.UnixMilli(from).UTC(), time.UnixMilli(until).UTC(), time.UnixMilli(issued).UTC()
	return s, err
}

// lastStatement is the latest of a platform (Seq 0 = there is none), and the id below which
// every earned entry stands on it or on one before it.
func (s *Store) lastStatement(ctx context.Context, platform string) (last statement.Statement, rest int64, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT "+statementCols+", rest_id FROM statement WHERE platform = ? ORDER BY seq DESC LIMIT 1", platform)
	err = each(rows, err, "last statement", func(r *sql.Rows) error {
		var err error
		last, err = scanStatement(r, &rest)
		return err
	})
	return last, rest, err
}

// Statements lists statements, the newest first, of one platform or ("") of all. limit is 1 to 10,000; 0 = 100.
func (s *Store) Statements(ctx context.Context, platform string, limit int) ([]statement.Statement, error) {
	if limit <= 0 {
		limit = defaultPage
	}
	return readStatements(ctx, s.db, "WHERE platform = ? OR ? = '' ORDER BY id DESC LIMIT ?", platform, platform, min(limit, maxPage))
}

// Statement reads one statement; none is ErrNoStatement.
func (s *Store) Statement(ctx context.Context, id int64) (statement.Statement, error) {
	return oneStatement(ctx, s.db, id, "")
}

func oneStatement(ctx context.Context, db execer, id int64, lock string) (statement.Statement, error) {
	list, err := readStatements(ctx, db, "WHERE id = ?"+lock, id)
	if err != nil {
		return statement.Statement{}, err
	}
	if len(list) == 0 {
		return statement.Statement{}, fmt.Errorf("%w: %d; `qianfan ledger statement list` has those there are", ErrNoStatement, id)
	}
	return list[0], nil
}

func readStatements(ctx context.Context, db execer, rest string, args ...any) ([]statement.Statement, error) {
	out := []statement.Statement{}
	rows, err := db.QueryContext(ctx, "SELECT "+statementCols+" FROM statement "+rest, args...)
	err = each(rows, err, "statements", func(r *sql.Rows) error {
		x, err := scanStatement(r)
		out = append(out, x)
		return err
	})
	return out, err
}

// StatementSteps is what became of a statement, in order.
func (s *Store) StatementSteps(ctx context.Context, id int64) ([]statement.Step, error) {
	return readSteps(ctx, s.db, "WHERE statement_id = ? ORDER BY seq", id)
}

func readSteps(ctx context.Context, db execer, rest string, args ...any) ([]statement.Step, error) {
	out := []statement.Step{}
	rows, err := db.QueryContext(ctx, "SELECT seq, revision, kind, k, order_id, delivery_fen, penalty_fen, compensation_fen, note, by_whom, event_at, at FROM statement_step "+rest, args...)
	err = each(rows, err, "steps of a statement", func(r *sql.Rows) error {
		var x statement.Step
		var event, made int64
		err := r.Scan(&x.Seq, &x.Revision, &x.Kind, &x.Key, &x.OrderID, &x.Change.Delivery, &x.Change.Penalty, &x.Change.Compensation, &x.Note, &x.By, &event, &made)
		x.EventAt, x.At = time.UnixMilli(event).UTC(), time.UnixMilli(made).UTC()
		out = append(out, x)
		return err
	})
	return out, err
}

// openOf is what is open of a statement by account, which must be what its row says.
func openOf(ctx context.Context, db execer, st statement.Statement) (statement.Amounts, error) {
	open := st.Earned
	rows, err := db.QueryContext(ctx, "SELECT COALESCE(SUM(delivery_fen), 0), COALESCE(SUM(penalty_fen), 0), COALESCE(SUM(compensation_fen), 0) FROM statement_step WHERE statement_id = ?", st.ID)
	err = each(rows, err, "steps of a statement", func(r *sql.Rows) error {
		var x statement.Amounts
		err := r.Scan(&x.Delivery, &x.Penalty, &x.Compensation)
		open = open.Plus(x)
		return err
	})
	if err == nil && open.Net() != st.Open() {
		err = fmt.Errorf("statement %s: its steps leave %s open, it says %s; run `qianfan ledger statement check`", st.Number(), open.Net(), st.Open())
	}
	return open, err
}
