package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/statement"
)

// ResolvedRecovered is how an item ends a second time: the platform pays after all what was
// conceded or written off.
const ResolvedRecovered = "recovered"

// lossOf is the account that bore what a rejection came to, by how its item ended.
var lossOf = map[string]func(kind statement.Kind, platform string) string{
	ResolvedConceded:   statement.Kind.Income,
	ResolvedWrittenOff: func(_ statement.Kind, platform string) string { return ledger.BadDebt(platform) },
}

// RecoverRejection puts back on its statement all that was conceded or written off of a line:
// it is owed again, and can be paid. The kind may be left out when only one was. A repeat finds
// nothing and is ErrRejection. now is virtual time.
func (s *Store) RecoverRejection(ctx context.Context, who Act, r Rejection, now time.Time) (after statement.Statement, err error) {
	err = s.onStatement(ctx, "recover", who, r.Statement, func(tx *sql.Tx, st *statement.Statement) (any, error) {
		if err := st.State.Check(statement.Lift); err != nil {
			return nil, err
		}
		if _, err := shareMark(ctx, tx); err != nil { // before the items, as whoever settles them
			return nil, err
		}
		list, err := settledRejections(ctx, tx, *st, r)
		if err != nil {
			return nil, err
		}
		for _, x := range list {
			if err := recoverOne(ctx, tx, who, st, x, r, now); err != nil {
				return nil, err
			}
		}
		return r, nil
	}, &after)
	return after, err
}

func recoverOne(ctx context.Context, tx *sql.Tx, who Act, st *statement.Statement, x rejected, r Rejection, now time.Time) error {
	amount := x.item.Ours - x.item.Theirs
	t := ledger.Recovered("recover:"+x.key, x.kind.Account(st.Platform), lossOf[x.item.Resolution](x.kind, st.Platform), amount, r.At).On(r.Order, 0)
	step := statement.Step{Kind: statement.StepLifted, Key: t.Tx(), OrderID: r.Order, Change: statement.Amounts{}.With(x.kind, amount), Note: r.Note, EventAt: r.At}
	if err := stepPosted(ctx, tx, who, st, step, t, now); err != nil {
		return err
	}
	_, err := endItem(ctx, tx, who, x.item, Settlement{Resolution: ResolvedRecovered, Note: r.Note}, now)
	return err
}

// settledRejections locks the items of a line that were conceded or written off; all are of one kind.
func settledRejections(ctx context.Context, tx *sql.Tx, st statement.Statement, r Rejection) ([]rejected, error) {
	settled := func(x Item) bool {
		return x.State == ItemResolved && (x.Resolution == ResolvedConceded || x.Resolution == ResolvedWrittenOff)
	}
	items, err := lockItemsWhere(ctx, tx, settled, "order_id = ? AND source = 'statement' AND source_id = ?", r.Order, st.ID)
	if err != nil {
		return nil, err
	}
	found := ofKind(items, r.Kind)
	switch {
	case len(found) == 0:
		return nil, fmt.Errorf("order %d: %w: nothing of it was conceded or written off on statement %s", r.Order, ErrRejection, st.Number())
	case slices.ContainsFunc(found, func(x rejected) bool { return x.kind != found[0].kind }):
		return nil, fmt.Errorf("order %d: %w: of its delivery and of its 违约金 something was settled; say which with --kind", r.Order, ErrRejection)
	}
	return found, nil
}

// ofKind are the rejections that items are of, of one kind or ("") of any.
func ofKind(items []Item, want statement.Kind) []rejected {
	var found []rejected
	for _, item := range items {
		for _, kind := range statement.Kinds {
			if item.Kind == rejectedItem(kind) && (want == "" || want == kind) {
				_, key, _ := cutTx(item.Key)
				found = append(found, rejected{item, kind, key})
			}
		}
	}
	return found
}
