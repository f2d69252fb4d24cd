package world

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/money"
)

// What a carrier may answer to a call, for parties to translate into their own codes.
var (
	ErrQuoteUnknown = errors.New("no such quote")
	ErrQuoteExpired = errors.New("the quote has expired")
	ErrQuoteUsed    = errors.New("the quote has been placed already")
	ErrOrderUnknown = errors.New("no such order")
	ErrState        = errors.New("not in this state of the order")
	ErrDuplicate    = errors.New("the client's number has been placed already")
	ErrBalance      = errors.New("the balance is too low")
	ErrRefused      = errors.New("no capacity, the order is refused")
	ErrQuota        = errors.New("the cancel quota is used up")
	ErrFeeMoved     = errors.New("the cancel costs something else now")
	ErrExtraFee     = errors.New("the return costs more than was paid and the client has not agreed to pay it")
)

// FleetOptions is what a carrier's fleet is made of. All fields without a remark are
// needed.
type FleetOptions struct {
	Party    string // carrier name: shansong, uupt …
	Clock    Clock
	System   func() time.Time
	Faults   *Faults
	Seed     int64
	Profile  Profile
	Balance  money.Fen
	Callback func(Job) Callback              // the callback that tells of a job's present state
	Received func(status int, b []byte) bool // whether the client's answer acknowledges a callback
	Client   *http.Client                    // nil: a client of its own
}

// Fleet is a carrier's riders, orders and money. It knows nothing of wires.
type Fleet struct {
	party   string
	clock   Clock
	chance  Chance
	faults  *Faults
	profile Profile
	opening money.Fen // and what was deposited since
	tell    func(Job) Callback
	post    *postman

	mu       sync.Mutex
	closed   bool
	held     bool // riders do only what they are directed to
	quotes   quotes
	jobs     map[string]*job // by carrier number
	byClient map[string]*job // the latest of that number
	listed   []*job          // in order of placement
	live     map[*job]struct{}
	balance  money.Fen
	totals   Totals
	serial   uint64
	quotaDay string
	cancels  int // on quotaDay
}

// NewFleet opens the books with a balance.
func NewFleet(o FleetOptions) *Fleet {
	chance := NewChance(o.Seed, o.Party)
	return &Fleet{
		party: o.Party, clock: o.Clock, chance: chance, faults: o.Faults, profile: o.Profile,
		opening: o.Balance, balance: o.Balance, tell: o.Callback,
		post: newPostman(postmanOptions{
			chance: chance, clock: o.Clock, faults: o.Faults, client: o.Client, received: o.Received,
			tries: o.Profile.CallbackTries, gap: seconds(o.Profile.CallbackGapS), hold: seconds(o.Profile.ReorderHoldMaxS),
		}),
		quotes:   quotes{byToken: map[string]*Quote{}},
		jobs:     map[string]*job{},
		byClient: map[string]*job{},
		live:     map[*job]struct{}{},
		// Numbers begin where system time stands, so that a second run does not mint
		// those of the first; no decision depends on them.
		serial: uint64(o.System().UnixMilli()),
	}
}

// Serial returns a number that this fleet has not returned before, below limit.
func (f *Fleet) Serial(limit uint64) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serial++
	return f.serial % limit
}

// Skip leaves out the next n serial numbers.
func (f *Fleet) Skip(n uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.serial += n
}

// Profile is how the fleet behaves.
func (f *Fleet) Profile() Profile { return f.profile }

// Place turns a quote into an order under the carrier's number and takes the money.
// data replaces the quote's. Errors: ErrQuoteUnknown, ErrQuoteExpired, ErrQuoteUsed,
// ErrRefused, ErrBalance.
func (f *Fleet) Place(token, carrierNo string, data any) (Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	q, ok := f.quotes.byToken[token]
	switch {
	case !ok:
		return Job{}, ErrQuoteUnknown
	case q.used:
		return Job{}, ErrQuoteUsed
	case !now.Before(q.Expires):
		return Job{}, ErrQuoteExpired
	}
	if f.profile.RepriceAtPlace {
		q.Lines = f.profile.Tariff.Price(q.Metres, q.Kg, q.Tip, now)
	}
	x := *q
	x.Data = data
	job, err := f.place(x, carrierNo, "quote", "place")
	q.used = err == nil
	return job, err
}

// PlaceUnquoted orders a delivery at the price of now, for carriers whose placement
// names no quote and is told from others by the client's number. Errors: ErrDuplicate,
// ErrRefused, ErrBalance.
func (f *Fleet) PlaceUnquoted(q Quote, carrierNo string) (Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.byClient[q.ClientNo]; known && q.ClientNo != "" {
		return Job{}, ErrDuplicate
	}
	q.Metres = f.profile.RoadMetres(q.Pickup, q.Dropoff)
	q.Lines = f.profile.Tariff.Price(q.Metres, q.Kg, q.Tip, f.clock.Now())
	return f.place(q, carrierNo, "place")
}

// place makes a priced delivery an order; asked are the calls so far that were about it.
func (f *Fleet) place(q Quote, carrierNo string, asked ...string) (Job, error) {
	if hit, _ := f.faults.Strike(f.chance, PlaceRefused, q.ClientNo, "place", 0); hit {
		f.totals.Refused++
		return Job{}, ErrRefused
	}
	if low, _ := f.faults.StrikeScripted(f.chance, BalanceLow, q.ClientNo, "place"); low || f.balance < q.Total() {
		return Job{}, ErrBalance
	}
	j := &job{notBefore: q.NotBefore, calls: len(asked), Job: Job{
		CarrierNo: carrierNo, ClientNo: q.ClientNo, Pickup: q.Pickup, Dropoff: q.Dropoff, Metres: q.Metres, Kg: q.Kg,
		Lines: q.Lines, Fee: q.Total() - q.Tip, Tips: q.Tip, Placed: f.clock.Now(), Data: q.Data,
	}}
	f.jobs[carrierNo] = j
	if q.ClientNo != "" {
		f.byClient[q.ClientNo] = j
	}
	f.listed = append(f.listed, j)
	f.live[j] = struct{}{}
	f.totals.Placed++
	for _, call := range asked {
		f.note(j, "asked", call, 0)
	}
	f.take(j, "delivery", q.Total())
	f.enter(j, Waiting)
	return j.Job, nil
}

func (f *Fleet) take(j *job, what string, amount money.Fen) {
	if amount == 0 {
		return
	}
	f.balance -= amount
	f.note(j, "charged", what, amount)
}

func (f *Fleet) giveBack(j *job, amount money.Fen) {
	if amount == 0 {
		return
	}
	f.balance += amount
	j.Refund += amount
	f.note(j, "refunded", "", amount)
}

// find is the order by the carrier's number or, when that is empty, by the client's.
func (f *Fleet) find(carrierNo, clientNo string) (*job, error) {
	j, ok := f.jobs[carrierNo]
	if carrierNo == "" {
		j, ok = f.byClient[clientNo]
	}
	if !ok {
		return nil, fmt.Errorf("%w: %q", ErrOrderUnknown, carrierNo+clientNo)
	}
	return j, nil
}

// Ask finds an order by the carrier's number or, when that is empty, by the client's,
// and enters in its books that the client made such a call. Error: ErrOrderUnknown.
func (f *Fleet) Ask(call, carrierNo, clientNo string) (Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	j, err := f.find(carrierNo, clientNo)
	if err != nil {
		return Job{}, err
	}
	j.calls++
	f.note(j, "asked", call, 0)
	return j.Job, nil
}

// ClientNo is the client's number of an order or quote, empty if unknown.
func (f *Fleet) ClientNo(token string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if j, ok := f.jobs[token]; ok {
		return j.ClientNo
	}
	if q, ok := f.quotes.byToken[token]; ok {
		return q.ClientNo
	}
	return ""
}

// Tip adds to an order's tips and takes the money. Errors: ErrOrderUnknown, ErrState
// once the goods are picked up, ErrBalance.
func (f *Fleet) Tip(carrierNo string, amount money.Fen) (Job, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	j, err := f.find(carrierNo, "")
	switch {
	case err != nil:
		return Job{}, err
	case !beforePickup[j.State]:
		return Job{}, fmt.Errorf("tip: %w: %s", ErrState, j.State)
	case f.balance < amount:
		return Job{}, ErrBalance
	}
	j.Tips += amount
	f.take(j, "tip", amount)
	return j.Job, nil
}

// Balance is the client's prepaid money.
func (f *Fleet) Balance() money.Fen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.balance
}

// Deposit adds to the client's prepaid money.
func (f *Fleet) Deposit(amount money.Fen) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.opening += amount
	f.balance += amount
}

// Close stops all riders and waits for the callbacks under way.
func (f *Fleet) Close() {
	f.mu.Lock()
	f.closed = true
	for j := range f.live {
		if j.stop != nil {
			j.stop()
		}
	}
	f.mu.Unlock()
	f.post.close()
}
