package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// A carrier that pays us for its fault: its books, our balance with it and the order's profit
// agree, and the money can be spent again.
func TestACarrierAtFaultPaysUs(t *testing.T) {
	t.Parallel()
	w := healthy(t)
	id := w.orders(t, 1)[0]
	w.change(t, id, []store.Hold{{Carrier: "uupt", Account: "main", Amount: 880}}, func(x *turn.Turn) {
		step(x, "order", 0, "received", "quoted")
		step(x, "order", 0, "quoted", "dispatching")
		tell(x)
		step(x, "attempt", 1, "", "intent")
		step(x, "attempt", 1, "intent", "placed")
		step(x, "attempt", 1, "placed", "cancelled")
		step(x, "order", 0, "dispatching", "failed")
		tell(x)
		fact(x, of("uupt", 1, order.FactHold, 880, ""))
		fact(x, of("uupt", 1, order.FactFault, 100, order.CauseRider))
		fact(x, of("uupt", 1, order.FactRelease, 980, ""))
		x.State, x.Goal, x.ActAt, x.Timers = order.Failed, order.ToFail, time.Time{}, nil
		x.Attempts = []*order.Attempt{{N: 1, Carrier: "uupt", Account: "main", CarrierNo: "uu-f", State: order.AttemptCancelled, Under: order.Placed, Penalty: -100, Confirmed: true, Cause: order.CauseRider}}
		x.Changed[1] = true
		x.Refs = []turn.Ref{{Carrier: "uupt", CarrierNo: "uu-f", N: 1}}
	})
	_, err := w.Settle(t.Context(), []int64{id}, now)
	require.NoError(t, err)
	require.Equal(t, int64(-100), one[int64](t, w.fixture, "SELECT SUM(IF(debit, amount_fen, -amount_fen)) FROM ledger_entry WHERE account = 'income:compensation:uupt'"))
	require.Equal(t, int64(50_000-40+100), one[int64](t, w.fixture, "SELECT SUM(free_fen) FROM prepaid_shard WHERE carrier = 'uupt'"))
	w.books[1].BalanceFen += 100
	w.books[1].Orders = append(w.books[1].Orders, store.CarrierBookOrder{CarrierNo: "uu-f", ClientNo: order.OurNo(id, 1), ChargedFen: -100, PenaltyFen: -100})
	leased, err := w.LeaseReports(t.Context(), []int64{id}, "me", now, now.Add(time.Minute))
	require.NoError(t, err)
	k := store.ToldKey{Platform: leased[0].Order.Platform, No: leased[0].Order.No}
	for _, m := range leased[0].Milestones {
		w.told[k] = append(w.told[k], m.State)
	}
	require.NoError(t, w.SaveTold(t.Context(), "me", []store.TellResult{{Order: id, Told: leased[0].Order.Milestone}}))
	require.Empty(t, w.check(t).Violated)

	_, closed, _, err := w.Follow(t.Context(), store.ClosedCursor{})
	require.NoError(t, err)
	for _, o := range closed {
		if o.ID == id {
			require.Equal(t, money.Fen(-100), o.Cost)
		}
	}
	w.books[1].Orders[len(w.books[1].Orders)-1].ChargedFen = 0
	require.NotEmpty(t, w.check(t).Violated, "the carrier's books say that it paid nothing")
}
