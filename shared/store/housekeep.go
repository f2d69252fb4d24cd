package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/order"
)

// HousekeepOptions say what is old. Ids carry the system clock, so days of orders go by it;
// rows that have an instant of their own go by the virtual clock.
type HousekeepOptions struct {
	System    time.Time
	Virtual   time.Time
	Retention time.Duration // of orders and their keys; default 92 days
	Every     time.Duration // of system time, default an hour; a call that comes sooner does nothing
	MaxMove   int           // rows that may be moved to split the last partition, default 50,000
	Late      func() bool   // asked between steps: stop, the rest comes next time; nil = never
}

// HousekeepReport is what was done.
type HousekeepReport struct {
	Ran        bool // false: done within the hour, or another instance is at it
	Created    []string
	Dropped    []string       // as "orders p20261111"
	Purged     map[string]int // rows by table
	Kept       string         // why the oldest day that could go must stay; empty = nothing is kept
	Full       []string       // tables whose last partition has more rows than may be moved
	Unfinished bool           // Late stopped it: it goes on next time
}

// Idle reports whether there is nothing to tell.
func (r HousekeepReport) Idle() bool {
	return len(r.Created) == 0 && len(r.Dropped) == 0 && len(r.Purged) == 0 && r.Kept == "" && len(r.Full) == 0 && !r.Unfinished
}

// Names in the table housekeeping.
const (
	keptDone    = "done"    // system instant at which housekeeping was last done, unix milliseconds
	keptRetired = "retired" // orders with lesser ids are gone or going
)

// How long rows are kept that no order needs, in virtual time: longer than anybody repeats
// what they guard against.
const (
	keepIntakeBatch = 7 * dayLength  // a broker asks about a half message for hours at most
	keepParked      = 30 * dayLength // decided ones
	keepDeadLetter  = 30 * dayLength // done ones; redriven ones as long as orders
	keepOrders      = 92 * dayLength
)

// Housekeep creates the partitions of the next days, drops days past their retention in
// which nothing is owed any more, and purges small tables by age, under a lock, so that one
// instance does it. What could be done is in the report even with an error.
func (s *Store) Housekeep(ctx context.Context, o HousekeepOptions) (report HousekeepReport, err error) {
	o.Retention, o.Every, o.MaxMove = cmp.Or(o.Retention, keepOrders), cmp.Or(o.Every, time.Hour), cmp.Or(o.MaxMove, 50_000)
	if o.Late == nil {
		o.Late = func() bool { return false }
	}
	// Most calls end here.
	if due, err := housekeepingDue(ctx, s.db, o); err != nil || !due {
		return report, err
	}
	db, err := s.upkeep(keeperSetup)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx) // one for all: locks end with their connection
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	unlock, got, err := namedLock(ctx, conn, "housekeeping", 0)
	if err != nil || !got {
		return report, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if due, err := housekeepingDue(ctx, conn, o); err != nil || !due { // another instance has just done it
		return report, err
	}
	k := keeper{db: conn, o: o, report: HousekeepReport{Ran: true, Purged: map[string]int{}}}
	err = k.keep(ctx)
	return k.report, err
}

// housekeepingDue reports whether the last time is long enough ago.
func housekeepingDue(ctx context.Context, db execer, o HousekeepOptions) (bool, error) {
	done, err := keptValue(ctx, db, keptDone)
	// An instant far ahead is of an instance whose clock was wrong: nobody must wait until then.
	return err == nil && o.System.Sub(time.UnixMilli(done)).Abs() >= o.Every, err
}

// keptValue reads a line of the table housekeeping; 0 = not yet there.
func keptValue(ctx context.Context, db execer, name string) (value int64, err error) {
	rows, err := db.QueryContext(ctx, "SELECT value FROM housekeeping WHERE name = ?", name)
	err = each(rows, err, "housekeeping", func(r *sql.Rows) error { return r.Scan(&value) })
	return value, err
}

// keeper does it once.
type keeper struct {
	db     *sql.Conn
	o      HousekeepOptions
	report HousekeepReport
}

// keep does the parts, each whatever became of the others: yesterday's trouble must not keep
// tomorrow's partitions away.
func (k *keeper) keep(ctx context.Context) error {
	err := errors.Join(k.ahead(ctx), k.retire(ctx), k.purge(ctx))
	if err != nil || k.report.Unfinished {
		return err
	}
	return k.remember(ctx, keptDone, k.o.System.UnixMilli())
}

func (k *keeper) remember(ctx context.Context, name string, value int64) error {
	if _, err := k.db.ExecContext(ctx, "INSERT INTO housekeeping (name, value) VALUES (?, ?) ON DUPLICATE KEY UPDATE value = VALUES(value)", name, value); err != nil {
		return fmt.Errorf("remember housekeeping: %w", err)
	}
	return nil
}

// stop reports whether time is up, and notes it.
func (k *keeper) stop() bool {
	k.report.Unfinished = k.report.Unfinished || k.o.Late()
	return k.report.Unfinished
}

// upkeepTries of one change, a second of waiting each.
const upkeepTries = 3

// ahead creates the partitions of today and the next days.
func (k *keeper) ahead(ctx context.Context) error {
	var errs []error
	for _, t := range dayTables {
		if k.stop() {
			break
		}
		if err := k.extend(ctx, t); err != nil {
			errs = append(errs, fmt.Errorf("partitions of %s: %w", t.name, err))
		}
	}
	return errors.Join(errs...)
}

// extend cuts the missing days off the table's last partition. That one is empty unless
// nobody kept house for days; its rows are moved, which blocks writers, so not too many.
func (k *keeper) extend(ctx context.Context, t dayTable) error {
	there, err := partitionsOf(ctx, k.db, t.name)
	if err != nil {
		return err
	}
	missing, err := k.missing(ctx, t, days(there))
	if err != nil || len(missing) == 0 {
		return err
	}
	rows, err := k.count(ctx, t.name+" PARTITION ("+lastPartition+")", "TRUE", k.o.MaxMove+1)
	if err != nil {
		return err
	}
	if rows > k.o.MaxMove {
		k.report.Full = append(k.report.Full, t.name)
		return nil
	}
	if err := alter(ctx, k.db, upkeepTries, "ALTER TABLE "+t.name+" REORGANIZE PARTITION "+lastPartition+" INTO "+list(missing)); err != nil {
		return err
	}
	for _, p := range missing {
		k.report.Created = append(k.report.Created, t.name+" "+p.name)
	}
	return nil
}

// missing are the days after the last one that is there, or since the first row that is in
// the last partition, until some days ahead.
func (k *keeper) missing(ctx context.Context, t dayTable, there []partition) ([]partition, error) {
	until := k.o.System.Add(aheadDays * dayLength)
	if n := len(there); n > 0 {
		last := there[n-1].below
		if last >= firstID(dayOf(until).Add(dayLength)) {
			return nil, nil
		}
		return daysBetween(order.IDTime(last), until), nil
	}
	first, _, any, err := t.span(ctx, k.db, " PARTITION ("+lastPartition+")")
	if err != nil || !any || first.After(k.o.System) {
		first = k.o.System
	}
	return daysBetween(first, until), err
}

// count counts the rows of a table that meet a condition, up to a limit.
func (k *keeper) count(ctx context.Context, from, where string, limit int, args ...any) (int, error) {
	var n int
	err := k.db.QueryRowContext(ctx, fmt.Sprintf("SELECT COUNT(*) FROM (SELECT 1 FROM %s WHERE %s LIMIT %d) x", from, where, limit), args...).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count %s: %w", from, err)
	}
	return n, nil
}
