package meituan

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/upstream"
)

// orderID is a 64-bit number, kept as text.
var orderID = regexp.MustCompile(`^[0-9]{1,20}$`)

const (
	maxWeightG = 1_000_000     // a ton is a mistake
	maxUnix    = 4_102_444_800 // the year 2100; milliseconds lie far beyond
)

// readCreate reads the push of a paid order. A degraded push (incmp_code) may lack
// fields; they are named in Create.Degraded and nothing is invented for them.
func (a *Adapter) readCreate(f fields) (upstream.Push, *upstream.Error) {
	no := f.orderNo()
	create := upstream.Create{ShopCode: f.need("app_poi_code")}
	p := partial{fields: &f, allowed: degraded(f.text("incmp_code"))}
	create.Detail = order.Detail{
		To: p.recipient(),
		Goods: order.Goods{
			Category: "food",
			WeightG:  p.weight(a.cfg.DefaultWeightG),
			Value:    p.value(a.cfg.MaxValueFen),
			Remark:   f.text("caution"),
		},
		ExpectedAt: f.expectedAt(),
		Display:    f.text("day_seq"),
	}
	create.Degraded = p.lacking
	f.sound()
	if f.fault != nil {
		return upstream.Push{}, f.fault
	}
	return upstream.Push{
		Kind: upstream.KindCreate, No: no, Create: &create,
		Hash: upstream.HashOf([]any{upstream.KindCreate, no, create}),
	}, nil
}

func degraded(code string) bool { return code != "" && code != "0" }

func (f *fields) orderNo() string {
	no := f.need("order_id")
	if no != "" && !orderID.MatchString(no) {
		f.fail(upstream.BadField, "order_id", "not a number")
	}
	return no
}

// limits are how long the texts that are kept may be, in bytes.
var limits = map[string]int{
	"app_poi_code": upstream.MaxCode, "day_seq": upstream.MaxCode,
	"recipient_name": upstream.MaxText, "recipient_address": upstream.MaxText, "caution": upstream.MaxText, "reason": upstream.MaxText,
}

// sound refuses what no database column would take.
func (f *fields) sound() {
	for name := range f.values {
		text := f.text(name)
		switch most, limited := limits[name]; {
		case !utf8.ValidString(text):
			f.fail(upstream.Malformed, name, "not UTF-8")
		case strings.ContainsRune(text, 0):
			f.fail(upstream.Malformed, name, "holds a NUL")
		case limited && len(text) > most:
			f.fail(upstream.BadField, name, "longer than %d bytes", most)
		}
	}
}

// expectedAt is delivery_time in Unix seconds; 0 or absent means as soon as possible.
func (f *fields) expectedAt() *time.Time {
	text := f.text("delivery_time")
	if text == "" || text == "0" {
		return nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 || seconds > maxUnix {
		f.fail(upstream.BadField, "delivery_time", "neither 0 nor Unix seconds")
		return nil
	}
	at := time.Unix(seconds, 0).UTC()
	return &at
}

// partial reads fields that a degraded push may lack.
type partial struct {
	*fields
	allowed bool
	lacking []string
}

// take is a field that must be there, unless the push says that it is degraded.
func (p *partial) take(name string) string {
	text := p.text(name)
	if text == "" && p.allowed {
		p.lacking = append(p.lacking, name)
		return ""
	}
	return p.need(name)
}

func (p *partial) recipient() order.Stop {
	stop := order.Stop{Name: p.text("recipient_name"), Address: userAddress(p.take("recipient_address"))}
	if text := p.take("recipient_phone"); text != "" {
		var ok bool
		if stop.Phone, stop.Ext, ok = upstream.ParsePhone(text); !ok {
			p.fail(upstream.BadField, "recipient_phone", "not a phone number")
		}
	}
	stop.Point = p.point()
	return stop
}

// userAddress is the part that the customer wrote of 用户地址@#反查地址.
func userAddress(text string) string {
	written, looked, _ := strings.Cut(text, "@#")
	if written = strings.TrimSpace(written); written != "" {
		return written
	}
	return strings.TrimSpace(looked)
}

func (p *partial) point() geo.Point {
	lng, lat := p.take("longitude"), p.take("latitude")
	if lng == "" || lat == "" {
		return geo.Point{}
	}
	point := geo.Point{Lng: p.degrees("longitude", lng), Lat: p.degrees("latitude", lat)}
	if p.fault == nil {
		p.fault = upstream.CheckPoint(point, "longitude", "latitude")
	}
	return point
}

// millionths is the least magnitude that can only be degrees × 10⁶.
const millionths = 1000

func (p *partial) degrees(name, text string) float64 {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		p.fail(upstream.BadPoint, name, "not a number")
		return 0
	}
	if math.Abs(v) >= millionths {
		return v / 1e6
	}
	return v
}

func (p *partial) weight(otherwise int) int {
	text := p.text("total_weight")
	if text == "" || text == "0" {
		return otherwise
	}
	grams, err := strconv.Atoi(text)
	if err != nil || grams < 0 || grams > maxWeightG {
		p.fail(upstream.BadField, "total_weight", "not a weight in grams up to %d", maxWeightG)
	}
	return grams
}

// value is total, in 元.
func (p *partial) value(most money.Fen) money.Fen {
	text := p.take("total")
	if text == "" {
		return 0
	}
	v, err := money.ParseYuan(text)
	if fault := upstream.CheckValue("total", v, err, most); fault != nil && p.fault == nil {
		p.fault = fault
	}
	return v
}
