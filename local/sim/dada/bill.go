package dada

import (
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
)

// billColumns are the kinds that a row has an amount of, in the order of the columns.
var billColumns = []world.BillKind{world.BillFee, world.BillTip, world.BillPenalty, world.BillRefund, world.BillCompensation}

// billForm is how 达达 writes bills here: a row for each waybill, a column for each kind, 元,
// Beijing time. GAP: the real form is not public.
var billForm = world.BillForm{
	ContentType: "text/csv; charset=utf-8",
	Header:      []string{"达达单号", "商户单号", "运费", "小费", "违约金", "退款", "赔付", "完成时间"},
	Rows: world.RowTogether(func(lines []world.BillLine) []string {
		row := []string{lines[0].CarrierNo, lines[0].ClientNo}
		for _, kind := range billColumns {
			row = append(row, amountOf(lines, kind))
		}
		return append(row, lines[0].At.In(world.Shanghai).Format(time.DateTime))
	}),
	Footer: func(t world.BillTotals) []string {
		row := []string{"合计", strconv.Itoa(t.Rows)}
		for _, kind := range billColumns {
			row = append(row, t.Of[kind].Yuan())
		}
		return append(row, "")
	},
	Cannot: map[world.MistakeKind]string{world.MistakeKindName: "达达's bill has a column for each fee type"},
}

// amountOf is empty where the row has none of a kind.
func amountOf(row []world.BillLine, kind world.BillKind) string {
	for _, l := range row {
		if l.Kind == kind {
			return l.Yuan()
		}
	}
	return ""
}

// Bill is the bill of a business day; errors are those of world.Fleet.Bill.
func (s *Service) Bill(day string, m world.Mistakes) (world.Bill, error) {
	return s.fleet.Bill(day, m, billForm)
}

// BillDays are the business days with a bill.
func (s *Service) BillDays() []string { return s.fleet.BillDays() }
