package template

import (
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// decoder fills structs of schema.go from a tree and collects what does not fit.
type decoder struct {
	problems Problems
	open     bool // unknown keys of the next struct are allowed
}

// decode fills into, a pointer to a struct, from the value at path.
func (d *decoder) decode(path string, from any, into any) {
	d.fill(path, from, reflect.ValueOf(into).Elem(), "")
}

func (d *decoder) fill(path string, from any, into reflect.Value, tag reflect.StructTag) {
	switch into.Kind() {
	case reflect.Interface:
		into.Set(reflect.ValueOf(&from).Elem())
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		d.fill(path, from, into.Elem(), tag)
	case reflect.Struct:
		if m, ok := from.(map[string]any); ok {
			d.structure(path, m, into)
			return
		}
		d.mismatch(path, "a map", from)
	case reflect.Slice:
		d.list(path, from, into, tag)
	case reflect.Map:
		d.table(path, from, into)
	default:
		d.single(path, from, into, tag)
	}
}

func (d *decoder) structure(path string, from map[string]any, into reflect.Value) {
	open := d.open
	d.open = false // only for the outermost
	known := map[string]bool{}
	for i := range into.NumField() {
		field := into.Type().Field(i)
		key, required := strings.CutSuffix(field.Tag.Get("s"), ",required")
		known[key] = true
		v, ok := from[key]
		switch {
		case ok && v != nil:
			d.fill(path+"."+key, v, into.Field(i), field.Tag)
		case required:
			d.problems.add(path+"."+key, "is missing")
		}
	}
	if open {
		return
	}
	for key := range from {
		if !known[key] {
			d.problems.add(path+"."+key, "unknown key%s", suggestion(key, known))
		}
	}
}

// suggestion finds a known key that differs in case or in two letters at most.
func suggestion(key string, known map[string]bool) string {
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if distance(strings.ToLower(key), strings.ToLower(name)) <= 2 {
			return fmt.Sprintf(" (did you mean %s?)", name)
		}
	}
	return ""
}

// distance is the number of letters to insert, delete or change (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := left
			if a[i] != b[j] {
				change++
			}
			left = row[j+1]
			row[j+1] = min(change, left+1, row[j]+1)
		}
	}
	return row[len(b)]
}

func (d *decoder) list(path string, from any, into reflect.Value, tag reflect.StructTag) {
	items, ok := from.([]any)
	if !ok {
		d.mismatch(path, "a list", from)
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(items), len(items)))
	for i, item := range items {
		d.fill(fmt.Sprintf("%s[%d]", path, i), item, into.Index(i), tag)
	}
}

func (d *decoder) table(path string, from any, into reflect.Value) {
	items, ok := from.(map[string]any)
	if !ok {
		d.mismatch(path, "a map", from)
		return
	}
	into.Set(reflect.MakeMapWithSize(into.Type(), len(items)))
	for key, item := range items {
		v := reflect.New(into.Type().Elem()).Elem()
		d.fill(path+"."+key, item, v, "")
		into.SetMapIndex(reflect.ValueOf(key), v)
	}
}

func (d *decoder) single(path string, from any, into reflect.Value, tag reflect.StructTag) {
	switch into.Kind() {
	case reflect.String:
		s, ok := from.(string)
		if !ok {
			d.mismatch(path, "a text in quotes", from)
			return
		}
		if allowed := strings.Fields(tag.Get("oneof")); len(allowed) > 0 && !slices.Contains(allowed, s) {
			d.problems.add(path, "%q is none of %s", s, strings.Join(allowed, ", "))
		}
		into.SetString(s)
	case reflect.Bool:
		b, ok := from.(bool)
		if !ok {
			d.mismatch(path, "true or false", from)
			return
		}
		into.SetBool(b)
	case reflect.Int:
		n, ok := from.(int)
		if !ok {
			d.mismatch(path, "a whole number", from)
			return
		}
		d.bounds(path, float64(n), tag)
		into.SetInt(int64(n))
	case reflect.Float64:
		f, ok := number(from)
		if !ok {
			d.mismatch(path, "a number", from)
			return
		}
		d.bounds(path, f, tag)
		into.SetFloat(f)
	}
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

func (d *decoder) bounds(path string, n float64, tag reflect.StructTag) {
	least, errLeast := strconv.ParseFloat(tag.Get("min"), 64)
	most, errMost := strconv.ParseFloat(tag.Get("max"), 64)
	if errLeast == nil && n < least || errMost == nil && n > most {
		d.problems.add(path, "%g is not from %s to %s", n, tag.Get("min"), tag.Get("max"))
	}
}

func (d *decoder) mismatch(path, want string, got any) {
	d.problems.add(path, "must be %s, not %s", want, kindOf(got))
}

func kindOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "a map"
	case []any:
		return "a list"
	case string:
		return "a text"
	}
	return fmt.Sprint(v)
}
