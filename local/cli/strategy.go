package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/chuandao/qianfan/shared/operate"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

// strategyCmd looks at strategies and changes them.
type strategyCmd struct {
	List     strategyList     `cmd:"" default:"1" help:"The active strategies, and for which orders they are."`
	Show     strategyShow     `cmd:"" help:"The active version of a strategy, as a file for set."`
	Set      strategySet      `cmd:"" help:"Make a file (YAML or JSON) the active version; live within five seconds."`
	DryRun   strategyDryRun   `cmd:"" name:"dry-run" help:"Price past orders by a file, from the quotes that are stored."`
	History  strategyHistory  `cmd:"" help:"Every version of a strategy: who made it, and when."`
	Rollback strategyRollback `cmd:"" help:"Make an old version the active one again, as a new version."`
	Retire   strategyRetire   `cmd:"" help:"End a strategy: no new order gets it."`
}

// Help is the example.
func (strategyCmd) Help() string {
	return "Examples:\n  qianfan strategy list\n  qianfan strategy set lunch.yaml --dry-run" + whereDatabase
}

type strategyList struct{}

// Help is the example.
func (strategyList) Help() string { return "Example:\n  qianfan strategy list" + whereDatabase }

// Run is the verb.
func (strategyList) Run(e *env) error {
	return e.with(func(o *office) error {
		all, err := o.Strategies(e.ctx)
		if err != nil {
			return err
		}
		if all == nil {
			all = []strategy.Strategy{}
		}
		return e.show(map[string]any{"strategies": all}, func() {
			e.table([]string{"NAME", "VERSION", "MODE", "CARRIERS", "FOR"}, rows(all, func(x strategy.Strategy) []string {
				return []string{x.Name, strconv.Itoa(x.Version), string(x.Mode), strings.Join(x.Carriers, " "), matches(x.Match)}
			}))
		})
	})
}

// matches is for which orders a strategy is meant, in words.
func matches(m strategy.Match) string {
	var parts []string
	for _, p := range []struct {
		what string
		list []string
	}{{"shop", m.Shop}, {"city", m.City}, {"platform", m.Platform}} {
		if len(p.list) > 0 {
			parts = append(parts, p.what+" "+strings.Join(p.list, ","))
		}
	}
	if m.Window != "" {
		parts = append(parts, m.Window)
	}
	if len(parts) == 0 {
		return "all"
	}
	return strings.Join(parts, "; ")
}

type strategyShow struct {
	Name string `arg:"" help:"Of the strategy."`
}

// Help is the example.
func (strategyShow) Help() string {
	return "Example:\n  qianfan strategy show default > default.yaml" + whereDatabase
}

// Run is the verb.
func (c strategyShow) Run(e *env) error {
	return e.with(func(o *office) error {
		x, err := activeStrategy(e, o, c.Name)
		if err != nil {
			return err
		}
		if x == nil {
			return noStrategy(c.Name)
		}
		text, err := operate.WriteStrategy(*x)
		if err != nil {
			return err
		}
		return e.show(x, func() { e.say("%s", strings.TrimSuffix(string(text), "\n")) })
	})
}

func noStrategy(name string) error {
	return fmt.Errorf("%w: %q; `qianfan strategy list` names the active ones", store.ErrNoStrategy, name)
}

func activeStrategy(e *env, o *office, name string) (*strategy.Strategy, error) {
	all, err := o.Strategies(e.ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(x strategy.Strategy) bool { return x.Name == name })
	if i < 0 {
		return nil, nil
	}
	return &all[i], nil
}

type strategySet struct {
	File string `arg:"" help:"YAML or JSON; - reads the standard input."`
	signature
	Base   int  `placeholder:"VERSION" help:"The version that the file was made from (\"strategy list\"): refused if another one is active by now."`
	DryRun bool `help:"Check it and show what would change; write nothing."`
}

// Help is the example.
func (strategySet) Help() string {
	return "Examples:\n  qianfan strategy set lunch.yaml --dry-run\n  qianfan strategy set lunch.yaml --by li --base 3\n\nEvery mistake is named with its path, unknown keys among them. A version in the file is ignored." + whereDatabase
}

// changed is what set and rollback did, or would do.
type changed struct {
	Name    string           `json:"name"`
	Before  int              `json:"before"` // version; 0 = there was none
	Version int              `json:"version"`
	Changes []operate.Change `json:"changes"`
	Written bool             `json:"written"`
}

// Run is the verb.
func (c strategySet) Run(e *env) error {
	raw, err := readFile(c.File)
	if err != nil {
		return err
	}
	return e.with(func(o *office) error {
		x, err := c.read(e, o, raw)
		if err != nil {
			return err
		}
		return replace(e, o, c.signature, "strategy set", x, c.Base, c.DryRun)
	})
}

func (c strategySet) read(e *env, o *office, raw []byte) (strategy.Strategy, error) {
	return readStrategy(e, o, c.File, raw)
}

func readStrategy(e *env, o *office, file string, raw []byte) (strategy.Strategy, error) {
	names, err := o.prepaidCarriers(e)
	if err != nil {
		return strategy.Strategy{}, err
	}
	x, err := operate.ReadStrategy(raw, names)
	if err != nil {
		return x, fmt.Errorf("%w\n(carriers with a prepaid account: %s)", misread(file, err), strings.Join(names, ", "))
	}
	return x, nil
}

func readFile(path string) ([]byte, error) {
	if path == "-" {
		raw, err := io.ReadAll(io.LimitReader(os.Stdin, maxAnswer))
		if err != nil {
			return nil, fmt.Errorf("read the standard input: %w", err)
		}
		return raw, nil
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	return raw, nil
}

// replace makes x the active version, if it differs from the one that is. base is the version that
// x was made from; 0 = whatever is active.
func replace(e *env, o *office, by signature, verb string, x strategy.Strategy, base int, dry bool) error {
	who, err := by.act()
	if err != nil {
		return err
	}
	active, err := activeStrategy(e, o, x.Name)
	if err != nil {
		return err
	}
	done := changed{Name: x.Name}
	if active != nil {
		done.Before = active.Version
	}
	if base != 0 && base != done.Before {
		return fmt.Errorf("strategy %q: %w: version %d is active, not %d; see what it is with `qianfan strategy show %s`, and change that", x.Name, store.ErrStale, done.Before, base, x.Name)
	}
	if done.Changes, err = operate.Diff(active, &x); err != nil {
		return err
	}
	done.Version = done.Before
	if len(done.Changes) > 0 && !dry {
		saved, err := o.SetStrategy(e.ctx, who, verb, x, done.Before)
		if err != nil {
			return err
		}
		done.Version, done.Written = saved.Version, true
	}
	return e.show(done, func() { done.print(e, dry) })
}

func (c changed) print(e *env, dry bool) {
	for _, x := range c.Changes {
		if x.Before != "" {
			e.say("- %s: %s", x.Path, x.Before)
		}
		if x.After != "" {
			e.say("+ %s: %s", x.Path, x.After)
		}
	}
	switch {
	case len(c.Changes) == 0:
		e.say("%s: nothing differs from version %d", c.Name, c.Before)
	case dry:
		e.say("%s: valid; nothing was written", c.Name)
	default:
		e.say("%s: version %d is active, live within five seconds", c.Name, c.Version)
	}
}

type strategyHistory struct {
	Name string `arg:"" help:"Of the strategy."`
}

// Help is the example.
func (strategyHistory) Help() string {
	return "Example:\n  qianfan strategy history default" + whereDatabase
}

// Run is the verb.
func (c strategyHistory) Run(e *env) error {
	return e.with(func(o *office) error {
		all, err := o.StrategyHistory(e.ctx, c.Name)
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return noStrategy(c.Name)
		}
		return e.show(map[string]any{"versions": all}, func() {
			e.table([]string{"VERSION", "ACTIVE", "AT", "BY", "MODE", "CARRIERS"}, rows(all, func(v store.StrategyVersion) []string {
				at, on := "", ""
				if !v.At.IsZero() {
					at = moment(v.At)
				}
				if v.Active {
					on = "yes"
				}
				return []string{strconv.Itoa(v.Strategy.Version), on, at, v.By, string(v.Strategy.Mode), strings.Join(v.Strategy.Carriers, " ")}
			}))
		})
	})
}

type strategyRollback struct {
	Name    string `arg:"" help:"Of the strategy."`
	Version int    `arg:"" help:"The version whose content is to be active again."`
	signature
	DryRun bool `help:"Show what would change; write nothing."`
}

// Help is the example.
func (strategyRollback) Help() string {
	return "Example:\n  qianfan strategy rollback default 3 --by li" + whereDatabase
}

// Run is the verb.
func (c strategyRollback) Run(e *env) error {
	return e.with(func(o *office) error {
		all, err := o.StrategyHistory(e.ctx, c.Name)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(v store.StrategyVersion) bool { return v.Strategy.Version == c.Version })
		if i < 0 {
			return fmt.Errorf("strategy %q has no version %d; `qianfan strategy history %s` names them", c.Name, c.Version, c.Name)
		}
		names, err := o.prepaidCarriers(e)
		if err != nil {
			return err
		}
		if err := operate.CheckStrategy(all[i].Strategy, names); err != nil { // what was right then may name who is gone
			return misread(fmt.Sprintf("version %d of %s", c.Version, c.Name), err)
		}
		return replace(e, o, c.signature, "strategy rollback", all[i].Strategy, 0, c.DryRun)
	})
}

type strategyRetire struct {
	Name string `arg:"" help:"Of the strategy."`
	signature
	DryRun bool `help:"Only say whether it could be ended."`
}

// Help is the example.
func (strategyRetire) Help() string {
	return "Example:\n  qianfan strategy retire hangzhou-lunch --by li\n\nOrders that have it keep it. The last one cannot be ended: no order could be taken." + whereDatabase
}

// Run is the verb.
func (c strategyRetire) Run(e *env) error {
	return e.with(func(o *office) error {
		who, err := c.act()
		if err != nil {
			return err
		}
		all, err := o.Strategies(e.ctx)
		if err != nil {
			return err
		}
		switch {
		case !slices.ContainsFunc(all, func(x strategy.Strategy) bool { return x.Name == c.Name }):
			return noStrategy(c.Name)
		case len(all) == 1:
			return fmt.Errorf("%q is the last strategy: without one every order is refused; to take no orders, switch the platforms off", c.Name)
		}
		if !c.DryRun {
			if err := o.RetireStrategy(e.ctx, who, c.Name); err != nil {
				return err
			}
		}
		return e.show(map[string]any{"name": c.Name, "written": !c.DryRun}, func() {
			if c.DryRun {
				e.say("%s: could be ended; nothing was written", c.Name)
				return
			}
			e.say("%s: ended", c.Name)
		})
	})
}
