// Package strictjson refuses what encoding/json lets pass and two readers understand
// differently: a name given twice, of which one reader takes the first and another the last;
// bytes that are no UTF-8, which become question marks; and NUL, at which some texts end. It
// also refuses documents that only cost: far deeper, or of far more names, than any order.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Fault is what is wrong with a document.
type Fault struct {
	Name string // of the field; "" = the whole
	Why  string
}

// Error writes the field and what is wrong with it.
func (f *Fault) Error() string {
	if f.Name == "" {
		return f.Why
	}
	return f.Name + " " + f.Why
}

// Bounds far above what any party sends: an order of a hundred dishes has some thousand names.
const (
	maxDepth = 100
	maxNames = 20_000
)

// level is an object or a list that is open.
type level struct {
	names map[string]bool // of an object, so far; nil = a list
	last  string          // the name that a value belongs to, or is awaited for
	value bool            // a value is awaited, not a name
}

// Check looks for the first fault of a document, up to where its syntax ends: that the whole
// is JSON is left to whoever decodes it.
func Check(raw []byte) *Fault {
	if !utf8.Valid(raw) {
		return &Fault{Why: "not UTF-8"}
	}
	c := checker{dec: json.NewDecoder(bytes.NewReader(raw))}
	c.dec.UseNumber()
	for {
		token, err := c.dec.Token()
		if err != nil { // the end
			return nil
		}
		if fault := c.step(token); fault != nil {
			return fault
		}
	}
}

// checker walks through a document.
type checker struct {
	dec   *json.Decoder
	open  []level
	names int
}

func (c *checker) step(token json.Token) *Fault {
	if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
		c.open = c.open[:len(c.open)-1]
		return nil
	}
	name, fault := c.place(token)
	if fault != nil {
		return fault
	}
	switch token := token.(type) {
	case json.Delim:
		next := level{last: name}
		if token == '{' {
			next.names = map[string]bool{}
		}
		if c.open = append(c.open, next); len(c.open) > maxDepth {
			return &Fault{Name: name, Why: fmt.Sprintf("is nested more than %d deep", maxDepth)}
		}
	case string:
		if strings.ContainsRune(token, 0) {
			return &Fault{Name: name, Why: "holds a NUL"}
		}
	}
	return nil
}

// place takes a token for a name or a value of the innermost level, and gives the name that it
// is or belongs to.
func (c *checker) place(token json.Token) (string, *Fault) {
	if len(c.open) == 0 {
		return "", nil
	}
	in := &c.open[len(c.open)-1]
	if in.names == nil {
		return in.last, nil
	}
	if in.value {
		in.value = false
		return in.last, nil
	}
	in.last, _ = token.(string) // a name is always text
	in.value = true
	if in.names[in.last] {
		return in.last, &Fault{Name: in.last, Why: "is given twice"}
	}
	in.names[in.last] = true
	if c.names++; c.names > maxNames {
		return "", &Fault{Why: fmt.Sprintf("more than %d names", maxNames)}
	}
	return in.last, nil
}
