package turn

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// Known is what outlived our database about one attempt: a carrier's word, and its bill's.
type Known struct {
	N         int
	Carrier   string
	Account   string
	CarrierNo string          // empty = as in Status
	Status    *carrier.Status // the answer to a query of just now; nil = dispatch is to ask
	Price     money.Fen       // the fee by the carrier's bill; 0 = not billed
	Tip       money.Fen       // 小费 by its bill
}

// resynced is why an order's goal is what it is after a resync.
const resynced = "withdrawn before the restore"

// progress ranks carriers' states: whoever is furthest speaks first and is the order's winner.
var progress = map[carrier.State]int{carrier.Delivered: 9, carrier.PickedUp: 8, carrier.Returning: 7, carrier.Arrived: 6, carrier.Accepted: 5,
	carrier.Cancelling: 4, carrier.Exception: 3, carrier.Waiting: 2, carrier.Reassigning: 2, carrier.Returned: 1, carrier.Cancelled: 0}

func (k Known) progress() int {
	if k.Status == nil {
		return -1
	}
	return progress[k.Status.State]
}

// withdrawn reports whether the carrier says that our side ended it, or does not say who did.
func (k Known) withdrawn() bool {
	return k.Status != nil && (k.Status.State == carrier.Cancelled || k.Status.State == carrier.Returned) && (k.Status.EndedBy == carrier.ByUs || k.Status.EndedBy == "")
}

// settled reports whether the carrier says what it took in the end.
func (k Known) settled() bool {
	return k.Status != nil && k.Status.State.Final() && (k.Status.Charged != nil || k.Status.Penalty != nil)
}

// Resync takes up what carriers know of an order whose history was lost from some moment on:
// attempts that the order does not have are planted as placements in doubt, and each answer
// is taken as that to a query of our own. It says how many attempts were planted. Nothing is
// decided and no call is planned: dispatch does that, at once, by its usual rules. It stands
// in the place of Finish.
//
// whole says that nothing is left to ask. Until then what our side withdrew is left out, since
// whether the order ended with it depends on the rest, and the order stays in its round, whose
// numbers are to be asked about again.
func (t *Turn) Resync(known []Known, whole bool) (planted int) {
	known = slices.Clone(known)
	if !whole {
		known = slices.DeleteFunc(known, Known.withdrawn)
	}
	slices.SortStableFunc(known, func(a, b Known) int { return b.progress() - a.progress() })
	t.adopt()
	t.begin(fmt.Sprintf("resync:%d", t.Version))
	t.record(row{kind: "resync", to: string(t.State), decision: order.Applied, detail: map[string]int{"attempts": len(known)}})
	for _, k := range known {
		if t.Attempt(k.N) == nil {
			t.plant(k)
			planted++
		}
	}
	ours := false
	for _, k := range known {
		ours = t.recall(k) || ours
	}
	if whole {
		t.catchUp()
	}
	if ours && t.live() == 0 && t.Goal == order.NoGoal && !t.State.Final() && !t.cancelWaits() {
		t.giveUp(resynced)
		t.alarm("our side withdrew it after the moment of the restore, nobody knows why: ask its platform")
	}
	if planted > 0 && t.Strategy.Name == "" {
		t.keepUnread()
	}
	t.ActAt = t.env.Now
	return planted
}

// cancelWaits reports whether a cancel is still to be applied: then that is why.
func (t *Turn) cancelWaits() bool {
	return slices.ContainsFunc(t.Commands, func(c *order.Command) bool { return c.Kind == order.CommandCancel && c.Applied == 0 })
}

// roundOf is the quote round that minted an attempt's number.
func roundOf(n int) int { return (n-1)/numbersPerRound + 1 }

// numbersPerRound is how many attempt numbers a quote round has.
const numbersPerRound = 8

// plant writes an attempt that a carrier knows and we do not. The carrier has its money
// already, so nobody is asked whether there is enough.
func (t *Turn) plant(k Known) {
	price, quoted := t.priceOf(k)
	no := k.CarrierNo
	if quoted != nil {
		no = cmp.Or(no, quoted.CarrierNo) // some carriers mint it with the price, and do not say it again
	}
	a := &order.Attempt{N: k.N, Carrier: k.Carrier, Account: k.Account, State: order.Intent, Price: price, Tip: k.Tip}
	a.Want.Tip, a.Want.NoTips = k.Tip, quoted == nil && t.Strategy.Tip.Step > 0 // there may be tips in such a price
	if t.Strategy.Name == "" {
		t.alarm("only its number was known before the restore, and it was placed: see that what its platform pays is booked")
	}
	t.Attempts = append(t.Attempts, a)
	slices.SortFunc(t.Attempts, func(x, y *order.Attempt) int { return x.N - y.N })
	t.record(row{n: a.N, kind: "attempt", to: string(order.Intent), decision: order.Applied,
		detail: map[string]any{"carrier": a.Carrier, "price_fen": a.Price, "cause": order.CauseResync}})
	t.touch(a)
	if a.Price == 0 && !k.settled() {
		t.alarm("what " + order.OurNo(t.ID, a.N) + " was to cost is lost: carrier " + a.Carrier + "'s bill will say")
	}
	a.Held = a.Price + a.Tip
	t.attemptFact(a, order.FactOverdraw, a.Held, order.CauseResync)
	if no != "" {
		t.learn(a, no)
	}
	t.doubt(a, map[string]string{"cause": order.CauseResync})
	a.NextCall = t.env.Now
	t.dispatched()
}

// priceOf is what an attempt was to cost: by its quote, its bill, its carrier's word, or else
// by the carrier's latest quote that is left.
func (t *Turn) priceOf(k Known) (price money.Fen, quoted *order.Quote) {
	latest := money.Fen(0)
	for i, q := range t.Quotes {
		if q.Carrier == k.Carrier && q.Refused == "" {
			if q.N == k.N {
				return q.Price, &t.Quotes[i]
			}
			latest = q.Price
		}
	}
	switch {
	case k.Price > 0:
		return k.Price, nil
	case k.Status != nil && k.Status.Charged != nil && *k.Status.Charged > k.Tip:
		return *k.Status.Charged - k.Tip, nil
	}
	return latest, nil
}

// dispatched brings the order to where attempts can be.
func (t *Turn) dispatched() {
	if t.State == order.Received {
		t.move(order.OnQuoted, map[string]string{"cause": order.CauseResync})
	}
	if t.State == order.Quoted {
		t.move(order.OnDispatch, map[string]string{"cause": order.CauseResync})
	}
}

// recall applies a carrier's word. It reports whether the attempt was ended by our side for a
// reason that we do not know any more.
func (t *Turn) recall(k Known) (ours bool) {
	a := t.Attempt(k.N)
	switch {
	case a.Carrier != k.Carrier:
		t.alarm("carriers " + a.Carrier + " and " + k.Carrier + " both know " + order.OurNo(t.ID, k.N))
		return false
	case k.Status == nil:
		if a.Live() {
			t.keepTips(a, nil)
			t.inquire(a, 0)
		}
		return false
	}
	lost := a.Live() && a.Want.Cancel == ""
	t.answeredQuery(a, *k.Status, true, false)
	t.keepTips(a, k.Status.Charged)
	return lost && !a.Live() && k.withdrawn()
}

// keepTips makes sure that the strategy adds no tip (小费) that was added before the restore: the
// carrier's total shows them in whole steps, or no more are added to this attempt.
func (t *Turn) keepTips(a *order.Attempt, total *money.Fen) {
	rule := t.Strategy.Tip
	if !a.Live() || rule.Step <= 0 || a.Want.NoTips {
		return
	}
	if total != nil {
		if tip := *total - a.Price; tip >= a.Tip && tip <= rule.Max && tip%rule.Step == 0 {
			t.tipIs(a, tip)
			return
		}
	}
	a.Want.NoTips = true
	t.touchQuietly(a)
}

// keepUnread keeps an order of which only the number is known from being given up by a strategy
// that it does not have yet.
func (t *Turn) keepUnread() {
	for _, kind := range []string{order.TimerGiveUp, order.TimerQuote} {
		t.disarm(kind, 0)
	}
	for _, a := range t.Attempts {
		t.disarm(order.TimerAccept, a.N)
	}
}

// readOn has a quote round find out what an order is that is under way and of which only the
// number is known. Nobody else would ask: somebody is at it already.
func (t *Turn) readOn() {
	unread := t.Strategy.Name == "" && len(t.Attempts) > 0 && t.Outcome == nil
	if unread && !t.State.Final() && t.Goal == order.NoGoal && t.Round > 0 && !t.armed(order.TimerQuote, 0) {
		t.wantQuotes()
	}
}

// catchUp makes sure that no number of a round that was placed from is quoted again.
func (t *Turn) catchUp() {
	last := 0
	for _, a := range t.Attempts {
		last = max(last, roundOf(a.N))
	}
	if last <= t.Round || t.State.Final() {
		return
	}
	t.Round, t.Outcome, t.Quotes = last, nil, nil
	if t.live() == 0 {
		t.newRound()
	}
}
