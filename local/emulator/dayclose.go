package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/carrier"
	sharedclock "github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/strategy"
)

// DayClose is what closing the books of a simulated day came to: every carrier's bills with
// deliberate mistakes, reconciled and resolved, then everybody's books side by side.
type DayClose struct {
	Seed      int64                     `json:"seed"`
	Orders    OrderCounts               `json:"orders"`
	Days      []string                  `json:"days"`
	Bills     int                       `json:"bills"`
	Lines     int                       `json:"lines"`
	Net       money.Fen                 `json:"net_fen"`
	Mistakes  map[world.MistakeKind]int `json:"mistakes"`        // made in the bills, by kind
	Named     map[string]int            `json:"named"`           // what reconciliation called them
	Charged   int                       `json:"charged"`         // charges after the end that we could not know of
	Real      map[string]int            `json:"real"`            // what reconciliation called those
	Explained map[string]int            `json:"explained"`       // differences that are nobody's mistake, by name
	Before    int                       `json:"differed_before"` // waybills that differed before any bill: the carrier had not told its own 违约金
	Resolved  map[string]int            `json:"resolved"`        // items, by how they ended
	Accounts  int                       `json:"accounts"`        // prepaid accounts that tie to their carrier's balance
	Statement map[string]money.Fen      `json:"statement_fen"`
	Problems  []string                  `json:"problems"` // none, or the day does not close
	RunS      float64                   `json:"run_s"`
	CloseS    float64                   `json:"close_s"`
}

// ErrNotClosed says that a day's books do not close.
var ErrNotClosed = errors.New("the day does not close")

// dayOrders is how many orders the benchmark's day has.
const dayOrders = 5000

// benchDayClose runs a day of orders with all strategies, platforms and the standard faults, and
// closes its books.
func benchDayClose(ctx context.Context, o Options, log io.Writer) (figures any, err error) {
	if o.Orders <= 0 {
		o.Orders = dayOrders
	}
	e, err := Start(ctx, DayOptions(o).Ephemeral(), log)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	d, err := e.RunDay(ctx, log)
	if err == nil && len(d.Problems) > 0 {
		figures, _ := json.Marshal(d) // plain values
		_, _ = fmt.Fprintf(log, "%s\n", figures)
		err = fmt.Errorf("%w: %d problems with seed %d, the first: %s", ErrNotClosed, len(d.Problems), d.Seed, d.Problems[0])
	}
	return d, err
}

// dayRate is how many orders come in a second of virtual time.
const dayRate = 1

// DayOptions are those of a day that RunDay can close: every strategy mode, every carrier, a
// second account, the standard faults; and midnight in the middle, so that two days have bills.
func DayOptions(o Options) Options {
	if o.Rate == 0 {
		o.Rate = dayRate
	}
	o.Faults, o.Speed, o.ExitWhenSettled = "standard", 60, true
	o.Strategies = dayStrategies()
	o.Accounts = []carrier.AccountRule{
		{Carrier: "uupt", Account: account, Weight: 1, Active: true},
		{Carrier: "uupt", Account: "south", Match: carrier.AccountMatch{City: []string{"440100", "330100"}}, Weight: 1, Active: true},
	}
	if o.Start.IsZero() {
		midnight := time.Date(2026, 11, 25, 0, 0, 0, 0, world.Shanghai)
		o.Start = midnight.Add(-usualLife - time.Duration(float64(o.Orders)/o.Rate/2*float64(time.Second)))
	}
	return o
}

// usualLife is about how long an order is under way: half of them end before midnight.
const usualLife = 15 * time.Minute

// dayStrategies are those of every run, with 达达 added, and one by time for an hour and a platform.
func dayStrategies() []strategy.Strategy {
	all := strategies()
	for i := range all {
		all[i].Carriers = append(slices.Clone(all[i].Carriers), "dada")
	}
	fastest := all[0]
	fastest.Name, fastest.Mode, fastest.Tip = "shanghai-taobao-fastest", strategy.Fastest, strategy.Tip{}
	fastest.Match = strategy.Match{City: []string{"310100"}, Platform: []string{"taobao"}}
	fastest.Carriers = []string{"dada", "uupt", "sftc", "fengniao", "shansong"}
	dada := all[1]
	dada.Name, dada.Match, dada.Carriers = "shanghai-meituan-dada", strategy.Match{City: []string{"310100"}, Platform: []string{"meituan"}}, []string{"dada", "sftc"}
	return append(all, fastest, dada)
}

// RunDay pushes the orders, waits until nothing is owed, and closes the books. What does not
// close is in Problems; an error is that of the run.
func (e *Emulator) RunDay(ctx context.Context, log io.Writer) (DayClose, error) {
	began := sharedclock.System.Now()
	if err := e.Push(ctx, log); err != nil {
		return DayClose{}, err
	}
	if err := e.Settle(ctx, log); err != nil {
		return DayClose{}, err
	}
	ran := sharedclock.System.Now()
	d, err := e.closeDay(ctx, log)
	d.RunS, d.CloseS = round2(ran.Sub(began)), round2(sharedclock.System.Now().Sub(ran))
	return d, err
}
