package fc

import (
	"bufio"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Frozen and warm instances must not outlive an emulator that was killed outright.
func TestNoInstanceOutlivesAKilledParent(t *testing.T) {
	t.Parallel()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentVariable+"="+code)
	stdout, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	lines := bufio.NewScanner(stdout)
	var pids []int
	for len(pids) < 2 && lines.Scan() {
		pid, err := strconv.Atoi(lines.Text())
		require.NoError(t, err, lines.Text())
		pids = append(pids, pid)
	}
	require.Len(t, pids, 2)
	for _, pid := range pids {
		require.NotEqual(t, "X", processState(pid))
	}
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait() // killed
	for _, pid := range pids {
		eventually(t, func() bool { s := processState(pid); return s == "X" || s == "Z" }, "the child is gone")
	}
}
