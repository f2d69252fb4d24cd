package store

import (
	"context"
	"database/sql"
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

// CountToResync counts what OrdersToResync would give in all, and the open orders that were
// received later.
func (s *Store) CountToResync(ctx context.Context, received time.Time) (n, later int, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT CAST(COALESCE(SUM(received_at <= ?), 0) AS SIGNED), CAST(COALESCE(SUM(received_at > ?), 0) AS SIGNED) FROM orders WHERE wake_at IS NOT NULL",
		received.UnixMilli(), received.UnixMilli()).Scan(&n, &later)
	return n, later, err
}

// StrayCallback is a number of ours that a carrier spoke of and that no attempt has.
type StrayCallback struct {
	Carrier string
	Order   int64
	N       int
	Known   bool // the order is there, and only the attempt is not
}

// strayPage is how many parked numbers are read at once.
const strayPage = 1000

// StrayCallbacks are the numbers of ours in carriers' parked events since an instant of virtual
// time that no attempt has, by our number.
func (s *Store) StrayCallbacks(ctx context.Context, since time.Time) ([]StrayCallback, error) {
	var all []StrayCallback
	no, carrier := "", ""
	for {
		var page []StrayCallback
		read := 0
		rows, err := s.db.QueryContext(ctx, `SELECT DISTINCT our_no, carrier FROM parked_event WHERE (our_no > ? OR our_no = ? AND carrier > ?) AND first_at >= ?
 ORDER BY our_no, carrier LIMIT ?`, no, no, carrier, since.UnixMilli(), strayPage)
		err = each(rows, err, "parked numbers", func(r *sql.Rows) error {
			read++
			err := r.Scan(&no, &carrier)
			if id, n, foreign := order.ParseOurNo(no); foreign == nil {
				page = append(page, StrayCallback{Carrier: carrier, Order: id, N: n})
			}
			return err
		})
		if err == nil {
			page, err = s.strays(ctx, page)
		}
		all = append(all, page...)
		if err != nil || read < strayPage {
			return all, err
		}
	}
}

// strays leaves out numbers whose attempts are there.
func (s *Store) strays(ctx context.Context, page []StrayCallback) ([]StrayCallback, error) {
	ids := make([]int64, len(page))
	for i, x := range page {
		ids[i] = x.Order
	}
	there, err := s.OrdersWithAttempts(ctx, ids)
	if err != nil {
		return nil, err
	}
	orders := make(map[int64]*order.Aggregate, len(there))
	for i := range there {
		orders[there[i].ID] = &there[i]
	}
	var out []StrayCallback
	for _, x := range page {
		o := orders[x.Order]
		if x.Known = o != nil; !x.Known || o.Attempt(x.N) == nil {
			out = append(out, x)
		}
	}
	return out, nil
}
