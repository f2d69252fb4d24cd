package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/strategy"
)

// Strategies reads the active strategies, by name.
func (s *Store) Strategies(ctx context.Context) ([]strategy.Strategy, error) {
	var out []strategy.Strategy
	rows, err := s.db.QueryContext(ctx, "SELECT body FROM strategy WHERE active ORDER BY name")
	err = each(rows, err, "strategies", func(r *sql.Rows) error {
		x, err := scanStrategy(r)
		out = append(out, x)
		return err
	})
	return out, err
}

type scanner interface{ Scan(into ...any) error }

func scanStrategy(r scanner, more ...any) (strategy.Strategy, error) {
	var body []byte
	var x strategy.Strategy
	if err := r.Scan(append([]any{&body}, more...)...); err != nil {
		return x, err
	}
	return x, json.Unmarshal(body, &x)
}

// StrategyVersion is one version of a strategy.
type StrategyVersion struct {
	Strategy strategy.Strategy `json:"strategy"`
	Active   bool              `json:"active"`
	By       string            `json:"by"` // empty = from before people were noted
	At       time.Time         `json:"at,omitzero"`
}

// StrategyHistory lists every version of a strategy, newest first; none = nobody ever made it.
func (s *Store) StrategyHistory(ctx context.Context, name string) ([]StrategyVersion, error) {
	out := []StrategyVersion{}
	rows, err := s.db.QueryContext(ctx, "SELECT body, active, by_whom, at FROM strategy WHERE name = ? ORDER BY version DESC", name)
	err = each(rows, err, "history of a strategy", func(r *sql.Rows) error {
		var v StrategyVersion
		var ms int64
		var err error
		v.Strategy, err = scanStrategy(r, &v.Active, &v.By, &ms)
		if ms > 0 {
			v.At = time.UnixMilli(ms).UTC()
		}
		out = append(out, v)
		return err
	})
	return out, err
}

// SaveStrategy makes a new version of a strategy the active one: what is set up before there
// are orders. People use SetStrategy.
func (s *Store) SaveStrategy(ctx context.Context, x strategy.Strategy) error {
	return s.tx(ctx, "save strategy", func(tx *sql.Tx) error {
		last, _, err := lastStrategy(ctx, tx, x.Name)
		if err != nil {
			return err
		}
		x.Version = last + 1
		return activate(ctx, tx, Act{}, x)
	})
}

// ErrStale says that somebody else changed what was to be changed.
var ErrStale = errors.New("it was changed meanwhile")

// ErrNoStrategy says that there is no active strategy of a name.
var ErrNoStrategy = errors.New("no such strategy")

// AnyVersion as a base takes whatever version is active.
const AnyVersion = -1

// SetStrategy makes x the next version of its strategy and the active one, and gives it its
// version. base is the active version that x was made from, 0 = none; another one by now is
// ErrStale. verb is what the audit calls it.
func (s *Store) SetStrategy(ctx context.Context, who Act, verb string, x strategy.Strategy, base int) (strategy.Strategy, error) {
	err := s.tx(ctx, verb, func(tx *sql.Tx) error {
		last, active, err := lastStrategy(ctx, tx, x.Name)
		if err != nil {
			return err
		}
		if err := unchanged(x.Name, active, base); err != nil {
			return err
		}
		x.Version = last + 1
		if err := activate(ctx, tx, who, x); err != nil {
			return err
		}
		return audit(ctx, tx, who, verb, x.Name, active, x)
	})
	return x, err
}

// RetireStrategy ends a strategy: no new order gets it. Its versions stay.
func (s *Store) RetireStrategy(ctx context.Context, who Act, name string) error {
	return s.tx(ctx, "retire strategy", func(tx *sql.Tx) error {
		_, active, err := lastStrategy(ctx, tx, name)
		if err != nil {
			return err
		}
		if active == nil {
			return fmt.Errorf("%w: %q", ErrNoStrategy, name)
		}
		if _, err := tx.ExecContext(ctx, "UPDATE strategy SET active = FALSE WHERE name = ?", name); err != nil {
			return err
		}
		return audit(ctx, tx, who, "strategy retire", name, active, nil)
	})
}

func unchanged(name string, active *strategy.Strategy, base int) error {
	now := 0
	if active != nil {
		now = active.Version
	}
	if base != AnyVersion && base != now {
		return fmt.Errorf("strategy %q: %w: version %d is active, not %d", name, ErrStale, now, base)
	}
	return nil
}

// lastStrategy locks a strategy's versions and gives the last number and the active one.
func lastStrategy(ctx context.Context, tx *sql.Tx, name string) (last int, active *strategy.Strategy, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT body, version, active FROM strategy WHERE name = ? ORDER BY version FOR UPDATE", name)
	err = each(rows, err, "strategy", func(r *sql.Rows) error {
		var on bool
		x, err := scanStrategy(r, &last, &on)
		if on {
			active = &x
		}
		return err
	})
	return last, active, err
}

func activate(ctx context.Context, tx *sql.Tx, who Act, x strategy.Strategy) error {
	body, err := json.Marshal(x)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE strategy SET active = FALSE WHERE name = ? AND active", x.Name); err != nil {
		return err
	}
	at := int64(0)
	if !who.At.IsZero() {
		at = who.At.UnixMilli()
	}
	row := []any{x.Name, x.Version, string(body), true, clip(who.By, maxBy), at}
	return insert{table: "strategy", cols: []string{"name", "version", "body", "active", "by_whom", "at"}}.exec(ctx, tx, [][]any{row})
}
