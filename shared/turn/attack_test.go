package turn_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/turn"
	"github.com/stretchr/testify/require"
)

// The holder of a lease vanishes: the call is never repeated but queried.
func TestVanishedCaller(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		steps  []step
		kind   string
		after  string // attempt after the lease has ended
		truth  carrier.State
		answer string // attempt after the query
	}{
		{"place", []step{quoted()}, order.CallPlace, "1 unknown", carrier.Waiting, "1 placed"},
		{"place, accepted meanwhile", []step{quoted(), says(1, carrier.Accepted)}, order.CallPlace, "1 accepted", carrier.Accepted, "1 accepted"},
		{"query", []step{quoted(), okPlace(1), pass(95 * time.Second)}, order.CallQuery, "1 placed", carrier.Accepted, "1 accepted"},
		{"cancel", []step{quoted(), okPlace(1), withdraws("k")}, order.CallCancel, "1 cancelling", carrier.Cancelled, "1 cancelled(order_cancelled)"},
		{"cancel that was never made", []step{quoted(), okPlace(1), withdraws("k")}, order.CallCancel, "1 cancelling", carrier.Waiting, "1 cancelling"},
		{"confirm", []step{quoted("uupt"), okPlace(2), delivering(2), withdraws("k"), cancelReturns(2, 9), shows(2, carrier.Returning), comingBack(2)},
			order.CallConfirm, "2 returning", carrier.Cancelled, "2 returned(order_cancelled)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			run(t, d, c.steps...)
			n := d.agg.Attempts[len(d.agg.Attempts)-1].N
			late := d.agg.Attempt(n).Call
			require.Equal(t, c.kind, late.Kind)
			d.now = late.Until
			d.turn(nil)
			require.Equal(t, c.after, d.attempts())
			for d.agg.Attempt(n).Call.Kind == "" {
				d.pass(time.Minute)
			}
			require.Equal(t, order.CallQuery, d.agg.Attempt(n).Call.Kind)
			shows(n, c.truth, charged(0), fined(0))(d)
			require.Equal(t, c.answer, d.attempts())
		})
	}
}

// An answer that comes after its lease has ended is still heard, but a refused cancel of
// yesterday must not end the cancel of today.
func TestLateAnswers(t *testing.T) {
	t.Parallel()
	t.Run("place", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		run(t, d, quoted())
		d.now = d.agg.Attempt(1).Call.Until
		d.turn(nil)
		d.answerTo(1, order.CallPlace, 1, func(a *turn.Answer) { a.Placed.CarrierNo = "C1" })
		require.Equal(t, "1 placed", d.attempts())
		require.Equal(t, "C1", d.agg.Attempt(1).CarrierNo)
		require.Equal(t, order.CallQuery, d.agg.Attempt(1).Call.Kind, "the query that is under way is none of its business")
	})
	t.Run("refused cancel", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		run(t, d, quoted(), okPlace(1), delivering(1), withdraws("k"))
		first := d.agg.Attempt(1).Call
		d.now = first.Until
		d.turn(nil)
		d.pass(2 * time.Second)
		shows(1, carrier.PickedUp)(d)
		require.Equal(t, order.CallCancel, d.agg.Attempt(1).Call.Kind)
		d.answerTo(1, order.CallCancel, first.Seq, func(a *turn.Answer) { a.Cancel.Refused = true })
		require.Equal(t, order.ToCancel, d.agg.Goal)
		cancelOK(1, 300)(d)
		require.Equal(t, "1 returned(order_cancelled)", d.attempts())
	})
	t.Run("refused cancel of goods on their way back", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, "shansong")
		run(t, d, quoted(), okPlace(1), delivering(1), withdraws("k"), says(1, carrier.Returning), cancelRefused(1))
		require.Equal(t, "1 returning", d.attempts())
		require.Equal(t, order.ToCancel, d.agg.Goal)
		require.Equal(t, order.CallQuery, d.agg.Attempt(1).Call.Kind)
	})
	t.Run("stale query", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t)
		run(t, d, quoted(), okPlace(1), pass(95*time.Second), says(1, carrier.Accepted, rider("乙")), shows(1, carrier.Reassigning, rider("甲"), earlierBy(time.Minute)))
		require.Equal(t, "1 accepted", d.attempts())
		require.Equal(t, "乙", d.agg.Attempt(1).Rider.Name)
		require.Equal(t, d.now, d.agg.Attempt(1).LastAt, "an older time never comes back")
	})
	t.Run("a query that was asked before the push keeps the wish to verify", func(t *testing.T) {
		t.Parallel()
		d := newDesk(t, "shansong")
		run(t, d, quoted(), okPlace(1), delivering(1))
		d.pass(20 * time.Minute)
		require.Equal(t, order.CallQuery, d.agg.Attempt(1).Call.Kind)
		run(t, d, says(1, carrier.Delivered), shows(1, carrier.PickedUp))
		require.Equal(t, order.CallQuery, d.agg.Attempt(1).Call.Kind)
		shows(1, carrier.Delivered)(d)
		require.Equal(t, order.Delivered, d.agg.State)
	})
}

// Same input twice: nothing changes, the same is owed again, in a later turn or in the same.
func TestRepeats(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	run(t, d, quoted(), okPlace(1))
	s := d.status(1, carrier.Accepted)
	first := d.turn(func(t *turn.Turn) { t.Signal(1, s); t.Signal(1, s) })
	require.NotEmpty(t, first.Owed)
	before, events := *d.agg, len(d.events)
	again := d.turn(func(t *turn.Turn) { t.Signal(1, s) })
	require.Len(t, d.events, events)
	require.Equal(t, canonical(t, before), canonical(t, *d.agg))
	require.Equal(t, jsonOf(t, first.Owed), jsonOf(t, again.Owed))

	d.outcome()
	d.turn(func(t *turn.Turn) { t.Quoted(1); t.Quoted(1) }) // seen in the first step
	require.Len(t, d.events, events)
}

// What is asked of an order before its round is closed uses up no key.
func TestQuotedBeforeTheOutcome(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.turn(func(t *turn.Turn) { t.Quoted(1) })
	require.Len(t, d.events, 1)
	quoted()(d)
	require.Equal(t, "1 intent", d.attempts())
}

// Messages are hints: an outcome is found by any turn.
func TestOutcomeWithoutItsMessage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.outcome()
	d.turn(nil)
	require.Equal(t, "1 intent", d.attempts())
	d = newDesk(t)
	d.agg.Outcome = &order.Outcome{Round: 1, Result: order.ResultUndeliverable, Reason: "no such door"}
	d.turn(nil)
	require.Equal(t, order.Failed, d.agg.State)
}

func TestScheduledOrder(t *testing.T) {
	t.Parallel()
	scheduled := func() *desk {
		d := newDesk(t)
		d.agg.Round, d.agg.Timers = 0, []order.Timer{{Kind: order.TimerRelease, Due: begin.Add(time.Hour), Epoch: 1}}
		d.agg.ActAt = begin.Add(time.Hour)
		return d
	}
	d := scheduled()
	d.pass(time.Hour)
	require.Equal(t, 1, d.agg.Round)
	require.Contains(t, d.topics(), message.QuoteWanted)
	for d.agg.State == order.Received { // nobody ever gives a price
		d.outcome("uupt", "shansong")
		d.pass(30 * time.Second)
	}
	require.Equal(t, order.Failed, d.agg.State)
	require.Less(t, d.now.Sub(begin), 80*time.Minute, "given up like any other order")

	d = scheduled()
	run(t, d, pass(time.Minute), withdraws("k"))
	require.Equal(t, order.Cancelled, d.agg.State)
	require.Empty(t, d.money())
	require.True(t, d.agg.ActAt.IsZero())

	d = scheduled()
	d.now = begin.Add(time.Hour)
	withdraws("k")(d)
	require.Equal(t, order.Cancelled, d.agg.State)
	require.NotContains(t, d.topics(), message.QuoteWanted, "released and cancelled in one turn")
}

// A push names one of our numbers but comes from another carrier, or for an attempt that
// is not there: it is parked.
func TestForeignSignals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	run(t, d, quoted(), okPlace(1))
	d.turn(func(tu *turn.Turn) {
		require.False(t, tu.Signal(1, carrier.Status{Carrier: "shansong", State: carrier.Accepted, Code: "30", At: d.now}))
		require.False(t, tu.Signal(9, carrier.Status{Carrier: "uupt", State: carrier.Accepted, Code: "3", At: d.now}))
	})
	require.Equal(t, "1 placed", d.attempts())
	require.Empty(t, d.agg.Attempt(1).LastAt)
}

// A carrier whose calls of one kind never work, for a day: calls back off, a person is
// asked, the order stays open and under watch, and no version is spent on it.
func TestSilentCarrierIsNotHot(t *testing.T) {
	t.Parallel()
	silent := &carrier.Error{Carrier: "x", Kind: carrier.KindTemporary}
	unsent := &carrier.Error{Carrier: "x", Kind: carrier.KindNotSent}
	for _, c := range []struct {
		name   string
		steps  []step
		answer func(d *desk, n int, a *turn.Answer)
		perDay int
	}{
		{"nothing answers in doubt", []step{quoted()}, func(_ *desk, _ int, a *turn.Answer) { a.Err = silent }, 400},
		{"nothing answers after acceptance", []step{quoted(), okPlace(1), says(1, carrier.Accepted)}, func(_ *desk, _ int, a *turn.Answer) { a.Err = silent }, 400},
		{"nothing answers with a cancel wanted", []step{quoted(), okPlace(1), says(1, carrier.Accepted), withdraws("k")}, func(_ *desk, _ int, a *turn.Answer) { a.Err = silent }, 400},
		{"only cancel never answers", []step{quoted(), okPlace(1), says(1, carrier.Accepted), withdraws("k")}, func(d *desk, n int, a *turn.Answer) {
			a.Err, a.Status = silent, d.status(n, carrier.Accepted)
			if a.Kind == order.CallQuery {
				a.Err = nil
			}
		}, 1600},
		{"cancel is always refused", []step{quoted(), okPlace(1), says(1, carrier.Accepted), withdraws("k")}, func(d *desk, n int, a *turn.Answer) {
			a.Status, a.Cancel.Refused = d.status(n, carrier.Accepted), true
		}, 1600},
		{"cancel is never sent", []step{quoted(), okPlace(1), says(1, carrier.Accepted), withdraws("k")}, func(d *desk, n int, a *turn.Answer) {
			a.Err, a.Status = unsent, d.status(n, carrier.Accepted)
			if a.Kind == order.CallQuery {
				a.Err = nil
			}
		}, 1600},
		{"the return is never confirmed", []step{quoted("uupt"), okPlace(2), delivering(2), withdraws("k"), cancelReturns(2, 1400)}, func(d *desk, n int, a *turn.Answer) {
			a.Status = d.status(n, carrier.Returning)
			if a.Kind == order.CallConfirm {
				a.Err = &carrier.Error{Carrier: "x", Kind: carrier.KindRefused}
			}
		}, 1200},
		{"the carrier has forgotten the waybill", []step{quoted(), okPlace(1), says(1, carrier.Accepted)}, func(_ *desk, _ int, a *turn.Answer) {
			a.Err = &carrier.Error{Carrier: "x", Kind: carrier.KindNotFound}
		}, 400},
		{"the rider never moves", []step{quoted(), okPlace(1), says(1, carrier.Accepted)}, func(d *desk, n int, a *turn.Answer) {
			a.Status = d.status(n, carrier.Accepted)
		}, 200},
		{"an end that can never be verified", []step{quoted("uupt"), okPlace(2), delivering(2), says(2, carrier.Delivered)}, func(_ *desk, _ int, a *turn.Answer) { a.Err = silent }, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			run(t, d, c.steps...)
			n := d.agg.Attempts[len(d.agg.Attempts)-1].N
			calls, version := len(d.calls), d.agg.Version
			for end := d.now.Add(24 * time.Hour); d.now.Before(end); {
				if d.agg.Attempt(n).Call.Kind != "" {
					d.answer(n, func(a *turn.Answer) { c.answer(d, n, a) })
					continue
				}
				d.pass(time.Hour)
			}
			require.Less(t, len(d.calls)-calls, c.perDay)
			require.Less(t, d.agg.Version-version, 2*c.perDay)
			require.Greater(t, len(d.calls)-calls, 90, "it goes on")
			require.False(t, d.agg.ActAt.IsZero())
			require.NotEmpty(t, d.agg.Attention)
		})
	}
}

// An unsigned word on an attempt that is over is asked about, and no longer than that.
func TestUnsignedWordAfterTheEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "shansong")
	run(t, d, quoted(), okPlace(1), delivering(1), says(1, carrier.Delivered), shows(1, carrier.Delivered, charged(1400)))
	require.True(t, d.agg.ActAt.IsZero())
	run(t, d, pass(time.Hour), says(1, carrier.Delivered))
	require.True(t, d.agg.ActAt.IsZero(), "no news")
	says(1, carrier.Cancelled, charged(0), fined(0))(d)
	require.False(t, d.agg.ActAt.IsZero())
	for range 2 {
		fails(1, carrier.KindNotFound)(d)
		d.pass(time.Minute)
	}
	fails(1, carrier.KindNotFound)(d)
	require.True(t, d.agg.ActAt.IsZero())
	require.NotEmpty(t, d.agg.Attention)
	require.Equal(t, "1 hold 1400, 1 capture 1400, 0 income 1500", d.money())
}

// A rejected attempt that an unsigned push calls delivered is believed after a query.
func TestUnsignedSignOfLife(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "shansong", "uupt")
	run(t, d, quoted(), neverPlaced(1), okPlace(2), says(1, carrier.Delivered))
	require.Equal(t, "1 rejected(never_placed), 2 placed", d.attempts())
	shows(1, carrier.Delivered, charged(1400))(d)
	require.Equal(t, order.Delivered, d.agg.State)
	cancelOK(2, 0)(d)
	require.Equal(t, "1 delivered, 2 cancelled(lost_race)", d.attempts())
	require.True(t, d.agg.ActAt.IsZero())
}

// A timer that is armed for an instant whose message is on its way gets a message of its
// own, and one that waits for the same instant is not sent again.
func TestTimerMessages(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	first := d.turn(nil)
	require.Equal(t, []string{message.OrderTimer}, d.topics())
	require.True(t, first.TimerSent.Equal(begin.Add(30*time.Second)))
	require.Empty(t, d.turn(nil).Owed)
	// A failing call whose retry falls on the same instant as a timer that was announced.
	quoted()(d)
	fails(1, carrier.KindTemporary)(d)
	retry := d.agg.Timers[len(d.agg.Timers)-1]
	require.Equal(t, order.TimerRetry, retry.Kind)
	require.Empty(t, d.turn(nil).Owed, "the retry timer keeps its epoch and its message")
	require.Contains(t, d.agg.Timers, retry)
}

// The platform's penalty is fixed by the state under the lock and the receive time.
func TestPlatformPenalty(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		steps []step
		fine  money.Fen
	}{
		{"before a rider", []step{quoted(), okPlace(1)}, 0},
		{"within a minute", []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(59 * time.Second)}, 0},
		{"after a minute", []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(time.Minute)}, 300},
		{"at the shop", []step{quoted(), okPlace(1), says(1, carrier.Accepted), says(1, carrier.Arrived)}, 500},
		{"after pickup", []step{quoted(), okPlace(1), says(1, carrier.PickedUp)}, 1500},
		{"after 改派", []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(5 * time.Minute), says(1, carrier.Reassigning)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			run(t, d, c.steps...)
			withdraws("k")(d)
			require.Equal(t, c.fine, d.agg.Penalty)
			cancelOK(1, 0)(d)
			require.Equal(t, c.fine != 0, strings.Contains(d.money(), fmt.Sprintf("0 penalty_in %d(platform)", c.fine)))
		})
	}
}

// The carrier's penalty by the rules, where it states none.
func TestCarrierPenaltyByRule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		carrier  string
		steps    []step
		answer   func(*turn.Answer)
		expected money.Fen
	}{
		{"uupt waiting", "uupt", nil, nil, 0},
		{"uupt within two minutes", "uupt", []step{says(1, carrier.Accepted), pass(119 * time.Second)}, nil, 0},
		{"uupt after two minutes", "uupt", []step{says(1, carrier.Accepted), pass(2 * time.Minute)}, nil, 200},
		{"uupt after pickup", "uupt", []step{says(1, carrier.PickedUp)}, nil, 300},
		{"shansong early", "shansong", []step{says(1, carrier.Accepted)}, nil, 200},
		{"shansong late", "shansong", []step{says(1, carrier.Accepted), pass(8 * time.Minute)}, nil, 500},
		{"what the pre-query said", "uupt", []step{says(1, carrier.Accepted), pass(2 * time.Minute)}, func(a *turn.Answer) { f := money.Fen(180); a.Fee = &f }, 180},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, c.carrier)
			run(t, d, quoted(), okPlace(1))
			run(t, d, c.steps...)
			withdraws("k")(d)
			d.answer(1, c.answer)
			require.Equal(t, c.expected, d.agg.Attempt(1).Penalty)
		})
	}
}

// An error of the order's own making never brings a turn down.
func TestStrayAnswers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	run(t, d, quoted(), okPlace(1))
	before := canonical(t, *d.agg)
	for _, ans := range []turn.Answer{
		{N: 9, Seq: 1, Kind: order.CallPlace},
		{N: 1, Seq: 1, Kind: order.CallPlace, Err: errors.New("again")},
	} {
		d.turn(func(t *turn.Turn) { t.Answer(ans) })
		require.Equal(t, before, canonical(t, *d.agg))
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	require.NoError(t, err)
	return string(raw)
}

// canonical is an order as its rows would hold it.
func canonical(t *testing.T, a order.Aggregate) string { t.Helper(); return jsonOf(t, a) }
