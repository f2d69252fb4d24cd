package turn_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/turn"
	"github.com/stretchr/testify/require"
)

// rates are the world's troubles in percent.
type rates struct {
	Refuse, PlaceDoubt, Slow, CallDoubt, CancelRefuse, Crash, LateAnswer  int // calls
	Lost, Doubled, Delayed, LostMessage                                   int // pushes and messages
	CarrierCancel, Reassign, NoRider, Return, CalledOff, Dearer, NoFigure int // what riders and carriers do
	PlatformCancels                                                       int
	Meddles, SwitchedOff, Thin, Short                                     int // what people do, and how the order came
	Mute                                                                  int // cancels of which the carrier does not know at once what they cost
}

// world is everything around one order: carriers that are lawful (they never say what is
// not so, and say it again when asked) but as unlucky as the rates make them.
type world struct {
	*desk
	rates   rates
	chance  *rand.Rand
	queue   []event
	bills   map[int]*waybill
	turnsAt []time.Time
	moved   int            // how often the recipient's place has changed
	moves   map[int]string // and by which commands
	quoted  map[int]int    // round → place that its prices are for
	plan    *order.Plan    // of an order that came with its number only
}

type event struct {
	at time.Time
	do func()
}

// waybill is an attempt as its carrier has it.
type waybill struct {
	n             int
	carrier       string
	price         money.Fen
	state         carrier.State
	at            time.Time
	by            carrier.Ender
	rider         order.Rider
	riders        int
	picked        bool
	charged, fine money.Fen
	tip           money.Fen
	place         int  // where the rider goes
	reliable      bool // its pushes are never lost: nobody else will ask
	epoch         int
	mute          time.Time // until then it does not say what its end cost
}

// plays are the strategies that a world may have, besides one carrier after the other.
var plays = map[string]func(*strategy.Strategy){
	"in sequence": func(*strategy.Strategy) {},
	"all at once": func(s *strategy.Strategy) { s.Mode = strategy.Simultaneous },
	"two cheapest": func(s *strategy.Strategy) {
		s.Mode, s.Race = strategy.Cheapest, strategy.Race{Width: 2}
	},
	"widening": func(s *strategy.Strategy) {
		s.Mode, s.Race = strategy.Simultaneous, strategy.Race{Width: 1, WidenAfter: strategy.Duration(30 * time.Second)}
	},
	"with tips and timeouts": func(s *strategy.Strategy) {
		s.Mode, s.Race = strategy.Cheapest, strategy.Race{Width: 2}
		s.Tip = strategy.Tip{After: strategy.Duration(20 * time.Second), Every: strategy.Duration(20 * time.Second), Step: 100, Max: 300}
		s.PickupTimeout, s.DeliveryTimeout = strategy.Duration(5*time.Minute), strategy.Duration(10*time.Minute)
	},
	"in free windows": func(s *strategy.Strategy) {
		s.LeaveInFreeWindow, s.PickupTimeout = true, strategy.Duration(8*time.Minute)
	},
}

func newWorld(t tester, r rates, seed uint64, play string) *world {
	w := &world{desk: newDesk(t, "uupt", "shansong", "third"), rates: r, chance: rand.New(rand.NewPCG(seed, 1)), bills: map[int]*waybill{}, quoted: map[int]int{}, moves: map[int]string{}}
	plays[play](&w.agg.Strategy)
	third := w.carriers["third"]
	third.PriceAtEnd = w.hit(r.Dearer)
	w.carriers["third"] = third
	w.born()
	w.meddle()
	for at := w.seconds(1, 2400); w.hit(r.PlatformCancels); at += w.seconds(1, 600) {
		key := fmt.Sprintf("cancel-%d", len(w.queue))
		w.after(at, func() {
			w.agg.Commands = append(w.agg.Commands, &order.Command{Key: key, Kind: order.CommandCancel, By: "platform", ReceivedAt: w.now})
			w.input(func(*turn.Turn) {})
		})
	}
	return w
}

func (w *world) hit(percent int) bool { return w.chance.IntN(100) < percent }

func (w *world) seconds(from, to int) time.Duration {
	return time.Duration(from)*time.Second + time.Duration(w.chance.IntN((to-from)*1000+1))*time.Millisecond
}

func (w *world) after(span time.Duration, do func()) {
	w.queue = append(w.queue, event{w.now.Add(span), do})
	slices.SortStableFunc(w.queue, func(a, b event) int { return a.at.Compare(b.at) })
}

// live runs the world until nothing is due and nothing is on its way.
func (w *world) live() {
	w.t.Helper()
	for {
		act := w.agg.ActAt
		switch {
		case len(w.queue) > 0 && (act.IsZero() || !w.queue[0].at.After(act)):
			next := w.queue[0]
			w.queue = w.queue[1:]
			w.now = later(w.now, next.at)
			next.do()
		case act.IsZero():
			return
		default:
			w.now = later(w.now, act)
			w.input(nil)
		}
	}
}

// input runs a turn, then the same input once more, which must change nothing; and sends
// on what the turn planned and owed.
func (w *world) input(in func(*turn.Turn)) {
	w.t.Helper()
	w.heat()
	first := w.turn(in)
	if in != nil {
		before, events, calls := w.canonical(), len(w.events), len(w.calls)
		again := w.turn(in)
		require.Equal(w.t, before, w.canonical(), "the same input once more changes something")
		require.Len(w.t, w.events, events)
		require.Len(w.t, w.calls, calls)
		for _, o := range first.Owed {
			owed := slices.ContainsFunc(again.Owed, func(x message.Owed) bool { return x.Topic == o.Topic && x.Item.Key == o.Item.Key })
			require.True(w.t, len(first.Events) == 0 || !repeatable(first) || owed, "%s is not owed again", o.Topic)
		}
	}
	if w.hit(50) {
		w.settle()
	}
	for _, o := range first.Owed {
		if o.Topic == message.QuoteWanted && !w.hit(w.rates.LostMessage) {
			w.wantQuotes(o.Item.Round)
		}
	}
	for _, c := range first.Calls {
		w.call(c)
	}
}

// repeatable: the first row carries the input's key, under which the obligations are kept.
func repeatable(t *turn.Turn) bool {
	switch t.Events[0].Key[:2] {
	case "c:", "q:", "a:":
		return true
	}
	return false
}

// heat fails when turns come faster than any lawful world needs them.
func (w *world) heat() {
	w.turnsAt = append(w.turnsAt, w.now)
	if n := len(w.turnsAt); n > 60 {
		require.Greater(w.t, w.now.Sub(w.turnsAt[n-60]), 15*time.Second, "sixty turns within seconds: %s", w.called())
	}
	require.Less(w.t, len(w.turnsAt), 5000, "it never ends: %s; %s", w.agg.State, w.attempts())
}

func (w *world) canonical() string {
	raw := fmt.Sprintf("%+v", w.agg.Order)
	for _, a := range w.agg.Attempts {
		raw += fmt.Sprintf("\n%+v", *a)
	}
	return raw
}

func (w *world) wantQuotes(round int) {
	w.after(w.seconds(0, 3), func() {
		if round != w.agg.Round || w.agg.State.Final() {
			return
		}
		if w.agg.Outcome == nil {
			var refused []string
			for _, c := range w.agg.Strategy.Carriers {
				if w.hit(20) {
					refused = append(refused, c)
				}
			}
			w.close(refused)
		}
		if !w.hit(w.rates.LostMessage) {
			w.input(func(t *turn.Turn) { t.Quoted(round) })
		}
	})
}

// call makes a leased call, or its caller vanishes before or after.
func (w *world) call(c turn.PlannedCall) {
	if w.hit(w.rates.Crash) {
		return
	}
	took := w.seconds(0, 2)
	if w.hit(w.rates.LateAnswer) {
		took = w.seconds(6, 40)
	}
	w.after(w.seconds(0, 1), func() {
		ans := turn.Answer{N: c.Attempt.N, Seq: c.Seq, Kind: c.Kind}
		w.make(c, &ans)
		if w.hit(w.rates.Crash) {
			return
		}
		w.after(took, func() { w.input(func(t *turn.Turn) { t.Answer(ans) }) })
	})
}

func (w *world) make(c turn.PlannedCall, ans *turn.Answer) {
	fail := func(kind carrier.Kind) { ans.Err = &carrier.Error{Carrier: c.Attempt.Carrier, Op: c.Kind, Kind: kind} }
	b := w.bills[c.Attempt.N]
	doubt := w.hit(w.rates.CallDoubt)
	switch {
	case c.Kind == order.CallPlace:
		w.place(c.Attempt, ans, fail)
		return
	case doubt && w.hit(50): // it never arrived
		fail(carrier.KindTemporary)
		return
	case b == nil:
		fail(carrier.KindNotFound)
		return
	case c.Kind == order.CallQuery:
		ans.Status = w.shown(b, true)
	case c.Kind == order.CallCancel:
		w.cancel(b, ans, fail)
	case c.Kind == order.CallTip:
		w.takeTip(b, c.Attempt, ans, fail)
	case c.Kind == order.CallConfirm && b.state == carrier.Returning:
		w.enter(b, carrier.Cancelled, carrier.ByUs)
	case c.Kind == order.CallConfirm:
		fail(carrier.KindRefused)
	}
	if doubt {
		*ans = turn.Answer{N: ans.N, Seq: ans.Seq, Kind: ans.Kind}
		fail(carrier.KindTemporary)
	}
}

func (w *world) place(a order.Attempt, ans *turn.Answer, fail func(carrier.Kind)) {
	b := &waybill{n: a.N, carrier: a.Carrier, price: a.Price, place: w.quoted[(a.N-1)/8+1]}
	if w.hit(w.rates.Dearer) {
		b.price += 100
	}
	born := func() {
		w.bills[a.N] = b
		w.enter(b, carrier.Waiting, "")
	}
	switch {
	case w.hit(w.rates.Refuse):
		fail([]carrier.Kind{carrier.KindNoCapacity, carrier.KindNotSent, carrier.KindRefused, carrier.KindRateLimited}[w.chance.IntN(4)])
	case w.hit(w.rates.PlaceDoubt):
		fail(carrier.KindTemporary)
		switch {
		case w.hit(w.rates.Slow): // the carrier takes it in later, perhaps after the quarantine
			b.reliable = true
			w.after(w.seconds(1, 180), born)
		case w.hit(50):
			born()
		}
	default:
		born()
		ans.Placed.CarrierNo = fmt.Sprintf("C%d", a.N)
		if b.price != a.Price || w.hit(50) {
			ans.Placed.Charged = &b.price
		}
	}
}

func (w *world) cancel(b *waybill, ans *turn.Answer, fail func(carrier.Kind)) {
	switch {
	case b.state.Final(), b.state == carrier.Returning, b.state == carrier.Cancelling, w.hit(w.rates.CancelRefuse):
		if w.hit(50) {
			fail(carrier.KindRefused)
		} else {
			ans.Cancel = carrier.CancelResult{Refused: true, Reason: "no"}
		}
		return
	case b.picked && w.carriers[b.carrier].CancelReturns:
		b.fine = b.price
		w.enter(b, carrier.Cancelling, "")
		ans.Cancel.Returning = !w.hit(20)
	case b.picked:
		b.fine = 300
		w.enter(b, carrier.Cancelled, carrier.ByUs)
	default:
		if b.state != carrier.Waiting && b.state != carrier.Reassigning {
			b.fine = money.Fen(100 * w.chance.IntN(4))
		}
		w.enter(b, carrier.Cancelled, carrier.ByUs)
	}
	if !w.hit(w.rates.NoFigure) {
		ans.Cancel.Penalty = &b.fine
	} else if w.hit(50) {
		ans.Fee = &b.fine
	}
	fine := b.fine // as it was said
	if ans.Cancel.Penalty != nil {
		ans.Cancel.Penalty = &fine
	}
	if ans.Fee != nil {
		ans.Fee = &fine
	}
}

// takeTip adds a tip while no rider has the goods, or none has come; else it is refused.
func (w *world) takeTip(b *waybill, a order.Attempt, ans *turn.Answer, fail func(carrier.Kind)) {
	early := b.state == carrier.Waiting || b.state == carrier.Reassigning || b.state == carrier.Accepted && w.hit(50)
	if !early || w.hit(w.rates.Refuse) {
		fail([]carrier.Kind{carrier.KindRefused, carrier.KindNotSent}[w.chance.IntN(2)])
		return
	}
	b.tip += a.Want.Tip - a.Tip
	if total := b.tip; w.hit(50) {
		ans.Tipped.Total = &total
	}
}

// enter moves a waybill, pushes the news and arms what comes next.
func (w *world) enter(b *waybill, s carrier.State, by carrier.Ender) {
	b.state, b.at, b.by = s, w.now, by
	switch s {
	case carrier.Waiting, carrier.Reassigning:
		b.rider = order.Rider{}
	case carrier.Accepted:
		b.riders++
		b.rider = order.Rider{Name: fmt.Sprintf("rider %d", b.riders)}
	case carrier.PickedUp:
		b.picked = true
	case carrier.Delivered:
		b.charged, b.fine = b.price+b.tip, 0
	}
	b.epoch++
	if s == carrier.Cancelled && by == carrier.ByUs && w.hit(w.rates.Mute) {
		b.mute = w.now.Add(w.seconds(1, 1500))
	}
	w.push(b)
	if s.Final() {
		return
	}
	epoch := b.epoch
	span, next := w.course(b)
	w.after(span, func() {
		if b.epoch == epoch {
			next()
		}
	})
}

// course is what comes next for a waybill, and when.
func (w *world) course(b *waybill) (time.Duration, func()) {
	to := func(s carrier.State, by carrier.Ender) func() { return func() { w.enter(b, s, by) } }
	switch b.state {
	case carrier.Waiting, carrier.Reassigning:
		if w.hit(w.rates.NoRider) {
			return 30 * time.Minute, to(carrier.Cancelled, carrier.ByNobody)
		}
		return w.seconds(1, 120), to(carrier.Accepted, "")
	case carrier.Accepted, carrier.Arrived:
		switch {
		case w.hit(w.rates.CarrierCancel):
			return w.seconds(1, 300), to(carrier.Cancelled, []carrier.Ender{carrier.ByRider, carrier.ByCarrier}[w.chance.IntN(2)])
		case w.hit(w.rates.Reassign):
			return w.seconds(1, 300), to([]carrier.State{carrier.Waiting, carrier.Reassigning}[w.chance.IntN(2)], "")
		case b.state == carrier.Accepted && w.hit(80):
			return w.seconds(1, 600), to(carrier.Arrived, "")
		}
		return w.seconds(1, 600), to(carrier.PickedUp, "")
	case carrier.PickedUp:
		if w.hit(w.rates.Return) {
			return w.seconds(1, 900), func() { b.fine = 500; w.enter(b, carrier.Returning, "") }
		}
		return w.seconds(1, 1200), to(carrier.Delivered, "")
	case carrier.Cancelling:
		switch {
		case w.hit(w.rates.CalledOff):
			return w.seconds(1, 300), func() { b.fine = 0; w.enter(b, carrier.PickedUp, "") }
		case w.hit(w.rates.CalledOff):
			return w.seconds(1, 900), to(carrier.Delivered, "")
		}
		return w.seconds(1, 120), to(carrier.Returning, "")
	case carrier.Returning:
		return w.seconds(300, 7200), to(carrier.Cancelled, carrier.ByCarrier)
	}
	return 0, func() { require.Fail(w.t, "no course for "+string(b.state)) }
}

// shown is what a carrier says of a waybill; it names its money when asked.
func (w *world) shown(b *waybill, asked bool) carrier.Status {
	s := carrier.Status{Carrier: b.carrier, CarrierNo: fmt.Sprintf("C%d", b.n), State: b.state, Code: string(b.state), At: b.at, Rider: b.rider,
		Verified: asked || w.carriers[b.carrier].SignedPush}
	if total := b.price + b.tip; asked && !b.state.Final() && w.hit(50) {
		s.Charged = &total
	}
	if b.state.Final() {
		s.EndedBy = b.by
		if w.now.Before(b.mute) {
			return s
		}
		charged, fine := b.charged, b.fine
		if a := w.agg.Attempt(b.n); asked || b.state == carrier.Delivered && (b.price != a.Price || b.tip != a.Tip && w.hit(50)) {
			s.Charged, s.Penalty = &charged, &fine
		}
		if b.by == carrier.ByCarrier && b.picked { // a return that we did not ask for
			s.Penalty = &fine
		}
	}
	return s
}

// push sends the news once, never or twice, at once or later than the next.
func (w *world) push(b *waybill) {
	if w.hit(w.rates.Lost) && !b.reliable {
		return
	}
	s := w.shown(b, false)
	copies := 1
	if w.hit(w.rates.Doubled) {
		copies++
	}
	for range copies {
		span := w.seconds(0, 1)
		if w.hit(w.rates.Delayed) {
			span = w.seconds(1, 300)
		}
		w.after(span, func() {
			w.input(func(t *turn.Turn) { require.True(w.t, t.Signal(b.n, s)) })
		})
	}
}

func (w *world) sorted() []*waybill {
	var out []*waybill
	for _, b := range w.bills {
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b *waybill) int { return cmp.Compare(a.n, b.n) })
	return out
}
