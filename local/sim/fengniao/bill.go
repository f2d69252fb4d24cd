package fengniao

import (
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// billKinds are 蜂鸟's words for what a line is for.
var billKinds = map[world.BillKind]string{
	world.BillFee: "运费", world.BillTip: "小费", world.BillPenalty: "违约金", world.BillRefund: "退款",
	world.BillCompensation: "赔付", world.BillOther: "保价费",
}

// billForm is how 蜂鸟 writes bills here: tabs, 元 with the sign that the client's balance
// sees (negative = taken), RFC 3339. GAP: the real form is not public.
var billForm = world.BillForm{
	ContentType: "text/csv; charset=utf-8", Comma: '\t',
	Header: []string{"运单号", "外部单号", "科目", "发生额", "时间"},
	Rows: world.RowEach(func(l world.BillLine) []string {
		amount := l.Yuan()
		if !l.Kind.Given() {
			amount = "-" + amount
		}
		return []string{l.CarrierNo, l.ClientNo, billKinds[l.Kind], amount, l.At.In(world.Shanghai).Format(time.RFC3339)}
	}),
	Footer: func(t world.BillTotals) []string {
		return []string{"合计", strconv.Itoa(t.Rows), "", (-t.Net()).Yuan(), ""}
	},
}

// Bill is the bill of a business day; errors are those of world.Fleet.Bill.
func (s *Service) Bill(day string, m world.Mistakes) (world.Bill, error) {
	return s.fleet.Bill(day, m, billForm)
}

// BillDays are the business days with a bill.
func (s *Service) BillDays() []string { return s.fleet.BillDays() }
