package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/reconcile"
)

// BillBooks is our side of one carrier's bill: what was booked for one prepaid account on one
// business day. It is a reconcile.Books.
type BillBooks struct {
	s                *Store
	carrier, account string
	from, until      time.Time // the day, until exclusive
	imported         map[string]bool
	bills            int   // of the account, replaced ones among them
	without          int64 // the bill that is to be replaced: what it found counts as never found; 0 = none
	last             int64 // the last entry that Bookings looked at; no lesser one comes any more
}

// BillBooks prepares our side of the bill of a day ("2026-11-23", Asia/Shanghai).
func (s *Store) BillBooks(ctx context.Context, carrier, account, day string) (*BillBooks, error) {
	from, err := time.ParseInLocation(time.DateOnly, day, business)
	if err != nil {
		return nil, fmt.Errorf("day %q: want one such as 2026-11-23", day)
	}
	b := &BillBooks{s: s, carrier: carrier, account: account, from: from, until: from.AddDate(0, 0, 1), imported: map[string]bool{}}
	rows, err := s.db.QueryContext(ctx, "SELECT day FROM bill WHERE carrier = ? AND account = ?", carrier, account)
	return b, each(rows, err, "bills", func(r *sql.Rows) error {
		var d string
		err := r.Scan(&d)
		b.imported[d] = true // a replaced one has another in its place
		b.bills++
		return err
	})
}

// Without gives the same books as they would be if a bill had never come: the one that is to be replaced.
func (b *BillBooks) Without(bill int64) *BillBooks {
	b.without = bill
	return b
}

// costKind is what a carrier's bill calls the cost that an account of ours keeps; "" = none.
func costKind(account, carrier string) bill.Kind {
	switch {
	case account == ledger.DeliveryExpense(carrier):
		return bill.Fee
	case account == ledger.TipExpense(carrier):
		return bill.Tip
	case strings.HasPrefix(account, ledger.PenaltyExpense(carrier, "")):
		return bill.Penalty
	case account == ledger.CompensationIncome(carrier):
		return bill.Compensation
	}
	return ""
}

// fromBills reports whether a transaction came out of reconciliation itself: those never meet a line of a bill.
func fromBills(tx string) bool {
	tx = strings.TrimPrefix(tx, "reverse:")
	return strings.HasPrefix(tx, "bill:") || strings.HasPrefix(tx, "item:") || strings.HasPrefix(tx, "write_off:")
}

const (
	// idWindow is how many ids one statement looks at: none runs for long, and no snapshot grows old.
	idWindow = 40_000
	// postedBefore is more than entries are posted out of the order of their ids.
	postedBefore = time.Hour
)

// Bookings gives every cost that was booked for an attempt of the account on the day. It reads
// the accounts of costs by (account, id) from where the day's entries begin, in windows of ids.
func (b *BillBooks) Bookings(ctx context.Context, yield func(reconcile.Booking) error) error {
	last, err := b.s.lastEntry(ctx)
	if err != nil {
		return err
	}
	b.last = last
	accounts, err := b.costAccounts(ctx)
	if err != nil {
		return err
	}
	first, err := b.s.entryAt(ctx, b.from.Add(-postedBefore))
	if err != nil {
		return err
	}
	for _, account := range accounts {
		for from := first; from <= last; from += idWindow {
			if err := b.window(ctx, account, from, yield); err != nil {
				return err
			}
		}
	}
	return nil
}

// lastEntry is the last entry there is, after whoever is posting: none with a lesser id comes any more.
func (s *Store) lastEntry(ctx context.Context) (last int64, err error) {
	err = s.tx(ctx, "last entry", func(tx *sql.Tx) error {
		if _, err := ownMark(ctx, tx); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM ledger_entry").Scan(&last)
	})
	return last, err
}

// Imported is how many bills of the account there were when this was prepared, replaced ones among
// them: with another one, what was compared is out of date.
func (b *BillBooks) Imported() int { return b.bills }

// ErrBooksMove says that costs of a bill's day are being booked while the bill is compared.
var ErrBooksMove = errors.New("costs of the day are being booked right now")

// Still says whether Bookings gave all there is: ErrBooksMove when facts of the day wait to be
// posted, or were posted meanwhile. A line of theirs would be disputed for nothing.
func (b *BillBooks) Still(ctx context.Context) error {
	var waiting, came int
	err := b.s.db.QueryRowContext(ctx, `SELECT COUNT(*) FROM orders o JOIN fact f ON f.order_id = o.id
 WHERE o.wake_at IS NOT NULL AND o.post_at IS NOT NULL AND f.posted_at IS NULL AND f.party = ? AND f.account = ? AND f.at >= ? AND f.at < ?`,
		b.carrier, b.account, b.from.UnixMilli(), b.until.UnixMilli()).Scan(&waiting)
	if err != nil {
		return fmt.Errorf("facts of %s: %w", b.carrier, err)
	}
	rows, err := b.s.db.QueryContext(ctx, "SELECT account, tx FROM ledger_entry WHERE id > ? AND event_at >= ? AND event_at < ?", b.last, b.from.UnixMilli(), b.until.UnixMilli())
	err = each(rows, err, "new entries", func(r *sql.Rows) error {
		var account, tx string
		err := r.Scan(&account, &tx)
		if costKind(account, b.carrier) != "" && !fromBills(tx) {
			came++
		}
		return err
	})
	if err == nil && waiting+came > 0 {
		err = fmt.Errorf("%w: %d came meanwhile and %d wait to be posted; nothing was written, try again in a minute", ErrBooksMove, came, waiting)
	}
	return err
}

// costAccounts are the accounts that hold what the carrier costs; those by cause are looked up.
func (b *BillBooks) costAccounts(ctx context.Context) ([]string, error) {
	out := []string{ledger.DeliveryExpense(b.carrier), ledger.TipExpense(b.carrier), ledger.CompensationIncome(b.carrier)}
	causes := ledger.PenaltyExpense(b.carrier, "")
	rows, err := b.s.db.QueryContext(ctx, "SELECT DISTINCT account FROM ledger_entry WHERE account >= ? AND account < ?", causes, strings.TrimSuffix(causes, ":")+";")
	err = each(rows, err, "accounts", func(r *sql.Rows) error {
		var name string
		err := r.Scan(&name)
		out = append(out, name)
		return err
	})
	return out, err
}

// entryAt is an id below which no entry was posted at an instant or later. Ids grow with the
// instants of posting, give or take what postedBefore allows for.
func (s *Store) entryAt(ctx context.Context, at time.Time) (int64, error) {
	var low, high int64
	if err := s.db.QueryRowContext(ctx, "SELECT COALESCE(MIN(id), 0), COALESCE(MAX(id), 0) FROM ledger_entry").Scan(&low, &high); err != nil {
		return 0, fmt.Errorf("read entries: %w", err)
	}
	for low < high {
		mid := low + (high-low)/2
		var posted int64
		err := s.db.QueryRowContext(ctx, "SELECT posted_at FROM ledger_entry WHERE id >= ? ORDER BY id LIMIT 1", mid).Scan(&posted)
		switch {
		case err != nil:
			return 0, fmt.Errorf("read entries: %w", err)
		case posted >= at.UnixMilli():
			high = mid
		default:
			low = mid + 1
		}
	}
	return low, nil
}

// window reads one window of ids of one account. Each entry finds its attempt by the key.
func (b *BillBooks) window(ctx context.Context, account string, from int64, yield func(reconcile.Booking) error) error {
	kind := costKind(account, b.carrier)
	var untold []oldEntry
	rows, err := b.s.db.QueryContext(ctx, `SELECT e.tx, e.debit, e.amount_fen, e.order_id, e.n, e.event_at, a.account, a.carrier_no FROM ledger_entry e
 LEFT JOIN attempt a ON a.order_id = e.order_id AND a.n = e.n
 WHERE e.account = ? AND e.id >= ? AND e.id < ? AND e.event_at >= ? AND e.event_at < ? AND e.order_id > 0`, account, from, from+idWindow, b.from.UnixMilli(), b.until.UnixMilli())
	err = each(rows, err, "bookings", func(r *sql.Rows) error {
		var tx sql.RawBytes
		var debit bool
		var event int64
		var ours, no sql.RawBytes
		x := reconcile.Booking{Kind: kind}
		if err := r.Scan(&tx, &debit, &x.Amount, &x.Order, &x.N, &event, &ours, &no); err != nil {
			return err
		}
		if !debit {
			x.Amount = -x.Amount
		}
		x.At = time.UnixMilli(event).UTC()
		switch {
		case fromBills(string(tx)):
			return nil
		case x.N == 0:
			untold = append(untold, oldEntry{x, string(tx)})
			return nil
		case ours == nil:
			return fmt.Errorf("%s: attempt %d of order %d has left the database: the day is too old to reconcile", tx, x.N, x.Order)
		case string(ours) != b.account:
			return nil
		}
		x.CarrierNo = string(no)
		return yield(x)
	})
	if err != nil || len(untold) == 0 {
		return err
	}
	return b.yieldOld(ctx, untold, yield)
}

// oldEntry is an entry from before entries had a column for the attempt: the transaction's name tells it.
type oldEntry struct {
	reconcile.Booking
	tx string
}

func (b *BillBooks) yieldOld(ctx context.Context, old []oldEntry, yield func(reconcile.Booking) error) error {
	ids := make([]int64, len(old))
	for i, x := range old {
		ids[i] = x.Order
	}
	attempts, err := b.attempts(ctx, ids)
	if err != nil {
		return err
	}
	for _, x := range old {
		ref, ok := attemptOf(x.Order, x.tx, attempts)
		if !ok || attempts[ref].account != b.account {
			continue // of the order itself: no waybill's
		}
		x.Ref, x.CarrierNo = ref, attempts[ref].no
		if err := yield(x.Booking); err != nil {
			return err
		}
	}
	return nil
}

// attemptOf finds the attempt of an entry that names the order only: a fact's name tells it, and
// what a person posted is about the carrier's only attempt.
func attemptOf(id int64, tx string, attempts map[reconcile.Ref]billed) (reconcile.Ref, bool) {
	if part := strings.Split(tx, ":"); len(part) == 5 && part[0] == "fact" {
		n, err := strconv.Atoi(part[2])
		ref := reconcile.Ref{Order: id, N: n}
		_, known := attempts[ref]
		return ref, known && err == nil
	}
	var found []reconcile.Ref
	for n := 1; n <= lastAttempt; n++ {
		ref := reconcile.Ref{Order: id, N: n}
		if _, known := attempts[ref]; known {
			found = append(found, ref)
		}
	}
	if len(found) != 1 {
		return reconcile.Ref{}, false
	}
	return found[0], true
}

// lastAttempt is above every number that an attempt can have.
const lastAttempt = 999

// billed is what an attempt is to a bill.
type billed struct{ account, no, state string }

// attempts reads the carrier's attempts of orders.
func (b *BillBooks) attempts(ctx context.Context, orders []int64) (map[reconcile.Ref]billed, error) {
	out := map[reconcile.Ref]billed{}
	for chunk := range slices.Chunk(sorted(orders), maxAsked) {
		list, args := in(chunk)
		rows, err := b.s.db.QueryContext(ctx, "SELECT order_id, n, account, carrier_no, state FROM attempt WHERE order_id IN "+list+" AND carrier = ?", append(args, b.carrier)...)
		err = each(rows, err, "attempts", func(r *sql.Rows) error {
			var ref reconcile.Ref
			var a billed
			err := r.Scan(&ref.Order, &ref.N, &a.account, &a.no, &a.state)
			out[ref] = a
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

const maxAsked = 1000 // keys in one statement
