package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// StatusCounts is how many orders and attempts are where.
type StatusCounts struct {
	Orders    map[string]int `json:"orders"` // by state; a state without orders is missing
	Attempts  AttemptCounts  `json:"attempts"`
	Open      int            `json:"open"`            // orders that are not closed
	Attention int            `json:"needs_attention"` // orders that a person should look at
	Events    int            `json:"events"`          // moves whenever an open order does: the sum of their versions
}

// AttemptCounts sorts attempts by how they ended. At rest placed = won + lost + cancelled.
type AttemptCounts struct {
	Placed          int `json:"placed"`           // a carrier confirmed it
	Won             int `json:"won"`              // delivered the order
	Lost            int `json:"lost"`             // ended by cause lost_race, or delivered what another attempt carried
	Cancelled       int `json:"cancelled"`        // ended otherwise, returned ones included
	Rejected        int `json:"rejected"`         // refused, or proved never placed
	UnknownResolved int `json:"unknown_resolved"` // were in doubt, and the doubt was settled
}

// StatusCounts counts everything. It reads every attempt: a loop that only waits should ask
// OpenOrders.
func (s *Store) StatusCounts(ctx context.Context) (StatusCounts, error) {
	out := StatusCounts{Orders: map[string]int{}}
	rows, err := s.db.QueryContext(ctx, "SELECT state, COUNT(*) FROM orders GROUP BY state")
	err = each(rows, err, "order states", func(r *sql.Rows) error {
		var state string
		var n int
		err := r.Scan(&state, &n)
		out.Orders[state] = n
		return err
	})
	if err != nil {
		return out, err
	}
	a := &out.Attempts
	err = s.db.QueryRowContext(ctx, `SELECT COALESCE(SUM(a.confirmed), 0),
 COALESCE(SUM(a.state = 'delivered' AND a.n = o.winner), 0),
 COALESCE(SUM(a.state = 'delivered' AND a.n <> o.winner OR a.state IN ('cancelled', 'returned') AND a.cause = 'lost_race'), 0),
 COALESCE(SUM(a.state IN ('cancelled', 'returned') AND a.cause <> 'lost_race'), 0),
 COALESCE(SUM(a.state = 'rejected'), 0), COALESCE(SUM(a.resolved), 0)
 FROM attempt a JOIN orders o ON o.id = a.order_id`).Scan(&a.Placed, &a.Won, &a.Lost, &a.Cancelled, &a.Rejected, &a.UnknownResolved)
	if err != nil {
		return out, fmt.Errorf("count attempts: %w", err)
	}
	err = s.db.QueryRowContext(ctx, "SELECT COUNT(*), COALESCE(SUM(version), 0) FROM orders WHERE wake_at IS NOT NULL").Scan(&out.Open, &out.Events)
	if err != nil {
		return out, fmt.Errorf("count open orders: %w", err)
	}
	if err := s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM orders WHERE attention > ''").Scan(&out.Attention); err != nil {
		return out, fmt.Errorf("count orders that need attention: %w", err)
	}
	return out, nil
}

// OpenOrders counts the orders that are not closed. It costs what is open, not what there is.
func (s *Store) OpenOrders(ctx context.Context) (int, error) {
	var n int
	if err := s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM orders WHERE wake_at IS NOT NULL").Scan(&n); err != nil {
		return 0, fmt.Errorf("count open orders: %w", err)
	}
	return n, nil
}

// OrderFilter chooses orders to list; zero fields choose all.
type OrderFilter struct {
	Platform       string
	No             string // the platform's number
	State          string
	NeedsAttention bool
	Limit          int   // 1 to 10,000; 0 = 100
	After          int64 // only ids beyond this one: the last id of the page before
}

// OrderRow is one order of a list. Ids are text in JSON: they are larger than a
// JavaScript number holds.
type OrderRow struct {
	ID         int64     `json:"id,string"`
	Platform   string    `json:"platform"`
	No         string    `json:"no"`
	ShopCode   string    `json:"shop_code"`
	City       string    `json:"city"`
	State      string    `json:"state"`
	Goal       string    `json:"goal,omitempty"`
	Carrier    string    `json:"carrier,omitempty"` // of the winning attempt
	FeeFen     money.Fen `json:"fee_fen"`
	Open       bool      `json:"open"`
	Attention  string    `json:"attention,omitempty"`
	ReceivedAt time.Time `json:"received_at"`
}

const rowSelect = `SELECT o.id, o.platform, o.no, o.shop_code, o.city, o.state, o.goal, COALESCE(a.carrier, ''), o.fee_fen, o.wake_at IS NOT NULL, o.attention, o.received_at
 FROM orders o LEFT JOIN attempt a ON a.order_id = o.id AND a.n = o.winner `

func scanRow(r *sql.Rows) (OrderRow, error) {
	var l OrderRow
	var received int64
	err := r.Scan(&l.ID, &l.Platform, &l.No, &l.ShopCode, &l.City, &l.State, &l.Goal, &l.Carrier, &l.FeeFen, &l.Open, &l.Attention, &received)
	l.ReceivedAt = time.UnixMilli(received).UTC()
	return l, err
}

const (
	defaultPage = 100
	maxPage     = 10_000
)

// Orders lists orders, newest first; those that need a person oldest first, as they should be looked at.
func (s *Store) Orders(ctx context.Context, f OrderFilter) ([]OrderRow, error) {
	where, args, err := s.where(ctx, f)
	if err != nil {
		return nil, err
	}
	limit := f.Limit
	if limit <= 0 {
		limit = defaultPage
	}
	direction := " DESC"
	if f.NeedsAttention {
		direction = ""
	}
	out := []OrderRow{}
	rows, err := s.db.QueryContext(ctx, rowSelect+where+" ORDER BY o.id"+direction+" LIMIT ?", append(args, min(limit, maxPage))...)
	err = each(rows, err, "orders", func(r *sql.Rows) error {
		l, err := scanRow(r)
		out = append(out, l)
		return err
	})
	return out, err
}

// where turns a filter into SQL. A number is looked up in the keys, where it has an index.
func (s *Store) where(ctx context.Context, f OrderFilter) (string, []any, error) {
	terms, args := []string{"TRUE"}, []any{}
	add := func(term string, values ...any) {
		terms = append(terms, term)
		args = append(args, values...)
	}
	if f.No != "" {
		ids, err := s.idsOf(ctx, f.Platform, f.No)
		if err != nil {
			return "", nil, err
		}
		list, values := in(append(ids, 0)) // 0 is no order: an empty list is not SQL
		add("o.id IN "+list, values...)
	}
	if f.Platform != "" {
		add("o.platform = ?", f.Platform)
	}
	if f.State != "" {
		add("o.state = ?", f.State)
	}
	if f.NeedsAttention {
		add("o.attention > ''")
	}
	switch {
	case f.After > 0 && f.NeedsAttention:
		add("o.id > ?", f.After)
	case f.After > 0:
		add("o.id < ?", f.After)
	}
	return "WHERE " + strings.Join(terms, " AND "), args, nil
}

func (s *Store) idsOf(ctx context.Context, platform, no string) ([]int64, error) {
	platforms := []string{platform}
	if platform == "" {
		// A number alone has no index, but the few platforms are found in the keys at once.
		var err error
		if platforms, err = s.platforms(ctx); err != nil || len(platforms) == 0 {
			return nil, err
		}
	}
	list, args := in(platforms)
	var ids []int64
	rows, err := s.db.QueryContext(ctx, "SELECT order_id FROM order_key WHERE platform IN "+list+" AND no = ?", append(args, no)...)
	err = each(rows, err, "order keys", func(r *sql.Rows) error {
		var id int64
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

func (s *Store) platforms(ctx context.Context) ([]string, error) {
	var out []string
	rows, err := s.db.QueryContext(ctx, "SELECT DISTINCT platform FROM order_key")
	err = each(rows, err, "platforms", func(r *sql.Rows) error {
		var p string
		err := r.Scan(&p)
		out = append(out, p)
		return err
	})
	return out, err
}

// DeadLetters lists dead letters, newest first, their bodies opened.
func (s *Store) DeadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	out := []DeadLetter{}
	rows, err := s.db.QueryContext(ctx, "SELECT id, msg_key, topic, body, tries, state, at FROM dead_letter ORDER BY id DESC LIMIT ?", limit)
	err = each(rows, err, "dead letters", func(r *sql.Rows) error {
		var l DeadLetter
		var sealed, body []byte
		var at int64
		if err := r.Scan(&l.ID, &l.Key, &l.Topic, &sealed, &l.Tries, &l.State, &at); err != nil {
			return err
		}
		if err := s.sealer.Open(sealed, &body); err != nil {
			return fmt.Errorf("dead letter %d: %w", l.ID, err)
		}
		l.Body, l.At = string(body), time.UnixMilli(at).UTC()
		out = append(out, l)
		return nil
	})
	return out, err
}

// MarkDeadLetters sets the state of dead letters by id, and counts those that changed.
func (s *Store) MarkDeadLetters(ctx context.Context, ids []int64, state string) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	list, args := in(sorted(ids))
	var n int64
	err := again(ctx, "mark dead letters", func() error {
		res, err := s.db.ExecContext(ctx, "UPDATE dead_letter SET state = ? WHERE id IN "+list, append([]any{clip(state, 16)}, args...)...)
		if err != nil {
			return err
		}
		n, err = res.RowsAffected()
		return err
	})
	return int(n), err
}

// ParkedEvent is a carrier event that belonged to no attempt when it came.
type ParkedEvent struct {
	ID        int64     `json:"id"`
	Carrier   string    `json:"carrier"`
	OurNo     string    `json:"our_no"`
	CarrierNo string    `json:"carrier_no"`
	FirstAt   time.Time `json:"first_at"`
	DueAt     time.Time `json:"due_at,omitzero"`    // sent again then; zero = decided
	Decision  string    `json:"decision,omitempty"` // applied, duplicate, late …, or unknown order
}

// ParkedEvents lists parked events, newest first; what a carrier said in them stays sealed.
func (s *Store) ParkedEvents(ctx context.Context, limit int) ([]ParkedEvent, error) {
	out := []ParkedEvent{}
	rows, err := s.db.QueryContext(ctx, "SELECT id, carrier, our_no, carrier_no, first_at, due_at, decision FROM parked_event ORDER BY id DESC LIMIT ?", limit)
	err = each(rows, err, "parked events", func(r *sql.Rows) error {
		var l ParkedEvent
		var first int64
		var due sql.NullInt64
		err := r.Scan(&l.ID, &l.Carrier, &l.OurNo, &l.CarrierNo, &first, &due, &l.Decision)
		l.FirstAt, l.DueAt = time.UnixMilli(first).UTC(), at(due)
		out = append(out, l)
		return err
	})
	return out, err
}

// OpenParked counts the parked events that are not decided yet.
func (s *Store) OpenParked(ctx context.Context) (int, error) {
	var n int
	if err := s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM parked_event WHERE due_at IS NOT NULL").Scan(&n); err != nil {
		return 0, fmt.Errorf("count parked events: %w", err)
	}
	return n, nil
}

// finalStates are the order states that are left no more, for SQL.
var finalStates = stateList(order.States, order.State.Final)

// finalAttempts are the attempt states in which the carrier owes nothing more, for SQL.
var finalAttempts = stateList(order.AttemptStates, order.AttemptState.Final)

func stateList[S ~string](all []S, keep func(S) bool) string {
	var names []string
	for _, s := range all {
		if keep(s) {
			names = append(names, "'"+string(s)+"'")
		}
	}
	return "(" + strings.Join(names, ", ") + ")"
}
