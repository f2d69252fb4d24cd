package dispatch

import (
	"context"
	"fmt"
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
	for _, p := range planned {
		c.open++
		c.work.Go(func() {
			ans := turn.Answer{N: p.Attempt.N, Seq: p.Seq, Kind: p.Kind, Err: err}
			if err == nil {
				c.stage.call(ctx, p, details[p.Order], &ans)
			} else {
				// The order's detail cannot be read: proof that nothing was sent.
				ans.Err = &carrier.Error{Carrier: p.Attempt.Carrier, Op: p.Kind, Kind: carrier.KindNotSent, Err: err}
			}
			in := input{order: p.Order, key: fmt.Sprintf("a:%d:%d", ans.N, ans.Seq), answer: &ans}
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
	adapter, ok := s.Carriers[a.Carrier]
	if !ok || !s.Clock.System().Before(p.Until.Add(-callTimeout)) {
		ans.Err = &carrier.Error{Carrier: a.Carrier, Op: p.Kind, Kind: carrier.KindNotSent, Message: "switched off, or the lease is over"}
		return
	}
	ref := carrier.Ref{OurNo: order.OurNo(p.Order, a.N), CarrierNo: a.CarrierNo}
	switch p.Kind {
	case order.CallPlace:
		within(ctx, func(ctx context.Context) {
			ans.Placed, ans.Err = adapter.Place(ctx, carrier.PlaceRequest{
				QuoteRequest: carrier.QuoteRequest{OurNo: ref.OurNo, CityName: d.CityName, Detail: d.Detail},
				Token:        a.Token, CarrierNo: a.CarrierNo, Price: a.Price,
			})
		})
	case order.CallQuery:
		within(ctx, func(ctx context.Context) { ans.Status, ans.Err = adapter.Query(ctx, ref) })
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

// cancel asks for the 违约金 first where there may be one, then cancels.
func (s *Stage) cancel(ctx context.Context, adapter carrier.Adapter, p turn.PlannedCall, ref carrier.Ref, ans *turn.Answer) {
	a := p.Attempt
	req := carrier.CancelRequest{Ref: ref, Reason: a.Want.Cancel, AfterPickup: !a.PickedAt.IsZero()}
	if !a.AcceptedAt.IsZero() {
		within(ctx, func(ctx context.Context) {
			if fee, err := adapter.CancelFee(ctx, ref); err == nil {
				req.AgreeTo, ans.Fee = &fee, &fee
			}
		})
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
