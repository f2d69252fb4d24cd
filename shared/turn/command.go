package turn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/strategy"
)

// command applies one acknowledged wish.
func (t *Turn) command(c *order.Command) {
	t.begin("cmd:" + c.Key)
	act, known := commands[c.Kind]
	switch {
	case !known:
		t.decide(c, order.Refused, "unknown command "+c.Kind)
	case c.Epoch != 0 && c.Epoch != t.Version:
		t.decide(c, order.Refused, fmt.Sprintf("the order has changed since version %d", c.Epoch))
	case c.Kind == order.CommandResolve:
		act(t, c)
	case c.Kind == order.CommandCancel && (t.State == order.Cancelled || t.Goal == order.ToCancel):
		t.decide(c, order.Applied, "cancelled already")
	case t.State.Final():
		t.decide(c, order.Refused, "the order is "+string(t.State))
	case c.Kind != order.CommandCancel && t.Goal != order.NoGoal:
		t.decide(c, order.Refused, "the order is to be "+string(t.Goal))
	default:
		act(t, c)
	}
}

// commands are what each kind does to an order that is open.
var commands = map[string]func(*Turn, *order.Command){
	order.CommandCancel:     (*Turn).cancel,
	order.CommandRedispatch: (*Turn).redispatch,
	order.CommandForce:      (*Turn).force,
	order.CommandTip:        (*Turn).tipByHand,
	order.CommandChange:     (*Turn).change,
	order.CommandResolve:    (*Turn).resolve,
}

// resolve: a person has looked. Whatever is still wrong will raise its hand again.
func (t *Turn) resolve(c *order.Command) {
	was := t.Attention
	t.Attention = ""
	t.decide(c, order.Applied, was)
}

// redispatch withdraws what has not been picked up and begins the search again.
func (t *Turn) redispatch(c *order.Command) {
	switch {
	case t.State == order.Received:
		t.decide(c, order.Refused, "it is not dispatched yet")
	case t.underWay():
		t.decide(c, order.Refused, "the goods are under way")
	default:
		t.takeBack(order.CauseRedispatch, "")
		if t.live() == 0 && t.Outcome != nil {
			t.newRound() // nobody is at it, and the prices at hand have helped nobody
		}
		t.decide(c, order.Applied, "")
	}
}

// underWay reports whether a rider has the goods.
func (t *Turn) underWay() bool { return slices.ContainsFunc(t.Attempts, hasGoods) }

func hasGoods(a *order.Attempt) bool {
	return a.Live() && !a.PickedAt.IsZero()
}

// takeBack withdraws the attempts of all carriers but one, because their riders are not
// wanted. That outdoes the reasons that a rider's acceptance would end, and a changed place
// outdoes all, so that whoever goes to the old one is known.
func (t *Turn) takeBack(cause, but string) {
	for _, a := range t.Attempts {
		switch {
		case !a.Live() || a.State == order.AttemptReturning || a.Carrier == but:
		case a.Want.Cancel == "":
			t.wish(a, cause)
		case a.Want.Cancel != order.CauseChanged:
			a.Want.Cancel = cause
			t.touch(a)
		}
	}
}

// forced marks the name of a strategy that a person has narrowed to one carrier.
const forced = " (forced)"

// force gives the order to one carrier, whatever the strategy says; its limits are off.
func (t *Turn) force(c *order.Command) {
	name := c.Args.Carrier
	winner := t.Attempt(t.Winner)
	_, known := t.env.Carrier(name)
	switch {
	case !known:
		t.decide(c, order.Refused, fmt.Sprintf("carrier %q is not configured", name))
	case t.State == order.Received:
		t.decide(c, order.Refused, "it is not dispatched yet")
	case t.underWay():
		t.decide(c, order.Refused, "the goods are under way")
	case winner != nil && winner.Carrier == name && winner.Want.Cancel == "":
		t.decide(c, order.Refused, name+" carries it already")
	case t.env.Off != nil && t.env.Off(name) != "":
		t.decide(c, order.Refused, name+" is "+t.env.Off(name))
	default:
		t.Strategy.Name = strings.TrimSuffix(t.Strategy.Name, forced) + forced
		t.Strategy.Mode, t.Strategy.Carriers = strategy.Sequential, []string{name}
		t.Strategy.Race, t.Strategy.Weights, t.Strategy.Limits, t.Width = strategy.Race{}, strategy.Weights{}, strategy.Limits{}, 0
		t.takeBack(order.CauseRedispatch, name)
		t.newRound()
		t.decide(c, order.Applied, "")
	}
}

// mostByHand is the highest total of tips on a waybill to which a person or a platform can add.
const mostByHand = 100_00

// tipByHand adds to the tips of every attempt that waits or has a rider on the way. While a
// tip is under way the command waits for its answer: two at once could not be told apart.
func (t *Turn) tipByHand(c *order.Command) {
	if c.Args.Add <= 0 || c.Args.Add > mostByHand {
		t.decide(c, order.Refused, fmt.Sprintf("a tip of %s: want more than nothing and at most %s", c.Args.Add, money.Fen(mostByHand)))
		return
	}
	if slices.ContainsFunc(t.Attempts, func(a *order.Attempt) bool { return a.Call.Kind == order.CallTip }) {
		return
	}
	tipped := false
	for _, a := range t.Attempts {
		if tippable(a) && (t.Winner == 0 || t.Winner == a.N) && tipWanted(a)+c.Args.Add <= mostByHand {
			tipped = t.addTip(a, c.Args.Add, c.By) || tipped
		}
	}
	if !tipped {
		t.decide(c, order.Refused, "no attempt takes such a tip now")
		return
	}
	t.decide(c, order.Applied, "")
}

// change deals with a recipient who moved or has another phone. A carrier that has the old
// words cannot be told, so a new place before pickup means another placement, and everything
// else a person. Prices at hand, or on their way, are for the old way, and some carriers'
// are bound to the old words: they are not used any more.
func (t *Turn) change(c *order.Command) {
	switch {
	case c.Args.What == "place" && !t.underWay():
		t.takeBack(order.CauseChanged, "")
	case t.live() > 0:
		t.alarm("the recipient's " + c.Args.What + " changed: tell the rider")
	}
	if w := t.Attempt(t.Winner); t.Round > 0 && !t.waits() && (w == nil || !hasGoods(w)) {
		t.newRound()
	}
	t.decide(c, order.Applied, "")
}

// cancel strives for the order's end. What its platform will owe is fixed now, by the order's
// state and the instant at which the command was received; for the cancel of our own people it
// owes nothing.
func (t *Turn) cancel(c *order.Command) {
	t.Penalty = 0
	var rule *penalty.Verdict
	if penalty.Answers(c.By) {
		v := t.env.Book.Judge(penalty.OfOrder(&t.Order, c.By, c.ReceivedAt))
		t.Penalty, rule = v.Amount, &v
	}
	t.Goal, t.GoalCause, t.GoalKey = order.ToCancel, c.By, c.Key
	t.decideBy(c, order.Applied, "", rule)
}

func (t *Turn) decide(c *order.Command, decision, reason string) {
	t.decideBy(c, decision, reason, nil)
}

// decideBy keeps the rule by which the platform owes, for those who ask later.
func (t *Turn) decideBy(c *order.Command, decision, reason string, rule *penalty.Verdict) {
	detail := map[string]any{"by": c.By, "reason": reason, "penalty_fen": t.Penalty}
	if rule != nil {
		detail["rule"] = rule
	}
	t.record(row{kind: "command", to: c.Kind, decision: decision, detail: detail})
	c.Applied, c.Decision = t.Version, decision
	if reason != "" {
		c.Decision += ": " + reason
	}
	t.Decided = append(t.Decided, c)
}
