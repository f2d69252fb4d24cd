package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/ledger"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/reconcile"
)

// ResolvedReplaced is how the items of a bill end that another one took the place of.
const ResolvedReplaced = "replaced"

// Withdrawal is what goes when a bill is replaced: all that it found, as far as nobody else has acted on it.
type Withdrawal struct {
	Bill     Bill      `json:"bill"`         // the old one
	Closed   int       `json:"closed"`       // its items, which end as replaced
	Suspense money.Fen `json:"suspense_fen"` // what leaves suspense with them
	Figures  int       `json:"figures"`      // the carrier's own 违约金 that it had booked on orders
	Cost     money.Fen `json:"figures_fen"`  // what those orders cost less by that
	Again    int       `json:"again"`        // items of other bills that it had answered, and that wait for the new one now
}

// ErrBillSettled says that people or other bills have settled something of a bill.
var ErrBillSettled = errors.New("the bill cannot be replaced any more")

// Replaceable finds the bill that another one shall replace, by its number or by its file's SHA-256
// (the first 8 characters do), and says what goes with it. ErrBillSettled lists what people or other
// bills have done about its items: that stands, and so does the bill.
func (s *Store) Replaceable(ctx context.Context, carrier, account, day, which string) (Withdrawal, error) {
	b, err := findBill(ctx, s.db, which)
	if err != nil {
		return Withdrawal{}, err
	}
	if b.Carrier != carrier || b.Account != account || b.Day != day {
		return Withdrawal{}, fmt.Errorf("%w: bill %d is that of %s/%s for %s, not of %s/%s for %s", ErrNoBill, b.ID, b.Carrier, b.Account, b.Day, carrier, account, day)
	}
	g, err := readGone(ctx, s.db, b.ID, "")
	return g.report(), err
}

// gone is a bill on its way out, with all that goes with it.
type gone struct {
	bill    Bill
	open    []Item // its own, that nobody has settled
	figures []Item // its own: the carrier's 违约金 that it booked
	again   []Item // of other bills, that it had answered
}

func (g gone) report() Withdrawal {
	w := Withdrawal{Bill: g.bill, Closed: len(g.open), Figures: len(g.figures), Again: len(g.again)}
	for _, x := range g.open {
		w.Suspense += x.Suspense
	}
	for _, x := range g.figures {
		w.Cost += x.Theirs - x.Ours
	}
	return w
}

// readGone reads what goes with a bill; lock is how: "" or " FOR UPDATE". ErrBillSettled says what stands against it.
func readGone(ctx context.Context, db execer, id int64, lock string) (gone, error) {
	list, err := bills(ctx, db, "WHERE id = ?"+lock, id)
	if err != nil || len(list) == 0 {
		return gone{}, cmp.Or(err, ErrNoBill)
	}
	g := gone{bill: list[0]}
	if by := g.bill.ReplacedBy; by != 0 {
		return g, fmt.Errorf("%w: bill %d was replaced by bill %d already (%s)", ErrBillSettled, id, by, g.bill.Note)
	}
	items, err := readItems(ctx, db, "WHERE source_id = ? AND source = ? ORDER BY id"+lock, id, sourceBill)
	if err != nil {
		return g, err
	}
	waiting, err := writeOffsWaiting(ctx, db)
	if err != nil {
		return g, err
	}
	var stand []string
	for _, x := range items {
		switch {
		case waiting[WriteOffKey(x.ID)] != 0:
			stand = append(stand, fmt.Sprintf("%s: proposal %d is to write it off, void that first", x.name(), waiting[WriteOffKey(x.ID)]))
		case x.Open():
			g.open = append(g.open, x)
		case x.Resolution == ResolvedOwnFigure:
			g.figures = append(g.figures, x)
		case x.EndedBy != 0:
			stand = append(stand, fmt.Sprintf("%s: bill %d answered it", x.name(), x.EndedBy))
		default:
			stand = append(stand, fmt.Sprintf("%s: %s %s it", x.name(), x.ResolvedBy, x.Resolution))
		}
	}
	if len(stand) > 0 {
		return g, fmt.Errorf("%w: of bill %d's items %d are settled, which stands; settle by hand what the new file says otherwise:%s", ErrBillSettled, id, len(stand), listed(stand))
	}
	g.again, err = readItems(ctx, db, "WHERE ended_by = ? ORDER BY id"+lock, id)
	return g, err
}

// name is an item for people.
func (i Item) name() string {
	text := fmt.Sprintf("item %d (%s", i.ID, i.Kind)
	if i.LineNo > 0 {
		text += fmt.Sprintf(", line %d", i.LineNo)
	}
	if i.CarrierNo != "" {
		text += ", " + i.CarrierNo
	}
	return text + ")"
}

// mostListed is how much of a list an error has.
const mostListed = 20

func listed(lines []string) string {
	text := ""
	for _, l := range lines[:min(mostListed, len(lines))] {
		text += "\n  " + l
	}
	if more := len(lines) - mostListed; more > 0 {
		text += fmt.Sprintf("\n  … and %d more", more)
	}
	return text
}

// writeOffsWaiting are the proposals to write items off that nobody has decided, by their key.
func writeOffsWaiting(ctx context.Context, db execer) (map[string]int64, error) {
	out := map[string]int64{}
	rows, err := db.QueryContext(ctx, "SELECT k, id FROM ledger_transfer WHERE state = ? AND source = 'write_off'", TransferPending)
	return out, each(rows, err, "proposals", func(r *sql.Rows) error {
		var key string
		var id int64
		err := r.Scan(&key, &id)
		out[key] = id
		return err
	})
}

// withdraw takes back what the old bill of the day did: its items end, what they had put into
// suspense is reversed, and items of other bills that it had answered are open again. It returns the
// reversals that move the prepaid balance, which are posted last. Nothing is deleted.
func (i billImport) withdraw(ctx context.Context) (figures []ledger.Transfer, err error) {
	if i.file.Replaces == 0 {
		return nil, nil
	}
	g, err := readGone(ctx, i.tx, i.file.Replaces, " FOR UPDATE")
	if err != nil {
		return nil, err
	}
	if b := g.bill; b.Carrier != i.file.Carrier || b.Account != i.file.Account || b.Day != i.file.Day {
		return nil, fmt.Errorf("%w: bill %d is that of %s/%s for %s", ErrNoBill, b.ID, b.Carrier, b.Account, b.Day)
	}
	if figures, err = i.undone(ctx, g.figures, Item.figureTx); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context, gone) error{i.closeItems, i.openAgain, i.retire} {
		if err := step(ctx, g); err != nil {
			return nil, err
		}
	}
	return figures, nil
}

// The transactions that items stand for: the dispute that opened one, or that of the day it was
// raised; the booking of a figure; and what answered one.
func (i Item) disputeTx() []string {
	return []string{i.Key, sourceBill + ":" + lateKey(i)}
}
func (i Item) figureTx() []string { return []string{i.Key} }
func (i Item) answerTx() []string { return []string{"item:" + itemKey(i)} }

// undone are the reversals of items' transactions.
func (i billImport) undone(ctx context.Context, items []Item, txs func(Item) []string) ([]ledger.Transfer, error) {
	var names []string
	for _, x := range items {
		names = append(names, txs(x)...)
	}
	var out []ledger.Transfer
	for some := range slices.Chunk(names, claimsAtOnce) {
		list, err := transactions(ctx, i.tx, some)
		if err != nil {
			return nil, err
		}
		for _, t := range list {
			out = append(out, t.Reversed(i.now))
		}
	}
	return out, nil
}

// transactions reads transactions back as transfers, by their names; what is not there is left out.
func transactions(ctx context.Context, db execer, names []string) ([]ledger.Transfer, error) {
	var out []ledger.Transfer
	list, args := in(names)
	rows, err := db.QueryContext(ctx, "SELECT tx, account, debit, amount_fen, order_id, n, reason, event_at FROM ledger_entry WHERE tx IN "+list+" ORDER BY tx, id", args...)
	return out, each(rows, err, "transactions", func(r *sql.Rows) error {
		var t ledger.Transfer
		var leg ledger.Leg
		var name string
		var event int64
		err := r.Scan(&name, &leg.Account, &leg.Debit, &leg.Amount, &t.Order, &t.N, &t.Reason, &event)
		if err != nil {
			return err
		}
		t.EventAt = time.UnixMilli(event).UTC()
		if t.Source, t.Key, err = cutTx(name); err != nil {
			return err
		}
		if n := len(out); n == 0 || out[n-1].Tx() != name {
			out = append(out, t)
		}
		out[len(out)-1].Legs = append(out[len(out)-1].Legs, leg)
		return nil
	})
}

// closeItems ends what the old bill had brought up.
func (i billImport) closeItems(ctx context.Context, g gone) error {
	disputes, err := i.undone(ctx, g.open, Item.disputeTx)
	if err != nil {
		return err
	}
	if left := g.report().Suspense + suspenseDelta(i.file.Carrier, disputes); left != 0 {
		return fmt.Errorf("bill %d: taking it back would leave %s in suspense", g.bill.ID, left)
	}
	if _, err := postTransfers(ctx, i.tx, disputes, i.now); err != nil {
		return err
	}
	_, err = i.tx.ExecContext(ctx, "UPDATE money_item SET state = ?, suspense_fen = 0, due_at = NULL, resolution = ?, resolved_by = ?, resolved_at = ? WHERE source_id = ? AND source = ?",
		ItemResolved, ResolvedReplaced, clip(i.who.By, maxBy), i.now.UnixMilli(), g.bill.ID, sourceBill)
	if err != nil {
		return fmt.Errorf("close the items of bill %d: %w", g.bill.ID, err)
	}
	if err := i.uncover(ctx, g); err != nil {
		return err
	}
	var lines []auditLine
	for _, x := range slices.Concat(g.open, g.figures) {
		after := x
		after.State, after.Suspense, after.Resolution, after.ResolvedBy, after.ResolvedAt, after.DueAt = ItemResolved, 0, ResolvedReplaced, i.who.By, i.now, time.Time{}
		lines = append(lines, auditLine{"item " + ResolvedReplaced, itemSubject(x.ID), x, after})
	}
	return auditAll(ctx, i.tx, i.who, lines)
}

// uncover finds what we booked and only a line stood for that could not be read: the new bill has it, or
// it is raised with what else was late.
func (i billImport) uncover(ctx context.Context, g gone) error {
	day, err := time.ParseInLocation(time.DateOnly, i.file.Day, business)
	if err != nil {
		return fmt.Errorf("bill of %q: %w", i.file.Day, err)
	}
	for _, line := range g.open {
		if !unread(line.Kind) {
			continue
		}
		items, err := covered(ctx, i.tx, line)
		if err != nil {
			return err
		}
		for _, x := range items {
			if _, err := i.tx.ExecContext(ctx, "UPDATE money_item SET kind = ?, due_at = ? WHERE id = ?", string(reconcile.NotYetBilled), day.AddDate(0, 0, 1).UnixMilli(), x.ID); err != nil {
				return fmt.Errorf("uncover item %d: %w", x.ID, err)
			}
		}
	}
	return nil
}

// openAgain opens items of other bills that the old one had answered, with what stood in suspense
// for them: perhaps the new one answers them as well.
func (i billImport) openAgain(ctx context.Context, g gone) error {
	answers, err := i.undone(ctx, g.again, Item.answerTx)
	if err != nil {
		return err
	}
	back := map[string]money.Fen{}
	for _, t := range answers {
		back[t.Key] = suspenseDelta(i.file.Carrier, []ledger.Transfer{t})
	}
	if _, err := postTransfers(ctx, i.tx, answers, i.now); err != nil {
		return err
	}
	var lines []auditLine
	for _, x := range g.again {
		after := x
		after.State, after.Suspense = string(reconcile.Meanings[reconcile.Why(x.Kind)].Outcome), back[x.answerTx()[0]]
		after.Resolution, after.ResolvedBy, after.ResolvedAt, after.EndedBy, after.Endings = "", "", time.Time{}, 0, x.Endings+1
		after.Note = fmt.Sprintf("open again: bill %d, which answered it, was replaced", g.bill.ID)
		if _, err := i.tx.ExecContext(ctx, "UPDATE money_item SET state = ?, suspense_fen = ?, resolution = '', resolved_by = '', resolved_at = NULL, ended_by = 0, endings = ?, note = ? WHERE id = ?",
			after.State, int64(after.Suspense), after.Endings, after.Note, x.ID); err != nil {
			return fmt.Errorf("open item %d again: %w", x.ID, err)
		}
		lines = append(lines, auditLine{"item open again", itemSubject(x.ID), x, after})
	}
	return auditAll(ctx, i.tx, i.who, lines)
}

// retire makes room for the new bill, whose number is not known yet: until succeed names it, the old
// one's own stands there, below zero.
func (i billImport) retire(ctx context.Context, g gone) error {
	if _, err := i.tx.ExecContext(ctx, "UPDATE bill SET replaced_by = -id, file = NULL, note = ? WHERE id = ?", clip(i.file.Note, 255), g.bill.ID); err != nil {
		return fmt.Errorf("replace bill %d: %w", g.bill.ID, err)
	}
	return audit(ctx, i.tx, i.who, "bill replace", billSubject(i.file), g.report(), map[string]string{"sha256": i.file.SHA256, "note": i.file.Note})
}

// succeed names the new bill in the old one.
func (i billImport) succeed(ctx context.Context) error {
	if i.file.Replaces == 0 {
		return nil
	}
	if _, err := i.tx.ExecContext(ctx, "UPDATE bill SET replaced_by = ? WHERE id = ?", i.bill.ID, i.file.Replaces); err != nil {
		return fmt.Errorf("replace bill %d: %w", i.file.Replaces, err)
	}
	return nil
}
