package sftc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

func TestBill(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	worldtest.SmallDay(t, p.clock, p.sim, func(no string) { p.place(no) })
	require.Equal(t, []string{"2026-03-04"}, p.sim.BillDays())

	bill, err := p.sim.Bill("2026-03-04", world.Mistakes{})
	require.NoError(t, err)
	require.Equal(t, "sftc-2026-03-04.csv", bill.Name)
	require.Equal(t, `sf_order_id,shop_order_id,fee_type,amount,trade_time
3260304700000000001,QF1001,delivery,9.00,1772587200
3260304700000000001,QF1001,tip,3.00,1772587200
3260304700000000001,QF1001,refund,1.00,1772589600
3260304700000000001,QF1001,claim,"1,234.56",1772589600
3260304700000000002,QF1002,cancel,5.00,1772589600
TOTAL,5,,"-1,218.56",
`, string(bill.Body))
	_, err = p.sim.Bill("2026-03-05", world.Mistakes{})
	require.ErrorIs(t, err, world.ErrNoBill)
}
