package cli

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/store"
)

type penaltyExplain struct {
	Order string `arg:"" help:"Our id, or the platform's number."`
	workplace
}

// Help is the example.
func (penaltyExplain) Help() string {
	return "For the platform's side and each attempt: the rule and its version, what it went by, whose figure was booked, and how much; from the order's history, whatever the rules are now. " +
		"Of what is still open: what a cancel would cost now.\n\nExample:\n  qianfan penalty explain 20123456789012345\n\nWith --database it is of a deployment."
}

// Run is the verb.
func (c penaltyExplain) Run(e *env) error { return c.at(e, c.explain) }

// fineLine is one decision about money of a cancel.
type fineLine struct {
	At        time.Time        `json:"at"`
	Figure    string           `json:"figure"` // carrier, pre_query, rule, estimated; of the platform's side always rule
	Rule      *penalty.Verdict `json:"rule,omitempty"`
	AmountFen money.Fen        `json:"amount_fen"` // the total after it; negative = the carrier pays us
	Reason    string           `json:"reason,omitempty"`
}

// fineSide is the platform's side, or an attempt.
type fineSide struct {
	N         int        `json:"n,omitempty"`
	Party     string     `json:"party"`
	State     string     `json:"state"`
	Cause     string     `json:"cause,omitempty"`
	Decisions []fineLine `json:"decisions"`
	BookedFen money.Fen  `json:"booked_fen"` // by facts, so in the ledger
}

// fines is everything about an order's 违约金.
type fines struct {
	OrderID  int64           `json:"order_id,string"`
	State    string          `json:"state"`
	FeeFen   money.Fen       `json:"fee_fen"`
	Platform fineSide        `json:"platform"`
	Attempts []fineSide      `json:"attempts"`
	Now      json.RawMessage `json:"now,omitempty"` // what a cancel would cost, of an order that is open
}

func (c penaltyExplain) explain(e *env) error {
	v, err := readOrder(e, c.Order)
	if err != nil {
		return err
	}
	out := finesOf(v)
	if !order.State(v.Order.State).Final() {
		if err := e.api.get(e.ctx, orderPath(c.Order)+"/cancel-cost", nil, &out.Now); err != nil {
			return err
		}
	}
	return e.show(out, func() { out.print(e) })
}

func orderPath(name string) string { return "/api/orders/" + url.PathEscape(name) }

// readOrder reads everything about an order by our id or the platform's number.
func readOrder(e *env, name string) (store.OrderView, error) {
	var v store.OrderView
	err := e.api.get(e.ctx, orderPath(name), nil, &v)
	return v, err
}

func finesOf(v store.OrderView) fines {
	out := fines{OrderID: v.Order.ID, State: v.Order.State, FeeFen: v.Order.FeeFen, Attempts: []fineSide{},
		Platform: fineSide{Party: "platform:" + v.Order.Platform, State: v.Order.State, Cause: v.Order.GoalCause, Decisions: platformFines(v.History), BookedFen: booked(v.Facts, 0)}}
	for _, a := range v.Attempts {
		out.Attempts = append(out.Attempts, fineSide{N: a.N, Party: "carrier:" + a.Carrier, State: a.State, Cause: a.Cause,
			Decisions: attemptFines(v.History, a.N), BookedFen: booked(v.Facts, a.N)})
	}
	return out
}

// booked is what the facts of a side come to, as it owes or we do.
func booked(facts []store.FactView, n int) money.Fen {
	var sum money.Fen
	for _, f := range facts {
		switch {
		case f.N != n:
		case f.Kind == order.FactPenalty, f.Kind == order.FactPenaltyIn:
			sum += f.AmountFen
		case f.Kind == order.FactFault:
			sum -= f.AmountFen
		}
	}
	return sum
}

// platformFines are the cancels that were applied.
func platformFines(history []store.HistoryLine) []fineLine {
	out := []fineLine{}
	for _, h := range history {
		var d struct {
			By      string           `json:"by"`
			Rule    *penalty.Verdict `json:"rule"`
			Penalty money.Fen        `json:"penalty_fen"`
		}
		if h.Kind != "command" || h.To != order.CommandCancel || h.Decision != order.Applied || json.Unmarshal(h.Detail, &d) != nil {
			continue
		}
		line := fineLine{At: h.At, Figure: "rule", Rule: d.Rule, AmountFen: d.Penalty}
		if d.Rule == nil {
			line.Reason = "cancelled by " + d.By + ", who is not on the platform's side: it owes nothing"
		}
		out = append(out, line)
	}
	return out
}

// attemptFines are the end of an attempt and what the carrier said of it later.
func attemptFines(history []store.HistoryLine, n int) []fineLine {
	out := []fineLine{}
	for _, h := range history {
		var d struct {
			Rule    *penalty.Verdict `json:"rule"`
			Booked  *money.Fen       `json:"booked_fen"`
			Reason  string           `json:"reason"`
			Penalty *money.Fen       `json:"penalty_fen"` // of a figure that came later
			Charged *money.Fen       `json:"charged_fen"`
		}
		if h.N != n || h.Kind != "penalty" && h.Kind != "money" || json.Unmarshal(h.Detail, &d) != nil {
			continue
		}
		line := fineLine{At: h.At, Figure: h.From, Rule: d.Rule, Reason: d.Reason}
		if h.Kind == "money" {
			line.Figure, line.Rule = "carrier", nil
			d.Booked = later(d.Charged, d.Penalty)
		}
		if d.Booked != nil {
			line.AmountFen = *d.Booked
		}
		out = append(out, line)
	}
	return out
}

// later is the sum of what a carrier stated after the end; nil = it stated nothing.
func later(all ...*money.Fen) *money.Fen {
	var sum *money.Fen
	for _, f := range all {
		if f == nil {
			continue
		}
		if sum == nil {
			sum = new(money.Fen)
		}
		*sum += *f
	}
	return sum
}

// figures are whose figure an amount is, in words.
var figures = map[string]string{
	"carrier":   "the carrier's own figure",
	"pre_query": "the carrier's figure from before the cancel, whose answer was lost",
	"rule":      "the rule's figure",
	"estimated": "the rule's figure stands as an estimate",
}

func (f fines) print(e *env) {
	e.say("order %d is %s, its fee is %s 元", f.OrderID, f.State, yuan(f.FeeFen))
	f.Platform.print(e, "owes us", "the platform withdrew nothing")
	for _, a := range f.Attempts {
		a.print(e, "keeps", "nothing was decided about 违约金")
	}
	if f.Now == nil {
		return
	}
	var c costView
	if json.Unmarshal(f.Now, &c) == nil {
		c.print(e)
	}
}

func (s fineSide) print(e *env, does, otherwise string) {
	name := s.Party
	if s.N > 0 {
		name = fmt.Sprintf("#%d %s, %s", s.N, s.Party, strings.TrimSuffix(s.State+" ("+s.Cause+")", " ()"))
	}
	e.say("%s", name)
	for _, d := range s.Decisions {
		e.say("  %s: %s, %s 元%s", moment(d.At), figures[d.Figure], yuan(d.AmountFen), strings.TrimSuffix("; "+d.Reason, "; "))
		if d.Rule != nil {
			e.say("    %s", inWords(*d.Rule))
		}
	}
	if len(s.Decisions) == 0 {
		e.say("  %s", otherwise)
	}
	if s.BookedFen < 0 {
		e.say("  booked: it owes us %s 元", yuan(-s.BookedFen))
		return
	}
	e.say("  booked: it %s %s 元", does, yuan(s.BookedFen))
}

// inWords is a rule with what it went by.
func inWords(v penalty.Verdict) string {
	if v.Rule == 0 {
		return fmt.Sprintf("no rule of version %d is about it: %s, %s, %d minutes after acceptance, by %s", v.Version, v.Party, v.State, v.Minutes, v.By)
	}
	text := fmt.Sprintf("rule %d of version %d says %s 元: %s, %s, %d minutes after acceptance, by %s", v.Rule, v.Version, yuan(v.Cost()), v.Party, v.State, v.Minutes, v.By)
	if v.Cause != "" {
		text += ", cause " + v.Cause
	}
	text += fmt.Sprintf(", fee %s 元: %s", yuan(v.Fee), v.Note)
	if v.Source != "" {
		text += " [" + v.Source + "]"
	}
	return text
}
