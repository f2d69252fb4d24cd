package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/reconcile"
)

// How items of bills end.
const (
	ResolvedAccepted    = "accepted"     // the carrier was right: the difference is the order's cost
	ResolvedWithdrawn   = "withdrawn"    // the carrier took it back
	ResolvedBilledLater = "billed_later" // another day's bill has what was missing, or gives back what was too much
	ResolvedOwnFigure   = "own_figure"   // the carrier's 违约金 replaced our estimate at once
)

// sourceBill is the source of a bill's items and entries.
const sourceBill = "bill"

// BillFile is a bill that was read and compared.
type BillFile struct {
	Carrier, Account, Day string
	SHA256                string
	Name                  string // of the file, for people
	Owner                 string // of its items
	Imported              int    // bills of the account that were there when it was compared
	Replaces              int64  // the bill of the day that it takes the place of; 0 = the day has none
	Note                  string // why it replaces that one
	Report                reconcile.Report
}

// counts are what a bill's row keeps of a report.
func counts(r reconcile.Report) map[string]int {
	out := map[string]int{"lines": r.Lines, "bookings": r.Bookings}
	for o, n := range r.Outcomes {
		out[string(o)] = n
	}
	for o, n := range r.Missing {
		out["missing_"+string(o)] = n
	}
	for why, n := range r.Whys {
		out["why_"+string(why)] = n
	}
	return out
}

// ImportBill writes a compared bill, its items and their entries in one transaction: all of it or
// nothing. What is disputed or in suspense stands in suspense:{carrier} from then on, and the
// prepaid balance does not move; a carrier's own 违约金 replaces our estimate at once. Items of
// other bills that this one settles end, and those that it should have settled go into
// suspense. now is virtual.
func (s *Store) ImportBill(ctx context.Context, who Act, f BillFile, now time.Time) (Bill, error) {
	day, err := time.ParseInLocation(time.DateOnly, f.Day, business)
	if err != nil || f.SHA256 == "" || f.Carrier == "" || f.Account == "" {
		return Bill{}, fmt.Errorf("import bill: %s/%s of %q: want carrier, account, day and the file's SHA-256", f.Carrier, f.Account, f.Day)
	}
	if f.Replaces != 0 && strings.TrimSpace(f.Note) == "" {
		return Bill{}, fmt.Errorf("import bill: say why bill %d is replaced", f.Replaces)
	}
	out := Bill{Carrier: f.Carrier, Account: f.Account, Day: f.Day, SHA256: f.SHA256, Name: clip(f.Name, 255), Rows: f.Report.Lines, Net: f.Report.Net, Counts: counts(f.Report), By: who.By, At: who.At}
	raw, err := json.Marshal(out.Counts)
	if err != nil {
		return Bill{}, fmt.Errorf("import bill: %w", err)
	}
	err = s.tx(ctx, "import bill", func(tx *sql.Tx) error {
		if err := lockBills(ctx, tx, f.Carrier, f.Account); err != nil {
			return err
		}
		if _, err := shareMark(ctx, tx); err != nil { // before all else, as every posting
			return err
		}
		if err := checkBill(ctx, tx, f.Carrier, f.Account, f.Day, f.SHA256, f.Replaces); err != nil {
			return err
		}
		i := billImport{tx: tx, who: who, now: now, file: f, bill: out}
		figures, err := i.withdraw(ctx)
		if err != nil {
			return err
		}
		if i.bill.ID, err = i.insert(ctx, string(raw)); err != nil {
			return err
		}
		out = i.bill
		return inOrder(
			func() error { return i.succeed(ctx) },
			func() error { return i.alone(ctx) },
			func() error { return i.end(ctx) },
			func() error { return i.raise(ctx, day) },
			func() error { return audit(ctx, tx, who, "bill import", billSubject(f), nil, out) },
			func() error { return i.open(ctx, figures) },
		)
	})
	return out, err
}

func billSubject(f BillFile) string { return fmt.Sprintf("%s/%s/%s", f.Carrier, f.Account, f.Day) }

// insert writes the row of the bill and gives its number.
func (i billImport) insert(ctx context.Context, counts string) (int64, error) {
	b := i.bill
	res, err := i.tx.ExecContext(ctx, "INSERT INTO bill (carrier, account, day, sha256, name, row_count, net_fen, counts, by_whom, at, file) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
		b.Carrier, b.Account, b.Day, b.SHA256, b.Name, b.Rows, int64(b.Net), counts, clip(b.By, maxBy), b.At.UnixMilli(), sql.NullString{String: b.SHA256, Valid: b.Rows > 0})
	switch {
	case Duplicate(err): // somebody else was faster
		return 0, fmt.Errorf("%w: %s/%s for %s", ErrBillKnown, b.Carrier, b.Account, b.Day)
	case err != nil:
		return 0, fmt.Errorf("write bill: %w", err)
	}
	id, err := res.LastInsertId()
	if err != nil {
		return 0, fmt.Errorf("write bill: %w", err)
	}
	return id, nil
}

// billImport is the transaction of an import.
type billImport struct {
	tx   *sql.Tx
	who  Act
	now  time.Time
	file BillFile
	bill Bill
}

// lockBills lets imports of one account come one after the other, by the lock of its first bill.
// It waits before anything else is locked: nobody but an import wants bills.
func lockBills(ctx context.Context, tx *sql.Tx, carrier, account string) error {
	var first sql.NullInt64
	if err := tx.QueryRowContext(ctx, "SELECT MIN(id) FROM bill WHERE carrier = ? AND account = ?", carrier, account).Scan(&first); err != nil {
		return fmt.Errorf("read bills: %w", err)
	}
	return lockRows(ctx, tx, "bills", "SELECT id FROM bill WHERE id = ?", first)
}

// alone requires that no other bill of the account came since this one was compared: each would
// explain what it has by the other's absence.
func (i billImport) alone(ctx context.Context) error {
	var bills int
	// An account's first two bills, which found nothing to lock, meet here: a lock on what is not committed waits, and one
	// of them begins again.
	if err := i.tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM bill WHERE carrier = ? AND account = ? AND id <> ? LOCK IN SHARE MODE", i.file.Carrier, i.file.Account, i.bill.ID).Scan(&bills); err != nil {
		return fmt.Errorf("read bills: %w", err)
	}
	if bills != i.file.Imported {
		return fmt.Errorf("%w: another bill of %s/%s was imported meanwhile; nothing was written, read this one again", ErrBooksMove, i.file.Carrier, i.file.Account)
	}
	return nil
}

// end resolves items of other bills that this one answers.
func (i billImport) end(ctx context.Context) error {
	for _, f := range i.file.Report.Findings {
		for _, id := range f.Ends {
			item, err := lockOpenItem(ctx, i.tx, id)
			if err != nil {
				return fmt.Errorf("%w; read the bill again", err)
			}
			end := Settlement{Resolution: ResolvedBilledLater, Bill: i.bill.ID, Note: fmt.Sprintf("by the bill of %s, line %d", i.file.Day, f.Line.No)}
			if item.Suspense != 0 {
				end.Transfers = []ledger.Transfer{ledger.BillWithdrawn(itemKey(item), item.Party, item.Account, item.Suspense, i.now).On(item.OrderID, item.N)}
			}
			if _, err := postTransfers(ctx, i.tx, end.Transfers, i.now); err != nil {
				return err
			}
			if _, err := endItem(ctx, i.tx, i.who, item, end, i.now); err != nil {
				return err
			}
		}
	}
	return nil
}

// itemKey names the transfer that ends an item: it ends once, unless the bill is replaced that answered it.
func itemKey(x Item) string {
	if x.Endings > 0 {
		return fmt.Sprintf("item-%d-%d", x.ID, x.Endings+1)
	}
	return fmt.Sprintf("item-%d", x.ID)
}

// lateKey names the dispute of an item that was raised: it is raised once.
func lateKey(x Item) string { return fmt.Sprintf("late-item-%d", x.ID) }

// raise puts into suspense what may have come with this bill, and did not.
func (i billImport) raise(ctx context.Context, day time.Time) error {
	stillLate := func(x Item) bool { return x.State == ItemExplained && x.Kind == string(reconcile.NotYetBilled) }
	late, err := lockItemsWhere(ctx, i.tx, stillLate, "state = ? AND party = ? AND account = ? AND kind = ? AND due_at <= ?",
		ItemExplained, i.file.Carrier, i.file.Account, string(reconcile.NotYetBilled), day.AddDate(0, 0, 1).UnixMilli())
	if err != nil {
		return err
	}
	var transfers []ledger.Transfer
	for _, x := range late {
		diff := x.Theirs - x.Ours
		transfers = append(transfers, ledger.BillDispute(lateKey(x), x.Party, x.Account, diff, i.now).On(x.OrderID, x.N))
		if _, err := i.tx.ExecContext(ctx, "UPDATE money_item SET kind = ?, state = ?, suspense_fen = ?, due_at = NULL WHERE id = ?",
			string(reconcile.NotBilled), ItemSuspense, int64(diff), x.ID); err != nil {
			return fmt.Errorf("raise item %d: %w", x.ID, err)
		}
	}
	_, err = postTransfers(ctx, i.tx, transfers, i.now)
	return err
}

// itemsAtOnce bounds what is in memory and in one statement.
const itemsAtOnce = 2_000

// open writes the items of this bill, with their entries. What moves the prepaid balance comes
// last, since orders wait for its shards: corrections are those of the bill that goes, to begin with.
func (i billImport) open(ctx context.Context, corrections []ledger.Transfer) error {
	var items, figures []Item
	var disputes []ledger.Transfer
	write := func() error {
		if _, err := postTransfers(ctx, i.tx, disputes, i.now); err != nil {
			return err
		}
		err := openItems(ctx, i.tx, items)
		items, disputes = items[:0], disputes[:0]
		return err
	}
	accounts, err := i.figureAccounts(ctx)
	if err != nil {
		return err
	}
	for seq, f := range i.file.Report.Findings {
		if !reconcile.Meanings[f.Why].Item {
			continue
		}
		key := fmt.Sprintf("%d:%d", i.bill.ID, seq) // by the bill, for a file may come again
		item := i.item(f, key)
		if f.Why == reconcile.OwnFigure {
			figures = append(figures, item)
			corrections = append(corrections, ledger.BillFigure(key, item.Party, item.Account, accounts[f.Ref], f.Diff, f.At).On(f.Order, f.N))
			continue
		}
		if item.Suspense != 0 {
			disputes = append(disputes, ledger.BillDispute(key, item.Party, item.Account, item.Suspense, f.At).On(f.Order, f.N))
		}
		if items = append(items, item); len(items) == itemsAtOnce {
			if err := write(); err != nil {
				return err
			}
		}
	}
	return inOrder(
		write,
		func() error { return i.keep(ctx, figures) },
		func() error { _, err := postTransfers(ctx, i.tx, corrections, i.now); return err },
	)
}

func (i billImport) item(f reconcile.Finding, key string) Item {
	x := Item{Party: i.file.Carrier, Account: i.file.Account, Kind: string(f.Why), Cost: string(f.Kind), State: string(f.Outcome), Source: sourceBill, SourceID: i.bill.ID,
		LineNo: f.Line.No, CarrierNo: f.Line.CarrierNo, OrderID: f.Order, N: f.N, Theirs: f.Theirs, Ours: f.Ours, Raw: f.Line.Raw, Note: f.Note,
		Owner: i.file.Owner, OpenedAt: i.now, DueAt: f.Until, Key: sourceBill + ":" + key}
	if f.Outcome == reconcile.Disputed || f.Outcome == reconcile.Suspense {
		x.Suspense = f.Diff
	}
	return x
}

// keep writes items that are resolved as they are found.
func (i billImport) keep(ctx context.Context, items []Item) error {
	if err := openItems(ctx, i.tx, items); err != nil || len(items) == 0 {
		return err
	}
	for some := range slices.Chunk(items, maxAsked) { // by their keys: a search by state would wait for other bills
		args := []any{ItemResolved, ResolvedOwnFigure, clip(i.who.By, maxBy), i.now.UnixMilli()}
		for _, x := range some {
			args = append(args, x.Key)
		}
		query := "UPDATE money_item FORCE INDEX (item_key) SET state = ?, resolution = ?, resolved_by = ?, resolved_at = ? WHERE k IN (" + marks(len(some)) + ")"
		if _, err := i.tx.ExecContext(ctx, query, args...); err != nil {
			return fmt.Errorf("write items: %w", err)
		}
	}
	return nil
}

// figureAccounts are the accounts of 违约金 of the attempts whose figure is replaced.
func (i billImport) figureAccounts(ctx context.Context) (map[reconcile.Ref]string, error) {
	var costs []cost
	for _, f := range i.file.Report.Findings {
		if f.Why == reconcile.OwnFigure {
			costs = append(costs, cost{f.Ref, bill.Penalty})
		}
	}
	return expenseAccounts(ctx, i.tx, i.file.Carrier, costs)
}
