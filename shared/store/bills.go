package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// Bill is a carrier's bill that was imported.
type Bill struct {
	ID      int64          `json:"id,string"`
	Carrier string         `json:"carrier"`
	Account string         `json:"account"`
	Day     string         `json:"day"`
	SHA256  string         `json:"sha256"` // of the file
	Name    string         `json:"name"`
	Rows    int            `json:"rows"`
	Net     money.Fen      `json:"net_fen"` // taken less given
	Counts  map[string]int `json:"counts"`  // lines by outcome, and under missing_… what no line is for
	By      string         `json:"by"`
	At      time.Time      `json:"at"` // system time

	ReplacedBy int64  `json:"replaced_by,omitempty,string"` // the bill that took its place; 0 = it is in force
	Note       string `json:"note,omitempty"`               // why
}

// Errors of bills.
var (
	ErrBillKnown = errors.New("the bill was imported before")
	ErrNoBill    = errors.New("no such bill")
)

// CheckBill says whether a bill may be imported; sha is empty while the file is not read yet. A
// file that has a line, and a day of an account, is in force once: ErrBillKnown tells since when,
// unless it is the bill that is to be replaced (0 = none is).
func (s *Store) CheckBill(ctx context.Context, carrier, account, day, sha string, replaces int64) error {
	return checkBill(ctx, s.db, carrier, account, day, sha, replaces)
}

func checkBill(ctx context.Context, db execer, carrier, account, day, sha string, replaces int64) error {
	list, err := bills(ctx, db, "WHERE replaced_by = 0 AND id <> ? AND (file = ? OR (carrier = ? AND account = ? AND day = ?))", replaces, sha, carrier, account, day)
	if err != nil || len(list) == 0 {
		return err
	}
	b := list[0]
	if b.SHA256 == sha && (b.Rows > 0 || b.Carrier == carrier && b.Account == account && b.Day == day) {
		return fmt.Errorf("%w: this very file is bill %d of %s/%s for %s, imported by %s at %s", ErrBillKnown, b.ID, b.Carrier, b.Account, b.Day, b.By, b.At.Format(time.RFC3339))
	}
	return fmt.Errorf("%w: %s/%s has bill %d (%s) for %s, imported by %s at %s; a corrected file takes its place with --replaces %d --note WHY", ErrBillKnown, b.Carrier, b.Account, b.ID, b.Name, b.Day, b.By, b.At.Format(time.RFC3339), b.ID)
}

// Bills lists the bills of a carrier ("" = of all), the latest days first.
func (s *Store) Bills(ctx context.Context, carrier string, limit int) ([]Bill, error) {
	return bills(ctx, s.db, "WHERE ? IN ('', carrier) ORDER BY day DESC, id DESC LIMIT ?", carrier, limit)
}

func bills(ctx context.Context, db execer, rest string, args ...any) ([]Bill, error) {
	out := []Bill{}
	rows, err := db.QueryContext(ctx, "SELECT id, carrier, account, day, sha256, name, row_count, net_fen, counts, by_whom, at, replaced_by, note FROM bill "+rest, args...)
	err = each(rows, err, "bills", func(r *sql.Rows) error {
		var b Bill
		var raw []byte
		var at int64
		if err := r.Scan(&b.ID, &b.Carrier, &b.Account, &b.Day, &b.SHA256, &b.Name, &b.Rows, &b.Net, &raw, &b.By, &at, &b.ReplacedBy, &b.Note); err != nil {
			return err
		}
		b.At = time.UnixMilli(at).UTC()
		out = append(out, b)
		return json.Unmarshal(raw, &out[len(out)-1].Counts)
	})
	return out, err
}

// findBill reads a bill by its number or its file's hash.
func findBill(ctx context.Context, db execer, which string) (Bill, error) {
	var where string
	var arg any
	if id, err := strconv.ParseInt(which, 10, 64); err == nil && len(which) < minHash {
		where, arg = "WHERE id = ?", id
	} else {
		which = strings.ToLower(which)
		if len(which) < minHash || strings.Trim(which, "0123456789abcdef") != "" {
			return Bill{}, fmt.Errorf("%w: %q is neither a bill's number nor the first %d characters of its file's SHA-256 (qianfan ledger bills)", ErrNoBill, which, minHash)
		}
		where, arg = "WHERE sha256 LIKE ? ORDER BY replaced_by LIMIT 2", which+"%"
	}
	list, err := bills(ctx, db, where, arg)
	switch {
	case err != nil:
		return Bill{}, err
	case len(list) == 0:
		return Bill{}, fmt.Errorf("%w: %s (qianfan ledger bills)", ErrNoBill, which)
	case len(list) > 1 && list[0].ReplacedBy == list[1].ReplacedBy:
		return Bill{}, fmt.Errorf("%w: %s is the beginning of several: name it by its number", ErrNoBill, which)
	}
	return list[0], nil
}

// minHash is how much of a hash names a file.
const minHash = 8
