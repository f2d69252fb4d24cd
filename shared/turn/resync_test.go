package turn_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/turn"
)

// tables are everything that a database has of an order.
type tables struct {
	agg     *order.Aggregate
	seen    map[string]order.EventRow
	events  []order.EventRow
	facts   []order.Fact
	decided map[string]string
}

func (d *desk) dump() tables {
	return tables{d.agg.Clone(), maps.Clone(d.seen), slices.Clone(d.events), slices.Clone(d.facts), maps.Clone(d.decided)}
}

func (d *desk) restore(b tables) {
	d.agg, d.seen, d.events, d.facts, d.decided = b.agg.Clone(), maps.Clone(b.seen), slices.Clone(b.events), slices.Clone(b.facts), maps.Clone(b.decided)
}

// resync runs one with what carriers know, and commits it; whole = each of them answered.
func (d *desk) resync(whole bool, known ...turn.Known) *turn.Turn {
	d.t.Helper()
	t := turn.New(d.agg, d.env())
	t.Resync(known, whole)
	require.Empty(d.t, t.Calls, "calls are dispatch's")
	require.Equal(d.t, d.now, t.ActAt, "dispatch has to look")
	d.commit(t)
	return t
}

// liveUntil is live up to an instant.
func (w *world) liveUntil(end time.Time) {
	for {
		act := w.agg.ActAt
		queued := len(w.queue) > 0 && (act.IsZero() || !w.queue[0].at.After(act))
		switch {
		case queued && !w.queue[0].at.After(end):
			next := w.queue[0]
			w.queue = w.queue[1:]
			w.now = later(w.now, next.at)
			next.do()
		case !queued && !act.IsZero() && !act.After(end):
			w.now = later(w.now, act)
			w.input(nil)
		default:
			return
		}
	}
}

// remembered is what carriers say of all that they have. Of silent in a hundred waybills they
// say nothing just now: these are known only if the order has them.
func (w *world) remembered(silent int) (known []turn.Known, whole bool) {
	whole = true
	for _, b := range w.sorted() {
		k := turn.Known{N: b.n, Carrier: b.carrier, Account: w.carriers[b.carrier].Account}
		if w.hit(silent) {
			whole = false
			if w.agg.Attempt(b.n) == nil {
				continue
			}
		} else {
			s := w.shown(b, true)
			k.Status = &s
		}
		if w.hit(50) { // there is a bill
			k.Price, k.Tip = b.price, b.tip
		}
		known = append(known, k)
	}
	return known, whole
}

// Whatever an order was doing when its database went back in time: what carriers know brings
// it to an end at which the books are theirs, nothing is placed twice, and a delivered order
// is delivered, also when some of them answered only when they were asked again.
func TestEveryRestoredOrderEndsWell(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		play := rapid.SampledFrom(slices.Sorted(maps.Keys(plays))).Draw(t, "strategy")
		r := drawRates(t)
		r.Meddles, r.Thin, r.Slow = 0, 0, 0 // commands and contents are lost for good
		w := newWorld(t, r, rapid.Uint64Range(0, 1<<20).Draw(t, "seed"), play)
		w.liveUntil(begin.Add(time.Duration(rapid.IntRange(1, 3600).Draw(t, "restored to, s")) * time.Second))
		backup := w.dump()
		w.live()
		ended, placed := w.agg.State, maps.Clone(w.bills)
		w.restore(backup)
		known, whole := w.remembered(rapid.IntRange(0, 60).Draw(t, "silent"))
		w.resync(whole, known...)
		if !whole {
			known, whole = w.remembered(0)
			w.resync(whole, known...)
		}
		w.live()
		checkRestored(w, ended, placed)
	})
}

// checkRestored checks the second end of an order.
func checkRestored(w *world, ended order.State, placed map[int]*waybill) {
	w.t.Helper()
	story := func() string {
		return fmt.Sprintf("%s, once %s; %s; %s; %s; %s", w.agg.State, ended, w.attempts(), w.money(), w.milestones(), w.agg.Attention)
	}
	require.True(w.t, w.agg.State.Final(), story())
	checkBooks(w, story)
	checkPlatform(w, story)
	for n, b := range placed {
		require.Same(w.t, b, w.bills[n], "%d was placed twice: %s", n, story())
		require.NotNil(w.t, w.agg.Attempt(n), "waybill %d is not in the books: %s", n, story())
	}
	if ended == order.Delivered {
		require.Equal(w.t, ended, w.agg.State, story())
		require.Len(w.t, w.bills, len(placed), "a delivered order was placed again: %s", story())
	}
}

func stated(fen money.Fen) *money.Fen { return &fen }

// What a restore lost, one case after the other: what the carriers say, and what becomes of it.
func TestResyncPlantsWhatCarriersKnow(t *testing.T) {
	t.Parallel()
	says := func(n int, name, account string, s carrier.State, charged, fine *money.Fen, by carrier.Ender) turn.Known {
		return turn.Known{N: n, Carrier: name, Account: account, Status: &carrier.Status{Carrier: name, CarrierNo: fmt.Sprintf("C%d", n), State: s, Code: string(s), Charged: charged, Penalty: fine, EndedBy: by, At: begin}}
	}
	for name, c := range map[string]struct {
		quoted  bool
		known   []turn.Known
		state   order.State
		winner  int
		planted int
		round   int
		facts   map[string]money.Fen
		needs   string
	}{
		"delivered, and all of it lost": {
			known: []turn.Known{says(1, "uupt", "u", carrier.Delivered, stated(820), stated(0), "")},
			state: order.Delivered, winner: 1, planted: 1, round: 1,
			facts: map[string]money.Fen{order.FactOverdraw: 820, order.FactCapture: 820, order.FactIncome: fee},
		},
		"delivered by the second after the first was withdrawn": {
			quoted: true,
			known: []turn.Known{says(1, "uupt", "u", carrier.Cancelled, nil, stated(200), carrier.ByUs),
				says(10, "shansong", "s", carrier.Delivered, stated(1400), stated(0), "")},
			state: order.Delivered, winner: 10, planted: 2, round: 1,
			facts: map[string]money.Fen{order.FactOverdraw: 800 + 1400, order.FactPenalty: 200, order.FactRelease: 600, order.FactCapture: 1400, order.FactIncome: fee},
		},
		"on its way": {
			quoted: true, known: []turn.Known{says(2, "shansong", "s", carrier.Accepted, nil, nil, "")},
			state: order.Assigned, winner: 2, planted: 1, round: 1,
			facts: map[string]money.Fen{order.FactOverdraw: 1400},
		},
		"withdrawn by us, nobody knows why": {
			quoted: true, known: []turn.Known{says(1, "uupt", "u", carrier.Cancelled, nil, stated(300), carrier.ByUs)},
			state: order.Failed, planted: 1, round: 1,
			facts: map[string]money.Fen{order.FactOverdraw: 800, order.FactPenalty: 300, order.FactRelease: 500},
			needs: "ask its platform",
		},
		"nobody answers, but the bill has it": {
			known: []turn.Known{{N: 1, Carrier: "uupt", Account: "u", CarrierNo: "C1", Price: 750, Tip: 100}},
			state: order.Dispatching, planted: 1, round: 1,
			facts: map[string]money.Fen{order.FactOverdraw: 850},
		},
		"waiting under a number of a later round, whose numbers are not asked for again": {
			known: []turn.Known{says(10, "shansong", "s", carrier.Waiting, stated(1300), nil, "")},
			state: order.Dispatching, planted: 1, round: 2, facts: map[string]money.Fen{order.FactOverdraw: 1300},
		},
		"all given up by its carrier: the next round has new numbers": {
			known: []turn.Known{says(10, "shansong", "s", carrier.Cancelled, nil, stated(0), carrier.ByNobody)},
			state: order.Dispatching, planted: 1, round: 3, facts: map[string]money.Fen{},
		},
		"what it was to cost is lost": {
			known: []turn.Known{says(1, "uupt", "u", carrier.Waiting, nil, nil, "")},
			state: order.Dispatching, planted: 1, round: 1, facts: map[string]money.Fen{}, needs: "bill will say",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			if c.quoted {
				d.outcome()
			}
			d.now = d.now.Add(10 * time.Second)
			turned := turn.New(d.agg, d.env())
			require.Equal(t, c.planted, turned.Resync(c.known, true))
			d.commit(turned)
			d.turn(nil)
			require.Equal(t, c.state, d.agg.State)
			require.Equal(t, c.winner, d.agg.Winner)
			require.Equal(t, c.round, d.agg.Round)
			sums := map[string]money.Fen{}
			for _, f := range d.facts {
				sums[f.Kind] += f.Amount
			}
			require.Equal(t, c.facts, sums)
			require.Contains(t, d.agg.Attention, c.needs)
			if c.needs == "" {
				require.Empty(t, d.agg.Attention)
			}
			for _, a := range d.agg.Attempts {
				require.Equal(t, "C"+fmt.Sprint(a.N), a.CarrierNo)
			}
		})
	}
}

// An attempt that we have with one carrier is not another carrier's, whoever says so.
func TestResyncBelievesNoOtherCarrier(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.outcome()
	d.turn(func(x *turn.Turn) { x.Quoted(1) })
	require.Equal(t, "uupt", d.agg.Attempt(1).Carrier)
	before := *d.agg.Attempt(1)
	d.resync(true, turn.Known{N: 1, Carrier: "shansong", Account: "s", Status: &carrier.Status{State: carrier.Delivered}})
	require.Equal(t, before, *d.agg.Attempt(1))
	require.Contains(t, d.agg.Attention, "both know")
}

// An order of which only the number is known keeps the waybill that is found, and learns from
// its next round what its platform pays.
func TestResyncOfAThinOrderLearnsItsTerms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		found carrier.State
		state order.State
	}{"waiting": {carrier.Waiting, order.Dispatching}, "with a rider": {carrier.Accepted, order.Assigned}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			thin(d)
			d.agg.Timers = nil
			d.resync(true, turn.Known{N: 1, Carrier: "uupt", Account: "u", Status: &carrier.Status{Carrier: "uupt", CarrierNo: "C1", State: c.found, Charged: stated(800), At: begin}})
			require.Contains(t, d.agg.Attention, "what its platform pays")
			asked := 0
			for end := d.now.Add(2 * time.Minute); d.now.Before(end); { // whoever is asked, the first words are lost
				d.pass(end.Sub(d.now))
				if d.agg.Attempt(1).Call.Kind == order.CallQuery {
					shows(1, c.found)(d)
				}
				if slices.Contains(d.topics(), message.QuoteWanted) {
					asked++
				}
			}
			require.Positive(t, asked)
			require.True(t, slices.ContainsFunc(d.agg.Timers, func(x order.Timer) bool { return x.Kind == order.TimerQuote }), "it is asked for until it is there")
			require.Equal(t, c.state, d.agg.State)
			require.Equal(t, order.NoGoal, d.agg.Goal)
			require.Empty(t, d.agg.Attempt(1).Want.Cancel)
			run(t, d, planned(0), says(1, carrier.Delivered))
			require.Equal(t, "1 overdraw 800(resync), 1 capture 800, 0 income 1500", d.money())
			require.Equal(t, "s1", d.agg.ShopCode)
		})
	}
}

// Tips that were added after the moment of the restore are not added a second time: neither when
// the carrier's total shows them, nor when nobody can tell.
func TestResyncAddsNoTipTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		known   bool // the attempt was there before the restore
		charged *money.Fen
		tip     money.Fen // as known after the resync
		tips    int       // that follow
	}{
		"the total shows both":                {known: true, charged: stated(1000), tip: 200},
		"the total shows one, and one is due": {known: true, charged: stated(900), tip: 100, tips: 1},
		"the total shows none":                {known: true, charged: stated(800), tips: 2},
		"nobody can tell":                     {known: true},
		"the total is of another price":       {known: true, charged: stated(850)},
		"planted at a known price":            {charged: stated(1000), tip: 200},
		"planted, nobody can tell":            {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			tipping(d)
			d.outcome()
			if c.known {
				run(t, d, quoted(), okPlace(1))
			}
			d.now = d.now.Add(10 * time.Second)
			d.resync(true, turn.Known{N: 1, Carrier: "uupt", Account: "u", Status: &carrier.Status{Carrier: "uupt", CarrierNo: "C1", State: carrier.Waiting, Charged: c.charged, At: begin}})
			require.Equal(t, c.tip, d.agg.Attempt(1).Tip)
			tips := 0
			for end := d.now.Add(4 * time.Minute); d.now.Before(end); {
				d.pass(end.Sub(d.now))
				switch a := d.agg.Attempt(1); a.Call.Kind {
				case order.CallTip:
					tips++
					okTip(1, a.Want.Tip)(d)
				case order.CallQuery:
					shows(1, carrier.Waiting)(d)
				case order.CallCancel:
					d.now = end
				}
			}
			require.Equal(t, c.tips, tips)
		})
	}
}

// A carrier that mints its number with the price and does not say it again is called by that
// number: without it, some waybills could not be withdrawn.
func TestResyncTakesTheNumberOfTheQuote(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.outcome()
	d.agg.Quotes[1].CarrierNo = "TDH2"
	d.resync(true, turn.Known{N: 2, Carrier: "shansong", Account: "s", Status: &carrier.Status{Carrier: "shansong", State: carrier.Waiting, At: begin}})
	require.Equal(t, "TDH2", d.agg.Attempt(2).CarrierNo)
}

// A cancel that the database has, and that was carried out after the moment of the restore, is
// why our side withdrew: the order is cancelled, its platform owes what it owes, nobody is asked.
func TestResyncKnowsTheCancelThatWaits(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	run(t, d, quoted(), okPlace(1), says(1, carrier.Accepted))
	d.pass(3 * time.Minute)
	d.agg.Commands = append(d.agg.Commands, &order.Command{Key: "k", Kind: order.CommandCancel, By: "platform", ReceivedAt: d.now})
	d.resync(true, turn.Known{N: 1, Carrier: "uupt", Account: "u", Status: &carrier.Status{Carrier: "uupt", CarrierNo: "C1", State: carrier.Cancelled, EndedBy: carrier.ByUs, Penalty: stated(200), At: d.now}})
	d.turn(nil)
	require.Equal(t, order.Cancelled, d.agg.State)
	require.Equal(t, order.Applied, d.decided["k"])
	require.Empty(t, d.agg.Attention)
}
