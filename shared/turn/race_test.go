package turn_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/turn"
)

// racing lets so many carriers look for a rider at once, cheapest first.
func racing(width int) step {
	return func(d *desk) {
		d.agg.Strategy.Mode, d.agg.Strategy.Race = strategy.Cheapest, strategy.Race{Width: width}
	}
}

// widening begins with one and lets one more join every 45 seconds.
func widening(d *desk) {
	d.agg.Strategy.Mode = strategy.Simultaneous
	d.agg.Strategy.Race = strategy.Race{Width: 1, WidenAfter: strategy.Duration(45 * time.Second)}
}

// bothSay: two carriers' words in one batch, at one instant of both their clocks.
func bothSay(state carrier.State, one, other int) step {
	return func(d *desk) {
		d.t.Helper()
		a, b := d.status(one, state), d.status(other, state)
		d.turn(func(t *turn.Turn) {
			require.True(d.t, t.Signal(one, a))
			require.True(d.t, t.Signal(other, b))
		})
	}
}

var three = []string{"uupt", "third", "shansong"} // 8.00, 9.00 and 14.00 yuan

var races = []scenario{
	{
		name: "the first acceptance wins, the loser is withdrawn for nothing", carriers: three,
		steps: []step{racing(2), quoted(), okPlace(1), okPlace(2), says(2, carrier.Accepted), cancelOK(1, 0), delivering2(2), says(2, carrier.Delivered)},
		state: order.Delivered, attempts: "1 cancelled(lost_race), 2 delivered", calls: "1 place, 2 place, 1 cancel",
		money:      "1 hold 800, 2 hold 900, 1 release 800, 2 capture 900, 0 income 1500",
		milestones: "dispatching assigned picked_up delivered",
	},
	{
		name: "two acceptances in one millisecond", carriers: three,
		steps: []step{racing(2), quoted(), okPlace(1), okPlace(2), bothSay(carrier.Accepted, 2, 1), cancelOK(1, 50), delivering2(2), says(2, carrier.Delivered)},
		state: order.Delivered, attempts: "1 cancelled(lost_race), 2 delivered", calls: "1 place, 2 place, 1 cancel",
		money:      "1 hold 800, 2 hold 900, 1 penalty 50(lost_race), 1 release 750, 2 capture 900, 0 income 1500",
		milestones: "dispatching assigned picked_up delivered",
	},
	{
		name: "all three at once: one captured, two withdrawn", carriers: three,
		steps: []step{func(d *desk) { d.agg.Strategy.Mode = strategy.Simultaneous }, quoted(), okPlace(1), okPlace(2), okPlace(3), says(3, carrier.Accepted),
			cancelOK(1, 0), cancelOK(2, 0), says(3, carrier.PickedUp)},
		state: order.PickedUp, attempts: "1 cancelled(lost_race), 2 cancelled(lost_race), 3 picked_up", calls: "1 place, 2 place, 3 place, 1 cancel, 2 cancel",
		money:      "1 hold 800, 2 hold 900, 3 hold 1400, 1 release 800, 2 release 900",
		milestones: "dispatching assigned picked_up", open: true,
	},
	{
		name: "an acceptance after our cancel: the loser stays one, its 违约金 is the price of the race", carriers: three,
		steps: []step{racing(2), quoted(), okPlace(1), okPlace(2), says(2, carrier.Accepted), pass(time.Second), says(1, carrier.Accepted), cancelOK(1, 200),
			delivering2(2), says(2, carrier.Delivered)},
		state: order.Delivered, attempts: "1 cancelled(lost_race), 2 delivered", calls: "1 place, 2 place, 1 cancel",
		money:      "1 hold 800, 2 hold 900, 1 penalty 200(lost_race), 1 release 600, 2 capture 900, 0 income 1500",
		milestones: "dispatching assigned picked_up delivered",
	},
	{
		name: "a refused cancel keeps the loser live and is tried again", carriers: three,
		steps: []step{racing(2), quoted(), okPlace(1), okPlace(2), says(2, carrier.Accepted), pass(time.Second), says(1, carrier.Accepted), cancelRefused(1),
			pass(10 * time.Second), shows(1, carrier.Accepted), cancelOK(1, 300), delivering2(2), says(2, carrier.Delivered)},
		state: order.Delivered, attempts: "1 cancelled(lost_race), 2 delivered", calls: "1 place, 2 place, 1 cancel, 1 query, 1 cancel",
		money:      "1 hold 800, 2 hold 900, 1 penalty 300(lost_race), 1 release 500, 2 capture 900, 0 income 1500",
		milestones: "dispatching assigned picked_up delivered",
	},
	{
		name: "a loser that picks up first becomes the winner and is told as another rider", carriers: three,
		steps: []step{racing(2), quoted(), okPlace(1), okPlace(2), says(2, carrier.Accepted), pass(time.Second), says(1, carrier.PickedUp), cancelRefused(1),
			cancelOK(2, 100), pass(time.Minute), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered, 2 cancelled(lost_race)", calls: "1 place, 2 place, 1 cancel, 2 cancel",
		money:      "1 hold 800, 2 hold 900, 2 penalty 100(lost_race), 2 release 800, 1 capture 800, 0 income 1500",
		milestones: "dispatching assigned picked_up delivered",
	},
	{
		name: "after the winner's pickup a loser stays one whatever it does, and is alarmed", carriers: three,
		steps: []step{racing(2), quoted(), okPlace(1), okPlace(2), says(2, carrier.Accepted), cancelRefused(1), says(2, carrier.PickedUp), pass(time.Second),
			says(1, carrier.PickedUp), pass(10 * time.Second), shows(1, carrier.PickedUp), cancelOK(1, 800), says(2, carrier.Delivered)},
		state: order.Delivered, attempts: "1 returned(lost_race), 2 delivered", calls: "1 place, 2 place, 1 cancel, 1 query, 1 cancel",
		money:      "1 hold 800, 2 hold 900, 1 penalty 800(lost_race), 2 capture 900, 0 income 1500",
		milestones: "dispatching assigned picked_up delivered", attention: "attempt 7001 lost the race and has the goods",
	},
	{
		name: "a loser that delivers is booked as the price of the race", carriers: three,
		steps: []step{racing(2), quoted(), okPlace(1), okPlace(2), says(2, carrier.Accepted), cancelRefused(1), says(2, carrier.PickedUp), pass(time.Second),
			says(1, carrier.Delivered), says(2, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered, 2 delivered", calls: "1 place, 2 place, 1 cancel",
		money:      "1 hold 800, 2 hold 900, 1 penalty 800(lost_race), 2 capture 900, 0 income 1500",
		milestones: "dispatching assigned picked_up delivered", attention: "a delivery was charged for an attempt that does not carry the order",
	},
	{
		name: "a refused one is replaced", carriers: three,
		steps: []step{racing(2), quoted(), fails(1, carrier.KindNoCapacity), okPlace(2), okPlace(3), says(2, carrier.Accepted), cancelOK(3, 0)},
		state: order.Assigned, attempts: "1 rejected(refused), 2 accepted, 3 cancelled(lost_race)", calls: "1 place, 2 place, 3 place, 3 cancel",
		money: "1 hold 800, 2 hold 900, 1 release 800, 3 hold 1400, 3 release 1400", milestones: "dispatching assigned", open: true,
	},
	{
		name: "a placement in doubt holds its place in the race and no other", carriers: three,
		steps: []step{racing(2), quoted(), fails(1, carrier.KindTemporary), okPlace(2), pass(2 * time.Second), shows(1, carrier.Waiting), says(2, carrier.Accepted), cancelOK(1, 0)},
		state: order.Assigned, attempts: "1 cancelled(lost_race), 2 accepted", calls: "1 place, 2 place, 1 query, 1 cancel",
		money: "1 hold 800, 2 hold 900, 1 release 800", milestones: "dispatching assigned", open: true,
	},
	{
		name: "more carriers join while nobody accepts", carriers: three,
		steps: []step{widening, quoted(), okPlace(1), pass(50 * time.Second), okPlace(2), pass(50 * time.Second), okPlace(3), shows(1, carrier.Waiting), cancelOK(1, 0), says(2, carrier.Accepted), cancelOK(3, 0)},
		state: order.Assigned, attempts: "1 cancelled(accept_timeout), 2 accepted, 3 cancelled(lost_race)", calls: "1 place, 2 place, 1 query, 3 place, 1 cancel, 3 cancel",
		money: "1 hold 800, 2 hold 900, 3 hold 1400, 1 release 800, 3 release 1400", milestones: "dispatching assigned", open: true,
	},
	{
		name: "the platform cancels in the middle of a race", carriers: three,
		steps: []step{racing(2), quoted(), okPlace(1), okPlace(2), pass(time.Second), withdraws("k"), cancelOK(1, 0), cancelOK(2, 0)},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled), 2 cancelled(order_cancelled)", calls: "1 place, 2 place, 1 cancel, 2 cancel",
		money: "1 hold 800, 2 hold 900, 1 release 800, 2 release 900", milestones: "dispatching cancelled", command: order.Applied,
	},
	{
		name: "goods that come back because their rider was withdrawn do not end the order", carriers: []string{"shansong", "uupt"},
		steps: []step{racing(2), quoted(), okPlace(1), okPlace(2), says(2, carrier.Accepted), pass(time.Second), says(1, carrier.PickedUp), cancelOK(1),
			shows(1, carrier.Returning), pass(time.Second), says(1, carrier.Returned), shows(1, carrier.Cancelled, charged(0), fined(700)),
			says(2, carrier.PickedUp), says(2, carrier.Delivered)},
		state: order.Delivered, attempts: "2 delivered, 1 returned(lost_race)", calls: "2 place, 1 place, 1 cancel, 1 query, 1 query",
		money:      "2 hold 800, 1 hold 1400, 1 penalty 700(lost_race), 1 release 700, 2 capture 800, 0 income 1500",
		milestones: "dispatching assigned picked_up delivered",
	},
	{
		name: "the winner's rider goes away while the loser is being withdrawn: the loser's rider is taken back", carriers: three,
		steps: []step{racing(2), quoted(), okPlace(1), okPlace(2), says(2, carrier.Accepted), pass(time.Second), says(1, carrier.Accepted), pass(time.Second),
			says(2, carrier.Cancelled, by(carrier.ByRider)), cancelRefused(1), okPlace(3), cancelOK(3, 0), delivering2(1), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered, 2 cancelled(rider), 3 cancelled(lost_race)", calls: "1 place, 2 place, 1 cancel, 3 place, 3 cancel",
		money:      "1 hold 800, 2 hold 900, 2 release 900, 3 hold 1400, 3 release 1400, 1 capture 800, 0 income 1500",
		milestones: "dispatching assigned dispatching assigned picked_up delivered",
	},
}

func TestRaces(t *testing.T) {
	t.Parallel()
	for _, s := range races {
		t.Run(s.name, s.run)
	}
}

// What a withdrawal costs is told by the carrier's own figure, or by the rule for the state
// in which the carrier had it: also when we heard of the rider at the very end only.
var fines = []scenario{
	{
		name: "a rider of whom only the last query tells", carriers: []string{"sftc"},
		steps: []step{quoted(), okPlace(1), withdraws("k"), fails(1, carrier.KindTemporary), pass(2 * time.Second),
			shows(1, carrier.Cancelled, rider("甲"))},
		open:  true, // the carrier is asked for its figure again
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 cancel, 1 query",
		money: "1 hold 800, 1 penalty 200(order_cancelled), 1 release 600", milestones: "dispatching cancelled", command: order.Applied,
	},
	{
		name: "a figure from before the rider accepted says nothing any more", carriers: []string{"sftc"},
		steps: []step{quoted(), okPlace(1), withdraws("k"), says(1, carrier.Accepted), feeButDoubt(1, 0), pass(2 * time.Second), shows(1, carrier.Cancelled)},
		open:  true,
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 cancel, 1 query",
		money: "1 hold 800, 1 penalty 200(order_cancelled), 1 release 600", milestones: "dispatching cancelled", command: order.Applied,
	},
	{
		name: "nobody had accepted: the figure of the pre-query", carriers: []string{"sftc"},
		steps: []step{quoted(), okPlace(1), withdraws("k"), feeButDoubt(1, 0), pass(2 * time.Second), shows(1, carrier.Cancelled)},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 cancel, 1 query",
		money: "1 hold 800, 1 release 800", milestones: "dispatching cancelled", command: order.Applied,
	},
}

// feeButDoubt: the pre-query is answered, the cancel is not.
func feeButDoubt(n int, fee money.Fen) step {
	return func(d *desk) {
		d.t.Helper()
		d.answer(n, func(a *turn.Answer) {
			a.Fee, a.Err = &fee, &carrier.Error{Carrier: "x", Op: a.Kind, Kind: carrier.KindTemporary}
		})
	}
}

func TestFinesOfWithdrawals(t *testing.T) {
	t.Parallel()
	for _, s := range fines {
		t.Run(s.name, s.run)
	}
}
