package uupt

import (
	"fmt"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// quoteRequest is the biz of orderPrice, as far as it matters here.
type quoteRequest struct {
	OriginID      string     `json:"originId"`
	SendType      string     `json:"sendType"`
	FromAddress   string     `json:"fromAddress"`
	FromUserNote  string     `json:"fromUserNote"`
	ToAddress     string     `json:"toAddress"`
	ToUserNote    string     `json:"toUserNote"`
	FromLat       world.Text `json:"fromLat"` // BD-09
	FromLng       world.Text `json:"fromLng"`
	ToLat         world.Text `json:"toLat"`
	ToLng         world.Text `json:"toLng"`
	AdCode        world.Text `json:"adCode"`
	CityName      string     `json:"cityName"`
	SubscribeType world.Text `json:"subscribeType"`
	SubscribeTime world.Text `json:"subscribeTime"` // Unix s
	GoodsWeight   world.Text `json:"goodsWeight"`   // kg
	GoodsPrice    world.Text `json:"goodsPrice"`    // 保价, 元
	OnlineFee     world.Text `json:"onlineFee"`     // tip, 元
}

type priceAnswer struct {
	OriginID      string    `json:"originId"`
	PriceToken    string    `json:"priceToken"`
	ExpiresIn     int       `json:"expiresIn"`
	TotalMoney    money.Fen `json:"totalMoney"`
	NeedPayMoney  money.Fen `json:"needPayMoney"`
	TotalPriceOff money.Fen `json:"totalPriceOff"`
	Distance      int       `json:"distance"`
	FeeDetailList []fee     `json:"feeDetailList"`
}

type fee struct {
	Fee  money.Fen `json:"fee"`
	Name string    `json:"name"`
}

// feeNames are UU's texts for the lines of a price.
var feeNames = map[string]string{
	world.LineStart: "基础费用", world.LineDistance: "里程费用", world.LineWeight: "重量加价", world.LineNight: "夜间加价",
	world.LinePeak: "高峰加价", world.LineWeather: "天气加价", world.LineTip: "小费",
}

// details is what an order keeps of its quote and its placement.
type details struct {
	fromAddress, toAddress string
	note, callbackURL      string
	recipient              string // the number that riders ring
}

// Recipient is for the books.
func (d details) Recipient() string { return d.recipient }

// orderPrice prices a delivery and mints a priceToken.
func (s *Service) orderPrice(biz []byte) (any, error) {
	req, err := decode[quoteRequest](biz)
	if err != nil {
		return nil, err
	}
	q, err := s.read(req)
	if err != nil {
		return nil, err
	}
	q.Token = s.token()
	q = s.fleet.Quote(q)
	return priceAnswer{
		OriginID: q.ClientNo, PriceToken: q.Token, ExpiresIn: s.fleet.Profile().QuoteLifeS,
		TotalMoney: q.Total(), NeedPayMoney: q.Total(), Distance: q.Metres, FeeDetailList: fees(q.Lines),
	}, nil
}

func fees(lines []world.Line) []fee {
	list := make([]fee, len(lines))
	for i, l := range lines {
		list[i] = fee{l.Fee, feeNames[l.Kind]}
	}
	return list
}

// read checks a request for a quote. onlineFee and goodsPrice are in 元, unlike every
// amount that UU answers.
func (s *Service) read(req quoteRequest) (world.Quote, error) {
	bad := func(what string) (world.Quote, error) {
		return world.Quote{}, fmt.Errorf("%w: %s", errFormat, what)
	}
	if req.SendType != "SEND" {
		return bad("sendType不支持: " + req.SendType)
	}
	if req.AdCode == "" && !strings.HasSuffix(req.CityName, "市") {
		return bad("cityName须以市结尾")
	}
	if req.FromAddress == "" || req.ToAddress == "" {
		return bad("起止地址不能为空")
	}
	kg, err := req.GoodsWeight.Int(1)
	if err != nil || kg < 0 {
		return bad("goodsWeight须为整数")
	}
	if insured, err := req.GoodsPrice.Int(0); err != nil || insured < 0 || insured > 10000 {
		return bad("goodsPrice须在1至10000元之间")
	}
	tip, err := req.OnlineFee.Int(0)
	if err != nil || tip < 0 || tip > 1000 {
		return bad("onlineFee须为整数元")
	}
	from, err := s.locate(req.FromLng, req.FromLat, req.CityName, req.FromAddress)
	if err != nil {
		return bad("起点" + err.Error())
	}
	to, err := s.locate(req.ToLng, req.ToLat, req.CityName, req.ToAddress)
	if err != nil {
		return bad("终点" + err.Error())
	}
	begin, err := s.subscribed(req)
	if err != nil {
		return bad(err.Error())
	}
	return world.Quote{
		ClientNo: req.OriginID, Pickup: from, Dropoff: to, Kg: kg, Tip: money.Fen(tip * 100), NotBefore: begin,
		Data: details{fromAddress: req.FromAddress + req.FromUserNote, toAddress: req.ToAddress + req.ToUserNote},
	}, nil
}

// centres are the middles of the cities that UU serves, for addresses that come
// without coordinates.
var centres = map[string]world.Point{
	"杭州市": {Lng: 120.1551, Lat: 30.2741}, "上海市": {Lng: 121.4737, Lat: 31.2304}, "广州市": {Lng: 113.2644, Lat: 23.1291},
	"北京市": {Lng: 116.4074, Lat: 39.9042}, "郑州市": {Lng: 113.6254, Lat: 34.7466},
}

// locate reads BD-09 coordinates or, when there are none, finds the address: an
// address is always found at the same place, within 4 km of the centre.
func (s *Service) locate(lng, lat world.Text, city, address string) (world.Point, error) {
	if lng != "" || lat != "" {
		p, err := world.ParsePoint(string(lng), string(lat))
		return world.FromBD09(p), err
	}
	centre, ok := centres[city]
	if !ok {
		return world.Point{}, fmt.Errorf("地址无法解析: %s", address)
	}
	c := world.NewChance(0, Name)
	return centre.Away(c.Between(0, 4000, address, "distance", 0), c.Between(0, 6.28, address, "direction", 0)), nil
}

// subscribeLead is how long before a 预约 riders are sought. GAP.
const subscribeLead = 40 * time.Minute

// subscribed is when riders will be offered the order: zero for now.
func (s *Service) subscribed(req quoteRequest) (time.Time, error) {
	if req.SubscribeType == "" || req.SubscribeType == "0" {
		return time.Time{}, nil
	}
	at, err := req.SubscribeTime.Int(0)
	if err != nil || at <= 0 {
		return time.Time{}, fmt.Errorf("subscribeTime须为Unix秒")
	}
	return time.Unix(int64(at), 0).Add(-subscribeLead), nil
}
