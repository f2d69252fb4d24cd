package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/statement"
)

// ClosedPeriod is an accounting period that no entry comes into any more.
type ClosedPeriod struct {
	Period   string    `json:"period"`
	ToID     int64     `json:"to_id,string"` // entries up to this one were there
	Trial    []Balance `json:"trial"`        // every account over this period and those before
	ClosedBy string    `json:"closed_by"`
	ClosedAt time.Time `json:"closed_at"` // system time
	Note     string    `json:"note"`
}

// ErrNotClosable says that a period cannot be closed yet; ClosingReport says why.
var ErrNotClosable = errors.New("the period cannot be closed")

// Closing is what stands against closing a period; nothing does when Obstacle is empty. That bills
// are missing is for a person to judge: some carriers bill late.
type Closing struct {
	Period   string     `json:"period"`
	Obstacle []string   `json:"obstacles"`
	Unbilled []Unbilled `json:"unbilled"`
}

// CheckClosing asks everything that closing a period needs. now is virtual.
func (s *Store) CheckClosing(ctx context.Context, period string, now time.Time) (Closing, error) {
	c := Closing{Period: period, Obstacle: []string{}, Unbilled: []Unbilled{}}
	bad := func(format string, args ...any) { c.Obstacle = append(c.Obstacle, fmt.Sprintf(format, args...)) }
	from, until, err := ledger.Span(period)
	if err != nil {
		return c, fmt.Errorf("period %q: want a month such as 2026-11", period)
	}
	m, err := readMark(ctx, s.db, "")
	if err != nil {
		return c, err
	}
	kept, err := s.periodKept(ctx, m.closed)
	if err != nil || m.closed == period && !kept { // cut off: its balances are still to be written down
		return c, err
	}
	if now.Before(until) {
		bad("the period ends at %s only", until.Format(time.DateTime))
	}
	switch {
	case m.closed >= period:
		bad("%s is closed already", m.closed)
	case !kept:
		bad("%s has no trial balance, its close was cut off: qianfan ledger close %s", m.closed, m.closed)
	}
	first, err := s.firstOpen(ctx, m.closed)
	if err != nil {
		return c, err
	}
	switch {
	case first == "":
		bad("nothing is booked yet")
	case first < period:
		bad("%s has to be closed before", first)
	case m.closed == "" && first > period:
		bad("nothing is booked before %s", first)
	}
	for _, ask := range closingQuestions {
		var n int64
		if err := s.db.QueryRowContext(ctx, ask.query, ask.args(until)...).Scan(&n); err != nil {
			return c, fmt.Errorf("closing %s: %w", period, err)
		}
		if n > 0 {
			bad(ask.text, n)
		}
	}
	waiting, err := s.pendingBefore(ctx, until)
	if err != nil {
		return c, err
	}
	if waiting > 0 {
		bad("%d proposals wait for approval: qianfan ledger proposals", waiting)
	}
	gaps, err := s.SuspenseGaps(ctx)
	for _, g := range gaps {
		bad("%s", g)
	}
	if err != nil {
		return c, err
	}
	c.Unbilled, err = s.unbilledDays(ctx, from, until)
	return c, err
}

// closingQuestions count what is still open about events before the end of a period.
var closingQuestions = []struct {
	query, text string
	args        func(until time.Time) []any
}{
	{"SELECT COUNT(*) FROM " + awake("fact") + " WHERE x.posted_at IS NULL AND x.at < ?", "%d settlement facts of the period are not posted yet", untilOnly},
	{"SELECT COUNT(*) FROM money_item i LEFT JOIN bill b ON i.source = 'bill' AND b.id = i.source_id WHERE i.state = 'explained' AND i.kind IN ('cut_off', 'not_yet_billed') AND (i.opened_at < ? OR b.day < ?)",
		"%d items wait for a bill of another day: qianfan ledger items --state explained", untilAndDay},
}

func untilOnly(until time.Time) []any { return []any{until.UnixMilli()} }

// untilAndDay has the day after the last, too: the bill of the last one comes in the next month.
func untilAndDay(until time.Time) []any { return []any{until.UnixMilli(), statement.Day(until)} }

// pendingBefore counts the proposals about events before an instant. They were made in system time.
func (s *Store) pendingBefore(ctx context.Context, until time.Time) (n int, err error) {
	list, err := s.Proposals(ctx, TransferPending, math.MaxInt32)
	for _, p := range list {
		if p.Transfer.EventAt.Before(until) {
			n++
		}
	}
	return n, err
}

// firstOpen is the period to be closed next: the one after the last closed one, or the first that
// has an entry; empty = there is none.
func (s *Store) firstOpen(ctx context.Context, closed string) (string, error) {
	if closed != "" {
		return ledger.NextPeriod(closed), nil
	}
	var first string // not that of the first id: what is booked ahead, or late, comes in any order
	err := entrySpans(ctx, s.db, 0, func(low, high int64) error {
		var period string
		if err := s.db.QueryRowContext(ctx, "SELECT COALESCE(MIN(period), '') FROM ledger_entry WHERE id BETWEEN ? AND ?", low, high).Scan(&period); err != nil {
			return fmt.Errorf("first period: %w", err)
		}
		if first == "" || period < first {
			first = period
		}
		return nil
	})
	return first, err
}

// ClosePeriod closes a month for ever. Entries about its events that come later belong to the
// next open one. now is virtual. Called again after it was cut off, it finishes.
func (s *Store) ClosePeriod(ctx context.Context, who Act, period string, note string, now time.Time) (ClosedPeriod, error) {
	if who.nobody() { // before the mark moves
		return ClosedPeriod{}, ErrNobody
	}
	c, err := s.CheckClosing(ctx, period, now)
	if err != nil {
		return ClosedPeriod{}, err
	}
	if len(c.Obstacle) > 0 {
		return ClosedPeriod{}, fmt.Errorf("%w: %s", ErrNotClosable, c.Obstacle[0])
	}
	if err := s.shut(ctx, period); err != nil {
		return ClosedPeriod{}, err
	}
	p, err := s.keepTrial(ctx, who, period, note)
	if Duplicate(err) {
		err = fmt.Errorf("%w: %s is closed already, by somebody else at the same time", ErrNotClosable, period)
	}
	return p, err
}

// periodKept reports whether the balances of a closed period are written down; of none they are.
func (s *Store) periodKept(ctx context.Context, period string) (bool, error) {
	if period == "" {
		return true, nil
	}
	var n int
	if err := s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM ledger_period WHERE period = ?", period).Scan(&n); err != nil {
		return false, fmt.Errorf("closed period: %w", err)
	}
	return n > 0, nil
}

// shut moves the mark: whoever was posting into the period has committed by then.
func (s *Store) shut(ctx context.Context, period string) error {
	return s.tx(ctx, "close period", func(tx *sql.Tx) error {
		m, err := ownMark(ctx, tx)
		if err != nil || m.closed >= period {
			return err
		}
		_, err = tx.ExecContext(ctx, "UPDATE ledger_mark SET closed = ? WHERE id = 1", period)
		return err
	})
}

// keepTrial writes down the balances of a period that no entry comes into any more.
func (s *Store) keepTrial(ctx context.Context, who Act, period, note string) (ClosedPeriod, error) {
	p := ClosedPeriod{Period: period, ClosedBy: who.By, ClosedAt: who.At, Note: note}
	err := s.tx(ctx, "keep trial balance", func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM ledger_entry").Scan(&p.ToID); err != nil {
			return err
		}
		var err error
		if p.Trial, err = trialBalance(ctx, tx, period); err != nil {
			return err
		}
		trial, err := json.Marshal(p.Trial)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO ledger_period (period, to_id, trial, closed_by, closed_at, note) VALUES (?,?,?,?,?,?)",
			period, p.ToID, string(trial), clip(who.By, maxBy), who.At.UnixMilli(), clip(note, 255)); err != nil {
			return err
		}
		return audit(ctx, tx, who, "ledger close", period, nil, map[string]any{"to_id": p.ToID, "note": note})
	})
	return p, err
}

// trialBalance adds the entries of a period to the trial balance of the period closed before.
func trialBalance(ctx context.Context, tx *sql.Tx, period string) ([]Balance, error) {
	sums := map[string]money.Fen{}
	var before string
	var trial []byte
	rows, err := tx.QueryContext(ctx, "SELECT period, trial FROM ledger_period WHERE period < ? ORDER BY period DESC LIMIT 1", period)
	if err := each(rows, err, "period before", func(r *sql.Rows) error { return r.Scan(&before, &trial) }); err != nil {
		return nil, err
	}
	if trial != nil {
		var list []Balance
		if err := json.Unmarshal(trial, &list); err != nil {
			return nil, fmt.Errorf("trial balance of %s: %w", before, err)
		}
		for _, b := range list {
			sums[b.Account] = b.BalanceFen
		}
	}
	first, err := firstPosted(ctx, tx, before)
	if err != nil {
		return nil, err
	}
	err = entrySpans(ctx, tx, first, func(low, high int64) error {
		rows, err := tx.QueryContext(ctx, "SELECT account, "+signed+" FROM ledger_entry FORCE INDEX (PRIMARY) WHERE id BETWEEN ? AND ? AND period > ? AND period <= ? GROUP BY account", low, high, before, period)
		return each(rows, err, "entries of the period", func(r *sql.Rows) error {
			var account string
			var sum money.Fen
			err := r.Scan(&account, &sum)
			sums[account] += sum
			return err
		})
	})
	return sortedBalances(sums), err
}

// firstPosted is an id below which no entry of a period after that one is: such an entry is of an
// event since then, or came when the period of its event was closed. Ranges without either need
// not be read.
func firstPosted(ctx context.Context, tx *sql.Tx, before string) (int64, error) {
	_, began, err := ledger.Span(before)
	if err != nil { // there is no period before
		return 0, nil
	}
	var first sql.NullInt64
	var last seal
	if err := tx.QueryRowContext(ctx, "SELECT MIN(from_id) FROM ledger_seal WHERE last_posted_at >= ? OR last_event_at >= ?", began.Add(-postingSlack).UnixMilli(), began.UnixMilli()).Scan(&first); err != nil {
		return 0, fmt.Errorf("first seal of the period: %w", err)
	}
	if !first.Valid {
		last, err = lastSeal(ctx, tx)
		first.Int64 = last.to + 1
	}
	return first.Int64, err
}

// ClosedPeriods lists them, the last one first.
func (s *Store) ClosedPeriods(ctx context.Context) ([]ClosedPeriod, error) {
	out := []ClosedPeriod{}
	rows, err := s.db.QueryContext(ctx, "SELECT period, to_id, trial, closed_by, closed_at, note FROM ledger_period ORDER BY period DESC")
	err = each(rows, err, "closed periods", func(r *sql.Rows) error {
		var p ClosedPeriod
		var trial []byte
		var closed int64
		if err := r.Scan(&p.Period, &p.ToID, &trial, &p.ClosedBy, &closed, &p.Note); err != nil {
			return err
		}
		p.ClosedAt = time.UnixMilli(closed).UTC()
		out = append(out, p)
		return json.Unmarshal(trial, &out[len(out)-1].Trial)
	})
	return out, err
}
