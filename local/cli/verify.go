package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/chuandao/qianfan/deploy"
	"github.com/chuandao/qianfan/local/template"
)

// verifyCmd checks what `s deploy` would deploy.
type verifyCmd struct {
	File string `arg:"" optional:"" default:"s.yaml" type:"path" help:"s.yaml, s.prod.yaml, or what \"s preview -o json\" printed."`
}

// Help is the example.
func (verifyCmd) Help() string {
	return `Examples:
  qianfan verify s.prod.yaml
  qianfan verify preview.json

Checks with the variables of this shell what the deploy tool does not: every key of functions and triggers, sizes of variables, groups,
topics, dead letters, roles, routes, and the sums of instances, SQL connections and event streams. Neither node nor an account is needed.`
}

// errMustNotDeploy says that the deployment has problems.
var errMustNotDeploy = errors.New("this must not be deployed: see the problems above, each with its remedy")

// Run is the verb.
func (c verifyCmd) Run(e *env) error {
	err := checkDeployment(c.File, e.look)
	problems := deploy.AsProblems(err)
	if err != nil && problems == nil {
		return err
	}
	shown := e.show(map[string]any{"file": c.File, "problems": append(deploy.Problems{}, problems...)}, func() {
		if len(problems) == 0 {
			e.say("%s can be deployed", filepath.Base(c.File))
		}
		for _, p := range problems {
			e.say("%s\n    %s\n    → %s", p.Path, p.Text, p.Remedy)
		}
	})
	if len(problems) > 0 {
		return errors.Join(shown, errMustNotDeploy)
	}
	return shown
}

// checkDeployment checks a deployment description, or a preview of one when the name ends in .json. The error is deploy.Problems, or says
// why the file cannot be read.
func checkDeployment(path string, look func(string) (string, bool)) error {
	if filepath.Ext(path) == ".json" {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		return deploy.CheckJSON(text)
	}
	tree, err := template.Render(path, look)
	if err != nil {
		return fmt.Errorf("%w; run it where s.yaml is, set the variables that it asks for, or name another file", err)
	}
	return deploy.Check(tree)
}
