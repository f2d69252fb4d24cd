package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier/carriers"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/upstream/platforms"
)

// switchCmd switches carriers, platforms and cities.
type switchCmd struct {
	List switchList `cmd:"" default:"1" help:"What is switched off, and what was."`
	Off  switchOff  `cmd:"" help:"Switch off a carrier, a platform, a city, or a carrier in a city."`
	On   switchOn   `cmd:"" help:"Switch it on again."`
}

// Help is the example.
func (switchCmd) Help() string {
	return "Examples:\n  qianfan switch list\n  qianfan switch off carrier-city uupt:330100 --reason 暴雨 --by li" + whereDatabase
}

type switchList struct{}

// Help is the example.
func (switchList) Help() string { return "Example:\n  qianfan switch list" + whereDatabase }

// Run is the verb.
func (switchList) Run(e *env) error {
	return e.with(func(o *office) error {
		all, err := o.Switches(e.ctx)
		if err != nil {
			return err
		}
		return e.show(map[string]any{"switches": all}, func() {
			e.table([]string{"KIND", "SUBJECT", "IS", "SINCE", "BY", "REASON"}, rows(all, func(x store.Switch) []string {
				return []string{x.Kind, x.Subject, position(x.Off), moment(x.At), x.By, x.Reason}
			}))
		})
	})
}

func position(off bool) string {
	if off {
		return "off"
	}
	return "on"
}

// switched is one switch on the command line.
type switched struct {
	Kind    string `arg:"" enum:"carrier,platform,city,carrier-city" help:"carrier, platform, city or carrier-city."`
	Subject string `arg:"" help:"uupt; meituan; 330100; uupt:330100."`
	signature
	DryRun bool `help:"Only say what it would concern."`
}

type switchOff struct {
	switched
	Reason string `required:"" help:"Why; operators read it on every order that it concerns."`
}

// Help is the example.
func (switchOff) Help() string {
	return "Examples:\n  qianfan switch off carrier uupt --reason 系统故障 --by li\n  qianfan switch off city 330100 --reason 台风 --dry-run\n\n" +
		"A carrier that is off gets no new attempt within five seconds; what it has goes on. A platform or city that is off takes no new orders;\nthose that were accepted are still carried." + whereDatabase
}

// Run is the verb.
func (c switchOff) Run(e *env) error { return c.set(e, true, c.Reason) }

type switchOn struct {
	switched
	Reason string `help:"Why."`
}

// Help is the example.
func (switchOn) Help() string {
	return "Example:\n  qianfan switch on carrier uupt --by li" + whereDatabase
}

// Run is the verb.
func (c switchOn) Run(e *env) error { return c.set(e, false, c.Reason) }

// switchedNow is what a verb did, or would do.
type switchedNow struct {
	store.Switch
	Changed  bool        `json:"changed"`
	Concerns store.Reach `json:"concerns"`
}

func (c switched) set(e *env, off bool, reason string) error {
	who, err := c.act()
	if err != nil {
		return err
	}
	x := store.Switch{Kind: strings.ReplaceAll(c.Kind, "-", "_"), Subject: c.Subject, Off: off, Reason: strings.TrimSpace(reason), By: who.By, At: who.At}
	if err := checkSwitch(x); err != nil {
		return err
	}
	return e.with(func(o *office) error {
		done := switchedNow{Switch: x}
		var err error
		if done.Concerns, err = o.SwitchReach(e.ctx, x.Kind, x.Subject); err != nil {
			return err
		}
		if !c.DryRun {
			if done.Changed, err = o.SetSwitch(e.ctx, x); err != nil {
				return err
			}
		}
		return e.show(done, func() { done.print(e, c.DryRun) })
	})
}

// checkSwitch refuses names that nobody has: a switch that misses would calm people for nothing.
func checkSwitch(x store.Switch) error {
	if err := x.Check(); err != nil {
		return usage("%w", err)
	}
	name, _, _ := strings.Cut(x.Subject, ":")
	switch x.Kind {
	case store.SwitchCarrier, store.SwitchCarrierCity:
		if !slices.Contains(carriers.Names(), name) {
			return usage("%q is no carrier; carriers are %s", name, strings.Join(carriers.Names(), ", "))
		}
	case store.SwitchPlatform:
		return checkPlatforms([]string{name})
	}
	return nil
}

func checkPlatforms(names []string) error {
	for _, p := range names {
		if !slices.Contains(platforms.Names(), p) {
			return usage("%q is no platform; platforms are %s", p, strings.Join(platforms.Names(), ", "))
		}
	}
	return nil
}

func (s switchedNow) print(e *env, dry bool) {
	concerns := fmt.Sprintf("%d open orders, %d live attempts", s.Concerns.Orders, s.Concerns.Attempts)
	switch {
	case dry:
		e.say("%s %s would be %s; it concerns %s; nothing was written", s.Kind, s.Subject, position(s.Off), concerns)
	case !s.Changed:
		e.say("%s %s is %s already", s.Kind, s.Subject, position(s.Off))
	default:
		e.say("%s %s is %s, live within five seconds; it concerns %s, which go on", s.Kind, s.Subject, position(s.Off), concerns)
	}
}
