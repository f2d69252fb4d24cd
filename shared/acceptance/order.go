package acceptance

import (
	"context"
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/message"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/upstream"
)

const (
	quoteOverdue = 30 * time.Second
	timerStep    = 5 * time.Second
	thinGiveUp   = 30 * time.Minute // of an order whose strategy is not known yet
)

// Order turns a verified push into an order to store: shop, strategy, price, first timers.
// One that is to be fetched is stored with what the push says. Errors as of Terms.
func (d *Desk) Order(ctx context.Context, id int64, from upstream.Adapter, push upstream.Push) (store.NewOrder, error) {
	if err := d.Taking(ctx, from.Name(), ""); err != nil {
		return store.NewOrder{}, err
	}
	if ToFetch(from, push.Create) {
		return d.thin(id, from.Name(), push), nil
	}
	terms, err := d.Terms(ctx, from.Name(), push.Create)
	if err != nil {
		return store.NewOrder{}, err
	}
	now := d.clock.Virtual()
	o := received(id, from.Name(), push.No, now)
	o.ShopCode, o.City, o.Strategy, o.Fee = terms.Plan.ShopCode, terms.Plan.City, terms.Plan.Strategy, terms.Plan.Fee
	schedule(&o, terms.Plan, now)
	o.Attention = lacking(terms.Detail.Detail.To)
	return store.NewOrder{Order: o, Detail: terms.Detail, Why: terms.Why, Hash: push.Hash}, nil
}

// lacking says what no rider could do without, of an order that its platform left out (降级)
// and cannot be asked for: a person is.
func lacking(to order.Stop) string {
	switch {
	case to.Phone == "":
		return "the platform left out the recipient's phone"
	case to.Address == "":
		return "the platform left out the recipient's address"
	}
	return ""
}

// ToFetch tells whether an order's content has to be asked for before it is priced: it was
// pushed with its number only, or the platform says that it left something out (降级) and can
// be asked for it.
func ToFetch(from upstream.Adapter, c *upstream.Create) bool {
	_, fetches := from.(upstream.Fetcher)
	return fetches && (c.Thin || len(c.Degraded) > 0)
}

// Planned tells whether the terms of an order are known.
func Planned(o order.Order) bool { return o.Strategy.Name != "" }

// thin is an order whose terms are not known yet: no city, no strategy, no fee.
func (d *Desk) thin(id int64, platform string, push upstream.Push) store.NewOrder {
	now := d.clock.Virtual()
	o := received(id, platform, push.No, now)
	o.ShopCode = push.Create.ShopCode
	start(&o, now, thinGiveUp)
	return store.NewOrder{Order: o, Detail: store.Detail{Detail: push.Create.Detail}, Hash: push.Hash}
}

func received(id int64, platform, no string, now time.Time) order.Order {
	return order.Order{ID: id, Platform: platform, No: no, State: order.Received, Version: 1, ReceivedAt: now, Round: 1}
}

// schedule arms the first timers. A scheduled order (预约单) waits with round 0 until its
// release; it is never in order-accepted.
func schedule(o *order.Order, p order.Plan, now time.Time) {
	at, later := Release(p, now)
	if !later {
		start(o, now, time.Duration(p.Strategy.GiveUpAfter))
		return
	}
	o.Round = 0
	o.Timers = []order.Timer{{Kind: order.TimerRelease, Due: up(at), Epoch: 1}}
	o.TimerSent = o.Timers[0].Due // whoever stores it sends it
	o.ActAt = o.Timers[0].Due
}

func start(o *order.Order, now time.Time, giveUp time.Duration) {
	o.Timers = []order.Timer{
		{Kind: order.TimerQuote, Due: up(now.Add(quoteOverdue)), Epoch: 1},
		{Kind: order.TimerGiveUp, Due: up(now.Add(giveUp)), Epoch: 1},
	}
	o.ActAt = o.Timers[0].Due
	if o.Timers[1].Due.Before(o.ActAt) {
		o.ActAt = o.Timers[1].Due
	}
}

func up(t time.Time) time.Time { return t.Add(timerStep - 1).Truncate(timerStep) }

// Owed is what new orders need besides their quote round: the release timers of scheduled
// ones (预约单), and the report of those that their cancel had overtaken.
func Owed(orders []store.NewOrder, stored []store.Stored) []message.Owed {
	var owed []message.Owed
	for i, o := range orders {
		switch {
		case stored[i].ID != o.Order.ID:
		case stored[i].State == order.Cancelled:
			owed = append(owed, message.Owed{Topic: message.OrderStatus, Item: message.Item{Key: fmt.Sprint(o.Order.ID), Order: o.Order.ID}})
		case stored[i].State == order.Received && o.Order.Round == 0:
			owed = append(owed, timers(o.Order)...)
		}
	}
	return owed
}

func timers(o order.Order) []message.Owed {
	owed := make([]message.Owed, len(o.Timers))
	for i, t := range o.Timers {
		owed[i] = message.Owed{Topic: message.OrderTimer, Due: t.Due, Item: message.Item{
			Key: fmt.Sprintf("%d:%s:%d:%d", o.ID, t.Kind, t.N, t.Epoch), Order: o.ID, Timer: t.Kind, N: t.N, Epoch: t.Epoch}}
	}
	return owed
}

// OwedCommands are the hints at wishes that were stored.
func OwedCommands(commands []store.NewCommand, stored []store.CommandStored) []message.Owed {
	var owed []message.Owed
	for i, c := range stored {
		if c.Fresh() {
			owed = append(owed, message.Owed{Topic: message.OrderCommand, Item: message.Item{Key: fmt.Sprint(c.OrderID), Order: c.OrderID, Command: commands[i].Command.Kind}})
		}
	}
	return owed
}

// Cancel is the command of a push that withdraws an order.
func (d *Desk) Cancel(platform string, push upstream.Push) store.NewCommand {
	n, _ := d.Command(platform, push)
	return n
}
