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
			want: everywhere(all)},
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

// everywhere is every place of the first round, with every carrier.
func everywhere(carriers []string) (all []probe) {
	for n := 1; n <= 8; n++ {
		for _, name := range carriers {
			all = append(all, probe{n, name})
		}
	}
	return all
}

// A bill completes the 违约金 that a carrier's answer leaves out, as far as reconciliation would
// take it from there by itself, and nothing else.
func TestBillsCompleteAnswers(t *testing.T) {
	t.Parallel()
	fen := func(v money.Fen) *money.Fen { return &v }
	one, two := make([]Stray, 1), make([]Stray, 2)
	for name, c := range map[string]struct {
		bill *billed
		s    carrier.Status
		want *money.Fen
	}{
		"cancelled":            {&billed{penalty: 300, lines: one}, carrier.Status{State: carrier.Cancelled}, fen(300)},
		"returned":             {&billed{penalty: 2000, lines: one}, carrier.Status{State: carrier.Returned}, fen(2000)},
		"too much":             {&billed{penalty: 2001, lines: one}, carrier.Status{State: carrier.Cancelled}, nil},
		"beside something":     {&billed{penalty: 300, tip: 100, lines: two}, carrier.Status{State: carrier.Cancelled}, nil},
		"a fee":                {&billed{fee: 800, lines: one}, carrier.Status{State: carrier.Cancelled}, nil},
		"stated":               {&billed{penalty: 300, lines: one}, carrier.Status{State: carrier.Cancelled, Penalty: fen(200)}, fen(200)},
		"nothing back":         {&billed{penalty: 300, lines: one}, carrier.Status{State: carrier.Cancelled, Charged: fen(300)}, nil},
		"not over":             {&billed{penalty: 300, lines: one}, carrier.Status{State: carrier.PickedUp}, nil},
		"delivered and fined":  {&billed{penalty: 300, lines: one}, carrier.Status{State: carrier.Delivered}, nil},
		"no bill":              {nil, carrier.Status{State: carrier.Cancelled}, nil},
		"only a refund is not": {&billed{lines: one}, carrier.Status{State: carrier.Cancelled}, nil},
	} {
		got := c.bill.complete(c.s)
		require.Equal(t, c.want, got.Penalty, name)
		require.Equal(t, c.s.Charged, got.Charged, name)
	}
}
