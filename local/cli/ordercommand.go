package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/store"
)

// byHand is what all commands about an order have in common. Each becomes a row, is audited,
// and is applied or refused by dispatch, which alone changes orders.
type byHand struct {
	Order   string        `arg:"" help:"Our id, or the platform's number."`
	Reason  string        `help:"Why; it is kept."`
	Key     string        `help:"A name for this command: the same again is a repeat. Made up when left out."`
	Version int           `help:"Only if the order is still at this version, as \"order show\" says."`
	Wait    bool          `help:"Wait for the decision; a refusal is an error."`
	Timeout time.Duration `default:"30s" help:"How long to wait."`
	signature
	workplace
}

const afterHand = "\n\nIt is stored first and decided by dispatch: \"order show\" tells what came of it, or --wait. With --database it is given to a deployment."

// accepted is the API's answer.
type accepted struct {
	OrderID string `json:"order_id"`
	Key     string `json:"key"`
	Repeat  bool   `json:"repeat"`
}

// give sends a command and says, or waits for, what becomes of it.
func (c byHand) give(e *env, kind string, args order.CommandArgs) error {
	who, err := c.act()
	if err != nil {
		return err
	}
	body := map[string]any{"kind": kind, "by": who.By, "reason": c.Reason}
	if args != (order.CommandArgs{}) {
		body["args"] = args
	}
	if c.Key != "" {
		body["key"] = c.Key
	}
	if c.Version != 0 {
		body["version"] = c.Version
	}
	return c.at(e, func(e *env) error { return c.send(e, kind, body) })
}

func (c byHand) send(e *env, kind string, body map[string]any) error {
	var raw json.RawMessage
	if err := e.api.post(e.ctx, c.path()+"/commands", body, &raw); err != nil {
		return err
	}
	var a accepted
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if !c.Wait {
		return e.show(raw, func() {
			e.say("%s of %s: stored as %s, see `qianfan order show %s`", kind, a.OrderID, a.Key, a.OrderID)
		})
	}
	return c.await(e, kind, a)
}

func (c byHand) path() string { return "/api/orders/" + url.PathEscape(c.Order) }

// lookAgain is how often, in system time, --wait reads the order.
const lookAgain = 100 * time.Millisecond

// await reads the order until the command is decided.
func (c byHand) await(e *env, kind string, a accepted) error {
	deadline := clock.System.Now().Add(c.Timeout)
	for {
		var v store.OrderView
		if err := e.api.get(e.ctx, "/api/orders/"+url.PathEscape(a.OrderID), nil, &v); err != nil {
			return err
		}
		for _, x := range v.Commands {
			if x.Key == a.Key && x.Decision != "" {
				return decided(e, kind, a.OrderID, x)
			}
		}
		if clock.System.Now().After(deadline) {
			return fmt.Errorf("%s of %s: stored as %s, not decided within %s; `qianfan order show %s` will tell", kind, a.OrderID, a.Key, c.Timeout, a.OrderID)
		}
		if clock.System.Sleep(e.ctx, lookAgain) != nil {
			return &exitError{exitStopped, errors.New("stopped")}
		}
	}
}

func decided(e *env, kind, id string, x store.CommandView) error {
	refused := strings.HasPrefix(x.Decision, order.Refused)
	err := e.show(x, func() {
		if !refused {
			e.say("%s of %s: %s", kind, id, x.Decision)
		}
	})
	if refused {
		return errors.Join(err, fmt.Errorf("%s of %s: %s", kind, id, x.Decision))
	}
	return err
}

type orderRedispatch struct{ byHand }

// Help is the example.
func (orderRedispatch) Help() string {
	return "Withdraws what no rider has picked up and asks the carriers again.\n\nExample:\n  qianfan order redispatch 20123456789012345 --reason 骑手不动 --wait" + afterHand
}

// Run is the verb.
func (c orderRedispatch) Run(e *env) error {
	return c.give(e, order.CommandRedispatch, order.CommandArgs{})
}

type orderForce struct {
	byHand
	Carrier string `required:"" help:"The carrier that is to have it, whatever the strategy says."`
}

// Help is the example.
func (orderForce) Help() string {
	return "Example:\n  qianfan order force 20123456789012345 --carrier sftc --reason 老客户 --wait" + afterHand
}

// Run is the verb.
func (c orderForce) Run(e *env) error {
	return c.give(e, order.CommandForce, order.CommandArgs{Carrier: c.Carrier})
}

type orderTip struct {
	byHand
	Add string `required:"" placeholder:"YUAN" help:"What is added to the tips so far (小费), as 2.00."`
}

// Help is the example.
func (orderTip) Help() string {
	return "Example:\n  qianfan order tip 20123456789012345 --add 2.00 --reason 暴雨 --wait" + afterHand
}

// Run is the verb.
func (c orderTip) Run(e *env) error {
	add, err := money.ParseYuan(c.Add)
	if err != nil || add <= 0 {
		return usage("--add %q: want an amount in 元 above nothing, as 2.00", c.Add)
	}
	return c.give(e, order.CommandTip, order.CommandArgs{Add: add})
}

type orderResolve struct{ byHand }

// Help is the example.
func (orderResolve) Help() string {
	return "A person has looked: the order needs no attention any more, until something else goes wrong.\n\nExample:\n  qianfan order resolve 20123456789012345 --reason 已联系骑手" + afterHand
}

// Run is the verb.
func (c orderResolve) Run(e *env) error {
	return c.give(e, order.CommandResolve, order.CommandArgs{})
}

type orderCancel struct {
	byHand
	Cost     bool `aliases:"dry-run" help:"Only say what it would cost now (违约金): the carriers are asked, rules say the rest, and how long it is free; --dry-run is the same." xor:"how"`
	Customer bool `help:"The customer cancels on the simulated platform instead." xor:"how"`
}

// Help is the example.
func (orderCancel) Help() string {
	return "Examples:\n  qianfan order cancel 20123456789012345 --cost\n  qianfan order cancel 20123456789012345 --reason 商家关店 --wait\n  qianfan order cancel 20123456789012345 --customer" + afterHand +
		"\n\n--cost asks the carrier of each live attempt, for three seconds at most. Of one that has no such call (达达) or does not answer it says why, and what is known: " +
		"the figure that the carrier told before, or the rule's. With --database the carriers' settings (QIANFAN_UUPT, …) are those of this shell."
}

// Run is the verb.
func (c orderCancel) Run(e *env) error {
	switch {
	case c.Cost:
		return c.at(e, c.cost)
	case c.Customer:
		return c.customer(e)
	}
	return c.give(e, order.CommandCancel, order.CommandArgs{})
}

func (c orderCancel) cost(e *env) error {
	var raw json.RawMessage
	var v costView
	if err := fetch(e, c.path()+"/cancel-cost", url.Values{"ask": {"true"}}, &raw, &v); err != nil {
		return err
	}
	return e.show(raw, func() { v.print(e) })
}

// costView is what a cancel would cost now, as the control API tells it.
type costView struct {
	State         string
	PenaltyInFen  money.Fen `json:"penalty_in_fen"`
	PenaltyOutFen money.Fen `json:"penalty_out_fen"`
	FeeFen        money.Fen `json:"fee_fen"`
	Rule          penalty.Verdict
	FreeUntil     *time.Time `json:"free_until"`
	Attempts      []attemptCost
}

type attemptCost struct {
	N          int
	Carrier    string
	State      string
	PenaltyFen money.Fen `json:"penalty_fen"`
	Source     string
	ToldAt     *time.Time `json:"told_at"`
	Unasked    string
	Rule       penalty.Verdict
	FreeUntil  *time.Time `json:"free_until"`
}

func (v costView) print(e *env) {
	e.say("%s: the platform owes 违约金 %s 元 instead of %s 元; carriers keep %s 元", v.State, yuan(v.PenaltyInFen), yuan(v.FeeFen), yuan(v.PenaltyOutFen))
	e.say("  %s%s", inWords(v.Rule), until(v.FreeUntil))
	for _, a := range v.Attempts {
		if a.PenaltyFen > 0 {
			a.FreeUntil = nil // the rule's word, and the carrier knows better
		}
		e.say("  #%d %s %s: %s 元 %s%s", a.N, a.Carrier, a.State, yuan(a.PenaltyFen), a.whose(), until(a.FreeUntil))
		e.say("    %s", inWords(a.Rule))
		if a.Unasked != "" {
			e.say("    the carrier did not say it now: %s", strings.ReplaceAll(a.Unasked, "\n", "; "))
		}
	}
}

// whose figure it is, in words.
func (a attemptCost) whose() string {
	switch {
	case a.Source == "carrier_now":
		return "by the carrier, asked now"
	case a.Source == "carrier" && a.ToldAt != nil:
		return "by the carrier, asked at " + moment(*a.ToldAt)
	case a.Source == "carrier":
		return "by the carrier, asked before a cancel"
	}
	return fmt.Sprintf("by our rules, version %d", a.Rule.Version)
}

// until tells the end of a free window, if there is one.
func until(at *time.Time) string {
	if at == nil {
		return ""
	}
	return "; free until " + moment(*at)
}

// customer cancels where the order came from, as a customer does.
func (c orderCancel) customer(e *env) error {
	var view struct{ Order store.OrderRow }
	if err := e.api.get(e.ctx, c.path(), nil, &view); err != nil {
		return err
	}
	path := fmt.Sprintf("/api/platforms/%s/orders/%s/cancel", url.PathEscape(view.Order.Platform), url.PathEscape(view.Order.No))
	var raw json.RawMessage
	if err := e.api.post(e.ctx, path, map[string]string{"reason": c.Reason}, &raw); err != nil {
		return err
	}
	return showAnswer(e, raw, "cancel of")
}

type orderAttention struct {
	Limit int `default:"50" help:"How many."`
	workplace
}

// Help is the example.
func (orderAttention) Help() string {
	return "Orders that need a person, the oldest first, with the reason. Act by `qianfan order redispatch|cancel|tip|force`, then `resolve`.\n\nExample:\n  qianfan order attention"
}

// Run is the verb.
func (c orderAttention) Run(e *env) error { return c.at(e, c.list) }

func (c orderAttention) list(e *env) error {
	q := url.Values{"limit": {fmt.Sprint(c.Limit)}, "needs_attention": {"true"}}
	var raw json.RawMessage
	var list struct{ Orders []store.OrderRow }
	if err := fetch(e, "/api/orders", q, &raw, &list); err != nil {
		return err
	}
	return e.show(raw, func() {
		e.table([]string{"ID", "RECEIVED", "PLATFORM", "NUMBER", "STATE", "CARRIER", "WHY"}, rows(list.Orders, func(o store.OrderRow) []string {
			return []string{fmt.Sprint(o.ID), moment(o.ReceivedAt), o.Platform, o.No, o.State, o.Carrier, o.Attention}
		}))
	})
}
