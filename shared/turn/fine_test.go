package turn_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/stretchr/testify/require"
)

// fine is a line of the history about a 违约金.
type fine struct {
	Rule   *penalty.Verdict `json:"rule"`
	Booked money.Fen        `json:"booked_fen"`
}

// fineLines are those of an attempt, with whose figure each was.
func fineLines(t *testing.T, d *desk, n int) (whose []string, all []fine) {
	t.Helper()
	for _, e := range d.events {
		if e.Kind == "penalty" && e.N == n {
			var f fine
			require.NoError(t, json.Unmarshal(e.Detail, &f))
			require.Equal(t, f.Booked.Yuan(), e.To)
			whose, all = append(whose, e.From), append(all, f)
		}
	}
	return whose, all
}

// ruled is an attempt that ended with the rule's figure: cancel's answer and pre-query lost.
func ruled(t *testing.T) *desk {
	d := newDesk(t, "sftc")
	run(t, d, quoted(), okPlace(1), pass(time.Minute), says(1, carrier.Accepted), pass(3*time.Minute),
		withdraws("k"), fails(1, carrier.KindTemporary), pass(2*time.Second), shows(1, carrier.Cancelled, by(carrier.ByUs)))
	return d
}

// The carrier is asked again after ten minutes and after twenty more; then the rule's figure
// stands, as an estimate.
func TestWaitForTheCarriersFigure(t *testing.T) {
	t.Parallel()
	d := ruled(t)
	require.Equal(t, order.Cancelled, d.agg.State)
	end := d.now
	for _, wait := range []time.Duration{10 * time.Minute, 20 * time.Minute} {
		require.Len(t, d.agg.Timers, 1)
		require.Equal(t, order.TimerFigure, d.agg.Timers[0].Kind)
		require.WithinDuration(t, d.now.Add(wait), d.agg.Timers[0].Due, 5*time.Second)
		d.pass(wait + time.Minute)
		require.Equal(t, order.CallQuery, d.agg.Attempt(1).Call.Kind)
		shows(1, carrier.Cancelled, by(carrier.ByUs))(d)
	}
	require.True(t, d.agg.ActAt.IsZero(), "it waits no more")
	require.Less(t, d.now.Sub(end), 32*time.Minute)
	require.Equal(t, "1 place, 1 cancel, 1 query, 1 query, 1 query", d.called())
	require.Equal(t, "1 hold 800, 1 penalty 200(order_cancelled), 1 release 600", d.moneyOf(1))
	whose, all := fineLines(t, d, 1)
	require.Equal(t, []string{"rule", "estimated"}, whose)
	require.Equal(t, money.Fen(200), all[1].Booked)
}

// moneyOf are the facts of an attempt.
func (d *desk) moneyOf(n int) string {
	all := d.facts
	defer func() { d.facts = all }()
	d.facts = nil
	for _, f := range all {
		if f.N == n {
			d.facts = append(d.facts, f)
		}
	}
	return d.money()
}

// A figure that comes at any time ends the wait, and its difference is booked.
func TestTheCarriersFigureEndsTheWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		comes step
		calls string
	}{
		"asked again":  {func(d *desk) { d.pass(11 * time.Minute); shows(1, carrier.Cancelled, fined(350))(d) }, "1 place, 1 cancel, 1 query, 1 query"},
		"as we had it": {func(d *desk) { d.pass(11 * time.Minute); shows(1, carrier.Cancelled, fined(200))(d) }, "1 place, 1 cancel, 1 query, 1 query"},
		"by itself":    {says(1, carrier.Cancelled, fined(350)), "1 place, 1 cancel, 1 query"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := ruled(t)
			c.comes(d)
			require.True(t, d.agg.ActAt.IsZero(), "timers %v", d.agg.Timers)
			require.Zero(t, d.agg.Attempt(1).Want.Figure)
			require.Equal(t, c.calls, d.called())
			want := money.Fen(350)
			if name == "as we had it" {
				want = 200
			}
			require.Equal(t, want, d.agg.Attempt(1).Penalty)
			require.Zero(t, d.agg.Attempt(1).Held)
		})
	}
}

// The end is heard before the cancel's answer comes. Whatever that answer still knows is better
// than a rule: its own figure, or that of the pre-query before it.
func TestTheAnswerComesAfterTheEnd(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string]step{"own figure": cancelOK(1, 150), "pre-query": feeButDoubt(1, 150)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "sftc")
			run(t, d, quoted(), okPlace(1), says(1, carrier.Accepted), withdraws("k"), says(1, carrier.Cancelled, by(carrier.ByUs)))
			require.Equal(t, money.Fen(200), d.agg.Attempt(1).Penalty)
			answers(d)
			require.Equal(t, money.Fen(150), d.agg.Attempt(1).Penalty)
			require.Zero(t, d.agg.Attempt(1).Want.Figure)
			require.Equal(t, "1 hold 800, 1 penalty 200(order_cancelled), 1 release 600, 1 penalty -50(order_cancelled), 1 release 50", d.moneyOf(1))
		})
	}
}

// A carrier that says exactly what we had booked without its word has said it: the history keeps
// that, once, so that its bill cannot say otherwise.
func TestAFigureThatAgreesIsRemembered(t *testing.T) {
	t.Parallel()
	confirms := shows(1, carrier.Cancelled, by(carrier.ByUs), fined(200))
	waited := func(d *desk) {
		for _, wait := range []time.Duration{10 * time.Minute, 20 * time.Minute} {
			d.pass(wait + time.Minute)
			shows(1, carrier.Cancelled, by(carrier.ByUs))(d)
		}
	}
	for name, c := range map[string]struct {
		steps []step
		want  []string
	}{
		"asked again":          {[]step{pass(11 * time.Minute), confirms}, []string{"rule", "carrier"}},
		"by itself":            {[]step{says(1, carrier.Cancelled, by(carrier.ByUs), fined(200))}, []string{"rule", "carrier"}},
		"after it was asked":   {[]step{waited, says(1, carrier.Cancelled, by(carrier.ByUs), fined(200))}, []string{"rule", "estimated", "carrier"}},
		"another figure first": {[]step{says(1, carrier.Cancelled, fined(350)), says(1, carrier.Cancelled, fined(350))}, []string{"rule"}},
		"nothing yet":          {[]step{says(1, carrier.Cancelled, by(carrier.ByUs))}, []string{"rule"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := ruled(t)
			run(t, d, c.steps...)
			whose, all := fineLines(t, d, 1)
			require.Equal(t, c.want, whose)
			for _, f := range all {
				require.Equal(t, money.Fen(200), f.Booked)
			}
			require.Equal(t, len(c.want) == 1 && name == "nothing yet", d.agg.Attempt(1).Want.Guess)
			says(1, carrier.Cancelled, by(carrier.ByUs), fined(d.agg.Attempt(1).Penalty))(d)
			says(1, carrier.Cancelled, by(carrier.ByUs), fined(d.agg.Attempt(1).Penalty))(d)
			again, _ := fineLines(t, d, 1)
			if name != "nothing yet" {
				require.Equal(t, whose, again, "said again, it is no news")
			}
			require.False(t, d.agg.Attempt(1).Want.Guess)
		})
	}
}

// What was told before the cancel is no word on its end, whenever it comes; the carrier's own, later, is.
func TestAPreQuerysFigureStaysAGuess(t *testing.T) {
	t.Parallel()
	for name, fee := range map[string]money.Fen{"the rule's": 200, "another": 150} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "sftc")
			run(t, d, quoted(), okPlace(1), says(1, carrier.Accepted), withdraws("k"), says(1, carrier.Cancelled, by(carrier.ByUs)), feeButDoubt(1, fee))
			whose, _ := fineLines(t, d, 1)
			require.Equal(t, []string{"rule", "pre_query"}, whose)
			require.True(t, d.agg.Attempt(1).Want.Guess)
			says(1, carrier.Cancelled, by(carrier.ByUs), fined(fee))(d)
			whose, _ = fineLines(t, d, 1)
			require.Equal(t, []string{"rule", "pre_query", "carrier"}, whose)
			require.Equal(t, fee, d.agg.Attempt(1).Penalty)
		})
	}
}

// A push that proves little confirms nothing: the carrier is asked.
func TestAPushThatProvesLittleConfirmsNothing(t *testing.T) {
	t.Parallel()
	d := ruled(t)
	waits := d.agg.Attempt(1).Want.Figure
	says(1, carrier.Cancelled, by(carrier.ByUs), fined(200), func(s *carrier.Status) { s.Verified = false })(d)
	whose, _ := fineLines(t, d, 1)
	require.Equal(t, []string{"rule"}, whose)
	require.Equal(t, waits, d.agg.Attempt(1).Want.Figure)
	require.Equal(t, order.CallQuery, d.agg.Attempt(1).Call.Kind)
	shows(1, carrier.Cancelled, by(carrier.ByUs), fined(200))(d)
	whose, _ = fineLines(t, d, 1)
	require.Equal(t, []string{"rule", "carrier"}, whose)
}

// What a rule decided can be explained from the history alone: version, rule, inputs.
func TestFinesAreExplained(t *testing.T) {
	t.Parallel()
	d := ruled(t)
	whose, all := fineLines(t, d, 1)
	require.Equal(t, []string{"rule"}, whose)
	v := all[0].Rule
	require.Equal(t, penalty.Case{Party: "carrier:sftc", State: "accepted", Minutes: 3, By: "platform", Cause: "order_cancelled", Fee: 800}, v.Case)
	require.Equal(t, []any{0, money.Fen(200)}, []any{v.Version, v.Amount})
	require.Equal(t, v.Note, penalty.Default().Rules[v.Rule-1].Note)

	var platform struct{ Rule penalty.Verdict }
	for _, e := range d.events {
		if e.Kind == "command" {
			require.NoError(t, json.Unmarshal(e.Detail, &platform))
		}
	}
	require.Equal(t, penalty.Case{Party: "platform:meituan", State: "assigned", Minutes: 3, By: "platform", Fee: fee}, platform.Rule.Case)
	require.Equal(t, money.Fen(300), platform.Rule.Amount)
	require.Equal(t, money.Fen(300), d.agg.Penalty)

	// The carrier's own figure is kept beside what the rule would have said.
	d = newDesk(t)
	run(t, d, quoted(), okPlace(1), says(1, carrier.Accepted), pass(3*time.Minute), withdraws("k"), cancelOK(1, 500))
	whose, all = fineLines(t, d, 1)
	require.Equal(t, []string{"carrier"}, whose)
	require.Equal(t, []money.Fen{200, 500}, []money.Fen{all[0].Rule.Amount, all[0].Booked})
}

// A carrier at fault pays us: as income, and free with the rest of the hold. It may take that
// back, or charge us after all.
func TestCarrierAtFault(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps []step
		want  string
	}{
		"it says so":         {[]step{says(1, carrier.Cancelled, by(carrier.ByRider), fined(-300))}, "1 hold 800, 1 fault 300(rider), 1 release 1100"},
		"and then more":      {[]step{says(1, carrier.Cancelled, by(carrier.ByRider), fined(-300)), says(1, carrier.Cancelled, by(carrier.ByRider), fined(-500))}, "1 hold 800, 1 fault 300(rider), 1 release 1100, 1 fault 200(rider), 1 release 200"},
		"and then not":       {[]step{says(1, carrier.Cancelled, by(carrier.ByRider), fined(-300)), says(1, carrier.Cancelled, by(carrier.ByRider), fined(0))}, "1 hold 800, 1 fault 300(rider), 1 release 1100, 1 overdraw 300, 1 fault -300(rider)"},
		"it charges instead": {[]step{says(1, carrier.Cancelled, by(carrier.ByRider), fined(-300)), says(1, carrier.Cancelled, by(carrier.ByRider), fined(200))}, "1 hold 800, 1 fault 300(rider), 1 release 1100, 1 overdraw 500, 1 fault -300(rider), 1 penalty 200(rider)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, "uupt")
			run(t, d, quoted(), okPlace(1), says(1, carrier.Accepted))
			run(t, d, c.steps...)
			require.Equal(t, c.want, d.moneyOf(1))
			require.Zero(t, d.agg.Attempt(1).Held)
		})
	}
}

// By a rule, too; and then the carrier is asked, for it is our word only.
func TestCarrierAtFaultByRule(t *testing.T) {
	t.Parallel()
	d := newDesk(t, "uupt")
	d.book = penalty.Book{Version: 3, Rules: []penalty.Rule{
		{Party: "carrier:uupt", By: []string{penalty.ByRider, penalty.ByCarrier}, State: []string{"accepted", "arrived"}, Percent: 50, Cap: 300, PaysUs: true, Note: "a rider who leaves"},
	}}
	run(t, d, quoted(), okPlace(1), says(1, carrier.Accepted), says(1, carrier.Arrived), says(1, carrier.Cancelled, by(carrier.ByCarrier)))
	require.Equal(t, "1 hold 800, 1 fault 300(carrier), 1 release 1100", d.moneyOf(1))
	_, all := fineLines(t, d, 1)
	require.Equal(t, []any{3, 1, "arrived", true, money.Fen(-300)}, []any{all[0].Rule.Version, all[0].Rule.Rule, all[0].Rule.State, all[0].Rule.PaysUs, all[0].Booked})
	require.Equal(t, order.CallQuery, d.agg.Attempt(1).Call.Kind)
	shows(1, carrier.Cancelled, fined(0))(d)
	require.Equal(t, money.Fen(0), d.agg.Attempt(1).Penalty)

	d = newDesk(t, "uupt")
	d.book = penalty.Book{Rules: []penalty.Rule{{Party: "carrier:uupt", By: []string{penalty.ByNoRider}, Fixed: 100, Note: "a search fee"}}}
	run(t, d, quoted(), okPlace(1), says(1, carrier.Cancelled, by(carrier.ByNobody)))
	require.Equal(t, "1 hold 800, 1 penalty 100(no_rider), 1 release 700", d.moneyOf(1))
}

// free is a desk whose strategy takes riders off while that is free. 达达's minute and UU's two
// are the windows of the built-in book.
func free(t *testing.T, pickup time.Duration) *desk {
	d := newDesk(t, "uupt")
	d.agg.Strategy.LeaveInFreeWindow, d.agg.Strategy.PickupTimeout = true, strategy.Duration(pickup)
	run(t, d, quoted(), okPlace(1), says(1, carrier.Accepted))
	return d
}

func TestLeaveInFreeWindow(t *testing.T) {
	t.Parallel()
	d := free(t, 10*time.Minute)
	accepted := d.now
	d.pass(5 * time.Minute)
	require.Equal(t, order.CallQuery, d.agg.Attempt(1).Call.Kind)
	require.WithinRange(t, d.now, accepted.Add(100*time.Second), accepted.Add(105*time.Second), "shortly before the end of two free minutes")
	shows(1, carrier.Accepted)(d)
	require.Equal(t, order.CausePickupTimeout, d.agg.Attempt(1).Want.Cancel)
	require.Equal(t, order.CallCancel, d.agg.Attempt(1).Call.Kind)
	cancelOK(1, 0)(d)
	require.Zero(t, d.agg.Attempt(1).Penalty)
	whose, all := fineLines(t, d, 1)
	require.Equal(t, []string{"carrier"}, whose, "why it was free can be read")
	require.Equal(t, "free within 2 minutes of acceptance", all[0].Rule.Note)
}

// A rider at the shop stays, and so does one of whom we learn too late; the strategy's own
// timeout holds for both.
func TestFreeWindowIsMissed(t *testing.T) {
	t.Parallel()
	d := free(t, 10*time.Minute)
	accepted := d.now
	d.pass(5 * time.Minute)
	shows(1, carrier.Arrived)(d)
	require.Empty(t, d.agg.Attempt(1).Want.Cancel)
	require.Empty(t, d.agg.Attention, "the merchant had no time yet")
	require.Equal(t, accepted.Add(10*time.Minute), dueOf(d, order.TimerPickup))

	d = free(t, 10*time.Minute)
	accepted = d.now
	d.pass(5 * time.Minute)
	d.now = d.now.Add(30 * time.Second) // the answer takes its time: 违约金 would be due
	shows(1, carrier.Accepted)(d)
	require.Empty(t, d.agg.Attempt(1).Want.Cancel)
	require.Equal(t, accepted.Add(10*time.Minute), dueOf(d, order.TimerPickup))

	d = free(t, 0)
	d.pass(5 * time.Minute)
	shows(1, carrier.Arrived)(d)
	require.True(t, dueOf(d, order.TimerPickup).IsZero(), "without a timeout of its own nothing is left to wait for")

	d = newDesk(t, "shansong") // which has no free window
	d.agg.Strategy.LeaveInFreeWindow = true
	run(t, d, quoted(), okPlace(1), says(1, carrier.Accepted))
	require.True(t, dueOf(d, order.TimerPickup).IsZero())

	d = free(t, time.Minute) // which comes first
	require.Equal(t, d.now.Add(time.Minute), dueOf(d, order.TimerPickup))
}

func dueOf(d *desk, kind string) time.Time {
	for _, x := range d.agg.Timers {
		if x.Kind == kind {
			return x.Due
		}
	}
	return time.Time{}
}

// A carrier that does not know the waybill any more will not tell what it kept either.
func TestAForgottenWaybillEndsTheWait(t *testing.T) {
	t.Parallel()
	d := ruled(t)
	d.pass(11 * time.Minute)
	for d.agg.Attempt(1).Call.Kind == order.CallQuery {
		fails(1, carrier.KindNotFound)(d)
		d.pass(20 * time.Second)
	}
	require.True(t, d.agg.ActAt.IsZero(), "timers %v", d.agg.Timers)
	whose, _ := fineLines(t, d, 1)
	require.Equal(t, []string{"rule", "estimated"}, whose)
	require.Contains(t, d.agg.Attention, "does not know it")
}
