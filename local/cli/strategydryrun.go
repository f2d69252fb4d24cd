package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/shared/operate"
	"github.com/chuandao/qianfan/shared/store"
)

type strategyDryRun struct {
	File  string `arg:"" help:"YAML or JSON; - reads the standard input."`
	From  string `help:"Orders received since then, RFC 3339; 24 h before --to by default." placeholder:"TIME"`
	To    string `help:"Orders received before then, RFC 3339; now by default." placeholder:"TIME"`
	Limit int    `default:"2000" help:"The newest so many orders at most."`
}

// Help is the example.
func (strategyDryRun) Help() string {
	return "Example:\n  qianfan strategy dry-run lunch.yaml --from 2026-11-04T10:30:00+08:00 --to 2026-11-04T13:30:00+08:00\n\n" +
		"Only delivered orders are compared. Of a race, the first choice is priced. Nothing is written." + whereDatabase
}

// Run is the verb.
func (c strategyDryRun) Run(e *env) error {
	if c.Limit < 1 || c.Limit > store.MaxPast {
		return usage("--limit %d: want 1 to %d", c.Limit, store.MaxPast)
	}
	raw, err := readFile(c.File)
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		from, to, err := c.span(o.virtual)
		if err != nil {
			return err
		}
		x, err := readStrategy(e, o, c.File, raw)
		if err != nil {
			return err
		}
		active, err := o.Strategies(e.ctx)
		if err != nil {
			return err
		}
		past, err := o.PastOrders(e.ctx, from, to, c.Limit)
		if err != nil {
			return err
		}
		run := operate.Replay(x, active, past)
		run.From, run.To = from, to
		return e.show(run, func() { printDryRun(e, run) })
	})
}

func (c strategyDryRun) span(now time.Time) (from, to time.Time, err error) {
	to = now
	if c.To != "" {
		if to, err = time.Parse(time.RFC3339, c.To); err != nil {
			return from, to, usage("--to %q: want RFC 3339, as 2026-11-04T13:30:00+08:00", c.To)
		}
	}
	from = to.Add(-24 * time.Hour)
	if c.From != "" {
		if from, err = time.Parse(time.RFC3339, c.From); err != nil {
			return from, to, usage("--from %q: want RFC 3339, as 2026-11-04T10:30:00+08:00", c.From)
		}
	}
	if !from.Before(to) {
		return from, to, usage("--from %s is not before --to %s", moment(from), moment(to))
	}
	return from, to, nil
}

func printDryRun(e *env, run operate.DryRun) {
	e.say("%s over %d orders from %s to %s", run.Strategy, run.Orders, moment(run.From), moment(run.To))
	e.say("compared %d; left out: %d not delivered, %d of another strategy, %d without a quote of its carriers, %d that nobody would have carried",
		run.Compared, run.Skipped.NotDelivered, run.Skipped.NotMatched, run.Skipped.NotQuoted, run.Skipped.Unserved)
	for _, reason := range slices.Sorted(maps.Keys(run.Reasons)) {
		e.say("  not carried: %s (%d)", reason, run.Reasons[reason])
	}
	for _, name := range slices.Sorted(maps.Keys(run.NoQuote)) {
		e.say("  %s was not asked about %d of them, and so could not be chosen", name, run.NoQuote[name])
	}
	if run.Compared == 0 {
		return
	}
	e.say("would have been: %s; %s", tally(run.Would.Carriers), run.Would)
	e.say("was:             %s; %s; %s 元 paid in the end", tally(run.Was.Carriers), run.Was, run.Was.Paid.Yuan())
	e.say("the same carrier for %d of %d; %s 元 less by the quotes", run.Same, run.Compared, (run.Was.Cost - run.Would.Cost).Yuan())
}

func tally(n map[string]int) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, n[k]))
	}
	return strings.Join(parts, ", ")
}
