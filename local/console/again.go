package console

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/store"
)

// Bounds of lists.
const (
	defaultLetters = 200
	maxLetters     = 10_000
	maxRedrive     = 1000
)

// States of a dead letter: waiting for a person, or sent again.
const (
	letterWaiting  = "waiting"
	letterRedriven = "redriven"
)

// fifoGroup is the message group of settlement hints from here: facts commute, so any will do.
const fifoGroup = "console"

// resume are the hints that make every stage look at an order again. The rows of the order say what is to be done, so a hint too
// many does nothing, and what was lost happens now.
func resume(id int64) []message.Owed {
	item := message.Item{Key: strconv.FormatInt(id, 10), Order: id}
	command := item
	command.Command = "resume"
	return []message.Owed{
		{Topic: message.OrderCommand, Item: command},
		{Topic: message.OrderStatus, Item: item},
		{Topic: message.Settlement, Group: fifoGroup, Item: item},
	}
}

// replay publishes again everything that an order's recorded inputs owe, and bids every stage look at the order. Receivers know
// what they have seen: nothing happens twice.
func (s *server) replay(r *http.Request) (any, error) {
	if s.Publish == nil {
		return nil, absent("replay")
	}
	var in struct {
		Order string `json:"order"`
	}
	if _, err := decode(r, &in); err != nil {
		return nil, err
	}
	if in.Order == "" {
		return nil, bad(http.StatusBadRequest, `send {"order":"…"}: our id or the platform's number`, "no order is named")
	}
	view, err := s.findOrder(r.Context(), in.Order)
	if err != nil {
		return nil, err
	}
	owed, err := owedBy(view)
	if err != nil {
		return nil, err
	}
	owed = append(owed, resume(view.Order.ID)...)
	messages := message.Bundle(owed)
	if err := s.Publish(r.Context(), messages...); err != nil {
		return nil, fmt.Errorf("replay order %s: %w", in.Order, err)
	}
	return map[string]int{"items": len(owed), "messages": len(messages)}, nil
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
	letters, err := s.chosen(r, in.IDs)
	if err != nil {
		return nil, err
	}
	owed, readable, unreadable := reviveAll(letters)
	if err := s.Publish(r.Context(), message.Bundle(owed)...); err != nil {
		return nil, fmt.Errorf("redrive: %w", err)
	}
	// A letter that cannot be marked is sent again next time, which changes nothing: receivers know what they have seen.
	if _, err := s.Store.MarkDeadLetters(r.Context(), readable, letterRedriven); err != nil {
		return nil, err
	}
	return map[string]any{"redriven": len(readable), "unreadable": unreadable}, nil
}

// reviveAll reads letters: what their items owe now, and which letters could be read.
func reviveAll(letters []store.DeadLetter) (owed []message.Owed, readable, unreadable []int64) {
	unreadable = []int64{}
	for _, l := range letters {
		e, err := message.Decode([]byte(l.Body))
		if err != nil {
			unreadable = append(unreadable, l.ID)
			continue
		}
		readable = append(readable, l.ID)
		for _, item := range e.Items {
			owed = append(owed, revive(e.Kind, item)...)
		}
	}
	return owed, readable, unreadable
}

// chosen are the named letters, or those that wait for a person.
func (s *server) chosen(r *http.Request, ids []int64) ([]store.DeadLetter, error) {
	if len(ids) > maxRedrive {
		return nil, bad(http.StatusBadRequest, "send some at a time", "%d ids, the most is %d", len(ids), maxRedrive)
	}
	all, err := s.Store.DeadLetters(r.Context(), maxLetters)
	if err != nil {
		return nil, err
	}
	var out []store.DeadLetter
	for _, l := range all {
		if slices.Contains(ids, l.ID) || len(ids) == 0 && l.State == letterWaiting {
			out = append(out, l)
		}
	}
	if len(out) < len(ids) {
		return nil, bad(http.StatusNotFound, "GET /api/dlq or `qianfan dlq list` lists them", "not all of %v are dead letters", ids)
	}
	return out, nil
}

// revive is what an item of a dead letter owes now. Only a carrier's event is content; all others are hints about an order.
func revive(kind string, item message.Item) []message.Owed {
	item.Attempt = 0
	switch kind {
	case message.CarrierEvent:
		return []message.Owed{{Topic: kind, Item: item}}
	case message.OrderAccepted, message.QuoteWanted:
		item.Round = max(item.Round, 1)
		return append(resume(item.Order), message.Owed{Topic: message.QuoteWanted, Item: item})
	case message.OrderQuoted:
		return append(resume(item.Order), message.Owed{Topic: kind, Item: item})
	}
	return resume(item.Order)
}

// owedBy are the items that the order's recorded inputs owe.
func owedBy(view store.OrderView) ([]message.Owed, error) {
	var all []message.Owed
	for _, row := range view.History {
		if len(row.Owes) == 0 {
			continue
		}
		var owed []message.Owed
		if err := json.Unmarshal(row.Owes, &owed); err != nil {
			return nil, fmt.Errorf("what input %s of order %d owes: %w", row.Key, view.Order.ID, err)
		}
		all = append(all, owed...)
	}
	return all, nil
}
