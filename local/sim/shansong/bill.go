package shansong

import (
	"fmt"
	"strconv"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/chuandao/qianfan/local/sim/world"
)

// billKinds are 闪送's words for what a line is for.
var billKinds = map[world.BillKind]string{
	world.BillFee: "订单支付", world.BillTip: "加小费", world.BillPenalty: "取消扣费", world.BillRefund: "退款",
	world.BillCompensation: "赔付", world.BillOther: "保价费",
}

// billForm is how 闪送 writes bills here: whole 分, GBK, Beijing time. GAP: the real form is
// not public.
var billForm = world.BillForm{
	ContentType: "text/csv; charset=gbk", Encode: gbk,
	Header: []string{"闪送订单号", "第三方单号", "交易类型", "金额（分）", "交易时间"},
	Rows: world.RowEach(func(l world.BillLine) []string {
		return []string{l.CarrierNo, l.ClientNo, billKinds[l.Kind], l.Fen(), l.At.In(world.Shanghai).Format("2006/01/02 15:04:05")}
	}),
	Footer: func(t world.BillTotals) []string {
		return []string{"合计", strconv.Itoa(t.Rows), "", strconv.FormatInt(int64(t.Net()), 10), ""}
	},
}

func gbk(utf8 []byte) ([]byte, error) {
	text, err := simplifiedchinese.GBK.NewEncoder().Bytes(utf8)
	if err != nil {
		return nil, fmt.Errorf("gbk: %w", err)
	}
	return text, nil
}

// Bill is the bill of a business day; errors are those of world.Fleet.Bill.
func (s *Service) Bill(day string, m world.Mistakes) (world.Bill, error) {
	return s.fleet.Bill(day, m, billForm)
}

// BillDays are the business days with a bill.
func (s *Service) BillDays() []string { return s.fleet.BillDays() }
