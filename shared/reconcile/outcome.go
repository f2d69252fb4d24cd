package reconcile

// Outcome is how a line of a bill ends. Each has exactly one.
type Outcome string

// The outcomes.
const (
	Matched   Outcome = "matched"   // we booked the same
	Explained Outcome = "explained" // it differs for a reason that needs no answer
	Disputed  Outcome = "disputed"  // the bill is wrong, as far as the books can tell
	Suspense  Outcome = "suspense"  // nobody can tell without a person
)

// Outcomes are all of them.
var Outcomes = []Outcome{Matched, Explained, Disputed, Suspense}

// Why is the reason of an outcome. The words are stable: items keep them as their kind.
type Why string

// Reasons.
const (
	Split        Why = "split"
	CutOff       Why = "cut_off"
	BilledLater  Why = "billed_later"
	OwnFigure    Why = "own_figure"
	Favour       Why = "favour"
	ByAmount     Why = "by_amount"
	NotYetBilled Why = "not_yet_billed"
	Unread       Why = "unread"

	Overbilled     Why = "overbilled"
	Duplicate      Why = "duplicate"
	UnknownWaybill Why = "unknown_waybill"
	OtherAccount   Why = "other_account"
	PenaltyNone    Why = "penalty_none"
	TipNotPromised Why = "tip_not_promised"
	AlreadyBilled  Why = "already_billed"
	Unreadable     Why = "unreadable"
	OtherDay       Why = "other_day"

	Underbilled Why = "underbilled"
	NotBilled   Why = "not_billed"
	GivenMore   Why = "given_more"
	NotGiven    Why = "not_given"
	Unnamed     Why = "unnamed"
)

// Meaning is what a reason stands for.
type Meaning struct {
	Outcome Outcome
	Text    string
	// Item: somebody has to settle it, or a later bill will; the others are only counted.
	Item bool
}

// Meanings is the table of reasons.
var Meanings = map[Why]Meaning{
	Split:        {Explained, "the total agrees, its parts are named otherwise", false},
	CutOff:       {Explained, "booked on another day, whose bill is still to come", true},
	BilledLater:  {Explained, "another day's bill lacked it, or it gives back what another day's bill took", false},
	OwnFigure:    {Explained, "the carrier's own 违约金 replaces our rule's estimate", true},
	Favour:       {Explained, "in our favour, and too little for a question", true},
	ByAmount:     {Explained, "without a number: one booking alone has its amount and time", false},
	NotYetBilled: {Explained, "booked late in the day: it may come with the next bill", true},
	Unread:       {Explained, "another day's bill has a line for it that cannot be read, whose item stands for both", true},

	Overbilled:     {Disputed, "billed higher than booked", true},
	Duplicate:      {Disputed, "the same line again", true},
	UnknownWaybill: {Disputed, "a waybill that we never placed", true},
	OtherAccount:   {Disputed, "a waybill of another prepaid account", true},
	PenaltyNone:    {Disputed, "违约金 for a waybill that had none", true},
	TipNotPromised: {Disputed, "小费 that we never promised", true},
	AlreadyBilled:  {Disputed, "billed before: the waybill was settled", true},
	Unreadable:     {Disputed, "a line that cannot be read", true},
	OtherDay:       {Disputed, "a line dated to another day", true},

	Underbilled: {Suspense, "billed lower than booked", true},
	NotBilled:   {Suspense, "booked, and the bill has nothing for it", true},
	GivenMore:   {Suspense, "the carrier gave what we had not booked", true},
	NotGiven:    {Suspense, "the carrier owes it, and the bill does not give it", true},
	Unnamed:     {Suspense, "a line without a number that fits no booking, or several", true},
}
