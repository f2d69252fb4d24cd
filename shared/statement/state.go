package statement

import (
	"errors"
	"fmt"
	"slices"

	"github.com/chuandao/qianfan/shared/money"
)

// State is how far a statement is settled. It follows from its money, see StateOf.
type State string

// States.
const (
	Issued   State = "issued"    // nothing is paid
	PartPaid State = "part_paid" // something is paid, something open
	Paid     State = "paid"      // nothing is open
	Credit   State = "credit"    // we owe the platform
)

// Action is what may be done to a statement.
type Action string

// Actions.
const (
	Pay     Action = "pay"
	Unpay   Action = "unpay"
	Reject  Action = "reject"
	Lift    Action = "lift"
	Reissue Action = "reissue"
)

// allowed is which action fits which state. A paid statement can still lose a line: platforms
// refuse lines after they have paid them, and it turns into a credit.
var allowed = map[State][]Action{
	Issued:   {Pay, Unpay, Reject, Lift, Reissue}, // what was paid may have been paid back
	PartPaid: {Pay, Unpay, Reject, Lift, Reissue},
	Paid:     {Unpay, Reject, Lift, Reissue},
	Credit:   {Pay, Unpay, Reject, Lift, Reissue},
}

// ErrState says that an action does not fit a statement's state.
var ErrState = errors.New("statement: not possible now")

// Check says whether an action fits.
func (s State) Check(a Action) error {
	if !slices.Contains(allowed[s], a) {
		return fmt.Errorf("%w: %s of a statement that is %s", ErrState, a, s)
	}
	return nil
}

// StateOf is the state of a statement by what is open and what was paid.
func StateOf(open, paid money.Fen) State {
	switch {
	case open == 0:
		return Paid
	case open < 0:
		return Credit
	case paid == 0:
		return Issued
	}
	return PartPaid
}
