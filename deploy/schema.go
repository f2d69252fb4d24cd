package deploy

import (
	"bytes"
	_ "embed" // schema.json
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed schema.json
var schemaText []byte

// schemaURL is what the compiler calls the embedded file; nothing is fetched.
const schemaURL = "mem:///schema.json"

// schema is schema.json, compiled, and as it stands for its descriptions.
type schema struct {
	text        any
	definitions map[string]*jsonschema.Schema
}

var loadSchema = sync.OnceValues(func() (*schema, error) {
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaText))
	if err != nil {
		return nil, fmt.Errorf("read deploy/schema.json: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(schemaURL, text); err != nil {
		return nil, fmt.Errorf("read deploy/schema.json: %w", err)
	}
	s := &schema{text: text, definitions: map[string]*jsonschema.Schema{}}
	for _, name := range []string{"function", "domain"} {
		if s.definitions[name], err = compiler.Compile(schemaURL + "#/definitions/" + name); err != nil {
			return nil, fmt.Errorf("compile deploy/schema.json: %w", err)
		}
	}
	return s, nil
})

// check validates props, which stand at path, by a definition. An error means that props are no JSON.
func (s *schema) check(definition, path string, props json.RawMessage) (Problems, error) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(props))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	err = s.definitions[definition].Validate(value)
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return nil, err
	}
	var found Problems
	s.collect(path, invalid, &found)
	return found, nil
}

// collect turns the leaves of an error's tree into problems.
func (s *schema) collect(path string, e *jsonschema.ValidationError, into *Problems) {
	switch e.ErrorKind.(type) {
	case *kind.PropertyNames, *kind.Not: // what lies below has lost its place or says nothing
	default:
		for _, cause := range e.Causes {
			s.collect(path, cause, into)
		}
		if len(e.Causes) > 0 {
			return
		}
	}
	node := s.node(e.SchemaURL)
	for _, p := range s.problems(path, e, node) {
		if !slices.Contains(*into, p) {
			*into = append(*into, p)
		}
	}
}

var english = message.NewPrinter(language.English)

// problems are those of one leaf; root is the path of the props.
func (s *schema) problems(root string, e *jsonschema.ValidationError, node map[string]any) Problems {
	at := place(root, e.InstanceLocation)
	remedy, _ := node["description"].(string)
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		known, _ := node["properties"].(map[string]any)
		var all Problems
		for _, name := range k.Properties {
			all = append(all, Problem{at + "." + name, "unknown key", advice(name, known)})
		}
		return all
	case *kind.Required:
		var all Problems
		for _, name := range k.Missing {
			all = append(all, Problem{at + "." + name, "is missing", s.describe(node, name, remedy)})
		}
		return all
	case *kind.PropertyNames:
		// The library's location is that of whatever was looked at last; only variables have names to check.
		return Problems{{root + ".environmentVariables." + k.Property, "this name is not allowed", remedy}}
	case *kind.Not:
		return Problems{{at, "does not belong here", remedy}}
	}
	return Problems{{at, e.ErrorKind.LocalizedString(english), remedy}}
}

// describe is the description of a property, or else that of the whole.
func (s *schema) describe(node map[string]any, name, otherwise string) string {
	properties, _ := node["properties"].(map[string]any)
	property, _ := properties[name].(map[string]any)
	if ref, ok := property["$ref"].(string); ok {
		property = s.node(ref)
	}
	if text, ok := property["description"].(string); ok {
		return text
	}
	if otherwise != "" {
		return otherwise
	}
	return "add it"
}

// node finds the part of schema.json that an address ends in.
func (s *schema) node(address string) map[string]any {
	_, pointer, _ := strings.Cut(address, "#")
	at := s.text
	for step := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		switch inside := at.(type) {
		case map[string]any:
			at = inside[step]
		case []any:
			n, err := strconv.Atoi(step)
			if err != nil || n < 0 || n >= len(inside) {
				return nil
			}
			at = inside[n]
		}
	}
	node, _ := at.(map[string]any)
	return node
}

// place writes a location inside of path: triggers, 0, triggerName is path.triggers[0].triggerName.
func place(path string, location []string) string {
	for _, step := range location {
		if _, err := strconv.Atoi(step); err == nil {
			path += "[" + step + "]"
			continue
		}
		path += "." + step
	}
	return path
}

// advice names the known key that was meant, or all of them.
func advice(name string, known map[string]any) string {
	names := make([]string, 0, len(known))
	for k := range known {
		if strings.EqualFold(k, name) {
			return "write " + k
		}
		names = append(names, k)
	}
	slices.Sort(names)
	return "known here: " + strings.Join(names, ", ")
}
