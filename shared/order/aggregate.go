package order

import (
	"encoding/json"
	"time"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/strategy"
)

// Goal is what a cancelling order strives for.
type Goal string

// The goals of cancelling.
const (
	NoGoal   Goal = ""
	ToCancel Goal = "cancelled" // the platform withdrew it
	ToFail   Goal = "failed"    // nobody would carry it
)

// Why an attempt is being withdrawn, or ended.
const (
	CauseCancelled     = "order_cancelled"
	CauseGiveUp        = "give_up"
	CauseAcceptTimeout = "accept_timeout"
	CausePickupTimeout = "pickup_timeout" // the rider did not come to the shop in time
	CauseRedispatch    = "redispatch"     // a person wants another carrier or rider
	CauseChanged       = "changed"        // the recipient's place changed before pickup
	CauseLostRace      = "lost_race"      // another attempt carries the order
	CauseRevived       = "revived"        // a sign of life of what we held for dead
	CauseCarrier       = "carrier"        // the carrier's own doing
	CauseRider         = "rider"
	CauseNoRider       = "no_rider"
	CauseRefused       = "refused"
	CauseNeverPlaced   = "never_placed"
	CauseResync        = "resync" // found at the carrier after the database was restored to an earlier moment
)

// Order is the mutable half of an order. Instants are virtual time unless they say otherwise.
type Order struct {
	ID         int64
	Platform   string
	No         string // the platform's number
	ShopCode   string
	City       string
	State      State
	Version    int
	Goal       Goal
	GoalCause  string
	GoalKey    string    // the command that set the goal
	Penalty    money.Fen // what the platform will owe when the goal is reached
	Round      int       // quote round wanted; 0 = scheduled, not released
	Width      int       // how many carriers may look for a rider at once; 0 = as the strategy begins
	Winner     int       // attempt number; 0 = none
	Strategy   strategy.Strategy
	Fee        money.Fen // what the platform pays for a delivery
	Timers     []Timer
	TimerSent  time.Time // due instant of the last timer message; zero = none
	FactSeq    int
	Milestone  int // version of the last milestone
	Told       int // version of the last milestone that the platform was told
	ReceivedAt time.Time
	AssignedAt time.Time // zero = no rider yet
	ActAt      time.Time // dispatch has to look; zero = no need
	TellAt     time.Time // report has to tell; zero = no need
	PostAt     time.Time // settle has to post; zero = no need
	Redrives   int
	Attention  string // why a person should look; empty = no need
}

// Timer is one armed timer.
type Timer struct {
	Kind  string    `json:"k"`
	N     int       `json:"n,omitempty"` // attempt number; 0 = the order's own
	Due   time.Time `json:"due"`
	Epoch int       `json:"e"` // order version that armed it
}

// Same reports whether two timers are one: kind, number, instant and epoch.
func (t Timer) Same(o Timer) bool {
	return t.Kind == o.Kind && t.N == o.N && t.Epoch == o.Epoch && t.Due.Equal(o.Due)
}

// Call kinds: at most one is under way per attempt.
const (
	CallPlace   = "place"
	CallQuery   = "query"
	CallCancel  = "cancel"
	CallConfirm = "confirm_return"
	CallTip     = "tip"
)

// Call is the call under way, or in doubt, of an attempt.
type Call struct {
	Kind  string    // empty = none under way
	Seq   int       // counts the calls of the attempt
	Owner string    // instance that makes it
	Until time.Time // SYSTEM time: end of the lease
	Doubt string    // kind of a call whose outcome is unknown; settled by query
	Seen  int       // order version when the call was decided
}

// Want is what is still to be done with an attempt.
type Want struct {
	Cancel   string    // cause; empty = no wish
	Query    bool      // ask the carrier; the lease of a query takes the wish, so that one made meanwhile stands
	Expired  bool      // the accept or pickup timer ran out: cancel if the query still shows no progress
	Confirm  bool      // confirm the return; taken by the lease as well
	Tip      money.Fen `json:",omitempty"` // total wanted; what is above Attempt.Tip is to be added
	Overdue  string    `json:",omitempty"` // timer kind whose query is under way: pickup or deliver
	Priced   time.Time `json:",omitzero"`  // when the carrier told Attempt.CancelFee; zero = it did not, or a build before this one asked
	Unpriced bool      `json:",omitempty"` // a rider accepted while a cancel was under way: its pre-query says nothing any more
	Figure   int       `json:",omitempty"` // a rule priced its end: how often the carrier is asked for its own figure, the next time among them
	NoTips   bool      `json:",omitempty"` // the carrier refused one, or one is in doubt: no more
	Guess    bool      `json:",omitempty"` // the 违约金 of its end is booked, and not by the carrier's own word: that is news, even when it agrees
}

// Attempt is one placement with one carrier.
type Attempt struct {
	N          int
	Carrier    string
	Account    string
	CarrierNo  string
	State      AttemptState
	Under      AttemptState // the carrier's state beneath cancelling, or before the end
	Cause      string       // why it ended
	Token      string       // of the quote it consumes
	Price      money.Fen    // what we expect to pay
	Shard      int          // escrow shard of the hold
	Held       money.Fen    // still held
	Booked     money.Fen    // delivery cost booked so far
	Penalty    money.Fen    // 违约金 booked so far; negative = the carrier pays us, because it is at fault
	Tip        money.Fen    // all tips that the carrier has confirmed
	CancelFee  *money.Fen   // what the last pre-query said a cancel would cost
	Want       Want
	Call       Call
	Tries      int       // failed calls in a row
	Refusals   int       // cancels and confirmations that the carrier refused
	NextCall   time.Time // no call before; zero = at once
	DoubtSince time.Time
	NotFound   int // queries in a row that found nothing
	Rider      Rider
	LastAt     time.Time // carrier time of the last applied event
	PlacedAt   time.Time
	AcceptedAt time.Time
	PickedAt   time.Time
	Changed    int  // order version of its last change
	Confirmed  bool // the carrier confirmed the placement, by answer, callback or query
	Resolved   bool // it was in doubt and the doubt was settled
}

// Live reports whether the carrier may still act on the attempt.
func (a *Attempt) Live() bool { return !a.State.Final() }

// Quote is one carrier's answer in one round.
type Quote struct {
	Round     int
	Carrier   string
	N         int // attempt number minted for it
	Account   string
	Token     string
	CarrierNo string
	Price     money.Fen
	ExpiresAt time.Time
	DistanceM int
	AcceptIn  time.Duration // the carrier's estimates, whole seconds; 0 = none
	DeliverIn time.Duration
	Refused   string // why there is no price
}

// Outcome closes a quote round.
type Outcome struct {
	Round  int
	Result string // quoted, none, scheduled, undeliverable
	Reason string
	Plan   *Plan // of an order that came with its number only
}

// Plan is what the quote stage found out about an order that was pushed with its number
// only (thin push); dispatch makes it the order's.
type Plan struct {
	ShopCode   string            `json:"shop_code"`
	City       string            `json:"city"`
	Strategy   strategy.Strategy `json:"strategy"`
	Fee        money.Fen         `json:"fee_fen"`
	ExpectedAt *time.Time        `json:"expected_at,omitempty"`
}

// Results of a quote round.
const (
	ResultQuoted        = "quoted"
	ResultNone          = "none"
	ResultScheduled     = "scheduled" // 预约单: to be quoted when its time comes
	ResultUndeliverable = "undeliverable"
)

// Command is an acknowledged wish of a platform or an operator; a row before it is a message.
type Command struct {
	Key        string
	Kind       string // CommandCancel, …
	Args       CommandArgs
	By         string
	Reason     string
	Hash       string
	ReceivedAt time.Time
	Epoch      int // order version seen; 0 = unconditional
	Applied    int // order version; 0 = not yet
	Decision   string
}

// The kinds of commands.
const (
	CommandCancel     = "cancel"     // withdraw the order
	CommandRedispatch = "redispatch" // withdraw what has not been picked up and ask the carriers again
	CommandForce      = "force"      // as redispatch, with Args.Carrier alone
	CommandTip        = "tip"        // add Args.Add to the tips of the attempt that waits or has a rider
	CommandChange     = "change"     // the recipient's place or phone changed; order_detail has the new one
	CommandResolve    = "resolve"    // a person has looked: the order needs no attention any more
)

// CommandArgs are what a command needs besides its kind; nothing personal.
type CommandArgs struct {
	Carrier string    `json:"carrier,omitempty"` // force
	Add     money.Fen `json:"add_fen,omitempty"` // tip
	What    string    `json:"what,omitempty"`    // change: phone, or place
}

// Aggregate is everything about one order that a decision needs.
type Aggregate struct {
	Order
	Attempts []*Attempt // by N
	Quotes   []Quote    // of the current round
	Outcome  *Outcome   // of the current round
	Commands []*Command // not yet applied
}

// Attempt finds an attempt by its number.
func (a *Aggregate) Attempt(n int) *Attempt {
	for _, x := range a.Attempts {
		if x.N == n {
			return x
		}
	}
	return nil
}

// Clone is a deep copy to work on: a turn that fails must leave no trace.
func (a *Aggregate) Clone() *Aggregate {
	c := *a
	c.Timers = append([]Timer(nil), a.Timers...)
	c.Quotes = append([]Quote(nil), a.Quotes...)
	c.Attempts = make([]*Attempt, len(a.Attempts))
	for i, x := range a.Attempts {
		y := *x
		c.Attempts[i] = &y
	}
	c.Commands = make([]*Command, len(a.Commands))
	for i, x := range a.Commands {
		y := *x
		c.Commands[i] = &y
	}
	return &c
}

// Decisions about an input.
const (
	Applied   = "applied"
	Duplicate = "duplicate"
	Late      = "late"
	Ignored   = "ignored"
	Verify    = "verify" // believed only after a query
	Refused   = "refused"
)

// EventRow is one line of an order's history. Version is 0 when nothing changed.
type EventRow struct {
	Key       string // input key, unique within the order
	Version   int
	N         int // attempt; 0 = the order
	Kind      string
	From, To  string
	Decision  string
	Milestone bool // the platform is to be told To
	At        time.Time
	Detail    json.RawMessage
	Owes      json.RawMessage // []message.Owed
}

// Fact kinds. A fact is a delta; facts commute.
const (
	FactHold      = "hold"       // prepaid → held, granted by a shard
	FactOverdraw  = "overdraw"   // prepaid → held beyond the grant: the carrier took more
	FactRelease   = "release"    // held → prepaid
	FactCapture   = "capture"    // held → delivery expense
	FactTip       = "tip"        // held → tip expense
	FactPenalty   = "penalty"    // held → penalty expense, cause in Cause
	FactFault     = "fault"      // compensation income → held: the carrier is at fault and pays us
	FactIncome    = "income"     // platform receivable → delivery income
	FactPenaltyIn = "penalty_in" // platform penalty receivable → penalty income
)

// Fact is an immutable statement for the ledger, written with the change that causes it.
type Fact struct {
	N       int
	Kind    string
	Seq     int
	Amount  money.Fen
	Party   string // carrier or platform
	Account string // carrier account
	Shard   int
	Cause   string
	At      time.Time
}
