package taobao

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/chuandao/qianfan/local/sim/world"
)

// pullLimit is how many messages one pull gives. GAP.
const pullLimit = 100

// getPushFailMsg lists the core messages that did not get through, oldest first, until
// they are confirmed. GAP: neither the query nor the shape of the list is public; here it
// is a list of envelopes.
func (s *Service) getPushFailMsg(request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []envelope{}
	for _, m := range s.missed[:min(len(s.missed), pullLimit)] {
		list = append(list, s.seal(m))
	}
	return list, nil
}

// getNonReachedMessages is the same with each envelope as text.
func (s *Service) getNonReachedMessages(q request) (any, error) {
	list, err := s.getPushFailMsg(q)
	if err != nil {
		return nil, err
	}
	texts := []string{}
	for _, e := range list.([]envelope) {
		texts = append(texts, string(world.JSON(e)))
	}
	return texts, nil
}

// confirmPullMsg takes messages off the list. GAP: the name of the field.
func (s *Service) confirmPullMsg(q request) (any, error) {
	var confirm struct {
		IDs []world.Text `json:"requestIds"`
	}
	if json.Unmarshal(q.Params["msgConfirmRequest"], &confirm) != nil || len(confirm.IDs) == 0 {
		return nil, fmt.Errorf("%w: msgConfirmRequest.requestIds", errParams)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missed = slices.DeleteFunc(s.missed, func(m *message) bool {
		if !slices.Contains(confirm.IDs, world.Text(m.id)) {
			return false
		}
		m.keep(AnswerOK)
		m.order.pushes = append(m.order.pushes, Push{s.options.Clock.Now(), m.kind, "pulled"})
		return true
	})
	return true, nil
}

// Missed is how many messages wait to be pulled.
func (s *Service) Missed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.missed)
}

// getOrder describes an order once more.
func (s *Service) getOrder(q request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.orders[q.text("orderId")]
	if !ok {
		return nil, errNoOrder
	}
	return s.content(o), nil
}
