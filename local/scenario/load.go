package scenario

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/strategy"
)

// Dir is where the project keeps its scenarios, below its root.
var Dir = filepath.Join("local", "scenarios")

// The defaults of a file.
const (
	defaultSeed     = 7
	defaultShop     = "qf-shop-0001"
	defaultDistance = 1500
	defaultValue    = 3000
)

// decode reads a strategy over the usual one.
func (p *Plan) decode(d *decoding, n *yaml.Node, path string) {
	*p = Plan{
		Name: "scenario", Mode: strategy.Sequential,
		Quote:         strategy.Quoting{Deadline: strategy.Duration(1500 * time.Millisecond)},
		AcceptTimeout: strategy.Duration(90 * time.Second), GiveUpAfter: strategy.Duration(15 * time.Minute), ReleaseLead: strategy.Duration(45 * time.Minute),
	}
	d.object(n, reflect.ValueOf((*strategy.Strategy)(p)).Elem(), path)
	if err := strategy.Strategy(*p).Validate(emulator.CarrierNames()); err != nil {
		for text := range strings.Lines(err.Error()) {
			d.bad(n, path, "%s", strings.TrimSpace(strings.TrimPrefix(text, fmt.Sprintf("strategy %q: ", p.Name))))
		}
	}
}

// decode reads one act or a list of them.
func (a *Acts) decode(d *decoding, n *yaml.Node, path string) {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	*a = make(Acts, len(list))
	for i, x := range list {
		d.into(x, reflect.ValueOf(&(*a)[i]).Elem(), path)
	}
}

// Files lists the scenario files below a project's root, sorted.
func Files(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, Dir, "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("list scenarios: %w", err)
	}
	deeper, err := filepath.Glob(filepath.Join(root, Dir, "*", "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("list scenarios: %w", err)
	}
	files = append(files, deeper...)
	slices.Sort(files)
	return files, nil
}

// Load reads and checks one file. The error joins every mistake, each with its line.
func Load(file string) (*Scenario, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	return Parse(file, raw)
}

// Parse reads and checks the bytes of a file.
func Parse(file string, raw []byte) (*Scenario, error) {
	s := &Scenario{File: file, Seed: defaultSeed, Start: TimeOfDay{Hour: 14}}
	d, err := decodeFile(file, raw, s)
	if err != nil {
		return nil, err
	}
	c := checking{decoding: d, orders: map[string]Platform{}, parties: s.parties()}
	c.head(s)
	for i := range s.Steps {
		c.step(&s.Steps[i])
	}
	c.expect(&s.Expect)
	c.faults(s.Faults)
	return s, errors.Join(d.errs...)
}

// checking is what decoding cannot see: what belongs together.
type checking struct {
	*decoding
	orders  map[string]Platform // where each was ordered so far
	parties []string            // that accounts are with
}

func (c *checking) wrong(l line, format string, args ...any) {
	c.bad(&yaml.Node{Line: max(1, int(l))}, "", format, args...)
}

func (c *checking) wrongUnless(ok bool, l line, format string, args ...any) {
	if !ok {
		c.wrong(l, format, args...)
	}
}

func (c *checking) head(s *Scenario) {
	for _, x := range []struct{ key, value string }{{"name", s.Name}, {"why", s.Why}, {"row", s.Row}} {
		if x.value == "" {
			c.wrong(1, "%s: is missing", x.key)
		}
	}
	if (s.Strategy == nil) == (len(s.Strategies) == 0) {
		c.wrong(1, "strategy: want either strategy, or a list of strategies")
	}
	for shop := range s.Excluded {
		c.wrongUnless(listed(shop), 1, "excluded: %q is no shop", shop)
	}
	if len(s.Steps) == 0 {
		c.wrong(1, "steps: is missing")
	}
	s.aim(s.Strategy)
	for _, x := range s.Steps {
		s.aim(x.Strategy)
	}
	for _, a := range s.Accounts {
		if err := a.rule().Check(); err != nil {
			c.wrong(a.line, "accounts: %v", err)
		}
	}
	for to, amount := range s.Deposits {
		c.wrongUnless(slices.Contains(s.parties(), to) && amount > 0, 1, "deposits: %q: want one of %s, and more than nothing", to, strings.Join(s.parties(), ", "))
	}
}

// aim makes a strategy without a match one for the shops of the file.
func (s *Scenario) aim(p *Plan) {
	if p != nil && reflect.DeepEqual(p.Match, strategy.Match{}) {
		p.Match.Shop = s.shops()
	}
}

// shops are where the scenario's customers order.
func (s *Scenario) shops() []string {
	var all []string
	for _, x := range s.Steps {
		if x.Order != nil {
			if shop := cmp.Or(x.Order.Shop, defaultShop); !slices.Contains(all, shop) {
				all = append(all, shop)
			}
		}
	}
	return all
}

// plans are the strategies of the run.
func (s *Scenario) plans() []strategy.Strategy {
	var all []strategy.Strategy
	if s.Strategy != nil {
		all = append(all, strategy.Strategy(*s.Strategy))
	}
	for _, p := range s.Strategies {
		all = append(all, strategy.Strategy(p))
	}
	return all
}

// verbs are the names of what a step may do.
var verbs = func() (names []string) {
	for name := range fields(reflect.TypeFor[Step]()) {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}()

// verb is the one thing that a step does: its name and its value; empty when it is not one.
func (s *Step) verb() (name string, what any) {
	v, names := reflect.ValueOf(s).Elem(), fields(reflect.TypeFor[Step]())
	for _, n := range verbs {
		f := v.FieldByIndex(names[n])
		if f.IsNil() {
			continue
		}
		if name != "" {
			return "", nil
		}
		name, what = n, f.Interface()
	}
	return name, what
}

// decode reads a step; one without anything to say, such as settle, may be left empty.
func (s *Step) decode(d *decoding, n *yaml.Node, path string) {
	d.object(n, reflect.ValueOf(s).Elem(), path)
}

func (c *checking) step(s *Step) {
	name, what := s.verb()
	if name == "" {
		c.wrong(s.line, "steps: want exactly one of: %s", strings.Join(verbs, ", "))
		return
	}
	switch x := what.(type) {
	case *OrderStep:
		c.order(s.line, x)
	case *PushStep:
		c.known(s.line, "push.order", x.Order)
	case *CancelStep:
		c.known(s.line, "cancel.order", x.Order)
	case *TipStep:
		c.client(s.line, "tip", x.Order)
		c.wrongUnless(x.Add != 0, s.line, "tip.add_fen: is missing")
	case *ChangeStep:
		c.client(s.line, "change", x.Order)
		c.wrongUnless(x.Phone != "" || x.Distance != 0, s.line, "change: want phone or distance_m")
	case *CarrierStep:
		c.carrier(s.line, *x)
	case *Together:
		for _, one := range *x {
			c.carrier(s.line, one)
			c.wrongUnless(one.Of == (*x)[0].Of, s.line, "together: want one order")
		}
		c.wrongUnless(len(*x) > 1, s.line, "together: want two or more")
	case *CallbackStep:
		c.known(s.line, "callback.of", x.Of)
		c.need(s.line, "callback", map[string]string{"carrier": string(x.Carrier), "tells": string(x.Tells)})
	case *OperatorStep:
		c.known(s.line, "operator.order", x.Order)
		c.need(s.line, "operator", map[string]string{"command": string(x.Command), "by": x.By})
	case *SwitchStep:
		c.need(s.line, "switch", map[string]string{"kind": x.Kind, "subject": x.Subject, "by": x.By})
	case *DepositStep:
		c.wrongUnless(slices.Contains(c.parties, x.To) && x.Add > 0, s.line, "deposit: want to, one of %s, and add_fen", strings.Join(c.parties, ", "))
	case *WaitStep:
		if x.Struck != "" {
			c.wrongUnless(*x == WaitStep{Struck: x.Struck, Times: x.Times}, s.line, "wait.struck: stands alone, but for times")
			return
		}
		c.known(s.line, "wait.order", x.Order)
		if x.Attention != "" {
			c.wrongUnless(x.State == "" && x.Carrier == "" && x.Attempt == "" && x.Asked == "", s.line, "wait.attention: stands alone, but for order and within")
			return
		}
		if (x.State == "") == (x.Attempt == "" && x.Asked == "") || (x.Carrier == "") != (x.State != "") {
			c.wrong(s.line, "wait: want state, attention, or carrier with attempt or asked, or struck")
		}
	case *Strike:
		c.strike(*x)
	case *Expect:
		c.expect(x)
	}
}

func (c *checking) carrier(l line, x CarrierStep) {
	c.known(l, "carrier.of", x.Of)
	c.need(l, "carrier", map[string]string{"name": string(x.Name), "does": strings.Join(texts(x.Does), " ")})
}

func (c *checking) need(l line, verb string, values map[string]string) {
	for key, value := range values {
		if value == "" {
			c.wrong(l, "%s.%s: is missing", verb, key)
		}
	}
}

func (c *checking) order(l line, o *OrderStep) {
	if o.Shop == "" {
		o.Shop = defaultShop
	}
	o.Distance, o.Value = cmp.Or(o.Distance, defaultDistance), cmp.Or(o.Value, defaultValue)
	switch {
	case o.As == "" || o.Platform == "":
		c.wrong(l, "order: want platform and as")
	case o.Like != "" && c.orders[o.Like] == "":
		c.wrong(l, "order.like: no step before this one makes an order %q", o.Like)
	case c.orders[o.As] != "":
		c.wrong(l, "order.as: %q is taken", o.As)
	case listed(o.Shop) == o.Unlisted:
		c.wrong(l, "order.shop: %q: the simulated shops are qf-shop-0001 to qf-shop-%04d; others are unlisted", o.Shop, len(emulator.Shops()))
	}
	c.orders[o.As] = o.Platform
}

func listed(code string) bool {
	return slices.ContainsFunc(emulator.Shops(), func(s world.Shop) bool { return s.Code == code })
}

// known checks that an order has been made by an earlier step.
func (c *checking) known(l line, path, label string) {
	if c.orders[label] == "" {
		c.wrong(l, "%s: no step before this one makes an order %q", path, label)
	}
}

// client checks that an order came through the canonical API, whose clients may do more.
func (c *checking) client(l line, verb, label string) {
	c.known(l, verb+".order", label)
	if on := c.orders[label]; on != "" && on != canonicalName {
		c.wrong(l, "%s: order %q is on %s: only clients of the canonical API can", verb, label, on)
	}
}

func (c *checking) faults(f Faults) {
	if err := world.None().Set(f.chances()); err != nil {
		c.wrong(1, "faults.chances: %v", err)
	}
	for _, s := range f.Scripts {
		if s.Of != "" {
			c.wrong(s.line, "faults: of: no order exists from the beginning; use a fault step")
		}
		c.strike(s)
	}
}

func (f Faults) chances() map[string]float64 {
	out := map[string]float64{}
	for k, p := range f.Chances {
		out[string(k)] = p
	}
	return out
}

func (c *checking) strike(s Strike) {
	if s.Of != "" {
		c.known(s.line, "fault.of", s.Of)
	}
	parties := slices.Concat(emulator.CarrierNames(), emulator.PlatformNames())
	if !slices.Contains(parties, s.Party) {
		c.wrong(s.line, "party: %q is none of: %s", s.Party, strings.Join(parties, ", "))
		return
	}
	if err := world.None().Direct(s.script("")); err != nil {
		c.wrong(s.line, "%v", err)
	}
}

func (c *checking) expect(x *Expect) {
	for label, o := range x.Orders {
		c.known(o.line, "orders", label)
		if o.Attempts != nil {
			for _, a := range *o.Attempts {
				c.need(a.line, "attempts", map[string]string{"carrier": string(a.Carrier), "state": string(a.State)})
			}
		}
	}
}
