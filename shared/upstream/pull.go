package upstream

import "context"

// Puller is an Adapter whose platform keeps the pushes that nobody answered and wants
// them fetched (推拉结合). Whoever fetches treats each Missed as if it had been pushed, and
// confirms it after the commit: a pull may repeat what a push has brought already.
type Puller interface {
	Adapter
	// Pull fetches the pushes that the platform holds, none when there are none. Errors are
	// *Error: Refused is a decided no, anything else may be tried again.
	Pull(ctx context.Context) ([]Missed, error)
	// Confirm tells by their ids which of them need not be held any longer. Errors as Pull.
	Confirm(ctx context.Context, ids []string) error
}

// Missed is one push that did not get through.
type Missed struct {
	ID   string // the platform's own, for Confirm
	Push Push   // zero when Err is set
	Err  error  // why it cannot be taken: *Error. It is confirmed all the same, or it comes for ever
}
