package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/turn"
)

// Parked is a carrier event that belongs to no known attempt yet.
type Parked struct {
	Carrier, OurNo, CarrierNo, Hash string
	Item                            message.Item // its Data is a carrier.Status
}

// Park keeps events, sealed; one whose body is parked already is kept once.
func (s *Store) Park(ctx context.Context, events []Parked, now time.Time) error {
	// In the order of locks.
	events = slices.SortedFunc(slices.Values(events), func(a, b Parked) int {
		return cmp.Or(cmp.Compare(a.Carrier, b.Carrier), cmp.Compare(a.Hash, b.Hash))
	})
	rows := make([][]any, len(events))
	for i, e := range events {
		sealed, err := s.sealer.Seal(e.Item)
		if err != nil {
			return fmt.Errorf("park: %w", err)
		}
		rows[i] = []any{e.Carrier, clip(e.OurNo, 64), clip(e.CarrierNo, 64), e.Hash, sealed, now.UnixMilli(), now.Add(time.Minute).UnixMilli()}
	}
	keep := insert{table: "parked_event", cols: []string{"carrier", "our_no", "carrier_no", "hash", "item", "first_at", "due_at"}, keep: true}
	return again(ctx, "park events", func() error { return keep.exec(ctx, s.db, rows) })
}

// parkedFor is how long an event may wait for its order.
const parkedFor = 10 * time.Minute

// Decisions about parked events besides those of the order's history.
const (
	UnknownOrder = "unknown order" // its order never came
	Unreadable   = "unreadable"    // sealed with another key, or damaged
)

// TakeParked decides the parked events that are due: one whose history line is there has
// that line's decision; one that waited too long for an attempt that nobody knows is of an
// unknown order; all others are given to be sent again, a minute apart.
func (s *Store) TakeParked(ctx context.Context, now time.Time, limit int) ([]message.Item, error) {
	var out []message.Item
	err := s.tx(ctx, "take parked events", func(tx *sql.Tx) error {
		out = nil
		due, err := s.dueParked(ctx, tx, now, limit)
		if err != nil || len(due) == 0 {
			return err
		}
		if err := resolveParked(ctx, tx, due); err != nil {
			return err
		}
		var later []int64
		decided := map[string][]int64{}
		for _, p := range due {
			switch {
			case p.decision != "":
				decided[p.decision] = append(decided[p.decision], p.id)
			case p.n == 0 && !p.first.After(now.Add(-parkedFor)):
				decided[UnknownOrder] = append(decided[UnknownOrder], p.id)
			default:
				later = append(later, p.id)
				out = append(out, p.item)
			}
		}
		for decision, ids := range decided {
			list, args := in(ids)
			if _, err := tx.ExecContext(ctx, "UPDATE parked_event"+byID+"SET due_at = NULL, decision = ? WHERE id IN "+list, append([]any{decision}, args...)...); err != nil {
				return err
			}
		}
		if len(later) == 0 {
			return nil
		}
		list, args := in(later)
		_, err = tx.ExecContext(ctx, "UPDATE parked_event"+byID+"SET due_at = ? WHERE id IN "+list, append([]any{now.Add(time.Minute).UnixMilli()}, args...)...)
		return err
	})
	return out, err
}

// parked is a due event with what is known of its attempt.
type parked struct {
	id       int64
	ref      turn.Ref
	first    time.Time
	item     message.Item
	status   carrier.Status
	order    int64
	n        int    // of an attempt that exists; 0 = unknown
	decision string // of the history line that the event has by now
}

func (s *Store) dueParked(ctx context.Context, tx *sql.Tx, now time.Time, limit int) ([]*parked, error) {
	var out []*parked
	rows, err := tx.QueryContext(ctx, "SELECT id, carrier, our_no, carrier_no, item, first_at FROM parked_event WHERE due_at <= ? ORDER BY due_at LIMIT ? FOR UPDATE SKIP LOCKED", now.UnixMilli(), limit)
	err = each(rows, err, "parked events", func(r *sql.Rows) error {
		var p parked
		var ourNo string
		var sealed []byte
		var first int64
		if err := r.Scan(&p.id, &p.ref.Carrier, &ourNo, &p.ref.CarrierNo, &sealed, &first); err != nil {
			return err
		}
		p.first = time.UnixMilli(first).UTC()
		if s.sealer.Open(sealed, &p.item) != nil || json.Unmarshal(p.item.Data, &p.status) != nil {
			p.decision = Unreadable // it must not hold up the others
		}
		if id, n, err := order.ParseOurNo(ourNo); err == nil {
			p.order, p.n = id, n
		}
		out = append(out, &p)
		return nil
	})
	return out, err
}

// resolveParked finds each event's attempt, by our number or the carrier's, and the line of
// history that it may have by now.
func resolveParked(ctx context.Context, tx *sql.Tx, due []*parked) error {
	var refs []turn.Ref
	for _, p := range due {
		if p.n == 0 {
			refs = append(refs, p.ref)
		}
	}
	found, err := findRefs(ctx, tx, refs)
	if err != nil {
		return err
	}
	var args []any
	for _, p := range due {
		if ref, ok := found[p.ref]; ok && p.n == 0 {
			p.order, p.n = ref.Order, ref.N
		}
		args = append(args, p.order, p.n)
	}
	carriers := map[InputRef]string{}
	rows, err := tx.QueryContext(ctx, "SELECT order_id, n, carrier FROM attempt WHERE (order_id, n) IN "+pairs(len(due)), args...)
	err = each(rows, err, "attempts", func(r *sql.Rows) error {
		var k InputRef
		var carrier string
		err := r.Scan(&k.Order, &k.N, &carrier)
		carriers[k] = carrier
		return err
	})
	if err != nil {
		return err
	}
	keys := make([]InputKey, len(due))
	for i, p := range due {
		if carriers[InputRef{p.order, p.n}] != p.ref.Carrier {
			p.n = 0 // not there, or another carrier's: nobody will ever apply it
		}
		keys[i] = InputKey{p.order, turn.SignalKey(p.n, p.status)}
	}
	seen := map[InputKey]order.EventRow{}
	if err := readSeen(ctx, tx, keys, seen); err != nil {
		return err
	}
	for i, p := range due {
		p.decision = cmp.Or(p.decision, seen[keys[i]].Decision)
	}
	return nil
}
