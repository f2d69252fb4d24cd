package scenario

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
)

// differ notes what is not as written.
func (p *play) differ(at line, what, wanted, got string) {
	if wanted != got {
		p.failures = append(p.failures, Failure{Where: p.where(at, what), Wanted: wanted, Got: got})
	}
}

// same compares one value that a file may leave out.
func same[T comparable](p *play, at line, what string, wanted *T, got T) {
	if wanted != nil {
		p.differ(at, what, fmt.Sprint(*wanted), fmt.Sprint(got))
	}
}

// end looks at what the file expects, and at what always holds.
func (p *play) end(ctx context.Context) error {
	if err := p.look(ctx, &p.Expect, "expect"); err != nil {
		return err
	}
	at := p.Expect.line
	s, err := p.e.Summary(ctx, true)
	if err != nil {
		return err
	}
	p.differ(at, "expect.invariants", "none violated", cmp.Or(strings.Join(s.Invariants.Violated, "; "), "none violated"))
	p.differ(at, "expect.books", "matched", cmp.Or(strings.Join(s.Books.Details, "; "), "matched"))
	p.differ(at, "expect.ledger.balanced", "true", fmt.Sprint(s.Ledger.Balanced))
	if s.Invariants.Checked == 0 {
		p.differ(at, "expect.invariants", "some checked", "none checked")
	}
	for _, label := range p.labels {
		_, wrong, err := p.heard(p.orders[label])
		if err != nil {
			return err
		}
		p.differ(at, label+": what the platform was told out of order", "", strings.Join(wrong, "; "))
	}
	for _, left := range p.e.Faults.Waiting() {
		for _, s := range p.strikes {
			if left.Party == s.Party && left.Fault == string(s.Fault) && left.Detail == s.Detail {
				p.differ(s.line, fmt.Sprintf("fault %s %s %s", s.Party, s.Fault, s.Detail), "struck", fmt.Sprintf("not struck %d times", max(1, left.Times)))
				break
			}
		}
	}
	return nil
}

// look compares everything that x names.
func (p *play) look(ctx context.Context, x *Expect, path string) error {
	for _, label := range slices.Sorted(maps.Keys(x.Orders)) {
		want := x.Orders[label]
		if err := p.lookAt(ctx, want, p.orders[label], path+".orders."+label); err != nil {
			return err
		}
	}
	if x.Ledger != nil {
		if err := p.ledger(ctx, x.Ledger, path+".ledger"); err != nil {
			return err
		}
	}
	same(p, x.line, path+".refused", x.Refused, p.e.Refusals())
	for _, c := range slices.Sorted(maps.Keys(x.Quoted)) {
		p.differ(x.line, path+".quoted."+string(c), fmt.Sprint(x.Quoted[c]), fmt.Sprint(p.e.Carriers[string(c)].Totals().Quotes))
	}
	struck := p.e.Faults.Counters()
	for _, f := range slices.Sorted(maps.Keys(x.Faults)) {
		p.differ(x.line, path+".faults."+string(f), fmt.Sprint(x.Faults[f]), fmt.Sprint(struck[string(f)]))
	}
	if err := p.alarms(ctx, x, path); err != nil {
		return err
	}
	if len(x.Counts) == 0 {
		return nil
	}
	s, err := p.e.Summary(ctx, false)
	now := counts(s)
	for _, k := range slices.Sorted(maps.Keys(x.Counts)) {
		p.differ(x.line, path+".counts."+string(k), fmt.Sprint(x.Counts[k]), fmt.Sprint(now[k]))
	}
	return err
}

// alarms compares what was said of prepaid accounts: empty means nothing, otherwise part of it.
func (p *play) alarms(ctx context.Context, x *Expect, path string) error {
	if len(x.Alarms) == 0 {
		return nil
	}
	all, err := p.e.Store.Prepaids(ctx)
	if err != nil {
		return err
	}
	said := map[string]string{}
	for _, a := range all {
		said[emulator.AccountParty(a.Carrier, a.Account)] = a.Alarm
	}
	for _, party := range slices.Sorted(maps.Keys(x.Alarms)) {
		got, known := said[party]
		if want := x.Alarms[party]; !known || (want == "") != (got == "") || !strings.Contains(got, want) {
			p.differ(x.line, path+".alarms."+party, want, cmp.Or(got, "none"))
		}
	}
	return nil
}

// lookAt compares one order.
func (p *play) lookAt(ctx context.Context, x OrderExpect, o *ordered, path string) error {
	v, found, err := p.view(ctx, o)
	if err != nil {
		return err
	}
	same(p, x.line, path+".stored", x.Stored, found)
	if !found {
		if x.Stored == nil || *x.Stored {
			p.differ(x.line, path, "an order", "nothing is stored")
		}
		return nil
	}
	if x.State != "" {
		p.differ(x.line, path+".state", string(x.State), v.Order.State)
	}
	p.attempts(x, v, path)
	if x.Told != nil {
		told, err := p.told(o, v)
		if err != nil {
			return err
		}
		p.differ(x.line, path+".told", strings.Join(texts(*x.Told), " "), strings.Join(told, " "))
	}
	if err := p.riders(x, o, path); err != nil {
		return err
	}
	p.attention(x, v, path)
	same(p, x.line, path+".fee_fen", x.FeeFen, v.Order.FeeFen)
	same(p, x.line, path+".penalty_fen", x.Penalty, v.Order.PenaltyFen)
	same(p, x.line, path+".strategy", x.Strategy, v.Order.Strategy)
	same(p, x.line, path+".rounds", x.Rounds, len(v.Rounds))
	p.numbers(x, v, path)
	p.quotes(x, v, path)
	p.commands(x, v, path)
	return nil
}

// attention: empty means none, otherwise part of the reason.
func (p *play) attention(x OrderExpect, v store.OrderView, path string) {
	if x.Attention == nil {
		return
	}
	if want := *x.Attention; want == "" || !strings.Contains(v.Order.Attention, want) {
		p.differ(x.line, path+".attention", want, v.Order.Attention)
	}
}

func (p *play) heard(o *ordered) ([]world.Heard, []string, error) {
	on, err := p.platform(o.platform)
	if err != nil {
		return nil, nil, err
	}
	told, wrong := on.Heard(o.no)
	return told, wrong, nil
}

// told is what the platform was told, repeats left out. Clients of the canonical API read:
// for them it is what they would have read.
func (p *play) told(o *ordered, v store.OrderView) ([]string, error) {
	out := []string{}
	if o.platform == canonicalName {
		for _, h := range v.History {
			if h.Milestone {
				out = append(out, h.To)
			}
		}
		return out, nil
	}
	told, _, err := p.heard(o)
	last := world.Heard{}
	for _, t := range told {
		if t.Repeat || t.Stage == last.Stage && t.Rider == last.Rider { // some platforms are told one stage by two calls
			continue
		}
		out, last = append(out, t.Stage.String()), t
	}
	return out, err
}

// riders counts the different riders that the platform was told.
func (p *play) riders(x OrderExpect, o *ordered, path string) error {
	if x.Riders == nil {
		return nil
	}
	told, _, err := p.heard(o)
	names := map[string]bool{}
	for _, t := range told {
		if t.Rider != "" {
			names[t.Rider] = true
		}
	}
	same(p, x.line, path+".riders", x.Riders, len(names))
	return err
}

// numbers counts under how many different numbers the carriers' riders were to ring the recipient.
func (p *play) numbers(x OrderExpect, v store.OrderView, path string) {
	if x.Numbers == nil {
		return
	}
	told := map[string]bool{}
	for _, a := range v.Attempts {
		if book, ok := p.book(a); ok && book.Recipient != "" {
			told[book.Recipient] = true
		}
	}
	same(p, x.line, path+".numbers", x.Numbers, len(told))
}

// quotes compares what each carrier answered in the last round: "asked" is a price.
func (p *play) quotes(x OrderExpect, v store.OrderView, path string) {
	if x.Quotes == nil {
		return
	}
	got := map[string]string{}
	for _, q := range v.Quotes {
		if q.Round == v.Order.Round {
			got[q.Carrier] = cmp.Or(q.Refused, "asked")
		}
	}
	for _, carrier := range slices.Sorted(maps.Keys(x.Quotes)) {
		want, was := x.Quotes[carrier], cmp.Or(got[carrier], "not in the round")
		if !strings.Contains(was, want) {
			p.differ(x.line, path+".quotes."+carrier, want, was)
		}
	}
}

// resolution is what was decided about a command, empty while nothing is.
func resolution(version int, decision string) Resolution {
	switch {
	case strings.HasPrefix(decision, string(Declined)):
		return Declined
	case version > 0:
		return Applied
	}
	return ""
}

func (p *play) commands(x OrderExpect, v store.OrderView, path string) {
	if x.Commands == nil {
		return
	}
	var wanted, got []string
	for i, c := range v.Commands {
		text := fmt.Sprintf("%s %s", c.Kind, cmp.Or(resolution(c.Applied, c.Decision), "undecided"))
		if i >= len(*x.Commands) || !strings.Contains(c.Decision, (*x.Commands)[i].Says) {
			text += ": " + c.Decision
		}
		got = append(got, text)
	}
	for i, c := range *x.Commands {
		text := fmt.Sprintf("%s %s", c.Kind, c.Decision)
		if i >= len(v.Commands) || !strings.Contains(v.Commands[i].Decision, c.Says) {
			text += ": " + c.Says
		}
		wanted = append(wanted, text)
	}
	p.differ(x.line, path+".commands", strings.Join(wanted, " | "), strings.Join(got, " | "))
}

// ledger compares what the scenario's orders add up to.
func (p *play) ledger(ctx context.Context, x *LedgerExpect, path string) error {
	sums := map[string]money.Fen{}
	for _, label := range p.labels {
		v, found, err := p.view(ctx, p.orders[label])
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		for _, e := range v.Entries {
			if e.Direction == "debit" {
				sums[e.Account] += e.AmountFen
			} else {
				sums[e.Account] -= e.AmountFen
			}
		}
	}
	if x.Balanced != nil {
		var sum money.Fen
		for _, fen := range sums {
			sum += fen
		}
		p.differ(x.line, path+".balanced", fmt.Sprint(*x.Balanced), fmt.Sprint(sum == 0))
	}
	for _, account := range slices.Sorted(maps.Keys(x.Accounts)) {
		p.differ(x.line, path+"."+account, fmt.Sprint(int64(x.Accounts[account])), fmt.Sprint(int64(sums[account])))
	}
	if x.Others != nil {
		for _, account := range slices.Sorted(maps.Keys(sums)) {
			if _, named := x.Accounts[account]; !named {
				p.differ(x.line, path+"."+account, fmt.Sprint(int64(*x.Others)), fmt.Sprint(int64(sums[account])))
			}
		}
	}
	return nil
}
