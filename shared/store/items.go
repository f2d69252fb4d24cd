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

// The states of an item.
const (
	ItemExplained = "explained" // it has a reason, and nothing stands in suspense for it
	ItemDisputed  = "disputed"  // the other side is wrong, as far as the books can tell
	ItemSuspense  = "suspense"  // nobody can tell without a person
	ItemResolved  = "resolved"
)

// Item is one difference with a carrier or platform, from the day it was found until somebody
// has settled it. Amounts are in 分; instants are virtual time.
type Item struct {
	ID         int64     `json:"id,string"`
	Party      string    `json:"party"`             // uupt, jd
	Account    string    `json:"account,omitempty"` // the carrier's prepaid account
	Kind       string    `json:"kind"`              // overbilled, not_billed, rejected, …
	Cost       string    `json:"cost,omitempty"`    // of what: fee, tip, penalty, refund, compensation
	State      string    `json:"state"`
	Source     string    `json:"source"` // bill or statement
	SourceID   int64     `json:"source_id,string"`
	LineNo     int       `json:"line_no,omitempty"` // 0 = not a line: something is missing
	CarrierNo  string    `json:"carrier_no,omitempty"`
	OrderID    int64     `json:"order_id,string"` // 0 = no order
	N          int       `json:"n,omitempty"`     // attempt; 0 = the order's own
	Theirs     money.Fen `json:"theirs_fen"`      // what the other side says
	Ours       money.Fen `json:"ours_fen"`        // what we have booked
	Suspense   money.Fen `json:"suspense_fen"`    // what stands in suspense for it now, debit positive
	Raw        string    `json:"raw,omitempty"`   // the line as it came
	Note       string    `json:"note,omitempty"`
	Owner      string    `json:"owner,omitempty"` // who has to settle it
	OpenedAt   time.Time `json:"opened_at"`
	DueAt      time.Time `json:"due_at,omitzero"`
	ResolvedAt time.Time `json:"resolved_at,omitzero"`
	Resolution string    `json:"resolution,omitempty"` // accepted, withdrawn, …
	ResolvedBy string    `json:"resolved_by,omitempty"`
	EndedBy    int64     `json:"ended_by,omitempty,string"` // the bill that answered it
	Endings    int       `json:"endings,omitempty"`         // how often it had been answered by a bill that was replaced
	Key        string    `json:"key"`                       // of the difference: it is opened once, whoever finds it again
}

// Open reports whether the item is not settled yet.
func (i Item) Open() bool { return i.State != ItemResolved }

// Errors of items.
var (
	ErrNoItem       = errors.New("no such item")
	ErrItemResolved = errors.New("the item is resolved already")
)

// ItemFilter chooses items; zero fields choose all.
type ItemFilter struct {
	ID       int64
	Party    string
	Account  string
	Kind     string
	State    string // one of the states
	Open     bool   // only those that are not resolved
	Source   string
	SourceID int64
	Owner    string
	NoOwner  bool // only those without one
	OrderID  int64
	NoOrder  bool      // only those that were accepted as a cost of no order
	Before   time.Time // opened before this virtual instant
	After    int64     // only ids above this one: the last id of the page before
	Limit    int       // 1 to 10,000; 0 = 100
}

func (f ItemFilter) where() (string, []any) {
	where, args := "WHERE TRUE", []any{}
	add := func(wanted bool, condition string, values ...any) {
		if wanted {
			where, args = where+" AND "+condition, append(args, values...)
		}
	}
	add(f.ID != 0, "id = ?", f.ID)
	add(f.Party != "", "party = ?", f.Party)
	add(f.Account != "", "account = ?", f.Account)
	add(f.Kind != "", "kind = ?", f.Kind)
	add(f.State != "", "state = ?", f.State)
	add(f.Open, "state IN ('explained','disputed','suspense')") // the index knows the states, not their absence
	add(f.Source != "", "source = ?", f.Source)
	add(f.SourceID != 0, "source_id = ?", f.SourceID)
	add(f.Owner != "", "owner = ?", f.Owner)
	add(f.NoOwner, "owner = ''")
	add(f.OrderID != 0, "order_id = ?", f.OrderID)
	add(f.NoOrder, "state = 'resolved' AND resolution = 'accepted' AND order_id = 0 AND theirs_fen <> ours_fen")
	add(!f.Before.IsZero(), "opened_at < ?", ms(f.Before))
	add(f.After != 0, "id > ?", f.After)
	return where, args
}

// Items lists items by their ids, oldest first.
func (s *Store) Items(ctx context.Context, f ItemFilter) ([]Item, error) {
	where, args := f.where()
	limit := f.Limit
	if limit <= 0 {
		limit = defaultPage
	}
	return readItems(ctx, s.db, where+" ORDER BY id LIMIT ?", append(args, min(limit, maxPage))...)
}

const itemSelect = "SELECT id, party, account, kind, cost, state, source, source_id, line_no, carrier_no, order_id, n, theirs_fen, ours_fen, suspense_fen, raw, note, owner, opened_at, due_at, resolved_at, resolution, resolved_by, ended_by, endings, k FROM money_item "

func readItems(ctx context.Context, db execer, rest string, args ...any) ([]Item, error) {
	out := []Item{}
	rows, err := db.QueryContext(ctx, itemSelect+rest, args...)
	err = each(rows, err, "items", func(r *sql.Rows) error {
		var i Item
		var opened int64
		var due, resolved sql.NullInt64
		err := r.Scan(&i.ID, &i.Party, &i.Account, &i.Kind, &i.Cost, &i.State, &i.Source, &i.SourceID, &i.LineNo, &i.CarrierNo, &i.OrderID, &i.N, &i.Theirs, &i.Ours,
			&i.Suspense, &i.Raw, &i.Note, &i.Owner, &opened, &due, &resolved, &i.Resolution, &i.ResolvedBy, &i.EndedBy, &i.Endings, &i.Key)
		i.OpenedAt, i.DueAt, i.ResolvedAt = time.UnixMilli(opened).UTC(), at(due), at(resolved)
		out = append(out, i)
		return err
	})
	return out, err
}

var itemCols = []string{"party", "account", "kind", "cost", "state", "source", "source_id", "line_no", "carrier_no", "order_id", "n", "theirs_fen", "ours_fen",
	"suspense_fen", "raw", "note", "owner", "opened_at", "due_at", "k"}

// openItems writes new items; one whose key is there already stays as it is. Their entries
// belong into the same transaction.
func openItems(ctx context.Context, db execer, items []Item) error {
	rows := make([][]any, len(items))
	for i, x := range items {
		rows[i] = []any{x.Party, x.Account, x.Kind, x.Cost, x.State, x.Source, x.SourceID, x.LineNo, clip(x.CarrierNo, 64), x.OrderID, x.N, int64(x.Theirs), int64(x.Ours),
			int64(x.Suspense), clip(x.Raw, 512), clip(x.Note, 255), clip(x.Owner, 64), x.OpenedAt.UnixMilli(), ms(x.DueAt), x.Key}
	}
	return insert{table: "money_item", cols: itemCols, keep: true}.exec(ctx, db, rows)
}

// lockItem reads an item under its lock.
func lockItem(ctx context.Context, tx *sql.Tx, id int64) (Item, error) {
	list, err := readItems(ctx, tx, "WHERE id = ? FOR UPDATE", id)
	if err != nil {
		return Item{}, err
	}
	if len(list) == 0 {
		return Item{}, fmt.Errorf("%w: %d", ErrNoItem, id)
	}
	return list[0], nil
}

// Settlement is how an item ends.
type Settlement struct {
	Resolution string            // accepted, withdrawn, written_off, … (32 characters)
	Note       string            // why; the item's own is kept when empty
	Transfers  []ledger.Transfer // what takes it out of suspense
	Bill       int64             // the bill that answers it; 0 = a person ends it
	Order      int64             // that it turned out to be about; 0 = as it is
}

// SettleItem ends one open item: how looks at it and says by which transfers, which are posted
// in the same transaction, with an audit row. An item that is resolved already is
// ErrItemResolved. now is virtual time.
func (s *Store) SettleItem(ctx context.Context, who Act, id int64, now time.Time, how func(Item) (Settlement, error)) (Item, error) {
	return s.settleWith(ctx, who, id, now, func(_ *sql.Tx, item Item) (Settlement, error) { return how(item) })
}

func (s *Store) settleWith(ctx context.Context, who Act, id int64, now time.Time, how func(*sql.Tx, Item) (Settlement, error)) (Item, error) {
	var after Item
	err := s.tx(ctx, "settle item", func(tx *sql.Tx) error {
		if _, err := shareMark(ctx, tx); err != nil { // first, as every posting
			return err
		}
		item, err := lockOpenItem(ctx, tx, id)
		if err != nil {
			return err
		}
		end, err := how(tx, item)
		if err != nil {
			return err
		}
		if _, err := postTransfers(ctx, tx, end.Transfers, now); err != nil {
			return err
		}
		after, err = endItem(ctx, tx, who, item, end, now)
		return err
	})
	return after, err
}

func lockOpenItem(ctx context.Context, tx *sql.Tx, id int64) (Item, error) {
	item, err := lockItem(ctx, tx, id)
	if err == nil && !item.Open() {
		err = fmt.Errorf("%w: %d was %s by %s", ErrItemResolved, id, item.Resolution, item.ResolvedBy)
	}
	return item, err
}

// endItem writes the end of an item that is locked and open, and whose transfers are posted.
func endItem(ctx context.Context, tx *sql.Tx, who Act, item Item, end Settlement, now time.Time) (Item, error) {
	if left := item.Suspense + suspenseDelta(item.Party, end.Transfers); left != 0 {
		return item, fmt.Errorf("item %d: %s would leave %s in suspense", item.ID, end.Resolution, left)
	}
	after := item
	after.State, after.Suspense, after.Resolution, after.ResolvedBy, after.ResolvedAt, after.EndedBy = ItemResolved, 0, end.Resolution, who.By, now, end.Bill
	if end.Note != "" {
		after.Note = clip(end.Note, 255)
	}
	if end.Order != 0 {
		after.OrderID = end.Order
	}
	if _, err := tx.ExecContext(ctx, "UPDATE money_item SET state = ?, suspense_fen = 0, resolution = ?, resolved_by = ?, resolved_at = ?, note = ?, ended_by = ?, order_id = ? WHERE id = ?",
		after.State, clip(after.Resolution, 32), clip(who.By, maxBy), now.UnixMilli(), after.Note, after.EndedBy, after.OrderID, item.ID); err != nil {
		return item, fmt.Errorf("settle item %d: %w", item.ID, err)
	}
	return after, audit(ctx, tx, who, "item "+end.Resolution, itemSubject(item.ID), item, after)
}

// ResolvedWrittenOff is how an item ends that nobody will pay.
const ResolvedWrittenOff = "written_off"

// WriteOffKey names the write-off of an item, a transfer of source write_off: when it is
// approved the item ends with it.
func WriteOffKey(item int64) string { return fmt.Sprintf("item-%d", item) }

// endWrittenOff ends the item of a write-off that has just been posted; other transfers are not its business.
func endWrittenOff(ctx context.Context, tx *sql.Tx, who Act, t ledger.Transfer, now time.Time) error {
	id := writtenOff(t)
	if id == 0 {
		return nil
	}
	item, err := lockOpenItem(ctx, tx, id)
	if err != nil {
		return err
	}
	_, err = endItem(ctx, tx, who, item, Settlement{Resolution: ResolvedWrittenOff, Transfers: []ledger.Transfer{t}}, now)
	return err
}

// suspenseDelta is what transfers add to the suspense account of a party.
func suspenseDelta(party string, list []ledger.Transfer) money.Fen {
	var sum money.Fen
	for _, t := range list {
		for _, leg := range t.Legs {
			switch {
			case leg.Account != ledger.Suspense(party):
			case leg.Debit:
				sum += leg.Amount
			default:
				sum -= leg.Amount
			}
		}
	}
	return sum
}

func itemSubject(id int64) string { return fmt.Sprintf("item/%d", id) }

// OwnItem says who has to settle an item, and by when (virtual time; zero = as it is), with an
// audit row. Nothing changes when it is so already.
func (s *Store) OwnItem(ctx context.Context, who Act, id int64, owner string, due time.Time) (Item, error) {
	var after Item
	err := s.tx(ctx, "own item", func(tx *sql.Tx) error {
		before, err := lockOpenItem(ctx, tx, id)
		if err != nil {
			return err
		}
		after = before
		after.Owner = clip(owner, 64)
		if !due.IsZero() {
			after.DueAt = due
		}
		if after.Owner == before.Owner && after.DueAt.Equal(before.DueAt) {
			return nil
		}
		if _, err := tx.ExecContext(ctx, "UPDATE money_item SET owner = ?, due_at = ? WHERE id = ?", after.Owner, ms(after.DueAt), id); err != nil {
			return err
		}
		return audit(ctx, tx, who, "item own", itemSubject(id), ownership{before.Owner, before.DueAt}, ownership{after.Owner, after.DueAt})
	})
	return after, err
}

// ownership is what the audit keeps of a change of owner.
type ownership struct {
	Owner string    `json:"owner"`
	Due   time.Time `json:"due,omitzero"`
}
