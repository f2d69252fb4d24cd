package carrier

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Refusal is one row of a carrier's table of refusals. A row matches when its code
// equals the answer's and its text occurs in the answer's; an empty one always does.
type Refusal struct {
	Code string `json:"code,omitempty"`
	Text string `json:"text,omitempty"`
	Kind Kind   `json:"kind"`
}

// Refusals is such a table; the first row that matches decides.
type Refusals []Refusal

// Kind classifies a decoded refusal. What no row lists was still decoded and decided:
// it is KindRefused.
func (t Refusals) Kind(code, text string) Kind {
	for _, row := range t {
		if (row.Code == "" || row.Code == code) && strings.Contains(text, row.Text) {
			return row.Kind
		}
	}
	return KindRefused
}

// refusalKinds are the kinds that a decoded answer can mean.
var refusalKinds = []Kind{KindNoCapacity, KindOutOfArea, KindBalanceLow, KindExpired, KindRefused,
	KindNotFound, KindRateLimited, KindDuplicate, KindTemporary}

// Check finds rows, given by configuration, that match everything or mean nothing.
func (t Refusals) Check() error {
	for i, row := range t {
		if row.Code == "" && row.Text == "" {
			return fmt.Errorf("refusals[%d] has neither code nor text", i)
		}
		if !slices.Contains(refusalKinds, row.Kind) {
			return fmt.Errorf("refusals[%d].kind %q is none of %v", i, row.Kind, refusalKinds)
		}
	}
	return nil
}

// Declined turns the decided refusal of a cancel into its result: the waybill lives
// on. Errors that decide nothing about the waybill stay errors.
func Declined(err error) (CancelResult, error) {
	var e *Error
	if !errors.As(err, &e) || Doubt(err) || e.Kind == KindNotSent || e.Kind == KindRateLimited {
		return CancelResult{}, err
	}
	reason := e.Message
	if reason == "" {
		reason = e.Code
	}
	return CancelResult{Refused: true, Reason: reason}, nil
}
