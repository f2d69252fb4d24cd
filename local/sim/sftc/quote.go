package sftc

import (
	"fmt"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// terms are the fields that precreateorder and createorder have in common, as far as
// they matter here.
type terms struct {
	shopRef
	LbsType        world.Text `json:"lbs_type"` // 1 BD-09, 2 GCJ-02 (default)
	PayType        world.Text `json:"pay_type"` // 1 paid, 0 cash on delivery
	IsAppoint      world.Text `json:"is_appoint"`
	AppointType    world.Text `json:"appoint_type"`       // 1 by delivery time, 2 by pickup time
	ExpectTime     world.Text `json:"expect_time"`        // Unix s
	ExpectPickup   world.Text `json:"expect_pickup_time"` // Unix s
	IsInsured      world.Text `json:"is_insured"`
	IsPersonDirect world.Text `json:"is_person_direct"`
	GratuityFee    world.Text `json:"gratuity_fee"` // tip, 分: 0 or at least 100
	ReturnFlag     world.Text `json:"return_flag"`
	Shop           *struct {
		Phone   string     `json:"shop_phone"`
		Address string     `json:"shop_address"`
		Lng     world.Text `json:"shop_lng"`
		Lat     world.Text `json:"shop_lat"`
	} `json:"shop"`
}

// goods is what is to be brought where.
type goods struct {
	address     string
	lng, lat    world.Text
	weight      world.Text // g
	productType world.Text
}

type quoteRequest struct {
	terms
	UserLng     world.Text `json:"user_lng"`
	UserLat     world.Text `json:"user_lat"`
	UserAddress string     `json:"user_address"`
	Weight      world.Text `json:"weight"`
	ProductType world.Text `json:"product_type"`
}

// productTypes are the kinds of goods that 顺丰同城 carries.
var productTypes = map[world.Text]bool{
	"1": true, "2": true, "3": true, "4": true, "5": true, "6": true, "8": true, "9": true, "10": true, "12": true, "13": true,
	"14": true, "15": true, "16": true, "17": true, "18": true, "20": true, "21": true, "22": true, "27": true, "32": true,
	"33": true, "34": true, "35": true, "36": true, "41": true, "48": true, "99": true,
}

type m = map[string]any

// precreateorder prices a delivery. 顺丰同城 keeps nothing of it.
func (s *Service) precreateorder(body []byte) (any, error) {
	req, err := decode[quoteRequest](body)
	if err != nil {
		return nil, err
	}
	q, err := s.read(req.terms, goods{req.UserAddress, req.UserLng, req.UserLat, req.Weight, req.ProductType})
	if err != nil {
		return nil, err
	}
	q.Token = s.number()
	q = s.fleet.Quote(q)
	now, takes := s.options.Clock.Now(), s.takes(q.Metres)
	a := m{
		"delivery_type": deliveryType(req.terms), "start_time": now.Unix(), "expect_time": now.Add(takes).Unix(),
		"promise_delivery_time": int(takes / time.Minute), "delivery_distance_meter": q.Metres,
		"charge_price_list": m{"shop_pay_price": q.Total() - q.Tip, "charges_detail": charges(q.Lines)},
		"gratuity_fee":      q.Tip, "overflow_fee": overflow(q.Lines), "push_time": now.Unix(),
	}
	return s.optional(a, req.ReturnFlag, q.Lines, q), nil
}

// The bits of return_flag.
const (
	flagPrice = 1 << iota
	flagDistance
	flagWeight
	flagStart
	flagExpected
	flagPay
	flagRealPay
	flagCoupons
	flagSettlement
)

// optional adds what return_flag asks for. Tips are on top of the price; there are no
// coupons, so that all is really paid.
func (s *Service) optional(a m, flag world.Text, lines []world.Line, q world.Quote) m {
	bits, _ := flag.Int(0) // what is no number asks for nothing
	total, now := world.Total(lines), s.options.Clock.Now()
	for bit, field := range map[int]struct {
		name  string
		value any
	}{
		flagPrice: {"total_price", total - q.Tip}, flagDistance: {"delivery_distance_meter", q.Metres},
		flagWeight: {"weight_gram", q.Data.(freight).gram}, flagStart: {"start_time", now.Unix()},
		flagExpected: {"expect_time", now.Add(s.takes(q.Metres)).Unix()}, flagPay: {"total_pay_money", total},
		flagRealPay: {"real_pay_money", total}, flagCoupons: {"coupons_total_fee", 0}, flagSettlement: {"settlement_type", 1},
	} {
		if bits&bit != 0 {
			a[field.name] = field.value
		}
	}
	return a
}

// charges itemises a price as 顺丰同城 does.
func charges(lines []world.Line) m {
	by := map[string]money.Fen{}
	for _, l := range lines {
		by[l.Kind] += l.Fee
	}
	return m{
		"basic_fee": by[world.LineStart] + by[world.LineDistance] + by[world.LineWeight],
		"basic":     by[world.LineStart], "over_distance": by[world.LineDistance], "over_weight": by[world.LineWeight],
		"special_time_fee": by[world.LineNight] + by[world.LinePeak],
		"vas_fee":          0, "vas_fee_detail": m{}, "extra_fee": 0, "extra_fee_detail": m{}, "cancel_excess_fee": 0,
	}
}

// overflow is the 爆单费. GAP: when it is taken; here it is what bad weather adds, and
// part of the price.
func overflow(lines []world.Line) money.Fen {
	var fee money.Fen
	for _, l := range lines {
		if l.Kind == world.LineWeather {
			fee += l.Fee
		}
	}
	return fee
}

// takes is a guess at the whole delivery by middling figures.
func (s *Service) takes(metres int) time.Duration {
	p := s.fleet.Profile()
	riding := (float64(metres) + (p.ApproachMinM+p.ApproachMaxM)/2) / ((p.SpeedMinMPS + p.SpeedMaxMPS) / 2)
	return time.Duration(p.Accept.MedianS+p.Pickup.MedianS+p.Handover.MedianS+riding) * time.Second
}

// freight is what is known of a delivery besides its price: of which shop, and how heavy.
type freight struct {
	shop shopRef
	gram int
}

// read checks a delivery that is to be priced or placed. Data is its freight.
func (s *Service) read(t terms, g goods) (world.Quote, error) {
	bad := func(format string, args ...any) (world.Quote, error) {
		return world.Quote{}, fmt.Errorf("%w: %s", errFormat, fmt.Sprintf(format, args...))
	}
	if err := s.known(t.shopRef); err != nil {
		return world.Quote{}, err
	}
	for name, flag := range map[string]world.Text{
		"pay_type": t.PayType, "is_appoint": t.IsAppoint, "is_insured": t.IsInsured, "is_person_direct": t.IsPersonDirect,
	} {
		if flag != "0" && flag != "1" {
			return bad("%s须为0或1", name)
		}
	}
	gram, err := g.weight.Int(0)
	if err != nil || gram < 1 {
		return bad("重量须为正整数克")
	}
	tip, err := t.GratuityFee.Int(0)
	if err != nil || tip != 0 && tip < minTip {
		return bad("gratuity_fee须为0或不小于%d分", minTip)
	}
	switch {
	case g.address == "":
		return bad("user_address不能为空")
	case !productTypes[g.productType]:
		return bad("product_type无效: %s", string(g.productType))
	}
	from, err := s.pickup(t)
	if err != nil {
		return bad("shop: %v", err)
	}
	to, err := point(t.LbsType, g.lng, g.lat)
	if err != nil {
		return bad("user: %v", err)
	}
	begin, err := s.appointed(t)
	if err != nil {
		return bad("%v", err)
	}
	return world.Quote{
		Pickup: from, Dropoff: to, Kg: max(1, (gram+999)/1000), Tip: money.Fen(tip), NotBefore: begin, Data: freight{t.shopRef.whole(), gram},
	}, nil
}

// pickup is where the goods are: the shop that a platform developer names, or else the
// developer's own.
func (s *Service) pickup(t terms) (world.Point, error) {
	switch {
	case t.Shop == nil:
		return s.options.ShopAt, nil
	case t.Shop.Address == "" || t.Shop.Phone == "":
		return world.Point{}, fmt.Errorf("地址和电话不能为空")
	}
	return point(t.LbsType, t.Shop.Lng, t.Shop.Lat)
}

// point reads coordinates, which are GCJ-02 unless lbs_type is 1.
func point(lbsType, lng, lat world.Text) (world.Point, error) {
	p, err := world.ParsePoint(string(lng), string(lat))
	if err == nil && lbsType == "1" {
		p = world.FromBD09(p)
	}
	return p, err
}

// How long before an appointment riders are sought. GAP.
const (
	deliveryLead = 40 * time.Minute
	pickupLead   = 15 * time.Minute
)

// appointed is when riders will be offered the order: zero for now.
func (s *Service) appointed(t terms) (time.Time, error) {
	if t.IsAppoint == "0" {
		return time.Time{}, nil
	}
	text, lead := t.ExpectTime, deliveryLead
	if t.AppointType == "2" {
		text, lead = t.ExpectPickup, pickupLead
	}
	at, err := text.Int(0)
	if err != nil || !time.Unix(int64(at), 0).After(s.options.Clock.Now()) {
		return time.Time{}, fmt.Errorf("预约时间无效: %s", string(text))
	}
	return time.Unix(int64(at), 0).Add(-lead), nil
}

// deliveryType tells how the promise is meant: 0 by delivery time, 1 now, 2 by pickup time.
func deliveryType(t terms) int {
	switch {
	case t.IsAppoint == "0":
		return 1
	case t.AppointType == "2":
		return 2
	}
	return 0
}
