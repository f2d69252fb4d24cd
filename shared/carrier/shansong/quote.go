package shansong

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/order"
)

// calculation is orderCalculate's request. Scheduled orders are released by us when
// they are due, so that every order is placed for now (appointType 0).
type calculation struct {
	CityName     string     `json:"cityName"`
	AppointType  int        `json:"appointType"`
	StoreID      string     `json:"storeId,omitempty"`
	TravelWay    int        `json:"travelWay"`
	DeliveryType int        `json:"deliveryType"`
	LBSType      int        `json:"lbsType"`
	Sender       sender     `json:"sender"`
	ReceiverList []receiver `json:"receiverList"`
}

type sender struct {
	FromAddress       string `json:"fromAddress"`
	FromAddressDetail string `json:"fromAddressDetail,omitempty"`
	FromSenderName    string `json:"fromSenderName"`
	FromMobile        string `json:"fromMobile"`
	FromLatitude      string `json:"fromLatitude"`
	FromLongitude     string `json:"fromLongitude"`
}

type receiver struct {
	OrderNo            string `json:"orderNo"`
	ToAddress          string `json:"toAddress"`
	ToAddressDetail    string `json:"toAddressDetail,omitempty"`
	ToLatitude         string `json:"toLatitude"`
	ToLongitude        string `json:"toLongitude"`
	ToReceiverName     string `json:"toReceiverName"`
	ToMobile           string `json:"toMobile"`
	GoodType           int    `json:"goodType"`
	Weight             int    `json:"weight"` // kg
	Remarks            string `json:"remarks,omitempty"`
	OrderingSourceType int    `json:"orderingSourceType,omitempty"`
	OrderingSourceNo   string `json:"orderingSourceNo,omitempty"`
}

const (
	sendForUs   = 1   // deliveryType 帮我送
	otherSource = 5   // orderingSourceType 其他
	maxWeightKg = 999 // of one receiver
)

// goodTypes maps our categories to 闪送's; what is not listed is 10 其他.
var goodTypes = map[string]int{"food": 6, "cake": 5, "flower": 7, "medicine": 13, "grocery": 15, "other": otherGoods}

const otherGoods = 10

// Quote asks for a price (orderCalculate), which also mints the issOrderNo.
func (a *Adapter) Quote(ctx context.Context, q carrier.QuoteRequest) (carrier.Quote, error) {
	const op = "quote"
	if err := a.check(q); err != nil {
		return carrier.Quote{}, refused(op, err)
	}
	data, err := a.call(ctx, op, "orderCalculate", a.calculation(q))
	if err != nil {
		return carrier.Quote{}, err
	}
	number, price := data.NeedNumber("orderNumber"), data.Fen("totalFeeAfterSave")
	quote := carrier.Quote{
		Token: number, CarrierNo: number,
		TTL:         time.Duration(a.cfg.QuoteTTL),
		DistanceM:   data.Metres("totalDistance"),
		AcceptIn:    data.Seconds("estimateGrabSecond"),
		DeliveredIn: data.Seconds("estimateReceiveSecond"),
	}
	if err := data.Err(); err != nil {
		return carrier.Quote{}, undecodable(op, err)
	}
	if price == nil {
		return carrier.Quote{}, undecodable(op, fmt.Errorf("data.totalFeeAfterSave is missing"))
	}
	quote.Price = *price
	return quote, nil
}

func (a *Adapter) check(q carrier.QuoteRequest) error {
	if err := q.Check(); err != nil {
		return err
	}
	if kg := carrier.Kilograms(q.Detail.Goods.WeightG); kg > maxWeightKg {
		return fmt.Errorf("the weight is %d kg, more than %d", kg, maxWeightKg)
	}
	return nil
}

func (a *Adapter) calculation(q carrier.QuoteRequest) calculation {
	return calculation{
		CityName: carrier.FullCityName(q.CityName),
		StoreID:  cmp.Or(q.Store, a.cfg.StoreID), TravelWay: a.cfg.TravelWay,
		DeliveryType: sendForUs, LBSType: *a.cfg.LBSType,
		Sender:       a.sender(q.Detail.From),
		ReceiverList: []receiver{a.receiver(q)},
	}
}

func (a *Adapter) sender(from order.Stop) sender {
	lng, lat := a.degrees(from.Point)
	return sender{
		FromAddress: from.Address, FromAddressDetail: from.Detail,
		FromSenderName: from.Name, FromMobile: mobile(from),
		FromLatitude: lat, FromLongitude: lng,
	}
}

func (a *Adapter) receiver(q carrier.QuoteRequest) receiver {
	to, goods := q.Detail.To, q.Detail.Goods
	lng, lat := a.degrees(to.Point)
	r := receiver{
		OrderNo:   q.OurNo,
		ToAddress: to.Address, ToAddressDetail: to.Detail,
		ToLatitude: lat, ToLongitude: lng,
		ToReceiverName: to.Name, ToMobile: mobile(to),
		GoodType: a.goodType(goods.Category), Weight: carrier.Kilograms(goods.WeightG),
		Remarks: goods.Remark,
	}
	if q.Detail.Display != "" {
		r.OrderingSourceType, r.OrderingSourceNo = otherSource, q.Detail.Display
	}
	return r
}

func (a *Adapter) goodType(category string) int {
	if code, ok := a.cfg.GoodTypes[category]; ok {
		return code
	}
	if code, ok := goodTypes[category]; ok {
		return code
	}
	return otherGoods
}

func (a *Adapter) degrees(p geo.Point) (lng, lat string) {
	if *a.cfg.LBSType == lbsBD09 {
		x, y := p.BD09()
		return carrier.Degrees(x), carrier.Degrees(y)
	}
	return carrier.Degrees(p.Lng), carrier.Degrees(p.Lat)
}

// mobile writes a privacy number (隐私号) as number#extension.
func mobile(s order.Stop) string { return carrier.Phone(s, "#") }
