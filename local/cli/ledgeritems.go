package cli

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/store"
)

// ledgerItems lists differences with carriers and platforms.
type ledgerItems struct {
	Party     string        `help:"Carrier or platform."`
	Account   string        `help:"Prepaid account of a carrier."`
	State     string        `enum:",explained,disputed,suspense,resolved" default:"" help:"explained, disputed, suspense or resolved; without it every one that is open."`
	Kind      string        `help:"overbilled, not_billed, …"`
	Bill      int64         `placeholder:"ID" help:"Those of one bill."`
	Order     int64         `placeholder:"ID" help:"Those of one order, by our id."`
	Owner     string        `help:"Those of one person."`
	NoOwner   bool          `help:"Those that nobody owns."`
	NoOrder   bool          `help:"Those that were accepted and are costs of no order."`
	OlderThan time.Duration `placeholder:"72h" help:"Only those that were found so long ago."`
	All       bool          `help:"Resolved ones, too."`
	Limit     int           `default:"100" help:"How many, at most 10,000."`
	After     int64         `placeholder:"ID" help:"Only items after this one: the last of the page before."`
}

// Help is the example.
func (ledgerItems) Help() string {
	return "Examples:\n  qianfan ledger items --party uupt --older-than 72h\n  qianfan ledger items --no-owner\n  qianfan ledger items --no-order" + whereDatabase
}

// Run is the verb.
func (c ledgerItems) Run(e *env) error {
	return e.with(func(o *office) error {
		f := store.ItemFilter{Party: c.Party, Account: c.Account, State: c.State, Kind: c.Kind, OrderID: c.Order, Owner: c.Owner, NoOwner: c.NoOwner, NoOrder: c.NoOrder, After: c.After, Limit: c.Limit,
			Open: c.State == "" && !c.All && !c.NoOrder}
		if c.Bill != 0 {
			f.Source, f.SourceID = "bill", c.Bill
		}
		if c.OlderThan > 0 {
			f.Before = o.virtual.Add(-c.OlderThan)
		}
		items, err := o.Items(e.ctx, f)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"items": items}, func() { e.itemTable(items, o.virtual) })
	})
}

func (e *env) itemTable(items []store.Item, now time.Time) {
	e.table([]string{"ITEM", "AGE", "PARTY", "STATE", "KIND", "LINE", "WAYBILL", "ORDER", "THEIRS", "OURS", "SUSPENSE", "OWNER", "DUE", "NOTE"}, rows(items, func(x store.Item) []string {
		party, line, due := x.Party, "", ""
		if x.Account != "" {
			party += "/" + x.Account
		}
		if x.LineNo > 0 {
			line = strconv.Itoa(x.LineNo)
		}
		if !x.DueAt.IsZero() {
			due = moment(x.DueAt)
		}
		state := x.State
		if x.Resolution != "" {
			state = x.Resolution
		}
		return []string{strconv.FormatInt(x.ID, 10), age(now.Sub(x.OpenedAt)), party, state, x.Kind, line, x.CarrierNo, attemptName(x.OrderID, x.N), yuan(x.Theirs), yuan(x.Ours), yuan(x.Suspense), x.Owner, due, x.Note}
	}))
}

// age is how old something is, for people.
func age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return strconv.Itoa(int(d/day)) + "d"
	case d >= time.Hour:
		return strconv.Itoa(int(d/time.Hour)) + "h"
	}
	return strconv.Itoa(int(max(0, d)/time.Minute)) + "m"
}

// ledgerResolve ends an item of a bill.
type ledgerResolve struct {
	Item int64  `arg:"" help:"Its number."`
	How  string `arg:"" enum:"accept,withdrawn,write-off" help:"accept: the carrier was right. withdrawn: it took its line back, or confirmed ours. write-off: it keeps what is ours; a second person approves."`
	Note string `required:"" help:"Why: a ticket, a name, what was agreed."`

	Order int64 `placeholder:"ID" help:"With accept: the order, by our id, whose cost it is, where the item names none (unknown_waybill, unnamed)."`
	signature
}

// Help is the example.
func (ledgerResolve) Help() string {
	return `Examples:
  qianfan ledger resolve 17 withdrawn --note credit-note-118 --by wang
  qianfan ledger resolve 18 accept --note the-rider-waited
  qianfan ledger resolve 20 accept --order 20123456789012345 --note ordered-by-hand-in-their-app
  qianfan ledger resolve 19 write-off --note too-small-to-sue
  qianfan ledger approve 3 --by li

The last one is the second person's, who ends the item by approving its write-off.` + whereDatabase
}

// resolved is what resolve did.
type resolved struct {
	Item     *store.Item `json:"item,omitempty"`            // as it ended
	Proposal int64       `json:"proposal,omitempty,string"` // of a write-off, which waits
}

// Run is the verb.
func (c ledgerResolve) Run(e *env) error {
	who, err := c.act()
	if err != nil {
		return err
	}
	if strings.TrimSpace(c.Note) == "" {
		return usage("say why, with --note")
	}
	if c.Order != 0 && c.How != "accept" {
		return usage("--order is for what is accepted: what is %s is no order's cost", c.How)
	}
	return e.with(func(o *office) error {
		done, err := c.end(e, o, who)
		if err != nil {
			return err
		}
		return e.show(done, func() {
			if done.Item == nil {
				e.say("proposal %d waits for a second person: `qianfan ledger approve %d`", done.Proposal, done.Proposal)
				return
			}
			e.say("item %d is %s", done.Item.ID, done.Item.Resolution)
			if cost := done.Item.Theirs - done.Item.Ours; c.How == "accept" && done.Item.OrderID == 0 && cost != 0 {
				e.say("%s is a cost of no order: `qianfan ledger items --no-order` lists those", cost)
			}
		})
	})
}

func (c ledgerResolve) end(e *env, o *office, who store.Act) (done resolved, err error) {
	var item store.Item
	switch c.How {
	case "accept":
		item, err = o.AcceptBillItemOn(e.ctx, who, c.Item, c.Order, c.Note, o.virtual)
	case "withdrawn":
		item, err = o.WithdrawBillItem(e.ctx, who, c.Item, c.Note, o.virtual)
	default:
		done.Proposal, err = o.WriteOffBillItem(e.ctx, who, c.Item, c.Note, o.virtual)
		return done, err
	}
	done.Item = &item
	return done, err
}

// ledgerOwn says who has to settle an item.
type ledgerOwn struct {
	Item  int64  `arg:"" help:"Its number."`
	Owner string `required:"" help:"Who has to settle it."`
	Due   string `placeholder:"2026-11-30" help:"By the end of which day."`
	signature
}

// Help is the example.
func (ledgerOwn) Help() string {
	return "Example:\n  qianfan ledger own 17 --owner li --due 2026-11-30 --by wang" + whereDatabase
}

// Run is the verb.
func (c ledgerOwn) Run(e *env) error {
	who, err := c.act()
	if err != nil {
		return err
	}
	if strings.TrimSpace(c.Owner) == "" {
		return usage("say who, with --owner")
	}
	var due time.Time
	if c.Due != "" {
		day, err := time.ParseInLocation(time.DateOnly, c.Due, shanghai)
		if err != nil {
			return usage("--due %q: want a day such as 2026-11-30", c.Due)
		}
		due = day.AddDate(0, 0, 1)
	}
	return e.with(func(o *office) error {
		item, err := o.OwnItem(e.ctx, who, c.Item, c.Owner, due)
		if err != nil {
			return err
		}
		return e.show(item, func() { e.itemTable([]store.Item{item}, o.virtual) })
	})
}

// replaced says what took a bill's place, and why.
func replaced(b store.Bill) string {
	if b.ReplacedBy == 0 {
		return ""
	}
	return fmt.Sprintf("by %d: %s", b.ReplacedBy, b.Note)
}

// ledgerBills lists the bills that were imported.
type ledgerBills struct {
	Carrier string `help:"Of one carrier only."`
	Limit   int    `default:"31" help:"How many."`
}

// Help is the example.
func (ledgerBills) Help() string {
	return "Example:\n  qianfan ledger bills --carrier uupt" + whereDatabase
}

// Run is the verb.
func (c ledgerBills) Run(e *env) error {
	return e.with(func(o *office) error {
		list, err := o.Bills(e.ctx, c.Carrier, c.Limit)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"bills": list}, func() {
			e.table([]string{"BILL", "CARRIER", "DAY", "LINES", "NET", "MATCHED", "EXPLAINED", "DISPUTED", "SUSPENSE", "MISSING", "BY", "FILE", "REPLACED"}, rows(list, func(b store.Bill) []string {
				n := func(key string) string { return strconv.Itoa(b.Counts[key]) }
				return []string{strconv.FormatInt(b.ID, 10), b.Carrier + "/" + b.Account, b.Day, strconv.Itoa(b.Rows), yuan(b.Net), n("matched"), n("explained"), n("disputed"), n("suspense"),
					strconv.Itoa(b.Counts["missing_suspense"] + b.Counts["missing_explained"]), b.By, b.Name, replaced(b)}
			}))
		})
	})
}
