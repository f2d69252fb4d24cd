package sftc

import (
	"context"
	"errors"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
)

// creation is createorder's request.
type creation struct {
	terms
	ShopOrderID   string      `json:"shop_order_id"`
	OrderSource   string      `json:"order_source"`
	OrderSequence string      `json:"order_sequence,omitempty"` // the number that the customer sees
	OrderTime     int64       `json:"order_time"`               // Unix seconds
	Remark        string      `json:"remark,omitempty"`
	Version       int         `json:"version"`
	Receive       recipient   `json:"receive"`
	OrderDetail   orderDetail `json:"order_detail"`
	stamp
}

type recipient struct {
	UserName    string `json:"user_name"`
	UserPhone   string `json:"user_phone"`
	UserAddress string `json:"user_address"`
	UserLng     string `json:"user_lng"`
	UserLat     string `json:"user_lat"`
	CityName    string `json:"city_name"`
}

type orderDetail struct {
	TotalPrice     money.Fen `json:"total_price"` // of the goods, 分
	ProductType    int       `json:"product_type"`
	WeightGram     int       `json:"weight_gram"`
	ProductNum     int       `json:"product_num"`
	ProductTypeNum int       `json:"product_type_num"`
	ProductDetail  []item    `json:"product_detail"`
}

type item struct {
	ProductName string `json:"product_name"`
	ProductNum  int    `json:"product_num"`
}

// maxRemark is how many characters 顺丰同城 takes; what is longer is cut.
const maxRemark = 512

// Place orders a rider (createorder) at the price of that moment, which the answer
// states and Charged repeats.
func (a *Adapter) Place(ctx context.Context, p carrier.PlaceRequest) (carrier.Placed, error) {
	const op = "place"
	if err := p.Check(); err != nil {
		return carrier.Placed{}, refused(op, err)
	}
	result, err := a.call(ctx, op, "createorder", a.create(p))
	if err != nil {
		return carrier.Placed{}, err
	}
	placed := carrier.Placed{CarrierNo: result.NeedNumber("sf_order_id"), Charged: price(result)}
	ours := result.Number("shop_order_id")
	if err := result.Err(); err != nil {
		return carrier.Placed{}, undecodable(op, err)
	}
	if ours != "" && ours != p.OurNo {
		return carrier.Placed{}, undecodable(op, errors.New("result.shop_order_id names another order"))
	}
	return placed, nil
}

func (a *Adapter) create(p carrier.PlaceRequest) creation {
	to, goods := p.Detail.To, p.Detail.Goods
	lng, lat := a.degrees(to.Point)
	kind, count := a.product(goods.Category), max(1, goods.Count)
	return creation{
		terms:       a.terms(p.QuoteRequest),
		ShopOrderID: p.OurNo,
		OrderSource: a.cfg.OrderSource, OrderSequence: p.Detail.Display,
		OrderTime: a.now(),
		Remark:    cut(goods.Remark, maxRemark),
		Version:   a.cfg.Version,
		Receive: recipient{
			UserName: to.Name, UserPhone: phone(to), UserAddress: to.Address + to.Detail,
			UserLng: lng, UserLat: lat, CityName: carrier.FullCityName(p.CityName),
		},
		OrderDetail: orderDetail{
			TotalPrice: goods.Value, ProductType: kind.code, WeightGram: grams(goods),
			ProductNum: count, ProductTypeNum: 1, ProductDetail: []item{{kind.name, count}},
		},
		stamp: a.stamp(),
	}
}

// cut keeps at most so many characters.
func cut(text string, most int) string {
	if chars := []rune(text); len(chars) > most {
		return string(chars[:most])
	}
	return text
}
