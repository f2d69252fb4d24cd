package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chuandao/qianfan/local/clock"
	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sim/world"
	system "github.com/chuandao/qianfan/shared/clock"
)

// platform is where customers order, as it may be directed.
func (p *play) platform(name string) (world.Directed, error) {
	if name == canonicalName {
		return p.canonical, nil
	}
	d, ok := p.e.Platforms[name].(world.Directed)
	if !ok {
		return nil, fmt.Errorf("platform %q is not simulated here", name)
	}
	return d, nil
}

// request is what the customer orders.
func (p *play) request(s *OrderStep) world.OrderRequest {
	shops := emulator.Shops()
	i := max(0, slices.IndexFunc(shops, func(x world.Shop) bool { return x.Code == s.Shop }))
	to := shops[i].Point().Away(float64(s.Distance), 1)
	r := world.OrderRequest{Shop: s.Shop, Unlisted: s.Unlisted, Degraded: s.Degraded, Dropoff: &to, Value: s.Value, Key: cmp.Or(s.Like, s.As)}
	if s.In != nil {
		at := p.e.Clock.Now().Add(time.Duration(*s.In))
		r.Expected = &at
	}
	return r
}

func (s *OrderStep) do(p *play, at line) func(context.Context) error {
	return func(ctx context.Context) error {
		on, err := p.platform(string(s.Platform))
		if err != nil {
			return err
		}
		o := &ordered{label: s.As, platform: string(s.Platform)}
		if o.no, err = on.Draft(p.request(s)); err != nil {
			return err
		}
		p.orders[s.As] = o
		p.labels = append(p.labels, s.As)
		if s.Unpushed {
			return nil
		}
		answered, err := on.Push(o.no)
		return s.after(ctx, p, p.answer(ctx, at, "the push of "+s.As, answered, err, s.Answer))
	}
}

func (s *PushStep) do(p *play, at line) func(context.Context) error {
	return func(ctx context.Context) error {
		o := p.orders[s.Order]
		on, err := p.platform(o.platform)
		if err != nil {
			return err
		}
		answered, err := on.Push(o.no)
		return s.after(ctx, p, p.answer(ctx, at, "the push of "+s.Order, answered, err, s.Answer))
	}
}

func (s *TipStep) do(p *play, at line) func(context.Context) error {
	return func(ctx context.Context) error {
		answered, err := p.canonical.tip(p.orders[s.Order].no, int64(s.Add))
		return s.after(ctx, p, p.answer(ctx, at, "the tip of "+s.Order, answered, err, s.Answer))
	}
}

func (s *ChangeStep) do(p *play, at line) func(context.Context) error {
	return func(ctx context.Context) error {
		answered, err := p.canonical.change(p.orders[s.Order].no, s.Phone, s.Distance)
		return s.after(ctx, p, p.answer(ctx, at, "the change of "+s.Order, answered, err, s.Answer))
	}
}

func (s *CancelStep) do(p *play, at line) func(context.Context) error {
	return func(ctx context.Context) error {
		o := p.orders[s.Order]
		on, err := p.platform(o.platform)
		if err != nil {
			return err
		}
		answered, err := on.BeginCancel(o.no, cmp.Or(s.Reason, "不想要了"))
		return s.after(ctx, p, p.answer(ctx, at, "the cancel of "+s.Order, answered, err, s.Answer))
	}
}

// answer waits for what we answer to a platform's push.
func (p *play) answer(ctx context.Context, at line, what string, answered world.Answered, err error, want Answer) error {
	if err != nil {
		return err
	}
	want = cmp.Or(want, Accepted)
	if want == Unanswered {
		return nil
	}
	accepted, err := answered(ctx)
	if err != nil {
		return p.fail(at, what, string(want), "no answer: "+err.Error())
	}
	if got := map[bool]Answer{true: Accepted, false: Refused}[accepted]; got != want {
		return p.fail(at, what, string(want), string(got))
	}
	return nil
}

// ours is our number of an order, which begins the numbers of its attempts.
func (p *play) ours(ctx context.Context, label string) (string, error) {
	o := p.orders[label]
	if _, found, err := p.view(ctx, o); err != nil || !found {
		return "", errors.Join(err, fmt.Errorf("order %s is not stored", label))
	}
	return fmt.Sprint(o.id), nil
}

func (s *CarrierStep) do(p *play, _ line) func(context.Context) error {
	return func(ctx context.Context) error {
		no, err := p.ours(ctx, s.Of)
		if err != nil {
			return err
		}
		fleet, err := p.fleet(string(s.Name))
		if err != nil {
			return err
		}
		for _, act := range s.Does {
			if err := s.after(ctx, p, fleet.Direct(no, world.Act(act))); err != nil {
				return err
			}
		}
		return nil
	}
}

func (s *Together) do(p *play, _ line) func(context.Context) error {
	return func(ctx context.Context) error {
		no, err := p.ours(ctx, (*s)[0].Of)
		if err != nil {
			return err
		}
		if err := s.act(p, no); err != nil {
			return err
		}
		return p.rest(ctx)
	}
}

// act does all of it while no callback leaves.
func (s *Together) act(p *play, no string) error {
	for _, one := range *s {
		fleet, err := p.fleet(string(one.Name))
		if err != nil {
			return err
		}
		defer fleet.Pause()()
		for _, act := range one.Does {
			if err := fleet.Direct(no, world.Act(act)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Strike) do(p *play, _ line) func(context.Context) error {
	return func(ctx context.Context) error {
		order := ""
		if s.Of != "" {
			var err error
			if order, err = p.ours(ctx, s.Of); err != nil {
				return err
			}
		}
		return p.strike(*s, order)
	}
}

func (s *RedisStep) do(p *play, _ line) func(context.Context) error {
	return func(context.Context) error {
		return map[RedisStep]func() error{"cut": p.e.CutRedis, "restore": p.e.RestoreRedis, "empty": p.e.EmptyRedis}[*s]()
	}
}

func (s *Span) do(p *play, _ line) func(context.Context) error {
	return func(ctx context.Context) error { return p.e.Clock.Advance(ctx, time.Duration(*s)) }
}

func (s *RunTo) do(p *play, _ line) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := p.e.Clock.RunToNext(ctx)
		return err
	}
}

func (s *RealTime) do(*play, line) func(context.Context) error {
	return func(ctx context.Context) error { return system.System.Sleep(ctx, time.Duration(*s)) }
}

func (s *RestStep) do(p *play, _ line) func(context.Context) error { return p.rest }

// Limits of virtual time, where a step names none.
const (
	waitWithin   = 2 * time.Hour
	settleWithin = 8 * time.Hour
)

func (s *SettleStep) do(p *play, at line) func(context.Context) error {
	return func(ctx context.Context) error {
		done, err := p.until(ctx, s.Within.or(settleWithin), p.e.AtRest)
		if err != nil && !errors.Is(err, clock.ErrNoTimer) {
			return err
		}
		if !done {
			return p.fail(at, "settle", fmt.Sprintf("everything closed within %s", s.Within.or(settleWithin)), p.open(ctx))
		}
		return nil
	}
}

// open says what is not closed.
func (p *play) open(ctx context.Context) string {
	text := ""
	for _, label := range p.labels {
		if v, found, err := p.view(ctx, p.orders[label]); err == nil && found && v.Order.Open {
			text += fmt.Sprintf("%s is %s, act %s tell %s post %s; ", label, v.Order.State, stamp(v.Order.ActAt), stamp(v.Order.TellAt), stamp(v.Order.PostAt))
		}
	}
	return text + fmt.Sprintf("under way: %v", p.e.Clock.Status().Busy)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(world.Shanghai).Format("15:04:05")
}

// poll is how often a count is looked at that nothing tells of, in system time.
const poll = 5 * time.Millisecond

// struck waits for a fault to strike, which no virtual time is needed for.
func (s *WaitStep) struck(ctx context.Context, p *play, at line) error {
	want := max(1, s.Times)
	for {
		got := p.e.Faults.Counters()[string(s.Struck)]
		if got >= want {
			return nil
		}
		if system.System.Sleep(ctx, poll) != nil {
			return p.fail(at, "wait", s.String(), fmt.Sprintf("%d times", got))
		}
	}
}

func (s *WaitStep) do(p *play, at line) func(context.Context) error {
	return func(ctx context.Context) error {
		if s.Struck != "" {
			return s.struck(ctx, p, at)
		}
		got := "not stored"
		holds, err := p.until(ctx, s.Within.or(waitWithin), func(ctx context.Context) (holds bool, err error) {
			holds, got, err = s.holds(ctx, p)
			return holds, err
		})
		if err != nil && !errors.Is(err, clock.ErrNoTimer) {
			return err
		}
		if !holds {
			return p.fail(at, "wait", fmt.Sprintf("%s within %s", s, s.Within.or(waitWithin)), got)
		}
		return nil
	}
}

// holds looks once, and says what it saw.
func (s *WaitStep) holds(ctx context.Context, p *play) (bool, string, error) {
	v, found, err := p.view(ctx, p.orders[s.Order])
	switch {
	case err != nil || !found:
		return false, "not stored", err
	case s.State != "":
		return v.Order.State == string(s.State), v.Order.State, nil
	case s.Attention != "":
		return strings.Contains(v.Order.Attention, s.Attention), cmp.Or(v.Order.Attention, "nothing to look at"), nil
	}
	got := "no attempt there"
	for _, a := range v.Attempts {
		if a.Carrier != string(s.Carrier) {
			continue
		}
		calls := p.calls(a)
		got = fmt.Sprintf("%s, asked %v", a.State, calls)
		if (s.Attempt == "" || a.State == string(s.Attempt)) && (s.Asked == "" || calls[s.Asked] > 0) {
			return true, got, nil
		}
	}
	return false, got, nil
}

func (s *Expect) do(p *play, _ line) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := p.rest(ctx); err != nil {
			return err
		}
		return p.look(ctx, s, "check")
	}
}
