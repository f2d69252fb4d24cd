package operate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/chuandao/qianfan/shared/penalty"
	"github.com/chuandao/qianfan/shared/tariff"
)

// ReadPenalties reads a book of penalty rules (违约金) as people write it, in YAML or JSON.
// The error is Mistakes: all of them, each with its path. A version in it is ignored: the
// database counts them.
func ReadPenalties(raw []byte, known Known) (penalty.Book, error) {
	var b penalty.Book
	if err := read(raw, &b); err != nil {
		return b, err
	}
	b.Version = 0
	return b, mistaken(b.Validate(known.parties()))
}

// ReadTariffs reads a book of tariffs; see ReadPenalties.
func ReadTariffs(raw []byte, known Known) (tariff.Book, error) {
	var b tariff.Book
	if err := read(raw, &b); err != nil {
		return b, err
	}
	b.Version = 0
	return b, mistaken(b.Validate(known.Platforms))
}

// parties are those of which penalty rules may speak.
func (k Known) parties() []string {
	var out []string
	for _, c := range k.Carriers {
		out = append(out, "carrier:"+c)
	}
	for _, p := range k.Platforms {
		out = append(out, "platform:"+p)
	}
	return out
}

func mistaken(err error) error {
	if err == nil {
		return nil
	}
	return mistakes(err, "")
}

// DiffBooks compares two rule books value by value, by path; their versions do not count.
// Rules that were moved differ where they stand.
func DiffBooks(before, after any) ([]Change, error) {
	b, err := leaves(before)
	if err != nil {
		return nil, err
	}
	a, err := leaves(after)
	if err != nil {
		return nil, err
	}
	paths := maps.Clone(b)
	maps.Copy(paths, a)
	changes := []Change{}
	for _, path := range slices.SortedFunc(maps.Keys(paths), byPath) {
		if b[path] != a[path] {
			changes = append(changes, Change{path, b[path], a[path]})
		}
	}
	return changes, nil
}

// byPath orders paths as people read them: rules[9] before rules[10].
func byPath(a, b string) int {
	if la, lb := strings.IndexByte(a, ']'), strings.IndexByte(b, ']'); la != lb && la > 0 && lb > 0 {
		if head := a[:strings.IndexByte(a, '[')]; strings.HasPrefix(b, head+"[") {
			return la - lb
		}
	}
	return strings.Compare(a, b)
}

// leaves is a book as path → value in JSON, lists of objects taken apart.
func leaves(x any) (map[string]string, error) {
	raw, err := json.Marshal(x)
	if err != nil {
		return nil, fmt.Errorf("compare rule books: %w", err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return nil, fmt.Errorf("compare rule books: %w", err)
	}
	out := map[string]string{}
	leaf(v, "", out)
	return out, nil
}

func leaf(v any, path string, into map[string]string) {
	switch x := v.(type) {
	case map[string]any:
		for key, y := range x {
			if at := strings.TrimPrefix(path+"."+key, "."); at != "version" {
				leaf(y, at, into)
			}
		}
		return
	case []any:
		if len(x) > 0 && isObject(x[0]) {
			for i, y := range x {
				leaf(y, fmt.Sprintf("%s[%d]", path, i), into)
			}
			return
		}
	}
	raw, _ := json.Marshal(v)
	into[path] = string(raw)
}

func isObject(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

// WriteBook writes a rule book as YAML that ReadPenalties or ReadTariffs takes; its version is left out.
func WriteBook(x any) ([]byte, error) {
	raw, err := json.Marshal(x)
	if err != nil {
		return nil, fmt.Errorf("write rule book: %w", err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("write rule book: %w", err)
	}
	root := doc.Content[0]
	block(root)
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == "version" {
			root.Content = slices.Delete(root.Content, i, i+2)
			break
		}
	}
	unquote(root)
	out, err := yaml.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("write rule book: %w", err)
	}
	return out, nil
}

// block writes objects line by line; lists of plain words stay on one.
func block(n *yaml.Node) {
	if n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode {
		n.Style = 0
	}
	for _, c := range n.Content {
		block(c)
	}
}
