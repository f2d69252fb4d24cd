// Package settings reads the JSON settings of parties outside: strict, with errors that name the field.
package settings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Duration is a time.Duration written as text in a configuration: "24h".
type Duration time.Duration

// UnmarshalJSON reads "90s" or "24h"; negative durations are refused.
func (d *Duration) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf("a duration is text such as \"24h\", not %s", raw)
	}
	v, err := time.ParseDuration(text)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration such as \"24h\"", text)
	}
	*d = Duration(v)
	return nil
}

// Or is the duration, or otherwise when it was not given.
func (d Duration) Or(otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return time.Duration(d)
}

// Decode reads a party's settings strictly: an unknown field, a wrong type
// or anything after the object is an error that names it.
func Decode(raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("settings: something follows the object")
	}
	return nil
}

// Setting is one value that must be given.
type Setting struct{ Name, Value string }

// Require names every setting that is empty.
func Require(settings ...Setting) error {
	var missing []error
	for _, s := range settings {
		if s.Value == "" {
			missing = append(missing, fmt.Errorf("%s is missing", s.Name))
		}
	}
	return errors.Join(missing...)
}

// CheckURL wants an absolute http or https URL without user, query and fragment.
func CheckURL(name, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return fmt.Errorf("%s is not an http or https URL", name)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s must be scheme, host and path only", name)
	}
	return nil
}

// Deps are what every adapter takes from outside.
type Deps struct {
	HTTP   *http.Client     // connections to the party; the deadline of a call comes from its context
	System func() time.Time // system time, for the timestamps of signatures
	Vault  Vault            // secrets that all instances share; nil = each has its own
}

// Vault keeps secrets that a party gives us while we run, such as access tokens, sealed and
// for all instances. A name has at most 64 bytes: "fengniao:1000001".
type Vault interface {
	// Load reads what is kept under name into into, a pointer; false: nothing is.
	Load(ctx context.Context, name string, into any) (bool, error)
	// Claim gives one instance the right to get the next secret of that name for as long as
	// lease, of system time; false: another one has it.
	Claim(ctx context.Context, name string, lease time.Duration) (bool, error)
	// Save keeps a secret that was issued at an instant of system time and ends the claim. One
	// that was issued later stays: an instance that stood still meanwhile brings an old one.
	Save(ctx context.Context, name string, secret any, issued time.Time) error
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
