package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// execer is a transaction or the pool.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// maxPlaceholders keeps one statement below the server's packet and the driver's limits.
const maxPlaceholders = 20_000

// insert is a multi-row INSERT. To keep a row that exists it overwrites the first column,
// which is part of the key, with itself: IGNORE would also hide cut values and broken
// checks, and would take shared locks that two transactions cannot both raise.
type insert struct {
	table  string
	cols   []string
	update []string // overwritten when the key exists
	keep   bool     // left as it is when the key exists
}

func (i insert) exec(ctx context.Context, db execer, rows [][]any) error {
	for chunk := range slices.Chunk(rows, max(1, maxPlaceholders/len(i.cols))) {
		if _, err := db.ExecContext(ctx, i.sql(len(chunk)), slices.Concat(chunk...)...); err != nil {
			return fmt.Errorf("write %s: %w", i.table, err)
		}
	}
	return nil
}

func (i insert) sql(rows int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + i.table + " (" + strings.Join(i.cols, ",") + ") VALUES ")
	one := "(" + marks(len(i.cols)) + ")"
	for r := range rows {
		if r > 0 {
			b.WriteByte(',')
		}
		b.WriteString(one)
	}
	update := i.update
	if i.keep {
		update = i.cols[:1]
	}
	for k, c := range update {
		if k == 0 {
			b.WriteString(" ON DUPLICATE KEY UPDATE ")
		} else {
			b.WriteByte(',')
		}
		b.WriteString(c + "=VALUES(" + c + ")")
	}
	return b.String()
}

// marks is n placeholders: "?,?,?".
func marks(n int) string {
	return strings.TrimSuffix(strings.Repeat("?,", n), ",")
}

// in is an IN list's placeholders and arguments.
func in[T any](values []T) (string, []any) {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return "(" + marks(len(values)) + ")", args
}

// pairs is the row-value list of an IN over two columns.
func pairs(n int) string {
	return "(" + strings.TrimSuffix(strings.Repeat("(?,?),", n), ",") + ")"
}

// sorted is the distinct ids in ascending order: the order in which rows are locked.
func sorted(ids []int64) []int64 {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}

// each scans every row of a query.
func each(rows *sql.Rows, err error, what string, scan func(*sql.Rows) error) error {
	if err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return fmt.Errorf("read %s: %w", what, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}

// byID looks rows up one by one in the order of their ids: a server that has few rows would rather read all,
// and wait for locks on those that nobody wants.
const byID = " FORCE INDEX (PRIMARY) "

// lockRows locks what a query finds.
func lockRows(ctx context.Context, tx *sql.Tx, what, query string, args ...any) error {
	rows, err := tx.QueryContext(ctx, query+" FOR UPDATE", args...)
	return each(rows, err, what, func(*sql.Rows) error { return nil })
}

// ms is an instant as a column; the zero time is null.
func ms(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// at reads a nullable instant.
func at(v sql.NullInt64) time.Time {
	if !v.Valid {
		return time.Time{}
	}
	return time.UnixMilli(v.Int64).UTC()
}

// fen reads a nullable amount.
func fen(v sql.NullInt64) *money.Fen {
	if !v.Valid {
		return nil
	}
	f := money.Fen(v.Int64)
	return &f
}

// fenArg is a nullable amount as a column.
func fenArg(f *money.Fen) any {
	if f == nil {
		return nil
	}
	return int64(*f)
}

// clip cuts text to what a column holds, at a rune boundary.
func clip(text string, runes int) string {
	n := 0
	for i := range text {
		if n == runes {
			return text[:i]
		}
		n++
	}
	return text
}

// inOrder runs steps until the first error. A transaction must not go on after one: the
// server may have rolled it back, and what follows would stand alone.
func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
