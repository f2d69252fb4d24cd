package world

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Act is what a rider or the carrier does because somebody directs it, at once and not in
// its own time.
type Act string

// The acts.
const (
	ActAccept    Act = "accept"     // a rider takes the order
	ActArrive    Act = "arrive"     // the rider is at the shop
	ActPickUp    Act = "pick_up"    // the rider has the goods
	ActDeliver   Act = "deliver"    // the customer has them
	ActReassign  Act = "reassign"   // 改派: the carrier keeps the order and seeks another rider
	ActGiveUp    Act = "give_up"    // the rider cancels for good
	ActCancel    Act = "cancel"     // the carrier's own 客服 cancels
	ActNoRider   Act = "no_rider"   // the carrier stops seeking a rider
	ActAgree     Act = "agree"      // the rider agrees to bring the goods back
	ActDisagree  Act = "disagree"   // … or refuses to
	ActBringBack Act = "bring_back" // the goods are at the shop again, and the carrier says so by itself
	ActUnreached Act = "unreached"  // the rider cannot reach the customer, at carriers that tell or turn back
	ActHold      Act = "hold"       // from now on nothing happens to the order by itself
)

// acts say from which states each act leads where. ActHold is possible in any.
var acts = map[Act]struct {
	from map[State]bool
	do   func(*Fleet, *job)
}{
	ActAccept:    {beforeAccept, func(f *Fleet, j *job) { f.enter(j, Accepted) }},
	ActArrive:    {in(Accepted), func(f *Fleet, j *job) { f.enter(j, Arrived) }},
	ActPickUp:    {in(Accepted, Arrived), func(f *Fleet, j *job) { f.enter(j, PickedUp) }},
	ActDeliver:   {in(PickedUp, AtCustomer, Disputed), func(f *Fleet, j *job) { f.enter(j, Delivered) }},
	ActReassign:  {in(Accepted, Arrived), func(f *Fleet, j *job) { f.enter(j, Reassigning) }},
	ActGiveUp:    {in(Accepted, Arrived), func(f *Fleet, j *job) { f.abandon(j, End{By: ByRider, Fault: ByRider, Reason: "闪送员取消"}) }},
	ActCancel:    {beforePickup, func(f *Fleet, j *job) { f.abandon(j, End{By: BySystem, Fault: ByService, Reason: "平台取消"}) }},
	ActNoRider:   {beforeAccept, (*Fleet).noRider},
	ActAgree:     {in(CancelAsked), func(f *Fleet, j *job) { f.enter(j, Returning) }},
	ActDisagree:  {in(CancelAsked), func(f *Fleet, j *job) { f.enter(j, Disputed) }},
	ActBringBack: {in(Returning), (*Fleet).settle},
	ActUnreached: {in(PickedUp, AtCustomer), (*Fleet).unreached},
	ActHold:      {nil, func(f *Fleet, j *job) { j.held = true; f.arm(j) }},
}

func in(states ...State) map[State]bool {
	m := map[State]bool{}
	for _, s := range states {
		m[s] = true
	}
	return m
}

// Acts lists every act, sorted.
func Acts() []Act {
	var all []Act
	for a := range acts {
		all = append(all, a)
	}
	slices.Sort(all)
	return all
}

// Hold makes riders do only what they are directed to, or go their own way again. Orders
// that are under way keep what is armed for them.
func (f *Fleet) Hold(held bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = held
}

// Direct makes an act happen now. The order is the latest live one whose client number
// begins so. Errors: ErrOrderUnknown, ErrState.
func (f *Fleet) Direct(clientNo string, act Act) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	row, ok := acts[act]
	if !ok {
		return fmt.Errorf("direct: no act %q, there are %v", act, Acts())
	}
	j, err := f.latest(clientNo)
	switch {
	case err != nil:
		return fmt.Errorf("direct %s: %w", act, err)
	case act == ActUnreached && f.profile.Trouble == "":
		return fmt.Errorf("direct %s: %w: %s never tells that", act, ErrState, f.party)
	case j.State.Final() || row.from != nil && !row.from[j.State]:
		return fmt.Errorf("direct %s: %w: %s", act, ErrState, j.State)
	}
	row.do(f, j)
	return nil
}

// Pause keeps callbacks from leaving until they are let go, which must be done: so several
// things can happen before anybody hears of the first.
func (f *Fleet) Pause() (letGo func()) { return f.post.pause() }

// latest is the newest order whose client number begins so, a live one before any other.
func (f *Fleet) latest(clientNo string) (*job, error) {
	var found *job
	for _, j := range slices.Backward(f.listed) {
		if !strings.HasPrefix(j.ClientNo, clientNo) {
			continue
		}
		if !j.State.Final() {
			return j, nil
		}
		if found == nil {
			found = j
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: %q", ErrOrderUnknown, clientNo)
	}
	return found, nil
}

// Tell sends a callback of a state that an order has had, again or late, and returns
// whether the client acknowledged it. With spoil, which may change the bytes, the state
// may be one that the order never had. The order is the latest whose client number begins
// so. Errors: ErrOrderUnknown, ErrState.
func (f *Fleet) Tell(clientNo string, state State, spoil func(Callback) Callback) (acknowledged bool, err error) {
	c, err := f.retold(clientNo, state, spoil != nil)
	if err != nil {
		return false, fmt.Errorf("tell %s: %w", state, err)
	}
	if spoil != nil {
		c = spoil(c)
	}
	if c.URL == "" {
		return false, fmt.Errorf("tell %s: the carrier never tells that", state)
	}
	done := f.clock.Busy("callback")
	defer done()
	return f.post.request(c), nil
}

// retold is the callback that told of an earlier state, or would have.
func (f *Fleet) retold(clientNo string, state State, invent bool) (Callback, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	j, err := f.latest(clientNo)
	if err != nil {
		return Callback{}, err
	}
	past := j.Job
	at := -1
	for i, c := range past.Log {
		if c.State == state {
			at = i
		}
	}
	switch {
	case at >= 0:
		past.Log = past.Log[:at+1]
	case invent:
		past.Log = append(slices.Clone(past.Log), Change{state, f.clock.Now()})
	default:
		return Callback{}, fmt.Errorf("%w: it never was", ErrState)
	}
	past.State = state
	if beforeAccept[state] {
		past.Rider, past.AcceptedAt = nil, time.Time{}
	} else if past.Rider == nil && !state.Final() {
		past.Rider = f.rider(j)
	}
	f.note(j, "callback", string(state)+" told again", 0)
	return f.tell(past), nil
}
