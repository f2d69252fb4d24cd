package jd

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

var (
	dishes  = []string{"黄焖鸡米饭", "鱼香肉丝盖饭", "兰州牛肉面", "麻辣香锅", "酸菜鱼", "皮蛋瘦肉粥", "烤冷面", "小笼包", "扬州炒饭", "奶茶（大杯）"}
	estates = []string{"翠苑一区", "阳光花园", "金色家园", "云栖小镇", "绿城桂花园", "时代广场", "海创大厦", "锦绣华庭"}
	remarks = []string{"", "", "不要辣，谢谢", "放门口 & 打电话", "少放盐；餐具 2 份", `说好的"多加饭" 100%`}
)

// The window of an order: one that is wanted as soon as possible begins with the order,
// a scheduled one ends when it is expected. GAP: how the platform fills it.
const (
	soonWindow = 45 * time.Minute
	laterStart = 30 * time.Minute // before the end
)

// detail is an order as order/es/query shows it: ids and 分 as numbers, kg with decimals.
type detail struct {
	OrderID              int64       `json:"orderId"`
	OrderStatus          Status      `json:"orderStatus"`
	OrderStartTime       string      `json:"orderStartTime"`
	WindowStart          string      `json:"orderPreStartDeliveryTime"`
	WindowEnd            string      `json:"orderPreEndDeliveryTime"`
	BuyerFullName        string      `json:"buyerFullName"`
	BuyerFullAddress     string      `json:"buyerFullAddress"`
	BuyerTelephone       string      `json:"buyerTelephone"`
	BuyerMobile          string      `json:"buyerMobile"`
	ProduceStationNo     string      `json:"produceStationNo"`
	ProduceStationNoIsv  string      `json:"produceStationNoIsv"`
	DeliveryStationNo    string      `json:"deliveryStationNo"`
	DeliveryStationName  string      `json:"deliveryStationName"`
	DeliveryStationNoIsv string      `json:"deliveryStationNoIsv"`
	DeliveryType         int         `json:"deliveryType"`
	DeliveryCarrierNo    string      `json:"deliveryCarrierNo"`
	DeliveryBillNo       string      `json:"deliveryBillNo"`
	DeliveryManName      string      `json:"deliveryManName"`
	DeliveryManPhone     string      `json:"deliveryManPhone"`
	PackageWeight        json.Number `json:"deliveryPackageWeight"` // kg
	TotalMoney           money.Fen   `json:"orderTotalMoney"`
	FreightMoney         money.Fen   `json:"orderFreightMoney"`
	InvoiceOpenMark      int         `json:"orderInvoiceOpenMark"`
	Extend               extend      `json:"orderExtend"`
	Products             []product   `json:"orderProductList"`
}

type extend struct {
	BuyerLng       json.Number `json:"buyerLng"`
	BuyerLat       json.Number `json:"buyerLat"`
	BuyerCoordType int         `json:"buyerCoordType"` // 2: 高德
	BuyerCityName  string      `json:"buyerCityName"`
	BuyerRemark    string      `json:"orderBuyerRemark"`
}

type product struct {
	SkuID    int       `json:"skuId"`
	SkuName  string    `json:"skuName"`
	SkuCount int       `json:"skuCount"`
	Price    money.Fen `json:"skuJdPrice"`
}

const (
	selfDelivery           = 2      // deliveryType 商家自送
	selfCarrier            = "2938" // deliveryCarrierNo of that
	gaode                  = 2
	freight      money.Fen = 300
)

// detail draws the order's content. s.mu is held.
func (s *Service) detail(o *order) detail {
	products, grams := s.products(o)
	start, end := o.created, o.created.Add(soonWindow)
	if !o.expected.IsZero() {
		start, end = o.expected.Add(-laterStart), o.expected
	}
	written := func(at time.Time) string { return at.In(world.Shanghai).Format(layout) }
	no, _ := strconv.ParseInt(o.no, 10, 64) // minted as a number
	own := "11" + o.shop.Code[max(0, len(o.shop.Code)-4):]
	last := Told{}
	if len(o.told) > 0 {
		last = o.told[len(o.told)-1]
	}
	return detail{
		OrderID: no, OrderStatus: o.status, OrderStartTime: written(o.created), WindowStart: written(start), WindowEnd: written(end),
		BuyerFullName: s.chance.Person(o.key, "recipient", 0), BuyerFullAddress: s.address(o), BuyerMobile: s.privacyPhone(o.key),
		ProduceStationNo: own, ProduceStationNoIsv: o.shop.Code,
		DeliveryStationNo: own, DeliveryStationName: o.shop.Name, DeliveryStationNoIsv: o.shop.Code,
		DeliveryType: selfDelivery, DeliveryCarrierNo: selfCarrier,
		DeliveryBillNo: last.Waybill, DeliveryManName: last.RiderName, DeliveryManPhone: last.RiderPhone,
		PackageWeight: json.Number(fmt.Sprintf("%d.%03d", grams/1000, grams%1000)), TotalMoney: o.value, FreightMoney: freight,
		InvoiceOpenMark: 2,
		Extend: extend{
			BuyerLng: json.Number(o.dropoff.LngText()), BuyerLat: json.Number(o.dropoff.LatText()), BuyerCoordType: gaode,
			BuyerCityName: o.shop.CityName, BuyerRemark: remarks[s.chance.Int(o.key, "remark", 0, len(remarks))],
		},
		Products: products,
	}
}

// products are one to four dishes that cost the order's value together, and their weight.
func (s *Service) products(o *order) (products []product, grams int) {
	n := 1 + s.chance.Int(o.key, "dishes", 0, 4)
	left := o.value
	for i := range n {
		price := o.value / money.Fen(n)
		if i == n-1 {
			price = left
		}
		left -= price
		k := s.chance.Int(o.key, "dish", i, len(dishes))
		grams += 250 + 50*s.chance.Int(o.key, "weight", i, 10)
		products = append(products, product{SkuID: 2000 + k, SkuName: dishes[k], SkuCount: 1, Price: price})
	}
	return products, grams
}

// privacyPhone is a number with an extension that stands for the customer's own. GAP: the
// mark between them.
func (s *Service) privacyPhone(key string) string {
	return fmt.Sprintf("%s,%04d", s.chance.Mobile(key, "recipient", 0), s.chance.Int(key, "extension", 0, 10000))
}

func (s *Service) address(o *order) string {
	return fmt.Sprintf("%s%s %d幢%d室", o.shop.CityName, estates[s.chance.Int(o.key, "estate", 0, len(estates))],
		1+s.chance.Int(o.key, "building", 0, 30), 101+s.chance.Int(o.key, "room", 0, 1800))
}
