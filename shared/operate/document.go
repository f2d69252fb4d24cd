// Package operate is what operators do with strategies and shops before anything is stored:
// read what they wrote and name every mistake, compare it with what is live, and price past
// orders by it. It is pure.
package operate

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Mistake is one thing that is wrong with what somebody wrote.
type Mistake struct {
	Line int    `json:"line,omitempty"` // 0 = not known
	Path string `json:"path"`           // carriers[1], quote.deadline; empty = the whole of it
	Text string `json:"text"`
}

// String is "line 3: carriers[1]: …".
func (m Mistake) String() string {
	var parts []string
	if m.Line > 0 {
		parts = append(parts, fmt.Sprintf("line %d", m.Line))
	}
	if m.Path != "" {
		parts = append(parts, m.Path)
	}
	return strings.Join(append(parts, m.Text), ": ")
}

// Mistakes are all of them; a document with any is not taken.
type Mistakes []Mistake

// Error is one mistake per line.
func (all Mistakes) Error() string {
	lines := make([]string, len(all))
	for i, m := range all {
		lines[i] = m.String()
	}
	return strings.Join(lines, "\n")
}

// reader turns what people write, YAML or JSON, into values of Go types, and notes every
// mistake instead of stopping at the first.
type reader struct{ mistakes Mistakes }

func (r *reader) bad(n *yaml.Node, path, format string, args ...any) {
	r.mistakes = append(r.mistakes, Mistake{n.Line, path, fmt.Sprintf(format, args...)})
}

// read fills into, a pointer, with a document. Its error is Mistakes.
func read(raw []byte, into any) error {
	root, err := parse(raw)
	if err != nil {
		return err
	}
	r := &reader{}
	v := r.value(root, reflect.TypeOf(into).Elem(), "")
	if len(r.mistakes) > 0 {
		return r.mistakes
	}
	plain, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(plain, into)
	}
	if err != nil {
		return Mistakes{{Text: err.Error()}}
	}
	return nil
}

// parse reads YAML. JSON is YAML but for tabs and the like, so that it is tried in its
// compact form too, which has one line.
func parse(raw []byte) (*yaml.Node, error) {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	var doc yaml.Node
	err := yaml.Unmarshal(raw, &doc)
	if err != nil && json.Valid(raw) {
		var compact bytes.Buffer
		if err = json.Compact(&compact, raw); err == nil {
			err = yaml.Unmarshal(compact.Bytes(), &doc)
		}
	}
	switch {
	case err != nil:
		return nil, Mistakes{{Text: strings.TrimPrefix(err.Error(), "yaml: ")}}
	case len(doc.Content) == 0:
		return nil, Mistakes{{Text: "is empty"}}
	}
	return doc.Content[0], nil
}

var textual = reflect.TypeFor[encoding.TextUnmarshaler]()

// value is a node as encoding/json will take it for the type.
func (r *reader) value(n *yaml.Node, t reflect.Type, path string) any {
	switch {
	case n.Kind == yaml.AliasNode:
		r.bad(n, path, "aliases are not read: write it out")
		return nil
	case t.Kind() == reflect.Pointer && n.Tag == "!!null":
		return nil
	case t.Kind() == reflect.Pointer:
		return r.value(n, t.Elem(), path)
	case reflect.PointerTo(t).Implements(textual):
		return r.text(n, t, path)
	}
	switch t.Kind() {
	case reflect.Struct:
		return r.object(n, t, path)
	case reflect.Map:
		return r.dictionary(n, t, path)
	case reflect.Slice:
		return r.list(n, t, path)
	}
	return r.scalar(n, t, path)
}

// text is a value that reads itself, such as a span of time.
func (r *reader) text(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		r.bad(n, path, "want text, such as 90s")
		return nil
	}
	into, _ := reflect.New(t).Interface().(encoding.TextUnmarshaler)
	if err := into.UnmarshalText([]byte(n.Value)); err != nil {
		r.bad(n, path, "%q: want a span such as 90s or 15m", n.Value)
		return nil
	}
	return n.Value
}

func (r *reader) object(n *yaml.Node, t reflect.Type, path string) any {
	fields := map[string]reflect.Type{}
	var names []string
	for f := range fieldsOf(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name], names = f.Type, append(names, name)
	}
	out := map[string]any{}
	r.pairs(n, path, func(key, v *yaml.Node, at string) {
		ft, known := fields[key.Value]
		if !known {
			r.bad(key, at, "no such key; known are %s", strings.Join(names, ", "))
			return
		}
		out[key.Value] = r.value(v, ft, at)
	})
	return out
}

func fieldsOf(t reflect.Type) func(func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && f.Tag.Get("json") != "-" && !yield(f) {
				return
			}
		}
	}
}

func (r *reader) dictionary(n *yaml.Node, t reflect.Type, path string) any {
	out := map[string]any{}
	r.pairs(n, path, func(key, v *yaml.Node, at string) { out[key.Value] = r.value(v, t.Elem(), at) })
	return out
}

// pairs walks a mapping; a key that comes twice is a mistake.
func (r *reader) pairs(n *yaml.Node, path string, each func(key, v *yaml.Node, at string)) {
	if n.Kind != yaml.MappingNode {
		r.bad(n, path, "want keys and values")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := n.Content[i], n.Content[i].Value
		if path != "" {
			at = path + "." + at
		}
		if seen[key.Value] {
			r.bad(key, at, "is there twice")
			continue
		}
		seen[key.Value] = true
		each(key, n.Content[i+1], at)
	}
}

func (r *reader) list(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.SequenceNode {
		r.bad(n, path, "want a list, as [a, b]")
		return nil
	}
	out := make([]any, len(n.Content))
	for i, x := range n.Content {
		out[i] = r.value(x, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
	}
	return out
}

func (r *reader) scalar(n *yaml.Node, t reflect.Type, path string) any {
	if n.Kind != yaml.ScalarNode {
		r.bad(n, path, "want one value")
		return nil
	}
	switch kind := t.Kind(); {
	case kind == reflect.String && n.Tag == "!!str":
		return n.Value
	case kind == reflect.String && n.Tag == "!!null":
		r.bad(n, path, "is empty")
	case kind == reflect.String:
		r.bad(n, path, "want text: write %q in quotes", n.Value)
	case slices.Contains([]reflect.Kind{reflect.Int, reflect.Int32, reflect.Int64}, kind):
		v, err := strconv.ParseInt(n.Value, 10, 64)
		if n.Tag == "!!int" && err == nil {
			return v
		}
		r.bad(n, path, "%q: want a whole number", n.Value)
	case kind == reflect.Float64:
		v, err := strconv.ParseFloat(n.Value, 64)
		if (n.Tag == "!!int" || n.Tag == "!!float") && err == nil {
			return v
		}
		r.bad(n, path, "%q: want a number", n.Value)
	case kind == reflect.Bool:
		v, err := strconv.ParseBool(n.Value)
		if n.Tag == "!!bool" && err == nil {
			return v
		}
		r.bad(n, path, "%q: want true or false", n.Value)
	default:
		r.bad(n, path, "cannot be written here")
	}
	return nil
}
