package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/shared/money"
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
	OlderThan time.Duration `placeholder:"72h" help:"Only those that were found so long ago."`
	All       bool          `help:"Resolved ones, too."`
	Limit     int           `default:"100" help:"How many, at most 10,000."`
	After     int64         `placeholder:"ID" help:"Only items after this one: the last of the page before."`
}

// Help is the example.
func (ledgerItems) Help() string {
	return "Examples:\n  qianfan ledger items --party uupt --older-than 72h\n  qianfan ledger items --no-owner" + whereDatabase
}

// Run is the verb.
func (c ledgerItems) Run(e *env) error {
	return e.with(func(o *office) error {
		f := store.ItemFilter{Party: c.Party, Account: c.Account, State: c.State, Kind: c.Kind, OrderID: c.Order, Owner: c.Owner, NoOwner: c.NoOwner, After: c.After, Limit: c.Limit,
			Open: c.State == "" && !c.All}
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
	signature
}

// Help is the example.
func (ledgerResolve) Help() string {
	return `Examples:
  qianfan ledger resolve 17 withdrawn --note credit-note-118 --by wang
  qianfan ledger resolve 18 accept --note the-rider-waited
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
		})
	})
}

func (c ledgerResolve) end(e *env, o *office, who store.Act) (done resolved, err error) {
	var item store.Item
	switch c.How {
	case "accept":
		item, err = o.AcceptBillItem(e.ctx, who, c.Item, c.Note, o.virtual)
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
			e.table([]string{"BILL", "CARRIER", "DAY", "LINES", "NET", "MATCHED", "EXPLAINED", "DISPUTED", "SUSPENSE", "MISSING", "BY", "FILE"}, rows(list, func(b store.Bill) []string {
				n := func(key string) string { return strconv.Itoa(b.Counts[key]) }
				return []string{strconv.FormatInt(b.ID, 10), b.Carrier + "/" + b.Account, b.Day, strconv.Itoa(b.Rows), yuan(b.Net), n("matched"), n("explained"), n("disputed"), n("suspense"),
					strconv.Itoa(b.Counts["missing_suspense"] + b.Counts["missing_explained"]), b.By, b.Name}
			}))
		})
	})
}

// ledgerBalanceCheck compares our books with the balance that a carrier states.
type ledgerBalanceCheck struct {
	Carrier string `required:"" help:"The carrier."`
	Account string `default:"main" help:"Our name of the prepaid account."`
	Balance string `placeholder:"YUAN" help:"What the carrier states, in 元; without it a simulated carrier of the running emulator is asked."`
}

// Help is the example.
func (ledgerBalanceCheck) Help() string {
	return "Examples:\n  qianfan ledger balance-check --carrier uupt\n  qianfan ledger balance-check --carrier shansong --account main --balance 18234.50\n\nExit code 3 when nobody can explain the gap." + whereDatabase
}

// balanceChecked is what the check found.
type balanceChecked struct {
	store.Position
	Expected money.Fen `json:"expected_fen"`
	store.Gap
}

// Run is the verb.
func (c ledgerBalanceCheck) Run(e *env) error {
	if err := checkCarriers([]string{c.Carrier}); err != nil {
		return err
	}
	return e.with(func(o *office) error {
		if err := o.knowsAccount(e, c.Carrier, c.Account); err != nil {
			return err
		}
		stated, err := c.stated(e)
		if err != nil {
			return err
		}
		p, err := o.CarrierPosition(e.ctx, c.Carrier, c.Account)
		if err != nil {
			return err
		}
		done := balanceChecked{Position: p, Expected: p.Expected(), Gap: p.Explain(stated)}
		if err := e.show(done, func() { done.print(e) }); err != nil || done.Open == 0 {
			return err
		}
		return &exitError{exitViolated, fmt.Errorf("%s/%s: %s that nobody can explain: import the bills of the days since the last check", c.Carrier, c.Account, done.Open)}
	})
}

// stated is the balance that the carrier tells.
func (c ledgerBalanceCheck) stated(e *env) (money.Fen, error) {
	if c.Balance != "" {
		stated, err := money.ParseYuan(c.Balance)
		if err != nil {
			return 0, usage("--balance: %w", err)
		}
		return stated, nil
	}
	var raw json.RawMessage
	var books struct {
		Balance *money.Fen `json:"balance_fen"`
	}
	err := fetch(e, "/api/carriers/"+url.PathEscape(emulator.AccountParty(c.Carrier, c.Account))+"/books", nil, &raw, &books)
	if err != nil {
		return 0, usage("say what the carrier states, with --balance: there is no simulated one to ask (%w)", err)
	}
	if books.Balance == nil {
		return 0, usage("say what the carrier states, with --balance: its books name none")
	}
	return *books.Balance, nil
}

func (b balanceChecked) print(e *env) {
	e.table([]string{"WHAT", "YUAN"}, [][]string{
		{"prepaid, holds taken off", yuan(b.Prepaid)}, {"facts that are not posted yet", yuan(b.Pending)}, {"held, and not taken by the carrier yet", yuan(b.Untaken)},
		{"so the carrier should state", yuan(b.Expected)}, {"it states", yuan(b.Stated)}, {"gap", yuan(b.Gap.Gap)},
	})
	for _, r := range b.Reasons {
		e.say("of that %s", r)
	}
	if b.Open != 0 {
		e.say("unexplained: %s", b.Open)
	}
}
