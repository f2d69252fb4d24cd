package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/turn"
)

// InputKey names an input of one order.
type InputKey struct {
	Order int64
	Key   string
}

// Batch is what one dispatch transaction sees: the orders under lock and the inputs that
// earlier turns have recorded.
type Batch struct {
	Orders map[int64]*order.Aggregate
	Seen   map[InputKey]order.EventRow
}

// Dispatch locks the orders by id, lets decide make its turns, and commits what they hold.
// decide may run again after a deadlock and must be pure. When a shard cannot grant the
// summed holds the whole transaction is rolled back with *ErrShort.
func (s *Store) Dispatch(ctx context.Context, ids []int64, keys []InputKey, decide func(Batch) ([]*turn.Turn, []Hold, error)) error {
	return s.tx(ctx, "dispatch", func(tx *sql.Tx) error {
		b, err := s.loadBatch(ctx, tx, ids, keys)
		if err != nil {
			return err
		}
		turns, holds, err := decide(b)
		if err != nil {
			return err
		}
		if err := s.writeTurns(ctx, tx, turns); err != nil {
			return err
		}
		// Last, so that the hot rows are locked for the shortest time.
		return takeHolds(ctx, tx, holds)
	})
}

func (s *Store) loadBatch(ctx context.Context, tx *sql.Tx, ids []int64, keys []InputKey) (Batch, error) {
	b := Batch{Orders: map[int64]*order.Aggregate{}, Seen: map[InputKey]order.EventRow{}}
	if len(ids) == 0 {
		return b, nil
	}
	orders, err := readOrders(ctx, tx, ids, true)
	if err != nil || len(orders) == 0 {
		return b, err
	}
	var found []int64
	for i := range orders {
		b.Orders[orders[i].ID] = &order.Aggregate{Order: orders[i]}
		found = append(found, orders[i].ID)
	}
	err = s.readAttempts(ctx, tx, found, func(id int64, a *order.Attempt) {
		b.Orders[id].Attempts = append(b.Orders[id].Attempts, a)
	})
	if err != nil {
		return b, err
	}
	return b, inOrder(
		func() error { return readQuotes(ctx, tx, found, b.Orders) },
		func() error { return readCommands(ctx, tx, found, b.Orders) },
		func() error { return readSeen(ctx, tx, keys, b.Seen) },
	)
}

// readQuotes loads the present round of each order that is still looking for a carrier.
func readQuotes(ctx context.Context, tx execer, ids []int64, orders map[int64]*order.Aggregate) error {
	var open []int64
	for _, id := range ids {
		if o := orders[id]; o.Round > 0 && !o.State.Final() {
			open = append(open, id)
		}
	}
	if len(open) == 0 {
		return nil
	}
	list, args := in(open)
	// One statement for outcome and quotes: a round with an outcome and no quotes still shows.
	// The ids are named for each table: that is what spares the server the partitions of other days.
	rows, err := tx.QueryContext(ctx, `SELECT c.order_id, c.round, c.result, c.reason, c.plan, q.carrier, q.n, q.account, q.token, q.carrier_no, q.price_fen, q.expires_at, q.distance_m, q.accept_in_s, q.deliver_in_s, q.refused
 FROM quote_outcome c JOIN orders o ON o.id = c.order_id AND o.round = c.round LEFT JOIN quote q ON q.order_id = c.order_id AND q.round = c.round
 AND q.order_id IN `+list+` WHERE c.order_id IN `+list+` AND o.id IN `+list+` ORDER BY c.order_id, q.n`, slices.Concat(args, args, args)...)
	return each(rows, err, "quotes", func(r *sql.Rows) error {
		var id int64
		var c order.Outcome
		var carrier, account, token, carrierNo, refused sql.NullString
		var n, price, expires, distance, accept, deliver sql.NullInt64
		var plan []byte
		if err := r.Scan(&id, &c.Round, &c.Result, &c.Reason, &plan, &carrier, &n, &account, &token, &carrierNo, &price, &expires, &distance, &accept, &deliver, &refused); err != nil {
			return err
		}
		if len(plan) > 0 {
			if err := json.Unmarshal(plan, &c.Plan); err != nil {
				return fmt.Errorf("plan of order %d: %w", id, err)
			}
		}
		o := orders[id]
		if o.Outcome == nil {
			o.Outcome = &c
		}
		if carrier.Valid {
			o.Quotes = append(o.Quotes, order.Quote{Round: c.Round, Carrier: carrier.String, N: int(n.Int64), Account: account.String, Token: token.String,
				CarrierNo: carrierNo.String, Price: money.Fen(price.Int64), ExpiresAt: at(expires), DistanceM: int(distance.Int64),
				AcceptIn: time.Duration(accept.Int64) * time.Second, DeliverIn: time.Duration(deliver.Int64) * time.Second, Refused: refused.String})
		}
		return nil
	})
}

func readCommands(ctx context.Context, tx execer, ids []int64, orders map[int64]*order.Aggregate) error {
	list, args := in(ids)
	rows, err := tx.QueryContext(ctx, `SELECT order_id, command_key, kind, by_whom, reason, hash, received_at, epoch, args FROM order_command
 WHERE order_id IN `+list+` AND applied_version IS NULL ORDER BY order_id, received_at, command_key`, args...)
	return each(rows, err, "commands", func(r *sql.Rows) error {
		var id int64
		var c order.Command
		var received sql.NullInt64
		var args []byte
		if err := r.Scan(&id, &c.Key, &c.Kind, &c.By, &c.Reason, &c.Hash, &received, &c.Epoch, &args); err != nil {
			return err
		}
		if len(args) > 0 {
			if err := json.Unmarshal(args, &c.Args); err != nil {
				return fmt.Errorf("command %s of order %d: %w", c.Key, id, err)
			}
		}
		c.ReceivedAt = at(received)
		orders[id].Commands = append(orders[id].Commands, &c)
		return nil
	})
}

func readSeen(ctx context.Context, tx execer, keys []InputKey, seen map[InputKey]order.EventRow) error {
	if len(keys) == 0 {
		return nil
	}
	args := make([]any, 0, 2*len(keys))
	for _, k := range keys {
		args = append(args, k.Order, k.Key)
	}
	rows, err := tx.QueryContext(ctx, "SELECT order_id, input_key, decision, owes FROM order_event WHERE (order_id, input_key) IN "+pairs(len(keys)), args...)
	return each(rows, err, "inputs", func(r *sql.Rows) error {
		var k InputKey
		var e order.EventRow
		var owes []byte
		if err := r.Scan(&k.Order, &k.Key, &e.Decision, &owes); err != nil {
			return err
		}
		e.Key, e.Owes = k.Key, owes
		seen[k] = e
		return nil
	})
}

func (s *Store) writeTurns(ctx context.Context, tx *sql.Tx, turns []*turn.Turn) error {
	var orders, attempts, events, facts, refs [][]any
	for _, t := range turns {
		row, err := orderRow(&t.Order)
		if err != nil {
			return err
		}
		orders = append(orders, row)
		for _, a := range t.Attempts {
			if t.Changed[a.N] {
				row, err := s.attemptRow(t.ID, a)
				if err != nil {
					return err
				}
				attempts = append(attempts, row)
			}
		}
		owes, err := owesOf(t)
		if err != nil {
			return err
		}
		for i, e := range t.Events {
			var stored any
			if i == 0 {
				stored = owes
			}
			events = append(events, eventRow(t.ID, e, stored))
		}
		for _, f := range t.Facts {
			facts = append(facts, []any{t.ID, f.N, f.Kind, f.Seq, int64(f.Amount), f.Party, f.Account, f.Shard, clip(f.Cause, 64), f.At.UnixMilli()})
		}
		for _, r := range t.Refs {
			refs = append(refs, []any{r.Carrier, r.CarrierNo, t.ID, r.N})
		}
	}
	return inOrder(
		func() error {
			return insert{table: "orders", cols: orderCols, update: orderWritten}.exec(ctx, tx, orders)
		},
		func() error {
			return insert{table: "attempt", cols: attemptCols, update: attemptCols[2:]}.exec(ctx, tx, attempts)
		},
		func() error { return insert{table: "order_event", cols: eventCols}.exec(ctx, tx, events) },
		func() error { return insert{table: "fact", cols: factCols}.exec(ctx, tx, facts) },
		func() error { return insert{table: "carrier_ref", cols: refCols, keep: true}.exec(ctx, tx, refs) },
		func() error { return unpark(ctx, tx, turns) },
		func() error { return markCommands(ctx, tx, turns) },
	)
}

var (
	eventCols = []string{"order_id", "input_key", "version", "n", "kind", "from_name", "to_name", "decision", "milestone", "at", "detail", "owes"}
	refCols   = []string{"carrier", "carrier_no", "order_id", "n"}
	factCols  = []string{"order_id", "n", "kind", "seq", "amount", "party", "account", "shard", "cause", "at"}
)

func eventRow(id int64, e order.EventRow, owes any) []any {
	var version, detail any
	if e.Version > 0 {
		version = e.Version
	}
	if len(e.Detail) > 0 {
		detail = string(e.Detail)
	}
	return []any{id, e.Key, version, e.N, e.Kind, clip(e.From, 16), clip(e.To, 16), e.Decision, e.Milestone, e.At.UnixMilli(), detail, owes}
}

// owesOf is everything that the turn owes, kept with its first line of history.
func owesOf(t *turn.Turn) (any, error) {
	if len(t.Owed) == 0 {
		return nil, nil
	}
	raw, err := json.Marshal(t.Owed)
	if err != nil {
		return nil, fmt.Errorf("obligations of order %d: %w", t.ID, err)
	}
	return string(raw), nil
}

func markCommands(ctx context.Context, tx *sql.Tx, turns []*turn.Turn) error {
	for _, t := range turns {
		for _, c := range t.Decided {
			_, err := tx.ExecContext(ctx, "UPDATE order_command SET applied_version = COALESCE(applied_version, ?), decision = ? WHERE order_id = ? AND command_key = ?",
				max(1, c.Applied), clip(c.Decision, 255), t.ID, c.Key)
			if err != nil {
				return fmt.Errorf("mark command: %w", err)
			}
		}
	}
	return nil
}

// unpark hurries the parked events of carrier numbers that have just become known: the
// transaction that inserts a carrier_ref owes them to their order.
func unpark(ctx context.Context, tx *sql.Tx, turns []*turn.Turn) error {
	var args []any
	for _, t := range turns {
		for _, r := range t.Refs {
			args = append(args, r.Carrier, r.CarrierNo)
		}
	}
	if len(args) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, "UPDATE parked_event SET due_at = 0 WHERE due_at IS NOT NULL AND (carrier, carrier_no) IN "+pairs(len(args)/2), args...)
	if err != nil {
		return fmt.Errorf("unpark: %w", err)
	}
	return nil
}

// FindRefs resolves carriers' own numbers to attempts: (carrier, carrier number) → (order, n).
func (s *Store) FindRefs(ctx context.Context, refs []turn.Ref) (map[turn.Ref]InputRef, error) {
	return findRefs(ctx, s.db, refs)
}

func findRefs(ctx context.Context, db execer, refs []turn.Ref) (map[turn.Ref]InputRef, error) {
	out := map[turn.Ref]InputRef{}
	if len(refs) == 0 {
		return out, nil
	}
	args := make([]any, 0, 2*len(refs))
	for _, r := range refs {
		args = append(args, r.Carrier, r.CarrierNo)
	}
	rows, err := db.QueryContext(ctx, "SELECT carrier, carrier_no, order_id, n FROM carrier_ref WHERE (carrier, carrier_no) IN "+pairs(len(refs)), args...)
	err = each(rows, err, "carrier numbers", func(r *sql.Rows) error {
		var k turn.Ref
		var v InputRef
		if err := r.Scan(&k.Carrier, &k.CarrierNo, &v.Order, &v.N); err != nil {
			return err
		}
		out[k] = v
		return nil
	})
	return out, err
}

// InputRef is the attempt that a carrier's number stands for.
type InputRef struct {
	Order int64
	N     int
}
