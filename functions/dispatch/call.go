package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"sync"

	"github.com/chuandao/qianfan/shared/carrier"
	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/turn"
)

// calls makes the leased calls side by side and gathers their answers.
type calls struct {
	stage   *Stage
	answers chan input
	open    int
	work    sync.WaitGroup
	stop    []context.CancelFunc
}

func newCalls(s *Stage) *calls { return &calls{stage: s, answers: make(chan input)} }

func (c *calls) pending() int { return c.open }

// start begins the planned calls; each gives exactly one answer.
func (c *calls) start(ctx context.Context, planned []turn.PlannedCall) {
	if len(planned) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	c.stop = append(c.stop, cancel)
	details, err := c.stage.details(ctx, planned)
	over := c.stage.overLimit(ctx, planned)
	for i, p := range planned {
		c.open++
		c.work.Go(func() {
			ans := turn.Answer{N: p.Attempt.N, Seq: p.Seq, Kind: p.Kind, Err: err}
			switch {
			case over[i]:
				ans.Err = &carrier.Error{Carrier: p.Attempt.Carrier, Op: p.Kind, Kind: carrier.KindNotSent, Message: "rate limit of our account reached"}
			case err != nil:
				// Proof that nothing was sent; without a cause, for it is none of the carrier's.
				ans.Err = &carrier.Error{Carrier: p.Attempt.Carrier, Op: p.Kind, Kind: carrier.KindNotSent, Message: "the order's detail cannot be read: " + err.Error()}
			default:
				c.stage.call(ctx, p, details[p.Order], &ans)
			}
			in := input{order: p.Order, key: fmt.Sprintf("a:%d:%d", ans.N, ans.Seq), answer: &ans, carrier: p.Attempt.Carrier, city: p.City}
			select {
			case c.answers <- in:
			case <-ctx.Done(): // nobody gathers any more: the lease will tell
			}
		})
	}
}

// gather waits for an answer and takes along what else comes within a moment.
func (c *calls) gather(ctx context.Context) []input {
	var out []input
	select {
	case in := <-c.answers:
		out = append(out, in)
	case <-ctx.Done():
		return nil
	}
	timer := clock.System.NewTimer(gatherFor)
	defer timer.Stop()
	for len(out) < c.open {
		select {
		case in := <-c.answers:
			out = append(out, in)
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		break
	}
	c.open -= len(out)
	return out
}

// wait ends what is still under way; a stage leaves no goroutine behind.
func (c *calls) wait() {
	for _, stop := range c.stop {
		stop()
	}
	c.work.Wait()
}

func (s *Stage) details(ctx context.Context, planned []turn.PlannedCall) (map[int64]store.Detail, error) {
	var ids []int64
	for _, p := range planned {
		if p.Kind == order.CallPlace {
			ids = append(ids, p.Order)
		}
	}
	return s.Store.Details(ctx, ids)
}

// call makes one leased call. No byte leaves after the lease has ended.
func (s *Stage) call(ctx context.Context, p turn.PlannedCall, d store.Detail, ans *turn.Answer) {
	a := p.Attempt
	adapter, ok := s.Carriers.Adapter(a.Carrier, a.Account)
	if !ok || !s.Clock.System().Before(p.Until.Add(-callTimeout)) {
		ans.Err = &carrier.Error{Carrier: a.Carrier, Op: p.Kind, Kind: carrier.KindNotSent, Message: "not configured, or the lease is over"}
		return
	}
	shop, err := s.storeAt(ctx, p)
	// A rider would go to another shop; and a waybill that is known by our number only is not found
	// at another shop, which would pass for proof that it was never placed.
	if err != nil && (p.Kind == order.CallPlace || a.CarrierNo == "") {
		ans.Err = &carrier.Error{Carrier: a.Carrier, Op: p.Kind, Kind: carrier.KindNotSent, Message: "the shop cannot be read: " + err.Error()}
		return
	}
	ref := carrier.Ref{OurNo: order.OurNo(p.Order, a.N), CarrierNo: a.CarrierNo, Store: shop}
	switch p.Kind {
	case order.CallPlace:
		within(ctx, func(ctx context.Context) {
			ans.Placed, ans.Err = adapter.Place(ctx, carrier.PlaceRequest{
				QuoteRequest: carrier.QuoteRequest{OurNo: ref.OurNo, CityCode: p.City, CityName: d.CityName, Store: shop, Detail: d.Detail},
				Token:        a.Token, CarrierNo: a.CarrierNo, Price: a.Price,
			})
		})
	case order.CallQuery:
		within(ctx, func(ctx context.Context) { ans.Status, ans.Err = adapter.Query(ctx, ref) })
		if ans.Err == nil {
			within(ctx, func(ctx context.Context) { askTips(ctx, adapter, a, ref, &ans.Status) })
		}
	case order.CallConfirm:
		within(ctx, func(ctx context.Context) { ans.Err = adapter.ConfirmReturn(ctx, ref) })
	case order.CallCancel:
		s.cancel(ctx, adapter, p, ref, ans)
	case order.CallTip:
		within(ctx, func(ctx context.Context) { ans.Tipped, ans.Err = tip(ctx, adapter, a, ref) })
	}
}

// tip adds what is wanted to what the carrier has confirmed.
func tip(ctx context.Context, adapter carrier.Adapter, a order.Attempt, ref carrier.Ref) (carrier.Tipped, error) {
	tipper, ok := adapter.(carrier.Tipper)
	if !ok {
		return carrier.Tipped{}, &carrier.Error{Carrier: a.Carrier, Op: order.CallTip, Kind: carrier.KindRefused, Message: "takes no tips"}
	}
	return tipper.Tip(ctx, carrier.TipRequest{Ref: ref, Add: a.Want.Tip - a.Tip, Total: a.Want.Tip})
}

// askTips asks a carrier whose query does not tell them for the tips, when one is in doubt.
// What cannot be learnt now is asked again with the next query.
func askTips(ctx context.Context, adapter carrier.Adapter, a order.Attempt, ref carrier.Ref, s *carrier.Status) {
	teller, ok := adapter.(carrier.TipTeller)
	if !ok || s.Charged != nil || a.Want.Tip <= a.Tip || s.State.Final() && s.State != carrier.Delivered {
		return
	}
	tips, err := teller.Tips(ctx, ref)
	if err != nil {
		slog.WarnContext(ctx, "tips not told", "carrier", a.Carrier, "our_no", ref.OurNo, "error", err)
		return
	}
	total := a.Price + tips
	s.Charged = &total
}

// sureTries is how often a cancel waits for its pre-query where nothing else tells the 违约金.
const sureTries = 3

// cancel asks for the 违约金 first where there may be one, then cancels. Where nothing but
// the pre-query could tell it after a cancel whose answer is lost, it is asked for even if no
// rider was heard of, and the cancel waits while it is in doubt.
func (s *Stage) cancel(ctx context.Context, adapter carrier.Adapter, p turn.PlannedCall, ref carrier.Ref, ans *turn.Answer) {
	a := p.Attempt
	req := carrier.CancelRequest{Ref: ref, Reason: a.Want.Cancel, AfterPickup: !a.PickedAt.IsZero()}
	quiet := adapter.Facts().QuietFine
	if !a.AcceptedAt.IsZero() || quiet {
		var unknown error
		within(ctx, func(ctx context.Context) {
			fee, err := adapter.CancelFee(ctx, ref)
			if unknown = err; err == nil {
				req.AgreeTo, ans.Fee = &fee, &fee
			}
		})
		if quiet && a.Tries < sureTries && unknown != nil && carrier.Doubt(unknown) {
			ans.Err = &carrier.Error{Carrier: a.Carrier, Op: p.Kind, Kind: carrier.KindNotSent, Message: "the 违约金 is not known: " + unknown.Error()}
			return
		}
	}
	left := p.Until.Sub(s.Clock.System())
	if left < callTimeout/2 {
		ans.Err = &carrier.Error{Carrier: a.Carrier, Op: p.Kind, Kind: carrier.KindNotSent, Message: "the lease is over"}
		return
	}
	// The pre-query took its time: whatever the cancel waits for, it leaves within the lease.
	ctx, stop := context.WithTimeout(ctx, left)
	defer stop()
	within(ctx, func(ctx context.Context) { ans.Cancel, ans.Err = adapter.Cancel(ctx, req) })
}

// within bounds one exchange: afterwards its outcome is in doubt, it is never waited for.
func within(ctx context.Context, f func(context.Context)) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	f(ctx)
}
