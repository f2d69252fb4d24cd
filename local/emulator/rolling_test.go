package emulator_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/emulator"
	"github.com/chuandao/qianfan/shared/clock"
)

// released is the latest release, the version N of a rolling upgrade: v0.1.0.
const released = "4dd9a11c580fe6d68dcf6039460259a0838f7a0f"

// functions in the order of a deployment.
var functions = []string{"settle", "report", "timeout", "dispatch", "quote", "callback", "intake"}

// The functions of the last release run on this version's schema and topics and are replaced
// one after the other while orders come; two are rolled back and deployed again. No order and
// no fen is lost on the way.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	old := buildRelease(t)
	code := map[string]string{}
	for _, f := range functions {
		code[f] = filepath.Join(old, "build", f)
	}
	// Only what both know: new platforms, carriers and modes are switched on when all functions are replaced.
	r := start(t, emulator.Options{Orders: 150, Rate: 1, Speed: 20, Faults: "standard", Seed: 5, Code: code, Mix: "meituan=100", Strategies: twoCarriers()})
	current := func(f string) string { return filepath.Join(root, "build", f) }
	deployed := make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { deployed <- r.roll(ctx, old, current) }()
	s := r.run()
	require.NoError(t, <-deployed)
	t.Logf("orders %+v attempts %+v messages %+v", s.Orders, s.Attempts, s.Messages)
	require.Equal(t, 150, s.Orders.Accepted)
	kept := s.Orders.Accepted - s.Faults["platform_cancel"]
	require.GreaterOrEqual(t, s.Orders.Delivered*10, kept*9)
	require.Empty(t, r.Meituan().Books().Violations)
}

// roll deploys every function, takes two back, and deploys them again, while orders are under way.
func (r *rig) roll(ctx context.Context, old string, current func(string) string) error {
	steps := []struct{ function, dir string }{}
	for _, f := range functions {
		steps = append(steps, struct{ function, dir string }{f, current(f)})
	}
	for _, f := range []string{"dispatch", "intake"} {
		steps = append(steps, struct{ function, dir string }{f, filepath.Join(old, "build", f)}, struct{ function, dir string }{f, current(f)})
	}
	for _, s := range steps {
		if err := clock.System.Sleep(ctx, 300*time.Millisecond); err != nil {
			return err
		}
		if err := r.Deploy(s.function, s.dir); err != nil {
			return err
		}
	}
	return nil
}

// buildRelease builds the functions of the last release from the history.
func buildRelease(t *testing.T) string {
	t.Helper()
	git := func(args ...string) *exec.Cmd {
		return exec.CommandContext(t.Context(), "git", append([]string{"-C", root}, args...)...)
	}
	if text, err := git("cat-file", "-e", released+"^{commit}").CombinedOutput(); err != nil {
		t.Skipf("the history has no %s, so the last release cannot be built (a shallow clone?): %v %s", released, err, text)
	}
	dir := t.TempDir()
	archive := filepath.Join(dir, "release.tar")
	require.NoError(t, git("archive", "--output", archive, released).Run())
	require.NoError(t, exec.CommandContext(t.Context(), "tar", "-xf", archive, "-C", dir).Run())
	for _, f := range functions {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join("build", f, "bootstrap"), "./functions/"+f+"/bootstrap")
		build.Dir = dir
		text, err := build.CombinedOutput()
		require.NoError(t, err, "%s", text)
	}
	return dir
}
