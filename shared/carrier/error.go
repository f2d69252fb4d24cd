package carrier

import (
	"errors"
	"fmt"
)

// Kind says what an error means for the core: is the outcome known, and what then.
type Kind string

// The kinds of a carrier's error.
const (
	KindNoCapacity  Kind = "no_capacity"   // decided: nobody there; try the next carrier
	KindOutOfArea   Kind = "out_of_area"   // decided: not served
	KindBalanceLow  Kind = "balance_low"   // decided: our prepayment is used up; alert
	KindExpired     Kind = "quote_expired" // decided: the quote is too old; ask again
	KindRefused     Kind = "refused"       // decided: refused for another listed reason
	KindNotFound    Kind = "not_found"     // the carrier knows no such waybill
	KindRateLimited Kind = "rate_limited"  // decided: not processed; later
	KindNotSent     Kind = "not_sent"      // proof that no byte was sent
	KindDuplicate   Kind = "duplicate"     // doubt: the number is known there already
	KindTemporary   Kind = "temporary"     // doubt: reset, EOF, 5xx, timeout, undecodable
	KindBadRequest  Kind = "bad_request"   // a push or answer that is malformed or fails a check
	KindForged      Kind = "forged"        // a push whose signature or ownership does not hold
)

// doubt lists the kinds after which nobody may assume that nothing happened.
var doubt = map[Kind]bool{KindDuplicate: true, KindTemporary: true, KindBadRequest: true, KindForged: true, KindNotFound: true}

// Error is a failed call or a refused push.
type Error struct {
	Carrier string
	Op      string // "place"
	Kind    Kind
	Code    string // the carrier's own code
	Message string // the carrier's own words; no personal data
	Err     error
}

// Error writes operation, carrier, kind and the carrier's words.
func (e *Error) Error() string {
	text := fmt.Sprintf("%s %s: %s", e.Carrier, e.Op, e.Kind)
	if e.Code != "" || e.Message != "" {
		text += fmt.Sprintf(" (%s %s)", e.Code, e.Message)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Doubt reports whether the call may have been carried out: only a decided refusal,
// or proof that no byte was sent, is none.
func Doubt(err error) bool {
	var e *Error
	if errors.As(err, &e) {
		return doubt[e.Kind]
	}
	return err != nil
}

// KindOf is the kind of err; anything that is not an *Error is KindTemporary.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindTemporary
}
