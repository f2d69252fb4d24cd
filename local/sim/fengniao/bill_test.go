package fengniao_test

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
	require.Equal(t, "fengniao-2026-03-04.csv", bill.Name)
	require.Equal(t, strings.ReplaceAll(`运单号 外部单号 科目 发生额 时间
100001767225600001 QF1001 运费 -9.00 2026-03-04T09:20:00+08:00
100001767225600001 QF1001 小费 -3.00 2026-03-04T09:20:00+08:00
100001767225600002 QF1002 违约金 -2.00 2026-03-04T09:30:00+08:00
100001767225600001 QF1001 退款 1.00 2026-03-04T10:00:00+08:00
100001767225600001 QF1001 赔付 1234.56 2026-03-04T10:00:00+08:00
100001767225600002 QF1002 违约金 -5.00 2026-03-04T10:00:00+08:00
合计 6  1216.56 
`, " ", "\t"), string(bill.Body))
	_, err = p.sim.Bill("2026-03-05", world.Mistakes{})
	require.ErrorIs(t, err, world.ErrNoBill)
}
