package uupt

import (
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// billKinds are UU's words for what a line is for.
var billKinds = map[world.BillKind]string{
	world.BillFee: "配送费", world.BillTip: "小费", world.BillPenalty: "违约金", world.BillRefund: "退款",
	world.BillCompensation: "赔付", world.BillOther: "保价费",
}

// billForm is how UU writes bills here: 元, a byte order mark, CRLF, Beijing time. GAP: the
// real form is not public.
var billForm = world.BillForm{
	ContentType: "text/csv; charset=utf-8", BOM: true, CRLF: true,
	Header: []string{"订单编号", "商户订单号", "费用类型", "金额(元)", "发生时间"},
	Rows: world.RowEach(func(l world.BillLine) []string {
		return []string{l.CarrierNo, l.ClientNo, billKinds[l.Kind], l.Yuan(), l.At.In(world.Shanghai).Format(time.DateTime)}
	}),
	Footer: func(t world.BillTotals) []string {
		return []string{"合计", strconv.Itoa(t.Rows), "", t.Net().Yuan(), ""}
	},
}

// Bill is the bill of a business day; errors are those of world.Fleet.Bill.
func (s *Service) Bill(day string, m world.Mistakes) (world.Bill, error) {
	return s.fleet.Bill(day, m, billForm)
}

// BillDays are the business days with a bill.
func (s *Service) BillDays() []string { return s.fleet.BillDays() }
