package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/order"
)

// OrdersToResync are orders of which something may have been lost by a restore: received by an
// instant of virtual time and not closed, ids above after, ascending, at most limit. They come
// with their attempts, without quotes and commands.
func (s *Store) OrdersToResync(ctx context.Context, received time.Time, after int64, limit int) ([]order.Aggregate, error) {
	var ids []int64
	rows, err := s.db.QueryContext(ctx, "SELECT id FROM orders WHERE wake_at IS NOT NULL AND id > ? AND received_at <= ? ORDER BY id LIMIT ?", after, received.UnixMilli(), limit)
	err = each(rows, err, "open orders", func(r *sql.Rows) error {
		var id int64
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.OrdersWithAttempts(ctx, ids)
}

// OrdersWithAttempts reads orders by their ids, ascending, with their attempts; those that do
// not exist are left out.
func (s *Store) OrdersWithAttempts(ctx context.Context, ids []int64) ([]order.Aggregate, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	orders, err := readOrders(ctx, s.db, ids, false)
	if err != nil || len(orders) == 0 {
		return nil, err
	}
	out := make([]order.Aggregate, len(orders))
	at := make(map[int64]int, len(orders))
	found := make([]int64, len(orders))
	for i, o := range orders {
		out[i].Order, at[o.ID], found[i] = o, i, o.ID
	}
	err = s.readAttempts(ctx, s.db, found, func(id int64, a *order.Attempt) {
		out[at[id]].Attempts = append(out[at[id]].Attempts, a)
	})
	return out, err
}

// CountToResync counts what OrdersToResync would give in all.
func (s *Store) CountToResync(ctx context.Context, received time.Time) (int, error) {
	var n int
	err := s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM orders WHERE wake_at IS NOT NULL AND received_at <= ?", received.UnixMilli()).Scan(&n)
	return n, err
}

// StrayNumbers are our own numbers in carriers' events that no order was there for, since an
// instant of virtual time: at most limit, of orders that are not there now either.
func (s *Store) StrayNumbers(ctx context.Context, since time.Time, limit int) ([]string, error) {
	var all []string
	rows, err := s.db.QueryContext(ctx, "SELECT DISTINCT our_no FROM parked_event WHERE our_no <> '' AND first_at >= ? ORDER BY our_no LIMIT ?", since.UnixMilli(), limit)
	err = each(rows, err, "parked numbers", func(r *sql.Rows) error {
		var no string
		err := r.Scan(&no)
		all = append(all, no)
		return err
	})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	ids := map[string]int64{}
	for _, no := range all {
		if id, _, err := order.ParseOurNo(no); err == nil {
			ids[no] = id
		}
	}
	var want []int64
	for _, id := range ids {
		want = append(want, id)
	}
	there, err := s.OrdersWithAttempts(ctx, want)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(no string) bool {
		id, ours := ids[no]
		return !ours || slices.ContainsFunc(there, func(o order.Aggregate) bool { return o.ID == id })
	}), nil
}
