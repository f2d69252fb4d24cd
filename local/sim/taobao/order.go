package taobao

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
)

// ErrOrder is an order that a customer cannot make; it is wrapped with the reason.
var ErrOrder = errors.New("taobao: cannot order")

// order is the platform's own record of one order.
type order struct {
	no, key  string
	shop     world.Shop
	dropoff  world.Point
	value    money.Fen
	created  time.Time
	expected time.Time // zero: as soon as possible
	daySN    int

	pushes    []Push
	answer    Answer // to the order push
	cancelled *Cancel
	told      []Told
	positions int
	degraded  bool // its push lacks the price, which getOrder tells
	wrong     []Violation
}

// Order lets a customer order and pushes the order until it is answered. Errors: a
// request that makes no sense (ErrOrder), the push given up (ErrUnanswered), ctx.
func (s *Service) Order(ctx context.Context, r world.OrderRequest) (no string, accepted bool, err error) {
	no, answered, err := s.Begin(r)
	if err != nil {
		return "", false, err
	}
	accepted, err = answered(ctx)
	return no, accepted, err
}

// Begin is Order without the waiting.
func (s *Service) Begin(r world.OrderRequest) (no string, answered world.Answered, err error) {
	o, err := s.make(r)
	if err != nil {
		return "", nil, err
	}
	return o.no, s.pushNew(o), nil
}

// make draws what the request leaves open and enters the order in the books.
func (s *Service) make(r world.OrderRequest) (*order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%w: closed", ErrOrder)
	}
	s.serial++
	key := r.Key
	if key == "" {
		key = "order-" + strconv.FormatInt(s.serial, 10)
	}
	if len(s.options.Shops) == 0 {
		return nil, fmt.Errorf("%w: there are no shops", ErrOrder)
	}
	shop := s.options.Shops[s.chance.Int(key, "shop", 0, len(s.options.Shops))]
	if r.Shop != "" {
		var ok bool
		if r.Unlisted {
			shop.Code, ok = r.Shop, true
		} else {
			shop, ok = s.shops[r.Shop]
		}
		if !ok {
			return nil, fmt.Errorf("%w: no shop %q", ErrOrder, r.Shop)
		}
	}
	if r.Value < 0 {
		return nil, fmt.Errorf("%w: value %s", ErrOrder, r.Value)
	}
	o := &order{
		degraded: r.Degraded, no: s.number(), key: key, shop: shop, created: s.options.Clock.Now(), value: r.Value,
		dropoff: shop.Point().Away(s.distance(key), s.chance.Between(0, 2*math.Pi, key, "direction", 0)),
	}
	if o.value == 0 {
		o.value = money.Fen(1500 + 10*s.chance.Int(key, "value", 0, 1200))
	}
	if r.Dropoff != nil {
		o.dropoff = r.Dropoff.Rounded()
	}
	if r.Expected != nil {
		o.expected = *r.Expected
	}
	day := o.shop.Code + o.created.In(world.Shanghai).Format("|20060102")
	s.daySN[day]++
	o.daySN = s.daySN[day]
	s.orders[o.no] = o
	s.listed = append(s.listed, o)
	return o, nil
}

// distance is how far a customer lives from the shop: 0.5 to 5 km, near ones more often.
func (s *Service) distance(key string) float64 {
	u := s.chance.Float(key, "distance", 0)
	return 500 + 4500*u*u
}

// number mints an order number of 19 digits, beyond 2^53. It begins with real seconds, so
// that a second run does not mint those of the first. s.mu is held.
func (s *Service) number() string {
	return strconv.FormatInt(3_000_000_000_000_000_000+(s.options.System().Unix()%1e9)*1e9+s.serial%1e9, 10)
}
