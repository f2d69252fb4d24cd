package scenario

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// decoding reads YAML strictly: what is unknown, given twice or of the wrong kind is a
// mistake with its line and what would be allowed. All mistakes of a file are found at once.
type decoding struct {
	file string
	errs []error
}

func (d *decoding) bad(n *yaml.Node, path, format string, args ...any) {
	if path != "" {
		path += ": "
	}
	d.errs = append(d.errs, fmt.Errorf("%s:%d: %s%s", d.file, n.Line, path, fmt.Sprintf(format, args...)))
}

// A self reads itself from a node.
type self interface {
	decode(d *decoding, n *yaml.Node, path string)
}

// A word is text of which only some are allowed.
type word interface{ words() []string }

// lined values keep the line where they stand.
type lined interface{ at(line int) }

// line is embedded by what keeps its line.
type line int

func (l *line) at(n int) { *l = line(n) }

func (d *decoding) into(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.AliasNode {
		d.bad(n, path, "anchors are not used here: write it out")
		return
	}
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.into(n, v.Elem(), path)
		return
	}
	if x, ok := v.Addr().Interface().(lined); ok {
		x.at(n.Line)
	}
	switch x := v.Addr().Interface().(type) {
	case self:
		x.decode(d, n, path)
		return
	case encoding.TextUnmarshaler:
		d.text(n, x, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.object(n, v, path)
	case reflect.Map:
		d.table(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

// fields are the names by which a struct's fields are written.
func fields(t reflect.Type) map[string][]int {
	names := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		tag := f.Tag.Get("yaml")
		if tag == "" {
			tag = f.Tag.Get("json")
		}
		name, _, _ := strings.Cut(tag, ",")
		if f.IsExported() && name != "" && name != "-" {
			names[name] = f.Index
		}
	}
	return names
}

func (d *decoding) object(n *yaml.Node, v reflect.Value, path string) {
	names := fields(v.Type())
	d.each(n, path, func(key, value *yaml.Node, path string) {
		i, ok := names[key.Value]
		if !ok {
			d.bad(key, path, "unknown key, want one of: %s", strings.Join(slices.Sorted(maps.Keys(names)), ", "))
			return
		}
		d.into(value, v.FieldByIndex(i), path)
	})
}

// each walks over a mapping. An empty value stands for an empty mapping.
func (d *decoding) each(n *yaml.Node, path string, f func(key, value *yaml.Node, path string)) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.bad(n, path, "want keys and values")
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		under := key.Value
		if path != "" {
			under = path + "." + key.Value
		}
		if seen[key.Value] {
			d.bad(key, under, "is given twice")
			continue
		}
		seen[key.Value] = true
		f(key, n.Content[i+1], under)
	}
}

func (d *decoding) table(n *yaml.Node, v reflect.Value, path string) {
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	d.each(n, path, func(key, value *yaml.Node, path string) {
		x := reflect.New(v.Type().Elem()).Elem()
		d.into(value, x, path)
		v.SetMapIndex(reflect.ValueOf(key.Value).Convert(v.Type().Key()), x)
	})
}

func (d *decoding) list(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		d.bad(n, path, "want a list")
		return
	}
	all := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.into(item, all.Index(i), fmt.Sprintf("%s[%d]", path, i+1))
	}
	v.Set(all)
}

func (d *decoding) text(n *yaml.Node, x encoding.TextUnmarshaler, path string) {
	if n.Kind != yaml.ScalarNode {
		d.bad(n, path, "want one value")
		return
	}
	if err := x.UnmarshalText([]byte(n.Value)); err != nil {
		d.bad(n, path, "%q: %v", n.Value, err)
	}
}

func (d *decoding) scalar(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.ScalarNode {
		d.bad(n, path, "want one value")
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(n.Value)
		if w, ok := v.Interface().(word); ok && !slices.Contains(w.words(), n.Value) {
			d.bad(n, path, "%q is none of: %s", n.Value, strings.Join(w.words(), ", "))
		}
	case reflect.Bool:
		b, err := strconv.ParseBool(n.Value)
		if err != nil {
			d.bad(n, path, "%q: want true or false", n.Value)
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil {
			d.bad(n, path, "%q: want a whole number", n.Value)
		}
		v.SetInt(i)
	case reflect.Float64:
		x, err := strconv.ParseFloat(n.Value, 64)
		if err != nil {
			d.bad(n, path, "%q: want a number", n.Value)
		}
		v.SetFloat(x)
	default:
		d.bad(n, path, "cannot be written here")
	}
}

// decodeFile reads the bytes of a file into v.
func decodeFile(file string, raw []byte, v any) (*decoding, error) {
	d := &decoding{file: file}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return d, fmt.Errorf("%s: %w", file, err)
	}
	if len(doc.Content) == 0 {
		return d, fmt.Errorf("%s: is empty", file)
	}
	d.into(doc.Content[0], reflect.ValueOf(v).Elem(), "")
	return d, errors.Join(d.errs...)
}
