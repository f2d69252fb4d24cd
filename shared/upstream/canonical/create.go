package canonical

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/geo"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/upstream"
)

// creation is the body of a create. Fields are pointers, so that a missing one can be
// told from a zero.
type creation struct {
	OrderNo    *string `json:"order_no"`
	City       *string `json:"city"`
	Shop       *stop   `json:"shop"`
	Recipient  *stop   `json:"recipient"`
	Goods      *goods  `json:"goods"`
	ExpectedAt *string `json:"expected_at"`
}

// stop is a shop or a recipient; only a shop has an id.
type stop struct {
	ID      *string  `json:"id"`
	Name    *string  `json:"name"`
	Phone   *string  `json:"phone"`
	Address *string  `json:"address"`
	Detail  *string  `json:"detail"`
	Lng     *float64 `json:"lng"`
	Lat     *float64 `json:"lat"`
}

type goods struct {
	Category *string `json:"category"`
	WeightG  *int    `json:"weight_g"`
	// ValueFen stays text until it is parsed exactly.
	ValueFen json.RawMessage `json:"value_fen"`
	Count    *int            `json:"count"`
	Remark   *string         `json:"remark"`
}

const (
	maxText    = 500       // bytes of a name, an address or a remark
	maxWeightG = 1_000_000 // a ton is a mistake
	maxCount   = 10_000
)

var cityCode = regexp.MustCompile(`^[1-9][0-9]{5}$`)

func readCreate(a *Adapter, _ string, body []byte) (upstream.Push, *upstream.Error) {
	var in creation
	if fault := decodeJSON(body, &in); fault != nil {
		return upstream.Push{}, fault
	}
	c := &checker{mostValue: a.cfg.MaxValueFen}
	no := c.number(in.OrderNo)
	create := c.create(in)
	if c.fault != nil {
		return upstream.Push{}, c.fault
	}
	return upstream.Push{
		Kind: upstream.KindCreate, No: no, Create: &create,
		Hash: upstream.HashOf([]any{upstream.KindCreate, no, create}),
	}, nil
}

// readQuote reads the body of a create, in which nobody has to be named yet.
func readQuote(a *Adapter, _ string, body []byte) (upstream.Push, *upstream.Error) {
	var in creation
	if fault := decodeJSON(body, &in); fault != nil {
		return upstream.Push{}, fault
	}
	c := &checker{mostValue: a.cfg.MaxValueFen, anonymous: true}
	create := c.create(in)
	if c.fault != nil {
		return upstream.Push{}, c.fault
	}
	return upstream.Push{Kind: upstream.KindQuote, Create: &create, Hash: upstream.HashOf([]any{upstream.KindQuote, create})}, nil
}

// create reads what a create and a quote have in common.
func (c *checker) create(in creation) upstream.Create {
	create := upstream.Create{City: c.city(in.City), Detail: order.Detail{ExpectedAt: c.instant(in.ExpectedAt)}}
	c.shop(in.Shop, &create)
	if in.Recipient == nil {
		c.fail(missing("recipient"))
	} else {
		create.Detail.To = c.stop("recipient.", *in.Recipient)
	}
	if in.Goods == nil {
		c.fail(missing("goods"))
	} else {
		create.Detail.Goods = c.goods(*in.Goods)
	}
	return create
}

// decodeJSON reads one JSON object and nothing after it. Unknown fields are ignored, so
// that a newer client can talk to us.
func decodeJSON(body []byte, into any) *upstream.Error {
	if fault := upstream.CheckJSON("", body); fault != nil {
		return fault
	}
	if trimmed := bytes.TrimSpace(body); len(trimmed) == 0 || trimmed[0] != '{' {
		return upstream.Refuse(upstream.Malformed, "", "not a JSON object")
	}
	err := json.Unmarshal(body, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return upstream.Refuse(upstream.BadField, wrong.Field, "%s where %s belongs", wrong.Value, jsonName(wrong.Type))
	}
	return upstream.Refuse(upstream.Malformed, "", "not one JSON object")
}

// jsonName is what JSON calls a value of a Go type.
func jsonName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Int, reflect.Float64:
		return "a number"
	}
	return "an object"
}

func missing(field string) *upstream.Error {
	return upstream.Refuse(upstream.MissingField, field, "missing")
}

// checker checks fields in the order of the document and keeps the first fault.
type checker struct {
	mostValue money.Fen
	anonymous bool // names, phones and addresses may be missing
	fault     *upstream.Error
}

func (c *checker) fail(fault *upstream.Error) {
	if c.fault == nil && fault != nil {
		c.fault = fault
	}
}

// need is a text that must be there and not be blank.
func (c *checker) need(path string, v *string) string {
	text := c.text(path, v)
	if strings.TrimSpace(text) == "" {
		c.fail(missing(path))
	}
	return text
}

func (c *checker) text(path string, v *string) string {
	if v == nil {
		return ""
	}
	if len(*v) > maxText {
		c.fail(upstream.Refuse(upstream.BadField, path, "longer than %d bytes", maxText))
	}
	return *v
}

func (c *checker) number(v *string) string {
	no := c.need("order_no", v)
	switch {
	case no == "" || c.fault != nil:
	case no == "." || no == "..": // a path that names it leads elsewhere: nobody could cancel it
		c.fail(upstream.Refuse(upstream.BadField, "order_no", "%q means another path", no))
	case !orderNo.MatchString(no):
		c.fail(upstream.Refuse(upstream.BadField, "order_no", "not 1 to 64 of A-Z a-z 0-9 . _ : -"))
	}
	return no
}

func (c *checker) city(v *string) string {
	city := c.text("city", v)
	if city != "" && !cityCode.MatchString(city) {
		c.fail(upstream.Refuse(upstream.BadField, "city", "not a code of six digits such as 330100"))
	}
	return city
}

func (c *checker) instant(v *string) *time.Time {
	if v == nil {
		return nil
	}
	at, err := time.Parse(time.RFC3339, *v)
	if err != nil {
		c.fail(upstream.Refuse(upstream.BadField, "expected_at", "neither null nor an RFC 3339 time"))
		return nil
	}
	at = at.UTC()
	return &at
}

// shop is either a known shop's id or a shop that the request locates, together with
// its city.
func (c *checker) shop(in *stop, create *upstream.Create) {
	if in == nil {
		c.fail(missing("shop"))
		return
	}
	if in.ID != nil {
		create.ShopCode = c.need("shop.id", in.ID)
		return
	}
	located := c.stop("shop.", *in)
	create.Shop, create.Detail.From = &located, located
	if create.City == "" {
		c.fail(missing("city"))
	}
}

func (c *checker) stop(path string, in stop) order.Stop {
	s := order.Stop{
		Name:    c.person(path+"name", in.Name),
		Address: c.person(path+"address", in.Address),
		Detail:  c.text(path+"detail", in.Detail),
	}
	if in.Phone != nil || !c.anonymous {
		s.Phone, s.Ext = c.phone(path+"phone", in.Phone)
	}
	s.Point = c.point(path, in)
	return s
}

// person is a text that an order needs and a quote does not.
func (c *checker) person(path string, v *string) string {
	if c.anonymous {
		return c.text(path, v)
	}
	return c.need(path, v)
}

func (c *checker) phone(path string, v *string) (phone, ext string) {
	text := c.need(path, v)
	if text == "" {
		return "", ""
	}
	phone, ext, ok := upstream.ParsePhone(text)
	if !ok {
		c.fail(upstream.Refuse(upstream.BadField, path, "not a phone number"))
	}
	return phone, ext
}

func (c *checker) point(path string, in stop) geo.Point {
	if in.Lng == nil {
		c.fail(missing(path + "lng"))
	}
	if in.Lat == nil {
		c.fail(missing(path + "lat"))
	}
	if in.Lng == nil || in.Lat == nil {
		return geo.Point{}
	}
	p := geo.Point{Lng: *in.Lng, Lat: *in.Lat}
	c.fail(upstream.CheckPoint(p, path+"lng", path+"lat"))
	return p
}

func (c *checker) goods(in goods) order.Goods {
	return order.Goods{
		Category: c.text("goods.category", in.Category),
		WeightG:  c.weight(in.WeightG),
		Value:    c.amount("goods.value_fen", in.ValueFen, c.mostValue),
		Count:    c.count(in.Count),
		Remark:   c.text("goods.remark", in.Remark),
	}
}

func (c *checker) weight(v *int) int {
	if v == nil {
		c.fail(missing("goods.weight_g"))
		return 0
	}
	if *v <= 0 || *v > maxWeightG {
		c.fail(upstream.Refuse(upstream.BadField, "goods.weight_g", "not 1 to %d", maxWeightG))
	}
	return *v
}

func (c *checker) count(v *int) int {
	if v == nil {
		return 0
	}
	if *v < 0 || *v > maxCount {
		c.fail(upstream.Refuse(upstream.BadField, "goods.count", "not 0 to %d", maxCount))
	}
	return *v
}

func (c *checker) amount(path string, raw json.RawMessage, most money.Fen) money.Fen {
	if len(raw) == 0 || string(raw) == "null" {
		c.fail(missing(path))
		return 0
	}
	var v money.Fen
	err := v.UnmarshalJSON(raw)
	c.fail(upstream.CheckValue(path, v, err, most))
	return v
}
