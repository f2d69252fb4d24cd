package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/chuandao/qianfan/local/scenario"
)

// scenarioCmd plays what is written in files on an emulator.
type scenarioCmd struct {
	List  scenarioList  `cmd:"" default:"withargs" help:"The scenarios of the project."`
	Show  scenarioShow  `cmd:"" help:"One scenario, step by step."`
	Check scenarioCheck `cmd:"" help:"Find mistakes in files without running them."`
	Run   scenarioRun   `cmd:"" help:"Play scenarios, each on an emulator of its own."`
}

// Help is the example.
func (scenarioCmd) Help() string {
	return "Examples:\n  qianfan scenario list\n  qianfan scenario run local/scenarios/meituan-new.yaml"
}

type scenarioList struct {
	Tag []string `help:"Only those with this tag, or this part of their row; several must all fit."`
}

// Help is the example.
func (scenarioList) Help() string {
	return "Examples:\n  qianfan scenario list\n  qianfan scenario list --tag shansong --json"
}

// listed is a scenario in a list.
type listed struct {
	File string   `json:"file"`
	Name string   `json:"name"`
	Row  string   `json:"row"`
	Tags []string `json:"tags"`
}

// Run is the verb.
func (c scenarioList) Run(e *env) error {
	all, err := scenarios(nil, c.Tag)
	if err != nil {
		return err
	}
	list := make([]listed, 0, len(all))
	for _, s := range all {
		list = append(list, listed{s.File, s.Name, s.Row, append([]string{}, s.Tags...)})
	}
	return e.show(map[string]any{"scenarios": list}, func() {
		e.table([]string{"FILE", "ROW", "WHAT HAPPENS"}, rows(list, func(l listed) []string { return []string{filepath.Base(l.File), l.Row, l.Name} }))
	})
}

type scenarioShow struct {
	File string `arg:"" help:"A scenario file, or its name."`
}

// Help is the example.
func (scenarioShow) Help() string {
	return "Example:\n  qianfan scenario show meituan-new"
}

// Run is the verb.
func (c scenarioShow) Run(e *env) error {
	all, err := scenarios([]string{c.File}, nil)
	if err != nil {
		return err
	}
	s := all[0]
	steps := s.Lines()
	return e.show(map[string]any{"file": s.File, "name": s.Name, "why": s.Why, "row": s.Row, "steps": steps}, func() {
		e.say("%s\n\n%s\nwhy: %s\nrow: %s\n", s.File, s.Name, s.Why, s.Row)
		for i, line := range steps {
			e.say("%3d  %s", i+1, line)
		}
	})
}

type scenarioCheck struct {
	Files []string `arg:"" optional:"" help:"Scenario files; without any, all of the project."`
}

// Help is the example.
func (scenarioCheck) Help() string {
	return "Examples:\n  qianfan scenario check\n  qianfan scenario check mine.yaml"
}

// Run is the verb.
func (c scenarioCheck) Run(e *env) error {
	all, err := scenarios(c.Files, nil)
	if err != nil {
		return err
	}
	return e.show(map[string]any{"checked": len(all)}, func() { e.say("%d files are well written", len(all)) })
}

type scenarioRun struct {
	Files    []string `arg:"" optional:"" help:"Scenario files, or their names."`
	All      bool     `help:"All scenarios of the project."`
	Tag      []string `help:"Of all, those with this tag, or this part of their row; several must all fit."`
	Parallel int      `default:"2" help:"Emulators side by side."`
	NoBuild  bool     `help:"The binaries in build/ are up to date."`
	Keep     bool     `help:"Leave the emulator of a single scenario running at its end, to look at it, until Ctrl-C."`
	Verbose  bool     `short:"v" help:"Print what functions logged in those that failed."`
}

// Help is the example.
func (scenarioRun) Help() string {
	return `Examples:
  qianfan scenario run meituan-new
  qianfan scenario run local/scenarios/meituan-new.yaml --keep
  qianfan scenario run --all --tag carriers --json

Exit code 0: all came out as written. 3: one did not. 2: a file is wrong. 1: one could not be played.`
}

// Run is the verb.
func (c scenarioRun) Run(e *env) error {
	list, err := c.list()
	if err != nil {
		return err
	}
	o := scenario.Options{NoBuild: c.NoBuild}
	if len(list) == 1 || c.Parallel == 1 {
		o.Progress = e.errs
	}
	if c.Keep {
		o.Inspect = e.inspect
	}
	play := e.engine.play
	if play == nil {
		play = scenario.Play
	}
	results := []scenario.Result{}
	err = scenario.All(e.ctx, play, list, c.Parallel, o, func(r scenario.Result) {
		results = append(results, r)
		e.tell("%s  %-44s %6.2f s  %s", map[bool]string{true: "PASS", false: "FAIL"}[r.Passed], filepath.Base(r.File), r.WallS, r.Name)
		scenario.Report(e.errs, r)
		if c.Verbose && !r.Passed {
			e.tell("%s", r.Log)
		}
	})
	if errors.Is(err, context.Canceled) {
		return &exitError{exitStopped, errors.New("stopped")}
	}
	if err != nil {
		return err
	}
	return e.tally(results)
}

func (c scenarioRun) list() ([]*scenario.Scenario, error) {
	switch {
	case len(c.Files) == 0 && !c.All && len(c.Tag) == 0:
		return nil, usage("which scenarios? name files, or use --all or --tag; `qianfan scenario list` lists them")
	case len(c.Files) > 0 && (c.All || len(c.Tag) > 0):
		return nil, usage("files are named one by one: leave out --all and --tag")
	case c.Parallel < 1:
		return nil, usage("--parallel %d: want at least 1", c.Parallel)
	}
	list, err := scenarios(c.Files, c.Tag)
	switch {
	case err != nil:
		return nil, err
	case len(list) == 0:
		return nil, usage("no scenario has the tags %s", strings.Join(c.Tag, ", "))
	case c.Keep && len(list) > 1:
		return nil, usage("--keep is for a single scenario, these are %d", len(list))
	}
	return list, nil
}

// tally prints the results and makes the exit code of them.
func (e *env) tally(results []scenario.Result) error {
	slices.SortFunc(results, func(a, b scenario.Result) int { return strings.Compare(a.File, b.File) })
	var failed, broken []string
	wall := 0.0
	for _, r := range results {
		wall += r.WallS
		switch {
		case r.Passed:
		case r.Error != "" && len(r.Failures) == 0:
			broken = append(broken, filepath.Base(r.File))
		default:
			failed = append(failed, filepath.Base(r.File))
		}
	}
	passed := len(results) - len(failed) - len(broken)
	err := e.show(map[string]any{"passed": passed, "failed": len(failed) + len(broken), "scenarios": results}, func() {
		e.say("%d of %d scenarios came out as written, %.2f s each", passed, len(results), wall/float64(max(1, len(results))))
	})
	switch {
	case err != nil:
		return err
	case len(failed) > 0:
		return &exitError{exitViolated, fmt.Errorf("not as written: %s", strings.Join(failed, ", "))}
	case len(broken) > 0:
		return fmt.Errorf("could not be played: %s", strings.Join(broken, ", "))
	}
	return nil
}

// inspect leaves an emulator to people until they stop it.
func (e *env) inspect(ctx context.Context, urls map[string]string, r scenario.Result) {
	e.tell("\n%s: the console is at %s, the clock stands (`qianfan --console %s clock`). Ctrl-C ends it.", map[bool]string{true: "passed", false: "failed"}[r.Passed], urls["console"], urls["console"])
	<-ctx.Done()
}

// scenarios loads the files named, or all of the project. Mistakes in them are the caller's.
func scenarios(names, tags []string) ([]*scenario.Scenario, error) {
	all, err := scenario.Files(".")
	if err != nil {
		return nil, err
	}
	files := all
	if len(names) > 0 {
		files = nil
	}
	for _, name := range names {
		files = append(files, named(name, all))
	}
	list, err := scenario.Select(files, tags)
	if err != nil {
		return nil, usage("%w", err)
	}
	return list, nil
}

// named is the file that somebody means: a path, or the name of one of the project's.
func named(name string, all []string) string {
	if _, err := os.Stat(name); err == nil {
		return name
	}
	for _, file := range all {
		if base := filepath.Base(file); base == name || strings.TrimSuffix(base, ".yaml") == name {
			return file
		}
	}
	return name
}
