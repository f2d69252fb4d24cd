package shansong_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"

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
	require.Equal(t, "shansong-2026-03-04.csv", bill.Name)
	text, err := simplifiedchinese.GBK.NewDecoder().Bytes(bill.Body)
	require.NoError(t, err)
	require.Equal(t, `闪送订单号,第三方单号,交易类型,金额（分）,交易时间
TDH2026030425600001,QF1001,订单支付,1400,2026/03/04 09:20:00
TDH2026030425600001,QF1001,加小费,300,2026/03/04 09:20:00
TDH2026030425600002,QF1002,取消扣费,500,2026/03/04 09:30:00
TDH2026030425600001,QF1001,退款,100,2026/03/04 10:00:00
TDH2026030425600001,QF1001,赔付,123456,2026/03/04 10:00:00
TDH2026030425600002,QF1002,取消扣费,500,2026/03/04 10:00:00
合计,6,,-120856,
`, string(text))
	_, err = p.sim.Bill("2026-03-05", world.Mistakes{})
	require.ErrorIs(t, err, world.ErrNoBill)
}
