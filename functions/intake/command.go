package intake

import (
	"context"
	"fmt"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/telemetry"
	"github.com/chuandao/qianfan/shared/upstream"
)

// command stores a wish of the platform; what becomes of it is reported, or read.
func (s *Stage) command(ctx context.Context, platform string, push upstream.Push) upstream.Result {
	began := s.Clock.System()
	c, _ := s.Desk.Command(platform, push)
	kind := c.Command.Kind
	stored, err := s.commands.Do(ctx, c)
	switch {
	case err != nil:
		return upstream.Result{Err: err}
	case stored.Conflict:
		return upstream.Result{Err: upstream.Refuse(upstream.Conflict, "key", "this %s of %s was sent before with other content, or others came since: give it a key of its own", kind, push.No)}
	case stored.Unknown:
		return upstream.Result{Err: upstream.Refuse(upstream.NotFound, "order_no", "no order %s", push.No)}
	case stored.Closed:
		return upstream.Result{Err: upstream.Refuse(upstream.OrderOver, "order_no", "order %s is %s", push.No, stored.State)}
	case stored.Refused != nil:
		return upstream.Result{Err: stored.Refused}
	case stored.Tombstone:
		return upstream.Result{State: order.Cancelled}
	}
	_, span := telemetry.Order(ctx, stored.OrderID, kind+" wanted", began)
	span.Text("platform", platform).Text("to", string(stored.State)).Bool("repeat", stored.Repeat).End()
	return upstream.Result{OrderID: fmt.Sprint(stored.OrderID), State: stored.State, Fee: stored.Fee}
}
