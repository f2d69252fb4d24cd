package upstream

import (
	"errors"
	"net/http"
	"time"
)

// Deps are what every adapter takes from outside.
type Deps struct {
	HTTP   *http.Client     // connections to the platform; the deadline of a call comes from its context
	System func() time.Time // system time, for the timestamps of signatures
}

// ErrDevCredentials says that the development credentials, which anybody may read,
// were given where they are not allowed.
var ErrDevCredentials = errors.New("development credentials are refused outside the emulator")

// Check reports what is missing.
func (d Deps) Check() error {
	if d.HTTP == nil || d.System == nil {
		return errors.New("an adapter needs an HTTP client and the system time")
	}
	return nil
}
