package store

import (
	"context"
	"database/sql"
	"slices"
)

// AttemptKey names an attempt.
type AttemptKey struct {
	Order int64
	N     int
}

// Waybill is an attempt as its carrier knows it.
type Waybill struct {
	Carrier   string
	Account   string
	CarrierNo string
}

// Waybills finds live attempts whose carrier's number is known; others are left out.
func (s *Store) Waybills(ctx context.Context, keys []AttemptKey) (map[AttemptKey]Waybill, error) {
	out := map[AttemptKey]Waybill{}
	if len(keys) == 0 {
		return out, nil
	}
	ids := make([]int64, len(keys))
	for i, k := range keys {
		ids[i] = k.Order
	}
	list, args := in(sorted(ids))
	rows, err := s.db.QueryContext(ctx, "SELECT order_id, n, carrier, account, carrier_no FROM attempt WHERE order_id IN "+list+" AND carrier_no > '' AND state NOT IN "+finalAttempts, args...)
	err = each(rows, err, "waybills", func(r *sql.Rows) error {
		var k AttemptKey
		var w Waybill
		err := r.Scan(&k.Order, &k.N, &w.Carrier, &w.Account, &w.CarrierNo)
		if slices.Contains(keys, k) {
			out[k] = w
		}
		return err
	})
	return out, err
}
