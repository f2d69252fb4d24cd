package jd

import (
	"fmt"

	"github.com/chuandao/qianfan/local/sim/world"
)

var _ world.Directed = (*Service)(nil)

// Draft lets a customer order without the platform pushing it. Error: ErrOrder.
func (s *Service) Draft(r world.OrderRequest) (string, error) {
	o, err := s.make(r)
	if err != nil {
		return "", err
	}
	return o.no, nil
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
	return s.pushNew(o), nil
}

func (s *Service) pushNew(o *order) world.Answered {
	return s.push(o, "newOrder", Waiting, "", func(a Answer) { o.answer = a })
}

// Heard is what was told about an order and taken, and what was wrong with it. A pickup
// and an end are told by two calls each.
func (s *Service) Heard(no string) (told []world.Heard, wrong []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.orders[no]
	if !ok {
		return nil, nil
	}
	for _, t := range o.told {
		if !t.Refused && t.Stage > 0 { // an answer to a wish is no stage
			told = append(told, world.Heard{At: t.At, Stage: t.Stage, Rider: t.rider(), Repeat: t.Repeat})
		}
	}
	for _, v := range o.wrong {
		wrong = append(wrong, v.What)
	}
	return told, wrong
}
