package emulator

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/store"
)

// Summary is the JSON object of design §2.1.
type Summary struct {
	ReadyMS     int64              `json:"ready_ms"`
	Seed        int64              `json:"seed"`
	Orders      OrderCounts        `json:"orders"`
	Attempts    AttemptCounts      `json:"attempts"`
	Ledger      LedgerCounts       `json:"ledger"`
	Carriers    map[string]int     `json:"carriers"` // orders that each of them delivered, by its own books
	Books       BookCounts         `json:"books"`
	Invariants  Invariants         `json:"invariants"`
	Messages    MessageCounts      `json:"messages"`
	Invocations int64              `json:"invocations"`
	WallS       float64            `json:"wall_s"`
	VirtualS    float64            `json:"virtual_s"`
	Faults      map[string]int     `json:"faults"`
	Reports     []store.ReportRate `json:"reports"` // 回传率, by platform
	Durability  string             `json:"durability"`
	Store       string             `json:"store"`
	Broker      string             `json:"broker"`
	Cache       string             `json:"cache"`
}

// OrderCounts counts orders by what became of them. Pushed counts pushes, accepted and
// refused the answers.
type OrderCounts struct {
	Pushed    int `json:"pushed"`
	Accepted  int `json:"accepted"`
	Refused   int `json:"refused"`
	Delivered int `json:"delivered"`
	Cancelled int `json:"cancelled"`
	Failed    int `json:"failed"`
	Returned  int `json:"returned"`
	Open      int `json:"open"`
}

// AttemptCounts counts placements; at rest placed = won + lost + cancelled.
type AttemptCounts struct {
	Placed          int `json:"placed"`
	Won             int `json:"won"`
	Lost            int `json:"lost"`
	Cancelled       int `json:"cancelled"`
	Rejected        int `json:"rejected"`
	UnknownResolved int `json:"unknown_resolved"`
}

// LedgerCounts are the sums of the books.
type LedgerCounts struct {
	Balanced bool  `json:"balanced"`
	Entries  int   `json:"entries"`
	Income   int64 `json:"income_fen"`
	Expense  int64 `json:"expense_fen"`
	Margin   int64 `json:"margin_fen"`
}

// BookCounts compare our books with the carriers'.
type BookCounts struct {
	Matched     bool     `json:"matched"`
	Differences int      `json:"differences"`
	Details     []string `json:"details,omitempty"`
}

// Invariants is the checker's result.
type Invariants struct {
	Checked  int      `json:"checked"`
	Violated []string `json:"violated"`
}

// MessageCounts count what the broker did.
type MessageCounts struct {
	Sent        int64 `json:"sent"`
	Redelivered int64 `json:"redelivered"`
	Dead        int64 `json:"dead"`
}

// Summary sums up the run so far; atRest demands what must hold when nothing is owed.
func (e *Emulator) Summary(ctx context.Context, atRest bool) (Summary, error) {
	return e.summary(ctx, func(ctx context.Context) (InvariantsNow, error) { return e.check(ctx, atRest) })
}

func (e *Emulator) summary(ctx context.Context, check func(context.Context) (InvariantsNow, error)) (Summary, error) {
	s := Summary{
		ReadyMS: e.ReadyIn.Milliseconds(), Seed: e.opts.Seed, Faults: e.Faults.Counters(), Durability: string(e.on.durability),
		Store: e.on.store, Broker: e.on.broker, Cache: e.on.cache,
		WallS: round2(sharedclock.System.Now().Sub(e.began)), VirtualS: round2(e.Clock.Now().Sub(e.beganVirtual)),
	}
	counts, err := e.Store.StatusCounts(ctx)
	if err != nil {
		return s, err
	}
	s.Orders = e.orderCounts(counts)
	s.Carriers = map[string]int{}
	for name, c := range e.Carriers {
		s.Carriers[name] = c.Totals().Delivered
	}
	s.Attempts = AttemptCounts{counts.Attempts.Placed, counts.Attempts.Won, counts.Attempts.Lost, counts.Attempts.Cancelled, counts.Attempts.Rejected, counts.Attempts.UnknownResolved}
	totals, err := e.Store.LedgerTotals(ctx)
	if err != nil {
		return s, err
	}
	s.Ledger = LedgerCounts{totals.Balanced, totals.Entries, int64(totals.Income), int64(totals.Expense), int64(totals.Income - totals.Expense)}
	if s.Reports, err = e.Store.ReportRates(ctx); err != nil {
		return s, err
	}
	checked, err := check(ctx)
	if err != nil {
		return s, err
	}
	s.Invariants, s.Books = checked.Invariants, checked.Books
	s.Messages = e.messages()
	for _, n := range e.Functions.Invocations() {
		s.Invocations += n
	}
	return s, nil
}

func (e *Emulator) orderCounts(counts store.StatusCounts) OrderCounts {
	out := OrderCounts{Delivered: counts.Orders["delivered"], Cancelled: counts.Orders["cancelled"], Failed: counts.Orders["failed"], Returned: counts.Orders["returned"], Open: counts.Open}
	pushes := e.platformTally()
	out.Pushed, out.Accepted, out.Refused = pushes.pushed, pushes.accepted, pushes.refused
	return out
}

// check runs the one invariant checker over our tables and the carriers' own books.
func (e *Emulator) check(ctx context.Context, atRest bool) (InvariantsNow, error) {
	report, err := e.Store.CheckInvariants(ctx, e.Clock.Now(), store.InvariantOptions{AtRest: atRest, Books: e.carrierBooks()})
	if err != nil {
		return InvariantsNow{}, err
	}
	now := InvariantsNow{
		Invariants: Invariants{Checked: report.Checked, Violated: []string{}},
		Books:      BookCounts{report.Books.Matched, report.Books.Differences, report.Books.Details},
	}
	for _, v := range report.Violated {
		now.Violated = append(now.Violated, fmt.Sprintf("%d %s: order %d: %s", v.Rule, v.Name, v.Order, v.Detail))
	}
	return now, nil
}

func (e *Emulator) carrierBooks() []store.CarrierBook {
	var out []store.CarrierBook
	for _, p := range e.opts.accounts().all() {
		b := e.Carriers[p.party()].Books()
		book := store.CarrierBook{Carrier: p.carrier, Account: p.name, BalanceFen: b.Balance}
		for _, o := range b.Orders {
			book.Orders = append(book.Orders, store.CarrierBookOrder{CarrierNo: o.CarrierNo, ClientNo: o.ClientNo, ChargedFen: o.Charged, PenaltyFen: o.Penalty})
		}
		out = append(out, book)
	}
	return out
}

func round2(d time.Duration) float64 {
	v, _ := strconv.ParseFloat(fmt.Sprintf("%.2f", d.Seconds()), 64)
	return v
}

// verdict is the error of a run whose summary breaks a rule, or nil.
func (s Summary) verdict(run runPlan) error {
	var bad []string
	say := func(broken bool, format string, args ...any) {
		if broken {
			bad = append(bad, fmt.Sprintf(format, args...))
		}
	}
	say(len(s.Invariants.Violated) > 0, "%d invariants are violated", len(s.Invariants.Violated))
	say(s.Invariants.Checked == 0, "no invariant was checked")
	say(!s.Ledger.Balanced, "the ledger does not balance")
	say(!s.Books.Matched, "the carriers' books differ in %d places", s.Books.Differences)
	say(s.Orders.Open > 0, "%d orders are still open", s.Orders.Open)
	say(s.Orders.Accepted+s.Orders.Refused != s.Orders.Pushed, "%d pushes have no answer", s.Orders.Pushed-s.Orders.Accepted-s.Orders.Refused)
	switch run.faults {
	case "none":
		say(s.Orders.Refused > 0, "%d orders were refused without a fault", s.Orders.Refused)
		say(s.Orders.Delivered*100 < s.Orders.Accepted*99, "%d of %d orders were delivered, the least is 99 %%", s.Orders.Delivered, s.Orders.Accepted)
	case "standard":
		kept := s.Orders.Accepted - s.Faults["platform_cancel"]
		say(s.Orders.Delivered*10 < kept*9, "%d of %d orders that no platform cancelled were delivered, the least is 90 %%", s.Orders.Delivered, kept)
		if run.orders >= 1000 {
			for key, n := range s.Faults {
				say(n == 0, "fault %s never struck", key)
			}
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrViolated, strings.Join(bad, "; "))
}

type runPlan struct {
	orders int
	faults string
}
