package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// EntryRow is one line of the ledger.
type EntryRow struct {
	Transaction string    `json:"transaction"`
	Account     string    `json:"account"`
	Direction   string    `json:"direction"` // debit or credit
	AmountFen   money.Fen `json:"amount_fen"`
	OrderID     int64     `json:"order_id,string"` // 0 = no order
	Reason      string    `json:"reason"`
	At          time.Time `json:"at"` // of the event
	PostedAt    time.Time `json:"posted_at"`
	Period      string    `json:"period"` // business month
}

// Entries lists the newest entries up to limit, of one order or (0) of all, oldest first.
func (s *Store) Entries(ctx context.Context, order int64, limit int) ([]EntryRow, error) {
	where, args := "", []any{}
	if order != 0 {
		where, args = "WHERE order_id = ? ", []any{order}
	}
	out := []EntryRow{}
	rows, err := s.db.QueryContext(ctx, "SELECT tx, account, IF(debit, 'debit', 'credit'), amount_fen, order_id, reason, event_at, posted_at, period FROM ledger_entry "+where+"ORDER BY id DESC LIMIT ?", append(args, limit)...)
	err = each(rows, err, "entries", func(r *sql.Rows) error {
		var e EntryRow
		var event, posted int64
		err := r.Scan(&e.Transaction, &e.Account, &e.Direction, &e.AmountFen, &e.OrderID, &e.Reason, &event, &posted, &e.Period)
		e.At, e.PostedAt = time.UnixMilli(event).UTC(), time.UnixMilli(posted).UTC()
		out = append(out, e)
		return err
	})
	slices.Reverse(out)
	return out, err
}

// LedgerTotals sums up the ledger.
type LedgerTotals struct {
	Entries  int       `json:"entries"`
	Balanced bool      `json:"balanced"` // debits equal credits in total; invariant 3 asks it of each transaction
	Income   money.Fen `json:"income_fen"`
	Expense  money.Fen `json:"expense_fen"`
}

// LedgerTotals folds the whole ledger into four figures.
func (s *Store) LedgerTotals(ctx context.Context) (LedgerTotals, error) {
	var t LedgerTotals
	err := s.db.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(`+signed+`, 0) = 0,
 COALESCE(SUM(IF(account LIKE 'income:%', IF(debit, -amount_fen, amount_fen), 0)), 0),
 COALESCE(SUM(IF(account LIKE 'expense:%', IF(debit, amount_fen, -amount_fen), 0)), 0) FROM ledger_entry`).Scan(&t.Entries, &t.Balanced, &t.Income, &t.Expense)
	if err != nil {
		return t, fmt.Errorf("sum up the ledger: %w", err)
	}
	return t, nil
}
