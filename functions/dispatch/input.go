package dispatch

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// parkedEvent is a carrier's event that belongs to no attempt that we know.
type parkedEvent struct {
	status carrier.Status
	item   message.Item
}

// read finds the order of each item: by the number in it, by our number, or by the
// carrier's. Events of no known order are to be parked.
func (s *Stage) read(ctx context.Context, items []stage.Input) ([]input, []store.Parked, error) {
	var inputs []input
	var byRef []input
	var refs []turn.Ref
	for _, it := range items {
		in := input{order: it.Item.Order, topic: it.Topic, item: it.Item}
		switch it.Topic {
		case message.OrderQuoted:
			in.key = fmt.Sprintf("q:%d", it.Item.Round)
		case message.CarrierEvent:
			if err := json.Unmarshal(it.Item.Data, &in.status); err != nil {
				slog.ErrorContext(ctx, "carrier event cannot be read", "key", it.Item.Key, "error", err)
				continue
			}
			id, n, err := order.ParseOurNo(in.status.OurNo)
			if err != nil {
				byRef = append(byRef, in)
				refs = append(refs, turn.Ref{Carrier: in.status.Carrier, CarrierNo: in.status.CarrierNo})
				continue
			}
			in.order, in.n, in.key = id, n, turn.SignalKey(n, in.status)
		}
		inputs = append(inputs, in)
	}
	found, err := s.Store.FindRefs(ctx, refs)
	if err != nil {
		return nil, nil, err
	}
	var parked []store.Parked
	for i, in := range byRef {
		ref, ok := found[refs[i]]
		if !ok {
			parked = append(parked, park(parkedEvent{in.status, in.item}))
			continue
		}
		in.order, in.n, in.key = ref.Order, ref.N, turn.SignalKey(ref.N, in.status)
		inputs = append(inputs, in)
	}
	return inputs, parked, nil
}

func park(e parkedEvent) store.Parked {
	return store.Parked{Carrier: e.status.Carrier, OurNo: e.status.OurNo, CarrierNo: e.status.CarrierNo, Hash: e.item.Hash, Item: e.item}
}

func (s *Stage) park(ctx context.Context, events []parkedEvent) error {
	if len(events) == 0 {
		return nil
	}
	rows := make([]store.Parked, len(events))
	for i, e := range events {
		rows[i] = park(e)
		slog.WarnContext(ctx, "carrier event parked", "carrier", e.status.Carrier, "our_no", e.status.OurNo, "code", e.status.Code)
	}
	return s.Store.Park(ctx, rows, s.Clock.Virtual())
}

func eventsOf(inputs []input) []parkedEvent {
	var out []parkedEvent
	for _, in := range inputs {
		if in.topic == message.CarrierEvent {
			out = append(out, parkedEvent{in.status, in.item})
		}
	}
	return out
}

// group sorts a batch by order, and carrier events of one order by the carrier's time.
func group(inputs []input) (map[int64][]input, []int64, []store.InputKey) {
	by := map[int64][]input{}
	var ids []int64
	var keys []store.InputKey
	for _, in := range inputs {
		if in.order == 0 {
			continue
		}
		if _, ok := by[in.order]; !ok {
			ids = append(ids, in.order)
		}
		by[in.order] = append(by[in.order], in)
		if in.key != "" {
			keys = append(keys, store.InputKey{Order: in.order, Key: in.key})
		}
	}
	for _, list := range by {
		slices.SortStableFunc(list, func(a, b input) int { return a.status.At.Compare(b.status.At) })
	}
	slices.SortFunc(ids, cmp.Compare)
	return by, ids, keys
}
