package sftc

import (
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/local/sim/world"
)

// billKinds are 顺丰同城's words for what a line is for.
var billKinds = map[world.BillKind]string{
	world.BillFee: "delivery", world.BillTip: "tip", world.BillPenalty: "cancel", world.BillRefund: "refund",
	world.BillCompensation: "claim", world.BillOther: "insure",
}

// billForm is how 顺丰同城 writes bills here: 元 with separators between thousands, Unix
// seconds. GAP: the real form is not public.
var billForm = world.BillForm{
	ContentType: "text/csv; charset=utf-8",
	Header:      []string{"sf_order_id", "shop_order_id", "fee_type", "amount", "trade_time"},
	Rows: world.RowEach(func(l world.BillLine) []string {
		return []string{l.CarrierNo, l.ClientNo, billKinds[l.Kind], thousands(l.Yuan()), strconv.FormatInt(l.At.Unix(), 10)}
	}),
	Footer: func(t world.BillTotals) []string {
		return []string{"TOTAL", strconv.Itoa(t.Rows), "", thousands(t.Net().Yuan()), ""}
	},
}

// thousands puts a comma before every three digits of the whole part: 1,234.50.
func thousands(yuan string) string {
	sign := ""
	if strings.HasPrefix(yuan, "-") {
		sign, yuan = "-", yuan[1:]
	}
	whole, rest, _ := strings.Cut(yuan, ".")
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	return sign + whole + "." + rest
}

// Bill is the bill of a business day; errors are those of world.Fleet.Bill.
func (s *Service) Bill(day string, m world.Mistakes) (world.Bill, error) {
	return s.fleet.Bill(day, m, billForm)
}

// BillDays are the business days with a bill.
func (s *Service) BillDays() []string { return s.fleet.BillDays() }
