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
	// CancelRefused says that the milestone drops a cancel of the platform, or our own giving up.
	CancelRefused bool
	N             int // attempt that carried it; 0 = none
	Carrier       string
	Rider         order.Rider // as known now
	// CarrierNo is the carrier's number of the attempt; empty = none.
	CarrierNo string
	// DeliverIn is how long the carrier said, when it was asked, that a delivery takes; 0 = it did not.
	DeliverIn time.Duration
}

// LeaseReports takes the orders that have something to tell and that nobody else is telling,
// until the given system instant, with their milestones in order.
func (s *Store) LeaseReports(ctx context.Context, ids []int64, owner string, now, until time.Time) ([]ToTell, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	list, args := in(sorted(ids))
	err := s.exec(ctx, "lease reports", "UPDATE orders"+byID+"SET tell_owner = ?, tell_until = ? WHERE tell_at IS NOT NULL AND tell_until < ? AND id IN "+list,
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
	rows, err := s.db.QueryContext(ctx, `SELECT e.order_id, e.version, e.from_name, e.to_name, e.at, e.n, e.detail, COALESCE(a.carrier, ''), a.rider,
 COALESCE(a.carrier_no, ''), COALESCE((SELECT MAX(q.deliver_in_s) FROM quote q WHERE q.order_id = a.order_id AND q.n = a.n AND q.order_id IN `+list+`), 0)
 FROM order_event e JOIN orders o ON o.id = e.order_id LEFT JOIN attempt a ON a.order_id = e.order_id AND a.n = e.n AND e.n > 0
 AND a.order_id IN `+list+`
 WHERE e.milestone AND e.version > o.told AND e.order_id IN `+list+` AND o.id IN `+list+` ORDER BY e.order_id, e.version`, slices.Concat(args, args, args, args)...)
	return each(rows, err, "milestones", func(r *sql.Rows) error {
		var id, at int64
		var m Told
		var from order.State
		var detail, rider []byte
		var deliver int64
		if err := r.Scan(&id, &m.Version, &from, &m.State, &at, &m.N, &detail, &m.Carrier, &rider, &m.CarrierNo, &deliver); err != nil {
			return err
		}
		m.DeliverIn = time.Duration(deliver) * time.Second
		m.At = time.UnixMilli(at).UTC()
		m.CancelRefused = goesOn(from, m.State)
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

// goesOn reports whether a milestone drops a cancel: the order leaves it for where its rider is.
func goesOn(from, to order.State) bool {
	switch to {
	case order.Assigned, order.Arrived, order.PickedUp, order.Delivered:
		return from == order.Cancelling || from == order.Returning
	}
	return false
}

// TellResult is how far an order's platform has been told.
type TellResult struct {
	Order     int64
	Told      int       // version of the last milestone it took
	RetryAt   time.Time // virtual; zero = everything that was read is told
	Attention string

	// Of the milestones told now, for the 回传率: how many the platform took, how many of
	// those later than they should have been, and how many it refused.
	Taken, Late, Refused int
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
			rows.WriteString("SELECT ? AS id, ? AS told, ? AS retry_at, ? AS attention, ? AS taken, ? AS late, ? AS refused")
			ids = append(ids, r.Order)
			args = append(args, r.Order, r.Told, ms(r.RetryAt), clip(r.Attention, 255), r.Taken, r.Late, r.Refused)
		}
		err := s.exec(ctx, "save told", "UPDATE ("+rows.String()+`) v STRAIGHT_JOIN orders o ON o.id = v.id SET
 o.tell_at = IF(v.retry_at IS NOT NULL, v.retry_at, IF(o.milestone <= v.told, NULL, o.tell_at)), o.tell_tries = IF(v.retry_at IS NULL, 0, o.tell_tries + 1),
 o.told = GREATEST(o.told, v.told), o.attention = IF(o.attention = '', v.attention, o.attention), o.tell_owner = '', o.tell_until = 0, o.redrives = 0,
 o.told_n = o.told_n + v.taken, o.told_late = o.told_late + v.late, o.told_refused = o.told_refused + v.refused
 WHERE o.tell_owner = ? AND o.id IN (`+marks(len(ids))+")", slices.Concat(args, []any{owner}, ids)...)
		if err != nil {
			return err
		}
	}
	return nil
}

// ReportRate is how a platform has been told about its orders (回传率).
type ReportRate struct {
	Platform string  `json:"platform"`
	Due      int     `json:"due"`     // milestones that it is to hear, or has heard
	Told     int     `json:"told"`    // that it took
	Late     int     `json:"late"`    // of those, later than the report function's measure (30 s unless set)
	Refused  int     `json:"refused"` // that it did not want
	Rate     float64 `json:"rate"`    // told of due, 0 to 1
	InTime   float64 `json:"in_time"` // told and not late, of due
}

// ReportRates sums up over all orders, by platform. It reads one line per order, and the
// history of those orders only that have something left to tell.
func (s *Store) ReportRates(ctx context.Context) ([]ReportRate, error) {
	out := []ReportRate{}
	rows, err := s.db.QueryContext(ctx, `SELECT o.platform, CAST(SUM(o.told_n) AS SIGNED), CAST(SUM(o.told_late) AS SIGNED), CAST(SUM(o.told_refused) AS SIGNED),
 COALESCE((SELECT COUNT(*) FROM orders w JOIN order_event e ON e.order_id = w.id AND e.milestone AND e.version > w.told WHERE w.tell_at IS NOT NULL AND w.wake_at IS NOT NULL AND w.platform = o.platform), 0)
 FROM orders o GROUP BY o.platform ORDER BY o.platform`)
	err = each(rows, err, "report rates", func(r *sql.Rows) error {
		var x ReportRate
		var untold int
		if err := r.Scan(&x.Platform, &x.Told, &x.Late, &x.Refused, &untold); err != nil {
			return err
		}
		if x.Due = x.Told + x.Refused + untold; x.Due > 0 {
			x.Rate, x.InTime = float64(x.Told)/float64(x.Due), float64(x.Told-x.Late)/float64(x.Due)
			out = append(out, x)
		}
		return nil
	})
	return out, err
}
