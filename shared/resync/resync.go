package resync

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/live"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// Deps are what a resync works with.
type Deps struct {
	Store    *store.Store // with the key that seals riders
	Carriers carrier.Set
	Clock    clock.Clock
	// Progress is told how far each part is; total 0 = unknown. It may be nil.
	Progress func(what string, done, total int)
}

// Job is what to do.
type Job struct {
	Since  time.Time // the moment to which the database was restored, virtual time
	Bills  []Bill
	Rounds int  // so many quote rounds without any placement end the search of an order; 0 = DefaultRounds
	DryRun bool // ask and read, and write nothing
}

// DefaultRounds is for how many empty rounds the search of an order goes on.
const DefaultRounds = 3

func (j Job) rounds() int { return cmp.Or(j.Rounds, DefaultRounds) }

const (
	workers    = 16 // orders looked at side by side; the accounts' limits hold besides
	page       = 200
	slack      = 10 * time.Minute // nobody knows a backup's moment exactly; to ask about an order in vain is harmless
	mostListed = 1000             // lines and numbers of each kind that a result lists; all are counted
)

// Planted is an attempt that a carrier knew and we did not.
type Planted struct {
	Order     int64         `json:"order_id,string"`
	N         int           `json:"n"`
	Carrier   string        `json:"carrier"`
	Account   string        `json:"account"`
	CarrierNo string        `json:"carrier_no,omitempty"`
	State     carrier.State `json:"state"` // the carrier's
	Charged   *money.Fen    `json:"charged_fen,omitempty"`
	Penalty   *money.Fen    `json:"penalty_fen,omitempty"`
}

// LostOrder is an order that somebody names and the database does not have.
type LostOrder struct {
	ID     int64     `json:"id,string"`
	Minted time.Time `json:"minted_at"` // system time at which we accepted it
}

// Result is what a resync found, did, and could not know.
type Result struct {
	Since        time.Time   `json:"since"`
	DryRun       bool        `json:"dry_run"`
	Orders       int         `json:"orders"`      // looked at
	Asked        int         `json:"queries"`     // questions put to carriers
	Told         int         `json:"asked_again"` // attempts of ours whose carrier answered
	PlantedCount int         `json:"planted"`
	Planted      []Planted   `json:"planted_attempts"`
	Lines        int         `json:"bill_lines"`
	UnreadLines  int         `json:"bill_lines_unread"`
	StrayLines   int         `json:"bill_lines_of_nothing"`
	Strays       []Stray     `json:"lines_of_nothing"`
	LostOrders   []LostOrder `json:"lost_orders"`
	Gone         []string    `json:"not_known_to_carrier"` // our live attempts; dispatch settles them
	Failed       []string    `json:"not_answered"`         // run it again before the functions start
	Unplanned    []int64     `json:"without_content"`      // orders that came by number only, and have attempts: their price is lost
	CouldNotKnow []string    `json:"could_not_know"`
}

// run is one resync under way.
type run struct {
	Deps
	Result
	job    Job
	names  []string // of the configured carriers
	live   *live.Live
	pace   *pacer
	book   func(time.Time) penalty.Book
	billed map[int64]map[probe]*billed // by order
	lost   map[int64]bool              // orders that bills and events name
	mu     sync.Mutex                  // guards Result while orders are looked at
}

// Run reads the bills, asks the carriers, and plants what the database lacks, an order at a
// time: what is done when an error or the end of ctx comes stays, and may be done again.
func Run(ctx context.Context, d Deps, job Job) (Result, error) {
	r := &run{Deps: d, job: job, Result: empty(job), live: live.New(d.Store, d.Clock),
		billed: map[int64]map[probe]*billed{}, lost: map[int64]bool{}}
	for _, step := range []func(context.Context) error{r.prepare, r.bills, r.open, r.closed, r.strangers} {
		if err := step(ctx); err != nil {
			return r.finish(), err
		}
	}
	return r.finish(), nil
}

// empty is a result whose lists are there, for machines.
func empty(job Job) Result {
	return Result{Since: job.Since, DryRun: job.DryRun, Planted: []Planted{}, Strays: []Stray{}, LostOrders: []LostOrder{},
		Gone: []string{}, Failed: []string{}, Unplanned: []int64{}}
}

func (r *run) prepare(ctx context.Context) error {
	for name := range r.Carriers {
		if !strings.Contains(name, "/") { // the key of a further account
			r.names = append(r.names, name)
		}
	}
	slices.Sort(r.names)
	books, err := r.live.Books(ctx)
	if err != nil {
		return fmt.Errorf("penalty rules: %w", err)
	}
	r.book = books.Penalty
	rules, err := r.live.Accounts(ctx)
	r.pace = newPacer(rules)
	return err
}

func (r *run) bills(ctx context.Context) error {
	for _, b := range r.job.Bills {
		if err := r.read(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

// open goes through the orders that were open at the restore's moment.
func (r *run) open(ctx context.Context) error {
	total, err := r.Store.CountToResync(ctx, r.job.Since.Add(slack))
	if err != nil {
		return err
	}
	for after := int64(0); ; {
		orders, err := r.Store.OrdersToResync(ctx, r.job.Since.Add(slack), after, page)
		if err != nil || len(orders) == 0 {
			return err
		}
		if err := r.each(ctx, orders, total); err != nil {
			return err
		}
		after = orders[len(orders)-1].ID
		for _, o := range orders {
			delete(r.billed, o.ID)
		}
	}
}

// closed goes through orders that seemed over and that bills have another attempt of.
func (r *run) closed(ctx context.Context) error {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(r.billed)), page) {
		orders, err := r.Store.OrdersWithAttempts(ctx, ids)
		if err == nil {
			err = r.each(ctx, orders, 0)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// strangers are orders that carriers spoke of since and nobody has.
func (r *run) strangers(ctx context.Context) error {
	numbers, err := r.Store.StrayNumbers(ctx, r.job.Since, mostListed)
	for _, no := range numbers {
		if id, _, err := order.ParseOurNo(no); err == nil {
			r.lost[id] = true
		}
	}
	return err
}

// each looks at orders side by side.
func (r *run) each(ctx context.Context, orders []order.Aggregate, total int) error {
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(workers)
	for i := range orders {
		work.Go(func() error {
			err := r.one(ctx, &orders[i])
			r.note(func() { r.Orders++; r.tell("orders", r.Orders, total) })
			return err
		})
	}
	return work.Wait()
}

// one asks about an order and writes what was found.
func (r *run) one(ctx context.Context, o *order.Aggregate) error {
	f, err := r.look(ctx, o)
	if err != nil {
		return err
	}
	if !r.job.DryRun && len(f.known) > 0 {
		if err := r.commit(ctx, o, f.known); err != nil {
			return fmt.Errorf("order %d: %w", o.ID, err)
		}
	}
	r.note(func() { r.count(o, f) })
	return nil
}

func (r *run) count(o *order.Aggregate, f findings) {
	r.Gone, r.Failed = append(r.Gone, f.gone...), append(r.Failed, f.failed...)
	fresh := 0
	for _, k := range f.known {
		if o.Attempt(k.N) != nil {
			continue
		}
		fresh++
		if len(r.Planted) < mostListed {
			r.Planted = append(r.Planted, Planted{Order: o.ID, N: k.N, Carrier: k.Carrier, Account: k.Account, CarrierNo: cmp.Or(k.CarrierNo, k.Status.CarrierNo),
				State: k.Status.State, Charged: k.Status.Charged, Penalty: k.Status.Penalty})
		}
	}
	r.PlantedCount += fresh
	if fresh > 0 && !planned(o) {
		r.Unplanned = append(r.Unplanned, o.ID)
	}
}

// commit hands what was found to the state machine, under the order's lock. To an order that
// has moved on since it was read nothing old is told: its attempts are asked once more, by dispatch.
func (r *run) commit(ctx context.Context, o *order.Aggregate, known []turn.Known) error {
	return r.Store.Dispatch(ctx, []int64{o.ID}, nil, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
		now, ok := b.Orders[o.ID]
		if !ok {
			return nil, nil, nil
		}
		if now.Version != o.Version {
			known = slices.Clone(known)
			for i := range known {
				known[i].Status = nil
			}
		}
		t := turn.New(now, r.env())
		t.Resync(known)
		return []*turn.Turn{t}, nil, nil
	})
}

func (r *run) env() turn.Env {
	now := r.Clock.Virtual()
	return turn.Env{Now: now, System: r.Clock.System(), Owner: "resync", Book: r.book(now),
		Carrier: func(name string) (carrier.Facts, bool) {
			a, ok := r.Carriers[name]
			if !ok {
				return carrier.Facts{}, false
			}
			return a.Facts(), true
		},
		Hold:    func(string, string, money.Fen) (int, bool) { return 0, false }, // nothing is started here
		Virtual: func(time.Time) time.Time { return now },
	}
}

func (r *run) note(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
}

func (r *run) tell(what string, done, total int) {
	if r.Progress != nil {
		r.Progress(what, done, total)
	}
}

// finish puts the result in order.
func (r *run) finish() Result {
	for _, id := range slices.Sorted(maps.Keys(r.lost)) {
		r.LostOrders = append(r.LostOrders, LostOrder{ID: id, Minted: order.IDTime(id)})
	}
	slices.SortFunc(r.Planted, func(a, b Planted) int { return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.N, b.N)) })
	slices.Sort(r.Gone)
	slices.Sort(r.Failed)
	slices.Sort(r.Unplanned)
	r.CouldNotKnow = r.unknowable()
	return r.Result
}
