package console

import (
	"errors"
	"net/http"

	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/store"
)

// Bounds of lists. A whole run's entries may be read in one answer.
const (
	defaultEntries = 1000
	maxEntries     = 1_000_000
	defaultLetters = 200
	maxLetters     = 10_000
)

func (s *server) balances(r *http.Request) (any, error) {
	list, err := s.Store.Balances(r.Context())
	if list == nil {
		list = []store.Balance{}
	}
	return map[string]any{"balances": list}, err
}

// entries lists the ledger, of one order (our id or the platform's number) or of all.
func (s *server) entries(r *http.Request) (any, error) {
	limit, err := number(r, "limit", defaultEntries, 1, maxEntries)
	if err != nil {
		return nil, err
	}
	var id int64
	if name := r.URL.Query().Get("order"); name != "" {
		view, err := s.findOrder(r.Context(), name)
		if err != nil {
			return nil, err
		}
		id = view.Order.ID
	}
	list, err := s.Store.Entries(r.Context(), id, int(limit))
	if list == nil {
		list = []store.EntryRow{}
	}
	return map[string]any{"entries": list}, err
}

// deadLetters shows what a person may have to look at: batches that a stage could not take, and carriers' events that belong to
// no known order.
func (s *server) deadLetters(r *http.Request) (any, error) {
	limit, err := number(r, "limit", defaultLetters, 1, maxLetters)
	if err != nil {
		return nil, err
	}
	letters, err := s.Store.DeadLetters(r.Context(), int(limit))
	if err != nil {
		return nil, err
	}
	parked, err := s.Store.ParkedEvents(r.Context(), int(limit))
	if err != nil {
		return nil, err
	}
	if letters == nil {
		letters = []store.DeadLetter{}
	}
	if parked == nil {
		parked = []store.ParkedEvent{}
	}
	return map[string]any{"dead_letters": letters, "parked_events": parked}, nil
}

// redrive sends the items of dead letters again: of those named, or of all that wait.
func (s *server) redrive(r *http.Request) (any, error) {
	if s.Publish == nil {
		return nil, absent("sending dead letters again")
	}
	var in struct {
		IDs []int64 `json:"ids"`
	}
	if _, err := decode(r, &in); err != nil {
		return nil, err
	}
	letters, err := s.Store.DeadLetters(r.Context(), maxLetters)
	if err != nil {
		return nil, err
	}
	var messages []message.Message
	redriven, unreadable := 0, []int64{}
	for _, l := range chosen(letters, in.IDs) {
		e, err := message.Decode([]byte(l.Body))
		if errors.Is(err, message.ErrVersion) || err != nil || len(e.Items) == 0 {
			unreadable = append(unreadable, l.ID)
			continue
		}
		redriven++
		messages = append(messages, message.Message{Topic: e.Kind, Items: e.Items})
	}
	if redriven+len(unreadable) < len(in.IDs) {
		return nil, bad(http.StatusNotFound, "GET /api/dlq lists them", "some of the ids %v are no dead letters", in.IDs)
	}
	if err := s.Publish(r.Context(), messages...); err != nil {
		return nil, err
	}
	return map[string]any{"redriven": redriven, "unreadable": unreadable}, nil
}
