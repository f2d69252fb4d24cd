package cli

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// orderCmd makes and looks at orders.
type orderCmd struct {
	New        orderNew        `cmd:"" help:"A customer orders on a simulated platform."`
	List       orderList       `cmd:"" help:"Orders, newest first."`
	Show       orderShow       `cmd:"" help:"One order: attempts, timeline, money."`
	Attention  orderAttention  `cmd:"" help:"Orders that need a person, oldest first."`
	Redispatch orderRedispatch `cmd:"" help:"Withdraw what is not picked up, and ask the carriers again."`
	Force      orderForce      `cmd:"" help:"Give it to one carrier."`
	Tip        orderTip        `cmd:"" help:"Offer the riders more (小费)."`
	Cancel     orderCancel     `cmd:"" help:"Withdraw it; or say what that would cost."`
	Resolve    orderResolve    `cmd:"" help:"Mark as looked at."`
}

// Help is the example.
func (orderCmd) Help() string {
	return "Examples:\n  qianfan order new --platform meituan\n  qianfan order attention\n  qianfan order redispatch 20123456789012345 --reason 骑手不动 --wait"
}

type orderNew struct {
	Platform string   `default:"meituan" help:"A simulated platform."`
	Shop     string   `help:"Shop code; drawn when left out."`
	Lng      *float64 `help:"Of the drop-off, GCJ-02; with --lat."`
	Lat      *float64 `help:"Of the drop-off, GCJ-02; with --lng."`
	Value    string   `placeholder:"YUAN" help:"Of the goods, as 25.80."`
	Expected string   `placeholder:"TIME" help:"预约: when it should be there, RFC 3339."`
}

// Help is the example.
func (orderNew) Help() string {
	return "Example:\n  qianfan order new --platform meituan --shop qf-shop-0001 --value 25.80"
}

// Run is the verb.
func (c orderNew) Run(e *env) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if err := e.api.post(e.ctx, "/api/platforms/"+url.PathEscape(c.Platform)+"/orders", body, &raw); err != nil {
		return err
	}
	return showAnswer(e, raw, "ordered")
}

func (c orderNew) body() (map[string]any, error) {
	body := map[string]any{}
	if c.Shop != "" {
		body["shop"] = c.Shop
	}
	if (c.Lng == nil) != (c.Lat == nil) {
		return nil, usage("--lng and --lat belong together")
	}
	if c.Lng != nil {
		body["lng"], body["lat"] = *c.Lng, *c.Lat
	}
	if c.Value != "" {
		fen, err := money.ParseYuan(c.Value)
		if err != nil || fen <= 0 {
			return nil, usage("--value %q: want an amount in 元, as 25.80", c.Value)
		}
		body["value_fen"] = fen
	}
	if c.Expected != "" {
		at, err := time.Parse(time.RFC3339, c.Expected)
		if err != nil {
			return nil, usage("--expected %q: want RFC 3339, as 2026-11-23T18:30:00+08:00", c.Expected)
		}
		body["expected_at"] = at
	}
	return body, nil
}

// showAnswer prints what the platform heard to its push; a refusal is an error.
func showAnswer(e *env, raw json.RawMessage, what string) error {
	var a struct {
		No       string
		Accepted *bool
	}
	if err := json.Unmarshal(raw, &a); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	refused := a.Accepted != nil && !*a.Accepted
	err := e.show(raw, func() {
		switch {
		case a.Accepted == nil:
			e.say("%s %s: not answered yet, see `qianfan order list --no %s`", what, a.No, a.No)
		case !refused:
			e.say("%s %s: accepted", what, a.No)
		}
	})
	if refused {
		return errors.Join(err, fmt.Errorf("%s %s: refused: %s", what, a.No, whyRefused(e, a.No)))
	}
	return err
}

// whyRefused looks for the reason among the refused inputs.
func whyRefused(e *env, no string) string {
	var list struct {
		Refused []struct{ No, Reason, Detail string }
	}
	if err := e.api.get(e.ctx, "/api/refused", nil, &list); err == nil {
		for _, r := range list.Refused {
			if r.No == no {
				return cmp.Or(r.Detail, r.Reason)
			}
		}
	}
	return "the reason is at " + e.api.base + "/api/refused"
}

type orderList struct {
	Platform       string `help:"Only of this platform."`
	State          string `help:"Only in this state."`
	No             string `help:"Only with this number of the platform."`
	NeedsAttention bool   `help:"Only those that need a person."`
	Limit          int    `default:"50" help:"How many."`
	workplace
}

// Help is the example.
func (orderList) Help() string {
	return "Examples:\n  qianfan order list --state dispatching\n  qianfan order list --needs-attention --json"
}

// Run is the verb.
func (c orderList) Run(e *env) error { return c.at(e, c.list) }

func (c orderList) list(e *env) error {
	q := url.Values{"limit": {strconv.Itoa(c.Limit)}}
	for name, v := range map[string]string{"platform": c.Platform, "state": c.State, "no": c.No} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if c.NeedsAttention {
		q.Set("needs_attention", "true")
	}
	var raw json.RawMessage
	var list struct{ Orders []store.OrderRow }
	if err := fetch(e, "/api/orders", q, &raw, &list); err != nil {
		return err
	}
	return e.show(raw, func() {
		e.table([]string{"ID", "RECEIVED", "PLATFORM", "NUMBER", "STATE", "CARRIER", "ATTENTION"}, rows(list.Orders, func(o store.OrderRow) []string {
			return []string{strconv.FormatInt(o.ID, 10), moment(o.ReceivedAt), o.Platform, o.No, o.State, o.Carrier, o.Attention}
		}))
	})
}
