package sqlserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/chuandao/qianfan/shared/clock"
)

// readyLine is what both flavors print when they take connections.
const readyLine = "ready for connections"

// process is a running server. Its one goroutine starts it, reads what it prints and waits for its end.
type process struct {
	cmd    *exec.Cmd
	log    func(string)
	ready  chan struct{} // closed at readyLine
	exited chan struct{} // closed when the process has ended and been reaped

	mu   sync.Mutex
	tail []string // the last lines printed
	err  error    // how it ended
}

// tailLines of what a server printed go into the error when it fails.
const tailLines = 20

// launch starts the program in a process group of its own. It is killed when this process ends (where the kernel can do
// that) and is not bound to a context: stop ends it.
func launch(b Binary, args []string, log func(string)) (*process, error) {
	cmd := b.command(context.Background(), args...)
	cmd.SysProcAttr = childAttributes()
	p := &process{cmd: cmd, log: log, ready: make(chan struct{}), exited: make(chan struct{})}
	printed, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	started := make(chan error, 1)
	go func() {
		// The kernel takes the end of the thread that started a child for the end of its parent: keep the thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.read(printed)
		err = cmd.Wait()
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
		close(p.exited)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", b, err)
	}
	return p, nil
}

func (p *process) read(printed io.Reader) {
	lines := bufio.NewReader(printed)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			p.print(line)
		}
		if err != nil {
			return // the process has ended, or closed its end
		}
	}
}

func (p *process) print(line string) {
	p.mu.Lock()
	p.tail = append(p.tail, line)
	p.tail = p.tail[max(0, len(p.tail)-tailLines):]
	p.mu.Unlock()
	if p.log != nil {
		p.log(line)
	}
	if strings.Contains(line, readyLine) {
		select {
		case <-p.ready:
		default:
			close(p.ready)
		}
	}
}

// group is the process group's id, which is the process's.
func (p *process) group() int { return p.cmd.Process.Pid }

// awaitReady waits until the server takes connections; when it ends or ctx ends first, the error has its last lines.
func (p *process) awaitReady(ctx context.Context) error {
	select {
	case <-p.ready:
		return nil
	case <-p.exited:
		return p.failure(errors.New("the server ended as it started"))
	case <-ctx.Done():
		return p.failure(fmt.Errorf("waiting for the server to start: %w", ctx.Err()))
	}
}

func (p *process) failure(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		err = fmt.Errorf("%w: %w", err, p.err)
	}
	return fmt.Errorf("%w: it printed:\n%s", err, strings.Join(p.tail, "\n"))
}

// stop asks the server to end, waits that long, then kills it. The error says that it did not end well by itself.
func (p *process) stop(patience time.Duration) error {
	select {
	case <-p.ready:
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		timer := clock.System.NewTimer(patience)
		defer timer.Stop()
		select {
		case <-p.exited:
		case <-timer.C:
		}
	default: // one that is still starting may lose the signal
	}
	select {
	case <-p.exited:
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.err
	default:
	}
	_ = syscall.Kill(-p.group(), syscall.SIGKILL)
	<-p.exited
	return fmt.Errorf("the server did not end within %v and was killed", patience)
}
