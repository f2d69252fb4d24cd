package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// PastOrder is an order as a dry run of a strategy looks at it.
type PastOrder struct {
	ID        int64
	Platform  string
	City      string
	ShopCode  string
	Fee       money.Fen
	Delivered bool
	QuotedAt  time.Time   // end of the first round in which a carrier gave a price; of its receipt without one
	Quotes    []PastQuote // of that round
	Carrier   string      // who delivered it
	Price     money.Fen   // of that attempt, as quoted
	AcceptIn  time.Duration
	Paid      money.Fen // everything that the order has cost, as booked
}

// PastQuote is what one carrier said.
type PastQuote struct {
	N         int
	Carrier   string
	Price     money.Fen
	AcceptIn  time.Duration
	DeliverIn time.Duration
	ExpiresAt time.Time
	Refused   string
}

// MaxPast is how many past orders one reading takes at most.
const MaxPast = maxPlaceholders

// PastOrders reads the newest orders that were received in [from, to), at most limit, which is
// at most MaxPast.
func (s *Store) PastOrders(ctx context.Context, from, to time.Time, limit int) ([]PastOrder, error) {
	var out []PastOrder
	index := map[int64]int{}
	rows, err := s.db.QueryContext(ctx, `SELECT o.id, o.platform, o.city, o.shop_code, o.fee_fen, o.state = 'delivered', o.received_at, COALESCE(a.carrier, ''), COALESCE(a.price_fen, 0), a.placed_at, a.accepted_at
 FROM orders o LEFT JOIN attempt a ON a.order_id = o.id AND a.n = o.winner WHERE o.received_at >= ? AND o.received_at < ? ORDER BY o.id DESC LIMIT ?`, from.UnixMilli(), to.UnixMilli(), min(limit, MaxPast))
	err = each(rows, err, "past orders", func(r *sql.Rows) error {
		var o PastOrder
		var received int64
		var placed, accepted sql.NullInt64
		err := r.Scan(&o.ID, &o.Platform, &o.City, &o.ShopCode, (*int64)(&o.Fee), &o.Delivered, &received, &o.Carrier, (*int64)(&o.Price), &placed, &accepted)
		o.QuotedAt = time.UnixMilli(received).UTC()
		if placed.Valid && accepted.Valid {
			o.AcceptIn = time.Duration(accepted.Int64-placed.Int64) * time.Millisecond
		}
		index[o.ID] = len(out)
		out = append(out, o)
		return err
	})
	if err != nil || len(out) == 0 {
		return out, err
	}
	ids := make([]int64, 0, len(out))
	for _, o := range out {
		ids = append(ids, o.ID)
	}
	list, args := in(sorted(ids))
	return out, inOrder(
		func() error { return s.pastQuotes(ctx, list, args, out, index) },
		func() error { return s.pastCosts(ctx, list, args, out, index) },
	)
}

// pastQuotes adds each order's first round that ended with a price.
func (s *Store) pastQuotes(ctx context.Context, list string, args []any, out []PastOrder, index map[int64]int) error {
	rows, err := s.db.QueryContext(ctx, `SELECT q.order_id, c.at, q.n, q.carrier, q.price_fen, q.accept_in_s, q.deliver_in_s, q.expires_at, q.refused
 FROM quote q JOIN quote_outcome c ON c.order_id = q.order_id AND c.round = q.round
 JOIN (SELECT order_id, MIN(round) AS round FROM quote_outcome WHERE result = 'quoted' AND order_id IN `+list+` GROUP BY order_id) f ON f.order_id = q.order_id AND f.round = q.round
 ORDER BY q.order_id, q.n`, args...)
	return each(rows, err, "past quotes", func(r *sql.Rows) error {
		var id, at, accept, deliver, expires int64
		var q PastQuote
		err := r.Scan(&id, &at, &q.N, &q.Carrier, (*int64)(&q.Price), &accept, &deliver, &expires, &q.Refused)
		q.AcceptIn, q.DeliverIn, q.ExpiresAt = time.Duration(accept)*time.Second, time.Duration(deliver)*time.Second, time.UnixMilli(expires).UTC()
		o := &out[index[id]]
		o.QuotedAt, o.Quotes = time.UnixMilli(at).UTC(), append(o.Quotes, q)
		return err
	})
}

func (s *Store) pastCosts(ctx context.Context, list string, args []any, out []PastOrder, index map[int64]int) error {
	rows, err := s.db.QueryContext(ctx, "SELECT order_id, CAST(SUM(IF(debit, amount_fen, -amount_fen)) AS SIGNED) FROM ledger_entry WHERE account LIKE 'expense:%' AND order_id IN "+list+" GROUP BY order_id", args...)
	return each(rows, err, "past costs", func(r *sql.Rows) error {
		var id, paid int64
		err := r.Scan(&id, &paid)
		out[index[id]].Paid = money.Fen(paid)
		return err
	})
}
