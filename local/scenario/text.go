package scenario

import (
	"fmt"
	"strings"
	"time"
)

// Lines are the steps, one line each.
func (s *Scenario) Lines() []string {
	var out []string
	for i := range s.Steps {
		name, what := s.Steps[i].verb()
		out = append(out, strings.TrimSpace(fmt.Sprintf("%-8s %s", name, what)))
	}
	return out
}

// What steps look like in a line of progress.

func (s *OrderStep) String() string {
	text := fmt.Sprintf("%s on %s at %s", s.As, s.Platform, s.Shop)
	if s.In != nil {
		text += fmt.Sprintf(", for in %s", time.Duration(*s.In))
	}
	if s.Unpushed {
		text += ", not pushed yet"
	}
	return text + wanted(s.Answer)
}

func (s *PushStep) String() string   { return s.Order + wanted(s.Answer) }
func (s *CancelStep) String() string { return s.Order + wanted(s.Answer) }

func (s *TipStep) String() string {
	return fmt.Sprintf("%s: %d分", s.Order, int64(s.Add)) + wanted(s.Answer)
}
func (s *ChangeStep) String() string {
	return fmt.Sprintf("%s %s", s.Order, s.Phone) + wanted(s.Answer)
}

func wanted(a Answer) string {
	if a == "" {
		return ""
	}
	return ": " + string(a)
}

func (s *CarrierStep) String() string {
	return fmt.Sprintf("%s of %s: %s", s.Name, s.Of, strings.Join(texts(s.Does), ", "))
}

func (s *Together) String() string {
	var all []string
	for _, one := range *s {
		all = append(all, one.String())
	}
	return strings.Join(all, "; ")
}

func (s *CallbackStep) String() string {
	how := ""
	if s.Forged {
		how = ", forged"
	}
	if s.Untrue {
		how = ", untrue"
	}
	return fmt.Sprintf("%s of %s tells %s%s", s.Carrier, s.Of, s.Tells, how)
}

func (s *OperatorStep) String() string {
	return fmt.Sprintf("%s: %s %s by %s", s.Order, s.Command, s.Carrier, s.By)
}

func (s *SwitchStep) String() string {
	return fmt.Sprintf("%s %s %s", s.Kind, s.Subject, map[bool]string{true: "off", false: "on"}[s.Off])
}

func (p *Plan) String() string {
	return fmt.Sprintf("%s %s: %s", p.Name, p.Mode, strings.Join(p.Carriers, " "))
}

func (s *DepositStep) String() string { return fmt.Sprintf("%d分 to %s", int64(s.Add), s.To) }

func (s *Strike) String() string { return fmt.Sprintf("%s %s %s", s.Party, s.Fault, s.Detail) }

func (s *RedisStep) String() string { return string(*s) }

func (s *WaitStep) String() string {
	switch {
	case s.Struck != "":
		return fmt.Sprintf("%s has struck %d times", s.Struck, max(1, s.Times))
	case s.State != "":
		return fmt.Sprintf("%s is %s", s.Order, s.State)
	case s.Attention != "":
		return fmt.Sprintf("%s needs attention: %s", s.Order, s.Attention)
	}
	text := fmt.Sprintf("%s at %s", s.Order, s.Carrier)
	if s.Attempt != "" {
		text += " is " + string(s.Attempt)
	}
	if s.Asked != "" {
		text += " was asked " + s.Asked
	}
	return text
}

func (s *Span) String() string       { return time.Duration(*s).String() }
func (s *RunTo) String() string      { return string(*s) }
func (s *RealTime) String() string   { return time.Duration(*s).String() }
func (s *RestStep) String() string   { return "" }
func (s *SettleStep) String() string { return "" }
func (s *Expect) String() string     { return "" }
