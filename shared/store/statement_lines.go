package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/statement"
)

// window chooses the entries of one statement: those that its marks have and those of the one
// before it do not. Nothing below rest is among them.
type window struct {
	platform      string
	before, marks statement.Marks
	rest          int64
}

// isEarned is statement.IsEarned in SQL.
var isEarned = reasonIn(append(statement.EarnedReasons(), "reversal"))

func reasonIn(codes []string) string {
	return "SUBSTRING_INDEX(REPLACE(reason, 'reversal:', ''), ':', 1) IN ('" + strings.Join(codes, "','") + "')"
}

// inWindow is the condition on an entry e, with its arguments.
func (w window) inWindow() (string, []any) {
	return "e.id <= ? AND e.event_at < ? AND NOT (e.id <= ? AND e.event_at < ?)", []any{w.marks.ToID, untilArg(w.marks), w.before.ToID, untilArg(w.before)}
}

// untilArg is the mark of time as a column; before the first statement nothing has happened.
func untilArg(m statement.Marks) int64 {
	if m.Until.IsZero() {
		return 0
	}
	return m.Until.UnixMilli()
}

// windowSums is what a window's entries come to.
type windowSums struct {
	entries int
	amounts statement.Amounts
	rest    int64 // the first earned entry that is left for later, or the one after all
}

// chunkEntries is how many entries one statement of SQL adds up: a moment's work.
const chunkEntries = 100_000

// sumWindow adds up the entries of a window chunk by chunk. It needs no lock: no entry changes,
// and none comes below the mark.
func sumWindow(ctx context.Context, db execer, w window, progress func(int)) (windowSums, error) {
	sums := windowSums{rest: w.marks.ToID + 1}
	seen := 0
	in, args := w.inWindow()
	for _, kind := range statement.Kinds {
		for from := w.rest; ; {
			c, err := sumChunk(ctx, db, in, args, kind.Account(w.platform), from, w.marks)
			if err != nil {
				return sums, err
			}
			sums.entries += c.entries
			sums.amounts = sums.amounts.With(kind, c.amount)
			if c.rest.Valid {
				sums.rest = min(sums.rest, c.rest.Int64)
			}
			seen += c.seen
			if progress != nil && c.seen > 0 {
				progress(seen)
			}
			if c.seen < chunkEntries {
				break
			}
			from = c.last + 1
		}
	}
	return sums, nil
}

type chunkSums struct {
	seen    int   // earned entries that were looked at
	last    int64 // id of the last one
	entries int   // of them, in the window
	amount  money.Fen
	rest    sql.NullInt64
}

func sumChunk(ctx context.Context, db execer, in string, inArgs []any, account string, from int64, m statement.Marks) (c chunkSums, err error) {
	query := `SELECT COUNT(*), COALESCE(MAX(id), 0), COALESCE(SUM(mine), 0), COALESCE(SUM(IF(mine, IF(debit, amount_fen, -amount_fen), 0)), 0), MIN(IF(event_at >= ?, id, NULL)) FROM (
 SELECT id, debit, amount_fen, event_at, ` + in + ` AS mine FROM ledger_entry e FORCE INDEX (ledger_account)
 WHERE account = ? AND id >= ? AND id <= ? AND ` + isEarned + ` ORDER BY id LIMIT ?) x`
	args := append(append([]any{untilArg(m)}, inArgs...), account, from, m.ToID, chunkEntries)
	rows, err := db.QueryContext(ctx, query, args...)
	err = each(rows, err, "sums of "+account, func(r *sql.Rows) error { return r.Scan(&c.seen, &c.last, &c.entries, &c.amount, &c.rest) })
	return c, err
}

// linePage is how many lines are read at a time.
const linePage = 5_000

// StatementLines gives each the lines of a statement's present revision: deliveries, 违约金,
// compensation, each in the order of posting. Memory is that of a page and of what was
// rejected; it ends at each's first error. They never change, so no lock is held meanwhile.
func (s *Store) StatementLines(ctx context.Context, st statement.Statement, each func(statement.Line) error) error {
	w, err := windowOf(ctx, s.db, st)
	if err != nil {
		return err
	}
	cut, err := cutOf(ctx, s.db, st, st.Revision, w)
	if err != nil {
		return err
	}
	for _, kind := range statement.Kinds {
		for from := w.rest; ; {
			page, err := readLines(ctx, s.db, w, kind, fromID, from, linePage)
			if err != nil {
				return fmt.Errorf("lines of statement %s: %w", st.Number(), err)
			}
			for _, l := range page {
				l.Amount -= cut[l.EntryID]
				if _, shorter := cut[l.EntryID]; shorter && l.Amount == 0 {
					continue
				}
				if err := each(l); err != nil {
					return err
				}
			}
			if len(page) < linePage {
				break
			}
			from = page[len(page)-1].EntryID + 1
		}
	}
	return nil
}

// windowOf reads the marks of the statement before.
func windowOf(ctx context.Context, db execer, st statement.Statement) (window, error) {
	w := window{platform: st.Platform, marks: st.Marks()}
	rows, err := db.QueryContext(ctx, "SELECT until_at, to_id, rest_id FROM statement WHERE platform = ? AND seq = ?", st.Platform, st.Seq-1)
	err = each(rows, err, "statement before", w.after)
	return w, err
}

// after reads the marks of the statement that a window follows.
func (w *window) after(r *sql.Rows) error {
	var until int64
	err := r.Scan(&until, &w.before.ToID, &w.rest)
	w.before.Until = time.UnixMilli(until).UTC()
	return err
}

// Two ways to the lines of one kind: from an id on, and those of an order. The index is named
// because the server would rather walk through everybody's entries than sort a page.
const (
	fromID  = "FORCE INDEX (ledger_account)|e.id >= ?"
	ofOrder = "FORCE INDEX (ledger_order)|e.order_id = ?"
)

// readLines reads lines of one kind, by one of the ways, in the order of their ids.
func readLines(ctx context.Context, db execer, w window, kind statement.Kind, way string, arg int64, limit int) ([]statement.Line, error) {
	in, inArgs := w.inWindow()
	index, where, _ := strings.Cut(way, "|")
	var out []statement.Line
	rows, err := db.QueryContext(ctx, `SELECT e.id, e.order_id, COALESCE(o.no, ''), IF(e.debit, e.amount_fen, -e.amount_fen), e.reason, e.event_at
 FROM ledger_entry e `+index+` LEFT JOIN orders o ON o.id = e.order_id
 WHERE e.account = ? AND `+in+` AND `+where+` AND `+isEarned+` ORDER BY e.id LIMIT ?`, slices.Concat([]any{kind.Account(w.platform)}, inArgs, []any{arg, limit})...)
	err = each(rows, err, "lines", func(r *sql.Rows) error {
		l := statement.Line{Kind: kind}
		var event int64
		err := r.Scan(&l.EntryID, &l.OrderID, &l.OrderNo, &l.Amount, &l.Reason, &event)
		l.At = time.UnixMilli(event).UTC()
		out = append(out, l)
		return err
	})
	return out, err
}
