package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"slices"
	"strings"
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
	err := s.exec(ctx, "lease reports", "UPDATE orders SET tell_owner = ?, tell_until = ? WHERE tell_at IS NOT NULL AND tell_until < ? AND id IN "+list,
		append([]any{owner, until.UnixMilli(), now.UnixMilli()}, args...)...)
	if err != nil {
		return nil, err
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
 AND a.order_id IN `+list+`
 WHERE e.milestone AND e.version > o.told AND e.order_id IN `+list+` AND o.id IN `+list+` ORDER BY e.order_id, e.version`, slices.Concat(args, args, args)...)
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

// toldChunk bounds one statement of SaveTold.
const toldChunk = 500

// SaveTold ends the leases: what was told, and when to go on. tell_at is cleared only when
// no later milestone has come meanwhile. A lease that has passed to another owner is left alone.
func (s *Store) SaveTold(ctx context.Context, owner string, results []TellResult) error {
	// In the order of locks.
	results = slices.SortedFunc(slices.Values(results), func(a, b TellResult) int { return cmp.Compare(a.Order, b.Order) })
	for chunk := range slices.Chunk(results, toldChunk) {
		var rows strings.Builder
		var args, ids []any
		for i, r := range chunk {
			if i > 0 {
				rows.WriteString(" UNION ALL ")
			}
			rows.WriteString("SELECT ? AS id, ? AS told, ? AS retry_at, ? AS attention")
			ids = append(ids, r.Order)
			args = append(args, r.Order, r.Told, ms(r.RetryAt), clip(r.Attention, 255))
		}
		err := s.exec(ctx, "save told", "UPDATE ("+rows.String()+`) v STRAIGHT_JOIN orders o ON o.id = v.id SET
 o.tell_at = IF(v.retry_at IS NOT NULL, v.retry_at, IF(o.milestone <= v.told, NULL, o.tell_at)), o.tell_tries = IF(v.retry_at IS NULL, 0, o.tell_tries + 1),
 o.told = GREATEST(o.told, v.told), o.attention = IF(o.attention = '', v.attention, o.attention), o.tell_owner = '', o.tell_until = 0, o.redrives = 0
 WHERE o.tell_owner = ? AND o.id IN (`+marks(len(ids))+")", slices.Concat(args, []any{owner}, ids)...)
		if err != nil {
			return err
		}
	}
	return nil
}
