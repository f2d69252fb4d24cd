package turn_test

import (
	"testing"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/stretchr/testify/require"
)

type scenario struct {
	name       string
	carriers   []string // in the strategy's order; empty = uupt (signed pushes), shansong (unsigned, confirms returns)
	steps      []step
	state      order.State
	attempts   string
	money      string
	milestones string
	calls      string
	open       bool // still to be acted on at the end
	attention  string
	command    string // decision of command "k"
}

func (s scenario) run(t *testing.T) {
	t.Parallel()
	d := newDesk(t, s.carriers...)
	run(t, d, s.steps...)
	require.Equal(t, s.state, d.agg.State)
	require.Equal(t, s.attempts, d.attempts())
	require.Equal(t, s.money, d.money())
	require.Equal(t, s.milestones, d.milestones())
	require.Equal(t, s.calls, d.called())
	require.Equal(t, s.open, !d.agg.ActAt.IsZero(), "due at %s, timers %v", d.agg.ActAt, d.agg.Timers)
	require.Equal(t, s.attention, d.agg.Attention)
	require.Equal(t, s.command, d.decided["k"])
}

var shansong = []string{"shansong", "uupt"}

var scenarios = []scenario{
	{
		name:  "delivered",
		steps: []step{quoted(), okPlace(1), delivering(1), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place",
		money:      "1 hold 800, 1 capture 800, 0 income 1500",
		milestones: "dispatching assigned arrived picked_up delivered",
	},
	{
		name:  "states skipped",
		steps: []step{quoted(), okPlace(1), pass(time.Minute), says(1, carrier.PickedUp), says(1, carrier.Delivered, charged(900))},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place",
		money:      "1 hold 800, 1 overdraw 100, 1 capture 900, 0 income 1500",
		milestones: "dispatching picked_up delivered",
	},
	{
		name:     "an unsigned end waits for a query, and so does its money",
		carriers: shansong,
		steps: []step{quoted(), okPlace(1), delivering(1), says(1, carrier.Delivered, charged(5)),
			shows(1, carrier.Delivered, charged(1300)), says(1, carrier.Delivered, charged(1300), earlierBy(0))},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 query",
		money:      "1 hold 1400, 1 capture 1300, 1 release 100, 0 income 1500",
		milestones: "dispatching assigned arrived picked_up delivered",
	},
	{
		name:  "refused, next carrier",
		steps: []step{quoted(), fails(1, carrier.KindNoCapacity), okPlace(2), says(2, carrier.Accepted)},
		state: order.Assigned, attempts: "1 rejected(refused), 2 accepted", calls: "1 place, 2 place",
		money:      "1 hold 800, 1 release 800, 2 hold 1400",
		milestones: "dispatching assigned", open: true,
	},
	{
		name:  "proof that nothing was sent is no doubt",
		steps: []step{quoted(), fails(1, carrier.KindNotSent), okPlace(2)},
		state: order.Dispatching, attempts: "1 rejected(refused), 2 placed", calls: "1 place, 2 place",
		money: "1 hold 800, 1 release 800, 2 hold 1400", milestones: "dispatching", open: true,
	},
	{
		name:  "place in doubt, found by query",
		steps: []step{quoted(), fails(1, carrier.KindTemporary), pass(2 * time.Second), shows(1, carrier.Accepted)},
		state: order.Assigned, attempts: "1 accepted", calls: "1 place, 1 query",
		money: "1 hold 800", milestones: "dispatching assigned", open: true,
	},
	{
		name:  "place in doubt, found in a state that is no event",
		steps: []step{quoted(), fails(1, carrier.KindTemporary), pass(2 * time.Second), shows(1, carrier.Exception), pass(time.Minute)},
		state: order.Dispatching, attempts: "1 placed", calls: "1 place, 1 query",
		money: "1 hold 800", milestones: "dispatching", open: true, attention: "carrier uupt reports an exception of 7001",
	},
	{
		name: "place in doubt, never placed after the quarantine, no other carrier meanwhile",
		steps: []step{quoted(), fails(1, carrier.KindTemporary), pass(2 * time.Second), notFound(1), notFound(1), notFound(1),
			func(d *desk) { require.Len(d.t, d.agg.Attempts, 1); require.Equal(d.t, "1 unknown", d.attempts()) }, notFound(1)},
		state: order.Dispatching, attempts: "1 rejected(never_placed), 2 intent",
		calls: "1 place, 1 query, 1 query, 1 query, 1 query, 2 place",
		money: "1 hold 800, 1 release 800, 2 hold 1400", milestones: "dispatching", open: true,
	},
	{
		name: "a sign of life after the quarantine revives, is cancelled and booked",
		steps: []step{quoted(), neverPlaced(1), okPlace(2), says(2, carrier.Accepted), says(1, carrier.Waiting),
			cancelOK(1, 50), delivering2(2), says(2, carrier.Delivered), shows(2, carrier.Delivered)},
		state: order.Delivered, attempts: "1 cancelled(revived), 2 delivered",
		calls:      "1 place, 1 query, 1 query, 1 query, 1 query, 2 place, 1 cancel, 2 query",
		money:      "1 hold 800, 1 release 800, 2 hold 1400, 1 overdraw 50, 1 penalty 50(revived), 2 capture 1400, 0 income 1500",
		milestones: "dispatching assigned picked_up delivered", attention: "attempt 7001 came back to life",
	},
	{
		name: "a revived attempt with a rider carries the order, the other is withdrawn",
		steps: []step{quoted(), neverPlaced(1), okPlace(2), says(1, carrier.Accepted), cancelOK(2, 0),
			says(1, carrier.PickedUp), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered, 2 cancelled(lost_race)",
		calls:      "1 place, 1 query, 1 query, 1 query, 1 query, 2 place, 2 cancel",
		money:      "1 hold 800, 1 release 800, 2 hold 1400, 2 release 1400, 1 overdraw 800, 1 capture 800, 0 income 1500",
		milestones: "dispatching assigned picked_up delivered", attention: "attempt 7001 came back to life",
	},
	{
		name: "who has the goods overtakes who is on the way",
		steps: []step{quoted(), neverPlaced(1), okPlace(2), says(2, carrier.Accepted), says(1, carrier.PickedUp),
			cancelOK(2, 200), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered, 2 cancelled(lost_race)",
		calls:      "1 place, 1 query, 1 query, 1 query, 1 query, 2 place, 2 cancel",
		money:      "1 hold 800, 1 release 800, 2 hold 1400, 2 penalty 200(lost_race), 2 release 1200, 1 overdraw 800, 1 capture 800, 0 income 1500",
		milestones: "dispatching assigned picked_up delivered", attention: "attempt 7001 came back to life",
	},
	{
		name: "a second delivery is booked as the price of the race and alarmed",
		steps: []step{quoted(), neverPlaced(1), okPlace(2), says(2, carrier.PickedUp), says(2, carrier.Delivered), shows(2, carrier.Delivered),
			says(1, carrier.Delivered, charged(800))},
		state: order.Delivered, attempts: "1 delivered, 2 delivered",
		calls:      "1 place, 1 query, 1 query, 1 query, 1 query, 2 place, 2 query",
		money:      "1 hold 800, 1 release 800, 2 hold 1400, 2 capture 1400, 0 income 1500, 1 overdraw 800, 1 penalty 800(lost_race)",
		milestones: "dispatching picked_up delivered", attention: "attempt 7001 came back to life",
	},
	{
		name: "accept timeout: query, cancel, next, give up, failed",
		steps: []step{quoted(), okPlace(1), pass(95 * time.Second), shows(1, carrier.Waiting), cancelOK(1, 0), okPlace(2),
			pass(95 * time.Second), shows(2, carrier.Waiting), cancelOK(2, 0), // both tried: a second round at once
			pass(12 * time.Minute)},
		state: order.Failed, attempts: "1 cancelled(accept_timeout), 2 cancelled(accept_timeout)",
		calls: "1 place, 1 query, 1 cancel, 2 place, 2 query, 2 cancel",
		money: "1 hold 800, 1 release 800, 2 hold 1400, 2 release 1400", milestones: "dispatching failed",
		open: false,
	},
	{
		name:  "the query of an accept timeout finds a rider",
		steps: []step{quoted(), okPlace(1), pass(95 * time.Second), shows(1, carrier.Accepted)},
		state: order.Assigned, attempts: "1 accepted", calls: "1 place, 1 query",
		money: "1 hold 800", milestones: "dispatching assigned", open: true,
	},
	{
		name: "a rider accepts before the carrier hears of the timeout",
		steps: []step{quoted(), okPlace(1), pass(95 * time.Second), shows(1, carrier.Waiting), fails(1, carrier.KindNotSent),
			says(1, carrier.Accepted), pass(time.Minute)},
		state: order.Assigned, attempts: "1 accepted", calls: "1 place, 1 query, 1 cancel",
		money: "1 hold 800", milestones: "dispatching assigned", open: true,
	},
	{
		name: "a rider accepts while the cancel of a timeout is in doubt",
		steps: []step{quoted(), okPlace(1), pass(95 * time.Second), shows(1, carrier.Waiting), fails(1, carrier.KindTemporary),
			says(1, carrier.Accepted), pass(5 * time.Second), shows(1, carrier.Accepted)},
		state: order.Assigned, attempts: "1 accepted", calls: "1 place, 1 query, 1 cancel, 1 query",
		money: "1 hold 800", milestones: "dispatching assigned", open: true,
	},
	{
		name: "the carrier refuses the cancel of a timeout: riders get their time again",
		steps: []step{quoted(), okPlace(1), pass(95 * time.Second), shows(1, carrier.Waiting), cancelRefused(1), pass(20 * time.Second),
			says(1, carrier.Accepted)},
		state: order.Assigned, attempts: "1 accepted", calls: "1 place, 1 query, 1 cancel",
		money: "1 hold 800", milestones: "dispatching assigned", open: true,
	},
	{
		name:  "the carrier cancels after acceptance: redispatched",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(time.Minute), says(1, carrier.Cancelled, by(carrier.ByRider)), okPlace(2), says(2, carrier.Accepted)},
		state: order.Assigned, attempts: "1 cancelled(rider), 2 accepted", calls: "1 place, 2 place",
		money: "1 hold 800, 1 release 800, 2 hold 1400", milestones: "dispatching assigned dispatching assigned", open: true,
	},
	{
		name:  "改派 back to waiting, then another rider",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted, rider("甲")), pass(time.Minute), says(1, carrier.Reassigning), pass(time.Minute), says(1, carrier.Accepted, rider("乙"))},
		state: order.Assigned, attempts: "1 accepted", calls: "1 place",
		money: "1 hold 800", milestones: "dispatching assigned dispatching assigned", open: true,
	},
	{
		name:  "another rider without a word of 改派 is told",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted, rider("甲")), pass(time.Minute), says(1, carrier.Accepted, rider("乙")), pass(time.Minute), says(1, carrier.Arrived, rider("乙")), pass(time.Minute), says(1, carrier.Arrived, rider("丙"))},
		state: order.Arrived, attempts: "1 arrived", calls: "1 place",
		money: "1 hold 800", milestones: "dispatching assigned assigned arrived arrived", open: true,
	},
	{
		name:  "two riders at one instant ask for a query",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted, rider("甲")), says(1, carrier.Accepted, rider("乙")), shows(1, carrier.Accepted, rider("乙"))},
		state: order.Assigned, attempts: "1 accepted", calls: "1 place, 1 query",
		money: "1 hold 800", milestones: "dispatching assigned assigned", open: true,
	},
	{
		name:  "cancelled while the first round is under way",
		steps: []step{pass(time.Second), withdraws("k"), quoted()},
		state: order.Cancelled, milestones: "cancelled", command: order.Applied,
	},
	{
		name:  "cancelled between two carriers",
		steps: []step{quoted("uupt", "shansong"), pass(time.Minute), withdraws("k")},
		state: order.Cancelled, milestones: "cancelled", command: order.Applied,
	},
	{
		name:  "cancelled while placing: the wish waits for the answer",
		steps: []step{quoted(), withdraws("k"), okPlace(1), cancelOK(1, 0)},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 cancel",
		money: "1 hold 800, 1 release 800", milestones: "dispatching cancelled", command: order.Applied,
	},
	{
		name:  "cancelled while placing, and the placement is refused",
		steps: []step{quoted(), withdraws("k"), fails(1, carrier.KindRefused)},
		state: order.Cancelled, attempts: "1 rejected(refused)", calls: "1 place",
		money: "1 hold 800, 1 release 800", milestones: "dispatching cancelled", command: order.Applied,
	},
	{
		name:  "cancelled while the placement is in doubt",
		steps: []step{quoted(), fails(1, carrier.KindTemporary), withdraws("k"), pass(2 * time.Second), shows(1, carrier.Waiting), cancelOK(1, 0)},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 query, 1 cancel",
		money: "1 hold 800, 1 release 800", milestones: "dispatching cancelled", command: order.Applied,
	},
	{
		name:  "cancelled after acceptance: both penalties, the carrier's by its own word",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(3 * time.Minute), withdraws("k"), cancelOK(1, 250)},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 cancel",
		money:      "1 hold 800, 1 penalty 250(order_cancelled), 1 release 550, 0 penalty_in 300(platform)",
		milestones: "dispatching assigned cancelled", command: order.Applied,
	},
	{
		name: "cancelled after acceptance, no figure: the rule's, and one query that knows better",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(3 * time.Minute), withdraws("k"), cancelOK(1),
			shows(1, carrier.Cancelled, charged(0), fined(150))},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 cancel, 1 query",
		money:      "1 hold 800, 1 penalty 200(order_cancelled), 1 release 600, 0 penalty_in 300(platform), 1 penalty -50(order_cancelled), 1 release 50",
		milestones: "dispatching assigned cancelled", command: order.Applied,
	},
	{
		name:  "the callback is faster than the cancel's answer, which knows the figure",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(3 * time.Minute), withdraws("k"), says(1, carrier.Cancelled, by(carrier.ByUs)), cancelOK(1, 230)},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 cancel",
		money:      "1 hold 800, 1 penalty 200(order_cancelled), 1 release 600, 0 penalty_in 300(platform), 1 overdraw 30, 1 penalty 30(order_cancelled)",
		milestones: "dispatching assigned cancelled", command: order.Applied,
	},
	{
		name:     "cancelled after pickup: returning, confirmed, returned",
		carriers: shansong,
		steps: []step{quoted(), okPlace(1), delivering(1), withdraws("k"), cancelReturns(1, 1400), shows(1, carrier.Cancelling), comingBack(1),
			fails(1, carrier.KindRefused), pass(2 * time.Second), shows(1, carrier.Returning), comingBack(1), ok(1), pass(2 * time.Second), shows(1, carrier.Cancelled, charged(0), fined(1400))},
		state: order.Returned, attempts: "1 returned(order_cancelled)",
		calls: "1 place, 1 cancel, 1 query, 1 query, 1 query, 1 query, 1 query, 1 query, 1 confirm_return, 1 query, " +
			"1 query, 1 confirm_return, 1 query", // watched all the time
		money:      "1 hold 1400, 1 penalty 1400(order_cancelled), 0 penalty_in 1500(platform)",
		milestones: "dispatching assigned arrived picked_up returning returned", command: order.Applied,
	},
	{
		name:  "cancelled after pickup where the carrier ends it at once",
		steps: []step{quoted(), okPlace(1), delivering(1), withdraws("k"), cancelOK(1, 300)},
		state: order.Returned, attempts: "1 returned(order_cancelled)", calls: "1 place, 1 cancel",
		money:      "1 hold 800, 1 penalty 300(order_cancelled), 1 release 500, 0 penalty_in 1500(platform)",
		milestones: "dispatching assigned arrived picked_up returned", command: order.Applied,
	},
	{
		name:  "cancelled after pickup, refused: the order goes on, income in full, the command is refused",
		steps: []step{quoted(), okPlace(1), delivering(1), withdraws("k"), cancelRefused(1), pass(time.Minute), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 cancel",
		money:      "1 hold 800, 1 capture 800, 0 income 1500",
		milestones: "dispatching assigned arrived picked_up picked_up delivered", command: "refused: the carrier refused",
	},
	{
		name: "a return that is called off goes on to the customer", carriers: shansong,
		steps: []step{quoted(), okPlace(1), delivering(1), withdraws("k"), cancelReturns(1, 1400), shows(1, carrier.Cancelling), pass(time.Minute),
			says(1, carrier.PickedUp, func(s *carrier.Status) { s.Code = "40/1" }), shows(1, carrier.PickedUp), pass(time.Minute), says(1, carrier.Delivered), shows(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 cancel, 1 query, 1 query, 1 query",
		money:      "1 hold 1400, 1 capture 1400, 0 income 1500",
		milestones: "dispatching assigned arrived picked_up returning picked_up delivered", command: "refused: the carrier refused",
	},
	{
		name:  "delivered before the cancel took hold",
		steps: []step{quoted(), okPlace(1), delivering(1), withdraws("k"), says(1, carrier.Delivered), cancelRefused(1)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 cancel",
		money:      "1 hold 800, 1 capture 800, 0 income 1500",
		milestones: "dispatching assigned arrived picked_up delivered", command: "refused: delivered before the cancel took hold",
	},
	{
		name: "before pickup a refused cancel is insisted on",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), withdraws("k"), cancelRefused(1), pass(10 * time.Second),
			shows(1, carrier.Accepted), cancelRefused(1), pass(20 * time.Second), shows(1, carrier.Accepted), cancelOK(1, 0)},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 cancel, 1 query, 1 cancel, 1 query, 1 cancel",
		money: "1 hold 800, 1 release 800", milestones: "dispatching assigned cancelled", command: order.Applied,
	},
	{
		name:  "cancel in doubt: queried, never repeated blindly",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), withdraws("k"), fails(1, carrier.KindTemporary), pass(2 * time.Second), shows(1, carrier.Cancelled, by(carrier.ByUs), charged(0), fined(0))},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 cancel, 1 query",
		money: "1 hold 800, 1 release 800", milestones: "dispatching assigned cancelled", command: order.Applied,
	},
	{
		name:  "cancel in doubt, not carried out: cancelled again",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), withdraws("k"), fails(1, carrier.KindTemporary), pass(2 * time.Second), shows(1, carrier.Accepted), cancelOK(1, 0)},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 cancel, 1 query, 1 cancel",
		money: "1 hold 800, 1 release 800", milestones: "dispatching assigned cancelled", command: order.Applied,
	},
	{
		name:  "the platform's cancel outweighs an accept timeout whose cancel is under way",
		steps: []step{quoted(), okPlace(1), pass(95 * time.Second), shows(1, carrier.Waiting), withdraws("k"), cancelRefused(1), pass(10 * time.Second), shows(1, carrier.Waiting), cancelOK(1, 0)},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 query, 1 cancel, 1 query, 1 cancel",
		money: "1 hold 800, 1 release 800", milestones: "dispatching cancelled", command: order.Applied,
	},
	{
		name: "the goal failed is overtaken by a rider before the carrier was told",
		steps: []step{quoted("shansong"), okPlace(1), pass(95 * time.Second), shows(1, carrier.Waiting), cancelRefused(1), // riders' time again and again
			refusedUntilGiveUp(1), fails(1, carrier.KindNotSent), says(1, carrier.Accepted)},
		state: order.Assigned, attempts: "1 accepted", open: true,
		calls: "1 place, 1 query, 1 cancel, " + refusedCalls + "1 cancel",
		money: "1 hold 800", milestones: "dispatching assigned", attention: "",
	},
	{
		name: "the goal failed is dropped when the carrier refuses with a rider",
		steps: []step{quoted("shansong"), okPlace(1), pass(95 * time.Second), shows(1, carrier.Waiting), cancelRefused(1),
			refusedUntilGiveUp(1), says(1, carrier.Accepted), cancelRefused(1)},
		state: order.Assigned, attempts: "1 accepted", open: true,
		calls: "1 place, 1 query, 1 cancel, " + refusedCalls + "1 cancel",
		money: "1 hold 800", milestones: "dispatching assigned",
	},
	{
		name:  "the carrier cancels exactly when the platform does",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(2 * time.Minute), bothCancel(1)},
		state: order.Cancelled, attempts: "1 cancelled(carrier)", calls: "1 place",
		money: "1 hold 800, 1 release 800", milestones: "dispatching assigned dispatching cancelled", command: order.Applied,
	},
	{
		name:  "the carrier cancels just after the platform did",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(2 * time.Minute), withdraws("k"), says(1, carrier.Cancelled, by(carrier.ByRider)), cancelRefused(1), shows(1, carrier.Cancelled)},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 cancel, 1 query",
		money: "1 hold 800, 1 release 800, 0 penalty_in 300(platform)", milestones: "dispatching assigned cancelled", command: order.Applied,
	},
	{
		name:  "callback before the answer to the placement",
		steps: []step{quoted(), says(1, carrier.Accepted), okPlace(1)},
		state: order.Assigned, attempts: "1 accepted", calls: "1 place",
		money: "1 hold 800", milestones: "dispatching assigned", open: true,
	},
	{
		name:  "a refusal after a callback is doubt",
		steps: []step{quoted(), says(1, carrier.Accepted), fails(1, carrier.KindRefused), shows(1, carrier.Accepted)},
		state: order.Assigned, attempts: "1 accepted", calls: "1 place, 1 query",
		money: "1 hold 800", milestones: "dispatching assigned", open: true,
	},
	{
		name:  "the carrier takes more than the quote said",
		steps: []step{quoted(), func(d *desk) { f := d.prices["uupt"] + 100; answerPlaced(1, f)(d) }, delivering(1), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place",
		money:      "1 hold 800, 1 overdraw 100, 1 capture 900, 0 income 1500",
		milestones: "dispatching assigned arrived picked_up delivered",
	},
	{
		name: "late events change nothing",
		steps: []step{quoted(), okPlace(1), delivering(1), says(1, carrier.Accepted, earlierBy(3*time.Minute+time.Second)), says(1, carrier.Arrived, earlierBy(2*time.Minute+time.Second)),
			says(1, carrier.Delivered), pass(time.Minute), says(1, carrier.PickedUp)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place",
		money:      "1 hold 800, 1 capture 800, 0 income 1500",
		milestones: "dispatching assigned arrived picked_up delivered",
	},
	{
		name:  "money corrected after the end, signed",
		steps: []step{quoted(), okPlace(1), delivering(1), says(1, carrier.Delivered), pass(time.Hour), says(1, carrier.Delivered, charged(700)), says(1, carrier.Delivered, charged(850), fined(10))},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place",
		money:      "1 hold 800, 1 capture 800, 0 income 1500, 1 capture -100, 1 release 100, 1 overdraw 150, 1 capture 150, 1 overdraw 10, 1 penalty 10",
		milestones: "dispatching assigned arrived picked_up delivered",
	},
	{
		name: "money corrected after the end, unsigned: only after a query", carriers: shansong,
		steps: []step{quoted(), okPlace(1), delivering(1), says(1, carrier.Delivered), shows(1, carrier.Delivered, charged(1400)), pass(time.Hour),
			says(1, carrier.Delivered, charged(1)), shows(1, carrier.Delivered, charged(1200))},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 query, 1 query",
		money:      "1 hold 1400, 1 capture 1400, 0 income 1500, 1 capture -200, 1 release 200",
		milestones: "dispatching assigned arrived picked_up delivered",
	},
	{
		name: "told as cancelled, then as delivered: the money follows, with an alarm",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Cancelled), withdraws("k"), fails(2, carrier.KindRefused), pass(time.Minute),
			says(1, carrier.Delivered), shows(1, carrier.Delivered, charged(800))},
		state: order.Cancelled, attempts: "1 cancelled(carrier), 2 rejected(refused)", calls: "1 place, 2 place, 1 query",
		money:      "1 hold 800, 1 release 800, 2 hold 1400, 2 release 1400, 1 overdraw 800, 1 penalty 800(carrier)",
		milestones: "dispatching cancelled", command: order.Applied, attention: "carrier uupt tells two ends of 7001",
	},
	{
		name:  "the prepaid balance is short: the next carrier, with an alarm",
		steps: []step{func(d *desk) { d.short["uupt"] = true }, quoted(), okPlace(2)},
		state: order.Dispatching, attempts: "2 placed", calls: "2 place",
		money: "2 hold 1400", milestones: "dispatching", open: true, attention: "prepaid balance of uupt used up",
	},
	{
		name: "all balances are short: rounds with pauses until given up",
		steps: []step{func(d *desk) { d.short["uupt"], d.short["shansong"] = true, true }, quoted(), pass(20 * time.Second), quoted(),
			pass(16 * time.Minute)},
		state: order.Failed, milestones: "dispatching failed", attention: "prepaid balance of uupt used up",
	},
	{
		name:  "a command on a final order is refused",
		steps: []step{quoted(), okPlace(1), delivering(1), says(1, carrier.Delivered), pass(time.Minute), withdraws("k")},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place",
		money:      "1 hold 800, 1 capture 800, 0 income 1500",
		milestones: "dispatching assigned arrived picked_up delivered", command: "refused: the order is delivered",
	},
	{
		name:  "a command of a version that is gone is refused",
		steps: []step{quoted(), okPlace(1), func(d *desk) { withdrawsAt("k", d.agg.Version-1)(d) }},
		state: order.Dispatching, attempts: "1 placed", calls: "1 place",
		money: "1 hold 800", milestones: "dispatching", open: true, command: "refused: the order has changed since version 5",
	},
	{
		name:  "nobody gives a price",
		steps: []step{quoted("uupt", "shansong"), pass(20 * time.Second), quotedNow("uupt", "shansong"), pass(16 * time.Minute)},
		state: order.Failed, milestones: "failed",
	},
	{
		name:  "undeliverable",
		steps: []step{undeliverable("no such address")},
		state: order.Failed, milestones: "failed",
	},
	{
		name:  "the goods come back unasked",
		steps: []step{quoted(), okPlace(1), delivering(1), says(1, carrier.Returning), pass(time.Minute), says(1, carrier.Returned, charged(0), fined(300))},
		state: order.Returned, attempts: "1 returned(carrier)", calls: "1 place",
		money:      "1 hold 800, 1 penalty 300(carrier), 1 release 500",
		milestones: "dispatching assigned arrived picked_up returning returned", attention: "the carrier brought the goods back unasked",
	},
	{
		name:  "a cancel while the goods come back anyway",
		steps: []step{quoted(), okPlace(1), delivering(1), says(1, carrier.Returning), withdraws("k"), pass(time.Minute), says(1, carrier.Returned, charged(0), fined(300))},
		state: order.Returned, attempts: "1 returned(carrier)", calls: "1 place",
		money:      "1 hold 800, 1 penalty 300(carrier), 1 release 500, 0 penalty_in 1500(platform)",
		milestones: "dispatching assigned arrived picked_up returning returned", command: order.Applied,
	},
	{
		name: "picked up while the cancel was under way: the yes means a return", carriers: shansong,
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), withdraws("k"), pass(time.Second), says(1, carrier.PickedUp), cancelOK(1, 1400),
			shows(1, carrier.Returning)},
		state: order.Returning, attempts: "1 returning", calls: "1 place, 1 cancel, 1 query", open: true,
		money: "1 hold 1400", milestones: "dispatching assigned returning", command: order.Applied,
	},
}

func TestScenarios(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		t.Run(s.name, s.run)
	}
}
