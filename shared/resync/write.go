package resync

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// one asks about an order and writes what was found.
func (r *run) one(ctx context.Context, o *order.Aggregate) error {
	f, err := r.look(ctx, o)
	if err != nil {
		return err
	}
	planted := func(k turn.Known) bool { return o.Attempt(k.N) == nil }
	if !r.job.DryRun && len(f.known) > 0 {
		if planted, err = r.commit(ctx, o, f); store.Away(err) || ctx.Err() != nil {
			return fmt.Errorf("order %d: %w", o.ID, err)
		} else if err != nil { // one order's trouble is not the others'
			f.failed = append(f.failed, fmt.Sprintf("order %d is not written: %v", o.ID, err))
		}
	}
	r.note(func() { r.count(o, f, planted) })
	return nil
}

func (r *run) count(o *order.Aggregate, f findings, planted func(turn.Known) bool) {
	r.Gone, r.Failed = append(r.Gone, f.gone...), append(r.Failed, f.failed...)
	fresh := 0
	for _, k := range f.known {
		if !planted(k) {
			continue
		}
		fresh++
		if len(r.Planted) < mostListed {
			r.Planted = append(r.Planted, Planted{Order: o.ID, N: k.N, Carrier: k.Carrier, Account: k.Account, CarrierNo: cmp.Or(k.CarrierNo, k.Status.CarrierNo),
				State: k.Status.State, Charged: k.Status.Charged, Penalty: k.Status.Penalty})
		}
	}
	r.PlantedCount += fresh
	if fresh > 0 && !planned(o) {
		r.Unplanned = append(r.Unplanned, o.ID)
	}
}

// commit hands what was found to the state machine, under the order's lock, and says what of it
// was planted. To an order that has moved on since it was read nothing old is told: its attempts
// are asked once more, by dispatch.
func (r *run) commit(ctx context.Context, o *order.Aggregate, f findings) (planted func(turn.Known) bool, err error) {
	var there map[int]bool // what is there since
	err = r.Store.Dispatch(ctx, []int64{o.ID}, nil, func(b store.Batch) ([]*turn.Turn, []store.Hold, error) {
		there = map[int]bool{}
		now, ok := b.Orders[o.ID]
		if !ok {
			return nil, nil, nil
		}
		known := f.known
		if now.Version != o.Version {
			known = slices.Clone(known)
			for i := range known {
				known[i].Status = nil
			}
		}
		t := turn.New(now, r.env())
		t.Resync(known, len(f.failed) == 0)
		for _, k := range known {
			there[k.N] = now.Attempt(k.N) == nil && t.Attempt(k.N) != nil
		}
		return []*turn.Turn{t}, nil, nil
	})
	return func(k turn.Known) bool { return err == nil && there[k.N] }, err
}

func (r *run) env() turn.Env {
	now := r.Clock.Virtual()
	return turn.Env{Now: now, System: r.Clock.System(), Owner: "resync", Book: r.book(now),
		Carrier: func(name string) (carrier.Facts, bool) {
			a, ok := r.Carriers[name]
			if !ok {
				return carrier.Facts{}, false
			}
			return a.Facts(), true
		},
		Hold:    func(string, string, money.Fen) (int, bool) { return 0, false }, // nothing is started here
		Virtual: func(time.Time) time.Time { return now },
	}
}
