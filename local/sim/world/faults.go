package world

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// The faults that can be switched on, by the name used in files and counters.
const (
	PlaceRefused      = "place_refused"      // the carrier refuses a placement
	CarrierCancel     = "carrier_cancel"     // the carrier gives an accepted order up
	CallbackLost      = "callback_lost"      // a callback is never sent
	CallbackDoubled   = "callback_doubled"   // a callback is sent twice
	CallbackReordered = "callback_reordered" // a callback is held back until after the next one
	CallTimeout       = "call_timeout"       // the call is carried out, the answer never comes
	CallHang          = "call_hang"          // nothing is done and no answer comes
	NoRider           = "no_rider"           // nobody ever accepts
	PlatformCancel    = "platform_cancel"    // the customer cancels on the platform
)

// Faults that only a script makes strike: they have no probability.
const (
	CancelRefused = "cancel_refused" // the carrier refuses to cancel
	BalanceLow    = "balance_low"    // the carrier says that the client's balance does not suffice
	Unreachable   = "unreachable"    // the rider cannot reach the customer
	DetailMissing = "detail_missing" // a platform whose detail is pulled does not show it yet
)

// ScriptKeys lists the faults that only a script makes strike.
var ScriptKeys = []string{CancelRefused, BalanceLow, Unreachable, DetailMissing}

// Where in an order's life a platform_cancel struck. Each has a counter of its own.
const (
	BeforePlacement = "platform_cancel_before_placement"
	AfterPlacement  = "platform_cancel_after_placement"
	AfterAcceptance = "platform_cancel_after_acceptance"
	AfterArrival    = "platform_cancel_after_arrival"
	AfterPickup     = "platform_cancel_after_pickup"
)

// FaultKeys lists every fault with a probability.
var FaultKeys = []string{
	PlaceRefused, CarrierCancel, CallbackLost, CallbackDoubled, CallbackReordered,
	CallTimeout, CallHang, NoRider, PlatformCancel,
}

// CancelStages lists the counters that split platform_cancel, in order of life.
var CancelStages = []string{BeforePlacement, AfterPlacement, AfterAcceptance, AfterArrival, AfterPickup}

// ErrFault is a fault setting that makes no sense; it is wrapped with the key.
var ErrFault = errors.New("faults: bad setting")

// Script is a directed fault: it strikes the next decision that matches and is then
// used up. It wins over the probabilities.
type Script struct {
	Party  string `json:"party"`            // carrier or platform name
	Order  string `json:"order,omitempty"`  // prefix of the client's order number; empty: the next one
	Fault  string `json:"fault"`            // a fault key
	Detail string `json:"detail,omitempty"` // only at this call (place, cancel, query …) or state (accepted …)
	As     string `json:"as,omitempty"`     // which shape: "reassign" or "final" for carrier_cancel, a stage for platform_cancel
	Times  int    `json:"times,omitempty"`  // how often; 0 means once
}

// Faults is what goes wrong in the simulated world: a probability by key, scripts for
// single orders, and a count of what has struck. It is safe for concurrent use and may
// be changed while the world runs.
type Faults struct {
	mu       sync.Mutex
	chances  map[string]float64
	scripts  []Script
	counters map[string]int
}

// None is a world in which nothing goes wrong unless a script says so.
func None() *Faults {
	return &Faults{chances: map[string]float64{}, counters: zeroCounters()}
}

// Standard is the usual bad day, in the proportions of the fixed command line.
func Standard() *Faults {
	f := None()
	f.chances = map[string]float64{
		PlaceRefused: .10, CarrierCancel: .05, CallbackLost: .05, CallbackDoubled: .10, CallbackReordered: .10,
		CallTimeout: .02, CallHang: .01, PlatformCancel: .05, NoRider: .03,
	}
	return f
}

func zeroCounters() map[string]int {
	m := map[string]int{}
	for _, k := range slices.Concat(FaultKeys, CancelStages) {
		m[k] = 0
	}
	return m
}

// Set changes the probability (0 to 1) of some faults and leaves the others. Unknown
// keys and impossible probabilities are ErrFault, and then nothing changes.
func (f *Faults) Set(chances map[string]float64) error {
	for k, p := range chances {
		if !slices.Contains(FaultKeys, k) {
			return fmt.Errorf("%w: unknown key %q, known are %s", ErrFault, k, strings.Join(FaultKeys, ", "))
		}
		if !(p >= 0 && p <= 1) {
			return fmt.Errorf("%w: %s = %v, want 0 to 1", ErrFault, k, p)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.Copy(f.chances, chances)
	return nil
}

// Clear sets every probability to 0 and forgets all scripts. Counters stay.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.chances)
	f.scripts = nil
}

// Direct adds a directed fault.
func (f *Faults) Direct(s Script) error {
	if err := s.check(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts = append(f.scripts, s)
	return nil
}

func (s Script) check() error {
	switch {
	case s.Party == "":
		return fmt.Errorf("%w: a script needs a party", ErrFault)
	case !slices.Contains(FaultKeys, s.Fault) && !slices.Contains(ScriptKeys, s.Fault):
		return fmt.Errorf("%w: unknown fault %q in a script, known are %s", ErrFault, s.Fault, strings.Join(slices.Concat(FaultKeys, ScriptKeys), ", "))
	case s.Times < 0:
		return fmt.Errorf("%w: times %d in a script", ErrFault, s.Times)
	}
	return nil
}

// Strike decides whether a fault strikes now, and counts it if so. detail is the call
// or state at hand, n numbers the decisions of this kind about this order. as is the
// shape that a script asked for, empty otherwise.
func (f *Faults) Strike(c Chance, key, order, detail string, n int) (hit bool, as string) {
	if hit, as = f.StrikeScripted(c, key, order, detail); hit {
		return hit, as
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.chances[key]
	if p == 0 || c.Float(order, key+"/"+detail, n) >= p {
		return false, ""
	}
	f.counters[key]++
	return true, ""
}

// StrikeScripted is Strike for parties that the probabilities are not meant for: only
// a script makes it strike.
func (f *Faults) StrikeScripted(c Chance, key, order, detail string) (hit bool, as string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s, ok := f.take(c.party, key, order, detail)
	if ok {
		f.counters[key]++
	}
	return ok, s.As
}

func (f *Faults) take(party, key, order, detail string) (Script, bool) {
	for i, s := range f.scripts {
		if s.Party != party || s.Fault != key || !strings.HasPrefix(order, s.Order) || (s.Detail != "" && s.Detail != detail) {
			continue
		}
		if s.Times > 1 {
			f.scripts[i].Times--
		} else {
			f.scripts = slices.Delete(f.scripts, i, i+1)
		}
		return s, true
	}
	return Script{}, false
}

// Waiting are the scripts that have not been used up.
func (f *Faults) Waiting() []Script {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.scripts)
}

// Count adds one to a counter beside those that Strike keeps, such as AfterPickup.
func (f *Faults) Count(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.counters[key]++
}

// Counters is how often each fault has struck; keys that never did are there with 0.
func (f *Faults) Counters() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.counters)
}

// Chances is the present probability of every fault.
func (f *Faults) Chances() map[string]float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := map[string]float64{}
	for _, k := range FaultKeys {
		m[k] = f.chances[k]
	}
	return m
}

type faultsJSON struct {
	Probabilities map[string]float64 `json:"probabilities"`
	Scripts       []Script           `json:"scripts"`
	Counters      map[string]int     `json:"counters,omitempty"`
}

// MarshalJSON writes {"probabilities":{…},"scripts":[…],"counters":{…}}.
func (f *Faults) MarshalJSON() ([]byte, error) {
	out := faultsJSON{Probabilities: f.Chances(), Counters: f.Counters()}
	f.mu.Lock()
	out.Scripts = slices.Clone(f.scripts)
	f.mu.Unlock()
	if out.Scripts == nil {
		out.Scripts = []Script{}
	}
	return json.Marshal(out)
}

// UnmarshalJSON takes what MarshalJSON writes, counters ignored: the probabilities
// named are set, the scripts added. On an error nothing has changed.
func (f *Faults) UnmarshalJSON(raw []byte) error {
	var in faultsJSON
	if err := json.Unmarshal(raw, &in); err != nil {
		return fmt.Errorf("%w: %w", ErrFault, err)
	}
	for _, s := range in.Scripts {
		if err := s.check(); err != nil {
			return err
		}
	}
	f.mu.Lock()
	if f.chances == nil {
		f.chances, f.counters = map[string]float64{}, zeroCounters()
	}
	f.mu.Unlock()
	if err := f.Set(in.Probabilities); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scripts = append(f.scripts, in.Scripts...)
	return nil
}
