package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/statement"
)

// ReissueStatement makes the next revision of a statement: the same marks without the lines
// that were rejected, and with those that were lifted again. What is open does not change.
func (s *Store) ReissueStatement(ctx context.Context, who Act, id int64, now time.Time) (st statement.Statement, err error) {
	err = s.onStatement(ctx, "reissue", who, id, func(tx *sql.Tx, x *statement.Statement) (any, error) {
		if err := x.State.Check(statement.Reissue); err != nil {
			return nil, err
		}
		w, err := windowOf(ctx, tx, *x)
		if err != nil {
			return nil, err
		}
		was, err := cutOf(ctx, tx, *x, x.Revision, w)
		if err != nil {
			return nil, err
		}
		cut, err := cutOf(ctx, tx, *x, x.Revision+1, w)
		if err != nil {
			return nil, err
		}
		if maps.Equal(was, cut) {
			return nil, fmt.Errorf("%w: nothing was rejected or lifted since revision %d of statement %s", statement.ErrState, x.Revision, x.Number())
		}
		gone, err := goneLines(ctx, tx, cut)
		if err != nil {
			return nil, err
		}
		x.Lines = x.Entries - gone
		key := fmt.Sprintf("reissue:%d:%d", x.ID, x.Revision+1)
		return key, addStep(ctx, tx, who, x, statement.Step{Kind: statement.StepReissued, Key: key, EventAt: now})
	}, &st)
	return st, err
}

// goneLines counts the entries of which nothing is left.
func goneLines(ctx context.Context, tx *sql.Tx, cut map[int64]money.Fen) (int, error) {
	gone := 0
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(cut)), 1_000) {
		list, args := in(chunk)
		rows, err := tx.QueryContext(ctx, "SELECT id, amount_fen FROM ledger_entry WHERE id IN "+list, args...)
		err = each(rows, err, "rejected lines", func(r *sql.Rows) error {
			var id int64
			var amount money.Fen
			err := r.Scan(&id, &amount)
			if cut[id] == amount {
				gone++
			}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return gone, nil
}

// maxOrderLines of one order and kind are far more than there can be.
const maxOrderLines = 1_000

// cutOf is by how much each entry is shorter on a revision than in the ledger, for what was
// rejected before that revision. A rejection takes the order's lines of its kind in the order of their ids.
func cutOf(ctx context.Context, db execer, st statement.Statement, revision int, w window) (map[int64]money.Fen, error) {
	steps, err := readSteps(ctx, db, "WHERE statement_id = ? AND revision < ? AND kind IN (?, ?) ORDER BY seq", st.ID, revision, statement.StepRejected, statement.StepLifted)
	if err != nil {
		return nil, err
	}
	cut := map[int64]money.Fen{}
	for order, amounts := range rejections(steps) {
		for _, kind := range statement.Kinds {
			left := amounts.Of(kind)
			if left == 0 {
				continue
			}
			lines, err := readLines(ctx, db, w, kind, ofOrder, order, maxOrderLines)
			if err != nil {
				return nil, err
			}
			for _, l := range lines {
				if part := min(left, max(0, l.Amount)); part > 0 {
					cut[l.EntryID] += part
					left -= part
				}
			}
			if left != 0 {
				return nil, fmt.Errorf("statement %s: order %d was rejected for %s more than its lines have", st.Number(), order, left)
			}
		}
	}
	return cut, nil
}

// rejections are what steps leave rejected, by order: amounts above zero.
func rejections(steps []statement.Step) map[int64]statement.Amounts {
	out := map[int64]statement.Amounts{}
	for _, x := range steps {
		if x.Kind == statement.StepRejected || x.Kind == statement.StepLifted {
			out[x.OrderID] = out[x.OrderID].Plus(x.Change.Negated())
		}
	}
	return out
}
