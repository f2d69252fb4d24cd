package dada

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// inquiry is queryDeliverFee's request. Scheduled orders are released by us when they are
// due, so that every order is asked for now (no delay_publish_time).
type inquiry struct {
	ShopNo          string      `json:"shop_no"`
	OriginID        string      `json:"origin_id"`
	CityCode        string      `json:"city_code,omitempty"`
	CargoPrice      json.Number `json:"cargo_price"` // of the goods, 元
	IsPrepay        int         `json:"is_prepay"`   // 0: the goods are paid for
	ReceiverName    string      `json:"receiver_name"`
	ReceiverAddress string      `json:"receiver_address"`
	ReceiverLat     json.Number `json:"receiver_lat"`
	ReceiverLng     json.Number `json:"receiver_lng"`
	ReceiverPhone   string      `json:"receiver_phone"`
	Callback        string      `json:"callback"`
	CargoWeight     json.Number `json:"cargo_weight"` // kg
	CargoType       int         `json:"cargo_type"`
	CargoNum        int         `json:"cargo_num"`
	Info            string      `json:"info,omitempty"`
	OriginMarkNo    string      `json:"origin_mark_no,omitempty"` // shown to the rider
	FinishCode      int         `json:"is_finish_code_needed"`
	Direct          int         `json:"is_direct_delivery"`
}

// Quote asks for a price (queryDeliverFee). Its token is the deliveryNo, which is placed
// once and soon; the placement moves the money.
func (a *Adapter) Quote(ctx context.Context, q carrier.QuoteRequest) (carrier.Quote, error) {
	const op = "quote"
	if err := q.Check(); err != nil {
		return carrier.Quote{}, refused(op, err)
	}
	reply, err := a.call(ctx, op, "order/queryDeliverFee", a.inquire(q))
	if err != nil {
		return carrier.Quote{}, err
	}
	result := reply.result()
	price := result.yuan("fee")
	quote := carrier.Quote{Token: result.NeedNumber("deliveryNo"), TTL: time.Duration(a.cfg.QuoteTTL), DistanceM: result.metres("distance")}
	if err := result.unread(); err != nil {
		return carrier.Quote{}, err
	}
	if price == nil {
		return carrier.Quote{}, undecodable(op, errors.New("result.fee is missing"))
	}
	quote.Price = *price
	return quote, nil
}

func (a *Adapter) inquire(q carrier.QuoteRequest) inquiry {
	to, goods := q.Detail.To, q.Detail.Goods
	return inquiry{
		ShopNo: either(q.Store, a.cfg.ShopNo), OriginID: q.OurNo, CityCode: a.cfg.CityCodes[q.CityCode],
		CargoPrice:   json.Number(goods.Value.Yuan()),
		ReceiverName: either(to.Name, "顾客"), ReceiverAddress: to.Address + to.Detail,
		ReceiverLat: json.Number(carrier.Degrees(to.Point.Lat)), ReceiverLng: json.Number(carrier.Degrees(to.Point.Lng)),
		ReceiverPhone: carrier.Phone(to, a.cfg.PhoneSeparator),
		Callback:      a.cfg.CallbackURL,
		CargoWeight:   kilograms(goods), CargoType: a.cargo(goods.Category), CargoNum: max(1, goods.Count),
		Info: goods.Remark, OriginMarkNo: mark(q.Detail.Display),
		FinishCode: flag(a.cfg.FinishCode), Direct: flag(a.cfg.DirectDelivery),
	}
}

// cargoTypes maps our categories; what is not listed is 5 其他.
var cargoTypes = map[string]int{"food": 1, "cake": 21, "flower": 3, "medicine": 20, "grocery": 9}

const otherCargo = 5

func (a *Adapter) cargo(category string) int {
	if code, ok := a.cfg.CargoTypes[category]; ok {
		return code
	}
	return either(cargoTypes[category], otherCargo)
}

// kilograms writes a weight in kg with two decimals, rounded up; nothing weighs nothing.
func kilograms(g order.Goods) json.Number {
	return json.Number(money.Fen(max(1, (g.WeightG+9)/10)).Yuan()) // ten grams are a hundredth of a kilogram
}

// maxMark is how many characters origin_mark_no takes: digits, letters and #.
const maxMark = 30

func mark(display string) string {
	kept := strings.Map(func(r rune) rune {
		if (r >= '0' && r <= '9') || (r >= 'A' && r <= 'Z') || (r >= 'a' && r <= 'z') {
			return r
		}
		return -1
	}, display)
	if kept == "" {
		return ""
	}
	return "#" + kept[:min(len(kept), maxMark-1)]
}

func flag(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
