package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// The kinds of rule books.
const (
	BookPenalty = "penalty" // body: penalty.Book
	BookTariff  = "tariff"  // body: tariff.Book
)

// RuleBook is one version of the rules of a kind. A version is never changed.
type RuleBook struct {
	Kind    string          `json:"kind"`
	Version int             `json:"version"` // 1, 2, … of its kind; 0 is the one that is built in, and has no row
	Body    json.RawMessage `json:"body"`
	From    time.Time       `json:"from"` // virtual: in force from then on, until another one is
	Note    string          `json:"note"`
	By      string          `json:"by"`
	At      time.Time       `json:"at"` // system time
}

// InForce finds the version of a kind that is in force at a virtual instant: the one that
// began last, and of two that began together the newer. False = the built-in book.
func InForce(all []RuleBook, kind string, at time.Time) (RuleBook, bool) {
	var best RuleBook
	for _, b := range all {
		later := b.From.After(best.From) || b.From.Equal(best.From) && b.Version > best.Version
		if b.Kind == kind && !b.From.After(at) && (best.Version == 0 || later) {
			best = b
		}
	}
	return best, best.Version > 0
}

const selectRuleBooks = "SELECT kind, version, body, from_at, note, by_whom, at FROM rule_book r "

// RuleBooks reads the versions that are in force at a virtual instant or begin later, of
// every kind.
func (s *Store) RuleBooks(ctx context.Context, from time.Time) ([]RuleBook, error) {
	return readRuleBooks(ctx, s.db, selectRuleBooks+
		"WHERE from_at >= COALESCE((SELECT MAX(x.from_at) FROM rule_book x WHERE x.kind = r.kind AND x.from_at <= ?), 0) ORDER BY kind, version", from.UnixMilli())
}

// RuleBookHistory lists every version of a kind, newest first.
func (s *Store) RuleBookHistory(ctx context.Context, kind string) ([]RuleBook, error) {
	return readRuleBooks(ctx, s.db, selectRuleBooks+"WHERE kind = ? ORDER BY version DESC", kind)
}

func readRuleBooks(ctx context.Context, db execer, query string, args ...any) ([]RuleBook, error) {
	out := []RuleBook{}
	rows, err := db.QueryContext(ctx, query, args...)
	err = each(rows, err, "rule books", func(r *sql.Rows) error {
		var b RuleBook
		var body []byte
		var from, at int64
		err := r.Scan(&b.Kind, &b.Version, &body, &from, &b.Note, &b.By, &at)
		b.Body, b.From, b.At = body, time.UnixMilli(from).UTC(), time.UnixMilli(at).UTC()
		out = append(out, b)
		return err
	})
	return out, err
}

// ErrRuleBook says that a rule book cannot be kept.
var ErrRuleBook = errors.New("rule book")

// SetRuleBook stores b as the next version of its kind, in force from b.From on, and gives it
// back with its version. base is the newest version that b was made from, 0 = none; another
// one by now is ErrStale, AnyVersion takes whatever is there.
func (s *Store) SetRuleBook(ctx context.Context, who Act, b RuleBook, base int) (RuleBook, error) {
	switch {
	case b.Kind != BookPenalty && b.Kind != BookTariff:
		return b, fmt.Errorf("%w: kind %q", ErrRuleBook, b.Kind)
	case !json.Valid(b.Body):
		return b, fmt.Errorf("%w: its body is no JSON", ErrRuleBook)
	case b.From.IsZero():
		return b, fmt.Errorf("%w: it says not from when on", ErrRuleBook)
	}
	b.By, b.At = who.By, who.At
	verb := b.Kind + " set"
	err := s.tx(ctx, verb, func(tx *sql.Tx) error {
		all, err := readRuleBooks(ctx, tx, selectRuleBooks+"WHERE kind = ? ORDER BY version DESC LIMIT 1 FOR UPDATE", b.Kind)
		if err != nil {
			return err
		}
		var before any // of nothing: nil
		last := 0
		if len(all) > 0 {
			last, before = all[0].Version, all[0]
		}
		if base != AnyVersion && base != last {
			return fmt.Errorf("%s rules: %w: version %d is the newest, not %d", b.Kind, ErrStale, last, base)
		}
		b.Version = last + 1
		row := []any{b.Kind, b.Version, string(b.Body), b.From.UnixMilli(), clip(b.Note, maxReason), clip(b.By, maxBy), b.At.UnixMilli()}
		err = insert{table: "rule_book", cols: []string{"kind", "version", "body", "from_at", "note", "by_whom", "at"}}.exec(ctx, tx, [][]any{row})
		switch {
		case Duplicate(err): // somebody else has this version by now
			return errAnew
		case err != nil:
			return err
		}
		return audit(ctx, tx, who, verb, fmt.Sprintf("%s/%d", b.Kind, b.Version), before, b)
	})
	return b, err
}
