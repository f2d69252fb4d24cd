package resync

import (
	"cmp"
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
	for _, p := range r.named(o) {
		if _, err := r.try(ctx, o, p, &f); err != nil {
			return f, err
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

// named are the numbers that bills and callbacks name and the order lacks.
func (r *run) named(o *order.Aggregate) []probe {
	var out []probe
	for p, sum := range r.billed[o.ID] {
		switch a := o.Attempt(p.n); {
		case a == nil:
			out = append(out, p)
		case a.Carrier != p.carrier:
			r.disown(sum, "we placed that number with "+a.Carrier)
		}
	}
	for _, p := range r.heard[o.ID] {
		if o.Attempt(p.n) == nil && r.billed[o.ID][p] == nil {
			out = append(out, p)
		}
	}
	return out
}

// round tries the numbers of one quote round. It reports whether anybody was placed in it.
func (r *run) round(ctx context.Context, o *order.Aggregate, round int, f *findings) (found bool, err error) {
	found = has(o, round)
	for _, p := range probes(o, round, r.names) {
		if f.has(p.n) {
			found = true
		}
		if p.n > maxNumber || f.has(p.n) || r.billed[o.ID][p] != nil {
			continue
		}
		one, err := r.try(ctx, o, p, f)
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
	if r.leftOut(a.Carrier) {
		return nil
	}
	k := turn.Known{N: a.N, Carrier: a.Carrier, Account: a.Account}
	sum := r.billed[o.ID][probe{a.N, a.Carrier}]
	s, err := r.query(ctx, o, a.Carrier, a.Account, carrier.Ref{OurNo: order.OurNo(o.ID, a.N), CarrierNo: a.CarrierNo})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil:
		if sum != nil && !sum.fits(a.Account, cmp.Or(a.CarrierNo, s.CarrierNo)) {
			r.disown(sum, "we placed that number with another account, or as another waybill")
			sum = nil
		}
		s = r.complete(sum, s)
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

// try asks every account of a carrier for our number, whatever bills say of it.
func (r *run) try(ctx context.Context, o *order.Aggregate, p probe, f *findings) (found bool, err error) {
	if r.leftOut(p.carrier) {
		return false, nil
	}
	no, sum, silent := order.OurNo(o.ID, p.n), r.billed[o.ID][p], len(f.failed)
	for _, account := range r.accounts[p.carrier] {
		s, err := r.query(ctx, o, p.carrier, account, carrier.Ref{OurNo: no})
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err == nil:
			f.known = append(f.known, r.known(p, account, s, sum))
			return true, nil
		case carrier.KindOf(err) != carrier.KindNotFound:
			f.failed = append(f.failed, no+" at "+p.carrier+"/"+account+": "+err.Error())
		}
	}
	if sum == nil || len(f.failed) > silent {
		return false, nil
	}
	return r.byBill(ctx, o, p, sum, f)
}

// known is a waybill that a carrier has under our number, with what its bill says.
func (r *run) known(p probe, account string, s carrier.Status, sum *billed) turn.Known {
	k := turn.Known{N: p.n, Carrier: p.carrier, Account: account}
	if sum != nil && !sum.fits(account, s.CarrierNo) {
		r.disown(sum, "the carrier has another waybill or another account under that number")
		sum = nil
	}
	if sum != nil {
		k.CarrierNo, k.Price, k.Tip = cmp.Or(s.CarrierNo, sum.carrierNo), sum.fee, sum.tip
		if s.State == carrier.Delivered && s.Charged == nil && sum.fee > 0 {
			r.note(func() { r.Believed++ })
		}
	}
	s = r.complete(sum, s)
	k.Status = &s
	return k
}

// byBill asks for a waybill that no account has under our number by the carrier's own one. Only
// a carrier that says itself that it is ours is believed.
func (r *run) byBill(ctx context.Context, o *order.Aggregate, p probe, sum *billed, f *findings) (found bool, err error) {
	s, err := r.query(ctx, o, p.carrier, sum.account, carrier.Ref{CarrierNo: sum.carrierNo})
	switch kind := carrier.KindOf(err); {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err == nil && s.OurNo == order.OurNo(o.ID, p.n) && sum.fits(sum.account, sum.carrierNo):
		f.known = append(f.known, r.known(p, sum.account, s, sum))
		return true, nil
	case err != nil && kind != carrier.KindNotFound && kind != carrier.KindNotSent:
		f.failed = append(f.failed, sum.carrierNo+" at "+p.carrier+"/"+sum.account+": "+err.Error())
		return false, nil
	}
	r.disown(sum, "the carrier bills it and does not know it")
	return false, nil
}

// mute are the errors by which nobody has answered; with the others the carrier has said something.
var mute = map[carrier.Kind]bool{carrier.KindTemporary: true, carrier.KindRateLimited: true, carrier.KindNotSent: true}

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
		if r.pace.away(name, account) {
			return carrier.Status{}, &carrier.Error{Carrier: name, Op: order.CallQuery, Kind: carrier.KindNotSent, Message: "account " + account + " does not answer, and is not asked any more by this run"}
		}
		if err := r.pace.wait(ctx, name, account); err != nil {
			return carrier.Status{}, err
		}
		s, err := r.ask(ctx, adapter, ref)
		if err == nil || carrier.KindOf(err) == carrier.KindNotFound || try == tries {
			r.pace.heard(name, account, err == nil || !mute[carrier.KindOf(err)])
			return s, err
		}
		if carrier.KindOf(err) == carrier.KindRateLimited {
			r.pace.limited(name, account)
		}
	}
}

func (r *run) ask(ctx context.Context, adapter carrier.Adapter, ref carrier.Ref) (carrier.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	r.note(func() { r.Asked++ })
	return adapter.Query(ctx, ref)
}
