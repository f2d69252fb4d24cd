package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Act is who changes something by hand, and when.
type Act struct {
	By string    // a person's name, or a program's
	At time.Time // system time
}

// nobody reports whether nobody signed it: blanks are no name.
func (a Act) nobody() bool { return strings.TrimSpace(a.By) == "" }

// maxBy is what the columns by_whom hold, in characters.
const maxBy = 64

// ErrNobody says that a change names nobody who made it.
var ErrNobody = errors.New("say who changes it")

// AuditRow is one line of the audit.
type AuditRow struct {
	ID      int64           `json:"id,string"`
	At      time.Time       `json:"at"` // system time
	By      string          `json:"by"`
	Verb    string          `json:"verb"`    // strategy set, switch off, …
	Subject string          `json:"subject"` // hangzhou-lunch; carrier/uupt; meituan/qf-shop-0001
	Detail  json.RawMessage `json:"detail"`  // {"before":…,"after":…}
}

// AuditFilter chooses audit lines; zero fields choose all.
type AuditFilter struct {
	Subject string
	Limit   int   // 1 to 10,000; 0 = 100
	Before  int64 // only ids below this one: the last id of the page before
}

// Audit lists what was changed by hand, newest first.
func (s *Store) Audit(ctx context.Context, f AuditFilter) ([]AuditRow, error) {
	where, args := "WHERE TRUE", []any{}
	if f.Subject != "" {
		where, args = where+" AND subject = ?", append(args, f.Subject)
	}
	if f.Before > 0 {
		where, args = where+" AND id < ?", append(args, f.Before)
	}
	limit := f.Limit
	if limit <= 0 {
		limit = defaultPage
	}
	out := []AuditRow{}
	rows, err := s.db.QueryContext(ctx, "SELECT id, at, by_whom, verb, subject, detail FROM audit "+where+" ORDER BY id DESC LIMIT ?", append(args, min(limit, maxPage))...)
	err = each(rows, err, "audit", func(r *sql.Rows) error {
		var x AuditRow
		var ms int64
		var detail []byte
		err := r.Scan(&x.ID, &ms, &x.By, &x.Verb, &x.Subject, &detail)
		x.At, x.Detail = time.UnixMilli(ms).UTC(), detail
		out = append(out, x)
		return err
	})
	return out, err
}

// auditLine is one change of a transaction.
type auditLine struct {
	verb, subject string
	before, after any // nil = was not, or is no more, there
}

// audit writes the line of a change in the change's own transaction. Nothing personal may be in it.
func audit(ctx context.Context, db execer, who Act, verb, subject string, before, after any) error {
	return auditAll(ctx, db, who, []auditLine{{verb, subject, before, after}})
}

func auditAll(ctx context.Context, db execer, who Act, lines []auditLine) error {
	if who.nobody() {
		return ErrNobody
	}
	rows := make([][]any, len(lines))
	for i, l := range lines {
		detail, err := json.Marshal(map[string]any{"before": l.before, "after": l.after})
		if err != nil {
			return fmt.Errorf("audit %s: %w", l.subject, err)
		}
		rows[i] = []any{who.At.UnixMilli(), clip(who.By, maxBy), l.verb, clip(l.subject, 128), string(detail)}
	}
	return insert{table: "audit", cols: []string{"at", "by_whom", "verb", "subject", "detail"}}.exec(ctx, db, rows)
}
