package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
)

// sealRange is how many entries one seal has at most: a range of that size is read and hashed
// in well under a second, and its leaves fit their column.
const sealRange = 200_000

// SealLedger closes the ids up to the last entry that is there and seals them in ranges, each
// hash chained to the one before. It reports how many entries it sealed. Two at once do no
// harm: the range that the other one wrote is left to it. now is system time.
func (s *Store) SealLedger(ctx context.Context, now time.Time, late func() bool) (int, error) {
	until, err := s.raiseMark(ctx)
	if err != nil {
		return 0, err
	}
	return s.sealUntil(ctx, until, now, late)
}

// SealLastMinute raises the mark for the next call, and seals what is below the mark of the
// last one, a minute ago. Postings of version 0.1.0, which does not share the mark, have
// committed by then: during an upgrade one of them may still be under way.
func (s *Store) SealLastMinute(ctx context.Context, now time.Time, late func() bool) (int, error) {
	m, err := readMark(ctx, s.db, "")
	if err != nil {
		return 0, err
	}
	if _, err := s.raiseMark(ctx); err != nil {
		return 0, err
	}
	return s.sealUntil(ctx, m.sealed, now, late)
}

func (s *Store) sealUntil(ctx context.Context, until int64, now time.Time, late func() bool) (int, error) {
	sealed := 0
	for {
		n, done, err := s.sealNext(ctx, until, now)
		sealed += n
		if err != nil || done || (late != nil && late()) {
			return sealed, err
		}
	}
}

// raiseMark lets the mark follow the entries. Whoever was posting has committed or given up
// when the mark is ours, and whoever comes after it gets greater ids.
func (s *Store) raiseMark(ctx context.Context) (int64, error) {
	var until int64
	err := s.tx(ctx, "raise the ledger's mark", func(tx *sql.Tx) error {
		m, err := ownMark(ctx, tx)
		if err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM ledger_entry").Scan(&until); err != nil {
			return err
		}
		if until <= m.sealed {
			until = m.sealed
			return nil
		}
		_, err = tx.ExecContext(ctx, "UPDATE ledger_mark SET sealed_id = ? WHERE id = 1", until)
		return err
	})
	return until, err
}

// seal is a row of ledger_seal.
type seal struct {
	from, to int64
	entries  int
	hash     string
	leaves   []byte

	firstPosted, lastPosted, lastEvent int64 // unix ms
}

func lastSeal(ctx context.Context, db execer) (seal, error) {
	var s seal
	rows, err := db.QueryContext(ctx, "SELECT from_id, to_id, entries, hash FROM ledger_seal ORDER BY to_id DESC LIMIT 1")
	err = each(rows, err, "last seal", func(r *sql.Rows) error { return r.Scan(&s.from, &s.to, &s.entries, &s.hash) })
	return s, err
}

// sealNext writes the next seal up to an id; done = there is nothing left to seal.
func (s *Store) sealNext(ctx context.Context, until int64, now time.Time) (sealed int, done bool, err error) {
	var before seal
	err = s.tx(ctx, "seal entries", func(tx *sql.Tx) error {
		sealed, done = 0, false
		var err error
		if before, err = lastSeal(ctx, tx); err != nil {
			return err
		}
		r := newRange(before.hash)
		rows, err := tx.QueryContext(ctx, "SELECT "+entryList+" FROM ledger_entry WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", before.to, until, sealRange)
		if err := each(rows, err, "entries", r.scan); err != nil {
			return err
		}
		if r.entries == 0 {
			done = true
			return nil
		}
		done, sealed = r.entries < sealRange, r.entries
		if err := r.save(ctx, tx); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "INSERT INTO ledger_seal (to_id, from_id, entries, hash, leaves, first_posted_at, last_posted_at, last_event_at, sealed_at) VALUES (?,?,?,?,?,?,?,?,?)",
			r.last, before.to+1, r.entries, r.sealer.Hash(), r.sealer.Leaves(), r.firstPosted, r.lastPosted, r.lastEvent, now.UnixMilli())
		return err
	})
	if number(err) == errDuplicate { // another instance sealed this range, or the beginning of it
		last, failed := lastSeal(ctx, s.db)
		if failed == nil && last.to > before.to {
			return 0, false, nil
		}
		return 0, true, errors.Join(err, failed) // or rows are there that no seal wrote: trying again would never end
	}
	return sealed, done, err
}

const entryList = "id, tx, account, debit, amount_fen, order_id, n, reason, event_at, posted_at, period"

// turnover is what went through an account.
type turnover struct{ debit, credit money.Fen }

func (t turnover) balance() money.Fen { return t.debit - t.credit }

// entryRange folds and hashes entries that come in the order of their ids.
type entryRange struct {
	sealer                             *ledger.Sealer
	entries                            int
	last                               int64
	firstPosted, lastPosted, lastEvent int64
	accounts                           map[string]turnover
	ids                                []int64 // kept where asked for
	keepIDs                            bool
}

func newRange(before string) *entryRange {
	return &entryRange{sealer: ledger.NewSealer(before), accounts: map[string]turnover{}}
}

func (r *entryRange) scan(rows *sql.Rows) error {
	id, e, err := scanEntry(rows)
	if err != nil {
		return err
	}
	r.add(id, e)
	return nil
}

func scanEntry(rows *sql.Rows) (id int64, e ledger.Entry, err error) {
	var event, posted int64
	err = rows.Scan(&id, &e.Tx, &e.Account, &e.Debit, &e.Amount, &e.OrderID, &e.N, &e.Reason, &event, &posted, &e.Period)
	e.EventAt, e.PostedAt = time.UnixMilli(event).UTC(), time.UnixMilli(posted).UTC()
	return id, e, err
}

func (r *entryRange) add(id int64, e ledger.Entry) {
	posted := e.PostedAt.UnixMilli()
	if r.entries == 0 {
		r.firstPosted, r.lastPosted, r.lastEvent = posted, posted, e.EventAt.UnixMilli()
	}
	r.firstPosted, r.lastPosted, r.lastEvent = min(r.firstPosted, posted), max(r.lastPosted, posted), max(r.lastEvent, e.EventAt.UnixMilli())
	r.entries++
	r.last = id
	r.sealer.Add(id, e)
	if r.keepIDs {
		r.ids = append(r.ids, id)
	}
	t := r.accounts[e.Account]
	if e.Debit {
		t.debit += e.Amount
	} else {
		t.credit += e.Amount
	}
	r.accounts[e.Account] = t
}

// save adds the range's turnover to that of the ranges before it.
func (r *entryRange) save(ctx context.Context, tx *sql.Tx) error {
	before, err := sealedTurnover(ctx, tx, r.last)
	if err != nil {
		return err
	}
	var rows [][]any
	for _, account := range slices.Sorted(maps.Keys(r.accounts)) {
		t := r.accounts[account]
		rows = append(rows, []any{account, r.last, int64(before[account].debit + t.debit), int64(before[account].credit + t.credit)})
	}
	return insert{table: "ledger_balance", cols: []string{"account", "to_id", "debit_fen", "credit_fen"}}.exec(ctx, tx, rows)
}

// sealedTurnover is that of every account over the sealed ranges below an id.
func sealedTurnover(ctx context.Context, db execer, below int64) (map[string]turnover, error) {
	out := map[string]turnover{}
	rows, err := db.QueryContext(ctx, `SELECT b.account, b.debit_fen, b.credit_fen FROM ledger_balance b
 JOIN (SELECT account, MAX(to_id) AS to_id FROM ledger_balance WHERE to_id < ? GROUP BY account) m ON m.account = b.account AND m.to_id = b.to_id`, below)
	err = each(rows, err, "sealed balances", func(r *sql.Rows) error {
		var account string
		var t turnover
		err := r.Scan(&account, &t.debit, &t.credit)
		out[account] = t
		return err
	})
	return out, err
}

// LedgerProblem is something in the books that is not as it was sealed, or does not add up.
type LedgerProblem struct {
	FromID int64  `json:"from_id,string"` // of the sealed range; 0 = not in one
	ToID   int64  `json:"to_id,string"`
	ID     int64  `json:"id,string"` // of the entry; 0 = the range as a whole
	Tx     string `json:"transaction,omitempty"`
	Detail string `json:"detail"`
}

// String names the row or the range.
func (p LedgerProblem) String() string {
	where := "ledger"
	if p.ToID > 0 {
		where = fmt.Sprintf("range %d to %d", p.FromID, p.ToID)
	}
	if p.ID > 0 {
		where = fmt.Sprintf("entry %d (%s)", p.ID, cmp.Or(p.Tx, "gone"))
	}
	return where + ": " + p.Detail
}
