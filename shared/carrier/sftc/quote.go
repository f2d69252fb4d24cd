package sftc

import (
	"context"
	"errors"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// terms are the fields that a quote and a placement have in common. Scheduled orders are
// released by us when they are due, so that every order is placed for now (is_appoint 0).
type terms struct {
	DevID          int64  `json:"dev_id"`
	ShopID         string `json:"shop_id"`
	ShopType       int    `json:"shop_type"`
	LBSType        int    `json:"lbs_type"`
	PayType        int    `json:"pay_type"`
	IsAppoint      int    `json:"is_appoint"`
	IsInsured      int    `json:"is_insured"`
	IsPersonDirect int    `json:"is_person_direct"`
	ReturnFlag     int    `json:"return_flag"`
	Shop           *shop  `json:"shop,omitempty"`
}

// shop is where the goods are; a platform developer names it with every order.
type shop struct {
	Name    string `json:"shop_name"`
	Phone   string `json:"shop_phone"`
	Address string `json:"shop_address"`
	Lng     string `json:"shop_lng"`
	Lat     string `json:"shop_lat"`
}

const (
	paid       = 1   // pay_type: the goods are paid for
	allDetails = 511 // return_flag: every optional field of the answer
)

func (a *Adapter) terms(q carrier.QuoteRequest) terms {
	d := q.Detail
	t := terms{
		DevID: a.cfg.DevID, ShopID: either(q.Store, a.cfg.ShopID), ShopType: a.cfg.ShopType,
		LBSType: a.cfg.LBSType, PayType: paid, ReturnFlag: allDetails,
	}
	if a.cfg.PersonDirect {
		t.IsPersonDirect = 1
	}
	if !a.cfg.NoShop {
		lng, lat := a.degrees(d.From.Point)
		t.Shop = &shop{Name: d.From.Name, Phone: phone(d.From), Address: d.From.Address + d.From.Detail, Lng: lng, Lat: lat}
	}
	return t
}

func (a *Adapter) degrees(p geo.Point) (lng, lat string) {
	if a.cfg.LBSType == lbsBD09 {
		x, y := p.BD09()
		return carrier.Degrees(x), carrier.Degrees(y)
	}
	return carrier.Degrees(p.Lng), carrier.Degrees(p.Lat)
}

// phone writes a privacy number (虚拟号) as number_extension.
func phone(s order.Stop) string { return carrier.Phone(s, "_") }

// product is one row of 顺丰同城's product_type.
type product struct {
	code int
	name string
}

// products maps our categories; what is not listed is 99 其他.
var products = map[string]product{
	"food": {1, "快餐"}, "cake": {13, "蛋糕"}, "flower": {14, "鲜花"}, "medicine": {2, "药品"}, "grocery": {3, "百货"},
}

var otherGoods = product{99, "其他"}

func (a *Adapter) product(category string) product {
	p, ok := products[category]
	if !ok {
		p = otherGoods
	}
	if code, ok := a.cfg.ProductTypes[category]; ok {
		p.code = code
	}
	return p
}

// grams is a weight as 顺丰同城 takes it; nothing weighs nothing.
func grams(g order.Goods) int { return max(1, g.WeightG) }

// inquiry is precreateorder's request.
type inquiry struct {
	terms
	UserLng     string    `json:"user_lng"`
	UserLat     string    `json:"user_lat"`
	UserAddress string    `json:"user_address"`
	CityName    string    `json:"city_name"`
	Weight      int       `json:"weight"` // g
	ProductType int       `json:"product_type"`
	TotalPrice  money.Fen `json:"total_price"` // of the goods, 分
	stamp
}

// Quote asks for a price (precreateorder). It has no token: see the package's comment.
func (a *Adapter) Quote(ctx context.Context, q carrier.QuoteRequest) (carrier.Quote, error) {
	const op = "quote"
	if err := q.Check(); err != nil {
		return carrier.Quote{}, refused(op, err)
	}
	result, err := a.call(ctx, op, "precreateorder", a.inquire(q))
	if err != nil {
		return carrier.Quote{}, err
	}
	price := price(result)
	if price == nil {
		price = result.Object("charge_price_list").Fen("shop_pay_price")
	}
	quote := carrier.Quote{
		TTL:         time.Duration(a.cfg.QuoteTTL),
		DistanceM:   result.Metres("delivery_distance_meter"),
		DeliveredIn: 60 * result.Seconds("promise_delivery_time"), // stated in minutes
	}
	if err := result.Err(); err != nil {
		return carrier.Quote{}, undecodable(op, err)
	}
	if price == nil {
		return carrier.Quote{}, undecodable(op, errors.New("result states no price"))
	}
	quote.Price = *price
	return quote, nil
}

func (a *Adapter) inquire(q carrier.QuoteRequest) inquiry {
	to := q.Detail.To
	lng, lat := a.degrees(to.Point)
	return inquiry{
		terms:   a.terms(q),
		UserLng: lng, UserLat: lat, UserAddress: to.Address + to.Detail,
		CityName:    carrier.FullCityName(q.CityName),
		Weight:      grams(q.Detail.Goods),
		ProductType: a.product(q.Detail.Goods.Category).code,
		TotalPrice:  q.Detail.Goods.Value,
		stamp:       a.stamp(),
	}
}

// price is what we really pay, coupons deducted, or else the whole price; nil when the
// answer states neither.
func price(result *carrier.Object) *money.Fen {
	if v := result.Fen("real_pay_money"); v != nil {
		return v
	}
	return result.Fen("total_pay_money")
}
