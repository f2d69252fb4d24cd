package emulator_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// Shops by the strategy of their city: the cheapest carrier, which is UU跑腿 at every
// distance, or 闪送 first and then UU跑腿.
const (
	cheapestShop   = "qf-shop-0001" // 杭州
	sequentialShop = "qf-shop-0002" // 上海
)

// always is more often than a scripted fault is asked for.
const always = 1000

// near is a request whose drop-off lies some 1,500 m away, so that no life depends on a drawn distance.
func (r *rig) near(shop string) world.OrderRequest {
	for _, s := range shops() {
		if s.Code == shop {
			to := s.Point().Away(1500, 1)
			return world.OrderRequest{Shop: shop, Dropoff: &to, Value: 3000}
		}
	}
	require.Fail(r.t, "no such shop", shop)
	return world.OrderRequest{}
}

// prepaid is the account of our money with a carrier.
func prepaid(carrier string) string { return "carrier:" + carrier + ":main:prepaid" }

// deliveredNet are the entries of an order that one carrier delivered for so much.
func deliveredNet(carrier string, cost, fee money.Fen) map[string]money.Fen {
	return map[string]money.Fen{
		"expense:delivery:" + carrier: cost, prepaid(carrier): -cost,
		"platform:meituan:receivable": fee, "income:delivery:meituan": -fee,
	}
}

// cancelledNet are the entries of a cancelled order: 违约金 to the carrier, 违约金 from the platform.
func cancelledNet(carrier string, paid, earned money.Fen) map[string]money.Fen {
	out := map[string]money.Fen{}
	if paid != 0 {
		out["expense:penalty:"+carrier+":order_cancelled"], out[prepaid(carrier)] = paid, -paid
	}
	if earned != 0 {
		out["platform:meituan:penalty_receivable"], out["income:penalty:meituan"] = earned, -earned
	}
	return out
}

func TestPathDelivered(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	no := r.push(r.near(cheapestShop))
	s := r.settle()
	require.Equal(t, "delivered", r.state(no))
	require.Equal(t, []string{"uupt delivered"}, r.attempts(no))
	require.Equal(t, []int{0, 10, 15, 20, 40}, r.told(no))
	require.Empty(t, r.book(no).Violations)
	waybill := r.carriedOne("uupt")
	require.Equal(t, money.Fen(800), waybill.Charged, "within the first three kilometres")
	require.Equal(t, money.Fen(1500), r.fee(no))
	require.Equal(t, deliveredNet("uupt", 800, 1500), r.net(no))
	require.Empty(t, r.carried("shansong"), "nobody else was asked to carry it")
	require.Equal(t, 1, s.Attempts.Won)
}

func TestPathCancelledBeforePlacement(t *testing.T) {
	t.Parallel()
	t.Run("while carriers are still asked for prices", func(t *testing.T) {
		t.Parallel()
		r := startFrozen(t)
		r.script(world.Script{Party: "uupt", Fault: world.CallHang, Detail: "quote"}, world.Script{Party: "shansong", Fault: world.CallHang, Detail: "quote"})
		no := r.push(r.near(cheapestShop))
		r.cancel(no)
		r.settle()
		require.Equal(t, "cancelled", r.state(no))
		require.Empty(t, r.attempts(no))
		require.Equal(t, []int{100}, r.told(no))
		require.Empty(t, r.net(no), "it costs nobody anything")
	})
	t.Run("before a scheduled order (预约单) is released", func(t *testing.T) {
		t.Parallel()
		r := startFrozen(t)
		request := r.near(cheapestShop)
		later := r.Clock.Now().Add(3 * time.Hour)
		request.Expected = &later
		no := r.push(request)
		require.NoError(t, r.Clock.Advance(t.Context(), time.Hour))
		require.Equal(t, "received", r.state(no))
		r.cancel(no)
		r.settle()
		require.Equal(t, "cancelled", r.state(no))
		require.Empty(t, r.carried("uupt"))
		require.Empty(t, r.texts("SELECT carrier FROM quote"), "nobody was even asked")
		require.Equal(t, []int{100}, r.told(no))
		require.Empty(t, r.net(no))
	})
}

func TestPathScheduledOrderIsReleasedInTime(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	request := r.near(cheapestShop)
	expected := r.Clock.Now().Add(3 * time.Hour)
	request.Expected = &expected
	no := r.push(request)
	r.settle()
	require.Equal(t, "delivered", r.state(no))
	placed := r.carriedOne("uupt").Placed
	require.WithinRange(t, placed, expected.Add(-45*time.Minute), expected.Add(-45*time.Minute+10*time.Second), "45 minutes before, by its timer and not by the sweep")
}

func TestPathCancelledAfterPlacement(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	no := r.push(r.near(cheapestShop))
	r.await("the placement", r.attemptIn(no, "uupt", "placed"))
	r.cancel(no)
	r.settle()
	require.Equal(t, "cancelled", r.state(no))
	require.Equal(t, []string{"uupt cancelled order_cancelled"}, r.attempts(no))
	require.Equal(t, []int{0, 100}, r.told(no))
	require.Equal(t, world.Cancelled, r.carriedOne("uupt").State)
	require.Zero(t, r.carriedOne("uupt").Charged)
	require.Empty(t, r.net(no), "nobody had accepted: free on both sides")
}

// Cancels with a rider under way cost 违约金 on both sides, by the default table: the
// carrier takes it by its attempt's state, the platform owes it by the order's.
func TestPathCancelledWithARider(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, shop, carrier, at string
		wait                    time.Duration
		paid, earned            money.Fen
		told                    []int
	}{
		{"闪送, at acceptance", sequentialShop, "shansong", "assigned", 0, 200, 0, []int{0, 10, 100}},
		{"闪送, at the shop", sequentialShop, "shansong", "arrived", 0, 200, 500, []int{0, 10, 15, 100}},
		{"UU跑腿, at acceptance", cheapestShop, "uupt", "assigned", 0, 0, 0, []int{0, 10, 100}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := startFrozen(t)
			no := r.push(r.near(row.shop))
			r.runUntil("the order is "+row.at, r.in(no, row.at))
			r.cancel(no)
			r.settle()
			require.Equal(t, "cancelled", r.state(no))
			require.Equal(t, []string{row.carrier + " cancelled order_cancelled"}, r.attempts(no))
			require.Equal(t, row.told, r.told(no))
			waybill := r.carriedOne(row.carrier)
			require.Equal(t, row.paid, waybill.Penalty, "what the carrier's own books say")
			require.Equal(t, row.paid, waybill.Charged)
			require.Equal(t, cancelledNet(row.carrier, row.paid, row.earned), r.net(no))
		})
	}
}

func TestPathCancelledAfterPickup(t *testing.T) {
	t.Parallel()
	t.Run("闪送 rides back", func(t *testing.T) {
		t.Parallel()
		r := startFrozen(t)
		no := r.push(r.near(sequentialShop))
		r.runUntil("pickup", r.in(no, "picked_up"))
		r.cancel(no)
		r.runUntil("the goods are on their way back", r.in(no, "returning"))
		require.Equal(t, []string{"shansong returning"}, r.attempts(no))
		r.settle()
		require.Equal(t, "returned", r.state(no))
		require.Equal(t, []string{"shansong returned order_cancelled"}, r.attempts(no))
		require.Equal(t, []int{0, 10, 15, 20, 100}, r.told(no))
		waybill := r.carriedOne("shansong")
		require.True(t, waybill.End.Returned)
		require.True(t, asked(waybill, "confirm_return"), "the return was confirmed by us, not by 闪送's own patience")
		require.Positive(t, waybill.Charged)
		require.Equal(t, waybill.Charged, waybill.Penalty)
		require.Equal(t, cancelledNet("shansong", waybill.Charged, r.fee(no)), r.net(no), "the platform owes the whole fee")
	})
	t.Run("UU跑腿 brings it back for a fixed fee", func(t *testing.T) {
		t.Parallel()
		r := startFrozen(t)
		no := r.push(r.near(cheapestShop))
		r.runUntil("pickup", r.in(no, "picked_up"))
		r.cancel(no)
		r.settle()
		require.Equal(t, "returned", r.state(no))
		require.Equal(t, []string{"uupt returned order_cancelled"}, r.attempts(no))
		require.Equal(t, []int{0, 10, 15, 20, 100}, r.told(no))
		require.Equal(t, money.Fen(300), r.carriedOne("uupt").Penalty)
		require.Equal(t, cancelledNet("uupt", 300, r.fee(no)), r.net(no))
	})
}

// asked tells whether a carrier's books have a call about an order.
func asked(o world.BookOrder, call string) bool {
	return slices.ContainsFunc(o.History, func(h world.Record) bool { return h.What == "asked" && h.Detail == call })
}

func TestPathCarrierRefuses(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	r.script(world.Script{Party: "uupt", Fault: world.PlaceRefused})
	no := r.push(r.near(cheapestShop))
	s := r.settle()
	require.Equal(t, "delivered", r.state(no))
	require.Equal(t, []string{"shansong delivered", "uupt rejected refused"}, r.attempts(no))
	require.Equal(t, []int{0, 10, 15, 20, 40}, r.told(no), "the platform hears nothing of the refusal")
	require.Empty(t, r.carried("uupt"))
	require.Equal(t, deliveredNet("shansong", r.carriedOne("shansong").Charged, r.fee(no)), r.net(no))
	require.Equal(t, 1, s.Attempts.Rejected)
}

func TestPathNobodyAcceptsInTime(t *testing.T) {
	t.Parallel()
	t.Run("the next carrier does", func(t *testing.T) {
		t.Parallel()
		r := startFrozen(t)
		r.script(world.Script{Party: "uupt", Fault: world.NoRider})
		no := r.push(r.near(cheapestShop))
		s := r.settle()
		require.Equal(t, "delivered", r.state(no))
		require.Equal(t, []string{"uupt cancelled accept_timeout", "shansong delivered"}, r.attempts(no))
		require.Equal(t, []int{0, 10, 15, 20, 40}, r.told(no))
		first, second := r.carriedOne("uupt"), r.carriedOne("shansong")
		require.WithinRange(t, first.Changed, first.Placed.Add(90*time.Second), first.Placed.Add(2*time.Minute), "90 s to accept")
		require.False(t, second.Placed.Before(first.Changed), "never two at once in sequence")
		require.Zero(t, first.Charged)
		require.Equal(t, deliveredNet("shansong", second.Charged, r.fee(no)), r.net(no))
		require.Equal(t, 1, s.Attempts.Cancelled)
	})
	t.Run("nobody does, and the platform is told", func(t *testing.T) {
		t.Parallel()
		r := startFrozen(t)
		for _, c := range []string{"uupt", "shansong"} {
			r.script(world.Script{Party: c, Fault: world.NoRider, Times: always})
		}
		no := r.push(r.near(cheapestShop))
		received := r.Clock.Now()
		s := r.settle()
		require.Equal(t, "failed", r.state(no))
		require.Equal(t, []int{0, 100}, r.told(no))
		attempts := r.attempts(no)
		require.GreaterOrEqual(t, len(attempts), 4, "more than one round: %v", attempts)
		for _, a := range attempts {
			require.Regexp(t, "^(uupt|shansong) cancelled (accept_timeout|give_up)$", a)
		}
		require.Empty(t, r.net(no))
		require.Equal(t, 1, s.Orders.Failed)
		told := r.book(no).Told
		require.WithinRange(t, told[len(told)-1].At, received.Add(15*time.Minute), received.Add(17*time.Minute), "given up after 15 minutes")
	})
}

func TestPathCarrierCancelsAfterAcceptance(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	r.script(world.Script{Party: "uupt", Fault: world.CarrierCancel, As: "final"})
	no := r.push(r.near(cheapestShop))
	r.settle()
	require.Equal(t, "delivered", r.state(no))
	attempts := r.attempts(no)
	require.Len(t, attempts, 2)
	require.Equal(t, "uupt cancelled carrier", attempts[0])
	require.Regexp(t, "delivered$", attempts[1])
	require.Regexp(t, "^0 10 (15 )?0 10 15 20 40$", codes(r.told(no)), "back to seeking, then another rider")
	require.Empty(t, r.book(no).Violations)
	carrier := strings.Fields(attempts[1])[0]
	var took money.Fen
	for _, o := range r.carried(carrier) {
		took += o.Charged
	}
	require.Equal(t, deliveredNet(carrier, took, r.fee(no)), r.net(no))
}

func codes(all []int) string {
	out := make([]string, len(all))
	for i, c := range all {
		out[i] = strconv.Itoa(c)
	}
	return strings.Join(out, " ")
}

// 转单: the carrier keeps the order and only changes the rider.
func TestPathCarrierChangesTheRider(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	r.script(world.Script{Party: "uupt", Fault: world.CarrierCancel, As: "reassign"})
	no := r.push(r.near(cheapestShop))
	r.settle()
	require.Equal(t, "delivered", r.state(no))
	require.Equal(t, []string{"uupt delivered"}, r.attempts(no), "one placement all along")
	require.Regexp(t, "^0 10 (15 )?0 10 15 20 40$", codes(r.told(no)))
	var riders []string
	for _, told := range r.book(no).Told {
		if told.Status == 10 && !told.Repeat {
			riders = append(riders, told.Courier)
		}
	}
	require.Len(t, riders, 2)
	require.NotEqual(t, riders[0], riders[1])
	require.Equal(t, deliveredNet("uupt", 800, 1500), r.net(no))
}

// The carrier carries a placement out, and neither its answer nor its first callback comes.
func TestPathPlacementInDoubt(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ shop, carrier string }{{cheapestShop, "uupt"}, {sequentialShop, "shansong"}} {
		t.Run(row.carrier, func(t *testing.T) {
			t.Parallel()
			r := startFrozen(t)
			r.script(world.Script{Party: row.carrier, Fault: world.CallTimeout, Detail: "place"},
				world.Script{Party: row.carrier, Fault: world.CallbackLost, Detail: "waiting"})
			no := r.push(r.near(row.shop))
			r.await("doubt", r.attemptIn(no, row.carrier, "unknown"))
			require.Len(t, r.attempts(no), 1, "no other carrier is tried meanwhile")
			s := r.settle()
			require.Equal(t, "delivered", r.state(no))
			require.Equal(t, []string{row.carrier + " delivered"}, r.attempts(no))
			require.Equal(t, 1, s.Attempts.UnknownResolved)
			waybill := r.carriedOne(row.carrier)
			require.True(t, asked(waybill, "query"))
			require.Equal(t, []int{0, 10, 15, 20, 40}, r.told(no))
			require.Equal(t, deliveredNet(row.carrier, waybill.Charged, r.fee(no)), r.net(no))
		})
	}
}

// A placement that never reached the carrier is in doubt as well, and is given up only when
// the carrier has said often enough that it knows nothing of it.
func TestPathPlacementThatNeverHappened(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	r.script(world.Script{Party: "uupt", Fault: world.CallHang, Detail: "place"})
	no := r.push(r.near(cheapestShop))
	r.await("doubt", r.attemptIn(no, "uupt", "unknown"))
	s := r.settle()
	require.Equal(t, "delivered", r.state(no))
	require.Equal(t, []string{"shansong delivered", "uupt rejected never_placed"}, r.attempts(no))
	require.Equal(t, 1, s.Attempts.UnknownResolved)
	require.Empty(t, r.carried("uupt"))
	require.Equal(t, deliveredNet("shansong", r.carriedOne("shansong").Charged, r.fee(no)), r.net(no))
}

// The first callback overtakes the answer to the call that caused it.
func TestPathCallbackBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	r := startFrozen(t)
	r.script(world.Script{Party: "uupt", Fault: world.CallTimeout, Detail: "place"})
	no := r.push(r.near(cheapestShop))
	r.await("the callback is applied", r.attemptIn(no, "uupt", "placed"))
	require.NotEmpty(t, one[string](r, "SELECT call_kind FROM attempt"), "the placement is still being waited for")
	require.NotEmpty(t, one[string](r, "SELECT carrier_no FROM attempt"), "the carrier's number is known by its callback")
	s := r.settle()
	require.Equal(t, "delivered", r.state(no))
	require.Zero(t, s.Attempts.UnknownResolved, "it never was in doubt")
	require.Zero(t, one[int](r, "SELECT COUNT(*) FROM order_event WHERE to_name = 'unknown'"))
	require.Equal(t, deliveredNet("uupt", 800, 1500), r.net(no))
}

// The carrier cancels, and neither its answer nor its callback comes.
func TestPathCancelInDoubt(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		shop, carrier string
		paid          money.Fen
	}{{cheapestShop, "uupt", 0}, {sequentialShop, "shansong", 200}} {
		t.Run(row.carrier, func(t *testing.T) {
			t.Parallel()
			r := startFrozen(t)
			r.script(world.Script{Party: row.carrier, Fault: world.CallTimeout, Detail: "cancel"},
				world.Script{Party: row.carrier, Fault: world.CallbackLost, Detail: "cancelled"})
			no := r.push(r.near(row.shop))
			r.runUntil("a rider", r.in(no, "assigned"))
			r.cancel(no)
			r.settle()
			require.Equal(t, "cancelled", r.state(no))
			require.Equal(t, []string{row.carrier + " cancelled order_cancelled"}, r.attempts(no))
			waybill := r.carriedOne(row.carrier)
			require.True(t, asked(waybill, "query"))
			require.Equal(t, 1, count(waybill, "cancel"), "a cancel in doubt is not repeated but queried")
			require.Equal(t, []int{0, 10, 100}, r.told(no))
			require.Equal(t, cancelledNet(row.carrier, row.paid, 0), r.net(no))
		})
	}
}

func count(o world.BookOrder, call string) int {
	n := 0
	for _, h := range o.History {
		if h.What == "asked" && h.Detail == call {
			n++
		}
	}
	return n
}
