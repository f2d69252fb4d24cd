package client

import (
	"errors"
	"fmt"
	"net/http"
)

// The codes of refusals. x-error-codes of the API's document explains each.
const (
	CodeMalformed         = 40001
	CodeMissingField      = 40002
	CodeBadField          = 40003
	CodeBadPoint          = 40004
	CodeBadMoney          = 40005
	CodeBadSignature      = 40101
	CodeStaleTimestamp    = 40102 // this machine's clock is wrong, or the request was long on its way
	CodeUnknownKey        = 40103
	CodeNotFound          = 40401
	CodeNoRoute           = 40402
	CodeConflict          = 40901 // the number, or the command's key, was used with other content
	CodeOrderOver         = 40903
	CodeTooLarge          = 41301
	CodeUnknownShop       = 42201
	CodeNotServed         = 42202
	CodeNotTakenAtPresent = 42203
	CodeSendAgain         = 50301 // undecided; the client has sent it again already
)

// Error is a refusal.
type Error struct {
	Status  int    // of HTTP
	Code    int    // as above; 0 = the answer was none of the API's own
	Message string // for people
	Field   string // path of the field at fault: "recipient.lng"; may be empty
}

// Error writes code, field and message.
func (e *Error) Error() string {
	text := fmt.Sprintf("HTTP %d", e.Status)
	if e.Code != 0 {
		text = fmt.Sprintf("%d", e.Code)
	}
	if e.Field != "" {
		text += " " + e.Field
	}
	return text + ": " + e.Message
}

// Undecided reports whether nothing was decided: the same request may be sent again.
func (e *Error) Undecided() bool {
	return e.Status == http.StatusTooManyRequests || e.Status >= http.StatusInternalServerError
}

// CodeOf is the code of a refusal inside err, or 0.
func CodeOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}

// undecidedError is a try that brought no answer.
type undecidedError struct{ err error }

func (e *undecidedError) Error() string { return e.err.Error() }
func (e *undecidedError) Unwrap() error { return e.err }

func undecided(err error) bool {
	var e *Error
	var lost *undecidedError
	return errors.As(err, &lost) || errors.As(err, &e) && e.Undecided()
}
