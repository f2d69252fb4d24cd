package services

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAServiceThatEndsAsItStartsSaysWhy(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p, err := launch("broker", exec.Command("sh", "-c", "echo first; echo no disk >&2; exit 3"), 0, &log)
	require.NoError(t, err)
	err = p.await(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
	require.ErrorContains(t, err, "broker ended as it started")
	require.ErrorContains(t, err, "no disk")
	require.ErrorContains(t, err, "exit status 3")
	require.Equal(t, "broker: first\nbroker: no disk\n", log.String())
	require.True(t, p.ended())
}

func TestAServiceThatIsNeverReadyIsGivenUp(t *testing.T) {
	t.Parallel()
	p, err := launch("broker", exec.Command("sleep", "600"), 0, nil)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, p.await(ctx, func(ctx context.Context) error { return ctx.Err() }), context.Canceled)
	require.False(t, p.ended())
	p.kill()
	require.True(t, p.ended())
	p.kill() // again does nothing
}

func TestAProgramThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := launch("broker", exec.Command("/nowhere/broker"), 0, nil)
	require.ErrorContains(t, err, "start broker")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// The services of a process that is killed, which cannot tidy up, die too and the directory goes.
func TestAKilledProcessLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	victim := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this test program
	victim.Env = append(os.Environ(), envVictim+"="+dir)
	out, err := victim.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, victim.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	var leader, second int
	_, err = fmt.Sscan(line, &leader, &second)
	require.NoError(t, err, line)
	require.NoError(t, victim.Process.Kill())
	require.Error(t, victim.Wait())
	require.Eventually(t, func() bool {
		entries, err := os.ReadDir(dir)
		return err == nil && len(entries) == 0 && !runs(leader) && !runs(second)
	}, 20*time.Second, 10*time.Millisecond)
}

// runs says whether the process is there and not merely waiting to be reaped by whoever inherited it.
func runs(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return err != nil || !strings.Contains(string(stat), ") Z ")
}

func TestPortsAreNeighboursAndFree(t *testing.T) {
	t.Parallel()
	first, err := freePorts(t.Context(), 7)
	require.NoError(t, err)
	second, err := freePorts(t.Context(), 7)
	require.NoError(t, err)
	require.False(t, second < first+7 && first < second+7, "%d and %d overlap", first, second)
	taken, err := net.Listen("tcp", local(first+3))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, taken.Close()) })
	require.Error(t, allFree(t.Context(), first, 7))
	require.NoError(t, allFree(t.Context(), second, 7))
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	require.False(t, portTaken(nil))
	require.False(t, portTaken(errors.New("no disk")))
	require.True(t, portTaken(errors.New("bind: Address already in use")))
	require.True(t, portTaken(errors.New("java.net.BindException: no")))
}

func TestLockIsExclusive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = lock(ctx, path)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	unlock()
	again, err := lock(t.Context(), path)
	require.NoError(t, err)
	again()
}
