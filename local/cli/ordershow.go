package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/store"
)

type orderShow struct {
	Order string `arg:"" help:"Our id, or the platform's number."`
	workplace
}

// Help is the example.
func (orderShow) Help() string { return "Example:\n  qianfan order show 20123456789012345" }

// Run is the verb.
func (c orderShow) Run(e *env) error { return c.at(e, c.show) }

func (c orderShow) show(e *env) error {
	var raw json.RawMessage
	var v store.OrderView
	if err := fetch(e, "/api/orders/"+url.PathEscape(c.Order), nil, &raw, &v); err != nil {
		return err
	}
	return e.show(raw, func() { e.orderView(v) })
}

// orderView prints an order as one reads it: what it is, who was asked, who was sent, what happened, what it cost.
func (e *env) orderView(v store.OrderView) {
	o := v.Order
	e.say("order     %d  %s %s  %s", o.ID, o.Platform, o.No, strings.TrimSpace(o.State+" "+o.GoalCause))
	e.say("delivery  %s %s → %s", v.Delivery.CityName, o.ShopCode, strings.TrimSpace(v.Delivery.To.Name+" "+v.Delivery.To.Address))
	e.say("version   %d", o.Version)
	e.say("strategy  %s, %s; fee %s 元, 违约金 %s 元", o.Strategy, v.Strategy.Mode, yuan(o.FeeFen), yuan(o.PenaltyFen))
	e.say("received  %s", moment(o.ReceivedAt))
	if due := earliest(o.ActAt, o.TellAt, o.PostAt); !due.IsZero() {
		e.say("due       %s", moment(due))
	}
	if o.Attention != "" {
		e.say("attention %s", o.Attention)
	}
	e.say("")
	e.section("attempts", []string{"#", "CARRIER", "STATE", "CAUSE", "PRICE", "BOOKED", "PENALTY", "NUMBER"}, rows(v.Attempts, func(a store.AttemptView) []string {
		return []string{strconv.Itoa(a.N), a.Carrier, a.State, a.Cause, yuan(a.PriceFen), yuan(a.BookedFen), yuan(a.PenaltyFen), a.CarrierNo}
	}))
	e.section("quotes", []string{"ROUND", "CARRIER", "PRICE", "METRES", "REFUSED"}, rows(v.Quotes, func(q store.QuoteView) []string {
		if q.Refused != "" {
			return []string{strconv.Itoa(q.Round), q.Carrier, "", "", q.Refused}
		}
		return []string{strconv.Itoa(q.Round), q.Carrier, yuan(q.PriceFen), strconv.Itoa(q.DistanceM), ""}
	}))
	e.section("timeline", []string{"AT", "VERSION", "WHAT", "CHANGE", "DECISION"}, rows(v.History, timelineRow))
	e.section("commands", []string{"AT", "COMMAND", "WITH", "BY", "REASON", "DECISION"}, rows(v.Commands, func(c store.CommandView) []string {
		return []string{moment(c.ReceivedAt), c.Kind, argsOf(c.Args), c.By, c.Reason, cmp.Or(c.Decision, "not decided yet")}
	}))
	e.section("entries", []string{"AT", "SIDE", "YUAN", "ACCOUNT", "REASON"}, rows(v.Entries, func(x store.EntryRow) []string {
		return []string{moment(x.At), x.Direction, yuan(x.AmountFen), x.Account, x.Reason}
	}))
}

// argsOf is what a command says besides its kind.
func argsOf(a order.CommandArgs) string {
	switch {
	case a.Carrier != "":
		return a.Carrier
	case a.Add != 0:
		return yuan(a.Add)
	}
	return a.What
}

func timelineRow(h store.HistoryLine) []string {
	version, what, change := "", h.Kind, ""
	if h.Version > 0 {
		version = strconv.Itoa(h.Version)
	}
	if h.N > 0 {
		what = fmt.Sprintf("#%d %s", h.N, h.Kind)
	}
	switch {
	case h.From != "" && h.To != "":
		change = h.From + " → " + h.To
	case h.To != "":
		change = "→ " + h.To
	}
	return []string{moment(h.At), version, what, change, h.Decision}
}

func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
