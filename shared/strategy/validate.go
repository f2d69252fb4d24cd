package strategy

import (
	"errors"
	"fmt"
	"slices"
)

// Modes lists every mode.
var Modes = []Mode{Sequential, Simultaneous, Cheapest, Fastest, Weighted}

// check gathers the mistakes of one strategy.
type check struct {
	name string
	errs []error
}

func (c *check) bad(path, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("strategy %q: %s: %s", c.name, path, fmt.Sprintf(format, args...)))
}

// want notes a mistake unless ok holds.
func (c *check) want(ok bool, path, format string, args ...any) {
	if !ok {
		c.bad(path, format, args...)
	}
}

// Validate refuses a strategy that cannot work and names the path of each mistake.
func (s Strategy) Validate(known []string) error {
	c := &check{name: s.Name}
	c.want(s.Name != "", "name", "is empty")
	c.want(slices.Contains(Modes, s.Mode), "mode", "%q is none of %v", s.Mode, Modes)
	s.checkCarriers(c, known)
	s.checkTimes(c)
	s.checkRace(c)
	s.checkTip(c)
	if _, err := parseWindow(s.Match.Window); err != nil {
		c.bad("match.window", "%s", err)
	}
	weighs := s.Weights != Weights{}
	c.want(s.Mode != Weighted || weighs, "weights", "the weighted mode needs a weight of price or time")
	c.want(s.Mode == Weighted || !weighs, "weights", "have no meaning in the mode %s", s.Mode)
	c.want(s.Weights.Price >= 0 && s.Weights.Time >= 0, "weights", "must not be negative")
	never := s.LeaveInFreeWindow && s.PickupTimeout > 0 && s.PickupTimeout < Duration(FreeMargin)
	c.want(!never, "leave_in_free_window", "pickup_timeout comes first always: want %s or more, or none", FreeMargin)
	c.want(s.Limits.MaxCost == nil || *s.Limits.MaxCost > 0, "limits.max_cost_fen", "must be positive")
	return errors.Join(c.errs...)
}

func (s Strategy) checkCarriers(c *check, known []string) {
	c.want(len(s.Carriers) > 0, "carriers", "is empty")
	for i, name := range s.Carriers {
		path := fmt.Sprintf("carriers[%d]", i)
		c.want(slices.Contains(known, name), path, "%q is not a known carrier", name)
		c.want(!slices.Contains(s.Carriers[:i], name), path, "%q is listed twice", name)
	}
}

func (s Strategy) checkTimes(c *check) {
	type span struct {
		path string
		Duration
	}
	for _, d := range []span{{"quote.deadline", s.Quote.Deadline}, {"accept_timeout", s.AcceptTimeout}, {"give_up_after", s.GiveUpAfter}} {
		c.want(d.Duration > 0, d.path, "must be positive")
	}
	for _, d := range []span{{"release_lead", s.ReleaseLead}, {"quote.reuse", s.Quote.Reuse}, {"pickup_timeout", s.PickupTimeout}, {"delivery_timeout", s.DeliveryTimeout},
		{"race.widen_after", s.Race.WidenAfter}, {"tip.after", s.Tip.After}, {"tip.every", s.Tip.Every}} {
		c.want(d.Duration >= 0, d.path, "must not be negative")
	}
}

func (s Strategy) checkRace(c *check) {
	r := s.Race
	c.want(r.Width >= 0, "race.width", "must not be negative")
	c.want(r.Width <= len(s.Carriers), "race.width", "%d is more than the %d carriers listed", r.Width, len(s.Carriers))
	c.want(r.WidenBy >= 0, "race.widen_by", "must not be negative")
	c.want(r.WidenBy == 0 || r.WidenAfter > 0, "race.widen_by", "needs race.widen_after")
	c.want(s.Mode != Sequential || r == Race{}, "race", "the sequential mode tries one carrier after the other")
	c.want(s.Mode != Simultaneous || r.Width != 1 || r.WidenAfter > 0, "race.width", "1 is no race; want 2 or more, or race.widen_after")
}

func (s Strategy) checkTip(c *check) {
	t := s.Tip
	if t == (Tip{}) {
		return
	}
	c.want(t.After > 0, "tip.after", "must be positive")
	c.want(t.Step > 0, "tip.step_fen", "must be positive")
	c.want(t.Max >= t.Step, "tip.max_fen", "%s is less than one step of %s", t.Max, t.Step)
	c.want(t.Every > 0 || t.Max == t.Step, "tip.every", "must be positive where there is more than one step")
}
