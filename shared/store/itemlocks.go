package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/ledger"
)

// Items are locked after the mark, and before proposals, keys and shards, each by its id: who changes one changes
// its entries in the indexes afterwards, so whoever locked it by one of those would meet him half-way.

// lockItemsWhere locks the items that a condition finds and that are still wanted when they are ours.
func lockItemsWhere(ctx context.Context, tx *sql.Tx, wanted func(Item) bool, where string, args ...any) ([]Item, error) {
	var ids []int64
	rows, err := tx.QueryContext(ctx, "SELECT id FROM money_item WHERE "+where+" ORDER BY id", args...)
	err = each(rows, err, "items", func(r *sql.Rows) error {
		var id int64
		err := r.Scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	var out []Item
	for some := range slices.Chunk(ids, maxAsked) {
		list, args := in(some)
		items, err := readItems(ctx, tx, byID+"WHERE id IN "+list+" ORDER BY id FOR UPDATE", args...)
		if err != nil {
			return nil, err
		}
		out = append(out, items...)
	}
	return slices.DeleteFunc(out, func(i Item) bool { return !wanted(i) }), nil
}

// lockWrittenOff locks the item that a proposal writes off, if it does: whoever proposed that had the item first,
// and the proposal then.
func lockWrittenOff(ctx context.Context, tx *sql.Tx, proposal int64) error {
	var t ledger.Transfer
	rows, err := tx.QueryContext(ctx, "SELECT source, k FROM ledger_transfer WHERE id = ?", proposal)
	err = each(rows, err, "proposal", func(r *sql.Rows) error { return r.Scan(&t.Source, &t.Key) })
	item := writtenOff(t)
	if err != nil || item == 0 {
		return err
	}
	return lockRows(ctx, tx, "items", "SELECT id FROM money_item WHERE id = ?", item)
}

// writtenOff is the item that a transfer writes off; 0 = none.
func writtenOff(t ledger.Transfer) int64 {
	digits, found := strings.CutPrefix(t.Key, "item-")
	id, err := strconv.ParseInt(digits, 10, 64)
	if t.Source != "write_off" || !found || err != nil {
		return 0
	}
	return id
}
