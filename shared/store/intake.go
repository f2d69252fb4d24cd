package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// NewOrder is an order to be stored, its first state and timers set by intake.
type NewOrder struct {
	Order  order.Order
	Detail Detail
	Why    Why
	Hash   string // of the canonical business fields
}

// Stored is what became of a NewOrder.
type Stored struct {
	ID       int64
	State    order.State
	Fee      money.Fen // what the platform pays for a delivery
	Repeat   bool      // the same content was stored before
	Conflict bool      // the number exists with other content
}

// ErrDiscarded says that the check-back has given the batch up: nothing may be inserted.
var ErrDiscarded = errors.New("the batch was discarded by its check-back")

// Intake stores a batch of new orders under one batch id, all or none. Keys are written in
// sorted order. A create that meets a tombstone becomes a cancelled order. A batch whose
// id is taken is ErrDiscarded.
func (s *Store) Intake(ctx context.Context, batch string, orders []NewOrder, now time.Time) ([]Stored, error) {
	var out []Stored
	err := s.tx(ctx, "store orders", func(tx *sql.Tx) error {
		out = make([]Stored, len(orders))
		if err := openBatch(ctx, tx, batch, now); err != nil {
			return err
		}
		fresh, err := claimKeys(ctx, tx, orders, out)
		if err != nil {
			return err
		}
		return s.insertOrders(ctx, tx, orders, fresh, now)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func openBatch(ctx context.Context, tx *sql.Tx, batch string, now time.Time) error {
	err := insert{table: "intake_batch", cols: []string{"id", "committed", "at"}}.exec(ctx, tx, [][]any{{batch, true, now.UnixMilli()}})
	if Duplicate(err) {
		return fmt.Errorf("%w: %w", ErrDiscarded, err)
	}
	return err
}

type keyed struct{ platform, no string }

// claimKeys writes the order keys and finds out which orders are new, repeats, conflicts or
// meet a tombstone. It returns the indexes to insert; true = as cancelled.
func claimKeys(ctx context.Context, tx *sql.Tx, orders []NewOrder, out []Stored) (map[int]bool, error) {
	index := make([]int, len(orders))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(a, b int) int {
		return cmp.Or(cmp.Compare(orders[a].Order.Platform, orders[b].Order.Platform), cmp.Compare(orders[a].Order.No, orders[b].Order.No))
	})
	var rows [][]any
	var args []any
	for _, i := range index {
		o := orders[i]
		rows = append(rows, []any{o.Order.Platform, o.Order.No, o.Order.ID, o.Hash})
		args = append(args, o.Order.Platform, o.Order.No)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	if err := (insert{table: "order_key", cols: []string{"platform", "no", "order_id", "hash"}, keep: true}).exec(ctx, tx, rows); err != nil {
		return nil, err
	}
	type held struct {
		id   int64
		hash string
	}
	keys := map[keyed]held{}
	found, err := tx.QueryContext(ctx, "SELECT platform, no, order_id, hash FROM order_key WHERE (platform, no) IN "+pairs(len(orders))+" ORDER BY platform, no FOR UPDATE", args...)
	err = each(found, err, "order keys", func(r *sql.Rows) error {
		var k keyed
		var h held
		err := r.Scan(&k.platform, &k.no, &h.id, &h.hash)
		keys[k] = h
		return err
	})
	if err != nil {
		return nil, err
	}
	fresh := map[int]bool{}
	for _, i := range index {
		o := orders[i]
		k := keyed{o.Order.Platform, o.Order.No}
		switch h := keys[k]; {
		case h.id == o.Order.ID:
			fresh[i] = false
			out[i] = Stored{ID: h.id, State: o.Order.State, Fee: o.Order.Fee}
		case h.id == 0:
			if err := meetTombstone(ctx, tx, o); err != nil {
				return nil, err
			}
			keys[k] = held{o.Order.ID, o.Hash}
			fresh[i] = true
			out[i] = Stored{ID: o.Order.ID, State: order.Cancelled, Fee: o.Order.Fee}
		case h.hash == o.Hash:
			out[i] = Stored{ID: h.id, Repeat: true}
		default:
			out[i] = Stored{ID: h.id, Conflict: true}
		}
	}
	return fresh, fillStates(ctx, tx, out, fresh)
}

func meetTombstone(ctx context.Context, tx *sql.Tx, o NewOrder) error {
	_, err := tx.ExecContext(ctx, "UPDATE order_key SET order_id = ?, hash = ? WHERE platform = ? AND no = ?", o.Order.ID, o.Hash, o.Order.Platform, o.Order.No)
	if err != nil {
		return fmt.Errorf("meet tombstone: %w", err)
	}
	return nil
}

// fillStates tells repeats where their order stands now, which may be one of this batch, and
// its fee: another than one that is reckoned at another hour.
func fillStates(ctx context.Context, tx *sql.Tx, out []Stored, fresh map[int]bool) error {
	first := map[int64]Stored{}
	for i := range fresh {
		first[out[i].ID] = out[i]
	}
	var ids []int64
	for _, s := range out {
		if _, known := first[s.ID]; s.Repeat && !known {
			ids = append(ids, s.ID)
		}
	}
	if len(ids) > 0 {
		list, args := in(sorted(ids))
		rows, err := tx.QueryContext(ctx, "SELECT id, state, fee_fen FROM orders WHERE id IN "+list, args...)
		err = each(rows, err, "states", func(r *sql.Rows) error {
			var s Stored
			err := r.Scan(&s.ID, &s.State, &s.Fee)
			first[s.ID] = s
			return err
		})
		if err != nil {
			return err
		}
	}
	for i := range out {
		if out[i].Repeat {
			out[i].State, out[i].Fee = first[out[i].ID].State, first[out[i].ID].Fee
		}
	}
	return nil
}

func (s *Store) insertOrders(ctx context.Context, tx *sql.Tx, orders []NewOrder, fresh map[int]bool, now time.Time) error {
	var rows, details, events [][]any
	for i := range orders {
		cancelled, ok := fresh[i]
		if !ok {
			continue
		}
		o := orders[i].Order
		e := order.EventRow{Key: "create", Version: o.Version, Kind: "order", To: string(o.State), Decision: order.Applied, At: now}
		if cancelled {
			o.State, o.Timers, o.ActAt = order.Cancelled, nil, time.Time{}
			o.Milestone, o.TellAt = o.Version, now
			e.To, e.Milestone = string(order.Cancelled), true
		}
		row, err := orderRow(&o)
		if err != nil {
			return err
		}
		sealed, err := s.sealer.Seal(orders[i].Detail)
		if err != nil {
			return err
		}
		why, err := json.Marshal(orders[i].Why)
		if err != nil {
			return err
		}
		rows = append(rows, row)
		details = append(details, []any{o.ID, sealed, string(why)})
		events = append(events, eventRow(o.ID, e, nil))
	}
	return inOrder(
		func() error { return insert{table: "orders", cols: orderCols}.exec(ctx, tx, rows) },
		func() error {
			return insert{table: "order_detail", cols: []string{"order_id", "sealed", "why"}}.exec(ctx, tx, details)
		},
		func() error { return insert{table: "order_event", cols: eventCols}.exec(ctx, tx, events) },
	)
}

// BatchState is what the check-back of an intake batch finds.
type BatchState int

// What a check-back finds.
const (
	BatchUnknown   BatchState = iota // no row yet, and the insert may still come
	BatchCommitted                   // the orders are there
	BatchDiscarded                   // they never will be
)

// CheckBatch answers a check-back: the row decides. When it is absent and the deadline has
// passed, a tombstone is written first, so that a late insert fails.
func (s *Store) CheckBatch(ctx context.Context, batch string, expired bool, now time.Time) (BatchState, error) {
	if expired {
		row := []any{batch, false, now.UnixMilli()}
		tombstone := insert{table: "intake_batch", cols: []string{"id", "committed", "at"}, keep: true}
		if err := s.exec(ctx, "discard batch", tombstone.sql(1), row...); err != nil {
			return BatchUnknown, err
		}
	}
	var committed bool
	switch err := s.db.QueryRowContext(ctx, "SELECT committed FROM intake_batch WHERE id = ?", batch).Scan(&committed); {
	case errors.Is(err, sql.ErrNoRows):
		return BatchUnknown, nil
	case err != nil:
		return BatchUnknown, fmt.Errorf("check batch: %w", err)
	case committed:
		return BatchCommitted, nil
	}
	return BatchDiscarded, nil
}
