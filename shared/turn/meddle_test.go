package turn_test

import (
	"fmt"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/strategy"
	"github.com/chuandao/qianfan/shared/turn"
)

// born is how the order came: in full, with its number only, or for later (预约单).
func (w *world) born() {
	later := w.hit(w.rates.Thin)
	if w.hit(w.rates.Thin) {
		w.plan = &order.Plan{ShopCode: "s1", City: w.agg.City, Strategy: w.agg.Strategy, Fee: w.agg.Fee}
		w.agg.Strategy, w.agg.Fee, w.agg.City = strategy.Strategy{}, 0, ""
		if later {
			w.plan.Strategy.ReleaseLead = strategy.Duration(45 * time.Minute)
			at := w.now.Add(time.Hour + w.seconds(0, 3600))
			w.plan.ExpectedAt = &at
		}
	} else if later {
		due := w.now.Add(w.seconds(60, 3600)).Truncate(time.Minute).Add(time.Minute)
		w.agg.Round, w.agg.Timers = 0, []order.Timer{{Kind: order.TimerRelease, Due: due, Epoch: 1}}
		w.agg.ActAt, w.agg.TimerSent = due, due
		return
	}
	w.wantQuotes(1)
}

// close gives the present round its outcome, and a thin order what there is to know of it.
func (w *world) close(refused []string) {
	w.quoted[w.agg.Round] = w.moved
	if w.agg.Strategy.Name != "" {
		w.outcome(refused...)
		return
	}
	if at := w.plan.ExpectedAt; at != nil && at.Sub(w.now) > time.Duration(w.plan.Strategy.ReleaseLead) {
		w.agg.Outcome = &order.Outcome{Round: w.agg.Round, Result: order.ResultScheduled, Plan: w.plan}
		return
	}
	w.agg.Strategy = w.plan.Strategy
	w.outcome(refused...)
	w.agg.Strategy, w.agg.Outcome.Plan = strategy.Strategy{}, w.plan
}

// meddle has people give commands, turn switches, and let balances run dry, at any time.
func (w *world) meddle() {
	for at := w.seconds(1, 1800); w.hit(w.rates.Meddles); at += w.seconds(1, 600) {
		w.after(at, w.command)
	}
	for at := w.seconds(1, 900); w.hit(w.rates.SwitchedOff); at += w.seconds(1, 600) {
		name := w.anyone()
		w.after(at, func() {
			if w.off == nil {
				w.off = map[string]string{}
			}
			w.off[name] = "switched off"
		})
		w.after(at+w.seconds(1, 900), func() { delete(w.off, name) })
	}
	for at := w.seconds(1, 900); w.hit(w.rates.Short); at += w.seconds(1, 600) {
		name := w.anyone()
		w.after(at, func() { w.short[name] = true })
		w.after(at+w.seconds(1, 900), func() { w.short[name] = false })
	}
}

func (w *world) anyone() string {
	return []string{"uupt", "shansong", "third"}[w.chance.IntN(3)]
}

// command is one wish of a person, by a row and perhaps by a message.
func (w *world) command() {
	c := &order.Command{Key: fmt.Sprintf("c-%d-%d", len(w.decided), w.chance.IntN(1_000_000)), By: "li", ReceivedAt: w.now}
	switch w.chance.IntN(13) / 2 {
	case 0:
		c.Kind = order.CommandRedispatch
	case 1:
		c.Kind, c.Args.Carrier = order.CommandForce, w.anyone()
	case 2, 3:
		c.Kind, c.Args.Add = order.CommandTip, money.Fen(100*(1+w.chance.IntN(3)))
	case 4:
		if c.Kind, c.Args.What = order.CommandChange, "phone"; w.hit(70) {
			c.Args.What = "place"
			w.moved++
			w.moves[w.moved] = c.Key
		}
	case 5:
		c.Kind = order.CommandResolve
	case 6:
		c.Kind = order.CommandCancel
	}
	if c.Kind != order.CommandChange && w.hit(10) { // a platform's wish knows no version
		c.Epoch = w.agg.Version + w.chance.IntN(2)
	}
	if w.agg.State.Final() && c.Kind != order.CommandResolve {
		return // not stored
	}
	w.agg.Commands = append(w.agg.Commands, c)
	if w.agg.ActAt.IsZero() || w.now.Before(w.agg.ActAt) {
		w.agg.ActAt = w.now
	}
	if !w.hit(w.rates.LostMessage) {
		w.input(func(*turn.Turn) {})
	}
}
