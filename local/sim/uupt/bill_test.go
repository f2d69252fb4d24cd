package uupt_test

import (
	"strings"
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
	require.Equal(t, "uupt-2026-03-04.csv", bill.Name)
	require.Equal(t, "\ufeff"+strings.ReplaceAll(`订单编号,商户订单号,费用类型,金额(元),发生时间
260304090000000225600002,QF1001,配送费,8.00,2026-03-04 09:20:00
260304090000000225600002,QF1001,小费,3.00,2026-03-04 09:20:00
260304090000000225600004,QF1002,违约金,2.00,2026-03-04 09:30:00
260304090000000225600002,QF1001,退款,1.00,2026-03-04 10:00:00
260304090000000225600002,QF1001,赔付,1234.56,2026-03-04 10:00:00
260304090000000225600004,QF1002,违约金,5.00,2026-03-04 10:00:00
合计,6,,-1217.56,
`, "\n", "\r\n"), string(bill.Body))
	_, err = p.sim.Bill("2026-03-05", world.Mistakes{})
	require.ErrorIs(t, err, world.ErrNoBill)
}
