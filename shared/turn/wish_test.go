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

// tipping adds a yuan after a minute, and each half minute, up to two.
func tipping(d *desk) {
	d.agg.Strategy.AcceptTimeout = strategy.Duration(10 * time.Minute)
	d.agg.Strategy.Tip = strategy.Tip{After: strategy.Duration(time.Minute), Every: strategy.Duration(30 * time.Second), Step: 100, Max: 200}
}

func cap900(d *desk) {
	most := money.Fen(900)
	d.agg.Strategy.Limits.MaxCost = &most
}

// timed gives riders five minutes to fetch and ten to bring the goods.
func timed(d *desk) {
	d.agg.Strategy.PickupTimeout, d.agg.Strategy.DeliveryTimeout = strategy.Duration(5*time.Minute), strategy.Duration(10*time.Minute)
}

// commands is a person's wish.
func commands(kind string, args order.CommandArgs) step {
	return func(d *desk) {
		d.t.Helper()
		d.agg.Commands = append(d.agg.Commands, &order.Command{Key: "k", Kind: kind, By: "li", Args: args, ReceivedAt: d.now})
		d.turn(nil)
	}
}

func okTip(n int, total money.Fen) step {
	return func(d *desk) {
		d.t.Helper()
		d.answer(n, func(a *turn.Answer) { a.Tipped.Total = &total })
	}
}

var tips = []scenario{
	{
		name: "the tip rises by steps until a rider accepts, and is booked with the delivery",
		steps: []step{tipping, quoted(), okPlace(1), pass(time.Minute), okTip(1, 100), pass(30 * time.Second), ok(1), pass(time.Minute),
			says(1, carrier.Accepted), delivering2(1), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 tip, 1 tip",
		money:      "1 hold 800, 1 hold 100, 1 hold 100, 1 capture 800, 1 tip 200, 0 income 1500",
		milestones: "dispatching assigned picked_up delivered",
	},
	{
		name: "a tip is a cost: the cap holds", steps: []step{tipping, cap900, quoted(), okPlace(1), pass(time.Minute), ok(1), pass(time.Minute), says(1, carrier.Accepted)},
		state: order.Assigned, attempts: "1 accepted", calls: "1 place, 1 tip", money: "1 hold 800, 1 hold 100", milestones: "dispatching assigned", open: true,
	},
	{
		name:  "a refused tip is the last, and its money comes back with the rest",
		steps: []step{tipping, quoted(), okPlace(1), pass(time.Minute), fails(1, carrier.KindRefused), pass(time.Minute), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 tip", money: "1 hold 800, 1 hold 100, 1 capture 800, 1 release 100, 0 income 1500",
		milestones: "dispatching delivered",
	},
	{
		name: "a tip in doubt is not repeated; the total that a query shows decides",
		steps: []step{tipping, quoted(), okPlace(1), pass(time.Minute), fails(1, carrier.KindTemporary), pass(2 * time.Second), shows(1, carrier.Waiting, charged(900)),
			pass(30 * time.Second), okTip(1, 200), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 tip, 1 query, 1 tip",
		money: "1 hold 800, 1 hold 100, 1 hold 100, 1 capture 800, 1 tip 200, 0 income 1500", milestones: "dispatching delivered",
	},
	{
		name: "a tip in doubt that nobody shows: the end's own figure is asked for",
		steps: []step{tipping, quoted(), okPlace(1), pass(time.Minute), fails(1, carrier.KindTemporary), pass(2 * time.Second), shows(1, carrier.Waiting),
			pass(time.Minute), says(1, carrier.Delivered), shows(1, carrier.Delivered, charged(900))},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 tip, 1 query, 1 query",
		money:      "1 hold 800, 1 hold 100, 1 capture 800, 1 release 100, 0 income 1500, 1 overdraw 100, 1 capture 100",
		milestones: "dispatching delivered",
	},
	{
		name: "a tip whose caller vanished is in doubt, and none follows: it may still arrive",
		steps: []step{tipping, quoted(), okPlace(1), pass(time.Minute), pass(8 * time.Second), shows(1, carrier.Waiting, charged(800)), pass(30 * time.Second),
			withdraws("k"), cancelOK(1, 0)},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 tip, 1 query, 1 cancel",
		money: "1 hold 800, 1 hold 100, 1 release 900", milestones: "dispatching cancelled", command: order.Applied,
	},
	{
		name:  "nobody tips a waybill that is being withdrawn",
		steps: []step{tipping, quoted(), okPlace(1), pass(50 * time.Second), withdraws("k"), cancelRefused(1), pass(2 * time.Second)},
		state: order.Cancelling, attempts: "1 placed", calls: "1 place, 1 cancel", money: "1 hold 800", milestones: "dispatching", open: true, command: order.Applied,
	},
}

var timeouts = []scenario{
	{
		name: "a rider who does not come to the shop is taken off the order",
		steps: []step{timed, quoted(), okPlace(1), says(1, carrier.Accepted), pass(5 * time.Minute), shows(1, carrier.Accepted), cancelOK(1, 100), quoted(), okPlace(10),
			says(10, carrier.Accepted)},
		state: order.Assigned, attempts: "1 cancelled(pickup_timeout), 10 accepted", calls: "1 place, 1 query, 1 cancel, 10 place",
		money: "1 hold 800, 1 penalty 100(pickup_timeout), 1 release 700, 10 hold 1400", milestones: "dispatching assigned dispatching assigned", open: true,
	},
	{
		name: "he picks up before the carrier hears of it: he goes on",
		steps: []step{timed, quoted(), okPlace(1), says(1, carrier.Accepted), pass(5 * time.Minute), shows(1, carrier.Accepted), fails(1, carrier.KindNotSent),
			says(1, carrier.PickedUp), pass(time.Minute), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 query, 1 cancel",
		money: "1 hold 800, 1 capture 800, 0 income 1500", milestones: "dispatching assigned picked_up delivered",
	},
	{
		name: "the carrier keeps its rider: a person is told, the order goes on",
		steps: []step{timed, quoted(), okPlace(1), says(1, carrier.Accepted), pass(5 * time.Minute), shows(1, carrier.Accepted), cancelRefused(1), pass(time.Minute),
			says(1, carrier.PickedUp)},
		state: order.PickedUp, attempts: "1 picked_up", calls: "1 place, 1 query, 1 cancel", money: "1 hold 800",
		milestones: "dispatching assigned picked_up", open: true, attention: "carrier uupt keeps its rider on 7001",
	},
	{
		name: "a rider who waits at the shop has a slow merchant",
		steps: []step{timed, quoted(), okPlace(1), says(1, carrier.Accepted), pass(time.Minute), says(1, carrier.Arrived), pass(4 * time.Minute), shows(1, carrier.Arrived),
			pass(time.Minute)},
		state: order.Arrived, attempts: "1 arrived", calls: "1 place, 1 query", money: "1 hold 800", milestones: "dispatching assigned arrived",
		open: true, attention: "merchant slow: the rider of 7001 waits at the shop",
	},
	{
		name: "a delivery that takes too long asks for a person",
		steps: []step{timed, quoted(), okPlace(1), says(1, carrier.PickedUp), pass(10 * time.Minute), shows(1, carrier.PickedUp),
			pass(time.Minute), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 query", money: "1 hold 800, 1 capture 800, 0 income 1500",
		milestones: "dispatching picked_up delivered", attention: "carrier uupt has not delivered 7001 in time",
	},
}

var wishes = []scenario{
	{
		name: "redispatch: the rider is taken off, another carrier comes",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(time.Minute), commands(order.CommandRedispatch, order.CommandArgs{}), cancelOK(1, 50),
			okPlace(2), says(2, carrier.Accepted)},
		state: order.Assigned, attempts: "1 cancelled(redispatch), 2 accepted", calls: "1 place, 1 cancel, 2 place",
		money: "1 hold 800, 1 penalty 50(redispatch), 1 release 750, 2 hold 1400", milestones: "dispatching assigned dispatching assigned", open: true, command: order.Applied,
	},
	{
		name:  "redispatch while nobody is at it asks for prices at once",
		steps: []step{quoted(), fails(1, carrier.KindRefused), fails(2, carrier.KindRefused), quoted("uupt", "shansong"), commands(order.CommandRedispatch, order.CommandArgs{}), quoted(), okPlace(17)},
		state: order.Dispatching, attempts: "1 rejected(refused), 2 rejected(refused), 17 placed", calls: "1 place, 2 place, 17 place",
		money: "1 hold 800, 1 release 800, 2 hold 1400, 2 release 1400, 17 hold 800", milestones: "dispatching", open: true, command: order.Applied,
	},
	{
		name:  "nothing is redispatched once the goods are under way",
		steps: []step{quoted(), okPlace(1), says(1, carrier.PickedUp), commands(order.CommandRedispatch, order.CommandArgs{})},
		state: order.PickedUp, attempts: "1 picked_up", calls: "1 place", money: "1 hold 800", milestones: "dispatching picked_up", open: true,
		command: "refused: the goods are under way",
	},
	{
		name: "a forced carrier gets the order, whatever the strategy and its cap say",
		steps: []step{cap900, quoted(), okPlace(1), pass(time.Minute), commands(order.CommandForce, order.CommandArgs{Carrier: "shansong"}), quoted(), cancelOK(1, 0), okPlace(9),
			says(9, carrier.Accepted)},
		state: order.Assigned, attempts: "1 cancelled(redispatch), 9 accepted", calls: "1 place, 1 cancel, 9 place",
		money: "1 hold 800, 1 release 800, 9 hold 1400", milestones: "dispatching assigned", open: true, command: order.Applied,
	},
	{
		name:  "a forced carrier that does not take it asks for a person",
		steps: []step{quoted(), okPlace(1), pass(time.Minute), commands(order.CommandForce, order.CommandArgs{Carrier: "shansong"}), quoted("shansong"), cancelOK(1, 0)},
		state: order.Dispatching, attempts: "1 cancelled(redispatch)", calls: "1 place, 1 cancel", money: "1 hold 800, 1 release 800",
		milestones: "dispatching", open: true, command: order.Applied, attention: "shansong was forced and does not take the order",
	},
	{
		name:  "no carrier that is not there is forced",
		steps: []step{quoted(), okPlace(1), commands(order.CommandForce, order.CommandArgs{Carrier: "dove"})},
		state: order.Dispatching, attempts: "1 placed", calls: "1 place", money: "1 hold 800", milestones: "dispatching", open: true,
		command: `refused: carrier "dove" is not configured`,
	},
	{
		name:  "who carries it already is not forced",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), commands(order.CommandForce, order.CommandArgs{Carrier: "uupt"})},
		state: order.Assigned, attempts: "1 accepted", calls: "1 place", money: "1 hold 800", milestones: "dispatching assigned", open: true,
		command: "refused: uupt carries it already",
	},
	{
		name:  "a tip by hand",
		steps: []step{quoted(), okPlace(1), pass(time.Minute), commands(order.CommandTip, order.CommandArgs{Add: 300}), ok(1), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 tip", money: "1 hold 800, 1 hold 300, 1 capture 800, 1 tip 300, 0 income 1500",
		milestones: "dispatching delivered", command: order.Applied,
	},
	{
		name:  "no tip of nothing",
		steps: []step{quoted(), okPlace(1), commands(order.CommandTip, order.CommandArgs{Add: -5})},
		state: order.Dispatching, attempts: "1 placed", calls: "1 place", money: "1 hold 800", milestones: "dispatching", open: true,
		command: "refused: a tip of -0.05元: want more than nothing and at most 100.00元",
	},
	{
		name: "tips by hand have a highest sum",
		steps: []step{quoted(), okPlace(1), commands(order.CommandTip, order.CommandArgs{Add: 9000}), ok(1), func(d *desk) {
			d.agg.Commands = append(d.agg.Commands, &order.Command{Key: "more", Kind: order.CommandTip, By: "li", Args: order.CommandArgs{Add: 1100}, ReceivedAt: d.now})
			d.turn(nil)
			require.Equal(d.t, "refused: no attempt takes such a tip now", d.decided["more"])
		}},
		state: order.Dispatching, attempts: "1 placed", calls: "1 place, 1 tip", money: "1 hold 800, 1 hold 9000", milestones: "dispatching", open: true, command: order.Applied,
	},
	{
		name:  "no tip when nobody waits for it",
		steps: []step{quoted(), okPlace(1), says(1, carrier.PickedUp), commands(order.CommandTip, order.CommandArgs{Add: 100})},
		state: order.PickedUp, attempts: "1 picked_up", calls: "1 place", money: "1 hold 800", milestones: "dispatching picked_up", open: true,
		command: "refused: no attempt takes such a tip now",
	},
	{
		name:  "another place before pickup: the waybill has the wrong one, so it is withdrawn",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(time.Minute), commands(order.CommandChange, order.CommandArgs{What: "place"}), cancelOK(1, 100), quoted(), okPlace(10)},
		state: order.Dispatching, attempts: "1 cancelled(changed), 10 placed", calls: "1 place, 1 cancel, 10 place",
		money: "1 hold 800, 1 penalty 100(changed), 1 release 700, 10 hold 1400", milestones: "dispatching assigned dispatching", open: true, command: order.Applied,
	},
	{
		name:  "another place after pickup, or another phone: a person tells the rider",
		steps: []step{quoted(), okPlace(1), says(1, carrier.PickedUp), commands(order.CommandChange, order.CommandArgs{What: "place"})},
		state: order.PickedUp, attempts: "1 picked_up", calls: "1 place", money: "1 hold 800", milestones: "dispatching picked_up", open: true,
		command: order.Applied, attention: "the recipient's place changed: tell the rider",
	},
	{
		name:  "resolved: the next trouble asks again",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Exception), commands(order.CommandResolve, order.CommandArgs{})},
		state: order.Dispatching, attempts: "1 placed", calls: "1 place", money: "1 hold 800", milestones: "dispatching", open: true,
		command: "applied: carrier uupt reports an exception of 7001",
	},
	{
		name:  "nothing but a resolve reaches an order that is over",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Delivered), commands(order.CommandRedispatch, order.CommandArgs{})},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place", money: "1 hold 800, 1 capture 800, 0 income 1500", milestones: "dispatching delivered",
		command: "refused: the order is delivered",
	},
	{
		name:  "an unknown command is answered",
		steps: []step{commands("sing", order.CommandArgs{})},
		state: order.Received, open: true, command: "refused: unknown command sing",
	},
}

// thin makes the order one of which only the number came.
func thin(d *desk) {
	d.agg.Strategy, d.agg.Fee, d.agg.City, d.agg.ShopCode = strategy.Strategy{}, 0, "", ""
}

// planned closes the round with what the platform said of the order.
func planned(expected time.Duration) step {
	return func(d *desk) {
		d.t.Helper()
		full := newDesk(d.t).agg
		plan := &order.Plan{ShopCode: "s1", City: full.City, Strategy: full.Strategy, Fee: full.Fee}
		plan.Strategy.ReleaseLead = strategy.Duration(45 * time.Minute)
		if expected > 0 {
			at := d.now.Add(expected)
			plan.ExpectedAt = &at
			d.agg.Outcome = &order.Outcome{Round: d.agg.Round, Result: order.ResultScheduled, Plan: plan}
		} else {
			d.agg.Strategy = plan.Strategy
			d.outcome()
			d.agg.Strategy, d.agg.Outcome.Plan = strategy.Strategy{}, plan
		}
		d.turn(func(t *turn.Turn) { t.Quoted(d.agg.Round) })
	}
}

var thins = []scenario{
	{
		name:  "what a round found out becomes the order's own",
		steps: []step{thin, planned(0), okPlace(1), says(1, carrier.Delivered), func(d *desk) { require.Equal(d.t, "s1 330100", d.agg.ShopCode+" "+d.agg.City) }},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place", money: "1 hold 800, 1 capture 800, 0 income 1500", milestones: "dispatching delivered",
	},
	{
		name: "an order for later waits for its time and is quoted then",
		steps: []step{thin, planned(3 * time.Hour), pass(2 * time.Hour), func(d *desk) { require.Equal(d.t, 1, d.agg.Round) },
			pass(16 * time.Minute), func(d *desk) { require.Equal(d.t, 2, d.agg.Round) }, quoted(), okPlace(9), says(9, carrier.Accepted)},
		state: order.Assigned, attempts: "9 accepted", calls: "9 place", money: "9 hold 800", milestones: "dispatching assigned", open: true,
	},
	{
		name:  "an order for later that is cancelled meanwhile needs no carrier and costs nothing",
		steps: []step{thin, planned(3 * time.Hour), pass(time.Hour), withdraws("k")},
		state: order.Cancelled, milestones: "cancelled", command: order.Applied,
	},
	{
		name:  "a thin order that the platform cannot explain is given up",
		steps: []step{thin, pass(20 * time.Minute)},
		state: order.Failed, milestones: "failed",
	},
	{
		name:  "a thin order that cannot be carried fails at once",
		steps: []step{thin, undeliverable("no such shop")},
		state: order.Failed, milestones: "failed",
	},
}

func TestTipsTimeoutsAndWishes(t *testing.T) {
	t.Parallel()
	for what, list := range map[string][]scenario{"tips": tips, "timeouts": timeouts, "wishes": wishes, "thin": thins} {
		for _, s := range list {
			t.Run(what+"/"+s.name, s.run)
		}
	}
}

// A carrier that is switched off gets nothing new; what it has goes on.
func TestSwitchedOff(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.off = map[string]string{"uupt": "switched off: rain (by li)"}
	run(t, d, quoted(), okPlace(2), says(2, carrier.Accepted))
	require.Equal(t, "2 accepted", d.attempts())
	d = newDesk(t)
	run(t, d, quoted(), okPlace(1))
	d.off = map[string]string{"uupt": "switched off: rain (by li)"}
	run(t, d, says(1, carrier.Accepted), says(1, carrier.Delivered))
	require.Equal(t, order.Delivered, d.agg.State)
}
