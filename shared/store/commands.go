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

// NewCommand is an acknowledged wish to be stored.
type NewCommand struct {
	Platform string
	No       string
	Command  order.Command
}

// CommandStored is what became of a NewCommand.
type CommandStored struct {
	OrderID   int64
	State     order.State
	Repeat    bool
	Conflict  bool // the same key with other content
	Tombstone bool // the order is not known yet: its create will be stored as cancelled
}

// Commands stores wishes and lowers the due times of their orders, all or none. Locks are
// taken as everywhere: keys sorted, then orders by id.
func (s *Store) Commands(ctx context.Context, commands []NewCommand, now time.Time) ([]CommandStored, error) {
	var out []CommandStored
	if len(commands) == 0 {
		return nil, nil
	}
	err := s.tx(ctx, "store commands", func(tx *sql.Tx) error {
		ids, err := ordersOf(ctx, tx, commands, now)
		if err != nil {
			return err
		}
		out = make([]CommandStored, len(commands))
		for i, c := range commands {
			id := ids[keyed{c.Platform, c.No}]
			out[i] = CommandStored{OrderID: id, Tombstone: id == 0}
		}
		return addCommands(ctx, tx, commands, out, now)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ordersOf finds the orders of commands; unknown ones get a tombstone and are 0.
func ordersOf(ctx context.Context, tx *sql.Tx, commands []NewCommand, now time.Time) (map[keyed]int64, error) {
	keys := make([]keyed, len(commands))
	for i, c := range commands {
		keys[i] = keyed{c.Platform, c.No}
	}
	slices.SortFunc(keys, func(a, b keyed) int {
		return cmp.Or(cmp.Compare(a.platform, b.platform), cmp.Compare(a.no, b.no))
	})
	keys = slices.Compact(keys)
	var rows [][]any
	var args []any
	for _, k := range keys {
		rows = append(rows, []any{k.platform, k.no, 0, "", now.UnixMilli()})
		args = append(args, k.platform, k.no)
	}
	tombstones := insert{table: "order_key", cols: []string{"platform", "no", "order_id", "hash", "tombstone_at"}, keep: true}
	if err := tombstones.exec(ctx, tx, rows); err != nil {
		return nil, err
	}
	ids := map[keyed]int64{}
	found, err := tx.QueryContext(ctx, "SELECT platform, no, order_id FROM order_key WHERE (platform, no) IN "+pairs(len(keys)), args...)
	err = each(found, err, "order keys", func(r *sql.Rows) error {
		var k keyed
		var id int64
		err := r.Scan(&k.platform, &k.no, &id)
		ids[k] = id
		return err
	})
	return ids, err
}

// addCommands writes those that are new under their orders' locks.
func addCommands(ctx context.Context, tx *sql.Tx, commands []NewCommand, out []CommandStored, now time.Time) error {
	var ids []int64
	for _, c := range out {
		if c.OrderID != 0 {
			ids = append(ids, c.OrderID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	ids = sorted(ids)
	states, err := lockStates(ctx, tx, ids)
	if err != nil {
		return err
	}
	known, err := commandHashes(ctx, tx, ids)
	if err != nil {
		return err
	}
	var rows [][]any
	var hurried []int64
	for i, c := range commands {
		o := &out[i]
		if o.OrderID == 0 {
			continue
		}
		k := c.Command
		state, there := states[o.OrderID]
		if !there { // past its retention: only its number is left, for a while
			*o = CommandStored{Tombstone: true}
			continue
		}
		o.State = state
		hash, exists := known[InputKey{o.OrderID, k.Key}]
		if exists {
			o.Repeat, o.Conflict = true, hash != k.Hash
			continue
		}
		known[InputKey{o.OrderID, k.Key}] = k.Hash
		hurried = append(hurried, o.OrderID)
		args, err := json.Marshal(k.Args)
		if err != nil {
			return err
		}
		rows = append(rows, []any{o.OrderID, k.Key, k.Kind, clip(k.By, 32), clip(k.Reason, 255), k.Hash, k.ReceivedAt.UnixMilli(), k.Epoch, string(args)})
	}
	if len(rows) == 0 {
		return nil
	}
	if err := (insert{table: "order_command", cols: commandCols}).exec(ctx, tx, rows); err != nil {
		return err
	}
	list, args := in(sorted(hurried))
	_, err = tx.ExecContext(ctx, "UPDATE orders SET act_at = LEAST(COALESCE(act_at, ?), ?) WHERE id IN "+list, append([]any{now.UnixMilli(), now.UnixMilli()}, args...)...)
	if err != nil {
		return fmt.Errorf("hurry orders: %w", err)
	}
	return nil
}

var commandCols = []string{"order_id", "command_key", "kind", "by_whom", "reason", "hash", "received_at", "epoch", "args"}

func lockStates(ctx context.Context, tx *sql.Tx, ids []int64) (map[int64]order.State, error) {
	states := map[int64]order.State{}
	list, args := in(ids)
	rows, err := tx.QueryContext(ctx, "SELECT id, state FROM orders WHERE id IN "+list+" ORDER BY id FOR UPDATE", args...)
	err = each(rows, err, "states", func(r *sql.Rows) error {
		var id int64
		var state order.State
		err := r.Scan(&id, &state)
		states[id] = state
		return err
	})
	return states, err
}

func commandHashes(ctx context.Context, tx *sql.Tx, ids []int64) (map[InputKey]string, error) {
	known := map[InputKey]string{}
	list, args := in(ids)
	rows, err := tx.QueryContext(ctx, "SELECT order_id, command_key, hash FROM order_command WHERE order_id IN "+list, args...)
	err = each(rows, err, "commands", func(r *sql.Rows) error {
		var k InputKey
		var hash string
		err := r.Scan(&k.Order, &k.Key, &hash)
		known[k] = hash
		return err
	})
	return known, err
}
