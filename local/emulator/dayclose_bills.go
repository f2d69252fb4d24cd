package emulator

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/bill"
	"github.com/chuandao/qianfan/shared/billimport"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/reconcile"
	"github.com/chuandao/qianfan/shared/store"
)

// mistakeShare is how much of a day's charges each kind of mistake hits.
const mistakeShare = "all:0.01"

// closing is a day that is being closed.
type closing struct {
	*Emulator
	DayClose
	log  io.Writer
	late map[string][]world.BillLine // charges after the end, by party
}

func (e *Emulator) closeDay(ctx context.Context, log io.Writer) (DayClose, error) {
	c := closing{Emulator: e, log: log, late: map[string][]world.BillLine{}, DayClose: DayClose{
		Seed: e.opts.Seed, Mistakes: map[world.MistakeKind]int{}, Named: map[string]int{}, Real: map[string]int{}, Explained: map[string]int{},
		Resolved: map[string]int{}, Statement: map[string]money.Fen{}, Problems: []string{},
	}}
	for _, step := range []func(context.Context) error{c.atRest, c.chargeLater, c.dayOver, c.reconcile, c.tieCarriers, c.tiePlatforms, c.sound} {
		if err := step(ctx); err != nil {
			return c.DayClose, err
		}
	}
	return c.DayClose, nil
}

func (c *closing) problem(format string, args ...any) {
	c.Problems = append(c.Problems, fmt.Sprintf(format, args...))
}

// atRest requires that the run itself left everything in order, before any bill. Only a carrier's
// books may differ, where it never told its own 违约金: each such waybill must be explained by the
// bill.
func (c *closing) atRest(ctx context.Context) error {
	s, err := c.Summary(ctx, true)
	if err != nil {
		return err
	}
	c.Orders, c.Before = s.Orders, s.Books.Differences
	for _, d := range s.Books.Details {
		_, _ = fmt.Fprintln(c.log, "before any bill:", d)
	}
	for _, v := range s.Invariants.Violated {
		if c.Before == 0 || !strings.HasPrefix(v, "5 ") && !strings.HasPrefix(v, "10 ") {
			c.problem("before any bill: %s", v)
		}
	}
	return nil
}

// lateCharges are what each carrier charges or gives after the end of some orders: we hear of it
// on its bill only.
var lateCharges = []struct {
	kind   world.BillKind
	amount money.Fen
}{{world.BillPenalty, 450}, {world.BillRefund, 120}, {world.BillCompensation, 2600}}

// chargeLater lets every carrier charge some of its delivered orders after their end.
func (c *closing) chargeLater(context.Context) error {
	for party, carrier := range c.Carriers {
		next := 0
		for _, o := range slices.Backward(carrier.Books().Orders) {
			if next == len(lateCharges) {
				break
			}
			if o.State != world.Delivered {
				continue
			}
			x := lateCharges[next]
			if err := carrier.Fleet().ChargeLater(o.CarrierNo, x.kind, x.amount); err != nil {
				return err
			}
			c.late[party] = append(c.late[party], world.BillLine{CarrierNo: o.CarrierNo, ClientNo: o.ClientNo, Kind: x.kind, Amount: x.amount, At: c.Clock.Now()})
			next++
			c.Charged++
		}
	}
	return nil
}

// dayOver lets the last day end, as everybody bills days that are over.
func (c *closing) dayOver(ctx context.Context) error {
	now := c.Clock.Now().In(shanghai)
	over := time.Date(now.Year(), now.Month(), now.Day()+1, 1, 0, 0, 0, shanghai)
	_, _ = fmt.Fprintln(c.log, "waiting for the day to end")
	return c.Clock.Advance(ctx, over.Sub(now))
}

// imported is a bill that was reconciled, with the truth about it.
type imported struct {
	prepaid
	day      string
	id       int64
	mistakes []world.Mistake
}

// reconcile exports every bill with mistakes, imports all, and settles each difference as the truth is.
func (c *closing) reconcile(ctx context.Context) error {
	for _, p := range c.opts.accounts().all() {
		var bills []imported
		for _, day := range c.Carriers[p.party()].BillDays() {
			b, err := c.importBill(ctx, p, day)
			if err != nil {
				return err
			}
			bills = append(bills, b)
			if !slices.Contains(c.Days, day) {
				c.Days = append(c.Days, day)
			}
		}
		if err := c.settleItems(ctx, p, bills); err != nil {
			return err
		}
	}
	slices.Sort(c.Days)
	if n := c.Explained[string(reconcile.OwnFigure)]; n != c.Before {
		c.problem("before any bill %d waybills differed, the bills' own figures explain %d", c.Before, n)
	}
	return nil
}

// clerk is who closes the day.
func (c *closing) clerk() store.Act { return store.Act{By: "day-close", At: sharedclock.System.Now()} }

func (c *closing) importBill(ctx context.Context, p prepaid, day string) (imported, error) {
	out := imported{prepaid: p, day: day}
	mistakes, err := world.ParseMistakes(mistakeShare, c.Seed+int64(c.Bills)) // small bills begin with another kind each
	if err != nil {
		return out, err
	}
	file, err := c.Carriers[p.party()].Bill(day, mistakes)
	if err != nil {
		return out, err
	}
	out.mistakes = file.Mistakes
	mapping, err := bill.Default(p.carrier)
	if err != nil {
		return out, err
	}
	job := billimport.Job{Carrier: p.carrier, Account: p.name, Day: day, Name: file.Name, Mapping: mapping, Options: reconcile.Options{Dir: c.dir}, DryRun: true}
	dry, err := billimport.Run(ctx, c.Store, c.clerk(), bytes.NewReader(file.Body), job, c.Clock.Now())
	if err != nil {
		return out, fmt.Errorf("bill of %s for %s: %w", p.party(), day, err)
	}
	job.DryRun = false
	report, err := billimport.Run(ctx, c.Store, c.clerk(), bytes.NewReader(file.Body), job, c.Clock.Now())
	if err != nil {
		return out, fmt.Errorf("bill of %s for %s: %w", p.party(), day, err)
	}
	if !maps.Equal(dry.Whys, report.Whys) {
		c.problem("bill of %s for %s: the dry run said %v, the import %v", p.party(), day, dry.Whys, report.Whys)
	}
	out.id = report.Bill.ID
	c.Bills, c.Lines, c.Net = c.Bills+1, c.Lines+report.Lines, c.Net+report.Net
	for _, m := range file.Mistakes {
		c.Mistakes[m.Kind]++
	}
	_, _ = fmt.Fprintf(c.log, "bill of %s for %s: %d lines, %v, %d mistakes\n", p.party(), day, report.Lines, report.Outcomes, len(file.Mistakes))
	return out, nil
}

// settleItems settles what reconciliation found as the truth is: mistakes are withdrawn by the
// carrier, what it really charged is accepted.
func (c *closing) settleItems(ctx context.Context, p prepaid, bills []imported) error {
	items, err := c.items(ctx, p)
	if err != nil {
		return err
	}
	s := sortItems(items, bills, c.late[p.party()])
	c.Problems = append(c.Problems, s.problems...)
	for _, name := range s.explained {
		c.Explained[name]++
	}
	for _, t := range s.truths {
		end := c.Store.WithdrawBillItem
		if t.mistake == "" {
			end = c.Store.AcceptBillItem
			c.Real[t.item.Kind]++
		} else {
			c.Named[t.item.Kind]++
		}
		if _, err := end(ctx, c.clerk(), t.item.ID, "as the carrier's books show", c.Clock.Now()); err != nil {
			return fmt.Errorf("item %d (%s): %w", t.item.ID, t.item.Kind, err)
		}
	}
	if items, err = c.items(ctx, p); err != nil {
		return err
	}
	for _, i := range items {
		c.Resolved[i.Resolution]++
		if i.Open() {
			c.problem("item %d of %s is still open: %s, waybill %s, order %d/%d", i.ID, p.party(), i.Kind, i.CarrierNo, i.OrderID, i.N)
		}
	}
	return nil
}

// items are all items of an account's bills.
func (c *closing) items(ctx context.Context, p prepaid) (all []store.Item, err error) {
	for last := int64(0); ; {
		page, err := c.Store.Items(ctx, store.ItemFilter{Party: p.carrier, Account: p.name, Source: "bill", After: last, Limit: 10_000})
		if err != nil || len(page) == 0 {
			return all, err
		}
		all, last = append(all, page...), page[len(page)-1].ID
	}
}
