package operate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/chuandao/qianfan/shared/money"
	"github.com/chuandao/qianfan/shared/store"
	"github.com/chuandao/qianfan/shared/strategy"
)

// ReadStrategy reads a strategy as people write it, in YAML or JSON. known are the carriers
// that it may name. The error is Mistakes: all of them, each with its path. A version in it
// is ignored: the database counts them.
func ReadStrategy(raw []byte, known []string) (strategy.Strategy, error) {
	var x strategy.Strategy
	if err := read(raw, &x); err != nil {
		return x, err
	}
	x.Version = 0
	return x, CheckStrategy(x, known)
}

// maxName is what the column of a strategy's name holds, in bytes.
const maxName = 64

// Beyond these a value is a slip of the pen. A carrier that hangs would hold a round beyond what a
// call of the function may take, so that no round of the strategy ever closed; and tips are raised
// without anybody looking.
const (
	maxDeadline = strategy.Duration(10 * time.Second)
	maxTips     = money.Fen(100_00) // what a person may add at once
)

// CheckStrategy names everything that is wrong with a strategy; the error is Mistakes.
func CheckStrategy(x strategy.Strategy, known []string) error {
	var all Mistakes
	if len(x.Name) > maxName || strings.ContainsAny(x.Name, " /\t\n") {
		all = append(all, Mistake{Path: "name", Text: fmt.Sprintf("%q: want at most %d bytes, without blanks or slashes", x.Name, maxName)})
	}
	if err := x.Validate(known); err != nil {
		all = append(all, mistakes(err, fmt.Sprintf("strategy %q: ", x.Name))...)
	}
	if x.Quote.Deadline > maxDeadline {
		all = append(all, Mistake{Path: "quote.deadline", Text: fmt.Sprintf("%s: want at most %s", time.Duration(x.Quote.Deadline), time.Duration(maxDeadline))})
	}
	if x.Tip.Max > maxTips {
		all = append(all, Mistake{Path: "tip.max_fen", Text: fmt.Sprintf("%s: want at most %s", x.Tip.Max, maxTips)})
	}
	if len(all) > 0 {
		return all
	}
	return nil
}

// mistakes takes joined errors "prefix path: text" apart.
func mistakes(err error, prefix string) Mistakes {
	list := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		list = joined.Unwrap()
	}
	var all Mistakes
	for _, e := range list {
		path, text, ok := strings.Cut(strings.TrimPrefix(e.Error(), prefix), ": ")
		if !ok {
			path, text = "", path
		}
		all = append(all, Mistake{Path: path, Text: text})
	}
	return all
}

// Change is one value that differs; empty = it is not there.
type Change struct {
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// Diff compares two strategies value by value, by path; their versions do not count. Nil is
// no strategy.
func Diff(before, after *strategy.Strategy) ([]Change, error) {
	b, err := flatten(before)
	if err != nil {
		return nil, err
	}
	a, err := flatten(after)
	if err != nil {
		return nil, err
	}
	paths := maps.Clone(b)
	maps.Copy(paths, a)
	changes := []Change{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if b[path] != a[path] {
			changes = append(changes, Change{path, b[path], a[path]})
		}
	}
	return changes, nil
}

// flatten is a strategy as path → value in JSON. Lists are values: their order matters.
func flatten(x *strategy.Strategy) (map[string]string, error) {
	out := map[string]string{}
	if x == nil {
		return out, nil
	}
	raw, err := json.Marshal(x)
	if err != nil {
		return nil, fmt.Errorf("compare strategies: %w", err)
	}
	return out, spread(raw, "", out)
}

func spread(raw json.RawMessage, path string, into map[string]string) error {
	var object map[string]json.RawMessage
	if raw[0] != '{' {
		into[path] = string(raw)
		return nil
	}
	if err := json.Unmarshal(raw, &object); err != nil {
		return fmt.Errorf("compare strategies: %w", err)
	}
	for key, v := range object {
		at := strings.TrimPrefix(path+"."+key, ".")
		if at == "version" {
			continue
		}
		if err := spread(v, at, into); err != nil {
			return err
		}
	}
	return nil
}

// WriteStrategy writes a strategy as YAML that ReadStrategy takes; its version is left out.
func WriteStrategy(x strategy.Strategy) ([]byte, error) {
	raw, err := json.Marshal(x)
	if err != nil {
		return nil, fmt.Errorf("write strategy: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("write strategy: %w", err)
	}
	root := doc.Content[0]
	root.Style = 0
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "version" {
			root.Content = slices.Delete(root.Content, i, i+2)
		}
		unquote(root.Content[i+1])
		unquote(root.Content[i])
	}
	out, err := yaml.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("write strategy: %w", err)
	}
	return out, nil
}

// unquote leaves it to the writer which texts need quotes.
func unquote(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		n.Style = 0
	}
	for _, c := range n.Content {
		unquote(c)
	}
}

// Carriers are those of the built-in ones that have a prepaid account: a strategy may name
// no other, since nobody else would ever get an order.
func Carriers(prepaids []store.Prepaid, built []string) []string {
	out := []string{}
	for _, name := range built {
		if slices.ContainsFunc(prepaids, func(p store.Prepaid) bool { return p.Carrier == name }) {
			out = append(out, name)
		}
	}
	return out
}
