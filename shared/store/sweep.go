package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/order"
)

// Overdue is an order whose messages seem to be lost, by column.
type Overdue struct {
	Order    int64
	Act      bool
	Tell     bool
	Post     bool
	Round    int  // > 0: a quote round is wanted
	Quoted   bool // and has its outcome
	Redrives int
}

// maxRedrives without progress ask for a person.
const maxRedrives = 8

// Sweep takes orders that are overdue by grace, raises each overdue column by a backoff that
// grows with redrives, and tells what to send. Rows that others hold are left for the next time.
func (s *Store) Sweep(ctx context.Context, now time.Time, grace time.Duration, limit int) ([]Overdue, error) {
	var out []Overdue
	err := s.tx(ctx, "sweep", func(tx *sql.Tx) error {
		out = out[:0]
		cut := now.Add(-grace).UnixMilli()
		var ids []int64
		rows, err := tx.QueryContext(ctx, "SELECT id FROM orders WHERE wake_at <= ? ORDER BY wake_at LIMIT ? FOR UPDATE SKIP LOCKED", cut, limit)
		err = each(rows, err, "overdue orders", func(r *sql.Rows) error {
			var id int64
			err := r.Scan(&id)
			ids = append(ids, id)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		list, args := in(ids)
		rows, err = tx.QueryContext(ctx, `SELECT o.id, COALESCE(o.act_at <= ?, FALSE), COALESCE(o.tell_at <= ?, FALSE), COALESCE(o.post_at <= ?, FALSE),
 IF(o.state IN ('received', 'dispatching') AND o.goal = '' AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.order_id IN `+list+` AND a.order_id = o.id AND a.state NOT IN ('delivered', 'cancelled', 'returned', 'rejected')), o.round, 0),
 c.round IS NOT NULL, o.redrives
 FROM orders o LEFT JOIN quote_outcome c ON c.order_id IN `+list+` AND c.order_id = o.id AND c.round = o.round WHERE o.id IN `+list+" ORDER BY o.id", slices.Concat([]any{cut, cut, cut}, args, args, args)...)
		err = each(rows, err, "overdue columns", func(r *sql.Rows) error {
			var o Overdue
			err := r.Scan(&o.Order, &o.Act, &o.Tell, &o.Post, &o.Round, &o.Quoted, &o.Redrives)
			out = append(out, o)
			return err
		})
		if err != nil {
			return err
		}
		return raise(ctx, tx, list, args, now, cut)
	})
	return out, err
}

// raise moves the overdue columns up: 30 s more for each redrive, five minutes at most.
func raise(ctx context.Context, tx *sql.Tx, list string, args []any, now time.Time, cut int64) error {
	next := fmt.Sprintf("%d + LEAST(300000, 30000 * (redrives + 1))", now.UnixMilli())
	query := fmt.Sprintf(`UPDATE orders`+byID+`SET act_at = IF(act_at <= %[1]d, %[2]s, act_at), tell_at = IF(tell_at <= %[1]d, %[2]s, tell_at), post_at = IF(post_at <= %[1]d, %[2]s, post_at),
 attention = IF(attention = '' AND redrives >= %[3]d, 'no progress', attention), redrives = redrives + 1 WHERE id IN `, cut, next, maxRedrives)
	_, err := tx.ExecContext(ctx, query+list, args...)
	if err != nil {
		return fmt.Errorf("raise due times: %w", err)
	}
	return nil
}

// ArmedTimers tells which timers of the orders are armed now.
func (s *Store) ArmedTimers(ctx context.Context, ids []int64) (map[int64][]order.Timer, error) {
	out := map[int64][]order.Timer{}
	if len(ids) == 0 {
		return out, nil
	}
	list, args := in(sorted(ids))
	rows, err := s.db.QueryContext(ctx, "SELECT id, timers FROM orders WHERE id IN "+list, args...)
	err = each(rows, err, "timers", func(r *sql.Rows) error {
		var id int64
		var raw []byte
		var timers []order.Timer
		if err := r.Scan(&id, &raw); err != nil {
			return err
		}
		err := json.Unmarshal(raw, &timers)
		out[id] = timers
		return err
	})
	return out, err
}

// Hurry lowers the due times of orders to now, for dead letters that name them.
func (s *Store) Hurry(ctx context.Context, ids []int64, now time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	list, args := in(sorted(ids))
	return s.exec(ctx, "hurry orders", `UPDATE orders`+byID+`SET act_at = IF(act_at IS NULL, NULL, LEAST(act_at, ?)), tell_at = IF(tell_at IS NULL, NULL, LEAST(tell_at, ?)),
 post_at = IF(post_at IS NULL, NULL, LEAST(post_at, ?)) WHERE id IN `+list, append([]any{now.UnixMilli(), now.UnixMilli(), now.UnixMilli()}, args...)...)
}
