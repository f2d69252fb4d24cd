package store

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/order"
)

// dayTable is a table about one order, partitioned by the day of the order's id.
type dayTable struct{ name, id string }

// dayTables in the order in which a day leaves them: first the orders, so that whatever is
// still there without its order is only on its way out.
var dayTables = []dayTable{
	{"orders", "id"}, {"attempt", "order_id"}, {"order_detail", "order_id"}, {"quote", "order_id"}, {"quote_outcome", "order_id"},
	{"order_event", "order_id"}, {"order_command", "order_id"}, {"fact", "order_id"},
}

// partition holds the ids below a bound that no earlier one holds.
type partition struct {
	name  string
	below int64 // math.MaxInt64 of the last one, which takes whatever comes
}

const (
	lastPartition = "pmax"
	aheadDays     = 3   // days that are there before they begin
	maxDays       = 400 // in one statement; older rows share the first day
	dayLength     = 24 * time.Hour
)

// business is where a day begins: at midnight in Shanghai, far from the meal peaks.
var business = time.FixedZone("Asia/Shanghai", 8*3600)

// firstID is the least id that can be minted at an instant (of the system clock) or later.
func firstID(at time.Time) int64 {
	const randomBits = 22 // below the milliseconds
	return max(0, at.Sub(order.IDTime(0)).Milliseconds()) << randomBits
}

// dayOf is the beginning of the business day of an instant.
func dayOf(at time.Time) time.Time {
	at = at.In(business)
	return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, business)
}

// daysBetween are the partitions of the days from the first to the last, both included.
func daysBetween(first, last time.Time) []partition {
	first, last = dayOf(first), dayOf(last)
	if earliest := last.Add(-(maxDays - 1) * dayLength); first.Before(earliest) {
		first = earliest
	}
	var out []partition
	for day := first; !day.After(last); day = day.Add(dayLength) {
		out = append(out, partition{"p" + day.Format("20060102"), firstID(day.Add(dayLength))})
	}
	return out
}

// partitionBy is the statement that partitions the table.
func (t dayTable) partitionBy(days []partition) string {
	return "ALTER TABLE " + t.name + " PARTITION BY RANGE (" + t.id + ") " + list(days)
}

// span are the instants in which the least and the greatest id of the table, or of one of its
// partitions, were minted; false = it is empty.
func (t dayTable) span(ctx context.Context, db execer, of string) (first, last time.Time, any bool, err error) {
	var least, most sql.NullInt64
	rows, err := db.QueryContext(ctx, "SELECT MIN("+t.id+"), MAX("+t.id+") FROM "+t.name+of)
	err = each(rows, err, "ids of "+t.name, func(r *sql.Rows) error { return r.Scan(&least, &most) })
	return order.IDTime(least.Int64), order.IDTime(most.Int64), least.Valid, err
}

// split partitions a table that is not: by the days of its rows and some ahead. An empty one
// has only the last partition, until housekeeping adds today's.
func (t dayTable) split(ctx context.Context, db execer) error {
	there, err := partitionsOf(ctx, db, t.name)
	if err != nil || len(there) > 0 {
		return err
	}
	first, last, any, err := t.span(ctx, db, "")
	if err != nil {
		return err
	}
	var days []partition
	if any {
		days = daysBetween(first, last.Add(aheadDays*dayLength))
	}
	return alter(ctx, db, migrationTries, t.partitionBy(days))
}

// list is the definition of partitions in SQL, with the last one that takes whatever comes.
func list(days []partition) string {
	var b strings.Builder
	for _, p := range days {
		fmt.Fprintf(&b, "PARTITION %s VALUES LESS THAN (%d), ", p.name, p.below)
	}
	return "(" + b.String() + "PARTITION " + lastPartition + " VALUES LESS THAN MAXVALUE)"
}

// partitionsOf reads a table's partitions, the earliest first; none = it is not partitioned.
func partitionsOf(ctx context.Context, db execer, table string) ([]partition, error) {
	var out []partition
	rows, err := db.QueryContext(ctx, `SELECT partition_name, partition_description FROM information_schema.partitions
 WHERE table_schema = DATABASE() AND table_name = ? AND partition_name IS NOT NULL ORDER BY partition_ordinal_position`, table)
	err = each(rows, err, "partitions of "+table, func(r *sql.Rows) error {
		p := partition{below: math.MaxInt64}
		var bound string
		if err := r.Scan(&p.name, &bound); err != nil {
			return err
		}
		if bound != "MAXVALUE" {
			var err error
			if p.below, err = strconv.ParseInt(bound, 10, 64); err != nil {
				return err
			}
		}
		out = append(out, p)
		return nil
	})
	return out, err
}

// days leaves out the last partition.
func days(all []partition) []partition {
	for i, p := range all {
		if p.below == math.MaxInt64 {
			return all[:i]
		}
	}
	return all
}

// alter changes a table, again a few times when its turn does not come: while it waits, it
// holds up everybody behind it, so each wait is short.
func alter(ctx context.Context, db execer, tries int, statement string) error {
	var err error
	for range tries {
		if _, err = db.ExecContext(ctx, statement); !contended(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("%.60s…: %w", statement, err)
	}
	return nil
}

// housekeepingTable remembers what housekeeping must know of itself: see the names below.
const housekeepingTable = `CREATE TABLE IF NOT EXISTS housekeeping (
  name  VARCHAR(32) NOT NULL PRIMARY KEY,
  value BIGINT      NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`

// ageIndex is added without holding anybody up.
type ageIndex struct{ table, name, change string }

func (x ageIndex) statement() string {
	return "ALTER TABLE " + x.table + " " + x.change + ", ALGORITHM=INPLACE, LOCK=NONE"
}

// ageIndexes let the small tables be purged by age.
var ageIndexes = []ageIndex{
	{"order_key", "order_key_order", "ADD KEY order_key_order (order_id)"},
	{"carrier_ref", "carrier_ref_order", "ADD KEY carrier_ref_order (order_id)"},
	{"intake_batch", "intake_batch_at", "ADD KEY intake_batch_at (at)"},
	{"parked_event", "parked_age", "ADD KEY parked_age (due_at, first_at), DROP KEY parked_due"},
	{"dead_letter", "dead_age", "ADD KEY dead_age (state, at)"},
}

// partitionSteps are the statements of migration 2 on an empty database.
func partitionSteps() []string {
	steps := []string{housekeepingTable}
	for _, x := range ageIndexes {
		steps = append(steps, x.statement())
	}
	for _, t := range dayTables {
		steps = append(steps, t.partitionBy(nil))
	}
	return steps
}

// migrationTries of one change, a second of waiting each.
const migrationTries = 120

// partitionTables is migration 2: the tables about one order are partitioned by day, and
// what is purged by age gets its index. It looks at what is done already, since no server
// takes back half of such a migration.
func partitionTables(ctx context.Context, db *sql.DB) error {
	if err := alter(ctx, db, migrationTries, housekeepingTable); err != nil {
		return err
	}
	for _, x := range ageIndexes {
		var there int
		err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ?", x.table, x.name).Scan(&there)
		if err == nil && there == 0 {
			err = alter(ctx, db, migrationTries, x.statement())
		}
		if err != nil {
			return fmt.Errorf("index %s: %w", x.name, err)
		}
	}
	for _, t := range dayTables {
		if err := t.split(ctx, db); err != nil {
			return fmt.Errorf("partition %s: %w", t.name, err)
		}
	}
	return nil
}
