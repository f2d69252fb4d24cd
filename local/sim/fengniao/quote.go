package fengniao

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// deliveryRequest is the business_data of preCreateOrder and createOrder, as far as it
// matters here.
type deliveryRequest struct {
	PartnerOrderCode     string     `json:"partner_order_code"`
	OutShopCode          string     `json:"out_shop_code"`
	ChainStoreID         world.Text `json:"chain_store_id"`
	TransportLongitude   world.Text `json:"transport_longitude"`
	TransportLatitude    world.Text `json:"transport_latitude"`
	TransportAddress     string     `json:"transport_address"`
	TransportTel         world.Text `json:"transport_tel"`
	OrderType            world.Text `json:"order_type"`      // 1 即时, 3 预约
	PositionSource       world.Text `json:"position_source"` // 1 腾讯, 2 百度, 3 高德
	ReceiverAddress      string     `json:"receiver_address"`
	ReceiverLongitude    world.Text `json:"receiver_longitude"`
	ReceiverLatitude     world.Text `json:"receiver_latitude"`
	ReceiverName         string     `json:"receiver_name"`
	ReceiverPrimaryPhone world.Text `json:"receiver_primary_phone"`
	GoodsTotalAmount     world.Text `json:"goods_total_amount_cent"`
	GoodsWeight          world.Text `json:"goods_weight"` // kg, decimal
	GoodsCount           world.Text `json:"goods_count"`
	ServiceGoodsID       world.Text `json:"service_goods_id"`
	ExpectFetchTime      world.Text `json:"expect_fetch_time"` // ms
	RequireReceiveTime   world.Text `json:"require_receive_time"`
	OrderTipAmount       world.Text `json:"order_tip_amount_cent"`
}

type priceAnswer struct {
	Distance   int         `json:"distance"`
	CityID     int         `json:"city_id"`
	Time       int64       `json:"time"` // ms
	GoodsInfos []goodsInfo `json:"goods_infos"`
}

// goodsInfo is one product with its price.
type goodsInfo struct {
	ServiceGoodsID      int                  `json:"service_goods_id"`
	BaseGoodsID         int                  `json:"base_goods_id"`
	IsValid             int                  `json:"is_valid"`
	DisableReason       string               `json:"disable_reason"`
	CanAddTip           int                  `json:"can_add_tip"`
	TotalDeliveryAmount money.Fen            `json:"total_delivery_amount_cent"`
	ActualDelivery      money.Fen            `json:"actual_delivery_amount_cent"`
	PriceDetail         map[string]money.Fen `json:"price_detail"`
}

// The products: one that the merchant has bought, and one that it has not. GAP.
var (
	sold    = goodsInfo{ServiceGoodsID: 32, BaseGoodsID: 63, IsValid: 1, CanAddTip: 1}
	offered = goodsInfo{ServiceGoodsID: 33, BaseGoodsID: 64, DisableReason: errProduct.Error()}
)

// priceNames are the parts of price_detail. GAP but for the first two.
var priceNames = map[string]string{
	world.LineStart: "start_price_cent", world.LineDistance: "distance_price_cent", world.LineWeight: "weight_price_cent",
	world.LineNight: "night_price_cent", world.LinePeak: "peak_price_cent", world.LineWeather: "weather_price_cent", world.LineTip: "tip_price_cent",
}

func detail(lines []world.Line) map[string]money.Fen {
	parts := map[string]money.Fen{}
	for _, l := range lines {
		parts[priceNames[l.Kind]] += l.Fee
	}
	return parts
}

// preCreateOrder prices a delivery. It binds nobody: an order is priced anew.
func (s *Service) preCreateOrder(data []byte) (any, error) {
	req, err := decode[deliveryRequest](data)
	if err != nil {
		return nil, err
	}
	q, err := s.read(req)
	if err != nil {
		return nil, err
	}
	q.Token = "quote/" + strconv.FormatUint(s.fleet.Serial(1<<62), 10)
	q = s.fleet.Quote(q)
	yes, no := sold, offered
	yes.TotalDeliveryAmount, yes.ActualDelivery, yes.PriceDetail = q.Total(), q.Total(), detail(q.Lines)
	if err := s.within(q); err != nil {
		yes.IsValid, yes.DisableReason = 0, err.Error()
	}
	return priceAnswer{Distance: q.Metres, Time: s.options.Clock.Now().UnixMilli(), GoodsInfos: []goodsInfo{no, yes}}, nil
}

// within tells whether 蜂鸟 goes so far and carries so much. GAP.
func (s *Service) within(q world.Quote) error {
	switch {
	case s.fleet.Profile().RoadMetres(q.Pickup, q.Dropoff) > s.options.MaxMetres:
		return errDistance
	case q.Kg > s.options.MaxKg:
		return errWeight
	}
	return nil
}

// read checks a request for a quote or an order.
func (s *Service) read(req deliveryRequest) (world.Quote, error) {
	bad := func(what string) (world.Quote, error) {
		return world.Quote{}, fmt.Errorf("%w: %s", errFormat, what)
	}
	switch {
	case req.PartnerOrderCode == "":
		return bad("partner_order_code不能为空")
	case req.ReceiverAddress == "":
		return bad("receiver_address不能为空")
	}
	kg, err := strconv.ParseFloat(string(req.GoodsWeight), 64)
	if err != nil || !(kg > 0 && kg < 10000) {
		return bad("goods_weight须为正数（kg）")
	}
	if value, err := req.GoodsTotalAmount.Int(-1); err != nil || value < 0 {
		return bad("goods_total_amount_cent须为整数分")
	}
	if count, err := req.GoodsCount.Int(0); err != nil || count < 1 {
		return bad("goods_count须为正整数")
	}
	tip, err := req.OrderTipAmount.Int(0)
	if err != nil || tip < 0 {
		return bad("order_tip_amount_cent须为整数分")
	}
	from, err := s.pickup(req)
	if err != nil {
		return world.Quote{}, err
	}
	to, err := point(req.PositionSource, req.ReceiverLongitude, req.ReceiverLatitude)
	if err != nil {
		return bad("receiver: " + err.Error())
	}
	begin, err := s.begin(req)
	if err != nil {
		return world.Quote{}, err
	}
	return world.Quote{
		ClientNo: req.PartnerOrderCode, Pickup: from, Dropoff: to, Kg: int(math.Ceil(kg)), Tip: money.Fen(tip), NotBefore: begin,
	}, nil
}

// pickup is the named store's place or, without a store, the one in transport_*.
func (s *Service) pickup(req deliveryRequest) (world.Point, error) {
	for _, name := range []string{req.OutShopCode, string(req.ChainStoreID)} {
		if name == "" {
			continue
		}
		p, ok := s.options.Stores[name]
		if !ok {
			return world.Point{}, errStore
		}
		return p, nil
	}
	if req.TransportAddress == "" || req.TransportTel == "" {
		return world.Point{}, fmt.Errorf("%w: 无门店时transport_*不能为空", errFormat)
	}
	p, err := point(req.PositionSource, req.TransportLongitude, req.TransportLatitude)
	if err != nil {
		return world.Point{}, fmt.Errorf("%w: transport: %w", errFormat, err)
	}
	return p, nil
}

// point reads coordinates of the named source.
func point(source, lng, lat world.Text) (world.Point, error) {
	p, err := world.ParsePoint(string(lng), string(lat))
	switch {
	case err != nil:
		return world.Point{}, err
	case source == "2":
		return world.FromBD09(p), nil
	case source != "1" && source != "3":
		return world.Point{}, fmt.Errorf("position_source %q", string(source))
	}
	return p, nil
}

// lead is how long before the wanted arrival of a 预约 riders are sought. GAP.
const lead = 40 * time.Minute

// begin is when riders will be offered the order: zero for now.
func (s *Service) begin(req deliveryRequest) (time.Time, error) {
	switch req.OrderType {
	case "1":
		return time.Time{}, nil
	case "3":
	default:
		return time.Time{}, fmt.Errorf("%w: order_type须为1或3", errFormat)
	}
	fetch, errF := req.ExpectFetchTime.Int(0)
	receive, errR := req.RequireReceiveTime.Int(0)
	var at time.Time
	switch {
	case errF != nil || errR != nil || fetch+receive <= 0:
		return time.Time{}, fmt.Errorf("%w: 预约单须有expect_fetch_time或require_receive_time", errFormat)
	case fetch > 0:
		at = time.UnixMilli(int64(fetch))
	default:
		at = time.UnixMilli(int64(receive)).Add(-lead)
	}
	if at.Before(s.options.Clock.Now()) {
		return time.Time{}, errPast
	}
	return at, nil
}
