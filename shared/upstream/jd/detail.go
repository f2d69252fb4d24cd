package jd

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/upstream"
)

// detail is what order/es/query tells of an order, as far as it is used.
type detail struct {
	OrderID      text `json:"orderId"`
	OrderStatus  text `json:"orderStatus"`
	DeliveryType text `json:"deliveryType"`

	Ordered     text `json:"orderStartTime"`
	WindowStart text `json:"orderPreStartDeliveryTime"`
	WindowEnd   text `json:"orderPreEndDeliveryTime"`

	Name      text `json:"buyerFullName"`
	Address   text `json:"buyerFullAddress"`
	Mobile    text `json:"buyerMobile"`
	Telephone text `json:"buyerTelephone"`

	DeliveryStationNoIsv text `json:"deliveryStationNoIsv"`
	DeliveryStationNo    text `json:"deliveryStationNo"`
	ProduceStationNoIsv  text `json:"produceStationNoIsv"`
	ProduceStationNo     text `json:"produceStationNo"`

	Weight text `json:"deliveryPackageWeight"` // kg
	Total  text `json:"orderTotalMoney"`       // 分

	Extend struct {
		Lng       text `json:"buyerLng"`
		Lat       text `json:"buyerLat"`
		CoordType text `json:"buyerCoordType"`
		Remark    text `json:"orderBuyerRemark"`
	} `json:"orderExtend"`
}

// shopFields are those that may hold a shop's code: 京东's own number and the merchant's,
// of where the goods are made and of where they are handed over.
var shopFields = []string{"deliveryStationNoIsv", "deliveryStationNo", "produceStationNoIsv", "produceStationNo"}

func (d detail) stations() map[string]text {
	return map[string]text{
		"deliveryStationNoIsv": d.DeliveryStationNoIsv, "deliveryStationNo": d.DeliveryStationNo,
		"produceStationNoIsv": d.ProduceStationNoIsv, "produceStationNo": d.ProduceStationNo,
	}
}

const (
	selfPickup  = "4"       // deliveryType 自提
	maxWeightKg = 1000      // a ton is a mistake
	millionths  = 1000      // the least magnitude that can only be degrees × 10⁶
	maxText     = 2000      // bytes of a name, an address or a remark
	gramsPerKg  = 1000      //
	maxShopCode = 64        // bytes
	lastYear    = "2100-01" // later is a mistake
)

// reader reads a detail and keeps the first fault.
type reader struct {
	detail
	cfg   Config
	fault *upstream.Error
}

func (r *reader) fail(reason upstream.Reason, field, format string, args ...any) {
	if r.fault == nil {
		r.fault = upstream.Refuse(reason, field, format, args...)
	}
}

// plain is text without the white space around it.
func (r *reader) plain(field string, value text) string {
	if len(value) > maxText {
		r.fail(upstream.BadField, field, "longer than %d bytes", maxText)
		return ""
	}
	return strings.TrimSpace(string(value))
}

// need is text that must be there.
func (r *reader) need(field string, value text) string {
	plain := r.plain(field, value)
	if plain == "" {
		r.fail(upstream.MissingField, field, "missing")
	}
	return plain
}

// shop is the first of the configured fields that is filled.
func (r *reader) shop() string {
	stations := r.stations()
	for _, field := range r.cfg.ShopFields {
		if code := r.plain(field, stations[field]); code != "" {
			if len(code) > maxShopCode {
				r.fail(upstream.BadField, field, "longer than %d bytes", maxShopCode)
			}
			return code
		}
	}
	r.fail(upstream.MissingField, r.cfg.ShopFields[0], "missing")
	return ""
}

func (r *reader) recipient() order.Stop {
	stop := order.Stop{Name: r.plain("buyerFullName", r.Name), Address: r.need("buyerFullAddress", r.Address)}
	field, number := "buyerMobile", r.plain("buyerMobile", r.Mobile)
	if number == "" && r.Telephone != "" {
		field, number = "buyerTelephone", r.plain("buyerTelephone", r.Telephone)
	}
	var ok bool
	if stop.Phone, stop.Ext, ok = upstream.ParsePhone(number); number == "" {
		r.fail(upstream.MissingField, field, "missing")
	} else if !ok {
		r.fail(upstream.BadField, field, "not a phone number")
	}
	stop.Point = r.point()
	return stop
}

// point is where the customer is, in GCJ-02.
func (r *reader) point() geo.Point {
	const lngField, latField = "orderExtend.buyerLng", "orderExtend.buyerLat"
	point := geo.Point{Lng: r.degrees(lngField, r.Extend.Lng), Lat: r.degrees(latField, r.Extend.Lat)}
	if r.fault != nil {
		return geo.Point{}
	}
	switch r.cfg.CoordTypes[string(r.Extend.CoordType)] {
	case gcj02:
	case bd09:
		point = geo.FromBD09(point.Lng, point.Lat)
	default:
		r.fail(upstream.BadField, "orderExtend.buyerCoordType", "a kind of coordinates that nobody configured")
	}
	if fault := upstream.CheckPoint(point, lngField, latField); fault != nil && r.fault == nil {
		r.fault = fault
	}
	return point
}

func (r *reader) degrees(field string, value text) float64 {
	plain := r.need(field, value)
	if plain == "" {
		return 0
	}
	v, err := strconv.ParseFloat(plain, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		r.fail(upstream.BadPoint, field, "not a number")
		return 0
	}
	if math.Abs(v) >= millionths {
		return v / 1e6
	}
	return v
}

// weight is in grams; what 京东 writes is kg with decimals.
func (r *reader) weight() int {
	const field = "deliveryPackageWeight"
	plain := r.plain(field, r.Weight)
	if plain == "" {
		return r.cfg.DefaultWeightG
	}
	kg, err := strconv.ParseFloat(plain, 64)
	if err != nil || !(kg >= 0 && kg <= maxWeightKg) {
		r.fail(upstream.BadField, field, "not a weight in kg up to %d", maxWeightKg)
		return 0
	}
	if grams := int(math.Ceil(kg*gramsPerKg - 1e-6)); grams > 0 {
		return grams
	}
	return r.cfg.DefaultWeightG
}

// value is what the order costs, in 分.
func (r *reader) value() money.Fen {
	const field = "orderTotalMoney"
	plain := r.need(field, r.Total)
	if plain == "" {
		return 0
	}
	v, err := money.ParseFen(plain)
	if fault := upstream.CheckValue(field, v, err, r.cfg.MaxValueFen); fault != nil && r.fault == nil {
		r.fault = fault
	}
	return v
}

// expectedAt is the end of the delivery window, or nothing when it begins so soon after
// the order that this one is wanted as soon as possible.
func (r *reader) expectedAt() *time.Time {
	ordered := r.instant("orderStartTime", r.Ordered)
	start := r.instant("orderPreStartDeliveryTime", r.WindowStart)
	end := r.instant("orderPreEndDeliveryTime", r.WindowEnd)
	switch {
	case r.fault != nil || end.IsZero():
		return nil
	case end.Before(start):
		r.fail(upstream.BadField, "orderPreEndDeliveryTime", "before the window's start")
		return nil
	case start.IsZero() || ordered.IsZero():
		return &end
	case start.Sub(ordered) <= time.Duration(r.cfg.Immediate):
		return nil
	}
	return &end
}

func (r *reader) instant(field string, value text) time.Time {
	plain := r.plain(field, value)
	if plain == "" {
		return time.Time{}
	}
	at, err := time.ParseInLocation(layout, plain, shanghai)
	if err != nil || plain >= lastYear || at.Unix() < 0 {
		r.fail(upstream.BadField, field, "not a time such as 2026-01-31 12:00:00")
		return time.Time{}
	}
	return at.UTC()
}
