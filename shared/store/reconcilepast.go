package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/reconcile"
)

// CutOff gives the attempts that a bill of the account had before we booked, and no other bill has settled.
func (b *BillBooks) CutOff(ctx context.Context) ([]reconcile.Ref, error) {
	var out []reconcile.Ref
	add := func(r *sql.Rows) error {
		var ref reconcile.Ref
		err := r.Scan(&ref.Order, &ref.N)
		out = append(out, ref)
		return err
	}
	rows, err := b.s.db.QueryContext(ctx, "SELECT DISTINCT order_id, n FROM money_item WHERE state = ? AND source = ? AND party = ? AND account = ? AND kind = ? AND source_id <> ?",
		ItemExplained, sourceBill, b.carrier, b.account, string(reconcile.CutOff), b.without)
	if err := each(rows, err, "early lines", add); err != nil || b.without == 0 {
		return out, err
	}
	rows, err = b.s.db.QueryContext(ctx, "SELECT DISTINCT order_id, n FROM money_item WHERE ended_by = ? AND kind = ?", b.without, string(reconcile.CutOff))
	return out, each(rows, err, "early lines", add)
}

// Past answers what the books know about attempts beside the day's bookings.
func (b *BillBooks) Past(ctx context.Context, asks []reconcile.Ask) ([]reconcile.Past, error) {
	refs, err := b.resolve(ctx, asks)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, ref := range refs {
		if ref.Order > 0 {
			ids = append(ids, ref.Order)
		}
	}
	ids = sorted(ids)
	attempts, err := b.attempts(ctx, ids)
	if err != nil {
		return nil, err
	}
	known := map[reconcile.Ref]*reconcile.Past{}
	for ref, a := range attempts {
		p := &reconcile.Past{Ref: ref, CarrierNo: a.no, Paid: reconcile.Costs{}}
		if a.account != b.account {
			p.Account = a.account
		}
		known[ref] = p
	}
	if err := errors.Join(b.addCosts(ctx, ids, attempts, known), b.addItems(ctx, ids, known), b.addFigures(ctx, ids, known)); err != nil {
		return nil, err
	}
	out := make([]reconcile.Past, len(asks))
	for i, ref := range refs {
		if p := known[ref]; p != nil {
			out[i] = *p
		}
	}
	return out, nil
}

// resolve finds the attempts that are asked for: the carrier's number decides, ours comes second.
func (b *BillBooks) resolve(ctx context.Context, asks []reconcile.Ask) ([]reconcile.Ref, error) {
	var numbers []string
	for _, a := range asks {
		if a.CarrierNo != "" {
			numbers = append(numbers, a.CarrierNo)
		}
	}
	byNo := map[string]reconcile.Ref{}
	for chunk := range slices.Chunk(numbers, maxAsked) {
		list, args := in(chunk)
		rows, err := b.s.db.QueryContext(ctx, "SELECT carrier_no, order_id, n FROM carrier_ref WHERE carrier = ? AND carrier_no IN "+list, append([]any{b.carrier}, args...)...)
		err = each(rows, err, "waybills", func(r *sql.Rows) error {
			var no string
			var ref reconcile.Ref
			err := r.Scan(&no, &ref.Order, &ref.N)
			byNo[no] = ref
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	refs := make([]reconcile.Ref, len(asks))
	for i, a := range asks {
		refs[i] = a.Ref
		if ref, ok := byNo[a.CarrierNo]; ok && a.CarrierNo != "" {
			refs[i] = ref
		}
	}
	return refs, nil
}

// addCosts sums what was booked, by whether its day's bill is there.
func (b *BillBooks) addCosts(ctx context.Context, ids []int64, attempts map[reconcile.Ref]billed, known map[reconcile.Ref]*reconcile.Past) error {
	return b.byOrder(ctx, ids, "SELECT order_id, n, tx, account, debit, amount_fen, event_at FROM ledger_entry WHERE order_id IN ", "", func(r *sql.Rows) error {
		var ref reconcile.Ref
		var tx, account string
		var debit bool
		var amount money.Fen
		var event int64
		if err := r.Scan(&ref.Order, &ref.N, &tx, &account, &debit, &amount, &event); err != nil {
			return err
		}
		if ref.N == 0 {
			ref, _ = attemptOf(ref.Order, tx, attempts)
		}
		p, kind := known[ref], costKind(account, b.carrier)
		if p == nil || kind == "" || fromBills(tx) {
			return nil
		}
		if !debit {
			amount = -amount
		}
		at := time.UnixMilli(event)
		if today := !at.Before(b.from) && at.Before(b.until); today || b.imported[at.In(business).Format(time.DateOnly)] {
			p.Paid[kind] += amount
		} else {
			p.Other += amount
		}
		return nil
	})
}

// addItems tells of differences on other bills that wait for an answer.
func (b *BillBooks) addItems(ctx context.Context, ids []int64, known map[reconcile.Ref]*reconcile.Past) error {
	return b.byOrder(ctx, ids, "SELECT id, order_id, n, kind, theirs_fen, ours_fen FROM money_item WHERE order_id IN ",
		" AND source = 'bill' AND source_id <> ? AND (state IN ('explained','disputed','suspense') OR ended_by = ? AND ended_by <> 0) ORDER BY id", func(r *sql.Rows) error {
			var open reconcile.Open
			var ref reconcile.Ref
			var kind string
			var theirs, ours money.Fen
			if err := r.Scan(&open.ID, &ref.Order, &ref.N, &kind, &theirs, &ours); err != nil {
				return err
			}
			if kind == string(reconcile.OtherDay) {
				theirs = 0 // a line that was not taken
			}
			open.Diff, open.CutOff, open.Covered = theirs-ours, kind == string(reconcile.CutOff), kind == string(reconcile.Unread)
			open.Unread, open.Late = unread(kind) && ours == 0, kind == string(reconcile.NotYetBilled)
			if p := known[ref]; p != nil && (open.Diff != 0 || open.Unread) && kind != string(reconcile.Favour) {
				p.Items = append(p.Items, open)
			}
			return nil
		}, b.without, b.without)
}

// unread reports whether an item is a line that could not be read, or be taken as it is.
func unread(kind string) bool {
	return kind == string(reconcile.Unreadable) || kind == string(reconcile.OtherDay)
}

// addFigures tells whose 违约金 is a rule's or a pre-query's figure that the carrier never confirmed.
func (b *BillBooks) addFigures(ctx context.Context, ids []int64, known map[reconcile.Ref]*reconcile.Past) error {
	err := b.byOrder(ctx, ids, "SELECT order_id, n, kind, from_name FROM order_event WHERE order_id IN ", " AND kind IN ('penalty','money') ORDER BY order_id, COALESCE(version, 0)", func(r *sql.Rows) error {
		var ref reconcile.Ref
		var kind, figure string
		err := r.Scan(&ref.Order, &ref.N, &kind, &figure)
		if p := known[ref]; p != nil {
			p.Estimated = kind == "penalty" && figure != "carrier"
		}
		return err
	})
	if err != nil {
		return err
	}
	return b.byOrder(ctx, ids, "SELECT order_id, n FROM money_item WHERE order_id IN ", " AND source = 'bill' AND kind = 'own_figure' AND resolution <> 'replaced' AND source_id <> ?", func(r *sql.Rows) error {
		var ref reconcile.Ref
		err := r.Scan(&ref.Order, &ref.N)
		if p := known[ref]; p != nil {
			p.Estimated = false // a bill has said it
		}
		return err
	}, b.without)
}

func (b *BillBooks) byOrder(ctx context.Context, ids []int64, query, rest string, scan func(*sql.Rows) error, more ...any) error {
	for chunk := range slices.Chunk(ids, maxAsked) {
		list, args := in(chunk)
		rows, err := b.s.db.QueryContext(ctx, query+list+rest, append(args, more...)...)
		if err := each(rows, err, "what else is booked", scan); err != nil {
			return err
		}
	}
	return nil
}
