package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
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

// ErrBillKnown says that a bill is there already.
var ErrBillKnown = errors.New("the bill was imported before")

// BillFile is a bill that was read and compared.
type BillFile struct {
	Carrier, Account, Day string
	SHA256                string
	Name                  string // of the file, for people
	Owner                 string // of its items
	Imported              int    // bills of the account that were there when it was compared
	Report                reconcile.Report
}

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

// CheckBill says whether a bill may be imported; sha is empty while the file is not read yet. A
// file, and a day of an account, come once: ErrBillKnown tells when it was.
func (s *Store) CheckBill(ctx context.Context, carrier, account, day, sha string) error {
	return checkBill(ctx, s.db, carrier, account, day, sha)
}

func checkBill(ctx context.Context, db execer, carrier, account, day, sha string) error {
	list, err := bills(ctx, db, "WHERE sha256 = ? OR (carrier = ? AND account = ? AND day = ?)", sha, carrier, account, day)
	if err != nil || len(list) == 0 {
		return err
	}
	b := list[0]
	if b.SHA256 == sha {
		return fmt.Errorf("%w: this very file is bill %d of %s/%s for %s, imported by %s at %s", ErrBillKnown, b.ID, b.Carrier, b.Account, b.Day, b.By, b.At.Format(time.RFC3339))
	}
	return fmt.Errorf("%w: %s/%s has bill %d (%s) for %s, imported by %s at %s; a corrected file cannot replace it: resolve its items instead", ErrBillKnown, b.Carrier, b.Account, b.ID, b.Name, b.Day, b.By, b.At.Format(time.RFC3339))
}

// Bills lists the bills of a carrier ("" = of all), the latest days first.
func (s *Store) Bills(ctx context.Context, carrier string, limit int) ([]Bill, error) {
	return bills(ctx, s.db, "WHERE ? IN ('', carrier) ORDER BY day DESC, id DESC LIMIT ?", carrier, limit)
}

func bills(ctx context.Context, db execer, rest string, args ...any) ([]Bill, error) {
	out := []Bill{}
	rows, err := db.QueryContext(ctx, "SELECT id, carrier, account, day, sha256, name, row_count, net_fen, counts, by_whom, at FROM bill "+rest, args...)
	err = each(rows, err, "bills", func(r *sql.Rows) error {
		var b Bill
		var raw []byte
		var at int64
		if err := r.Scan(&b.ID, &b.Carrier, &b.Account, &b.Day, &b.SHA256, &b.Name, &b.Rows, &b.Net, &raw, &b.By, &at); err != nil {
			return err
		}
		b.At = time.UnixMilli(at).UTC()
		out = append(out, b)
		return json.Unmarshal(raw, &out[len(out)-1].Counts)
	})
	return out, err
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
	out := Bill{Carrier: f.Carrier, Account: f.Account, Day: f.Day, SHA256: f.SHA256, Name: clip(f.Name, 255), Rows: f.Report.Lines, Net: f.Report.Net, Counts: counts(f.Report), By: who.By, At: who.At}
	raw, err := json.Marshal(out.Counts)
	if err != nil {
		return Bill{}, fmt.Errorf("import bill: %w", err)
	}
	err = s.tx(ctx, "import bill", func(tx *sql.Tx) error {
		if _, err := shareMark(ctx, tx); err != nil { // first, as every posting
			return err
		}
		if err := checkBill(ctx, tx, f.Carrier, f.Account, f.Day, f.SHA256); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, "INSERT INTO bill (carrier, account, day, sha256, name, row_count, net_fen, counts, by_whom, at) VALUES (?,?,?,?,?,?,?,?,?,?)",
			out.Carrier, out.Account, out.Day, out.SHA256, out.Name, out.Rows, int64(out.Net), string(raw), clip(who.By, maxBy), who.At.UnixMilli())
		switch {
		case Duplicate(err): // somebody else was faster
			return fmt.Errorf("%w: %s/%s for %s", ErrBillKnown, f.Carrier, f.Account, f.Day)
		case err != nil:
			return fmt.Errorf("write bill: %w", err)
		}
		if out.ID, err = res.LastInsertId(); err != nil {
			return fmt.Errorf("write bill: %w", err)
		}
		i := billImport{tx: tx, who: who, now: now, file: f, bill: out}
		return inOrder(
			func() error { return i.alone(ctx) },
			func() error { return i.end(ctx) },
			func() error { return i.raise(ctx, day) },
			func() error {
				return audit(ctx, tx, who, "bill import", fmt.Sprintf("%s/%s/%s", f.Carrier, f.Account, f.Day), nil, out)
			},
			func() error { return i.open(ctx) },
		)
	})
	return out, err
}

// billImport is the transaction of an import.
type billImport struct {
	tx   *sql.Tx
	who  Act
	now  time.Time
	file BillFile
	bill Bill
}

// alone requires that no other bill of the account came since this one was compared: each would
// explain what it has by the other's absence.
func (i billImport) alone(ctx context.Context) error {
	var bills int
	// Two at once meet here: a lock on what is not committed waits, and one of them begins again.
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
			end := Settlement{Resolution: ResolvedBilledLater, Note: fmt.Sprintf("by the bill of %s, line %d", i.file.Day, f.Line.No)}
			if item.Suspense != 0 {
				end.Transfers = []ledger.Transfer{ledger.BillWithdrawn(itemKey(id), item.Party, item.Account, item.Suspense, i.now).On(item.OrderID, item.N)}
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

// itemKey names the transfer that ends an item: it ends once.
func itemKey(id int64) string { return fmt.Sprintf("item-%d", id) }

// raise puts into suspense what may have come with this bill, and did not.
func (i billImport) raise(ctx context.Context, day time.Time) error {
	late, err := readItems(ctx, i.tx, "WHERE state = ? AND party = ? AND account = ? AND kind = ? AND due_at <= ? ORDER BY id FOR UPDATE",
		ItemExplained, i.file.Carrier, i.file.Account, string(reconcile.NotYetBilled), day.AddDate(0, 0, 1).UnixMilli())
	if err != nil {
		return err
	}
	var transfers []ledger.Transfer
	for _, x := range late {
		diff := x.Theirs - x.Ours
		transfers = append(transfers, ledger.BillDispute("late-"+itemKey(x.ID), x.Party, x.Account, diff, i.now).On(x.OrderID, x.N))
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
// last, since orders wait for its shards.
func (i billImport) open(ctx context.Context) error {
	var items, figures []Item
	var disputes, corrections []ledger.Transfer
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
		key := fmt.Sprintf("%s:%d", i.file.SHA256[:16], seq)
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
	_, err := i.tx.ExecContext(ctx, "UPDATE money_item SET state = ?, resolution = ?, resolved_by = ?, resolved_at = ? WHERE source = ? AND source_id = ? AND kind = ? AND state = ?",
		ItemResolved, ResolvedOwnFigure, clip(i.who.By, maxBy), i.now.UnixMilli(), sourceBill, i.bill.ID, string(reconcile.OwnFigure), ItemExplained)
	if err != nil {
		return fmt.Errorf("write items: %w", err)
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
