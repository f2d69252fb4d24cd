package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

var ruleCharges = rule{10, "every carrier charge is one attempt's", AtRest}

// booked is what we booked for one attempt.
type booked struct {
	order   int64
	n       int
	no      string // the carrier's number
	cost    money.Fen
	resting bool // final, and old enough
	met     bool // in the carrier's books
}

// books compares each order of the carriers' books with our attempts, and the other way round.
func (c *checker) books(ctx context.Context) error {
	if c.opts.Books == nil {
		return nil
	}
	ours, err := c.bookings(ctx)
	if err != nil {
		return err
	}
	checked := 0
	var bad []Violation
	for _, b := range c.opts.Books {
		n, found := matchBook(b, ours[purse{b.Carrier, b.Account}], c.retired)
		checked += n
		bad = append(bad, found...)
	}
	c.differ(bad)
	c.report.Books.Compared += checked
	c.done(ruleCharges, checked, bad[:min(page, len(bad))])
	return nil
}

// differ adds to the differences of the books.
func (c *checker) differ(bad []Violation) {
	c.report.Books.Differences += len(bad)
	for _, v := range bad[:min(page, len(bad))] {
		c.report.Books.Details = append(c.report.Books.Details, v.Detail)
	}
}

// matchBook compares one book; what it says of orders before retired is not compared.
func matchBook(b CarrierBook, ours []*booked, retired int64) (checked int, bad []Violation) {
	byOurs, byTheirs := map[string]*booked{}, map[string]*booked{}
	for _, x := range ours {
		byOurs[order.OurNo(x.order, x.n)] = x
		byTheirs[x.no] = x
	}
	charged := map[*booked]money.Fen{}
	for _, o := range b.Orders {
		x := byOurs[o.ClientNo]
		if x == nil && o.CarrierNo != "" {
			x = byTheirs[o.CarrierNo]
		}
		if id, _, err := order.ParseOurNo(o.ClientNo); x == nil && err == nil && id < retired {
			continue
		}
		checked++
		if x == nil && o.ChargedFen != 0 {
			bad = append(bad, ruleCharges.broken(0, "%s %s (our number %q) charged %s for no attempt of ours", b.Carrier, o.CarrierNo, o.ClientNo, o.ChargedFen))
		}
		if x != nil {
			x.met = true
			charged[x] += o.ChargedFen
		}
	}
	for _, x := range ours {
		no := order.OurNo(x.order, x.n)
		switch {
		case !x.resting:
		case x.met && charged[x] != x.cost:
			bad = append(bad, ruleCharges.broken(x.order, "%s %s: the carrier charged %s, we booked %s", b.Carrier, no, charged[x], x.cost))
		case !x.met && x.cost != 0:
			checked++
			bad = append(bad, ruleCharges.broken(x.order, "%s %s: we booked %s, the carrier knows nothing of it", b.Carrier, no, x.cost))
		}
	}
	return checked, bad
}

// bookings reads what we booked, by carrier account.
func (c *checker) bookings(ctx context.Context) (map[purse][]*booked, error) {
	var carriers []string
	for _, b := range c.opts.Books {
		if !slices.Contains(carriers, b.Carrier) {
			carriers = append(carriers, b.Carrier)
		}
	}
	out := map[purse][]*booked{}
	if len(carriers) == 0 {
		return out, nil
	}
	byAttempt := map[[2]int64]*booked{}
	list, args := in(carriers)
	rows, err := c.tx.QueryContext(ctx, fmt.Sprintf(`SELECT a.carrier, a.account, a.order_id, a.n, a.carrier_no, COALESCE(f.cost, 0), a.state IN %s AND COALESCE(f.last, 0) < %s FROM attempt a
 LEFT JOIN (SELECT order_id, n, %s AS cost, MAX(at) AS last FROM fact WHERE n > 0 GROUP BY order_id, n) f ON f.order_id = a.order_id AND f.n = a.n WHERE a.carrier IN %s`, finalAttempts, c.cut(restAge), costByFacts, list), args...)
	err = each(rows, err, "bookings", func(r *sql.Rows) error {
		var p purse
		var x booked
		err := r.Scan(&p.carrier, &p.account, &x.order, &x.n, &x.no, &x.cost, &x.resting)
		out[p] = append(out[p], &x)
		byAttempt[[2]int64{x.order, int64(x.n)}] = &x
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, c.corrected(ctx, byAttempt)
}

// corrected adds what no fact tells: costs that a bill or a person corrected after the attempt's end.
func (c *checker) corrected(ctx context.Context, booked map[[2]int64]*booked) error {
	rows, err := c.tx.QueryContext(ctx, `SELECT order_id, n, SUM(IF(debit, amount_fen, -amount_fen)) FROM ledger_entry
 WHERE n > 0 AND tx NOT LIKE 'fact:%' AND (account LIKE 'expense:%' OR account LIKE 'income:compensation:%') GROUP BY order_id, n`)
	return each(rows, err, "corrected bookings", func(r *sql.Rows) error {
		var order, n int64
		var more money.Fen
		err := r.Scan(&order, &n, &more)
		if x := booked[[2]int64{order, n}]; x != nil {
			x.cost += more
		}
		return err
	})
}
