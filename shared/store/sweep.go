package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/message"
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
 IF(o.state IN ('received', 'dispatching') AND o.goal = '' AND NOT EXISTS (SELECT 1 FROM attempt a WHERE a.order_id = o.id AND a.state NOT IN ('delivered', 'cancelled', 'returned', 'rejected')), o.round, 0),
 c.round IS NOT NULL, o.redrives
 FROM orders o LEFT JOIN quote_outcome c ON c.order_id = o.id AND c.round = o.round WHERE o.id IN `+list+" ORDER BY o.id", append([]any{cut, cut, cut}, args...)...)
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
	query := fmt.Sprintf(`UPDATE orders SET act_at = IF(act_at <= %[1]d, %[2]s, act_at), tell_at = IF(tell_at <= %[1]d, %[2]s, tell_at), post_at = IF(post_at <= %[1]d, %[2]s, post_at),
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

// Hurry lowers act_at of orders to now, for dead letters that name them.
func (s *Store) Hurry(ctx context.Context, ids []int64, now time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	list, args := in(sorted(ids))
	_, err := s.db.ExecContext(ctx, `UPDATE orders SET act_at = IF(act_at IS NULL, NULL, LEAST(act_at, ?)), tell_at = IF(tell_at IS NULL, NULL, LEAST(tell_at, ?)),
 post_at = IF(post_at IS NULL, NULL, LEAST(post_at, ?)) WHERE id IN `+list, append([]any{now.UnixMilli(), now.UnixMilli(), now.UnixMilli()}, args...)...)
	if err != nil {
		return fmt.Errorf("hurry orders: %w", err)
	}
	return nil
}

// Parked is a carrier event that belongs to no known attempt yet.
type Parked struct {
	Carrier, OurNo, CarrierNo, Hash string
	Item                            message.Item
}

// Park keeps events; one whose body is parked already is kept once.
func (s *Store) Park(ctx context.Context, events []Parked, now time.Time) error {
	rows := make([][]any, len(events))
	for i, e := range events {
		raw, err := json.Marshal(e.Item)
		if err != nil {
			return fmt.Errorf("park: %w", err)
		}
		rows[i] = []any{e.Carrier, clip(e.OurNo, 64), clip(e.CarrierNo, 64), e.Hash, string(raw), now.UnixMilli(), now.Add(time.Minute).UnixMilli()}
	}
	return insert{table: "parked_event", cols: []string{"carrier", "our_no", "carrier_no", "hash", "item", "first_at", "due_at"}, keep: true}.exec(ctx, s.db, rows)
}

// parkedFor is how long an event may wait for its order.
const parkedFor = 10 * time.Minute

// TakeParked decides events that waited too long as unknown orders and gives the due ones
// to be sent again, a minute apart.
func (s *Store) TakeParked(ctx context.Context, now time.Time, limit int) ([]message.Item, error) {
	var out []message.Item
	err := s.tx(ctx, "take parked events", func(tx *sql.Tx) error {
		out = nil
		_, err := tx.ExecContext(ctx, "UPDATE parked_event SET due_at = NULL, decision = 'unknown order' WHERE due_at IS NOT NULL AND first_at <= ?", now.Add(-parkedFor).UnixMilli())
		if err != nil {
			return err
		}
		var ids []int64
		rows, err := tx.QueryContext(ctx, "SELECT id, item FROM parked_event WHERE due_at <= ? ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED", now.UnixMilli(), limit)
		err = each(rows, err, "parked events", func(r *sql.Rows) error {
			var id int64
			var raw []byte
			var item message.Item
			if err := r.Scan(&id, &raw); err != nil {
				return err
			}
			ids = append(ids, id)
			err := json.Unmarshal(raw, &item)
			out = append(out, item)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		list, args := in(ids)
		_, err = tx.ExecContext(ctx, "UPDATE parked_event SET due_at = ? WHERE id IN "+list, append([]any{now.Add(time.Minute).UnixMilli()}, args...)...)
		return err
	})
	return out, err
}

// Unparked marks parked events as decided, by hash.
func (s *Store) Unparked(ctx context.Context, hashes []string, decision string) error {
	if len(hashes) == 0 {
		return nil
	}
	list, args := in(hashes)
	_, err := s.db.ExecContext(ctx, "UPDATE parked_event SET due_at = NULL, decision = ? WHERE due_at IS NOT NULL AND hash IN "+list, append([]any{decision}, args...)...)
	if err != nil {
		return fmt.Errorf("unpark: %w", err)
	}
	return nil
}

// DeadLetter is a batch that a stage could not take.
type DeadLetter struct {
	Key   string
	Topic string
	Body  string
	Tries int
	State string // redriven, waiting, done
}

// SaveDeadLetters keeps dead letters; a repeat of a key is kept once.
func (s *Store) SaveDeadLetters(ctx context.Context, letters []DeadLetter, now time.Time) error {
	rows := make([][]any, len(letters))
	for i, l := range letters {
		rows[i] = []any{clip(l.Key, 96), l.Topic, l.Body, now.UnixMilli(), l.Tries, l.State}
	}
	return insert{table: "dead_letter", cols: []string{"msg_key", "topic", "body", "at", "tries", "state"}, keep: true}.exec(ctx, s.db, rows)
}

// View reads an order as its platform may see it; false = no such order.
func (s *Store) View(ctx context.Context, platform, no string) (order.Order, *order.Attempt, bool, error) {
	var id int64
	err := s.db.QueryRowContext(ctx, "SELECT order_id FROM order_key WHERE platform = ? AND no = ? AND order_id > 0", platform, no).Scan(&id)
	if err == sql.ErrNoRows {
		return order.Order{}, nil, false, nil
	}
	if err != nil {
		return order.Order{}, nil, false, fmt.Errorf("find order: %w", err)
	}
	orders, err := readOrders(ctx, s.db, []int64{id}, false)
	if err != nil || len(orders) == 0 {
		return order.Order{}, nil, false, err
	}
	var winner *order.Attempt
	err = s.readAttempts(ctx, s.db, []int64{id}, func(_ int64, a *order.Attempt) {
		if a.N == orders[0].Winner {
			winner = a
		}
	})
	return orders[0], winner, err == nil, err
}
