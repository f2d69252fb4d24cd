package template

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// resolveTree applies template inheritance and replaces every ${…} in vars and resources.
func resolveTree(tree map[string]any, look func(string) (string, bool)) (map[string]any, error) {
	tree = merge(nil, tree)
	if err := inherit(tree); err != nil {
		return nil, err
	}
	if look == nil {
		look = func(string) (string, bool) { return "", false }
	}
	r := &resolver{tree: tree, look: look}
	out := merge(nil, tree)
	for _, part := range []string{"vars", "resources"} {
		resolved, err := r.value(tree[part], part)
		if err != nil {
			return nil, err
		}
		out[part] = resolved
	}
	return out, nil
}

type resolver struct {
	tree map[string]any
	look func(string) (string, bool)
	via  []string // references being resolved, to find cycles
}

// value resolves v, which stands at path.
func (r *resolver) value(v any, path string) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			resolved, err := r.value(inner, path+"."+key)
			if err != nil {
				return nil, err
			}
			out[key] = resolved
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			resolved, err := r.value(inner, fmt.Sprintf("%s[%d]", path, i))
			if err != nil {
				return nil, err
			}
			out[i] = resolved
		}
		return out, nil
	case string:
		resolved, err := r.text(v, path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return resolved, nil
	default:
		return v, nil
	}
}

var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// text resolves a string. One that is a single reference takes the type of what it refers to; in all others references become text.
func (r *resolver) text(s, path string) (any, error) {
	places := reference.FindAllStringSubmatchIndex(s, -1)
	if len(places) == 1 && places[0][0] == 0 && places[0][1] == len(s) {
		return r.expression(s[places[0][2]:places[0][3]], path)
	}
	var out strings.Builder
	at := 0
	for _, p := range places {
		v, err := r.expression(s[p[2]:p[3]], path)
		if err != nil {
			return nil, err
		}
		if _, isText := scalar(v); !isText {
			return nil, fmt.Errorf("${%s} is not a single value and cannot be part of a text", s[p[2]:p[3]])
		}
		text, _ := scalar(v)
		out.WriteString(s[at:p[0]] + text)
		at = p[1]
	}
	return out.String() + s[at:], nil
}

func scalar(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case int, float64, bool:
		return fmt.Sprint(v), true
	}
	return "", false
}

var envCall = regexp.MustCompile(`^env\(\s*'([^']*)'\s*(?:,\s*(?:'([^']*)'|([^'\s)]+))\s*)?\)$`)

func (r *resolver) expression(expr, path string) (any, error) {
	expr = strings.TrimSpace(expr)
	if m := envCall.FindStringSubmatchIndex(expr); m != nil {
		return r.env(expr, m)
	}
	steps := strings.Split(expr, ".")
	switch steps[0] {
	case "vars", "resources":
		return r.lookup(expr, steps)
	case "this":
		at := strings.Split(path, ".")
		if at[0] != "resources" || len(at) < 2 {
			return nil, fmt.Errorf("${%s} outside of a resource", expr)
		}
		return r.lookup(expr, append(at[:2:2], steps[1:]...))
	}
	return nil, fmt.Errorf("${%s} is not understood: use vars, env, this or resources", expr)
}

// env gives an environment variable as text, else the default with its own type.
func (r *resolver) env(expr string, m []int) (any, error) {
	if v, ok := r.look(expr[m[2]:m[3]]); ok {
		return v, nil
	}
	switch {
	case m[4] >= 0:
		return expr[m[4]:m[5]], nil
	case m[6] >= 0:
		return literal(expr[m[6]:m[7]])
	}
	return nil, fmt.Errorf("environment variable %s is not set and has no default", expr[m[2]:m[3]])
}

func literal(s string) (any, error) {
	if n, err := strconv.Atoi(s); err == nil {
		return n, nil
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return f, nil
	}
	if b, err := strconv.ParseBool(s); err == nil {
		return b, nil
	}
	return nil, fmt.Errorf("default %s is neither a quoted text, a number, true nor false", s)
}

func (r *resolver) lookup(expr string, steps []string) (any, error) {
	full := strings.Join(steps, ".")
	for _, seen := range r.via {
		if seen == full {
			return nil, fmt.Errorf("${%s} refers to itself by way of %s", expr, strings.Join(r.via, ", "))
		}
	}
	var at any = r.tree
	for _, step := range steps {
		inner, ok := at.(map[string]any)
		if ok {
			at, ok = inner[step]
		}
		if !ok {
			return nil, fmt.Errorf("${%s} refers to nothing", expr)
		}
	}
	r.via = append(r.via, full)
	defer func() { r.via = r.via[:len(r.via)-1] }()
	return r.value(at, full)
}
