package intake

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/chuandao/qianfan/shared/acceptance"
	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/position"
	"github.com/chuandao/qianfan/shared/upstream"
)

// estimate answers what a create of the same content would be answered, and stores nothing.
func (s *Stage) estimate(ctx context.Context, platform string, push upstream.Push) upstream.Result {
	if err := s.Desk.Taking(ctx, platform, ""); err != nil {
		return upstream.Result{Err: err}
	}
	t, err := s.Desk.Terms(ctx, platform, push.Create)
	if err != nil {
		return upstream.Result{Err: err}
	}
	d := t.Detail.Detail
	e := upstream.Estimate{City: t.Plan.City, Fee: t.Plan.Fee, DistanceM: d.From.Point.Metres(d.To.Point), Carriers: t.Plan.Strategy.Carriers}
	if at, later := acceptance.Release(t.Plan, s.Clock.Virtual()); later {
		at = at.UTC()
		e.ReleaseAt = &at
	}
	return upstream.Result{Fee: e.Fee, Estimate: &e}
}

// cancelCost tells what a cancel would cost the platform now. Nothing is changed.
func (s *Stage) cancelCost(ctx context.Context, platform string, push upstream.Push) upstream.Result {
	o, _, ok, err := s.Store.View(ctx, platform, push.No)
	switch {
	case err != nil:
		return upstream.Result{Err: err}
	case !ok:
		return upstream.Result{Err: upstream.Refuse(upstream.NotFound, "order_no", "no order %s", push.No)}
	}
	cost, err := s.Desk.CancelCost(ctx, o)
	if err != nil {
		return upstream.Result{Err: err}
	}
	return upstream.Result{OrderID: cost.OrderID, State: o.State, Fee: o.Fee, Cost: &cost}
}

// freshPosition is how old, in virtual time, a position may be that nobody has the carrier asked about.
const freshPosition = 15 * time.Second

// onTheWay are the states in which a rider's place is somebody's business.
var onTheWay = map[order.State]bool{order.Assigned: true, order.Arrived: true, order.PickedUp: true, order.Returning: true}

// rider tells who carries an order and where they were last seen. When that is a while ago the
// carrier is asked, once for all who want to know: by quote, which has the carriers' secrets.
// Nobody waits for it; who looks again sees more.
func (s *Stage) rider(ctx context.Context, platform string, push upstream.Push) upstream.Result {
	o, winner, ok, err := s.Store.View(ctx, platform, push.No)
	switch {
	case err != nil:
		return upstream.Result{Err: err}
	case !ok:
		return upstream.Result{Err: upstream.Refuse(upstream.NotFound, "order_no", "no order %s", push.No)}
	}
	v := upstream.RiderView{OrderID: fmt.Sprint(o.ID), No: o.No, State: o.State}
	if winner == nil {
		return upstream.Result{Rider: &v}
	}
	v.Carrier, v.Rider = winner.Carrier, winner.Rider
	if onTheWay[o.State] {
		s.locate(ctx, o.ID, winner, &v)
	}
	return upstream.Result{Rider: &v}
}

// locate fills in the last known place. Without Redis there is none.
func (s *Stage) locate(ctx context.Context, id int64, a *order.Attempt, v *upstream.RiderView) {
	key := position.Key{Carrier: a.Carrier, OurNo: order.OurNo(id, a.N), CarrierNo: a.CarrierNo}
	seen, known, err := s.Positions.Last(ctx, key)
	if err != nil {
		slog.DebugContext(ctx, "no position", "order", id, "error", err)
	}
	if known {
		v.Position = &upstream.Seen{Lng: seen.Point.Lng, Lat: seen.Point.Lat, At: seen.At}
	}
	if known && s.Clock.Virtual().Sub(seen.At) < freshPosition || !s.Positions.Claim(ctx, key) {
		return
	}
	v.Refreshing = true
	item := message.Item{Key: fmt.Sprintf("locate:%d:%d", id, a.N), Order: id, N: a.N, Command: message.Locate}
	s.hint(ctx, "a rider's place", []message.Owed{{Topic: message.QuoteWanted, Item: item}})
}
