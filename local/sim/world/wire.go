package world

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// JSON encodes a value that cannot fail to encode, leaving <, > and & alone as the
// real parties do.
func JSON(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err)) // our own types only
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// Text is a JSON string or number, taken as text: parties are not strict about which.
type Text string

// UnmarshalJSON takes a string, a number, a boolean or null (empty).
func (t *Text) UnmarshalJSON(raw []byte) error {
	switch {
	case len(raw) == 0 || raw[0] == '{' || raw[0] == '[':
		return fmt.Errorf("want text or a number, got %s", raw)
	case string(raw) == "null":
		*t = ""
	case raw[0] == '"':
		return json.Unmarshal(raw, (*string)(t))
	default:
		*t = Text(raw)
	}
	return nil
}

// Int reads the text as a whole number; empty is absent.
func (t Text) Int(absent int) (int, error) {
	if t == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(string(t))
	if err != nil {
		return 0, fmt.Errorf("%q is not a whole number", string(t))
	}
	return n, nil
}

// Same compares two signatures in constant time.
func Same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// bodyLimit is more than any request of these protocols needs.
const bodyLimit = 1 << 20

// ReadBody reads a request's body, at most a megabyte.
func ReadBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	return io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
}
