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
	// Without are carriers that cannot be asked: orders are decided without them, and what they
	// carry may be placed again.
	Without []string
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

// run is one resync under way.
type run struct {
	Deps
	Result
	job      Job
	names    []string            // of the carriers that can have waybills of ours
	accounts map[string][]string // of each, those with settings first
	live     *live.Live
	pace     *pacer
	book     func(time.Time) penalty.Book
	billed   map[int64]map[probe]*billed // by order
	claims   map[turn.Ref]*billed        // by the carrier's number: which attempt's it is by the bills
	heard    map[int64][]probe           // by order: numbers of callbacks that found no attempt
	lost     map[int64]bool              // orders that bills and callbacks name
	later    int                         // open orders received after the restore's moment
	mu       sync.Mutex                  // guards Result while orders are looked at
}

// Run reads the bills, asks the carriers, and plants what the database lacks, an order at a
// time: what is done when an error or the end of ctx comes stays, and may be done again.
func Run(ctx context.Context, d Deps, job Job) (Result, error) {
	r := &run{Deps: d, job: job, Result: empty(job), live: live.New(d.Store, d.Clock),
		accounts: map[string][]string{}, billed: map[int64]map[probe]*billed{}, claims: map[turn.Ref]*billed{}, heard: map[int64][]probe{}, lost: map[int64]bool{}}
	for _, step := range []func(context.Context) error{r.prepare, r.bills, r.callbacks, r.open, r.closed} {
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
	if err := r.placeable(ctx); err != nil {
		return err
	}
	books, err := r.live.Books(ctx)
	if err != nil {
		return fmt.Errorf("penalty rules: %w", err)
	}
	r.book = books.Penalty
	rules, err := r.live.Accounts(ctx)
	r.pace = newPacer(rules)
	return err
}

// placeable finds the accounts that can have waybills of ours: those with settings, and those
// that hold our money. Of the latter without the former nobody can be asked, which is said
// rather than passed over: whoever is not asked may carry the order.
func (r *run) placeable(ctx context.Context) error {
	for name := range r.Carriers {
		if !strings.Contains(name, "/") { // the key of a further account
			r.accounts[name] = r.Carriers.Accounts(name)
		}
	}
	funded, err := r.Store.Prepaids(ctx)
	for _, p := range funded {
		if !slices.Contains(r.accounts[p.Carrier], p.Account) {
			r.accounts[p.Carrier] = append(r.accounts[p.Carrier], p.Account)
		}
	}
	maps.DeleteFunc(r.accounts, func(name string, _ []string) bool { return r.leftOut(name) })
	r.names = slices.Sorted(maps.Keys(r.accounts))
	return err
}

func (r *run) leftOut(name string) bool { return slices.Contains(r.job.Without, name) }

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
	total, later, err := r.Store.CountToResync(ctx, r.job.Since.Add(slack))
	if err != nil {
		return err
	}
	r.later = later
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
			delete(r.heard, o.ID)
		}
	}
}

// closed goes through orders that seemed over and of which bills or callbacks have another attempt.
func (r *run) closed(ctx context.Context) error {
	rest := slices.Sorted(maps.Keys(r.billed))
	for id := range r.heard {
		if r.billed[id] == nil {
			rest = append(rest, id)
		}
	}
	slices.Sort(rest)
	for ids := range slices.Chunk(rest, page) {
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

// callbacks takes up what carriers have spoken of since and no attempt was there for.
func (r *run) callbacks(ctx context.Context) error {
	strays, err := r.Store.StrayCallbacks(ctx, r.job.Since)
	for _, s := range strays {
		if s.Known {
			r.heard[s.Order] = append(r.heard[s.Order], probe{s.N, s.Carrier})
		} else {
			r.lost[s.Order] = true
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
