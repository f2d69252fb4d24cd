package acceptance

import (
	"context"
	"fmt"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/upstream"
)

// CancelCost tells a platform what it would owe if it withdrew an order now, by the rules in
// force. Nothing is changed, and no carrier is asked: its 违约金 is ours. Of an order that is being withdrawn already it is what was fixed.
func (d *Desk) CancelCost(ctx context.Context, o order.Order) (upstream.CancelCost, error) {
	now := d.clock.Virtual()
	out := upstream.CancelCost{OrderID: fmt.Sprint(o.ID), No: o.No, State: o.State, Cancellable: !o.State.Final(), Fee: o.Fee, At: now.UTC()}
	switch {
	case o.Goal == order.ToCancel:
		out.Penalty, out.Note = o.Penalty, "fixed when the cancel was taken"
		return out, nil
	case o.State.Final():
		out.Note = "the order is over"
		return out, nil
	}
	books, err := d.live.Books(ctx)
	if err != nil {
		return upstream.CancelCost{}, err
	}
	book, c := books.Penalty(now), penalty.OfOrder(&o, penalty.ByPlatform, now)
	v := book.Judge(c)
	out.Penalty, out.Note, out.Version, out.Rule = v.Amount, v.Note, v.Version, v.Rule
	if w := book.Free(c); w.Free && w.Ends && !o.AssignedAt.IsZero() {
		until := o.AssignedAt.Add(w.End).UTC()
		out.FreeUntil = &until
	}
	return out, nil
}
