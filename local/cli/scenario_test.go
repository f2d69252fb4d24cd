package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/scenario"
)

const playable = `name: somebody orders
why: to have an example
row: test/example
strategy: {mode: sequential, carriers: [uupt]}
steps:
  - order: {platform: meituan, as: a}
  - settle:
`

// written puts a scenario file into a directory of its own.
func playFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "example.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// plays is a rig whose scenarios come out as told.
func plays(t *testing.T, r scenario.Result) *rig {
	rig := newRig(t, nil)
	rig.engine.play = func(_ context.Context, s *scenario.Scenario, _ scenario.Options) scenario.Result {
		r.File, r.Name, r.Row = s.File, s.Name, s.Row
		return r
	}
	return rig
}

func TestScenarioRun(t *testing.T) {
	t.Parallel()
	file := playFile(t, playable)
	for _, row := range []struct {
		name string
		r    scenario.Result
		code int
		said string
	}{
		{"as written", scenario.Result{Passed: true}, 0, "PASS"},
		{"otherwise", scenario.Result{Failures: []scenario.Failure{{Where: "x:1: state", Wanted: "delivered", Got: "failed"}}}, exitViolated, "+ got     failed"},
		{"not to its end", scenario.Result{Error: "no server"}, exitFailed, "could not go on: no server"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := plays(t, row.r).do(t, "scenario run --no-build --json "+file)
			require.Equal(t, row.code, code, errs)
			require.Contains(t, errs, row.said)
			var got struct {
				Passed, Failed int
				Scenarios      []scenario.Result
			}
			require.NoError(t, json.Unmarshal([]byte(out), &got))
			require.Len(t, got.Scenarios, 1)
			require.Equal(t, "somebody orders", got.Scenarios[0].Name)
			require.Equal(t, 1, got.Passed+got.Failed)
		})
	}
}

func TestScenarioUsage(t *testing.T) {
	t.Parallel()
	bad := playFile(t, "name: x\nsteps:\n  - wish: {}\n")
	lacking := playFile(t, "name: x\nrow: x\nsteps:\n  - settle:\n")
	for line, want := range map[string]string{
		"scenario run":                           "which scenarios?",
		"scenario run x --all":                   "leave out --all",
		"scenario run --parallel 0 " + bad:       "--parallel 0: want at least 1",
		"scenario run --no-build " + bad:         "example.yaml:3: steps[1].wish: unknown key",
		"scenario check " + lacking:              "example.yaml:1: why: is missing",
		"scenario show " + bad:                   "example.yaml:3:",
		"scenario check nowhere.yaml":            "no such file",
		"scenario run --no-build --keep a b":     "no such file",
		"scenario run --tag nothing-of-the-kind": "no scenario has the tags nothing-of-the-kind",
	} {
		code, _, errs := newRig(t, nil).do(t, line)
		require.Equal(t, exitUsage, code, "%s: %s", line, errs)
		require.Contains(t, errs, want, line)
	}
}

func TestScenarioShowAndCheck(t *testing.T) {
	t.Parallel()
	file := playFile(t, playable)
	require.Contains(t, newRig(t, nil).succeeds(t, "scenario show "+file), "  1  order    a on meituan at qf-shop-0001\n  2  settle")
	require.Equal(t, "1 files are well written\n", newRig(t, nil).succeeds(t, "scenario check "+file))
	require.Contains(t, newRig(t, nil).succeeds(t, "scenario list"), "none", "the project's folder is elsewhere")
}

// A stop ends the run, whatever has come out so far.
func TestScenarioRunStops(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	r.ctx = ctx
	r.engine.play = func(context.Context, *scenario.Scenario, scenario.Options) scenario.Result {
		stop()
		return scenario.Result{Error: "context canceled"}
	}
	code, _, errs := r.do(t, "scenario run --no-build "+playFile(t, playable))
	require.Equal(t, exitStopped, code)
	require.Contains(t, errs, "stopped")
}

// scenarioVerbs work on files; `run` plays them.
var scenarioVerbs = []string{"scenario list", "scenario show", "scenario check", "scenario run"}

func TestWithJSONScenarioVerbsPrintOneJSONValue(t *testing.T) {
	t.Parallel()
	file := playFile(t, playable)
	for _, verb := range scenarioVerbs {
		line := verb + " --json"
		if verb != "scenario list" {
			line += " " + file
		}
		if verb == "scenario run" {
			line += " --no-build"
		}
		code, out, errs := plays(t, scenario.Result{Passed: true}).do(t, line)
		require.Zero(t, code, errs)
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(out), &object), out)
		require.NotEmpty(t, object)
	}
}
