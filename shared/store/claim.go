package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/chuandao/qianfan/shared/ledger"
)

// ledgerKey names a transfer for ever; hash is of its content.
type ledgerKey struct{ source, key, hash string }

// claimsAtOnce bounds one statement. Longer lists of values are made temporary tables by MariaDB.
const claimsAtOnce = 500

// claimTransfers takes the keys of transfers, a few hundred in a statement, and gives the
// transfers whose keys were free, in their order. Keys are taken in order, so that of two that
// want the same ones either waits for the other, and never both.
func claimTransfers(ctx context.Context, tx *sql.Tx, list []ledger.Transfer) ([]ledger.Transfer, error) {
	hashes := map[string]string{}
	var keys []ledgerKey
	var fresh []ledger.Transfer
	for _, t := range list {
		hash := t.Hash()
		switch had, twice := hashes[t.Tx()]; {
		case !twice:
			hashes[t.Tx()] = hash
			keys = append(keys, ledgerKey{t.Source, t.Key, hash})
			fresh = append(fresh, t)
		case had != hash:
			return nil, fmt.Errorf("%s %q: %w", t.Source, t.Key, ErrConflict)
		}
	}
	slices.SortFunc(keys, func(a, b ledgerKey) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.key, b.key))
	})
	taken := map[string]bool{}
	for some := range slices.Chunk(keys, claimsAtOnce) {
		if err := takeKeys(ctx, tx, some, taken); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(fresh, func(t ledger.Transfer) bool { return taken[t.Tx()] }), nil
}

// takeKeys takes those keys that are free, and notes which are taken with the same content.
func takeKeys(ctx context.Context, tx *sql.Tx, keys []ledgerKey, taken map[string]bool) error {
	if len(keys) == 1 { // most postings have one: a statement less
		k := keys[0]
		isNew, err := claimLedgerKey(ctx, tx, k.source, k.key, k.hash)
		taken[k.tx()] = !isNew
		return err
	}
	free, err := freeKeys(ctx, tx, keys, taken)
	if err != nil || len(free) == 0 {
		return err
	}
	n, err := insertKeys(ctx, tx, free)
	if err != nil || n == len(free) {
		return err
	}
	return takenSince(ctx, tx, free, taken)
}

// takenSince notes which keys somebody else took after the look, and has posted by now: all of
// them are ours alone from here on. To give the others back and look again would leave those who
// wait for them with gaps locked, which none of them could insert into.
func takenSince(ctx context.Context, tx *sql.Tx, keys []ledgerKey, taken map[string]bool) error {
	had, err := keyHashes(ctx, tx, keys)
	if err != nil {
		return err
	}
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.tx()
		if had[k.tx()] != k.hash {
			return fmt.Errorf("%s %q: %w", k.source, k.key, ErrConflict)
		}
	}
	list, args := in(names)
	rows, err := tx.QueryContext(ctx, "SELECT DISTINCT tx FROM ledger_entry WHERE tx IN "+list, args...)
	return each(rows, err, "ledger_entry", func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		taken[name] = true
		return err
	})
}

// freeKeys are those that nobody has taken; those that are taken with the same content it notes.
func freeKeys(ctx context.Context, tx *sql.Tx, keys []ledgerKey, taken map[string]bool) ([]ledgerKey, error) {
	had, err := keyHashes(ctx, tx, keys)
	if err != nil {
		return nil, err
	}
	var free []ledgerKey
	for _, k := range keys {
		switch hash, known := had[k.tx()]; {
		case !known:
			free = append(free, k)
		case hash != k.hash:
			return nil, fmt.Errorf("%s %q: %w", k.source, k.key, ErrConflict)
		default:
			taken[k.tx()] = true
		}
	}
	return free, nil
}

// insertKeys writes keys and tells how many of them were not there.
func insertKeys(ctx context.Context, tx *sql.Tx, keys []ledgerKey) (int, error) {
	claim := insert{table: "ledger_key", cols: []string{"source", "k", "hash"}, keep: true}
	var args []any
	for _, k := range keys {
		args = append(args, k.source, k.key, k.hash)
	}
	res, err := tx.ExecContext(ctx, claim.sql(len(keys)), args...)
	if err != nil {
		return 0, fmt.Errorf("write ledger_key: %w", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// keyHashes are the contents of those keys that are taken, by their transactions' names.
func keyHashes(ctx context.Context, tx *sql.Tx, keys []ledgerKey) (map[string]string, error) {
	var sources, names []string
	for _, k := range keys {
		sources, names = append(sources, k.source), append(names, k.key)
	}
	inSources, args := in(slices.Compact(sources))
	inNames, more := in(names)
	out := map[string]string{}
	// Keys of one source and names of another may come along; nobody asks for those.
	rows, err := tx.QueryContext(ctx, "SELECT source, k, hash FROM ledger_key WHERE source IN "+inSources+" AND k IN "+inNames, append(args, more...)...)
	err = each(rows, err, "ledger_key", func(r *sql.Rows) error {
		var k ledgerKey
		err := r.Scan(&k.source, &k.key, &k.hash)
		out[k.tx()] = k.hash
		return err
	})
	return out, err
}

func (k ledgerKey) tx() string { return k.source + ":" + k.key }
