package taobao

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/upstream"
)

const (
	maxWeightG  = 1_000_000 // a ton is a mistake
	maxQuantity = 10_000
)

// readCreate reads an order. A degraded one (downgraded) may lack fields or have 0 in those
// of money; they are named in Create.Degraded and nothing is invented for them.
func (a *Adapter) readCreate(env envelope, f *fields) upstream.Push {
	no := f.orderNo()
	p := partial{fields: f, allowed: f.text("downgraded") == "true"}
	create := upstream.Create{ShopCode: shopCode(env, f)}
	create.Detail = order.Detail{
		To:         p.recipient(),
		Goods:      order.Goods{Category: "food", Remark: f.text("description"), Value: p.value(a.cfg.MaxValueFen)},
		ExpectedAt: f.when("deliverTime"),
		Display:    f.text("daySn"),
	}
	create.Detail.Goods.WeightG, create.Detail.Goods.Count = f.items(a.cfg.DefaultWeightG)
	if f.text("book") == "true" {
		p.take("deliverTime") // a 预约单 is not to be carried at once
	}
	create.Degraded = p.lacking
	return upstream.Push{
		Kind: upstream.KindCreate, No: no, Create: &create,
		Hash: upstream.HashOf([]any{upstream.KindCreate, no, create}),
	}
}

// shopCode is the code under which we registered the shop with 饿了么 (openId); without one
// it is 饿了么's own number of the shop.
func shopCode(env envelope, f *fields) string {
	for _, code := range []string{f.text("openId"), f.text("shopId"), env["shopId"]} {
		if code != "" {
			return code
		}
	}
	f.fail(upstream.MissingField, "openId", "neither openId nor shopId")
	return ""
}

// partial reads fields that a degraded order may lack.
type partial struct {
	*fields
	allowed bool
	lacking []string
}

// take is a field that must be there, unless the order is degraded.
func (p *partial) take(name string) string {
	value := p.text(name)
	if value == "" && p.allowed {
		p.lacking = append(p.lacking, name)
		return ""
	}
	return p.need(name)
}

func (p *partial) recipient() order.Stop {
	stop := order.Stop{Name: p.text("consignee"), Address: p.take("address")}
	stop.Phone, stop.Ext = p.phone()
	if stop.Ext != "" { // a privacy number (虚拟号)
		stop.PhoneUntil = p.when("secretPhoneExpireTime")
	}
	stop.Point = p.point()
	return stop
}

// phone is the first of phoneList that is a number; privacy numbers have an extension.
func (p *partial) phone() (phone, ext string) {
	const name = "phoneList"
	var list []text
	if raw, ok := p.values[name]; ok && json.Unmarshal(raw, &list) != nil {
		p.fail(upstream.BadField, name, "not a list of phone numbers")
	}
	for _, number := range list {
		if phone, ext, ok := upstream.ParsePhone(string(number)); ok {
			return phone, ext
		}
	}
	switch {
	case len(list) > 0:
		p.fail(upstream.BadField, name, "no phone number among them")
	case p.allowed:
		p.lacking = append(p.lacking, name)
	default:
		p.fail(upstream.MissingField, name, "missing")
	}
	return "", ""
}

// point is deliveryGeo, "lng,lat".
func (p *partial) point() geo.Point {
	const name = "deliveryGeo"
	value := p.take(name)
	if value == "" {
		return geo.Point{}
	}
	lng, lat, _ := strings.Cut(value, ",")
	point := geo.Point{Lng: p.degrees(name, lng), Lat: p.degrees(name, lat)}
	if fault := upstream.CheckPoint(point, name, name); fault != nil {
		p.fail(fault.Reason, name, "%s", fault.Message)
	}
	return point
}

// millionths is the least magnitude that can only be degrees × 10⁶.
const millionths = 1000

func (p *partial) degrees(name, value string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		p.fail(upstream.BadPoint, name, `not "lng,lat"`)
		return 0
	}
	if math.Abs(v) >= millionths {
		return v / 1e6
	}
	return v
}

// value is totalPrice, in 元. 0 in a degraded order is no price.
func (p *partial) value(most money.Fen) money.Fen {
	const name = "totalPrice"
	written := p.take(name)
	if written == "" {
		return 0
	}
	v, err := money.ParseYuan(written)
	if fault := upstream.CheckValue(name, v, err, most); fault != nil {
		p.fail(fault.Reason, name, "%s", fault.Message)
	}
	if v == 0 && p.allowed {
		p.lacking = append(p.lacking, name)
	}
	return v
}

// items adds up weights (in g) and counts of what was ordered.
func (f *fields) items(otherwise int) (grams, count int) {
	const name = "groups"
	var groups []struct {
		Items []struct {
			Quantity text `json:"quantity"`
			Weight   text `json:"weight"`
		} `json:"items"`
	}
	if raw, ok := f.values[name]; ok && json.Unmarshal(raw, &groups) != nil {
		f.fail(upstream.BadField, name, "not groups of items")
		return 0, 0
	}
	total := 0.0
	for _, g := range groups {
		for _, item := range g.Items {
			n, each := f.amount("quantity", item.Quantity, maxQuantity), f.amount("weight", item.Weight, maxWeightG)
			total += n * each
			count = min(count+int(n), maxQuantity)
		}
	}
	switch {
	case total > maxWeightG:
		f.fail(upstream.BadField, "weight", "more than %d g together", maxWeightG)
	case total > 0:
		return int(math.Ceil(total)), count
	}
	return otherwise, count
}

// amount is a number from 0 to most; absent is 0.
func (f *fields) amount(name string, written text, most float64) float64 {
	if written == "" {
		return 0
	}
	v, err := strconv.ParseFloat(string(written), 64)
	if err != nil || !(v >= 0 && v <= most) {
		f.fail(upstream.BadField, name, "not a number from 0 to %v", most)
		return 0
	}
	return v
}
