package fc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
)

// maxLine is where the platform cuts a log line.
const maxLine = 32 << 10

// spawner starts processes from one thread that lives as long as it does. A child that is to die with its parent (process_linux.go)
// is really bound to the thread that started it, and Go ends threads as it likes.
type spawner struct {
	starts  chan func()
	stopped chan struct{}
}

func newSpawner() *spawner {
	s := &spawner{starts: make(chan func()), stopped: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, after the last child
		defer close(s.stopped)
		for start := range s.starts {
			start()
		}
	}()
	return s
}

// stop ends the thread; every process must have ended.
func (s *spawner) stop() {
	close(s.starts)
	<-s.stopped
}

// process is a running child with a process group of its own.
type process struct {
	cmd    *exec.Cmd
	pid    int
	exited chan struct{} // closed after the process has ended and all it printed was handed on

	mu     sync.Mutex
	frozen bool
}

// spawn starts a process; log gets each line that it prints.
func (s *spawner) spawn(command []string, dir string, env []string, log func(line string)) (*process, error) {
	var oneAtATime sync.Mutex
	locked := func(line string) { oneAtATime.Lock(); defer oneAtATime.Unlock(); log(line) }
	stdout, stderr := &lineWriter{line: locked}, &lineWriter{line: locked}
	cmd := exec.Command(command[0], command[1:]...) //nolint:noctx // lives longer than the call that starts it; the spawner ends it
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, stdout, stderr
	cmd.SysProcAttr = attributes()
	cmd.WaitDelay = time.Second // for pipes that a grandchild keeps open
	started := make(chan error, 1)
	s.starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", command[0], err)
	}
	p := &process{cmd: cmd, pid: cmd.Process.Pid, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how it ended is in ProcessState
		stdout.flush()
		stderr.flush()
		close(p.exited)
	}()
	return p, nil
}

func (p *process) kill()   { p.signal(syscall.SIGKILL) }
func (p *process) freeze() { p.stopped(true, syscall.SIGSTOP) }
func (p *process) thaw()   { p.stopped(false, syscall.SIGCONT) }

// lastWords is how long a process that took too long may take to say what it was doing.
const lastWords = time.Second

// interrogate ends a process that took too long, and lets it print its goroutines first, as Go programs do: the platform would just
// kill it, but here somebody wants to know why.
func (p *process) interrogate() {
	p.thaw()
	p.signal(syscall.SIGQUIT)
	timer := clock.System.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-p.exited:
	case <-timer.C:
		p.kill()
	}
}

// ended tells whether the process is over.
func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

func (p *process) stopped(want bool, sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen != want {
		p.frozen = want
		p.signal(sig)
	}
}

// signal reaches the whole group, unless the process has ended: its number may be another's by then.
func (p *process) signal(sig syscall.Signal) {
	if !p.ended() {
		_ = syscall.Kill(-p.pid, sig) // the only failure is that it is gone
	}
}

func (p *process) state(inFlight int) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.frozen:
		return "frozen"
	case inFlight > 0:
		return "busy"
	}
	return "idle"
}

// how tells how the process ended.
func (p *process) how() string {
	<-p.exited
	return p.cmd.ProcessState.String()
}

// processEnvironment is the environment of a child: a clean one, with what a program cannot do without. Later maps win.
func processEnvironment(layers ...map[string]string) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TZ"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	for _, layer := range layers {
		for k, v := range layer {
			env = append(env, k+"="+v)
		}
	}
	return env
}

// lineWriter cuts a stream into lines. os/exec writes to it from one goroutine and has ended that before flush.
type lineWriter struct {
	line func(string)
	rest []byte
}

func (w *lineWriter) Write(b []byte) (int, error) {
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		w.rest = append(w.rest, b[:i]...)
		w.flushRest()
		b = b[i+1:]
	}
	w.rest = append(w.rest, b...)
	for len(w.rest) > maxLine {
		w.line(string(w.rest[:maxLine]))
		w.rest = append(w.rest[:0], w.rest[maxLine:]...)
	}
	return n, nil
}

func (w *lineWriter) flushRest() {
	for len(w.rest) > maxLine {
		w.line(string(w.rest[:maxLine]))
		w.rest = w.rest[maxLine:]
	}
	w.line(string(w.rest))
	w.rest = w.rest[:0]
}

// flush hands on a last line without an end.
func (w *lineWriter) flush() {
	if len(w.rest) > 0 {
		w.flushRest()
	}
}

var _ io.Writer = (*lineWriter)(nil)

var errNotReady = errors.New("the process ended before it was ready")
