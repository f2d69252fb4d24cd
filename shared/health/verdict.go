package health

import (
	"context"
	"errors"
	"strings"

	"github.com/chuandao/qianfan/shared/carrier"
)

// Result is what one call says of its carrier's health.
type Result int

// The results of a call.
const (
	Silent Result = iota // nothing: the call never left us for a reason of ours, or was ended by us
	Well                 // the carrier answered, be it with a refusal
	Unwell               // timeout, broken connection, 5xx, an answer that cannot be read
)

// Judge reads the result from the error of an adapter's call. A caller whose own time was over when the call ended takes
// Silent instead: the deadline was not the carrier's.
func Judge(err error) Result {
	var e *carrier.Error
	switch {
	case err == nil:
		return Well
	case errors.Is(err, context.Canceled):
		return Silent
	case !errors.As(err, &e):
		return Unwell
	case e.Kind == carrier.KindTemporary:
		return temporary(e)
	case e.Kind == carrier.KindNotSent && e.Err != nil: // no connection came about
		return Unwell
	case e.Kind == carrier.KindNotSent || e.Err != nil: // we did not get as far as asking, or could not
		return Silent
	}
	return Well
}

// temporary tells the carrier's own trouble from what was wrong with one request.
func temporary(e *carrier.Error) Result {
	switch {
	case strings.HasPrefix(e.Code, "HTTP 4"):
		return Silent
	case e.Err != nil || e.Code != "": // not readable, another HTTP status, or the carrier's code for a fault of its own
		return Unwell
	}
	return Well
}
