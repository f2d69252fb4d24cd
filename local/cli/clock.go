package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/clock"
)

// clockCmd shows and moves virtual time.
type clockCmd struct {
	Show    clockShow    `cmd:"" default:"1" help:"Virtual time, its speed, and what holds it."`
	Speed   clockSpeed   `cmd:"" help:"Set the ceiling of the speed."`
	Freeze  clockFreeze  `cmd:"" help:"Make virtual time stand."`
	Run     clockRun     `cmd:"" help:"Let frozen time go on."`
	Advance clockAdvance `cmd:"" help:"Move virtual time forward and fire the timers on the way."`
	Next    clockNext    `cmd:"" help:"Move virtual time to the next timer."`
}

// Help is the example.
func (clockCmd) Help() string {
	return "Examples:\n  qianfan clock speed 60\n  qianfan clock advance 15m"
}

type clockShow struct{}

// Help is the example.
func (clockShow) Help() string { return "Example:\n  qianfan clock show --json" }

// Run is the verb.
func (clockShow) Run(e *env) error {
	var raw json.RawMessage
	if err := e.api.get(e.ctx, "/api/clock", nil, &raw); err != nil {
		return err
	}
	return showClock(e, raw)
}

type clockSpeed struct {
	X float64 `arg:"" help:"Times system time, above 0."`
}

// Help is the example.
func (clockSpeed) Help() string { return "Example:\n  qianfan clock speed 60" }

// Run is the verb.
func (c clockSpeed) Run(e *env) error { return moveClock(e, map[string]any{"speed": c.X}) }

type clockFreeze struct{}

// Help is the example.
func (clockFreeze) Help() string { return "Example:\n  qianfan clock freeze" }

// Run is the verb.
func (clockFreeze) Run(e *env) error { return moveClock(e, map[string]any{"frozen": true}) }

type clockRun struct{}

// Help is the example.
func (clockRun) Help() string { return "Example:\n  qianfan clock run" }

// Run is the verb.
func (clockRun) Run(e *env) error { return moveClock(e, map[string]any{"frozen": false}) }

type clockAdvance struct {
	By string `arg:"" help:"A duration: 90s, 15m, 24h."`
}

// Help is the example.
func (clockAdvance) Help() string { return "Example:\n  qianfan clock advance 15m" }

// Run is the verb.
func (c clockAdvance) Run(e *env) error { return moveClock(e, map[string]any{"advance": c.By}) }

type clockNext struct{}

// Help is the example.
func (clockNext) Help() string { return "Example:\n  qianfan clock next" }

// Run is the verb.
func (clockNext) Run(e *env) error { return moveClock(e, map[string]any{"run_to": "next-timer"}) }

func moveClock(e *env, move map[string]any) error {
	var raw json.RawMessage
	if err := e.api.post(e.ctx, "/api/clock", move, &raw); err != nil {
		return err
	}
	return showClock(e, raw)
}

func showClock(e *env, raw json.RawMessage) error {
	var s clock.Status
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("read the clock: %w", err)
	}
	return e.show(raw, func() {
		pace := fmt.Sprintf("×%g of ×%g", s.Speed, s.Ceiling)
		if s.Frozen {
			pace = fmt.Sprintf("frozen (×%g)", s.Ceiling)
		}
		e.say("virtual  %s  %s", s.Virtual.In(shanghai).Format("2006-01-02 15:04:05.000"), pace)
		if s.Next != nil {
			e.say("timers   %d, the next in %s", s.Timers, s.Next.Sub(s.Virtual).Round(time.Millisecond))
		} else {
			e.say("timers   none")
		}
		var open []string
		for kind, n := range s.Busy {
			open = append(open, fmt.Sprintf("%s %d", kind, n))
		}
		slices.Sort(open)
		if len(open) > 0 {
			e.say("open     %s", strings.Join(open, ", "))
		}
	})
}
