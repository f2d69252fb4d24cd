package scenario_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/local/scenario"
)

// root of the project, seen from this package.
var root = filepath.Join("..", "..")

// TestMain builds the functions once; every scenario runs what was built.
func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if err := emulator.Build(context.Background(), root); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// running bounds how many emulators run side by side: each is a dozen processes.
var running = make(chan struct{}, 2)

// Every file comes out as it is written.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := scenario.Files(root)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			t.Parallel()
			s, err := scenario.Load(file)
			require.NoError(t, err)
			running <- struct{}{}
			defer func() { <-running }()
			r := scenario.Play(t.Context(), s, scenario.Options{Root: root, NoBuild: true})
			if !r.Passed {
				var b strings.Builder
				scenario.Report(&b, r)
				t.Log(r.Log)
				t.Fatal(b.String())
			}
			t.Logf("%d steps, %.2f s, %.0f s of virtual time", r.Steps, r.WallS, r.VirtualS)
		})
	}
}

// A scenario that comes out differently says what, where and how it came to that.
func TestPlayTellsWhatDiffers(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("does: [arrive, pick_up]", "does: deliver", "detail: place}", "detail: tip}").Replace(good)
	for _, row := range []struct{ name, old, wrong, where, wanted, got string }{
		{"state", "state: delivered\n", "state: cancelled\n", "wrong.yaml:17: expect.orders.a.state", "cancelled", "delivered"},
		{"attempts", "{carrier: uupt, state: delivered}", "{carrier: uupt, state: delivered, charged_fen: 801}", "wrong.yaml:17: expect.orders.a.attempts", "uupt delivered charged=801", "uupt delivered charged=800"},
		{"told", "told: [dispatching, assigned]", "told: [dispatching]", "wrong.yaml:17: expect.orders.a.told", "dispatching", "dispatching assigned arrived picked_up delivered"},
		{"ledger", "uupt\": 800", "uupt\": 900", "wrong.yaml:20: expect.ledger.expense:delivery:uupt", "900", "800"},
		{"a fault that never struck", "", "", "wrong.yaml:7: fault uupt call_timeout tip", "struck", "not struck 1 times"},
		{"a wait in vain", "{order: a, state: assigned}", "{order: a, state: returned, within: 1m}", "wrong.yaml:10: wait", "a is returned within 1m0s", "assigned"},
		{"an answer", "platform: meituan, as: a}", "platform: meituan, as: a, answer: refused}", "wrong.yaml:9: the push of a", "refused", "accepted"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			wrong := strings.Replace(text, "  - carrier: {name: uupt, of: a, does: deliver}\n", "  - rest:\n", 1)
			s, err := scenario.Parse("wrong.yaml", []byte(strings.Replace(wrong, row.old, row.wrong, 1)))
			require.NoError(t, err)
			running <- struct{}{}
			defer func() { <-running }()
			var progress strings.Builder
			r := scenario.Play(t.Context(), s, scenario.Options{Root: root, NoBuild: true, Progress: &progress})
			require.False(t, r.Passed)
			require.Empty(t, r.Error)
			require.Contains(t, r.Failures, scenario.Failure{Where: row.where, Wanted: row.wanted, Got: row.got})
			require.NotEmpty(t, r.Timeline)
			require.Contains(t, progress.String(), "14:00:00  order    a on meituan")
			var report strings.Builder
			scenario.Report(&report, r)
			require.Contains(t, report.String(), "- wanted  "+row.wanted)
		})
	}
}

// A scenario that is stopped ends at once, and leaves nothing running.
func TestPlayStops(t *testing.T) {
	t.Parallel()
	s, err := scenario.Parse("stopped.yaml", []byte(strings.Replace(good, "  - wait: {order: a, state: assigned}", "  - wait: {struck: no_rider}", 1)))
	require.NoError(t, err)
	running <- struct{}{}
	defer func() { <-running }()
	ctx, stop := context.WithCancel(t.Context())
	progress := watch{"order", stop}
	r := scenario.Play(ctx, s, scenario.Options{Root: root, NoBuild: true, Progress: progress})
	require.False(t, r.Passed)
	require.Less(t, r.WallS, 30.0)
}

// watch calls once something is written.
type watch struct {
	word string
	call func()
}

func (w watch) Write(p []byte) (int, error) {
	if strings.Contains(string(p), w.word) {
		w.call()
	}
	return len(p), nil
}
