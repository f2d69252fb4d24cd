package guardian_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/local/guardian"
)

func TestGuardianKillsAndRemoves(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "guarded")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "deep"), 0o700))
	child := exec.CommandContext(t.Context(), "sleep", "600")
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, child.Start())

	g, err := guardian.Start(dir)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(g.PID(), 0))
	g.Watch(child.Process.Pid)
	require.NoError(t, g.Release())
	require.NoDirExists(t, dir)
	require.ErrorContains(t, child.Wait(), "killed")
}

func TestGuardianSparesWhatIsGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), "cat")
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := child.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())

	g, err := guardian.Start(filepath.Join(dir, "guarded"))
	require.NoError(t, err)
	g.Watch(child.Process.Pid)
	g.Gone()
	require.NoError(t, g.Release())
	require.NoError(t, in.Close())
	require.NoError(t, child.Wait(), "it was killed")
}
