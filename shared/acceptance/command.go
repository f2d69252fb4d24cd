package acceptance

import (
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/upstream"
)

// Command is the wish of a push that cancels, tips or changes an order; false = it is another
// kind of push. The new recipient of a change is stored with the command that has it heeded:
// attempts made from then on know it, those under way are dispatch's to decide about.
func (d *Desk) Command(platform string, push upstream.Push) (store.NewCommand, bool) {
	c := order.Command{Hash: push.Hash, ReceivedAt: d.clock.Virtual()}
	n := store.NewCommand{Platform: platform, No: push.No}
	switch {
	case push.Cancel != nil:
		c.Kind, c.Key, c.By, c.Reason = order.CommandCancel, push.Cancel.Key, push.Cancel.By, push.Cancel.Reason
	case push.Tip != nil:
		c.Kind, c.Key, c.By, c.Args.Add = order.CommandTip, push.Tip.Key, push.Tip.By, push.Tip.Add
	case push.Change != nil:
		c.Kind, c.Key, c.By, c.Args.What = order.CommandChange, push.Change.Key, push.Change.By, push.Change.What()
		n.Amend = amend(*push.Change)
	default:
		return n, false
	}
	n.Command = c
	return n, true
}

// amend gives an order the new recipient. Somewhere no order is taken to none is moved.
func amend(change upstream.Change) func(order.Detail) (order.Detail, error) {
	return func(d order.Detail) (order.Detail, error) {
		to := change.Apply(d.To)
		switch {
		case change.Place == nil:
		case !to.Point.InChina():
			return d, upstream.Refuse(upstream.BadPoint, "recipient", "the drop-off is not in China")
		case d.From.Point.InChina() && d.From.Point.Metres(to.Point) > maxDistanceM: // a thin order's shop may not be known yet
			return d, upstream.Refuse(upstream.BadPoint, "recipient", "the drop-off is more than %d km away", maxDistanceM/1000)
		}
		d.To = to
		return d, nil
	}
}
