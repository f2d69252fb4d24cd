package resync

import (
	"context"
	"time"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/turn"
)

// queryTimeout bounds one query, in system time.
const queryTimeout = 5 * time.Second

// findings are what carriers said about one order.
type findings struct {
	known  []turn.Known
	gone   []string // live attempts that their carrier does not know
	failed []string // numbers about which nobody answered
}

// look asks carriers about an order: about all that it has, for what was over may have come back
// to life or cost other money since, and about every number under which it may have been placed.
func (r *run) look(ctx context.Context, o *order.Aggregate) (findings, error) {
	var f findings
	for _, a := range o.Attempts {
		if err := r.again(ctx, o, a, &f); err != nil {
			return f, err
		}
	}
	for key, sum := range r.billed[o.ID] {
		if o.Attempt(key.n) != nil {
			continue
		}
		found, err := r.try(ctx, o, key, sum, &f)
		if err != nil {
			return f, err
		}
		if !found {
			r.note(func() {
				for _, s := range sum.lines {
					s.Why = "the carrier bills it and does not know it"
					r.stray(s)
				}
			})
		}
	}
	first := firstRound(o)
	for round, empty := first, 0; first > 0 && empty < r.job.rounds(); round++ {
		found, err := r.round(ctx, o, round, &f)
		if err != nil {
			return f, err
		}
		if empty++; found {
			empty = 0
		}
	}
	return f, nil
}

// round tries the numbers of one quote round.
func (r *run) round(ctx context.Context, o *order.Aggregate, round int, f *findings) (found bool, err error) {
	for _, p := range probes(o, round, r.names) {
		if p.n > maxNumber || f.has(p.n) || r.billed[o.ID][p] != nil {
			continue
		}
		one, err := r.try(ctx, o, p, nil, f)
		if err != nil {
			return found, err
		}
		found = found || one
	}
	return found, nil
}

// maxNumber is the last number that three digits hold.
const maxNumber = 999

func (f *findings) has(n int) bool {
	for _, k := range f.known {
		if k.N == n {
			return true
		}
	}
	return false
}

// again asks about an attempt that the order has.
func (r *run) again(ctx context.Context, o *order.Aggregate, a *order.Attempt, f *findings) error {
	k := turn.Known{N: a.N, Carrier: a.Carrier, Account: a.Account}
	sum := r.billed[o.ID][probe{a.N, a.Carrier}]
	s, err := r.query(ctx, o, a.Carrier, a.Account, carrier.Ref{OurNo: order.OurNo(o.ID, a.N), CarrierNo: a.CarrierNo})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		s = sum.complete(s)
		k.Status = &s
		r.note(func() { r.Told++ })
	case carrier.KindOf(err) == carrier.KindNotFound && !a.Live():
		return nil
	case carrier.KindOf(err) == carrier.KindNotFound:
		f.gone = append(f.gone, order.OurNo(o.ID, a.N))
	default:
		f.failed = append(f.failed, order.OurNo(o.ID, a.N)+": "+err.Error())
	}
	f.known = append(f.known, k)
	return nil
}

// try asks every account of a carrier for a number.
func (r *run) try(ctx context.Context, o *order.Aggregate, p probe, sum *billed, f *findings) (found bool, err error) {
	ref := carrier.Ref{OurNo: order.OurNo(o.ID, p.n)}
	accounts := r.Carriers.Accounts(p.carrier)
	if sum != nil {
		accounts, ref.CarrierNo = []string{sum.account}, sum.carrierNo
	}
	for _, account := range accounts {
		s, err := r.query(ctx, o, p.carrier, account, ref)
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err == nil:
			k := turn.Known{N: p.n, Carrier: p.carrier, Account: account, CarrierNo: ref.CarrierNo}
			if sum != nil {
				k.Price, k.Tip = sum.fee, sum.tip
			}
			s = sum.complete(s)
			k.Status = &s
			f.known = append(f.known, k)
			return true, nil
		case carrier.KindOf(err) != carrier.KindNotFound:
			f.failed = append(f.failed, ref.OurNo+" at "+p.carrier+"/"+account+": "+err.Error())
		}
	}
	return false, nil
}

// tries of a query that got no answer: it moves nothing, so it may be repeated.
const tries = 3

// query asks one account.
func (r *run) query(ctx context.Context, o *order.Aggregate, name, account string, ref carrier.Ref) (carrier.Status, error) {
	adapter, ok := r.Carriers.Adapter(name, account)
	if !ok {
		return carrier.Status{}, &carrier.Error{Carrier: name, Op: order.CallQuery, Kind: carrier.KindNotSent, Message: "account " + account + " is not configured"}
	}
	if o.ShopCode != "" {
		shop, err := r.live.StoreAt(ctx, o.Platform, o.ShopCode, name)
		if err != nil {
			return carrier.Status{}, &carrier.Error{Carrier: name, Op: order.CallQuery, Kind: carrier.KindNotSent, Message: "the shop cannot be read: " + err.Error()}
		}
		ref.Store = shop
	}
	for try := 1; ; try++ {
		if err := r.pace.wait(ctx, name, account); err != nil {
			return carrier.Status{}, err
		}
		s, err := r.ask(ctx, adapter, ref)
		if err == nil || carrier.KindOf(err) == carrier.KindNotFound || try == tries {
			return s, err
		}
	}
}

func (r *run) ask(ctx context.Context, adapter carrier.Adapter, ref carrier.Ref) (carrier.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	r.note(func() { r.Asked++ })
	return adapter.Query(ctx, ref)
}
