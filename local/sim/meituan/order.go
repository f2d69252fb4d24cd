package meituan

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
var ErrOrder = errors.New("meituan: cannot order")

// order is the platform's own record of one order.
type order struct {
	no, key  string
	shop     world.Shop
	dropoff  world.Point
	value    money.Fen
	created  time.Time
	expected time.Time // zero: as soon as possible

	paid      map[string]string // what its push says
	pushes    []Push
	answer    Answer // to the order push
	cancelled *Cancel
	told      []Told
	estimates int
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
	o, err := s.draft(r)
	if err != nil {
		return "", nil, err
	}
	return o.no, s.pushPaid(o), nil
}

// make draws what the request leaves open and enters the order in the books.
func (s *Service) make(r world.OrderRequest) (*order, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("%w: closed", ErrOrder)
	}
	now := s.options.Clock.Now()
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
	o := &order{
		no: s.number(), key: key, shop: shop, created: now, value: r.Value,
		dropoff: shop.Point().Away(s.distance(key), s.chance.Between(0, 2*math.Pi, key, "direction", 0)),
	}
	if o.value == 0 {
		o.value = money.Fen(1500 + 10*s.chance.Int(key, "value", 0, 1200))
	}
	if o.value < 0 {
		return nil, fmt.Errorf("%w: value %s", ErrOrder, o.value)
	}
	if r.Dropoff != nil {
		o.dropoff = r.Dropoff.Rounded()
	}
	if r.Expected != nil {
		o.expected = *r.Expected
	}
	s.orders[o.no] = o
	s.listed = append(s.listed, o)
	return o, nil
}

// distance is how far a customer lives from the shop: 0.5 to 5 km, near ones more often.
func (s *Service) distance(key string) float64 {
	u := s.chance.Float(key, "distance", 0)
	return 500 + 4500*u*u
}

// number mints an order number of 17 digits, beyond 2^53. It begins with real seconds,
// so that a second run does not mint those of the first. s.mu is held.
func (s *Service) number() string {
	return strconv.FormatInt(20_000_000_000_000_000+(s.options.System().Unix()%1e9)*1e7+s.serial%1e7, 10)
}
