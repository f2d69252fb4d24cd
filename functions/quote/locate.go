package quote

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/stage"
	"github.com/chuandao/qianfan/shared/store"
)

// locateTimeout bounds one question for a rider's place, in system time. Who wants to know
// does not wait for it, but the batch does.
const locateTimeout = time.Second

// takeLocates splits a batch: questions for riders' places are no quote rounds.
func takeLocates(inputs []stage.Input) (rounds, locates []stage.Input) {
	rounds = slices.DeleteFunc(slices.Clone(inputs), func(in stage.Input) bool { return in.Item.Command == message.Locate })
	if len(rounds) == len(inputs) {
		return inputs, nil
	}
	return rounds, slices.DeleteFunc(slices.Clone(inputs), func(in stage.Input) bool { return in.Item.Command != message.Locate })
}

// locate asks carriers where riders are, all at once. What is not learnt now is asked for
// again by whoever looks again, so nothing here fails a batch.
func (s *Stage) locate(ctx context.Context, inputs []stage.Input) {
	if len(inputs) == 0 || s.Positions == nil {
		return
	}
	wanted := make([]store.AttemptKey, len(inputs))
	for i, in := range inputs {
		wanted[i] = store.AttemptKey{Order: in.Item.Order, N: in.Item.N}
	}
	refs, err := s.Store.Waybills(ctx, wanted)
	if err != nil {
		slog.WarnContext(ctx, "riders not located", "riders", len(wanted), "error", err)
		return
	}
	var work sync.WaitGroup
	for k, w := range refs {
		adapter, _ := s.Carriers.Adapter(w.Carrier, w.Account)
		if locator, ok := adapter.(carrier.Locator); ok {
			work.Go(func() { s.locateOne(ctx, locator, k, w) })
		}
	}
	work.Wait()
}

func (s *Stage) locateOne(ctx context.Context, adapter carrier.Locator, k store.AttemptKey, w store.Waybill) {
	ctx, cancel := context.WithTimeout(ctx, locateTimeout)
	defer cancel()
	ref := carrier.Ref{OurNo: order.OurNo(k.Order, k.N), CarrierNo: w.CarrierNo}
	at, err := adapter.Locate(ctx, ref)
	if err == nil && at.Position != nil {
		when := at.At
		if when.IsZero() {
			when = s.Clock.Virtual()
		}
		err = s.Positions.Put(ctx, position.Key{Carrier: w.Carrier, OurNo: ref.OurNo, CarrierNo: ref.CarrierNo}, position.Seen{Point: *at.Position, At: when})
	}
	if err != nil {
		slog.WarnContext(ctx, "rider not located", "order", k.Order, "carrier", w.Carrier, "error", err)
	}
}
