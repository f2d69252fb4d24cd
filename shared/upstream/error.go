package upstream

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// Reason is a stable name of why a request was refused.
type Reason string

// Why a request was refused.
const (
	BadSignature  Reason = "bad_signature"
	Stale         Reason = "stale_timestamp"
	UnknownKey    Reason = "unknown_key"
	Malformed     Reason = "malformed"
	TooLarge      Reason = "too_large"
	MissingField  Reason = "missing_field"
	BadField      Reason = "bad_field"
	BadPoint      Reason = "bad_coordinates"
	BadMoney      Reason = "bad_money"
	UnknownShop   Reason = "unknown_shop"
	NoStrategy    Reason = "no_strategy"
	SwitchedOff   Reason = "switched_off" // by our people, for a while; the same request is refused until they switch it on
	Conflict      Reason = "conflicting_content"
	NotFound      Reason = "not_found"
	NoRoute       Reason = "no_route"
	NotCancelable Reason = "not_cancelable"
	OrderOver     Reason = "order_over" // it is at its end: there is nothing to change any more
	SendAgain     Reason = "send_again" // nothing was stored: the same request may be repeated
	Refused       Reason = "refused"    // a platform refused our report
	Unreachable   Reason = "unreachable"
)

// verdict is how a reason looks in the canonical API.
type verdict struct {
	code int
	http int
}

var verdicts = map[Reason]verdict{
	BadSignature:  {40101, http.StatusUnauthorized},
	Stale:         {40102, http.StatusUnauthorized},
	UnknownKey:    {40103, http.StatusUnauthorized},
	Malformed:     {40001, http.StatusBadRequest},
	MissingField:  {40002, http.StatusBadRequest},
	BadField:      {40003, http.StatusBadRequest},
	BadPoint:      {40004, http.StatusBadRequest},
	BadMoney:      {40005, http.StatusBadRequest},
	TooLarge:      {41301, http.StatusRequestEntityTooLarge},
	UnknownShop:   {42201, http.StatusUnprocessableEntity},
	NoStrategy:    {42202, http.StatusUnprocessableEntity},
	SwitchedOff:   {42203, http.StatusUnprocessableEntity},
	NotCancelable: {40902, http.StatusConflict},
	Conflict:      {40901, http.StatusConflict},
	OrderOver:     {40903, http.StatusConflict},
	NotFound:      {40401, http.StatusNotFound},
	NoRoute:       {40402, http.StatusNotFound},
	SendAgain:     {50301, http.StatusServiceUnavailable},
}

// Reasons are all that have a code in the canonical API, by code.
func Reasons() []Reason {
	all := slices.Collect(maps.Keys(verdicts))
	slices.SortFunc(all, func(a, b Reason) int { return cmp.Compare(verdicts[a].code, verdicts[b].code) })
	return all
}

// Error is a refused request or a failed report.
type Error struct {
	Reason  Reason
	Field   string // the field at fault, in the platform's own spelling
	Message string // for the caller; no personal data, no secrets
	Err     error
}

// Error writes the reason, the field and the message.
func (e *Error) Error() string {
	text := string(e.Reason)
	if e.Field != "" {
		text += " " + e.Field
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Code is the stable number of the canonical API.
func (e *Error) Code() int { return e.verdict().code }

// HTTP is the fitting status of the canonical API.
func (e *Error) HTTP() int { return e.verdict().http }

func (e *Error) verdict() verdict {
	if v, ok := verdicts[e.Reason]; ok {
		return v
	}
	return verdict{50000, http.StatusInternalServerError}
}

// Refuse makes an *Error.
func Refuse(reason Reason, field, format string, args ...any) *Error {
	return &Error{Reason: reason, Field: field, Message: fmt.Sprintf(format, args...)}
}

// AsError is err as an *Error; anything else becomes SendAgain, because nothing was
// decided about the request.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Reason: SendAgain, Message: "try again", Err: err}
}
