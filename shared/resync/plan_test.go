package resync

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/strategy"
)

func TestNumbersUnderWhichAnOrderMayHaveBeenPlaced(t *testing.T) {
	t.Parallel()
	all := []string{"shansong", "uupt"}
	planned := strategy.Strategy{Name: "x", Carriers: []string{"uupt", "closed", "shansong"}}
	for name, c := range map[string]struct {
		o     order.Aggregate
		round int // asked for; 0 = the first
		want  []probe
	}{
		"received":             {o: order.Aggregate{Order: order.Order{State: order.Received, Round: 1, Strategy: planned}}, want: []probe{{1, "uupt"}, {3, "shansong"}}},
		"for later":            {o: order.Aggregate{Order: order.Order{State: order.Received, Strategy: planned}}, want: []probe{{1, "uupt"}, {3, "shansong"}}},
		"in its third round":   {o: order.Aggregate{Order: order.Order{State: order.Dispatching, Round: 3, Strategy: planned}}, want: []probe{{17, "uupt"}, {19, "shansong"}}},
		"one of them is known": {o: order.Aggregate{Order: order.Order{State: order.Assigned, Round: 1, Strategy: planned}, Attempts: []*order.Attempt{{N: 1, Carrier: "uupt"}}}, want: []probe{{3, "shansong"}}},
		"the round behind":     {o: order.Aggregate{Order: order.Order{State: order.Assigned, Round: 1, Strategy: planned}}, round: 2, want: []probe{{9, "uupt"}, {11, "shansong"}}},
		"over":                 {o: order.Aggregate{Order: order.Order{State: order.Delivered, Round: 1, Strategy: planned}}},
		"only its number is known": {o: order.Aggregate{Order: order.Order{State: order.Received, Round: 1}},
			want: []probe{{1, "shansong"}, {1, "uupt"}, {2, "shansong"}, {2, "uupt"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			round := c.round
			if round == 0 {
				round = firstRound(&c.o)
			}
			if c.want == nil {
				require.Zero(t, round)
				return
			}
			require.Equal(t, c.want, probes(&c.o, round, all))
		})
	}
}

// A bill completes what a carrier's answer leaves out, and never contradicts one that states it.
func TestBillsCompleteAnswers(t *testing.T) {
	t.Parallel()
	fen := func(v money.Fen) *money.Fen { return &v }
	b := &billed{fee: 800, tip: 100}
	fined := &billed{penalty: 300}
	for name, c := range map[string]struct {
		bill *billed
		s    carrier.Status
		want carrier.Status
	}{
		"delivered":           {b, carrier.Status{State: carrier.Delivered}, carrier.Status{State: carrier.Delivered, Charged: fen(900)}},
		"cancelled":           {fined, carrier.Status{State: carrier.Cancelled}, carrier.Status{State: carrier.Cancelled, Penalty: fen(300)}},
		"stated":              {b, carrier.Status{State: carrier.Delivered, Charged: fen(850)}, carrier.Status{State: carrier.Delivered, Charged: fen(850)}},
		"not over":            {b, carrier.Status{State: carrier.PickedUp}, carrier.Status{State: carrier.PickedUp}},
		"no bill":             {nil, carrier.Status{State: carrier.Delivered}, carrier.Status{State: carrier.Delivered}},
		"nothing charged":     {&billed{}, carrier.Status{State: carrier.Cancelled}, carrier.Status{State: carrier.Cancelled}},
		"delivered and fined": {&billed{fee: 800, penalty: 50}, carrier.Status{State: carrier.Delivered}, carrier.Status{State: carrier.Delivered, Charged: fen(800), Penalty: fen(50)}},
	} {
		require.Equal(t, c.want, c.bill.complete(c.s), name)
	}
}
