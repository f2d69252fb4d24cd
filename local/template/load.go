package template

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"
)

// Load reads the file at path. look gives environment variables (os.LookupEnv; nil for none, so that every default holds). Unlike
// the deploy tool it reads no .env file: what is meant for the cloud must not leak into a local run. A file that can be read but
// breaks a rule gives Problems.
func Load(path string, look func(name string) (string, bool)) (*File, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	tree, err := Render(path, look)
	if err != nil {
		return nil, err
	}
	file, err := build(tree, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return file, nil
}

// Render is the file at path as `s preview -o json` shows it: what it extends merged in, templates inherited, and every reference in
// vars and resources resolved. Numbers are int or float64. Nothing is checked.
func Render(path string, look func(name string) (string, bool)) (map[string]any, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	tree, err := read(path, nil)
	if err == nil {
		tree, err = resolveTree(tree, look)
	}
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	return tree, nil
}

// read parses a file onto the one it extends.
func read(path string, via []string) (map[string]any, error) {
	for _, seen := range via {
		if seen == path {
			return nil, fmt.Errorf("extend: %s extends itself", path)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	base, ok := tree["extend"].(string)
	if !ok {
		return tree, nil
	}
	delete(tree, "extend")
	if !filepath.IsAbs(base) {
		base = filepath.Join(filepath.Dir(path), base)
	}
	under, err := read(base, append(via, path))
	if err != nil {
		return nil, fmt.Errorf("extend: %w", err)
	}
	return merge(under, tree), nil
}

// merge lays over onto base: maps merge key by key, everything else is replaced, arrays as a whole. Neither argument is changed.
func merge(base, over map[string]any) map[string]any {
	out := make(map[string]any, len(base)+len(over))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range over {
		below, isMap := out[k].(map[string]any)
		above, alsoMap := v.(map[string]any)
		if isMap && alsoMap {
			v = merge(below, above)
		}
		out[k] = v
	}
	return out
}

// inherit puts each resource's template under its props.
func inherit(tree map[string]any) error {
	templates, _ := tree["template"].(map[string]any)
	resources, ok := tree["resources"].(map[string]any)
	if !ok {
		return errors.New("resources: missing or not a map")
	}
	for name, r := range resources {
		resource, ok := r.(map[string]any)
		if !ok {
			return fmt.Errorf("resources.%s: not a map", name)
		}
		extend, ok := resource["extend"].(map[string]any)
		if !ok {
			continue
		}
		from, _ := extend["name"].(string)
		base, ok := templates[from].(map[string]any)
		if !ok {
			return fmt.Errorf("resources.%s.extend.name: no template %q", name, from)
		}
		base = without(base, extend["ignore"])
		props, _ := resource["props"].(map[string]any)
		resources[name] = merge(resource, map[string]any{"props": merge(base, props)})
	}
	return nil
}

func without(base map[string]any, ignore any) map[string]any {
	base = merge(nil, base)
	keys, _ := ignore.([]any)
	for _, key := range keys {
		if name, ok := key.(string); ok {
			delete(base, name)
		}
	}
	return base
}
