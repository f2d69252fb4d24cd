// Package strictjson refuses what encoding/json lets pass and two readers understand
// differently: a name given twice, of which one reader takes the first and another the last;
// bytes that are no UTF-8, which become question marks; and NUL, at which some texts end. It
// also refuses documents that only cost: far deeper, or of far more names, than any order.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
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

// Check looks for the first fault of a document. It goes through it once, as every push and
// every answer does, and leaves it to whoever decodes the document that it is JSON at all.
func Check(raw []byte) *Fault {
	if !utf8.Valid(raw) {
		return &Fault{Why: "not UTF-8"}
	}
	c := checker{raw: raw, open: make([]level, 0, 8), names: make([][]byte, 0, 32)}
	for c.at < len(raw) {
		if fault := c.step(); fault != nil {
			return fault
		}
	}
	return nil
}

// level is an object or a list that is open.
type level struct {
	object bool
	value  bool            // of an object: a value is awaited, not a name
	last   []byte          // the name that a value belongs to
	first  int             // where its names begin among all that are open
	many   map[string]bool // its names, once they are too many to compare one by one
}

// few is how many names are compared one by one.
const few = 32

// checker walks through a document.
type checker struct {
	raw   []byte
	at    int
	open  []level
	names [][]byte // of all open objects
	seen  int      // names so far
}

// step takes one byte, or one text.
func (c *checker) step() *Fault {
	b := c.raw[c.at]
	c.at++
	switch b {
	case '"':
		text, nul := c.text()
		return c.said(text, nul)
	case '{', '[':
		return c.enter(b == '{')
	case '}', ']':
		c.leave()
	case ',':
		if in := c.in(); in != nil {
			in.value = false
		}
	case ':':
		if in := c.in(); in != nil {
			in.value = true
		}
	}
	return nil
}

func (c *checker) in() *level {
	if len(c.open) == 0 {
		return nil
	}
	return &c.open[len(c.open)-1]
}

func (c *checker) enter(object bool) *Fault {
	var last []byte
	if in := c.in(); in != nil {
		last = in.last
	}
	if c.open = append(c.open, level{object: object, last: last, first: len(c.names)}); len(c.open) > maxDepth {
		return &Fault{Name: string(last), Why: fmt.Sprintf("is nested more than %d deep", maxDepth)}
	}
	return nil
}

func (c *checker) leave() {
	if in := c.in(); in != nil {
		c.names, c.open = c.names[:in.first], c.open[:len(c.open)-1]
	}
}

// text is what stands up to the closing quote, without its escapes, and whether it holds a NUL.
func (c *checker) text() (text []byte, nul bool) {
	from, escaped := c.at, false
	for ; c.at < len(c.raw); c.at++ {
		switch c.raw[c.at] {
		case '\\':
			escaped = true
			nul = nul || bytes.HasPrefix(c.raw[c.at:], []byte(`\u0000`))
			c.at++
		case 0:
			nul = true
		case '"':
			text = c.raw[from:c.at]
			c.at++
			if escaped {
				text = unescaped(text)
			}
			return text, nul
		}
	}
	return c.raw[from:], nul
}

// unescaped is the text that a name with escapes is; one that is none stays as it is written.
func unescaped(text []byte) []byte {
	var plain string
	if json.Unmarshal(append(append([]byte{'"'}, text...), '"'), &plain) != nil {
		return text
	}
	return []byte(plain)
}

// said takes a text for a name or a value of the innermost level.
func (c *checker) said(text []byte, nul bool) *Fault {
	in := c.in()
	name := []byte(nil)
	if in != nil {
		name = in.last
		if in.object && !in.value {
			in.last, name = text, text
			if c.twice(in, text) {
				return &Fault{Name: string(text), Why: "is given twice"}
			}
			if c.seen++; c.seen > maxNames {
				return &Fault{Why: fmt.Sprintf("more than %d names", maxNames)}
			}
		}
	}
	if nul {
		return &Fault{Name: string(name), Why: "holds a NUL"}
	}
	return nil
}

// twice adds a name to its object and tells whether it was there.
func (c *checker) twice(in *level, name []byte) bool {
	if in.many != nil {
		there := in.many[string(name)]
		in.many[string(name)] = true
		return there
	}
	mine := c.names[in.first:]
	for _, other := range mine {
		if bytes.Equal(other, name) {
			return true
		}
	}
	c.names = append(c.names, name)
	if len(mine) < few {
		return false
	}
	in.many = make(map[string]bool, 4*few)
	for _, other := range c.names[in.first:] {
		in.many[string(other)] = true
	}
	return false
}
