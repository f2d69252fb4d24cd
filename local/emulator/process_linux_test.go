package emulator_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chuandao/qianfan/shared/clock"
)

// program is the qianfan command, running in a process group and a temporary directory of its own.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	tmp    string
	exited chan error
	urls   struct {
		Gateway, Console string
	}
	rest bytes.Buffer // what it printed after the ready line
	log  syncBuffer
}

// qianfan runs the command until it says that everything answers.
func qianfan(t *testing.T, arguments ...string) *program {
	t.Helper()
	slot(t)
	// Short, because a socket's path is.
	tmp, err := os.MkdirTemp("", "qf-test-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(tmp)) })
	p := &program{t: t, tmp: tmp, exited: make(chan error, 1)}
	const free = "127.0.0.1:0"
	p.cmd = exec.CommandContext(context.Background(), command, append([]string{"up", "--json", "--no-build", "--gateway-addr", free, "--console-addr", free, "--rocketmq-addr", free}, arguments...)...)
	p.cmd.Dir = root
	p.cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	p.cmd.Stderr = &p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	lines := bufio.NewReader(out)
	first := make(chan []byte, 1)
	go func() {
		line, _ := lines.ReadBytes('\n')
		first <- line
		_, _ = io.Copy(&p.rest, lines)
		p.exited <- p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // after a test that failed; otherwise nobody is there
		if t.Failed() {
			t.Log(p.log.String())
		}
	})
	p.hear(first)
	return p
}

// hear reads the ready line.
func (p *program) hear(first <-chan []byte) {
	p.t.Helper()
	select {
	case line := <-first:
		var ready struct {
			Ready *struct {
				ReadyMS          int64 `json:"ready_ms"`
				Gateway, Console string
				RocketMQ         string
				Platforms        map[string]string
				Carriers         map[string]string
			}
		}
		require.NoError(p.t, json.Unmarshal(line, &ready), "%s", line)
		require.NotNil(p.t, ready.Ready, "%s", line)
		require.Positive(p.t, ready.Ready.ReadyMS)
		require.NotEmpty(p.t, ready.Ready.RocketMQ)
		require.Contains(p.t, ready.Ready.Platforms, "meituan")
		require.Contains(p.t, ready.Ready.Carriers, "uupt")
		require.Contains(p.t, ready.Ready.Carriers, "shansong")
		p.urls.Gateway, p.urls.Console = ready.Ready.Gateway, ready.Ready.Console
	case <-p.after(patience):
		require.Fail(p.t, "not ready")
	}
}

func (p *program) after(d time.Duration) <-chan struct{} {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	p.t.Cleanup(cancel)
	return ctx.Done()
}

// ended waits for its end.
func (p *program) ended() error {
	p.t.Helper()
	select {
	case err := <-p.exited:
		return err
	case <-p.after(patience):
		require.Fail(p.t, "still running")
		return nil
	}
}

// processes are those that carry the program's temporary directory in their command line or
// environment: the program itself, the SQL server and its guardian, and every function.
func (p *program) processes() []string {
	p.t.Helper()
	all, err := os.ReadDir("/proc")
	require.NoError(p.t, err)
	var found []string
	for _, entry := range all {
		if entry.Name()[0] < '0' || entry.Name()[0] > '9' {
			continue
		}
		commandLine, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "cmdline")) // it may have ended meanwhile
		environment, _ := os.ReadFile(filepath.Join("/proc", entry.Name(), "environ"))
		if bytes.Contains(append(commandLine, environment...), []byte(p.tmp)) {
			found = append(found, entry.Name()+" "+string(bytes.ReplaceAll(commandLine, []byte{0}, []byte{' '})))
		}
	}
	return found
}

// requireNothingLeft waits until no process and no directory is left.
func (p *program) requireNothingLeft() {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	for {
		left, err := os.ReadDir(p.tmp)
		require.NoError(p.t, err)
		running := p.processes()
		if len(left) == 0 && len(running) == 0 {
			return
		}
		if clock.System.Sleep(ctx, 20*time.Millisecond) != nil {
			require.Fail(p.t, "something is left behind", "directories %v\nprocesses %q", left, running)
		}
	}
}

// orders waits until so many orders were accepted.
func (p *program) orders(n int) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.urls.Console+"/api/status", nil)
		require.NoError(p.t, err)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(p.t, err)
		var status struct{ Orders struct{ Accepted int } }
		err = json.NewDecoder(resp.Body).Decode(&status)
		require.NoError(p.t, resp.Body.Close())
		require.NoError(p.t, err)
		if status.Orders.Accepted >= n {
			return
		}
		require.NoError(p.t, clock.System.Sleep(ctx, 20*time.Millisecond), "no orders")
	}
}

func TestInterruptLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	p := qianfan(t, "--orders=-1", "--rate", "2", "--speed", "10")
	p.orders(3)
	require.Greater(t, len(p.processes()), 8, "the program, the SQL server, seven functions")
	// Ctrl-C reaches the whole group of the terminal.
	require.NoError(t, syscall.Kill(-p.cmd.Process.Pid, syscall.SIGINT))
	require.NoError(t, p.ended(), "an endless run that is stopped has done what it should")
	p.requireNothingLeft()
}

func TestTerminateLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	p := qianfan(t, "--orders", "0")
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, p.ended())
	p.requireNothingLeft()
}

// kill -9 lets nobody tidy up: the children die with their parent, and guardians remove the directories.
func TestKillLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	p := qianfan(t, "--orders=-1", "--rate", "2", "--speed", "10")
	p.orders(3)
	require.NoError(t, p.cmd.Process.Kill())
	require.Error(t, p.ended())
	p.requireNothingLeft()
}

// A run with an end prints the summary as its last line and ends by itself.
func TestUpEndsWhenSettled(t *testing.T) {
	t.Parallel()
	p := qianfan(t, "--orders", "20", "--rate", "5", "--speed", "60", "--seed", "3", "--mix", "meituan=100", "--exit-when-settled")
	require.NoError(t, p.ended())
	var summary struct {
		Seed       int64
		Orders     struct{ Pushed, Delivered int }
		Ledger     struct{ Balanced bool }
		Books      struct{ Matched bool }
		Invariants struct {
			Checked  int
			Violated []string
		}
	}
	lines := bytes.Split(bytes.TrimSpace(p.rest.Bytes()), []byte("\n"))
	require.NoError(t, json.Unmarshal(lines[len(lines)-1], &summary), "%s", p.rest.Bytes())
	require.Equal(t, int64(3), summary.Seed)
	require.Equal(t, 20, summary.Orders.Pushed)
	require.Equal(t, 20, summary.Orders.Delivered)
	require.True(t, summary.Ledger.Balanced)
	require.True(t, summary.Books.Matched)
	require.NotZero(t, summary.Invariants.Checked)
	require.Empty(t, summary.Invariants.Violated)
	p.requireNothingLeft()
}
