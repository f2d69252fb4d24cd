package scenario

import (
	"context"
	"time"

	"github.com/chuandao/qianfan/local/sim/world"
	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/strategy"
)

// Scenario is one file.
type Scenario struct {
	Name string   `yaml:"name"` // one line: what happens
	Why  string   `yaml:"why"`  // what would be lost if it went wrong
	Row  string   `yaml:"row"`  // of the coverage that it proves: carriers/cancel-by-carrier
	Tags []string `yaml:"tags"`

	Seed       int64                `yaml:"seed"`   // of what is drawn; 7 when left out
	Start      TimeOfDay            `yaml:"start"`  // local time of the first step; 14:00, which is neither peak nor night
	Riders     Riders               `yaml:"riders"` // held: they do only what carrier steps say
	Strategy   *Plan                `yaml:"strategy"`
	Strategies []Plan               `yaml:"strategies"` // instead of one: with their own names and matches
	Accounts   []Account            `yaml:"accounts"`   // rules of prepaid accounts; those beyond main are simulated, too
	Deposits   map[string]money.Fen `yaml:"deposits"`   // what accounts are prepaid with: uupt, uupt-south
	Phones     Span                 `yaml:"phones"`     // how long 淘宝's privacy numbers hold; a day when left out
	Env        map[string]string    `yaml:"env"`        // variables of all functions
	Excluded   map[string][]Carrier `yaml:"excluded"`   // carriers that never serve a shop, by its code
	Faults     Faults               `yaml:"faults"`
	Steps      []Step               `yaml:"steps"`
	Expect     Expect               `yaml:"expect"`

	File string `yaml:"-"`
}

// Plan is a strategy, as far as it differs from the usual one: sequential, 90 s to accept,
// given up after 15 minutes, released 45 minutes ahead.
type Plan strategy.Strategy

// Account says which orders a prepaid account with a carrier serves.
type Account struct {
	line
	Carrier   Carrier  `yaml:"carrier"`
	Account   string   `yaml:"account"` // main when left out
	Cities    []string `yaml:"cities"`  // codes; all when left out
	PerSecond int      `yaml:"per_second"`
}

// Faults is what goes wrong from the beginning: directed faults, each of which must have
// struck in the end, and chances.
type Faults struct {
	Chances map[Fault]float64 `yaml:"chances"`
	Scripts []Strike          `yaml:"scripts"`
}

// Strike is a directed fault. It strikes the next decision that fits.
type Strike struct {
	line
	Party  string `yaml:"party"`  // carrier or platform
	Fault  Fault  `yaml:"fault"`  //
	Detail string `yaml:"detail"` // only at this call (quote, place, query, cancel …) or callback (accepted …)
	As     string `yaml:"as"`     // of carrier_cancel: final, or reassign (改派)
	Times  int    `yaml:"times"`  // 1 when left out
	Of     string `yaml:"of"`     // only this order, which must exist already; empty = the next that fits
	Unused bool   `yaml:"unused"` // need not strike
}

func (s Strike) script(order string) world.Script {
	return world.Script{Party: s.Party, Order: order, Fault: string(s.Fault), Detail: s.Detail, As: s.As, Times: s.Times}
}

// Step is one thing that somebody does, or that is waited for: exactly one field is set.
type Step struct {
	line
	Order    *OrderStep    `yaml:"order"`
	Push     *PushStep     `yaml:"push"`
	Cancel   *CancelStep   `yaml:"cancel"`
	Tip      *TipStep      `yaml:"tip"`
	Change   *ChangeStep   `yaml:"change"`
	Carrier  *CarrierStep  `yaml:"carrier"`
	Together *Together     `yaml:"together"`
	Callback *CallbackStep `yaml:"callback"`
	Operator *OperatorStep `yaml:"operator"`
	Switch   *SwitchStep   `yaml:"switch"`
	Strategy *Plan         `yaml:"strategy"`
	Deposit  *DepositStep  `yaml:"deposit"`
	Fault    *Strike       `yaml:"fault"`
	Redis    *RedisStep    `yaml:"redis"`
	Wait     *WaitStep     `yaml:"wait"`
	Advance  *Span         `yaml:"advance"`
	RunTo    *RunTo        `yaml:"run-to"`
	RealTime *RealTime     `yaml:"real-time"`
	Rest     *RestStep     `yaml:"rest"`
	Settle   *SettleStep   `yaml:"settle"`
	Check    *Expect       `yaml:"check"`
}

// Pace says when the next step is taken: once everything is over that this one causes at
// this instant, or with meanwhile at once.
type Pace struct {
	Meanwhile bool `yaml:"meanwhile"`
}

// after is how a step ends.
func (m Pace) after(ctx context.Context, p *play, err error) error {
	if err != nil || m.Meanwhile {
		return err
	}
	return p.rest(ctx)
}

// OrderStep lets a customer order on a platform, which pushes the order.
type OrderStep struct {
	Platform Platform  `yaml:"platform"`
	As       string    `yaml:"as"`          // how other steps call the order
	Like     string    `yaml:"like"`        // goods and recipient as of this order; drawn when left out
	Shop     string    `yaml:"shop"`        // code; qf-shop-0001 when left out
	Unlisted bool      `yaml:"unlisted"`    // the shop is known to the platform only
	Distance int       `yaml:"distance_m"`  // of the drop-off, as the crow flies; 1500 when left out
	Value    money.Fen `yaml:"value_fen"`   // of the goods; 3000 when left out
	In       *Span     `yaml:"expected_in"` // 预约: expected so long from now
	Unpushed bool      `yaml:"unpushed"`    // the platform does not push it yet
	Degraded bool      `yaml:"degraded"`    // the push lacks what the platform may leave out on a bad day
	Answer   Answer    `yaml:"answer"`      // to the push; accepted when left out
	Pace     `yaml:",inline"`
}

// PushStep pushes an order, again or for the first time.
type PushStep struct {
	Order  string `yaml:"order"`
	Answer Answer `yaml:"answer"`
	Pace   `yaml:",inline"`
}

// CancelStep lets the customer cancel on the platform, which pushes that.
type CancelStep struct {
	Order  string `yaml:"order"`
	Reason string `yaml:"reason"`
	Answer Answer `yaml:"answer"`
	Pace   `yaml:",inline"`
}

// TipStep is a client of the canonical API who offers the riders more.
type TipStep struct {
	Order  string    `yaml:"order"`
	Add    money.Fen `yaml:"add_fen"`
	Answer Answer    `yaml:"answer"`
	Pace   `yaml:",inline"`
}

// ChangeStep is a client of the canonical API whose recipient has moved or has another phone.
type ChangeStep struct {
	Order    string `yaml:"order"`
	Phone    string `yaml:"phone"`
	Distance int    `yaml:"distance_m"` // of the new drop-off from the shop
	Answer   Answer `yaml:"answer"`
	Pace     `yaml:",inline"`
}

// CarrierStep directs the latest attempt of an order at a carrier.
type CarrierStep struct {
	Name Carrier `yaml:"name"`
	Of   string  `yaml:"of"`
	Does Acts    `yaml:"does"` // one act, or a list
	Pace `yaml:",inline"`
}

// Acts are done one after the other.
type Acts []Act

// Together are acts at different carriers of which nobody hears before all are done.
type Together []CarrierStep

// CallbackStep has a carrier send one callback more: of a state that the order had, or,
// forged, of any.
type CallbackStep struct {
	Carrier Carrier    `yaml:"carrier"`
	Of      string     `yaml:"of"`
	Tells   RiderState `yaml:"tells"`
	Forged  bool       `yaml:"forged"` // not signed by the carrier; where the carrier signs nothing, by a stranger's client number
	Untrue  bool       `yaml:"untrue"` // well made, but the order never was in that state
	Answer  Receipt    `yaml:"answer"` // received when left out
}

// OperatorStep is a person's command about an order.
type OperatorStep struct {
	Order    string     `yaml:"order"`
	Command  Command    `yaml:"command"`
	Carrier  Carrier    `yaml:"carrier"` // of force
	Add      money.Fen  `yaml:"add_fen"` // of tip
	By       string     `yaml:"by"`
	Reason   string     `yaml:"reason"`
	Decision Resolution `yaml:"decision"` // applied when left out
}

// SwitchStep switches a carrier, platform or city off or on.
type SwitchStep struct {
	Kind    string `yaml:"kind"`
	Subject string `yaml:"subject"`
	Off     bool   `yaml:"off"`
	Reason  string `yaml:"reason"`
	By      string `yaml:"by"`
}

// DepositStep transfers more money to a carrier's account.
type DepositStep struct {
	To  string    `yaml:"to"` // uupt, uupt-south
	Add money.Fen `yaml:"add_fen"`
}

// RedisStep cuts Redis off, restores it, or empties it.
type RedisStep string

// WaitStep lets virtual time pass, from timer to timer, until something holds. Only for a
// fault to strike it waits at this instant.
type WaitStep struct {
	Order     string       `yaml:"order"`
	State     OrderState   `yaml:"state"`
	Carrier   Carrier      `yaml:"carrier"`   // the attempt there …
	Attempt   AttemptState `yaml:"attempt"`   // … is in this state
	Asked     string       `yaml:"asked"`     // … or the carrier has been asked this: place, query, cancel, tip …
	Attention string       `yaml:"attention"` // part of what a person has to look at
	Struck    Fault        `yaml:"struck"`    // this fault has struck …
	Times     int          `yaml:"times"`     // … so often; once when left out
	Within    *Span        `yaml:"within"`    // virtual time; 2h when left out
}

// RealTime lets system time pass, by which breakers, leases and caches live: 500ms. Virtual
// time stands meanwhile.
type RealTime time.Duration

// RestStep lets everything finish that is under way at this instant.
type RestStep struct{}

// SettleStep lets virtual time pass until every order is closed and nothing is owed.
type SettleStep struct {
	Within *Span `yaml:"within"` // virtual time; 8h when left out
}

// RunTo names what to run to: next-timer.
type RunTo string

// Expect is what must have come of it. What is left out is not looked at, but for what
// always holds at the end: invariants, books, a balanced ledger, platforms that were told
// nothing out of order, and directed faults that have all struck.
type Expect struct {
	line
	Orders     map[string]OrderExpect `yaml:"orders"`
	Ledger     *LedgerExpect          `yaml:"ledger"`
	Books      Matched                `yaml:"books"`
	Invariants NoneViolated           `yaml:"invariants"`
	Refused    *int                   `yaml:"refused"` // inputs that were turned away
	Counts     map[Count]int          `yaml:"counts"`  // as in the summary of a run: {delivered: 1, won: 1, lost: 1}
	Quoted     map[Carrier]int        `yaml:"quoted"`  // how many prices each carrier has given
	Faults     map[Fault]int          `yaml:"faults"`  // how often each has struck
	Alarms     map[string]string      `yaml:"alarms"`  // of prepaid accounts (uupt, uupt-south): part of why money is short, "" = it is not
}

// OrderExpect is what must have become of one order.
type OrderExpect struct {
	line
	Stored    *bool             `yaml:"stored"` // false: there is no trace of it
	State     OrderState        `yaml:"state"`
	Attempts  *[]AttemptExpect  `yaml:"attempts"` // all, in order of placement; what was never placed last
	Told      *[]Told           `yaml:"told"`     // what the platform was told, repeats left out
	Attention *string           `yaml:"attention"`
	FeeFen    *money.Fen        `yaml:"fee_fen"`
	Penalty   *money.Fen        `yaml:"penalty_fen"` // what the platform owes
	Strategy  *string           `yaml:"strategy"`    // its name
	Rounds    *int              `yaml:"rounds"`      // of quoting
	Quotes    map[string]string `yaml:"quotes"`      // of the last round: a price ("asked"), or part of the reason why there is none
	Commands  *[]CommandExpect  `yaml:"commands"`
	Riders    *int              `yaml:"riders"`  // different ones that the platform was told
	Numbers   *int              `yaml:"numbers"` // different ones of the recipient under which UU跑腿 was to ring them
}

// AttemptExpect is one attempt. Charged and Penalty are by the carrier's own books.
type AttemptExpect struct {
	line
	Carrier Carrier        `yaml:"carrier"`
	State   AttemptState   `yaml:"state"`
	Cause   *string        `yaml:"cause"`
	Price   *money.Fen     `yaml:"price_fen"`
	Charged *money.Fen     `yaml:"charged_fen"`
	Penalty *money.Fen     `yaml:"penalty_fen"`
	Tip     *money.Fen     `yaml:"tip_fen"`
	Calls   map[string]int `yaml:"calls"` // how often the carrier was asked: {query: 1}
}

// CommandExpect is one wish and what was decided about it.
type CommandExpect struct {
	line
	Kind     Command    `yaml:"kind"`
	Decision Resolution `yaml:"decision"`
	Says     string     `yaml:"says"` // part of the decision
}

// LedgerExpect is what the scenario's orders add up to, by account, debit positive.
type LedgerExpect struct {
	line
	Balanced *bool
	Others   *money.Fen // what every account that is not named adds up to: 0
	Accounts map[string]money.Fen
}

// Span is a length of virtual time: 90s, 15m, 1h30m.
type Span time.Duration

// TimeOfDay is a local time, 14:00.
type TimeOfDay struct{ Hour, Minute int }
