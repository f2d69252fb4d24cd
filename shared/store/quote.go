package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/order"
)

// What the columns of a quote hold, in characters. A longer token cannot be cut: it is no token then.
const (
	MaxToken     = 255
	MaxCarrierNo = 64
)

// RoundKey names a quote round.
type RoundKey struct {
	Order int64
	Round int
}

// QuoteJob is what a quote round needs to know of its order.
type QuoteJob struct {
	Order  order.Order
	Detail Detail
	Closed bool // the round has its outcome already, or is no longer wanted
	Done   bool // the round has its outcome: send it on again
}

// QuoteJobs reads the orders of rounds. Rounds of orders that do not exist are left out:
// a half message may name orders whose insert never happened.
func (s *Store) QuoteJobs(ctx context.Context, rounds []RoundKey) (map[RoundKey]QuoteJob, error) {
	out := map[RoundKey]QuoteJob{}
	if len(rounds) == 0 {
		return out, nil
	}
	var ids []int64
	for _, r := range rounds {
		ids = append(ids, r.Order)
	}
	orders, err := readOrders(ctx, s.db, ids, false)
	if err != nil {
		return nil, err
	}
	details, err := s.Details(ctx, ids)
	if err != nil {
		return nil, err
	}
	done, err := s.outcomes(ctx, rounds)
	if err != nil {
		return nil, err
	}
	byID := map[int64]order.Order{}
	for _, o := range orders {
		byID[o.ID] = o
	}
	for _, r := range rounds {
		if o, ok := byID[r.Order]; ok {
			wanted := o.Round == r.Round && !o.State.Final() && o.Goal == order.NoGoal
			out[r] = QuoteJob{Order: o, Detail: details[r.Order], Done: done[r], Closed: done[r] || !wanted}
		}
	}
	return out, nil
}

func (s *Store) outcomes(ctx context.Context, rounds []RoundKey) (map[RoundKey]bool, error) {
	done := map[RoundKey]bool{}
	args := make([]any, 0, 2*len(rounds))
	for _, r := range rounds {
		args = append(args, r.Order, r.Round)
	}
	rows, err := s.db.QueryContext(ctx, "SELECT order_id, round FROM quote_outcome WHERE (order_id, round) IN "+pairs(len(rounds)), args...)
	err = each(rows, err, "outcomes", func(r *sql.Rows) error {
		var k RoundKey
		err := r.Scan(&k.Order, &k.Round)
		done[k] = true
		return err
	})
	return done, err
}

// RoundResult closes a quote round.
type RoundResult struct {
	Key     RoundKey
	Outcome order.Outcome
	Quotes  []order.Quote
	Fetched *Fetched // what the platform was asked for in this round; nil = nothing
}

// Fetched is the content of an order that its push only named, or what had to be asked for again.
type Fetched struct {
	Detail Detail
	Why    *Why // nil = as before, and so is all of the detail but the recipient's number
}

// SaveRounds writes outcomes, quotes and what was fetched. The first writer of a round wins; the
// others' quotes and details are dropped, so that what belongs together is of one writer. Each call needs a
// writer's name of its own.
func (s *Store) SaveRounds(ctx context.Context, writer string, results []RoundResult, now time.Time) error {
	if len(results) == 0 {
		return nil
	}
	return s.tx(ctx, "save quotes", func(tx *sql.Tx) error {
		var rows [][]any
		var args []any
		results := byRound(results)
		for _, r := range results {
			plan, err := planArg(r.Outcome.Plan)
			if err != nil {
				return err
			}
			rows = append(rows, []any{r.Key.Order, r.Key.Round, r.Outcome.Result, clip(r.Outcome.Reason, 255), writer, now.UnixMilli(), plan})
			args = append(args, r.Key.Order, r.Key.Round)
		}
		outcome := insert{table: "quote_outcome", cols: []string{"order_id", "round", "result", "reason", "writer", "at", "plan"}, keep: true}
		if err := outcome.exec(ctx, tx, rows); err != nil {
			return err
		}
		mine := map[RoundKey]bool{}
		found, err := tx.QueryContext(ctx, "SELECT order_id, round FROM quote_outcome WHERE writer = ? AND (order_id, round) IN "+pairs(len(results)), append([]any{writer}, args...)...)
		err = each(found, err, "outcomes", func(r *sql.Rows) error {
			var k RoundKey
			err := r.Scan(&k.Order, &k.Round)
			mine[k] = true
			return err
		})
		if err != nil {
			return err
		}
		return inOrder(
			func() error { return s.saveFetched(ctx, tx, results, mine) },
			func() error { return insertQuotes(ctx, tx, results, mine) },
		)
	})
}

// saveFetched seals what was fetched; most orders have nothing of it. Of an order that was
// whole before only the recipient's number is new: the rest may have changed since it was read.
func (s *Store) saveFetched(ctx context.Context, tx *sql.Tx, results []RoundResult, mine map[RoundKey]bool) error {
	var rows [][]any
	for _, r := range results {
		if r.Fetched == nil || !mine[r.Key] {
			continue
		}
		if r.Fetched.Why == nil {
			if err := s.renewPhone(ctx, tx, r.Key.Order, r.Fetched.Detail.Detail.To); err != nil {
				return err
			}
			continue
		}
		sealed, err := s.sealer.Seal(r.Fetched.Detail)
		if err != nil {
			return err
		}
		why, err := json.Marshal(r.Fetched.Why)
		if err != nil {
			return err
		}
		rows = append(rows, []any{r.Key.Order, sealed, string(why)})
	}
	return insert{table: "order_detail", cols: []string{"order_id", "sealed", "why"}, update: []string{"sealed", "why"}}.exec(ctx, tx, rows)
}

// renewPhone gives the recipient another number, under the lock of the detail.
func (s *Store) renewPhone(ctx context.Context, tx *sql.Tx, id int64, to order.Stop) error {
	var sealed []byte
	var d Detail
	if err := tx.QueryRowContext(ctx, "SELECT sealed FROM order_detail WHERE order_id = ? FOR UPDATE", id).Scan(&sealed); err != nil {
		return fmt.Errorf("detail of order %d: %w", id, err)
	}
	if err := s.sealer.Open(sealed, &d); err != nil {
		return fmt.Errorf("detail of order %d: %w", id, err)
	}
	d.Detail.To.Phone, d.Detail.To.Ext, d.Detail.To.PhoneUntil = to.Phone, to.Ext, to.PhoneUntil
	sealed, err := s.sealer.Seal(d)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE order_detail SET sealed = ? WHERE order_id = ?", sealed, id)
	return err
}

// planArg is a plan as a column; most orders have none.
func planArg(p *order.Plan) (any, error) {
	if p == nil {
		return nil, nil
	}
	raw, err := json.Marshal(p)
	return string(raw), err
}

// byRound is each round once, in the order of locks.
func byRound(results []RoundResult) []RoundResult {
	out := slices.SortedStableFunc(slices.Values(results), func(a, b RoundResult) int {
		return cmp.Or(cmp.Compare(a.Key.Order, b.Key.Order), cmp.Compare(a.Key.Round, b.Key.Round))
	})
	return slices.CompactFunc(out, func(a, b RoundResult) bool { return a.Key == b.Key })
}

func insertQuotes(ctx context.Context, tx *sql.Tx, results []RoundResult, mine map[RoundKey]bool) error {
	var rows [][]any
	for _, r := range results {
		if !mine[r.Key] {
			continue
		}
		for _, q := range r.Quotes {
			rows = append(rows, []any{r.Key.Order, r.Key.Round, q.Carrier, q.N, q.Account, q.Token, q.CarrierNo, int64(q.Price), q.ExpiresAt.UnixMilli(), q.DistanceM,
				int(q.AcceptIn / time.Second), int(q.DeliverIn / time.Second), clip(q.Refused, 255)})
		}
	}
	cols := []string{"order_id", "round", "carrier", "n", "account", "token", "carrier_no", "price_fen", "expires_at", "distance_m", "accept_in_s", "deliver_in_s", "refused"}
	if err := (insert{table: "quote", cols: cols}).exec(ctx, tx, rows); err != nil {
		return fmt.Errorf("round: %w", err)
	}
	return nil
}
