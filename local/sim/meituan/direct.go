package meituan

import (
	"fmt"
	"strconv"

	"github.com/chuandao/qianfan/local/sim/world"
)

var _ world.Directed = (*Service)(nil)

// Draft lets a customer order without the platform pushing it. Error: ErrOrder.
func (s *Service) Draft(r world.OrderRequest) (string, error) {
	o, err := s.draft(r)
	if err != nil {
		return "", err
	}
	return o.no, nil
}

func (s *Service) draft(r world.OrderRequest) (*order, error) {
	o, err := s.make(r)
	if err != nil {
		return nil, err
	}
	paid := s.paid(o)
	if r.Degraded {
		paid["incmp_code"] = "-1"
		delete(paid, "total")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o.paid = paid
	return o, nil
}

// Push pushes an order that is in the books, for the first time or the same again.
// Error: ErrOrder.
func (s *Service) Push(no string) (world.Answered, error) {
	s.mu.Lock()
	o, ok := s.orders[no]
	s.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("%w: push: no order %q", ErrOrder, no)
	}
	return s.pushPaid(o), nil
}

func (s *Service) pushPaid(o *order) world.Answered {
	return s.push(o, "order/paid", o.paid, func(a Answer) { o.answer = a })
}

// Heard is what was told about an order, and what was wrong with it.
func (s *Service) Heard(no string) (told []world.Heard, wrong []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.orders[no]
	if !ok {
		return nil, nil
	}
	for _, t := range o.told {
		told = append(told, world.Heard{At: t.At, Stage: stages[strconv.Itoa(t.Status)].stage, Rider: t.Courier, Repeat: t.Repeat})
	}
	for _, v := range o.wrong {
		wrong = append(wrong, v.What)
	}
	return told, wrong
}
