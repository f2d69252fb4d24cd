package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// NewCommand is an acknowledged wish to be stored.
type NewCommand struct {
	Platform string
	No       string
	OrderID  int64 // set: the order is named by our id, and Platform and No are not looked at
	Command  order.Command
	// Amend is what the command changes about the delivery: the new detail is sealed in the
	// command's own transaction. Nil = nothing. Its error refuses the command. It may run again
	// after a deadlock.
	Amend func(order.Detail) (order.Detail, error)
	// ByHand is the system time of a person's act, which leaves an audit row; zero = a platform's wish.
	ByHand time.Time
}

// cancels reports whether the wish is a platform's cancel: it may come before its order, and
// it is stored whatever the order's state is, because the platform wants it decided.
func (c NewCommand) cancels() bool {
	return c.OrderID == 0 && c.Command.Kind == order.CommandCancel
}

// needsOpen reports whether the wish has no sense once the order is over.
func (c NewCommand) needsOpen() bool {
	return !c.cancels() && c.Command.Kind != order.CommandResolve
}

// missing is the answer for an order that is not there.
func (c NewCommand) missing() CommandStored {
	return CommandStored{Tombstone: c.cancels(), Unknown: !c.cancels()}
}

// CommandStored is what became of a NewCommand.
type CommandStored struct {
	OrderID   int64
	State     order.State
	Version   int       // of the order, when the command was stored
	Fee       money.Fen // what the platform pays for a delivery
	Repeat    bool
	Conflict  bool  // the same key with other content, or a change without a key that another has undone since
	Tombstone bool  // the order of a cancel is not known yet: its create will be stored as cancelled
	Unknown   bool  // the order is not known, and nothing was stored
	Closed    bool  // the order is over, and nothing was stored
	Refused   error // Amend's: nothing was stored
}

// Fresh reports whether the command was stored now.
func (c CommandStored) Fresh() bool {
	return c.OrderID != 0 && !c.Repeat && !c.Closed && c.Refused == nil
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
			id := cmp.Or(c.OrderID, ids[keyed{c.Platform, c.No}])
			if out[i] = c.missing(); id != 0 {
				out[i] = CommandStored{OrderID: id}
			}
		}
		return s.addCommands(ctx, tx, commands, out, now)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ordersOf finds the orders of commands; unknown ones are 0, and those of cancels get a tombstone.
func ordersOf(ctx context.Context, tx *sql.Tx, commands []NewCommand, now time.Time) (map[keyed]int64, error) {
	var keys []keyed
	early := map[keyed]bool{}
	for _, c := range commands {
		if c.OrderID == 0 {
			k := keyed{c.Platform, c.No}
			keys = append(keys, k)
			early[k] = early[k] || c.cancels()
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	slices.SortFunc(keys, func(a, b keyed) int {
		return cmp.Or(cmp.Compare(a.platform, b.platform), cmp.Compare(a.no, b.no))
	})
	keys = slices.Compact(keys)
	var rows [][]any
	var args []any
	for _, k := range keys {
		if early[k] {
			rows = append(rows, []any{k.platform, k.no, 0, "", now.UnixMilli()})
		}
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
func (s *Store) addCommands(ctx context.Context, tx *sql.Tx, commands []NewCommand, out []CommandStored, now time.Time) error {
	fresh, err := freshCommands(ctx, tx, commands, out)
	if err != nil {
		return err
	}
	details, err := s.amended(ctx, tx, commands, out, fresh)
	if err != nil {
		return err
	}
	if err := s.undone(ctx, tx, commands, out, details); err != nil {
		return err
	}
	fresh = slices.DeleteFunc(fresh, func(i int) bool { return out[i].Refused != nil })
	if len(fresh) == 0 {
		return nil
	}
	var rows [][]any
	var hurried []int64
	for _, i := range fresh {
		k := commands[i].Command
		args, err := json.Marshal(k.Args)
		if err != nil {
			return err
		}
		hurried = append(hurried, out[i].OrderID)
		rows = append(rows, []any{out[i].OrderID, k.Key, k.Kind, clip(k.By, 32), clip(k.Reason, 255), k.Hash, k.ReceivedAt.UnixMilli(), k.Epoch, string(args)})
	}
	list, args := in(sorted(hurried))
	return inOrder(
		func() error { return insert{table: "order_command", cols: commandCols}.exec(ctx, tx, rows) },
		func() error {
			_, err := tx.ExecContext(ctx, "UPDATE orders"+byID+"SET act_at = LEAST(COALESCE(act_at, ?), ?) WHERE id IN "+list, append([]any{now.UnixMilli(), now.UnixMilli()}, args...)...)
			if err != nil {
				return fmt.Errorf("hurry orders: %w", err)
			}
			return nil
		},
		func() error { return s.writeDetails(ctx, tx, details) },
		func() error { return auditCommands(ctx, tx, commands, out, fresh) },
	)
}

// freshCommands locks the orders, says in out what is known already, and gives the indexes of
// the commands that are to be written.
func freshCommands(ctx context.Context, tx *sql.Tx, commands []NewCommand, out []CommandStored) ([]int, error) {
	var ids []int64
	for _, c := range out {
		if c.OrderID != 0 {
			ids = append(ids, c.OrderID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	ids = sorted(ids)
	orders, err := lockStates(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	known, err := commandHashes(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	var fresh []int
	for i, c := range commands {
		o := &out[i]
		if o.OrderID == 0 {
			continue
		}
		at, there := orders[o.OrderID]
		if !there { // past its retention: only its number is left, for a while
			*o = c.missing()
			continue
		}
		o.State, o.Version, o.Fee = at.state, at.version, at.fee
		key := InputKey{o.OrderID, c.Command.Key}
		hash, exists := known[key]
		switch {
		case exists:
			o.Repeat, o.Conflict = true, hash != c.Command.Hash
		case c.needsOpen() && at.state.Final():
			o.Closed = true
		default:
			known[key] = c.Command.Hash
			fresh = append(fresh, i)
		}
	}
	return fresh, nil
}

// undone finds the repeats of changes that no longer hold: back and forth and back again. A
// change that its sender has not named (its key is its content) may be a wish of its own then,
// and nothing tells. It must not be called done. changed are the details that are new now.
func (s *Store) undone(ctx context.Context, tx *sql.Tx, commands []NewCommand, out []CommandStored, changed map[int64]Detail) error {
	var ids []int64
	nameless := func(i int) bool {
		c := commands[i]
		return c.Amend != nil && c.Command.Key == c.Command.Hash && out[i].Repeat && !out[i].Conflict
	}
	for i := range commands {
		if nameless(i) {
			ids = append(ids, out[i].OrderID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	details, err := s.readDetails(ctx, tx, ids)
	if err != nil {
		return err
	}
	maps.Copy(details, changed)
	for i, c := range commands {
		if !nameless(i) {
			continue
		}
		had := details[out[i].OrderID].Detail
		now, err := c.Amend(had)
		out[i].Conflict = err == nil && !reflect.DeepEqual(now, had)
	}
	return nil
}

// amended applies the changes of commands to the details of their orders, one after the other,
// and gives the details that are new. A change that is refused leaves its detail as it is.
func (s *Store) amended(ctx context.Context, tx *sql.Tx, commands []NewCommand, out []CommandStored, fresh []int) (map[int64]Detail, error) {
	var ids []int64
	for _, i := range fresh {
		if commands[i].Amend != nil {
			ids = append(ids, out[i].OrderID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	details, err := s.readDetails(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	changed := map[int64]Detail{}
	for _, i := range fresh {
		id, amend := out[i].OrderID, commands[i].Amend
		if amend == nil {
			continue
		}
		d := details[id]
		if d.Detail, out[i].Refused = amend(d.Detail); out[i].Refused == nil {
			details[id], changed[id] = d, d
			continue
		}
		for k := range out { // what came twice at once is refused twice
			if out[k].OrderID == id && out[k].Repeat && commands[k].Command.Key == commands[i].Command.Key {
				out[k].Repeat, out[k].Refused = false, out[i].Refused
			}
		}
	}
	return changed, nil
}

func (s *Store) writeDetails(ctx context.Context, tx *sql.Tx, details map[int64]Detail) error {
	for _, id := range slices.Sorted(maps.Keys(details)) {
		sealed, err := s.sealer.Seal(details[id])
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE order_detail SET sealed = ? WHERE order_id = ?", sealed, id); err != nil {
			return fmt.Errorf("amend order %d: %w", id, err)
		}
	}
	return nil
}

// auditCommands leaves a line for each command that a person gave.
func auditCommands(ctx context.Context, tx *sql.Tx, commands []NewCommand, out []CommandStored, fresh []int) error {
	for _, i := range fresh {
		c := commands[i]
		if c.ByHand.IsZero() {
			continue
		}
		k := c.Command
		after := map[string]any{"key": k.Key, "args": k.Args, "reason": clip(k.Reason, 255), "epoch": k.Epoch}
		before := map[string]any{"state": out[i].State, "version": out[i].Version}
		if err := audit(ctx, tx, Act{By: k.By, At: c.ByHand}, "order "+k.Kind, fmt.Sprintf("order/%d", out[i].OrderID), before, after); err != nil {
			return err
		}
	}
	return nil
}

var commandCols = []string{"order_id", "command_key", "kind", "by_whom", "reason", "hash", "received_at", "epoch", "args"}

// standing is where an order stands.
type standing struct {
	state   order.State
	version int
	fee     money.Fen
}

func lockStates(ctx context.Context, tx *sql.Tx, ids []int64) (map[int64]standing, error) {
	states := map[int64]standing{}
	list, args := in(ids)
	rows, err := tx.QueryContext(ctx, "SELECT id, state, version, fee_fen FROM orders"+byID+"WHERE id IN "+list+" ORDER BY id FOR UPDATE", args...)
	err = each(rows, err, "states", func(r *sql.Rows) error {
		var id int64
		var at standing
		err := r.Scan(&id, &at.state, &at.version, &at.fee)
		states[id] = at
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
