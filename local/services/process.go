package services

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// tailLines of what a service printed go into the error when it fails.
const tailLines = 60

// process is a running service. Its one goroutine starts it, reads what it prints and waits for its end.
type process struct {
	name   string
	cmd    *exec.Cmd
	log    io.Writer
	exited chan struct{} // closed when the process has ended and been reaped

	mu   sync.Mutex
	tail []string // the last lines printed
	err  error    // how it ended
}

// launch starts a program in the process group, or in a new one when group is 0. It is killed when this process ends (where the
// kernel can do that), and is not bound to a context: kill ends it.
func launch(name string, cmd *exec.Cmd, group int, log io.Writer) (*process, error) {
	cmd.SysProcAttr = attributes()
	cmd.SysProcAttr.Pgid = group
	printed, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	cmd.Stdout, cmd.Stderr = write, write
	p := &process{name: name, cmd: cmd, log: log, exited: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// The kernel takes the end of the thread that started a child for the end of its parent: keep the thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		_ = write.Close() // the child has its own
		started <- err
		if err == nil {
			p.read(printed)
			p.reap()
		}
		_ = printed.Close()
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

func (p *process) reap() {
	err := p.cmd.Wait()
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	close(p.exited)
}

func (p *process) read(printed io.Reader) {
	lines := bufio.NewReader(printed)
	for {
		line, err := lines.ReadString('\n')
		// Java starts its log with a run of NULs when a file was cut under it.
		if line = strings.Trim(line, "\r\n\x00"); line != "" {
			p.print(line)
		}
		if err != nil {
			return // the process has ended, or closed its end
		}
	}
}

func (p *process) print(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tail = append(p.tail, line)
	p.tail = p.tail[max(0, len(p.tail)-tailLines):]
	if p.log != nil {
		fmt.Fprintf(p.log, "%s: %s\n", p.name, line)
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// ended tells whether the process is over.
func (p *process) ended() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// kill ends the process at once, as kill -9 does, and waits for its end.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // the only failure is that it has ended
	<-p.exited
}

// killGroup does the same to the whole group that the process leads.
func (p *process) killGroup() {
	if !p.ended() {
		_ = syscall.Kill(-p.pid(), syscall.SIGKILL) // the only failure is that it has ended
	}
	<-p.exited
}

// await runs ready until it returns; when the process ends first, ready's context ends. The error has the last lines printed.
func (p *process) await(ctx context.Context, ready func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-p.exited:
			cancel(fmt.Errorf("%s ended as it started", p.name))
		case <-ctx.Done():
		}
	})
	err := ready(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	cancel(nil)
	watch.Wait()
	if err != nil {
		return fmt.Errorf("%w; it printed:\n%s", err, p.printed())
	}
	return nil
}

func (p *process) printed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := strings.Join(p.tail, "\n")
	if p.err != nil {
		lines += fmt.Sprintf("\n(%v)", p.err)
	}
	return lines
}
