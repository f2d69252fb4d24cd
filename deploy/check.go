// Package deploy checks what `s deploy` is about to deploy: s.yaml and s.prod.yaml, rendered. The deploy tool itself checks little: a
// misspelt key of a trigger passes, a consumer group may serve two triggers, variables may be too large, and all of it shows in
// production only. One strict schema (schema.json) is applied here and, through the component in component/, by the real `s verify`;
// rules between resources, which no schema can express, are here alone.
//
// Sources: the Function Compute 3.0 limits, component fc3 0.1.22, and this project's own conventions.
package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Problem is one reason not to deploy.
type Problem struct {
	Path   string `json:"path"`   // resources.quote.props.triggers[0].triggerConfig
	Text   string `json:"text"`   // what is wrong there
	Remedy string `json:"remedy"` // what to do
}

func (p Problem) String() string {
	if p.Remedy == "" {
		return p.Path + ": " + p.Text
	}
	return p.Path + ": " + p.Text + " → " + p.Remedy
}

// Problems is the error for a deployment that can be read but must not be deployed.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return fmt.Sprintf("%d problems: %s", len(p), strings.Join(lines, "; "))
}

// CheckJSON checks the output of `s preview -o json`. The error is Problems, or says why the text cannot be read.
func CheckJSON(text []byte) error {
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return fmt.Errorf("read preview: %w", err)
	}
	return Check(tree)
}

// Check checks a rendered deployment: no reference ${…} is left in its vars and resources. The error is Problems, in the order of
// their paths.
func Check(tree map[string]any) error {
	rules, err := loadSchema()
	if err != nil {
		return err
	}
	raw, err := json.Marshal(tree)
	if err != nil {
		return fmt.Errorf("check deployment: %w", err)
	}
	var file fileShape
	if err := json.Unmarshal(raw, &file); err != nil {
		return fmt.Errorf("check deployment: vars or resources are not what they should be: %w", err)
	}
	c := &checker{vars: file.Vars}
	for _, name := range slices.Sorted(maps.Keys(file.Resources)) {
		c.resource(rules, name, file.Resources[name])
	}
	c.whole()
	if len(c.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(c.problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return c.problems
}

// checker collects what is wrong.
type checker struct {
	vars      varsShape
	functions []function
	domains   []domain
	problems  Problems
}

func (c *checker) add(path, remedy, format string, args ...any) {
	c.problems = append(c.problems, Problem{Path: path, Text: fmt.Sprintf(format, args...), Remedy: remedy})
}

// resource applies the schema of the resource's component and keeps its props for the rules between resources.
func (c *checker) resource(rules *schema, name string, r resourceShape) {
	at := "resources." + name
	kind := ComponentName(r.Component)
	definition, ok := map[string]string{"fc3": "function", "fc3-domain": "domain"}[kind]
	if !ok {
		c.add(at+".component", "use fc3 or fc3-domain", "%q is not a component that this project deploys", r.Component)
		return
	}
	found, err := rules.check(definition, at+".props", r.Props)
	c.problems = append(c.problems, found...)
	if err == nil {
		switch definition {
		case "function":
			f := function{at: at + ".props"}
			if err = json.Unmarshal(r.Props, &f.functionShape); err == nil {
				c.functions = append(c.functions, f)
			}
		case "domain":
			d := domain{at: at + ".props"}
			if err = json.Unmarshal(r.Props, &d.domainShape); err == nil {
				c.domains = append(c.domains, d)
			}
		}
	}
	// A value of a wrong type is the schema's business; what the schema let pass has to be readable.
	if err != nil && len(found) == 0 {
		c.add(at+".props", "correct the type of the value", "cannot be read: %v", err)
	}
}

// ComponentName is what a component is called, "fc3" or "fc3-domain": without its version, and without the folder when component/
// stands in for it.
func ComponentName(component string) string {
	name, _, _ := strings.Cut(component, "@")
	return path.Base(name)
}

// AsProblems gives the list inside an error of Check or CheckJSON, or nil.
func AsProblems(err error) Problems {
	var p Problems
	_ = errors.As(err, &p) // nil otherwise, as said
	return p
}
