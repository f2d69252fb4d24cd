package dada_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/local/sim/world/worldtest"
)

func TestBill(t *testing.T) {
	t.Parallel()
	p := start(t, nil)
	worldtest.SmallDay(t, p.clock, p.sim, p.place)
	require.Equal(t, []string{"2026-03-04"}, p.sim.BillDays())

	bill, err := p.sim.Bill("2026-03-04", world.Mistakes{})
	require.NoError(t, err)
	require.Equal(t, "dada-2026-03-04.csv", bill.Name)
	require.Equal(t, `达达单号,商户单号,运费,小费,违约金,退款,赔付,完成时间
2801793600000002,QF1001,8.00,3.00,,,,2026-03-04 09:20:00
2801793600000004,QF1002,,,2.00,,,2026-03-04 09:30:00
2801793600000002,QF1001,,,,1.00,1234.56,2026-03-04 10:00:00
2801793600000004,QF1002,,,5.00,,,2026-03-04 10:00:00
合计,4,8.00,3.00,7.00,1.00,1234.56,
`, string(bill.Body))
	_, err = p.sim.Bill("2026-03-05", world.Mistakes{})
	require.ErrorIs(t, err, world.ErrNoBill)
}
