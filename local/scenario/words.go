package scenario

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/order"
)

// The words that files may use, each from where it is defined.
type (
	// Platform is where customers order.
	Platform string
	// Carrier is who delivers.
	Carrier string
	// OrderState is a state of an order.
	OrderState string
	// AttemptState is a state of an attempt.
	AttemptState string
	// RiderState is a state of an order in a carrier's hands.
	RiderState string
	// Act is what a rider or a carrier does.
	Act string
	// Fault is something that goes wrong.
	Fault string
	// Count is something that the summary of a run counts.
	Count string
	// Told is a stage that a platform is told.
	Told string
	// Command is what people can ask of an order.
	Command string
	// Answer is our answer to a platform's push.
	Answer string
	// Receipt is our answer to a carrier's callback.
	Receipt string
	// Resolution is what was decided about a command.
	Resolution string
	// Riders says who directs the riders.
	Riders string
	// Matched says that the carriers' books are like ours.
	Matched string
	// NoneViolated says that no invariant is violated.
	NoneViolated string
)

// The answers, and the other words that code knows.
const (
	Accepted   Answer     = "accepted"
	Refused    Answer     = "refused"
	Unanswered Answer     = "unanswered" // the platform gives up, or goes on trying
	Received   Receipt    = "received"
	TurnedAway Receipt    = "refused"
	Applied    Resolution = "applied"
	Declined   Resolution = "refused"
	Held       Riders     = "held"
)

func (Platform) words() []string     { return emulator.PlatformNames() }
func (Carrier) words() []string      { return emulator.CarrierNames() }
func (OrderState) words() []string   { return texts(order.States) }
func (AttemptState) words() []string { return texts(order.AttemptStates) }
func (Act) words() []string          { return texts(world.Acts()) }
func (Fault) words() []string        { return slices.Concat(world.FaultKeys, world.ScriptKeys) }
func (Answer) words() []string {
	return []string{string(Accepted), string(Refused), string(Unanswered)}
}
func (Receipt) words() []string      { return []string{string(Received), string(TurnedAway)} }
func (Resolution) words() []string   { return []string{string(Applied), string(Declined)} }
func (Riders) words() []string       { return []string{"free", string(Held)} }
func (Matched) words() []string      { return []string{"matched"} }
func (NoneViolated) words() []string { return []string{"none violated"} }
func (RedisStep) words() []string    { return []string{"cut", "restore", "empty"} }
func (RunTo) words() []string        { return []string{"next-timer"} }

func (Count) words() []string {
	return []string{"accepted", "refused", "delivered", "cancelled", "failed", "returned", "placed", "won", "lost", "withdrawn", "rejected", "unknown_resolved"}
}

// counts are the numbers that a Count names.
func counts(s emulator.Summary) map[Count]int {
	o, a := s.Orders, s.Attempts
	return map[Count]int{
		"accepted": o.Accepted, "refused": o.Refused, "delivered": o.Delivered, "cancelled": o.Cancelled, "failed": o.Failed, "returned": o.Returned,
		"placed": a.Placed, "won": a.Won, "lost": a.Lost, "withdrawn": a.Cancelled, "rejected": a.Rejected, "unknown_resolved": a.UnknownResolved,
	}
}

func (Told) words() []string {
	return []string{"dispatching", "assigned", "arrived", "picked_up", "delivered", "cancelled", "failed", "returning", "returned"}
}

func (RiderState) words() []string {
	return texts([]world.State{world.Waiting, world.Reassigning, world.Accepted, world.Arrived, world.PickedUp, world.AtCustomer,
		world.Delivered, world.CancelAsked, world.Returning, world.Disputed, world.Cancelled})
}

func (Command) words() []string {
	return []string{order.CommandCancel, order.CommandRedispatch, order.CommandForce, order.CommandTip, order.CommandChange, order.CommandResolve}
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = string(x)
	}
	return out
}

// UnmarshalText reads "90s", "15m", "1h30m".
func (s *Span) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("want a length of time such as 90s, 15m or 1h30m")
	}
	*s = Span(d)
	return nil
}

// UnmarshalText reads "500ms", "5s": at most 20 s, because it is waited for in earnest.
func (r *RealTime) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d <= 0 || d > 20*time.Second {
		return fmt.Errorf("want a length of time such as 500ms, at most 20s")
	}
	*r = RealTime(d)
	return nil
}

// or is the span, or another where none is given.
func (s *Span) or(d time.Duration) time.Duration {
	if s == nil {
		return d
	}
	return time.Duration(*s)
}

// UnmarshalText reads "14:00".
func (t *TimeOfDay) UnmarshalText(text []byte) error {
	at, err := time.Parse("15:04", string(text))
	if err != nil {
		return fmt.Errorf("want a time of day such as 14:00")
	}
	t.Hour, t.Minute = at.Hour(), at.Minute()
	return nil
}

// decode reads accounts beside the two words that are none.
func (l *LedgerExpect) decode(d *decoding, n *yaml.Node, path string) {
	d.each(n, path, func(key, value *yaml.Node, path string) {
		switch key.Value {
		case "balanced":
			d.into(value, reflect.ValueOf(&l.Balanced).Elem(), path)
		case "others":
			d.into(value, reflect.ValueOf(&l.Others).Elem(), path)
		default:
			var fen int64
			d.into(value, reflect.ValueOf(&fen).Elem(), path)
			if l.Accounts == nil {
				l.Accounts = map[string]money.Fen{}
			}
			l.Accounts[key.Value] = money.Fen(fen)
		}
	})
}
