package fengniao

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// delivery is what preCreateOrder and createOrder have in common. Scheduled orders are
// released by us when they are due, so that every order is placed for now.
type delivery struct {
	PartnerOrderCode      string      `json:"partner_order_code"`
	OutShopCode           string      `json:"out_shop_code,omitempty"`
	ChainStoreID          json.Number `json:"chain_store_id,omitempty"`
	TransportLongitude    json.Number `json:"transport_longitude,omitempty"`
	TransportLatitude     json.Number `json:"transport_latitude,omitempty"`
	TransportAddress      string      `json:"transport_address,omitempty"`
	TransportTel          string      `json:"transport_tel,omitempty"`
	OrderType             int         `json:"order_type"`
	PositionSource        int         `json:"position_source"`
	ReceiverAddress       string      `json:"receiver_address"`
	ReceiverLongitude     json.Number `json:"receiver_longitude"`
	ReceiverLatitude      json.Number `json:"receiver_latitude"`
	GoodsTotalAmountCent  money.Fen   `json:"goods_total_amount_cent"`
	GoodsActualAmountCent money.Fen   `json:"goods_actual_amount_cent"`
	GoodsWeight           json.Number `json:"goods_weight"` // kg
	GoodsCount            int         `json:"goods_count"`
	GoodsItemList         []goodsItem `json:"goods_item_list"`
	ServiceGoodsID        json.Number `json:"service_goods_id,omitempty"`
	BaseGoodsID           json.Number `json:"base_goods_id,omitempty"`
	SerialNumber          string      `json:"serial_number,omitempty"`
	OrderRemark           string      `json:"order_remark,omitempty"`
	ReceiverName          string      `json:"receiver_name,omitempty"`
	ReceiverPrimaryPhone  string      `json:"receiver_primary_phone,omitempty"`
}

type goodsItem struct {
	ItemName             string    `json:"item_name"`
	ItemQuantity         int       `json:"item_quantity"`
	ItemAmountCent       money.Fen `json:"item_amount_cent"`
	ItemActualAmountCent money.Fen `json:"item_actual_amount_cent"`
}

const (
	placeNow = 1 // order_type 即时
	amapGCJ  = 3 // position_source 高德, which is GCJ-02
)

// goodsNames are what the rider reads; what is not listed is 商品.
var goodsNames = map[string]string{"food": "餐饮", "cake": "蛋糕", "flower": "鲜花", "medicine": "药品", "grocery": "商超"}

// Quote asks for the prices of all products (preCreateOrder) and takes the cheapest valid
// one, or the configured one. The product is the quote's token: the price itself is not
// bound to anything, so that the placement may cost something else.
func (a *Adapter) Quote(ctx context.Context, q carrier.QuoteRequest) (carrier.Quote, error) {
	const op = "quote"
	if err := q.Check(); err != nil {
		return carrier.Quote{}, refused(op, err)
	}
	data, err := a.call(ctx, op, "preCreateOrder", a.delivery(q))
	if err != nil {
		return carrier.Quote{}, err
	}
	lines, metres := products(data), data.Metres("distance")
	if err := data.Err(); err != nil {
		return carrier.Quote{}, undecodable(op, err)
	}
	if len(lines) == 0 {
		return carrier.Quote{}, undecodable(op, errors.New("goods_infos is missing"))
	}
	best, err := a.choose(op, lines)
	if err != nil {
		return carrier.Quote{}, err
	}
	return carrier.Quote{
		Token: best.token(), Price: *best.price, DistanceM: metres, TTL: time.Duration(a.cfg.QuoteTTL),
	}, nil
}

// product is one line of a quote.
type product struct {
	service, base string
	valid         bool
	reason        string // why it is not
	price         *money.Fen
}

func (p product) token() string { return p.service + ":" + p.base }

func products(data *carrier.Object) []product {
	var lines []product
	for _, g := range data.Objects("goods_infos") {
		valid := g.Bool("is_valid")
		lines = append(lines, product{
			service: g.Text("service_goods_id"), base: g.Text("base_goods_id"),
			valid: valid != nil && *valid, reason: g.Text("disable_reason"),
			price: g.Fen("actual_delivery_amount_cent"),
		})
	}
	return lines
}

// choose takes the cheapest valid product. When there is none, the first reason given
// decides what the refusal means.
func (a *Adapter) choose(op string, lines []product) (product, error) {
	var best product
	reason := ""
	for _, p := range lines {
		switch {
		case a.cfg.ServiceGoodsID != "" && p.service != a.cfg.ServiceGoodsID:
		case !p.valid:
			if reason == "" {
				reason = p.reason
			}
		case p.price == nil || !digits(p.service) || (p.base != "" && !digits(p.base)):
			return product{}, undecodable(op, errors.New("goods_infos: a valid product without price or number"))
		case best.price == nil || *p.price < *best.price:
			best = p
		}
	}
	if best.price == nil {
		return product{}, &carrier.Error{Carrier: Name, Op: op, Kind: a.refusals.Kind("", reason), Message: "no valid product: " + reason}
	}
	return best, nil
}

func (a *Adapter) delivery(q carrier.QuoteRequest) delivery {
	to, goods := q.Detail.To, q.Detail.Goods
	name, ok := goodsNames[goods.Category]
	if !ok {
		name = "商品"
	}
	d := delivery{
		PartnerOrderCode: q.OurNo,
		OrderType:        placeNow, PositionSource: amapGCJ,
		ReceiverAddress:   to.Address + to.Detail,
		ReceiverLongitude: degrees(to.Point.Lng), ReceiverLatitude: degrees(to.Point.Lat),
		GoodsTotalAmountCent: goods.Value, GoodsActualAmountCent: goods.Value,
		GoodsWeight: kilograms(goods.WeightG), GoodsCount: max(1, goods.Count),
		// One item for all: right whether the amounts are meant for each piece or together.
		GoodsItemList: []goodsItem{{ItemName: name, ItemQuantity: 1, ItemAmountCent: goods.Value, ItemActualAmountCent: goods.Value}},
	}
	a.from(&d, q.Store, q.Detail.From)
	return d
}

// from names the shop's own store or the configured one, else the shop's place.
func (a *Adapter) from(d *delivery, store string, shop order.Stop) {
	if store != "" {
		d.OutShopCode = store
		return
	}
	if a.cfg.OutShopCode != "" || a.cfg.ChainStoreID != "" {
		d.OutShopCode, d.ChainStoreID = a.cfg.OutShopCode, json.Number(a.cfg.ChainStoreID)
		return
	}
	d.TransportLongitude, d.TransportLatitude = degrees(shop.Point.Lng), degrees(shop.Point.Lat)
	d.TransportAddress, d.TransportTel = shop.Address+shop.Detail, a.phone(shop)
}

func (a *Adapter) phone(s order.Stop) string { return carrier.Phone(s, a.cfg.PhoneSeparator) }

func degrees(v float64) json.Number { return json.Number(carrier.Degrees(v)) }

// kilograms writes grams as kilograms, exactly; a weight that is not known is one kilogram.
func kilograms(grams int) json.Number {
	if grams == 0 {
		grams = 1000
	}
	text := fmt.Sprintf("%d.%03d", grams/1000, grams%1000)
	return json.Number(strings.TrimRight(strings.TrimRight(text, "0"), "."))
}

// numeric is a number of 蜂鸟's as JSON wants it.
func numeric(text string) (json.Number, error) {
	if !digits(text) {
		return "", errors.New(strconv.Quote(text) + " is not a number of 蜂鸟")
	}
	return json.Number(text), nil
}
