package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/shared/order"
)

const head = `# State machines

Drawn from the tables in ` + "`shared/order/table.go`" + ` by ` + "`go generate ./shared/order/statedoc`" + `; a test fails when this file is stale.

What is not listed does not happen: an event without a row changes nothing and is kept in the order's history as ignored.
Dispatch alone moves orders and attempts, under the order's lock. Every applied row is a new version of the order.

An **order** is what the platform sees. An **attempt** is one placement with one carrier; an order has as many as it takes.
A final order never changes again. Attempts and ledger always follow the carrier, so a late word about a final order moves only the attempt.

`

const attemptNote = `An attempt is what the carrier says it is. Two states are ours alone: ` + "`unknown`" + ` is a placement in doubt, settled by queries and a quarantine; ` +
	"`cancelling`" + ` is a withdrawal under way, with the carrier's own progress kept beneath it. A cancel that the carrier refused leads back to that: the target ` + "`under`" + `.
Losing a race is a cause of cancelling, not a state. ` + "`rejected`" + ` ends an attempt but for one thing: a sign of life revives it, to be cancelled and booked, or to carry the order if a rider has it.

`

// render is the whole document.
func render() string {
	var b strings.Builder
	b.WriteString(head)
	timers(&b)
	b.WriteString("## Order\n\n")
	orders := rowsOfOrders()
	diagram(&b, string(order.Received), finals(order.States), orders)
	table(&b, orders)
	meanings(&b, order.Events, orderEvents)
	b.WriteString("\n## Attempt\n\n" + attemptNote)
	attempts := rowsOfAttempts()
	diagram(&b, string(order.Intent), finals(order.AttemptStates), attempts)
	table(&b, attempts)
	meanings(&b, order.AttemptEvents, attemptEvents)
	return b.String()
}

// line is one row of either table.
type line struct {
	from, on, to string
	order.Timers
}

func rowsOfOrders() []line {
	out := make([]line, len(order.Table))
	for i, r := range order.Table {
		out[i] = line{string(r.From), string(r.On), string(r.To), r.Timers}
	}
	return out
}

func rowsOfAttempts() []line {
	out := make([]line, len(order.AttemptTable))
	for i, r := range order.AttemptTable {
		out[i] = line{string(r.From), string(r.On), string(r.To), r.Timers}
	}
	return out
}

func finals[S interface {
	~string
	Final() bool
}](all []S) []string {
	var out []string
	for _, s := range all {
		if s.Final() {
			out = append(out, string(s))
		}
	}
	return out
}

// diagram joins the events that lead from one state to the same other, so that it stays legible.
func diagram(b *strings.Builder, start string, final []string, rows []line) {
	fmt.Fprintf(b, "```mermaid\nstateDiagram-v2\n    [*] --> %s\n", start)
	type edge struct{ from, to string }
	var edges []edge
	events := map[edge][]string{}
	for _, r := range rows {
		e := edge{r.from, r.to}
		if _, ok := events[e]; !ok {
			edges = append(edges, e)
		}
		events[e] = append(events[e], r.on)
	}
	for _, e := range edges {
		fmt.Fprintf(b, "    %s --> %s: %s\n", e.from, e.to, strings.Join(events[e], ", "))
	}
	for _, s := range final {
		fmt.Fprintf(b, "    %s --> [*]\n", s)
	}
	b.WriteString("```\n\n")
}

func table(b *strings.Builder, rows []line) {
	b.WriteString("| from | event | to | arms | clears |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", r.from, r.on, r.to, strings.Join(r.Arm, ", "), strings.Join(r.Clear, ", "))
	}
	b.WriteString("\nTimers that a row does not name are kept.\n\n")
}

func timers(b *strings.Builder) {
	b.WriteString("## Timers\n\n| timer | what it is for | armed by |\n|---|---|---|\n")
	for _, kind := range order.TimerKinds {
		by, ok := order.ArmedInCode[kind]
		if !ok {
			by = "rows below"
		}
		fmt.Fprintf(b, "| %s | %s | %s |\n", kind, timerKinds[kind], by)
	}
	b.WriteString("\nAn expired accept, pickup or watch timer queries the carrier before anything is cancelled. Due instants round up to 5 s, those of watch to 30 s.\n\n")
}

func meanings[E ~string](b *strings.Builder, all []E, text map[E]string) {
	b.WriteString("| event | what happened |\n|---|---|\n")
	for _, e := range all {
		fmt.Fprintf(b, "| %s | %s |\n", e, text[e])
	}
}

// unexplained lists what the document has no words for.
func unexplained() []string {
	var out []string
	for _, e := range order.Events {
		if orderEvents[e] == "" {
			out = append(out, string(e))
		}
	}
	for _, e := range order.AttemptEvents {
		if attemptEvents[e] == "" {
			out = append(out, string(e))
		}
	}
	for _, k := range order.TimerKinds {
		if timerKinds[k] == "" {
			out = append(out, k)
		}
	}
	slices.Sort(out)
	return out
}
