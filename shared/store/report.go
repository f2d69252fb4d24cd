package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/order"
)

// ToTell is an order under a report lease with the milestones that its platform has not heard.
type ToTell struct {
	Order      order.Order
	Tries      int
	Milestones []Told
}

// Told is one milestone.
type Told struct {
	Version int
	State   order.State
	At      time.Time
	Reason  string
	N       int // attempt that carried it; 0 = none
	Carrier string
	Rider   order.Rider // as known now
}

// LeaseReports takes the orders that have something to tell and that nobody else is telling,
// until the given system instant, with their milestones in order.
func (s *Store) LeaseReports(ctx context.Context, ids []int64, owner string, now, until time.Time) ([]ToTell, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	list, args := in(sorted(ids))
	_, err := s.db.ExecContext(ctx, "UPDATE orders SET tell_owner = ?, tell_until = ? WHERE tell_at IS NOT NULL AND tell_until < ? AND id IN "+list,
		append([]any{owner, until.UnixMilli(), now.UnixMilli()}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("lease reports: %w", err)
	}
	var out []ToTell
	index := map[int64]int{}
	rows, err := s.db.QueryContext(ctx, "SELECT id, platform, no, shop_code, told, milestone, tell_tries FROM orders WHERE tell_owner = ? AND tell_until = ? AND id IN "+list,
		append([]any{owner, until.UnixMilli()}, args...)...)
	err = each(rows, err, "leases", func(r *sql.Rows) error {
		var t ToTell
		err := r.Scan(&t.Order.ID, &t.Order.Platform, &t.Order.No, &t.Order.ShopCode, &t.Order.Told, &t.Order.Milestone, &t.Tries)
		index[t.Order.ID] = len(out)
		out = append(out, t)
		return err
	})
	if err != nil || len(out) == 0 {
		return out, err
	}
	return out, s.readMilestones(ctx, out, index)
}

func (s *Store) readMilestones(ctx context.Context, out []ToTell, index map[int64]int) error {
	ids := make([]int64, len(out))
	for i, t := range out {
		ids[i] = t.Order.ID
	}
	list, args := in(ids)
	rows, err := s.db.QueryContext(ctx, `SELECT e.order_id, e.version, e.to_name, e.at, e.n, e.detail, COALESCE(a.carrier, ''), a.rider
 FROM order_event e JOIN orders o ON o.id = e.order_id LEFT JOIN attempt a ON a.order_id = e.order_id AND a.n = e.n AND e.n > 0
 WHERE e.milestone AND e.version > o.told AND e.order_id IN `+list+` ORDER BY e.order_id, e.version`, args...)
	return each(rows, err, "milestones", func(r *sql.Rows) error {
		var id, at int64
		var m Told
		var detail, rider []byte
		if err := r.Scan(&id, &m.Version, &m.State, &at, &m.N, &detail, &m.Carrier, &rider); err != nil {
			return err
		}
		m.At = time.UnixMilli(at).UTC()
		var d struct {
			Cause string `json:"cause"`
		}
		if len(detail) > 0 && json.Unmarshal(detail, &d) == nil {
			m.Reason = d.Cause
		}
		if len(rider) > 0 {
			if err := s.sealer.Open(rider, &m.Rider); err != nil {
				return err
			}
		}
		i := index[id]
		out[i].Milestones = append(out[i].Milestones, m)
		return nil
	})
}

// TellResult is how far an order's platform has been told.
type TellResult struct {
	Order     int64
	Told      int       // version of the last milestone it took
	RetryAt   time.Time // virtual; zero = everything that was read is told
	Attention string
}

// SaveTold ends the leases: what was told, and when to go on. tell_at is cleared only when
// no later milestone has come meanwhile.
func (s *Store) SaveTold(ctx context.Context, owner string, results []TellResult) error {
	if len(results) == 0 {
		return nil
	}
	return s.tx(ctx, "save told", func(tx *sql.Tx) error {
		rows := make([][]any, len(results))
		ids := make([]int64, len(results))
		for i, r := range results {
			rows[i] = []any{r.Order, r.Told, ms(r.RetryAt), clip(r.Attention, 255)}
			ids[i] = r.Order
		}
		list, args := in(sorted(ids))
		found, err := tx.QueryContext(ctx, "SELECT id FROM orders WHERE id IN "+list+" ORDER BY id FOR UPDATE", args...)
		if err := each(found, err, "orders", func(r *sql.Rows) error { var id int64; return r.Scan(&id) }); err != nil {
			return err
		}
		for _, r := range rows {
			_, err := tx.ExecContext(ctx, `UPDATE orders SET
 tell_at = IF(? IS NOT NULL, ?, IF(milestone <= ?, NULL, tell_at)), tell_tries = IF(? IS NULL, 0, tell_tries + 1),
 told = GREATEST(told, ?), attention = IF(attention = '', ?, attention), tell_owner = '', tell_until = 0, redrives = 0
 WHERE id = ? AND tell_owner = ?`, r[2], r[2], r[1], r[2], r[1], r[3], r[0], owner)
			if err != nil {
				return fmt.Errorf("order %d: %w", r[0], err)
			}
		}
		return nil
	})
}
