package dada

import (
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

type m = map[string]any

// yuan is an amount as 达达 writes it: a number in 元 with at least one decimal.
type yuan money.Fen

// MarshalJSON writes 9.0, 9.5 or 9.55.
func (y yuan) MarshalJSON() ([]byte, error) {
	return []byte(strings.TrimSuffix(money.Fen(y).Yuan(), "0")), nil
}

// quoteRequest is the body of queryDeliverFee, as far as it matters here.
type quoteRequest struct {
	ShopNo          world.Text `json:"shop_no"`
	OriginID        world.Text `json:"origin_id"`
	CargoPrice      world.Text `json:"cargo_price"` // 元
	IsPrepay        world.Text `json:"is_prepay"`
	ReceiverName    string     `json:"receiver_name"`
	ReceiverAddress string     `json:"receiver_address"`
	ReceiverLat     world.Text `json:"receiver_lat"`
	ReceiverLng     world.Text `json:"receiver_lng"`
	ReceiverPhone   string     `json:"receiver_phone"` // or the fixed line
	ReceiverTel     string     `json:"receiver_tel"`
	Callback        string     `json:"callback"`
	CargoWeight     world.Text `json:"cargo_weight"` // kg
	CargoType       world.Text `json:"cargo_type"`
	Tips            world.Text `json:"tips"` // 元
}

// parcel is what 达达 itself keeps of an order.
type parcel struct {
	callback string
	value    money.Fen // of the goods
}

// cargoTypes are the kinds of goods that 达达 carries; the field may be left out.
var cargoTypes = map[world.Text]bool{
	"": true, "1": true, "2": true, "3": true, "5": true, "8": true, "9": true, "13": true, "19": true, "20": true, "21": true, "24": true,
	"25": true, "26": true, "27": true, "28": true, "29": true, "50": true, "51": true, "53": true, "55": true, "57": true, "59": true, "61": true,
}

// queryDeliverFee prices a delivery and mints the deliveryNo that places it.
func (s *Service) queryDeliverFee(body []byte) (any, error) {
	req, err := decode[quoteRequest](body)
	if err != nil {
		return nil, err
	}
	q, err := s.read(req)
	if err != nil {
		return nil, err
	}
	if s.known(q.ClientNo) {
		return nil, errQuoted
	}
	q.Token = "D" + s.number()
	q = s.fleet.Quote(q)
	fee := yuan(q.Total() - q.Tip)
	return m{
		"distance": float(q.Metres), "fee": fee, "deliverFee": fee, "couponFee": yuan(0), "insuranceFee": yuan(0), "tips": yuan(q.Tip),
		"deliveryNo": q.Token, "expiredTime": q.Expires.Unix(), // GAP: its unit
	}, nil
}

func (s *Service) known(clientNo string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.placed[clientNo]
}

// maxKg is more than any rider carries.
const maxKg = 500

// read checks a request for a quote.
func (s *Service) read(req quoteRequest) (world.Quote, error) {
	bad := func(what string) (world.Quote, error) { return world.Quote{}, fmt.Errorf("%w: %s", errFormat, what) }
	from, known := s.shops[string(req.ShopNo)]
	value, noValue := money.ParseYuan(string(req.CargoPrice))
	kg, noWeight := strconv.ParseFloat(string(req.CargoWeight), 64)
	to, nowhere := world.ParsePoint(string(req.ReceiverLng), string(req.ReceiverLat))
	callback, noCallback := url.Parse(req.Callback)
	switch {
	case !known:
		return world.Quote{}, errShop
	case !cargoTypes[req.CargoType]:
		return world.Quote{}, errCargo
	case req.OriginID == "":
		return bad("origin_id不能为空")
	case noValue != nil || value < 0:
		return bad("cargo_price须为元")
	case req.IsPrepay != "0":
		return bad("is_prepay须为0") // 垫付 is not simulated
	case req.ReceiverName == "" || req.ReceiverAddress == "":
		return bad("receiver_name和receiver_address不能为空")
	case req.ReceiverPhone == "" && req.ReceiverTel == "":
		return bad("receiver_phone和receiver_tel不能都为空")
	case nowhere != nil:
		return bad("receiver_lat或receiver_lng异常")
	case noWeight != nil || !(kg > 0 && kg <= maxKg):
		return bad("cargo_weight须为千克")
	case noCallback != nil || callback.Host == "":
		return bad("callback不能为空")
	}
	tip, err := tips(req.Tips, value)
	if err != nil {
		return world.Quote{}, err
	}
	return world.Quote{
		ClientNo: string(req.OriginID), Pickup: from, Dropoff: to, Kg: int(math.Ceil(kg)), Tip: tip,
		Data: parcel{callback: req.Callback, value: value},
	}, nil
}

// minTip is the least total of tips that are given.
const minTip = 100

// tips reads a total of tips in 元; none is 0.
func tips(text world.Text, value money.Fen) (money.Fen, error) {
	if text == "" {
		return 0, nil
	}
	tip, err := money.ParseYuan(string(text))
	switch {
	case err != nil || tip < 0 || tip%10 != 0:
		return 0, fmt.Errorf("%w: tips须精确到小数点后一位", errFormat)
	case tip != 0 && tip < minTip:
		return 0, errTipSmall
	case tip > value:
		return 0, errTipTooMuch
	}
	return tip, nil
}

// float is a whole number as 达达 writes a double: 2210.0.
type float int

// MarshalJSON adds the decimal.
func (f float) MarshalJSON() ([]byte, error) { return []byte(strconv.Itoa(int(f)) + ".0"), nil }
