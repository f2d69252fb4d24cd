package timeout

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/chuandao/qianfan/shared/function"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/telemetry"
)

// maxResend of a carrier event by the dead-letter stage; then it waits for a person.
const maxResend = 3

// States of a dead letter.
const (
	redriven = "redriven"
	waiting  = "waiting"
)

// bury stores dead letters and lets their orders go on. Items that name an order need no
// message: their order's due time is lowered, its rows know what is to be done. Only carrier
// events, whose content is in no table, are sent again.
func (s *Stage) bury(ctx context.Context, events []function.Event) error {
	now := s.Clock.Virtual()
	var letters []store.DeadLetter
	var hurry []int64
	var again []message.Message
	for _, e := range events {
		inner, err := unwrap(e)
		if err != nil {
			slog.ErrorContext(ctx, "dead letter cannot be read", "message", e.ID, "error", err)
			letters = append(letters, store.DeadLetter{Key: e.ID, Topic: "unknown", Body: string(e.Body), State: waiting})
			continue
		}
		for _, in := range inner {
			letter, ids, messages := judge(in)
			letters = append(letters, letter)
			hurry = append(hurry, ids...)
			again = append(again, messages...)
		}
	}
	if err := s.Store.SaveDeadLetters(ctx, letters, now); err != nil {
		return err
	}
	for _, id := range hurry {
		_, span := telemetry.Order(ctx, id, "dead letter", time.Time{})
		span.End()
	}
	if err := s.Store.Hurry(ctx, hurry, now); err != nil {
		return err
	}
	return s.Bus.Publish(ctx, again...)
}

// maxNested is how often a dead letter may have been given up in its turn. Each level is read
// anew with all that is in it, so that many levels would cost more than they could be worth.
const maxNested = 16

// unwrap reads the batch that a trigger gave up: the CloudEvents of the original messages,
// also of dead letters that were given up in their turn.
func unwrap(e function.Event) ([]function.Event, error) { return unwrapTo(e, maxNested) }

func unwrapTo(e function.Event, levels int) ([]function.Event, error) {
	if levels == 0 {
		return nil, fmt.Errorf("a dead letter within %d others", maxNested)
	}
	inner, err := function.DecodeEvents(e.Body)
	if err != nil {
		return nil, err
	}
	var out []function.Event
	for _, x := range inner {
		if x.Topic != message.DeadLetter {
			out = append(out, x)
			continue
		}
		deeper, err := unwrapTo(x, levels-1)
		if err != nil {
			return nil, err
		}
		out = append(out, deeper...)
	}
	return out, nil
}

func judge(e function.Event) (store.DeadLetter, []int64, []message.Message) {
	letter := store.DeadLetter{Key: e.ID, Topic: e.Topic, Body: string(e.Body), State: redriven}
	env, err := message.Decode(e.Body)
	if err != nil {
		letter.State = waiting
		return letter, nil, nil
	}
	var ids []int64
	var again []message.Message
	for _, item := range env.Items {
		if env.Kind != message.CarrierEvent {
			ids = append(ids, item.Order)
			continue
		}
		letter.Tries = max(letter.Tries, item.Attempt)
		if item.Attempt >= maxResend {
			letter.State = waiting
			continue
		}
		item.Attempt++
		again = append(again, message.Message{Topic: env.Kind, Items: []message.Item{item}})
	}
	letter.Key = fmt.Sprintf("%s#%d", e.ID, letter.Tries)
	return letter, ids, again
}
