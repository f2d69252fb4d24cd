package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// debts are what keeps a day: conditions on rows with ids below a bound. Each is also an
// obligation of its order, but a day is too much to lose to one wrong column.
var debts = []struct {
	table, where, what string
}{
	{"orders", "id < ? AND wake_at IS NOT NULL", "orders are not closed"},
	{"fact", "order_id < ? AND posted_at IS NULL", "facts are not posted"},
	{"order_command", "order_id < ? AND applied_version IS NULL", "commands are not answered"},
	{"attempt", "order_id < ? AND held_fen <> 0", "attempts hold money"},
}

// maxRetired days leave at once.
const maxRetired = 8

// retire drops days past their retention, the oldest first and none before an older one: a
// day that must stay is told rather than stepped over.
func (k *keeper) retire(ctx context.Context) error {
	cut := firstID(k.o.System.Add(-k.o.Retention))
	for range maxRetired {
		all, err := partitionsOf(ctx, k.db, "orders")
		if err != nil {
			return err
		}
		there := days(all)
		if len(there) == 0 || there[0].below > cut || k.stop() {
			break
		}
		owed, err := k.owed(ctx, there[0])
		if err != nil {
			return err
		}
		if owed == "" {
			owed, err = k.retireOrders(ctx, there[0])
		}
		if err != nil {
			return err
		}
		if owed != "" {
			k.report.Kept = there[0].name + ": " + owed
			break
		}
	}
	return k.follow(ctx)
}

// owed says what is owed about orders up to a day; empty = nothing.
func (k *keeper) owed(ctx context.Context, p partition) (string, error) {
	for _, d := range debts {
		n, err := k.count(ctx, d.table, d.where, 1000, p.below)
		if err != nil {
			return "", err
		}
		if n > 0 {
			return fmt.Sprintf("%d %s", n, d.what), nil
		}
	}
	return "", nil
}

// retireOrders drops a day of orders. Before it is gone, checks of other tables leave it
// out; nobody writes between the last look at what is owed and the end of the day.
func (k *keeper) retireOrders(ctx context.Context, p partition) (owed string, err error) {
	if err := k.remember(ctx, keptRetired, p.below); err != nil {
		return "", err
	}
	if err := alter(ctx, k.db, upkeepTries, "LOCK TABLES orders WRITE"); err != nil {
		return "", err
	}
	defer func() {
		_, failed := k.db.ExecContext(context.WithoutCancel(ctx), "UNLOCK TABLES")
		err = errors.Join(err, failed)
	}()
	open, err := k.count(ctx, "orders", debts[0].where, 1, p.below)
	if err != nil || open > 0 {
		return debts[0].what, err
	}
	return "", k.drop(ctx, "orders", p)
}

func (k *keeper) drop(ctx context.Context, table string, p partition) error {
	if err := alter(ctx, k.db, upkeepTries, "ALTER TABLE "+table+" DROP PARTITION "+p.name); err != nil {
		return err
	}
	k.report.Dropped = append(k.report.Dropped, table+" "+p.name)
	return nil
}

// follow drops from the other tables the days that orders has no more.
func (k *keeper) follow(ctx context.Context) error {
	retired, err := k.retired(ctx)
	if err != nil || retired == 0 {
		return err
	}
	var errs []error
	for _, t := range dayTables[1:] {
		all, err := partitionsOf(ctx, k.db, t.name)
		for _, p := range days(all) {
			if p.below <= retired && err == nil && !k.stop() {
				err = k.drop(ctx, t.name, p)
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// retired is the id below which orders are gone; 0 = none, or a day is only about to go.
func (k *keeper) retired(ctx context.Context) (int64, error) {
	retired, err := keptValue(ctx, k.db, keptRetired)
	if err != nil || retired == 0 {
		return 0, err
	}
	all, err := partitionsOf(ctx, k.db, "orders")
	if there := days(all); err != nil || len(there) > 0 && there[0].below <= retired {
		return 0, err
	}
	return retired, nil
}

const (
	purgeChunk  = 1000 // rows of one statement
	purgeChunks = 300  // of one table at once
)

// purge deletes old rows of the tables that are not partitioned, in small statements.
func (k *keeper) purge(ctx context.Context) error {
	retired, err := k.retired(ctx)
	if err != nil {
		return err
	}
	before := func(d time.Duration) int64 { return k.o.Virtual.Add(-d).UnixMilli() }
	var errs []error
	for _, p := range []struct {
		table, where string
		bound        int64
	}{
		{"order_key", "order_id > 0 AND order_id < ? ORDER BY order_id", retired},
		{"order_key", "order_id = 0 AND tombstone_at < ?", before(k.o.Retention)},
		{"carrier_ref", "order_id < ? ORDER BY order_id", retired},
		{"intake_batch", "at < ? ORDER BY at", before(keepIntakeBatch)},
		{"parked_event", "due_at IS NULL AND first_at < ? ORDER BY first_at", before(keepParked)},
		{"dead_letter", "state = 'done' AND at < ? ORDER BY at", before(keepDeadLetter)},
		{"dead_letter", "state = 'redriven' AND at < ? ORDER BY at", before(k.o.Retention)},
	} {
		n, err := k.delete(ctx, p.table, p.where, p.bound)
		if n > 0 {
			k.report.Purged[p.table] += n
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (k *keeper) delete(ctx context.Context, table, where string, bound int64) (total int, err error) {
	for range purgeChunks {
		if k.stop() {
			return total, nil
		}
		var n int64
		err := again(ctx, "purge "+table, func() error {
			res, err := k.db.ExecContext(ctx, fmt.Sprintf("DELETE FROM %s WHERE %s LIMIT %d", table, where, purgeChunk), bound)
			if err == nil {
				n, err = res.RowsAffected()
			}
			return err
		})
		total += int(n)
		if err != nil || n < purgeChunk {
			return total, err
		}
	}
	k.report.Unfinished = true // the rest comes with the next call
	return total, nil
}
