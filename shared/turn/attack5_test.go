package turn_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/turn"
)

// wants is a person's wish under a key of its own.
func wants(key, kind string, args order.CommandArgs) step {
	return func(d *desk) {
		d.t.Helper()
		d.agg.Commands = append(d.agg.Commands, &order.Command{Key: key, Kind: kind, By: "li", Args: args, ReceivedAt: d.now})
		d.turn(nil)
	}
}

func moves(key string) step { return wants(key, order.CommandChange, order.CommandArgs{What: "place"}) }

// answersLate is the answer to a call whose lease has ended: call kind, sequence, the carrier's words.
func answersLate(n, seq int, kind string, total *money.Fen, err carrier.Kind) step {
	return func(d *desk) {
		d.t.Helper()
		d.answerTo(n, kind, seq, func(a *turn.Answer) {
			a.Tipped.Total = total
			if err != "" {
				a.Err = &carrier.Error{Carrier: "x", Op: kind, Kind: err}
			}
		})
	}
}

// showsLate is the answer to a query whose lease has ended.
func showsLate(n, seq int, state carrier.State, total money.Fen) step {
	return func(d *desk) {
		d.t.Helper()
		s := d.status(n, state)
		s.Charged = &total
		d.answerTo(n, order.CallQuery, seq, func(a *turn.Answer) { a.Status = s })
	}
}

func fen(f money.Fen) *money.Fen { return &f }

// tipInDoubt lets the first step of the tip be asked for, its caller vanish, and a query show
// that it was added; then the second is asked for.
func tipInDoubt(d *desk) {
	d.t.Helper()
	for _, s := range []step{tipping, quoted(), okPlace(1), pass(time.Minute), pass(8 * time.Second), shows(1, carrier.Waiting, charged(900)), pass(30 * time.Second)} {
		s(d)
	}
	require.Equal(d.t, "1 place, 1 tip, 1 query, 1 tip", d.called())
}

var attacks = []scenario{
	{
		name:  "a late yes to the first tip does not make room for the second once more",
		steps: []step{tipInDoubt, okTip(1, 200), answersLate(1, 2, order.CallTip, fen(100), ""), pass(10 * time.Second), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 tip, 1 query, 1 tip",
		money: "1 hold 800, 1 hold 100, 1 hold 100, 1 capture 800, 1 tip 200, 0 income 1500", milestones: "dispatching delivered",
	},
	{
		name:  "a late no to the first tip says nothing of the second",
		steps: []step{tipInDoubt, answersLate(1, 2, order.CallTip, nil, carrier.KindRefused), ok(1), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 tip, 1 query, 1 tip",
		money: "1 hold 800, 1 hold 100, 1 hold 100, 1 capture 800, 1 tip 200, 0 income 1500", milestones: "dispatching delivered",
	},
	{
		name:  "a late yes without a figure to the first tip says nothing of the second, which is refused",
		steps: []step{tipInDoubt, answersLate(1, 2, order.CallTip, nil, ""), fails(1, carrier.KindRefused), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 tip, 1 query, 1 tip",
		money: "1 hold 800, 1 hold 100, 1 hold 100, 1 capture 800, 1 tip 100, 1 release 100, 0 income 1500", milestones: "dispatching delivered",
	},
	{
		name: "a tip by hand while another is under way waits for its answer, and both are added",
		steps: []step{tipping, quoted(), okPlace(1), pass(time.Minute), wants("k", order.CommandTip, order.CommandArgs{Add: 300}),
			func(d *desk) { require.Equal(d.t, money.Fen(100), d.agg.Attempt(1).Want.Tip) }, ok(1), ok(1), says(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 tip, 1 tip", command: order.Applied,
		money: "1 hold 800, 1 hold 100, 1 hold 300, 1 capture 800, 1 tip 400, 0 income 1500", milestones: "dispatching delivered",
	},
	{
		name:  "a tip by hand while another gets no answer is refused, not forgotten",
		steps: []step{tipping, quoted(), okPlace(1), pass(time.Minute), wants("k", order.CommandTip, order.CommandArgs{Add: 300}), pass(8 * time.Second)},
		state: order.Dispatching, attempts: "1 placed", calls: "1 place, 1 tip, 1 query", command: "refused: no attempt takes such a tip now",
		money: "1 hold 800, 1 hold 100", milestones: "dispatching", open: true,
	},
	{
		name:  "delivered while the tip is under way, its yes is booked",
		steps: []step{tipping, quoted(), okPlace(1), pass(time.Minute), says(1, carrier.Delivered), ok(1), shows(1, carrier.Delivered)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 tip, 1 query",
		money: "1 hold 800, 1 hold 100, 1 capture 800, 1 release 100, 0 income 1500, 1 overdraw 100, 1 tip 100", milestones: "dispatching delivered",
	},
	{
		name:  "delivered while the tip is under way, its caller vanished: the carrier is asked",
		steps: []step{tipping, quoted(), okPlace(1), pass(time.Minute), says(1, carrier.Delivered), pass(10 * time.Second), shows(1, carrier.Delivered, charged(900))},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 tip, 1 query",
		money: "1 hold 800, 1 hold 100, 1 capture 800, 1 release 100, 0 income 1500, 1 overdraw 100, 1 capture 100", milestones: "dispatching delivered",
	},
	{
		name:  "delivered while the tip is under way, the carrier's figure has it already: nothing is booked twice",
		steps: []step{tipping, quoted(), okPlace(1), pass(time.Minute), says(1, carrier.Delivered, charged(900)), ok(1)},
		state: order.Delivered, attempts: "1 delivered", calls: "1 place, 1 tip",
		money: "1 hold 800, 1 hold 100, 1 capture 900, 0 income 1500", milestones: "dispatching delivered",
	},
	{
		name: "the tip goes on rising after a doubt that took long",
		steps: []step{tipping, quoted(), okPlace(1), pass(time.Minute), fails(1, carrier.KindTemporary), pass(2 * time.Second), fails(1, carrier.KindTemporary), pass(10 * time.Second),
			fails(1, carrier.KindTemporary), pass(20 * time.Second), shows(1, carrier.Waiting, charged(900)), pass(30 * time.Second), ok(1)},
		state: order.Dispatching, attempts: "1 placed", calls: "1 place, 1 tip, 1 query, 1 query, 1 query, 1 tip", money: "1 hold 800, 1 hold 100, 1 hold 100", milestones: "dispatching", open: true,
	},
	{
		name: "a late answer to an older query says nothing of a tip that was asked for since", carriers: shansong,
		steps: []step{tipping, quoted(), okPlace(1), says(1, carrier.Exception), pass(6 * time.Second), shows(1, carrier.Waiting), pass(time.Minute),
			fails(1, carrier.KindTemporary), pass(2 * time.Second), showsLate(1, 2, carrier.Waiting, 1400), shows(1, carrier.Waiting, charged(1500)),
			func(d *desk) { require.Equal(d.t, money.Fen(100), d.agg.Attempt(1).Tip) }},
		state: order.Dispatching, attempts: "1 placed", calls: "1 place, 1 query, 1 query, 1 tip, 1 query", money: "1 hold 1400, 1 hold 100", milestones: "dispatching", open: true,
	},
	{
		name:  "a cancel does not wait for the tip that the carrier's limit held up",
		steps: []step{tipping, quoted(), okPlace(1), pass(time.Minute), fails(1, carrier.KindRateLimited), pass(10 * time.Second), fails(1, carrier.KindRateLimited), pass(time.Second), withdraws("k")},
		state: order.Cancelling, attempts: "1 cancelling", calls: "1 place, 1 tip, 1 tip, 1 cancel", command: order.Applied,
		money: "1 hold 800, 1 hold 100", milestones: "dispatching", open: true,
	},
	{
		name: "prices that are on their way for the old place are not used", carriers: three,
		steps: []step{moves("k"), func(d *desk) { require.Equal(d.t, 2, d.agg.Round) }, quoted(), okPlace(9)},
		state: order.Dispatching, attempts: "9 placed", calls: "9 place", money: "9 hold 800", milestones: "dispatching", command: order.Applied, open: true,
	},
	{
		name:  "another phone while nobody is at it: prices that are bound to the old one are not used",
		steps: []step{quoted("uupt", "shansong"), wants("k", order.CommandChange, order.CommandArgs{What: "phone"}), func(d *desk) { require.Equal(d.t, 2, d.agg.Round) }},
		state: order.Received, command: order.Applied, open: true,
	},
	{
		name: "a place that changes does not call an order for later early",
		steps: []step{thin, planned(3 * time.Hour), pass(time.Hour), moves("k"), func(d *desk) { require.Equal(d.t, 1, d.agg.Round) },
			pass(76 * time.Minute), func(d *desk) { require.Equal(d.t, 2, d.agg.Round) }},
		state: order.Received, command: order.Applied, open: true,
	},
	{
		name: "a rider who accepts what was to be withdrawn for its slowness does not go to the old place",
		steps: []step{quoted(), okPlace(1), pass(90 * time.Second), shows(1, carrier.Waiting), fails(1, carrier.KindNotSent), moves("k"), says(1, carrier.Accepted),
			pass(10 * time.Second), cancelOK(1, 100), quoted(), okPlace(10)},
		state: order.Dispatching, attempts: "1 cancelled(changed), 10 placed", calls: "1 place, 1 query, 1 cancel, 1 cancel, 10 place", command: order.Applied,
		money: "1 hold 800, 1 penalty 100(changed), 1 release 700, 10 hold 1400", milestones: "dispatching", open: true,
	},
	{
		name:  "a rider who has the goods before he could be called back goes to the old place: a person is told",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(time.Minute), moves("k"), fails(1, carrier.KindNotSent), says(1, carrier.PickedUp)},
		state: order.PickedUp, attempts: "1 picked_up", calls: "1 place, 1 cancel", command: order.Applied, money: "1 hold 800", milestones: "dispatching assigned picked_up",
		open: true, attention: "the recipient's place changed, and carrier uupt keeps 7001: tell the rider",
	},
	{
		name: "a loser that took the goods of an order that is cancelled gives the platform its answer", carriers: three,
		steps: []step{racing(2), quoted(), okPlace(1), okPlace(2), says(2, carrier.Accepted), cancelRefused(1), pass(time.Second), withdraws("k"),
			says(1, carrier.PickedUp), cancelOK(2, 100), pass(10 * time.Second), shows(1, carrier.PickedUp), cancelRefused(1)},
		state: order.PickedUp, attempts: "1 picked_up, 2 cancelled(order_cancelled)", calls: "1 place, 2 place, 1 cancel, 2 cancel, 1 query, 1 cancel",
		command: "refused: the carrier refused", money: "1 hold 800, 2 hold 900, 2 penalty 100(order_cancelled), 2 release 800",
		milestones: "dispatching assigned picked_up", open: true,
	},
	{
		name:  "nothing is redispatched while goods come back",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Returning), wants("k", order.CommandRedispatch, order.CommandArgs{})},
		state: order.Returning, attempts: "1 returning", calls: "1 place", command: "refused: the goods are under way", money: "1 hold 800",
		milestones: "dispatching returning", open: true,
	},
	{
		name: "a cancel that was agreed to while the goods came back is asked about until the carrier names its price", carriers: shansong,
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(20 * time.Minute), shows(1, carrier.Accepted), wants("k", order.CommandCancel, order.CommandArgs{}), cancelOK(1),
			shows(1, carrier.Returning), pass(6 * time.Minute), shows(1, carrier.Returning), pass(6 * time.Minute), shows(1, carrier.Cancelled, charged(0), fined(1400))},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 query, 1 cancel, 1 query, 1 query, 1 query", command: order.Applied,
		money: "1 hold 1400, 1 penalty 500(order_cancelled), 1 release 900, 1 overdraw 900, 1 penalty 900(order_cancelled)", milestones: "dispatching assigned cancelled",
	},
	{
		name:  "goods that turn round twice, their pickup never told: the order ends",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Returning), withdraws("k"), pass(time.Second), says(1, carrier.PickedUp), shows(1, carrier.PickedUp), cancelOK(1, 300)},
		state: order.Returned, attempts: "1 returned(order_cancelled)", calls: "1 place, 1 query, 1 cancel", command: order.Applied,
		money: "1 hold 800, 1 penalty 300(order_cancelled), 1 release 500, 0 penalty_in 1500(platform)", milestones: "dispatching returning returned",
	},
	{
		name: "goods that our impatience sends back are not on their way to the customer", carriers: shansong,
		steps: []step{quoted(), okPlace(1), pass(90 * time.Second), shows(1, carrier.Waiting), cancelReturns(1, 500)},
		state: order.Dispatching, attempts: "1 returning", calls: "1 place, 1 query, 1 cancel, 1 query", money: "1 hold 1400", milestones: "dispatching", open: true,
	},
	{
		name: "force takes a carrier whose rider is just being taken off",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), wants("r", order.CommandRedispatch, order.CommandArgs{}),
			wants("k", order.CommandForce, order.CommandArgs{Carrier: "uupt"}), cancelOK(1, 50), quoted(), okPlace(9)},
		state: order.Dispatching, attempts: "1 cancelled(redispatch), 9 placed", calls: "1 place, 1 cancel, 9 place", command: order.Applied,
		money: "1 hold 800, 1 penalty 50(redispatch), 1 release 750, 9 hold 800", milestones: "dispatching assigned dispatching", open: true,
	},
	{
		name:  "a cancel by our own people costs the platform nothing",
		steps: []step{quoted(), okPlace(1), says(1, carrier.Accepted), pass(20 * time.Minute), shows(1, carrier.Accepted), wants("k", order.CommandCancel, order.CommandArgs{}), cancelOK(1, 300)},
		state: order.Cancelled, attempts: "1 cancelled(order_cancelled)", calls: "1 place, 1 query, 1 cancel", command: order.Applied,
		money: "1 hold 800, 1 penalty 300(order_cancelled), 1 release 500", milestones: "dispatching assigned cancelled",
	},
	{
		name: "a redispatch outdoes the patience with a slow carrier",
		steps: []step{quoted(), okPlace(1), pass(90 * time.Second), shows(1, carrier.Waiting), fails(1, carrier.KindNotSent), wants("k", order.CommandRedispatch, order.CommandArgs{}),
			says(1, carrier.Accepted), pass(10 * time.Second), cancelOK(1, 50), okPlace(2)},
		state: order.Dispatching, attempts: "1 cancelled(redispatch), 2 placed", calls: "1 place, 1 query, 1 cancel, 1 cancel, 2 place", command: order.Applied,
		money: "1 hold 800, 1 penalty 50(redispatch), 1 release 750, 2 hold 1400", milestones: "dispatching", open: true,
	},
}

func TestAttacks(t *testing.T) {
	t.Parallel()
	for _, s := range attacks {
		t.Run(s.name, s.run)
	}
}
