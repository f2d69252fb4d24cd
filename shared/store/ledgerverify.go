package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
)

// LedgerReport is what VerifyLedger found.
type LedgerReport struct {
	Entries  int64           `json:"entries"`
	Sealed   int64           `json:"sealed"` // of them, in sealed ranges
	Seals    int             `json:"seals"`
	Head     string          `json:"head"` // the last seal's hash: kept elsewhere, it proves the whole chain
	Accounts int             `json:"accounts"`
	Problems []LedgerProblem `json:"problems"`
}

// maxProblems are reported; the books are wrong long before.
const maxProblems = 200

// VerifyLedger reads every entry once: it hashes the sealed ranges again, follows the chain,
// folds the accounts and compares them with the sealed balances, and adds up each transaction.
// progress hears how many of how many entries are done; it may be nil. Memory is that of one range.
func (s *Store) VerifyLedger(ctx context.Context, progress func(done, total int64)) (LedgerReport, error) {
	v := &verifier{} // until there is a database
	err := s.snapshot(ctx, "verify the ledger", func(tx *sql.Tx) error {
		v = &verifier{tx: tx, accounts: map[string]turnover{}, report: LedgerReport{Problems: []LedgerProblem{}}, progress: progress}
		return v.run(ctx)
	})
	return v.report, err
}

// SealedAt finds the seal that a kept head is of: the id up to which it stands for the books.
// False = it is no seal's: the database was restored to a moment before it, or ranges were
// sealed anew. It proves nothing of a chain that VerifyLedger has not followed.
func (s *Store) SealedAt(ctx context.Context, head string) (id int64, found bool, err error) {
	rows, err := s.db.QueryContext(ctx, "SELECT to_id FROM ledger_seal WHERE hash = ?", head)
	err = each(rows, err, "kept head", func(r *sql.Rows) error {
		found = true
		return r.Scan(&id)
	})
	return id, found, err
}

type verifier struct {
	tx       *sql.Tx
	accounts map[string]turnover
	report   LedgerReport
	total    int64
	balances int64 // rows of ledger_balance that the seals so far wrote
	progress func(done, total int64)
}

func (v *verifier) run(ctx context.Context) error {
	if err := v.tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM ledger_entry").Scan(&v.total); err != nil {
		return fmt.Errorf("count entries: %w", err)
	}
	before, err := v.chain(ctx)
	if err != nil {
		return err
	}
	v.report.Sealed, v.report.Head = v.report.Entries, before.hash
	return inOrder(
		func() error { return v.marked(ctx, before.to) },
		func() error { return v.tail(ctx, before) },
		func() error { return v.unbalanced(ctx) },
		func() error { return v.madeUp(ctx) },
		func() error { return v.periods(ctx) },
		func() error { v.report.Accounts = len(v.accounts); return nil },
	)
}

func (v *verifier) bad(p LedgerProblem) {
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, p)
	}
}

func (v *verifier) told() {
	if v.progress != nil {
		v.progress(v.report.Entries, v.total)
	}
}

// chain goes through the seals, the oldest first, and returns the last.
func (v *verifier) chain(ctx context.Context) (seal, error) {
	var before seal
	for {
		next, found, err := v.sealAfter(ctx, before.to)
		if err != nil || !found {
			return before, err
		}
		v.report.Seals++
		if next.from != before.to+1 {
			v.bad(LedgerProblem{FromID: next.from, ToID: next.to, Detail: fmt.Sprintf("the seal before it ends at %d: a seal is missing or was changed", before.to)})
		}
		if err := v.sealedRange(ctx, before, next); err != nil {
			return before, err
		}
		before = next
		v.told()
	}
}

func (v *verifier) sealAfter(ctx context.Context, id int64) (s seal, found bool, err error) {
	rows, err := v.tx.QueryContext(ctx, "SELECT from_id, to_id, entries, hash, leaves, first_posted_at, last_posted_at, last_event_at FROM ledger_seal WHERE to_id > ? ORDER BY to_id LIMIT 1", id)
	err = each(rows, err, "seal", func(r *sql.Rows) error {
		found = true
		return r.Scan(&s.from, &s.to, &s.entries, &s.hash, &s.leaves, &s.firstPosted, &s.lastPosted, &s.lastEvent)
	})
	return s, found, err
}

// sealedRange reads a sealed range again.
func (v *verifier) sealedRange(ctx context.Context, before, now seal) error {
	r := newRange(before.hash)
	r.keepIDs = true
	rows, err := v.tx.QueryContext(ctx, "SELECT "+entryList+" FROM ledger_entry WHERE id > ? AND id <= ? ORDER BY id", before.to, now.to)
	if err := each(rows, err, "entries", r.scan); err != nil {
		return err
	}
	v.report.Entries += int64(r.entries)
	switch {
	case r.sealer.Hash() != now.hash:
		if err := v.name(ctx, r, before, now); err != nil {
			return err
		}
	case r.firstPosted != now.firstPosted || r.lastPosted != now.lastPosted || r.lastEvent != now.lastEvent:
		v.bad(LedgerProblem{FromID: now.from, ToID: now.to, Detail: "the instants of the seal are not those of its entries: balances of the past go by them"})
	}
	for account, t := range r.accounts {
		sum := v.accounts[account]
		v.accounts[account] = turnover{sum.debit + t.debit, sum.credit + t.credit}
	}
	return v.sealedBalances(ctx, now, slices.Sorted(maps.Keys(r.accounts)))
}

// name says which entries of a range are not as they were sealed, by the leaves.
func (v *verifier) name(ctx context.Context, r *entryRange, before, s seal) error {
	found := false
	for _, d := range differences(split(s.leaves), split(r.sealer.Leaves()), r.ids, before.to) {
		found = true
		d.FromID, d.ToID = s.from, s.to
		if d.ID > 0 {
			tx, err := v.txOf(ctx, d.ID)
			if err != nil {
				return err
			}
			d.Tx = tx
		}
		v.bad(d)
	}
	if !found {
		v.bad(LedgerProblem{FromID: s.from, ToID: s.to, Detail: "its hash does not follow from its entries: the seal, or the one before it, was changed"})
	}
	return nil
}

func (v *verifier) txOf(ctx context.Context, id int64) (name string, err error) {
	rows, err := v.tx.QueryContext(ctx, "SELECT tx FROM ledger_entry WHERE id = ?", id)
	err = each(rows, err, "entry", func(r *sql.Rows) error { return r.Scan(&name) })
	return name, err
}

func split(leaves []byte) []string {
	var out []string
	for part := range slices.Chunk(leaves, ledger.LeafSize) {
		out = append(out, string(part))
	}
	return out
}

// differences walks along what was sealed and what is there, and names entries that were
// changed, added or taken away. before is the last id of the range before.
func differences(sealed, there []string, ids []int64, before int64) []LedgerProblem {
	var out []LedgerProblem
	i, j := 0, 0
	last := func() int64 {
		if j == 0 {
			return before
		}
		return ids[j-1]
	}
	for i < len(sealed) || j < len(there) {
		switch {
		case i < len(sealed) && j < len(there) && sealed[i] == there[j]:
			i, j = i+1, j+1
		case j == len(there) || (i+1 < len(sealed) && j < len(there) && len(sealed)-i > len(there)-j && sealed[i+1] == there[j]):
			out = append(out, LedgerProblem{Detail: fmt.Sprintf("the entry that followed entry %d is gone", last())})
			i++
		case i == len(sealed) || (j+1 < len(there) && len(there)-j > len(sealed)-i && sealed[i] == there[j+1]):
			out = append(out, LedgerProblem{ID: ids[j], Detail: "was added after the range was sealed"})
			j++
		default:
			out = append(out, LedgerProblem{ID: ids[j], Detail: "is not as it was sealed"})
			i, j = i+1, j+1
		}
		if len(out) == maxProblems {
			return out
		}
	}
	return out
}

// marked: no range may be sealed beyond the mark.
func (v *verifier) marked(ctx context.Context, sealed int64) error {
	m, err := readMark(ctx, v.tx, "")
	if err == nil && m.sealed < sealed {
		v.bad(LedgerProblem{Detail: fmt.Sprintf("the mark stands at %d, ranges are sealed up to %d", m.sealed, sealed)})
	}
	return err
}

// tail folds what is not sealed yet.
func (v *verifier) tail(ctx context.Context, last seal) error {
	r := newRange(last.hash)
	rows, err := v.tx.QueryContext(ctx, "SELECT "+entryList+" FROM ledger_entry WHERE id > ? ORDER BY id", last.to)
	err = each(rows, err, "entries", r.scan)
	v.report.Entries += int64(r.entries)
	for account, t := range r.accounts {
		sum := v.accounts[account]
		v.accounts[account] = turnover{sum.debit + t.debit, sum.credit + t.credit}
	}
	v.told()
	return err
}

// unbalanced names transactions whose debits are not their credits.
func (v *verifier) unbalanced(ctx context.Context) error {
	var sum money.Fen
	for _, account := range slices.Sorted(maps.Keys(v.accounts)) {
		sum += v.accounts[account].balance()
	}
	rows, err := v.tx.QueryContext(ctx, "SELECT tx, "+signed+" AS gap FROM ledger_entry GROUP BY tx HAVING gap <> 0 LIMIT ?", maxProblems)
	found := false
	err = each(rows, err, "transactions", func(r *sql.Rows) error {
		var p LedgerProblem
		var gap money.Fen
		err := r.Scan(&p.Tx, &gap)
		found = true
		p.Detail = fmt.Sprintf("transaction %s: debits exceed credits by %s", p.Tx, gap)
		v.bad(p)
		return err
	})
	if sum != 0 && !found {
		v.bad(LedgerProblem{Detail: fmt.Sprintf("all debits exceed all credits by %s", sum)})
	}
	return err
}
