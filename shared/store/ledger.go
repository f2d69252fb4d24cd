package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
)

var entryCols = []string{"tx", "account", "debit", "amount_fen", "order_id", "n", "reason", "event_at", "posted_at", "period"}

func insertEntries(ctx context.Context, db execer, entries []ledger.Entry) error {
	rows := make([][]any, len(entries))
	for i, e := range entries {
		rows[i] = []any{e.Tx, e.Account, e.Debit, int64(e.Amount), e.OrderID, e.N, clip(e.Reason, 64), e.EventAt.UnixMilli(), e.PostedAt.UnixMilli(), e.Period}
	}
	return insert{table: "ledger_entry", cols: entryCols}.exec(ctx, db, rows)
}

// mark is the row of ledger_mark. Whoever posts shares it until its commit; whoever seals a
// range or closes a period has it alone, and so meets nobody half-way.
type mark struct {
	sealed int64  // no entry with this id or a lesser one comes any more
	closed string // the last closed period
}

func shareMark(ctx context.Context, tx *sql.Tx) (mark, error) {
	return readMark(ctx, tx, " LOCK IN SHARE MODE")
}

func ownMark(ctx context.Context, tx *sql.Tx) (mark, error) { return readMark(ctx, tx, " FOR UPDATE") }

func readMark(ctx context.Context, db execer, lock string) (mark, error) {
	var m mark
	found := false
	rows, err := db.QueryContext(ctx, "SELECT sealed_id, closed FROM ledger_mark WHERE id = 1"+lock)
	err = each(rows, err, "ledger mark", func(r *sql.Rows) error { found = true; return r.Scan(&m.sealed, &m.closed) })
	if err == nil && !found {
		err = errors.New("ledger_mark has lost its row: nothing can be posted")
	}
	return m, err
}

// PostTransfers posts transfers in one transaction, each once for ever: it reports how many
// were new. A key that was used with other content is ErrConflict, and nothing is posted.
func (s *Store) PostTransfers(ctx context.Context, who Act, list []ledger.Transfer, now time.Time) (int, error) {
	posted := 0
	err := s.tx(ctx, "post transfers", func(tx *sql.Tx) error {
		fresh, err := postTransfers(ctx, tx, list, now)
		if err != nil {
			return err
		}
		posted = len(fresh)
		return auditAll(ctx, tx, who, transferLines("ledger post", fresh))
	})
	return posted, err
}

func transferLines(verb string, list []ledger.Transfer) []auditLine {
	lines := make([]auditLine, len(list))
	for i, t := range list {
		lines[i] = auditLine{verb: verb, subject: t.Tx(), after: t}
	}
	return lines
}

// postTransfers posts those that are new, with the shards of the prepaid accounts they touch,
// and returns them. It takes the mark first and the shards last, as settle does.
func postTransfers(ctx context.Context, tx *sql.Tx, list []ledger.Transfer, now time.Time) ([]ledger.Transfer, error) {
	if len(list) == 0 {
		return nil, nil
	}
	mark, err := shareMark(ctx, tx)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		if err := t.Check(); err != nil {
			return nil, err
		}
	}
	fresh, err := claimTransfers(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	desk := ledger.Desk{Now: now, Closed: mark.closed}
	var entries []ledger.Entry
	deltas := map[purse]money.Fen{}
	for _, t := range fresh {
		entries = append(entries, t.Entries(desk)...)
		for name, delta := range t.PrepaidDelta() {
			carrier, account, _, _ := ledger.OfCarrier(name)
			deltas[purse{carrier, account}] += delta
		}
	}
	if err := insertEntries(ctx, tx, entries); err != nil {
		return nil, err
	}
	return fresh, moveShards(ctx, tx, deltas)
}

// Transaction reads one transaction back as a transfer, to be reversed; what settle posted is
// one, too. False = there is none.
func (s *Store) Transaction(ctx context.Context, name string) (ledger.Transfer, bool, error) {
	var t ledger.Transfer
	rows, err := s.db.QueryContext(ctx, "SELECT account, debit, amount_fen, order_id, n, reason, event_at FROM ledger_entry WHERE tx = ? ORDER BY id", name)
	err = each(rows, err, "transaction", func(r *sql.Rows) error {
		var leg ledger.Leg
		var event int64
		err := r.Scan(&leg.Account, &leg.Debit, &leg.Amount, &t.Order, &t.N, &t.Reason, &event)
		t.EventAt = time.UnixMilli(event).UTC()
		t.Legs = append(t.Legs, leg)
		return err
	})
	if err == nil && len(t.Legs) > 0 {
		t.Source, t.Key, _ = cutTx(name)
	}
	return t, len(t.Legs) > 0, err
}

// cutTx takes a transaction's name apart.
func cutTx(name string) (source, key string, err error) {
	for i := range name {
		if name[i] == ':' {
			return name[:i], name[i+1:], nil
		}
	}
	return "", "", fmt.Errorf("transaction %q: want SOURCE:KEY", name)
}
